"""What events do to the emergencies of units: raised, repeated, ended. The part of `apply` that is about them."""

import msgspec

from engine.core.state import State
from engine.model import events as e
from engine.model.emergency_events import EmergencyEnded, EmergencyRaised, EmergencyRepeated
from engine.model.entities import Emergency


def raised(state: State, event: e.Event, body: EmergencyRaised) -> None:
    """Mark a unit that has called for help: it is sent nowhere."""
    state.kept.keys[body.key] = event.at
    state.emergencies[body.unit] = Emergency(
        unit=body.unit,
        alert=body.alert,
        incident=body.incident,
        by=event.actor,
        at=event.at,
        pressed_at=event.at,
        order=body.order,
    )


def repeated(state: State, event: e.Event, body: EmergencyRepeated) -> None:
    """Count a call of a unit that has called already."""
    state.kept.keys[body.key] = event.at
    its = state.emergencies[body.unit]
    state.emergencies[body.unit] = msgspec.structs.replace(its, presses=its.presses + 1, pressed_at=event.at)


def ended(state: State, _: e.Event, body: EmergencyEnded) -> None:
    """Let a unit be sent again, where nothing else holds it."""
    del state.emergencies[body.unit]
    state.freed = True
