"""What HTTP takes and gives of closures and speeds; see `engine.service.bodies`."""

from typing import Annotated

import msgspec

from engine.model.limits import MOST_CORNERS, MOST_FED, MOST_RINGS, MOST_SPOTS
from engine.model.streets import HOURS_OF_WEEK, SpeedRule
from engine.service.bodies import Heading, PlainBody
from engine.wire.fields import Id, Instant, Lat, Lon, Text, Word
from geo_data.datum import Datum

Corner = tuple[Lon, Lat]
Hour = Annotated[int, msgspec.Meta(ge=0, le=HOURS_OF_WEEK)]
Kmh = Annotated[float, msgspec.Meta(gt=0.0, le=500.0)]


class SpotIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """The street at a place: both ways, or with a heading the way that goes there."""

    lon: Lon
    lat: Lat
    heading_deg: Heading | None = None


class SpeedRuleIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """Streets that are closed (``factor`` 0) or have another speed for a while. ``key`` makes it safe to send again.

    Where: the streets that touch a ring, single streets, or neither for the whole city; of these the ``classes``.
    When: in ``hours`` of the week in the city's time (0 is Monday from 0:00), until ``until``.
    """

    key: Id
    factor: Annotated[float, msgspec.Meta(ge=0.0, le=5.0)]
    datum: Datum = "wgs84"
    rings: Annotated[
        tuple[Annotated[tuple[Corner, ...], msgspec.Meta(min_length=3, max_length=MOST_CORNERS)], ...],
        msgspec.Meta(max_length=MOST_RINGS),
    ] = ()
    spots: Annotated[tuple[SpotIn, ...], msgspec.Meta(max_length=MOST_SPOTS)] = ()
    classes: Annotated[tuple[Word, ...], msgspec.Meta(max_length=32)] = ()
    hours: Annotated[tuple[tuple[Hour, Hour], ...], msgspec.Meta(max_length=HOURS_OF_WEEK)] = ()
    until: Instant | None = None
    reason: Text = ""


class LiftIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """Why a rule is lifted."""

    reason: Word = ""


class StandingRuleBody(PlainBody, frozen=True):
    """A rule over the streets that holds: who set it when, and how many arcs of today's roads it is about."""

    id: str
    rule: SpeedRule
    set_by: str
    set_at: int
    arcs: int
    holds_now: bool


class SpeedRuleTaken(PlainBody, frozen=True):
    """What became of a rule. A closure holds at once; all else with the version ``coming``."""

    rule: StandingRuleBody | None
    duplicate: bool
    version: int
    coming: int


class SpeedsBody(PlainBody, frozen=True):
    """The travel times in force: which version, which will hold all that was said so far, and what stands in them."""

    version: int
    coming: int
    hour: int
    live_arcs: int
    rules: tuple[StandingRuleBody, ...]


class FedSpeed(PlainBody, frozen=True, forbid_unknown_fields=True):
    """How fast a street is passed now: in km/h, or as a factor on its usual speed."""

    lon: Lon
    lat: Lat
    heading_deg: Heading | None = None
    kmh: Kmh | None = None
    factor: Annotated[float, msgspec.Meta(ge=0.02, le=5.0)] | None = None


class FeedIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """Live speeds, each in place of the one before; out of date after ``ttl_s``."""

    speeds: Annotated[tuple[FedSpeed, ...], msgspec.Meta(min_length=1, max_length=MOST_FED)]
    ttl_s: Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)] = 600.0
    datum: Datum = "wgs84"


class FeedTaken(PlainBody, frozen=True):
    """What became of live speeds; ``off_road`` counts those that have no street near."""

    arcs: int
    off_road: int
    version: int
    coming: int
