"""What the passing of time does: clocks that ran out are stated, and what is to be done about them is begun."""

from engine.core.broadcasting import mail_more
from engine.core.deadline_keys import LEAVE, MAIL, RULE_END, SHIFT, UNTIL, VERIFY, owner_and_clock
from engine.core.draft import Draft
from engine.core.escalating import run_out
from engine.core.lookouts import expire_lookout
from engine.core.shifts import change_shift
from engine.core.sightings import pass_sighting_on
from engine.core.steps import pass_on
from engine.core.streets import end_speed_rule
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import Tick
from engine.model.ids import BroadcastId, LookoutId, RuleId, SightingId, StepId

DEPARTED_MS = 5_000
"""From here on the wall clock and the core's time are said to disagree."""
LOOK_AGAIN_MS = 10_000
"""What waits is looked at again at least so often while time is told: positions grow fresh without an event."""


def tick(world: World, draft: Draft, command: Tick) -> None:
    """Do what every deadline that is over is for, soonest first."""
    deadlines = world.state.deadlines
    while due := deadlines.due(draft.now):
        for key, due_at in due:
            if deadlines.at(key) == due_at:  # else one that came before it has ended it
                _meet(world, draft, key, due_at)
    if command.wall_at is not None:
        _compare_clocks(world, draft, command.wall_at)
    if draft.now - world.looked_at >= LOOK_AGAIN_MS:
        world.looked_at = draft.now
        world.state.freed = True


def _meet(world: World, draft: Draft, key: str, due_at: int) -> None:
    """Do what a deadline is for; each is cleared by it or moved into the future."""
    owner, clock = owner_and_clock(key)
    if clock == RULE_END:
        end_speed_rule(draft, RuleId(owner))
    elif clock == SHIFT:
        change_shift(world, draft)
    elif clock == UNTIL:
        expire_lookout(world, draft, LookoutId(owner))
    elif clock == VERIFY:
        pass_sighting_on(world, draft, SightingId(owner), due_at)
    elif clock == MAIL:
        mail_more(world, draft, BroadcastId(owner))
    elif clock == LEAVE:
        pass_on(world, draft, StepId(owner), due_at)
    else:
        run_out(world, draft, owner, clock, due_at)


def _compare_clocks(world: World, draft: Draft, wall_at: int) -> None:
    """State it, once for each further departure, when the wall clock and the core's time disagree."""
    departed_ms = wall_at - draft.now
    if abs(departed_ms - world.state.kept.departed_ms) > DEPARTED_MS:
        draft.emit(e.ClockDeparted(wall_at=wall_at))
        draft.tell_desk("clock_departed", seconds=str(round(departed_ms / 1000)))
