"""Travel times on a hierarchy: what each shortcut costs each way, all anew or where a few arcs changed.

A shortcut's time is the least of its arcs' and of every lower triangle's: down from one end to a node of lower rank
and up again to the other. Ranks ascending, a triangle's legs are final before its base is looked at. After a change,
slots are computed again in that same order, and only those whose time hung on a leg that changed, or can now be less.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.travel.queue import pop, push, whole, word
from engine.travel.supergraph import Supergraph
from geo_data.compiled import inlined, kernel, making_arrays
from geo_data.speeds import NEVER


class Metric(NamedTuple):
    """Milliseconds by slot, int32 (a,), `NEVER` where there is no way: ``up`` to the higher rank, ``down`` from it."""

    up: NDArray[np.int32]
    down: NDArray[np.int32]


class Ways(NamedTuple):
    """What customising knows of the network, int32 (m,): each arc's milliseconds, and its tail's rank."""

    ms: NDArray[np.int32]
    tail_rank: NDArray[np.int32]


@making_arrays
def customise(graph: Supergraph, ways: Ways, metric: Metric) -> None:
    """Write every slot's time; slots of one lower rank at a time, by the triangles that it is the top of."""
    metric.up[:] = NEVER
    metric.down[:] = NEVER
    for arc in range(len(ways.ms)):
        slot = graph.arc_slot[arc]
        if slot >= 0:
            side = metric.up if ways.tail_rank[arc] == graph.tail[slot] else metric.down
            side[slot] = min(side[slot], ways.ms[arc])
    slot_of = np.empty(len(graph.rank), np.int32)
    for middle in range(len(graph.rank)):
        for slot in range(graph.first[middle], graph.first[middle + 1]):
            slot_of[graph.head[slot]] = slot
        for i in range(graph.down_first[middle], graph.down_first[middle + 1]):
            leg = graph.down_slot[i]
            there, back = metric.up[leg], metric.down[leg]
            for other in range(leg + 1, graph.first[graph.tail[leg] + 1]):
                base = slot_of[graph.head[other]]
                metric.up[base] = min(metric.up[base], back + metric.up[other])
                metric.down[base] = min(metric.down[base], metric.down[other] + there)


@inlined
def find_slot(graph: Supergraph, low: int, high: int) -> int:
    """Return the slot between two ranks that have one."""
    lo, hi = int(graph.first[low]), int(graph.first[low + 1])
    while lo < hi:
        middle = (lo + hi) >> 1
        if graph.head[middle] < high:
            lo = middle + 1
        else:
            hi = middle
    return lo


@inlined
def _least(graph: Supergraph, ways: Ways, metric: Metric, slot: int) -> tuple[int, int]:
    """Return a slot's times up and down from its arcs and lower triangles."""
    low, high = graph.tail[slot], graph.head[slot]
    up, down = NEVER, NEVER
    for i in range(graph.slot_first[slot], graph.slot_first[slot + 1]):
        arc = graph.slot_arc[i]
        if ways.tail_rank[arc] == low:
            up = min(up, ways.ms[arc])
        else:
            down = min(down, ways.ms[arc])
    i, j = graph.down_first[low], graph.down_first[high]
    while i < graph.down_first[low + 1] and j < graph.down_first[high + 1]:
        near, far = graph.down_slot[i], graph.down_slot[j]
        if graph.tail[near] == graph.tail[far]:
            up = min(up, metric.down[near] + metric.up[far])
            down = min(down, metric.down[far] + metric.up[near])
            i += 1
            j += 1
        elif graph.tail[near] < graph.tail[far]:
            i += 1
        else:
            j += 1
    return up, down


@kernel
def recustomise(
    graph: Supergraph,
    ways: Ways,
    metric: Metric,
    arcs: NDArray[np.int32],
    heap: NDArray[np.uint64],
    waiting: NDArray[np.bool_],
    most: int,
) -> int:
    """Follow changed arcs; return how many slots were computed again, or -1 past ``most`` of them.

    Parameters
    ----------
    ways
        The new times.
    arcs
        Those that changed.
    heap, waiting
        uint64 (a + 1,) and bool (a,), all False before; after -1 they, and the metric, are spoilt.
    """
    size, done = 0, 0
    for arc in arcs:
        slot = graph.arc_slot[arc]
        if slot >= 0 and not waiting[slot]:
            waiting[slot] = True
            size = push(heap, size, word(slot))
    while size > 0:
        slot = whole(heap[0])
        size = pop(heap, size)
        waiting[slot] = False
        done += 1
        if done > most:
            return -1
        up, down = _least(graph, ways, metric, slot)
        old_up, old_down = metric.up[slot], metric.down[slot]
        if up == old_up and down == old_down:
            continue
        metric.up[slot], metric.down[slot] = up, down
        low, high = graph.tail[slot], graph.head[slot]
        for other in range(graph.first[low], graph.first[low + 1]):
            if other == slot:
                continue
            end = graph.head[other]
            base = find_slot(graph, min(high, end), max(high, end))
            if waiting[base]:
                continue
            # From this slot's head over the low rank to the other's head, and the other way about.
            there, back = metric.up[base], metric.down[base]
            if end < high:
                there, back = back, there
            was, now = old_down + metric.up[other], down + metric.up[other]
            hung = (was != now) and (was == there or now < there)
            was, now = metric.down[other] + old_up, metric.down[other] + up
            if hung or (was != now and (was == back or now < back)):
                waiting[base] = True
                size = push(heap, size, word(base))
    return done
