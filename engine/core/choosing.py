"""A person chooses somebody else: of a proposal or of an order that is open, and the engine plans on around it.

It is as easy as agreeing: one command, with a reason from a list. The chosen unit is claimed in the same breath in
which the other is let go, so that at no time two orders hold a unit, or none. What frees up by it is looked at in the
same batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.calling import held_by_unit
from engine.core.draft import Draft
from engine.core.orders import (
    can_be_taken_off,
    check_key,
    decided_by,
    known_order,
    propose,
    reach,
    refuse_unless_free,
    send,
    spare_others,
)
from engine.core.state import Demand
from engine.core.stations import fell_away, finish, orders_under, withdraw_under
from engine.core.steps import line_to_send, request
from engine.core.under_stations import demands_of
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import ChooseUnit
from engine.model.entities import Asked, Details, Order
from engine.model.errors import Refusal
from engine.model.ids import OrderId, StationId, UnitId
from engine.model.lifecycle import OPEN_ORDERS, OrderState
from engine.model.limits import LONGEST_TEXT
from engine.model.recommendation import Candidate, WhyNot
from engine.model.step_events import StepDecided


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """Who was chosen, for which demands, and in spite of what."""

    candidate: Candidate
    demands: list[Demand]
    route: str = ""
    known_eta: bool = True
    despite: tuple[WhyNot, ...] = ()


def choose_unit(world: World, draft: Draft, command: ChooseUnit) -> None:
    """Replace an order by one to whom a person chooses; what they chose in spite of is kept with it."""
    check_key(command.key)
    if command.key in world.state.kept.keys:
        return
    order = open_order(world, command.order, command.version, seen=command.seen)
    _check_words(command)
    if command.recipient == order.recipient:
        raise Refusal("same", "recipient", command.recipient, "somebody else; to agree, approve the order")
    acting_as = _approver(world, order, command.acting_as)
    to_station = StationId(command.recipient) in world.state.stations
    chosen = _station(world, order, command) if to_station else _unit(world, order, command)
    instead = _replace(world, draft, order, chosen)
    said = e.Overruled(order=order.id, instead=instead.id, why=command.why, key=command.key, despite=chosen.despite)
    draft.emit(said, personal=Details(text=command.words) if command.words else None)
    if acting_as:
        line = line_to_send(world, order.incident)
        step = request(draft, "send", order.incident, line, instead.id)
        draft.emit(StepDecided(id=step, outcome="granted", acting_as=acting_as, reason=command.why))
    take_and_send(world, draft, instead)
    _tell(world, draft, order, instead, command)


def open_order(world: World, order_id: OrderId, version: int, *, seen: OrderState | None = None) -> Order:
    """Return an order that a person decides about, or tell them who has decided meanwhile.

    Raises
    ------
    Refusal
        ``superseded`` where somebody else was first, or it has another version; ``wrong_state`` where it has ended.
    """
    order = known_order(world, order_id)
    if version != order.version:
        raise Refusal("superseded", "version", version, f"{order.version}; {decided_by(world, order)}")
    if seen is OrderState.PROPOSED and order.state is not OrderState.PROPOSED:
        raise Refusal("superseded", "seen", seen, decided_by(world, order))
    if order.state in (OrderState.REPLACED, OrderState.CANCELLED):
        raise Refusal("superseded", "order", order.id, f"an open order; {decided_by(world, order)}")
    if order.state not in OPEN_ORDERS:
        raise Refusal("wrong_state", "order", order.id, f"an open order; it is {order.state}")
    return order


def refuse_unless_fit(
    world: World,
    unit: UnitId,
    wanted: Sequence[Sequence[str]],
    *,
    anyway: bool,
    has_refused: bool = False,
    field: str = "recipient",
) -> tuple[WhyNot, ...]:
    """Refuse a unit that cannot go, by name; return what stands against it where it goes ``anyway``.

    Of each that is ``wanted`` it must have one.

    Raises
    ------
    Refusal
        As `refuse_unless_free`, ``lacks_capability`` or ``refused_before``. With ``anyway`` a unit may lack the
        capability, have refused it, or be taken off what it is under way to; not be off duty or out of service.
    """
    against: list[WhyNot] = []
    if anyway and can_be_taken_off(world, unit):
        against.append("on_order")
    else:
        refuse_unless_free(world, unit, field)
    has = set(world.state.abilities(unit))
    lacks = [names[0] for names in wanted if has.isdisjoint(names)]
    if lacks and not anyway:
        raise Refusal("lacks_capability", field, unit, f"{', '.join(lacks)}; or anyway")
    if lacks:
        against.append("lacks_capability")
    if has_refused:
        if not anyway:
            raise Refusal("refused_before", field, unit, "a unit that has not refused it; or anyway")
        against.append("refused_before")
    return tuple(against)


def take_and_send(world: World, draft: Draft, order: Order) -> None:
    """Send an order that a person wants to go, and tell the station whose unit is taken off its order for it."""
    held = world.state.claims.get(UnitId(order.recipient)) if order.recipient_kind == "unit" else None
    send(world, draft, order, via="desk")
    if held is not None:
        fell_away(world, draft, world.state.orders[held], "diverted")


def _check_words(command: ChooseUnit) -> None:
    if len(command.words) > LONGEST_TEXT:
        raise Refusal("too_long", "words", command.words, f"{LONGEST_TEXT} characters")
    if command.why == "other" and not command.words.strip():
        raise Refusal("missing", "words", command.words, "why, in words, where the reason is none of the list")


def _approver(world: World, order: Order, acting_as: str) -> str:
    """Return in whose place leave is given by choosing; empty where the order has gone already."""
    if order.state is not OrderState.PROPOSED:
        return ""
    of_it = (step for step in world.state.steps_of(order.incident) if step.order == order.id and step.outcome is None)
    step = next(of_it, None)
    line: tuple[Asked, ...] = line_to_send(world, order.incident) if step is None else step.line
    names = [asked.by for asked in line]
    acting_as = acting_as or names[0 if step is None else step.asked]
    if acting_as not in names:
        raise Refusal("not_asked", "acting_as", acting_as, ", ".join(names))
    return acting_as


def _station(world: World, order: Order, command: ChooseUnit) -> _Choice:
    """Return a station as a candidate, if it may be asked: no time is told for one."""
    demands, station, posts = demands_of(world.state, order), StationId(command.recipient), world.posts
    if any(station in demand.returned_by for demand in demands):
        raise Refusal("returned_before", "recipient", station, "a station that has not returned it")
    mask = posts.capability_mask([demand.capability for demand in demands])
    if int(posts.bits[posts.index(station)]) & mask != mask:
        wanted = ", ".join(dict.fromkeys(demand.capability for demand in demands))
        raise Refusal("lacks_capability", "recipient", station, wanted)
    return _Choice(candidate=Candidate(command.recipient, 0, 0, 0, kind="station"), demands=demands)


def _unit(world: World, order: Order, command: ChooseUnit) -> _Choice:
    """Return a unit as a candidate, if it can go; of a station's order it takes what it fits best."""
    unit, demands = UnitId(command.recipient), demands_of(world.state, order)
    if order.recipient_kind == "station":
        named = next(iter(orders_under(world, order)), None)
        if named is not None:
            limit = f"the order of a unit that its station has named, such as {named.id}"
            raise Refusal("wrong_state", "order", order.id, limit)
        has = set(world.state.abilities(unit)) if unit in world.state.units else set()
        demands = [next((d for d in demands if not has.isdisjoint((d.capability, *d.either))), demands[0])]
    despite = refuse_unless_fit(
        world,
        unit,
        [(demand.capability, *demand.either) for demand in demands],
        anyway=command.anyway,
        has_refused=any(unit in demand.refused_by for demand in demands),
    )
    incident = world.state.incidents[order.incident]
    elsewhere = (order.lon, order.lat) != (incident.lon, incident.lat)  # at a post, or ahead of who is pursued
    found, route = reach(world, demands[0], unit, world.place(order.lon, order.lat) if elsewhere else None)
    turnout_ms = world.state.units[unit].turnout_ms
    return _Choice(
        candidate=found or Candidate(command.recipient, turnout_ms, turnout_ms, 0),
        demands=demands,
        route=route,
        known_eta=found is not None,
        despite=despite,
    )


def _replace(world: World, draft: Draft, order: Order, chosen: _Choice) -> Order:
    """End an order and propose the one instead, about the same."""
    whole = len(chosen.demands) == len(demands_of(world.state, order))
    withdraw_under(world, draft, order, OrderState.REPLACED, "overruled")
    # A station that only loses a part to the unit may be asked for the rest again.
    draft.withdraw(order, OrderState.REPLACED, "overruled", via="desk" if whole else "core")
    spare_others(world, draft, order)
    to_station = chosen.candidate.kind == "station"
    instead = propose(
        world,
        draft,
        chosen.demands[0],
        chosen.candidate,
        chosen.route,
        known_eta=chosen.known_eta,
        demands=tuple(demand.id for demand in chosen.demands),
        under=None if to_station else order.under,
        place=None if to_station else (order.lon, order.lat),
        post=None if to_station else held_by_unit(world.state.order_posts.get(order.id)),
    )
    if to_station:
        finish(world, draft, order.under)
    return instead


def _tell(world: World, draft: Draft, order: Order, instead: Order, command: ChooseUnit) -> None:
    values = {"recipient": instead.recipient, "left": order.recipient, "incident": order.incident, "why": command.why}
    draft.tell_desk("overruled", order=instead.id, **values)
    above = world.state.orders.get(order.under) if order.under is not None else None
    if above is not None:
        draft.notify(above.recipient, "overruled", order=instead.id, **values)
