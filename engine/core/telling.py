"""Who is told of an incident, and where: the station of the place, offices with a mailbox, others by telephone."""

from engine.core.steps import mailbox_of
from engine.core.world import World
from engine.model.entities import Incident
from engine.model.ids import DESK, RecipientId, StationId
from engine.model.notices import NoticeCode
from geo_data.snapping import OffRoad

STATION = "station"
"""Who is told by this id is the station of the place."""


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
