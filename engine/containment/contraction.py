"""The ground made small without losing a seal: what is on no way out goes, chains become one candidate.

Rules: a vertex on no simple way from the suspect to the outside is in no least cut. Any one post in a chain of places
with two neighbours shuts the chain, so the chain is one candidate, which a unit holds at the place where it has most
time to spare; places that take two units stay alone, since both must be at the same one. Places that nobody can hold
are merged with their like: the streets are taken as open both ways, so whoever is at one can be at all.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.containment.ground import Ground, rows_of
from geo_data.distinct import distinct

if TYPE_CHECKING:
    from engine.containment.holding import Pairs


@dataclass(frozen=True, eq=False)
class Core:
    """The ground contracted, for any stretch. ``v`` vertices, ``q`` pairs.

    Attributes
    ----------
    vertex
        int32 (p,): the vertex of each place; -1 for one on no way out.
    first, head
        int32 (v + 1,) and int32: neighbours.
    source, sink
        Vertices.
    need
        int8 (v,).
    """

    vertex: NDArray[np.int32]
    first: NDArray[np.int32]
    head: NDArray[np.int32]
    source: int
    sink: int
    need: NDArray[np.int8]

    @property
    def open(self) -> bool:
        """Whether any way leads out."""
        return len(self.head) > 0


def contract(ground: Ground) -> Core:
    """Contract the ground."""
    from engine.containment.flows import between  # noqa: PLC0415 - numba

    kept = between(ground.first, ground.head, ground.source, ground.sink)
    return _merged(ground, kept)


def _merged(ground: Ground, kept: NDArray[np.bool_]) -> Core:
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    n = len(kept)
    tail = np.repeat(np.arange(n), np.diff(ground.first))
    head = ground.head
    inside = kept[tail] & kept[head]
    tail, head = tail[inside], head[inside]
    need = np.append(ground.need, np.zeros(2, np.int8))
    chain = (np.bincount(tail, minlength=n) == 2) & (need == 1)
    along = chain[tail] & chain[head]
    joined = coo_array((np.ones(int(along.sum()), np.int8), (tail[along], head[along])), shape=(n, n))
    of = connected_components(joined, directed=False)[1]
    number = np.full(n, -1, np.int64)
    number[of[kept]] = 0
    number[number == 0] = np.arange(np.count_nonzero(number == 0))
    vertex = np.where(kept, number[of], -1).astype(np.int32)
    count = int(vertex.max(initial=-1)) + 1
    first, heads = rows_of(count, np.column_stack((vertex[tail], vertex[head])).astype(np.int64))
    need_of = np.zeros(count, np.int8)
    need_of[vertex[kept]] = need[kept]
    return Core(
        vertex=vertex[: n - 2],
        first=first,
        head=heads,
        source=int(vertex[ground.source]),
        sink=int(vertex[ground.sink]),
        need=need_of,
    )


@dataclass(frozen=True, eq=False)
class Board:
    """The core at one stretch: candidates that somebody can hold, all else merged. ``c`` candidates, ``q`` pairs.

    Attributes
    ----------
    vertex
        int32 (c,): the core's vertex of each candidate.
    merged
        int32 (v,): the board's number of each of the core's vertices; candidates come first.
    size
        Candidates and merged parts.
    source, sink
        Merged parts; equal where the suspect gets away past places that nobody can hold.
    tail, head
        int32 (e,): edges, each once, ``tail < head``.
    need
        int8 (c,).
    pair_first, unit, pair
        int32 (c + 1,), int32 and int64 (q,): who can hold each candidate, and the row of `Pairs` that says so.
    """

    core: Core
    pairs: "Pairs"
    stretch: int
    vertex: NDArray[np.int32]
    merged: NDArray[np.int32]
    size: int
    source: int
    sink: int
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    need: NDArray[np.int8]
    pair_first: NDArray[np.int32]
    unit: NDArray[np.int32]
    pair: NDArray[np.int64]

    def units_at(self, candidate: int) -> NDArray[np.int32]:
        """Return who can hold a candidate."""
        return self.unit[self.pair_first[candidate] : self.pair_first[candidate + 1]]


def set_up(core: Core, pairs: "Pairs", stretch: int) -> Board:
    """Lay out the core for a stretch in thousandths."""
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    count = len(core.need)
    whose = np.repeat(np.arange(count), np.diff(pairs.first))
    fit = pairs.stretch >= stretch
    able = np.bincount(whose[fit], minlength=count)
    held = (able >= core.need) & (core.need > 0)
    tail = np.repeat(np.arange(count), np.diff(core.first))
    free = ~held[tail] & ~held[core.head]
    joined = coo_array((np.ones(int(free.sum()), np.int8), (tail[free], core.head[free])), shape=(count, count))
    of = connected_components(joined, directed=False)[1]
    vertex = np.flatnonzero(held).astype(np.int32)
    merged = np.empty(count, np.int32)
    merged[vertex] = np.arange(len(vertex))
    rest = np.unique(of[~held], return_inverse=True)[1]
    merged[~held] = len(vertex) + rest
    size = len(vertex) + int(rest.max(initial=-1)) + 1
    ends = np.column_stack((merged[tail], merged[core.head])).astype(np.int64)
    ends = ends[ends[:, 0] < ends[:, 1]]
    keys = distinct(ends @ np.array([size, 1]))
    fit &= held[whose]
    pair_first = np.zeros(len(vertex) + 1, np.int32)
    np.cumsum(np.bincount(merged[whose[fit]], minlength=len(vertex)), out=pair_first[1:])
    return Board(
        core=core,
        pairs=pairs,
        stretch=stretch,
        vertex=vertex,
        merged=merged,
        size=size,
        source=int(merged[core.source]),
        sink=int(merged[core.sink]),
        tail=(keys // size).astype(np.int32),
        head=(keys % size).astype(np.int32),
        need=core.need[vertex],
        pair_first=pair_first,
        unit=pairs.unit[fit],
        pair=np.flatnonzero(fit),
    )
