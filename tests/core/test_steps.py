"""Leave for steps: who is asked, who when they do not answer, and that of two who decide the first counts."""

import pytest

from engine import AnswerOrder, ApproveOrder, DecideStep, EndIncident, Engine, Need, ReportAlert, Tick
from engine.core.plain_ports import VolatileJournal
from engine.model.ids import DESK
from engine.model.lifecycle import IncidentState, OrderState
from engine.model.step_events import StepPassedOn
from tests.support.cities import SetClock, alert, city, unit

PATROL = (Need("patrol"),)


def engine_with(*units, **more):
    clock = SetClock()
    return Engine(city(units, **more), clock=clock, journal=VolatileJournal()), clock


def report(engine, **more):
    """Report a sighting, which an analyst must verify; at level 2 nothing goes first."""
    given = alert(len(engine.state.incidents), 0, 0, kind="wanted_sighting", needs=PATROL, level=2, **more)
    reply = engine.submit(ReportAlert(actor="user:li", alert=given))[0]
    assert reply.refusal is None, reply.refusal
    return reply.incident


def step_of(engine, incident):
    return engine.state.steps_of(incident)[-1]


def asked(engine, recipient):
    return [mail.values["by"] for mail in engine.state.mailbox(recipient).after(0) if "by" in mail.values]


def pass_time(engine, clock, seconds):
    clock.time += seconds * 1000
    engine.submit(Tick(actor="system"))


def decide(engine, step, *, granted=True, **more):
    return engine.submit(DecideStep(actor=more.pop("actor", "user:chen"), step=step.id, granted=granted, **more))[0]


def test_a_proposal_is_put_before_its_approver_and_the_desk():
    engine, _ = engine_with(unit("a", 1, 0))
    incident = report(engine)
    step = step_of(engine, incident)
    assert (step.step, step.line[0].by, step.outcome) == ("send", "verify_by_analyst", None)
    assert asked(engine, "verify_by_analyst") == asked(engine, DESK) == ["verify_by_analyst"]
    (order,) = engine.state.incidents[incident].orders
    assert engine.state.orders[order].state is OrderState.PROPOSED


def test_who_does_not_answer_is_passed_over_down_to_the_last_in_line():
    engine, clock = engine_with(unit("a", 1, 0))
    step = step_of(engine, report(engine))
    assert [one.by for one in step.line] == ["verify_by_analyst", "commander", "duty_leader", "chief"]
    for seconds, who in ((120, "commander"), (120, "duty_leader"), (300, "chief"), (4_000, None)):
        pass_time(engine, clock, seconds - 1)
        before = asked(engine, DESK)
        pass_time(engine, clock, 1)
        assert asked(engine, DESK)[len(before) :] == ([who] if who else [])
        if who:
            assert asked(engine, who) == [who]
    passed = [event.body for event in engine.journal.read() if isinstance(event.body, StepPassedOn)]
    assert [body.to for body in passed] == ["commander", "duty_leader", "chief"]


def test_leave_sends_the_order_and_names_who_gave_it_as_what():
    engine, clock = engine_with(unit("a", 1, 0))
    incident = report(engine)
    pass_time(engine, clock, 120)
    assert decide(engine, step_of(engine, incident)).refusal is None
    step = step_of(engine, incident)
    assert (step.outcome, step.decided_by, step.decided_as) == ("granted", "user:chen", "commander")
    assert step.decided_at == clock.time
    assert engine.state.orders[step.order].state is OrderState.SENT
    assert not [key for key, _ in engine.state.deadlines.items() if key.startswith(step.id)]


@pytest.mark.parametrize("second", ["step", "order"])
def test_of_two_who_approve_the_second_is_told_who_won(second):
    engine, clock = engine_with(unit("a", 1, 0))
    step = step_of(engine, report(engine))
    commands = [
        ApproveOrder(actor="user:chen", order=step.order),
        DecideStep(actor="user:wu", step=step.id, granted=False, acting_as="commander")
        if second == "step"
        else ApproveOrder(actor="user:wu", order=step.order),
    ]
    first, later = engine.submit(*commands)
    assert first.refusal is None
    refusal = later.refusal
    assert refusal.code == ("already_decided" if second == "step" else "superseded")
    assert "granted by user:chen as verify_by_analyst" in refusal.value + refusal.limit
    assert (str(clock.time) if second == "step" else "at 2027-01-15T08:00:00Z") in refusal.limit
    assert engine.state.orders[step.order].state is OrderState.SENT


def test_who_is_not_in_line_decides_nothing():
    engine, _ = engine_with(unit("a", 1, 0))
    step = step_of(engine, report(engine))
    refusal = decide(engine, step, acting_as="inspector").refusal
    assert (refusal.code, refusal.field) == ("not_asked", "acting_as")
    assert decide(engine, step, acting_as="duty_leader").refusal is None
    assert engine.submit(DecideStep(actor="x", step="nothing", granted=True))[0].refusal.code == "unknown_step"


def test_refused_leave_sends_nobody_and_asks_for_nobody_else():
    engine, _ = engine_with(unit("a", 1, 0), unit("b", 2, 0))
    incident = report(engine)
    decide(engine, step_of(engine, incident), granted=False, reason="not him")
    (order,) = engine.state.incidents[incident].orders
    assert engine.state.orders[order].state is OrderState.CANCELLED
    assert not engine.state.demands


def test_what_is_withdrawn_is_asked_no_more():
    engine, clock = engine_with(unit("a", 1, 0))
    incident = report(engine)
    engine.submit(EndIncident(actor="user:li", incident=incident, state="invalid"))
    step = step_of(engine, incident)
    assert step.outcome == "withdrawn"
    assert not engine.state.deadlines.items()
    assert decide(engine, step).refusal.code == "already_decided"
    pass_time(engine, clock, 4_000)
    assert asked(engine, "commander") == []


def resolved(engine):
    given = alert("r", 0, 0, needs=PATROL)
    reply = engine.submit(ReportAlert(actor="user:li", alert=given))[0]
    for word in ("accept", "on_scene", "clear"):
        key = f"{reply.orders[0]}-{word}"
        engine.submit(AnswerOrder(actor="device:a", key=key, order=reply.orders[0], version=1, answer=word))
    assert engine.state.incidents[reply.incident].state is IncidentState.RESOLVED
    return reply.incident


def test_closing_waits_for_leave_and_happens_when_it_is_given():
    engine, _ = engine_with(unit("a", 1, 0))
    incident = resolved(engine)
    close = EndIncident(actor="user:li", incident=incident, state="closed", reason="done")
    assert engine.submit(close)[0].refusal is None
    assert engine.state.incidents[incident].state is IncidentState.RESOLVED
    step = step_of(engine, incident)
    assert (step.step, step.line[0].by, step.values) == ("close", "shift_supervisor", {"reason": "done"})
    assert engine.submit(close)[0].refusal.code == "asked_already"
    decide(engine, step)
    assert engine.state.incidents[incident].state is IncidentState.CLOSED


def test_who_may_agree_agrees_by_doing_it():
    engine, _ = engine_with(unit("a", 1, 0))
    incident = resolved(engine)
    close = EndIncident(actor="user:li", incident=incident, state="closed", acting_as="commander")
    engine.submit(close)
    assert engine.state.incidents[incident].state is IncidentState.CLOSED
    step = step_of(engine, incident)
    assert (step.outcome, step.decided_as) == ("granted", "commander")
    assert asked(engine, "shift_supervisor") == []


def test_a_restart_asks_nobody_again():
    engine, clock = engine_with(unit("a", 1, 0))
    step = step_of(engine, report(engine))
    clock.time += 121_000
    engine = Engine(engine.city, clock=clock, journal=engine.journal)
    engine.submit(Tick(actor="system"))
    seq = engine.state.seq
    engine = Engine(engine.city, clock=clock, journal=engine.journal)
    engine.submit(Tick(actor="system"))
    assert engine.state.seq == seq
    assert engine.state.steps[step.id].asked == 1


@pytest.mark.parametrize("hours", [1, 30])
def test_what_is_asked_about_an_incident_that_ended_long_ago_can_still_be_decided(hours):
    engine, clock = engine_with(unit("a", 1, 0))
    incident = report(engine)
    engine.submit(EndIncident(actor="user:li", incident=incident, state="resolved"))
    clock.time += 30 * 3_600_000
    assert engine.submit(EndIncident(actor="user:li", incident=incident, state="closed"))[0].refusal is None
    clock.time += hours * 3_600_000
    assert decide(engine, step_of(engine, incident)).refusal is None
    assert engine.state.incidents[incident].state is IncidentState.CLOSED
    clock.time += 30 * 3_600_000
    report(engine, at=clock.time)
    assert incident not in engine.state.incidents
