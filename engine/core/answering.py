"""What recipients say back: answers to orders, receipts of mail, and what a unit is doing."""

from collections.abc import Mapping

from engine.core.draft import Draft
from engine.core.orders import check_key, known_order, spare_others
from engine.core.stations import accepted, fell_away, finish, follow, orders_under
from engine.core.under_stations import demands_of
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import AcknowledgeMail, Answer, AnswerOrder, SetUnitStatus
from engine.model.entities import Details, Order
from engine.model.errors import Refusal
from engine.model.ids import IncidentId
from engine.model.lifecycle import (
    INCIDENT,
    OPEN_ORDERS,
    ORDER,
    UNDER_ORDER,
    UNIT,
    IncidentState,
    OrderState,
)
from engine.model.limits import LONGEST_ID, LONGEST_TEXT
from engine.supervision import Word

_LONGEST_SAID = {"reason": LONGEST_ID, "text": LONGEST_TEXT}
_COMING = frozenset((OrderState.ACCEPTED, OrderState.EN_ROUTE, OrderState.ON_SCENE))
STATE_OF_ANSWER: Mapping[Answer, OrderState] = {
    "accept": OrderState.ACCEPTED,
    "refuse": OrderState.REFUSED,
    "en_route": OrderState.EN_ROUTE,
    "on_scene": OrderState.ON_SCENE,
    "report": OrderState.REPORTED,
    "clear": OrderState.CLEARED,
}


def answer_order(world: World, draft: Draft, command: AnswerOrder) -> None:
    """Move an order along by its recipient's answer. The same key again changes nothing."""
    check_key(command.key)
    if command.key in world.state.kept.keys:
        return
    order = known_order(world, command.order)
    if command.version != order.version:
        raise Refusal("superseded", "version", command.version, order.version)
    word, to = _word(order, command.answer), STATE_OF_ANSWER.get(command.answer)
    if word is None and (to is None or to not in ORDER[order.state]):
        allowed = ", ".join(sorted(ORDER[order.state])) or "nothing: it has ended"
        raise Refusal("wrong_state", "answer", command.answer, f"after {order.state}: {allowed}")
    for name, most in _LONGEST_SAID.items():
        if len(getattr(command, name)) > most:
            raise Refusal("too_long", name, getattr(command, name), f"{most} characters")
    if command.answer == "refuse" and not command.reason:
        raise Refusal("missing", "reason", "", "a refusal says why")
    if command.answer == "clear" and (its := next(iter(orders_under(world, order)), None)) is not None:
        raise Refusal("wrong_state", "answer", "clear", f"once its units have cleared: {its.id} is {its.state}")
    ahead = world.city.policies.alert_ahead_ms
    if command.said_at is not None and command.said_at > draft.now + ahead:
        raise Refusal("clock_ahead", "said_at", command.said_at, f"at most {ahead} ms ahead of {draft.now}")
    if word is not None:
        _hear(draft, order, command, word)
        return
    assert to is not None
    draft.emit(
        e.OrderAdvanced(
            order=order.id,
            version=order.version,
            to=to,
            via=command.via,
            reason=command.reason,
            said_at=command.said_at,
            key=command.key,
        ),
        personal=Details(text=command.text) if command.text else None,
    )
    if to not in OPEN_ORDERS and (command.via != "terminal" or len(world.state.mailbox(order.recipient).devices) > 1):
        # It ended by radio, or on one of several devices: the others have it open and are to know.
        draft.mail(order.recipient, "cancellation", order, code="ended_elsewhere")
    _carry_on(world, draft, order, to, command.reason)


def _carry_on(world: World, draft: Draft, order: Order, to: OrderState, reason: str) -> None:
    """Do what an answer entails: for the station above or below it, for its demands, for its incident."""
    if to is OrderState.ACCEPTED and order.recipient_kind == "station":
        accepted(world, draft, order.id)
    elif to is OrderState.REFUSED:
        fell_away(world, draft, order, reason)
    follow(world, draft, order, to)
    if to in _COMING:
        spare_others(world, draft, order)
    if to is OrderState.CLEARED:
        for demand in demands_of(world.state, order):
            draft.emit(e.DemandDropped(demand=demand.id, reason="done"))
        finish(world, draft, order.under)
        _resolve(world, draft, order.incident)


def _word(order: Order, answer: Answer) -> Word | None:
    """Return what an answer says besides the order's steps: another report, also afterwards, or that all is well."""
    if answer == "report" and order.state in (OrderState.REPORTED, OrderState.CLEARED):
        return "report"
    return "well" if answer == "well" and order.state in (OrderState.ON_SCENE, OrderState.REPORTED) else None


def _hear(draft: Draft, order: Order, command: AnswerOrder, word: Word) -> None:
    heard = e.SceneHeard(
        order=order.id,
        version=order.version,
        what=word,
        key=command.key,
        via=command.via,
        said_at=command.said_at,
    )
    draft.emit(heard, personal=Details(text=command.text) if command.text else None)


def _resolve(world: World, draft: Draft, incident_id: IncidentId) -> None:
    """Resolve an incident of which nothing is open any more; close it where the policy lets it close by itself."""
    incident = world.state.incidents[incident_id]
    if any(world.state.orders[order].state in OPEN_ORDERS for order in incident.orders):
        return
    if any(demand.incident == incident_id for demand in world.state.demands.values()):
        return
    if IncidentState.RESOLVED not in INCIDENT[incident.state]:
        return
    draft.emit(e.IncidentAdvanced(incident=incident_id, to=IncidentState.RESOLVED))
    if world.city.policies.close == "by_rule":
        body = e.IncidentAdvanced(incident=incident_id, to=IncidentState.CLOSED, reason="by_rule")
        draft.emit(body, actor="policy:close")


def acknowledge_mail(world: World, draft: Draft, command: AcknowledgeMail) -> None:
    """Note that a device has a mailbox up to a number; an older receipt changes nothing.

    The first one of a device makes it known, also with 0: from then on it is told what its sisters do.
    """
    box = world.state.mailbox(command.recipient)
    if not 0 <= command.mail_seq <= box.last_seq:
        raise Refusal("out_of_range", "seq", command.mail_seq, f"0 to {box.last_seq}, the newest in this mailbox")
    if command.mail_seq <= box.devices.get(command.device, -1):
        return
    draft.emit(e.MailAcknowledged(recipient=command.recipient, device=command.device, mail_seq=command.mail_seq))


def set_unit_status(world: World, draft: Draft, command: SetUnitStatus) -> None:
    """Note what a unit is doing outside any order."""
    check_key(command.key)
    if command.key in world.state.kept.keys:
        return
    if command.unit not in world.state.units:
        raise Refusal("unknown_unit", "unit", command.unit, "a unit of this city")
    claim = world.state.claims.get(command.unit)
    if claim is not None:
        raise Refusal("on_order", "status", command.status, f"answers to {claim} say what the unit is doing")
    now = world.state.unit_status[command.unit]
    if command.status in UNDER_ORDER or (command.status != now and command.status not in UNIT[now]):
        allowed = ", ".join(sorted(status for status in UNIT[now] if status not in UNDER_ORDER))
        raise Refusal("wrong_state", "status", command.status, f"after {now}: {allowed}")
    draft.emit(e.UnitAdvanced(unit=command.unit, to=command.status, key=command.key))
