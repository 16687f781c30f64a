"""Whether a subject can have been where a sighting says, by what is known of them already.

A sighting is held against its neighbours in the track, before and after it in time: between the two the subject went at
most as fast as their faster mode allows. First in a straight line; where the two are near each other also by road,
far faster than anybody drives, in either direction, since whoever flees minds no one-way street. All is in favour of
the sighting: what is held here cannot be right, what passes may still be wrong.
"""

import numpy as np

from engine.core.world import World
from engine.model.lookouts import HeldFor, Mode, Sighting, SightingReport
from engine.travel import NoWay
from geo_data.lengths import distance_m
from geo_data.snapping import OffRoad

FASTEST_MPS: dict[Mode, float] = {"foot": 8.0, "two_wheels": 55.0, "car": 80.0}
"""Nobody keeps to more than this: a good runner, a motorcycle, a car on a motorway."""
SLACK_MS = 30_000
"""By how much the clocks of two sources may differ."""
JUMP_M = 300_000.0
"""So far from the last sighting of one day nobody is pursued further: it is another place's matter, or a mistake."""
BY_ROAD_M = 5_000.0
"""Up to this distance the way by road is asked as well."""


def why_not(world: World, track: list[Sighting], said: SightingReport) -> HeldFor | None:
    """Return why a sighting cannot belong to a track, oldest first; None where it can, or there is none yet."""
    before = next((its for its in reversed(track) if its.at <= said.at), None)
    after = next((its for its in track if its.at > said.at), None)
    found = [_between(world, its, said) for its in (before, after) if its is not None]
    for reason in ("jump", "too_fast", "too_fast_by_road"):
        if reason in found:
            return reason
    return None


def metres_between(one: Sighting | SightingReport, other: Sighting | SightingReport) -> float:
    """Return the distance between two sightings in a straight line."""
    here, there = (np.array([[its.lon], [its.lat]], np.float64) for its in (one, other))
    return float(distance_m(here[0], here[1], there[0], there[1])[0])


def _between(world: World, its: Sighting, said: SightingReport) -> HeldFor | None:
    apart_m = metres_between(its, said)
    if apart_m >= JUMP_M:
        return "jump"
    fastest = max(its.mode, said.mode, key=FASTEST_MPS.__getitem__)
    vague_m = its.accuracy_m + said.accuracy_m
    time_ms = abs(said.at - its.at) + SLACK_MS
    if (apart_m - vague_m) / FASTEST_MPS[fastest] * 1000 > time_ms:
        return "too_fast"
    if apart_m <= BY_ROAD_M and vague_m < apart_m:
        road_ms = _by_road_ms(world, fastest, its, said)
        if road_ms is not None and road_ms - vague_m / FASTEST_MPS[fastest] * 1000 > time_ms:
            return "too_fast_by_road"
    return None


def _by_road_ms(world: World, mode: Mode, one: Sighting, other: SightingReport) -> int | None:
    """Return the least time between two places by road, in ms; None where that is not known."""
    times = world.flight.times(mode)
    found = []
    try:
        here, there = world.place(one.lon, one.lat), world.place(other.lon, other.lat)
    except OffRoad:
        return None
    for begin, end in ((here, there), (there, here)):
        try:
            found.append(times.way(begin.arc, begin.fraction, end.arc, end.fraction)[-1])
        except NoWay:
            continue
    return min(found, default=None)
