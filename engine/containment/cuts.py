"""Least cuts of a board: the candidates of least total price that shut the suspect in, and the flow that proves it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.containment.contraction import Board

ENOUGH = 1 << 40
"""More than any price: a cut of this price is none."""


@dataclass(frozen=True, slots=True)
class Supposed:
    """What is supposed of the suspect, in the board's numbers: through which parts he gets, and through which not.

    Whatever seal there may be, he gets through a part or he does not: then it is a post, or lies behind posts.
    """

    passed: tuple[int, ...] = ()
    barred: tuple[int, ...] = ()


@dataclass(frozen=True)
class Cut:
    """Candidates that together shut the suspect in; ``passed``, bool (size,), is what he still gets through."""

    candidates: NDArray[np.int32]
    passed: NDArray[np.bool_]

    def agrees(self, supposed: Supposed) -> bool:
        """Whether he gets through just so much of what is supposed."""
        return bool(self.passed[list(supposed.passed)].all()) and not self.passed[list(supposed.barred)].any()


class Cutter:
    """Finds least cuts of one board, as is supposed, under one set of prices after another."""

    def __init__(self, board: Board, supposed: Supposed) -> None:
        from engine.containment.flows import Pipes  # noqa: PLC0415 - numba

        c = self.count = len(board.vertex)
        self.size = board.size
        passed, barred = np.array(supposed.passed, np.int32), np.array(supposed.barred, np.int32)
        self._free = passed[passed < c]
        # A candidate is two nodes with an arc between them, whose room is its price; a merged part is one node.
        enter = np.concatenate((np.arange(c), np.arange(c, board.size) + c))
        leave = np.concatenate((np.arange(c) + c, np.arange(c, board.size) + c))
        near = np.concatenate((board.tail, passed, barred))
        far = np.concatenate((board.head, np.full_like(passed, board.source), np.full_like(barred, board.sink)))
        tail = np.concatenate((np.arange(c), leave[near], leave[far]))
        head = np.concatenate((np.arange(c) + c, enter[far], enter[near]))
        edges = len(tail)
        tails, heads = np.concatenate((tail, head)), np.concatenate((head, tail))
        order = np.argsort(tails, kind="stable")
        place = np.empty(2 * edges, np.int64)
        place[order] = np.arange(2 * edges)
        mate = np.empty(2 * edges, np.int32)
        mate[place[:edges]], mate[place[edges:]] = place[edges:], place[:edges]
        first = np.zeros(board.size + c + 1, np.int32)
        np.cumsum(np.bincount(tails, minlength=board.size + c), out=first[1:])
        room = np.zeros(2 * edges, np.int64)
        room[place[:edges]] = ENOUGH
        self._through = place[:c]
        self._room = room
        self._pipes: Pipes = Pipes(first, heads[order].astype(np.int32), mate, room)
        self._source, self._sink = board.source + c, board.sink + c

    def flow(self, price: NDArray[np.int64], enough: int = ENOUGH) -> int:
        """Send the greatest flow out, or so much that it is ``enough``, and return how much: the least cut's price.

        Parameters
        ----------
        price
            int64 (c,), not negative; `ENOUGH` for a candidate that must not be cut.
        """
        from engine.containment.flows import most_flow  # noqa: PLC0415

        pipes = self.pipes = self._pipes._replace(room=self._room.copy())
        pipes.room[self._through] = price
        pipes.room[self._through[self._free]] = ENOUGH
        return int(most_flow(pipes, self._source, self._sink, enough))

    def cuts(self) -> tuple[Cut, Cut]:
        """Return the least cuts of the last flow, which must be the greatest: nearest to the suspect, and outermost."""
        from engine.containment.flows import reached  # noqa: PLC0415

        return self._between(reached(self.pipes, self._source, False)), self._between(
            ~reached(self.pipes, self._sink, True)
        )

    def _between(self, inside: NDArray[np.bool_]) -> Cut:
        c = self.count
        cut = np.flatnonzero(inside[:c] & ~inside[c : 2 * c]).astype(np.int32)
        return Cut(cut, inside[c : c + self.size])

    def routes(self) -> list[tuple[int, list[int]]]:
        """Return the last flow as routes: an amount, and the board's numbers from the source to the sink.

        What flows in a circle is no part of any route and is left out.
        """
        c, pipes = self.count, self.pipes
        first, head = pipes.first.tolist(), pipes.head.tolist()
        left = np.where(self._room > 0, pipes.room[pipes.mate], 0).tolist()
        row = list(first[:-1])
        found: list[tuple[int, list[int]]] = []
        while True:
            arcs: list[int] = []
            at, node = {self._source: 0}, self._source
            while node != self._sink:
                while row[node] < first[node + 1] and left[row[node]] <= 0:
                    row[node] += 1
                if row[node] == first[node + 1]:
                    return found
                arcs.append(row[node])
                node = head[row[node]]
                if node in at:  # round in a circle: it is taken out, and the walk goes on where it began
                    circle = arcs[at[node] :]
                    least = min(left[arc] for arc in circle)
                    for arc in circle:
                        left[arc] -= least
                    del arcs[at[node] :]
                    at = {self._source: 0} | {head[arc]: i + 1 for i, arc in enumerate(arcs)}
                else:
                    at[node] = len(arcs)
            amount = min(left[arc] for arc in arcs)
            for arc in arcs:
                left[arc] -= amount
            nodes = [self._source, *(head[arc] for arc in arcs)]
            way = [node if node < c else node - c for node in nodes if not c <= node < 2 * c]
            found.append((amount, way))
