"""The ground around reached streets as a polygon.

On a grid of half the margin each point's exact distance to the streets is measured, and the line drawn where that is
the margin; enclosed ground up to a size is filled, and the line made simpler by up to a quarter of the margin. Within
a cell the line is off by at most 1.21 of its width, so that with the quarter it stays 0.14 margins away from every
street: none is cut or left out. Same streets, same polygon: the grid is laid from the network's south-west corner.
Where the ground is so large that the grid would have more points than `_MOST_POINTS`, cell and margin widen.
"""

import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from engine.travel.outlining import count_crossings, measure_distances, trace_rings
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree

_MOST_POINTS = 1 << 24
_BORDER = 4
"""Points of the grid beyond the last street: two for the margin, one for the line, one that lies outside for sure."""
_DECIMALS = 7
"""Of a degree, a centimetre on the ground: what the network itself is drawn with."""

Parts = tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]
Points = NDArray[np.float64]


def draw_outline(network: RoadNetwork, parts: Parts, margin_m: float, fill_m2: float) -> Any:
    """Return the ground around parts of streets as a valid polygon, or several, in WGS-84 degrees.

    Parameters
    ----------
    network
        The streets.
    parts
        int32, float64, float64 (p,): geometries and fractions of their length, as drawn.
    margin_m
        How far from a street ground belongs to it.
    fill_m2
        Enclosed ground no larger than this belongs as well.
    """
    geometry, begin, end = parts
    if len(geometry) == 0:
        return shapely.MultiPolygon()
    west, south, _, north = network.bounds()
    per_degree = np.array(metres_per_degree((south + north) / 2))
    corner = np.array([west, south])
    points, first = _courses(network, geometry)
    metres = (points - corner) * per_degree
    cell_m = _cell_for(metres, margin_m)
    # The grid's first point in whole cells from the corner, that neighbouring outlines fit each other.
    low = np.floor(metres.min(axis=0) / cell_m) - _BORDER
    columns, rows = (np.ceil(metres.max(axis=0) / cell_m) - low).astype(int) + _BORDER + 1
    rings, ring_first = _rings(metres - low * cell_m, first, (begin, end), cell_m, (int(rows), int(columns)))
    ground = _assembled((rings + low) * cell_m, ring_first, fill_m2)
    return _in_degrees(ground, cell_m / 2, corner, per_degree)


def _courses(network: RoadNetwork, geometry: NDArray[np.int32]) -> tuple[Points, NDArray[np.int64]]:
    """Return the points of geometries in degrees, float64 (q, 2), and where those of each begin, int64 (p + 1,)."""
    start = network.geometry_first[geometry]
    counts = network.geometry_first[geometry + 1] - start
    first = np.zeros(len(geometry) + 1, np.int64)
    np.cumsum(counts, out=first[1:])
    rows = np.repeat(start - first[:-1], counts) + np.arange(int(first[-1]))
    return np.column_stack((network.point_lon[rows], network.point_lat[rows])) / 1e7, first


def _cell_for(metres: Points, margin_m: float) -> float:
    """Return the width of a cell: half the margin, or as much as keeps the grid within bounds."""
    cell_m = margin_m / 2
    span = metres.max(axis=0) - metres.min(axis=0)
    while math.prod(span / cell_m + 2 * _BORDER + 2) > _MOST_POINTS:
        cell_m *= 1.25
    return cell_m


def _rings(
    metres: Points, first: NDArray[np.int64], spans: tuple[Points, Points], cell_m: float, shape: tuple[int, int]
) -> tuple[Points, NDArray[np.int64]]:
    """Return the rings' points in cells from the grid's first point, what is inside on their left, and their starts."""
    margin_m, most_m = 2 * cell_m, 3 * cell_m
    field = np.full(shape, most_m**2, np.float32)
    x, y = np.ascontiguousarray(metres[:, 0]), np.ascontiguousarray(metres[:, 1])
    measure_distances(x, y, first, *spans, cell_m, most_m, field)
    np.sqrt(field, out=field)
    crossings, along = count_crossings(field, margin_m)
    points, ring_first = np.empty((crossings, 2)), np.empty(along // 2 + 1, np.int64)
    count = trace_rings(field, margin_m, points, ring_first)
    return points, ring_first[: count + 1]


def _assembled(points: Points, ring_first: NDArray[np.int64], fill_m2: float) -> Any:
    """Return the ground within rings, with holes above a size."""
    ring = np.repeat(np.arange(len(ring_first) - 1), np.diff(ring_first))
    shapes = np.asarray(shapely.polygons(shapely.linearrings(points, indices=ring)))
    area = _signed_areas(points, ring_first, ring)
    shells, filled, holes = shapes[area > 0], shapes[(area <= 0) & (-area <= fill_m2)], shapes[-area > fill_m2]
    if len(shells) > 1 and len(filled):
        # Reached ground within a hole that is filled is no ground of its own any more.
        _, swallowed = shapely.STRtree(shells).query(filled, predicate="contains_properly")
        shells = np.delete(shells, swallowed)
    inner: list[list[Any]] = [[] for _ in shells]
    shell, hole = shapely.STRtree(holes).query(shells, predicate="contains_properly")
    # The innermost shell around a hole is the smallest: shells do not overlap but by lying in each other's holes.
    smallest_first = np.lexsort((shapely.area(shells[shell]), hole))
    own = smallest_first[np.diff(hole[smallest_first], prepend=-1) > 0]
    for around, one in zip(shell[own].tolist(), hole[own].tolist(), strict=True):
        inner[around].append(holes[one].exterior)
    whole = [shapely.Polygon(one.exterior, cut) for one, cut in zip(shells, inner, strict=True)]
    return whole[0] if len(whole) == 1 else shapely.MultiPolygon(whole)


def _signed_areas(points: Points, ring_first: NDArray[np.int64], ring: NDArray[np.int64]) -> Points:
    """Return each ring's area, below 0 where it runs clockwise: holes do."""
    following = np.arange(1, len(points) + 1)
    following[ring_first[1:] - 1] = ring_first[:-1]
    near = points - points[ring_first[:-1]][ring]  # from each ring's own first point: small numbers keep their digits
    after = near[following]
    twice = near[:, 0] * after[:, 1] - near[:, 1] * after[:, 0]
    return np.add.reduceat(twice, ring_first[:-1]) / 2


def _in_degrees(ground: Any, tolerance_m: float, corner: Points, per_degree: Points) -> Any:
    """Return the ground in degrees, simpler and rounded where that leaves it valid, as it does but for freaks."""
    simple = shapely.simplify(ground, tolerance_m, preserve_topology=True)
    for shape, decimals in ((simple, _DECIMALS), (ground, _DECIMALS)):
        found = shapely.transform(shape, lambda at, d=decimals: np.round(at / per_degree + corner, d))
        if found.is_valid:
            return shapely.normalize(found)
    return shapely.normalize(shapely.transform(ground, lambda at: at / per_degree + corner))
