"""Orders that are given back: by whose leave, and that somebody is responsible all the while.

Whoever returns an order stays responsible until the next has accepted. So its demands are not let go: each gets one
beside it that relieves it, which is served like any other, and only when that is accepted the first is handed over. If
the first goes on with it after all, the other is dropped. A unit that has not accepted yet just refuses; a station that
is ordered answers for the place, so it may only return.
"""

from engine.core.draft import Draft
from engine.core.orders import check_said, order_said
from engine.core.reporting import resolve_if_done
from engine.core.state import Demand
from engine.core.stations import suggest
from engine.core.steps import ask_leave, line_of, pending
from engine.core.under_stations import ASSIGNING, demands_of
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import ReturnOrder
from engine.model.demand_events import DemandDropped, DemandRaised
from engine.model.entities import Details, Order, Step
from engine.model.errors import Refusal
from engine.model.ids import DemandId
from engine.model.lifecycle import OPEN_ORDERS, OrderState

STEP = "return_order"
_UNANSWERED = frozenset((OrderState.SENT, OrderState.DELIVERED))


def return_order(world: World, draft: Draft, command: ReturnOrder) -> None:
    """Take a recipient's wish to be rid of its order."""
    order = order_said(world, command)
    if order is None:
        return
    if not is_return(world, order):
        limit = "an order that it has accepted, or of a station; before that it refuses"
        raise Refusal("wrong_state", "order", order.id, f"{limit}; it is {order.state}")
    if not command.reason:
        raise Refusal("missing", "reason", "", "whoever returns an order says why")
    check_said(world, draft.now, command.said_at, reason=command.reason, words=command.words)
    said = e.ReturnAsked(
        order=order.id,
        version=order.version,
        reason=command.reason,
        key=command.key,
        via=command.via,
        said_at=command.said_at,
    )
    ask_return(world, draft, said, command.words)


def is_return(world: World, order: Order) -> bool:
    """Tell whether to refuse an order now is to return it: somebody else must have it first.

    A station that was asked to relieve another and has not accepted may refuse: the other is responsible still.
    """
    if order.state in ASSIGNING:
        return True
    if order.recipient_kind == "unit" or order.state not in _UNANSWERED:
        return False
    return any(demand.relieves is None for demand in demands_of(world.state, order))


def ask_return(world: World, draft: Draft, said: e.ReturnAsked, words: str) -> None:
    """Note that a recipient returns its order, and ask for leave where the run card wants it.

    Raises
    ------
    Refusal
        ``asked_already`` while it waits for leave or for the next; ``not_allowed`` where the run card has it so.
    """
    order = world.state.orders[said.order]
    line_of(world, order.incident, STEP)
    waits = pending(world, order.incident, STEP, order.id)
    if waits is not None:
        raise Refusal("asked_already", "order", order.id, f"an answer of {waits.line[waits.asked].by} to {waits.id}")
    if any(demand.returned == order.id for demand in world.state.demands.of_incident(order.incident)):
        raise Refusal("asked_already", "order", order.id, "the next to accept it: they are sought")
    draft.emit(said, personal=Details(text=words) if words else None)
    values = {"reason": said.reason, "recipient": order.recipient}
    if ask_leave(world, draft, STEP, order.incident, order=order.id, values=values):
        draft.tell_desk("order_returned", order=order.id, incident=order.incident, **values)
        _seek_next(world, draft, order)


def return_granted(world: World, draft: Draft, step: Step) -> None:
    """Seek the next for an order that may be returned."""
    assert step.order is not None
    order = world.state.orders[step.order]
    if order.state in OPEN_ORDERS:
        _seek_next(world, draft, order)


def return_refused(world: World, draft: Draft, step: Step) -> None:
    """Tell a recipient that its order stays its own."""
    assert step.order is not None
    order = world.state.orders[step.order]
    draft.notify(order.recipient, "return_refused", order=order.id, incident=order.incident)


def _seek_next(world: World, draft: Draft, order: Order) -> None:
    """Raise beside each demand of an order one that relieves it.

    Of a post in a pursuit the next plan says who takes it: its unit is let go, for it knows no other.
    """
    if order.id in world.state.order_posts:
        draft.withdraw(order, OrderState.CANCELLED, "returned")
        return
    demands = demands_of(world.state, order)
    for demand in [its for its in demands if its.relieves is not None]:  # of a unit under it: now all of it is returned
        _drop(world, draft, demand, "returned_above")
    raised = []
    for demand in [its for its in demands if its.relieves is None]:
        raised.append(DemandId(draft.mint("demand")))
        draft.emit(
            DemandRaised(
                demand=raised[-1],
                incident=demand.incident,
                capability=demand.capability,
                level=demand.level,
                dispatch=demand.dispatch,
                either=demand.either,
                together=demand.together,
                rank=demand.rank,
                equipment=demand.equipment,
                need=demand.need,
                people=demand.people,
                sworn=demand.sworn,
                extra=demand.extra,
                prefer=demand.prefer,
                relieves=demand.id,
                returned=order.id,
                under=order.under,
            )
        )
    draft.notify(order.recipient, "return_granted", order=order.id, incident=order.incident)
    if order.under is not None:
        suggest(world, draft, world.state.orders[order.under], [world.state.demands[name] for name in raised])


def hand_over(world: World, draft: Draft) -> None:
    """Do what became of orders that are being returned: hand over what was accepted, drop what nobody needs any more.

    Asked after every command, when its own events are done; without a return there is nothing to look at.
    """
    for name in list(world.state.kept.relieving):
        demand = world.state.demands.get(name)
        if demand is not None and demand.relieves is not None:
            _follow(world, draft, demand, world.state.demands.get(demand.relieves))


def _follow(world: World, draft: Draft, demand: Demand, first: Demand | None) -> None:
    """Look at one demand that relieves the ``first``, which may be gone."""
    assert demand.returned is not None
    returned = world.state.orders[demand.returned]
    orders = [world.state.orders[name] for name in (demand.station, demand.order) if name not in (None, returned.under)]
    if any(order.state in ASSIGNING for order in orders) and first is not None:
        _take_over(world, draft, demand, first, returned)
    elif first is not None and returned.id in (first.order, first.station) and returned.state in OPEN_ORDERS:
        return  # still waited for
    elif first is not None and first.order is None and first.station in (None, returned.under) and orders:
        draft.emit(DemandDropped(demand=first.id, reason="handed_over", into=demand.id))
    else:
        _drop(world, draft, demand, "not_returned")
        resolve_if_done(world, draft, returned.incident)


def _take_over(world: World, draft: Draft, demand: Demand, first: Demand, returned: Order) -> None:
    """Let a demand stand for the first, now that its recipient is responsible; the one who returned it is free."""
    draft.emit(DemandDropped(demand=first.id, reason="handed_over", into=demand.id))
    for name in (first.order, first.station if first.station != returned.under else None):
        order = world.state.orders.get(name) if name is not None else None
        if order is not None and order.state in OPEN_ORDERS and not demands_of(world.state, order):
            draft.withdraw(order, OrderState.REPLACED, "returned", code="handed_over")


def _drop(world: World, draft: Draft, demand: Demand, reason: str) -> None:
    """Let nobody relieve any more, and withdraw the order of whoever was to."""
    draft.emit(DemandDropped(demand=demand.id, reason=reason))
    under = world.state.orders[demand.returned].under if demand.returned is not None else None
    for name in (demand.order, demand.station):
        order = world.state.orders.get(name) if name not in (None, under) else None
        if order is not None and order.state in OPEN_ORDERS and not demands_of(world.state, order):
            draft.withdraw(order, OrderState.CANCELLED, reason)
