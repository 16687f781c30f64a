"""One small group of contending demands by CP-SAT: the least sum of arrivals over sets, with a proof or a bound.

One worker, a fixed seed and deterministic time: the same question has the same answer on every machine.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

if TYPE_CHECKING:
    from engine.dispatch.contest import Contest

SEED = 1
FEE = 0.005
"""Deterministic time that a question is said to take beside what CP-SAT counts: building and presolving it."""


@dataclass(frozen=True)
class Answer:
    """What CP-SAT found: chosen candidates or None, a bound on all plans in ms, deterministic time spent."""

    chosen: NDArray[np.int64] | None
    bound: int
    effort: float


def least_sum_of_arrivals(
    contest: "Contest", edges: NDArray[np.int64], hint: NDArray[np.int64], bound: int, effort: float
) -> Answer:
    """Meet as many demands as ``hint`` does, with the least sum over sets of the latest.

    Parameters
    ----------
    contest, edges
        The candidates, and which of them are the group's.
    hint
        A plan with as many demands met as can be; candidates that it chooses.
    bound
        No plan is known to be below, in ms.
    effort
        Deterministic time at most.
    """
    demand, unit, late = contest.demand[edges], contest.unit[edges], contest.late_ms[edges]
    sets = contest.set_of[demand]
    n, u, s = (len(np.unique(its)) for its in (demand, unit, sets))
    demand, unit, sets = (np.unique(its, return_inverse=True)[1] for its in (demand, unit, sets))
    model = cp_model.CpModel()
    goes = [model.new_bool_var("") for _ in edges]
    arrival = [model.new_int_var(0, int(late[sets == i].max()), "") for i in range(s)]
    latest = np.zeros(s, np.int64)
    chosen = np.isin(edges, hint)
    np.maximum.at(latest, sets[chosen], late[chosen])
    must_meet, must_use = contest.must_meet[contest.demand[edges]], contest.must_use[contest.unit[edges]]
    for of, many, must in ((demand, n, must_meet), (unit, u, must_use)):
        by: list[list[cp_model.IntVar]] = [[] for _ in range(many)]
        for variable, i in zip(goes, of.tolist(), strict=True):
            by[i].append(variable)
        bound_to_be = np.zeros(many, np.bool_)
        bound_to_be[of[must]] = True
        for among, one in zip(by, bound_to_be.tolist(), strict=True):
            if one:
                model.add_exactly_one(among)
            else:
                model.add_at_most_one(among)
    by_demand: list[list[cp_model.LinearExpr]] = [[] for _ in range(n)]
    for variable, i, ms in zip(goes, demand.tolist(), late.tolist(), strict=True):
        by_demand[i].append(ms * variable)
    set_of = dict(zip(demand.tolist(), sets.tolist(), strict=True))
    for i, terms in enumerate(by_demand):
        model.add(cp_model.LinearExpr.sum(terms) <= arrival[set_of[i]])
    model.add(cp_model.LinearExpr.sum(goes) == len(hint))
    total = cp_model.LinearExpr.sum(arrival)
    model.add(total >= bound)
    model.minimize(total)
    for variable, its in zip(goes, chosen.tolist(), strict=True):
        model.add_hint(variable, its)
    for variable, ms in zip(arrival, latest.tolist(), strict=True):
        model.add_hint(variable, ms)
    solver = cp_model.CpSolver()
    solver.parameters.catch_sigint_signal = False  # it would leave Ctrl-C without its handler
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = SEED
    solver.parameters.symmetry_level = 0  # looking for it costs more than such small models take
    solver.parameters.cp_model_probing_level = 0
    solver.parameters.max_deterministic_time = effort
    status = solver.solve(model)
    assert status in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.UNKNOWN), solver.status_name(status)
    spent = FEE + float(solver.response_proto.deterministic_time)
    if status == cp_model.UNKNOWN:
        return Answer(None, bound, spent)
    found = edges[[solver.boolean_value(variable) for variable in goes]]
    return Answer(found, max(bound, math.ceil(solver.best_objective_bound - 1e-6)), spent)
