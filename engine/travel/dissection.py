"""The order in which a hierarchy takes nodes away: nested dissection by inertial flow.

A part of the network is cut in two by the fewest streets: in each of a few directions the outermost quarter of its
nodes on either side are source and sink of a maximum flow (Dinic's algorithm, one unit of flow to a street), and the
minimum cut with the best balance wins. The fewest nodes that touch all streets of the cut (König's theorem on the
streets of the cut, which are bipartite) are the separator; they come last in the part's order, and both sides are cut
again. After A. Schild and C. Sommer, On Balanced Separators in Road Networks, SEA 2015.

The parts lie in one set of arrays that are sorted in place, each with node numbers of its own, so that a small part
is small in memory too.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo_data.compiled import kernel, making_arrays

DIRECTIONS = 4
TERMINAL_SHARE = 0.25
LEAF = 8
"""Parts of so few nodes are ordered by their degrees."""
IMBALANCE_POWER = 0.5
"""A cut counts as its streets times (half over the smaller side's share) to this power."""
_SOURCE, _SINK, _BETWEEN = 1, 2, 0


class Part(NamedTuple):
    """One part's streets, with numbers of its own. ``m`` nodes.

    ``first`` int32 (m + 1,): ends of street at each node; ``head, twin`` int32: the other node, and the same street
    seen from there. ``x, y`` float64 (m,): a plane.
    """

    first: NDArray[np.int32]
    head: NDArray[np.int32]
    twin: NDArray[np.int32]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


class Desk(NamedTuple):
    """What the cutting writes; all by node but ``flow``, which is by end of street."""

    flow: NDArray[np.int8]
    level: NDArray[np.int32]
    queue: NDArray[np.int32]
    at: NDArray[np.int32]
    path: NDArray[np.int32]
    side: NDArray[np.int8]
    best: NDArray[np.int8]
    match: NDArray[np.int32]
    parted: NDArray[np.bool_]
    key: NDArray[np.float64]


@making_arrays
def _choose_ends(part: Part, desk: Desk, east: float, north: float, share: float) -> bool:
    """Mark the outermost nodes in a direction as source and sink; False when they cannot be told apart."""
    nodes = len(part.x)
    for i in range(nodes):
        desk.key[i] = part.x[i] * east + part.y[i] * north
    some = max(int(nodes * share), 1)
    sorted_at = np.partition(desk.key[:nodes], (some - 1, nodes - some))
    low, high = sorted_at[some - 1], sorted_at[nodes - some]
    for i in range(nodes):
        desk.side[i] = _SOURCE if desk.key[i] <= low else (_SINK if desk.key[i] >= high else _BETWEEN)
    return bool(low < high)


@kernel
def _find_levels(part: Part, desk: Desk) -> int:
    """Write each node's steps from the source over streets that take more flow; return the sink's, or -1."""
    ahead, behind = 0, 0
    desk.level[: len(part.x)] = -1
    for i in range(len(part.x)):
        if desk.side[i] == _SOURCE:
            desk.level[i] = 0
            for end in range(part.first[i], part.first[i + 1]):
                if desk.side[part.head[end]] != _SOURCE:
                    desk.queue[behind] = i
                    behind += 1
                    break
    sink = -1
    while ahead < behind:
        node = desk.queue[ahead]
        ahead += 1
        step = desk.level[node] + 1
        if 0 <= sink < step:
            break
        for end in range(part.first[node], part.first[node + 1]):
            other = part.head[end]
            if desk.flow[end] < 1 and desk.level[other] < 0:
                desk.level[other] = step
                if desk.side[other] == _SINK:
                    sink = step
                else:
                    desk.queue[behind] = other
                    behind += 1
    return sink


@making_arrays
def _fill(part: Part, desk: Desk, sink: int, limit: int) -> int:
    """Send flow along shortest ways until none is left or ``limit`` is reached; return how much was sent."""
    sent = 0
    desk.at[: len(part.x)] = part.first[:-1]
    for source in range(len(part.x)):
        if desk.side[source] != _SOURCE:
            continue
        node, depth = source, 0
        while True:
            if desk.side[node] == _SINK:
                for step in range(depth):
                    end = desk.path[step]
                    desk.flow[end] += 1
                    desk.flow[part.twin[end]] -= 1
                sent += 1
                if sent >= limit:
                    return sent
                node, depth = source, 0
            onwards = -1
            while desk.at[node] < part.first[node + 1]:
                end = desk.at[node]
                other = part.head[end]
                nearer = desk.level[other] == desk.level[node] + 1
                if desk.flow[end] < 1 and nearer and (desk.level[other] < sink or desk.side[other] == _SINK):
                    onwards = end
                    break
                desk.at[node] += 1
            if onwards >= 0:
                desk.path[depth] = onwards
                depth += 1
                node = part.head[onwards]
            elif depth == 0:
                break
            else:
                depth -= 1
                node = part.head[part.twin[desk.path[depth]]]
                desk.at[node] += 1
    return sent


@kernel
def _take_sides(part: Part, desk: Desk) -> int:
    """Write 1 for the source's side of a minimum cut and 0 for the sink's; return how many have 1.

    Of the cut next to the source and the one next to the sink, which have equally many streets, the better balanced.
    """
    nodes = len(part.x)
    near = 0
    for i in range(nodes):
        near += desk.level[i] >= 0
    desk.at[:nodes] = -1
    ahead, behind = 0, 0
    for i in range(nodes):
        if desk.side[i] == _SINK:
            desk.at[i] = 0
            desk.queue[behind] = i
            behind += 1
    while ahead < behind:
        node = desk.queue[ahead]
        ahead += 1
        for end in range(part.first[node], part.first[node + 1]):
            other = part.head[end]
            if desk.at[other] < 0 and desk.flow[part.twin[end]] < 1:
                desk.at[other] = 0
                desk.queue[behind] = other
                behind += 1
    if min(near, nodes - near) >= min(behind, nodes - behind):
        for i in range(nodes):
            desk.side[i] = 1 if desk.level[i] >= 0 else 0
        return near
    for i in range(nodes):
        desk.side[i] = 0 if desk.at[i] >= 0 else 1
    return nodes - behind


@making_arrays
def cut(part: Part, desk: Desk, directions: NDArray[np.float64], share: float, power: float) -> bool:
    """Write the best cut of all directions into ``best``; False when there is none."""
    nodes = len(part.x)
    least, limit, found = np.inf, 1 << 30, False
    for i in range(len(directions)):
        if not _choose_ends(part, desk, directions[i, 0], directions[i, 1], share):
            continue
        desk.flow[: part.first[nodes]] = 0
        streets = 0
        while streets < limit:
            sink = _find_levels(part, desk)
            if sink < 0:
                break
            streets += _fill(part, desk, sink, limit - streets)
        if streets >= limit:
            continue
        near = _take_sides(part, desk)
        if near in (0, nodes):
            continue
        weight = streets * (0.5 * nodes / min(near, nodes - near)) ** power
        if weight < least:
            least, found = weight, True
            desk.best[:nodes] = desk.side[:nodes]
            limit = int(least) + 1  # with more streets than this no balance could win
    return found


@kernel
def _match(part: Part, desk: Desk) -> None:
    """Match nodes across the cut in ``best``, as many as possible, by shortest augmenting ways."""
    nodes = len(part.x)
    desk.match[:nodes] = -1
    desk.level[:nodes] = -1
    for start in range(nodes):
        if desk.best[start] != 1:
            continue
        ahead, behind, last = 0, 1, -1
        desk.queue[0] = start
        while ahead < behind and last < 0:
            node = desk.queue[ahead]
            ahead += 1
            for end in range(part.first[node], part.first[node + 1]):
                other = part.head[end]
                if desk.best[other] == 0 and desk.level[other] != start:
                    desk.level[other] = start
                    desk.at[other] = node
                    if desk.match[other] < 0:
                        last = other
                        break
                    desk.queue[behind] = desk.match[other]
                    behind += 1
        while last >= 0:
            node = desk.at[last]
            before = desk.match[node]
            desk.match[last], desk.match[node] = node, last
            last = before


@kernel
def separate(part: Part, desk: Desk) -> None:
    """Write into ``parted`` the fewest nodes that touch every street of the cut in ``best``."""
    nodes = len(part.x)
    _match(part, desk)
    desk.level[:nodes] = -1
    ahead, behind = 0, 0
    for i in range(nodes):
        if desk.best[i] == 1 and desk.match[i] < 0:
            desk.level[i] = 0
            desk.queue[behind] = i
            behind += 1
    while ahead < behind:
        node = desk.queue[ahead]
        ahead += 1
        for end in range(part.first[node], part.first[node + 1]):
            other = part.head[end]
            if desk.best[other] == 0 and desk.level[other] < 0:
                desk.level[other] = 0
                partner = desk.match[other]
                if partner >= 0 and desk.level[partner] < 0:
                    desk.level[partner] = 0
                    desk.queue[behind] = partner
                    behind += 1
    for i in range(nodes):
        reached = desk.level[i] >= 0
        desk.parted[i] = desk.match[i] >= 0 and reached == (desk.best[i] == 0)


@kernel
def find_island(part: Part, desk: Desk) -> bool:
    """Write 1 into ``best`` for what hangs together with the first node; False when that is everything."""
    nodes = len(part.x)
    desk.best[:nodes] = 0
    desk.parted[:nodes] = False
    desk.best[0] = 1
    desk.queue[0] = 0
    ahead, behind = 0, 1
    while ahead < behind:
        node = desk.queue[ahead]
        ahead += 1
        for end in range(part.first[node], part.first[node + 1]):
            other = part.head[end]
            if desk.best[other] == 0:
                desk.best[other] = 1
                desk.queue[behind] = other
                behind += 1
    return behind < nodes
