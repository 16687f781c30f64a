"""What HTTP takes and gives of lookouts and sightings; see `engine.service.bodies`."""

from typing import Annotated

import msgspec

from engine.model.ids import LookoutId
from engine.model.limits import LONGEST_NAME, MOST_TOLD, WORST_ACCURACY_M
from engine.model.lookouts import (
    HeldFor,
    ListClass,
    Lookout,
    LookoutState,
    LookoutTerms,
    Mode,
    Settlement,
    Sighting,
    SightingState,
    Verdict,
)
from engine.service.bodies import Heading
from engine.wire.fields import Id, Instant, Lat, Lon, Text, Word
from geo_data.datum import Datum


class _Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class LookoutIn(_Body, frozen=True, forbid_unknown_fields=True):
    """A request to look out for somebody or something. ``key`` makes it safe to send again.

    ``label`` and ``text`` say who it is about: kept encrypted, shown to who may read details, is sent or is told, and
    to nobody once the lookout has ended. ``told`` are offices of the run cards.
    """

    key: Id
    reference: Id
    list_class: ListClass
    case_number: Id
    until: Instant
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
    text: Text = ""
    type: Id = "wanted_sighting"
    told: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MOST_TOLD)] = ()
    exercise: bool = False

    def terms(self) -> LookoutTerms:
        """Return what it says besides who it is about."""
        return LookoutTerms(**{name: getattr(self, name) for name in LookoutTerms.__struct_fields__})


class LookoutBody(_Body, frozen=True):
    """A lookout, but for whom it is about: that is read for a reason, while it holds."""

    id: str
    terms: LookoutTerms
    state: LookoutState
    asked_by: str
    issued_at: int
    approved_by: str = ""
    approved_at: int | None = None
    ended_by: str = ""
    ended_at: int | None = None
    ended_reason: str = ""
    track: tuple[str, ...] = ()
    incident: str | None = None

    @classmethod
    def of(cls, lookout: Lookout) -> "LookoutBody":
        """Copy a lookout of the state."""
        return cls(**{name: getattr(lookout, name) for name in cls.__struct_fields__})


class LookoutTaken(_Body, frozen=True):
    """What became of a request; without ``lookout`` it came before and is kept no more."""

    lookout: LookoutBody | None
    duplicate: bool


class LookoutList(_Body, frozen=True):
    """The lookouts, newest first."""

    lookouts: tuple[LookoutBody, ...]


class ExtendIn(_Body, frozen=True, forbid_unknown_fields=True):
    """Until when a lookout holds, and why longer."""

    until: Instant
    reason: Id


class EndLookoutIn(_Body, frozen=True, forbid_unknown_fields=True):
    """Why a lookout is lifted."""

    reason: Id


class SightingIn(_Body, frozen=True, forbid_unknown_fields=True):
    """The subject of a lookout was seen. The same ``source_ref`` again changes nothing.

    ``lookout`` is its id or its reference. ``source`` says which of several of the token's own, such as a camera: on
    record it stands behind the token's name, ``plates/camera-7``. ``at`` is the instant of arrival when it is left out.
    """

    lookout: Id
    source_ref: Id
    lon: Lon
    lat: Lat
    confidence: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
    source: Word = ""
    datum: Datum = "wgs84"
    at: Instant | None = None
    mode: Mode = "foot"
    heading_deg: Heading | None = None
    accuracy_m: Annotated[float, msgspec.Meta(ge=0.0, le=WORST_ACCURACY_M)] = 50.0
    text: Text = ""


class SightingBody(_Body, frozen=True):
    """A sighting and what became of it, but for what was said of it: that is read for a reason."""

    id: str
    lookout: str | None
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
    heading_deg: float | None = None
    held_for: HeldFor | None = None
    merged_into: str | None = None
    line: tuple[str, ...] = ()
    decided_by: str = ""
    decided_as: str = ""
    decided_at: int | None = None

    @classmethod
    def of(cls, sighting: Sighting) -> "SightingBody":
        """Copy a sighting of the state."""
        same = {name: getattr(sighting, name) for name in cls.__struct_fields__ if name != "line"}
        return cls(line=tuple(asked.by for asked in sighting.line), **same)


class SightingTaken(_Body, frozen=True):
    """What became of a report; without ``sighting`` it came before and is kept no more."""

    sighting: SightingBody | None
    duplicate: bool


class SightingList(_Body, frozen=True):
    """The sightings of the last day, newest first, at most 500."""

    sightings: tuple[SightingBody, ...]


class VerifyIn(_Body, frozen=True, forbid_unknown_fields=True):
    """Whether it was the subject, said in whose place (by default of whoever was asked last)."""

    verdict: Verdict
    acting_as: Word = ""
    reason: Word = ""


class SettleIn(_Body, frozen=True, forbid_unknown_fields=True):
    """Whether a held sighting goes on to be verified, and of which lookout it is where that was unknown."""

    what: Settlement
    lookout: LookoutId | None = None
    reason: Word = ""
