"""Whether a seal exists at one stretch: posts that distinct units hold in time, or prices that prove there is none.

The least cut says little; that distinct units hold it is the constraint that counts. So units have prices
(`engine.containment.master`), and a cut costs what its cheapest units do: first prices that would prove that units are
missing, then, where in the mean none are, those of the mixture that takes fewest. Each least cut is tried with a
matching; when prices neither prove nor find, CP-SAT looks among the candidates of all cuts seen, then among all.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine.containment.contraction import Board
from engine.containment.cuts import ENOUGH, Cutter
from engine.containment.master import SCALE, Master
from engine.containment.matching import match

ROUNDS = 40
NOTHING = 1e-7
"""Below this a unit is not missing but rounded."""
UNION_EFFORT, WHOLE_EFFORT, FEWEST_EFFORT = 0.5, 0.5, 0.3
"""CP-SAT's deterministic time among the cuts seen, among all candidates, and for fewer posts."""


@dataclass(frozen=True)
class Proof:
    """Prices by unit and the flow's routes: together the routes carry more than all units cost, so no seal exists."""

    price: NDArray[np.int64]
    routes: list[tuple[int, list[int]]]


@dataclass
class Decision:
    """What is known of seals at one stretch: pairs of the board that form one, or a proof, or neither."""

    board: Board
    pairs: NDArray[np.int64] | None = None
    proof: Proof | None = None
    searched: bool = False
    """Whether CP-SAT proved that there is none, where prices alone do not."""
    fewest_units: int | None = None
    """How many units the least cut takes, whoever they are; None where no cut is."""
    cuts: list[NDArray[np.int32]] = field(default_factory=list)
    """The least cuts that were seen on the way."""
    trace: dict[str, float] = field(default_factory=dict)


def decide(board: Board, crew_size: int, *, thorough: bool = True) -> Decision:
    """Find a seal or prove that there is none; unless ``thorough``, without CP-SAT."""
    from engine.containment.flows import cheapest  # noqa: PLC0415 - numba

    decision = Decision(board)
    cutter, master = Cutter(board), Master(board)
    decision.cuts = master.cuts
    price = np.zeros(crew_size, np.int64)
    if board.source == board.sink:
        decision.proof = Proof(price, [(1, [board.source])])
        return decision
    if not len(master.units):
        return decision
    prices, few = np.ones(len(master.units)), False
    for turn in range(ROUNDS):
        decision.trace["rounds"] = turn + 1
        price[master.units] = np.rint((prices + few) * SCALE).astype(np.int64) + 1
        cost = cheapest(board.pair_first, board.unit, price, board.need, ENOUGH)
        fresh = False
        for outer in (False, True):
            cut = cutter.least(cost, outer=outer)
            assert cut is not None
            if decision.fewest_units is None:
                decision.fewest_units = int(board.need[cut.candidates].sum())
            if cut.flow > int(price.sum()):
                decision.proof = Proof(price, cutter.routes())
                return decision
            fresh |= master.add(cut.candidates)
            decision.pairs = match(board, cut.candidates)
            if decision.pairs is not None:
                return decision
        if few and not fresh:
            break
        missing, prices = master.solve(few=few)
        if not few and (missing < NOTHING or not fresh):
            few = True
            missing, prices = master.solve(few=True)
    decision.trace["missing"] = missing
    return _searched(decision) if thorough else decision


def _searched(decision: Decision) -> Decision:
    from engine.containment.exact import search  # noqa: PLC0415 - CP-SAT

    board = decision.board
    union = np.zeros(len(board.vertex), np.bool_)
    union[np.concatenate(decision.cuts)] = True
    for allowed, effort in ((union, UNION_EFFORT), (np.ones_like(union), WHOLE_EFFORT)):
        answer = search(board, allowed, effort)
        decision.trace["effort"] = decision.trace.get("effort", 0.0) + answer.effort
        if answer.pairs is not None:
            decision.pairs = answer.pairs
            return decision
    decision.searched = answer.proven
    return decision


def fewest(decision: Decision) -> Decision:
    """Return a seal that takes no more than one that was found, at the same stretch, among the cuts seen for it.

    Units that have to drive count first, then posts.
    """
    from engine.containment.exact import search  # noqa: PLC0415 - CP-SAT

    board = decision.board
    assert decision.pairs is not None
    allowed = np.zeros(len(board.vertex), np.bool_)
    allowed[np.concatenate(decision.cuts)] = True
    answer = search(board, allowed, FEWEST_EFFORT, hint=decision.pairs)
    if answer.pairs is None:
        return decision
    takes = [
        (int(np.count_nonzero(board.unit[its] < board.pairs.crew)), len(np.unique(board.pairs.place[board.pair[its]])))
        for its in (answer.pairs, decision.pairs)
    ]
    return replace(decision, pairs=answer.pairs) if takes[0] < takes[1] else decision
