"""What events do to demands: raised, recommended for, found to be a shortage, dropped or handed over.

The part of `apply` that is about demands. One that relieves another stands beside it until it is accepted: whoever has
returned the other is responsible until then.
"""

import msgspec

from engine.core.standing_searches import changed
from engine.core.state import Demand, State
from engine.core.under_stations import watch_naming
from engine.model import events as e
from engine.model.demand_events import DemandDropped, DemandRaised, DemandUnmet, Recommended
from engine.model.ids import DemandId, OrderId, StationId, UnitId, number_of
from engine.model.lifecycle import OrderState


def raised(state: State, event: e.Event, body: DemandRaised) -> None:
    """Let something wait for a unit; where it relieves another, for none that has refused or returned that."""
    state.kept.counts["demand"] = number_of(body.demand)
    refused_by, returned_by = _not_again(state, body.relieves, body.returned)
    state.demands[body.demand] = Demand(
        id=body.demand,
        incident=body.incident,
        capability=body.capability,
        level=body.level,
        dispatch=body.dispatch,
        either=body.either,
        together=body.together,
        rank=body.rank,
        equipment=body.equipment,
        one_team=body.one_team,
        need=body.need,
        people=body.people,
        sworn=body.sworn,
        extra=body.extra,
        prefer=body.prefer,
        beside=body.beside,
        asked_by=body.asked_by,
        relieves=body.relieves,
        returned=body.returned,
        station=body.under,
        refused_by=(*refused_by, *body.but),
        returned_by=returned_by,
        post=body.post,
    )
    if body.relieves is not None:
        state.kept.relieving[body.demand] = body.relieves
    changed(state, body.incident)
    watch_naming(state, body.under, event.at)


def unmet(state: State, _: e.Event, body: DemandUnmet) -> None:
    """Note that nobody is free for it, once."""
    _change(state, body.demand, unmet=True, plan=None)
    state.recommendations.setdefault(body.incident, []).append(body.recommendation)


def dropped(state: State, _: e.Event, body: DemandDropped) -> None:
    """Let nobody be wanted for it any more; what it was handed over to stands for itself from here on."""
    gone = state.demands.pop(body.demand)
    _have_come(state, gone)
    state.kept.relieving.pop(body.demand, None)
    if body.into is not None:
        _change(state, body.into, relieves=None, returned=None)
        state.kept.relieving.pop(body.into, None)
    watch_naming(state, gone.station)


def recommended(state: State, _: e.Event, body: Recommended) -> None:
    """Keep who should go."""
    state.recommendations.setdefault(body.incident, []).append(body.recommendation)
    chosen = body.recommendation.chosen
    _change(state, body.demand, recommended=None if chosen is None else chosen.recipient)


def _have_come(state: State, gone: Demand) -> None:
    """Let whoever has been at the scene for a need that wants a number of people count for the rest of it."""
    order = state.orders.get(gone.order) if gone.order is not None else None
    if not gone.need or order is None or order.state is not OrderState.CLEARED:
        return
    came = state.kept.order_people.get(order.id, (0, 0))
    for its in state.demands.of_need(gone.incident, gone.need):
        _change(state, its.id, people=max(0, its.people - came[0]), sworn=max(0, its.sworn - came[1]))


def _not_again(
    state: State, relieves: DemandId | None, returned: OrderId | None
) -> tuple[tuple[UnitId, ...], tuple[StationId, ...]]:
    """Return who never gets a demand that relieves another: who has refused or returned that."""
    other, order = state.demands.get(relieves or DemandId("")), state.orders.get(returned or OrderId(""))
    if other is None or order is None:
        return (), ()
    if order.recipient_kind == "unit":
        return (*other.refused_by, UnitId(order.recipient)), other.returned_by
    return other.refused_by, (*other.returned_by, StationId(order.recipient))


def _change(state: State, demand: DemandId, **fields: object) -> None:
    state.demands[demand] = msgspec.structs.replace(state.demands[demand], **fields)
