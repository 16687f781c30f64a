"""A city is a folder. Reads it whole, or refuses it with everything that is wrong: file, line, reason.

``city.toml`` says what the city is, ``roads.apn`` holds its streets, ``units.csv`` and ``stations.geojson`` who there
is, ``run_cards.toml`` what is sent; ``calendar.toml``, the duty periods, ``areas.geojson``, what the places are
called, and ``speeds.toml``, how fast the streets are, may be left out.
Coordinates in it follow the datum that ``city.toml`` names and are converted here, once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from engine.core.city import Beat, City, Jurisdiction, Zone
from engine.core.city_devices import Device, read_devices
from engine.core.city_files import (
    CityError,
    Problem,
    Problems,
    TomlFile,
    read_csv,
    read_features,
)
from engine.core.city_neighbours import read_neighbours
from engine.core.city_places import (
    AREA_PROPERTIES,
    BEAT_KIND,
    STATION_PROPERTIES,
    UNIT_COLUMNS,
    Area,
    Reading,
    read_areas,
    read_stations,
    read_units,
)
from engine.core.city_roster import OFFICERS, ROSTER, Around, read_roster
from engine.core.city_toml import Listener, Settings, checked, settings_of, verification_of
from engine.core.crews import possible_names
from engine.core.report_forms import REPORTS, ReportForms, read_forms
from engine.dispatch.calendar import CalendarRules
from engine.dispatch.calendar_file import STANDARD, CalendarError, read_calendar
from engine.dispatch.policies import Policies
from engine.dispatch.roster import Roster
from engine.dispatch.run_cards import RunCardError, RunCards
from engine.fleet import MOST_CAPABILITIES
from engine.model.entities import Unit
from engine.model.ids import StationId
from engine.texts import LANGUAGES
from geo_data.raw_roads import Mode
from geo_data.road_network import RoadFileError, RoadNetwork
from geo_data.speed_table import SpeedTable, SpeedTableError, TurnTimes
from geo_data.speeds import SpeedError

__all__ = [
    "OFFICERS",
    "ROSTER",
    "CityError",
    "CityFolder",
    "Listener",
    "Settings",
    "load_city",
    "load_folder",
    "load_roster",
    "load_rules",
    "load_settings",
    "recipients",
]

CITY, ROADS, STATIONS = "city.toml", "roads.apn", "stations.geojson"
UNITS, AREAS, RUN_CARDS, CALENDAR = "units.csv", "areas.geojson", "run_cards.toml", "calendar.toml"
SPEEDS = "speeds.toml"
RECORD = "record"
"""The folder inside it that the server writes: journal, keys, and where it listens."""


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
    table = checked(toml, problems) if toml else {}
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
    _hold_emergency_type(toml, policies, cards, problems)
    forms = read_forms(folder, problems) if (folder / REPORTS).exists() else ReportForms.shipped()
    blank = City(
        name=table["name"],
        network=network,
        run_cards=cards,
        calendar_rules=calendar_rules,
        policies=policies,
        report_forms=forms,
        verification=verification_of(table),
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
        settings, ids = settings_of(folder, table), {unit.id for unit in units}
        devices = read_devices(folder, settings.devices, ids, problems)
        around = Around(
            units=tuple(unit.id for unit in units),
            stations=tuple(station.id for station in stations),
            beats=tuple(area.id for area in areas if area.kind == BEAT_KIND),
            cards=cards,
            calendar_rules=calendar_rules,
            time_zone=blank.time_zone,
            policies=policies,
        )
        roster = read_roster(folder, around, problems)
        neighbours = read_neighbours(reading, toml)
    except SpeedError as error:
        problems.quote(ROADS, None, error, folder / ROADS)
    if problems.found:
        raise CityError(folder, problems.found)
    there = {name for unit in units for name in unit.capabilities}
    _warn_of_gaps(cards, there | (roster.capabilities if roster is not None else frozenset()), problems)
    jurisdictions = tuple(
        Jurisdiction(area.id, StationId(area.station), area.polygons) for area in areas if area.station
    )
    zones = tuple(Zone(area.id, area.zone, area.polygons) for area in areas if area.zone)
    beats = tuple(Beat(area.id, area.polygons) for area in areas if area.kind == BEAT_KIND)
    _hold_beats(units, {beat.area for beat in beats}, problems)
    read = {
        "stations": stations,
        "units": units,
        "jurisdictions": jurisdictions,
        "zones": zones,
        "beats": beats,
        "roster": roster,
        "neighbours": neighbours,
    }
    city = City(**{**{f.name: getattr(blank, f.name) for f in fields(City)}, **read})
    _hold_areas(city, problems)
    names = {*there, *possible_names(city)}
    if len(names) > MOST_CAPABILITIES:
        limit = f"at most {MOST_CAPABILITIES} capabilities, and equipment and ranks that run cards ask for"
        problems.add(UNITS, None, "capabilities", len(names), limit)
    if problems.found:
        raise CityError(folder, problems.found)
    warnings = tuple(problems.warnings)
    return CityFolder(city=city, settings=settings, areas=areas, devices=devices, warnings=warnings)


def _hold_emergency_type(toml: TomlFile, policies: Policies, cards: RunCards, problems: Problems) -> None:
    """Hold the type that emergency buttons open against the cards; a city that has not chosen one is only warned."""
    if policies.emergency_type not in cards.cards:
        said = "emergency_type" in toml.table.get("policies", {})
        tell = problems.add if said else problems.warn
        limit = "a type of run_cards.toml" if said else "no such card: an emergency tells the desk and sends nobody"
        tell(CITY, toml.line("policies", "emergency_type"), "policies.emergency_type", policies.emergency_type, limit)


def load_settings(folder: Path) -> Settings:
    """Read only how the server meets the world, from ``city.toml``.

    Raises
    ------
    CityError
        With all that is wrong with ``city.toml``.
    """
    problems = Problems()
    toml = TomlFile.read(folder, CITY, problems)
    table = checked(toml, problems) if toml else {}
    if problems.found:
        raise CityError(folder, problems.found)
    return settings_of(folder, table)


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


def load_time_zone(folder: Path) -> str:
    """Read only by whose clock people of a city read instants.

    Raises
    ------
    CityError
        With all that is wrong with ``city.toml``.
    """
    problems = Problems()
    toml = TomlFile.read(folder, CITY, problems)
    table = checked(toml, problems) if toml else {}
    if problems.found:
        raise CityError(folder, problems.found)
    return str(table["time_zone"])


def load_roster(folder: Path) -> Roster | None:
    """Read only who is on duty when, without the roads; None for a city without a roster.

    Raises
    ------
    CityError
        With all that is wrong with it and with what it is held against.
    """
    cards, rules = load_rules(folder)
    problems = Problems()
    toml = TomlFile.read(folder, CITY, problems)
    table = checked(toml, problems) if toml else {}
    areas = read_features(folder, AREAS, AREA_PROPERTIES, problems) if (folder / AREAS).exists() else ()
    beats = tuple(str(area.properties.get("id", "")) for area in areas if area.properties.get("kind") == BEAT_KIND)
    ids = recipients(folder)
    if problems.found:
        raise CityError(folder, problems.found)
    around = Around(
        units=tuple(name for name, kind in ids.items() if kind == "unit"),
        stations=tuple(name for name, kind in ids.items() if kind == "station"),
        beats=beats,
        cards=cards,
        calendar_rules=rules,
        time_zone=table["time_zone"],
        policies=Policies(**table.get("policies", {})),
    )
    roster = read_roster(folder, around, problems)
    if problems.found:
        raise CityError(folder, problems.found)
    return roster


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
        return cards.working if cards and cards.working else read_calendar(STANDARD)
    try:
        rules = read_calendar(path)
    except CalendarError as error:
        problems.found.extend(Problem(CALENDAR, fault.line, "", "", fault.said) for fault in error.faults)
    except OSError as error:
        problems.add(CALENDAR, None, "file", CALENDAR, f"cannot be read ({error.strerror})")
    else:
        return rules
    return read_calendar(STANDARD)


def _hold_periods(cards: RunCards, rules: CalendarRules, problems: Problems) -> None:
    """Refuse duty periods that a card names and the calendar does not: their force would never go."""
    known = [period.name for period in rules.periods]
    for name, line in cards.periods.items():
        if name not in known:
            problems.add(RUN_CARDS, line, "during", name, f"a period of {CALENDAR}: {', '.join(known)}")


def _hold_areas(city: City, problems: Problems) -> None:
    """Refuse jurisdictions and zones that share ground, for one place would belong to two, and what is no polygon."""
    from geo_data.areas import AreaError  # noqa: PLC0415 - shapely, and only for a city that has areas

    for name, given, made in (
        ("station", city.jurisdictions, "station_areas"),
        ("zone", city.zones, "zone_areas"),
        ("beat", city.beats, "beat_areas"),
    ):
        try:
            _ = given and getattr(city, made)
        except AreaError as error:
            problems.add(AREAS, None, name, "", str(error))


def _hold_beats(units: Sequence[Unit], known: Collection[str], problems: Problems) -> None:
    """Refuse beats of units that no area is."""
    for unit in units:
        for beat in unit.beats:
            if beat not in known:
                problems.add(UNITS, None, f"beats of {unit.id}", beat, "ids of areas of kind beat")


def _warn_of_gaps(cards: RunCards, there: set[str], problems: Problems) -> None:
    """Warn of capabilities that a card sends and that no unit has: their calls will go to stations or wait."""
    for name, wanted_by in sorted(cards.sent_by().items()):
        if name in there:
            continue
        problems.warn(UNITS, None, "capabilities", name, f"no unit has it; sent by {len(wanted_by)} run cards")
