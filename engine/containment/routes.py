"""The routes he may take when he cannot be shut in: where he can turn, and what draws him.

The model is stated, not fitted: no record of pursuits is known to us that it could be fitted to. He flees: he prefers
what brings him out, larger streets, going on straight, and the direction that leads away from where he was seen or, if
known, the heading he had. What is estimated from it is worth as much as these assumptions, and says so.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.containment.ground import Ground, starts_of
from engine.travel import NEVER
from geo_data.raw_roads import RoadClass
from geo_data.snapping import metres_per_degree, point_at

if TYPE_CHECKING:
    from engine.containment.wandering import Maze

LOST_PER_S = 0.05
"""Utility of a second lost on the way out."""
TURN = 1.5
"""Utility lost by turning right round; half of it by a right angle."""
FLIGHT = 0.7
"""Utility of the direction of flight against the opposite one, halved."""
SLOWEST = 1.5
"""He takes up to so much longer than at his fastest."""
ROUTES = 5_000
MOST_STEPS = 4_000
_TIME_BITS = 34
"""Room for any time within twice the longest horizon, and before now."""
_DRAW = {RoadClass.MOTORWAY: 0.8, RoadClass.TRUNK: 0.8, RoadClass.PRIMARY: 0.6, RoadClass.SECONDARY: 0.4}
_SHUN = {RoadClass.LIVING_STREET: -0.5, RoadClass.SERVICE: -1.0, RoadClass.TRACK: -1.0, RoadClass.PEDESTRIAN: -1.5}
CLASS_UTILITY = {**_DRAW, RoadClass.TERTIARY: 0.2, **_SHUN}
"""Utility of a street by class; 0 for the others."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Routes, by place: ``first`` int32 (p + 1,), ``route`` int32 and ``ms`` int64, the latest first.

    A route stands at a place once, with the last time that it comes there.
    """

    first: NDArray[np.int32]
    route: NDArray[np.int32]
    ms: NDArray[np.int64]
    routes: int


def draw(ground: Ground, maze: "Maze", seed: int, routes: int = ROUTES) -> Sample:
    """Draw routes; the same for the same seed."""
    from engine.containment.wandering import Visits, draw_routes  # noqa: PLC0415 - numba

    room = routes * 640
    while True:
        visits = Visits(np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int64))
        most_ms = 2 * ground.situation.horizon_ms
        standing = np.full(ground.sink + 1, -1, np.int64)
        count = draw_routes(
            maze, ground.source, ground.sink, routes, seed, TURN, SLOWEST, most_ms, MOST_STEPS, visits, standing
        )
        if count <= room:
            break
        room = count
    place, route, ms = visits.place[:count], visits.route[:count], visits.ms[:count]
    order = np.argsort((place.astype(np.int64) << _TIME_BITS) - ms, kind="stable")  # by place, the latest first
    first = np.zeros(len(ground.node) + 1, np.int32)
    np.cumsum(np.bincount(place, minlength=len(ground.node)), out=first[1:])
    return Sample(first, route[order], ms[order], routes)


def lay_maze(ground: Ground) -> "Maze":
    """Lay out where he can turn, with the odds of each edge."""
    from engine.containment.wandering import Maze  # noqa: PLC0415

    network, situation = ground.network, ground.situation
    arcs = np.flatnonzero(
        (ground.ways.ms < NEVER) & ((ground.local[network.arc_tail] >= 0) | (ground.local[network.arc_head] >= 0))
    )
    ends = np.column_stack((ground.local[network.arc_tail[arcs]], ground.local[network.arc_head[arcs]]))
    ends = np.where(ends < 0, ground.sink, ends).astype(np.int64)
    leave, arrive = _directions(ground, arcs)
    tail, head = np.concatenate((ends[:, 0], ends[:, 1])), np.concatenate((ends[:, 1], ends[:, 0]))
    out, into = np.concatenate((leave, -arrive)), np.concatenate((arrive, -leave))
    ms = np.concatenate((ground.ways.ms[arcs], ground.ways.ms[arcs])).astype(np.int64)
    kind = np.concatenate((network.arc_class[arcs], network.arc_class[arcs]))
    apart = (tail != head) & (tail != ground.sink)
    tail, head, out, into, ms, kind = tail[apart], head[apart], out[apart], into[apart], ms[apart], kind[apart]
    exits = np.unique(ground.local[situation.exits])
    ahead_s = _seconds_out(ground, tail, head, ms, exits[exits >= 0])
    by_class = np.zeros(len(RoadClass))
    for street, utility in CLASS_UTILITY.items():
        by_class[street] = utility
    lost_s = ms / 1000.0 + ahead_s[head] - ahead_s[tail]
    utility = by_class[kind] - LOST_PER_S * lost_s + FLIGHT * np.sum(out * _flight(ground, tail, out), axis=1)
    rows = [(tail, head, out, into, ms, np.exp(utility)), _from_source(ground)]
    over = exits[exits >= 0]
    nothing = np.zeros((len(over), 2))
    # Who comes to an exit is away: it leads nowhere else.
    inner = ~np.isin(tail, over)
    rows[0] = tuple(column[inner] for column in rows[0])
    rows.append(
        (over, np.full(len(over), ground.sink), nothing, nothing, np.ones(len(over), np.int64), np.ones(len(over)))
    )
    tail, head, out, into, ms, odds = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = np.argsort(tail, kind="stable")
    first = np.zeros(ground.sink + 2, np.int32)
    np.cumsum(np.bincount(tail, minlength=ground.sink + 1), out=first[1:])
    out, into = np.ascontiguousarray(out[order].T), np.ascontiguousarray(into[order].T)
    return Maze(first, head[order].astype(np.int32), ms[order], odds[order], out[0], out[1], into[0], into[1])


def _directions(ground: Ground, arcs: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the unit vectors, east and north, in which arcs leave and arrive, float64 (a, 2) each."""
    network = ground.network
    geometry = np.asarray(network.arc_geometry)[arcs]
    begin, end = np.asarray(network.geometry_first)[geometry], np.asarray(network.geometry_first)[geometry + 1] - 1
    drawn = np.asarray(network.arc_drawn)[arcs]
    points = np.column_stack((network.point_lon, network.point_lat)) / 1e7
    scale = np.array(metres_per_degree(float(np.mean(network.node_lat))))

    def unit(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        step = (points[b] - points[a]) * scale
        return np.asarray(step / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)[:, None])

    leave = unit(np.where(drawn, begin, end), np.where(drawn, begin + 1, end - 1))
    return leave, unit(np.where(drawn, end - 1, begin + 1), np.where(drawn, end, begin))


def _flight(ground: Ground, tail: NDArray[np.int64], out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the direction of flight at each edge's tail, unit vectors float64 (e, 2)."""
    network, situation = ground.network, ground.situation
    if situation.heading_deg is not None:
        heading = np.deg2rad(situation.heading_deg)
        return np.broadcast_to(np.array([np.sin(heading), np.cos(heading)]), out.shape)
    scale = metres_per_degree(float(np.mean(network.node_lat)))
    lon, lat = np.mean([point_at(network, it.arc, it.fraction) for it in situation.seen], axis=0)
    x = (network.node_lon[ground.node] - lon) * scale[0]
    y = (network.node_lat[ground.node] - lat) * scale[1]
    away = np.column_stack((x, y))[tail]
    return np.asarray(away / np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-9)[:, None])


def _seconds_out(
    ground: Ground, tail: NDArray[np.int64], head: NDArray[np.int64], ms: NDArray[np.int64], exits: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Return the least time from each vertex to the outside, in s; 0 where nothing leads out."""
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import dijkstra  # noqa: PLC0415

    n = ground.sink + 1
    tails = np.append(tail, exits).astype(np.int64)
    heads = np.append(head, np.full(len(exits), ground.sink)).astype(np.int64)
    takes = np.append(ms, np.ones(len(exits), np.int64)).astype(np.int64)
    order = np.lexsort((takes, heads, tails))  # of several edges between the same two the quickest
    tails, heads, takes = tails[order], heads[order], takes[order]
    new = np.ones(len(tails), np.bool_)
    new[1:] = (tails[1:] != tails[:-1]) | (heads[1:] != heads[:-1])
    graph: Any = coo_array((takes[new].astype(float), (heads[new], tails[new])), shape=(n, n)).tocsr()
    found = dijkstra(graph, indices=[ground.sink])[0]
    return np.asarray(np.where(np.isfinite(found), found, 0.0) / 1000.0)


def _from_source(ground: Ground) -> tuple[NDArray[Any], ...]:
    """Return the edges from the source to the ends of the streets where he was seen, as columns."""
    network, situation = ground.network, ground.situation
    starts, start_ms = starts_of(ground.ways, network, situation.seen)
    arcs = np.repeat([it.arc for it in situation.seen], 2)
    leave, arrive = _directions(ground, arcs)
    ahead = (np.arange(len(arcs)) % 2 == 0)[:, None]  # the head comes first, then the tail
    into = np.where(ahead, arrive, -leave)
    odds = np.ones(len(arcs))
    if situation.heading_deg is not None:
        heading = np.deg2rad(situation.heading_deg)
        odds = np.exp(2.0 * FLIGHT * (into @ np.array([np.sin(heading), np.cos(heading)])))
    place = ground.local[starts]
    head = np.where(place < 0, ground.sink, place).astype(np.int64)
    return np.full(len(arcs), ground.source), head, into, into, start_ms, odds
