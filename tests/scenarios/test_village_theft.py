"""A theft in a village: by day its station is ordered, which names its officers; by night whoever is on duty goes."""

import pytest

from engine import AnswerOrder, Engine, ReportAlert, Tick
from engine.core.city import Jurisdiction
from engine.model.commands import AskHelp, AssignUnits, Named, ReturnOrder
from engine.model.ids import DESK
from engine.model.lifecycle import IncidentState, OrderState
from tests.support.cities import SetClock, alert, city, place, station, unit
from tests.support.rosters import at

NOON, MIDNIGHT = at(2026, 9, 28, 12), at(2026, 9, 28, 0)
CORNERS = (place(-1, -1), place(6, -1), place(6, 6), place(-1, 6), place(-1, -1))
UNITS = (
    unit("beat-1", 4, 4, "beat", station="village"),
    unit("case-1", 4, 3, "case", station="village"),
    unit("duty-1", 5, 4, "duty_group", station="village"),
    unit("patrol-1", 0, 1, "patrol", "beat", "case", station="town"),
)


def at_the(instant):
    """Return an engine of a village and a town; the village's area is all there is."""
    stations = (station("village", 5, 4), station("town", 0, 0))
    return Engine(
        city(UNITS, stations, jurisdictions=(Jurisdiction("A1", "village", ((CORNERS,),)),)), clock=SetClock(instant)
    )


def report(engine, **more):
    given = alert(1, 0, 0, kind="theft_past", at=engine.clock.time, **more)
    reply = engine.submit(ReportAlert(actor="user:li", alert=given))[0]
    assert reply.refusal is None, reply.refusal
    return reply


def say(engine, command):
    reply = engine.submit(command)[0]
    assert reply.refusal is None, reply.refusal


def answer(engine, order, word):
    say(engine, AnswerOrder(actor="device:x", key=f"{order}-{word}", order=order, version=1, answer=word))


def stand(engine, incident):
    orders = (engine.state.orders[order] for order in engine.state.incidents[incident].orders)
    return [(its.recipient, its.capability, str(its.state)) for its in orders]


def wait(engine, seconds):
    engine.clock.time += seconds * 1000
    engine.submit(Tick(actor="system"))


def told(engine, recipient=DESK):
    return [mail.code for mail in engine.state.mailbox(recipient).after(0) if mail.item == "notice"]


def test_by_day_the_station_of_the_place_is_ordered_names_its_officers_and_sees_it_through():
    engine = at_the(NOON)
    reply = report(engine)
    (order,) = reply.orders
    assert [(recipient, state) for recipient, _, state in stand(engine, reply.incident)] == [("village", "sent")]
    assert engine.state.orders[order].recipient_kind == "station"
    answer(engine, order, "accept")
    assert told(engine, "village")[-1] == "assign_wanted"
    officers = (Named("beat-1", officers=("0101",)), Named("case-1"))
    say(engine, AssignUnits(actor="device:village", key="n", order=order, version=1, units=officers))
    assert stand(engine, reply.incident)[1:] == [("beat-1", "beat", "sent"), ("case-1", "case", "sent")]
    names = engine.state.incidents[reply.incident].orders[1:]
    for word in ("accept", "en_route"):
        for named in names:
            answer(engine, named, word)
    wait(engine, 200)
    assert "not_assigned" not in told(engine)
    for named in reversed(names):
        for word in ("on_scene", "report", "clear"):
            answer(engine, named, word)
    assert engine.state.orders[order].state is OrderState.CLEARED
    assert engine.state.incidents[reply.incident].state in (IncidentState.RESOLVED, IncidentState.CLOSED)


def test_where_the_station_names_nobody_its_clock_runs_out_and_the_desk_is_told():
    engine = at_the(NOON)
    reply = report(engine)
    (order,) = reply.orders
    answer(engine, order, "accept")
    wait(engine, 179)
    assert "not_assigned" not in told(engine)
    wait(engine, 1)
    assert told(engine)[-1] == "not_assigned"
    assert engine.state.orders[order].state is OrderState.ACCEPTED
    say(engine, AssignUnits(actor="user:li", key="n", order=order, version=1, via="radio"))
    assert stand(engine, reply.incident)[1:] == [("beat-1", "beat", "sent"), ("case-1", "case", "sent")]


def test_a_station_that_returns_it_has_it_until_the_next_has_accepted():
    engine = at_the(NOON)
    reply = report(engine)
    (order,) = reply.orders
    answer(engine, order, "accept")
    say(engine, ReturnOrder(actor="device:village", key="r", order=order, version=1, reason="not our place"))
    assert told(engine, "commander") == ["leave_wanted"]
    step = engine.state.steps_of(reply.incident)[-1]
    assert (step.step, step.line[0].by) == ("return_order", "commander")
    assert engine.state.orders[order].state is OrderState.ACCEPTED


def test_officers_at_a_village_theft_ask_for_more_by_leave_of_the_commander():
    engine = at_the(NOON)
    reply = report(engine)
    say(engine, AssignUnits(actor="device:village", key="n", order=reply.orders[0], version=1))
    named = engine.state.incidents[reply.incident].orders[1]
    answer(engine, named, "accept")
    say(engine, AskHelp(actor="device:beat-1", key="a", order=named, version=1, what="support", wanted="patrol"))
    assert told(engine, "village")[-1] == "help_asked"
    assert told(engine, "commander") == ["leave_wanted"]


def test_by_night_the_duty_group_is_ordered_straight_away():
    engine = at_the(MIDNIGHT)
    reply = report(engine)
    assert stand(engine, reply.incident) == [("duty-1", "duty_group", "sent")]


@pytest.mark.parametrize("level", [1, 2])
def test_what_is_raised_goes_to_units_straight_away(level):
    engine = at_the(NOON)
    reply = report(engine, level=level)
    assert {demand.dispatch for demand in engine.state.demands.values()} == {"units"}
    assert "unit" in {engine.state.orders[order].recipient_kind for order in reply.orders}
