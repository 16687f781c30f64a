"""The chordal supergraph of a network: which shortcuts a contraction hierarchy has, whatever the travel times.

Nodes are taken away in a nested dissection order, and the neighbours that are left are joined with one another. So
many shortcuts as that may need are all there ever are, which is why times can be changed afterwards
(J. Dibbelt, B. Strasser, D. Wagner, Customizable Contraction Hierarchies, JEA 2016). A node's *rank* is when it goes;
its neighbours of higher rank are its *upper* ones; the lowest of these is its *parent* in the elimination tree, and
the upper neighbours of a node are all among its ancestors. Ranks follow a postorder of that tree: the nodes below a
node are the ranks just before it, and near in the tree is near in memory.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo_data.compiled import making_arrays
from geo_data.distinct import distinct


class Supergraph(NamedTuple):
    """Shortcuts by slot. ``n`` nodes by rank, ``a`` slots, ``m`` arcs, ``s`` stems. All int32.

    Attributes
    ----------
    rank
        (n,), each node's rank.
    node
        (n,), the node of each rank.
    first, head
        (n + 1,) and (a,): the slots of a rank and the upper neighbour of each, ascending.
    down_first, down_slot
        (n + 1,) and (a,): the slots that lead up to a rank, by their lower rank ascending.
    tail
        (a,), the lower rank of each slot.
    arc_slot
        (m,), the slot of each arc; -1 for a loop.
    slot_first, slot_arc
        (a + 1,) and (m - loops,): the arcs of each slot, ascending, whichever way they run.
    stem
        (n,). A stem is a run of ranks that each have but the one before as a child; the tree branches between stems.
    stem_first
        (s + 1,), the lowest rank of each stem.
    stem_parent
        (s,), the stem that it grows on; -1 for a root.
    """

    rank: NDArray[np.int32]
    node: NDArray[np.int32]
    first: NDArray[np.int32]
    head: NDArray[np.int32]
    down_first: NDArray[np.int32]
    down_slot: NDArray[np.int32]
    tail: NDArray[np.int32]
    arc_slot: NDArray[np.int32]
    slot_first: NDArray[np.int32]
    slot_arc: NDArray[np.int32]
    stem: NDArray[np.int32]
    stem_first: NDArray[np.int32]
    stem_parent: NDArray[np.int32]


def neighbours(n: int, tail: NDArray[np.int32], head: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return rows int32 (n + 1,) and heads int32 of the simple undirected graph under some arcs, heads ascending."""
    apart = tail != head
    low, high = np.minimum(tail, head)[apart].astype(np.int64), np.maximum(tail, head)[apart].astype(np.int64)
    pairs = distinct(low * n + high)
    low, high = pairs // n, pairs % n
    both = distinct(np.concatenate((pairs, high * n + low)))
    first = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(both // n, minlength=n), out=first[1:])
    return first, (both % n).astype(np.int32)


@making_arrays
def _upper(
    first: NDArray[np.int32], head: NDArray[np.int32], order: NDArray[np.int32], rank: NDArray[np.int32], room: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return rows and upper neighbours by rank; heads of size 0 when there are more than ``room``.

    A node's upper neighbours are its own in the network and those of its children, but for itself.
    """
    n = len(order)
    rows, heads = np.zeros(n + 1, np.int32), np.empty(room, np.int32)
    child, sibling = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    seen, found = np.full(n, -1, np.int32), np.empty(n, np.int32)
    used = 0
    for low in range(n):
        seen[low] = low
        count = 0
        for end in range(first[order[low]], first[order[low] + 1]):
            high = rank[head[end]]
            if high > low and seen[high] != low:
                seen[high] = low
                found[count] = high
                count += 1
        below = child[low]
        while below >= 0:
            for slot in range(rows[below], rows[below + 1]):
                high = heads[slot]
                if seen[high] != low:
                    seen[high] = low
                    found[count] = high
                    count += 1
            below = sibling[below]
        if used + count > room:
            return rows, np.empty(0, np.int32)
        heads[used : used + count] = np.sort(found[:count])
        used += count
        rows[low + 1] = used
        if count > 0:
            parent = heads[used - count]
            sibling[low] = child[parent]
            child[parent] = low
    return rows, heads[:used].copy()


@making_arrays
def _postorder(rows: NDArray[np.int32], heads: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the ranks in a postorder of the elimination tree."""
    n = len(rows) - 1
    child, sibling = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    for low in range(n - 1, -1, -1):
        if rows[low + 1] > rows[low]:
            parent = heads[rows[low]]
            sibling[low] = child[parent]
            child[parent] = low
    out, stack = np.empty(n, np.int32), np.empty(n, np.int32)
    count = 0
    for root in range(n):
        if rows[root + 1] > rows[root]:
            continue
        size = 1
        stack[0] = root
        while size > 0:
            top = stack[size - 1]
            if child[top] >= 0:
                stack[size] = child[top]
                child[top] = sibling[child[top]]
                size += 1
            else:
                out[count] = top
                count += 1
                size -= 1
    return out


@making_arrays
def _find_slots(
    rows: NDArray[np.int32],
    heads: NDArray[np.int32],
    rank: NDArray[np.int32],
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Return each arc's slot; -1 for a loop."""
    out = np.empty(len(tail), np.int32)
    for arc in range(len(tail)):
        low, high = min(rank[tail[arc]], rank[head[arc]]), max(rank[tail[arc]], rank[head[arc]])
        out[arc] = -1
        if low != high:
            out[arc] = rows[low] + np.searchsorted(heads[rows[low] : rows[low + 1]], high)
    return out


@making_arrays
def _stems(
    rows: NDArray[np.int32], heads: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return each rank's stem, each stem's lowest rank (and the number of ranks), each stem's parent."""
    n = len(rows) - 1
    children = np.zeros(n, np.int32)
    for low in range(n):
        if rows[low + 1] > rows[low]:
            children[heads[rows[low]]] += 1
    stem, first = np.empty(n, np.int32), np.empty(n + 1, np.int32)
    count = 0
    for rank in range(n):
        if children[rank] != 1:
            first[count] = rank
            count += 1
        stem[rank] = count - 1
    first[count] = n
    parent = np.full(count, -1, np.int32)
    for i in range(count):
        last = first[i + 1] - 1
        if rows[last + 1] > rows[last]:
            parent[i] = stem[heads[rows[last]]]
    return stem, first[: count + 1].copy(), parent


def _rows_by(key: NDArray[np.int32], size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return rows int32 (size + 1,) and the indices that fall into each, ascending; negative keys fall into none."""
    order = np.argsort(key, kind="stable").astype(np.int32)
    order = order[int(np.count_nonzero(key < 0)) :]
    first = np.zeros(size + 1, np.int32)
    np.cumsum(np.bincount(key[order], minlength=size), out=first[1:])
    return first, order


def lay_supergraph(n: int, tail: NDArray[np.int32], head: NDArray[np.int32], order: NDArray[np.int32]) -> Supergraph:
    """Return the supergraph of a network for an order in which its nodes are taken away.

    Parameters
    ----------
    n
        Nodes.
    tail, head
        int32 (m,), the arcs.
    order
        int32 (n,), the nodes; first what goes first.
    """
    first, heads = neighbours(n, tail, head)
    order = order[_postorder(*_eliminate(first, heads, order))]
    rows, upper = _eliminate(first, heads, order)
    rank = _inverse(order)
    arc_slot = _find_slots(rows, upper, rank, tail, head)
    stem, stem_first, stem_parent = _stems(rows, upper)
    down_first, down_slot = _rows_by(upper, n)
    slot_first, slot_arc = _rows_by(arc_slot, len(upper))
    return Supergraph(
        rank,
        order,
        rows,
        upper,
        down_first,
        down_slot,
        np.repeat(np.arange(n, dtype=np.int32), np.diff(rows)),
        arc_slot,
        slot_first,
        slot_arc,
        stem,
        stem_first,
        stem_parent,
    )


def _inverse(order: NDArray[np.int32]) -> NDArray[np.int32]:
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank


def _eliminate(
    first: NDArray[np.int32], heads: NDArray[np.int32], order: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return rows and upper neighbours, with as much room as that takes."""
    room = 4 * len(heads) + 16
    while True:
        rows, upper = _upper(first, heads, order, _inverse(order), room)
        if len(upper) or not len(heads):
            return rows, upper
        room *= 2
