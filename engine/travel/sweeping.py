"""Many times at once: from a few dozen places up the hierarchy, and down to all others in one sweep.

The ranks above the other places, from the top down, are a walk through the elimination tree in which each rank's
upper neighbours are the last ones met at their depth. So the times of all lanes stand by depth alone, in the nearest
caches, and a slot costs one read for all of them. After RPHAST (D. Delling, A. Goldberg, R. Werneck, Faster
Batched Shortest Paths in Road Networks, ATMOS 2011), on the elimination tree.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.travel.ascending import ascend, lay_path, parent_of
from engine.travel.queries import along_street
from engine.travel.search import Streets
from engine.travel.supergraph import Supergraph
from geo_data.compiled import kernel, making_arrays
from geo_data.speeds import NEVER

LANES = 32
"""Places climbed from at once: two vector registers of the widest kind; with 64 a pair costs the same."""


class Ends(NamedTuple):
    """Where ``c`` places meet the nodes, int32 (c, 2): ranks, -1 for none, and the milliseconds between."""

    rank: NDArray[np.int32]
    ms: NDArray[np.int32]


class Sweep(NamedTuple):
    """What a sweep writes: ``ms, path`` int32 (n,), ``row`` int32 (n,) all -1 between sweeps.

    ``held`` uint32 (h, `LANES`): times on the ways up, by row; ``level`` uint32 (d, `LANES`): the last times by depth.
    """

    ms: NDArray[np.int32]
    path: NDArray[np.int32]
    row: NDArray[np.int32]
    held: NDArray[np.uint32]
    level: NDArray[np.uint32]


@making_arrays
def depths(graph: Supergraph) -> tuple[NDArray[np.int16], int]:
    """Return each slot's upper neighbour's number of ancestors, int16 (a,), and the most that any rank has.

    Separators of half a million nodes would be wanted to pass 32,767.
    """
    n = len(graph.rank)
    depth = np.zeros(n, np.int32)
    most = 0
    for rank in range(n - 1, -1, -1):
        parent = parent_of(graph, rank)
        if parent >= 0:
            depth[rank] = depth[parent] + 1
            most = max(most, depth[rank])
    out = np.empty(len(graph.head), np.int16)
    for slot in range(len(graph.head)):
        out[slot] = depth[graph.head[slot]]
    return out, most


@making_arrays
def needed_ranks(graph: Supergraph, ends: Ends) -> NDArray[np.int32]:
    """Return the ranks of places' ends and all above them, descending."""
    n = len(graph.rank)
    needed = np.zeros(n, np.bool_)
    count = 0
    for i in range(len(ends.rank)):
        for side in range(2):
            rank = ends.rank[i, side]
            while rank >= 0 and not needed[rank]:
                needed[rank] = True
                count += 1
                rank = parent_of(graph, rank)
    out = np.empty(count, np.int32)
    at = 0
    for rank in range(n - 1, -1, -1):
        if needed[rank]:
            out[at] = rank
            at += 1
    return out


@making_arrays
def _hold(
    graph: Supergraph, sideways: NDArray[np.int32], sweep: Sweep, lanes: Ends, first: int, count: int
) -> NDArray[np.int32]:
    """Climb from each lane's place; return the ranks whose times are held."""
    touched = np.empty(len(sweep.held), np.int32)
    rows = 0
    for lane in range(count):
        low, other = lanes.rank[first + lane, 0], lanes.rank[first + lane, 1]
        size = lay_path(graph, low, other, sweep.ms, sweep.path)
        if low >= 0:
            sweep.ms[low] = lanes.ms[first + lane, 0]
        if other >= 0:
            sweep.ms[other] = min(sweep.ms[other], lanes.ms[first + lane, 1])
        ascend(graph, sideways, sweep.ms, sweep.path, size)
        for i in range(size):
            rank = sweep.path[i]
            if sweep.row[rank] < 0:
                sweep.row[rank] = rows
                sweep.held[rows, :] = NEVER
                touched[rows] = rank
                rows += 1
            sweep.held[sweep.row[rank], lane] = sweep.ms[rank]
    return touched[:rows]


@making_arrays
def sweep_tile(
    graph: Supergraph,
    upwards: NDArray[np.int32],
    downwards: NDArray[np.int32],
    head_depth: NDArray[np.int16],
    sweep: Sweep,
    lanes: Ends,
    first: int,
    count: int,
    needed: NDArray[np.int32],
    others: Ends,
    order: NDArray[np.int32],
    out: NDArray[np.int32],
) -> None:
    """Write the times between ``count`` places, from ``lanes[first]`` on, and all ``others`` into the tile.

    Parameters
    ----------
    upwards, downwards
        int32 (a,), the slots' times for the climb and for the sweep.
    needed
        `needed_ranks` of the others.
    order
        int32 (2 c,), the others' ends ``2 i + side`` by rank, descending.
    out
        int32 (c, count), others by lanes; lowered where the way found is shorter.
    """
    touched = _hold(graph, upwards, sweep, lanes, first, count)
    level = sweep.level
    lanes_wide = level.shape[
        1
    ]  # a constant would be unrolled before the compiler looks for vectors: three times slower
    now = np.empty(lanes_wide, np.uint32)
    at = 0
    for rank in needed:
        row = sweep.row[rank]
        for lane in range(lanes_wide):
            now[lane] = NEVER if row < 0 else sweep.held[row, lane]
        begin, end = graph.first[rank], graph.first[rank + 1]
        for slot in range(begin, end):
            ms, depth = np.uint32(downwards[slot]), head_depth[slot]
            for lane in range(lanes_wide):
                now[lane] = min(now[lane], np.uint32(ms + level[depth, lane]))
        # A root stands at depth 0, any other rank one below its parent, its first upper neighbour.
        depth = head_depth[begin] + 1 if begin < end else 0
        for lane in range(lanes_wide):
            level[depth, lane] = now[lane]
        while at < len(order) and others.rank[order[at] >> 1, order[at] & 1] == rank:
            place, ms = order[at] >> 1, others.ms[order[at] >> 1, order[at] & 1]
            for lane in range(count):
                out[place, lane] = min(out[place, lane], now[lane] + ms)
            at += 1
    for rank in touched:
        sweep.row[rank] = -1


@kernel
def along_streets(
    streets: Streets,
    from_arcs: NDArray[np.int32],
    from_fractions: NDArray[np.float64],
    to_arcs: NDArray[np.int32],
    to_fractions: NDArray[np.float64],
    out: NDArray[np.int32],
) -> None:
    """Lower the times between places on one street to the way along it."""
    for i in range(len(from_arcs)):
        arc, back = from_arcs[i], streets.reverse[from_arcs[i]]
        for j in range(len(to_arcs)):
            if to_arcs[j] == arc or to_arcs[j] == back:
                ms, _ = along_street(streets, arc, from_fractions[i], to_arcs[j], to_fractions[j])
                out[i, j] = min(out[i, j], ms)
