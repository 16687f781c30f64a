"""Demands of one level that contend for units: plans by minimum-cost flow, made exact where flow alone is not.

With one demand per incident a flow is exact. With several, the arrival of a set is its latest ETA, and the sum over
sets is no flow's cost. But for weights that sum to 1 within each set the weighted ETAs are never more than the latest:
each weighted flow is a plan, and bounds all plans from below. Weights move towards what is late (subgradients of the
Lagrangian dual with Polyak's step; Held, Wolfe, Crowder 1974) until plan and bound meet. A group that is one set sheds
its latest candidates while as many demands can be met: that is exact. What is still open and small goes to CP-SAT
within a deterministic limit; where it ends without a better plan, the flow's stands.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
MOST_MS = 1 << 27
"""ETAs over this, a day and a half, count as this: costs keep within a flow's 64 bits."""
ROUNDS = 4
"""Weighted flows at most: of 30 on 500 incidents and 5,000 units, the later ones gained less than 0.1 %."""
GRAIN = 256
"""Weights are whole parts of so many, since a flow's costs are whole."""
CORE_MOST = 24
"""Demands of the largest group that CP-SAT is asked about."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Candidates of demands that contend: ``e`` candidates, ``n`` demands, ``s`` sets, ``g`` groups.

    Attributes
    ----------
    demand, unit
        int64 (e,), numbered from 0 without gaps; a demand's candidates stand together.
    eta_ms, late_ms
        int64 (e,), the ETA, and by how much it is after the latest of those of the set that contend with nobody or were
        sent earlier.
    set_of
        int64 (n,), the set of each demand: those of one incident.
    group_of
        int64 (s,), the group of each set: no other group wants its units.
    must_meet
        bool (n,), demands that somebody is under way for: they are met in any case.
    must_use
        bool (u,), the units that are: they are used in any case, for what they are under way for or for better.
    """

    demand: Ints
    unit: Ints
    eta_ms: Ints
    late_ms: Ints
    set_of: Ints
    group_of: Ints
    must_meet: NDArray[np.bool_]
    must_use: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        *,
        demand: Ints,
        unit: NDArray[np.int32],
        eta_ms: Ints,
        incident: Ints,
        settled: tuple[Ints, Ints],
        held: NDArray[np.bool_],
        holds: NDArray[np.bool_],
    ) -> Self:
        """Make one of arrays by candidate, numbered anew.

        Parameters
        ----------
        demand, unit, eta_ms, incident
            All (e,).
        settled
            Incidents and what arrives for them in any case: those of demands that contend with nobody, and of earlier.
        held, holds
            By candidate, (e,): whether somebody is under way for the demand; whether the unit is, for any of them. Each
            such pair must be a candidate.
        """
        from scipy.sparse import coo_array  # noqa: PLC0415 - only wanted when units are contested
        from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

        first, at = np.unique(demand, return_index=True, return_inverse=True)[1:]
        incidents, sets = np.unique(incident, return_inverse=True)
        first_of_unit, units = np.unique(unit, return_index=True, return_inverse=True)[1:]
        s, nodes = len(incidents), len(incidents) + int(units.max()) + 1
        graph = coo_array((np.ones(len(sets), np.int8), (sets, s + units)), shape=(nodes, nodes))
        groups = np.unique(connected_components(graph, directed=False)[1][:s], return_inverse=True)[1]
        eta_ms = np.minimum(eta_ms, MOST_MS)
        floor = np.zeros(s, np.int64)
        its = np.minimum(np.searchsorted(incidents, settled[0]), s - 1)
        known = incidents[its] == settled[0]
        np.maximum.at(floor, its[known], settled[1][known])
        late = np.maximum(eta_ms - floor[sets], 0)
        return cls(
            demand=at,
            unit=units,
            eta_ms=eta_ms,
            late_ms=late,
            set_of=sets[first],
            group_of=groups,
            must_meet=held[first],
            must_use=holds[first_of_unit],
        )

    def plan(self, effort: float) -> tuple[Ints, int, float]:
        """Find the plan; ``effort`` is CP-SAT's deterministic time.

        Returns
        -------
        tuple
            The chosen candidates, how many groups' plans are not proven the best, what is left of ``effort``.
        """
        everything = np.arange(len(self.demand))
        search = _Search(self, self.flow(everything, self.eta_ms))
        if search.open.any():
            search.shed()
            search.weigh()
            effort = search.ask_cp_sat(effort)
        if not search.moved:
            return search.best, int(search.open.sum()), effort
        in_time = self.late_ms <= self.arrivals(search.best)[self.set_of[self.demand]]
        return self.flow(np.flatnonzero(in_time), self.eta_ms), int(search.open.sum()), effort

    def arrivals(self, chosen: Ints) -> Ints:
        """Return by set how much the latest of the chosen candidates is late, int64 (s,)."""
        latest = np.zeros(len(self.group_of), np.int64)
        np.maximum.at(latest, self.set_of[self.demand[chosen]], self.late_ms[chosen])
        return latest

    def by_group(self, by_set: Ints) -> Ints:
        """Return sums by group, int64 (g,)."""
        sums = np.zeros(int(self.group_of.max()) + 1, np.int64)
        np.add.at(sums, self.group_of, by_set)
        return sums

    def flow(self, edges: Ints, cost: Ints) -> Ints:
        """Choose among ``edges`` (positions) so that most demands are met at the least ``cost`` (by candidate).

        Source → demand → unit → sink, with a dear way past for a demand that nobody can meet. What must be is as dear
        again to leave out. That loses no demand that could be met: from the plan in which all stay with what they are
        under way for, each further demand is met by an augmenting path, and such a path leaves nobody out.
        """
        from ortools.graph.python import min_cost_flow  # noqa: PLC0415 - heavy, only wanted when units are contested

        demands, tail = np.unique(self.demand[edges], return_inverse=True)
        units, head = np.unique(self.unit[edges], return_inverse=True)
        n, u, e = len(demands), len(units), len(edges)
        source, sink = n + u, n + u + 1
        least = cost[edges]
        # Leaving one demand unmet must cost more than all ways of meeting the others can differ by.
        unmet = int(least.max(initial=0)) * n + 1
        past = unmet * (1 + self.must_meet[demands].astype(np.int64))
        used = -unmet * self.must_use[units].astype(np.int64)
        rows, columns = np.arange(n), np.arange(n, n + u)
        tails = np.concatenate((tail, np.full(n, source), columns, rows)).astype(np.int32)
        heads = np.concatenate((head + n, rows, np.full(u + n, sink))).astype(np.int32)
        costs = np.concatenate((least, np.zeros(n, np.int64), used, past))
        solver = min_cost_flow.SimpleMinCostFlow()
        solver.add_arcs_with_capacity_and_unit_cost(tails, heads, np.ones(len(tails), np.int64), costs)
        solver.set_node_supply(source, n)
        solver.set_node_supply(sink, -n)
        status = solver.solve()
        assert status == solver.OPTIMAL, status
        return edges[np.flatnonzero(solver.flows(np.arange(e, dtype=np.int32)))]


class _Search:
    """The best plan of each group so far, and whether it is proven."""

    def __init__(self, contest: Contest, first: Ints) -> None:
        self.contest = contest
        self.edge_group = contest.group_of[contest.set_of[contest.demand]]
        self.best = first
        self.moved = False
        self.least = contest.by_group(contest.arrivals(first))
        self.met, self.kept = self._met(first), self._kept(first)
        self.sets = np.bincount(contest.group_of)
        self.demands = np.bincount(contest.group_of[contest.set_of])
        # Nobody arrives sooner than the nearest of their own: with everyone met, that is a first bound.
        soonest = np.full(len(contest.set_of), MOST_MS)
        np.minimum.at(soonest, contest.demand, contest.late_ms)
        by_set = np.zeros(len(contest.group_of), np.int64)
        np.maximum.at(by_set, contest.set_of, soonest)
        self.bound = np.where(self.met == self.demands, contest.by_group(by_set), 0)
        # With no set of several demands the total is the sum of arrivals, unless something settled comes later.
        several = np.bincount(contest.set_of) > 1
        lone = ~(contest.by_group(several.astype(np.int64)) > 0)
        plain = np.bincount(self.edge_group, contest.late_ms != contest.eta_ms) == 0
        self.bound = np.where(lone & plain, self.least, self.bound)

    @property
    def open(self) -> NDArray[np.bool_]:
        """Whether a group's plan is not proven, bool (g,)."""
        return self.bound < self.least

    def _met(self, chosen: Ints) -> Ints:
        return np.bincount(self.edge_group[chosen], minlength=int(self.contest.group_of.max()) + 1)

    def _kept(self, chosen: Ints) -> Ints:
        """Return by group how much of what must be is, int64 (g,)."""
        c = self.contest
        must = c.must_meet[c.demand[chosen]].astype(np.int64) + c.must_use[c.unit[chosen]]
        return np.bincount(self.edge_group[chosen], must, int(c.group_of.max()) + 1).astype(np.int64)

    def take(self, chosen: Ints, better: NDArray[np.bool_]) -> None:
        """Take over the plans of some groups."""
        if better.any():
            kept = self.best[~better[self.edge_group[self.best]]]
            self.best = np.concatenate((kept, chosen[better[self.edge_group[chosen]]]))
            self.least = self.contest.by_group(self.contest.arrivals(self.best))
            self.moved = True

    def shed(self) -> None:
        """Make groups of one set exact: leave the latest out as long as as many demands are met without."""
        c = self.contest
        while True:
            trying = self.open & (self.sets == 1)
            if not trying.any():
                return
            edges = np.flatnonzero(trying[self.edge_group] & (c.late_ms < self.least[self.edge_group]))
            found = c.flow(edges, c.eta_ms) if len(edges) else edges
            held = trying & (self._met(found) == self.met) & (self._kept(found) == self.kept)
            self.bound = np.where(trying & ~held, self.least, self.bound)
            self.take(found, held)

    def weigh(self) -> None:
        """Narrow groups of several sets by weighted flows."""
        c = self.contest
        count = np.bincount(c.set_of)
        weight = 1.0 / count[c.set_of]
        for _ in range(ROUNDS):
            trying = self.open & (self.sets > 1)
            if not trying.any():
                return
            edges = np.flatnonzero(trying[self.edge_group])
            grains = np.floor(weight * GRAIN).astype(np.int64)
            cost = grains[c.demand] * c.late_ms
            found = c.flow(edges, cost)
            paid = np.zeros(len(self.bound), np.int64)
            np.add.at(paid, self.edge_group[found], cost[found])
            self.bound = np.where(trying, np.maximum(self.bound, -(-paid // GRAIN)), self.bound)
            arrive = c.by_group(c.arrivals(found))
            self.take(found, trying & (arrive < self.least))
            late = np.zeros(len(c.set_of))
            late[c.demand[found]] = c.late_ms[found]
            slope = late - (np.bincount(c.set_of, late) / count)[c.set_of]
            group = c.group_of[c.set_of]
            steep = np.bincount(group, slope**2)
            step = np.divide(self.least - paid / GRAIN, steep, out=np.zeros(len(steep)), where=steep > 0)
            weight = _on_simplex(weight + step[group] * slope, c.set_of, count)

    def ask_cp_sat(self, effort: float) -> float:
        """Ask CP-SAT about small groups that are open, the widest open first, while its deterministic time lasts."""
        small = np.flatnonzero(self.open & (self.demands <= CORE_MOST))
        if effort <= 0.0 or not len(small):
            return effort
        from engine.dispatch.exact_core import least_sum_of_arrivals  # noqa: PLC0415 - it imports CP-SAT

        for group in small[np.argsort((self.bound - self.least)[small], kind="stable")].tolist():
            edges = np.flatnonzero(self.edge_group == group)
            hint = self.best[self.edge_group[self.best] == group]
            answer = least_sum_of_arrivals(self.contest, edges, hint, int(self.bound[group]), effort)
            its = np.arange(len(self.bound)) == group
            if answer.chosen is not None:
                better = its & (self.contest.by_group(self.contest.arrivals(answer.chosen)) < self.least)
                self.take(answer.chosen, better)
            self.bound = np.where(its, np.maximum(self.bound, answer.bound), self.bound)
            effort -= answer.effort
            if effort <= 0.0:
                break
        return effort


def _on_simplex(values: NDArray[np.float64], set_of: Ints, count: Ints) -> NDArray[np.float64]:
    """Return the nearest weights that are not negative and sum to 1 within each set (Held et al. 1974, section 4)."""
    order = np.lexsort((-values, set_of))
    its, first = set_of[order], np.cumsum(count) - count
    place = np.arange(len(order)) - first[its]
    sums = np.cumsum(values[order])
    sums -= (sums[first] - values[order][first])[its]
    over = (sums - 1.0) / (place + 1)
    kept = np.bincount(its, values[order] > over).astype(np.int64)
    shift = over[first + kept - 1]
    return np.asarray(np.maximum(values - shift[set_of], 0.0), np.float64)
