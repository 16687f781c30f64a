"""Units go on and off duty with their shifts, and with their crews change what they can do."""

from dataclasses import replace

import pytest

from engine import (
    AnswerOrder,
    Engine,
    Need,
    Policies,
    PositionFix,
    ReportAlert,
    SetUnitStatus,
    Tick,
)
from engine.core.plain_ports import VolatileJournal
from engine.model.lifecycle import UnitStatus
from tests.support.cities import NOW, SetClock, alert, city, unit
from tests.support.rosters import duty, officer, roster

HOUR = 3_600_000
MIDNIGHT = NOW - 16 * HOUR  # NOW is 16:00 in Shanghai
PATROL = (Need("patrol"),)


def engine_at(hour, units, *duties, officers=(), journal=None, **more):
    clock = SetClock(MIDNIGHT + int(hour * HOUR))
    the_city = city(units, (), Policies(stale_position_ms=0), roster=roster(*duties, officers=officers), **more)
    return Engine(the_city, clock=clock, journal=journal or VolatileJournal()), clock


def pass_to(engine, clock, hour):
    """Let time pass as a server does: a tick at every deadline."""
    until = MIDNIGHT + int(hour * HOUR)
    while (due := engine.next_deadline()) is not None and due <= until:
        clock.time = due
        engine.submit(Tick(actor="system"))
    clock.time = until
    engine.submit(Tick(actor="system"))


def report(engine, clock, ref, column, needs=PATROL, **more):
    given = alert(ref, column, 0, needs=needs, at=clock.time, **more)
    reply = engine.submit(ReportAlert(actor="desk", alert=given))[0]
    assert reply.refusal is None, reply.refusal
    return reply


def answer(engine, order, word):
    return engine.submit(
        AnswerOrder(actor="d", key=f"{order} {word}", order=order, version=1, answer=word, reason="r")
    )[0]


def say(engine, name, status):
    return engine.submit(SetUnitStatus(actor="d", key=f"{name} {status}", unit=name, status=UnitStatus(status)))[0]


def status(engine, name):
    return engine.state.unit_status[name].value


def test_units_go_on_and_off_duty_at_the_instants_of_their_shifts():
    units = (unit("day", 1, 0), unit("night", 2, 0), unit("free", 5, 4))
    engine, clock = engine_at(9, units, duty("1", "day", 8, 20), duty("2", "night", 20, 8))
    assert (status(engine, "day"), status(engine, "night"), status(engine, "free")) == (
        "available",
        "off_duty",
        "available",
    )
    assert engine.next_deadline() == MIDNIGHT + 20 * HOUR
    pass_to(engine, clock, 19.9)
    assert status(engine, "day") == "available"
    pass_to(engine, clock, 20)
    assert (status(engine, "day"), status(engine, "night")) == ("off_duty", "available")
    pass_to(engine, clock, 32)
    assert (status(engine, "day"), status(engine, "night")) == ("available", "off_duty")
    reply = report(engine, clock, 1, 2)
    (recommendation,) = engine.recommendations(reply.incident)
    assert [(out.unit, out.why) for out in recommendation.excluded] == [("night", "off_duty")]


def test_a_unit_on_an_order_ends_it_first_and_is_then_off_duty():
    engine, clock = engine_at(19, (unit("a", 1, 0), unit("b", 5, 4)), duty("1", "a", 8, 20))
    (order,) = report(engine, clock, 1, 0).orders
    for word in ("accept", "en_route", "on_scene"):
        answer(engine, order, word)
    pass_to(engine, clock, 20.5)
    assert status(engine, "a") == "on_scene"
    assert engine.state.kept.crews["a"].officers == ("1",)  # who went is who is there
    answer(engine, order, "clear")
    assert status(engine, "a") == "off_duty"
    assert not engine.state.kept.crews["a"].people
    pass_to(engine, clock, 32)
    assert status(engine, "a") == "available"


def test_a_unit_whose_shift_is_over_is_not_diverted_and_the_table_says_so():
    engine, clock = engine_at(19.99, (unit("a", 1, 0),), duty("1", "a", 8, 20))
    (order,) = report(engine, clock, 1, 0, level=3).orders
    pass_to(engine, clock, 20)
    reply = report(engine, clock, 2, 1, level=1)
    (recommendation,) = engine.recommendations(reply.incident)
    assert recommendation.chosen is None
    assert [(out.unit, out.why, out.value, out.bar) for out in recommendation.excluded] == [
        ("a", "on_order", order, "shift_over")
    ]


def test_a_crew_takes_over_when_the_order_has_ended_and_brings_what_it_can_do():
    people = (officer("1"), officer("2", capabilities=("negotiator",)))
    engine, clock = engine_at(
        19, (unit("a", 1, 0),), duty("1", "a", 8, 20), duty("2", "a", 20, 8, roles=("duty_group",)), officers=people
    )
    assert report(engine, clock, 1, 0, needs=(Need("negotiator"),)).shortage == ("negotiator",)
    (order,) = report(engine, clock, 2, 0).orders
    pass_to(engine, clock, 21)
    assert engine.state.abilities("a") == ("patrol",)
    answer(engine, order, "refuse")
    assert engine.state.abilities("a") == ("patrol", "duty_group", "negotiator")
    assert engine.fleet.capabilities(0) == ("patrol", "duty_group", "negotiator")
    orders = [engine.state.orders[its] for its in engine.state.incidents["grid-incident-1"].orders]
    assert [(its.recipient, its.capability) for its in orders] == [("a", "negotiator")]  # what waited is met


def test_who_is_off_duty_is_not_tracked():
    engine, clock = engine_at(7, (unit("a", 1, 0), unit("b", 1, 1)), duty("1", "a", 8, 20))
    fixes = [PositionFix(name, 113.0, 36.5, clock.time) for name in "ab"]
    refused, taken = engine.move(fixes, clock.time)
    assert (refused.code, refused.field, refused.value, taken) == ("off_duty", "unit", "'a'", None)
    assert not engine.fleet.reported[0]
    pass_to(engine, clock, 8)
    assert engine.move([PositionFix("a", 113.0, 36.5, clock.time)], clock.time) == [None]


def test_a_city_without_a_roster_takes_positions_of_everybody_as_before():
    clock = SetClock()
    engine = Engine(city((unit("a", 1, 0, on_duty=False),), (), Policies(stale_position_ms=0)), clock=clock)
    assert engine.move([PositionFix("a", 113.0, 36.5, clock.time)], clock.time) == [None]
    assert engine.state.deadlines.at("roster shift") is None


def test_who_is_sick_stays_off_duty_until_others_take_over_and_a_broken_car_stays_broken():
    units = (unit("a", 1, 0), unit("b", 2, 0))
    lines = [duty("1", "a", 8, 16), duty("2", "a", 16, 20), duty("3", "a", 12, 20), duty("4", "b", 8, 12)]
    engine, clock = engine_at(9, units, *lines, duty("4", "b", 14, 18))
    say(engine, "a", "off_duty")
    say(engine, "b", "out_of_service")
    pass_to(engine, clock, 12.5)  # 3 comes to 1: the car was said to be off duty
    assert (status(engine, "a"), status(engine, "b")) == ("off_duty", "out_of_service")
    pass_to(engine, clock, 14.5)
    assert status(engine, "b") == "out_of_service"
    say(engine, "a", "available")
    pass_to(engine, clock, 20)
    assert status(engine, "a") == "off_duty"
    pass_to(engine, clock, 32)
    assert status(engine, "a") == "available"


def test_who_says_to_be_available_off_duty_works_over_time_until_the_order_has_ended():
    engine, clock = engine_at(22, (unit("a", 1, 0),), duty("1", "a", 8, 20))
    assert say(engine, "a", "available").refusal is None
    (order,) = report(engine, clock, 1, 0).orders
    answer(engine, order, "refuse")
    assert status(engine, "a") == "off_duty"


@pytest.mark.parametrize("hour", [19, 20.5, 36])
def test_a_restart_gives_the_same_and_what_was_missed_meanwhile_is_made_up_for(hour):
    journal = VolatileJournal()
    units, lines = (unit("a", 1, 0), unit("b", 2, 0)), (duty("1", "a", 8, 20), duty("2", "b", 20, 8))
    engine, clock = engine_at(9, units, *lines, journal=journal)
    say(engine, "a", "busy")
    before = engine.snapshot()
    clock.time = MIDNIGHT + int(hour * HOUR)
    again = Engine(engine.city, clock=clock, journal=journal)
    assert again.snapshot() == before
    again.submit(Tick(actor="system"))
    assert status(again, "b") == ("available" if hour == 20.5 else "off_duty")
    assert again.next_deadline() > clock.time


def test_a_changed_roster_holds_from_the_restart_on_and_without_one_units_say_it_themselves():
    journal, units = VolatileJournal(), (unit("a", 1, 0), unit("b", 2, 0))
    engine, clock = engine_at(9, units, duty("1", "a", 20, 8), duty("2", "b", 8, 20), journal=journal)
    assert (status(engine, "a"), status(engine, "b")) == ("off_duty", "available")
    changed = replace(engine.city, roster=roster(duty("1", "a", 8, 20)))
    engine = Engine(changed, clock=clock, journal=journal)
    assert (status(engine, "a"), status(engine, "b")) == ("available", "available")
    assert list(engine.state.kept.crews) == ["a"]
    pass_to(engine, clock, 21)
    assert status(engine, "a") == "off_duty"
    engine = Engine(replace(changed, roster=None), clock=clock, journal=journal)
    assert status(engine, "a") == "available"
    assert not engine.state.kept.crews
    assert engine.state.deadlines.at("roster shift") is None
