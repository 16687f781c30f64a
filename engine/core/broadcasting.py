"""One text to many. Who gets it is decided once; then it is mailed to so many at a time, so that nothing waits for it.

How far it has come follows from the journal: a restart goes on with the next mailbox, and none has it twice.
"""

import numpy as np
from numpy.typing import ArrayLike

from engine.core.draft import Draft
from engine.core.orders import check_key
from engine.core.world import World
from engine.model.broadcasts import BroadcastRead, BroadcastSent, ReadBroadcast, SendBroadcast
from engine.model.entities import Details
from engine.model.errors import Refusal
from engine.model.ids import BroadcastId, RecipientId
from engine.model.lifecycle import UnitStatus
from engine.model.limits import LONGEST_TEXT, MOST_RECIPIENTS

AT_A_TIME = 50
"""Mailboxes that a broadcast is put into in one go."""


def send_broadcast(world: World, draft: Draft, command: SendBroadcast) -> None:
    """Let a text go to many; the same key again changes nothing.

    Raises
    ------
    Refusal
        ``missing`` without a text; ``unknown_capability``, ``unknown_area``; ``nobody`` where nobody would get it;
        ``too_many``.
    """
    check_key(command.key)
    if command.key in world.state.kept.keys:
        return
    if not command.text.strip():
        raise Refusal("missing", "text", command.text, "what they are told")
    if len(command.text) > LONGEST_TEXT:
        raise Refusal("too_long", "text", command.text, f"{LONGEST_TEXT} characters")
    known = world.city.run_cards.capabilities
    if command.capability and command.capability not in known:
        raise Refusal("unknown_capability", "capability", command.capability, ", ".join(known))
    if command.area and command.area not in (areas := _areas(world)):
        raise Refusal("unknown_area", "area", command.area, ", ".join(sorted(areas)) or "a city with areas")
    recipients = _recipients(world, command)
    if not recipients:
        raise Refusal("nobody", "to", command.to, "at least one recipient on duty")
    if len(recipients) > MOST_RECIPIENTS:
        raise Refusal("too_many", "to", len(recipients), f"{MOST_RECIPIENTS} recipients: narrow it down")
    broadcast = BroadcastId(draft.mint("broadcast"))
    draft.emit(
        BroadcastSent(
            id=broadcast,
            key=command.key,
            to=command.to,
            recipients=recipients,
            area=command.area,
            capability=command.capability,
        ),
        personal=Details(text=command.text),
    )
    mail_more(world, draft, broadcast)


def mail_more(world: World, draft: Draft, broadcast: BroadcastId) -> None:
    """Put a broadcast into the next mailboxes."""
    its = world.state.broadcasts[broadcast]
    begin = len(its.mailed)
    for recipient in its.recipients[begin : begin + AT_A_TIME]:
        draft.notify(recipient, "broadcast", None, broadcast=broadcast, by=its.by)


def read_broadcast(world: World, draft: Draft, command: ReadBroadcast) -> None:
    """Note that a recipient has read a broadcast that stands in its mailbox; again changes nothing."""
    its = world.state.broadcasts.get(command.broadcast)
    if its is None or command.recipient not in its.mailed:
        raise Refusal("unknown_broadcast", "broadcast", command.broadcast, "one in this mailbox that is kept")
    if command.recipient not in its.read:
        draft.emit(BroadcastRead(id=its.id, recipient=command.recipient))


def _recipients(world: World, command: SendBroadcast) -> tuple[RecipientId, ...]:
    state, fleet = world.state, world.fleet
    stations = list(state.stations.values())
    units = [
        unit
        for unit in state.units.values()
        if state.unit_status[unit.id] is not UnitStatus.OFF_DUTY
        and (not command.capability or command.capability in unit.capabilities)
        and unit.id in fleet
    ]
    if command.area:
        rows = [fleet.index(unit.id) for unit in units]
        found = _inside(world, command.area, fleet.lon[rows], fleet.lat[rows])
        units = [units[place] for place in found]
        found = _inside(world, command.area, [its.lon for its in stations], [its.lat for its in stations])
        own = {its.station for its in world.city.jurisdictions if its.area == command.area}
        stations = [its for place, its in enumerate(stations) if place in found or its.id in own]
    told = [RecipientId(its.id) for its in stations]
    if command.to == "stations":
        return tuple(told)
    sent = [RecipientId(its.id) for its in units]
    # Who asks for a capability means units: a station is no unit.
    return tuple(sent) if command.to == "units" or command.capability else (*told, *sent)


def _areas(world: World) -> set[str]:
    return {area.area for area in world.city.jurisdictions} | {area.area for area in world.city.zones}


def _inside(world: World, area: str, lons: ArrayLike, lats: ArrayLike) -> set[int]:
    """Return which of several places lie in an area."""
    city, found = world.city, set[int]()
    for areas in (*([city.station_areas] if city.jurisdictions else ()), *([city.zone_areas] if city.zones else ())):
        wanted = [number for number, its in enumerate(areas.areas) if its.id == area]
        places, which = areas.at_many(lons, lats)
        found.update(places[np.isin(which, wanted)].tolist())
    return found
