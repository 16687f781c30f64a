"""Commands: everything that changes the world. What came of one is a list of events.

``actor`` says who speaks: ``user:…``, ``device:…``, ``source:…``, ``policy:…`` or ``system``.
``key`` is an idempotency key: the same key again gives the first answer again and changes nothing.
"""

from typing import Literal

import msgspec

from engine.model.broadcasts import ReadBroadcast, SendBroadcast
from engine.model.entities import Alert, HelpWanted, OverruleReason, Station, Unit
from engine.model.ids import DemandId, IncidentId, OrderId, PlanId, RecipientId, RuleId, StepId, UnitId
from engine.model.lifecycle import OrderState, UnitStatus
from engine.model.lookout_commands import (
    ApplyAims,
    ApplyContainment,
    ApproveLookout,
    ExtendLookout,
    IssueLookout,
    LiftLookout,
    ReportSighting,
    SettleHeld,
    VerifySighting,
)
from engine.model.photos import KeepPhoto
from engine.model.recommendation import Decision
from engine.model.searches import ApplySearch, ReportLook
from engine.model.streets import SpeedRule

Answer = Literal["accept", "refuse", "en_route", "on_scene", "report", "clear", "well"]
Via = Literal["terminal", "radio", "desk", "api"]
Readable = Literal["incident", "lookout", "sighting", "photo"]
"""What has a part that names people."""


class _Command(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="command"):
    actor: str


class Configure(_Command, frozen=True, gc=False, tag="configure"):
    """Take a city's configuration: who and what there is. ``digest`` names the files it was read from."""

    digest: str
    units: tuple[Unit, ...]
    stations: tuple[Station, ...]


class ReportAlert(_Command, frozen=True, gc=False, tag="report_alert"):
    """Somebody reports a happening; ``on_scene`` is a unit that stands there and takes it on, where it is free."""

    alert: Alert
    on_scene: UnitId | None = None


class AnswerOrder(_Command, frozen=True, gc=False, tag="answer_order"):
    """A recipient answers its order, or the desk records the answer for it.

    ``version`` is the order's version that is answered; a stale one is refused as ``superseded``. ``said_at`` is
    when it was said, where that differs from when it arrived.
    """

    key: str
    order: OrderId
    version: int
    answer: Answer
    via: Via = "terminal"
    reason: str = ""
    text: str = ""
    result: str = ""
    """Of a report: a code of the city's ``reports.toml``."""
    photos: tuple[str, ...] = ()
    """Of a report: the SHA-256 of photos that were uploaded for this order."""
    said_at: int | None = None


class Named(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A unit that a station sends, with who rides in it; for one demand of its order, or for the first that it fits."""

    unit: UnitId
    demand: DemandId | None = None
    officers: tuple[str, ...] = ()
    """Service numbers, where the station says who goes."""


class AssignUnits(_Command, frozen=True, gc=False, tag="assign_units"):
    """A station, or the desk for it, names who goes for its order; naming nobody takes whom the engine proposes.

    An order that was not accepted yet is accepted by it.
    """

    key: str
    order: OrderId
    version: int
    units: tuple[Named, ...] = ()
    via: Via = "terminal"
    reason: str = ""
    said_at: int | None = None


class AskHelp(_Command, frozen=True, gc=False, tag="ask_help"):
    """A recipient asks for more for its incident: ``backup``, more of what it is itself, or ``support``.

    ``wanted`` is a capability, which adds units, or an office or equipment of the run cards; for backup nothing.
    """

    key: str
    order: OrderId
    version: int
    what: HelpWanted
    wanted: str = ""
    count: int = 1
    words: str = ""
    via: Via = "terminal"
    said_at: int | None = None


class ReturnOrder(_Command, frozen=True, gc=False, tag="return_order"):
    """A recipient that has an order wants to be rid of it; it stays responsible until the next has accepted."""

    key: str
    order: OrderId
    version: int
    reason: str
    words: str = ""
    via: Via = "terminal"
    said_at: int | None = None


class AddUnits(_Command, frozen=True, gc=False, tag="add_units"):
    """The desk sends more to an incident: whom the engine finds, or the ``unit`` named. Nobody is taken back."""

    key: str
    incident: IncidentId
    capability: str
    count: int = 1
    unit: UnitId | None = None
    anyway: bool = False
    """Send the unit also where it lacks the capability, or is under way to something else."""
    reason: str = ""
    acting_as: str = ""
    """The approver in whose place it is said, where the run card wants leave for more force."""


class ReplaceOrder(_Command, frozen=True, gc=False, tag="replace_order"):
    """The desk takes an order back and the engine finds somebody else; where there is nobody it stays as it is.

    To name who goes instead is `ChooseUnit`; to take an order back without more is `CancelOrder`.
    """

    key: str
    order: OrderId
    version: int
    reason: str


class AcknowledgeMail(_Command, frozen=True, gc=False, tag="acknowledge_mail"):
    """A device has everything in a mailbox up to and including ``mail_seq``."""

    recipient: RecipientId
    device: str
    mail_seq: int


class SetUnitStatus(_Command, frozen=True, gc=False, tag="set_unit_status"):
    """A unit, or the desk for it, says what it is doing. A unit on an order changes by answers, not by this.

    ``said_at`` is when that was, where the desk records it later.
    """

    key: str
    unit: UnitId
    status: UnitStatus
    reason: str = ""
    via: Via = "terminal"
    said_at: int | None = None


class WatchWelfare(_Command, frozen=True, gc=False, tag="watch_welfare"):
    """A unit wants to be asked whether it is well, so often while it is on the scene of an order."""

    key: str
    order: OrderId
    version: int
    every_ms: int
    via: Via = "terminal"


class PressEmergency(_Command, frozen=True, gc=False, tag="press_emergency"):
    """Somebody of a unit calls for help by an emergency button, or the desk heard them call.

    Where they are is ``lon`` and ``lat``; without them, or where no road is near those, it is where the unit was last.
    Pressing again while it stands changes nothing but the record.
    """

    key: str
    unit: UnitId
    lon: float | None = None
    lat: float | None = None
    order: OrderId | None = None
    """The order that they are on, by their own word."""
    via: Via | Literal["core"] = "terminal"
    """``core``: nobody has pressed anything, and nothing was heard from the unit for too long."""
    said_at: int | None = None
    text: str = ""
    """What is told to those who go."""


class EndEmergency(_Command, frozen=True, gc=False, tag="end_emergency"):
    """A person says that a unit needs no more help, and why. A false alarm ends its incident as invalid, too."""

    unit: UnitId
    reason: str
    false_alarm: bool = False


class ApproveOrder(_Command, frozen=True, gc=False, tag="approve_order"):
    """A person lets a proposed order go, in the place of an approver: by default of the one who was asked last."""

    order: OrderId
    acting_as: str = ""
    version: int | None = None
    """The version that they saw; another one is refused as ``superseded``."""


class ChooseUnit(_Command, frozen=True, gc=False, tag="choose_unit"):
    """A person chooses a unit or a station for what an order is about: instead of a proposal, or of whoever has it.

    The chosen unit is claimed at once, and the order that stood is replaced. A proposal is approved by it, in the place
    of an approver as `ApproveOrder`.
    """

    key: str
    order: OrderId
    version: int
    recipient: RecipientId
    why: OverruleReason
    words: str = ""
    anyway: bool = False
    """Also where it lacks the capability, has refused this, or is under way to something else."""
    acting_as: str = ""
    seen: OrderState | None = None
    """As what they saw the order: a proposal that somebody has decided about since is ``superseded``."""


class DecideStep(_Command, frozen=True, gc=False, tag="decide_step"):
    """A person gives leave to a step, or refuses it, in the place of an approver as `ApproveOrder`."""

    step: StepId
    granted: bool
    acting_as: str = ""
    reason: str = ""


class AskLeave(_Command, frozen=True, gc=False, tag="ask_leave"):
    """Somebody asks for leave for a step that people take, such as to use firearms or to close a road.

    ``step`` is one of `engine.dispatch.cards.model.PEOPLES_STEPS`. Who may agree to it gives leave by ``acting_as``.
    The same ``key`` again, where there is one, asks for nothing.
    """

    incident: IncidentId
    step: str
    reason: str = ""
    acting_as: str = ""
    key: str = ""


class CancelOrder(_Command, frozen=True, gc=False, tag="cancel_order"):
    """The desk withdraws an order; its need waits again unless ``drop`` is set."""

    order: OrderId
    reason: str
    drop: bool = False


class StateFacts(_Command, frozen=True, gc=False, tag="state_facts"):
    """Somebody has learned something of an open incident. What is known already changes nothing."""

    incident: IncidentId
    established: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    """What was taken for a fact and is none. It lowers no level: a person does."""


class SetLevel(_Command, frozen=True, gc=False, tag="set_level"):
    """A person raises an open incident's level, or lowers it with a reason and whatever leave that wants."""

    incident: IncidentId
    level: int
    reason: str = ""
    acting_as: str = ""


class EndIncident(_Command, frozen=True, gc=False, tag="end_incident"):
    """The desk ends an incident: its open orders are cancelled and nothing of it waits any more."""

    incident: IncidentId
    state: Literal["cancelled", "invalid", "resolved", "closed", "transferred"]
    reason: str = ""
    acting_as: str = ""
    """The approver in whose place it is said, where the run card wants leave for closing."""


class ApplyPlan(_Command, frozen=True, gc=False, tag="apply_plan"):
    """A worker hands back the plan it was asked for. The core revalidates every line before it believes it."""

    plan: PlanId
    decisions: tuple[Decision, ...]
    failed: str = ""


class SetSpeedRule(_Command, frozen=True, gc=False, tag="set_speed_rule"):
    """Somebody closes streets or changes their speed."""

    key: str
    rule: SpeedRule


class LiftSpeedRule(_Command, frozen=True, gc=False, tag="lift_speed_rule"):
    """Somebody lifts a rule over the streets."""

    rule: RuleId
    reason: str = ""


class TakeTimes(_Command, frozen=True, gc=False, tag="take_times"):
    """A worker has made another version of the travel times; nothing of it is journalled."""

    number: int


class Tick(_Command, frozen=True, gc=False, tag="tick"):
    """Time has passed: deadlines are looked at, waiting needs are looked at again.

    ``wall_at`` is what the wall clock says, to be held against the core's own time; None where there is no wall.
    """

    wall_at: int | None = None


class ReadDetails(_Command, frozen=True, gc=False, tag="read_details"):
    """Somebody reads what names people, and says why; ``role`` is what they read it as.

    ``is_of_record``: the photo was found in the record, whether or not its order is still in the state.
    """

    what: Readable
    id: str
    reason: str
    role: str = ""
    is_of_record: bool = False


Command = (
    Configure
    | AskLeave
    | ReportAlert
    | AnswerOrder
    | AssignUnits
    | AskHelp
    | ReturnOrder
    | AddUnits
    | ReplaceOrder
    | AcknowledgeMail
    | SetUnitStatus
    | KeepPhoto
    | SendBroadcast
    | ReadBroadcast
    | WatchWelfare
    | PressEmergency
    | EndEmergency
    | ApproveOrder
    | ChooseUnit
    | DecideStep
    | CancelOrder
    | StateFacts
    | SetLevel
    | EndIncident
    | ReadDetails
    | ApplyPlan
    | SetSpeedRule
    | LiftSpeedRule
    | TakeTimes
    | IssueLookout
    | ApproveLookout
    | ExtendLookout
    | LiftLookout
    | ReportSighting
    | VerifySighting
    | SettleHeld
    | ApplyAims
    | ApplyContainment
    | ReportLook
    | ApplySearch
    | Tick
)
