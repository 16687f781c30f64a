"""What a city decides once: the limits and named policies that decisions keep to."""

from dataclasses import dataclass
from typing import Literal

NO_AGE_LIMIT = -(1 << 62)
"""Before any instant: positions of whatever age count."""


@dataclass(frozen=True, kw_only=True)
class Policies:
    """A city's policies; every one has a default that a command centre can start with."""

    stale_position_ms: int = 600_000
    """A unit whose position is older than this is not sent; 0 trusts any age, for units that stand at a base."""
    fresh_position_ms: int = 60_000
    """A position counts as it is up to this age; from there to ``stale_position_ms`` its age counts against it."""
    age_penalty_ms_per_s: int = 250
    """What each further second of a position's age counts, in ms; 0 counts none."""
    snap_limit_m: float = 1_000.0
    """How far from a road an alert or a unit may be."""
    alert_ahead_ms: int = 60_000
    """How far ahead of our clock a source's clock may be."""
    alert_age_ms: int = 86_400_000
    """How old an alert may be when it is reported."""
    sighting_ahead_ms: int = 5_000
    """How far ahead of our clock a sighting may be; one farther ahead is held."""
    sighting_age_ms: int = 1_800_000
    """How old a sighting may be when it is reported; an older one is held."""
    sighting_merge_ms: int = 60_000
    """So near in time, and ``sighting_merge_m`` in place, two sightings of one lookout are of one passage."""
    sighting_merge_m: float = 150.0
    contain_horizon_ms: int = 480_000
    """How far ahead a pursuit plans which roads to hold; 0 plans none."""
    ahead_horizon_ms: int = 480_000
    """How far ahead it is looked who can be before a subject who flees; 0 sends who is nearest."""
    search_check_ms: int = 180_000
    """How long a look at one place of a search takes, where whoever reports it does not say."""
    search_callers: int = 1
    """How many people telephone to the places of a search, while units drive there; 0 for nobody."""
    search_call_ms: int = 90_000
    """How long such a call takes."""
    search_call_sure: float = 0.5
    """How probably a call finds who is there; below 1, so that the door is looked at all the same."""
    others: int = 20
    """How many further candidates a recommendation names."""
    excluded: int = 20
    """How many units that would have been sooner a recommendation names, with the reason why not."""
    joint_most: int = 64
    """How many demands one joint plan decides; the rest wait for the next."""
    joint_inline: int = 8
    """Up to so many demands are decided within the core; more of them are a job for a worker."""
    window_ms: int = 0
    """How long demands below level 1 wait for each other to be decided together; 0 decides everything at once."""
    reserve: int = 0
    """How many ready units of each capability stay back from levels below ``reserve_level``; 0 keeps none back."""
    reserve_level: int = 1
    """The least urgent level that may use the reserve."""
    diversion_level: int = 1
    """The least urgent level that may take units off orders of lower levels that they are under way to; 0 for none.
    Level 1 does by default: rooms have always done it by radio, and a call about a life does not wait for the next free
    car while one that goes to a noise complaint passes by. Below it, being turned round costs more than it is worth."""
    diversion_cost_ms: int = 60_000
    """What taking a unit off a lower order counts."""
    diversion_saving_ms: int = 0
    """What a plan must be better by for each unit that is taken off an order of the same level; 0 takes nobody."""
    default_zone: Literal["town", "edge", "village"] = "town"
    """The zone of a place that lies in no area of kind zone: the times of run cards may differ by zone."""
    other_station_ms: int = 0
    """What it counts against a unit below level 1 that the place belongs to another station; 0 counts nothing."""
    other_branch_ms: int = 0
    """What it counts besides that the place belongs to another branch."""
    other_beat_ms: int = 600_000
    """What it counts against who answers for beats, and not for that of the place."""
    prefer_ms: int = 60_000
    """By how much sooner somebody must be there who has nothing that the run card prefers; at level 1 at most
    ``tie_window_ms``. 0 heeds no preference."""
    rest_min_ms: int = 28_800_000
    """How long somebody is off duty between two shifts at least; shifts that follow at once are one."""
    short_rest: Literal["warn", "refuse"] = "warn"
    """What is done about a roster with less rest: it is taken with a warning, or not at all."""
    emergency_type: str = "officer_in_danger"
    """The type of the incident that an emergency button opens, always at level 1."""
    close: Literal["by_person", "by_rule"] = "by_person"
    """Who closes an incident once everything about it is done."""
    cover: Literal["off", "ties", "in_time"] = "off"
    """Whether cover chooses: never; among those within ``tie_window_ms`` of the soonest; or, below level 1, among all
    who are there within the card's time of arrival."""
    tie_window_ms: int = 30_000
    """Who arrives so little after the soonest is as good, where cover chooses."""
    cover_standard_ms: int = 480_000
    """Within what time of an order a place must be reached for a unit to cover it."""
    cover_busy: float = 0.3
    """How likely a unit is busy when it is wanted, where cover is reckoned; below 1."""
    cover_resolution: int = 7
    """H3 resolution of the cells that cover is reckoned by; coarser where there would be more than 500."""

    def seen_after(self, now: int) -> int:
        """Return the instant before which no position counts, in ms since the epoch."""
        return now - self.stale_position_ms if self.stale_position_ms else NO_AGE_LIMIT


@dataclass(frozen=True, kw_only=True)
class VerificationPolicy:
    """Sightings that need no person to verify them, named so that the record can say what let them go.

    Attributes
    ----------
    name
        Stands in the record as the actor ``policy:<name>``.
    sources
        Whose sightings: by the name of their token, or that and which of its own, ``plates/camera-7``.
    confidence
        The least that the source must put.
    list_classes
        Of which lookouts.
    """

    name: str
    sources: tuple[str, ...]
    confidence: float
    list_classes: tuple[str, ...]

    def lets_go(self, source: str, confidence: float, list_class: str) -> bool:
        """Tell whether a sighting needs no person."""
        known = any(source == its or source.startswith(f"{its}/") for its in self.sources)
        return known and confidence >= self.confidence and list_class in self.list_classes
