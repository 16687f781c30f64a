"""What the field says over HTTP and hears there: calls for help."""

from typing import Annotated, Literal

import msgspec

from engine.model.entities import Emergency
from engine.model.limits import LONGEST_TEXT
from engine.service.bodies import PlainBody
from engine.wire.messages import Id, Instant, Word


class EmergencyIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """That a unit calls for help; a terminal leaves ``unit`` out. ``key`` makes it safe to send again.

    Without a place, or with one that is none, it is where the unit was last.
    """

    key: Id
    unit: Word = ""
    lon: float | None = None
    lat: float | None = None
    order: Word = ""
    via: Literal["radio", "desk"] = "radio"
    said_at: Instant | None = None


class EndEmergencyIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """Why a unit needs no more help; a false alarm calls off who goes there."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]
    false_alarm: bool = False


class EmergencyList(PlainBody, frozen=True):
    """Units that have called for help and whose emergency no person has ended."""

    emergencies: tuple[Emergency, ...]
