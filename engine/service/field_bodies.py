"""What the field says over HTTP and hears there: calls for help, what units are doing."""

from typing import Annotated, Literal

import msgspec

from engine.core.state import Doing
from engine.model.broadcasts import Audience
from engine.model.entities import Emergency
from engine.model.lifecycle import UnitStatus
from engine.model.limits import LONGEST_TEXT
from engine.model.photos import Photo
from engine.service.bodies import PlainBody
from engine.wire.fields import Id, Instant, Word


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


class UnitStatusIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """What a unit is doing by its word over radio or telephone; ``said_at`` is when, where it is recorded later."""

    key: Id
    status: UnitStatus
    reason: Word = ""
    via: Literal["radio", "desk"] = "radio"
    said_at: Instant | None = None


class UnitBody(PlainBody, frozen=True):
    """A unit: what it is doing and why, on which order, whether it has called for help. Never where it is."""

    unit: str
    name: str
    capabilities: tuple[str, ...]
    status: UnitStatus
    station: str | None = None
    order: str | None = None
    emergency: bool = False
    doing: Doing | None = None


class UnitList(PlainBody, frozen=True):
    """A page of units; ``next`` is the ``after`` of the page that follows."""

    units: tuple[UnitBody, ...]
    next: str | None = None


class BroadcastIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """A text to many: all, the stations or the units; only of an area, only with a capability. ``key`` as ever."""

    key: Id
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]
    to: Audience = "all"
    area: Word = ""
    capability: Word = ""


class Reached(PlainBody, frozen=True):
    """How far a broadcast has come with one recipient: ``waiting``, ``mailed``, ``delivered`` to a device, ``read``."""

    recipient: str
    state: Literal["waiting", "mailed", "delivered", "read"]
    read_at: int | None = None


class BroadcastBody(PlainBody, frozen=True):
    """A broadcast and how many it has reached; ``reached`` names each where one is asked for."""

    id: str
    by: str
    at: int
    to: Audience
    text: str
    counts: dict[str, int]
    area: str = ""
    capability: str = ""
    reached: tuple[Reached, ...] | None = None


class BroadcastList(PlainBody, frozen=True):
    """The newest broadcasts first."""

    broadcasts: tuple[BroadcastBody, ...]


class PhotoList(PlainBody, frozen=True):
    """The photos of an order, oldest first: what is known of each, never the picture."""

    photos: tuple[Photo, ...]
