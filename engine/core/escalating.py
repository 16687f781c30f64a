"""What is done about a clock that has run out, in the order that the run cards say; each step is an event.

To add a unit and to replace one are different acts: ``next_candidate`` asks somebody besides, and who was asked first
keeps the duty; ``replace`` takes the order back, and somebody else gets it. A station's order is left to the desk: who
of its people goes is not ours to say.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from engine.core.deadline_keys import deadline_key
from engine.core.draft import Draft
from engine.core.emergencies import press_emergency
from engine.core.telling import NOT_SENT, recipient_and_code
from engine.core.world import World
from engine.model.commands import PressEmergency
from engine.model.demand_events import DemandRaised
from engine.model.entities import EscalationStep, Incident, Order
from engine.model.ids import DemandId, IncidentId, OrderId, UnitId
from engine.model.lifecycle import OPEN_ORDERS, ORDER, UNDER_WAY, OrderState
from engine.model.notices import NoticeCode
from engine.model.step_events import DeadlineMissed, Escalated
from engine.supervision import CLOCKS, INCIDENT_CLOCKS
from engine.texts import text


class _Late(NamedTuple):
    """Who is late with what."""

    clock: str
    incident: Incident
    order: Order | None

    @property
    def values(self) -> dict[str, str]:
        """What every notice about it says."""
        its = self.incident
        values = {"clock": self.clock, "incident": its.id, "type": its.type, "level": str(its.level)}
        return values if self.order is None else {**values, "recipient": self.order.recipient}


def run_out(world: World, draft: Draft, owner: str, clock: str, due_at: int) -> None:
    """State that a clock has run out, or take the next step of what is done about one that has."""
    order = world.state.orders.get(OrderId(owner))
    incident = world.state.incidents[order.incident if order is not None else IncidentId(owner)]
    late = _Late(clock, incident, order)
    its = world.state.kept.escalating.get(deadline_key(owner, clock))
    if its is None:
        steps = world.city.run_cards.escalation(clock, incident.level)
        draft.emit(
            DeadlineMissed(
                clock=clock,
                order=None if order is None else order.id,
                incident=incident.id if order is None else None,
                due_at=due_at,
                escalation=steps,
            )
        )
        return
    step = its.steps[its.done]
    draft.emit(
        Escalated(
            clock=clock,
            number=its.done,
            step=step,
            order=None if order is None else order.id,
            incident=incident.id if order is None else None,
        )
    )
    _ACTS[step.do](world, draft, late, step)


def _remind(world: World, draft: Draft, late: _Late, _: EscalationStep) -> None:
    _tell_recipients(world, draft, late, "urge")


def _tell_recipients(world: World, draft: Draft, late: _Late, code: NoticeCode) -> None:
    """Tell whoever is late: the order's recipient, or all who are on their way or at the scene."""
    orders = [late.order] if late.order is not None else [world.state.orders[name] for name in late.incident.orders]
    for order in orders:
        if order is late.order or (order.state in OPEN_ORDERS and order.state not in NOT_SENT):
            draft.notify(order.recipient, code, order.id, **{**late.values, "recipient": order.recipient})


def _phone(_world: World, draft: Draft, late: _Late, _: EscalationStep) -> None:
    clock = CLOCKS[late.clock] if late.order is not None else INCIDENT_CLOCKS[late.clock]
    draft.tell_desk(clock.notice, None if late.order is None else late.order.id, **late.values)


def _ask_reason(world: World, draft: Draft, late: _Late, _: EscalationStep) -> None:
    _tell_recipients(world, draft, late, "reason_wanted")
    draft.tell_desk("reason_wanted", None if late.order is None else late.order.id, **late.values)


def _list(_world: World, draft: Draft, late: _Late, _: EscalationStep) -> None:
    draft.tell_desk("overdue_listed", None if late.order is None else late.order.id, **late.values)


def _tell(world: World, draft: Draft, late: _Late, step: EscalationStep) -> None:
    recipient, code = recipient_and_code(world, late.incident, step.to, "overdue")
    draft.notify(recipient, code, None if late.order is None else late.order.id, **late.values, who=step.to)


def _add(world: World, draft: Draft, late: _Late, step: EscalationStep) -> None:
    order = late.order
    if order is None or order.recipient_kind == "station":
        _phone(world, draft, late, step)
    elif order.state in UNDER_WAY:
        draft.emit(
            DemandRaised(
                demand=DemandId(draft.mint("demand")),
                incident=late.incident.id,
                capability=order.capability,
                level=late.incident.level,
                beside=order.id,
            )
        )


def _replace(world: World, draft: Draft, late: _Late, step: EscalationStep) -> None:
    order = late.order
    if order is None or order.recipient_kind == "station":
        _phone(world, draft, late, step)
    elif order.state in UNDER_WAY:
        to = OrderState.EXPIRED if OrderState.EXPIRED in ORDER[order.state] else OrderState.CANCELLED
        draft.withdraw(order, to, f"overdue_{late.clock}")


def _emergency(world: World, draft: Draft, late: _Late, step: EscalationStep) -> None:
    """Take it for a call for help that nothing is heard of a unit; whoever is no unit is called by telephone."""
    order = late.order
    if order is None or order.recipient_kind == "station":
        _phone(world, draft, late, step)
        return
    unit, language = UnitId(order.recipient), world.city.languages[0]
    press = PressEmergency(
        actor=draft.actor,
        key=f"{unit}/{late.clock}-{world.state.seq}",
        unit=unit,
        order=order.id,
        via="core",
        text=text("emergency.silent", language, unit=unit),
    )
    press_emergency(world, draft, press)


_ACTS: Mapping[str, Callable[[World, Draft, _Late, EscalationStep], None]] = {
    "remind": _remind,
    "phone": _phone,
    "ask_reason": _ask_reason,
    "list": _list,
    "tell": _tell,
    "next_candidate": _add,
    "replace": _replace,
    "emergency": _emergency,
}
