"""Every message of a client, typed once; the server's are in `engine.wire.server_messages`. Both sides use these alone.

Here are those of a connection and of a unit, and the union of all. What is said of orders is in
`engine.wire.order_messages`; what is reported, and what a desk says of that, in `engine.wire.reports`; the bounds of
fields in `engine.wire.fields`. ``message`` is the tag. Unknown fields are passed over: a newer client may say more.
"""

from typing import Annotated

import msgspec

from engine.model.entities import PositionFix
from engine.model.ids import UnitId
from engine.model.lifecycle import UnitStatus
from engine.wire.fields import Count, Id, Instant, Lat, Lon, Message, Word
from engine.wire.limits import LONGEST_TOKEN, MOST_FIXES
from engine.wire.order_messages import (
    AnswerOrder,
    AskHelp,
    AskLeave,
    AssignUnits,
    Look,
    OfOrder,
    ReturnOrder,
    StateFacts,
    Welfare,
)
from engine.wire.reports import ReportAlert, ReportSighting, SettleSighting, VerifySighting


class Hello(Message, frozen=True, tag="hello"):
    """The first message of a connection. Role and recipient come from the token, never from here.

    ``log_id`` and ``applied_seq`` say what the client has already applied, so that only the rest is sent. ``emergency``
    says that a call for help follows: a device is let in for that alone where its token has run out.
    """

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TOKEN)]
    device: Word = ""
    log_id: Word | None = None
    applied_seq: Count | None = None
    emergency: bool = False


class Fix(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a unit is; a terminal leaves ``unit`` empty and means itself."""

    lon: Lon
    lat: Lat
    at: Instant
    unit: Word = ""
    speed_mps: Annotated[float, msgspec.Meta(ge=0.0, le=150.0)] | None = None
    heading_deg: Annotated[float, msgspec.Meta(ge=0.0, le=360.0)] | None = None
    accuracy_m: Annotated[float, msgspec.Meta(ge=0.0, le=100_000.0)] | None = None

    def position(self, unit: str) -> PositionFix:
        """Return it as the engine's own type, said by or for ``unit``."""
        return PositionFix(UnitId(unit), self.lon, self.lat, self.at, self.speed_mps, self.heading_deg, self.accuracy_m)


class Positions(Message, frozen=True, tag="positions"):
    """Where units are. Not answered unless refused; a newer fix of a unit replaces an older one."""

    fixes: Annotated[tuple[Fix, ...], msgspec.Meta(min_length=1, max_length=MOST_FIXES)]


class Emergency(Message, frozen=True, tag="emergency"):
    """Somebody of a unit calls for help. Nothing goes before it, and no limit of rate holds it back.

    Without a place, or with one that is none, it is where the unit was last. A unit's own terminal leaves ``unit`` out.
    """

    key: Id
    lon: float | None = None
    lat: float | None = None
    order: Word = ""
    unit: Word = ""
    said_at: Instant | None = None


class Status(Message, frozen=True, tag="status"):
    """What a unit is doing, outside any order, and why; a dispatcher says so of a unit that was heard by radio."""

    key: Id
    status: UnitStatus
    unit: Word = ""
    reason: Word = ""
    said_at: Instant | None = None


class Read(Message, frozen=True, tag="read"):
    """Somebody here has read a broadcast."""

    key: Id
    broadcast: Id


class Ack(Message, frozen=True, tag="ack"):
    """The device has applied everything up to and including ``seq``. Not answered."""

    seq: Count


class Clock(Message, frozen=True, tag="clock"):
    """A driver in lockstep sets a virtual clock. Taken only where the server runs on one."""

    key: Id
    now: Instant


class Heartbeat(Message, frozen=True, tag="heartbeat"):
    """Still here. Both sides send it when they have nothing else to say."""


ClientMessage = (
    Hello
    | Emergency
    | Positions
    | Status
    | Welfare
    | StateFacts
    | AskLeave
    | Read
    | OfOrder
    | Ack
    | ReportAlert
    | Look
    | ReportSighting
    | VerifySighting
    | SettleSighting
    | Clock
    | Heartbeat
)


def reference(message: ClientMessage) -> str:
    """Return the key or reference by which a message's answer names it; empty where it is not answered."""
    match message:
        case Emergency() | Status() | Welfare() | StateFacts() | AskLeave() | Read() | Clock():
            return message.key
        case AnswerOrder() | AssignUnits() | AskHelp() | ReturnOrder() | Look() | VerifySighting() | SettleSighting():
            return message.key
        case ReportAlert(source_ref=source_ref) | ReportSighting(source_ref=source_ref):
            return source_ref
        case _:
            return ""
