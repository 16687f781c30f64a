"""The compiled searches of containment: where the suspect can be, until when it is worth leaving, who is where in time.

They keep the labels, the heap and the rules of `engine.travel.search`. The suspect drives every open arc both ways, at
the arc's own time; units obey one-way streets and closures. A post is worth nothing where the suspect may have been
already, so a unit's search ends where nothing that lies ahead can be reached in time: what it settles is bounded by
the ground in question, not by the map.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.travel.queue import HALF, Memory, settle, whole, word
from engine.travel.reaching import seed_onwards
from engine.travel.search import Streets, reach, spread
from geo_data.compiled import kernel, making_arrays
from geo_data.speeds import NEVER


class Ways(NamedTuple):
    """The suspect's streets: ``n`` nodes, ``m`` arcs, each passable both ways in ``ms`` int32 (m,), `NEVER` not at all.

    ``first_out, head`` and ``first_in, in_arc, tail`` as in `geo_data.road_network.RoadNetwork`.
    """

    first_out: NDArray[np.int32]
    head: NDArray[np.int32]
    first_in: NDArray[np.int32]
    in_arc: NDArray[np.int32]
    tail: NDArray[np.int32]
    ms: NDArray[np.int32]


@kernel
def suspect_within(
    ways: Ways,
    memory: Memory,
    version: int,
    seed_node: NDArray[np.int32],
    seed_ms: NDArray[np.int64],
    most_ms: int,
    nodes: NDArray[np.int32],
    node_ms: NDArray[np.int64],
) -> int:
    """Write the nodes that the suspect can be at within ``most_ms``, soonest first, and when; return how many."""
    size, count = 0, 0
    for i in range(len(seed_node)):
        size = reach(memory, version, size, seed_node[i], seed_ms[i])
    while True:
        size, node, ms = settle(memory, version, size)
        if node < 0 or ms > most_ms:
            break
        nodes[count], node_ms[count] = node, ms
        count += 1
        for arc in range(ways.first_out[node], ways.first_out[node + 1]):
            later = ms + ways.ms[arc]
            if later <= most_ms:
                size = reach(memory, version, size, ways.head[arc], later)
        for at in range(ways.first_in[node], ways.first_in[node + 1]):
            arc = ways.in_arc[at]
            later = ms + ways.ms[arc]
            if later <= most_ms:
                size = reach(memory, version, size, ways.tail[arc], later)
    return count


@kernel
def latest_useful(
    streets: Streets,
    memory: Memory,
    version: int,
    nodes: NDArray[np.int32],
    lost_ms: NDArray[np.int64],
    most_ms: int,
) -> int:
    """Label each node with the least ``lost_ms`` of a post plus the way there, none above ``most_ms``.

    With ``lost_ms`` the time between a post's deadline and ``most_ms``, a unit that is at a node after ``ms`` can be of
    use somewhere if and only if ``ms`` plus the node's label is at most ``most_ms``. Return how many have a label.
    """
    size, count = 0, 0
    for i in range(len(nodes)):
        size = reach(memory, version, size, nodes[i], lost_ms[i])
    while True:
        size, node, ms = settle(memory, version, size)
        if node < 0:
            return count
        count += 1
        size = spread(streets, memory, version, size, node, ms, most_ms)


class Best(NamedTuple):
    """The best place of each of ``v`` vertices for one unit, int32 and int64 (v,); ``stretch`` is 0 where none is."""

    stretch: NDArray[np.int32]
    place: NDArray[np.int32]
    travel_ms: NDArray[np.int64]


@kernel
def posts_in_time(
    streets: Streets,
    memory: Memory,
    version: int,
    useful: Memory,
    useful_version: int,
    local: NDArray[np.int32],
    vertex: NDArray[np.int32],
    due_ms: NDArray[np.int64],
    arc: int,
    fraction: float,
    turnout_ms: int,
    most_ms: int,
    most_stretch: int,
    best: Best,
    touched: NDArray[np.int32],
) -> int:
    """Find where a unit is by ``due_ms``, the best place of each vertex; return how many are touched, in order of time.

    ``local`` int32 (n,) is a node's place, -1 for none; ``vertex`` int32 and ``due_ms`` int64 by place, setting up left
    off already. The best place is the one where the way may take longest in thousandths of what it takes.
    """
    useful_base = word(useful_version) << HALF
    count = 0
    size = seed_onwards(streets, memory, version, arc, fraction)
    while True:
        size, node, ms = settle(memory, version, size)
        if node < 0:
            return count
        left = useful.label[node] ^ useful_base
        if left > word(most_ms) or turnout_ms + ms + whole(left) > most_ms:
            continue
        place = local[node]
        if place >= 0 and vertex[place] >= 0 and turnout_ms + ms <= due_ms[place]:
            at = vertex[place]
            stretch = whole(most_stretch)
            if ms > 0:
                stretch = min(stretch, (due_ms[place] - turnout_ms) * 1000 // ms)
            if best.stretch[at] == 0:
                touched[count] = at
                count += 1
            if stretch > best.stretch[at]:
                best.stretch[at], best.place[at], best.travel_ms[at] = stretch, place, ms
        for out in range(streets.first_out[node], streets.first_out[node + 1]):
            later = ms + streets.ms[out]
            if turnout_ms + later <= most_ms:
                size = reach(memory, version, size, streets.head[out], later)


@making_arrays
def by_vertex(vertex: NDArray[np.int32], first: NDArray[np.int32], order: NDArray[np.int64]) -> None:
    """Fill in where the rows of each vertex begin, and the rows in order of vertex, as they come within one."""
    first[:] = 0
    for row in range(len(vertex)):
        first[vertex[row] + 1] += 1
    for at in range(1, len(first)):
        first[at] += first[at - 1]
    free = first[:-1].copy()
    for row in range(len(vertex)):
        order[free[vertex[row]]] = row
        free[vertex[row]] += 1


@kernel
def escape(
    ways: Ways,
    memory: Memory,
    version: int,
    seed_node: NDArray[np.int32],
    seed_ms: NDArray[np.int64],
    post_node: NDArray[np.int32],
    post_ms: NDArray[np.int64],
    local: NDArray[np.int32],
    exits: NDArray[np.int32],
    came: NDArray[np.int32],
) -> int:
    """Let the suspect drive who passes a post only before it stands; return the node where he is away, or -1.

    He is away at an exit and at a node that is no place (``local`` is -1: outside the horizon). Arriving later never
    helps, so the least times are all that counts. ``post_node`` and ``exits`` come sorted. ``came`` int32 (n,) holds
    from which node each was reached, and -1 at a seed.
    """
    base = word(version) << HALF
    size = 0
    for i in range(len(seed_node)):
        if base | word(seed_ms[i]) < memory.label[seed_node[i]]:
            came[seed_node[i]] = -1
        size = reach(memory, version, size, seed_node[i], seed_ms[i])
    while True:
        size, node, ms = settle(memory, version, size)
        if node < 0:
            return -1
        at = np.searchsorted(post_node, node)
        if at < len(post_node) and post_node[at] == node and ms >= post_ms[at]:
            continue
        at = np.searchsorted(exits, node)
        if local[node] < 0 or (at < len(exits) and exits[at] == node):
            return whole(node)
        for side in range(2):
            first = ways.first_out if side == 0 else ways.first_in
            for row in range(first[node], first[node + 1]):
                arc = row if side == 0 else ways.in_arc[row]
                later = ms + ways.ms[arc]
                if ways.ms[arc] < NEVER:
                    other = ways.head[arc] if side == 0 else ways.tail[arc]
                    if base | word(later) < memory.label[other]:
                        came[other] = node
                        size = reach(memory, version, size, other, later)


@kernel
def way_out(
    ways: Ways,
    starts: NDArray[np.int32],
    local: NDArray[np.int32],
    allowed: NDArray[np.bool_],
    exits: NDArray[np.int32],
    came: NDArray[np.int32],
    queue: NDArray[np.int32],
) -> int:
    """Return the node at which a way out over allowed places ends, first by number of streets; -1 for none.

    ``allowed`` bool by place. ``came`` int32 (n,) comes filled with -2, and holds from which node each was reached, and
    -1 at a start. ``queue`` int32 (n,).
    """
    size, at = 0, 0
    for node in starts:
        if came[node] == -2 and (local[node] < 0 or allowed[local[node]]):
            came[node] = -1
            queue[size] = node
            size += 1
    while at < size:
        node = queue[at]
        at += 1
        row = np.searchsorted(exits, node)
        if local[node] < 0 or (row < len(exits) and exits[row] == node):
            return whole(node)
        for side in range(2):
            first = ways.first_out if side == 0 else ways.first_in
            for row in range(first[node], first[node + 1]):
                arc = row if side == 0 else ways.in_arc[row]
                other = ways.head[arc] if side == 0 else ways.tail[arc]
                if ways.ms[arc] < NEVER and came[other] == -2 and (local[other] < 0 or allowed[local[other]]):
                    came[other] = node
                    queue[size] = other
                    size += 1
    return -1
