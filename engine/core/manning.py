"""What events do to who is on duty: units come on duty and go off it with their shifts, crews take units over.

The part of `apply` that is about shifts. A unit that an order holds ends that first, with the crew that has it; what
the roster wants of it waits until then. Nobody who has said that they are off duty, or that the car is out of service,
is made available before others take over.
"""

from engine.core.deadline_keys import ROSTER, SHIFT, deadline_key
from engine.core.state import State
from engine.model import events as e
from engine.model.entities import Crew
from engine.model.ids import UnitId
from engine.model.lifecycle import UnitStatus

_CARRIES_ON = frozenset((UnitStatus.OUT_OF_SERVICE,))
"""What a change of the shift does not change."""


def shift_changed(state: State, _event: e.Event, body: e.ShiftChanged) -> None:
    """Let crews take over, each at once or when its unit's order has ended."""
    kept = state.kept
    for unit, crew in sorted(body.crews.items()):
        if unit in kept.claims:
            kept.crews_due[unit] = crew
        else:
            _take_over(state, unit, crew)
    for unit in body.unlisted:
        off = unit in kept.crews and not kept.crews[unit].people
        kept.crews.pop(unit, None)
        kept.crews_due.pop(unit, None)
        if off and kept.unit_status[unit] is UnitStatus.OFF_DUTY and unit in kept.units and kept.units[unit].on_duty:
            kept.unit_status[unit] = UnitStatus.AVAILABLE
    state.freed = True
    if body.next_at is None:
        state.deadlines.clear(deadline_key(ROSTER, SHIFT))
    else:
        state.deadlines.set(deadline_key(ROSTER, SHIFT), body.next_at)


def order_ended(state: State, unit: UnitId) -> None:
    """Let whoever has waited for a unit take it over; who is off duty by the roster is so again."""
    kept = state.kept
    crew = kept.crews_due.pop(unit, kept.crews.get(unit))
    if crew is not None:
        _take_over(state, unit, crew)


def _take_over(state: State, unit: UnitId, crew: Crew) -> None:
    kept = state.kept
    before = kept.crews.get(unit)
    kept.crews[unit] = crew
    was = kept.unit_status.get(unit, UnitStatus.OFF_DUTY)
    if was in _CARRIES_ON:
        return
    others = before is None or not set(before.officers) & set(crew.officers)
    if not crew.people:
        kept.unit_status[unit] = UnitStatus.OFF_DUTY
    elif was is UnitStatus.OFF_DUTY and others:
        kept.unit_status[unit] = UnitStatus.AVAILABLE
