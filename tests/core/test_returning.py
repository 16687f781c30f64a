"""Orders that are given back: by leave, and with somebody responsible until the next has accepted."""

import pytest

from engine import AnswerOrder, CancelOrder, DecideStep, EndIncident, Engine, Need, ReportAlert
from engine.core.plain_ports import VolatileJournal
from engine.model import events as e
from engine.model.commands import ReturnOrder
from engine.model.ids import DESK
from engine.model.lifecycle import IncidentState, OrderState
from tests.core.test_choosing import stand, status
from tests.core.test_stations import answer, assign, notices, orders_of, two_stations
from tests.core.test_stations import report as report_robbery
from tests.support.cards import county_with
from tests.support.cities import SetClock, alert, city, unit

PATROL = (Need("patrol"),)


def engine_with(*units, **more):
    return Engine(city(units, **more), clock=SetClock(), journal=VolatileJournal())


def report(engine, **more):
    given = alert(len(engine.state.incidents), 0, 0, needs=PATROL, **more)
    reply = engine.submit(ReportAlert(actor="user:li", alert=given))[0]
    assert reply.refusal is None, reply.refusal
    return reply


def give_back(engine, order, **more):
    command = ReturnOrder(
        actor="device:x", key=more.pop("key", f"{order}-return"), order=order, version=1, reason="far", **more
    )
    return engine.submit(command)[0]


def decide(engine, incident, *, granted=True, actor="user:chen"):
    step = engine.state.steps_of(incident)[-1]
    assert step.step == "return_order"
    assert engine.submit(DecideStep(actor=actor, step=step.id, granted=granted))[0].refusal is None


def mail(engine, recipient):
    return [(its.item, its.code) for its in engine.state.mailbox(recipient).after(0)]


@pytest.fixture
def engine():
    return engine_with(unit("a", 1, 0), unit("b", 3, 0), unit("c", 5, 0))


@pytest.fixture
def stations(tmp_path):
    return two_stations(county_with(tmp_path, robbery='dispatch = "station"'))


def accepted(engine):
    reply = report(engine)
    answer(engine, reply.orders[0], "accept")
    return reply.incident, reply.orders[0]


def test_to_refuse_what_was_accepted_is_to_ask_for_leave_to_return_it(engine):
    incident, order = accepted(engine)
    assert answer(engine, order, "refuse", reason="flat tyre").refusal is None
    assert stand(engine, incident) == [("a", "accepted")]
    (step,) = engine.state.steps_of(incident)
    assert (step.step, step.order, step.line[0].by) == ("return_order", order, "commander")
    assert step.values == {"reason": "flat tyre", "recipient": "a"}
    assert notices(engine, "commander") == ["informed", "leave_wanted"]
    assert notices(engine, DESK)[-1] == "leave_wanted"
    assert engine.state.claims == {"a": order}


def test_the_first_stays_responsible_until_the_next_has_accepted(engine):
    incident, order = accepted(engine)
    give_back(engine, order)
    decide(engine, incident)
    assert notices(engine, "a") == ["return_granted"]
    assert stand(engine, incident) == [("a", "accepted"), ("b", "sent")]
    assert engine.state.claims == {"a": order, "b": "grid-order-2"}
    answer(engine, "grid-order-2", "refuse", reason="busy")
    assert stand(engine, incident) == [("a", "accepted"), ("b", "refused"), ("c", "sent")]
    answer(engine, "grid-order-3", "accept")
    assert stand(engine, incident) == [("a", "replaced"), ("b", "refused"), ("c", "accepted")]
    assert engine.state.claims == {"c": "grid-order-3"}
    assert mail(engine, "a")[-1] == ("cancellation", "handed_over")
    (demand,) = engine.state.demands.values()
    assert (demand.order, demand.relieves, demand.returned) == ("grid-order-3", None, None)
    assert not engine.state.kept.relieving
    for word in ("on_scene", "clear"):
        answer(engine, "grid-order-3", word)
    assert engine.state.incidents[incident].state in (IncidentState.RESOLVED, IncidentState.CLOSED)


def test_where_nobody_else_can_go_it_stays_as_it_is_and_the_shortage_is_stated():
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0))
    status(engine, "b", "busy")
    incident, order = accepted(engine)
    give_back(engine, order)
    decide(engine, incident)
    assert stand(engine, incident) == [("a", "accepted")]
    assert notices(engine, DESK)[-1] == "shortage"
    status(engine, "b", "available")
    assert stand(engine, incident) == [("a", "accepted"), ("b", "sent")]


def test_whoever_goes_on_with_it_after_all_frees_the_next(engine):
    incident, order = accepted(engine)
    give_back(engine, order)
    decide(engine, incident)
    for word in ("on_scene", "clear"):
        assert answer(engine, order, word).refusal is None
    assert stand(engine, incident) == [("a", "cleared"), ("b", "cancelled")]
    assert not engine.state.claims
    assert not engine.state.demands
    assert engine.state.incidents[incident].state in (IncidentState.RESOLVED, IncidentState.CLOSED)


def test_leave_that_is_refused_leaves_it_where_it_is(engine):
    incident, order = accepted(engine)
    give_back(engine, order)
    decide(engine, incident, granted=False)
    assert stand(engine, incident) == [("a", "accepted")]
    assert notices(engine, "a") == ["return_refused"]
    assert len(engine.state.demands) == 1
    assert give_back(engine, order, key="again").refusal is None


def test_it_is_asked_once(engine):
    incident, order = accepted(engine)
    assert give_back(engine, order).refusal is None
    assert give_back(engine, order).duplicate
    before = engine.state.seq
    again = give_back(engine, order, key="again").refusal
    assert (again.code, "commander" in again.limit) == ("asked_already", True)
    decide(engine, incident)
    again = give_back(engine, order, key="again").refusal
    assert (again.code, "sought" in again.limit) == ("asked_already", True)
    assert before < engine.state.seq


def test_without_anybody_to_ask_the_next_is_sought_at_once(tmp_path):
    cards = county_with(tmp_path, robbery='approve = { return_order = "auto" }')
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0), run_cards=cards)
    incident, order = accepted(engine)
    give_back(engine, order)
    assert stand(engine, incident) == [("a", "accepted"), ("b", "sent")]
    assert notices(engine, DESK)[-1] == "order_returned"
    assert not engine.state.steps_of(incident)


def test_what_the_card_allows_nobody_is_refused_and_nothing_has_happened(tmp_path):
    cards = county_with(tmp_path, robbery='approve = { return_order = "none" }')
    engine = engine_with(unit("a", 1, 0), run_cards=cards)
    _, order = accepted(engine)
    before = engine.state.seq
    assert give_back(engine, order).refusal.code == "not_allowed"
    assert answer(engine, order, "refuse", reason="far").refusal.code == "not_allowed"
    assert engine.state.seq == before


def test_what_is_not_accepted_yet_is_refused_not_returned(engine):
    reply = report(engine)
    assert give_back(engine, reply.orders[0]).refusal.code == "wrong_state"
    assert answer(engine, reply.orders[0], "refuse", reason="far").refusal is None
    assert stand(engine, reply.incident) == [("a", "refused"), ("b", "sent")]


def test_one_who_is_cancelled_meanwhile_leaves_it_to_the_next(engine):
    incident, order = accepted(engine)
    give_back(engine, order)
    decide(engine, incident)
    engine.submit(CancelOrder(actor="user:li", order=order, reason="broken down"))
    assert stand(engine, incident) == [("a", "cancelled"), ("b", "sent")]
    (demand,) = engine.state.demands.values()
    assert (demand.order, demand.relieves) == ("grid-order-2", None)


def test_an_incident_that_ends_ends_both(engine):
    incident, order = accepted(engine)
    give_back(engine, order)
    decide(engine, incident)
    engine.submit(EndIncident(actor="user:li", incident=incident, state="invalid"))
    assert stand(engine, incident) == [("a", "cancelled"), ("b", "cancelled")]
    assert not engine.state.demands
    assert not engine.state.kept.relieving


def test_a_step_about_an_order_that_ended_asks_nobody_any_more(engine):
    incident, order = accepted(engine)
    give_back(engine, order)
    for word in ("on_scene", "clear"):
        answer(engine, order, word)
    assert [step.outcome for step in engine.state.steps_of(incident)] == ["withdrawn"]


def test_a_station_only_returns_and_answers_for_it_until_another_has_accepted(stations):
    reply = report_robbery(stations)
    (order,) = reply.orders
    assert answer(stations, order, "refuse", reason="not our place").refusal is None
    assert stand(stations, reply.incident) == [("west", "sent")]
    decide(stations, reply.incident)
    assert stand(stations, reply.incident) == [("west", "sent"), ("east", "sent")]
    assert len(stations.state.demands) == 4
    assign(stations, order, "W1", key="w")
    answer(stations, "grid-order-2", "accept")
    assert stand(stations, reply.incident) == [("west", "replaced"), ("east", "accepted"), ("W1", "replaced")]
    assert {its.station for its in stations.state.demands.values()} == {"grid-order-2"}
    assert len(stations.state.demands) == 2
    assert not stations.state.claims
    assert mail(stations, "W1")[-1] == mail(stations, "west")[-1] == ("cancellation", "handed_over")


def test_a_station_that_is_asked_to_relieve_another_may_refuse(stations):
    reply = report_robbery(stations)
    give_back(stations, reply.orders[0])
    decide(stations, reply.incident)
    assert answer(stations, "grid-order-2", "refuse", reason="far").refusal is None
    now = stand(stations, reply.incident)
    assert now[:2] == [("west", "sent"), ("east", "refused")]
    assert {its.station for its in stations.state.demands.values() if its.relieves is None} == {reply.orders[0]}
    # No station is left: units are sought straight away.
    assert {recipient for recipient, _ in now[2:]} <= {"W1", "W2", "E1"}


def test_a_station_names_another_for_a_unit_that_returns_its_order(stations):
    reply = report_robbery(stations, needs=PATROL)
    (order,) = reply.orders
    assign(stations, order, "W1")
    named = orders_of(stations, reply.incident)[1].id
    answer(stations, named, "accept")
    answer(stations, named, "refuse", reason="flat tyre")
    decide(stations, reply.incident)
    assert stand(stations, reply.incident) == [("west", "accepted"), ("W1", "accepted")]
    assert notices(stations, "west")[-1] == "assign_wanted"
    assert f"{order} assign" in dict(stations.state.deadlines.items())
    assert assign(stations, order, "W2", key="next").refusal is None
    assert stand(stations, reply.incident)[1:] == [("W1", "accepted"), ("W2", "sent")]
    answer(stations, "grid-order-3", "accept")
    assert stand(stations, reply.incident)[1:] == [("W1", "replaced"), ("W2", "accepted")]
    (demand,) = stations.state.demands.values()
    assert (demand.station, demand.order) == (order, "grid-order-3")


def test_what_was_said_is_personal_and_the_record_gives_the_same_state(engine):
    incident, order = accepted(engine)
    command = AnswerOrder(
        actor="device:a", key="r", order=order, version=1, answer="refuse", reason="far", text="Li is hurt"
    )
    assert engine.submit(command)[0].refusal is None
    (said,) = [event for event in engine.journal.read() if isinstance(event.body, e.ReturnAsked)]
    assert (said.personal.text, said.body.reason) == ("Li is hurt", "far")
    decide(engine, incident)
    again = Engine(engine.city, clock=engine.clock, journal=engine.journal)
    assert again.snapshot() == engine.snapshot()
    assert again.state.orders[order].state is OrderState.ACCEPTED
