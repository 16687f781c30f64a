"""Where roads are to be held while a subject is pursued: what one plan came to, and what one order says of its post."""

from typing import Literal

import msgspec

from engine.model.ids import OrderId, PlanId, RecipientId, SightingId, StationId, UnitId
from engine.model.recommendation import Chased, Meeting

Duty = Literal["block", "circulate", "call"]
"""Stand across the road; drive round the place and stop whom one meets; or bar one's own road, being there already."""
Stage = Literal["first", "best"]
"""The first answer, at once; then the one with the greatest margin, or with the greatest probability."""
Verdict = Literal["sealed", "impossible", "undecided", "no_way_out"]
"""As `engine.containment` puts it: only what has a margin is sealed."""
Outcome = Literal["held", "outdated", "failed"]


class Post(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One place to hold, by one unit or two or by the checkpoint that stands there, as a plan has it.

    Attributes
    ----------
    station
        For a call: the standing checkpoint, which needs no unit.
    watch_deg
        Directions that the subject would come from, clockwise from north, the soonest first.
    due_at
        The earliest that the subject can be there: by then the post stands.
    ready_at
        When it stands if all is as said.
    fixed_ms
        Of the time until then, what no jam makes longer: turnout and setting up.
    stretch
        Thousandths by which the way may take longer and the post still stands in time; 0 where it is no part of a seal.
    """

    lon: float
    lat: float
    duty: Duty
    units: tuple[UnitId, ...]
    watch_deg: tuple[int, ...]
    due_at: int
    ready_at: int
    fixed_ms: int = 0
    stretch: int = 0
    station: StationId | None = None

    @property
    def holders(self) -> tuple[RecipientId, ...]:
        """Who is ordered to hold it: its units, or its checkpoint."""
        if self.station is not None:
            return (RecipientId(self.station),)
        return tuple(RecipientId(unit) for unit in self.units)


class Leaving(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The soonest way by which a subject may leave towards a neighbour city, as seen when a plan was made.

    Attributes
    ----------
    name, name_zh
        The neighbour's.
    mailbox
        Where it is told.
    exit, exit_zh
        What the way is called, at ``lon`` and ``lat``.
    at
        The earliest instant at which the subject can be there.
    """

    neighbour: str
    name: str
    name_zh: str
    mailbox: RecipientId
    exit: str
    exit_zh: str
    lon: float
    lat: float
    at: int


class Proposal(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a worker found about one sighting.

    Attributes
    ----------
    made_at
        The instant that its times are counted from.
    times_version
        The version of the travel times that it rests on.
    stretch
        Thousandths, of the whole seal.
    reason, posts_needed, units_in_time
        Why no seal exists, in codes and numbers.
    probability, low, high
        Where there is no seal: how probably the posts meet the subject, with its 95 % interval.
    leaving
        The neighbour cities that the subject can reach within the horizon while nobody holds a road.
    """

    verdict: Verdict
    made_at: int
    times_version: int
    posts: tuple[Post, ...] = ()
    stretch: int = 0
    reason: str = ""
    posts_needed: int | None = None
    units_in_time: int | None = None
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    leaving: tuple[Leaving, ...] = ()


class PostDuty(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What an order says of the post that it is for; the place is the order's own."""

    duty: Duty
    watch_deg: tuple[int, ...]
    due_at: int
    beside: tuple[UnitId, ...] = ()
    """Who holds it too."""


class Aim(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where somebody under way can be ahead of the subject."""

    order: OrderId
    version: int
    meeting: Meeting
    chased: Chased
    route: str
    """The way there, as a polyline."""


class Pursuit(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How far the planning of a pursuit has come.

    Attributes
    ----------
    sighting, stage
        What was asked for last.
    plan
        The plan that a worker makes; None while none is made.
    proposal
        The newest that held; what of it is ordered stands in the orders.
    tries
        How often the same sighting was asked about.
    """

    sighting: SightingId | None = None
    stage: Stage = "first"
    plan: PlanId | None = None
    proposal: Proposal | None = None
    tries: int = 0
