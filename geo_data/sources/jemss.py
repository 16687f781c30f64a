"""Cities of JEMSS, a simulator of ambulance fleets: nodes, arcs with travel times, stations, hospitals, vehicles.

A file holds several tables. Distances are kilometres, times days. The travel mode of the highest priority is lights and
sirens, that of the lowest is normal driving; speeds are set so that the times come out again to the millisecond.
https://github.com/uoa-ems-research/JEMSS.jl
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo_data.places import Place
from geo_data.raw_roads import ALL_MODES, DRIVE, RawRoads, RoadClass
from geo_data.sources.courses import straight
from geo_data.sources.nodes import NodeRows
from geo_data.sources.tables import Table, TableError, read_tables

_HOURS_A_DAY: Final = 24.0
_LONGEST_DAYS: Final = 2.0
_CLASS_FROM_KMH: Final = (
    (90.0, RoadClass.MOTORWAY),
    (60.0, RoadClass.TRUNK),
    (45.0, RoadClass.PRIMARY),
    (33.0, RoadClass.SECONDARY),
)
"""JEMSS has no classes; the speed of normal driving tells one, for showing. Times never come from it."""


@dataclass(frozen=True, kw_only=True)
class Ambulance:
    """A vehicle and the id of the station where it stands by."""

    id: str
    station: str


@dataclass(frozen=True, kw_only=True)
class JemssPlaces:
    """Who and what there is beside the roads."""

    stations: list[Place]
    hospitals: list[Place]
    ambulances: list[Ambulance]


def read_jemss(folder: str | os.PathLike[str]) -> RawRoads:
    """Read the roads of a JEMSS city: ``nodes.csv``, ``arcs.csv``, ``travel*.csv``.

    Raises
    ------
    geo_data.sources.tables.TableError
        When a table cannot be taken; names file, line, column, value and limit.
    """
    base = Path(folder)
    node_table = _table(base / "nodes.csv", "nodes", ("index", "x", "y"))
    nodes = NodeRows(node_table, "index", "x", "y")
    form = _table(base / "arcs.csv", "miscData", ("arcForm",))
    if form.texts("arcForm")[0] not in ("directed", "undirected"):
        raise form.refuse(0, "arcForm", "directed or undirected")
    emergency, normal = _mode_columns(base)
    arcs = _table(base / "arcs.csv", "arcs", ("index", "fromNode", "toNode", "distance", emergency, normal))
    tail, head = nodes.rows(arcs, "fromNode"), nodes.rows(arcs, "toNode")
    length_m = arcs.numbers("distance", 0, 1e4) * 1000.0
    kmh = {column: _kmh(arcs, column, length_m) for column in (emergency, normal)}
    access = (
        node_table.numbers("offRoadAccess", 0, 1) > 0
        if "offRoadAccess" in node_table
        else np.ones(len(node_table), bool)
    )
    modes = np.where(access[tail] | access[head], int(ALL_MODES), int(DRIVE)).astype(np.uint8)
    both_ways = form.texts("arcForm")[0] == "undirected"
    pair = np.full(len(arcs), -1) if both_ways else _opposite(tail, head, length_m)
    kept = np.flatnonzero((pair < 0) | (np.arange(len(arcs)) < pair))
    back = kept if both_ways else pair[kept]
    first, lon, lat = straight(nodes.at[tail[kept]], nodes.at[head[kept]])
    return RawRoads(
        source="JEMSS city",
        licence="",
        attribution="",
        node_lon=nodes.at[:, 0].copy(),
        node_lat=nodes.at[:, 1].copy(),
        tail=tail[kept],
        head=head[kept],
        forward_modes=modes[kept],
        backward_modes=np.where(back >= 0, modes[back], 0).astype(np.uint8),
        road_class=_classes(kmh[normal])[kept],
        forward_kmh=kmh[normal][kept],
        backward_kmh=np.where(back >= 0, kmh[normal][back], np.nan).astype(np.float32),
        forward_emergency_kmh=kmh[emergency][kept],
        backward_emergency_kmh=np.where(back >= 0, kmh[emergency][back], np.nan).astype(np.float32),
        length_m=length_m[kept].astype(np.float32),
        name=np.full(len(kept), -1, np.int32),
        names=[],
        names_zh=[],
        point_first=first,
        point_lon=lon,
        point_lat=lat,
        source_id=arcs.wholes("index")[kept],
        node_source_id=nodes.id,
        no_merge=np.zeros(len(nodes.id), bool),
        dropped={"arcs_paired": len(arcs) - len(kept)},
    )


def read_jemss_places(folder: str | os.PathLike[str]) -> JemssPlaces:
    """Read stations, hospitals and ambulances: ``stations*.csv``, ``hospitals*.csv``, ``ambulances*.csv``.

    Raises
    ------
    geo_data.sources.tables.TableError
        When a table cannot be taken, or an ambulance names a station that is not there.
    """
    base = Path(folder)
    stations = _places(_one(base, "stations"), "stations")
    hospitals = _places(_one(base, "hospitals"), "hospitals")
    table = _table(_one(base, "ambulances"), "ambulances", ("index", "stationIndex"))
    known = {station.id for station in stations}
    ambulances = []
    for row, (number, station) in enumerate(zip(table.wholes("index"), table.wholes("stationIndex"), strict=True)):
        if str(station) not in known:
            raise table.refuse(row, "stationIndex", f"the index of a station, one of {len(known)}")
        ambulances.append(Ambulance(id=str(number), station=str(station)))
    return JemssPlaces(stations=stations, hospitals=hospitals, ambulances=ambulances)


def _one(base: Path, stem: str) -> Path:
    found = sorted(base.glob(f"{stem}*.csv"))
    if not found:
        raise TableError(base / f"{stem}.csv", None, "file", "no such file", f"{stem}.csv or {stem}_1.csv")
    return found[0]


def _table(path: Path, name: str, required: tuple[str, ...]) -> Table:
    tables = read_tables(path)
    if name not in tables:
        raise TableError(path, None, "table", ", ".join(tables) or "none", f"a table named {name}")
    tables[name].require(required)
    return tables[name]


def _mode_columns(base: Path) -> tuple[str, str]:
    """Return the columns of lights and sirens and of normal driving."""
    modes = _table(_one(base, "travel"), "travelModes", ("travelModeIndex",))
    sets = _table(_one(base, "travel"), "travelSets", ("priority", "travelModeIndex"))
    known = {int(index) for index in modes.wholes("travelModeIndex")}
    by_priority: dict[str, int] = {}
    for row, (priority, mode) in enumerate(zip(sets.texts("priority"), sets.wholes("travelModeIndex"), strict=True)):
        if int(mode) not in known:
            raise sets.refuse(row, "travelModeIndex", f"one of {', '.join(map(str, sorted(known)))}")
        by_priority[priority] = int(mode)
    for priority in ("highPriority", "lowPriority"):
        if priority not in by_priority:
            raise TableError(sets.path, None, "priority", ", ".join(by_priority), f"a row for {priority}")
    return f"mode_{by_priority['highPriority']}", f"mode_{by_priority['lowPriority']}"


def _kmh(arcs: Table, column: str, length_m: NDArray[np.float64]) -> NDArray[np.float32]:
    days = arcs.numbers(column, 0, _LONGEST_DAYS)
    if (days == 0).any():
        raise arcs.refuse(int(np.argmax(days == 0)), column, f"above 0, to {_LONGEST_DAYS:g} days")
    # An arc without length takes its time all the same; the least length makes its speed a number.
    return (np.maximum(length_m, 1e-3) / 1000 / (days * _HOURS_A_DAY)).astype(np.float32)


def _classes(kmh: NDArray[np.float32]) -> NDArray[np.uint8]:
    road_class = np.full(len(kmh), RoadClass.RESIDENTIAL, np.uint8)
    for least, kind in reversed(_CLASS_FROM_KMH):
        road_class[kmh >= least] = kind
    return road_class


def _opposite(tail: NDArray[np.int32], head: NDArray[np.int32], length_m: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each arc the one that is the same street the other way, each used once; -1 where there is none."""
    pair = np.full(len(tail), -1, np.int64)
    waiting: dict[tuple[int, int, int], list[int]] = {}
    millimetres = np.round(length_m * 1000).astype(np.int64).tolist()
    for arc, (start, end, length) in enumerate(zip(tail.tolist(), head.tolist(), millimetres, strict=True)):
        others = waiting.get((end, start, length))
        if others and start != end:
            pair[arc] = other = others.pop()
            pair[other] = arc
        else:
            waiting.setdefault((start, end, length), []).append(arc)
    return pair


def _places(path: Path, name: str) -> list[Place]:
    table = _table(path, name, ("index", "x", "y"))
    lon, lat = table.numbers("x", -180, 180), table.numbers("y", -90, 90)
    titles = next((column for column in table.columns if "name" in column.lower()), None)
    texts = table.texts(titles) if titles else [str(number) for number in table.wholes("index")]
    return [
        Place(id=str(number), name=text, lon=float(x), lat=float(y))
        for number, text, x, y in zip(table.wholes("index"), texts, lon, lat, strict=True)
    ]
