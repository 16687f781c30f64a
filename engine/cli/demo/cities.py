"""What the demonstration can play: San Francisco with its real calls, any map with calls of its own, the made-up town.

Each gives a `Scenario`: a city to write as a folder, and the calls to play in it. Units, stations and run cards of a
scenario are starting values of a demonstration, not of any department.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from engine.cli.new_city import CityPlan, starting_units
from engine.dispatch.policies import Policies
from engine.dispatch.run_cards import COUNTY, RunCards
from engine.intake.call_log import CallLog
from engine.model.entities import CHECKPOINT, Station, Unit
from engine.model.errors import Refusal
from engine.model.ids import StationId, UnitId
from engine.simulation.made_up import make_up_calls
from engine.simulation.played import PlayedCall

if TYPE_CHECKING:
    from geo_data.raw_roads import RawRoads
    from geo_data.road_network import RoadNetwork

TOWN_ZONE = "Asia/Shanghai"
EVENING = datetime(2026, 4, 17, 19, 0, tzinfo=ZoneInfo(TOWN_ZONE))
"""A Friday evening: the hour at which made-up calls begin."""
CALLS_PER_HOUR = 12
_MAP_STATIONS = 8


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A city and what happens in it.

    Attributes
    ----------
    plan
        What is written as the city's folder.
    calls
        In the order they come in.
    told
        Where city and calls come from, in a line for people.
    log
        The whole log that the calls were taken from, where there is one with unit responses.
    """

    plan: CityPlan
    calls: tuple[PlayedCall, ...]
    told: str
    log: CallLog | None = None

    def cut(self, minutes: float) -> "Scenario":
        """Keep the busiest ``minutes`` on end: those in which most units are wanted, the earliest of several."""
        length_ms = round(minutes * 60_000)
        calls, best, first, wanted = self.calls, (0, 0, 0), 0, 0
        for last, call in enumerate(calls):
            wanted += _wanted(call)
            while call.at - calls[first].at >= length_ms:
                wanted -= _wanted(calls[first])
                first += 1
            best = max(best, (wanted, -first, last))
        return replace(self, calls=calls[-best[1] : best[2] + 1])


def _wanted(call: PlayedCall) -> int:
    return 1 if call.needs is None else sum(need.count for need in call.needs)


def town(nodes: int, seed: int, minutes: float) -> Scenario:
    """Return the made-up town on a made-up Friday evening."""
    from geo_data.town import make_town

    made = make_town(nodes=nodes, seed=seed)
    stations = [
        Station(
            id=StationId(it.id),
            name=it.name,
            name_zh=it.name_zh,
            lon=it.lon,
            lat=it.lat,
            capabilities=(CHECKPOINT,) if it.kind == CHECKPOINT else (),
        )
        for it in made.stations
    ]
    network = made.network()
    calls = made_up_evening(network, minutes, seed)
    plan = _county_plan("town", {"en": made.name}, network, stations)
    return Scenario(plan=plan, calls=calls, told=f"the made-up town of {made.name}, made-up calls of seed {seed}")


def map_city(raw: "RawRoads", title: str, calls: CallLog | None, seed: int, minutes: float) -> Scenario:
    """Return a city of somebody's map, with the calls of a plain file or made-up ones.

    Raises
    ------
    Refusal
        When a call has no run card that sends somebody by rule, or the file is a fire log of another city.
    """
    from geo_data.building import build_network

    network = build_network(raw)
    plan = _county_plan("map", {"en": title}, network, spread_stations(network))
    if calls is None:
        played = made_up_evening(network, minutes, seed)
        return Scenario(plan=plan, calls=played, told=f"{title}, made-up calls of seed {seed}")
    return Scenario(plan=plan, calls=played_plainly(calls), told=f"{title}, calls of {calls.source}")


def made_up_evening(network: "RoadNetwork", minutes: float, seed: int) -> tuple[PlayedCall, ...]:
    """Return the calls of a made-up Friday evening."""
    count = max(1, round(minutes / 60 * CALLS_PER_HOUR))
    begins_at = int(EVENING.timestamp()) * 1000
    cards = RunCards.load(COUNTY)
    return tuple(make_up_calls(network, cards, begins_at=begins_at, minutes=minutes, count=count, seed=seed))


def played_plainly(log: CallLog) -> tuple[PlayedCall, ...]:
    """Return the calls of a plain file, held against the county's run cards.

    Raises
    ------
    Refusal
        When a type has no run card, or one that sends nobody by rule: the demonstration has nobody to approve.
    """
    if not log.plain:
        raise Refusal("wrong_city", log.source, "San Francisco's fire calls", "a file with at,lon,lat,type,level")
    cards = RunCards.load(COUNTY).cards
    usable = sorted(card.id for card in cards.values() if card.approval == "by_rule" and card.day and card.night)
    for call in log.calls:
        if call.call_type not in usable:
            raise Refusal("unknown_type", f"{log.source}: call {call.id}: type", call.call_type, ", ".join(usable))
    return tuple(
        PlayedCall(id=f"call-{c.id}", at=c.entered_at, type=c.call_type, level=c.level, lon=c.lon, lat=c.lat)
        for c in log.calls
    )


def spread_stations(network: "RoadNetwork") -> list[Station]:
    """Return made-up stations, spread over the streets: junctions lie along a curve that fills the plane."""
    import numpy as np

    from geo_data.raw_roads import Mode

    drivable = np.unique(network.arc_tail[(network.arc_modes & Mode.EMERGENCY) != 0])
    count = min(_MAP_STATIONS, len(drivable))
    chosen = drivable[((np.arange(count) + 0.5) / count * len(drivable)).astype(int)]
    return [
        Station(
            id=StationId(f"S{number}"),
            name=f"Station {number}",
            name_zh=f"第{number}所",
            lon=float(network.node_lon[node]),
            lat=float(network.node_lat[node]),
        )
        for number, node in enumerate(chosen, 1)
    ]


def _county_plan(name: str, title: dict[str, str], network: "RoadNetwork", stations: Sequence[Station]) -> CityPlan:
    """Return a plan with the county's run cards and, at each station, one more of what its evenings need most."""
    units = starting_units(stations, RunCards.load(COUNTY))
    units += [_second(unit) for unit in units if unit.capabilities in {("duty_group",), ("traffic",)}]
    # Units of a demonstration stand at their base and say so only when they move.
    policies = Policies(stale_position_ms=0)
    return CityPlan(
        name=name, title=title, network=network, stations=stations, units=units, time_zone=TOWN_ZONE, policies=policies
    )


def _second(unit: Unit) -> Unit:
    name = f"{unit.id}-2"
    return Unit(
        id=UnitId(name),
        name=name,
        capabilities=unit.capabilities,
        lon=unit.lon,
        lat=unit.lat,
        station=unit.station,
        turnout_ms=unit.turnout_ms,
    )


def find_data(folder: str | None) -> Path | None:
    """Return the folder of San Francisco's data inside ``ALLPOINTS_DATA``, None where it is not."""
    if not folder:
        return None
    found = Path(folder) / "san_francisco"
    return found if (found / "fire_calls_2020-04.csv").is_file() else None
