"""The fleet: everyone's columns, kept.

A row is given on `Fleet.add` and stays. Positions come in by `Fleet.move`, many in one compiled call: snapping, the
lists by node, the lists by H3 cell. A position older than the known one, too far from a street, or no position at all
changes nothing, has its reason in the answer and is counted in ``counts``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.fleet.columns import COLUMNS, MOST_CAPABILITIES, NEVER_FIXED, READY, STATUS_CODE, FleetView, Reason
from engine.fleet.positions import Positions, pack_positions, unpack_positions
from engine.model.entities import Unit
from engine.model.errors import Refusal
from engine.model.ids import UnitId
from engine.model.lifecycle import UnitStatus
from geo_data.cells import cells_of
from geo_data.crossing import crossing
from geo_data.road_network import RoadNetwork
from geo_data.snapping import LIMIT_M, NOISE_M, Snapper
from geo_data.speeds import NEVER, travel_ms

CELL_RESOLUTION = 9
"""H3 resolution of the lists by cell: about 0.1 square kilometres."""
MOST_UNITS = 200_000
MOST_TURNOUT_MS = 24 * 3_600_000
_NO_LATEST = (1 << 62) - 1
_FIRST_CAPACITY = 64


@dataclass(frozen=True, slots=True)
class Moves:
    """What came of ``c`` positions.

    Attributes
    ----------
    reason
        int8 (c,), `Reason`; 0 where the position was taken.
    distance_m
        float64 (c,), from the position to the street it was put on; infinite where it was not taken.
    """

    reason: NDArray[np.int8]
    distance_m: NDArray[np.float64]


class Fleet(FleetView):
    """Everyone's columns, living.

    Parameters
    ----------
    network, arc_ms
        The streets and int32 (m,) milliseconds by arc, `NEVER` where closed.
    snapper
        Finds the streets that units stand on.
    limit_m
        How far from a street a position may be.
    capacity
        How many units there may be at most.

    Attributes
    ----------
    counts
        How many positions came to each `Reason`, by its name in lower case, since the fleet was made.
    """

    def __init__(
        self,
        network: RoadNetwork,
        arc_ms: NDArray[np.int32],
        snapper: Snapper,
        limit_m: float = LIMIT_M,
        capacity: int = MOST_UNITS,
    ) -> None:
        from engine.fleet import kernels  # noqa: PLC0415 - numba, wanted once there is a network

        self._kernels = kernels
        self._network, self._snapper, self._limit_m, self._capacity = network, snapper, limit_m, capacity
        self.ids, self._row, self._bit, self.teams = [], {}, {}, []
        self.counts: dict[str, int] = {reason.name.lower(): 0 for reason in Reason}
        self._table: dict[str, NDArray[Any]] = {name: np.empty(0, column[0]) for name, column in COLUMNS.items()}
        self._previous_entry = np.empty(0, np.int32)
        self.first_at_node = np.full(network.n_nodes, -1, np.int32)
        self._check_times(arc_ms)
        self._weights = kernels.Weights(
            np.array(network.arc_head, np.int32), np.array(network.arc_reverse, np.int32), np.array(arc_ms, np.int32)
        )
        self._grow(_FIRST_CAPACITY)
        self._look()

    def add(self, units: Sequence[Unit], now: int) -> Moves:
        """Take in units, or take over what changed of known ones; new ones stand where their configuration says.

        Returns
        -------
        Moves
            What came of each unit's starting position, in the order of ``units``; all taken for known units.

        Raises
        ------
        Refusal
            When there are too many units or capabilities, or a turnout is out of range; nothing is changed then.
        """
        self._check(units)
        self.know(name for unit in units for name in unit.capabilities)
        fresh = [i for i, unit in enumerate(units) if unit.id not in self._row]
        for i in fresh:
            self._row[units[i].id] = len(self.ids)
            self.ids.append(units[i].id)
        self._grow(len(self.ids))
        self._look()
        for i in fresh:
            self.status[self._row[units[i].id]] = STATUS_CODE[
                UnitStatus.AVAILABLE if units[i].on_duty else UnitStatus.OFF_DUTY
            ]
        for unit in units:
            row = self._row[unit.id]
            self.turnout_ms[row] = unit.turnout_ms
            if unit.team and unit.team not in self.teams:
                self.teams.append(unit.team)
            self.team[row] = self.teams.index(unit.team) if unit.team else -1
            self._set_bits(row, self.capability_mask(unit.capabilities))
        moves = Moves(np.zeros(len(units), np.int8), np.zeros(len(units)))
        if not fresh:
            return moves
        rows = np.array([self._row[units[i].id] for i in fresh], np.int64)
        lon, lat = np.array([units[i].lon for i in fresh]), np.array([units[i].lat for i in fresh])
        done = self._move(rows, lon, lat, np.full(len(fresh), now), np.full(len(fresh), np.nan), _NO_LATEST)
        moves.reason[fresh], moves.distance_m[fresh] = done.reason, done.distance_m
        return moves

    def know(self, names: Iterable[str]) -> None:
        """Take in capabilities that units may come to have.

        Raises
        ------
        Refusal
            When there are too many of them; nothing is changed then.
        """
        fresh = [name for name in dict.fromkeys(names) if name not in self._bit]
        if len(self._bit) + len(fresh) > MOST_CAPABILITIES:
            total = len(self._bit) + len(fresh)
            raise Refusal("too_many_capabilities", "units.capabilities", total, MOST_CAPABILITIES)
        for name in fresh:
            self._bit[name] = 1 << len(self._bit)

    def set_status(self, index: int, status: UnitStatus, divertible: int = 0) -> None:
        """Say what a unit is doing, and off an order of which level it may be taken; ready only while available."""
        self.status[index] = STATUS_CODE[status]
        self.divertible[index] = divertible
        self._set_bits(index, int(self.bits[index]) & (READY - 1))

    def man(self, index: int, people: int, sworn: int) -> None:
        """Say how many are in a unit, and how many sworn officers among them."""
        self.people[index], self.sworn[index] = people, sworn

    def move(
        self,
        indices: ArrayLike,
        lon: ArrayLike,
        lat: ArrayLike,
        at: ArrayLike,
        heading_deg: ArrayLike | None = None,
        *,
        latest_at: int = _NO_LATEST,
    ) -> Moves:
        """Take positions, in order, in one compiled call.

        On 74,000 nodes a position costs 2.4 microseconds, 1 of them for snapping and 0.5 for the H3 cell; a call for
        a single one costs 22.

        Parameters
        ----------
        indices
            The units' rows, (c,); one may come more than once.
        lon, lat
            Degrees WGS-84, (c,).
        at
            When each was true, ms since the epoch, (c,). Older ones than the known are not taken, equal ones are.
        heading_deg
            Degrees clockwise from north, (c,), NaN where unknown.
        latest_at
            Positions dated after it are not taken: a clock that runs ahead must not shut out what comes later.
        """
        rows = np.array(indices, np.int64)
        heading = np.full(len(rows), np.nan) if heading_deg is None else np.array(heading_deg, np.float64)
        lons, lats, instants = np.array(lon, np.float64), np.array(lat, np.float64), np.array(at, np.int64)
        moves = self._move(rows, lons, lats, instants, heading, latest_at)
        self.reported[rows[moves.reason == Reason.TAKEN]] = True
        for code, count in enumerate(np.bincount(moves.reason, minlength=len(Reason)).tolist()):
            self.counts[Reason(code).name.lower()] += count
        return moves

    def in_cells(self, cells: ArrayLike) -> NDArray[np.int32]:
        """Return the rows of the units whose position lies in any of these H3 cells, in ascending order."""
        rows = np.empty(len(self), np.int32)
        wanted = np.unique(np.asarray(cells, np.uint64))
        count = self._kernels.find_in_cells(self._cells, wanted, rows)
        return np.sort(rows[:count])

    def only(self, rows: Sequence[int]) -> FleetView:
        """Return a copy of some units' columns, as if there were nobody else; rows count from 0 in the order given."""
        view = self._copy_of(rows)
        view.first_at_node = np.full(self._network.n_nodes, -1, np.int32)
        view.next_entry[:] = -1
        weights = self._weights
        for row in np.flatnonzero(view.arc >= 0).tolist():
            for side, on in enumerate((int(view.arc[row]), int(weights.reverse[view.arc[row]]))):
                if on >= 0 and weights.ms[on] < NEVER:
                    entry, node = 2 * row + side, int(weights.head[on])
                    view.next_entry[entry] = view.first_at_node[node]
                    view.first_at_node[node] = entry
        return view

    def reweigh(self, arc_ms: NDArray[np.int32]) -> None:
        """Exchange the travel times, as after a closure: units' times to the ends of their arcs follow.

        ``arc_ms`` is not copied and must not change.
        """
        self._check_times(arc_ms)
        self._weights = self._weights._replace(ms=arc_ms)
        self._kernels.link_all(self._weights, self._places, len(self))

    def checkpoint(self) -> bytes:
        """Return all positions that units have sent, each with the instant it was true."""
        rows = np.flatnonzero(self.reported)
        return pack_positions(
            Positions(
                [str(self.ids[row]) for row in rows.tolist()],
                self.lon[rows],
                self.lat[rows],
                self.heading_deg[rows],
                self.fixed_at[rows],
            )
        )

    def restore(self, content: bytes) -> int:
        """Take positions from a checkpoint, at their true age; return how many were taken.

        A position wins over a configured start, whatever its age, and over an older one that was sent. Those of units
        that are no longer known are left out.

        Raises
        ------
        Refusal
            When the checkpoint is broken; nothing is changed then.
        """
        saved = unpack_positions(content)
        known = np.array([i for i, name in enumerate(saved.ids) if name in self._row], np.int64)
        rows = np.array([self._row[saved.ids[i]] for i in known.tolist()], np.int64)
        self.fixed_at[rows[~self.reported[rows]]] = NEVER_FIXED
        moves = self.move(rows, saved.lon[known], saved.lat[known], saved.fixed_at[known], saved.heading_deg[known])
        return int(np.count_nonzero(moves.reason == Reason.TAKEN))

    def _move(
        self,
        rows: NDArray[np.int64],
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
        at: NDArray[np.int64],
        heading_deg: NDArray[np.float64],
        latest_at: int,
    ) -> Moves:
        moves = Moves(np.empty(len(rows), np.int8), np.empty(len(rows)))
        real = (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
        cells = cells_of(np.where(real, lon, 0.0), np.where(real, lat, 0.0), CELL_RESOLUTION)
        self._kernels.move_units(
            self._weights,
            self._snapper.grid,
            self._places,
            self._cells,
            len(self),
            rows,
            lon,
            lat,
            at,
            heading_deg,
            cells,
            int(latest_at),
            NOISE_M,
            float(self._limit_m),
            moves.reason,
            moves.distance_m,
        )
        return moves

    def _set_bits(self, row: int, capabilities: int) -> None:
        ready = READY if self.status[row] == STATUS_CODE[UnitStatus.AVAILABLE] else 0
        self.bits[row] = np.uint64(capabilities | ready)

    def _check(self, units: Sequence[Unit]) -> None:
        total = len({unit.id for unit in units} | set(self._row))
        if total > self._capacity:
            raise Refusal("too_many_units", "units", total, self._capacity)
        for i, unit in enumerate(units):
            if not 0 <= unit.turnout_ms <= MOST_TURNOUT_MS:
                raise Refusal("out_of_range", f"units[{i}].turnout_ms", unit.turnout_ms, f"0 to {MOST_TURNOUT_MS}")

    def _check_times(self, arc_ms: NDArray[np.int32]) -> None:
        if arc_ms.shape != (self._network.n_arcs,):
            raise Refusal("wrong_shape", "arc_ms", arc_ms.shape, f"({self._network.n_arcs},), one time by arc")

    def _grow(self, units: int) -> None:
        """Make room for so many units, at least twice the room there was."""
        old = len(self._table["bits"])
        if units <= old:
            return
        room = max(units, 2 * old, _FIRST_CAPACITY)
        for name, (dtype, each, empty) in COLUMNS.items():
            wider: NDArray[Any] = np.full(each * room, empty, dtype)
            wider[: each * old] = self._table[name][: each * old]
            self._table[name] = wider
        previous = np.full(2 * room, -2, np.int32)
        previous[: 2 * old] = self._previous_entry
        self._previous_entry = previous
        own: dict[str, NDArray[Any]] = {"first_at_node": self.first_at_node, "previous_entry": self._previous_entry}
        places = self._kernels.Places
        self._places = places(**{name: own[name] if name in own else self._table[name] for name in places._fields})
        slots = 1 << (4 * room - 1).bit_length()
        self._cells = self._kernels.Cells(
            np.zeros(slots, np.uint64),
            np.full(slots, -1, np.int32),
            np.zeros(1, np.int64),
            np.full(room, -1, np.int32),
            np.full(room, -1, np.int32),
            np.full(room, -1, np.int32),
        )
        self._kernels.fill_cells(self._cells, self._table["cell"])

    def _look(self) -> None:
        """Point the view at the rows that are in use."""
        for name, (_, each, _) in COLUMNS.items():
            setattr(self, name, self._table[name][: each * len(self.ids)])


def warm() -> None:
    """Compile every kernel of snapping and the fleet, or load it from the cache, on the smallest network."""
    from engine.fleet import kernels  # noqa: PLC0415 - as above

    network = crossing()
    snapper = Snapper(network)
    snapper.snap(0.0003, 0.0, heading_deg=90.0)
    snapper.snap_many([0.0003], [0.0])
    arc_ms = travel_ms(network)
    fleet = Fleet(network, arc_ms, snapper)
    fleet.add([Unit(id=UnitId("A1"), name="A1", capabilities=("patrol",), lon=0.0003, lat=0.0)], 0)
    fleet.in_cells(fleet.cell)
    kernels.count_by_first(
        fleet.bits,
        fleet.status,
        fleet.arc,
        fleet.fixed_at,
        kernels.word(0),
        kernels.word(READY),
        0,
        np.full(len(STATUS_CODE), -1, np.int64),
        np.zeros(4, np.int64),
    )
    kernels.price_age(fleet.fixed_at, 0, 1, 1, np.empty(len(fleet), np.int32))
    fleet.reweigh(np.minimum(arc_ms, NEVER))
