"""The way itself from the hierarchy: up from both ends to where they meet, then every shortcut taken apart.

A shortcut is either an arc of its own time, or a lower triangle's two legs: the time it was given by customising
tells which. Where several fit, the lowest arc, then the lowest rank.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.travel.ascending import lay_path
from engine.travel.customising import Metric, Ways, find_slot
from engine.travel.queries import along_street
from engine.travel.search import LONGEST_MS, UNREACHABLE, Streets
from engine.travel.supergraph import Supergraph
from geo_data.compiled import inlined, kernel, making_arrays
from geo_data.snapping_kernels import passed_ms
from geo_data.speeds import NEVER


class Trail(NamedTuple):
    """What finding one way writes, int32 (n,) each but ``slots`` (2 n + 4,): times, paths and slots from both ends.

    ``came`` is the slot by which a rank was reached, -1 at the end itself.
    """

    ms: NDArray[np.int32]
    path: NDArray[np.int32]
    came: NDArray[np.int32]
    goal_ms: NDArray[np.int32]
    goal_path: NDArray[np.int32]
    goal_came: NDArray[np.int32]
    slots: NDArray[np.int64]


@inlined
def _climb(
    graph: Supergraph,
    sideways: NDArray[np.int32],
    low: int,
    low_ms: int,
    other: int,
    other_ms: int,
    ms: NDArray[np.int32],
    path: NDArray[np.int32],
    came: NDArray[np.int32],
) -> int:
    """Carry the times of two ranks (-1 for none) to all above them; return how many those are."""
    count = lay_path(graph, low, other, ms, path)
    for i in range(count):
        came[path[i]] = -1
    if low >= 0:
        ms[low] = low_ms
    if other >= 0:
        ms[other] = min(ms[other], other_ms)
    for i in range(count):
        rank = path[i]
        here = ms[rank]
        if here < NEVER:
            for slot in range(graph.first[rank], graph.first[rank + 1]):
                head = graph.head[slot]
                if here + sideways[slot] < ms[head]:
                    ms[head] = here + sideways[slot]
                    came[head] = slot
    return count


@inlined
def _unpack(
    graph: Supergraph,
    metric: Metric,
    ways: Ways,
    trail: Trail,
    slot: int,
    upwards: bool,
    arcs: NDArray[np.int32],
    count: int,
) -> int:
    """Write the arcs of a slot travelled one way after those already there; return how many there are then."""
    size = 1
    trail.slots[0] = 2 * slot + (1 if upwards else 0)
    while size > 0:
        size -= 1
        slot, up = trail.slots[size] >> 1, trail.slots[size] & 1 == 1
        ms = metric.up[slot] if up else metric.down[slot]
        low, high = graph.tail[slot], graph.head[slot]
        found = -1
        for i in range(graph.slot_first[slot], graph.slot_first[slot + 1]):
            arc = graph.slot_arc[i]
            if ways.ms[arc] == ms and (ways.tail_rank[arc] == low) == up:
                found = arc
                break
        if found >= 0:
            arcs[count] = found
            count += 1
            continue
        for i in range(graph.down_first[low], graph.down_first[low + 1]):
            near = graph.down_slot[i]
            middle = graph.tail[near]
            far = find_slot(graph, middle, high)
            if far < graph.first[middle + 1] and graph.head[far] == high:
                if up and metric.down[near] + metric.up[far] == ms:
                    trail.slots[size], trail.slots[size + 1] = 2 * far + 1, 2 * near
                    size += 2
                    break
                if not up and metric.down[far] + metric.up[near] == ms:
                    trail.slots[size], trail.slots[size + 1] = 2 * near + 1, 2 * far
                    size += 2
                    break
    return count


@inlined
def _from(streets: Streets, graph: Supergraph, arc: int, fraction: float) -> tuple[int, int]:
    """Return the rank at which a way leaves an arc that it begins on, and the time to there; -1 for none."""
    if arc < 0 or streets.inner_ms[arc] >= NEVER:
        return -1, NEVER
    return graph.rank[streets.head[arc]], streets.inner_ms[arc] - passed_ms(streets.inner_ms[arc], fraction)


@inlined
def _into(streets: Streets, graph: Supergraph, arc: int, fraction: float) -> tuple[int, int]:
    """Return the rank at which a way enters an arc that it ends on, and the time from there; -1 for none."""
    if arc < 0 or streets.inner_ms[arc] >= NEVER:
        return -1, NEVER
    return graph.rank[streets.tail[arc]], passed_ms(streets.inner_ms[arc], fraction)


@inlined
def _meet(trail: Trail, count: int, goal_count: int) -> tuple[int, int]:
    """Return the rank over which the two climbs make the shortest way, -1 for none, and its time."""
    best, top = UNREACHABLE, -1
    i, j = 0, 0
    while i < count and j < goal_count:
        here, there = trail.path[i], trail.goal_path[j]
        if here == there:
            ms = trail.ms[here] + trail.goal_ms[here]
            if ms <= LONGEST_MS and ms < best:
                best, top = ms, here
            i += 1
            j += 1
        elif here < there:
            i += 1
        else:
            j += 1
    return top, best


@kernel
def unpack_way(
    graph: Supergraph,
    metric: Metric,
    ways: Ways,
    streets: Streets,
    trail: Trail,
    from_arc: int,
    from_fraction: float,
    to_arc: int,
    to_fraction: float,
    arcs: NDArray[np.int32],
) -> tuple[int, int]:
    """Write the arcs of the shortest way, first and last in part; return how many and the time.

    0 arcs and `UNREACHABLE` where there is no way. Among equal ways the one along the street itself comes first.
    """
    back_from, back_to = streets.reverse[from_arc], streets.reverse[to_arc]
    best, start = along_street(streets, from_arc, from_fraction, to_arc, to_fraction)
    low, low_ms = _from(streets, graph, from_arc, from_fraction)
    other, other_ms = _from(streets, graph, back_from, 1.0 - from_fraction)
    count = _climb(graph, metric.up, low, low_ms, other, other_ms, trail.ms, trail.path, trail.came)
    goal, goal_ms = _into(streets, graph, to_arc, to_fraction)
    last, last_ms = _into(streets, graph, back_to, 1.0 - to_fraction)
    goal_count = _climb(
        graph, metric.down, goal, goal_ms, last, last_ms, trail.goal_ms, trail.goal_path, trail.goal_came
    )
    top, ms = _meet(trail, count, goal_count)
    if ms >= best:
        if start < 0:
            return 0, UNREACHABLE
        arcs[0] = start
        return 1, best
    # The slots up to the top are found from the top: they are laid by from the far end of the stack's array.
    rank, written = top, len(trail.slots)
    while trail.came[rank] >= 0:
        written -= 1
        trail.slots[written] = trail.came[rank]
        rank = graph.tail[trail.came[rank]]
    arcs[0] = from_arc if rank == low and trail.ms[rank] == low_ms else back_from
    size = 1
    for i in range(written, len(trail.slots)):
        size = _unpack(graph, metric, ways, trail, trail.slots[i], True, arcs, size)
    rank = top
    while trail.goal_came[rank] >= 0:
        size = _unpack(graph, metric, ways, trail, trail.goal_came[rank], False, arcs, size)
        rank = graph.tail[trail.goal_came[rank]]
    arcs[size] = to_arc if rank == goal and trail.goal_ms[rank] == goal_ms else back_to
    return size + 1, ms


@making_arrays
def crosses(arcs: NDArray[np.int32], ms: NDArray[np.int32]) -> bool:
    """Tell whether a way passes through a shut arc; its first and last are only entered or left."""
    return bool((ms[arcs[1:-1]] >= NEVER).any())


@kernel
def any_crosses(
    graph: Supergraph,
    metric: Metric,
    ways: Ways,
    streets: Streets,
    trail: Trail,
    units: NDArray[np.int32],
    unit_arc: NDArray[np.int32],
    unit_fraction: NDArray[np.float64],
    to_arc: int,
    to_fraction: float,
    arcs: NDArray[np.int32],
) -> bool:
    """Tell whether the shortest way of any of some units passes through a shut arc."""
    for unit in units:
        count, _ = unpack_way(
            graph, metric, ways, streets, trail, unit_arc[unit], unit_fraction[unit], to_arc, to_fraction, arcs
        )
        if crosses(arcs[:count], streets.ms):
            return True
    return False
