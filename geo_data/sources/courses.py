"""Courses of streets out of tables: lines as well-known text, brought to begin and end at the street's nodes.

A line drawn against its street is turned round; one that ends off its node is led there. Both are counted.
"""

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geo_data.lengths import distance_m
from geo_data.sources.tables import Table

Floats = NDArray[np.float64]
_SAME_M: Final = 1.0
MOST_OFF_M: Final = 50_000.0
"""A line this far from its nodes is not theirs: units, datum or axes are mistaken."""


def read_lines(table: Table, column: str) -> NDArray[np.object_]:
    """Return a column of ``LINESTRING`` texts as geometries.

    Raises
    ------
    geo_data.sources.tables.TableError
        At the first that is no line, holds a NaN, or leaves longitude -180 to 180 and latitude -90 to 90.
    """
    texts = table.texts(column)
    lines = shapely.from_wkt(texts, on_invalid="ignore")
    wrong = shapely.is_missing(lines) | (shapely.get_type_id(lines) != shapely.GeometryType.LINESTRING)
    if wrong.any():
        raise table.refuse(int(np.argmax(wrong)), column, "a LINESTRING of two points or more, as well-known text")
    points, line = shapely.get_coordinates(lines, return_index=True)
    outside = ~((np.abs(points[:, 0]) <= 180) & (np.abs(points[:, 1]) <= 90))
    if outside.any():
        raise table.refuse(int(line[np.argmax(outside)]), column, "longitude -180 to 180, then latitude -90 to 90")
    return np.asarray(lines, object)


def pinned(
    table: Table, column: str, lines: NDArray[np.object_], tail: Floats, head: Floats, counts: dict[str, int]
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return ``point_first, point_lon, point_lat`` of `geo_data.raw_roads.RawRoads`.

    Parameters
    ----------
    table, column
        Where the lines come from, for errors.
    lines
        Geometries (e,).
    tail, head
        float64 (e, 2), longitude and latitude of the nodes at the ends.
    counts
        Gets ``courses_turned`` and ``courses_led_to_node`` added.

    Raises
    ------
    geo_data.sources.tables.TableError
        When a line ends farther than `MOST_OFF_M` from its node.
    """
    start = shapely.get_coordinates(shapely.get_point(lines, 0))
    end = shapely.get_coordinates(shapely.get_point(lines, -1))
    along = _apart_m(start, tail) + _apart_m(end, head)
    against = _apart_m(end, tail) + _apart_m(start, head)
    turned = (against < along) & (along > _SAME_M)
    lines = np.where(turned, shapely.reverse(lines), lines)
    off = np.column_stack(
        (_apart_m(np.where(turned[:, None], end, start), tail), _apart_m(np.where(turned[:, None], start, end), head))
    )
    far = off.max(axis=1) > MOST_OFF_M
    if far.any():
        row = int(np.argmax(far))
        raise table.refuse(row, column, f"ends within {MOST_OFF_M:g} m of its nodes, not {off[row].max():.0f} m")
    led = off > _SAME_M
    counts["courses_turned"] = int(turned.sum())
    counts["courses_led_to_node"] = int(led.any(axis=1).sum())
    # The node takes the place of an end that is as good as there, and is added to one that is not.
    points, line = shapely.get_coordinates(lines, return_index=True)
    size = np.bincount(line, minlength=len(lines))
    first = np.zeros(len(lines) + 1, np.int64)
    np.cumsum(size + led.sum(axis=1), out=first[1:])
    within = np.arange(len(points)) - np.repeat(np.cumsum(size) - size, size)
    place = first[line] + within + led[line, 0]
    joined = np.empty((int(first[-1]), 2))
    joined[place] = points
    joined[first[:-1]] = tail
    joined[first[1:] - 1] = head
    return first, joined[:, 0].copy(), joined[:, 1].copy()


def straight(tail: Floats, head: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return the courses of streets of which only the ends are known."""
    points = np.stack((tail, head), axis=1).reshape(-1, 2)
    return np.arange(0, len(points) + 1, 2, dtype=np.int64), points[:, 0].copy(), points[:, 1].copy()


def _apart_m(one: Floats, other: Floats) -> Floats:
    return distance_m(one[:, 0], one[:, 1], other[:, 0], other[:, 1])
