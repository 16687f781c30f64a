"""What the passing of time does: clocks that ran out are stated, and the desk is told to use the radio."""

from engine.core.deadline_keys import LEAVE, RULE_END, owner_and_clock
from engine.core.draft import Draft
from engine.core.steps import pass_on
from engine.core.streets import end_speed_rule
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import Tick
from engine.model.ids import OrderId, RuleId, StepId
from engine.supervision import CLOCKS

DEPARTED_MS = 5_000
"""From here on the wall clock and the core's time are said to disagree."""
LOOK_AGAIN_MS = 10_000
"""What waits is looked at again at least so often while time is told: positions grow fresh without an event."""


def tick(world: World, draft: Draft, command: Tick) -> None:
    """State every deadline that is over."""
    for key, due_at in world.state.deadlines.due(draft.now):
        owner, clock = owner_and_clock(key)
        if clock == RULE_END:
            end_speed_rule(draft, RuleId(owner))
            continue
        if clock == LEAVE:
            pass_on(world, draft, StepId(owner), due_at)
            continue
        order = world.state.orders[OrderId(owner)]
        draft.emit(e.DeadlineMissed(clock=clock, order=order.id, due_at=due_at))
        draft.tell_desk(CLOCKS[clock].notice, order=order.id, incident=order.incident, recipient=order.recipient)
    if command.wall_at is not None:
        _compare_clocks(world, draft, command.wall_at)
    if draft.now - world.looked_at >= LOOK_AGAIN_MS:
        world.looked_at = draft.now
        world.state.freed = True


def _compare_clocks(world: World, draft: Draft, wall_at: int) -> None:
    """State it, once for each further departure, when the wall clock and the core's time disagree."""
    departed_ms = wall_at - draft.now
    if abs(departed_ms - world.state.kept.departed_ms) > DEPARTED_MS:
        draft.emit(e.ClockDeparted(wall_at=wall_at))
        draft.tell_desk("clock_departed", seconds=str(round(departed_ms / 1000)))
