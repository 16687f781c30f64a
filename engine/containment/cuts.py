"""Least cuts of a board: the candidates of least total price that shut the suspect in, and the flow that proves it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.containment.contraction import Board

if TYPE_CHECKING:
    pass

ENOUGH = 1 << 40
"""More than any price: a cut of this price is none."""


@dataclass(frozen=True)
class Cut:
    """Candidates that together shut the suspect in, at least price; ``flow`` is their price and the flow's amount."""

    flow: int
    candidates: NDArray[np.int32]
    load: NDArray[np.int64]
    """int64 (c,): how much of the flow passes each candidate."""


class Cutter:
    """Finds least cuts of one board under one set of prices after another."""

    def __init__(self, board: Board) -> None:
        from engine.containment.flows import Pipes  # noqa: PLC0415 - numba

        self.board = board
        c = self.count = len(board.vertex)
        # A candidate is two nodes with an arc between them, whose room is its price; a merged part is one node.
        enter = np.concatenate((np.arange(c), np.arange(c, board.size) + c))
        leave = np.concatenate((np.arange(c) + c, np.arange(c, board.size) + c))
        tail = np.concatenate((np.arange(c), leave[board.tail], leave[board.head]))
        head = np.concatenate((np.arange(c) + c, enter[board.head], enter[board.tail]))
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

    def least(self, price: NDArray[np.int64], *, outer: bool = False) -> Cut | None:
        """Return a least cut, the nearest to the suspect or the ``outer``most; None where there is none.

        Parameters
        ----------
        price
            int64 (c,), not negative; `ENOUGH` for a candidate that must not be cut.
        """
        from engine.containment.flows import most_flow, reached  # noqa: PLC0415

        if self.board.source == self.board.sink:
            return None
        pipes = self._pipes._replace(room=self._room.copy())
        pipes.room[self._through] = price
        flow = int(most_flow(pipes, self._source, self._sink, ENOUGH))
        if flow >= ENOUGH:
            return None
        side = reached(pipes, self._sink if outer else self._source, outer)
        if outer:
            side = ~side
        self.pipes = pipes
        cut = np.flatnonzero(side[: self.count] & ~side[self.count : 2 * self.count]).astype(np.int32)
        return Cut(flow, cut, price - pipes.room[self._through])

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
