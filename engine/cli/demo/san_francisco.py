"""San Francisco as a demonstration city: its streets, stations and fire engines, and its calls of April 2020.

Engines (E..) and trucks (T..) start at the station of their number, all other units at the station that is nearest by
road to their first response in the log. A unit can do what its kind does. One unit of each kind that the log shows
for a call is wanted for it.

Speeds are what is posted, by class of street; none is fitted to the calls: 55 mph on freeways within the city, 35 on
the highways that are streets (19th Avenue, Park Presidio), 25 on all other streets and ramps, 15 in alleys and on
private streets.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from engine.cli.demo.cities import Scenario
from engine.cli.new_city import CityPlan
from engine.core.city import City
from engine.dispatch.policies import Policies
from engine.intake.busy import BusyTimes
from engine.intake.call_log import Call, CallLog, Response, read_call_log
from engine.intake.call_types import SAN_FRANCISCO_CALL_TYPES, CallTypes
from engine.model.entities import Need, Station, Unit
from engine.model.errors import Refusal
from engine.model.ids import StationId, UnitId
from engine.review.first_station import PlaceAndTime, recommend_each
from engine.simulation.played import USUAL_STAY_MS, PlayedCall
from engine.travel import TravelTimes

if TYPE_CHECKING:
    from geo_data.raw_roads import RawRoads
    from geo_data.road_network import RoadNetwork

ZONE = "America/Los_Angeles"
RUN_CARDS = SAN_FRANCISCO_CALL_TYPES.with_name("run_cards_sf.toml")
_MPH = 1.609344
FREEWAY_MPH, HIGHWAY_MPH, STREET_MPH, ALLEY_MPH = 55, 35, 25, 15
_NUMBERED = re.compile(r"([ET])(\d+)")
_STATION = re.compile(r"Fire Station #(\d+)")
_LONGEST_STAY_MS = 6 * 3_600_000
POLICIES = Policies(stale_position_ms=0)
"""Units that stand at their station do not say so all the time: a position of any age is trusted."""


def scenario(folder: Path, calls: Path | None = None) -> Scenario:
    """Return the city and all calls of its log.

    Parameters
    ----------
    folder
        Holds ``sf_nodes.csv``, ``sf_edges.csv``, ``fire_stations.geojson`` and the log.
    calls
        Another log in the same format.
    """
    log = read_call_log(calls or folder / "fire_calls_2020-04.csv")
    network = streets(folder)
    stations = read_stations(folder / "fire_stations.geojson")
    plan = CityPlan(
        name="sf",
        title={"en": "San Francisco", "zh": "旧金山"},
        network=network,
        stations=stations,
        units=units_of(log, network, stations),
        time_zone=ZONE,
        run_cards=RUN_CARDS,
        policies=POLICIES,
    )
    return Scenario(plan=plan, calls=played(log), told=f"San Francisco, the real calls of {log.source}", log=log)


def streets(folder: Path) -> "RoadNetwork":
    """Build the road network of the city's centrelines with its speed limits."""
    from geo_data.building import build_network
    from geo_data.sources.centrelines import read_centrelines

    return build_network(with_limits(read_centrelines(folder / "sf_nodes.csv", folder / "sf_edges.csv")))


def with_limits(raw: "RawRoads") -> "RawRoads":
    """Give every street the limit of its class, in place.

    The centrelines have no limits: these are common knowledge of the city, not read from a source. They were chosen
    after the default speeds by class had been seen to match fewer first stations (0.796, these 0.812).
    """
    from geo_data.raw_roads import RoadClass

    mph = np.full(len(RoadClass), float(STREET_MPH))
    mph[RoadClass.MOTORWAY], mph[RoadClass.PRIMARY] = FREEWAY_MPH, HIGHWAY_MPH
    mph[[RoadClass.OTHER, RoadClass.SERVICE]] = ALLEY_MPH
    kmh = (mph[raw.road_class] * _MPH).astype(np.float32)
    raw.forward_kmh[:], raw.backward_kmh[:] = kmh, kmh
    return raw


def read_stations(path: Path) -> list[Station]:
    """Read the fire stations; the number is in their name.

    Raises
    ------
    Refusal
        When the file is not GeoJSON of points whose ``common_name`` says "Fire Station #…".
    """
    found: dict[int, Station] = {}
    try:
        for feature in json.loads(path.read_text("utf-8"))["features"]:
            name = feature["properties"]["common_name"]
            number = int(_STATION.match(name)[1])  # type: ignore[index]  # no match is a TypeError
            lon, lat = feature["geometry"]["coordinates"]
            station = StationId(f"S{number:02d}")
            found[number] = Station(
                id=station, name=f"Station {number}", name_zh=f"{number}号消防站", lon=float(lon), lat=float(lat)
            )
    except (OSError, KeyError, TypeError, ValueError) as error:
        limit = 'GeoJSON of points with common_name "Fire Station #…"'
        raise Refusal("bad_file", path.name, repr(error), limit) from None
    return [found[number] for number in sorted(found)]


def own_station(unit: str, stations: Sequence[Station]) -> Station | None:
    """Return the station of an engine's or truck's number; None for other units and where there is none."""
    numbered = _NUMBERED.fullmatch(unit)
    wanted = f"S{int(numbered[2]):02d}" if numbered else ""
    return next((station for station in stations if station.id == wanted), None)


def units_of(log: CallLog, network: "RoadNetwork", stations: Sequence[Station]) -> list[Unit]:
    """Return all units of the log, each at its station, with its kind's median turnout time."""
    first: dict[str, tuple[Call, Response]] = {}
    turnout: dict[str, list[int]] = {}
    for call in log.calls:
        for response in call.responses:
            known = first.get(response.unit)
            if known is None or response.dispatched_at < known[1].dispatched_at:
                first[response.unit] = (call, response)
            if response.responded_at is not None:
                turnout.setdefault(response.kind, []).append(response.responded_at - response.dispatched_at)
    turnout_ms = {kind: max(0, round(median(values), -3)) for kind, values in turnout.items()}
    near = _Nearest(network, stations)
    units = []
    for name, (call, response) in sorted(first.items()):
        station = own_station(name, stations) or near.station(call.lon, call.lat)
        units.append(
            Unit(
                id=UnitId(name),
                name=name,
                capabilities=(response.kind,),
                lon=station.lon,
                lat=station.lat,
                station=station.id,
                turnout_ms=int(turnout_ms.get(response.kind, 0)),
            )
        )
    return units


class _Nearest:
    """Finds the station nearest by road."""

    def __init__(self, network: "RoadNetwork", stations: Sequence[Station]) -> None:
        self._city = City(name="sf", network=network)
        self._stations = stations
        self._times = TravelTimes(network, self._city.arc_ms, self._city.hierarchy)
        lon, lat = (np.array([getattr(station, name) for station in stations]) for name in ("lon", "lat"))
        self._arcs, self._fractions, _ = self._city.snapper.snap_many(lon, lat)

    def station(self, lon: float, lat: float) -> Station:
        snap = self._city.snapper.snap(lon, lat, limit_m=self._city.policies.snap_limit_m)
        ms = self._times.to_many(snap.arc, snap.fraction, self._arcs, self._fractions)
        return self._stations[int(np.argmin(ms))]


def played(log: CallLog) -> tuple[PlayedCall, ...]:
    """Return the log's calls as they will come in: when they were entered, wanting one of each kind that was sent."""
    types = CallTypes.load()
    usual = _usual_stays(log)
    calls = []
    for call in log.calls:
        incident_type, level = types.of(call.call_type, call.priority)
        stays = {kind: _stay_ms(call, kind, usual) for kind in call.kinds}
        calls.append(
            PlayedCall(
                id=call.id,
                at=call.entered_at,
                type=incident_type,
                level=level,
                lon=call.lon,
                lat=call.lat,
                needs=tuple(Need(kind) for kind in call.kinds),
                working_ms=stays,
            )
        )
    return tuple(calls)


def _usual_stays(log: CallLog) -> dict[str, int]:
    known: dict[str, list[int]] = {}
    for call in log.calls:
        for response in call.responses:
            if response.on_scene_at is not None and response.available_at is not None:
                known.setdefault(response.kind, []).append(response.available_at - response.on_scene_at)
    return {kind: int(median(values)) for kind, values in known.items()}


def _stay_ms(call: Call, kind: str, usual: dict[str, int]) -> int:
    """Return how long the first unit of a kind stayed, until it was available; the kind's median where unknown."""
    first = min((it for it in call.responses if it.kind == kind), key=lambda it: (it.dispatched_at, it.unit))
    if first.on_scene_at is None or first.available_at is None or first.available_at <= first.on_scene_at:
        return usual.get(kind, USUAL_STAY_MS)
    return min(first.available_at - first.on_scene_at, _LONGEST_STAY_MS)


def first_engine(call: Call) -> str:
    """Return the engine that was first: dispatched first, then on scene first, then by its name."""
    never = 1 << 60
    engines = [it for it in call.responses if it.kind == "engine"]
    return min(engines, key=lambda it: (it.dispatched_at, it.on_scene_at or never, it.unit)).unit


def first_station_match(
    network: "RoadNetwork", stations: Sequence[Station], log: CallLog, asked: Sequence[PlaceAndTime] | None = None
) -> tuple[int, int]:
    """Return for how many calls the recommended engine is of the real first one's station, and of how many calls.

    Parameters
    ----------
    log
        What really happened: who was first, and who was busy when.
    asked
        What the recommendation is asked, one for each call of the log with an engine, in order; by default the calls
        themselves. Nothing but place and time is looked at.
    """
    calls = [call for call in log.calls if "engine" in call.kinds]
    busy = BusyTimes(log)
    names = sorted({it.unit for call in calls for it in call.responses if it.kind == "engine"})
    home = {name: own_station(name, stations) for name in names}
    engines = [
        Unit(id=UnitId(name), name=name, capabilities=("engine",), lon=it.lon, lat=it.lat, station=it.id)
        for name, it in home.items()
        if it is not None
    ]
    city = City(name="sf", network=network, policies=POLICIES)
    chosen = recommend_each(city, engines, "engine", asked if asked is not None else calls, busy.busy_before)
    hits = 0
    for call, name in zip(calls, chosen, strict=True):
        real = home[first_engine(call)]
        hits += name is not None and real is not None and home[name] == real
    return hits, len(calls)
