"""Prices on units by a linear program over the cuts seen so far (Dantzig and Wolfe 1960).

A mixture of cuts has to be held by units that may divide themselves. What units there are too few of, in total, is
least for some mixture; the dual of that program prices units, and the least cut under the prices either improves the
mixture or shows that none is better. Where something is missing at the optimum no seal exists: the prices prove it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.containment.contraction import Board

SCALE = 1_000_000
"""A price of 1 as a whole number."""
MISSING = 50.0
"""What a missing unit costs beside one that is taken, where few are wanted."""


class Master:
    """The program over the cuts of one board."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.units = np.unique(board.unit)
        self.cuts: list[NDArray[np.int32]] = []
        self._known: set[bytes] = set()

    def add(self, candidates: NDArray[np.int32]) -> bool:
        """Take another cut in; return whether it is new."""
        key = candidates.tobytes()
        if key in self._known:
            return False
        self._known.add(key)
        self.cuts.append(candidates)
        return True

    def solve(self, *, few: bool) -> tuple[float, NDArray[np.float64]]:
        """Return how many units are missing at least, and a price for each of ``units``.

        Prices are from 0 to 1; with ``few`` they are those of the mixture that takes fewest units, up to `MISSING`.
        """
        from scipy.optimize import linprog  # noqa: PLC0415
        from scipy.sparse import block_array, coo_array, csr_array, eye_array  # noqa: PLC0415

        board = self.board
        seen = np.unique(np.concatenate(self.cuts))
        at = np.full(len(board.vertex), -1, np.int64)
        at[seen] = np.arange(len(seen))
        begin, end = board.pair_first[seen].astype(np.int64), board.pair_first[seen + 1].astype(np.int64)
        sizes = end - begin
        pairs = np.arange(int(sizes.sum())) + np.repeat(begin - (np.cumsum(sizes) - sizes), sizes)
        node = np.repeat(np.arange(len(seen)), sizes)
        unit = np.searchsorted(self.units, board.unit[pairs])
        q, u, k, s = len(pairs), len(self.units), len(self.cuts), len(seen)
        lengths = [len(cut) for cut in self.cuts]
        holds = coo_array(
            (np.ones(sum(lengths)), (at[np.concatenate(self.cuts)], np.repeat(np.arange(k), lengths))), shape=(s, k)
        ).tocsr()
        ones = np.ones(q)
        need = board.need[seen].astype(float)
        wide = np.flatnonzero(need[node] > 1)  # a unit counts once at a post that takes two
        once = csr_array((np.ones(len(wide)), (np.arange(len(wide)), wide)), shape=(len(wide), q))
        blocks: list[list[Any]] = [
            [coo_array((-ones, (node, np.arange(q))), shape=(s, q)), holds.multiply(need[:, None]), None],
            [coo_array((ones, (unit, np.arange(q))), shape=(u, q)), None, -eye_array(u)],
            [once, -holds[node[wide]], None],
        ]
        if not len(wide):
            blocks.pop()
        taken = np.array([float(board.need[cut].sum()) for cut in self.cuts]) if few else np.zeros(k)
        upper = np.concatenate((np.zeros(s), np.ones(u), np.zeros(len(wide))))
        found: Any = linprog(  # type: ignore[call-overload] # takes sparse matrices, whatever its stubs say
            np.concatenate((np.zeros(q), taken, np.full(u, MISSING if few else 1.0))),
            A_ub=block_array(blocks, format="csr"),
            b_ub=upper,
            A_eq=csr_array((np.ones(k), (np.zeros(k, np.int64), np.arange(q, q + k))), shape=(1, q + k + u)),
            b_eq=[1.0],
            method="highs-ds",
        )
        assert found.status == 0, found.message
        missing = float(found.x[q + k :].sum())
        return missing, np.clip(-found.ineqlin.marginals[s : s + u], 0.0, MISSING if few else 1.0)
