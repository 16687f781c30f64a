"""All the core knows: incidents, orders, demands, claims, mailboxes, deadlines. Changed by `apply` alone.

Everything here follows from the journal. Where units are does not: positions are a stream, kept by the fleet.
What has ended is forgotten after a while, by the time of the events themselves, so that a replay forgets the same.
"""

from collections import deque

import msgspec

from engine.core.demands import Demands
from engine.model.broadcasts import Broadcast
from engine.model.entities import (
    Crew,
    Details,
    Dispatch,
    Emergency,
    EscalationStep,
    Incident,
    Order,
    Overruling,
    Station,
    Step,
    Unit,
)
from engine.model.events import Mailed
from engine.model.ids import (
    AlertId,
    BroadcastId,
    DemandId,
    IncidentId,
    LookoutId,
    OrderId,
    PlanId,
    RecipientId,
    RuleId,
    SightingId,
    StationId,
    StepId,
    UnitId,
)
from engine.model.lifecycle import OrderState, UnitStatus
from engine.model.lookouts import Lookout, Sighting
from engine.model.photos import Photo
from engine.model.pursuits import PostDuty, Pursuit
from engine.model.recommendation import Recommendation
from engine.model.searches import Search
from engine.model.streets import SpeedRule
from engine.supervision import Deadlines


class Demand(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One unit of one capability, wanted for an incident until somebody has seen to it."""

    id: DemandId
    incident: IncidentId
    capability: str
    level: int
    either: tuple[str, ...] = ()
    together: bool = False
    rank: str = ""
    equipment: tuple[str, ...] = ()
    one_team: int = 0
    need: int = 0
    people: int = 0
    sworn: int = 0
    extra: bool = False
    prefer: tuple[str, ...] = ()
    """Capabilities of which it is better if its unit has one."""
    dispatch: Dispatch = "units"
    order: OrderId | None = None
    """The order to the unit that goes."""
    station: OrderId | None = None
    """The order to the station that answers for it: it names the unit, or was asked because no unit was free."""
    plan: PlanId | None = None
    recommended: RecipientId | None = None
    """Whom the engine recommended last."""
    refused_by: tuple[UnitId, ...] = ()
    returned_by: tuple[StationId, ...] = ()
    """Stations that have given it back: it never goes to them again."""
    beside: OrderId | None = None
    """The order that it adds a unit to."""
    asked_by: OrderId | None = None
    """The order whose recipient asked for it."""
    relieves: DemandId | None = None
    """The demand that it stands for once it is accepted; until then whoever returned that one is responsible."""
    returned: OrderId | None = None
    """The order that was returned."""
    post: bool = False
    """A plan of a pursuit says who goes for it."""
    unmet: bool = False
    """A shortage was stated for it."""


class Escalating(msgspec.Struct, frozen=True, gc=False):
    """A clock that has run out, what is done about it, and how many steps of that are done."""

    due_at: int
    steps: tuple[EscalationStep, ...]
    done: int = 0


class Mail(msgspec.Struct, frozen=True, gc=False):
    """An item of a mailbox and when it was put there."""

    body: Mailed
    at: int


class Mailbox(msgspec.Struct, kw_only=True):
    """The durable, numbered sequence of one recipient's orders and notices."""

    last_seq: int = 0
    delivered_seq: int = 0
    """The first device has everything up to here."""
    devices: dict[str, int] = {}
    items: list[Mail] = []
    """Oldest first, without gaps, ending at ``last_seq``."""

    @property
    def first_seq(self) -> int:
        """The oldest item still kept; one past ``last_seq`` when none is."""
        return self.last_seq - len(self.items) + 1

    def after(self, seq: int) -> list[Mailed]:
        """Return the items after ``seq`` that are still kept."""
        start = max(seq + 1, self.first_seq) - self.first_seq
        return [mail.body for mail in self.items[start:]]


class AlertRecord(msgspec.Struct, frozen=True, gc=False):
    """What an alert became: the answer to the same alert reported again."""

    alert: AlertId
    incident: IncidentId
    seq: int
    at: int


class Decided(msgspec.Struct, frozen=True, gc=False):
    """The last that was decided about an order, by whom and when."""

    to: OrderState
    actor: str
    at: int


class Doing(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Why a unit does what it does outside any order, who said so how, and since when."""

    by: str
    since: int
    reason: str = ""
    via: str = "terminal"
    recorded_at: int | None = None
    """When the desk recorded it, where that was later."""


class StandingRule(msgspec.Struct, frozen=True, gc=False):
    """A rule over the streets that holds, the key it came with, and who set it when."""

    rule: SpeedRule
    key: str
    actor: str
    at: int


class NeighbourTold(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a neighbour city was told last of a pursuit."""

    recipient: RecipientId
    incident: IncidentId
    values: dict[str, str]
    stands: bool
    """Whether the notice has not been taken back."""


class Kept(msgspec.Struct, kw_only=True):
    """The part of the state that a snapshot holds, as it is encoded. Nothing in it can name a caller."""

    seq: int = 0
    at: int = 0
    digest: str = ""
    departed_ms: int = 0
    """How far the wall clock was ahead of the core's time when that was last stated."""
    counts: dict[str, int] = {}
    units: dict[UnitId, Unit] = {}
    stations: dict[StationId, Station] = {}
    unit_status: dict[UnitId, UnitStatus] = {}
    crews: dict[UnitId, Crew] = {}
    """Who is on duty in the units that the roster knows; nobody in one that is off duty."""
    crews_due: dict[UnitId, Crew] = {}
    """Who takes over a unit once the order that holds it has ended: its shift changed meanwhile."""
    doing: dict[UnitId, Doing] = {}
    """Of units that have said something since they were last on an order."""
    claims: dict[UnitId, OrderId] = {}
    emergencies: dict[UnitId, Emergency] = {}
    photos: dict[OrderId, list[Photo]] = {}
    broadcasts: dict[BroadcastId, Broadcast] = {}
    """Oldest first."""
    incidents: dict[IncidentId, Incident] = {}
    recommendations: dict[IncidentId, list[Recommendation]] = {}
    orders: dict[OrderId, Order] = {}
    order_demand: dict[OrderId, DemandId] = {}
    order_people: dict[OrderId, tuple[int, int]] = {}
    """How many went by an order, and how many sworn officers among them, where that is known."""
    order_clocks: dict[OrderId, dict[str, int]] = {}
    neighbours_told: dict[str, NeighbourTold] = {}
    """By the number of a notice: what a neighbour city was told last of a pursuit."""
    calls_taken: dict[OrderId, int] = {}
    """When a checkpoint that was told to bar its road has taken that up."""
    decided: dict[OrderId, Decided] = {}
    overruled: dict[OrderId, Overruling] = {}
    """By both orders that it is about: the one that was replaced and the one instead."""
    incident_clocks: dict[IncidentId, dict[str, int]] = {}
    escalating: dict[str, Escalating] = {}
    """Clocks that have run out and are not done with, by the key of their deadline."""
    demands: dict[DemandId, Demand] = {}
    relieving: dict[DemandId, DemandId] = {}
    """Demands that relieve others, with those."""
    steps: dict[StepId, Step] = {}
    incident_steps: dict[IncidentId, list[StepId]] = {}
    mailboxes: dict[RecipientId, Mailbox] = {}
    alerts: dict[str, AlertRecord] = {}
    keys: dict[str, int] = {}
    """Idempotency keys of answers and statuses, with the instant they were taken."""
    speed_rules: dict[RuleId, StandingRule] = {}
    lookouts: dict[LookoutId, Lookout] = {}
    pursuits: dict[IncidentId, Pursuit] = {}
    order_posts: dict[OrderId, PostDuty] = {}
    searches: dict[IncidentId, Search] = {}
    order_looks: dict[OrderId, tuple[int, ...]] = {}
    ended_lookouts: list[tuple[int, LookoutId]] = []
    sightings: dict[SightingId, Sighting] = {}
    deadlines: list[tuple[str, int]] = []
    ended: list[tuple[int, IncidentId]] = []


class State:
    """The world as the journal tells it.

    Attributes
    ----------
    kept
        Everything a snapshot holds.
    details
        Who called and what was said, by alert; from the journal's encrypted part, never in a snapshot.
    words
        What was said when an order was chosen over another, by that order; kept as the details are.
    broadcast_texts
        What broadcasts say; kept as the details are.
    deadlines
        By the keys of `deadline_keys`: the clocks of orders and incidents, the ends of rules, time-outs of steps.
    subjects
        Who the lookouts that hold are about; kept as ``details`` are, and gone when a lookout ends.
    said_of_sightings
        What sources said in words; kept as ``details`` are.
    freed
        Set when a unit became free since the core last looked at what waits.
    """

    def __init__(self, kept: Kept | None = None) -> None:
        self.kept = kept or Kept()
        self.kept.demands = self._demands = Demands(self.kept.demands)
        self.details: dict[AlertId, Details] = {}
        self.words: dict[OrderId, str] = {}
        self.broadcast_texts: dict[BroadcastId, str] = {}
        self.subjects: dict[LookoutId, Details] = {}
        self.said_of_sightings: dict[SightingId, Details] = {}
        self.deadlines: Deadlines[str] = Deadlines()
        for key, due_at in self.kept.deadlines:
            self.deadlines.set(key, due_at)
        self.ended: deque[tuple[int, IncidentId]] = deque(self.kept.ended)
        self.freed = True

    @property
    def seq(self) -> int:
        """The last event applied."""
        return self.kept.seq

    @property
    def units(self) -> dict[UnitId, Unit]:
        """The units by call sign."""
        return self.kept.units

    @property
    def stations(self) -> dict[StationId, Station]:
        """The stations."""
        return self.kept.stations

    @property
    def unit_status(self) -> dict[UnitId, UnitStatus]:
        """What each unit is doing."""
        return self.kept.unit_status

    def abilities(self, unit: UnitId) -> tuple[str, ...]:
        """Return what a unit can do: by itself, and by who is on duty in it."""
        its, crew = self.kept.units[unit], self.kept.crews.get(unit)
        return its.capabilities if crew is None else tuple(dict.fromkeys((*its.capabilities, *crew.capabilities)))

    @property
    def claims(self) -> dict[UnitId, OrderId]:
        """The order that holds a unit, by unit."""
        return self.kept.claims

    @property
    def emergencies(self) -> dict[UnitId, Emergency]:
        """The units that have called for help, until a person says that it is over."""
        return self.kept.emergencies

    @property
    def broadcasts(self) -> dict[BroadcastId, Broadcast]:
        """The newest broadcasts."""
        return self.kept.broadcasts

    @property
    def incidents(self) -> dict[IncidentId, Incident]:
        """Incidents that are open or ended a short while ago."""
        return self.kept.incidents

    @property
    def recommendations(self) -> dict[IncidentId, list[Recommendation]]:
        """What was recommended for each kept incident, in order."""
        return self.kept.recommendations

    @property
    def orders(self) -> dict[OrderId, Order]:
        """Orders of the incidents that are kept."""
        return self.kept.orders

    @property
    def overruled(self) -> dict[OrderId, Overruling]:
        """What a person chose over an order, by that order and by the one instead."""
        return self.kept.overruled

    @property
    def demands(self) -> Demands[Demand]:
        """What is wanted and not yet done with."""
        return self._demands

    @property
    def steps(self) -> dict[StepId, Step]:
        """What needs somebody's leave, asked or answered, of the incidents that are kept."""
        return self.kept.steps

    def steps_of(self, incident: IncidentId) -> list[Step]:
        """Return the steps of an incident, oldest first."""
        return [self.kept.steps[step] for step in self.kept.incident_steps.get(incident, ())]

    @property
    def mailboxes(self) -> dict[RecipientId, Mailbox]:
        """The mailboxes by recipient."""
        return self.kept.mailboxes

    @property
    def speed_rules(self) -> dict[RuleId, StandingRule]:
        """The rules over the streets that hold."""
        return self.kept.speed_rules

    @property
    def lookouts(self) -> dict[LookoutId, Lookout]:
        """The lookouts that hold, or ended less than 30 days ago."""
        return self.kept.lookouts

    @property
    def sightings(self) -> dict[SightingId, Sighting]:
        """The sightings of the last day."""
        return self.kept.sightings

    @property
    def pursuits(self) -> dict[IncidentId, Pursuit]:
        """How far the planning of the open pursuits has come."""
        return self.kept.pursuits

    @property
    def order_posts(self) -> dict[OrderId, PostDuty]:
        """The posts that orders are for, by order."""
        return self.kept.order_posts

    @property
    def searches(self) -> dict[IncidentId, Search]:
        """How far the searches of the incidents that are kept have come."""
        return self.kept.searches

    @property
    def order_looks(self) -> dict[OrderId, tuple[int, ...]]:
        """The places that the units of orders look at in turn, by order."""
        return self.kept.order_looks

    def mailbox(self, recipient: RecipientId) -> Mailbox:
        """Return a recipient's mailbox; an empty one for a recipient that never had mail."""
        return self.kept.mailboxes.get(recipient) or Mailbox()

    def snapshot(self) -> bytes:
        """Encode what a replay up to `seq` would give."""
        self.kept.deadlines = self.deadlines.items()
        self.kept.ended = list(self.ended)
        return msgspec.msgpack.encode(self.kept)

    @classmethod
    def restored(cls, snapshot: bytes) -> "State":
        """Decode a snapshot.

        Raises
        ------
        msgspec.DecodeError
            When it is not one that this version wrote; the caller replays the whole journal then.
        """
        return cls(msgspec.msgpack.decode(snapshot, type=Kept))
