"""What can name a person is read for a reason: the record says who read it and why before it is handed out."""

from engine.core.draft import Draft
from engine.core.state import State
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import ReadDetails
from engine.model.entities import Details
from engine.model.errors import Refusal
from engine.model.ids import IncidentId, LookoutId, OrderId, SightingId
from engine.model.limits import LONGEST_ADDRESS


def read_details(world: World, draft: Draft, command: ReadDetails) -> None:
    """Put on record that somebody reads what names people in an incident, a lookout or a sighting.

    The reason may name somebody, too: it is kept under the key of what was read, and goes with it.
    """
    key = _key_of(world.state, command)
    if key is None:
        code, kept = f"unknown_{command.what}", f"the id of one that is kept, of kind {command.what}"
        raise Refusal(code, command.what, command.id, kept)
    if not command.reason.strip():
        raise Refusal("missing", "reason", command.reason, "why it is read")
    if len(command.reason) > LONGEST_ADDRESS:
        raise Refusal("too_long", "reason", command.reason, f"{LONGEST_ADDRESS} characters")
    said = e.DetailsRead(what=command.what, id=command.id, key=key, role=command.role)
    draft.emit(said, personal=Details(text=command.reason))


def _key_of(state: State, command: ReadDetails) -> str | None:
    """Return whose key guards what is read; None when there is no such thing."""
    match command.what:
        case "lookout":
            return command.id if LookoutId(command.id) in state.lookouts else None
        case "photo":
            order = OrderId(command.id.partition("/")[0])
            return order if command.is_of_record or order in state.orders else None
        case "sighting":
            return command.id if SightingId(command.id) in state.sightings else None
    incident = state.incidents.get(IncidentId(command.id))
    if incident is None:
        return None
    if incident.lookout is not None:
        return incident.lookout
    return next((alert for alert in incident.alerts if alert in state.details), incident.alerts[0])
