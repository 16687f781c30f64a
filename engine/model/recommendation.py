"""The ranked candidates for one need of one incident, with reasons, including why not.

A recommendation is frozen in the journal as codes and values, never as sentences; it is rendered when it is read.
"""

from typing import Literal

import msgspec

from engine.model.entities import RecipientKind
from engine.model.ids import DemandId, OrderId, RecipientId, SightingId, UnitId

WhyNot = Literal[
    "off_duty",
    "out_of_service",
    "busy",
    "on_order",
    "lacks_capability",
    "other_team",
    "lacks_equipment",
    "lacks_rank",
    "no_position",
    "stale_position",
    "refused_before",
    "returned_before",
    "held_in_reserve",
    "taken_by_other_need",
]


Bar = Literal["", "arrived", "diverted_before", "level", "under_station", "shift_over"]


WhyChased = Literal[
    "ahead", "nobody_ahead", "no_way_likelier", "stands_still", "seen_long_ago", "off_his_roads", "planned_too_late"
]
"""Who of a pursuit is ordered: who can be ahead of the subject; else who is nearest, and why."""


class Chased(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What was reckoned of a subject who flees, so that ``behind`` in the penalties can be reckoned again."""

    sighting: SightingId
    """Where he was seen: the newest sighting by then."""
    why: WhyChased
    routes: int = 0
    """How many of his likely ways were drawn; 0 where none was."""
    horizon_ms: int = 0
    """How far ahead he was looked for, from the decision on: who is not ahead counts as no sooner than that."""
    shift_ms: int = 0
    """What ``behind`` was raised by for all alike, so that it is below 0 for nobody."""


class Meeting(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where somebody stands before the subject of a pursuit comes by."""

    lon: float
    lat: float
    eta_ms: int
    """Turnout and travel to there."""
    ahead_ms: int
    """By how much its block stands before he comes, on the mean of the ways that it meets."""
    meets: int
    """How many of the ways that were drawn lead by there once it stands, with time to spare."""
    at_ms: int
    """When he comes by, from the decision on, on the mean of these ways."""


class Candidate(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Somebody who could go. ``eta_ms`` is turnout plus travel."""

    recipient: RecipientId
    eta_ms: int
    turnout_ms: int
    travel_ms: int
    kind: RecipientKind = "unit"
    distance_m: int | None = None
    """Length of the way there, where it was traced."""
    cover_ppm: int | None = None
    """How many of a million expected calls find nobody in time if this unit leaves; None where cover is not heeded."""
    penalties_ms: dict[str, int] = {}
    """What counted against it besides its ETA, by code, such as ``position_age``; none of it is part of the ETA."""
    cost_ms: int | None = None
    """What it counted in the plan; None where that is the ETA and the penalties."""
    people: int = 0
    sworn: int = 0
    """How many are in it, where the need wants a number."""
    team: str = ""
    """Which team it belongs to, where that matters."""
    diverted_from: OrderId | None = None
    """The order that it is under way to and would be taken off."""
    meeting: Meeting | None = None
    """Where it is ahead of who is pursued, and is ordered to; None where it goes to where he was seen."""


class Excluded(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A unit that would have been there sooner, and the first reason why it is not sent."""

    unit: UnitId
    why: WhyNot
    eta_ms: int
    value: str = ""
    """The fact behind the reason: the order it is on, the age of its position in seconds, what it lacks besides the
    capability that the table is about."""
    bar: Bar = ""
    """Why somebody on an order is not taken off it: it has arrived, it was diverted before, its order is of a level
    that this demand takes nobody from, its station has named it, its shift is over."""


class Recommendation(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Who should go for one need, who would be next, and who would have been sooner.

    As it is frozen, in JSON, it takes at most `engine.model.limits.MOST_RECOMMENDATION_BYTES`.
    """

    capability: str
    policy: str
    """The named rule that chose: ``nearest`` for one need alone, ``joint`` for needs decided together; ``ahead`` where
    who can be ahead of a subject goes before who is nearest; with ``_cover``
    behind it where cover chose among those who are there soon enough. For a station that is ordered by its run card
    ``responsible_station`` or ``nearest_station``; for whom that station should send ``own_pool``."""
    chosen: Candidate | None
    others: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]
    excluded_counts: dict[str, int]
    """All excluded units by reason, those listed above included."""
    fleet_size: int
    settled_nodes: int
    """How much of the road network the search looked at."""
    others_cut: int = 0
    excluded_cut: int = 0
    """How many of the last candidates and excluded units are not named because the table was full: of both the latest
    to arrive."""
    either: tuple[str, ...] = ()
    """Other capabilities that meet the need as well."""
    bringing: tuple[str, ...] = ()
    """What its unit must have besides: ``equipment:`` and ``rank:``, each with its id behind it."""
    one_team: int = 0
    """Which need of the incident it is about, counted from 1, where all units of that are of one team."""
    need: int = 0
    """Which need of the incident it is about, counted from 1, where that wants a number of people."""
    people: int = 0
    sworn: int = 0
    """How many people and sworn officers the need still lacked."""
    extra: bool = False
    """Whether it adds a unit to those that the need counts."""
    shares: bool = False
    """Whether a unit that goes to the incident for another need may meet it as well."""
    level: int = 0
    underway_ms: int = 0
    """When the last unit sent earlier for the same incident was expected, from the decision on; 0 for none."""
    rivals: tuple[Candidate, ...] = ()
    """Candidates that other demands of the same decision have: with them the decision can be solved again."""
    decided_at: int = 0
    """In ms since the epoch; 0 where that was not told."""
    decision: int = 0
    """Names the decision: tables with the same number were filled in together; 0 where that was not told."""
    together: int = 0
    """How many demands of the decision have a unit."""
    proven: bool = True
    """Whether it was proven that no plan is better."""
    chased: Chased | None = None
    """What was reckoned of the subject, in a pursuit to seize them."""


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What was decided for one demand: the recommendation and, where somebody goes, the way as a polyline."""

    demand: DemandId
    recommendation: Recommendation
    route: str = ""
    extra: bool = False
    """It adds a unit to the need of ``demand``: a demand of its own is to be raised for it."""
