"""The demonstration's cities: windows, made-up stations, plain calls, and San Francisco by the letter."""

from pathlib import Path

import msgspec
import pytest

from engine.cli.demo import cities, san_francisco
from engine.cli.demo.cities import Scenario
from engine.cli.new_city import CityPlan
from engine.intake.call_log import Call, CallLog, Response
from engine.model.entities import Need
from engine.model.errors import Refusal
from engine.simulation.played import PlayedCall
from tests.support.cities import city, grid_roads

MINUTE = 60_000


def scenario(*calls: PlayedCall) -> Scenario:
    plan = CityPlan(name="grid", title={}, network=city().network, stations=[], units=[])
    return Scenario(plan=plan, calls=calls, told="")


def played(minute: float, wanted: int = 1) -> PlayedCall:
    needs = (Need("patrol", wanted),)
    at = round(minute * MINUTE)
    return PlayedCall(id=str(minute), at=at, type="fight", level=2, lon=0.0, lat=0.0, needs=needs)


def test_the_busiest_stretch_is_kept() -> None:
    whole = scenario(*(played(minute) for minute in (0, 50, 51, 52, 100, 101)))
    assert [call.id for call in whole.cut(10).calls] == ["50", "51", "52"]
    assert len(whole.cut(1_000).calls) == 6
    heavy = scenario(played(0), played(1), played(50, wanted=5))
    assert [call.id for call in heavy.cut(10).calls] == ["50"]


def test_stations_are_spread_over_a_map() -> None:
    stations = cities.spread_stations(city().network)
    assert len(stations) == 8
    assert len({(it.lon, it.lat) for it in stations}) == 8


def test_a_map_with_made_up_calls_is_whole() -> None:
    made = cities.map_city(grid_roads(), "grid", None, seed=3, minutes=60)
    assert len(made.calls) == 12
    assert {unit.station for unit in made.plan.units} == {station.id for station in made.plan.stations}


def plain(kind: str) -> CallLog:
    call = Call(id="1", received_at=0, entered_at=0, call_type=kind, priority="", lon=113.0, lat=36.5, level=2)
    return CallLog("calls.csv", (call,), plain=True)


def test_plain_calls_need_a_card_that_sends_by_rule() -> None:
    assert cities.played_plainly(plain("fight"))[0].type == "fight"
    for kind in ("wanted_sighting", "nonsense"):  # the first needs a person's word, the second is unknown
        with pytest.raises(Refusal, match=r"calls\.csv: call 1: type"):
            cities.played_plainly(plain(kind))
    with pytest.raises(Refusal, match="wrong_city"):
        cities.played_plainly(msgspec.structs.replace(plain("fight"), plain=False))


def fire_call(*responses: Response) -> Call:
    return Call(
        id="7",
        received_at=0,
        entered_at=0,
        call_type="Alarms",
        priority="3",
        lon=113.004,
        lat=36.5,
        responses=tuple(responses),
    )


def test_the_first_engine_is_by_dispatch_then_scene_then_name() -> None:
    def engine(name: str, dispatched_at: int, on_scene_at: int | None) -> Response:
        return Response(unit=name, kind="engine", dispatched_at=dispatched_at, on_scene_at=on_scene_at)

    medic = Response(unit="50", kind="medic", dispatched_at=0)
    first = san_francisco.first_engine
    assert first(fire_call(medic, engine("E09", 2, 3), engine("E08", 1, 9))) == "E08"
    assert first(fire_call(engine("E08", 1, None), engine("E09", 1, 9))) == "E09"
    assert first(fire_call(engine("E09", 1, 9), engine("E08", 1, 9))) == "E08"


def test_one_unit_of_each_kind_is_wanted_and_stays_as_the_log_says() -> None:
    known = Response(unit="E01", kind="engine", dispatched_at=0, on_scene_at=100_000, available_at=700_000)
    second = Response(unit="E02", kind="engine", dispatched_at=5, on_scene_at=100_000, available_at=900_000)
    open_ended = Response(unit="50", kind="medic", dispatched_at=0)
    other = Response(unit="51", kind="medic", dispatched_at=0, on_scene_at=0, available_at=50_000)
    log = CallLog("log", (fire_call(known, second, open_ended), msgspec.structs.replace(fire_call(other), id="8")))
    call = san_francisco.played(log)[0]
    assert call.needs == (Need("engine"), Need("medic"))
    assert call.working_ms == {"engine": 600_000, "medic": 50_000}
    assert (call.type, call.level, call.at) == ("fire_alarm", 2, 0)


def test_broken_stations_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "fire_stations.geojson"
    for content in ("{", '{"features": [{"properties": {"common_name": "Fire House"}}]}'):
        path.write_text(content, "utf-8")
        with pytest.raises(Refusal, match=r"fire_stations\.geojson"):
            san_francisco.read_stations(path)


@pytest.fixture(scope="module")
def real_city(data: Path) -> Scenario:
    return san_francisco.scenario(data / "san_francisco")


def test_engines_and_trucks_start_at_the_station_of_their_number(real_city: Scenario) -> None:
    plan = real_city.plan
    assert len(plan.stations) == 42
    assert len(plan.units) == 199
    at = {unit.id: unit.station for unit in plan.units}
    assert (at["E05"], at["T14"], at["E48"]) == ("S05", "S14", "S48")
    known = {station.id for station in plan.stations}
    assert set(at.values()) <= known
    assert {unit.capabilities for unit in plan.units} == {
        (kind,)
        for kind in (
            *("engine", "truck", "medic", "private", "chief", "support"),
            *("rescue_captain", "rescue_squad", "investigation"),
        )
    }
    assert len(real_city.calls) == 5_292
    assert sum(len(call.needs or ()) for call in real_city.calls) == 9_643 + 1


def test_the_shadow_recommendation_looks_at_place_and_time_alone(real_city: Scenario) -> None:
    """Everything else of the calls is shuffled, and the figure is the same."""
    log, plan = real_city.log, real_city.plan
    assert log is not None
    hits, calls = san_francisco.first_station_match(plan.network, plan.stations, log)
    assert calls == 2_748
    assert hits / calls >= 0.80
    asked = [call for call in log.calls if "engine" in call.kinds]
    others = asked[1234:] + asked[:1234]
    kept = ("received_at", "entered_at", "lon", "lat")
    shuffled = [
        msgspec.structs.replace(other, **{name: getattr(call, name) for name in kept})
        for call, other in zip(asked, others, strict=True)
    ]
    assert sum(a.responses == b.responses for a, b in zip(asked, shuffled, strict=True)) == 0
    assert san_francisco.first_station_match(plan.network, plan.stations, log, shuffled) == (hits, calls)
    late = [msgspec.structs.replace(call, entered_at=call.entered_at + 86_400_000) for call in asked]
    assert san_francisco.first_station_match(plan.network, plan.stations, log, late)[0] < hits
