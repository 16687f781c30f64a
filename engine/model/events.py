"""Events: what came of a command. ``apply(state, event)`` takes every one of them, and nothing else changes state.

Bodies hold codes and values, never sentences, and nothing that can name a person: that is ``Event.personal`` alone,
which the journal encrypts. A change to a body's fields needs a new ``SCHEMA_VERSION`` and an upcaster in the journal.
"""

from typing import Literal

import msgspec

from engine.model.broadcasts import BroadcastRead, BroadcastSent
from engine.model.commands import Readable, Via
from engine.model.demand_events import DemandDropped, DemandRaised, DemandUnmet, PlanApplied, PlanRequested, Recommended
from engine.model.emergency_events import EmergencyEnded, EmergencyRaised, EmergencyRepeated, WelfareSet
from engine.model.entities import (
    Approval,
    Crew,
    Details,
    HelpWanted,
    Need,
    Order,
    OverruleReason,
    Station,
    Unit,
)
from engine.model.ids import (
    AlertId,
    DemandId,
    IncidentId,
    LookoutId,
    OrderId,
    RecipientId,
    RuleId,
    UnitId,
)
from engine.model.lifecycle import IncidentState, OrderState, UnitStatus
from engine.model.lookout_events import (
    ContainmentPlanned,
    ContainmentRequested,
    LookoutApproved,
    LookoutEnded,
    LookoutExtended,
    LookoutIssued,
    OrderAmended,
    PursuitMoved,
    SightingPassedOn,
    SightingRejected,
    SightingReleased,
    SightingReported,
    SightingVerified,
)
from engine.model.photos import PhotoKept
from engine.model.pursuits import PostDuty
from engine.model.recommendation import WhyNot
from engine.model.searches import (
    LooksChanged,
    PlaceLooked,
    SearchExhausted,
    SearchOpened,
    SearchPlanned,
    SearchRequested,
)
from engine.model.step_events import DeadlineMissed, Escalated, StepDecided, StepPassedOn, StepRequested
from engine.model.streets import SpeedRule

SCHEMA_VERSION = 2


class _Body(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", omit_defaults=True):
    pass


class Configured(_Body, frozen=True, gc=False, tag="configured"):
    """The city's units and stations from here on."""

    digest: str
    units: tuple[Unit, ...]
    stations: tuple[Station, ...]


class ShiftChanged(_Body, frozen=True, gc=False, tag="shift_changed"):
    """Who is on duty is another from here on, by the roster. A unit on an order ends that first."""

    crews: dict[UnitId, Crew] = {}
    """The units whose crew is another; one without people is off duty."""
    unlisted: tuple[UnitId, ...] = ()
    """Units that the roster does not know any more: what they are doing they say themselves."""
    next_at: int | None = None
    """When the roster is to be looked at again."""


class AlertReceived(_Body, frozen=True, gc=False, tag="alert_received"):
    """An alert was taken. Its details are the event's personal part."""

    alert: AlertId
    incident: IncidentId
    source: str
    source_ref: str
    type: str
    lon: float
    lat: float
    reported_at: int
    exercise: bool = False


class IncidentOpened(_Body, frozen=True, gc=False, tag="incident_opened"):
    """A new incident, triaged: its type, its level, and what it needs."""

    incident: IncidentId
    alert: AlertId
    type: str
    level: int
    lon: float
    lat: float
    first_alert_at: int
    needs: tuple[Need, ...]
    approval: Approval
    exercise: bool = False
    facts: tuple[str, ...] = ()
    clocks_ms: dict[str, int] = {}
    """The supervision clocks of the incident itself by name."""
    lookout: LookoutId | None = None
    """Whose subject is pursued, where it is a pursuit."""


class IncidentAdvanced(_Body, frozen=True, gc=False, tag="incident_advanced"):
    """An incident moved along its lifecycle."""

    incident: IncidentId
    to: IncidentState
    reason: str = ""


class FactsStated(_Body, frozen=True, gc=False, tag="facts_stated"):
    """Somebody has learned something of an incident: facts by the ids of the run cards, and facts that are none."""

    incident: IncidentId
    established: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()


class LevelChanged(_Body, frozen=True, gc=False, tag="level_changed"):
    """An incident has another level from here on, and with it other clocks and another way for orders to go."""

    incident: IncidentId
    was: int
    level: int
    approval: Approval
    reason: str = ""
    """``facts``, or why a person did so."""
    clocks_ms: dict[str, int] = {}
    """The clocks of the incident itself."""
    order_clocks_ms: dict[OrderId, dict[str, int]] = {}
    """The clocks of each of its open orders."""


class OrderProposed(_Body, frozen=True, gc=False, tag="order_proposed"):
    """An order exists. It holds nobody yet."""

    order: Order
    demand: DemandId
    clocks_ms: dict[str, int] = {}
    """The supervision clocks of this order by name, counted from when it is sent."""
    demands: tuple[DemandId, ...] = ()
    """All that an order is about, where that is more than ``demand``."""
    post: PostDuty | None = None
    """The post that it is for, in a pursuit."""
    looks: tuple[int, ...] = ()
    """The places that its unit looks at in turn, in a search."""
    people: int = 0
    sworn: int = 0
    """How many are in its unit, and how many sworn officers among them, in a city that has a roster."""


class UnitsNamed(_Body, frozen=True, gc=False, tag="units_named"):
    """A station named who goes for its order; the orders to them follow. ``proposed`` is whom the engine had named."""

    order: OrderId
    named: tuple[UnitId, ...]
    demands: tuple[DemandId, ...]
    """What each of them goes for."""
    proposed: tuple[RecipientId | None, ...]
    key: str
    via: Via = "terminal"
    reason: str = ""
    said_at: int | None = None


class Overruled(_Body, frozen=True, gc=False, tag="overruled"):
    """A person chose somebody else: ``order`` was replaced by ``instead``. Their words are its personal part."""

    order: OrderId
    instead: OrderId
    why: OverruleReason
    key: str
    despite: tuple[WhyNot, ...] = ()
    """What stood against the chosen and was passed over."""


class HelpAsked(_Body, frozen=True, gc=False, tag="help_asked"):
    """A recipient asked for more, or the desk sends more. What was said is the event's personal part."""

    incident: IncidentId
    what: HelpWanted
    wanted: str
    """A capability, an office, or equipment."""
    count: int
    key: str
    order: OrderId | None = None
    """Whose recipient asks; None where the desk sends more by itself."""
    unit: UnitId | None = None
    """Whom the desk names."""
    via: Via = "terminal"
    reason: str = ""
    said_at: int | None = None


class ReturnAsked(_Body, frozen=True, gc=False, tag="return_asked"):
    """A recipient wants to be rid of its order. What was said besides is the event's personal part."""

    order: OrderId
    version: int
    reason: str
    key: str
    via: Via = "terminal"
    said_at: int | None = None


class OrderAdvanced(_Body, frozen=True, gc=False, tag="order_advanced"):
    """An order moved along its lifecycle. ``said_at`` is when the recipient says it happened."""

    order: OrderId
    version: int
    to: OrderState
    via: Via | Literal["policy", "core"] = "core"
    reason: str = ""
    said_at: int | None = None
    key: str = ""
    result: str = ""
    photos: tuple[str, ...] = ()
    """What a report names besides its words: a code of the city, and the SHA-256 of its photos."""


ApprovedVia = Literal["policy", "desk"]
MailKind = Literal["order", "cancellation", "notice"]


class Mailed(_Body, frozen=True, gc=False, tag="mailed"):
    """An item stands in a mailbox, durably. ``mail_seq`` counts from 1 by recipient, without gaps."""

    recipient: RecipientId
    mail_seq: int
    item: MailKind
    order: OrderId | None = None
    version: int = 0
    code: str = ""
    """For a notice: what it says, as a key of the texts. For a cancellation: why, unless the desk withdrew it."""
    values: dict[str, str] = {}


class MailAcknowledged(_Body, frozen=True, gc=False, tag="mail_acknowledged"):
    """A device has the mailbox up to ``mail_seq``; delivered means that the first device has it."""

    recipient: RecipientId
    device: str
    mail_seq: int


class UnitAdvanced(_Body, frozen=True, gc=False, tag="unit_advanced"):
    """A unit said what it is doing, outside any order; ``said_at`` is when, where the desk recorded it later."""

    unit: UnitId
    to: UnitStatus
    key: str
    reason: str = ""
    via: Via = "terminal"
    said_at: int | None = None


class SceneHeard(_Body, frozen=True, gc=False, tag="scene_heard"):
    """A recipient said something besides its order's steps: another report, or that all is well."""

    order: OrderId
    version: int
    what: Literal["report", "well"]
    key: str
    via: Via = "terminal"
    said_at: int | None = None
    result: str = ""
    photos: tuple[str, ...] = ()


class SpeedRuleSet(_Body, frozen=True, gc=False, tag="speed_rule_set"):
    """Streets are closed, or their speed is another, from here on."""

    id: RuleId
    rule: SpeedRule
    key: str


class SpeedRuleLifted(_Body, frozen=True, gc=False, tag="speed_rule_lifted"):
    """A rule over the streets holds no more."""

    id: RuleId
    why: Literal["lifted", "expired"]
    reason: str = ""


class DetailsRead(_Body, frozen=True, gc=False, tag="details_read"):
    """The event's actor has read what names people in ``id``. Why is its personal part, under the key of what was read.

    ``key`` is the alert, lookout or sighting whose key that is.
    """

    what: Readable
    id: str
    key: str
    role: str = ""


class ClockDeparted(_Body, frozen=True, gc=False, tag="clock_departed"):
    """The clock and the wall disagree by more than 5 s."""

    wall_at: int


Body = (
    Configured
    | ShiftChanged
    | AlertReceived
    | IncidentOpened
    | IncidentAdvanced
    | FactsStated
    | LevelChanged
    | DemandRaised
    | DemandUnmet
    | DemandDropped
    | Recommended
    | OrderProposed
    | UnitsNamed
    | Overruled
    | HelpAsked
    | ReturnAsked
    | OrderAdvanced
    | Mailed
    | MailAcknowledged
    | UnitAdvanced
    | WelfareSet
    | EmergencyRaised
    | EmergencyRepeated
    | EmergencyEnded
    | BroadcastSent
    | BroadcastRead
    | PhotoKept
    | PlanRequested
    | PlanApplied
    | DeadlineMissed
    | Escalated
    | SceneHeard
    | StepRequested
    | StepPassedOn
    | StepDecided
    | SpeedRuleSet
    | SpeedRuleLifted
    | ClockDeparted
    | LookoutIssued
    | LookoutApproved
    | LookoutExtended
    | LookoutEnded
    | SightingReported
    | SightingReleased
    | SightingRejected
    | SightingPassedOn
    | SightingVerified
    | PursuitMoved
    | OrderAmended
    | DetailsRead
    | ContainmentRequested
    | ContainmentPlanned
    | SearchOpened
    | SearchRequested
    | SearchPlanned
    | LooksChanged
    | PlaceLooked
    | SearchExhausted
)


class Event(msgspec.Struct, frozen=True, gc=False):
    """One entry of the journal, before it is sealed: ``seq`` counts from 1 without gaps, ``at`` is the core's time."""

    seq: int
    at: int
    actor: str
    body: Body
    personal: Details | None = None

    @property
    def kind(self) -> str:
        """The body's tag, as it stands in the envelope."""
        return str(self.body.__struct_config__.tag)
