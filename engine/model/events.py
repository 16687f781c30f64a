"""Events: what came of a command. ``apply(state, event)`` takes every one of them, and nothing else changes state.

Bodies hold codes and values, never sentences, and nothing that can name a person: that is ``Event.personal`` alone,
which the journal encrypts. A change to a body's fields needs a new ``SCHEMA_VERSION`` and an upcaster in the journal.
"""

from typing import Literal

import msgspec

from engine.model.broadcasts import BroadcastRead, BroadcastSent
from engine.model.commands import Readable, Via
from engine.model.entities import (
    Approval,
    Asked,
    Crew,
    Details,
    Dispatch,
    EscalationStep,
    HelpWanted,
    Need,
    Order,
    OverruleReason,
    Station,
    StepOutcome,
    Unit,
)
from engine.model.ids import (
    AlertId,
    DemandId,
    IncidentId,
    LookoutId,
    OrderId,
    PlanId,
    RecipientId,
    RuleId,
    StepId,
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
from engine.model.recommendation import Recommendation, WhyNot
from engine.model.searches import (
    LooksChanged,
    PlaceLooked,
    SearchExhausted,
    SearchOpened,
    SearchPlanned,
    SearchRequested,
)
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


class DemandRaised(_Body, frozen=True, gc=False, tag="demand_raised"):
    """One unit of one capability is wanted for an incident. It waits until an order meets it."""

    demand: DemandId
    incident: IncidentId
    capability: str
    level: int
    dispatch: Dispatch = "units"
    either: tuple[str, ...] = ()
    """Other capabilities that meet it as well."""
    together: bool = False
    """A unit that goes to the incident for another demand may meet it as well."""
    rank: str = ""
    """The least rank that somebody in the unit must have; empty for any."""
    equipment: tuple[str, ...] = ()
    """What the unit must bring."""
    one_team: int = 0
    """Which need of its incident it is of, counted from 1, where all units of that are of one team; else 0."""
    need: int = 0
    """Which need of its incident it is of, counted from 1, where that wants a number of people; else 0."""
    people: int = 0
    sworn: int = 0
    """How many people, and sworn officers among them, all units of the need must come to."""
    extra: bool = False
    """It adds a unit to those that the need counts, because these have too few people."""
    prefer: tuple[str, ...] = ()
    """Capabilities of which it is better if the unit has one; nobody is waited for."""
    but: tuple[UnitId, ...] = ()
    """Who is not sent: the unit that it is about."""
    beside: OrderId | None = None
    """The order that it adds a unit to, because nobody has answered that one in time."""
    asked_by: OrderId | None = None
    """The order whose recipient asked for it."""
    relieves: DemandId | None = None
    """The demand that it stands for once somebody has accepted it: its recipient has returned it."""
    returned: OrderId | None = None
    """The order that was returned; its recipient does not get this one."""
    under: OrderId | None = None
    """The order to the station that answers for it from the beginning."""
    post: bool = False
    """A plan of a pursuit says who goes for it: nobody else is sought."""


class DemandUnmet(_Body, frozen=True, gc=False, tag="demand_unmet"):
    """A shortage, stated: nobody able is free now. The demand waits and is looked at again when anybody is."""

    demand: DemandId
    incident: IncidentId
    capability: str
    recommendation: Recommendation


class DemandDropped(_Body, frozen=True, gc=False, tag="demand_dropped"):
    """Nobody is wanted for it any more."""

    demand: DemandId
    reason: str
    into: DemandId | None = None
    """The demand that stands for it from here on: it was handed over."""


class Recommended(_Body, frozen=True, gc=False, tag="recommended"):
    """Who should go for a demand, and why."""

    demand: DemandId
    incident: IncidentId
    recommendation: Recommendation


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


class PlanRequested(_Body, frozen=True, gc=False, tag="plan_requested"):
    """Demands are to be decided together by a worker."""

    plan: PlanId
    demands: tuple[DemandId, ...]
    state_version: int


class PlanApplied(_Body, frozen=True, gc=False, tag="plan_applied"):
    """What a worker's plan came to: the demands whose lines still held, and those that wait again."""

    plan: PlanId
    held: tuple[DemandId, ...]
    outdated: tuple[DemandId, ...]
    failed: str = ""


class DeadlineMissed(_Body, frozen=True, gc=False, kw_only=True, tag="deadline_missed"):
    """A clock of an order, or of an incident, ran out. ``escalation`` is what is done about it from here on."""

    clock: str
    order: OrderId | None = None
    due_at: int
    incident: IncidentId | None = None
    """Whose clock it is, where it is no order's."""
    escalation: tuple[EscalationStep, ...] = ()


class Escalated(_Body, frozen=True, gc=False, tag="escalated"):
    """A step of what is done about a clock that ran out; ``number`` counts from 0."""

    clock: str
    number: int
    step: EscalationStep
    order: OrderId | None = None
    incident: IncidentId | None = None


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


class StepRequested(_Body, frozen=True, gc=False, tag="step_requested"):
    """Somebody must agree to a step. ``line`` is who may, in the order in which they are asked."""

    id: StepId
    step: str
    incident: IncidentId
    line: tuple[Asked, ...]
    order: OrderId | None = None
    values: dict[str, str] = {}
    key: str = ""
    """Of who asked for it."""


class StepPassedOn(_Body, frozen=True, gc=False, tag="step_passed_on"):
    """Nobody has answered in time: the next in line is asked."""

    id: StepId
    to: str
    due_at: int


class StepDecided(_Body, frozen=True, gc=False, tag="step_decided"):
    """Leave was given or refused, by the event's actor in the place of ``acting_as``; or nobody asks any more."""

    id: StepId
    outcome: StepOutcome
    acting_as: str = ""
    reason: str = ""


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
