"""Edges of an osmnx graph as streets: which edges are one street's two directions, and what their tags mean.

Each edge tells how its graph is drawn: as ways are (``oneway`` is the tag, or absent), or as osmnx draws by default
(``oneway`` is true or false, and a two-way street stands twice, once ``reversed``); simplified (with ``geometry``, and
lists where ways of different tags were joined) or not.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from geo_data.lengths import line_lengths_m
from geo_data.raw_roads import ALL_MODES, RawRoads, RoadClass
from geo_data.sources.osm.barriers import barrier_passes, cut_barriers
from geo_data.sources.osm.junctions import TAGS, node_facing, node_kind
from geo_data.sources.osm.speeds import parse_duration_s
from geo_data.sources.osm.tags import Dropped, WayTags, read_way

_ACCESS: Final = ("access", "vehicle", "motor_vehicle", "motorcar", "foot", "emergency", "psv", "bus", "taxi")
WAY_TAGS: Final = frozenset(
    {
        *_ACCESS,
        *(f"{key}:{direction}" for key in (*_ACCESS, "maxspeed") for direction in ("forward", "backward")),
        *("highway", "route", "area", "junction", "service", "tracktype", "smoothness", "impassable", "motorroad"),
        *("oneway", "oneway:motorcar", "oneway:motor_vehicle", "oneway:vehicle", "oneway:emergency", "oneway:foot"),
        *("oneway:bus", "oneway:psv", "busway", "conveying", "width", "est_width", "duration"),
        *("maxspeed", "maxspeed:type", "zone:maxspeed", "source:maxspeed", "zone:traffic"),
        *("name", "name:zh", "name:zh-Hans", "ref"),
        *(
            "construction",
            "proposed",
            "planned",
            "abandoned",
            "disused",
            "razed",
            "demolished",
            "dismantled",
            "historic",
        ),
    }
)
"""The tags of ways that `geo_data.sources.osm.tags` reads."""
NODE_TAGS: Final = TAGS | {
    *("barrier", "bollard", "kerb", "locked", "access", "vehicle", "motor_vehicle", "motorcar", "foot", "emergency")
}
"""The tags of nodes that `geo_data.sources.osm.barriers` and `junctions` read."""
_REVERSED: Final = frozenset({"-1", "reverse", "T"})
"""Values of ``oneway`` for which osmnx turns a way round and keeps the tag."""
_MIXED: Final = ("highway", "access")
"""Tags that decide who may go; where simplifying joined ways that differ in them, only those go who may go on all."""
_FERRY_KMH: Final = (1.0, 90.0)
_MOST_SHOWN: Final = 60


class GraphError(ValueError):
    """A graph that cannot be taken; names the node or edge, the field, the value and the limit."""


class _Street:
    """One edge of a graph as one street: from where to where, along what, and its tags."""

    __slots__ = ("bends", "head", "mixed", "tags", "tail", "turned", "way")

    def __init__(self, tail: int, head: int, attributes: dict[str, Any]) -> None:
        self.mixed = {key: attributes[key] for key in _MIXED if isinstance(attributes.get(key), list)}
        self.way = _first(attributes.get("osmid", 0))
        self.tags = {key: str(_first(attributes[key])) for key in WAY_TAGS if key in attributes}
        oneway = _first(attributes.get("oneway"))
        self.turned = False
        self.tail, self.head = tail, head
        geometry = attributes.get("geometry")
        self.bends: NDArray[np.float64] | None = None if geometry is None else np.asarray(geometry.coords)[:, :2]
        if isinstance(oneway, bool | np.bool_):
            self.tags["oneway"] = "yes" if oneway else "no"
            self.turned = not oneway and bool(_first(attributes.get("reversed", False)))
        elif self.tags.get("oneway") in _REVERSED:
            self.tail, self.head = head, tail
            self.bends = None if self.bends is None else self.bends[::-1]

    def key(self) -> tuple[object, ...]:
        """Return what its other direction has in common with it, seen from the one that is not turned."""
        tail, head = (self.head, self.tail) if self.turned else (self.tail, self.head)
        if self.bends is None:
            return tail, head, self.way, b""
        bends = self.bends[::-1] if self.turned else self.bends
        return tail, head, self.way, np.round(bends, 6).tobytes()


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def roads_of_graph(graph: Any) -> RawRoads:
    """Return the streets of a graph; source and licence are left to the caller.

    Raises
    ------
    GraphError
        When nodes lack places or the graph is projected, has no street, or an edge makes no sense.
    """
    reference = str(graph.graph.get("crs", "epsg:4326")).lower()
    if not reference.endswith(("4326", "crs84", "wgs84")):
        raise GraphError(f"graph, crs: {reference[:_MOST_SHOWN]!r} is not taken; limit: EPSG:4326, unprojected")
    place, node_lon, node_lat = _nodes(graph)
    counts: dict[str, int] = {}
    streets, read = _streets(graph, place, counts)
    if not streets:
        raise GraphError(f"graph, edges: {graph.number_of_edges()} edges, none of them a street; limit: at least one")
    tail = np.array([street.tail for street in streets], np.int32)
    head = np.array([street.head for street in streets], np.int32)
    first, lon, lat = _courses(streets, tail, head, node_lon, node_lat)
    names: dict[tuple[str, str], int] = {}
    name = [names.setdefault((one.name, one.name_zh), len(names)) if one.name or one.name_zh else -1 for one in read]
    nan = np.full(len(streets), np.nan, np.float32)
    kmh = np.array([(one.forward_kmh, one.backward_kmh) for one in read], np.float32)
    _ferry_speeds(streets, read, kmh, line_lengths_m(first, lon, lat))
    roads = RawRoads(
        source="",
        licence="",
        attribution="",
        node_lon=node_lon,
        node_lat=node_lat,
        tail=tail,
        head=head,
        forward_modes=np.array([one.forward_modes for one in read], np.uint8),
        backward_modes=np.array([one.backward_modes for one in read], np.uint8),
        road_class=np.array([one.road_class for one in read], np.uint8),
        forward_kmh=kmh[:, 0].copy(),
        backward_kmh=kmh[:, 1].copy(),
        forward_emergency_kmh=nan,
        backward_emergency_kmh=nan.copy(),
        length_m=nan.copy(),
        name=np.array(name, np.int32),
        names=[name for name, _ in names],
        names_zh=[name_zh for _, name_zh in names],
        point_first=first,
        point_lon=lon,
        point_lat=lat,
        source_id=np.array([street.way for street in streets], np.int64),
        node_source_id=np.array([_number(node) for node in place], np.int64),
        no_merge=np.zeros(len(node_lon), bool),
        roundabout=np.array([one.roundabout for one in read], np.bool_),
        dropped=counts,
    )
    for node, attributes in graph.nodes(data=True):
        tags = {key: str(attributes[key]) for key in TAGS if key in attributes}
        roads.node_kind[place[node]], roads.node_facing[place[node]] = node_kind(tags), node_facing(tags)
    return cut_barriers(roads, _barriers(graph, place))


def _nodes(graph: Any) -> tuple[dict[Any, int], NDArray[np.float64], NDArray[np.float64]]:
    """Return the row of every node, and where they lie."""
    place = {node: row for row, node in enumerate(graph.nodes)}
    lon, lat = np.empty(len(place)), np.empty(len(place))
    for node, attributes in graph.nodes(data=True):
        for field, values, limit in (("x", lon, 180), ("y", lat, 90)):
            value = attributes.get(field)
            if not isinstance(value, int | float) or not abs(value) <= limit:
                raise GraphError(f"node {node}, {field}: {value!r} is not taken; limit: -{limit} to {limit} degrees")
            values[place[node]] = value
    return place, lon, lat


def _streets(graph: Any, place: dict[Any, int], counts: dict[str, int]) -> tuple[list[_Street], list[WayTags]]:
    """Return every street once, and what its tags mean."""
    found = [_Street(place[tail], place[head], attributes) for tail, head, attributes in graph.edges(data=True)]
    known = {street.key() for street in found if not street.turned}
    known_tags: dict[tuple[object, ...], WayTags | Dropped | None] = {}
    streets, read = [], []
    for street in found:
        if street.turned and street.key() in known:
            continue
        tags = (frozenset(street.tags.items()), str(street.mixed))
        if tags not in known_tags:
            known_tags[tags] = _meaning(street)
        meaning = known_tags[tags]
        if street.mixed:
            counts["edges_of_mixed_tags"] = counts.get("edges_of_mixed_tags", 0) + 1
        if isinstance(meaning, WayTags):
            streets.append(street)
            read.append(meaning)
            for reason in meaning.odd:
                counts[f"tags_{reason}"] = counts.get(f"tags_{reason}", 0) + 1
            continue
        reason = f"edges_{meaning.reason}" if meaning is not None else "edges_without_highway"
        counts[reason] = counts.get(reason, 0) + 1
    return streets, read


def _meaning(street: _Street) -> WayTags | Dropped | None:
    """Return what an edge's tags mean; of several ways in one, the least class and the modes that all of them allow."""
    variants = [street.tags]
    for key, values in street.mixed.items():
        variants = [tags | {key: str(value)} for tags in variants for value in sorted(set(map(str, values)))]
    meanings = [read_way(tags) for tags in variants]
    known = [meaning for meaning in meanings if isinstance(meaning, WayTags)]
    if len(known) < len(meanings):
        return next(meaning for meaning in meanings if not isinstance(meaning, WayTags))
    least = max(known, key=lambda meaning: meaning.road_class)
    forward = backward = int(ALL_MODES)
    for meaning in known:
        forward, backward = forward & meaning.forward_modes, backward & meaning.backward_modes
    return (
        replace(least, forward_modes=forward, backward_modes=backward) if forward | backward else Dropped("no_access")
    )


def _courses(
    streets: list[_Street],
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
    node_lon: NDArray[np.float64],
    node_lat: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    sizes = [2 if street.bends is None else max(2, len(street.bends)) for street in streets]
    first = np.zeros(len(streets) + 1, np.int64)
    np.cumsum(sizes, out=first[1:])
    lon, lat = np.empty(int(first[-1])), np.empty(int(first[-1]))
    for number, street in enumerate(streets):
        if street.bends is None:
            continue
        part = slice(first[number], first[number + 1])
        lon[part], lat[part] = street.bends[:, 0], street.bends[:, 1]
    lon[first[:-1]], lat[first[:-1]] = node_lon[tail], node_lat[tail]
    lon[first[1:] - 1], lat[first[1:] - 1] = node_lon[head], node_lat[head]
    wrong = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    if wrong.any():
        at = int(np.argmax(wrong))
        way = streets[int(np.searchsorted(first, at, side="right")) - 1].way
        raise GraphError(
            f"way {way}, geometry: {lon[at]} {lat[at]} is not taken; limit: longitude, latitude in degrees"
        )
    return first, lon, lat


def _ferry_speeds(
    streets: list[_Street], read: list[WayTags], kmh: NDArray[np.float32], length_m: NDArray[np.float64]
) -> None:
    """Let a ferry that says how long it takes go as fast as that: its way's length over its duration."""
    of_way: dict[int, list[int]] = {}
    for number, (street, meaning) in enumerate(zip(streets, read, strict=True)):
        if meaning.road_class == RoadClass.FERRY and "duration" in street.tags:
            of_way.setdefault(street.way, []).append(number)
    for numbers in of_way.values():
        duration_s = parse_duration_s(streets[numbers[0]].tags["duration"])
        speed = float(length_m[numbers].sum()) / duration_s * 3.6 if duration_s > 0 else np.nan
        if _FERRY_KMH[0] <= speed <= _FERRY_KMH[1]:
            kmh[numbers] = speed


def _barriers(graph: Any, place: dict[Any, int]) -> dict[int, int]:
    """Return, by node, the bits of the modes that may pass, where that is not all."""
    stops = {}
    for node, attributes in graph.nodes(data=True):
        if "barrier" in attributes:
            passes = barrier_passes({key: str(attributes[key]) for key in NODE_TAGS if key in attributes})
            if passes != ALL_MODES:
                stops[place[node]] = passes
    return stops


def _number(node: object) -> int:
    return int(node) if isinstance(node, int | np.integer) else -1
