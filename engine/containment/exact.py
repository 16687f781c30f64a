"""Cut and units at once by CP-SAT: the fewest units and posts that hold in time, beginning from a seal that is known.

One worker, a fixed seed and deterministic time: the same question has the same answer on every machine.
"""

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from engine.containment.contraction import Board

SEED = 1


def fewest_units(
    board: Board, allowed: NDArray[np.bool_], effort: float, hint: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Look for the seal of fewest units that have to drive, and among those of fewest posts: a call costs nobody.

    Return pairs of the board that form it, or None where none was found in time.

    Parameters
    ----------
    board
        With source and sink apart.
    allowed
        bool (c,): candidates that may be posts.
    effort
        Deterministic time at most.
    hint
        Pairs of a seal that is known, all of them at allowed candidates.
    """
    part = _parts(board, allowed)
    source, sink = part[board.source], part[board.sink]
    assert source != sink, "the seal that is known parts them"
    model = cp_model.CpModel()
    passed = [model.new_bool_var("") for _ in range(int(part.max()) + 1)]
    model.add(passed[source] == 1)
    model.add(passed[sink] == 0)
    post = {int(part[c]): model.new_bool_var("") for c in np.flatnonzero(allowed).tolist()}
    ends = np.column_stack((part[board.tail], part[board.head]))
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    for a, b in ends.tolist():
        for here, there in ((a, b), (b, a)):
            shut = [post[there]] if there in post else []
            model.add_bool_or([passed[here].negated(), passed[there], *shut])
    hinted = set(hint.tolist())
    by_unit: dict[int, list[cp_model.IntVar]] = {}
    goes: list[tuple[int, cp_model.IntVar]] = []
    for c in np.flatnonzero(allowed).tolist():
        its = []
        for pair in range(int(board.pair_first[c]), int(board.pair_first[c + 1])):
            variable = model.new_bool_var("")
            its.append(variable)
            goes.append((pair, variable))
            by_unit.setdefault(int(board.unit[pair]), []).append(variable)
        model.add(cp_model.LinearExpr.sum(its) == int(board.need[c]) * post[int(part[c])])
        model.add_implication(post[int(part[c])], passed[int(part[c])].negated())
    for among in by_unit.values():
        model.add_at_most_one(among)
    drive = [variable for pair, variable in goes if board.unit[pair] < board.pairs.crew]
    posts = list(post.values())
    model.minimize(cp_model.LinearExpr.sum(drive) * (len(posts) + 1) + cp_model.LinearExpr.sum(posts))
    for pair, variable in goes:
        model.add_hint(variable, pair in hinted)
    solver = cp_model.CpSolver()
    solver.parameters.catch_sigint_signal = False  # it would leave Ctrl-C without its handler
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = SEED
    solver.parameters.max_deterministic_time = effort
    status = solver.solve(model)
    assert status != cp_model.MODEL_INVALID, solver.status_name(status)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return np.array([pair for pair, variable in goes if solver.boolean_value(variable)], np.int64)


def _parts(board: Board, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the board's numbers with everything merged that no allowed candidate parts."""
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    held = np.zeros(board.size, np.bool_)
    held[: len(allowed)] = allowed
    free = ~held[board.tail] & ~held[board.head]
    ones = np.ones(int(free.sum()), np.int8)
    joined = coo_array((ones, (board.tail[free], board.head[free])), shape=(board.size, board.size))
    return np.asarray(connected_components(joined, directed=False)[1], np.int64)
