"""What events do to the steps that need somebody's leave: asked, passed on, decided, and withdrawn with their cause.

The part of `apply` that is about steps. A step that was decided is kept as long as its incident, so that whoever comes
second can be told who decided.
"""

import msgspec

from engine.core.deadline_keys import LEAVE, deadline_key
from engine.core.state import State
from engine.model import events as e
from engine.model.entities import Step, StepOutcome
from engine.model.ids import IncidentId, OrderId, number_of
from engine.model.step_events import StepDecided, StepPassedOn, StepRequested


def requested(state: State, event: e.Event, body: StepRequested) -> None:
    """Keep a step that waits for its first approver."""
    state.kept.counts["step"] = number_of(body.id)
    if body.key:
        state.kept.keys[body.key] = event.at
    step = Step(
        id=body.id,
        step=body.step,
        incident=body.incident,
        line=body.line,
        requested_by=event.actor,
        requested_at=event.at,
        order=body.order,
        values=body.values,
    )
    state.steps[step.id] = step
    state.kept.incident_steps.setdefault(step.incident, []).append(step.id)
    _await(state, step, event.at)


def passed_on(state: State, event: e.Event, body: StepPassedOn) -> None:
    """Let a step wait for the next in line."""
    step = state.steps[body.id]
    step = state.steps[step.id] = msgspec.structs.replace(step, asked=step.asked + 1)
    _await(state, step, event.at)


def decided(state: State, event: e.Event, body: StepDecided) -> None:
    """Note who decided a step, and how."""
    _end(state, state.steps[body.id], body.outcome, event.actor, body.acting_as, event.at)


def withdraw(state: State, incident: IncidentId, at: int, order: OrderId | None = None) -> None:
    """End what is still asked about an incident, or about one of its orders: its cause is gone."""
    for step in state.steps_of(incident):
        if step.outcome is None and (order is None or step.order == order):
            _end(state, step, "withdrawn", "system", "", at)


def was_asked_after(state: State, incident: IncidentId, instant: int) -> bool:
    """Tell whether anything about an incident is still asked, or was decided after an instant."""
    return any(step.decided_at is None or step.decided_at >= instant for step in state.steps_of(incident))


def forget(state: State, incident: IncidentId) -> None:
    """Drop the steps of an incident that is forgotten."""
    for step in state.kept.incident_steps.pop(incident, ()):
        del state.steps[step]
        state.deadlines.clear(deadline_key(step, LEAVE))


def _await(state: State, step: Step, at: int) -> None:
    timeout_ms = step.line[step.asked].timeout_ms
    key = deadline_key(step.id, LEAVE)
    if timeout_ms is not None and step.asked + 1 < len(step.line):
        state.deadlines.set(key, at + timeout_ms)
    else:
        state.deadlines.clear(key)


def _end(state: State, step: Step, outcome: StepOutcome, by: str, acting_as: str, at: int) -> None:
    state.steps[step.id] = msgspec.structs.replace(
        step, outcome=outcome, decided_by=by, decided_as=acting_as, decided_at=at
    )
    state.deadlines.clear(deadline_key(step.id, LEAVE))
