"""How fast a subject may be on the roads, by how they move; and where roads are to be held around them.

Two measures: what can be believed of a sighting, far beyond what anybody drives; and what is planned against, as fast
as anybody. Networks and planners are made when they are first asked for and kept. `plan_posts` runs in a worker.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.containment.matching import AMPLE
from engine.containment.plan import SURE_STRETCH
from engine.containment.suspect import fastest_ms
from engine.core.city import City
from engine.core.neighbours import WayOut, leaving, ways_out
from engine.dispatch.search.walking import WALK_MPS
from engine.model.ids import StationId, UnitId
from engine.model.limits import LONGEST_HORIZON_MS
from engine.model.lookouts import Mode
from engine.model.pursuits import Leaving, Post, Proposal, Stage
from engine.travel import TravelTimes
from geo_data.raw_roads import Mode as RoadMode
from geo_data.speeds import NEVER

if TYPE_CHECKING:
    from engine.containment.ground import Ground, Surveyor
    from engine.containment.plan import Post as PlannedPost
    from engine.containment.planning import Planner
    from engine.containment.situation import Situation
    from engine.travel.weights import Weights

FASTER, AT_LEAST_MPS = 2.0, 30.0
"""For a sighting to be believed a car may be so much faster than anybody, and anywhere as fast as this."""
RUN_MPS, FLEE_MPS = 8.0, 6.0
"""On foot: what can be believed; what is planned against, a good runner over minutes."""
PATH_MPS = 15.0
"""On two wheels where no car may go."""


WORTH, AMPLY = 200, 2_000
"""Thousandths of stretch: posts that are a seal already are moved for so much more, and never once they have this."""


class Flight:
    """The subject's own travel times over a city's roads; they know no closures, which stop nobody who flees."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._times: dict[Mode, TravelTimes] = {}
        self._planners: dict[Mode, Planner] = {}
        self._surveyors: dict[Mode, Surveyor] = {}
        self.lock = threading.Lock()
        """Held by the worker that plans."""
        self.surveying = threading.Lock()
        """Held by the worker that looks where a subject may go: it does not wait for one that plans."""

    def times(self, mode: Mode) -> TravelTimes:
        """Return the fastest that can be believed of a mode, by search alone."""
        found = self._times.get(mode)
        if found is None:
            found = self._times[mode] = TravelTimes(self._city.network, self._believed_ms(mode))
        return found

    @cached_property
    def walking(self) -> TravelTimes:
        """Return the travel times of somebody who walks and is in no hurry; each thread asks a clone."""
        return TravelTimes(self._city.network, self._by_path_ms(WALK_MPS))

    def _believed_ms(self, mode: Mode) -> NDArray[np.int32]:
        by_path = self._by_path_ms(RUN_MPS if mode == "foot" else PATH_MPS)
        if mode == "foot":
            return by_path
        driven = fastest_ms(self._city.network, self._city.speeds, FASTER)
        reckless = np.ceil(np.asarray(self._city.network.arc_length_m, np.float64) / AT_LEAST_MPS * 1000)
        driven = np.where(driven < NEVER, np.minimum(driven, np.maximum(reckless, 1)), NEVER).astype(np.int32)
        return np.minimum(driven, by_path) if mode == "two_wheels" else driven

    def _by_path_ms(self, speed_mps: float) -> NDArray[np.int32]:
        """Return what each arc takes at one speed wherever one may walk; `NEVER` elsewhere."""
        network = self._city.network
        walked = (np.asarray(network.arc_modes) & int(RoadMode.FOOT)) != 0
        ms = np.clip(np.asarray(network.arc_length_m, np.float64) / speed_mps * 1000, 1, NEVER - 1)
        by_path = np.where(walked, ms, NEVER).astype(np.int32)
        by_path[np.asarray(network.is_turn)] = 1
        return by_path

    def fleeing(self, mode: Mode) -> TravelTimes:
        """Return the travel times of who flees, as plans have them."""
        return TravelTimes(self._city.network, self._fleeing_ms(mode))

    def planner(self, mode: Mode, weights: "Weights") -> "Planner":
        """Return what plans containments of a mode over a version of the units' times; one thread at a time."""
        from engine.containment.planning import Planner  # noqa: PLC0415 - scipy and numba, wanted with a pursuit

        kept = self._planners.get(mode)
        if kept is None or kept.weights is not weights:
            kept = self._planners[mode] = Planner(weights, self._fleeing_ms(mode))
        return kept

    def surveyor(self, mode: Mode, weights: "Weights") -> "Surveyor":
        """Return what lays out where a subject may go; one thread at a time."""
        from engine.containment.ground import Surveyor  # noqa: PLC0415 - as above

        kept = self._surveyors.get(mode)
        if kept is None or kept.weights is not weights:
            kept = self._surveyors[mode] = Surveyor(weights, self._fleeing_ms(mode))
        return kept

    @cached_property
    def exits(self) -> NDArray[np.int32]:
        """Nodes at which whoever flees is away: where streets break off at the edge of the map."""
        import shapely  # noqa: PLC0415 - as above

        from engine.containment.exits import exits_of  # noqa: PLC0415 - as above

        network = self._city.network
        return exits_of(network, self._fleeing_ms("car"), shapely.box(*network.bounds())).node

    @cached_property
    def barred(self) -> dict[StationId, int]:
        """The node that each standing checkpoint bars: the exit that it stands at, else the nearest crossing."""
        from engine.containment.standing import barred_nodes  # noqa: PLC0415 - as above

        network, standing = self._city.network, [its for its in self._city.stations if its.is_checkpoint]
        lon, lat = (np.array([getattr(its, name) for its in standing], np.float64) for name in ("lon", "lat"))
        driven = np.unique(np.asarray(network.arc_tail)[self._fleeing_ms("car") < NEVER])
        nodes = barred_nodes(network, lon, lat, self.exits, driven)
        return {its.id: node for its, node in zip(standing, nodes.tolist(), strict=True) if node >= 0}

    @cached_property
    def ways_out(self) -> tuple[WayOut, ...]:
        """Where whoever flees leaves towards a neighbour city."""
        city = self._city
        return ways_out(city.network, city.snapper, self._fleeing_ms("car"), city.neighbours)

    def leaving(self, mode: Mode, ground: "Ground", now: int) -> tuple[Leaving, ...]:
        """Return the neighbour cities that a subject can reach, each by the way that is soonest."""
        return leaving(self.ways_out, ground, self._fleeing_ms(mode), now) if self._city.neighbours else ()

    def _fleeing_ms(self, mode: Mode) -> NDArray[np.int32]:
        """Return what each arc takes who flees: in a car as fast as anybody, on foot at a run."""
        network = self._city.network
        if mode == "car":
            return fastest_ms(network, self._city.speeds)
        by_path = self._by_path_ms(FLEE_MPS if mode == "foot" else PATH_MPS)
        return by_path if mode == "foot" else np.minimum(fastest_ms(network, self._city.speeds), by_path)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a worker needs to plan where roads are to be held, frozen: nothing of it changes under its hands.

    Attributes
    ----------
    seen
        Where on the roads the subject may have been, arcs and fractions: a sighting is no better than its accuracy.
    now, seen_at
        Instants; the times of the answer are counted from ``now``.
    units, unit_arc, unit_fraction, turnout_ms
        Who could hold a post, and where each is.
    calls
        Standing checkpoints that may be told, and in how long from ``now`` each bars its road, in ms.
    standing
        Posts that are ordered already: where they still shut the subject in they are kept.
    """

    mode: Mode
    weights: "Weights"
    times_version: int
    now: int
    stage: Stage
    seen: tuple[tuple[int, float], ...]
    seen_at: int
    heading_deg: float | None
    horizon_ms: int
    units: tuple[UnitId, ...]
    unit_arc: NDArray[np.int32]
    unit_fraction: NDArray[np.float64]
    turnout_ms: NDArray[np.int64]
    calls: tuple[tuple[StationId, int], ...] = ()
    standing: tuple[Post, ...] = ()


def plan_posts(flight: Flight, question: Question) -> Proposal:
    """Return where roads are to be held: the posts that stand already where they are a seal, else a plan.

    Raises
    ------
    Refusal
        When the subject was seen where they cannot go, or the question is out of bounds.
    """
    from engine.containment.situation import Checkpoints, Crew, Seen, Situation  # noqa: PLC0415 - as above

    calls = [(station, call_ms) for station, call_ms in question.calls if station in flight.barred]
    situation = Situation(
        seen=tuple(Seen(arc, fraction, question.now - question.seen_at) for arc, fraction in question.seen),
        horizon_ms=question.horizon_ms,
        crew=Crew.of(question.unit_arc, question.unit_fraction, question.turnout_ms),
        checkpoints=Checkpoints.of([flight.barred[its] for its, _ in calls], [call_ms for _, call_ms in calls]),
        exits=flight.exits,
        heading_deg=question.heading_deg,
    )
    with flight.lock:
        planner = flight.planner(question.mode, question.weights)
        kept = _kept(planner, situation, question)
        if kept is not None and (question.stage == "first" or kept.stretch >= AMPLY):
            return kept
        case = planner.case(situation)
        plan = case.first() if question.stage == "first" else case.probable()
    if kept is not None and (plan.verdict != "sealed" or plan.stretch < kept.stretch + WORTH):
        return kept
    called = [station for station, _ in calls]
    posts = tuple(_told(post, question, called, situation.setup_ms) for post in plan.posts)
    why, chance = plan.why, plan.chance
    return Proposal(
        verdict=plan.verdict,
        made_at=question.now,
        times_version=question.times_version,
        posts=posts,
        stretch=plan.stretch,
        reason="" if why is None else why.reason,
        posts_needed=None if why is None else why.posts,
        units_in_time=None if why is None else why.units,
        probability=None if chance is None else chance.probability,
        low=None if chance is None else chance.low,
        high=None if chance is None else chance.high,
        leaving=flight.leaving(question.mode, case.ground, question.now),
    )


def _told(post: "PlannedPost", question: Question, called: Sequence[StationId], setup_ms: int) -> Post:
    """Return a post of a plan with the ids of whoever holds it, and instants."""
    is_call = post.duty == "call"
    units = () if is_call else post.units
    turnout_ms = max((int(question.turnout_ms[row]) for row in units), default=0)
    return Post(
        lon=post.lon,
        lat=post.lat,
        duty="block" if post.duty == "stand" else post.duty,
        units=tuple(question.units[row] for row in units),
        watch_deg=post.watch_deg,
        due_at=question.now + post.due_ms,
        ready_at=question.now + post.ready_ms,
        fixed_ms=post.ready_ms if is_call else setup_ms + turnout_ms,
        stretch=post.stretch,
        station=called[post.units[0]] if is_call else None,
    )


def _kept(planner: "Planner", situation: "Situation", question: Question) -> Proposal | None:
    """Return the posts that are ordered already, where the subject as seen now gets past none of them; else None."""
    if not question.standing:
        return None
    ground = _wider(planner, situation)
    if ground is None:
        return None
    places, posts = _standing(ground, question)
    ready = np.array([max(0, post.ready_at - question.now) for post in posts], np.int64)
    if not posts or planner.adversary.gap(ground, np.array(places, np.int32), ready):
        return None
    return Proposal(
        verdict="sealed",
        made_at=question.now,
        times_version=question.times_version,
        posts=tuple(posts),
        stretch=min(post.stretch for post in posts),
    )


def _wider(planner: "Planner", situation: "Situation") -> "Ground | None":
    """Return the ground out of which the subject must not get past posts of an earlier plan.

    What they enclose was drawn around an earlier place, so it is looked at as far as twice the horizon: whoever gets
    out of it can get that far. Where nobody can, since the map ends there, any post at all would look like a seal: then
    as far as half-way between the horizon and the map's end; None where that shuts the subject in by itself as well.
    """
    horizon_ms = situation.horizon_ms
    ground = planner.surveyor.survey(replace(situation, horizon_ms=min(2 * horizon_ms, LONGEST_HORIZON_MS)))
    if _leads_out(planner, ground):
        return ground
    end_ms = int(ground.due_ms.max(initial=0))
    if end_ms <= horizon_ms:
        return None
    ground = planner.surveyor.survey(replace(situation, horizon_ms=(horizon_ms + end_ms) // 2))
    return ground if _leads_out(planner, ground) else None


def _leads_out(planner: "Planner", ground: "Ground") -> bool:
    return bool(planner.adversary.gap(ground, np.empty(0, np.int32), np.empty(0, np.int64)))


def _standing(ground: "Ground", question: Question) -> tuple[list[int], list[Post]]:
    """Return the places of the ground at which posts stand in time, and those posts as they are seen from now."""
    network = ground.network
    places: list[int] = []
    posts: list[Post] = []
    for post in question.standing:
        found = np.flatnonzero((network.node_lon == post.lon) & (network.node_lat == post.lat))
        at = next((int(ground.local[node]) for node in found.tolist() if ground.local[node] >= 0), -1)
        if at < 0 or post.duty == "circulate":
            continue
        due_ms, ready_ms = int(ground.due_ms[at]), max(0, post.ready_at - question.now)
        fixed_ms = min(post.fixed_ms, ready_ms)
        way_ms = max(0, ready_ms - post.fixed_ms)
        stretch = AMPLE if way_ms == 0 else min(AMPLE, (due_ms - fixed_ms) * 1000 // way_ms)
        if stretch < SURE_STRETCH or ready_ms > due_ms:
            continue
        places.append(at)
        posts.append(msgspec.structs.replace(post, due_at=question.now + due_ms, stretch=stretch, fixed_ms=fixed_ms))
    return places, posts
