"""What events do to searches: opened, planned, looked at place by place, over.

The part of `apply` that is about them. What a look teaches is not stored: it follows from the looks, see `left`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.core.state import State
from engine.dispatch.search import after_look
from engine.model import events as e
from engine.model import searches as s
from engine.model.ids import IncidentId, number_of

MOST_TRIES = 4
"""Plans asked for about one change; where none held, units are found as for anything else until the next."""


def left(search: s.Search) -> NDArray[np.float64]:
    """Return how probable each place is by now, float64 (n,): 0 where somebody has looked at the door."""
    chance = np.array([place.chance for place in search.places])
    for look in search.looks:
        if not look.found:
            chance = after_look(chance, look.place, 1.0 if look.how == "door" else search.call_sure)
    return chance


def doors_left(search: s.Search) -> list[int]:
    """Return the places whose door nobody has looked at."""
    seen = {look.place for look in search.looks if look.how == "door"}
    return [number for number in range(len(search.places)) if number not in seen]


def calls_left(search: s.Search) -> list[int]:
    """Return the places that are still to be called, in the order of the newest plan."""
    seen = {look.place for look in search.looks}
    planned = () if search.proposal is None else search.proposal.calls
    return [number for number in planned if number not in seen]


def is_led(state: State, incident: IncidentId) -> bool:
    """Tell whether a plan of all places says who goes for an incident: while it is searched, and plans can be made."""
    its = state.searches.get(incident)
    if its is None or its.state != "open":
        return False
    return its.plan is not None or not its.changed or its.tries < MOST_TRIES


def changed(state: State, incident: IncidentId) -> None:
    """Note that something has happened that no plan of a search knows of."""
    its = state.searches.get(incident)
    if its is not None and its.state == "open":
        state.searches[incident] = msgspec.structs.replace(its, changed=True, tries=0)


def over(state: State, incident: IncidentId) -> None:
    """Note that nobody looks any more: the incident has ended."""
    its = state.searches.get(incident)
    if its is not None:
        state.searches[incident] = msgspec.structs.replace(its, plan=None, changed=False)


def _opened(state: State, _: e.Event, body: s.SearchOpened) -> None:
    same = {name: getattr(body, name) for name in body.__struct_fields__ if name != "incident"}
    state.searches[body.incident] = s.Search(**same)


def _requested(state: State, _: e.Event, body: s.SearchRequested) -> None:
    state.kept.counts["plan"] = number_of(body.plan)
    its = state.searches[body.incident]
    state.searches[body.incident] = msgspec.structs.replace(its, plan=body.plan, changed=False, tries=its.tries + 1)


def _planned(state: State, _: e.Event, body: s.SearchPlanned) -> None:
    its = state.searches[body.incident]
    if body.outcome != "held":
        its = msgspec.structs.replace(its, plan=None, changed=True)
    else:
        its = msgspec.structs.replace(its, plan=None, proposal=body.proposal)
    state.searches[body.incident] = its


def _looks_changed(state: State, event: e.Event, body: s.LooksChanged) -> None:
    order = state.orders[body.order]
    # An order's ETA is counted from when it was proposed, amended or not.
    eta_ms = None if body.eta_ms is None else event.at - order.proposed_at + body.eta_ms
    state.orders[order.id] = msgspec.structs.replace(
        order, version=body.version, lon=body.lon, lat=body.lat, eta_ms=eta_ms, route=body.route
    )
    state.order_looks[order.id] = body.places


def _place_looked(state: State, event: e.Event, body: s.PlaceLooked) -> None:
    state.kept.keys[body.key] = event.at
    its = state.searches[body.incident]
    look = s.Looked(
        place=body.place,
        how=body.how,
        found=body.found,
        at=event.at if body.said_at is None else body.said_at,
        by=event.actor,
        order=body.order,
    )
    its = msgspec.structs.replace(its, looks=(*its.looks, look), changed=True, tries=0)
    if body.found:
        its = msgspec.structs.replace(its, state="found", plan=None, changed=False)
        incident, place = state.incidents[body.incident], its.places[body.place]
        state.incidents[incident.id] = msgspec.structs.replace(incident, lon=place.lon, lat=place.lat)
        state.freed = True  # what waits for somebody waits at this place now, like anything else
    state.searches[body.incident] = its


def _exhausted(state: State, _: e.Event, body: s.SearchExhausted) -> None:
    its = state.searches[body.incident]
    state.searches[body.incident] = msgspec.structs.replace(its, state="exhausted", plan=None, changed=False)


APPLY: Mapping[type, Callable[[State, e.Event, Any], None]] = {
    s.SearchOpened: _opened,
    s.SearchRequested: _requested,
    s.SearchPlanned: _planned,
    s.LooksChanged: _looks_changed,
    s.PlaceLooked: _place_looked,
    s.SearchExhausted: _exhausted,
}
