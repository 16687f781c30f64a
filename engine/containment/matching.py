"""Which units hold which posts of a cut: each at most one, and as many at each post as it takes."""

import numpy as np
from numpy.typing import NDArray

from engine.containment.contraction import Board

AMPLE = 3_000
"""Thousandths: a way that may take three times as long has room enough; more is not preferred."""


def match(board: Board, candidates: NDArray[np.int32]) -> NDArray[np.int64] | None:
    """Return pairs of the board that hold all candidates with distinct units, or None where that cannot be.

    Among such plans it is the one with the greatest sum of stretches; of two that have ample room, a checkpoint goes
    before a unit.
    """
    if int(board.need[candidates].sum()) > np.count_nonzero(np.bincount(board.unit)):
        return None
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415
    from scipy.sparse import csr_array  # noqa: PLC0415
    from scipy.sparse.csgraph import maximum_bipartite_matching  # noqa: PLC0415

    slots = np.repeat(candidates, board.need[candidates])
    begin, end = board.pair_first[slots].astype(np.int64), board.pair_first[slots + 1].astype(np.int64)
    sizes = end - begin
    if not len(slots):
        return np.empty(0, np.int64)
    pairs = np.arange(int(sizes.sum())) + np.repeat(begin - (np.cumsum(sizes) - sizes), sizes)
    slot = np.repeat(np.arange(len(slots)), sizes)
    units, column = np.unique(board.unit[pairs], return_inverse=True)
    shape = (len(slots), len(units))
    able = csr_array((np.ones(len(pairs), np.int8), (slot, column)), shape=shape)
    if int(np.count_nonzero(maximum_bipartite_matching(able, perm_type="column") >= 0)) < len(slots):
        return None
    never = -float(AMPLE) * (len(slots) + 1)
    worth = np.full(shape, never)
    worth[slot, column] = np.minimum(board.pairs.stretch[board.pair[pairs]], AMPLE)
    worth[slot, column] += board.unit[pairs] >= board.pairs.crew
    which = np.full(shape, -1, np.int64)
    which[slot, column] = pairs
    rows, columns = linear_sum_assignment(worth, maximize=True)
    chosen = which[rows, columns]
    assert chosen.min() >= 0
    return chosen
