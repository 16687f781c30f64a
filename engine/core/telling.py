"""Who is told of an incident, and where: the station of the place, offices with a mailbox, others by telephone."""

from engine.core.draft import Draft
from engine.core.steps import mailbox_of
from engine.core.world import World
from engine.model.entities import Incident
from engine.model.ids import DESK, RecipientId, StationId
from engine.model.lifecycle import OPEN_ORDERS, OrderState
from engine.model.notices import NoticeCode
from geo_data.snapping import OffRoad

NOT_SENT = frozenset((OrderState.PROPOSED, OrderState.APPROVED))
STATION = "station"
"""Who is told by this id is the station of the place."""


def tell_opened(world: World, draft: Draft, incident: Incident) -> None:
    """Tell whoever the run card names that an incident has been opened: what and where, and nobody's name."""
    _tell(world, draft, incident, "informed", {})


def tell_level(world: World, draft: Draft, incident: Incident, was: int) -> None:
    """Tell whoever the run card names at the new level, the desk, and all who are on their way or at the scene."""
    values = {"was": str(was)}
    _tell(world, draft, incident, "level_changed", values)
    draft.tell_desk("level_changed", None, **_values(world, incident), **values)
    for order in [world.state.orders[name] for name in incident.orders]:
        if order.state in OPEN_ORDERS and order.state not in NOT_SENT:
            draft.notify(order.recipient, "level_changed", order.id, **_values(world, incident), **values)


def _tell(world: World, draft: Draft, incident: Incident, code: NoticeCode, values: dict[str, str]) -> None:
    card = world.city.run_cards.cards.get(incident.type)
    if card is None:  # the city's file may change while an incident is open
        return
    reached = set[tuple[RecipientId, str]]()
    its = _values(world, incident) | values
    for who in card.at(incident.level, world.city.calendar.period_at(draft.now)).told:
        if who == STATION and "station" not in its:
            continue  # no station knows the place, and no telephone call would find one
        recipient, how = recipient_and_code(world, incident, who, code)
        if (recipient, who if how == "tell_by_phone" else "") in reached:
            continue
        reached.add((recipient, who if how == "tell_by_phone" else ""))
        draft.notify(recipient, how, None, **its, who=who)


def _values(world: World, incident: Incident) -> dict[str, str]:
    """Return what whoever is told may know: the area and the task."""
    values = {"incident": incident.id, "type": incident.type, "level": str(incident.level)}
    station = station_of(world, incident)
    if station is not None:
        values["station"] = station
    if incident.exercise:
        values["exercise"] = "yes"
    return values


def recipient_and_code(world: World, incident: Incident, who: str, code: NoticeCode) -> tuple[RecipientId, NoticeCode]:
    """Return the mailbox of somebody who is told, and the code that they are told by.

    Whoever is outside the police and has no mailbox is told by telephone, and the desk is told to do so; so is a
    station where there is none.
    """
    if who == STATION:
        station = station_of(world, incident)
        return (DESK, "tell_by_phone") if station is None else (RecipientId(station), code)
    informed = world.city.run_cards.words.told.get(who)
    if informed is not None and informed.external and not informed.mailbox:
        return DESK, "tell_by_phone"
    return mailbox_of(who), code


def station_of(world: World, incident: Incident) -> StationId | None:
    """Return the station that a place belongs to: by its area, else the nearest by road to the next crossing."""
    found = world.city.responsible(incident.lon, incident.lat)
    if found is not None and found in world.state.stations:
        return found
    return nearest_station(world, incident.lon, incident.lat)


def nearest_station(world: World, lon: float, lat: float) -> StationId | None:
    """Return the station that is nearest to a place by road, to the next crossing."""
    if not world.stations:
        return None
    try:
        spot = world.place(lon, lat)
    except OffRoad:  # a new road network does not reach it any more
        return None
    network = world.city.network
    node = network.arc_head[spot.arc] if spot.fraction >= 0.5 else network.arc_tail[spot.arc]
    row = int(world.first_station[node])
    return None if row < 0 else world.stations[row].id
