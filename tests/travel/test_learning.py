"""Speeds learned from trips on streets: what was planted is found again, and judged on days not learned from."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from engine.model.errors import Refusal
from engine.travel import TravelTimes
from engine.travel.fitting import Fit, Terms
from engine.travel.journeys import LONGEST_S, Journey, Trips
from engine.travel.learning import (
    CONTENDERS,
    HOUR_GROUPS,
    LEAST_TRIPS,
    Errors,
    HourGroup,
    Learned,
    Learner,
    _without_waits,
)
from geo_data.building import build_network
from geo_data.raw_roads import STREETS, NodeKind, RoadClass
from geo_data.snapping import Snapper
from geo_data.speed_table import HourFactor, SpeedTable, TurnTimes
from geo_data.speeds import travel_ms
from tests.support.cities import grid_roads, place

SHIPPED = SpeedTable.shipped()
FIXED_S = 45.0
MONDAY_MS = 1_799_625_600_000  # 2027-01-11 00:00 UTC
WORKDAYS = (0, 1, 2, 3, 4)
TRUTH = replace(
    SHIPPED,
    emergency=replace(SHIPPED.emergency, fixed_s=FIXED_S),
    hours=(
        HourFactor(factor=0.7, profiles=("emergency",), classes=(RoadClass.PRIMARY,)),
        HourFactor(factor=0.95, profiles=("emergency",), classes=(RoadClass.RESIDENTIAL,)),
        HourFactor(factor=0.85, profiles=("emergency",), days=WORKDAYS, begin=6, end=10),
    ),
)


@pytest.fixture(scope="module")
def streets():
    """Return a grid whose every fourth street is a primary road."""
    raw = grid_roads(16, 14)
    across = raw.node_lat[raw.tail] == raw.node_lat[raw.head]
    row = np.rint((raw.node_lat[raw.tail] - raw.node_lat.min()) / 0.004).astype(int)
    column = np.rint((raw.node_lon[raw.tail] - raw.node_lon.min()) / 0.004).astype(int)
    raw.road_class[np.where(across, row, column) % 4 == 1] = int(RoadClass.PRIMARY)
    return build_network(raw)


def journeys(network, count, seed, wrong=0.1, table=TRUTH):
    """Return journeys at the truth's speeds over two weeks, some with wrong stamps."""
    rng = np.random.default_rng(seed)
    snapper = Snapper(network)
    times = [TravelTimes(network, travel_ms(network, "emergency", table, hour)) for hour in (7, 12)]
    found = []
    for _ in range(count):
        here, there = (place(rng.uniform(0, 15), rng.uniform(0, 13)) for _ in range(2))
        at = MONDAY_MS + int(rng.integers(0, 14 * 86_400_000))
        hour = at // 3_600_000 % 24
        slow = 6 <= hour < 10 and (at - MONDAY_MS) // 86_400_000 % 7 < 5
        snaps = [snapper.snap(*spot) for spot in (here, there)]
        ms = times[not slow].route(snaps[0].arc, snaps[0].fraction, snaps[1].arc, snaps[1].fraction).ms
        took_ms = (ms + table.emergency.fixed_s * 1000) * np.exp(rng.normal(0, 0.06))
        if rng.random() < wrong:
            took_ms = rng.choice([0, 2_000, 1_700_000, 3_500_000])
        found.append(Journey(*here, *there, at, at + int(took_ms)))
    return found


@pytest.fixture(scope="module")
def learner(streets):
    trips = Trips.on_roads(journeys(streets, 900, 1), Snapper(streets), "UTC", 500, Counter())
    return Learner(streets, SHIPPED, "emergency", trips)


@pytest.fixture(scope="module")
def learned(learner):
    return learner.learn()


def test_the_planted_speeds_come_back(learned):
    primary, residential = (learned.fit.by_class()[kind] for kind in (RoadClass.PRIMARY, RoadClass.RESIDENTIAL))
    # Hours stand to each other: one of them is the measure.
    usual = learned.fit.of_group[[2, 7]].mean()
    assert primary * usual == pytest.approx(0.7, rel=0.06)
    assert residential * usual == pytest.approx(0.95, rel=0.08)
    assert learned.fit.of_group[1] / usual == pytest.approx(0.85, rel=0.05)
    assert learned.fit.fixed_s == pytest.approx(FIXED_S, abs=15)
    assert learned.rounds > 1
    assert learned.class_share.sum() == pytest.approx(1)
    assert sum(learned.group_trips) == learned.trips


def test_on_days_not_learned_from_it_is_nearer_the_truth_than_free_flow(learner):
    judged = learner.hold_out(folds=3, seed=1)
    assert list(judged) == list(CONTENDERS)
    assert {errors.trips for errors in judged.values()} == {len(learner.trips)}
    assert judged["learned"].median_s < 0.75 * judged["one_factor"].median_s < 0.75 * judged["free_flow"].median_s
    assert judged["learned"].within_60_share > judged["one_factor"].within_60_share
    assert judged["free_flow"].bias_s < judged["learned"].bias_s
    assert learner.hold_out(folds=3, seed=1) == judged


def test_the_trips_held_out_are_not_learned_from(streets, learner):
    held = learner.trips.day == learner.trips.day.min()
    other = replace(learner.trips, taken_s=np.where(held, 3_000.0, learner.trips.taken_s))
    one, same = (it.learn(rows=~held) for it in (learner, Learner(streets, SHIPPED, "emergency", other)))
    assert one.fit.by_class().tolist() == same.fit.by_class().tolist()
    assert one.trips == int((~held).sum())


def test_the_table_says_what_was_learned_and_reads_back(learned, tmp_path):
    table = learned.table(SHIPPED, "emergency")
    path = tmp_path / "speeds.toml"
    path.write_text(table.text(["ours"]), "utf-8")
    assert SpeedTable.load(path) == table
    factors = table.hour_factors("emergency")
    for hour in (0, 8, 12, 140):
        group = next(
            number for number, it in enumerate(HOUR_GROUPS) if hour // 24 in it.days and it.begin <= hour % 24 < it.end
        )
        wanted = learned.fit.by_class() * learned.fit.of_group[group]
        assert factors[hour, : len(STREETS)] == pytest.approx(wanted[: len(STREETS)], abs=2e-3)
    assert table.emergency.fixed_s == pytest.approx(learned.fit.fixed_s, abs=0.05)
    assert table.normal == SHIPPED.normal
    assert np.all(table.hour_factors("normal") == 1)


def test_learning_anew_replaces_the_rows_of_its_profile_alone(learned):
    both = HourFactor(factor=0.8, begin=7, end=9)
    before = replace(SHIPPED, hours=(both, *learned.table(SHIPPED, "emergency").hours))
    table = learned.table(before, "emergency")
    assert table.hours[0] == replace(both, profiles=("normal",))
    assert table.hours[1:] == learned.table(SHIPPED, "emergency").hours
    assert learned.table(table, "emergency") == table


def test_errors_are_counted_by_hand():
    errors = Errors.of(np.array([100.0, 100.0, 100.0, 100.0]), np.array([90.0, 130.0, 160.0, 300.0]))
    assert errors == Errors(trips=4, median_s=45.0, mean_s=75.0, bias_s=-70.0, within_60_share=0.75)


@pytest.mark.parametrize(
    ("journey", "reason"),
    [
        ((*place(0, 0), *place(1, 1), 1_000, 1_000), "no_time"),
        ((*place(0, 0), *place(1, 1), 2_000, 1_000), "no_time"),
        ((*place(0, 0), *place(1, 1), 0, LONGEST_S * 1000 + 1), "too_long"),
        ((*place(0, 0), 0.0, 0.0, 0, 60_000), "off_road"),
        ((*place(0, 0.5), *place(0, 0.5), 0, 60_000), "nowhere"),
    ],
)
def test_what_can_be_no_journey_is_left_out_by_its_reason(streets, journey, reason):
    good = Journey(*place(0, 0), *place(1, 1), 0, LONGEST_S * 1000)
    trips = Trips.on_roads([Journey(*journey), good], Snapper(streets), "Asia/Shanghai", 500, Counter(station=2))
    assert len(trips) == 1
    assert trips.left_out == {"station": 2, reason: 1}


def test_hours_and_days_are_those_of_the_city(streets):
    at = [MONDAY_MS - 1, MONDAY_MS + 16 * 3_600_000]  # Sunday 23:59 UTC is Monday 07:59 in Shanghai
    found = [Journey(*place(0, 0), *place(3, 3), it, it + 60_000) for it in at]
    trips = Trips.on_roads(found, Snapper(streets), "Asia/Shanghai", 500, Counter())
    assert trips.hour.tolist() == [7, 24]
    assert np.diff(trips.day).tolist() == [1]


def test_too_few_trips_or_days_are_refused_by_name(streets, learner):
    none = Trips.on_roads([], Snapper(streets), "UTC", 500, Counter(no_home=3))
    with pytest.raises(Refusal, match=r"trips: 0 .*\(too_few_trips\).* at least 50 \(left out: 3 no_home\)"):
        Learner(streets, SHIPPED, "emergency", none)
    few = learner.trips.take(np.arange(LEAST_TRIPS - 1))
    with pytest.raises(Refusal, match="too_few_trips"):
        Learner(streets, SHIPPED, "emergency", few)
    with pytest.raises(Refusal, match=r"days: 1 .*\(too_few_days\)"):
        Learner(streets, SHIPPED, "emergency", replace(learner.trips, day=np.ones_like(learner.trips.day)))


def test_every_hour_is_in_one_group(streets, learner):
    week = tuple(range(7))
    with pytest.raises(Refusal, match=r"groups: .*hour 23 of the week"):
        Learner(streets, SHIPPED, "emergency", learner.trips, [HourGroup(week, 0, 23)])
    with pytest.raises(Refusal, match=r"groups\[1\]"):
        Learner(streets, SHIPPED, "emergency", learner.trips, [HourGroup(week, 0, 24), HourGroup((0,), 0, 1)])


def test_a_factor_of_one_needs_no_row():
    ones = np.ones(len(RoadClass))
    fit = Fit(fixed_s=0.0, overall=1.0, of_class=ones, of_group=np.ones(1), spread=0.1)
    nothing = Learned(
        fit=fit,
        trips=50,
        days=2,
        rounds=1,
        class_share=ones,
        groups=(HourGroup(tuple(range(7)), 0, 24),),
        group_trips=(50,),
    )
    assert nothing.table(SHIPPED, "emergency") == SHIPPED


def test_waits_at_junctions_are_given_and_no_factor_stands_on_them(streets):
    signals = replace(streets, arc_control=np.full(streets.n_arcs, int(NodeKind.SIGNALS), np.uint8))
    delays = tuple(20.0 if kind is NodeKind.SIGNALS else 0.0 for kind in NodeKind)
    waiting = replace(SHIPPED, emergency=replace(SHIPPED.emergency, junction_delay_s=delays))
    truth = replace(waiting, hours=(HourFactor(factor=0.8, profiles=("emergency",)),))
    trips = Trips.on_roads(journeys(signals, 300, 2, table=truth), Snapper(signals), "UTC", 500, Counter())
    found = [Learner(signals, table, "emergency", trips).learn().fit for table in (waiting, SHIPPED)]
    factors = [fit.by_class()[RoadClass.RESIDENTIAL] * fit.of_group[2] for fit in found]
    assert factors[0] == pytest.approx(0.8, rel=0.1)
    assert factors[1] < 0.8 * factors[0]
    assert found[0].fixed_s == pytest.approx(0, abs=30)


def test_one_factor_asks_for_no_new_ways(learner):
    fit = learner.learn(Terms(fixed=False, by_class=False, by_group=False)).fit
    free_s = learner.predict(replace(fit, overall=1.0))
    assert learner.predict(fit) == pytest.approx(free_s / fit.overall)


@pytest.mark.slow
def test_san_francisco_is_nearer_the_truth_on_days_not_learned_from(data):
    from engine.cli.demo.san_francisco import ZONE, own_station, read_stations, streets
    from engine.intake.call_log import read_call_log
    from engine.intake.journeys import journeys_of

    folder = data / "san_francisco"
    log, network = read_call_log(folder / "fire_calls_2020-04.csv"), streets(folder)
    stations = read_stations(folder / "fire_stations.geojson")
    names = {response.unit for call in log.calls for response in call.responses}
    at_home = {name: own_station(name, stations) for name in names}
    homes = {name: (it.lon, it.lat) for name, it in at_home.items() if it is not None}
    journeys, left_out = journeys_of(log, homes)
    trips = Trips.on_roads(journeys, Snapper(network), ZONE, 1000, left_out)
    learner = Learner(network, SHIPPED, "emergency", trips)
    assert len(learner.trips) > 2_000
    judged = learner.hold_out(folds=2, seed=1)
    assert judged["learned"].median_s < 0.6 * judged["free_flow"].median_s
    assert judged["learned"].mean_s < 0.75 * judged["free_flow"].mean_s
    assert abs(judged["learned"].bias_s) < 0.5 * abs(judged["free_flow"].bias_s)
    assert judged["learned"].within_60_share > 0.65
    assert judged["learned"].median_s < 0.85 * judged["one_factor"].median_s
    assert judged["learned"].mean_s <= judged["one_factor_fixed"].mean_s + 1.0


def test_what_turns_cost_is_given_and_not_learned():
    table = replace(SHIPPED, turn_s=TurnTimes(left=30.0))
    assert _without_waits(table, "normal") == SHIPPED
