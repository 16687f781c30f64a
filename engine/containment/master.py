"""Prices on units by a linear program over the cuts seen so far (Dantzig and Wolfe 1960).

A mixture of cuts has to be held by units that may divide themselves. They can if and only if no set of units is asked
for more than it has by posts that only they can hold (Hall 1935), so the program has a row for a set of units and no
variable for who stands where; a flow finds the set that a mixture asks too much of. The mixture that takes fewest units
has a dual that prices units, and the least cut under the prices either improves it or shows that none is better. Where
units are short at the optimum no seal exists: the prices prove it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.containment.contraction import Board
from engine.containment.cuts import ENOUGH, Cut, laid_out

MISSING = 50.0
"""What a missing unit costs beside one that is taken."""
NOTHING = 1e-7
"""Below this a unit is not missing but rounded."""
FINE = 1 << 20
"""The flow that finds a set of units is in whole numbers: one cut's worth of a post."""


@dataclass(frozen=True)
class Mixture:
    """The mixture of some cuts that takes fewest units.

    Attributes
    ----------
    short
        By which share all units together would have to be more.
    price
        float64, by `Master.units`: 1 where a unit is in no short supply.
    weight
        float64, by cut: how much of the mixture it is, 1 in all.
    """

    short: float
    price: NDArray[np.float64]
    weight: NDArray[np.float64]


class Master:
    """The program over the cuts of one board; ``u`` units, ``s`` sets of units, ``k`` cuts."""

    def __init__(self, board: Board) -> None:
        self.units = np.unique(board.unit)
        self.need = board.need.astype(np.int64)
        self._able = np.zeros((len(board.vertex), len(self.units)), np.bool_)
        candidate = np.repeat(np.arange(len(board.vertex)), np.diff(board.pair_first))
        self._able[candidate, np.searchsorted(self.units, board.unit)] = True
        self.cuts: list[Cut] = []
        self._known: dict[bytes, int] = {}
        self._sets = np.empty((0, len(self.units)), np.bool_)
        self._asks: list[NDArray[np.int64]] = []
        self._asked = np.empty((0, 0), np.int64)
        """(k, s): what each cut asks of each set."""
        self._take(np.ones(len(self.units), np.bool_))

    def add(self, cut: Cut) -> tuple[int, bool]:
        """Take another cut in; return its number, and whether it is new."""
        key = cut.candidates.tobytes()
        number = self._known.setdefault(key, len(self.cuts))
        if number < len(self.cuts):
            self.cuts[number] = cut  # the same posts, and what he gets through as the present branch has it
            return number, False
        self.cuts.append(cut)
        row = np.array([[int(asks[cut.candidates].sum()) for asks in self._asks]], np.int64)
        self._asked = np.concatenate((self._asked, row))
        return number, True

    def solve(self, among: list[int]) -> Mixture:
        """Return the best mixture of some cuts."""
        while True:
            found = self._solved(among)
            weight, short = np.asarray(found.x[:-1], float), float(found.x[-1])
            overloaded = self._overloaded(among, weight, 1.0 + short)
            if overloaded is None:
                price = np.maximum(-np.asarray(found.ineqlin.marginals), 0.0) @ self._sets
                return Mixture(short, 1.0 + price, weight)
            self._take(overloaded)

    def worth(self, among: list[int]) -> float:
        """Return about what the best mixture of some cuts costs: no more than it does, by the sets known so far."""
        return float(self._solved(among).fun) if among else np.inf

    def _solved(self, among: list[int]) -> Any:
        from scipy.optimize import linprog  # noqa: PLC0415

        sizes = self._sets.sum(axis=1).astype(float)
        asked = self._asked[among].astype(float)
        found: Any = linprog(
            np.append(asked[:, 0], MISSING * len(self.units)),
            A_ub=np.column_stack((asked.T, -sizes)),
            b_ub=sizes,
            A_eq=np.append(np.ones(len(among)), 0.0)[None],
            b_eq=[1.0],
            method="highs-ds",
        )
        assert found.status == 0, found.message
        return found

    def _take(self, units: NDArray[np.bool_]) -> None:
        """Take a set of units in: a candidate asks of it as many as others cannot give."""
        asks = np.maximum(self.need - (self._able & ~units).sum(axis=1), 0)
        column = np.array([int(asks[cut.candidates].sum()) for cut in self.cuts], np.int64)
        self._asks.append(asks)
        self._sets = np.concatenate((self._sets, units[None]))
        self._asked = np.column_stack((self._asked, column))

    def _overloaded(self, among: list[int], weight: NDArray[np.float64], most: float) -> NDArray[np.bool_] | None:
        """Return a set of units that is asked for more than ``most`` times what it has, bool (u,); None for none."""
        from engine.containment.flows import most_flow, reached  # noqa: PLC0415 - numba

        share = np.zeros(len(self.need))
        for cut, its in zip(among, weight.tolist(), strict=True):
            share[self.cuts[cut].candidates] += its
        seen = np.flatnonzero(share > NOTHING)
        row, unit = np.nonzero(self._able[seen])
        u, size = len(self.units), len(seen)
        amount = np.floor(share[seen] * FINE).astype(np.int64)
        # From 0 through the candidates and the units to the last.
        tail = np.concatenate((np.zeros(size, np.int64), row + 1, np.arange(u) + size + 1))
        head = np.concatenate((np.arange(size) + 1, unit + size + 1, np.full(u, size + u + 1)))
        pipes, place = laid_out(size + u + 2, tail, head)
        pipes.room[place] = np.concatenate((amount * self.need[seen], amount[row], np.full(u, round(most * FINE))))
        most_flow(pipes, 0, size + u + 1, ENOUGH)
        units = reached(pipes, 0, False)[size + 1 : size + u + 1]
        asks = np.maximum(self.need[seen] - (self._able[seen] & ~units).sum(axis=1), 0)
        more = float(share[seen] @ asks) - most * int(units.sum())
        return units if more > 1e-6 * u else None
