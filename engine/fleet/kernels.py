"""The compiled part of the fleet: snap, link by node, link by cell, for many positions in one call.

Lists are doubly linked through arrays, so that a unit leaves one and enters another in constant time. A previous of
`_APART` marks what is in no list. Cells are found in a table of open addresses; a cell that all units have left keeps
its slot until half of the table is taken, then it is laid out anew from the units.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from engine.fleet.columns import Reason
from geo_data.compiled import inlined, kernel
from geo_data.snapping_kernels import StreetGrid, find_street, passed_ms
from geo_data.speeds import NEVER

_APART = -2
_TAKEN = int(Reason.TAKEN)
_OLDER = int(Reason.OLDER)
_OFF_ROAD = int(Reason.OFF_ROAD)
_NOT_A_POSITION = int(Reason.NOT_A_POSITION)
_FUTURE = int(Reason.FUTURE)
_UNKNOWN_ROW = int(Reason.UNKNOWN_ROW)
# The casts are for the type checker alone: numba sees the two numpy types.
word = cast("Callable[[object], int]", np.uint64)
whole = cast("Callable[[object], int]", np.int64)
_SPREAD = word(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: Fibonacci hashing
_HALF = word(32)
_EMPTY = word(0)


class Weights(NamedTuple):
    """What the fleet needs of the network, int32 (m,): heads, reverse arcs, milliseconds."""

    head: NDArray[np.int32]
    reverse: NDArray[np.int32]
    ms: NDArray[np.int32]


class Places(NamedTuple):
    """The columns that a move writes, of full capacity; see `engine.fleet.columns.FleetView`."""

    arc: NDArray[np.int32]
    fraction: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    heading_deg: NDArray[np.float64]
    fixed_at: NDArray[np.int64]
    cell: NDArray[np.uint64]
    first_at_node: NDArray[np.int32]
    next_entry: NDArray[np.int32]
    previous_entry: NDArray[np.int32]
    entry_ms: NDArray[np.int32]


class Cells(NamedTuple):
    """Units by cell. Table of ``t`` slots, a power of two at least four times the capacity.

    ``key`` uint64 (t,), 0 where free; ``first`` int32 (t,); ``used`` int64 (1,); ``slot, next, previous`` int32 by
    unit, slot -1 where the unit has no cell.
    """

    key: NDArray[np.uint64]
    first: NDArray[np.int32]
    used: NDArray[np.int64]
    slot: NDArray[np.int32]
    next: NDArray[np.int32]
    previous: NDArray[np.int32]


@inlined
def _link(places: Places, entry: int, node: int) -> None:
    first = places.first_at_node[node]
    places.next_entry[entry] = first
    places.previous_entry[entry] = -1
    if first >= 0:
        places.previous_entry[first] = entry
    places.first_at_node[node] = entry


@inlined
def _unlink(places: Places, entry: int, node: int) -> None:
    before, after = places.previous_entry[entry], places.next_entry[entry]
    if before == _APART:
        return
    if before >= 0:
        places.next_entry[before] = after
    else:
        places.first_at_node[node] = after
    if after >= 0:
        places.previous_entry[after] = before
    places.previous_entry[entry] = _APART


@inlined
def _leave(weights: Weights, places: Places, unit: int) -> None:
    """Take a unit out of the lists of its arc's ends."""
    arc = places.arc[unit]
    if arc >= 0:
        _unlink(places, 2 * unit, weights.head[arc])
        back = weights.reverse[arc]
        if back >= 0:
            _unlink(places, 2 * unit + 1, weights.head[back])


@inlined
def _enter(weights: Weights, places: Places, unit: int) -> None:
    """Put a unit into the lists of its arc's ends, where they are not in already, with its times to them."""
    arc = places.arc[unit]
    for side in range(2):
        on = arc if side == 0 else weights.reverse[arc]
        if on >= 0 and weights.ms[on] < NEVER:
            entry = 2 * unit + side
            here = places.fraction[unit] if side == 0 else 1.0 - places.fraction[unit]
            places.entry_ms[entry] = weights.ms[on] - passed_ms(weights.ms[on], here)
            if places.previous_entry[entry] == _APART:
                _link(places, entry, weights.head[on])


@kernel
def link_all(weights: Weights, places: Places, units: int) -> None:
    """Lay out the lists by node anew, after the weights were exchanged."""
    places.first_at_node[:] = -1
    places.previous_entry[:] = _APART
    places.next_entry[:] = -1
    for unit in range(units):
        if places.arc[unit] >= 0:
            _enter(weights, places, unit)


@inlined
def _slot_of(cells: Cells, cell: int) -> int:
    """Return the slot of a cell, or the free one where it would stand."""
    mask = len(cells.key) - 1
    slot = whole((cell * _SPREAD) >> _HALF) & mask
    while cells.key[slot] != _EMPTY and cells.key[slot] != cell:
        slot = (slot + 1) & mask
    return slot


@inlined
def _put(cells: Cells, unit: int, cell: int) -> None:
    slot = _slot_of(cells, cell)
    if cells.key[slot] == _EMPTY:
        cells.key[slot] = cell
        cells.first[slot] = -1
        cells.used[0] += 1
    first = cells.first[slot]
    cells.slot[unit], cells.next[unit], cells.previous[unit] = slot, first, -1
    if first >= 0:
        cells.previous[first] = unit
    cells.first[slot] = unit


@inlined
def _take(cells: Cells, unit: int) -> None:
    if cells.slot[unit] < 0:
        return
    before, after = cells.previous[unit], cells.next[unit]
    if before >= 0:
        cells.next[before] = after
    else:
        cells.first[cells.slot[unit]] = after
    if after >= 0:
        cells.previous[after] = before


@kernel
def _lay_out(cells: Cells, cell_of: NDArray[np.uint64]) -> None:
    """Fill the table anew from the units' cells."""
    cells.key[:] = _EMPTY
    cells.used[0] = 0
    for unit in range(len(cells.slot)):
        if cells.slot[unit] >= 0:
            _put(cells, unit, cell_of[unit])


@kernel
def fill_cells(cells: Cells, cell_of: NDArray[np.uint64]) -> None:
    """Put every unit that has a cell into an empty table."""
    for unit in range(len(cell_of)):
        if cell_of[unit] != _EMPTY:
            _put(cells, unit, cell_of[unit])


@inlined
def _settle(cells: Cells, places: Places, unit: int, cell: int) -> None:
    """Move a unit to the list of its cell."""
    if cells.slot[unit] >= 0 and places.cell[unit] == cell:
        return
    if 2 * cells.used[0] >= len(cells.key):
        _lay_out(cells, places.cell)
    _take(cells, unit)
    places.cell[unit] = cell
    _put(cells, unit, cell)


@kernel
def move_units(
    weights: Weights,
    grid: StreetGrid,
    places: Places,
    cells: Cells,
    units: int,
    rows: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    at: NDArray[np.int64],
    heading_deg: NDArray[np.float64],
    cell: NDArray[np.uint64],
    latest_at: int,
    noise_m: float,
    limit_m: float,
    reason: NDArray[np.int8],
    distance_m: NDArray[np.float64],
) -> None:
    """Take each position in order, or write down why not; ``distance_m`` is to the street, infinite where not taken."""
    frame = grid.frame
    for i in range(len(rows)):
        unit = rows[i]
        distance_m[i] = math.inf
        if unit < 0 or unit >= units:
            reason[i] = _UNKNOWN_ROW
        elif not (abs(lon[i]) <= 180.0 and abs(lat[i]) <= 90.0):
            reason[i] = _NOT_A_POSITION
        elif at[i] > latest_at:
            reason[i] = _FUTURE
        elif at[i] < places.fixed_at[unit]:
            reason[i] = _OLDER
        else:
            x, y = (lon[i] - frame[0]) * frame[2], (lat[i] - frame[1]) * frame[3]
            last_arc = places.arc[unit]
            arc, fraction, away_m = find_street(grid, x, y, heading_deg[i], last_arc, noise_m, limit_m)
            if arc < 0:
                reason[i] = _OFF_ROAD
                continue
            reason[i], distance_m[i] = _TAKEN, away_m
            places.lon[unit], places.lat[unit], places.heading_deg[unit] = lon[i], lat[i], heading_deg[i]
            places.fixed_at[unit] = at[i]
            if arc != last_arc:
                _leave(weights, places, unit)
            places.arc[unit], places.fraction[unit] = arc, fraction
            _enter(weights, places, unit)
            _settle(cells, places, unit, cell[i])


@kernel
def count_by_first(
    bits: NDArray[np.uint64],
    status: NDArray[np.int8],
    arc: NDArray[np.int32],
    fixed_at: NDArray[np.int64],
    mask: int,
    ready: int,
    fresh_after: int,
    of_status: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Count units by the first thing that they lack, into int64 (r,).

    In this order: 0, some bit of ``mask``; ``of_status[status]``, where that is not -1; then, in the last three places,
    the bit ``ready``, a place on the roads, a position no older than ``fresh_after``. Who lacks nothing is not counted.
    """
    last = len(counts)
    for unit in range(len(bits)):
        if bits[unit] & mask != mask:
            counts[0] += 1
        elif of_status[status[unit]] >= 0:
            counts[of_status[status[unit]]] += 1
        elif bits[unit] & ready == _EMPTY:
            counts[last - 3] += 1
        elif arc[unit] < 0:
            counts[last - 2] += 1
        elif fixed_at[unit] < fresh_after:
            counts[last - 1] += 1


@kernel
def price_age(
    fixed_at: NDArray[np.int64], fresh_after: int, ms_per_s: int, most_ms: int, out: NDArray[np.int32]
) -> int:
    """Write what the age of each position counts, ``ms_per_s`` a second from ``fresh_after`` back; return the most.

    ``out`` is int32 (U,); no entry is above ``most_ms``, which an age of whatever length must not overflow.
    """
    greatest = 0
    longest_ms = most_ms * 1000 // ms_per_s
    for unit in range(len(fixed_at)):
        counted = 0
        if fixed_at[unit] < fresh_after:
            counted = min(fresh_after - fixed_at[unit], longest_ms) * ms_per_s // 1000
            greatest = max(greatest, counted)
        out[unit] = counted
    return greatest


@kernel
def find_in_cells(cells: Cells, wanted: NDArray[np.uint64], rows: NDArray[np.int32]) -> int:
    """Write the rows of all units in some distinct cells; return how many."""
    count = 0
    for cell in wanted:
        slot = _slot_of(cells, cell)
        if cells.key[slot] == cell and cell != _EMPTY:
            unit = cells.first[slot]
            while unit >= 0:
                rows[count] = unit
                count += 1
                unit = cells.next[unit]
    return count
