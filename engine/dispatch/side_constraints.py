"""A level whose demands are bound by more than units: several roles of one crew, and needs for one team.

Flows know one unit for one demand. Here a demand that shares may be met by a unit that goes to its incident anyway,
and the demands of a team group are met by units of one team or not at all; a unit of no team is one by itself. A plan
is the least of, in this order: demands unmet; the sum over incidents of the arrival of the set; the total ETA of those
who go, each counted once, while no set arrives later. So a crew that can do two things spares another the way.

What stands first is the flow's answer: for each group the team that meets the most of it, soonest; everybody else
alone; then whoever goes anyway for demands that share and had nobody. CP-SAT makes a small level exact from there,
with one worker, a fixed seed and deterministic time; where that ends without a better plan, the flow's stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

    from engine.dispatch.assignment import Choices

Ints = NDArray[np.int64]
CORE_MOST = 24
"""Demands of the largest level that CP-SAT is asked about."""
EFFORT = 0.5
"""Deterministic time for one such level, where anything may be spent at all."""
SEED = 1


@dataclass(frozen=True)
class Bound:
    """A level's candidates with what binds them. ``e`` candidates, positions in the whole of the choices.

    Attributes
    ----------
    edge, demand, unit, late_ms
        (e,); by how much each is after what arrives for its incident in any case.
    eta_ms
        (e,).
    incident, shares, group
        By demand, numbered as in the choices.
    team
        (e,), the team of the candidate's unit; below 0 for one that is a team by itself.
    """

    edge: Ints
    demand: Ints
    unit: Ints
    eta_ms: Ints
    late_ms: Ints
    incident: Ints
    shares: NDArray[np.bool_]
    group: Ints
    team: Ints

    @classmethod
    def of(cls, choices: "Choices", edges: Ints, rows: Ints) -> "Bound":
        """Look at some candidates, ``edges``, of the demands ``rows``."""
        unit = choices.unit[edges].astype(np.int64)
        eta = choices.eta_ms[edges]
        team = choices.team[unit].astype(np.int64) if len(choices.team) else np.full(len(unit), -1)
        return cls(
            edge=edges,
            demand=rows,
            unit=unit,
            eta_ms=eta,
            late_ms=np.maximum(eta - choices.underway_ms[rows], 0),
            incident=choices.incident,
            shares=choices.shares,
            group=choices.group,
            team=np.where(team < 0, -1 - unit, team),
        )

    def worth(self, chosen: Ints) -> tuple[int, int, int]:
        """Return what a plan comes to, less is better: minus the demands met, the sum of arrivals, the total ETA."""
        latest: dict[int, int] = {}
        goes: dict[int, int] = {}
        for i in chosen.tolist():
            its = int(self.incident[self.demand[i]])
            latest[its] = max(latest.get(its, 0), int(self.late_ms[i]))
            goes[int(self.unit[i])] = max(goes.get(int(self.unit[i]), 0), int(self.eta_ms[i]))
        return -len(chosen), sum(latest.values()), sum(goes.values())


def plan_bound(choices: "Choices", edges: Ints, rows: Ints, effort: float) -> tuple[Ints, int, float]:
    """Plan a level; ``effort`` is what may be spent on proving plans, 0 for nothing.

    Returns
    -------
    tuple
        The chosen candidates, whether the plan is not proven the best (1 or 0), what is left of ``effort``.
    """
    its = Bound.of(choices, edges, rows)
    first = by_flow(its)
    if effort <= 0.0 or len(np.unique(rows)) > CORE_MOST:
        return edges[first], 1, effort
    found, proven = by_cp_sat(its, first)
    return edges[found if its.worth(found) <= its.worth(first) else first], int(not proven), effort


def by_flow(its: Bound) -> Ints:
    """Return the plan that flows and turns give: positions among the candidates."""
    keep = np.ones(len(its.edge), np.bool_)
    for group in np.unique(its.group[its.demand]).tolist():
        if group >= 0:
            of_it = its.group[its.demand] == group
            keep &= ~of_it | (its.team == _best_team(its, np.flatnonzero(of_it)))
    chosen = _matched(its, np.flatnonzero(keep))
    met = set(its.demand[chosen].tolist())
    goes = {(int(its.incident[its.demand[i]]), int(its.unit[i])) for i in chosen.tolist()}
    extra = []
    for i in np.flatnonzero(keep).tolist():
        demand = int(its.demand[i])
        if its.shares[demand] and demand not in met and (int(its.incident[demand]), int(its.unit[i])) in goes:
            met.add(demand)
            extra.append(i)
    return np.sort(np.concatenate((chosen, np.array(extra, np.int64))))


def _best_team(its: Bound, edges: Ints) -> int:
    """Return the team that can meet the most demands of a group, and of those as good the one that is there first."""
    best: tuple[int, int, int] | None = None
    for team in np.unique(its.team[edges]).tolist():
        chosen = _matched(its, edges[its.team[edges] == team])
        arrives = int(its.eta_ms[chosen].max(initial=0))
        if best is None or (-len(chosen), arrives) < best[:2]:
            best = -len(chosen), arrives, team
    assert best is not None
    return best[2]


def _matched(its: Bound, edges: Ints) -> Ints:
    """Return the least total ETA with the most demands met, each by a unit of its own."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - only wanted where units are contested

    if not len(edges):
        return edges
    demands, row = np.unique(its.demand[edges], return_inverse=True)
    units, column = np.unique(its.unit[edges], return_inverse=True)
    unmet = float(its.eta_ms[edges].max()) * len(demands) + 1.0
    cost = np.full((len(demands), len(units) + len(demands)), unmet)
    at = np.full((len(demands), len(units)), -1, np.int64)
    cost[:, : len(units)] = unmet * (len(demands) + 1)
    cost[row, column] = its.eta_ms[edges]
    at[row, column] = edges
    rows, columns = linear_sum_assignment(cost)
    real = columns < len(units)
    found = at[rows[real], columns[real]]
    return np.sort(found[found >= 0])


def by_cp_sat(its: Bound, hint: Ints) -> tuple[Ints, bool]:
    """Return the best plan that CP-SAT finds from a hint, and whether it is proven: one goal after the other."""
    from ortools.sat.python import cp_model  # noqa: PLC0415 - heavy, only wanted for such levels

    model = cp_model.CpModel()
    takes = [model.new_bool_var("") for _ in range(len(its.edge))]
    incident = its.incident[its.demand]
    both = dict.fromkeys(zip(incident.tolist(), its.unit.tolist(), strict=True))
    pairs = {pair: model.new_bool_var("") for pair in both}
    arrival = {i: model.new_int_var(0, int(its.late_ms[incident == i].max()), "") for i in np.unique(incident).tolist()}
    for among in _each(its.demand):
        model.add_at_most_one(takes[i] for i in among)
    for unit in np.unique(its.unit).tolist():
        model.add_at_most_one(goes for (_, other), goes in pairs.items() if other == unit)
    teams: dict[tuple[int, int], cp_model.IntVar] = {}
    alone: dict[tuple[int, int], list[int]] = {}
    for i, (demand, unit) in enumerate(zip(its.demand.tolist(), its.unit.tolist(), strict=True)):
        pair = int(incident[i]), unit
        model.add_implication(takes[i], pairs[pair])
        model.add(arrival[pair[0]] >= int(its.late_ms[i])).only_enforce_if(takes[i])
        if not its.shares[demand]:
            alone.setdefault(pair, []).append(i)
        if its.group[demand] >= 0:
            key = int(its.group[demand]), int(its.team[i])
            if key not in teams:
                teams[key] = model.new_bool_var("")
            model.add_implication(takes[i], teams[key])
    for among in alone.values():
        model.add_at_most_one(takes[i] for i in among)
    for group in {group for group, _ in teams}:
        model.add_at_most_one(its_team for (other, _), its_team in teams.items() if other == group)
    etas = dict.fromkeys(pairs, 0)
    for i, unit in enumerate(its.unit.tolist()):
        pair = int(incident[i]), unit
        etas[pair] = max(etas[pair], int(its.eta_ms[i]))
    met = cp_model.LinearExpr.sum(takes)
    late = cp_model.LinearExpr.sum(list(arrival.values()))
    total = cp_model.LinearExpr.weighted_sum(list(pairs.values()), [etas[pair] for pair in pairs])
    chosen, proven = hint, True
    for goal, most in ((met, True), (late, False), (total, False)):
        _hinted(model, takes, chosen)
        if most:
            model.maximize(goal)
        else:
            model.minimize(goal)
        solver = _solver()
        status = solver.solve(model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return chosen, False
        proven &= status == cp_model.OPTIMAL
        chosen = np.flatnonzero([solver.boolean_value(one) for one in takes])
        if goal is late:  # no set arrives later than in this plan
            for i, at in arrival.items():
                mine = chosen[incident[chosen] == i]
                model.add(at <= int(its.late_ms[mine].max(initial=0)))
        else:
            model.add(goal == round(solver.objective_value))
    return chosen, proven


def _each(values: Ints) -> Iterator[list[int]]:
    """Yield the positions of equal values."""
    for value in np.unique(values):
        yield np.flatnonzero(values == value).tolist()


def _hinted(model: "cp_model.CpModel", takes: "list[cp_model.IntVar]", chosen: Ints) -> None:
    model.clear_hints()  # type: ignore[no-untyped-call]
    its = set(chosen.tolist())
    for i, variable in enumerate(takes):
        model.add_hint(variable, i in its)


def _solver() -> "cp_model.CpSolver":
    from ortools.sat.python import cp_model  # noqa: PLC0415 - as above

    solver = cp_model.CpSolver()
    solver.parameters.catch_sigint_signal = False  # it would leave Ctrl-C without its handler
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = SEED
    solver.parameters.max_deterministic_time = EFFORT / 3
    return solver
