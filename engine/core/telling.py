"""Who is told of an incident, and where: the station of the place, offices with a mailbox, others by telephone."""

from collections.abc import Sequence

import numpy as np

from engine.core.draft import Draft
from engine.core.steps import mailbox_of
from engine.core.world import World
from engine.dispatch.run_cards import RunCard
from engine.model.entities import Incident
from engine.model.ids import DESK, RecipientId, StationId
from engine.model.lifecycle import OPEN_ORDERS, IncidentState, OrderState
from engine.model.notices import NoticeCode
from geo_data.lengths import distance_m
from geo_data.snapping import OffRoad

NOT_SENT = frozenset((OrderState.PROPOSED, OrderState.APPROVED))
_NONE = frozenset((IncidentState.CANCELLED, IncidentState.INVALID, IncidentState.MERGED))
"""What is no incident of its own, and counts for no series."""
_MOST_NAMED = 10
"""How many others of a series a notice names: the latest."""
STATION = "station"
"""Who is told by this id is the station of the place."""


def tell_opened(world: World, draft: Draft, incident: Incident) -> None:
    """Tell whoever the run card names that an incident has been opened: what and where, and nobody's name."""
    card = world.city.run_cards.cards.get(incident.type)
    if card is not None:
        told = card.at(incident.level, world.city.calendar.period_at(draft.now)).told
        _tell(world, draft, incident, "informed", {}, told)
        _tell_series(world, draft, incident, card)


def _tell_series(world: World, draft: Draft, incident: Incident, card: RunCard) -> None:
    """Tell of an incident that makes a series of those of its kind near in place and time, or that adds to one."""
    if card.series is None:
        return
    cards, since = world.city.run_cards.cards, incident.first_alert_at - card.series.within_s * 1000
    kind = {name for name, one in cards.items() if one.series_of == card.series_of}
    near = [
        its
        for its in world.state.incidents.values()
        if its.type in kind
        and since <= its.first_alert_at <= incident.first_alert_at
        and its.exercise == incident.exercise
        and its.state not in _NONE
    ]
    lon, lat = np.array([its.lon for its in near]), np.array([its.lat for its in near])
    is_near = distance_m(np.full(len(near), incident.lon), np.full(len(near), incident.lat), lon, lat)
    near = [its for its, away_m in zip(near, is_near.tolist(), strict=True) if away_m <= card.series.within_m]
    if len(near) < card.series.count:
        return
    latest = [its.id for its in near if its.id != incident.id][-_MOST_NAMED:]
    values = {"count": str(len(near)), "others": ", ".join(latest)}
    _tell(world, draft, incident, "series", values, card.series.tell)
    draft.tell_desk("series", None, **_values(world, incident), **values)


def tell_level(world: World, draft: Draft, incident: Incident, was: int) -> None:
    """Tell whoever the run card names at the new level, the desk, and all who are on their way or at the scene."""
    values = {"was": str(was)}
    card = world.city.run_cards.cards.get(incident.type)
    if card is not None:  # the city's file may change while an incident is open
        told = card.at(incident.level, world.city.calendar.period_at(draft.now)).told
        _tell(world, draft, incident, "level_changed", values, told)
    draft.tell_desk("level_changed", None, **_values(world, incident), **values)
    for order in [world.state.orders[name] for name in incident.orders]:
        if order.state in OPEN_ORDERS and order.state not in NOT_SENT:
            draft.notify(order.recipient, "level_changed", order.id, **_values(world, incident), **values)


def _tell(
    world: World, draft: Draft, incident: Incident, code: NoticeCode, values: dict[str, str], told: Sequence[str]
) -> None:
    reached = set[tuple[RecipientId, str]]()
    its = _values(world, incident) | values
    for who in told:
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
