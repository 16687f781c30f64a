"""From a verified sighting to orders: nobody pursues a subject yet, or everybody who does is re-aimed.

What is done follows the lookout's class. To seize: the force of the run card and the nearest station are ordered there.
To observe: one unit and that station, to keep away. To inform: the station and the offices of the lookout are told. A
pursuit is the incident that a lookout has open. A later sighting moves it: whoever is under way has the same order
under a new version; who stood where the subject was is free for a new one. In each mailbox an end comes before a new
order, so that what a terminal shows is one instruction at every moment.
"""

from engine.core.draft import Draft
from engine.core.orders import reach
from engine.core.reporting import finish_incident, open_incident
from engine.core.stations import orders_under
from engine.core.steps import mailbox_of
from engine.core.telling import nearest_station
from engine.core.under_stations import demands_of
from engine.core.world import World
from engine.model import lookout_events as le
from engine.model.demand_events import DemandRaised
from engine.model.entities import Alert, Incident, Need, Order
from engine.model.ids import DemandId, IncidentId, RecipientId, StationId, number_of
from engine.model.lifecycle import INCIDENT, OPEN_ORDERS, UNDER_WAY, IncidentState, OrderState
from engine.model.lookouts import Lookout, Sighting

MOVED_ON = "moved_on"
"""Why an order is replaced: the subject is elsewhere by now."""


def sighted(world: World, draft: Draft, sighting: Sighting) -> None:
    """Do what a verified sighting takes, where it is the newest of its subject; an older one re-aims nobody."""
    assert sighting.lookout is not None
    lookout = world.state.lookouts[sighting.lookout]
    _tell(world, draft, lookout, sighting)
    if lookout.terms.list_class == "inform" or lookout.track[-1] != sighting.id:
        return
    if lookout.incident is None:
        _open(world, draft, lookout, sighting)
    else:
        _move(world, draft, lookout.incident, sighting)


def lose(world: World, draft: Draft, sighting: Sighting) -> None:
    """Take back what a sighting caused that was not the subject after all: go by the one before, or call it off."""
    assert sighting.lookout is not None
    lookout = world.state.lookouts[sighting.lookout]
    incident = world.state.incidents.get(lookout.incident) if lookout.incident is not None else None
    if incident is None:
        return
    if lookout.track:
        last = world.state.sightings[lookout.track[-1]]
        if (last.at, number_of(last.id)) < (sighting.at, number_of(sighting.id)):
            _move(world, draft, incident.id, last)
    elif IncidentState.INVALID in INCIDENT[incident.state]:
        finish_incident(world, draft, incident, IncidentState.INVALID, "not_him")


def _tell(world: World, draft: Draft, lookout: Lookout, sighting: Sighting) -> None:
    """Let the offices of a lookout know; where it is only to inform, the nearest station too."""
    recipients = [mailbox_of(who) for who in lookout.terms.told]
    if lookout.terms.list_class == "inform":
        station = nearest_station(world, sighting.lon, sighting.lat)
        recipients = ([RecipientId(station)] if station is not None else []) + recipients
    for recipient in dict.fromkeys(recipients):
        draft.notify(
            recipient,
            "sighting_seen",
            sighting=sighting.id,
            lookout=lookout.id,
            reference=lookout.terms.reference,
            lon=f"{sighting.lon:.5f}",
            lat=f"{sighting.lat:.5f}",
            mode=sighting.mode,
        )


def _open(world: World, draft: Draft, lookout: Lookout, sighting: Sighting) -> None:
    """Open a pursuit: an incident at the place of the sighting, with a demand for each unit and for a station."""
    kind = lookout.terms.type
    card = world.city.run_cards.cards[kind]
    response = card.at(card.level, world.city.calendar.period_at(sighting.at))
    needs = world.city.needs(response) if lookout.terms.list_class == "seize" else _one(response.needs)
    seen = Alert(
        source=sighting.source,
        source_ref=sighting.id,
        type=kind,
        level=card.level,
        lon=sighting.lon,
        lat=sighting.lat,
        at=sighting.at,
        exercise=lookout.terms.exercise,
        needs=needs,
    )
    incident, _ = open_incident(world, draft, seen, lookout=lookout.id)
    if world.stations:
        _want_station(draft, incident, needs[0] if needs else Need(""), card.level)


def _one(needs: tuple[Need, ...]) -> tuple[Need, ...]:
    """Return the first of what a card sends, once: who observes does not come in numbers."""
    return (Need(needs[0].capability, 1, needs[0].either),) if needs else ()


def _want_station(draft: Draft, incident: IncidentId, need: Need, level: int) -> None:
    draft.emit(
        DemandRaised(
            demand=DemandId(draft.mint("demand")),
            incident=incident,
            capability=need.capability,
            level=level,
            dispatch="station",
            either=need.either,
            together=need.together,
        )
    )


def _move(world: World, draft: Draft, incident_id: IncidentId, sighting: Sighting) -> None:
    """Re-aim a pursuit at where the subject was seen last."""
    draft.emit(le.PursuitMoved(incident=incident_id, sighting=sighting.id, lon=sighting.lon, lat=sighting.lat))
    incident = world.state.incidents[incident_id]
    for name in incident.orders:
        order = world.state.orders[name]
        if order.state not in OPEN_ORDERS or name in world.state.order_posts:  # a post holds until the next plan
            continue
        if _stays(world, incident, order):
            _amend(world, draft, incident, order)
            world.to_aim[incident_id] = None
        else:
            draft.withdraw(order, OrderState.REPLACED, MOVED_ON)


def _stays(world: World, incident: Incident, order: Order) -> bool:
    """Tell whether an order is still for whom it is for: a unit under way, the nearest station or one that has sent."""
    if order.state is OrderState.PROPOSED:
        return False
    if order.recipient_kind == "unit":
        return order.state in UNDER_WAY
    nearest = nearest_station(world, incident.lon, incident.lat)
    return nearest is None or StationId(order.recipient) == nearest or any(True for _ in orders_under(world, order))


def _amend(world: World, draft: Draft, incident: Incident, order: Order) -> None:
    """Give an order its new place, and its unit the way there from where it is."""
    eta_ms, route = None, ""
    demands = demands_of(world.state, order)
    if order.recipient_kind == "unit" and demands:
        candidate, route = reach(world, demands[0], order.recipient)  # type: ignore[arg-type]
        if candidate is not None:
            rolling = order.state is OrderState.EN_ROUTE
            eta_ms = candidate.travel_ms if rolling else candidate.eta_ms
    draft.emit(
        le.OrderAmended(
            order=order.id,
            version=order.version + 1,
            lon=incident.lon,
            lat=incident.lat,
            eta_ms=eta_ms,
            route=route,
        )
    )
    draft.mail(order.recipient, "order", world.state.orders[order.id])
