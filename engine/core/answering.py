"""What recipients say back: answers to orders, receipts of mail, and what a unit is doing."""

from collections.abc import Mapping

from engine.core.draft import Draft
from engine.core.orders import check_key, check_said, order_said, spare_others
from engine.core.photos import check_named
from engine.core.reporting import resolve_if_done
from engine.core.returning import ask_return, is_return
from engine.core.state import Demand
from engine.core.stations import accepted, fell_away, finish, follow, orders_under
from engine.core.under_stations import demands_of
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import AcknowledgeMail, Answer, AnswerOrder, SetUnitStatus, WatchWelfare
from engine.model.demand_events import DemandDropped
from engine.model.emergency_events import WelfareSet
from engine.model.entities import Details, Order
from engine.model.errors import Refusal
from engine.model.lifecycle import (
    HOLDING_ORDERS,
    OPEN_ORDERS,
    ORDER,
    UNDER_ORDER,
    UNIT,
    OrderState,
)
from engine.model.limits import MOST_PHOTOS, WELFARE_EVERY_MS
from engine.supervision import Word

_COMING = frozenset((OrderState.ACCEPTED, OrderState.EN_ROUTE, OrderState.ON_SCENE))
_REPORTING: tuple[Answer, ...] = ("report", "clear")
"""What may name a result and photos."""
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
    order = order_said(world, command)
    if order is None:
        return
    word, to = _word(order, command.answer), STATE_OF_ANSWER.get(command.answer)
    returns = command.answer == "refuse" and is_return(world, order)
    if word is None and not returns and (to is None or to not in ORDER[order.state]):
        allowed = ", ".join(sorted(ORDER[order.state])) or "nothing: it has ended"
        raise Refusal("wrong_state", "answer", command.answer, f"after {order.state}: {allowed}")
    check_said(world, draft.now, command.said_at, reason=command.reason, text=command.text)
    if command.via != "terminal" and command.said_at is not None and command.said_at < order.proposed_at:
        # A person has mistaken the hour; a terminal's clock may be wrong, and its answer must not be lost for that.
        raise Refusal("too_early", "said_at", command.said_at, f"at least {order.proposed_at}: the order is of then")
    _check_report(world, command)
    if command.answer == "refuse" and not command.reason:
        raise Refusal("missing", "reason", "", "a refusal says why")
    if command.answer == "clear" and (its := next(iter(orders_under(world, order)), None)) is not None:
        raise Refusal("wrong_state", "answer", "clear", f"once its units have cleared: {its.id} is {its.state}")
    if returns:
        said = e.ReturnAsked(
            order=order.id,
            version=order.version,
            reason=command.reason,
            key=command.key,
            via=command.via,
            said_at=command.said_at,
        )
        ask_return(world, draft, said, command.text)
        return
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
            result=command.result,
            photos=command.photos,
        ),
        personal=Details(text=command.text) if command.text else None,
    )
    if to not in OPEN_ORDERS and (command.via != "terminal" or len(world.state.mailbox(order.recipient).devices) > 1):
        # It ended by radio, or on one of several devices: the others have it open and are to know.
        draft.mail(order.recipient, "cancellation", order, code="ended_elsewhere")
    _carry_on(world, draft, order, to, command.reason)


def _check_report(world: World, command: AnswerOrder) -> None:
    """Refuse a result or photos where they do not belong, and those that nobody knows."""
    for name in ("result", "photos"):
        if getattr(command, name) and command.answer not in _REPORTING:
            raise Refusal("wrong_field", name, command.answer, f"in {' or '.join(_REPORTING)}")
    results = world.city.report_forms.results
    if command.result and command.result not in results:
        raise Refusal("unknown_result", "result", command.result, ", ".join(results))
    if len(command.photos) > MOST_PHOTOS:
        raise Refusal("too_many", "photos", len(command.photos), f"{MOST_PHOTOS} photos of an order")
    check_named(world, command.order, command.photos)


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
            draft.emit(DemandDropped(demand=demand.id, reason="done"))
            _add_nobody(world, draft, demand)
        finish(world, draft, order.under)
        resolve_if_done(world, draft, order.incident)


def _add_nobody(world: World, draft: Draft, done: Demand) -> None:
    """Let nobody be added any more to a need that is done: whoever was there says so."""
    its = world.state.demands.of_need(done.incident, done.need)
    if done.need and all(demand.extra and demand.order is None and demand.station is None for demand in its):
        for demand in its:
            draft.emit(DemandDropped(demand=demand.id, reason="done"))


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
        result=command.result,
        photos=command.photos,
    )
    draft.emit(heard, personal=Details(text=command.text) if command.text else None)


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
    if command.unit not in world.state.units:
        raise Refusal("unknown_unit", "unit", command.unit, "a unit of this city")
    if command.key in world.state.kept.keys:
        return
    claim = world.state.claims.get(command.unit)
    if claim is not None:
        raise Refusal("on_order", "status", command.status, f"answers to {claim} say what the unit is doing")
    now = world.state.unit_status[command.unit]
    if command.status in UNDER_ORDER or (command.status != now and command.status not in UNIT[now]):
        allowed = ", ".join(sorted(status for status in UNIT[now] if status not in UNDER_ORDER))
        raise Refusal("wrong_state", "status", command.status, f"after {now}: {allowed}")
    check_said(world, draft.now, command.said_at, reason=command.reason)
    draft.emit(
        e.UnitAdvanced(
            unit=command.unit,
            to=command.status,
            key=command.key,
            reason=command.reason,
            via=command.via,
            said_at=command.said_at,
        )
    )


def watch_welfare(world: World, draft: Draft, command: WatchWelfare) -> None:
    """Ask a unit so often whether it is well, from on scene on: it wants that itself, whatever the card says."""
    order = order_said(world, command)
    if order is None:
        return
    if order.recipient_kind != "unit" or order.state not in HOLDING_ORDERS:
        raise Refusal("wrong_state", "order", order.id, "an order that a unit is on")
    least, most = WELFARE_EVERY_MS
    if not least <= command.every_ms <= most:
        raise Refusal("out_of_range", "every_ms", command.every_ms, f"{least} to {most}")
    draft.emit(WelfareSet(order=order.id, every_ms=command.every_ms, key=command.key, via=command.via))
