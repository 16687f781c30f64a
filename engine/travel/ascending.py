"""Up the elimination tree from a place: which ranks are above its ends, and the times carried to them."""

import numpy as np
from numpy.typing import NDArray

from engine.travel.supergraph import Supergraph
from geo_data.compiled import inlined
from geo_data.speeds import NEVER


@inlined
def parent_of(graph: Supergraph, rank: int) -> int:
    """Return the lowest upper neighbour of a rank; -1 for a root."""
    slot = graph.first[rank]
    return int(graph.head[slot]) if slot < graph.first[rank + 1] else -1


@inlined
def lay_path(graph: Supergraph, low: int, other: int, ms: NDArray[np.int32], path: NDArray[np.int32]) -> int:
    """Write the ancestors of two ranks (-1 for none) with themselves, ascending, all `NEVER`; return how many."""
    count = 0
    while low >= 0 or other >= 0:
        rank = low if other < 0 or 0 <= low <= other else other
        parent = parent_of(graph, rank)
        if low == rank:
            low = parent
        if other == rank:
            other = parent
        path[count] = rank
        ms[rank] = NEVER
        count += 1
    return count


@inlined
def ascend(
    graph: Supergraph, sideways: NDArray[np.int32], ms: NDArray[np.int32], path: NDArray[np.int32], count: int
) -> None:
    """Carry the times on a path to every rank above, the lowest first, at each slot's time in ``sideways``."""
    for i in range(count):
        rank = path[i]
        here = ms[rank]
        if here < NEVER:
            for slot in range(graph.first[rank], graph.first[rank + 1]):
                head = graph.head[slot]
                ms[head] = min(ms[head], here + sideways[slot])
