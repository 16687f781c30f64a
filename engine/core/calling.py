"""Standing checkpoints in a pursuit: which may be told to bar their roads, in how long, and the order that tells one.

A checkpoint is a station whose city says that it can be ordered for `CHECKPOINT`: it stands at its road with its own
people and its own barrier, drives nowhere and names nobody. Its order for a post is a call in its mailbox, beside
whatever else it is ordered for. One that has given a call back, or whose call a person has cancelled, is not called
again in the same pursuit.
"""

import msgspec

from engine.core.draft import Draft
from engine.core.orders import BY_RULE, propose, send
from engine.core.world import World
from engine.model.demand_events import DemandRaised
from engine.model.entities import CHECKPOINT, Incident, Order
from engine.model.ids import DemandId, IncidentId, RecipientId, StationId
from engine.model.lifecycle import HOLDING_ORDERS, UNDER_WAY, OrderState
from engine.model.limits import MOST_CHECKPOINTS
from engine.model.lookouts import Sighting
from engine.model.pursuits import Post, PostDuty
from engine.model.recommendation import Candidate

_GIVEN_BACK = frozenset((OrderState.REFUSED, OrderState.EXPIRED, OrderState.CANCELLED))


def calls(world: World, incident: IncidentId, seen: Sighting, now: int) -> tuple[tuple[StationId, int], ...]:
    """Return the checkpoints that may be told, and in how long from now each bars its road, in ms."""
    told = {StationId(order.recipient): order for order in called(world, incident)}
    given_back = _given_back(world, incident)
    able = [its for its in world.stations if its.is_checkpoint and its.id not in given_back]
    able.sort(key=lambda its: abs(its.lon - seen.lon) + abs(its.lat - seen.lat))
    return tuple(
        (its.id, until_barred_ms(world, told[its.id], now) if its.id in told else its.setup_ms)
        for its in able[:MOST_CHECKPOINTS]
    )


def may_be_called(world: World, incident: IncidentId, station: StationId) -> bool:
    """Tell whether a station is a checkpoint that can be told in a pursuit."""
    its = world.state.stations.get(station)
    return its is not None and its.is_checkpoint and station not in _given_back(world, incident)


def _given_back(world: World, incident: IncidentId) -> set[StationId]:
    orders = (world.state.orders[name] for name in world.state.incidents[incident].orders)
    return {
        StationId(order.recipient)
        for order in orders
        if order.recipient_kind == "station" and order.state in _GIVEN_BACK and order.id in world.state.order_posts
    }


def called(world: World, incident: IncidentId) -> list[Order]:
    """Return the open calls of a pursuit."""
    its = (world.state.orders[name] for name in world.state.incidents[incident].orders)
    return [
        order
        for order in its
        if order.recipient_kind == "station" and order.state in HOLDING_ORDERS and order.id in world.state.order_posts
    ]


def until_barred_ms(world: World, order: Order, now: int) -> int:
    """Return in how long a checkpoint that was told bars its road: its whole time until a person there has taken it."""
    if order.state not in UNDER_WAY:
        return 0
    station = world.state.stations.get(StationId(order.recipient))
    setup_ms = 0 if station is None else station.setup_ms
    return max(0, world.state.kept.calls_taken.get(order.id, now) + setup_ms - now)


def call(world: World, draft: Draft, incident: Incident, post: Post, duty: PostDuty) -> None:
    """Order a checkpoint to bar its road."""
    assert post.station is not None
    demand = DemandId(draft.mint("demand"))
    draft.emit(
        DemandRaised(
            demand=demand,
            incident=incident.id,
            capability=CHECKPOINT,
            level=incident.level,
            dispatch="station",
            post=True,
        )
    )
    order = propose(
        world,
        draft,
        world.state.demands[demand],
        Candidate(RecipientId(post.station), 0, 0, 0, kind="station"),
        place=(post.lon, post.lat),
        post=duty,
    )
    send(world, draft, order, via="policy", actor=BY_RULE)


def held_by_unit(duty: PostDuty | None) -> PostDuty | None:
    """Return what a unit is to do that takes a post over: it has no barrier, and stands across the road."""
    return msgspec.structs.replace(duty, duty="block") if duty is not None and duty.duty == "call" else duty
