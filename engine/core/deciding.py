"""Who agreed to what: approvals of orders and of every other step, and what is done once leave is given or refused.

Of two who decide at once the second is told who was first, as what and when. What follows a decision stands in two
tables by the step's name: a room that asks leave for a step of its own adds its line there.
"""

from collections.abc import Callable, Mapping

from engine.core.asking import more_granted, more_refused
from engine.core.asking_leave import leave_given, leave_not_given
from engine.core.containing import hold_posts, leave_posts
from engine.core.draft import Draft
from engine.core.levels import change_level
from engine.core.orders import decided_by, known_order, send_if_free
from engine.core.returning import return_granted, return_refused
from engine.core.under_stations import demands_of
from engine.core.world import World
from engine.dispatch.cards.model import PEOPLES_STEPS
from engine.model import events as e
from engine.model.commands import ApproveOrder, DecideStep
from engine.model.demand_events import DemandDropped
from engine.model.entities import Order, Step, StepOutcome
from engine.model.errors import Refusal
from engine.model.lifecycle import ENDED_INCIDENTS, INCIDENT, IncidentState, OrderState
from engine.model.limits import LONGEST_ID
from engine.model.step_events import StepDecided

Followed = Callable[[World, Draft, Step], None]
"""What is done after a decision. The step is as it was asked for; the draft's actor is who decided."""


def approve_order(world: World, draft: Draft, command: ApproveOrder) -> None:
    """Let a proposed order go, if its unit is still free; if not, the proposal is replaced by a new one.

    Raises
    ------
    Refusal
        ``superseded`` where somebody else has decided about it: who, as what and when.
    """
    order = known_order(world, command.order)
    if command.version not in (None, order.version):
        raise Refusal("superseded", "version", command.version, f"{order.version}; {decided_by(world, order)}")
    step = _step_to_send(world, order)
    if order.state is not OrderState.PROPOSED:
        first = "" if step is None or step.outcome in (None, "withdrawn") else f"; {_first(step)}"
        raise Refusal("superseded", "order", order.id, f"a proposal; {decided_by(world, order)}{first}")
    if step is not None:
        _decide(world, draft, step, granted=True, acting_as=command.acting_as)
    else:  # proposed before steps were on record
        send_if_free(world, draft, order, via="desk")


def _step_to_send(world: World, order: Order) -> Step | None:
    of_it = (step for step in world.state.steps_of(order.incident) if step.step == "send" and step.order == order.id)
    return next(of_it, None)


def decide_step(world: World, draft: Draft, command: DecideStep) -> None:
    """Give or refuse leave to a step."""
    step = world.state.steps.get(command.step)
    if step is None:
        raise Refusal("unknown_step", "step", command.step, "a step of an incident that is kept")
    if len(command.reason) > LONGEST_ID:
        raise Refusal("too_long", "reason", command.reason, f"{LONGEST_ID} characters")
    _decide(world, draft, step, granted=command.granted, acting_as=command.acting_as, reason=command.reason)


def _decide(world: World, draft: Draft, step: Step, *, granted: bool, acting_as: str = "", reason: str = "") -> None:
    if step.outcome is not None:
        order = world.state.orders.get(step.order) if step.order is not None else None
        why = f"; {decided_by(world, order)}" if step.outcome == "withdrawn" and order is not None else ""
        raise Refusal("already_decided", "step", _first(step), f"decided at {step.decided_at}{why}")
    names = [asked.by for asked in step.line]
    acting_as = acting_as or names[step.asked]
    if acting_as not in names:
        raise Refusal("not_asked", "acting_as", acting_as, ", ".join(names))
    outcome: StepOutcome = "granted" if granted else "refused"
    draft.emit(StepDecided(id=step.id, outcome=outcome, acting_as=acting_as, reason=reason))
    follow = (GRANTED if granted else REFUSED).get(step.step)
    if follow is not None:
        follow(world, draft, step)


def _first(step: Step) -> str:
    """Say who decided a step, and in whose place."""
    return f"{step.outcome} by {step.decided_by}" + (f" as {step.decided_as}" if step.decided_as else "")


def _send_granted(world: World, draft: Draft, step: Step) -> None:
    assert step.order is not None
    send_if_free(world, draft, world.state.orders[step.order], via="desk")


def _send_refused(world: World, draft: Draft, step: Step) -> None:
    """Nobody goes for this need: with another unit the same would be asked again."""
    assert step.order is not None
    order = world.state.orders[step.order]
    for demand in demands_of(world.state, order):
        draft.emit(DemandDropped(demand=demand.id, reason="not_approved"))
    draft.withdraw(order, OrderState.CANCELLED, "not_approved")


def _close_granted(world: World, draft: Draft, step: Step) -> None:
    if IncidentState.CLOSED in INCIDENT[world.state.incidents[step.incident].state]:
        reason = step.values.get("reason", "")
        draft.emit(e.IncidentAdvanced(incident=step.incident, to=IncidentState.CLOSED, reason=reason))


def _lower_granted(world: World, draft: Draft, step: Step) -> None:
    incident = world.state.incidents[step.incident]
    if int(step.values["level"]) > incident.level and incident.state not in ENDED_INCIDENTS:
        change_level(world, draft, incident, int(step.values["level"]), step.values["reason"])


GRANTED: Mapping[str, Followed] = {
    "send": _send_granted,
    "close": _close_granted,
    "more_force": more_granted,
    "return_order": return_granted,
    "lower": _lower_granted,
    "roadblock": lambda world, draft, step: hold_posts(world, draft, step.incident),
    **dict.fromkeys(PEOPLES_STEPS, leave_given),
}
REFUSED: Mapping[str, Followed] = {
    "send": _send_refused,
    "more_force": more_refused,
    "return_order": return_refused,
    "roadblock": lambda world, draft, step: leave_posts(world, draft, step.incident),
    **dict.fromkeys(PEOPLES_STEPS, leave_not_given),
}
