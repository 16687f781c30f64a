"""Steps that people take and not we, such as to use firearms, to evacuate or to close a road: asked, decided, told.

Who must agree stands in the run card. One that it does not name is the dispatcher's to decide: what nobody thought of
when the card was written is not allowed by that. Whoever is on the way or at the scene is told what was decided.
"""

from engine.core.draft import Draft
from engine.core.orders import BY_RULE, check_key
from engine.core.steps import ask_leave, line_of, request
from engine.core.telling import NOT_SENT
from engine.core.world import World
from engine.dispatch.calendar import DAY
from engine.dispatch.cards.model import BY_RULE as AUTO
from engine.dispatch.cards.model import DISPATCHER, PEOPLES_STEPS
from engine.model.commands import AskLeave
from engine.model.entities import Asked, Incident, Step
from engine.model.errors import Refusal
from engine.model.lifecycle import ENDED_INCIDENTS, OPEN_ORDERS
from engine.model.limits import LONGEST_ID
from engine.model.notices import NoticeCode
from engine.model.step_events import StepDecided


def ask_for_step(world: World, draft: Draft, command: AskLeave) -> None:
    """Ask whoever the run card names for leave, or give it where they ask themselves or nobody must agree."""
    if command.key:
        check_key(command.key)
        if command.key in world.state.kept.keys:
            return
    incident = world.state.incidents.get(command.incident)
    if incident is None:
        raise Refusal("unknown_incident", "incident", command.incident, "an incident that is kept")
    if incident.state in ENDED_INCIDENTS:
        raise Refusal("wrong_state", "incident", incident.id, f"an open incident; it is {incident.state}")
    if command.step not in PEOPLES_STEPS:
        raise Refusal("unknown_value", "step", command.step, ", ".join(PEOPLES_STEPS))
    if len(command.reason) > LONGEST_ID:
        raise Refusal("too_long", "reason", command.reason, f"{LONGEST_ID} characters")
    values, key = {"reason": command.reason}, command.key
    line = _line(world, incident, command.step)
    if not line:
        step_id = request(draft, command.step, incident.id, (Asked(AUTO),), values=values, key=key)
        draft.emit(StepDecided(id=step_id, outcome="granted", acting_as=AUTO), actor=BY_RULE)
    elif not ask_leave(
        world, draft, command.step, incident.id, acting_as=command.acting_as, values=values, line=line, key=key
    ):
        return
    step = [its for its in world.state.steps_of(incident.id) if its.step == command.step][-1]
    leave_given(world, draft, step)


def _line(world: World, incident: Incident, step: str) -> tuple[Asked, ...]:
    card = world.city.run_cards.cards.get(incident.type)
    if card is None or step not in card.at(incident.level, DAY).approve:
        return (Asked(DISPATCHER),)
    return line_of(world, incident.id, step)


def leave_given(world: World, draft: Draft, step: Step) -> None:
    """Tell whoever is on the way or at the scene, and the desk, that a step may be taken."""
    _tell(world, draft, step, "leave_given")


def leave_not_given(world: World, draft: Draft, step: Step) -> None:
    """Tell them that it may not."""
    _tell(world, draft, step, "leave_refused")


def _tell(world: World, draft: Draft, step: Step, code: NoticeCode) -> None:
    decided, incident = world.state.steps[step.id], world.state.incidents[step.incident]
    by = decided.decided_as or decided.decided_by
    values = {"step": step.id, "what": step.step, "by": by, "incident": incident.id, "type": incident.type}
    for order in [world.state.orders[name] for name in incident.orders]:
        if order.state in OPEN_ORDERS and order.state not in NOT_SENT:
            draft.notify(order.recipient, code, order.id, **values)
    draft.tell_desk(code, None, **values)
