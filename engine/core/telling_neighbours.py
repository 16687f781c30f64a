"""A neighbour city is told once that whoever is pursued may come its way; what is told is amended, then taken back.

A notice goes into the mailbox that the city names for its neighbour, for an integration to pass on. It has a number of
its own (``notice``) and a ``version``: a newer sighting amends it under the next version. It is over when the subject
is shut in or can reach that neighbour no more, and when the pursuit ends, however it ends. It holds codes and values:
the lookout's reference, by which the two rooms speak of the subject, and no name.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.core.draft import Draft
from engine.core.world import World
from engine.model.ids import IncidentId
from engine.model.lookouts import Sighting
from engine.model.notices import NoticeCode
from engine.model.pursuits import Leaving

SHUT_IN, OUT_OF_REACH = "shut_in", "out_of_reach"
_STAYING = frozenset(("notice", "incident", "neighbour", "lookout", "reference", "exercise"))
"""What a notice says of what it takes back."""
UNKNOWN = "–"
"""For a heading that nobody has seen."""


def tell_neighbours(
    world: World, draft: Draft, incident: IncidentId, leaving: Sequence[Leaving], *, sealed: bool
) -> None:
    """Tell each neighbour that a subject can reach, and take back what was told those whom he cannot."""
    told = world.state.kept.neighbours_told
    reached = {_number(incident, its): its for its in leaving}
    for number, its in reached.items():
        _tell(world, draft, incident, number, its)
    why = SHUT_IN if sealed else OUT_OF_REACH
    for number, before in list(told.items()):
        if before.incident == incident and before.stands and number not in reached:
            _take_back(world, draft, number, why)


def stand_neighbours_down(world: World, draft: Draft) -> None:
    """Take back what neighbours were told of pursuits that have ended; asked after every command."""
    state = world.state
    for number, before in list(state.kept.neighbours_told.items()):
        if before.incident not in state.pursuits:
            incident = state.incidents.get(before.incident)
            _take_back(world, draft, number, "over" if incident is None else incident.state)


def _tell(world: World, draft: Draft, incident: IncidentId, number: str, its: Leaving) -> None:
    """Say what is new: nothing where the same sighting has led to the same exit before."""
    state = world.state
    name = state.pursuits[incident].sighting
    if name is None:
        return
    seen, before = state.sightings[name], state.kept.neighbours_told.get(number)
    if before is not None and before.stands and (before.values["sighting"], before.values["exit"]) == (name, its.exit):
        return
    version = 1 if before is None else int(before.values["version"]) + 1
    code: NoticeCode = "neighbour_amended" if before is not None and before.stands else "neighbour_warned"
    values = {"notice": number, "version": str(version), **_values(world, incident, seen, its)}
    draft.notify(its.mailbox, code, None, **values)


def _values(world: World, incident_id: IncidentId, seen: Sighting, its: Leaving) -> dict[str, str]:
    incident = world.state.incidents[incident_id]
    assert incident.lookout is not None
    values = {
        "incident": incident.id,
        "neighbour": its.neighbour,
        "lookout": incident.lookout,
        "reference": world.state.lookouts[incident.lookout].terms.reference,
        "sighting": seen.id,
        "exit": its.exit,
        "exit_zh": its.exit_zh,
        "lon": f"{its.lon:.5f}",
        "lat": f"{its.lat:.5f}",
        "earliest": datetime.fromtimestamp(its.at // 1000, ZoneInfo(world.city.time_zone)).isoformat(),
        "heading": UNKNOWN if seen.heading_deg is None else f"{seen.heading_deg:.0f}",
        "mode": seen.mode,
    }
    return values | ({"exercise": "yes"} if incident.exercise else {})


def _take_back(world: World, draft: Draft, number: str, why: str) -> None:
    before = world.state.kept.neighbours_told[number]
    kept = {name: value for name, value in before.values.items() if name in _STAYING}
    version = str(int(before.values["version"]) + 1)
    draft.notify(before.recipient, "neighbour_over", None, **kept, version=version, why=why)


def _number(incident: IncidentId, its: Leaving) -> str:
    return f"{incident}/{its.neighbour}"
