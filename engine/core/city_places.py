"""The units, stations and areas of a city's folder: read, converted to WGS-84, and held against the roads.

Every place must lie near a road of the city, because only what lies near a road can be reached or can drive away.
A place that would lie right with longitude and latitude exchanged is told so.
"""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.city import City
from engine.core.city_files import Problems, Row, is_position, read_csv, read_features
from engine.dispatch.toml_file import NAME
from engine.model.entities import BARRIER_MS, CHECKPOINT, Station, Unit
from engine.model.ids import DESK, StationId, UnitId
from engine.model.limits import LONGEST_CALL_SIGN, LONGEST_NAME
from geo_data.datum import Datum, to_wgs84

UNIT_COLUMNS = (
    "id",
    "name",
    "capabilities",
    "station",
    "lon",
    "lat",
    "turnout_s",
    "on_duty",
    "equipment",
    "branch",
    "beats",
    "team",
)
STATION_PROPERTIES = ("id", "name", "name_zh", "capabilities", "branch", "setup_s")
AREA_PROPERTIES = ("id", "name", "name_zh", "kind", "station", "zone")
ZONE_KIND, BEAT_KIND = "zone", "beat"
_NEAR_DEG = 0.05
_LONGEST_TURNOUT_S = 3_600
_ON_DUTY = {"": True, "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class Area:
    """Polygons with a name: each is closed rings of longitude and latitude in degrees, the first is the outside."""

    id: str
    name: str
    name_zh: str
    kind: str
    station: str = ""
    """Whose jurisdiction it is; empty where nobody's."""
    zone: str = ""
    """Which zone it is, for an area of kind zone; else empty."""
    polygons: tuple[tuple[tuple[tuple[float, float], ...], ...], ...]


@dataclass(frozen=True)
class _Place:
    """A position that has to be held against the roads, and where it was read."""

    file: str
    line: int | None
    owner: str
    lon: float
    lat: float


@dataclass
class Reading:
    """What all readers share: the folder, the city so far, the datum its files are in, and what is wrong."""

    folder: Path
    city: City
    datum: Datum
    problems: Problems
    _places: list[_Place] = field(default_factory=list)

    def wgs84(self, lon: float, lat: float) -> tuple[float, float]:
        """Convert a position of the files."""
        return to_wgs84(lon, lat, self.datum)

    def hold(self, file: str, line: int | None, owner: str, lon: float, lat: float) -> tuple[float, float]:
        """Convert a position and remember that it has to lie near a road."""
        lon, lat = self.wgs84(lon, lat)
        self._places.append(_Place(file, line, owner, lon, lat))
        return lon, lat

    def check_places(self) -> None:
        """Hold all remembered positions against the roads, in one call."""
        places, self._places = self._places, []
        if not places:
            return
        limit_m = self.city.policies.snap_limit_m
        lon, lat = (np.array([getattr(place, name) for place in places]) for name in ("lon", "lat"))
        arcs, _, _ = self.city.snapper.snap_many(lon, lat, limit_m=limit_m)
        for place in (place for place, arc in zip(places, arcs, strict=True) if arc < 0):
            hint = self.hint((place.lon, place.lat))
            west, south, east, north = self.city.network.bounds()
            self.problems.add(
                place.file,
                place.line,
                f"{place.owner} position",
                f"{place.lon:.6f},{place.lat:.6f}",
                f"within {limit_m:g} m of a road; the roads reach from "
                f"{west:.4f},{south:.4f} to {east:.4f},{north:.4f}{hint}",
            )

    def hint(self, position: object) -> str:
        """Return a hint for a position that is not near the roads but would be the other way round."""
        if not isinstance(position, list | tuple) or len(position) < 2 or not is_position(position[1::-1]):
            return ""
        west, south, east, north = self.city.network.bounds()
        lat, lon = position[:2]
        is_near = west - _NEAR_DEG <= lon <= east + _NEAR_DEG and south - _NEAR_DEG <= lat <= north + _NEAR_DEG
        return "; longitude and latitude seem to be exchanged" if is_near else ""


def read_stations(reading: Reading, file: str) -> tuple[Station, ...]:
    """Read the stations: points with ``id, name`` and, if wanted, ``name_zh, capabilities, branch, setup_s``."""
    stations: dict[str, Station] = {}
    for feature in read_features(reading.folder, file, STATION_PROPERTIES, reading.problems):
        said, point = feature.properties, feature.geometry
        position = point.get("coordinates")
        if point.get("type") != "Point" or not is_position(position):
            reading.problems.add(
                file, feature.line, "geometry", position, f"a Point [lon, lat]{reading.hint(position)}"
            )
            continue
        assert isinstance(position, list)
        if not _named(reading, file, feature.line, said, stations):
            continue
        capabilities = said.get("capabilities", [])
        if not isinstance(capabilities, list) or not all(isinstance(name, str) for name in capabilities):
            reading.problems.add(file, feature.line, "capabilities", capabilities, "a list of texts")
            continue
        _check_capabilities(reading, file, feature.line, capabilities)
        setup_ms = _setup_ms(reading, file, feature.line, said)
        lon, lat = reading.hold(file, feature.line, f"station {said['id']}", position[0], position[1])
        stations[said["id"]] = Station(
            id=StationId(said["id"]),
            name=said["name"],
            lon=lon,
            lat=lat,
            name_zh=said.get("name_zh", ""),
            capabilities=tuple(capabilities),
            branch=said.get("branch", ""),
            setup_ms=setup_ms,
        )
    reading.check_places()
    _check_offices(reading, file, stations)
    return tuple(stations.values())


def _setup_ms(reading: Reading, file: str, line: int | None, said: Mapping[str, Any]) -> int:
    """Return how long a standing checkpoint takes to bar its road; no other station says so."""
    setup_s = said.get("setup_s", BARRIER_MS / 1000)
    is_number = isinstance(setup_s, int | float) and not isinstance(setup_s, bool)
    if not is_number or not 0 <= setup_s <= _LONGEST_TURNOUT_S:
        reading.problems.add(file, line, "setup_s", setup_s, f"seconds from 0 to {_LONGEST_TURNOUT_S}")
        return BARRIER_MS
    if "setup_s" in said and CHECKPOINT not in said.get("capabilities", []):
        limit = f"only where capabilities name {CHECKPOINT}: it is the time until a barrier is down"
        reading.problems.add(file, line, "setup_s", setup_s, limit)
    return round(float(setup_s) * 1000)


def _named(reading: Reading, file: str, line: int | None, said: Mapping[str, Any], known: Mapping[str, object]) -> bool:
    """Note what is wrong with ``id, name, name_zh``; return whether the thing can be taken."""
    before = len(reading.problems.found)
    for name, longest, required in (
        ("id", LONGEST_CALL_SIGN, True),
        ("name", LONGEST_NAME, True),
        ("name_zh", LONGEST_NAME, False),
        ("branch", LONGEST_CALL_SIGN, False),
    ):
        value = said.get(name, "")
        if not isinstance(value, str) or len(value) > longest or not value.isprintable() or (required and not value):
            limit = f"{'a text' if required else 'a text or nothing'} of at most {longest} characters"
            reading.problems.add(file, line, name, value, limit)
    if isinstance(said.get("id"), str) and said["id"] in known:
        reading.problems.add(file, line, "id", said["id"], "each id may stand once")
    return len(reading.problems.found) == before


def _check_capabilities(reading: Reading, file: str, line: int | None, names: Sequence[str]) -> None:
    known = reading.city.run_cards.capabilities
    for name in names:
        if name not in known:
            reading.problems.add(
                file, line, "capabilities", name, f"unknown to the run cards; known: {', '.join(known)}"
            )


def read_units(reading: Reading, file: str, stations: Sequence[Station]) -> tuple[Unit, ...]:
    """Read the units. A unit without a position of its own stands at its station."""
    by_id = {station.id: station for station in stations}
    units: dict[str, Unit] = {}
    for row in read_csv(reading.folder, file, UNIT_COLUMNS, ("id", "capabilities"), reading.problems):
        unit = _unit(reading, file, row, by_id, units)
        if unit is not None:
            units[unit.id] = unit
    reading.check_places()
    if units and any(str(station) in units for station in by_id):
        both = ", ".join(sorted(str(station) for station in by_id if str(station) in units))
        reading.problems.add(file, None, "id", both, "a unit and a station may not share an id: mailboxes go by id")
    _check_offices(reading, file, units)
    return tuple(units.values())


def _check_offices(reading: Reading, file: str, ids: Container[str]) -> None:
    for name in (DESK, *sorted(reading.city.run_cards.offices)):
        if name in ids:
            limit = "the id of the command room, or of somebody of run_cards.toml: mailboxes go by id"
            reading.problems.add(file, None, "id", name, limit)


def _unit(
    reading: Reading, file: str, row: Row, stations: Mapping[StationId, Station], known: Mapping[str, Unit]
) -> Unit | None:
    """Return the unit of one line, or None with what is wrong noted."""
    cells, problems, before = row.cells, reading.problems, len(reading.problems.found)
    named = {"id": cells["id"], "name": cells.get("name") or cells["id"]}
    if not _named(reading, file, row.line, named, known):
        return None
    capabilities = tuple(dict.fromkeys(cells["capabilities"].replace(";", " ").split()))
    if not capabilities:
        problems.add(file, row.line, "capabilities", "", "at least one, separated by spaces")
    _check_capabilities(reading, file, row.line, capabilities)
    station = StationId(cells.get("station", ""))
    if station and station not in stations:
        problems.add(file, row.line, "station", station, "no station has this id")
    on_duty = _ON_DUTY.get(cells.get("on_duty", "").lower())
    if on_duty is None:
        problems.add(file, row.line, "on_duty", cells["on_duty"], "yes or no")
    turnout_s = _number(cells.get("turnout_s", "") or "0")
    if turnout_s is None or not 0 <= turnout_s <= _LONGEST_TURNOUT_S:
        limit = f"seconds from 0 to {_LONGEST_TURNOUT_S}"
        problems.add(file, row.line, "turnout_s", cells.get("turnout_s", ""), limit)
    position = _position(reading, file, row, stations.get(station))
    team = cells.get("team", "")
    if len(team) > LONGEST_CALL_SIGN:
        problems.add(file, row.line, "team", team, f"{LONGEST_CALL_SIGN} characters")
    equipment = tuple(dict.fromkeys(cells.get("equipment", "").replace(";", " ").split()))
    for name in equipment:
        if name not in reading.city.run_cards.words.equipment:
            limit = f"unknown to the run cards; known: {', '.join(reading.city.run_cards.words.equipment)}"
            problems.add(file, row.line, "equipment", name, limit)
    if position is None or on_duty is None or turnout_s is None or len(problems.found) > before:
        return None
    return Unit(
        id=UnitId(cells["id"]),
        name=named["name"],
        capabilities=capabilities,
        lon=position[0],
        lat=position[1],
        station=station or None,
        turnout_ms=round(turnout_s * 1000),
        on_duty=on_duty,
        equipment=equipment,
        branch=cells.get("branch", ""),
        beats=tuple(dict.fromkeys(cells.get("beats", "").replace(";", " ").split())),
        team=team,
    )


def _position(reading: Reading, file: str, row: Row, station: Station | None) -> tuple[float, float] | None:
    """Return where a unit begins, in WGS-84: its own position, else its station's."""
    lon_text, lat_text = row.cells.get("lon", ""), row.cells.get("lat", "")
    if not lon_text and not lat_text:
        if station is not None:
            return station.lon, station.lat
        if not row.cells.get("station", ""):
            reading.problems.add(file, row.line, "lon,lat", "", "a position, or the id of a station to stand at")
        return None
    position = [_number(lon_text), _number(lat_text)]
    if not is_position(position):
        limit = f"degrees, -180 to 180 and -90 to 90{reading.hint(position)}"
        reading.problems.add(file, row.line, "lon,lat", f"{lon_text},{lat_text}", limit)
        return None
    lon, lat = position
    assert lon is not None
    assert lat is not None
    return reading.hold(file, row.line, f"unit {row.cells['id']}", lon, lat)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_areas(reading: Reading, file: str, stations: Sequence[Station]) -> tuple[Area, ...]:
    """Read the areas: polygons with ``id, name`` and, if wanted, ``name_zh, kind``; ``station`` or ``zone`` by kind."""
    known = {str(station.id) for station in stations}
    areas: dict[str, Area] = {}
    for feature in read_features(reading.folder, file, AREA_PROPERTIES, reading.problems):
        said = feature.properties
        if not _named(reading, file, feature.line, said, areas):
            continue
        polygons = _polygons(reading, feature.geometry)
        if polygons is None:
            limit = "a Polygon or MultiPolygon of closed rings of at least 4 positions"
            reading.problems.add(file, feature.line, f"area {said['id']}", feature.geometry.get("type"), limit)
            continue
        station, zone, kind = (str(said.get(key, "")) for key in ("station", "zone", "kind"))
        if station and (station not in known or kind != "jurisdiction"):
            limit = "the id of a station, for an area whose kind is jurisdiction"
            reading.problems.add(file, feature.line, "station", station, limit)
            continue
        if bool(zone) != (kind == ZONE_KIND) or (zone and NAME.fullmatch(zone) is None):
            limit = "which zone it is, such as town, edge or village, for an area whose kind is zone, and for no other"
            reading.problems.add(file, feature.line, "zone", zone, limit)
            continue
        areas[said["id"]] = Area(
            id=said["id"],
            name=said["name"],
            name_zh=said.get("name_zh", ""),
            kind=kind,
            station=station,
            zone=zone,
            polygons=polygons,
        )
    return tuple(areas.values())


def _polygons(
    reading: Reading, geometry: Mapping[str, Any]
) -> tuple[tuple[tuple[tuple[float, float], ...], ...], ...] | None:
    """Return an area's polygons in WGS-84, or None when they are not polygons."""
    coordinates = geometry.get("coordinates")
    if geometry.get("type") == "Polygon":
        coordinates = [coordinates]
    elif geometry.get("type") != "MultiPolygon":
        return None
    if not isinstance(coordinates, list) or not coordinates:
        return None
    polygons = []
    for polygon in coordinates:
        if not isinstance(polygon, list) or not polygon or not all(_is_ring(ring) for ring in polygon):
            return None
        polygons.append(tuple(tuple(reading.wgs84(at[0], at[1]) for at in ring) for ring in polygon))
    return tuple(polygons)


def _is_ring(ring: object) -> bool:
    return isinstance(ring, list) and len(ring) >= 4 and all(is_position(at) for at in ring) and ring[0] == ring[-1]
