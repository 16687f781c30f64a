"""Events about clocks that ran out, and about leave that is asked for: part of `engine.model.events.Body`."""

import msgspec

from engine.model.entities import Asked, EscalationStep, StepOutcome
from engine.model.ids import IncidentId, OrderId, StepId


class _Body(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", omit_defaults=True):
    pass


class DeadlineMissed(_Body, frozen=True, gc=False, kw_only=True, tag="deadline_missed"):
    """A clock of an order, or of an incident, ran out. ``escalation`` is what is done about it from here on."""

    clock: str
    order: OrderId | None = None
    due_at: int
    incident: IncidentId | None = None
    """Whose clock it is, where it is no order's."""
    escalation: tuple[EscalationStep, ...] = ()


class Escalated(_Body, frozen=True, gc=False, tag="escalated"):
    """A step of what is done about a clock that ran out; ``number`` counts from 0."""

    clock: str
    number: int
    step: EscalationStep
    order: OrderId | None = None
    incident: IncidentId | None = None


class StepRequested(_Body, frozen=True, gc=False, tag="step_requested"):
    """Somebody must agree to a step. ``line`` is who may, in the order in which they are asked."""

    id: StepId
    step: str
    incident: IncidentId
    line: tuple[Asked, ...]
    order: OrderId | None = None
    values: dict[str, str] = {}
    key: str = ""
    """Of who asked for it."""


class StepPassedOn(_Body, frozen=True, gc=False, tag="step_passed_on"):
    """Nobody has answered in time: the next in line is asked."""

    id: StepId
    to: str
    due_at: int


class StepDecided(_Body, frozen=True, gc=False, tag="step_decided"):
    """Leave was given or refused, by the event's actor in the place of ``acting_as``; or nobody asks any more."""

    id: StepId
    outcome: StepOutcome
    acting_as: str = ""
    reason: str = ""
