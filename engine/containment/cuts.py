"""Least cuts of a board: the candidates of least total price that shut the suspect in, and the flow that proves it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.containment.contraction import Board

if TYPE_CHECKING:
    from engine.containment.flows import Pipes

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
    """Finds least cuts of one board, as is supposed, under one set of prices after another.

    A candidate is two nodes with an arc between them, whose room is its price; a merged part is one node. Half of the
    candidates are streets that join two others: such a one is no node but an arc from one to the other, and one back.
    """

    def __init__(self, board: Board, supposed: Supposed) -> None:
        c = self.count = len(board.vertex)
        passed, barred = np.array(supposed.passed, np.int32), np.array(supposed.barred, np.int32)
        tail = np.concatenate((board.tail, passed, barred))
        head = np.concatenate((board.head, np.full_like(passed, board.source), np.full_like(barred, board.sink)))
        self._street, self._ends = _streets(board.size, c, tail, head)
        node_of = np.ones(board.size, np.bool_)
        node_of[self._street] = False
        self._posts = np.flatnonzero(node_of[:c]).astype(np.int32)
        many = np.where(node_of, 1, 0)
        many[self._posts] = 2
        self._enter = np.where(node_of, np.cumsum(many) - many, 0)
        self._leave = self._enter + (many == 2)
        self._number = np.full(int(many.sum()), -1, np.int64)
        self._number[self._enter[node_of]] = np.flatnonzero(node_of)
        joined = node_of[tail] & node_of[head]
        one, other = self._ends
        tails = np.concatenate((self._posts, one, other, tail[joined], head[joined]))
        heads = np.concatenate((self._posts, other, one, head[joined], tail[joined]))
        at = np.concatenate((self._enter[self._posts], self._leave[tails[len(self._posts) :]]))
        to = np.concatenate((self._leave[self._posts], self._enter[heads[len(self._posts) :]]))
        self._whose = np.concatenate((self._posts, self._street, self._street))
        """The candidate whose price is an arc's room, of the first arcs."""
        self._free = np.flatnonzero(np.isin(self._whose, passed))
        self._pipes, self._place = laid_out(len(self._number), at, to)
        self._room = self._pipes.room
        self._room[self._place] = ENOUGH
        self._source, self._sink = int(self._leave[board.source]), int(self._leave[board.sink])

    def flow(self, price: NDArray[np.int64], enough: int = ENOUGH) -> int:
        """Send the greatest flow out, or so much that it is ``enough``, and return how much: the least cut's price.

        Parameters
        ----------
        price
            int64 (c,), not negative; `ENOUGH` for a candidate that must not be cut.
        """
        from engine.containment.flows import most_flow  # noqa: PLC0415

        pipes = self.pipes = self._pipes._replace(room=self._room.copy())
        priced = self._place[: len(self._whose)]
        pipes.room[priced] = price[self._whose]
        pipes.room[priced[self._free]] = ENOUGH
        self._sent = pipes.room[self._place]
        return int(most_flow(pipes, self._source, self._sink, enough))

    def cuts(self) -> tuple[Cut, Cut]:
        """Return the least cuts of the last flow, which must be the greatest: nearest to the suspect, and outermost."""
        from engine.containment.flows import reached  # noqa: PLC0415

        return self._between(reached(self.pipes, self._source, False)), self._between(
            ~reached(self.pipes, self._sink, True)
        )

    def _between(self, inside: NDArray[np.bool_]) -> Cut:
        entered, passed = inside[self._enter], inside[self._leave]
        cut = entered & ~passed
        one, other = self._ends
        cut[self._street] = (passed[one] & ~entered[other]) | (passed[other] & ~entered[one])
        passed[self._street] = ((passed[one] & entered[other]) | (passed[other] & entered[one])) & ~cut[self._street]
        return Cut(np.flatnonzero(cut[: self.count]).astype(np.int32), passed)

    def routes(self) -> list[tuple[int, list[int]]]:
        """Return the last flow as routes: an amount, and the board's numbers from the source to the sink.

        What flows in a circle, or to and fro on a street, is no part of any route and is left out.
        """
        pipes, number = self.pipes, self._number.tolist()
        first, head = pipes.first.tolist(), pipes.head.tolist()
        street = np.full(len(head), -1, np.int64)
        street[self._place[len(self._posts) : len(self._whose)]] = self._whose[len(self._posts) :]
        on = street.tolist()
        left = self._flowing().tolist()
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
            way = [number[self._source], *(its for arc in arcs for its in (on[arc], number[head[arc]]) if its >= 0)]
            found.append((amount, way))

    def _flowing(self) -> NDArray[np.int64]:
        """Return the last flow by arc, without what flows to and fro on a street."""
        flow = self._sent - self.pipes.room[self._place]
        posts, streets = len(self._posts), len(self._street)
        there, back = flow[posts : posts + streets], flow[posts + streets : posts + 2 * streets]
        both = np.minimum(there, back)
        there -= both
        back -= both
        through = np.full(len(self._enter), -1)
        through[self._posts] = np.arange(posts)
        for ends in self._ends:
            its = through[ends]
            np.subtract.at(flow, its[its >= 0], both[its >= 0])
        by_arc = np.zeros(len(self._room), np.int64)
        by_arc[self._place] = flow
        return by_arc


def _streets(
    size: int, candidates: int, tail: NDArray[np.int32], head: NDArray[np.int32]
) -> tuple[NDArray[np.int64], tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Return candidates that have two neighbours each, none next to another, and the neighbours."""
    near, far = np.concatenate((tail, head)), np.concatenate((head, tail))
    two = np.bincount(near, minlength=size) == 2
    two[candidates:] = False
    two[near[two[near] & two[far] & (near > far)]] = False
    rows = np.flatnonzero(two[near])
    rows = rows[np.argsort(near[rows], kind="stable")]
    return np.flatnonzero(two), (far[rows[::2]], far[rows[1::2]])


def laid_out(nodes: int, tail: NDArray[np.int64], head: NDArray[np.int64]) -> tuple["Pipes", NDArray[np.int64]]:
    """Return a flow network of some arcs, none of which has room yet, and the place of each arc in it."""
    from engine.containment.flows import Pipes  # noqa: PLC0415 - numba

    edges = len(tail)
    tails, heads = np.concatenate((tail, head)), np.concatenate((head, tail))
    order = np.argsort(tails, kind="stable")
    place = np.empty(2 * edges, np.int64)
    place[order] = np.arange(2 * edges)
    mate = np.empty(2 * edges, np.int32)
    mate[place[:edges]], mate[place[edges:]] = place[edges:], place[:edges]
    first = np.zeros(nodes + 1, np.int32)
    np.cumsum(np.bincount(tails, minlength=nodes), out=first[1:])
    pipes = Pipes(first, heads[order].astype(np.int32), mate, np.zeros(2 * edges, np.int64))
    return pipes, place[:edges]
