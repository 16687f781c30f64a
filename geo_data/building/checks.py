"""What streets must be like before anything is built of them.

Sources are other people's files: a NaN, exchanged latitude and longitude or an index past the end is refused here with
the field, the place in it, the value and the limit, and never becomes a wrong travel time.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import ALL_MODES, STREETS, Facing, NodeKind, RawRoads

_BY_NODE = ("node_lon", "node_lat", "node_source_id", "no_merge", "node_kind", "node_facing")
_BY_EDGE = (
    *("tail", "head", "forward_modes", "backward_modes", "road_class", "forward_kmh", "backward_kmh"),
    *("forward_emergency_kmh", "backward_emergency_kmh", "length_m", "name", "source_id", "roundabout"),
)
_BY_TURN = ("turn_from", "turn_via", "turn_to", "turn_kind")
MOST_NODES = 2**30
"""Arcs are counted in int32, and a street may be two of them."""


class RoadDataError(ValueError):
    """Streets that cannot be: names the field, the index in it, the value and the limit."""

    def __init__(self, field: str, index: int | None, value: object, limit: str) -> None:
        self.field, self.index, self.value, self.limit = field, index, value, limit
        place = field if index is None else f"{field}[{index}]"
        super().__init__(f"{place}: {value} is not taken; limit: {limit}")


def check_roads(raw: RawRoads) -> None:
    """Refuse streets that cannot be.

    Raises
    ------
    RoadDataError
        At the first field that does not fit, with its first bad element.
    """
    _check_shapes(raw)
    nodes, edges, points = len(raw.node_lon), len(raw.tail), len(raw.point_lon)
    for field, limit in (("node_lon", 180), ("node_lat", 90), ("point_lon", 180), ("point_lat", 90)):
        values = getattr(raw, field)
        _refuse(field, values, ~(np.abs(values) <= limit), f"-{limit} to {limit} degrees")
    for field in ("tail", "head", "turn_via"):
        values = getattr(raw, field)
        _refuse(field, values, (values < 0) | (values >= nodes), f"a node, 0 to {nodes - 1}")
    for field in ("turn_from", "turn_to"):
        values = getattr(raw, field)
        _refuse(field, values, (values < 0) | (values >= edges), f"an edge, 0 to {edges - 1}")
    for field in ("forward_modes", "backward_modes"):
        values = getattr(raw, field)
        _refuse(field, values, values > int(ALL_MODES), f"bits of Mode, 0 to {int(ALL_MODES)}")
    _refuse(
        "road_class", raw.road_class, raw.road_class > max(STREETS), f"a street's RoadClass, 0 to {int(max(STREETS))}"
    )
    for field, kinds in (("node_kind", NodeKind), ("node_facing", Facing)):
        values, most = getattr(raw, field), max(int(kind) for kind in kinds)
        _refuse(field, values, values > most, f"a {kinds.__name__}, 0 to {most}")
    _refuse("turn_kind", raw.turn_kind, raw.turn_kind > 1, "a Restriction, 0 or 1")
    for field in ("forward_kmh", "backward_kmh", "forward_emergency_kmh", "backward_emergency_kmh"):
        values = getattr(raw, field)
        _refuse(field, values, (values <= 0) | np.isinf(values), "above 0 km/h and finite, or NaN for unknown")
    _refuse("length_m", raw.length_m, (raw.length_m < 0) | np.isinf(raw.length_m), "0 m or more, or NaN to be measured")
    _refuse("name", raw.name, (raw.name < -1) | (raw.name >= len(raw.names)), f"-1 to {len(raw.names) - 1}")
    counts = np.diff(raw.point_first)
    _refuse("point_first", counts, counts < 2, "at least 2 points in each geometry")
    if raw.point_first[0] != 0 or raw.point_first[-1] != points:
        ends = f"{raw.point_first[0]} to {raw.point_first[-1]}"
        raise RoadDataError("point_first", None, ends, f"from 0 to the {points} points")


def _check_shapes(raw: RawRoads) -> None:
    nodes, edges, turns = len(raw.node_lon), len(raw.tail), len(raw.turn_from)
    for names, count in ((_BY_NODE, nodes), (_BY_EDGE, edges), (_BY_TURN, turns)):
        for name in names:
            _check_length(name, getattr(raw, name), count)
    _check_length("point_first", raw.point_first, edges + 1)
    _check_length("point_lat", raw.point_lat, len(raw.point_lon))
    if len(raw.names_zh) != len(raw.names):
        raise RoadDataError("names_zh", None, f"{len(raw.names_zh)} texts", f"as many as names, {len(raw.names)}")
    if edges == 0:
        raise RoadDataError("tail", None, "0 edges", "at least one street")
    for name, count in (("node_lon", nodes), ("tail", edges)):
        if count > MOST_NODES:
            raise RoadDataError(name, None, f"{count} elements", f"{MOST_NODES}")


def _check_length(name: str, array: NDArray[Any], count: int) -> None:
    if array.shape != (count,):
        raise RoadDataError(name, None, f"shape {array.shape}", f"shape ({count},)")


def _refuse(field: str, values: NDArray[Any], bad: NDArray[np.bool_], limit: str) -> None:
    if bad.any():
        index = int(np.argmax(bad))
        raise RoadDataError(field, index, values[index], limit)
