"""A city is a folder. Reads it whole, or refuses it with everything that is wrong: file, line, reason.

``city.toml`` says what the city is, ``roads.apn`` holds its streets, ``units.csv`` and ``stations.geojson`` who there
is, ``run_cards.toml`` what is sent; ``calendar.toml``, the duty periods, ``areas.geojson``, what the places are
called, and ``speeds.toml``, how fast the streets are, may be left out.
Coordinates in it follow the datum that ``city.toml`` names and are converted here, once.
"""

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from engine.core.city import City, Jurisdiction, Zone
from engine.core.city_devices import Device, DeviceSettings, check_devices, device_settings, read_devices
from engine.core.city_files import (
    CityError,
    Problem,
    Problems,
    Rule,
    TomlFile,
    check_table,
    read_csv,
    read_features,
)
from engine.core.city_places import (
    STATION_PROPERTIES,
    UNIT_COLUMNS,
    Area,
    Reading,
    read_areas,
    read_stations,
    read_units,
)
from engine.dispatch.calendar import STANDARD, CalendarError, CalendarRules
from engine.dispatch.policies import Policies
from engine.dispatch.run_cards import RunCardError, RunCards
from engine.model.ids import StationId
from engine.model.limits import LEVELS, LONGEST_NAME
from engine.texts import LANGUAGES
from geo_data.datum import Datum
from geo_data.raw_roads import Mode
from geo_data.road_network import RoadFileError, RoadNetwork
from geo_data.speed_table import SpeedTable, SpeedTableError, TurnTimes
from geo_data.speeds import Profile, SpeedError

__all__ = [
    "CityError",
    "CityFolder",
    "Listener",
    "Settings",
    "load_city",
    "load_folder",
    "load_rules",
    "load_settings",
    "recipients",
]

CITY, ROADS, STATIONS = "city.toml", "roads.apn", "stations.geojson"
UNITS, AREAS, RUN_CARDS, CALENDAR = "units.csv", "areas.geojson", "run_cards.toml", "calendar.toml"
SPEEDS = "speeds.toml"
RECORD = "record"
"""The folder inside it that the server writes: journal, keys, and where it listens."""
SCHEMA = 1
_GREATEST = 10 * 365 * 86_400_000


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Where the server listens. Port 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What ``city.toml`` says besides the city itself: how the server meets the world."""

    http: Listener = Listener(port=8460)
    stream: Listener = Listener(port=8461)
    certificate: Path | None = None
    key: Path | None = None
    origins: tuple[str, ...] = ()
    """Browser pages' origins that may open a stream, besides the server's own."""
    devices: DeviceSettings = field(default_factory=DeviceSettings)


@dataclass(frozen=True, kw_only=True)
class CityFolder:
    """All that a folder says. ``warnings`` are things that can be lived with but should be known."""

    city: City
    settings: Settings
    areas: tuple[Area, ...]
    devices: tuple[Device, ...]
    warnings: tuple[Problem, ...]


def load_city(folder: Path) -> City:
    """Read a city's folder.

    Raises
    ------
    CityError
        With all that is wrong: file, line, field, value and what would be taken.
    """
    return load_folder(folder).city


def load_folder(folder: Path) -> CityFolder:
    """Read a city's folder with the server's settings.

    Raises
    ------
    CityError
        With all that is wrong: file, line, field, value and what would be taken.
    """
    problems = Problems()
    toml = TomlFile.read(folder, CITY, problems)
    table = _checked(toml, problems) if toml else {}
    network = _roads(folder, problems)
    cards = _run_cards(folder, problems)
    speeds = _speeds(folder, problems)
    calendar_rules = _calendar(folder, cards, problems)
    if cards is not None:
        _hold_periods(cards, calendar_rules, problems)
    if toml is None or network is None or cards is None or problems.found:
        # Places cannot be judged without roads, datum and capabilities: what is known so far is worth saying first.
        raise CityError(folder, problems.found)
    if speeds.contraflow is not None and not (network.arc_modes & Mode.CONTRAFLOW).any():
        lacking = "the roads were built without it; build them with `allpoints build --contraflow`"
        problems.warn(SPEEDS, None, "emergency.contraflow", ROADS, lacking)
    if speeds.turn_s != TurnTimes() and not network.is_turn.any():
        lacking = "the roads were built without turns; build them with `allpoints build --turns=all`"
        problems.warn(SPEEDS, None, "normal.turn_s", ROADS, lacking)
    policies = Policies(**table.get("policies", {}))
    blank = City(
        name=table["name"],
        network=network,
        run_cards=cards,
        calendar_rules=calendar_rules,
        policies=policies,
        time_zone=table["time_zone"],
        languages=tuple(table.get("languages", LANGUAGES)),
        profile=table.get("profile", "emergency"),
        speeds=speeds,
        roads_file=folder / ROADS,
    )
    try:
        reading = Reading(folder, blank, table["datum"], problems)
        stations = read_stations(reading, STATIONS)
        units = read_units(reading, UNITS, stations)
        areas = read_areas(reading, AREAS, stations) if (folder / AREAS).exists() else ()
        settings, ids = _settings(folder, table), {unit.id for unit in units}
        devices = read_devices(folder, settings.devices, ids, cards.cards.keys(), problems)
    except SpeedError as error:
        problems.quote(ROADS, None, error, folder / ROADS)
    if problems.found:
        raise CityError(folder, problems.found)
    _warn_of_gaps(cards, {name for unit in units for name in unit.capabilities}, problems)
    jurisdictions = tuple(
        Jurisdiction(area.id, StationId(area.station), area.polygons) for area in areas if area.station
    )
    zones = tuple(Zone(area.id, area.zone, area.polygons) for area in areas if area.zone)
    read = {"stations": stations, "units": units, "jurisdictions": jurisdictions, "zones": zones}
    city = City(**{**{f.name: getattr(blank, f.name) for f in fields(City)}, **read})
    _hold_areas(city, problems)
    if problems.found:
        raise CityError(folder, problems.found)
    warnings = tuple(problems.warnings)
    return CityFolder(city=city, settings=settings, areas=areas, devices=devices, warnings=warnings)


def load_settings(folder: Path) -> Settings:
    """Read only how the server meets the world, from ``city.toml``.

    Raises
    ------
    CityError
        With all that is wrong with ``city.toml``.
    """
    problems = Problems()
    toml = TomlFile.read(folder, CITY, problems)
    table = _checked(toml, problems) if toml else {}
    if problems.found:
        raise CityError(folder, problems.found)
    return _settings(folder, table)


def load_rules(folder: Path) -> tuple[RunCards, CalendarRules]:
    """Read only what is sent and when: the run cards and the calendar, held against each other.

    Raises
    ------
    CityError
        With all that is wrong with the two.
    """
    problems = Problems()
    cards = _run_cards(folder, problems)
    rules = _calendar(folder, cards, problems)
    if cards is not None:
        _hold_periods(cards, rules, problems)
    if cards is None or problems.found:
        raise CityError(folder, problems.found)
    return cards, rules


def recipients(folder: Path) -> dict[str, str]:
    """Return the ids in ``units.csv`` and ``stations.geojson`` with ``unit`` or ``station``, without the roads.

    Raises
    ------
    CityError
        When one of the two files cannot be read.
    """
    problems = Problems()
    found = {row.cells["id"]: "unit" for row in read_csv(folder, UNITS, UNIT_COLUMNS, ("id",), problems)}
    for feature in read_features(folder, STATIONS, STATION_PROPERTIES, problems):
        found[str(feature.properties.get("id", ""))] = "station"
    if problems.found:
        raise CityError(folder, problems.found)
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= LONGEST_NAME and value.isprintable()


def _is_zone(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(zoneinfo.ZoneInfo(value))
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False


def _texts_by_language(value: object) -> bool:
    return isinstance(value, dict) and value.keys() <= set(LANGUAGES) and all(_is_text(text) for text in value.values())


def _one_of(words: tuple[Any, ...]) -> Rule:
    return Rule(lambda value: isinstance(value, str) and value in words, f"one of {', '.join(words)}")


_TOP_RULES: Mapping[str, Rule] = {
    "schema": Rule(lambda value: value is not True and value == SCHEMA, f"this program reads schema {SCHEMA}"),
    "name": Rule(
        lambda value: isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,31}", value) is not None,
        "1 to 32 of a-z, 0-9 and _, a letter first: it is part of every id",
    ),
    "title": Rule(_texts_by_language, 'texts by language: { zh = "…", en = "…" }'),
    "datum": _one_of(get_args(Datum)),
    "time_zone": Rule(_is_zone, 'an IANA time zone such as "Asia/Shanghai"'),
    "languages": Rule(
        lambda value: isinstance(value, list) and bool(value) and all(word in LANGUAGES for word in value),
        f"a list out of {', '.join(LANGUAGES)}",
    ),
    "profile": _one_of(get_args(Profile)),
    "policies": Rule(lambda _: True, ""),
    "http": Rule(lambda _: True, ""),
    "stream": Rule(lambda _: True, ""),
    "tls": Rule(lambda _: True, ""),
    "devices": Rule(lambda _: True, ""),
}
_REQUIRED = ("schema", "name", "datum", "time_zone")
_LISTENER_RULES: Mapping[str, Rule] = {
    "host": Rule(_is_text, "a host name or address"),
    "port": Rule(lambda value: type(value) is int and 0 <= value <= 65_535, "0 to 65535; 0 lets the system choose"),
}
_ORIGIN_RULE = Rule(
    lambda value: (
        isinstance(value, list)
        and all(isinstance(origin, str) and re.fullmatch(r"https?://[^/\s]+", origin) for origin in value)
    ),
    'a list of origins such as "https://desk.example"',
)
_SECTION_RULES: Mapping[str, Mapping[str, Rule]] = {
    "http": _LISTENER_RULES,
    "stream": {**_LISTENER_RULES, "origins": _ORIGIN_RULE},
    "tls": {"certificate": Rule(_is_text, "a file's path"), "key": Rule(_is_text, "a file's path")},
}


_LEAST: Mapping[str, int] = {"joint_most": 1, "reserve_level": LEVELS[0]}
"""The least that a policy of a whole number may hold, where it is not 0."""

_MOST: Mapping[str, float] = {
    "window_ms": 5_000,
    "age_penalty_ms_per_s": 10_000,
    "diversion_level": LEVELS[-1],
    "diversion_cost_ms": 3_600_000,
    "diversion_saving_ms": 3_600_000,
    "reserve_level": LEVELS[-1],
    "cover_resolution": 9,
    "cover_busy": 0.99,
}
"""The most that a policy may hold, where it is not a million or a number of 64 bits."""


def _policy_rule(name: str, kind: object) -> Rule:
    """Return what a policy of this name and type may hold."""
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind))
    if kind is int:
        least, greatest = _LEAST.get(name, 0), _MOST.get(name, _GREATEST)
        limit = f"a whole number, {least} to {greatest}"
        return Rule(lambda value: type(value) is int and least <= value <= greatest, limit)
    most = _MOST.get(name, 1e6)
    return Rule(lambda value: type(value) in {int, float} and 0 < value <= most, f"a number above 0, at most {most:g}")


def _checked(toml: TomlFile, problems: Problems) -> dict[str, Any]:
    """Hold ``city.toml`` against its rules and return its table."""
    table = toml.table
    check_table(toml, "", table, _TOP_RULES, problems)
    for key in _REQUIRED:
        if key not in table:
            problems.add(toml.file, None, key, "", f"missing; {_TOP_RULES[key].limit}")
    hints = get_type_hints(Policies)
    sections = {**_SECTION_RULES, "policies": {name: _policy_rule(name, kind) for name, kind in hints.items()}}
    for section, rules in sections.items():
        if section in table:
            check_table(toml, section, table[section], rules, problems)
    check_devices(toml, table.get("devices", {}), problems)
    tls = table.get("tls", {})
    if isinstance(tls, dict) and ("certificate" in tls) != ("key" in tls):
        problems.add(toml.file, toml.line("tls"), "tls", ", ".join(tls), "certificate and key belong together")
    return table


def _roads(folder: Path, problems: Problems) -> RoadNetwork | None:
    try:
        network = RoadNetwork.load(folder / ROADS, verify=True)
    except (RoadFileError, ValueError) as error:
        problems.quote(ROADS, None, error, folder / ROADS)
    except OSError as error:
        problems.add(ROADS, None, "file", ROADS, f"cannot be read ({error.strerror}); make it with `allpoints build`")
    else:
        if network.n_arcs:
            return network
        problems.add(ROADS, None, "arcs", 0, "at least one street")
    return None


def _run_cards(folder: Path, problems: Problems) -> RunCards | None:
    try:
        return RunCards.load(folder / RUN_CARDS)
    except RunCardError as error:
        problems.found.extend(Problem(RUN_CARDS, fault.line, "", "", fault.said) for fault in error.faults)
    except OSError as error:
        problems.add(RUN_CARDS, None, "file", RUN_CARDS, f"cannot be read ({error.strerror})")
    return None


def _speeds(folder: Path, problems: Problems) -> SpeedTable:
    """Read the city's speeds; where it has none, or they cannot be used, the shipped ones stand."""
    path = folder / SPEEDS
    if path.exists():
        try:
            return SpeedTable.load(path)
        except SpeedTableError as error:
            for wrong in error.wrong:
                problems.add(SPEEDS, wrong.line, wrong.key, wrong.value, wrong.limit)
        except OSError as error:
            problems.add(SPEEDS, None, "file", SPEEDS, f"cannot be read ({error.strerror})")
    return SpeedTable.shipped()


def _calendar(folder: Path, cards: RunCards | None, problems: Problems) -> CalendarRules:
    """Return the calendar's rules; where the city has none, the run cards' working time, or the standard."""
    path = folder / CALENDAR
    if not path.exists():
        return cards.working if cards and cards.working else CalendarRules.load(STANDARD)
    try:
        rules = CalendarRules.load(path)
    except CalendarError as error:
        problems.found.extend(Problem(CALENDAR, fault.line, "", "", fault.said) for fault in error.faults)
    except OSError as error:
        problems.add(CALENDAR, None, "file", CALENDAR, f"cannot be read ({error.strerror})")
    else:
        return rules
    return CalendarRules.load(STANDARD)


def _hold_periods(cards: RunCards, rules: CalendarRules, problems: Problems) -> None:
    """Refuse duty periods that a card names and the calendar does not: their force would never go."""
    known = [period.name for period in rules.periods]
    for name, line in cards.periods.items():
        if name not in known:
            problems.add(RUN_CARDS, line, "during", name, f"a period of {CALENDAR}: {', '.join(known)}")


def _hold_areas(city: City, problems: Problems) -> None:
    """Refuse jurisdictions and zones that share ground: one place would belong to two."""
    from geo_data.areas import AreaError  # noqa: PLC0415 - shapely, and only for a city that has areas

    for name, given, made in (("station", city.jurisdictions, "station_areas"), ("zone", city.zones, "zone_areas")):
        try:
            _ = given and getattr(city, made)
        except AreaError as error:
            problems.add(AREAS, None, name, "", str(error))


def _warn_of_gaps(cards: RunCards, there: set[str], problems: Problems) -> None:
    """Warn of capabilities that a card sends and that no unit has: their calls will go to stations or wait."""
    for name, wanted_by in sorted(cards.sent_by().items()):
        if name in there:
            continue
        problems.warn(UNITS, None, "capabilities", name, f"no unit has it; sent by {len(wanted_by)} run cards")


def _settings(folder: Path, table: Mapping[str, Any]) -> Settings:
    stream = dict(table.get("stream", {}))
    origins = tuple(stream.pop("origins", ()))
    tls = table.get("tls", {})
    standard = Settings()
    return Settings(
        http=Listener(**{"port": standard.http.port, **table.get("http", {})}),
        stream=Listener(**{"port": standard.stream.port, **stream}),
        certificate=folder / tls["certificate"] if "certificate" in tls else None,
        key=folder / tls["key"] if "key" in tls else None,
        origins=origins,
        devices=device_settings(table.get("devices", {})),
    )
