"""What can name a person is read for a reason: the record says who read it and why before it is handed out."""

from engine.core.draft import Draft
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import ReadDetails
from engine.model.entities import Details
from engine.model.errors import Refusal
from engine.model.limits import LONGEST_ADDRESS


def read_details(world: World, draft: Draft, command: ReadDetails) -> None:
    """Put on record that somebody reads what names people in an incident.

    The reason may name somebody, too: it is kept under the key of what was read, and goes with it.
    """
    incident = world.state.incidents.get(command.incident)
    if incident is None:
        kept = "an incident that is open or ended a while ago"
        raise Refusal("unknown_incident", "incident", command.incident, kept)
    if not command.reason.strip():
        raise Refusal("missing", "reason", command.reason, "why it is read")
    if len(command.reason) > LONGEST_ADDRESS:
        raise Refusal("too_long", "reason", command.reason, f"{LONGEST_ADDRESS} characters")
    alert = next((alert for alert in incident.alerts if alert in world.state.details), incident.alerts[0])
    draft.emit(
        e.DetailsRead(incident=incident.id, alert=alert, role=command.role), personal=Details(text=command.reason)
    )
