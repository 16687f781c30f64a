"""Who is on duty now: the roster asked at an instant, and what is another than it was."""

from collections.abc import Mapping

from engine.core.draft import Draft
from engine.core.world import World
from engine.model import events as e
from engine.model.entities import Crew
from engine.model.ids import UnitId

OFF_DUTY = Crew()
"""The crew of a unit that the roster has off duty."""


def change_shift(world: World, draft: Draft) -> None:
    """State who is on duty from now on, and when to look again; a city without a roster has nothing to state."""
    roster, kept = world.city.roster, world.state.kept
    if roster is None and not kept.crews:
        return
    there: Mapping[UnitId, Crew] = roster.crews(draft.now) if roster is not None else {}
    listed = {unit: there.get(unit, OFF_DUTY) for unit in _listed(world)}
    crews = {unit: crew for unit, crew in listed.items() if kept.crews_due.get(unit, kept.crews.get(unit)) != crew}
    next_at = roster.next_change(draft.now) if roster is not None else None
    unlisted = tuple(sorted(kept.crews.keys() - listed.keys()))
    draft.emit(e.ShiftChanged(crews=crews, unlisted=unlisted, next_at=next_at))


def _listed(world: World) -> list[UnitId]:
    """Return the city's units that the roster knows, in order."""
    roster = world.city.roster
    return sorted(roster.units & world.state.units.keys()) if roster is not None else []
