"""Calls for help by a unit: one press is an incident of level 1 at once, further ones are the same, a person ends it.

Nothing that can be doubted stops it: a place that is no place gives way to where the unit was last, an unknown order is
left out, a clock that is wrong is not believed. What goes there, and who is told besides, its run card says.
"""

import math

from engine.core.draft import Draft
from engine.core.orders import check_key
from engine.core.reporting import end_incident, open_incident
from engine.core.steps import mailbox_of
from engine.core.world import World
from engine.model.commands import EndEmergency, EndIncident, PressEmergency
from engine.model.emergency_events import EmergencyEnded, EmergencyRaised, EmergencyRepeated
from engine.model.entities import Alert, Details
from engine.model.errors import Refusal
from engine.model.ids import DESK, OrderId, RecipientId, UnitId
from engine.model.lifecycle import ENDED_INCIDENTS, INCIDENT, IncidentState
from engine.model.limits import LEVELS, LONGEST_TEXT
from engine.model.notices import NoticeCode
from geo_data.snapping import OffRoad

COMMANDER = "commander"
"""Who is told of an emergency besides the desk, whatever the cards say."""


def press_emergency(world: World, draft: Draft, command: PressEmergency) -> None:
    """Open an incident for a unit that calls for help; while its emergency stands, only note that it called again."""
    check_key(command.key)
    state = world.state
    if command.key in state.kept.keys:
        return
    if command.unit not in state.units:
        raise Refusal("unknown_unit", "unit", command.unit, "a unit of this city")
    said_at = _said_at(draft, command)
    if _is_attended_to(world, command.unit):
        draft.emit(EmergencyRepeated(unit=command.unit, key=command.key, via=command.via, said_at=said_at))
        return
    lon, lat = _place(world, command)
    alert = Alert(
        source=command.unit,
        source_ref=f"emergency-{state.seq + 1}",
        type=world.city.policies.emergency_type,
        lon=lon,
        lat=lat,
        at=draft.now if said_at is None else said_at,
        level=LEVELS[0],
        details=Details(text=command.text[:LONGEST_TEXT]),
    )
    said = state.orders.get(command.order) if command.order is not None else None
    is_theirs = said is not None and said.recipient == RecipientId(command.unit)
    order = command.order if is_theirs else state.claims.get(command.unit)
    incident, alert_id = open_incident(world, draft, alert, but=(command.unit,))
    draft.emit(
        EmergencyRaised(
            unit=command.unit,
            alert=alert_id,
            incident=incident,
            key=command.key,
            order=order,
            via=command.via,
            said_at=said_at,
        )
    )
    _tell(draft, "emergency", command.unit, incident, order)


def end_emergency(world: World, draft: Draft, command: EndEmergency) -> None:
    """Let a unit be sent again: a person says that it needs no more help; a false alarm calls off who goes there.

    Raises
    ------
    Refusal
        ``no_emergency`` where none stands; ``missing`` without a reason.
    """
    its = world.state.emergencies.get(command.unit)
    if its is None:
        raise Refusal("no_emergency", "unit", command.unit, "a unit whose emergency stands")
    if not command.reason.strip():
        raise Refusal("missing", "reason", command.reason, "why it is over")
    if len(command.reason) > LONGEST_TEXT:
        raise Refusal("too_long", "reason", command.reason, f"{LONGEST_TEXT} characters")
    _end(draft, command.unit, command.reason, false_alarm=command.false_alarm)
    incident = world.state.incidents.get(its.incident)
    if command.false_alarm and incident is not None and IncidentState.INVALID in INCIDENT[incident.state]:
        invalid = EndIncident(actor=command.actor, incident=its.incident, state="invalid", reason="false_alarm")
        end_incident(world, draft, invalid)


def _is_attended_to(world: World, unit: UnitId) -> bool:
    """Tell whether an emergency of a unit stands about which something is still done; else it calls anew."""
    its = world.state.emergencies.get(unit)
    incident = None if its is None else world.state.incidents.get(its.incident)
    return incident is not None and incident.state not in ENDED_INCIDENTS


def _end(draft: Draft, unit: UnitId, reason: str, *, false_alarm: bool) -> None:
    its = draft.state.emergencies[unit]
    over = EmergencyEnded(unit=unit, alert=its.alert, incident=its.incident, false_alarm=false_alarm)
    draft.emit(over, personal=Details(text=reason))
    _tell(draft, "emergency_over", unit, its.incident, its.order)
    # Whoever pressed it must know that nobody comes for it any more.
    draft.notify(RecipientId(unit), "emergency_over", its.order, unit=unit, incident=its.incident)


def _tell(draft: Draft, code: NoticeCode, unit: UnitId, incident: str, order: OrderId | None) -> None:
    for recipient in (DESK, mailbox_of(COMMANDER)):
        draft.notify(recipient, code, order, unit=unit, incident=incident)


def _said_at(draft: Draft, command: PressEmergency) -> int | None:
    """Return when it was pressed, where that can be: a device's clock is not believed about what is to come."""
    return None if command.said_at is None or command.said_at > draft.now else max(0, command.said_at)


def _place(world: World, command: PressEmergency) -> tuple[float, float]:
    """Return where help is wanted: as the unit says, where it was last, where it begins; best is one on a road."""
    places: list[tuple[float, float]] = []
    if command.lon is not None and command.lat is not None:
        places.append((command.lon, command.lat))
    fleet = world.fleet
    if command.unit in fleet:
        row = fleet.index(command.unit)
        places.append((float(fleet.lon[row]), float(fleet.lat[row])))
    unit = world.state.units[command.unit]
    places.append((unit.lon, unit.lat))
    places = [its for its in places if _is_place(*its)]
    return next((its for its in places if _is_on_road(world, *its)), places[0])


def _is_place(lon: float, lat: float) -> bool:
    return math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180.0 and abs(lat) <= 90.0


def _is_on_road(world: World, lon: float, lat: float) -> bool:
    try:
        world.place(lon, lat)
    except OffRoad:
        return False
    return True
