"""From a situation to a plan: first any seal that has a margin, then the seal with the greatest, else the proof.

A plan counts as a seal only where it holds though every way takes `SURE_STRETCH` thousandths of what is said. The first
answer is the seal that is found soonest at that stretch, from least cuts, which have few posts; the best is the one
whose ways may stretch most, by halving, with the fewest posts there. Each is held against the adversary; a gap in one
would be a mistake of ours, and is never shown.
"""

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.containment.adversary import Adversary
from engine.containment.branching import Proof
from engine.containment.contraction import Board, Core, contract, set_up
from engine.containment.ground import Ground, Surveyor
from engine.containment.holding import Holder, Pairs, ready_ms
from engine.containment.interception import SEED, intercept
from engine.containment.matching import AMPLE
from engine.containment.plan import SURE_STRETCH, Branch, Certificate, Plan, Reason, Route, Why
from engine.containment.posts import area_within, posts_of
from engine.containment.sealing import Decision, decide, fewest
from engine.containment.situation import Situation
from engine.travel.weights import Weights

AS_SAID = 1_000
FINE = 25
"""Thousandths of stretch that the best plan is found to."""


class Planner:
    """Plans containments over one network with the same memory; one thread at a time.

    Parameters
    ----------
    weights
        The units' travel times, closures included.
    suspect_ms
        int32 (m,): what each arc takes the suspect at his fastest; see `engine.containment.suspect.fastest_ms`.

    Raises
    ------
    Refusal
        When the suspect's times do not fit the network.
    """

    def __init__(self, weights: Weights, suspect_ms: NDArray[np.int32]) -> None:
        self.weights = weights
        self.surveyor = Surveyor(weights, suspect_ms)
        self.holder = Holder(weights)
        self.adversary = Adversary(weights)

    def case(self, situation: Situation) -> "Case":
        """Take a situation up.

        Raises
        ------
        Refusal
            When it does not fit the network or the limits, or the suspect was seen where he cannot drive.
        """
        return Case(self, self.surveyor.survey(situation))


class Case:
    """One situation; what was found for one answer serves the next."""

    def __init__(self, planner: Planner, ground: Ground) -> None:
        self.planner, self.ground = planner, ground

    @cached_property
    def core(self) -> Core:
        """The ground, contracted."""
        return contract(self.ground)

    @cached_property
    def pairs(self) -> Pairs:
        """Who can hold what in time."""
        return self.planner.holder.pairs(self.ground, self.core)

    @property
    def crew_size(self) -> int:
        """Units and checkpoints."""
        situation = self.ground.situation
        return len(situation.crew) + len(situation.checkpoints)

    def first(self) -> Plan:
        """Return a seal with a margin as soon as one is found, or the proof that there is none."""
        if not self.core.open:
            return Plan("no_way_out", area=np.flatnonzero(self.ground.local >= 0).astype(np.int32))
        return self._told(self._decided)

    def best(self) -> Plan:
        """Return the seal whose ways may stretch most, or the strongest proof that there is none."""
        plan = self.first()
        if plan.verdict == "sealed":
            return self._widened(plan)
        if plan.verdict == "impossible":
            stronger = decide(set_up(self.core, self.pairs, AS_SAID), self.crew_size, thorough=False)
            if stronger.proofs is not None:
                return self._told(stronger)
        return plan

    def probable(self, seed: int = SEED) -> Plan:
        """Return what is known, and where it is no seal the posts that meet him most probably."""
        plan = self.best()
        if plan.verdict not in ("impossible", "undecided"):
            return plan
        posts, chance = intercept(self.ground, self.planner.holder, seed)
        return replace(plan, posts=posts, chance=chance)

    @cached_property
    def _decided(self) -> Decision:
        return decide(set_up(self.core, self.pairs, SURE_STRETCH), self.crew_size)

    def _widened(self, plan: Plan) -> Plan:
        """Halve between the stretch of a seal and the least at which none is found."""
        decision = self._decided
        low, high = plan.stretch, AMPLE + 1
        while high - low > FINE:
            middle = AMPLE if low < AMPLE == high - 1 else (low + high) // 2
            tried = decide(set_up(self.core, self.pairs, middle), self.crew_size, thorough=False)
            if tried.pairs is None:
                high = middle
            else:
                decision = tried
                low = max(middle, self._stretch(tried))
        fewer = fewest(decision)
        return self._told(fewer)

    def _stretch(self, decision: Decision) -> int:
        assert decision.pairs is not None
        rows = decision.board.pair[decision.pairs]
        return int(self.pairs.stretch[rows].min())

    def _told(self, decision: Decision) -> Plan:
        if decision.pairs is not None:
            return self._sealed(decision.board.pair[decision.pairs])
        why = _why(decision)
        if decision.proofs is None:
            return Plan("undecided", why=why)
        return Plan("impossible", certificate=self._certificate(decision.board, decision.proofs), why=why)

    def _sealed(self, rows: NDArray[np.int64]) -> Plan:
        ground, pairs = self.ground, self.pairs
        posts = posts_of(ground, pairs, rows)
        stretch = min((post.stretch for post in posts), default=AMPLE)
        late = ready_ms(ground, pairs, rows, stretch)
        gap = self.planner.adversary.gap(ground, *_latest(pairs.place[rows], late))
        assert not gap, f"a plan has a gap: {gap}"
        inside = area_within(ground, np.unique(pairs.place[rows]))
        area = np.flatnonzero((ground.local >= 0) & inside[ground.local]).astype(np.int32)
        return Plan("sealed", posts=posts, stretch=stretch, area=area)

    def _certificate(self, board: Board, proofs: list[Proof]) -> Certificate:
        """Spell proofs out in nodes."""
        number = np.full(len(self.ground.node), -1, np.int64)
        there = self.core.vertex >= 0
        number[there] = board.merged[self.core.vertex[there]]
        return Certificate(board.stretch, tuple(self._branch(board, number, proof) for proof in proofs))

    def _branch(self, board: Board, number: NDArray[np.int64], proof: Proof) -> Branch:
        """Spell a proof out in nodes: each route of the flow becomes a way over the places that it stands for.

        What is supposed of a part of the board is supposed of its first place: it has no other, or all are as one.
        """
        ground = self.ground
        passed, barred = (
            np.array([ground.node[np.argmax(number == part)] for part in parts], np.int32)
            for parts in (proof.supposed.passed, proof.supposed.barred)
        )
        over = self.planner.adversary.ways_out(ground, passed, barred)
        routes = []
        for weight, way in proof.routes:
            on_way = np.zeros(board.size + 1, np.bool_)  # one more: what lies on no way out
            on_way[way] = True
            nodes = over(on_way[number])
            assert nodes, "a route of the flow leads out"
            routes.append(Route(weight, nodes))
        return Branch(tuple(passed.tolist()), tuple(barred.tolist()), tuple(proof.price.tolist()), tuple(routes))


def _latest(places: NDArray[np.int32], ready: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return each place once, with the latest of its units."""
    its, at = np.unique(places, return_inverse=True)
    latest = np.full(len(its), np.iinfo(np.int64).min)
    np.maximum.at(latest, at, ready)
    return its, latest


def _why(decision: Decision) -> Why:
    units = len(np.unique(decision.board.unit))
    posts = decision.fewest_units
    reason: Reason = "unguarded_way" if posts is None else "too_few_units" if posts > units else "no_distinct_units"
    return Why(reason, posts, units)
