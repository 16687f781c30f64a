"""The search for a seal by cases, where prices alone neither find one nor prove that there is none.

Halves of two cuts can be held where neither can: the mixture says nothing then. So a part of the board is taken that he
gets through in one and not in the other, and both are supposed in turn; in each the mixture is a better one, and some
levels down there is a seal or a proof. All that is proven together is the proof (branch and bound, Land and Doig 1960).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.containment.contraction import Board
from engine.containment.cuts import ENOUGH, Cut, Cutter, Supposed
from engine.containment.master import NOTHING, Master, Mixture
from engine.containment.matching import match

SCALE = 1_000_000
"""A price of 1 as a whole number."""
ROUNDS = 40
"""Least cuts in search of the best mixture, in the beginning."""
MORE_ROUNDS = 2
"""And further down, once units suffice."""
TRIED = 4
"""Parts of which the one is chosen that both cases gain by."""


@dataclass(frozen=True)
class Proof:
    """No seal in one branch: the routes carry more than all units cost. ``price`` by unit; ``routes`` of the flow."""

    supposed: Supposed
    price: NDArray[np.int64]
    routes: list[tuple[int, list[int]]]


@dataclass
class Search:
    """What is found on one board, of a crew with checkpoints of ``crew_size``.

    Attributes
    ----------
    pairs
        Pairs of the board that form a seal.
    proofs
        Of the branches that are done with.
    fewest_units
        How many units the least cut takes, whoever they are.
    work
        Numbers of the board that all flows together went over: what the search has cost, on any machine.
    """

    board: Board
    crew_size: int
    pairs: NDArray[np.int64] | None = None
    proofs: list[Proof] = field(default_factory=list)
    fewest_units: int | None = None
    work: int = 0

    def __post_init__(self) -> None:
        self.master = Master(self.board)
        vertex = self.board.core.vertex
        places = np.bincount(vertex[vertex >= 0], minlength=len(self.board.core.need))
        # A chain of places is no part to suppose anything of: he may get through one of them and not the next.
        self._one = np.ones(self.board.size, np.bool_)
        self._one[: len(self.board.vertex)] = places[self.board.vertex] == 1
        self._streets = np.bincount(np.concatenate((self.board.tail, self.board.head)), minlength=self.board.size)

    def run(self, most_work: int) -> bool:
        """Search until a seal is found, all is proven, or too much work is done; return whether all is proven."""
        waiting = [(Supposed(), np.ones(len(self.master.units)))]
        while waiting:
            supposed, price = waiting.pop()
            among, mixture = self._mixed(supposed, price)
            if self.pairs is not None:
                return False
            if mixture is None:
                continue
            passed = mixture.weight @ np.array([self.master.cuts[cut].passed for cut in among], float)
            part = self._part(among, passed) if self.work < most_work else None
            if part is None:
                return False
            cases = [
                Supposed(supposed.passed, (*supposed.barred, part)),
                Supposed((*supposed.passed, part), supposed.barred),
            ]
            waiting += [(case, mixture.price) for case in (cases if passed[part] >= 0.5 else cases[::-1])]
        return True

    def _mixed(self, supposed: Supposed, price: NDArray[np.float64]) -> tuple[list[int], Mixture | None]:
        """Return the cuts of a branch and their best mixture; None once a seal is found or it is proven there is none.

        Cuts that were seen elsewhere count where they agree with what is supposed.
        """
        master, cutter = self.master, Cutter(self.board, supposed)
        first = not master.cuts
        among = [number for number, cut in enumerate(master.cuts) if cut.agrees(supposed)]
        mixture = master.solve(among) if among else None
        left = ROUNDS if first else MORE_ROUNDS
        for _ in range(ROUNDS):
            if mixture is not None:
                price = mixture.price
                left -= mixture.short < NOTHING or first
                if left < 0:
                    break
            cuts = self._least(cutter, supposed, price)
            if cuts is None:
                return among, None
            numbers = {self._added(cut) for cut in cuts}
            if self.pairs is not None:
                return among, None
            fresh = numbers - set(among)
            if not fresh:
                break
            among += sorted(fresh)
            mixture = master.solve(among)
        assert mixture is not None
        return among, mixture

    def _least(self, cutter: Cutter, supposed: Supposed, price: NDArray[np.float64]) -> tuple[Cut, Cut] | None:
        """Return the least cuts under prices by `Master.units`; None where the flow is a proof, which is kept."""
        from engine.containment.flows import cheapest  # noqa: PLC0415 - numba

        board = self.board
        its = np.zeros(self.crew_size, np.int64)
        its[self.master.units] = np.rint(price * SCALE).astype(np.int64) + 1
        all_cost = int(its.sum())
        cost = cheapest(board.pair_first, board.unit, its, board.need, ENOUGH)
        self.work += board.size
        flow = cutter.flow(cost, all_cost + 1 if self.fewest_units is not None else ENOUGH)
        if self.fewest_units is None:
            self.fewest_units = int(board.need[cutter.cuts()[0].candidates].sum())
        if flow > all_cost:
            self.proofs.append(Proof(supposed, its, cutter.routes()))
            return None
        return cutter.cuts()

    def _added(self, cut: Cut) -> int:
        """Take a cut in, and see whether distinct units hold it."""
        number, new = self.master.add(cut)
        if new and self.pairs is None:
            self.pairs = match(self.board, cut.candidates)
        return number

    def _part(self, among: list[int], passed: NDArray[np.float64]) -> int | None:
        """Return the part to suppose something of: the one by which the case that gains less gains most.

        ``passed`` is by which share of the mixture he gets through each part. None where he gets through all or none.
        """
        open_share = np.where(self._one, np.minimum(passed, 1.0 - passed), 0.0)
        likely = np.flatnonzero(open_share > max(0.3 * open_share.max(), NOTHING))
        if not len(likely):
            return None
        order = likely[np.lexsort((likely, -self._streets[likely], -open_share[likely].round(9)))]
        alike = np.unique(passed[order].round(9), return_index=True)[1]
        sides = np.array([self.master.cuts[cut].passed[order] for cut in among])
        best, most = None, -np.inf
        for at in np.sort(alike)[:TRIED].tolist():
            its = [[cut for cut, is_in in zip(among, sides[:, at], strict=True) if is_in == side] for side in (0, 1)]
            worth = [self.master.worth(cuts) for cuts in its]
            gain = min(worth) + 0.1 * max(worth)
            if gain > most:
                best, most = int(order[at]), gain
        return best
