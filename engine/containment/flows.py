"""Compiled parts of the least cut: what lies between source and sink at all, the greatest flow, what a flow reaches.

The flow is Dinic's (1970), with distances from the sink. Arcs stand by their tails; ``mate`` is the arc of the same
edge the other way, whose capacity grows by what an arc carries.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.travel.queue import whole
from geo_data.compiled import making_arrays


class Pipes(NamedTuple):
    """Arcs of a flow network, ``n`` nodes. ``first`` int32 (n + 1,); ``head, mate`` int32 and ``room`` int64 by arc."""

    first: NDArray[np.int32]
    head: NDArray[np.int32]
    mate: NDArray[np.int32]
    room: NDArray[np.int64]


@making_arrays
def between(first: NDArray[np.int32], head: NDArray[np.int32], source: int, sink: int) -> NDArray[np.bool_]:
    """Return which nodes of a symmetric graph lie on a way from source to sink that comes to no node twice, bool (n,).

    They are the block (biconnected component) that source and sink share once joined by an edge: Hopcroft and Tarjan
    (1973), begun at the source with that edge. All false where no way leads to the sink.
    """
    n = len(first) - 1
    seen, low = np.full(n, -1, np.int32), np.zeros(n, np.int32)
    parent, row = np.full(n, -1, np.int32), first[:-1].copy()
    stack, kept = np.empty(n, np.int32), np.zeros(n, np.bool_)
    seen[source], seen[sink], low[sink], parent[sink] = 0, 1, 1, source
    stack[0], size, clock = sink, 1, 2
    tied = False  # whether the sink's edge to the source is met besides the one that was put in
    node = sink
    while True:
        if row[node] < first[node + 1]:
            other = head[row[node]]
            row[node] += 1
            if seen[other] < 0:
                seen[other], low[other], parent[other] = clock, clock, node
                clock += 1
                stack[size] = other
                size += 1
                node = other
            elif other != parent[node] or node == sink:
                tied = tied or other == source
                low[node] = min(low[node], seen[other])
        elif node == sink:
            break
        else:
            above = parent[node]
            low[above] = min(low[above], low[node])
            if low[node] >= seen[above]:
                while True:
                    size -= 1
                    if stack[size] == node:
                        break
            node = above
    if tied:
        kept[source] = True
        for i in range(size):
            kept[stack[i]] = True
    return kept


@making_arrays
def most_flow(pipes: Pipes, source: int, sink: int, enough: int) -> int:
    """Send as much as can be from source to sink, or until it is ``enough``; rooms are changed. Return how much."""
    n = len(pipes.first) - 1
    level, row = np.empty(n, np.int32), np.empty(n, np.int32)
    queue, path = np.empty(n, np.int32), np.empty(n + 1, np.int32)
    total = 0
    while total < enough:
        level[:] = -1
        level[sink], queue[0], at, size = 0, sink, 0, 1
        while at < size and level[source] < 0:
            node = queue[at]
            at += 1
            for arc in range(pipes.first[node], pipes.first[node + 1]):
                other = pipes.head[arc]
                if level[other] < 0 and pipes.room[pipes.mate[arc]] > 0:
                    level[other] = level[node] + 1
                    queue[size] = other
                    size += 1
        if level[source] < 0:
            break
        row[:] = pipes.first[:-1]
        node, depth = source, 0
        while True:
            if node == sink:
                least = whole(enough - total)
                for i in range(depth):
                    least = min(least, pipes.room[path[i]])
                for i in range(depth):
                    pipes.room[path[i]] -= least
                    pipes.room[pipes.mate[path[i]]] += least
                total += least
                if total >= enough:
                    break
                depth = 0
                while pipes.room[path[depth]] > 0:
                    depth += 1
                node = pipes.head[pipes.mate[path[depth]]]
                continue
            arc = row[node]
            while arc < pipes.first[node + 1] and not (
                pipes.room[arc] > 0 and level[pipes.head[arc]] == level[node] - 1 and level[pipes.head[arc]] >= 0
            ):
                arc += 1
            row[node] = arc
            if arc < pipes.first[node + 1]:
                path[depth] = arc
                depth += 1
                node = pipes.head[arc]
            elif depth == 0:
                break
            else:
                level[node] = -1
                depth -= 1
                node = pipes.head[pipes.mate[path[depth]]]
                row[node] += 1
    return total


@making_arrays
def reached(pipes: Pipes, root: int, back: bool) -> NDArray[np.bool_]:
    """Return what can still be reached from a node, or reaches it, over arcs that have room, bool (n,)."""
    n = len(pipes.first) - 1
    found, stack = np.zeros(n, np.bool_), np.empty(n, np.int32)
    found[root], stack[0], size = True, root, 1
    while size > 0:
        size -= 1
        node = stack[size]
        for arc in range(pipes.first[node], pipes.first[node + 1]):
            other = pipes.head[arc]
            if not found[other] and pipes.room[pipes.mate[arc] if back else arc] > 0:
                found[other] = True
                stack[size] = other
                size += 1
    return found


@making_arrays
def cheapest(
    first: NDArray[np.int32], unit: NDArray[np.int32], price: NDArray[np.int64], need: NDArray[np.int8], never: int
) -> NDArray[np.int64]:
    """Return what the cheapest units that can hold each candidate cost, as many as it needs, int64; else ``never``."""
    cost = np.full(len(need), never, np.int64)
    for i in range(len(need)):
        best, second = whole(never), whole(never)
        for at in range(first[i], first[i + 1]):
            its = price[unit[at]]
            if its < best:
                best, second = its, best
            elif its < second:
                second = its
        if need[i] == 1:
            cost[i] = best
        elif second < never:
            cost[i] = best + second
    return cost
