"""A person chooses somebody else: as easily as agreeing, claimed at once, and the engine plans on around it."""

import msgspec
import pytest

from engine import ApproveOrder, CancelOrder, DecideStep, Engine, Need, ReportAlert, SetUnitStatus
from engine.core.plain_ports import VolatileJournal
from engine.model import events as e
from engine.model.commands import ChooseUnit
from engine.model.ids import DESK
from engine.model.lifecycle import OrderState, UnitStatus
from tests.core.test_stations import answer, assign, notices, orders_of, two_stations
from tests.core.test_stations import report as report_robbery
from tests.support.cards import county_with
from tests.support.cities import SetClock, alert, city, unit

PATROL = (Need("patrol"),)


def engine_with(*units, **more):
    return Engine(city(units, **more), clock=SetClock(), journal=VolatileJournal())


def report(engine, column=0, row=0, *, needs=PATROL, kind="robbery", ref=None, **more):
    """Report; a robbery goes by rule, a sighting waits for its approver."""
    given = alert(ref or len(engine.state.incidents), column, row, kind=kind, needs=needs, **more)
    reply = engine.submit(ReportAlert(actor="user:li", alert=given))[0]
    assert reply.refusal is None, reply.refusal
    return reply.incident


def choose(engine, order, recipient, *, why="knows_place", actor="user:chen", **more):
    key = more.pop("key", f"{order}-{recipient}-{actor}")
    command = ChooseUnit(actor=actor, key=key, order=order, version=1, recipient=recipient, why=why, **more)
    return engine.submit(command)[0]


def status(engine, name, to):
    command = SetUnitStatus(actor="d", key=f"{name}-{to}", unit=name, status=UnitStatus(to))
    assert engine.submit(command)[0].refusal is None


def stand(engine, incident):
    return [(its.recipient, str(its.state)) for its in orders_of(engine, incident)]


def test_of_a_proposal_somebody_else_goes_at_once_and_leave_is_given_by_it():
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0))
    incident = report(engine, kind="wanted_sighting", level=2)
    (order,) = engine.state.incidents[incident].orders
    assert choose(engine, order, "b").refusal is None
    assert stand(engine, incident) == [("a", "replaced"), ("b", "sent")]
    assert engine.state.claims == {"b": "grid-order-2"}
    first, second = engine.state.steps_of(incident)
    assert (first.outcome, second.outcome, second.decided_by) == ("withdrawn", "granted", "user:chen")
    assert (second.order, second.decided_as) == ("grid-order-2", "verify_by_analyst")
    its = orders_of(engine, incident)[1]
    assert its.eta_ms
    assert its.route


def test_who_may_not_approve_may_not_choose():
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0))
    incident = report(engine, kind="wanted_sighting", level=2)
    (order,) = engine.state.incidents[incident].orders
    refusal = choose(engine, order, "b", acting_as="inspector").refusal
    assert (refusal.code, refusal.field) == ("not_asked", "acting_as")
    assert choose(engine, order, "b", acting_as="duty_leader").refusal is None
    assert engine.state.steps_of(incident)[-1].decided_as == "duty_leader"


def test_an_open_order_is_taken_back_and_who_was_let_go_serves_what_waits_in_the_same_batch():
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0))
    status(engine, "b", "busy")
    first, waits = report(engine), report(engine, 2, 2)
    assert (stand(engine, first), stand(engine, waits)) == ([("a", "sent")], [])
    status(engine, "b", "available")
    assert stand(engine, waits) == [("b", "sent")]
    reply = choose(engine, engine.state.incidents[first].orders[0], "b", anyway=True)
    assert reply.refusal is None
    assert stand(engine, first) == [("a", "replaced"), ("b", "sent")]
    assert stand(engine, waits) == [("b", "replaced"), ("a", "sent")]
    assert engine.state.claims == {"b": "grid-order-3", "a": "grid-order-4"}
    cancelled = [mail for mail in engine.state.mailbox("a").after(0) if mail.item == "cancellation"]
    assert [mail.order for mail in cancelled] == ["grid-order-1"]


def test_whom_a_person_let_go_is_not_proposed_for_the_same_again():
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0), unit("c", 5, 4))
    incident = report(engine)
    choose(engine, engine.state.incidents[incident].orders[0], "b")
    answer(engine, "grid-order-2", "refuse", reason="flat tyre")
    assert stand(engine, incident) == [("a", "replaced"), ("b", "refused"), ("c", "sent")]


def test_what_was_chosen_is_on_record_with_who_when_why_and_in_spite_of_what():
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0, "traffic"))
    incident = report(engine)
    (order,) = engine.state.incidents[incident].orders
    assert choose(engine, order, "b", why="other", words="Wang Wu knows him", anyway=True).refusal is None
    ((its, words),) = engine.overrulings(incident)
    assert (its.order, its.instead, its.recipient, its.left) == (order, "grid-order-2", "b", "a")
    assert (its.by, its.why, its.at, its.despite) == ("user:chen", "other", engine.clock.time, ("lacks_capability",))
    assert words == "Wang Wu knows him"
    said = [event for event in engine.journal.read() if isinstance(event.body, e.Overruled)]
    assert [event.personal.text for event in said] == [words]
    assert notices(engine, DESK)[-1] == "overruled"
    again = Engine(engine.city, clock=engine.clock, journal=engine.journal, snapshot=engine.snapshot())
    assert again.overrulings(incident) == engine.overrulings(incident)


@pytest.mark.parametrize(
    ("who", "anyway", "code"),
    [
        ("nobody", True, "unknown_unit"),
        ("a", True, "same"),
        ("off", True, "off_duty"),
        ("broken", True, "out_of_service"),
        ("busy", True, "busy"),
        ("traffic", False, "lacks_capability"),
        ("traffic", True, None),
        ("away", False, "on_order"),
        ("away", True, None),
        ("there", True, "on_order"),
        ("no", False, "refused_before"),
        ("no", True, None),
    ],
)
def test_who_cannot_go_is_refused_by_name_and_nothing_has_happened(who, anyway, code):
    units = [unit("a", 2, 0), unit("off", 3, 0, on_duty=False), unit("traffic", 3, 1, "traffic"), unit("no", 1, 0)]
    units += [unit("broken", 5, 4), unit("busy", 5, 4)]
    units += [unit("away", 0, 4, "swat", "patrol"), unit("there", 5, 4, "case", "patrol")]
    engine = engine_with(*units)
    status(engine, "broken", "out_of_service")
    status(engine, "busy", "busy")
    for capability in ("swat", "case"):
        report(engine, 3, 4, needs=(Need(capability),))
    assert set(engine.state.claims) == {"away", "there"}
    for word in ("accept", "on_scene"):
        assert answer(engine, engine.state.claims["there"], word).refusal is None
    incident = report(engine)
    answer(engine, engine.state.incidents[incident].orders[0], "refuse", reason="flat tyre")
    assert stand(engine, incident) == [("no", "refused"), ("a", "sent")]
    before = engine.state.seq
    reply = choose(engine, engine.state.incidents[incident].orders[1], who, anyway=anyway)
    assert (reply.refusal and reply.refusal.code) == code
    if code is None:
        assert stand(engine, incident)[-1] == (who, "sent")
        assert [its.despite for its, _ in engine.overrulings(incident)] == [(_STANDS_AGAINST[who],)]
    else:
        assert engine.state.seq == before
    if code == "on_order":
        assert "holds it; it is" in reply.refusal.limit


_STANDS_AGAINST = {"traffic": "lacks_capability", "away": "on_order", "no": "refused_before"}


def test_other_reasons_take_words_and_words_have_an_end():
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0))
    (order,) = engine.state.incidents[report(engine)].orders
    assert choose(engine, order, "b", why="other").refusal.code == "missing"
    assert choose(engine, order, "b", words="x" * 4_001).refusal.code == "too_long"
    assert choose(engine, order, "b", key="").refusal.code == "wrong_length"
    assert choose(engine, "grid-order-9", "b").refusal.code == "unknown_order"
    assert choose(engine, order, "b", key="k").refusal is None
    again = choose(engine, order, "b", key="k")
    assert (again.refusal, again.duplicate, again.events) == (None, True, ())


def decisions(order):
    """Return what two dispatchers may decide about a proposal that both look at."""
    choice = ChooseUnit(
        actor="", key="c", order=order, version=1, recipient="b", why="knows_place", seen=OrderState.PROPOSED
    )
    return {
        "approve": ApproveOrder(actor="", order=order, version=1),
        "choose": choice,
        "cancel": CancelOrder(actor="", order=order, reason="no"),
    }


@pytest.mark.parametrize("second", ["approve", "choose"])
@pytest.mark.parametrize("first", ["approve", "choose", "cancel"])
def test_of_two_dispatchers_the_second_is_told_who_won(first, second):
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0), unit("c", 5, 0))
    incident = report(engine, kind="wanted_sighting", level=2)
    (order,) = engine.state.incidents[incident].orders
    as_of = {name: msgspec.structs.replace(its, actor="user:chen") for name, its in decisions(order).items()}
    late = msgspec.structs.replace(
        decisions(order)[second], actor="user:wu", **({"key": "late"} if second == "choose" else {})
    )
    won, lost = engine.submit(as_of[first], late)
    assert won.refusal is None
    assert (lost.refusal.code, lost.events) == ("superseded", ())
    assert "user:chen decided" in lost.refusal.limit
    assert "at 2027-01-15T08:00:00Z" in lost.refusal.limit
    if first == "choose":
        assert "b goes instead, by grid-order-2" in lost.refusal.limit


def test_a_step_whose_proposal_was_overruled_says_who_did():
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0))
    incident = report(engine, kind="wanted_sighting", level=2)
    (step,) = engine.state.steps_of(incident)
    choose(engine, step.order, "b")
    late = engine.submit(DecideStep(actor="user:wu", step=step.id, granted=True))[0].refusal
    assert (late.code, "user:chen decided (replaced)" in late.limit) == ("already_decided", True)


def test_another_version_is_superseded():
    engine = engine_with(unit("a", 1, 0), unit("b", 3, 0))
    (order,) = engine.state.incidents[report(engine)].orders
    refusal = engine.submit(ApproveOrder(actor="user:wu", order=order, version=2))[0].refusal
    assert (refusal.code, refusal.field) == ("superseded", "version")
    command = ChooseUnit(actor="user:wu", key="k", order=order, version=2, recipient="b", why="knows_place")
    refusal = engine.submit(command)[0].refusal
    assert (refusal.code, refusal.field) == ("superseded", "version")


@pytest.fixture
def stations(tmp_path):
    """Two stations; a robbery is ordered to one."""
    return two_stations(county_with(tmp_path, robbery='dispatch = "station"'))


def test_another_station_is_chosen_and_the_first_is_not_asked_again(stations):
    reply = report_robbery(stations)
    (order,) = reply.orders
    assign(stations, order, "W1")
    assert choose(stations, order, "east").refusal is None
    assert stand(stations, reply.incident) == [("west", "replaced"), ("W1", "replaced"), ("east", "sent")]
    assert {d.station for d in stations.state.demands.values()} == {"grid-order-3"}
    assert {d.returned_by for d in stations.state.demands.values()} == {("west",)}
    assert not stations.state.claims
    assert choose(stations, "grid-order-3", "west").refusal.code == "returned_before"


def test_a_unit_is_chosen_instead_of_a_station_and_the_rest_is_ordered_anew(stations):
    reply = report_robbery(stations)
    assert choose(stations, reply.orders[0], "E1").refusal is None
    assert stand(stations, reply.incident) == [("west", "replaced"), ("E1", "sent"), ("west", "sent")]
    rest = report_robbery(stations, ref=2)
    assign(stations, rest.orders[0], "W1")
    assert choose(stations, rest.orders[0], "W2").refusal.code == "wrong_state"


def test_who_a_station_named_is_overruled_and_it_stays_responsible_and_is_told(stations):
    reply = report_robbery(stations)
    (order,) = reply.orders
    assign(stations, order, "W1", "W2")
    named = next(its for its in orders_of(stations, reply.incident) if its.recipient == "W1")
    assert choose(stations, named.id, "E1").refusal is None
    instead = orders_of(stations, reply.incident)[-1]
    assert (instead.recipient, instead.under, instead.state) == ("E1", order, OrderState.SENT)
    assert notices(stations, "west")[-1] == "overruled"
    assert all(demand.station == order for demand in stations.state.demands.values())


def test_a_unit_taken_from_another_station_is_missed_there(stations):
    theirs = report_robbery(stations, 5, 4, needs=(Need("patrol"),))
    assign(stations, theirs.orders[0], "E1", key="e")
    reply = report_robbery(stations, ref=2, needs=(Need("patrol"),))
    assert choose(stations, reply.orders[0], "E1", anyway=True).refusal is None
    assert stand(stations, theirs.incident) == [("east", "accepted"), ("E1", "replaced")]
    assert notices(stations, "east")[-2:] == ["unit_fell_away", "assign_nobody"]
