"""The desk takes an order back and somebody else gets it, in one breath; where there is nobody, it stays as it is.

That is another act than adding a unit, after which whoever was asked first keeps the duty.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace

from engine.core.choosing import open_order
from engine.core.draft import Draft
from engine.core.ordering import by_order, carry_out
from engine.core.orders import check_key, check_said, propose, send, send_or_ask, spare_others
from engine.core.stations import fell_away, station_for, withdraw_under
from engine.core.under_stations import demands_of
from engine.core.world import World
from engine.dispatch.decide import decide
from engine.model.commands import ReplaceOrder
from engine.model.demand_events import Recommended
from engine.model.entities import Order
from engine.model.errors import Refusal
from engine.model.ids import StationId, UnitId
from engine.model.lifecycle import OrderState
from engine.model.recommendation import Decision


def replace_order(world: World, draft: Draft, command: ReplaceOrder) -> None:
    """Replace an order by one to the next; of a station's unit the station is asked to name another.

    Raises
    ------
    Refusal
        ``nobody_free`` where nobody else could go now: the order stays.
    """
    check_key(command.key)
    if command.key in world.state.kept.keys:
        return
    order = open_order(world, command.order, command.version)
    if not command.reason:
        raise Refusal("missing", "reason", "", "whoever takes an order back says why")
    check_said(world, draft.now, None, reason=command.reason)
    if order.id in world.state.order_posts:
        limit = "an order that no plan of a pursuit has made: choose who takes the post, or cancel it"
        raise Refusal("wrong_state", "order", order.id, limit)
    if order.under is not None:
        _withdraw(draft, order, command)
        fell_away(world, draft, order, command.reason)
    elif order.recipient_kind == "station":
        _another_station(world, draft, order, command)
    else:
        _another_unit(world, draft, order, command)


def _withdraw(draft: Draft, order: Order, command: ReplaceOrder) -> None:
    draft.withdraw(order, OrderState.REPLACED, command.reason, via="desk", key=command.key)


def _another_unit(world: World, draft: Draft, order: Order, command: ReplaceOrder) -> None:
    demands = demands_of(world.state, order)
    unit = UnitId(order.recipient)
    row = frozenset((world.fleet.index(unit),) if unit in world.fleet else ())
    wanted = world.wanted([demand.id for demand in demands], draft.now)
    asked = [replace(want, refused_by=want.refused_by | row) for want in wanted]
    serving = functools.partial(world.served_by, now=draft.now)
    decisions = decide(asked, world.force, world.city.policies, draft.now, serving=serving, number=world.state.seq)
    _refuse_unless_found(order, decisions[: len(demands)])
    was_sent = order.state is not OrderState.PROPOSED
    _withdraw(draft, order, command)
    spare_others(world, draft, order)
    for decision, also in by_order(decisions):
        ours = decision.demand in {demand.id for demand in demands}
        carry_out(world, draft, decision, also, leave_given=ours and was_sent)


def _refuse_unless_found(order: Order, decisions: Sequence[Decision]) -> None:
    found = [decision.recommendation.chosen for decision in decisions]
    if not found or any(chosen is None or chosen.kind == "station" for chosen in found):
        limit = f"a free and able unit besides {order.recipient}, which stays: choose, add, or cancel the order"
        raise Refusal("nobody_free", "order", order.id, limit)


def _another_station(world: World, draft: Draft, order: Order, command: ReplaceOrder) -> None:
    demands = demands_of(world.state, order)
    recommendation = station_for(world, demands, draft.now, but=StationId(order.recipient))
    if recommendation is None or recommendation.chosen is None:
        limit = f"a station besides {order.recipient} that can do it: choose a unit, add, or cancel the order"
        raise Refusal("nobody_free", "order", order.id, limit)
    was_sent = order.state is not OrderState.PROPOSED
    withdraw_under(world, draft, order, OrderState.REPLACED, command.reason)
    _withdraw(draft, order, command)
    names = tuple(demand.id for demand in demands)
    draft.emit(Recommended(demand=names[0], incident=order.incident, recommendation=recommendation))
    instead = propose(world, draft, demands[0], recommendation.chosen, demands=names)
    if was_sent:
        send(world, draft, instead, via="desk")
    else:
        send_or_ask(world, draft, instead)
