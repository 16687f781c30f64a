"""A city as the core knows it: its roads, its people's vehicles, its stations, its run cards and policies."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.core.neighbours import Neighbour
from engine.core.report_forms import ReportForms
from engine.dispatch.calendar import Calendar, CalendarRules
from engine.dispatch.calendar_file import STANDARD, read_calendar
from engine.dispatch.policies import Policies, VerificationPolicy
from engine.dispatch.roster import Roster
from engine.dispatch.run_cards import COUNTY, Response, RunCards
from engine.model.entities import Need, Station, Unit
from engine.model.ids import StationId
from engine.texts import LANGUAGES
from engine.travel import Hierarchy
from geo_data.raw_roads import Mode
from geo_data.road_network import RoadNetwork
from geo_data.snapping import Snapper
from geo_data.speed_table import SpeedTable
from geo_data.speeds import Profile, travel_ms
from geo_data.streets_in import StreetsIn

if TYPE_CHECKING:
    from geo_data.areas import Areas


Polygons = tuple[tuple[tuple[tuple[float, float], ...], ...], ...]
"""Polygons of closed rings of longitude and latitude, the first ring the outside."""


@dataclass(frozen=True)
class Jurisdiction:
    """The ground that a station answers for: polygons of closed rings of degrees, the first ring the outside."""

    area: str
    station: StationId
    polygons: Polygons


@dataclass(frozen=True)
class Zone:
    """Ground in which clocks run by the times of one zone."""

    area: str
    zone: str
    polygons: Polygons


@dataclass(frozen=True)
class Beat:
    """Ground that somebody answers for: the village or the streets of a beat officer."""

    area: str
    polygons: Polygons


@dataclass(frozen=True, kw_only=True)
class City:
    """Everything that decisions rest on and that does not change by the minute.

    Attributes
    ----------
    name
        Short and stable: it is part of every id.
    jurisdictions
        Which station answers for which ground; where none does, the nearest by road is ordered.
    zones
        Which ground is town, edge of town, village; elsewhere `Policies.default_zone` holds.
    beats
        Which ground a beat officer answers for.
    calendar_rules
        Duty periods, holidays and moved working days.
    verification
        Which sightings need no person to verify them.
    time_zone
        IANA name; the calendar and so the run cards are read by its clock.
    profile
        The travel-time profile that units are dispatched by.
    speeds
        What the city says about speeds, by profile, class of street and hour of the week.
    roster
        Who is on duty in which unit when; None where the city does not say.
    neighbours
        Which cities are told when whoever is pursued may leave towards them.
    roads_file
        The network's file, where it has one: its hierarchy is kept beside it.
    """

    name: str
    network: RoadNetwork
    units: tuple[Unit, ...] = ()
    stations: tuple[Station, ...] = ()
    jurisdictions: tuple[Jurisdiction, ...] = ()
    zones: tuple[Zone, ...] = ()
    beats: tuple[Beat, ...] = ()
    run_cards: RunCards = field(default_factory=lambda: RunCards.load(COUNTY))
    calendar_rules: CalendarRules = field(default_factory=lambda: read_calendar(STANDARD))
    policies: Policies = field(default_factory=Policies)
    report_forms: ReportForms = field(default_factory=ReportForms.shipped)
    verification: tuple[VerificationPolicy, ...] = ()
    time_zone: str = "UTC"
    languages: tuple[str, ...] = LANGUAGES
    profile: Profile = "emergency"
    speeds: SpeedTable = field(default_factory=SpeedTable.shipped)
    roster: Roster | None = None
    neighbours: tuple[Neighbour, ...] = ()
    roads_file: Path | None = None

    @cached_property
    def arc_ms(self) -> NDArray[np.int32]:
        """Travel time by arc in free flow, int32 (m,), in milliseconds."""
        return travel_ms(self.network, self.profile, self.speeds)

    def arc_ms_in(self, hour: int) -> NDArray[np.int32]:
        """Return the travel time by arc in an hour of the week of the city's time, int32 (m,), in milliseconds."""
        return travel_ms(self.network, self.profile, self.speeds, hour)

    def speeds_differ(self, before: int | None, hour: int) -> bool:
        """Tell whether the speeds of an hour of the week are not those of another, or of free flow for None."""
        factors = self.speeds.hour_factors(self.profile)
        return bool(np.any(factors[hour] != (1.0 if before is None else factors[before])))

    @cached_property
    def speeds_by_hour(self) -> bool:
        """Whether the speeds of some hour differ from those of another."""
        factors = self.speeds.hour_factors(self.profile)
        return bool(np.any(factors != factors[0]))

    @cached_property
    def streets_in(self) -> StreetsIn:
        """Finds the streets that touch a polygon."""
        return StreetsIn(self.network)

    @cached_property
    def keeps_equipment(self) -> bool:
        """Whether it is said of any unit or officer what they bring; else nobody can be held to it."""
        people = self.roster.officers.values() if self.roster is not None else ()
        return any(unit.equipment for unit in self.units) or any(officer.equipment for officer in people)

    def needs(self, response: Response) -> tuple[Need, ...]:
        """Return what a run card calls for, as far as it is known of this city's units."""
        return response.asked(
            crews=self.roster is not None, equipment=self.keeps_equipment, teamed=self.teamed_capabilities
        )

    @cached_property
    def teamed_capabilities(self) -> frozenset[str]:
        """What teams can do; nothing in a city that names none."""
        return frozenset(name for unit in self.units if unit.team for name in unit.capabilities)

    @property
    def fixed_ms(self) -> int:
        """What every way costs once beside driving, in milliseconds."""
        return round(self.speeds.of(self.profile).fixed_s * 1000)

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """The network's shortcuts, made when they are first wanted unless they are kept."""
        return Hierarchy.beside(self.roads_file, self.network) if self.roads_file else Hierarchy.build(self.network)

    @cached_property
    def snapper(self) -> Snapper:
        """Finds the place on the roads that belongs to a coordinate."""
        return Snapper(self.network, Mode.FOOT if self.profile == "foot" else Mode[self.profile.upper()])

    @cached_property
    def station_areas(self) -> "Areas":
        """The jurisdictions as areas that can be asked what lies in them.

        Raises
        ------
        geo_data.areas.AreaError
            When one is no polygon, or two share ground.
        """
        return _areas("jurisdiction", [(its.area, its.station, its.polygons) for its in self.jurisdictions])

    @cached_property
    def zone_areas(self) -> "Areas":
        """The zones as areas that can be asked what lies in them.

        Raises
        ------
        geo_data.areas.AreaError
            When one is no polygon, or two share ground.
        """
        return _areas("zone", [(its.area, its.zone, its.polygons) for its in self.zones])

    @cached_property
    def beat_areas(self) -> "Areas":
        """The beats as areas that can be asked what lies in them.

        Raises
        ------
        geo_data.areas.AreaError
            When one is no polygon.
        """
        return _areas("beat", [(its.area, its.area, its.polygons) for its in self.beats])

    def beats_of(self, lon: float, lat: float) -> tuple[str, ...]:
        """Return the ids of the beats that a place lies in: none, one, or several that overlap."""
        found = self.beat_areas.at(lon, lat, "beat") if self.beats else []
        return tuple(its.id for its in found)

    def responsible(self, lon: float, lat: float) -> StationId | None:
        """Return the station whose area a place lies in; on a border, that of the first of the areas."""
        if not self.jurisdictions:
            return None
        found = self.station_areas.at(lon, lat, "jurisdiction")
        return next((its.station for its in self.jurisdictions if its.area == found[0].id), None) if found else None

    def zone_of(self, lon: float, lat: float) -> str:
        """Return the zone of a place: that of the first area it lies in, else the city's default."""
        found = self.zone_areas.at(lon, lat, "zone") if self.zones else []
        return found[0].name if found else self.policies.default_zone

    @cached_property
    def calendar(self) -> Calendar:
        """The duty periods by the city's clock."""
        return Calendar(self.calendar_rules, self.time_zone)

    @cached_property
    def digest(self) -> str:
        """Names this configuration: SHA-256 over the network's checksum, units, stations, speeds, and the roster."""
        parts: tuple[object, ...] = (
            self.name,
            self.network.checksum,
            self.units,
            self.stations,
            self.speeds.digest,
        )
        if self.roster is not None:
            parts = (*parts, self.roster.digest)
        content = msgspec.msgpack.encode(parts)
        return hashlib.sha256(content).hexdigest()


def _areas(kind: Literal["jurisdiction", "zone", "beat"], ground: Sequence[tuple[str, str, Polygons]]) -> "Areas":
    """Return areas of a kind out of their ids, names and polygons."""
    from shapely import MultiPolygon, Polygon  # noqa: PLC0415 - heavy, and only for a city that has areas

    from geo_data.areas import Area, Areas  # noqa: PLC0415 - as above

    shapes = [MultiPolygon([Polygon(outside, holes) for outside, *holes in its]) for _, _, its in ground]
    return Areas(
        [
            Area(id=area, kind=kind, name=name, geometry=shape)
            for (area, name, _), shape in zip(ground, shapes, strict=True)
        ]
    )
