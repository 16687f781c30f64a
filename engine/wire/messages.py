"""Every message of a client, typed once; the server's are in `engine.wire.server_messages`. Both sides use these alone.

``message`` is the tag. Bounds stand in the types, so that what is out of bounds is refused while it is read, by
field, value and limit. Unknown fields are passed over: a newer client may say more. Instants are milliseconds since
the epoch, UTC; coordinates WGS-84 degrees.
"""

from typing import Annotated

import msgspec

from engine.model.commands import Answer, Named
from engine.model.entities import Alert, Details, HelpWanted, Need, Place, PlaceWords, PositionFix
from engine.model.ids import DemandId, UnitId
from engine.model.lifecycle import UnitStatus
from engine.model.limits import (
    LEVELS,
    LONGEST_ADDRESS,
    LONGEST_CHECK_MS,
    LONGEST_ID,
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_ASKED,
    MOST_FACTS,
    MOST_NAMED,
    MOST_NEEDS,
    MOST_OFFICERS,
    MOST_PHOTOS,
    MOST_SEARCH_PLACES,
    MOST_UNITS_OF_NEED,
    WELFARE_EVERY_MS,
    WORST_ACCURACY_M,
)
from engine.model.lookouts import Mode, Settlement, SightingReport, Verdict
from engine.wire.limits import LATEST_AT, LONGEST_TOKEN, MOST_FIXES

Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
Word = Annotated[str, msgspec.Meta(max_length=LONGEST_ID)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
Lon = Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)]
Lat = Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]
Level = Annotated[int, msgspec.Meta(ge=LEVELS[0], le=LEVELS[-1])]
Instant = Annotated[int, msgspec.Meta(ge=0, le=LATEST_AT)]
Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Facts = Annotated[tuple[Id, ...], msgspec.Meta(max_length=MOST_FACTS)]


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="message", omit_defaults=True):
    pass


class Hello(_Message, frozen=True, tag="hello"):
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


class Positions(_Message, frozen=True, tag="positions"):
    """Where units are. Not answered unless refused; a newer fix of a unit replaces an older one."""

    fixes: Annotated[tuple[Fix, ...], msgspec.Meta(min_length=1, max_length=MOST_FIXES)]


class Emergency(_Message, frozen=True, tag="emergency"):
    """Somebody of a unit calls for help. Nothing goes before it, and no limit of rate holds it back.

    Without a place, or with one that is none, it is where the unit was last. A unit's own terminal leaves ``unit`` out.
    """

    key: Id
    lon: float | None = None
    lat: float | None = None
    order: Word = ""
    unit: Word = ""
    said_at: Instant | None = None


class Status(_Message, frozen=True, tag="status"):
    """What a unit is doing, outside any order, and why; a dispatcher says so of a unit that was heard by radio."""

    key: Id
    status: UnitStatus
    unit: Word = ""
    reason: Word = ""
    said_at: Instant | None = None


class Welfare(_Message, frozen=True, tag="welfare"):
    """Ask us every ``every_s`` seconds whether we are well, while we are on the scene of this order."""

    key: Id
    order: Id
    version: Count
    every_s: Annotated[int, msgspec.Meta(ge=WELFARE_EVERY_MS[0] // 1_000, le=WELFARE_EVERY_MS[1] // 1_000)]


class StateFacts(_Message, frozen=True, tag="facts"):
    """What somebody has learned of the incident of an order, by the ids of the run cards; it can raise the level."""

    key: Id
    order: Id
    established: Facts = ()
    ruled_out: Facts = ()


class AskLeave(_Message, frozen=True, tag="leave"):
    """Whoever has an order asks for leave for a step of its incident, such as ``firearms``, as run cards name it."""

    key: Id
    order: Id
    step: Word
    reason: Word = ""


class AnswerOrder(_Message, frozen=True, tag="answer"):
    """A recipient answers its order, or a dispatcher records what it heard by radio."""

    key: Id
    order: Id
    version: Count
    answer: Answer
    reason: Word = ""
    text: Text = ""
    said_at: Instant | None = None
    result: Word = ""
    photos: Annotated[tuple[Hash, ...], msgspec.Meta(max_length=MOST_PHOTOS)] = ()


class NamedUnit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit that a station sends; for one demand of its order, or for what it fits. ``officers`` by service number."""

    unit: Id
    demand: Id | None = None
    officers: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MOST_OFFICERS)] = ()

    def plain(self) -> Named:
        """Return it as the engine's own type."""
        return Named(UnitId(self.unit), None if self.demand is None else DemandId(self.demand), self.officers)


class AssignUnits(_Message, frozen=True, tag="assign"):
    """A station names who goes for its order; naming nobody takes whom the engine proposes. It accepts by it, too."""

    key: Id
    order: Id
    version: Count
    units: Annotated[tuple[NamedUnit, ...], msgspec.Meta(max_length=MOST_NAMED)] = ()
    reason: Word = ""
    said_at: Instant | None = None


class AskHelp(_Message, frozen=True, tag="ask"):
    """A recipient asks for ``backup``, more of what it is itself, or for ``support`` by what is ``wanted``.

    That is a capability, an office or equipment, by its id in the run cards.
    """

    key: Id
    order: Id
    version: Count
    what: HelpWanted
    wanted: Word = ""
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_ASKED)] = 1
    text: Text = ""
    said_at: Instant | None = None


class ReturnOrder(_Message, frozen=True, tag="return"):
    """A recipient wants to be rid of an order it has; the order is its own until the next has accepted."""

    key: Id
    order: Id
    version: Count
    reason: Id
    text: Text = ""
    said_at: Instant | None = None


class Read(_Message, frozen=True, tag="read"):
    """Somebody here has read a broadcast."""

    key: Id
    broadcast: Id


class Ack(_Message, frozen=True, tag="ack"):
    """The device has applied everything up to and including ``seq``. Not answered."""

    seq: Count


class PersonalDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of an alert that can name someone."""

    text: Text = ""
    caller: Word = ""
    phone: Word = ""
    address: Annotated[str, msgspec.Meta(max_length=LONGEST_ADDRESS)] = ""

    def plain(self) -> Details:
        """Return it as the engine's own type."""
        return Details(self.text, self.caller, self.phone, self.address)


class NeedOf(msgspec.Struct, frozen=True):
    """So many units of one capability."""

    capability: Id
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_UNITS_OF_NEED)] = 1

    def plain(self) -> Need:
        """Return it as the engine's own type."""
        return Need(self.capability, self.count)


class PlaceOf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somewhere that the subject may be, with how probably; a look takes ``check_s``, or as long as the city says.

    ``name`` and ``phone`` are kept encrypted; with a number it can be called.
    """

    lon: Lon
    lat: Lat
    chance: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
    check_s: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_CHECK_MS // 1_000)] = 0
    name: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] = ""
    phone: Word = ""

    def plain(self) -> Place:
        """Return it as the engine's own type, without what can name someone."""
        return Place(
            lon=self.lon, lat=self.lat, chance=self.chance, check_ms=self.check_s * 1_000, phone=bool(self.phone)
        )


Places = Annotated[tuple[PlaceOf, ...], msgspec.Meta(max_length=MOST_SEARCH_PLACES)]


def with_places(details: Details, places: tuple[PlaceOf, ...]) -> Details:
    """Return what can name someone with what the places of a search are called."""
    return msgspec.structs.replace(details, places=tuple(PlaceWords(its.name, its.phone) for its in places))


class ReportAlert(_Message, frozen=True, tag="alert"):
    """Somebody reports a happening. ``source`` and ``source_ref`` together are its idempotency key.

    With ``on_scene`` a unit's terminal says that it stands there and takes it on: its order begins on the scene.
    """

    source: Id
    source_ref: Id
    type: Id
    lon: Lon
    lat: Lat
    at: Instant
    level: Level | None = None
    needs: Annotated[tuple[NeedOf, ...], msgspec.Meta(max_length=MOST_NEEDS)] | None = None
    details: PersonalDetails = PersonalDetails()
    exercise: bool = False
    on_scene: bool = False
    facts: Facts = ()
    places: Places = ()
    """Where its subject may be, where that is uncertain: units look there in turn."""

    def alert(self) -> Alert:
        """Return it as the engine's own type."""
        return Alert(
            source=self.source,
            source_ref=self.source_ref,
            type=self.type,
            lon=self.lon,
            lat=self.lat,
            at=self.at,
            level=self.level,
            needs=None if self.needs is None else tuple(need.plain() for need in self.needs),
            details=with_places(self.details.plain(), self.places),
            exercise=self.exercise,
            facts=self.facts,
            places=tuple(place.plain() for place in self.places),
        )


class Look(_Message, frozen=True, tag="look"):
    """Whoever has an order of a search has looked at the door of a place, by its number from 1: found, or not here."""

    key: Id
    order: Id
    place: Annotated[int, msgspec.Meta(ge=1, le=MOST_SEARCH_PLACES)]
    found: bool
    text: Text = ""
    said_at: Instant | None = None


class ReportSighting(_Message, frozen=True, tag="sighting"):
    """The subject of a lookout was seen; ``lookout`` is its id or its reference.

    Who the token is for and ``source``, together with ``source_ref``, are its idempotency key.
    """

    source_ref: Id
    lookout: Id
    lon: Lon
    lat: Lat
    at: Instant
    confidence: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    mode: Mode = "foot"
    heading_deg: Annotated[float, msgspec.Meta(ge=0.0, le=360.0)] | None = None
    accuracy_m: Annotated[float, msgspec.Meta(ge=0.0, le=WORST_ACCURACY_M)] = 50.0
    source: Word = ""
    text: Text = ""

    def sighting(self, subject: str) -> SightingReport:
        """Return it as the engine's own type, said by ``subject``."""
        return SightingReport(
            lookout=self.lookout,
            source=f"{subject}/{self.source}" if self.source else subject,
            source_ref=self.source_ref,
            lon=self.lon,
            lat=self.lat,
            at=self.at,
            confidence=self.confidence,
            mode=self.mode,
            heading_deg=self.heading_deg,
            accuracy_m=self.accuracy_m,
            details=Details(text=self.text),
        )


class VerifySighting(_Message, frozen=True, tag="verify"):
    """Somebody says whether a sighting was the subject: ``true``, ``not_him`` or ``cannot_tell``; ``true`` pushes it.

    ``acting_as`` is in whose place, of those that are asked; who has an office speaks for that, left out or not.
    """

    key: Id
    sighting: Id
    verdict: Verdict
    acting_as: Word = ""
    reason: Word = ""


class SettleSighting(_Message, frozen=True, tag="settle"):
    """Somebody lets a held sighting go on to be verified, or rejects it.

    ``lookout`` says by its id which is meant, where that was unknown.
    """

    key: Id
    sighting: Id
    what: Settlement
    lookout: Word = ""
    reason: Word = ""


class Clock(_Message, frozen=True, tag="clock"):
    """A driver in lockstep sets a virtual clock. Taken only where the server runs on one."""

    key: Id
    now: Instant


class Heartbeat(_Message, frozen=True, tag="heartbeat"):
    """Still here. Both sides send it when they have nothing else to say."""


OfOrder = AnswerOrder | AssignUnits | AskHelp | ReturnOrder
"""What is said about an order by whoever has it."""
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
