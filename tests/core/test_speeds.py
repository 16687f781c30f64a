"""Closures, speed rules, hours and live speeds, told as small scenarios on a grid of streets."""

import numpy as np
import pytest

from engine import EndIncident, Engine, LiftSpeedRule, Need, ReportAlert, SetSpeedRule, SpeedRule, Spot, Tick
from engine.model.errors import Refusal
from engine.model.ids import DESK
from geo_data.speed_table import HourFactor, SpeedTable
from tests.core.test_replay import Unreliable
from tests.support.cities import NOW, STEP, SetClock, alert, city, place, unit

SECOND, HOUR = 1_000, 3_600_000


class Held:
    """Workers that do nothing until they are let."""

    def __init__(self):
        self.waiting = []

    def submit(self, work, done):
        self.waiting.append((work, done))

    def go_on(self):
        waiting, self.waiting = self.waiting, []
        for work, done in waiting:
            done(work())


def engine_with(*units, jobs=None, journal=None, **more):
    clock = SetClock()
    return Engine(city(units, **more), clock=clock, jobs=jobs, journal=journal), clock


def between(column, row, to_column, to_row, **more):
    """Return the middle of a street between two crossings."""
    (lon, lat), (to_lon, to_lat) = place(column, row), place(to_column, to_row)
    return Spot((lon + to_lon) / 2, (lat + to_lat) / 2, **more)


def set_rule(engine, rule, key="k"):
    return engine.submit(SetSpeedRule(actor="user:li", key=key, rule=rule))[0]


def eta_of(engine, ref, column, row, *, keep=False):
    """Return who has the order and the milliseconds, for an alert that then is taken back unless it is kept."""
    reply = engine.submit(ReportAlert(actor="x", alert=alert(ref, column, row, needs=(Need("patrol"),), at=NOW)))[0]
    order = engine.state.orders[reply.orders[0]]
    if not keep:
        engine.submit(EndIncident(actor="x", incident=reply.incident, state="invalid"))
    return order.recipient, order.eta_ms


def pass_until(engine, clock, instant):
    """Meet every deadline until an instant, each at its own time, as a server does."""
    while (due := engine.next_deadline()) is not None and due <= instant:
        clock.time = max(due, clock.time + 1)
        engine.submit(Tick(actor="system"))
    clock.time = instant
    engine.submit(Tick(actor="system"))


def around(column, row, reach=0.3):
    """Return a square border around a crossing, ``reach`` of a block to each side."""
    lon, lat = place(column, row)
    out = reach * STEP
    return ((lon - out, lat - out), (lon + out, lat - out), (lon + out, lat + out), (lon - out, lat + out))


def test_a_closed_street_is_gone_round_from_the_moment_it_is_said():
    jobs = Held()
    engine, _ = engine_with(unit("a", 0, 0), unit("b", 0, 0), unit("c", 0, 0), jobs=jobs)
    _, free_ms = eta_of(engine, 1, 2, 0)
    reply = set_rule(engine, SpeedRule(factor=0, spots=(between(0, 0, 1, 0),), reason="fire"))
    assert reply.rule == "grid-rule-1"
    assert len(jobs.waiting) == 1
    version = engine.speeds.traffic.version
    _, at_once_ms = eta_of(engine, 2, 2, 0)  # no worker has done anything yet
    assert at_once_ms > free_ms + 60 * SECOND
    jobs.go_on()
    engine.submit(Tick(actor="system"))
    assert engine.speeds.traffic.version == version + 1
    assert eta_of(engine, 3, 2, 0)[1] == at_once_ms


def test_a_closure_ends_by_itself_and_the_desk_is_told():
    engine, clock = engine_with(unit("a", 0, 0), unit("b", 0, 0), unit("c", 0, 0))
    _, free_ms = eta_of(engine, 1, 2, 0)
    set_rule(engine, SpeedRule(factor=0, rings=(around(1, 0),), until=NOW + HOUR))
    assert eta_of(engine, 2, 2, 0)[1] > free_ms + 60 * SECOND
    assert NOW < engine.next_deadline() <= NOW + HOUR
    clock.time = NOW + HOUR
    engine.submit(Tick(actor="system"))
    assert engine.state.speed_rules == {}
    assert eta_of(engine, 3, 2, 0)[1] == free_ms
    notice = engine.state.mailbox(DESK).items[-1].body
    assert (notice.code, notice.values) == ("speed_rule_over", {"rule": "grid-rule-1"})


def test_a_unit_on_a_closed_street_leaves_it_and_one_is_sent_into_it():
    engine, _ = engine_with(unit("inside", 0.5, 0), unit("outside", 3, 0))
    set_rule(engine, SpeedRule(factor=0, spots=(between(0, 0, 1, 0),)))
    assert eta_of(engine, 1, 1, 0, keep=True)[0] == "inside"
    assert eta_of(engine, 2, 0.5, 0)[0] == "outside"


def test_a_rule_lifted_is_as_if_it_had_never_been():
    engine, clock = engine_with(*(unit(name, 0, 0) for name in "abc"))
    _, free_ms = eta_of(engine, 1, 2, 0)
    rule = set_rule(engine, SpeedRule(factor=0.5)).rule
    assert eta_of(engine, 2, 2, 0)[1] == pytest.approx(2 * free_ms, abs=3)
    engine.submit(LiftSpeedRule(actor="user:li", rule=rule))
    clock.time += SECOND
    engine.submit(Tick(actor="system"))
    assert eta_of(engine, 3, 2, 0)[1] == free_ms
    assert engine.submit(LiftSpeedRule(actor="user:li", rule=rule))[0].refusal.code == "unknown_rule"


def test_one_way_of_a_street_can_be_closed_alone():
    engine, _ = engine_with(*(unit(name, 0, 0) for name in "ab"), *(unit(name, 2, 0) for name in "cd"))
    there, back = eta_of(engine, 1, 1.9, 0), eta_of(engine, 2, 0.1, 0)
    assert (there[0], back[0]) == ("c", "a")
    set_rule(engine, SpeedRule(factor=0, spots=(between(1, 0, 2, 0, heading_deg=90.0),)))
    arcs = np.flatnonzero(engine.times.weights.arc_ms >= 2**30)
    assert len(arcs) == 1
    lon, _ = engine.city.network.arc_points(int(arcs[0]))[-1]
    assert lon == pytest.approx(place(2, 0)[0])


def test_the_same_key_again_changes_nothing():
    engine, _ = engine_with(unit("a", 0, 0))
    first = set_rule(engine, SpeedRule(factor=0.5), key="same")
    again = set_rule(engine, SpeedRule(factor=0.1), key="same")
    assert (again.rule, again.duplicate) == (first.rule, True)
    assert [record.rule.factor for record in engine.state.speed_rules.values()] == [0.5]


def test_a_rule_by_hours_holds_in_them_alone():
    engine, clock = engine_with(*(unit(name, 0, 0) for name in "abcd"))
    _, free_ms = eta_of(engine, 1, 2, 0)
    set_rule(engine, SpeedRule(factor=0.5, hours=((engine.speeds.hour + 1, engine.speeds.hour + 2),)))
    assert eta_of(engine, 2, 2, 0)[1] == free_ms
    pass_until(engine, clock, NOW + HOUR)
    assert eta_of(engine, 3, 2, 0)[1] == pytest.approx(2 * free_ms, abs=3)
    pass_until(engine, clock, NOW + 2 * HOUR)
    assert eta_of(engine, 4, 2, 0)[1] == free_ms


def test_the_citys_own_speeds_turn_with_the_hour_from_the_start_on():
    quick, slow = HourFactor(factor=2.0, begin=0, end=12), HourFactor(factor=0.5, begin=12, end=24)
    plain, _ = engine_with(unit("a", 0, 0))
    _, free_ms = eta_of(plain, 1, 2, 0)
    shipped = SpeedTable.shipped()
    table = SpeedTable(normal=shipped.normal, emergency=shipped.emergency, foot=shipped.foot, hours=(quick, slow))
    engine, clock = engine_with(unit("a", 0, 0), unit("b", 0, 0), speeds=table)
    assert engine.speeds.hour % 24 >= 12
    assert eta_of(engine, 1, 2, 0)[1] == pytest.approx(2 * free_ms, abs=3)
    pass_until(engine, clock, NOW + 12 * HOUR)
    assert engine.speeds.hour % 24 < 12
    assert eta_of(engine, 2, 2, 0)[1] == pytest.approx(free_ms / 2, abs=3)


def test_live_speeds_hold_until_they_are_out_of_date_and_a_restart_knows_them():
    engine, clock = engine_with(*(unit(name, 0, 0) for name in "abc"))
    _, free_ms = eta_of(engine, 1, 2, 0)
    every = np.arange(engine.city.network.n_arcs)
    engine.feed_speeds(every, 0.5, NOW + 60 * SECOND, NOW)
    engine.submit(Tick(actor="system"))
    assert eta_of(engine, 2, 2, 0)[1] == pytest.approx(2 * free_ms, abs=3)
    kept = engine.speeds.checkpoint()
    again, _ = engine_with(unit("a", 0, 0))
    assert again.speeds.restore(kept, NOW + SECOND) == len(every)
    again.submit(Tick(actor="system"))
    assert eta_of(again, 1, 2, 0)[1] == pytest.approx(2 * free_ms, abs=3)
    late, _ = engine_with(unit("a", 0, 0))
    assert late.speeds.restore(kept, NOW + 60 * SECOND) == 0
    pass_until(engine, clock, NOW + 61 * SECOND)
    assert eta_of(engine, 3, 2, 0)[1] == free_ms
    with pytest.raises(Refusal, match="until"):
        engine.feed_speeds([0], 0.5, clock.time, clock.time)
    with pytest.raises(Refusal, match="checkpoint"):
        engine.speeds.restore(b"nonsense", NOW)


def test_what_could_not_be_stored_closes_nothing():
    journal = Unreliable()
    engine, clock = engine_with(*(unit(name, 0, 0) for name in "ab"), journal=journal)
    _, free_ms = eta_of(engine, 1, 2, 0)
    journal.full = True
    assert set_rule(engine, SpeedRule(factor=0, spots=(between(0, 0, 1, 0),))).refusal.code == "not_stored"
    journal.full = False
    clock.time += SECOND
    engine.submit(Tick(actor="system"))
    assert engine.speeds.traffic.coming == engine.speeds.traffic.version
    assert eta_of(engine, 2, 2, 0)[1] == free_ms


def test_a_lost_worker_is_made_up_for():
    jobs = Held()
    engine, clock = engine_with(*(unit(name, 0, 0) for name in "ab"), jobs=jobs)
    _, free_ms = eta_of(engine, 1, 2, 0)
    set_rule(engine, SpeedRule(factor=0.5))
    lost, jobs.waiting = jobs.waiting, []
    engine.give_up_jobs()
    clock.time += SECOND
    engine.submit(Tick(actor="system"))
    jobs.go_on()
    for work, done in lost:  # it was only slow after all
        done(work())
    engine.submit(Tick(actor="system"))
    assert eta_of(engine, 2, 2, 0)[1] == pytest.approx(2 * free_ms, abs=3)


def test_a_restart_has_the_closures_in_force_at_once():
    journal = Unreliable()
    engine, clock = engine_with(*(unit(name, 0, 0) for name in "ab"), journal=journal)
    set_rule(engine, SpeedRule(factor=0, spots=(between(0, 0, 1, 0),)))
    _, round_ms = eta_of(engine, 1, 2, 0)
    for snapshot in (None, engine.snapshot()):
        again = Engine(engine.city, clock=clock, journal=journal, snapshot=snapshot)
        assert again.speeds.traffic.coming == again.speeds.traffic.version
        assert again.times.weights.arc_ms.tolist() == engine.times.weights.arc_ms.tolist()
    assert eta_of(again, 2, 2, 0)[1] == round_ms


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (SpeedRule(factor=-0.1), "factor"),
        (SpeedRule(factor=float("nan")), "factor"),
        (SpeedRule(factor=9.0), "factor"),
        (SpeedRule(factor=0), "rings,spots"),
        (SpeedRule(factor=0, rings=(((0.0, 0.0), (1.0, 1.0)),)), r"rings[0]"),
        (SpeedRule(factor=0, rings=(((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)),)), r"rings[0]"),
        (SpeedRule(factor=0, rings=(((0.0, 0.0), (1.0, 1.0), (1.0, 95.0)),)), r"rings[0]"),
        (SpeedRule(factor=0, rings=(((0.0, 0.0), (1.0, 1.0), (1.0, 0.0)),)), "rings,spots,classes"),
        (SpeedRule(factor=0, spots=(Spot(10.0, 50.0),)), r"spots[0]"),
        (SpeedRule(factor=0, spots=(Spot(*place(0, 0), 400.0),)), r"spots[0].heading_deg"),
        (SpeedRule(factor=0.5, classes=("alley",)), "classes"),
        (SpeedRule(factor=0.5, classes=("motorway",)), "rings,spots,classes"),
        (SpeedRule(factor=0.5, hours=((5, 5),)), "hours"),
        (SpeedRule(factor=0.5, hours=((0, 169),)), "hours"),
        (SpeedRule(factor=0.5, until=NOW), "until"),
        (SpeedRule(factor=0.5, reason="x" * 5_000), "reason"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(rule, field):
    engine, _ = engine_with(unit("a", 0, 0))
    assert set_rule(engine, rule).refusal.field == field
    assert engine.state.speed_rules == {}
    assert engine.speeds.traffic.coming == engine.speeds.traffic.version
