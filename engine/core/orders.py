"""One order: how it is made, let go, found again, and what is told to whoever comes too late for it."""

from datetime import UTC, datetime
from typing import Protocol

from engine.core.clock_lengths import order_clocks_ms
from engine.core.crews import crew_size
from engine.core.draft import Draft
from engine.core.state import Demand
from engine.core.steps import ask_to_send
from engine.core.world import World
from engine.dispatch.diversion import may_take
from engine.model import events as e
from engine.model.commands import Via
from engine.model.demand_events import DemandDropped
from engine.model.entities import Order
from engine.model.errors import Refusal
from engine.model.ids import DemandId, OrderId, UnitId
from engine.model.lifecycle import UNDER_WAY, OrderState, UnitStatus
from engine.model.limits import LONGEST_ID, LONGEST_SCOPED_KEY, LONGEST_TEXT
from engine.model.pursuits import PostDuty
from engine.model.recommendation import Candidate
from engine.travel import NoWay
from engine.travel.polyline import encode_polyline
from engine.travel.routes import drawn
from geo_data.snapping import Snap

BY_RULE = "policy:run_card"


def check_key(key: str) -> None:
    """Refuse an idempotency key that is empty or too long."""
    if not 0 < len(key) <= LONGEST_SCOPED_KEY:
        raise Refusal("wrong_length", "key", key, f"1 to {LONGEST_SCOPED_KEY} characters")


def check_said(world: World, now: int, said_at: int | None, *, reason: str = "", **words: str) -> None:
    """Refuse a reason or words that are too long, and what is said to have been said later than now."""
    for name, most in {"reason": LONGEST_ID, **dict.fromkeys(words, LONGEST_TEXT)}.items():
        value = words.get(name, reason)
        if len(value) > most:
            raise Refusal("too_long", name, value, f"{most} characters")
    ahead = world.city.policies.alert_ahead_ms
    if said_at is not None and said_at > now + ahead:
        raise Refusal("clock_ahead", "said_at", said_at, f"at most {ahead} ms ahead of {now}")


def known_order(world: World, order_id: OrderId) -> Order:
    """Return an order that is kept, or refuse its id."""
    order = world.state.orders.get(order_id)
    if order is None:
        raise Refusal("unknown_order", "order", order_id, "an order that is kept")
    return order


class _OfOrder(Protocol):
    """What a recipient says of its order, once: by the version that it has seen."""

    @property
    def key(self) -> str: ...

    @property
    def order(self) -> OrderId: ...

    @property
    def version(self) -> int: ...


def order_said(world: World, command: _OfOrder) -> Order | None:
    """Return the order that a recipient speaks of; None where the same key was taken before, which changes nothing.

    Raises
    ------
    Refusal
        ``wrong_length`` of the key, ``unknown_order``, or ``superseded`` where the order has another version by now.
    """
    check_key(command.key)
    if command.key in world.state.kept.keys:
        return None
    order = known_order(world, command.order)
    if command.version != order.version:
        raise Refusal("superseded", "version", command.version, order.version)
    return order


def decided_by(world: World, order: Order) -> str:
    """Say where an order stands, and who decided that when: for whoever wanted to decide it otherwise."""
    decided = world.state.kept.decided.get(order.id)
    if decided is None:
        return f"it is {order.state}"
    said = f"it is {order.state}; {decided.actor} decided ({decided.to}) at {spell(decided.at)}"
    overruled = world.state.overruled.get(order.id)
    if overruled is None or overruled.order != order.id:
        return said
    return f"{said}: {overruled.recipient} goes instead, by {overruled.instead}"


def spell(at: int) -> str:
    """Spell an instant for an error: ISO 8601, UTC, to the second."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def free(world: World, unit: UnitId) -> bool:
    """Tell whether a unit is available, no order claims it, and it has not called for help."""
    if unit in world.state.emergencies:
        return False
    return unit not in world.state.claims and world.state.unit_status.get(unit) is UnitStatus.AVAILABLE


def refuse_unless_free(world: World, unit: UnitId, field: str = "unit") -> None:
    """Refuse a unit that cannot be claimed, by the fact that stands against it.

    Raises
    ------
    Refusal
        ``unknown_unit``, ``in_emergency``, ``on_order`` with who ordered it and when, ``off_duty``, ``out_of_service``
        or ``busy``.
    """
    status = world.state.unit_status.get(unit)
    if unit not in world.state.units or status is None:
        raise Refusal("unknown_unit", field, unit, "a unit of this city")
    emergency = world.state.emergencies.get(unit)
    if emergency is not None:
        raise Refusal("in_emergency", field, unit, f"a unit that is free: it called for help at {spell(emergency.at)}")
    claim = world.state.claims.get(unit)
    if claim is not None:
        order = world.state.orders[claim]
        held = f"{claim} for {order.incident} (level {order.level}) holds it; {decided_by(world, order)}"
        raise Refusal("on_order", field, unit, f"a unit that is free: {held}")
    if status is not UnitStatus.AVAILABLE:
        raise Refusal(str(status), field, unit, "a unit that is available")


def can_be_taken_off(world: World, unit: UnitId) -> bool:
    """Tell whether a unit is on an order that it is still under way to."""
    claim = world.state.claims.get(unit)
    return claim is not None and world.state.orders[claim].state in UNDER_WAY


def reach(world: World, demand: Demand, unit: UnitId, place: Snap | None = None) -> tuple[Candidate | None, str]:
    """Return a unit as a candidate for a demand and its way there; None and no way where neither is known.

    ``place`` is where to, where that is not the place of the incident.
    """
    if unit not in world.fleet:
        return None, ""
    row, spot = world.fleet.index(unit), place or world.spot(demand.incident)
    if world.fleet.arc[row] < 0:
        return None, ""
    try:
        arcs, start, end, ms = world.times.way(
            int(world.fleet.arc[row]), float(world.fleet.fraction[row]), spot.arc, spot.fraction
        )
    except NoWay:
        return None, ""
    length_m, course = drawn(world.times.network, arcs, start, end)
    turnout_ms, travel_ms = int(world.fleet.turnout_ms[row]), ms + world.city.fixed_ms
    candidate = Candidate(
        recipient=world.fleet.ids[row],  # type: ignore[arg-type]
        eta_ms=turnout_ms + travel_ms,
        turnout_ms=turnout_ms,
        travel_ms=travel_ms,
        distance_m=round(length_m),
    )
    return candidate, encode_polyline(course)


def propose(
    world: World,
    draft: Draft,
    demand: Demand,
    chosen: Candidate,
    route: str = "",
    *,
    known_eta: bool = True,
    demands: tuple[DemandId, ...] = (),
    under: OrderId | None = None,
    officers: tuple[str, ...] = (),
    place: tuple[float, float] | None = None,
    post: PostDuty | None = None,
    looks: tuple[int, ...] = (),
) -> Order:
    """Make an order for a demand, and return it; it holds nobody yet.

    In a pursuit it can be for a ``post`` or another ``place``, in a search for ``looks`` at places in turn.
    """
    incident = world.state.incidents[demand.incident]
    lon, lat = place or (incident.lon, incident.lat)
    people, sworn = 0, 0
    if chosen.kind == "unit" and world.city.roster is not None:
        people, sworn = crew_size(world.city, world.state, UnitId(chosen.recipient))
    order = Order(
        id=OrderId(draft.mint("order")),
        version=1,
        incident=incident.id,
        recipient=chosen.recipient,
        recipient_kind=chosen.kind,
        capability=demand.capability,
        state=OrderState.PROPOSED,
        proposed_at=draft.now,
        lon=lon,
        lat=lat,
        level=incident.level,
        type=incident.type,
        eta_ms=chosen.eta_ms if chosen.kind == "unit" and known_eta else None,
        turnout_ms=chosen.turnout_ms,
        route=route,
        exercise=incident.exercise,
        under=under,
        officers=officers,
        diverted_from=chosen.diverted_from,
    )
    clocks = order_clocks_ms(world.city, incident, chosen.kind, post=post is not None)
    draft.emit(
        e.OrderProposed(
            order=order,
            demand=demand.id,
            clocks_ms=clocks,
            demands=demands,
            post=post,
            looks=looks,
            people=people,
            sworn=sworn,
        )
    )
    return order


def can_go(world: World, unit: UnitId, level: int) -> bool:
    """Tell whether a unit is free, or may be taken for a level off what it is under way to."""
    if free(world, unit):
        return True
    return unit in world.fleet and may_take(world.fleet, world.fleet.index(unit), level, world.city.policies)


def send(world: World, draft: Draft, order: Order, via: e.ApprovedVia | Via, actor: str = "") -> None:
    """Approve an order and put it into its recipient's mailbox; the unit is taken off another in the same breath."""
    held = world.state.claims.get(UnitId(order.recipient)) if order.recipient_kind == "unit" else None
    if held is not None:
        left = world.state.orders[held]
        draft.withdraw(left, OrderState.REPLACED, "diverted")
        values = {"recipient": order.recipient, "incident": order.incident, "left": left.incident}
        draft.tell_desk("diverted", order=order.id, **values)
    draft.emit(e.OrderAdvanced(order=order.id, version=order.version, to=OrderState.APPROVED, via=via), actor=actor)
    draft.mail(order.recipient, "order", order)


def send_if_free(world: World, draft: Draft, order: Order, via: e.ApprovedVia | Via, actor: str = "") -> None:
    """Send a proposed order if its unit is still free; if not, the proposal is replaced by a new one."""
    if order.recipient_kind == "unit" and not can_go(world, UnitId(order.recipient), order.level):
        draft.withdraw(order, OrderState.REPLACED, "unit_taken")
    else:
        send(world, draft, order, via, actor)


def send_or_ask(world: World, draft: Draft, order: Order) -> None:
    """Let an order go where its run card does, else ask the desk."""
    if world.state.incidents[order.incident].approval == "by_rule":
        send(world, draft, order, via="policy", actor=BY_RULE)
    else:
        ask_to_send(world, draft, order.id)


def spare_others(world: World, draft: Draft, order: Order) -> None:
    """Seek nobody besides any more who was wanted only because this one was late."""
    for demand in [its for its in world.state.demands.without_unit() if its.beside == order.id]:
        draft.emit(DemandDropped(demand=demand.id, reason="not_late_any_more"))
