"""Events about lookouts and sightings: part of `engine.model.events.Body`."""

import msgspec

from engine.model.entities import Asked
from engine.model.ids import IncidentId, LookoutId, OrderId, PlanId, SightingId
from engine.model.lookouts import HeldFor, LookoutEnd, LookoutTerms, Mode, Verdict
from engine.model.pursuits import Outcome, PostDuty, Proposal, Stage
from engine.model.recommendation import Chased, Meeting


class _Body(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", omit_defaults=True):
    pass


class LookoutIssued(_Body, frozen=True, gc=False, tag="lookout_issued"):
    """A lookout was asked for. Who it is about is the event's personal part."""

    id: LookoutId
    terms: LookoutTerms
    key: str
    waits: bool = False
    """For a second person to agree."""


class LookoutApproved(_Body, frozen=True, gc=False, tag="lookout_approved"):
    """A second person agreed to a lookout: it holds from here on."""

    id: LookoutId


class LookoutExtended(_Body, frozen=True, gc=False, tag="lookout_extended"):
    """A lookout holds longer."""

    id: LookoutId
    until: int
    reason: str = ""


class LookoutEnded(_Body, frozen=True, gc=False, tag="lookout_ended"):
    """A lookout holds no more, and who it was about is told to nobody any more."""

    id: LookoutId
    why: LookoutEnd
    reason: str = ""


class SightingReported(_Body, frozen=True, gc=False, tag="sighting_reported"):
    """A sighting came in. What its source said in words is the event's personal part.

    ``line`` is who may verify it; ``held_for`` and ``merged_into`` say why it is not put before anybody as it is.
    """

    id: SightingId
    lookout: LookoutId | None
    source: str
    source_ref: str
    lon: float
    lat: float
    seen_at: int
    confidence: float
    mode: Mode
    accuracy_m: float
    heading_deg: float | None = None
    line: tuple[Asked, ...] = ()
    held_for: HeldFor | None = None
    merged_into: SightingId | None = None


class SightingReleased(_Body, frozen=True, gc=False, tag="sighting_released"):
    """A held sighting is to be verified like any other."""

    id: SightingId
    lookout: LookoutId
    line: tuple[Asked, ...]
    seen_at: int
    reason: str = ""
    key: str = ""


class SightingRejected(_Body, frozen=True, gc=False, tag="sighting_rejected"):
    """A held sighting comes to nothing."""

    id: SightingId
    reason: str = ""
    key: str = ""


class SightingPassedOn(_Body, frozen=True, gc=False, tag="sighting_passed_on"):
    """Nobody has verified a sighting in time: the next in line is asked."""

    id: SightingId
    to: str
    due_at: int


class SightingVerified(_Body, frozen=True, gc=False, tag="sighting_verified"):
    """It was the subject, or not, or nobody can tell: by the event's actor, a person or a named policy."""

    id: SightingId
    verdict: Verdict
    acting_as: str = ""
    reason: str = ""
    key: str = ""


class PursuitMoved(_Body, frozen=True, gc=False, tag="pursuit_moved"):
    """The subject was seen farther on: its incident is there now."""

    incident: IncidentId
    sighting: SightingId
    lon: float
    lat: float


class OrderAmended(_Body, frozen=True, gc=False, tag="order_amended"):
    """An open order says something else from here on, under a new version."""

    order: OrderId
    version: int
    lon: float
    lat: float
    eta_ms: int | None = None
    route: str = ""
    post: PostDuty | None = None
    """The post that it is for from here on."""
    meeting: Meeting | None = None
    """Where its unit is ahead of the subject, and what was reckoned of them."""
    chased: Chased | None = None


class ContainmentRequested(_Body, frozen=True, gc=False, tag="containment_requested"):
    """A worker is asked which roads to hold around the subject of a pursuit, seen where a sighting says."""

    plan: PlanId
    incident: IncidentId
    sighting: SightingId
    stage: Stage
    state_version: int


class ContainmentPlanned(_Body, frozen=True, gc=False, tag="containment_planned"):
    """What a worker's answer came to: held as it stands here, outdated by what has happened since, or failed."""

    plan: PlanId
    incident: IncidentId
    outcome: Outcome
    proposal: Proposal | None = None
    failed: str = ""
