"""The hierarchy's answer to who is nearest: up from the incident, then down the elimination tree, best branch first.

Units that have a label (`engine.travel.labels`) are ranked by it at once; what follows is about the others.
Every way out of the nodes below a rank passes one of its upper neighbours. Once their times to the incident are
known, none of those nodes can be nearer than the nearest of them: a whole branch of the tree with all its units waits
under that bound, in a heap, until it is the next best, and is never looked at when the ranking is full by then. Only
branches that hold an eligible unit are on the heap at all. Bounds are travel times under the present weights, so they
hold whatever the speeds are, and no straight line is asked.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.travel.ascending import ascend, lay_path
from engine.travel.customising import Metric
from engine.travel.eligible import is_eligible, rank_on_street
from engine.travel.labels import Labels, has_label, is_chain, time_by_label, write_label
from engine.travel.queue import HALF, LOW, pop, push, whole, word
from engine.travel.search import LONGEST_MS, Columns, Streets, offer
from engine.travel.supergraph import Supergraph
from geo_data.compiled import inlined, kernel
from geo_data.snapping_kernels import passed_ms
from geo_data.speeds import NEVER

UNDER, ABOVE, LOWEST, START, CHILD, SIBLING, ENTRY, PARENT = range(8)
"""The columns of a stem's row: one row is half a line of the cache, and a stem is asked for all of it at once.

``UNDER`` and ``ABOVE``: the version in which a unit, or the incident, was found on it or below it. ``LOWEST``: the
lowest rank at which a unit is, `_ALL` where a branch needs all of it, `_NONE` where nothing does. ``START``: the lowest
rank of the path. ``CHILD, SIBLING, ENTRY``: lists of stems and of entries. ``PARENT``: the stem it grows on, never
written.
"""
_ALL, _NONE = -1, NEVER


class Climb(NamedTuple):
    """What one climb writes. ``n`` ranks, ``s`` stems, ``e`` entries of riders; int32 but for the heap.

    ``ms`` (n,): time to the incident by rank. ``path`` (n,): the ranks above the incident, ascending. ``version`` (1,).
    ``stem`` (s, 8): a row by stem. ``next_entry`` (e,): lists of entries. ``able`` (e,): the units that are eligible;
    ``entry_rank`` (e,): the rank that an entry comes in by, -1 where it cannot leave its street.
    ``heap`` uint64 (s + 1,).
    """

    ms: NDArray[np.int32]
    path: NDArray[np.int32]
    stem: NDArray[np.int32]
    next_entry: NDArray[np.int32]
    able: NDArray[np.int32]
    entry_rank: NDArray[np.int32]
    heap: NDArray[np.uint64]


@inlined
def climb_from_place(
    graph: Supergraph, metric: Metric, streets: Streets, climb: Climb, version: int, arc: int, fraction: float
) -> int:
    """Write the times to a place of every rank above its ends, by ways that only go down from there.

    Returns
    -------
    int
        How many those are.
    """
    back = streets.reverse[arc]
    low = graph.rank[streets.tail[arc]] if streets.inner_ms[arc] < NEVER else -1
    other = graph.rank[streets.tail[back]] if back >= 0 and streets.inner_ms[back] < NEVER else -1
    count = lay_path(graph, low, other, climb.ms, climb.path)
    if low >= 0:
        climb.ms[low] = passed_ms(streets.inner_ms[arc], fraction)
    if other >= 0:
        climb.ms[other] = min(climb.ms[other], passed_ms(streets.inner_ms[back], 1.0 - fraction))
    ascend(graph, metric.down, climb.ms, climb.path, count)
    for i in range(count):
        stem = graph.stem[climb.path[i]]
        if climb.stem[stem, ABOVE] != version:
            climb.stem[stem, ABOVE] = version
            climb.stem[stem, START] = climb.path[i]
    return count


@inlined
def _enlist(climb: Climb, version: int, stem: int, roots: int) -> int:
    """Put a stem, and all it grows on, into the lists of needed ones; return the first of the list of roots."""
    rows = climb.stem
    if rows[stem, UNDER] != version:
        rows[stem, UNDER], rows[stem, LOWEST], rows[stem, CHILD], rows[stem, ENTRY] = version, _NONE, -1, -1
        known = False
        while not known:
            parent = rows[stem, PARENT]
            if parent < 0:
                rows[stem, SIBLING] = roots
                roots = stem
                break
            known = rows[parent, UNDER] == version
            if not known:
                rows[parent, UNDER], rows[parent, CHILD], rows[parent, ENTRY] = version, -1, -1
            rows[parent, LOWEST] = _ALL
            rows[stem, SIBLING] = rows[parent, CHILD]
            rows[parent, CHILD] = stem
            stem = parent
    return roots


@inlined
def _rank_labelled(
    graph: Supergraph,
    metric: Metric,
    streets: Streets,
    climb: Climb,
    labels: Labels,
    stamp: int,
    most_new: int,
    above: int,
    riders: Columns,
    need: int,
    fresh_after: int,
    count: int,
    k: int,
    units: NDArray[np.int32],
    etas: NDArray[np.int64],
    turnouts: NDArray[np.int64],
) -> tuple[int, int]:
    """Rank the eligible units that have a label, or are given one now; list the others in ``climb.able``.

    Returns
    -------
    tuple
        How many are ranked, and how many are listed.
    """
    usable = is_chain(graph, climb.path, above)
    if usable:
        for i in range(above):
            labels.goal[above - 1 - i] = climb.ms[climb.path[i]]
    listed, left = 0, most_new
    for unit in range(len(riders.bits)):
        if not is_eligible(riders, unit, need, fresh_after):
            continue
        known = usable and has_label(labels, riders, unit, stamp)
        if usable and not known and left > 0:
            left -= 1
            known = write_label(graph, metric, streets, labels, riders, unit, stamp)
        if not known:
            climb.able[listed] = unit
            listed += 1
            continue
        ms = time_by_label(labels, unit, climb.path, above)
        if ms <= LONGEST_MS:
            turnout_ms = riders.turnout_ms[unit]
            eta_ms = ms + turnout_ms
            if count < k or eta_ms <= etas[k - 1]:
                count = offer(unit, eta_ms, turnout_ms, count, k, units, etas, turnouts)
    return count, listed


@inlined
def _plant(graph: Supergraph, streets: Streets, climb: Climb, version: int, riders: Columns, count: int) -> int:
    """Enlist the listed units at the stems of their streets' ends; return the first of the list of roots.

    Nearly all of its cost is waiting for memory. Finding all ranks first, in a loop whose turns do not wait for each
    other, lets the processor fetch many at a time.
    """
    for i in range(count):
        unit = climb.able[i]
        arc = riders.arc[unit]
        back = streets.reverse[arc]
        open_ahead = streets.inner_ms[arc] < NEVER
        open_back = back >= 0 and streets.inner_ms[max(back, 0)] < NEVER
        climb.entry_rank[2 * unit] = graph.rank[streets.head[arc]] if open_ahead else -1
        climb.entry_rank[2 * unit + 1] = graph.rank[streets.head[back]] if open_back else -1
    roots = -1
    for i in range(count):
        for entry in range(2 * climb.able[i], 2 * climb.able[i] + 2):
            rank = climb.entry_rank[entry]
            if rank >= 0:
                stem = graph.stem[rank]
                roots = _enlist(climb, version, stem, roots)
                climb.stem[stem, LOWEST] = min(climb.stem[stem, LOWEST], rank)
                climb.next_entry[entry] = climb.stem[stem, ENTRY]
                climb.stem[stem, ENTRY] = entry
    return roots


@inlined
def _descend(graph: Supergraph, metric: Metric, climb: Climb, version: int, stem: int) -> int:
    """Write the times of a stem's ranks as far down as they are needed; return how many those are."""
    above, lowest = graph.stem_first[stem + 1], climb.stem[stem, LOWEST]
    if lowest == _ALL:
        lowest = graph.stem_first[stem]
    start = climb.stem[stem, START] if climb.stem[stem, ABOVE] == version else above
    for rank in range(above - 1, lowest - 1, -1):
        ms = climb.ms[rank] if rank >= start else NEVER
        for slot in range(graph.first[rank], graph.first[rank + 1]):
            ms = min(ms, metric.up[slot] + climb.ms[graph.head[slot]])
        climb.ms[rank] = ms
    return int(above - lowest)


@inlined
def _bound(graph: Supergraph, climb: Climb, version: int, stem: int) -> int:
    """Return a time that nothing on a stem or below it can be nearer than; `NEVER` where nothing there gets out."""
    if climb.stem[stem, ABOVE] == version:
        return 0
    top = graph.stem_first[stem + 1] - 1
    least = NEVER
    for slot in range(graph.first[top], graph.first[top + 1]):
        least = min(least, climb.ms[graph.head[slot]])
    return least


@kernel
def climb_nearest(
    graph: Supergraph,
    metric: Metric,
    streets: Streets,
    climb: Climb,
    version: int,
    labels: Labels,
    stamp: int,
    most_new: int,
    riders: Columns,
    arc: int,
    fraction: float,
    need: int,
    fresh_after: int,
    k: int,
    least_turnout_ms: int,
    units: NDArray[np.int32],
    etas: NDArray[np.int64],
    turnouts: NDArray[np.int64],
) -> tuple[int, int]:
    """Rank the ``k`` eligible units with the least eta into the arrays; return how many, and ranks looked at.

    ``k`` is at most the number of eligible units.
    """
    count = rank_on_street(streets, riders, arc, fraction, need, fresh_after, k, units, etas, turnouts)
    above = climb_from_place(graph, metric, streets, climb, version, arc, fraction)
    count, listed = _rank_labelled(
        graph,
        metric,
        streets,
        climb,
        labels,
        stamp,
        most_new,
        above,
        riders,
        need,
        fresh_after,
        count,
        k,
        units,
        etas,
        turnouts,
    )
    if listed == 0:
        return count, above
    stem = _plant(graph, streets, climb, version, riders, listed)
    size, looked_at = 0, above
    while stem >= 0:
        if climb.stem[stem, ABOVE] == version:  # else no way leads from that island
            size = push(climb.heap, size, word(stem))
        stem = climb.stem[stem, SIBLING]
    while size > 0:
        bound_ms, stem = whole(climb.heap[0] >> HALF), whole(climb.heap[0] & LOW)
        if count == k and bound_ms > etas[k - 1] - least_turnout_ms:
            break
        size = pop(climb.heap, size)
        looked_at += _descend(graph, metric, climb, version, stem)
        entry = climb.stem[stem, ENTRY]
        while entry >= 0:
            unit = entry >> 1
            ms = climb.ms[climb.entry_rank[entry]]
            if ms <= LONGEST_MS:
                turnout_ms = riders.turnout_ms[unit]
                eta_ms = ms + riders.entry_ms[entry] + turnout_ms
                if count < k or eta_ms <= etas[k - 1]:
                    count = offer(unit, eta_ms, turnout_ms, count, k, units, etas, turnouts)
            entry = climb.next_entry[entry]
        branch = climb.stem[stem, CHILD]
        while branch >= 0:
            bound_ms = _bound(graph, climb, version, branch)
            if bound_ms < NEVER and (count < k or bound_ms <= etas[k - 1] - least_turnout_ms):
                size = push(climb.heap, size, (word(bound_ms) << HALF) | word(branch))
            branch = climb.stem[branch, SIBLING]
    return count, looked_at
