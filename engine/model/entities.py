"""The things of the field: alerts, needs, units, stations, orders, and what an incident is."""

from typing import Literal

import msgspec

from engine.model.ids import AlertId, IncidentId, LookoutId, OrderId, RecipientId, StationId, StepId, UnitId
from engine.model.lifecycle import IncidentState, OrderState

CHECKPOINT = "checkpoint"
"""What a station that bars the road at which it stands can be ordered for."""
BARRIER_MS = 60_000
"""What a standing checkpoint takes that its city says nothing else of."""
RecipientKind = Literal["unit", "station"]
Approval = Literal["by_rule", "by_person"]
"""Who lets an order go: the run card by itself, or somebody who answers for it."""
Dispatch = Literal["units", "station"]
"""Whom the room orders: units at once, or a station that names them."""
HelpWanted = Literal["backup", "support"]
"""What a recipient asks for: more of what it is itself, or something else."""
OverruleReason = Literal[
    "knows_place",
    "knows_people",
    "better_suited",
    "nearer_in_fact",
    "way_blocked",
    "out_of_touch",
    "needed_there",
    "needs_rest",
    "own_request",
    "ordered_above",
    "other",
]
"""Why a person chooses somebody else; ``other`` takes words."""


class Placed(msgspec.Struct, frozen=True, gc=False):
    """Something with a coordinate. Numbers of numpy's own types are taken, and kept as plain ones that encode."""

    def __post_init__(self) -> None:
        for name in ("lon", "lat", "at"):
            value = getattr(self, name, None)
            plain = int if name == "at" else float
            if value is not None and type(value) is not plain:
                msgspec.structs.force_setattr(self, name, plain(value))


class PlaceWords(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a place of a search is called, and its telephone."""

    name: str = ""
    phone: str = ""


class Details(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """All of an alert that can name someone. Stored encrypted, under a key of its own that can be deleted."""

    text: str = ""
    caller: str = ""
    phone: str = ""
    address: str = ""
    label: str = ""
    """Of a lookout: who or what is looked for."""
    places: tuple[PlaceWords, ...] = ()
    """Of a search: what its places are called, in their order."""


class Need(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """So many units of one capability, or of any of several."""

    capability: str
    count: int = 1
    either: tuple[str, ...] = ()
    """Other capabilities that meet it as well."""
    together: bool = False
    """A unit that goes to the incident for another need may meet it as well."""
    one_team: bool = False
    """All its units are of one team."""
    rank: str = ""
    """The least rank of who leads, by its id; empty for any."""
    equipment: tuple[str, ...] = ()
    """What each of its units must bring, as ids."""
    people: int = 0
    sworn: int = 0
    """How many people, and sworn officers among them, all its units must come to; 0 for any."""


class Place(Placed, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Somewhere that the subject of a search may be.

    Attributes
    ----------
    chance
        The probability; what all places lack to 1 is that the subject is elsewhere.
    check_ms
        How long a look at the door takes; 0 for as long as the city's policy says.
    phone
        Whether it can be called; the number is in the personal part.
    """

    lon: float
    lat: float
    chance: float
    check_ms: int = 0
    phone: bool = False


class Alert(Placed, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One report from one source. ``source`` and ``source_ref`` together are its idempotency key."""

    source: str
    source_ref: str
    type: str
    lon: float
    lat: float
    at: int
    level: int | None = None
    needs: tuple[Need, ...] | None = None
    """What must be sent, where the source knows better than the run card."""
    facts: tuple[str, ...] = ()
    """What is known of it, by the ids of the run cards; facts can raise its level."""
    places: tuple[Place, ...] = ()
    """Where its subject may be, where that is uncertain: units look there in turn."""
    details: Details = Details()
    exercise: bool = False


class Unit(Placed, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Something that can be sent. ``lon`` and ``lat`` are where it starts; then its positions say."""

    id: UnitId
    name: str
    capabilities: tuple[str, ...]
    lon: float
    lat: float
    station: StationId | None = None
    turnout_ms: int = 0
    on_duty: bool = True
    equipment: tuple[str, ...] = ()
    """What it carries, whoever is in it."""
    branch: str = ""
    """Which branch it belongs to, where that is not its station's."""
    beats: tuple[str, ...] = ()
    """Ids of the areas that it answers for, whoever is in it."""
    team: str = ""
    """Which team it belongs to; empty for none."""


class Crew(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Who is on duty in a unit, as the roster has it, and what they add to it.

    Attributes
    ----------
    officers
        Service numbers, the highest rank first.
    people, sworn
        How many they are, and how many of them are sworn officers; nobody at all while the unit is off duty.
    rank
        The highest, by its id; empty where none is known.
    beats
        Ids of the areas that they answer for.
    """

    officers: tuple[str, ...] = ()
    people: int = 0
    sworn: int = 0
    rank: str = ""
    capabilities: tuple[str, ...] = ()
    equipment: tuple[str, ...] = ()
    beats: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


class Station(Placed, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A fixed place that units belong to or that can be ordered itself."""

    id: StationId
    name: str
    lon: float
    lat: float
    name_zh: str = ""
    capabilities: tuple[str, ...] = ()
    """What it can be ordered for; empty means anything."""
    branch: str = ""
    """Which branch it belongs to: borders between branches are crossed by policy."""
    setup_ms: int = BARRIER_MS
    """Of a standing checkpoint: from being told until its barrier is down."""

    @property
    def is_checkpoint(self) -> bool:
        """Whether it bars a road: only where it says so; what can be ordered for anything is no barrier."""
        return CHECKPOINT in self.capabilities


class Incident(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the engine works on: one or more alerts about the same happening."""

    id: IncidentId
    type: str
    level: int
    lon: float
    lat: float
    opened_at: int
    first_alert_at: int
    approval: Approval
    alerts: tuple[AlertId, ...]
    state: IncidentState
    orders: tuple[OrderId, ...] = ()
    facts: tuple[str, ...] = ()
    exercise: bool = False
    lookout: LookoutId | None = None
    """Whose subject is pursued, where it is a pursuit."""


class Order(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One instruction to one unit or station for one incident. Orders to units are exclusive, to stations not."""

    id: OrderId
    version: int
    incident: IncidentId
    recipient: RecipientId
    recipient_kind: RecipientKind
    capability: str
    state: OrderState
    proposed_at: int
    lon: float
    lat: float
    level: int
    type: str
    eta_ms: int | None
    """Turnout plus travel, from the decision on; None for a station, which does not drive."""
    turnout_ms: int
    route: str
    """The way there as a polyline of five decimals; empty for a station."""
    exercise: bool = False
    under: OrderId | None = None
    """The station's order that an order to a unit carries out; None where the room ordered the unit itself."""
    officers: tuple[str, ...] = ()
    """Service numbers of who goes, where the station has named them."""
    diverted_from: OrderId | None = None
    """The order that the unit was under way to and was taken off for this one."""


class Overruling(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """That a person chose another recipient: who, when and why.

    Attributes
    ----------
    order, instead
        The order that was withdrawn, and the one to whom they chose.
    recipient, left
        Who was chosen, and who was let go.
    despite
        What stood against the chosen and was passed over, as codes of `engine.model.recommendation.WhyNot`.
    seq
        The event, which keeps the words that were said, if any.
    """

    order: OrderId
    instead: OrderId
    recipient: RecipientId
    left: RecipientId
    by: str
    at: int
    why: OverruleReason
    seq: int = 0
    despite: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Somebody whose leave is wanted, and after how long without an answer the next in line is asked."""

    by: str
    timeout_ms: int | None = None


class EscalationStep(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What is done so long after a clock has run out, as the run cards say it; ``to`` is who is told."""

    after_ms: int
    do: str
    to: str = ""


class Emergency(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """That a unit has called for help and no person has ended it yet.

    Attributes
    ----------
    alert, incident
        What it was taken as.
    order
        The order that the unit was on.
    presses
        How often the button was pressed so far, ``pressed_at`` the last time.
    """

    unit: UnitId
    alert: AlertId
    incident: IncidentId
    by: str
    at: int
    pressed_at: int
    order: OrderId | None = None
    presses: int = 1


StepOutcome = Literal["granted", "refused", "withdrawn"]


class Step(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Something about an incident that somebody must agree to, and what became of it.

    Attributes
    ----------
    step
        What it is, as run cards name it: ``send``, ``lower``, ``return_order``, ``close`` …
    line
        Who may agree: first who is asked first, then who stands in, one for the other.
    asked
        How far the asking has come: ``line[asked]`` is who was asked last.
    values
        What exactly is to be done, as codes and values.
    decided_by, decided_as
        The actor who decided, and in whose place of ``line``.
    """

    id: StepId
    step: str
    incident: IncidentId
    line: tuple[Asked, ...]
    requested_by: str
    requested_at: int
    order: OrderId | None = None
    values: dict[str, str] = {}
    asked: int = 0
    outcome: StepOutcome | None = None
    decided_by: str = ""
    decided_as: str = ""
    decided_at: int | None = None


class PositionFix(Placed, frozen=True, gc=False, omit_defaults=True):
    """Where a unit says it is. Heading in degrees clockwise from north, speed in m/s."""

    unit: UnitId
    lon: float
    lat: float
    at: int
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None

    def __post_init__(self) -> None:
        # Ten thousand times a second in a large city, and nearly always with plain numbers.
        if type(self.lon) is not float or type(self.lat) is not float or type(self.at) is not int:
            Placed.__post_init__(self)
