"""Posts as people are told them: where, which way to look, by when, who; and the area that is left to the suspect."""

import math

import numpy as np
from numpy.typing import NDArray

from engine.containment.ground import Ground
from engine.containment.holding import Pairs, ready_ms
from engine.containment.plan import Duty, Post
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree

MOST_DIRECTIONS = 8


def area_within(ground: Ground, places: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which places he can still get to when some are shut, bool (p,)."""
    from scipy.sparse import csr_array  # noqa: PLC0415
    from scipy.sparse.csgraph import breadth_first_order  # noqa: PLC0415

    n = len(ground.node) + 2
    shut = np.zeros(n, np.bool_)
    shut[places] = True
    shut[ground.sink] = True
    tail = np.repeat(np.arange(n), np.diff(ground.first))
    passed = ~shut[tail] & ~shut[ground.head]
    graph = csr_array((np.ones(int(passed.sum()), np.int8), (tail[passed], ground.head[passed])), shape=(n, n))
    inside = np.zeros(n, np.bool_)
    inside[breadth_first_order(graph, ground.source, return_predecessors=False)] = True
    return inside[: len(ground.node)]


def posts_of(ground: Ground, pairs: Pairs, rows: NDArray[np.int64]) -> tuple[Post, ...]:
    """Return the posts that some pairs come to, by deadline; pairs at one place are one post."""
    places = np.unique(pairs.place[rows])
    inside = area_within(ground, places)
    said = ready_ms(ground, pairs, rows)
    crew = len(ground.situation.crew)
    found = []
    for place in places.tolist():
        its = np.flatnonzero(pairs.place[rows] == place)
        units = pairs.unit[rows[its]]
        duty: Duty = "call" if units[0] >= crew else "stand"
        node = int(ground.node[place])
        found.append(
            Post(
                node=node,
                lon=float(ground.network.node_lon[node]),
                lat=float(ground.network.node_lat[node]),
                duty=duty,
                units=tuple(sorted((units - (crew if duty == "call" else 0)).tolist())),
                watch_deg=directions(ground, place, inside),
                due_ms=int(ground.due_ms[place]),
                ready_ms=int(said[its].max()),
                stretch=int(pairs.stretch[rows[its]].min()),
            )
        )
    return tuple(sorted(found, key=lambda post: (post.due_ms, post.node)))


def directions(ground: Ground, place: int, inside: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return where he would come from at a place, in whole degrees, the soonest first."""
    network = ground.network
    seen = {arc for it in ground.situation.seen for arc in (it.arc, int(network.arc_reverse[it.arc]))}
    found: list[tuple[int, int]] = []
    for node in np.flatnonzero(ground.local == place).tolist():
        out = range(int(network.first_out[node]), int(network.first_out[node + 1]))
        into = network.in_arc[network.first_in[node] : network.first_in[node + 1]].tolist()
        ends = [(arc, int(network.arc_head[arc]), False) for arc in out]
        ends += [(arc, int(network.arc_tail[arc]), True) for arc in into]
        for arc, other, back in ends:
            there = int(ground.local[other])
            if arc in seen or (there >= 0 and inside[there]):
                due_ms = int(ground.due_ms[there]) if there >= 0 else 0
                found.append((0 if arc in seen else due_ms, _bearing(network, arc, back=back)))
    return tuple(dict.fromkeys(bearing for _, bearing in sorted(found)))[:MOST_DIRECTIONS]


def _bearing(network: RoadNetwork, arc: int, *, back: bool) -> int:
    """Return the direction in which an arc leaves its tail, or seen from its head the direction back along it."""
    points = network.arc_points(arc)
    here, there = (points[-1], points[-2]) if back else (points[0], points[1])
    per_lon, per_lat = metres_per_degree(float(here[1]))
    east, north = (there[0] - here[0]) * per_lon, (there[1] - here[1]) * per_lat
    return round(math.degrees(math.atan2(east, north))) % 360
