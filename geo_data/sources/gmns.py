"""Networks in the General Modeling Network Specification: ``node.csv``, ``link.csv`` and perhaps ``config.csv``.

A link is one-way where ``directed`` says so, else two-way; two directed links along one line are one two-way street.
Types are read by name (``link_type_name``, ``facility_type``) or by the numbers of osm2gmns (``link_type``).
https://github.com/zephyr-data-specs/GMNS
"""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo_data.lengths import distance_m, line_lengths_m
from geo_data.raw_roads import ALL_MODES, DRIVE, Mode, NodeKind, RawRoads, RoadClass
from geo_data.sources.courses import pinned, read_lines, straight
from geo_data.sources.nodes import NodeRows
from geo_data.sources.osm.tags import HIGHWAYS
from geo_data.sources.tables import Table, TableError, read_table

OSM2GMNS_TYPES: Final = {
    1: "motorway",
    2: "trunk",
    3: "primary",
    4: "secondary",
    5: "tertiary",
    6: "residential",
    7: "service",
    8: "cycleway",
    9: "footway",
    10: "track",
    11: "unclassified",
}
"""Numbers of ``link_type``; others are `RoadClass.OTHER`. https://osm2gmns.readthedocs.io"""

_METRES: Final = {
    "m": 1.0,
    "meter": 1.0,
    "meters": 1.0,
    "metre": 1.0,
    "metres": 1.0,
    "km": 1000.0,
    "kilometers": 1000.0,
}
_METRES.update({"mi": 1609.344, "mile": 1609.344, "miles": 1609.344, "ft": 0.3048, "feet": 0.3048})
_KMH: Final = {"kph": 1.0, "km/h": 1.0, "kmh": 1.0, "mph": 1.609344}
_MEANT: Final = ("oneway", "one_way", "is_oneway", "closed", "lanes_ab", "direction")
"""Columns of other formats that change who may drive where; a file that has one is not GMNS, and is not guessed at."""
_READ: Final = (
    *("directed", "geometry", "length", "free_speed", "allowed_uses", "name"),
    *("link_type", "link_type_name", "facility_type"),
)
"""Columns of links that are read where they are there. GMNS allows more, and those are passed over."""
_ALIKE: Final = 0.85
"""From this likeness on (`difflib`, 0 to 1) an unknown column is a slip of the pen: ``lenth``."""
_TRUE: Final = frozenset({"1", "1.0", "true", "t", "yes"})
_FALSE: Final = frozenset({"0", "0.0", "false", "f", "no", ""})
_DRIVERS: Final = frozenset({"auto", "car", "sov", "hov2", "hov3", "all", "motor_vehicle", "truck"})
_RESERVED: Final = frozenset({"bus", "transit", "taxi", "psv", "emergency"})
_WALKERS: Final = frozenset({"walk", "ped", "pedestrian", "foot", "all"})

_CONTROLS: Final = {
    **dict.fromkeys(("", "none", "no_control", "uncontrolled", "0", "0.0"), NodeKind.NONE),
    **dict.fromkeys(("signal", "signals", "signal_with_rtor", "traffic_signals", "1", "1.0"), NodeKind.SIGNALS),
    **dict.fromkeys(("stop", "stop_2_way", "2_stop", "stop_4_way", "4_stop"), NodeKind.STOP),
    **dict.fromkeys(("yield", "give_way"), NodeKind.GIVE_WAY),
}
"""Values of a node's ``ctrl_type``; osm2gmns writes 0 and 1, or ``signal``."""


def read_gmns(folder: str | os.PathLike[str]) -> RawRoads:
    """Read a folder of GMNS tables.

    Raises
    ------
    geo_data.sources.tables.TableError
        When a table cannot be taken: a missing file or column, an unknown node, a NaN, exchanged coordinates, lengths
        of another unit. Names file, line, column, value and limit.
    """
    base = Path(folder)
    units = _Units(base / "config.csv")
    nodes = NodeRows(read_table(base / "node.csv", ("node_id", "x_coord", "y_coord")), "node_id", "x_coord", "y_coord")
    links = read_table(base / "link.csv", ("link_id", "from_node_id", "to_node_id"))
    _check_columns(links)
    tail, head = nodes.rows(links, "from_node_id"), nodes.rows(links, "to_node_id")
    counts: dict[str, int] = {}
    ends = nodes.at[tail], nodes.at[head]
    drawn = "geometry" in links and any(links.texts("geometry"))
    if drawn:
        first, lon, lat = pinned(links, "geometry", read_lines(links, "geometry"), *ends, counts)
    else:
        first, lon, lat = straight(*ends)
    road_class = _classes(links)
    modes = _modes(links, road_class)
    kmh = _speeds(links, units.kmh)
    names, name = _names(links)
    nan = np.full(len(links), np.nan, np.float32)
    roads = RawRoads(
        source="GMNS tables",
        licence="",
        attribution="",
        node_lon=nodes.at[:, 0].copy(),
        node_lat=nodes.at[:, 1].copy(),
        tail=tail,
        head=head,
        forward_modes=modes,
        backward_modes=np.where(_directed(links), modes & Mode.FOOT, modes).astype(np.uint8),
        road_class=road_class,
        forward_kmh=kmh,
        backward_kmh=kmh.copy(),
        forward_emergency_kmh=nan,
        backward_emergency_kmh=nan.copy(),
        length_m=_lengths(links, units.metres, ends, line_lengths_m(first, lon, lat), counts),
        name=name,
        names=names,
        names_zh=["" for _ in names],
        point_first=first,
        point_lon=lon,
        point_lat=lat,
        source_id=links.wholes("link_id"),
        node_source_id=nodes.id,
        no_merge=np.zeros(len(nodes.id), bool),
        node_kind=_node_kinds(nodes.table, counts),
        dropped=counts,
    )
    return _paired(roads)


class _Units:
    """What the numbers of a network are counted in: metres and km/h unless ``config.csv`` says otherwise."""

    def __init__(self, path: Path) -> None:
        self.metres = self.kmh = 1.0
        if not path.exists():
            return
        table = read_table(path, ())
        self.metres = self._factor(table, "long_length", _METRES)
        self.kmh = self._factor(table, "speed", _KMH)
        crs = table.texts("crs")[0].lower() if "crs" in table else ""
        if crs and not crs.endswith(("4326", "crs84", "wgs84")):
            raise table.refuse(0, "crs", "EPSG:4326, longitude and latitude in degrees")

    def _factor(self, table: Table, column: str, known: dict[str, float]) -> float:
        unit = table.texts(column)[0].lower() if column in table else ""
        if unit and unit not in known:
            raise table.refuse(0, column, f"one of {', '.join(known)}")
        return known.get(unit, 1.0)


def _node_kinds(nodes: Table, counts: dict[str, int]) -> NDArray[np.uint8]:
    """Return what ``ctrl_type`` says of nodes; words that are not known are counted and mean nothing."""
    if "ctrl_type" not in nodes:
        return np.zeros(len(nodes), np.uint8)
    said = [text.lower() for text in nodes.texts("ctrl_type")]
    unknown = sum(text not in _CONTROLS for text in said)
    if unknown:
        counts["nodes_of_unknown_ctrl_type"] = unknown
    return np.array([_CONTROLS.get(text, NodeKind.NONE) for text in said], np.uint8)


def _check_columns(links: Table) -> None:
    """Refuse columns that would change the network if they were read: of another format, or misspelt."""
    for column in links.columns:
        if column.lower() in _MEANT:
            raise TableError(links.path, None, column, "not a column of GMNS", "`directed`, true or false")
        meant = get_close_matches(column.lower(), _READ, 1, _ALIKE) if column not in _READ else []
        if meant and meant[0] not in links:
            raise TableError(links.path, None, column, "not a column of GMNS", f"`{meant[0]}`")


def _directed(links: Table) -> NDArray[np.bool_]:
    if "directed" not in links:
        return np.zeros(len(links), bool)
    said = [text.lower() for text in links.texts("directed")]
    for row, text in enumerate(said):
        if text not in _TRUE and text not in _FALSE:
            raise links.refuse(row, "directed", "true or false, 1 or 0")
    return np.array([text in _TRUE for text in said])


def _classes(links: Table) -> NDArray[np.uint8]:
    for column in ("link_type_name", "facility_type"):
        if column in links:
            kinds = [HIGHWAYS.get(text.lower().replace(" ", "_"), RoadClass.OTHER) for text in links.texts(column)]
            return np.array(kinds, np.uint8)
    if "link_type" not in links:
        return np.full(len(links), RoadClass.OTHER, np.uint8)
    numbers = links.numbers("link_type", 0, 1e9, empty=0)
    known = {number: HIGHWAYS[name] for number, name in OSM2GMNS_TYPES.items()}
    return np.array([known.get(int(number), RoadClass.OTHER) for number in numbers], np.uint8)


def _modes(links: Table, road_class: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return who may use each link along its direction: by ``allowed_uses``, else as is usual for its class."""
    by_class = np.full(len(RoadClass), int(ALL_MODES), np.uint8)
    by_class[[RoadClass.MOTORWAY, RoadClass.MOTORWAY_LINK]] = DRIVE
    by_class[[RoadClass.FOOTWAY, RoadClass.STEPS]] = Mode.FOOT
    by_class[[RoadClass.PEDESTRIAN, RoadClass.BUSWAY]] = Mode.EMERGENCY | Mode.FOOT
    modes = by_class[road_class]
    if "allowed_uses" not in links:
        return modes
    for row, text in enumerate(links.texts("allowed_uses")):
        uses = {use.strip().lower() for use in text.replace(",", ";").split(";")} - {""}
        if not uses:
            continue
        may = DRIVE if uses & _DRIVERS else Mode.EMERGENCY if uses & _RESERVED else Mode(0)
        modes[row] = may | (Mode.FOOT if uses & _WALKERS else Mode(0))
    return modes


def _speeds(links: Table, factor: float) -> NDArray[np.float32]:
    if "free_speed" not in links:
        return np.full(len(links), np.nan, np.float32)
    kmh = links.numbers("free_speed", 0, 400, empty=np.nan) * factor
    kmh[kmh == 0] = np.nan  # osm2gmns writes 0 for unknown
    return kmh.astype(np.float32)


def _names(links: Table) -> tuple[list[str], NDArray[np.int32]]:
    texts = links.texts("name") if "name" in links else [""] * len(links)
    numbers: dict[str, int] = {}
    name = [numbers.setdefault(text, len(numbers)) if text else -1 for text in texts]
    return list(numbers), np.array(name, np.int32)


def _lengths(
    links: Table,
    factor: float,
    ends: tuple[NDArray[np.float64], NDArray[np.float64]],
    measured_m: NDArray[np.float64],
    counts: dict[str, int],
) -> NDArray[np.float32]:
    """Return given lengths; NaN (to be measured) where none is given or it is shorter than the straight line."""
    if "length" not in links:
        return np.full(len(links), np.nan, np.float32)
    length_m = links.numbers("length", 0, 1e9, empty=np.nan) * factor
    given = ~np.isnan(length_m)
    ratio = float(np.median(length_m[given] / np.maximum(measured_m[given], 0.01))) if given.any() else 1.0
    if not 0.5 < ratio < 2:
        limit = "metres, or the unit that config.csv gives as long_length"
        raise TableError(links.path, None, "length", f"{ratio:.3g} times the length along the geometry", limit)
    straight_m = distance_m(ends[0][:, 0], ends[0][:, 1], ends[1][:, 0], ends[1][:, 1])
    short = given & (length_m < 0.98 * straight_m)
    counts["lengths_too_short"] = int(short.sum())
    length_m[short] = np.nan
    return length_m.astype(np.float32)


def _paired(roads: RawRoads) -> RawRoads:
    """Make one two-way street of two directed links that run along one line in opposite directions."""
    one_way = np.flatnonzero((roads.backward_modes & DRIVE == 0) & (roads.forward_modes & DRIVE != 0))
    waiting: dict[tuple[object, ...], int] = {}
    gone = np.zeros(len(roads.tail), bool)
    points = np.round(np.column_stack((roads.point_lon, roads.point_lat)), 6)
    for edge in one_way.tolist():
        line = points[roads.point_first[edge] : roads.point_first[edge + 1]]
        kind = (int(roads.road_class[edge]), int(roads.name[edge]))
        other = waiting.pop((*kind, line[::-1].tobytes()), None)
        if other is None:
            waiting[(*kind, line.tobytes())] = edge
            continue
        roads.backward_modes[other] = roads.forward_modes[edge] | roads.backward_modes[other]
        roads.backward_kmh[other] = roads.forward_kmh[edge]
        gone[edge] = True
    roads.dropped["links_paired"] = int(gone.sum())
    return _without(roads, gone)


def _without(roads: RawRoads, gone: NDArray[np.bool_]) -> RawRoads:
    if not gone.any():
        return roads
    counts = np.diff(roads.point_first)
    points = np.repeat(~gone, counts)
    for field in (
        *("tail", "head", "forward_modes", "backward_modes", "road_class", "forward_kmh", "backward_kmh"),
        *("forward_emergency_kmh", "backward_emergency_kmh", "length_m", "name", "source_id", "roundabout"),
    ):
        setattr(roads, field, getattr(roads, field)[~gone])
    roads.point_lon, roads.point_lat = roads.point_lon[points], roads.point_lat[points]
    roads.point_first = np.concatenate(([0], np.cumsum(counts[~gone]))).astype(np.int64)
    return roads


__all__ = ["OSM2GMNS_TYPES", "TableError", "read_gmns"]
