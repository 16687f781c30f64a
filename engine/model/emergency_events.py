"""Events about the safety of who is sent, calls for help and asking after them: part of `engine.model.events.Body`."""

from typing import Literal

import msgspec

from engine.model.commands import Via
from engine.model.ids import AlertId, IncidentId, OrderId, UnitId


class _Body(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", omit_defaults=True):
    pass


class WelfareSet(_Body, frozen=True, gc=False, tag="welfare_set"):
    """A unit is asked whether it is well so often from here on, while it is on the scene of an order."""

    order: OrderId
    every_ms: int
    key: str
    via: Via = "terminal"


class EmergencyRaised(_Body, frozen=True, gc=False, tag="emergency_raised"):
    """A unit called for help; ``incident`` is about it. The unit is sent nowhere until a person ends it."""

    unit: UnitId
    alert: AlertId
    incident: IncidentId
    key: str
    order: OrderId | None = None
    via: Via | Literal["core"] = "terminal"
    said_at: int | None = None


class EmergencyRepeated(_Body, frozen=True, gc=False, tag="emergency_repeated"):
    """A unit called for help again while its emergency stands."""

    unit: UnitId
    key: str
    via: Via | Literal["core"] = "terminal"
    said_at: int | None = None


class EmergencyEnded(_Body, frozen=True, gc=False, tag="emergency_ended"):
    """A person ended an emergency; why is the event's personal part."""

    unit: UnitId
    alert: AlertId
    incident: IncidentId
    false_alarm: bool = False
