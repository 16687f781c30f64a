"""Who goes on a search, and who looks where: units are chosen for what they bring the search as a whole.

The first thought is the nearest unit to the likeliest place; with several places and units the best are seldom those.
Units are added one by one, each time the one with which the subject is expected to be found soonest, then exchanged one
by one while that falls: the greedy choice with exchanges for a set function (G. Nemhauser, L. Wolsey, M. Fisher, "An
analysis of approximations for maximizing submodular set functions", 1978). Up to `EVERY` choices are all tried instead.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine.dispatch.force import Force
from engine.dispatch.options import Market
from engine.dispatch.policies import Policies
from engine.dispatch.search.planning import Search, SearchPlan, plan_search
from engine.dispatch.wanted import Wanted
from engine.model.ids import DemandId, UnitId
from engine.model.limits import MOST_SEEKERS
from engine.model.searches import Route, SearchProposal
from geo_data.speeds import NEVER

NEAR = 4
"""So many of the nearest to each place are candidates."""
EVERY = 200
"""So many choices of units are all tried."""
_PASSES = 3
"""How often everybody chosen is exchanged at most."""
WORTH_MS = 30_000
"""Nobody is turned round on the way to a place for less."""


@dataclass(frozen=True)
class Engaged:
    """A unit that is on the search already: its row, and the place that it is under way to or looks at, -1 for none.

    ``rolls`` says that no turnout is left; ``is_there`` that it looks at that place now, and will before any other.
    """

    row: int
    heading: int = -1
    rolls: bool = False
    is_there: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be planned: the places that are left, who is on the search, and what is wanted besides.

    Attributes
    ----------
    numbers
        What the places are called, in order; all else is by their order here.
    arc, fraction
        int32 (n,) and float64 (n,): where they are on the road network.
    chance, check_ms, can_call
        float64 (n,), int64 (n,) and bool (n,): see `Search`.
    wanted
        Demands that nobody goes for yet.
    """

    now: int
    numbers: tuple[int, ...]
    arc: NDArray[np.int32]
    fraction: NDArray[np.float64]
    chance: NDArray[np.float64]
    check_ms: NDArray[np.int64]
    can_call: NDArray[np.bool_]
    callers: int = 0
    call_ms: int = 0
    call_sure: float = 0.0
    engaged: tuple[Engaged, ...] = ()
    wanted: tuple[Wanted, ...] = ()


@dataclass(frozen=True)
class _Team:
    """Everyone who could seek, as rows of the fleet and of the tables; those on the search come first.

    ``able`` is bool (demands, seekers).
    """

    rows: NDArray[np.int64]
    first_ms: NDArray[np.int64]
    between_ms: NDArray[np.int64]
    able: NDArray[np.bool_]
    engaged: tuple[Engaged, ...] = field(default=())

    def search(self, question: Question, seekers: Sequence[int], *, hold: bool) -> Search:
        """Return the search of some of them; with ``hold`` whoever is under way to a place looks there first."""
        first, between = self.first_ms[list(seekers)], self.between_ms
        held = [(i, its) for i, its in enumerate(self.engaged) if its.heading >= 0 and (hold or its.is_there)]
        if held:
            first, between, taken = first.copy(), between.copy(), set[int]()
            for i, its in held:
                if its.heading in taken:
                    continue
                taken.add(its.heading)
                at, there_ms = its.heading, int(first[i, its.heading])
                _hold(first, between, i, at, there_ms + int(question.check_ms[at]))
        return Search(
            question.chance,
            question.check_ms,
            first,
            between,
            question.callers,
            np.where(question.can_call, question.call_ms, -1).astype(np.int64),
            question.call_sure,
        )


def _hold(first: NDArray[np.int64], between: NDArray[np.int64], seeker: int, at: int, done_ms: int) -> None:
    """Let a seeker look at a place before any other, and nobody else there."""
    onward = between[at]
    there_ms = int(first[seeker, at])
    first[seeker] = np.where(onward < NEVER, np.minimum(onward + done_ms, NEVER), NEVER)
    first[:, at] = NEVER
    first[seeker, at] = there_ms
    between[:, at] = NEVER


def seek(question: Question, force: Force, policies: Policies) -> SearchProposal:
    """Choose who goes for what is wanted, and plan who looks where; deterministic, for a worker.

    Raises
    ------
    Refusal
        When the search is out of bounds.
    """
    team = _gather(question, force, policies)
    chosen, slots = _choose(question, team)
    seekers = [*range(len(question.engaged)), *chosen]
    plan = plan_search(team.search(question, seekers, hold=False))
    steady = plan_search(team.search(question, seekers, hold=True))
    if _expected(steady) <= _expected(plan) + WORTH_MS:
        plan = steady
    ids = [UnitId(force.fleet.ids[row]) for row in team.rows[seekers].tolist()]
    fresh = {seeker: question.wanted[slot].demand for slot, seeker in slots.items()}
    routes = [
        Route(
            unit=unit,
            places=tuple(question.numbers[look.place] for look in looks),
            done_at=tuple(question.now + look.done_ms for look in looks),
            demand=fresh.get(seeker),
        )
        for unit, seeker, looks in zip(ids, seekers, plan.routes, strict=True)
        if looks or seeker < len(question.engaged)
    ]
    return SearchProposal(
        made_at=question.now,
        routes=tuple(routes),
        calls=tuple(question.numbers[look.place] for calls in plan.calls for look in calls),
        expected_ms=None if plan.expected_ms is None else round(plan.expected_ms),
        optimal=plan.optimal,
        unreached=tuple(question.numbers[place] for place in plan.unreached),
        short=_short(question, team, chosen),
    )


def _gather(question: Question, force: Force, policies: Policies) -> _Team:
    """Find everyone who could seek, and how long they take: those on the search, and the nearest to each place."""
    engaged, n = question.engaged, len(question.numbers)
    nearest: dict[int, int] = {}
    market = Market(force, policies, question.now, len(question.wanted), None)
    could: list[set[int]] = []
    for want in question.wanted:
        could.append(set())
        for arc, fraction in zip(question.arc.tolist(), question.fraction.tolist(), strict=True):
            ranking = market.options(replace(want, arc=arc, fraction=fraction)).ranking
            for row, cost_ms in zip(ranking.unit[:NEAR].tolist(), ranking.cost_ms[:NEAR].tolist(), strict=True):
                nearest[row] = min(nearest.get(row, NEVER), cost_ms)
                could[-1].add(row)
    on_it = {its.row for its in engaged}
    others = sorted((row for row in nearest if row not in on_it), key=lambda row: (nearest[row], row))
    rows = np.array([*(its.row for its in engaged), *others[: MOST_SEEKERS - len(engaged)]], np.int64)
    able = np.zeros((len(could), len(rows)), np.bool_)
    for slot, those in enumerate(could):
        able[slot] = [row in those for row in rows.tolist()]
    fleet, fixed_ms = force.fleet, force.fixed_ms
    way = np.full((len(rows), n), NEVER, np.int64)
    known = np.flatnonzero(fleet.arc[rows] >= 0)
    if len(known):
        arcs, fractions = fleet.arc[rows[known]], fleet.fraction[rows[known]]
        way[known] = force.times.matrix(arcs, fractions, question.arc, question.fraction)
    turnout = fleet.turnout_ms[rows].astype(np.int64) + fixed_ms
    for i, its in enumerate(engaged):
        turnout[i] = 0 if its.rolls else turnout[i]
    between = force.times.matrix(question.arc, question.fraction, question.arc, question.fraction).astype(np.int64)
    return _Team(
        rows=rows,
        first_ms=np.where(way < NEVER, way + turnout[:, None], NEVER),
        between_ms=np.where(between < NEVER, between + fixed_ms, NEVER),
        able=able,
        engaged=engaged,
    )


def _choose(question: Question, team: _Team) -> tuple[list[int], dict[int, int]]:
    """Return the seekers to be ordered besides, and by demand who goes for it."""
    begun = len(team.engaged)
    room = max(0, min(len(question.wanted), len(question.numbers) - begun))
    free = [seeker for seeker in range(begun, len(team.rows)) if team.able[:, seeker].any()]
    seen: dict[tuple[int, ...], float] = {}

    def worth(others: Sequence[int]) -> float:
        key = tuple(sorted(others))
        if key not in seen:
            its = team.search(question, [*range(begun), *key], hold=False)
            seen[key] = _expected(plan_search(its, thorough=False))
        return seen[key]

    most = min(room, len(free))
    if most and math.comb(len(free), most) <= EVERY:
        for count in range(most, 0, -1):
            sets = [list(its) for its in itertools.combinations(free, count) if _matched(team, its) is not None]
            if sets:
                chosen = min(sets, key=lambda its: (worth(its), its))
                return chosen, _matched(team, chosen) or {}
    chosen = []
    while len(chosen) < most:
        more = [seeker for seeker in free if seeker not in chosen and _matched(team, [*chosen, seeker]) is not None]
        if not more:
            break
        chosen.append(min(more, key=lambda seeker: (worth([*chosen, seeker]), seeker)))
    for _ in range(_PASSES):
        before = worth(chosen)
        for at in range(len(chosen)):
            rest = chosen[:at] + chosen[at + 1 :]
            able = [its for its in free if its not in rest and _matched(team, [*rest, its]) is not None]
            chosen[at] = min(able, key=lambda seeker: (worth([*rest, seeker]), seeker))
        if worth(chosen) >= before:
            break
    return chosen, _matched(team, chosen) or {}


def _matched(team: _Team, seekers: Sequence[int]) -> dict[int, int] | None:
    """Give every seeker a demand that it is able for (augmenting paths, Kuhn 1955); None where there is no such way."""
    holder: dict[int, int] = {}

    def place(seeker: int, tried: set[int]) -> bool:
        for slot in np.flatnonzero(team.able[:, seeker]).tolist():
            if slot in tried:
                continue
            tried.add(slot)
            if slot not in holder or place(holder[slot], tried):
                holder[slot] = seeker
                return True
        return False

    return holder if all(place(seeker, set()) for seeker in seekers) else None


def _short(question: Question, team: _Team, chosen: Sequence[int]) -> tuple[DemandId, ...]:
    """Return the demands for which nobody is left, though there are places enough."""
    if len(team.engaged) + len(chosen) >= len(question.numbers):
        return ()
    taken = _matched(team, chosen) or {}
    return tuple(want.demand for slot, want in enumerate(question.wanted) if slot not in taken)


def _expected(plan: SearchPlan) -> float:
    """Return what a plan expects, and beyond all else that it leaves out as few places as can be."""
    return (plan.expected_ms or 0.0) + len(plan.unreached) * float(NEVER)
