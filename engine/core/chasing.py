"""What is known of where a subject may flee, as the demands of a pursuit ask it: likely ways, or why there are none.

Only who is to be seized, and flees, is got ahead of. A sighting of longer ago than the horizon says nothing of where he
is; and who is seen twice at about the same place stands still: then who is nearest goes, decided at once. Else his ways
are drawn in the worker that decides, which takes longer than the core has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.core.draft import Draft
from engine.core.flight import Flight
from engine.core.plausible import metres_between
from engine.core.world import World
from engine.dispatch.ahead import Pursued, Ways
from engine.dispatch.wanted import Wanted
from engine.model.entities import Order
from engine.model.errors import Refusal
from engine.model.ids import IncidentId, LookoutId, SightingId
from engine.model.lookouts import Lookout, Mode, Sighting
from engine.model.recommendation import Chased, Meeting
from geo_data.snapping import OffRoad, metres_per_degree

if TYPE_CHECKING:
    from engine.travel.weights import Weights

STILL_MS, STILL_M = 60_000, 100.0
"""Who is seen again after so long, no farther off than the places may be wrong and at most this, stands still."""
ROUTES = 2_000
"""Ways that are drawn: a share of them is within about two in a hundred."""
SEED = 1


@dataclass(frozen=True, kw_only=True)
class Hunt:
    """What a worker needs to draw a subject's ways, frozen."""

    sighting: SightingId
    mode: Mode
    seen: tuple[tuple[int, float], ...]
    ago_ms: int
    heading_deg: float | None
    horizon_ms: int


def asked_about(world: World, wanted: Sequence[Wanted], now: int) -> tuple[list[Wanted], dict[IncidentId, Hunt]]:
    """Return demands with what is known of whom they pursue, and of which pursuits the ways are to be drawn."""
    its = {want.incident: known_of(world, want.incident, now) for want in wanted}
    world.too_late.difference_update(its)
    known = {incident: one for incident, one in its.items() if isinstance(one, Pursued)}
    hunts = {incident: one for incident, one in its.items() if isinstance(one, Hunt)}
    return with_known(wanted, known), hunts


def with_known(wanted: Sequence[Wanted], known: Mapping[IncidentId, Pursued]) -> list[Wanted]:
    """Return demands with what is known of whom they pursue."""
    return [replace(want, pursued=known[want.incident]) if want.incident in known else want for want in wanted]


def draw_ways(flight: Flight, hunt: Hunt, weights: "Weights") -> Pursued:
    """Draw the ways that a subject may take; it never fails, as whoever waits for it would wait for ever."""
    from engine.containment.routes import draw, lay_maze  # noqa: PLC0415 - scipy and numba, wanted with a pursuit
    from engine.containment.situation import Crew, Seen, Situation  # noqa: PLC0415 - as above

    situation = Situation(
        seen=tuple(Seen(arc, fraction, hunt.ago_ms) for arc, fraction in hunt.seen),
        horizon_ms=hunt.horizon_ms,
        crew=Crew.of([], []),
        exits=flight.exits,
        heading_deg=hunt.heading_deg,
    )
    try:
        with flight.surveying:
            ground = flight.surveyor(hunt.mode, weights).survey(situation)
    except Refusal:
        return Pursued(sighting=hunt.sighting, why="off_his_roads")
    sample = draw(ground, lay_maze(ground), SEED, ROUTES)
    nodes = np.flatnonzero(ground.local >= 0).astype(np.int32)
    return Pursued(
        sighting=hunt.sighting,
        why="ahead",
        horizon_ms=hunt.horizon_ms,
        known_heading=hunt.heading_deg is not None,
        ways=Ways(nodes, ground.local[nodes], sample.first, sample.ms, sample.routes),
    )


def is_newest(world: World, incident: IncidentId, chased: Chased | None) -> bool:
    """Tell whether what was reckoned of a subject is of where they were seen last; true where nothing was."""
    if chased is None:
        return True
    lookout = lookout_of(world, incident)
    return lookout is not None and bool(lookout.track) and lookout.track[-1] == chased.sighting


def is_ahead(meeting: Meeting | None, late_ms: int) -> bool:
    """Tell whether somebody who is sent so much later than reckoned is still ahead; true where nobody was."""
    return meeting is None or late_ms <= meeting.ahead_ms


def tell_ahead(draft: Draft, order: Order, meeting: Meeting) -> None:
    """Let whoever is sent ahead of a subject know that the place is none where the subject was seen."""
    draft.notify(
        order.recipient,
        "ahead_of_subject",
        order=order.id,
        incident=order.incident,
        lon=f"{meeting.lon:.5f}",
        lat=f"{meeting.lat:.5f}",
        seconds=str(meeting.at_ms // 1000),
    )


def places_of(world: World, seen: Sighting) -> tuple[tuple[int, float], ...]:
    """Return where on the roads the subject may have been: at the place itself, or as far off as it may be wrong."""
    per_lon, per_lat = metres_per_degree(seen.lat)
    place = world.place(seen.lon, seen.lat)
    found = {place.arc: place.fraction}
    for turn in np.arange(0.0, 2 * np.pi, np.pi / 4):
        east, north = np.sin(turn) * seen.accuracy_m / per_lon, np.cos(turn) * seen.accuracy_m / per_lat
        try:
            other = world.place(seen.lon + east, seen.lat + north)
        except OffRoad:
            continue
        found.setdefault(other.arc, other.fraction)
    return tuple(found.items())


def known_of(world: World, incident: IncidentId, now: int) -> Pursued | Hunt | None:
    """Return what is known of the subject of a pursuit, or what is to be asked; None where nobody is got ahead of."""
    lookout, horizon_ms = lookout_of(world, incident), world.city.policies.ahead_horizon_ms
    if lookout is None or lookout.terms.list_class != "seize" or not lookout.track or not horizon_ms:
        return None
    track = [world.state.sightings[name] for name in lookout.track[-2:]]
    seen = track[-1]
    if incident in world.too_late:
        return Pursued(sighting=seen.id, why="planned_too_late")
    if now - seen.at >= horizon_ms:
        return Pursued(sighting=seen.id, why="seen_long_ago")
    if len(track) > 1 and _stands_still(*track):
        return Pursued(sighting=seen.id, why="stands_still")
    return Hunt(
        sighting=seen.id,
        mode=seen.mode,
        seen=places_of(world, seen),
        ago_ms=max(0, now - seen.at),
        heading_deg=seen.heading_deg,
        horizon_ms=horizon_ms,
    )


def _stands_still(before: Sighting, seen: Sighting) -> bool:
    near_m = min(STILL_M, before.accuracy_m + seen.accuracy_m)
    return seen.at - before.at >= STILL_MS and metres_between(before, seen) <= near_m


def lookout_of(world: World, incident: IncidentId) -> Lookout | None:
    """Return the lookout that an incident is the pursuit of; None for any other incident."""
    its = world.state.incidents.get(incident)
    return None if its is None or its.lookout is None else world.state.lookouts.get(LookoutId(its.lookout))
