"""Whether a seal exists at one stretch: posts that distinct units hold in time, or prices that prove there is none.

The least cut says little; that distinct units hold it is the constraint that counts. So units have prices
(`engine.containment.master`), and a cut costs what its cheapest units do; each least cut is tried with a matching. When
prices alone neither prove nor find, cases are told apart (`engine.containment.branching`).
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine.containment.branching import Proof, Search
from engine.containment.contraction import Board
from engine.containment.cuts import Supposed

MOST_WORK = 1_500_000
"""Numbers of the board that the flows of one search go over: 230 flows on a board of 6,500, in some two seconds."""
FEWEST_EFFORT = 0.3
"""CP-SAT's deterministic time for fewer posts."""


@dataclass
class Decision:
    """What is known of seals at one stretch: pairs of the board that form one, or a proof by cases, or neither."""

    board: Board
    pairs: NDArray[np.int64] | None = None
    proofs: list[Proof] | None = None
    fewest_units: int | None = None
    """How many units the least cut takes, whoever they are; None where no cut is."""
    cuts: list[NDArray[np.int32]] = field(default_factory=list)
    """The least cuts that were seen on the way."""


def decide(board: Board, crew_size: int, *, thorough: bool = True) -> Decision:
    """Find a seal or prove that there is none; unless ``thorough``, by prices alone."""
    if board.source == board.sink:
        nobody = Proof(Supposed(), np.zeros(crew_size, np.int64), [(1, [board.source])])
        return Decision(board, proofs=[nobody])
    search = Search(board, crew_size)
    proven = search.run(MOST_WORK if thorough else 0)
    return Decision(
        board,
        search.pairs,
        search.proofs if proven else None,
        search.fewest_units,
        [cut.candidates for cut in search.master.cuts],
    )


def fewest(decision: Decision) -> Decision:
    """Return a seal that takes no more than one that was found, at the same stretch, among the cuts seen for it.

    Units that have to drive count first, then posts.
    """
    from engine.containment.exact import fewest_units  # noqa: PLC0415 - CP-SAT

    board = decision.board
    assert decision.pairs is not None
    allowed = np.zeros(len(board.vertex), np.bool_)
    allowed[np.concatenate(decision.cuts)] = True
    found = fewest_units(board, allowed, FEWEST_EFFORT, decision.pairs)
    if found is None:
        return decision
    takes = [
        (int(np.count_nonzero(board.unit[its] < board.pairs.crew)), len(np.unique(board.pairs.place[board.pair[its]])))
        for its in (found, decision.pairs)
    ]
    return replace(decision, pairs=found) if takes[0] < takes[1] else decision
