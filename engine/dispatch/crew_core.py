"""The needs of one level that contend for crews, settled together by CP-SAT.

Each need wants so many units, and may want somebody to lead, people and sworn officers; a demand of one unit is the
smallest need. A plan is the least of, in this order: units wanted and not met; needs that nobody leads who has the
rank; people and sworn officers lacking; the sum over incidents of the arrival of the last; the total. The goals are
solved one after the other, each held while the next is, with one worker, a fixed seed and deterministic time.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

Ints = NDArray[np.int64]
CORE_MOST = 1_500
"""Candidates of all needs together that CP-SAT is asked about."""
SEED = 1
_GOALS = 5


@dataclass(frozen=True, kw_only=True)
class Need:
    """One need with its candidates, ``c``.

    Attributes
    ----------
    incident
        Whose set it is part of.
    counted, most
        How many units are wanted, and how many may go.
    people, sworn
        How many must be in them together.
    led
        Whether somebody must have the rank to lead.
    unit
        int64 (c,).
    cost_ms
        int64 (c,).
    leads
        bool (c,), who has that rank.
    underway_ms
        When the last of those is there who were sent earlier.
    """

    incident: Hashable
    counted: int
    most: int
    people: int
    sworn: int
    led: bool
    unit: Ints
    cost_ms: Ints
    leads: NDArray[np.bool_]
    underway_ms: int = 0


Plan = list[list[int]]
"""For each need the positions of its candidates that go."""


def worth(needs: Sequence[Need], plan: Plan, people: Ints, sworn: Ints) -> tuple[int, ...]:
    """Return what a plan comes to, goal by goal; less is better. ``people`` and ``sworn`` are int64 by unit."""
    unmet = unled = lacking = total = 0
    arrival: dict[Hashable, int] = {}
    for its, goes in zip(needs, plan, strict=True):
        units, cost = its.unit[goes], its.cost_ms[goes]
        unmet += max(0, its.counted - len(goes))
        unled += int(its.led and not its.leads[goes].any())
        lacking += max(0, its.people - int(people[units].sum())) + max(0, its.sworn - int(sworn[units].sum()))
        arrival[its.incident] = max(arrival.get(its.incident, 0), its.underway_ms, int(cost.max(initial=0)))
        total += int(cost.sum())
    return unmet, unled, lacking, sum(arrival.values()), total


def settle_together(needs: Sequence[Need], hint: Plan, people: Ints, sworn: Ints, effort: float) -> tuple[Plan, bool]:
    """Return the best plan found, never a worse one than ``hint``, and whether it is proven the best.

    Parameters
    ----------
    people, sworn
        int64 by unit.
    effort
        Deterministic time for all goals together.
    """
    from ortools.sat.python import cp_model  # noqa: PLC0415 - heavy, only wanted where needs contend

    if sum(len(its.unit) for its in needs) > CORE_MOST:
        return hint, False
    model = cp_model.CpModel()
    goes = [[model.new_bool_var("") for _ in its.unit] for its in needs]
    by_unit: dict[int, list[cp_model.IntVar]] = {}
    unmet, unled, lacking = [], [], []
    arrival: dict[Hashable, cp_model.IntVar] = {}
    latest = max((int(its.cost_ms.max(initial=its.underway_ms)) for its in needs), default=0)
    for its, takes in zip(needs, goes, strict=True):
        for unit, take in zip(its.unit.tolist(), takes, strict=True):
            by_unit.setdefault(unit, []).append(take)
        count = cp_model.LinearExpr.sum(takes)
        model.add(count <= its.most)
        unmet.append(_shortfall(model, its.counted, count))
        if its.led:
            led = model.new_bool_var("")
            model.add(led <= cp_model.LinearExpr.sum([takes[i] for i in np.flatnonzero(its.leads).tolist()]))
            unled.append(1 - led)
        for wanted, has in ((its.people, people), (its.sworn, sworn)):
            if wanted:
                brought = cp_model.LinearExpr.weighted_sum(takes, has[its.unit].tolist())
                lacking.append(_shortfall(model, wanted, brought))
        if its.incident not in arrival:
            arrival[its.incident] = model.new_int_var(0, max(latest, its.underway_ms), "")
        model.add(arrival[its.incident] >= its.underway_ms)
        for take, ms in zip(takes, its.cost_ms.tolist(), strict=True):
            model.add(arrival[its.incident] >= ms * take)
    for among in by_unit.values():
        model.add_at_most_one(among)
    every = [take for takes in goes for take in takes]
    total = cp_model.LinearExpr.weighted_sum(every, [ms for its in needs for ms in its.cost_ms.tolist()])
    sums = [cp_model.LinearExpr.sum(list(terms)) for terms in (unmet, unled, lacking, arrival.values())]
    best, proven = hint, True
    for goal in (*sums, total):
        model.clear_hints()  # type: ignore[no-untyped-call]
        for takes, chosen in zip(goes, best, strict=True):
            for i, take in enumerate(takes):
                model.add_hint(take, i in chosen)
        model.minimize(goal)
        solver = cp_model.CpSolver()
        solver.parameters.catch_sigint_signal = False  # it would leave Ctrl-C without its handler
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = SEED
        solver.parameters.max_deterministic_time = effort / _GOALS
        status = solver.solve(model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return best, False
        proven &= status == cp_model.OPTIMAL
        found = [[i for i, take in enumerate(takes) if solver.boolean_value(take)] for takes in goes]
        if worth(needs, found, people, sworn) <= worth(needs, best, people, sworn):
            best = found
        model.add(goal <= round(solver.objective_value))
    return best, proven


def _shortfall(model: "cp_model.CpModel", wanted: int, brought: "cp_model.LinearExprT") -> "cp_model.IntVar":
    """Return a variable that is at least by how much something falls short."""
    short = model.new_int_var(0, wanted, "")
    model.add(short >= wanted - brought)
    return short
