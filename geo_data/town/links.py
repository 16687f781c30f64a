"""Which places of a made-up county are joined by a road, and what kind of road that is.

Places are the vertices of a Delaunay triangulation, so roads do not cross. A minimum spanning tree joins all; some of
the other Gabriel edges close loops. Traffic towards the nearest seat decides the class; highways are the paths from
seat to seat and to the borders.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from scipy.spatial import Delaunay, cKDTree

from geo_data.raw_roads import RoadClass
from geo_data.town.plan import Course, Plan
from geo_data.town.streets import Floats, Ints, Mask

_LOOPS: Final = 0.5
_THROUGH_TOWN_M: Final = 330.0


@dataclass(kw_only=True)
class Sites:
    """``s`` places that roads join. ``seat`` is int32 (s,): the seat whose gate it is, else -1."""

    at_m: Floats
    seat: Ints
    weight: Floats
    """How much traffic it sends to the nearest seat."""


@dataclass(kw_only=True)
class Links:
    """Roads between places: int32 (k, 2) sites, and uint8 (k,) `RoadClass`."""

    ends: Ints
    road_class: NDArray[np.uint8]


def link(rng: np.random.Generator, plan: Plan, blocks_m: Floats, sites: Sites, through: list[list[int]]) -> Links:
    """Choose the roads between ``sites``.

    Parameters
    ----------
    rng
        Where chance comes from.
    plan
        Rivers and expressways, which roads cross seldom.
    blocks_m
        Middles of superblocks, through which no road between places runs.
    sites
        The places.
    through
        Highways: each a list of vertices to pass in turn; from ``len(sites.at_m)`` on, vertices are the seats' middles.
    """
    pairs, gabriel = _pairs(sites)
    length_m = np.hypot(*(sites.at_m[pairs[:, 0]] - sites.at_m[pairs[:, 1]]).T)
    crossing = _crossings(plan.rivers, sites.at_m, pairs)
    motorway = _crossings(plan.expressways, sites.at_m, pairs)
    cutting = _through_town(blocks_m, sites.at_m, pairs)
    cost = length_m * np.where(crossing, 3.5, 1) * np.where(motorway, 1.6, 1) * np.where(cutting, 12, 1)
    count, seats = len(sites.at_m), len(plan.seat_m)
    gates = np.flatnonzero(sites.seat >= 0)
    spokes = np.column_stack((gates, count + sites.seat[gates]))
    graph = _graph(np.concatenate((pairs, spokes)), np.concatenate((cost, np.full(len(gates), 1e-3))), count + seats)
    tree = minimum_spanning_tree(graph).tocoo()
    in_tree = np.isin(_code(pairs, count + seats), _code(np.column_stack((tree.row, tree.col)), count + seats))
    chance = _LOOPS * np.where(crossing, 0.2, 1) * np.where(motorway, 0.5, 1) * ~cutting
    chosen = in_tree | (gabriel & (rng.random(len(pairs)) < chance))
    pairs, cost = pairs[chosen], cost[chosen]
    to_middle = np.hypot(*(sites.at_m[gates] - plan.seat_m[sites.seat[gates]]).T)
    roads = _graph(np.concatenate((pairs, spokes)), np.concatenate((cost, to_middle)), count + seats)
    road_class = _classes(rng, roads, pairs, sites, seats)
    highways = _highways(roads, through)
    lies_on = np.isin(_code(pairs, count + seats), highways[0])
    road_class[lies_on] = RoadClass.PRIMARY
    road_class[np.isin(_code(pairs, count + seats), highways[1])] = RoadClass.TRUNK
    return Links(ends=pairs.astype(np.int32), road_class=road_class)


def _pairs(sites: Sites) -> tuple[NDArray[np.int64], Mask]:
    """Return neighbours in the Delaunay triangulation, and which of them are Gabriel neighbours."""
    triangles = Delaunay(sites.at_m).simplices
    corners = np.concatenate([triangles[:, [a, b, c]] for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1))])
    low, high = corners[:, :2].min(axis=1), corners[:, :2].max(axis=1)
    # Gabriel: no other place sees the edge under an obtuse angle; the opposite corners are the ones to ask.
    apex = sites.at_m[corners[:, 2]]
    dot = ((sites.at_m[low] - apex) * (sites.at_m[high] - apex)).sum(axis=1)
    code = low.astype(np.int64) * len(sites.at_m) + high
    unique, inverse = np.unique(code, return_inverse=True)
    obtuse = np.zeros(len(unique), bool)
    np.logical_or.at(obtuse, inverse, dot < 0)
    pairs = np.column_stack(np.divmod(unique, len(sites.at_m)))
    apart = (sites.seat[pairs[:, 0]] < 0) | (sites.seat[pairs[:, 0]] != sites.seat[pairs[:, 1]])
    return pairs[apart], ~obtuse[apart]


def _crossings(courses: tuple[Course, ...], at_m: Floats, pairs: NDArray[np.int64]) -> Mask:
    crossing = np.zeros(len(pairs), bool)
    for course in courses:
        east = at_m[:, 0] > course.at(at_m[:, 1])
        crossing |= east[pairs[:, 0]] != east[pairs[:, 1]]
    return crossing


def _through_town(blocks_m: Floats, at_m: Floats, pairs: NDArray[np.int64]) -> Mask:
    """Return which straight lines between places run through a town's superblocks."""
    tree = cKDTree(blocks_m)
    cutting = np.zeros(len(pairs), bool)
    for share in (0.2, 0.35, 0.5, 0.65, 0.8):
        there = at_m[pairs[:, 0]] * (1 - share) + at_m[pairs[:, 1]] * share
        cutting |= tree.query(there, distance_upper_bound=_THROUGH_TOWN_M)[0] < _THROUGH_TOWN_M
    return cutting


def _graph(pairs: NDArray[np.int64], cost: Floats, count: int) -> csr_array:
    both = np.concatenate((pairs, pairs[:, ::-1]))
    return csr_array((np.concatenate((cost, cost)), (both[:, 0], both[:, 1])), shape=(count, count))


def _code(pairs: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    pairs = pairs.astype(np.int64)
    return np.asarray(pairs.min(axis=1) * count + pairs.max(axis=1))


def _classes(
    rng: np.random.Generator, roads: csr_array, pairs: NDArray[np.int64], sites: Sites, seats: int
) -> NDArray[np.uint8]:
    """Return the class of every road by how much traffic it carries to the nearest seat."""
    count = len(sites.at_m)
    distance, before, _ = dijkstra(
        roads, indices=np.arange(count, count + seats), min_only=True, return_predecessors=True
    )
    flow = np.append(sites.weight, np.zeros(seats))
    for vertex in np.argsort(-distance, kind="stable"):
        if before[vertex] >= 0:
            flow[before[vertex]] += flow[vertex]
    carried = np.zeros(len(pairs))
    for one, other in ((0, 1), (1, 0)):
        onward = before[pairs[:, one]] == pairs[:, other]
        carried[onward] = flow[pairs[onward, one]]
    road_class = np.full(len(pairs), RoadClass.UNCLASSIFIED, np.uint8)
    road_class[(carried >= 5) | ((carried == 0) & (rng.random(len(pairs)) < 0.2))] = RoadClass.TERTIARY
    road_class[carried >= 18] = RoadClass.SECONDARY
    return road_class


def _highways(roads: csr_array, through: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the codes of edges on provincial and on national roads; routes that begin with -1 are national."""
    found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for route in through:
        kind, stops = (1, route[1:]) if route[0] == -1 else (0, route)
        for start, end in pairwise(stops):
            before = dijkstra(roads, indices=[start], return_predecessors=True)[1][0]
            vertex = end
            while before[vertex] >= 0:
                found[kind].append((int(before[vertex]), vertex))
                vertex = int(before[vertex])
    count = roads.shape[0]
    provincial, national = (_code(np.array(edges or [(0, 0)]), count) for edges in found)
    return provincial, national
