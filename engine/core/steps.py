"""Leave for a step, as a run card wants it: whether anybody must agree, who is asked, and who when they do not answer.

Whoever does something that can want leave calls `ask_leave` and goes on only when it returns True. Otherwise the step
stands in the state until it is decided, and `engine.core.deciding` carries it out by its name.
"""

from collections.abc import Mapping

from engine.core.draft import Draft
from engine.core.world import World
from engine.dispatch.calendar import DAY
from engine.dispatch.cards.model import BY_RULE, DISPATCHER, NOTHING, Approver, Consent
from engine.model.entities import Asked, Step
from engine.model.errors import Refusal
from engine.model.ids import DESK, IncidentId, OrderId, RecipientId, StepId
from engine.model.notices import NoticeCode
from engine.model.step_events import StepDecided, StepPassedOn, StepRequested


def line_of(world: World, incident_id: IncidentId, step: str) -> tuple[Asked, ...]:
    """Return who must agree to a step, in the order in which they are asked; empty where nobody must.

    Raises
    ------
    Refusal
        ``not_allowed`` where the run card allows it to nobody.
    """
    incident = world.state.incidents[incident_id]
    return line_by_card(world, incident.type, incident.level, step)


def line_by_card(world: World, kind: str, level: int, step: str) -> tuple[Asked, ...]:
    """Return who must agree to a step by the card of a type at a level; see `line_of`."""
    card = world.city.run_cards.cards.get(kind)
    if card is None:  # the city's file may change while an incident is open
        return ()
    consent = card.at(level, DAY).approve.get(step)
    if consent is None or consent.by == BY_RULE:
        return ()
    if consent.by == NOTHING:
        raise Refusal("not_allowed", "step", step, f"nothing: the run card of {kind} allows it to nobody")
    return _in_line(consent, card.words.approvers)


def line_to_send(world: World, incident_id: IncidentId) -> tuple[Asked, ...]:
    """Return who must agree to orders of an incident that was opened to wait for a person."""
    return line_of(world, incident_id, "send") or (Asked(DISPATCHER),)


def _in_line(consent: Consent, approvers: Mapping[str, Approver]) -> tuple[Asked, ...]:
    """Return who is asked first, and after them each deputy's deputy; nobody twice."""
    line: list[Asked] = []
    by, deputy, timeout_s = consent.by, consent.deputy, consent.timeout_s
    while by and by not in {asked.by for asked in line}:
        line.append(Asked(by, timeout_s * 1000 if deputy and timeout_s is not None else None))
        by = deputy
        deputy, timeout_s = (approvers[by].deputy, approvers[by].timeout_s) if by in approvers else ("", None)
    return tuple(line)


def ask_leave(
    world: World,
    draft: Draft,
    step: str,
    incident_id: IncidentId,
    *,
    order: OrderId | None = None,
    acting_as: str = "",
    values: Mapping[str, str] | None = None,
    line: tuple[Asked, ...] | None = None,
    key: str = "",
) -> bool:
    """Tell whether a step may be taken now; where it may not yet, ask for it.

    Parameters
    ----------
    step
        As run cards name it, one of `engine.dispatch.cards.model.STEPS`.
    order
        What it is about, where it is about one order.
    acting_as
        In whose place the draft's actor speaks. Who may agree to a step gives leave by taking it.
    values
        What exactly is to be done: given back in the `Step` when leave is given.
    line
        Who must agree, where that is not as `line_of` says.
    key
        Of who asks, where the same may be said again.

    Returns
    -------
    bool
        True when nobody must agree or leave was given along with it: the caller goes on. False when somebody is
        asked: `engine.core.deciding` carries it out when they agree.

    Raises
    ------
    Refusal
        ``asked_already`` while the same is waiting for an answer; ``not_allowed`` where nobody may.
    """
    line = line_of(world, incident_id, step) if line is None else line
    if not line:
        return True
    waiting = pending(world, incident_id, step, order)
    agrees = acting_as in {asked.by for asked in line}
    if waiting is not None and not agrees:
        raise Refusal("asked_already", "step", waiting.id, f"an answer of {waiting.line[waiting.asked].by}")
    step_id = waiting.id if waiting is not None else request(draft, step, incident_id, line, order, values, key)
    if agrees:
        draft.emit(StepDecided(id=step_id, outcome="granted", acting_as=acting_as))
        return True
    _notify(world, draft, world.state.steps[step_id])
    return False


def request(
    draft: Draft,
    step: str,
    incident: IncidentId,
    line: tuple[Asked, ...],
    order: OrderId | None = None,
    values: Mapping[str, str] | None = None,
    key: str = "",
) -> StepId:
    """Let a step wait for somebody's leave; whoever calls tells them."""
    step_id = StepId(draft.mint("step"))
    draft.emit(
        StepRequested(
            id=step_id, step=step, incident=incident, line=line, order=order, values=dict(values or {}), key=key
        )
    )
    return step_id


def pending(world: World, incident: IncidentId, step: str, order: OrderId | None = None) -> Step | None:
    """Return the step of that name that waits for an answer."""
    of_it = (its for its in world.state.steps_of(incident) if its.step == step and its.order == order)
    return next((its for its in of_it if its.outcome is None), None)


def pass_on(world: World, draft: Draft, step_id: StepId, due_at: int) -> None:
    """Ask the next in line: nobody has answered in time."""
    step = world.state.steps[step_id]
    draft.emit(StepPassedOn(id=step_id, to=step.line[step.asked + 1].by, due_at=due_at))
    _notify(world, draft, world.state.steps[step_id])


def ask_to_send(world: World, draft: Draft, order_id: OrderId) -> None:
    """Ask for leave to send an order that was proposed."""
    incident = world.state.orders[order_id].incident
    step = request(draft, "send", incident, line_to_send(world, incident), order_id)
    _notify(world, draft, world.state.steps[step])


def _notify(world: World, draft: Draft, step: Step) -> None:
    """Put a step before who is asked now, and before the desk, which can reach them by telephone."""
    by = step.line[step.asked].by
    incident = world.state.incidents[step.incident]
    values = {"step": step.id, "what": step.step, "by": by, "incident": incident.id, "type": incident.type}
    if step.order is not None:
        values["recipient"] = world.state.orders[step.order].recipient
    code: NoticeCode = "approval_wanted" if step.step == "send" else "leave_wanted"
    for recipient in dict.fromkeys((mailbox_of(by), DESK)):
        draft.notify(recipient, code, step.order, **values)


def mailbox_of(name: str) -> RecipientId:
    """Return the mailbox of an approver or of somebody who is told; the dispatcher's is the desk's."""
    return DESK if name == DISPATCHER else RecipientId(name)
