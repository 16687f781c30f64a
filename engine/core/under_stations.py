"""What events do to the demands that a station answers for: it gets them, names units for them, gives them back.

The part of `apply` that is about stations. A demand under a station is nobody else's; it stays under it, with or
without a unit, until it is done, dropped, or the station's order ends. While it has no unit the station's clock
``assign`` runs.
"""

import msgspec

from engine.core.clockwork import end_clock, start_clock
from engine.core.deadline_keys import deadline_key
from engine.core.state import Demand, State
from engine.model.entities import Order
from engine.model.ids import DemandId, OrderId, StationId
from engine.model.lifecycle import OrderState

ASSIGN = "assign"
"""The clock that runs while a station that has accepted has not named everybody."""
ASSIGNING = frozenset((OrderState.ACCEPTED, OrderState.EN_ROUTE, OrderState.ON_SCENE, OrderState.REPORTED))
"""A station names units while its order is in one of these."""


def demands_under(state: State, order: OrderId) -> list[Demand]:
    """Return what a station answers for by an order and is not done with, oldest first."""
    return state.demands.of_station_order(order)


def demands_of(state: State, order: Order) -> list[Demand]:
    """Return what an order is about and not done with: what a station answers for by it, or what its unit goes for."""
    if order.recipient_kind == "station":
        return demands_under(state, order.id)
    return state.demands.of_unit_order(order.id)


def take(state: State, order: Order, demands: tuple[DemandId, ...]) -> None:
    """Put demands under the station that is ordered for them; one that answered for them before names nobody more."""
    before = dict.fromkeys(state.demands[name].station for name in demands)
    for name in demands:
        state.demands[name] = msgspec.structs.replace(state.demands[name], station=order.id, plan=None)
    for other in before:
        watch_naming(state, other)


def give_back(state: State, order: Order, *, never_again: bool) -> None:
    """Let what a station answered for wait again: its order has ended without having been done."""
    for demand in demands_under(state, order.id):
        returned = demand.returned_by
        if never_again:
            returned = (*returned, StationId(order.recipient))
        state.demands[demand.id] = msgspec.structs.replace(demand, station=None, returned_by=returned)
    state.freed = True


def watch_naming(state: State, order: OrderId | None, restart_at: int | None = None) -> None:
    """End a station's clock ``assign`` once everybody is named; begin it anew when somebody is to be named again."""
    its = state.orders.get(order) if order is not None else None
    if its is None:
        return
    key, length_ms = deadline_key(its.id, ASSIGN), state.kept.order_clocks[its.id].get(ASSIGN)
    if length_ms is None:
        return
    if its.state not in ASSIGNING or all(demand.order is not None for demand in demands_under(state, its.id)):
        end_clock(state, key)
    elif restart_at is not None:
        start_clock(state, key, restart_at + length_ms)
