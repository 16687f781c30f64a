"""Who takes what when several demands are decided together: most demands met, then least total ETA.

Levels go strictly first: the demands of a level are assigned among what the levels above have left. Within a level it
is a minimum-cost assignment, solved as a flow by OR-Tools. For ``n`` demands it is enough to know each one's ``n``
best candidates: were a demand given a worse one, one of its own ``n`` best would be free and better.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

UNMET = -1


def assign(
    levels: Sequence[int],
    units: Sequence[NDArray[np.int32]],
    eta_ms: Sequence[NDArray[np.int64]],
) -> list[int]:
    """Choose a unit for each demand.

    Parameters
    ----------
    levels
        The level of each demand; 1 goes first.
    units, eta_ms
        For each demand its candidates, nearest first, and their ETAs in milliseconds.

    Returns
    -------
    list of int
        For each demand the position of its unit among its candidates, or `UNMET`. No unit is chosen twice.
    """
    chosen = [UNMET] * len(levels)
    taken: set[int] = set()
    for level in sorted(set(levels)):
        rows = [row for row, its in enumerate(levels) if its == level]
        free = {row: [c for c, unit in enumerate(units[row]) if int(unit) not in taken] for row in rows}
        picks = _first_choices(rows, free, units)
        if picks is None:
            picks = _flow(rows, free, units, eta_ms)
        for row, candidate in picks.items():
            chosen[row] = candidate
            taken.add(int(units[row][candidate]))
    return chosen


def _first_choices(
    rows: list[int], free: dict[int, list[int]], units: Sequence[NDArray[np.int32]]
) -> dict[int, int] | None:
    """Return everyone's best candidate where no two want the same: then nothing can be better."""
    picks = {row: free[row][0] for row in rows if free[row]}
    wanted = [int(units[row][candidate]) for row, candidate in picks.items()]
    return picks if len(set(wanted)) == len(wanted) else None


def _flow(
    rows: list[int],
    free: dict[int, list[int]],
    units: Sequence[NDArray[np.int32]],
    eta_ms: Sequence[NDArray[np.int64]],
) -> dict[int, int]:
    """Solve one level: source → demand → unit → sink, with a dear way past for a demand that nobody can meet."""
    from ortools.graph.python import min_cost_flow  # noqa: PLC0415 - heavy, and only wanted when units are contested

    row_of = np.concatenate([np.full(len(free[row]), i, np.int32) for i, row in enumerate(rows)])
    candidate_of = np.concatenate([np.asarray(free[row], np.int32) for row in rows])
    unit_of = np.concatenate([units[row][free[row]] for row in rows]).astype(np.int32)
    cost = np.concatenate([eta_ms[row][free[row]] for row in rows]).astype(np.int64)
    distinct, unit_node = np.unique(unit_of, return_inverse=True)
    n, u = len(rows), len(distinct)
    source, sink = n + u, n + u + 1
    # Leaving a demand unmet must cost more than any assignment that meets it.
    unmet = int(cost.max(initial=0)) * (n + 1) + 1
    demands = np.arange(n, dtype=np.int32)
    tails = np.concatenate((np.full(n, source, np.int32), row_of, np.arange(n, n + u, dtype=np.int32), demands))
    heads = np.concatenate(
        (demands, (n + unit_node).astype(np.int32), np.full(u, sink, np.int32), np.full(n, sink, np.int32))
    )
    costs = np.concatenate((np.zeros(n, np.int64), cost, np.zeros(u, np.int64), np.full(n, unmet, np.int64)))
    solver = min_cost_flow.SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(tails, heads, np.ones(len(tails), np.int64), costs)
    solver.set_node_supply(source, n)
    solver.set_node_supply(sink, -n)
    status = solver.solve()
    assert status == solver.OPTIMAL, status
    flows = solver.flows(np.arange(n, n + len(row_of), dtype=np.int32))
    return {rows[int(row_of[arc])]: int(candidate_of[arc]) for arc in np.flatnonzero(flows)}
