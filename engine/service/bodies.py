"""What HTTP takes and gives, typed once: requests are read through these types, OpenAPI is drawn from them.

Bounds stand in the types, so that what is out of bounds is refused while it is read. Unknown fields are refused:
over HTTP a misspelt one is a mistake of whoever integrates, and should show at once.
"""

from typing import Annotated, Literal

import msgspec

from engine.model.commands import Answer
from engine.model.entities import Incident, Overruling, RecipientKind, Step, StepOutcome
from engine.model.lifecycle import OrderState
from engine.model.limits import MOST_NEEDS
from engine.model.pursuits import Proposal
from engine.model.recommendation import Recommendation
from engine.model.searches import SearchProposal
from engine.wire.fields import Count, Facts, Id, Instant, Lat, Level, Lon, Text, Word
from engine.wire.limits import MOST_FIXES
from engine.wire.reports import NeedOf, PersonalDetails, Places
from geo_data.datum import Datum


class PlainBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all bodies have in common."""


class NewAlert(PlainBody, frozen=True, forbid_unknown_fields=True):
    """A report of a happening. The same ``source`` and ``source_ref`` again gives the first answer again.

    ``source`` is the token's own name when it is left out, ``at`` the instant of arrival.
    """

    source_ref: Id
    type: Id
    lon: Lon
    lat: Lat
    datum: Datum = "wgs84"
    source: Word = ""
    at: Instant | None = None
    level: Level | None = None
    needs: Annotated[tuple[NeedOf, ...], msgspec.Meta(max_length=MOST_NEEDS)] | None = None
    details: PersonalDetails = PersonalDetails()
    exercise: bool = False
    facts: Facts = ()
    places: Places = ()
    """Where its subject may be, where that is uncertain: units look there in turn."""


class FactsIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """What somebody has learned of an incident, by the ids of the run cards. What is known already changes nothing."""

    established: Facts = ()
    ruled_out: Facts = ()


class LevelIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """Another level for an incident. To lower it takes a reason, and whatever leave its run card wants."""

    level: Level
    reason: Word = ""
    acting_as: Word = ""


class OverruledBody(PlainBody, frozen=True):
    """That a person chose somebody else: the codes, and the same in sentences. What they said besides are details."""

    decided: Overruling
    said: tuple[str, ...]


class OrderBody(PlainBody, frozen=True):
    """An order as the desk sees it. ``overruled`` tells that it was chosen over another, or another over it."""

    id: str
    version: int
    incident: str
    recipient: str
    recipient_kind: RecipientKind
    capability: str
    state: OrderState
    proposed_at: int
    eta_ms: int | None
    turnout_ms: int
    route: str = ""
    exercise: bool = False
    under: str | None = None
    officers: tuple[str, ...] = ()
    diverted_from: str | None = None
    overruled: OverruledBody | None = None
    type: str = ""
    level: int = 0
    returning: Literal["asked", "sought"] | None = None
    """Its recipient returns it: leave is asked for, or the next is sought."""


class OrderList(PlainBody, frozen=True):
    """A page of orders, newest first; ``next`` is the ``before`` of the page that follows."""

    orders: tuple[OrderBody, ...]
    next: str | None = None


class RecommendationBody(PlainBody, frozen=True):
    """Who should go and why: the codes and values as they were decided, and the same in words."""

    said: tuple[str, ...]
    decided: Recommendation


class AlertTaken(PlainBody, frozen=True):
    """What became of an alert.

    ``shortage`` lists the capabilities that nobody free has, ``waiting`` those that are still being decided together
    with other alerts; their orders follow.
    """

    alert: str
    incident: str
    duplicate: bool
    orders: tuple[OrderBody, ...]
    shortage: tuple[str, ...]
    waiting: tuple[str, ...]
    recommendations: tuple[RecommendationBody, ...]


class WaitingBody(PlainBody, frozen=True):
    """A unit that is wanted and has not been found yet."""

    demand: str
    capability: str
    unmet: bool


class StepBody(PlainBody, frozen=True):
    """Something that somebody must agree to: who is asked, who may agree, and what became of it."""

    id: str
    step: str
    incident: str
    asked: str
    line: tuple[str, ...]
    requested_by: str
    requested_at: int
    order: str | None = None
    values: dict[str, str] = {}
    outcome: StepOutcome | None = None
    decided_by: str = ""
    decided_as: str = ""
    decided_at: int | None = None

    @classmethod
    def of(cls, step: Step) -> "StepBody":
        """Copy a step of the state."""
        same = {name: getattr(step, name) for name in cls.__struct_fields__ if name not in ("asked", "line")}
        return cls(asked=step.line[step.asked].by, line=tuple(asked.by for asked in step.line), **same)


class DecideIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """Whether leave is given to a step, in whose place (by default of whoever was asked last), and why not."""

    granted: bool
    acting_as: Word = ""
    reason: Word = ""


class StepIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """A step that people take, as run cards name it, for which leave is asked; why, and in whose place."""

    step: Word
    reason: Word = ""
    acting_as: Word = ""
    key: Word = ""


class PursuitBody(PlainBody, frozen=True):
    """Where roads are held around who is pursued, by the newest plan that held.

    ``is_sealed`` is said only while every post of a seal is ordered, in time and of the newest sighting. ``planning``
    says that a better answer is being made.
    """

    sighting: str | None
    is_sealed: bool
    planning: bool
    proposal: Proposal | None = None


class IncidentBody(PlainBody, frozen=True):
    """An incident with all that hangs on it, but for what names people: that is read for a reason."""

    incident: Incident
    orders: tuple[OrderBody, ...]
    waiting: tuple[WaitingBody, ...]
    recommendations: tuple[RecommendationBody, ...]
    steps: tuple[StepBody, ...] = ()
    pursuit: PursuitBody | None = None
    search: SearchProposal | None = None
    """Of a search: who looks where by the newest plan, places from 1; ``GET /v1/searches/{incident}`` says more."""
    time_zone: str = "UTC"
    """The city's, by whose clock people there read instants."""


class IncidentList(PlainBody, frozen=True):
    """A page of incidents, newest first; ``next`` is the ``before`` of the page that follows."""

    incidents: tuple[Incident, ...]
    next: str | None = None


class CancelIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """Why an order is withdrawn; with ``drop`` nobody else is sought."""

    reason: Id
    drop: bool = False


class AnswerIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """What the desk heard from a recipient, by radio or telephone. ``key`` makes it safe to send again."""

    key: Id
    version: Count
    answer: Answer
    via: Literal["radio", "desk"] = "radio"
    reason: Word = ""
    text: Text = ""
    said_at: Instant | None = None
    result: Word = ""


Heading = Annotated[float, msgspec.Meta(ge=0.0, le=360.0)]


class PositionTaken(PlainBody, frozen=True):
    """What became of a device's position: its mark."""

    mark: str


class FedPosition(PlainBody, frozen=True, forbid_unknown_fields=True):
    """Where a device behind a gateway is, in the datum that it is configured with; ``at`` is when it was there."""

    device: Id
    lon: Lon
    lat: Lat
    at: Instant
    speed_mps: Annotated[float, msgspec.Meta(ge=0.0, le=150.0)] | None = None
    heading_deg: Heading | None = None
    accuracy_m: Annotated[float, msgspec.Meta(ge=0.0, le=100_000.0)] | None = None
    mock: bool = False
    backfill: bool = False


class FedPositions(PlainBody, frozen=True, forbid_unknown_fields=True):
    """Positions of several devices."""

    positions: Annotated[tuple[FedPosition, ...], msgspec.Meta(min_length=1, max_length=MOST_FIXES)]


class PositionsTaken(PlainBody, frozen=True):
    """What became of each position, in order: its mark, or ``unknown_device``."""

    marks: tuple[str, ...]


class DeviceBody(PlainBody, frozen=True):
    """What is known of a device: no place, only how it does. ``connected`` is for those that stay connected."""

    device: str
    protocol: str
    unit: str
    connected: bool
    heard_at: int | None = None
    fix_at: int | None = None
    last_mark: str = ""
    marks: dict[str, int] = {}
    readings: dict[str, float] = {}


class DeviceList(PlainBody, frozen=True):
    """A page of devices; ``next`` is the ``after`` of the page that follows."""

    devices: tuple[DeviceBody, ...]
    next: str | None = None


class TemplateBody(PlainBody, frozen=True):
    """Words of a report with gaps to fill in, and the result that goes with them."""

    name: dict[str, str]
    text: dict[str, str]
    result: str = ""


class Bootstrap(PlainBody, frozen=True):
    """What a client needs to begin: where the stream is and what it speaks."""

    city: str
    version: str
    log_id: str
    stream_url: str
    subprotocols: tuple[str, ...]
    languages: tuple[str, ...]
    alert_types: dict[str, dict[str, str]]
    capabilities: dict[str, dict[str, str]]
    equipment: dict[str, dict[str, str]] = {}
    ranks: dict[str, dict[str, str]] = {}
    """From the lowest to the highest."""
    results: dict[str, dict[str, str]] = {}
    """What a report may come to, by code."""
    lists: dict[str, dict[str, dict[str, str]]] = {}
    """What people choose from elsewhere, by list and code: what a call was, why something is returned or paused."""
    report_templates: dict[str, TemplateBody] = {}


class Health(PlainBody, frozen=True):
    """Whether the server is alive, or ready; ``waits_for`` says what is missing."""

    status: Literal["ok", "waiting"]
    waits_for: tuple[str, ...] = ()


class ProblemBody(PlainBody, frozen=True):
    """An error, after RFC 9457, with the four things that every refusal names."""

    title: str
    status: int
    code: str
    field: str = ""
    value: str = ""
    limit: str = ""
