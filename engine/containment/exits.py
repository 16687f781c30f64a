"""Where one can leave a city by car: the nodes outside its ground that a street leads to from inside.

A street that leaves the ground and can only come back, because it weaves along the border or ends after a few farms,
is no exit: parts outside with less than `POCKET_M` of streets count as inside. Where the map ends at the border there
is no outside to lead to; a street that breaks off within `EDGE_M` of the border or of the map's edge is an exit there.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo_data.raw_roads import RoadClass
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree
from geo_data.speeds import NEVER

POCKET_M = 2_000.0
EDGE_M = 60.0


@dataclass(frozen=True)
class Exits:
    """Where one can leave, the greatest streets first, then by longitude.

    Attributes
    ----------
    node
        int32 (e,), each once.
    arc
        int32 (e,), the greatest street that leads there: its class and name are the exit's.
    bearing_deg
        float64 (e,), which way that street leads out, clockwise from north.
    """

    node: NDArray[np.int32]
    arc: NDArray[np.int32]
    bearing_deg: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.node)


def exits_of(network: RoadNetwork, suspect_ms: NDArray[np.int32], ground: "shapely.Geometry") -> Exits:
    """Return where a suspect in a car can leave some ground.

    Parameters
    ----------
    network
        The streets; they should reach beyond the ground.
    suspect_ms
        int32 (m,), what each arc takes him; `NEVER` where he cannot drive. He minds no one-way signs.
    ground
        A polygon or several, in degrees WGS-84.
    """
    tail, head = np.asarray(network.arc_tail), np.asarray(network.arc_head)
    driven = np.flatnonzero(np.asarray(suspect_ms) < NEVER)
    shapely.prepare(ground)
    inside = shapely.intersects_xy(ground, network.node_lon, network.node_lat)
    inside = _with_pockets(network, driven, inside)
    out = driven[inside[tail[driven]] & ~inside[head[driven]]]
    back = driven[~inside[tail[driven]] & inside[head[driven]]]
    ends = _broken_off(network, driven, inside, ground)
    arcs = np.concatenate((out, back, ends[1]))
    nodes = np.concatenate((head[out], tail[back], ends[0]))
    forwards = np.concatenate((np.ones(len(out)), np.zeros(len(back)), (head[ends[1]] == ends[0])))
    rank = np.lexsort((arcs, -forwards, network.arc_class[arcs], nodes))
    first = rank[np.unique(nodes[rank], return_index=True)[1]]
    first = first[np.lexsort((network.node_lon[nodes[first]], network.arc_class[arcs[first]]))]
    inner = np.where(head[arcs[first]] == nodes[first], tail[arcs[first]], head[arcs[first]])
    outer = nodes[first].astype(np.int32)
    return Exits(outer, arcs[first].astype(np.int32), _bearing(network, inner.astype(np.int32), outer))


def _with_pockets(network: RoadNetwork, driven: NDArray[np.int64], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Count small parts outside, joined by streets outside alone, as inside where they touch it."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - half a second to import
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    tail, head = network.arc_tail[driven], network.arc_head[driven]
    outer = ~inside[tail] & ~inside[head]
    n = network.n_nodes
    joined = coo_array((np.ones(int(outer.sum()), np.int8), (tail[outer], head[outer])), shape=(n, n))
    _, part = connected_components(joined, directed=False)
    length = np.zeros(n)
    both_ways = network.arc_reverse[driven] >= 0
    np.add.at(length, part[tail[outer]], (network.arc_length_m[driven] / np.where(both_ways, 2.0, 1.0))[outer])
    crossing = inside[tail] != inside[head]
    touches = np.zeros(n, np.bool_)
    outer_end = np.where(inside[tail[crossing]], head[crossing], tail[crossing])
    touches[part[outer_end]] = True
    # The map may break off just outside: a part that is small because the map ends there is no pocket.
    degree = np.bincount(np.concatenate((tail, head)), minlength=n)
    single = (~inside) & (degree <= 2) & _at_the_edge(network)
    broken = np.zeros(n, np.bool_)
    broken[part[single]] = True
    return inside | (touches & (length < POCKET_M) & ~broken)[part]


def _at_the_edge(network: RoadNetwork) -> NDArray[np.bool_]:
    """Return which nodes lie at the edge of the map's bounding box."""
    west, south, east, north = network.bounds()
    per_lon, per_lat = metres_per_degree((south + north) / 2.0)
    lon, lat = network.node_lon, network.node_lat
    away = np.minimum(np.minimum(lon - west, east - lon) * per_lon, np.minimum(lat - south, north - lat) * per_lat)
    return np.asarray(away <= EDGE_M)


def _broken_off(
    network: RoadNetwork, driven: NDArray[np.int64], inside: NDArray[np.bool_], ground: "shapely.Geometry"
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the nodes inside where a street breaks off at the border, and one arc of each."""
    tail, head = network.arc_tail[driven], network.arc_head[driven]
    arcs = np.concatenate((driven, driven))
    here, there = np.concatenate((tail, head)), np.concatenate((head, tail))
    n = network.n_nodes
    pairs = np.sort(here.astype(np.int64) * n + there)  # numbers, sorted: rows, or np.unique, take ten times as long
    new = np.append(True, pairs[1:] != pairs[:-1])
    neighbours = np.bincount(pairs[new[: len(pairs)]] // n, minlength=n)
    of = np.full(n, -1, np.int64)
    of[here[::-1]] = arcs[::-1]
    ends = np.flatnonzero(inside & (neighbours == 1))
    # Side streets that end near the border are culs-de-sac; greater ones go on where the map does not.
    ends = ends[network.arc_class[of[ends]] < RoadClass.RESIDENTIAL]
    points = shapely.points(network.node_lon[ends], network.node_lat[ends])
    border = shapely.boundary(ground)
    per_lon, per_lat = metres_per_degree(float(np.mean(network.node_lat)))
    near = (shapely.distance(border, points) * min(per_lon, per_lat) <= EDGE_M) | _at_the_edge(network)[ends]
    return ends[near], of[ends[near]]


def _bearing(network: RoadNetwork, inner: NDArray[np.int32], outer: NDArray[np.int32]) -> NDArray[np.float64]:
    lat = network.node_lat[inner]
    east = (network.node_lon[outer] - network.node_lon[inner]) * np.cos(np.radians(lat))
    return np.asarray(np.degrees(np.arctan2(east, network.node_lat[outer] - lat)) % 360.0)
