"""Leave to hold roads in a pursuit, as its run card has the step ``roadblock``: asked once, for all of the pursuit."""

from engine.core.draft import Draft
from engine.core.steps import ask_leave, line_of
from engine.core.world import World
from engine.model.entities import Step
from engine.model.errors import Refusal
from engine.model.ids import IncidentId
from engine.model.pursuits import Proposal

ROADBLOCK = "roadblock"


def granted(world: World, incident: IncidentId) -> bool:
    """Tell whether roads may be held in this pursuit: nobody need be asked, or somebody has agreed."""
    steps = _asked(world, incident)
    if steps:
        return any(step.outcome == "granted" for step in steps)
    try:
        return not line_of(world, incident, ROADBLOCK)
    except Refusal:  # the run card allows it to nobody
        return False


def is_denied(world: World, incident: IncidentId) -> bool:
    """Tell whether no road may be held in this pursuit: whoever was asked has refused, or the card allows nobody."""
    steps = _asked(world, incident)
    if steps:
        return all(step.outcome == "refused" for step in steps)
    try:
        line_of(world, incident, ROADBLOCK)
    except Refusal:
        return True
    return False


def ask_to_hold(world: World, draft: Draft, incident: IncidentId, proposal: Proposal) -> bool:
    """Tell whether roads may be held in this pursuit; ask for it where nobody was asked yet."""
    if granted(world, incident):
        return True
    if _asked(world, incident):
        return False
    try:
        values = {"verdict": proposal.verdict, "posts": str(len(proposal.posts))}
        return ask_leave(world, draft, ROADBLOCK, incident, values=values)
    except Refusal:  # the run card allows it to nobody
        return False


def _asked(world: World, incident: IncidentId) -> list[Step]:
    return [step for step in world.state.steps_of(incident) if step.step == ROADBLOCK]
