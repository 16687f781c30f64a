"""Who is looked for and where they were seen: lookouts, sightings, and the limits of what a source may say of them.

A lookout names its subject only in its personal part. All else here is codes, values and references.
"""

from typing import Literal

import msgspec

from engine.model.entities import Asked, Details, Placed
from engine.model.ids import IncidentId, LookoutId, SightingId

ListClass = Literal["seize", "observe", "inform"]
"""What is done when the subject is seen: seize at once; observe and keep away; only let it be known."""
Task = Literal["attend", "seize", "observe", "block", "circulate", "look", "call"]
"""What a recipient is to do at the place of its order: what the matter takes, what a lookout says, to hold a post, to
look whether somebody is there, or to bar the road at which it stands."""
Mode = Literal["foot", "two_wheels", "car"]
"""How the subject moves."""
LookoutState = Literal["proposed", "active", "lifted", "expired"]
SightingState = Literal["waiting", "held", "merged", "true", "not_him", "cannot_tell", "rejected"]
"""``waiting`` to be verified; ``held`` because it cannot be right as it is; ``merged`` with another of one passage."""
Verdict = Literal["true", "not_him", "cannot_tell"]
Settlement = Literal["release", "reject"]
"""What is done with a sighting that is held: it goes on to be verified, or comes to nothing."""
HeldFor = Literal[
    "unknown_lookout",
    "lookout_not_approved",
    "lookout_lifted",
    "lookout_expired",
    "in_the_future",
    "too_old",
    "jump",
    "off_road",
    "too_fast",
    "too_fast_by_road",
]
"""Why a sighting is held, the first of these that is so."""
LookoutEnd = Literal["lifted", "expired"]


class LookoutTerms(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a lookout says besides who it is about.

    Attributes
    ----------
    reference
        The number of whoever keeps the list; a reference, never a name or a plate.
    type
        The run card of its sightings.
    told
        Offices that are told of each verified sighting, by the ids of the run cards.
    until
        When it ends unless it is extended, in ms since the epoch.
    """

    reference: str
    list_class: ListClass
    case_number: str
    until: int
    type: str = "wanted_sighting"
    told: tuple[str, ...] = ()
    exercise: bool = False


class Lookout(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A standing request about a subject.

    Attributes
    ----------
    key
        The idempotency key that it came with.
    seq
        The event that issued it: its personal part says who the subject is.
    track
        The verified sightings by the time at which the subject was there, oldest first.
    incident
        The pursuit that is open; None while nobody is after the subject.
    """

    id: LookoutId
    terms: LookoutTerms
    state: LookoutState
    key: str
    seq: int
    asked_by: str
    issued_at: int
    approved_by: str = ""
    approved_at: int | None = None
    ended_by: str = ""
    ended_at: int | None = None
    ended_reason: str = ""
    track: tuple[SightingId, ...] = ()
    incident: IncidentId | None = None


class SightingReport(Placed, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The subject of a lookout was seen. ``source`` and ``source_ref`` together are its idempotency key.

    Attributes
    ----------
    lookout
        Its id, or the reference of the list that it is on.
    confidence
        0 to 1, as the source puts it.
    accuracy_m
        How far off the place may be.
    """

    lookout: str
    source: str
    source_ref: str
    lon: float
    lat: float
    at: int
    confidence: float
    mode: Mode = "foot"
    heading_deg: float | None = None
    accuracy_m: float = 50.0
    details: Details = Details()


class Sighting(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One report that a subject was seen, and what became of it.

    Attributes
    ----------
    lookout
        None while it is not known which is meant.
    at, reported_at
        When the subject was there, and when we heard of it.
    held_for
        Why it was held, also after it has been released.
    merged_into
        The sighting of the same passage that it was added to.
    line, asked
        Who may verify it, and how far the asking has come; see `engine.model.entities.Step`.
    """

    id: SightingId
    lookout: LookoutId | None
    source: str
    source_ref: str
    lon: float
    lat: float
    at: int
    confidence: float
    mode: Mode
    accuracy_m: float
    reported_at: int
    state: SightingState
    seq: int
    heading_deg: float | None = None
    held_for: HeldFor | None = None
    merged_into: SightingId | None = None
    line: tuple[Asked, ...] = ()
    asked: int = 0
    decided_by: str = ""
    decided_as: str = ""
    decided_at: int | None = None


OPEN_SIGHTINGS: frozenset[SightingState] = frozenset(("waiting", "held"))
"""Somebody still has to look at these."""
VERIFIABLE: frozenset[SightingState] = frozenset(("waiting", "true", "not_him", "cannot_tell"))
"""A verdict may be given on these; a later one stands in place of the first."""
