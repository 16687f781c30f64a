"""Help for those who are at it, more by the desk, and somebody else in place of who goes: three different acts."""

import pytest

from engine import DecideStep, EndIncident, Engine, Need, ReportAlert
from engine.core.plain_ports import VolatileJournal
from engine.model import events as e
from engine.model.commands import AddUnits, AskHelp, ReplaceOrder
from engine.model.ids import DESK
from engine.model.lifecycle import OrderState
from tests.core.test_choosing import stand, status
from tests.core.test_stations import answer, assign, notices, orders_of, two_stations
from tests.core.test_stations import report as report_robbery
from tests.support.cards import county_with
from tests.support.cities import SetClock, alert, city, unit

PATROL = (Need("patrol"),)


def engine_with(*units, **more):
    return Engine(city(units, **more), clock=SetClock(), journal=VolatileJournal())


def report(engine, *, kind="robbery", level=2, **more):
    given = alert(len(engine.state.incidents), 0, 0, kind=kind, needs=PATROL, level=level, **more)
    reply = engine.submit(ReportAlert(actor="user:li", alert=given))[0]
    assert reply.refusal is None, reply.refusal
    return reply.incident


def accepted(engine, **more):
    incident = report(engine, **more)
    (order,) = engine.state.incidents[incident].orders
    answer(engine, order, "accept")
    return incident, order


def ask(engine, order, what="backup", **more):
    command = AskHelp(
        actor="device:x", key=more.pop("key", f"{order}-{what}"), order=order, version=1, what=what, **more
    )
    return engine.submit(command)[0]


def add(engine, incident, capability="patrol", **more):
    key = more.pop("key", f"add-{incident}-{capability}-{engine.state.seq}")
    command = AddUnits(actor="user:chen", key=key, incident=incident, capability=capability, **more)
    return engine.submit(command)[0]


def take_back(engine, order, **more):
    key = more.pop("key", f"{order}-replace")
    return engine.submit(ReplaceOrder(actor="user:chen", key=key, order=order, version=1, reason="too_far", **more))[0]


def decide(engine, incident, *, granted=True):
    step = engine.state.steps_of(incident)[-1]
    assert step.step == "more_force"
    assert engine.submit(DecideStep(actor="user:wu", step=step.id, granted=granted))[0].refusal is None


def letter(engine, recipient):
    """Return the code and values of the newest notice in a mailbox."""
    its = [mail for mail in engine.state.mailbox(recipient).after(0) if mail.item == "notice"][-1]
    return its.code, its.values


@pytest.fixture
def engine():
    return engine_with(unit("a", 1, 0), unit("b", 3, 0), unit("t", 2, 0, "traffic"), unit("c", 5, 0))


def test_backup_is_more_of_the_same_once_leave_is_given(engine):
    incident, order = accepted(engine)
    assert ask(engine, order, count=2).refusal is None
    assert stand(engine, incident) == [("a", "accepted")]
    (step,) = engine.state.steps_of(incident)
    assert (step.step, step.order, step.values) == ("more_force", order, {"wanted": "patrol", "count": "2"})
    assert notices(engine, DESK) == ["help_asked", "leave_wanted"]
    decide(engine, incident)
    assert stand(engine, incident) == [("a", "accepted"), ("b", "sent"), ("c", "sent")]
    assert [demand.asked_by for demand in engine.state.demands.values()] == [None, order, order]


def test_at_level_1_help_goes_at_once_and_whose_leave_it_would_have_been_is_told(engine):
    incident, order = accepted(engine, level=1)
    assert ask(engine, order).refusal is None
    assert stand(engine, incident) == [("a", "accepted"), ("b", "sent")]
    assert not engine.state.steps_of(incident)
    assert letter(engine, "commander") == ("more_sent", {"incident": incident, "wanted": "patrol", "count": "1"})


def test_support_of_a_capability_adds_units_that_have_it(engine):
    incident, order = accepted(engine, level=1)
    assert ask(engine, order, "support", wanted="traffic").refusal is None
    assert stand(engine, incident) == [("a", "accepted"), ("t", "sent")]


def test_support_of_an_office_is_told_there_and_adds_nobody(engine):
    incident, order = accepted(engine)
    assert ask(engine, order, "support", wanted="analyst", words="who is 138…?").refusal is None
    code, values = letter(engine, "analyst")
    assert (code, values["incident"], values["recipient"]) == ("support_wanted", incident, "a")
    assert "138" not in str(engine.state.mailboxes)
    assert letter(engine, DESK)[0] == "help_asked"
    assert len(engine.state.demands) == 1
    (said,) = [event for event in engine.journal.read() if isinstance(event.body, e.HelpAsked)]
    assert (said.personal.text, said.body.wanted) == ("who is 138…?", "analyst")


def test_an_office_without_a_mailbox_is_told_by_telephone(engine):
    incident, order = accepted(engine)
    assert ask(engine, order, "support", wanted="fire_119").refusal is None
    code, values = letter(engine, DESK)
    assert (code, values["who"], values["incident"]) == ("tell_by_phone", "fire_119", incident)


def test_equipment_is_for_the_desk_to_see_to(engine):
    _, order = accepted(engine)
    assert ask(engine, order, "support", wanted="shield").refusal is None
    assert letter(engine, DESK)[1]["wanted"] == "shield"
    assert len(engine.state.demands) == 1


def test_leave_that_is_refused_sends_nobody_and_the_asker_is_told(engine):
    incident, order = accepted(engine)
    ask(engine, order)
    decide(engine, incident, granted=False)
    assert stand(engine, incident) == [("a", "accepted")]
    assert letter(engine, "a")[0] == "more_refused"


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        ({"what": "support"}, "unknown_wish", "wanted"),
        ({"what": "support", "wanted": "tank"}, "unknown_wish", "wanted"),
        ({"what": "backup", "wanted": "traffic"}, "unknown_wish", "wanted"),
        ({"count": 0}, "out_of_range", "count"),
        ({"count": 9}, "out_of_range", "count"),
        ({"what": "support", "wanted": "analyst", "count": 2}, "out_of_range", "count"),
        ({"words": "x" * 4_001}, "too_long", "words"),
        ({"said_at": 1_900_000_000_000}, "clock_ahead", "said_at"),
        ({"key": ""}, "wrong_length", "key"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_name_and_nothing_has_happened(engine, said, code, field):
    _, order = accepted(engine)
    before = engine.state.seq
    refusal = ask(engine, order, **{"what": "backup"} | said).refusal
    assert (refusal.code, refusal.field) == (code, field)
    assert engine.state.seq == before


def test_who_has_not_accepted_or_is_done_asks_for_nothing_and_each_asks_once(engine):
    incident = report(engine)
    (order,) = engine.state.incidents[incident].orders
    assert ask(engine, order).refusal.code == "wrong_state"
    answer(engine, order, "accept")
    assert ask(engine, order).refusal is None
    assert ask(engine, order).duplicate
    again = ask(engine, order, key="again").refusal
    assert (again.code, "commander" in again.limit) == ("asked_already", True)


def test_a_station_asks_for_backup_and_others_go_to_the_same_incident(tmp_path):
    engine = two_stations(county_with(tmp_path, robbery='dispatch = "station"'))
    reply = report_robbery(engine, needs=PATROL)
    (order,) = reply.orders
    assign(engine, order, "W1")
    assert assign(engine, order, "W2", key="w2").refusal.code == "all_named"
    assert ask(engine, order).refusal is None  # robbery is level 1
    went = orders_of(engine, reply.incident)
    assert [(its.recipient, its.under) for its in went] == [("west", None), ("W1", order), ("W2", None)]
    answer(engine, "grid-order-2", "accept")
    assert ask(engine, "grid-order-2", "support", wanted="analyst").refusal is None
    assert notices(engine, "west")[-1] == "help_asked"


def test_the_desk_sends_more_and_who_goes_already_keeps_the_duty(engine):
    incident, _ = accepted(engine)
    assert add(engine, incident, acting_as="commander", reason="crowd").refusal is None
    assert stand(engine, incident) == [("a", "accepted"), ("b", "sent")]
    (said,) = [event.body for event in engine.journal.read() if isinstance(event.body, e.HelpAsked)]
    assert (said.order, said.reason, said.via) == (None, "crowd", "desk")
    assert add(engine, incident).refusal is None
    assert stand(engine, incident) == [("a", "accepted"), ("b", "sent")]
    decide(engine, incident)
    assert stand(engine, incident)[2:] == [("c", "sent")]


def test_the_desk_names_whom_it_sends_besides(engine):
    incident, _ = accepted(engine, level=1)
    assert add(engine, incident, unit="t").refusal.code == "lacks_capability"
    assert add(engine, incident, unit="a").refusal.code == "on_order"
    assert add(engine, incident, unit="c", count=2).refusal.code == "out_of_range"
    assert add(engine, incident, "tank").refusal.code == "unknown_capability"
    assert add(engine, "grid-incident-9").refusal.code == "unknown_incident"
    assert add(engine, incident, unit="c").refusal is None
    assert add(engine, incident, unit="t", anyway=True).refusal is None
    assert stand(engine, incident) == [("a", "accepted"), ("c", "sent"), ("t", "sent")]


def test_whom_the_desk_named_is_looked_at_again_when_leave_comes_later(engine):
    incident, _ = accepted(engine)
    assert add(engine, incident, unit="c").refusal is None
    status(engine, "c", "busy")
    decide(engine, incident)
    assert stand(engine, incident) == [("a", "accepted"), ("b", "sent")]


def test_nothing_is_added_to_what_has_ended(engine):
    incident, _ = accepted(engine)
    engine.submit(EndIncident(actor="user:li", incident=incident, state="invalid"))
    assert add(engine, incident).refusal.code == "wrong_state"


def test_to_replace_is_to_take_back_and_to_find_the_next_in_one_breath(engine):
    incident, order = accepted(engine)
    reply = take_back(engine, order)
    assert reply.refusal is None
    assert stand(engine, incident) == [("a", "replaced"), ("b", "sent")]
    assert engine.state.claims == {"b": "grid-order-2"}
    assert take_back(engine, order).duplicate
    late = take_back(engine, order, key="other").refusal
    assert (late.code, "user:chen decided (replaced)" in late.limit) == ("superseded", True)
    answer(engine, "grid-order-2", "refuse", reason="far")
    assert stand(engine, incident)[2:] == [("c", "sent")]


def test_where_there_is_nobody_else_who_goes_stays(engine):
    incident, order = accepted(engine)
    for name in ("b", "c"):
        status(engine, name, "busy")
    before = engine.state.seq
    assert take_back(engine, order).refusal.code == "nobody_free"
    assert (engine.state.seq, stand(engine, incident)) == (before, [("a", "accepted")])


def test_a_proposal_that_is_replaced_is_a_proposal_again(engine):
    incident = report(engine, kind="wanted_sighting")
    (order,) = engine.state.incidents[incident].orders
    assert take_back(engine, order).refusal is None
    assert stand(engine, incident) == [("a", "replaced"), ("b", "proposed")]
    engine.submit(DecideStep(actor="user:wu", step=engine.state.steps_of(incident)[-1].id, granted=True))
    assert take_back(engine, "grid-order-2").refusal is None
    assert stand(engine, incident)[1:] == [("b", "replaced"), ("c", "sent")]


def test_another_station_replaces_a_station_and_of_its_unit_it_is_asked_for_another(tmp_path):
    engine = two_stations(county_with(tmp_path, robbery='dispatch = "station"'))
    reply = report_robbery(engine, needs=PATROL)
    assign(engine, reply.orders[0], "W1")
    assert take_back(engine, "grid-order-2").refusal is None
    assert stand(engine, reply.incident) == [("west", "accepted"), ("W1", "replaced")]
    assert notices(engine, "west")[-2:] == ["unit_fell_away", "assign_wanted"]
    assert engine.state.demands[next(iter(engine.state.demands))].recommended == "W2"
    assert take_back(engine, reply.orders[0]).refusal is None
    assert stand(engine, reply.incident)[2:] == [("east", "sent")]
    assert take_back(engine, "grid-order-3").refusal.code == "nobody_free"
    assert engine.state.orders["grid-order-3"].state is OrderState.SENT


def test_whose_order_is_known_by_another_version_is_told_so(engine):
    _, order = accepted(engine)
    for command in (
        AskHelp(actor="d", key="1", order=order, version=2, what="backup"),
        ReplaceOrder(actor="d", key="2", order=order, version=2, reason="far"),
    ):
        assert engine.submit(command)[0].refusal.code == "superseded"
