"""What mail does to what neighbour cities were told: the newest stands; of a pursuit that has ended nothing is kept.

The part of `apply` that is about neighbours.
"""

from engine.core.state import NeighbourTold, State
from engine.model.entities import Incident
from engine.model.events import Mailed
from engine.model.ids import IncidentId

CODES = frozenset(("neighbour_warned", "neighbour_amended", "neighbour_over"))


def mailed(state: State, body: Mailed) -> None:
    """Note what a neighbour was told."""
    number, incident = body.values["notice"], IncidentId(body.values["incident"])
    stands = body.code != "neighbour_over"
    if not stands and incident not in state.pursuits:
        del state.kept.neighbours_told[number]
        return
    state.kept.neighbours_told[number] = NeighbourTold(
        recipient=body.recipient, incident=incident, values=body.values, stands=stands
    )


def given_up(state: State, incident: Incident) -> None:
    """Forget what was taken back already, now that nobody is after the subject."""
    told = state.kept.neighbours_told
    for number in [number for number, its in told.items() if its.incident == incident.id and not its.stands]:
        del told[number]
