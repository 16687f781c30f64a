"""Commands about lookouts and sightings: part of `engine.model.commands.Command`."""

import msgspec

from engine.model.entities import Details
from engine.model.ids import LookoutId, PlanId, SightingId
from engine.model.lookouts import LookoutTerms, Settlement, SightingReport, Verdict
from engine.model.pursuits import Aim, Proposal


class _Command(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="command"):
    actor: str


class IssueLookout(_Command, frozen=True, gc=False, tag="issue_lookout"):
    """Somebody asks to look out for a subject; ``details`` says who that is. To seize, a second person must agree."""

    key: str
    terms: LookoutTerms
    details: Details


class ApproveLookout(_Command, frozen=True, gc=False, tag="approve_lookout"):
    """A second person agrees to a lookout, which holds from then on."""

    lookout: LookoutId


class ExtendLookout(_Command, frozen=True, gc=False, tag="extend_lookout"):
    """Somebody lets a lookout hold longer."""

    lookout: LookoutId
    until: int
    reason: str


class LiftLookout(_Command, frozen=True, gc=False, tag="lift_lookout"):
    """Somebody ends a lookout: nobody looks for the subject any more, and open orders are withdrawn."""

    lookout: LookoutId
    reason: str


class ReportSighting(_Command, frozen=True, gc=False, tag="report_sighting"):
    """A source says that a subject was seen."""

    sighting: SightingReport


class VerifySighting(_Command, frozen=True, gc=False, tag="verify_sighting"):
    """A person says whether it was the subject, in the place of one who is asked: by default who was asked last.

    With a ``key`` the same again changes nothing, also where somebody has said otherwise since.
    """

    sighting: SightingId
    verdict: Verdict
    acting_as: str = ""
    reason: str = ""
    key: str = ""


class SettleHeld(_Command, frozen=True, gc=False, tag="settle_held"):
    """A person lets a held sighting go on, or rejects it. ``lookout`` says which is meant, where that was unknown.

    With a ``key`` the same again changes nothing, whatever has become of the sighting since.
    """

    sighting: SightingId
    what: Settlement
    lookout: LookoutId | None = None
    reason: str = ""
    key: str = ""


class ApplyAims(_Command, frozen=True, gc=False, tag="apply_aims"):
    """A worker hands back where those under way can be ahead of the subject, as reckoned at ``made_at``."""

    made_at: int
    aims: tuple[Aim, ...]


class ApplyContainment(_Command, frozen=True, gc=False, tag="apply_containment"):
    """A worker hands back where roads are to be held. The core holds it against what is so by now."""

    plan: PlanId
    proposal: Proposal | None
    failed: str = ""
