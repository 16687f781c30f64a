"""The whole network cut, part by part, into a nested dissection order; see `engine.travel.dissection`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.travel.dissection import (
    DIRECTIONS,
    IMBALANCE_POWER,
    LEAF,
    TERMINAL_SHARE,
    Desk,
    Part,
    cut,
    find_island,
    separate,
)
from geo_data.compiled import making_arrays

_DEPTH = 128
"""Parts that may wait at once: the larger waits while the smaller is cut, so the logarithm of the nodes is enough."""


class _Land(NamedTuple):
    """All parts in one set of arrays, each part in a stretch of its own. ``n`` nodes, ``a`` ends of street.

    ``node, degree`` int32 (n,): the network's own number, ends of street within the part. ``x, y`` float64 (n,).
    ``head, twin`` int32 (a,), numbers within the part.
    """

    node: NDArray[np.int32]
    degree: NDArray[np.int32]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    head: NDArray[np.int32]
    twin: NDArray[np.int32]


@making_arrays
def _twins(first: NDArray[np.int32], head: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return for each end of street the one at its other side; each node's heads are sorted."""
    twin = np.empty(len(head), np.int32)
    for node in range(len(first) - 1):
        for end in range(first[node], first[node + 1]):
            other = head[end]
            twin[end] = first[other] + np.searchsorted(head[first[other] : first[other + 1]], node)
    return twin


@making_arrays
def _sort_apart(land: _Land, spare: _Land, part: Part, desk: Desk, lo: int, ends: int) -> tuple[int, int, int]:
    """Sort a part into its two sides, the separator left out; return nodes left, nodes right, ends of street left.

    ``match`` and ``queue`` of the desk become the new numbers of nodes; ``spare`` is written over.
    """
    nodes, number = len(part.x), desk.match
    left = 0
    for i in range(nodes):
        left += desk.best[i] == 1 and not desk.parted[i]
    at_left, at_right = 0, left
    for i in range(nodes):
        if desk.parted[i]:
            number[i] = -1
        elif desk.best[i] == 1:
            number[i] = at_left
            at_left += 1
        else:
            number[i] = at_right
            at_right += 1
    written, ends_left = 0, 0
    for side in range(2):
        low = 0 if side == 0 else left
        for i in range(nodes):
            own = number[i]
            if own < 0 or (own < left) != (side == 0):
                continue
            before = written
            for end in range(part.first[i], part.first[i + 1]):
                if number[part.head[end]] >= 0:
                    spare.degree[end] = written  # where this end of street goes
                    spare.head[written] = number[part.head[end]] - low
                    spare.twin[written] = part.twin[end]
                    written += 1
            land.degree[lo + own] = written - before
            spare.node[own] = land.node[lo + i]
            spare.x[own], spare.y[own] = part.x[i], part.y[i]
        if side == 0:
            ends_left = written
    for end in range(written):
        low = 0 if end < ends_left else ends_left
        land.head[ends + end] = spare.head[end]
        land.twin[ends + end] = spare.degree[spare.twin[end]] - low
    land.node[lo : lo + at_right] = spare.node[:at_right]
    land.x[lo : lo + at_right] = spare.x[:at_right]
    land.y[lo : lo + at_right] = spare.y[:at_right]
    return left, at_right - left, ends_left


@making_arrays
def _dissect(land: _Land, spare: _Land, desk: Desk, directions: NDArray[np.float64]) -> NDArray[np.int32]:
    n = len(land.node)
    order, first = np.empty(n, np.int32), np.zeros(n + 1, np.int32)
    waiting = np.empty((_DEPTH, 3), np.int64)  # first node, nodes, first end of street
    places = np.empty(_DEPTH, np.int64)
    size = 1
    waiting[0, 0], waiting[0, 1], waiting[0, 2], places[0] = 0, n, 0, 0
    while size > 0:
        size -= 1
        lo, nodes, ends, place = waiting[size, 0], waiting[size, 1], waiting[size, 2], places[size]
        for i in range(nodes):
            first[i + 1] = first[i] + land.degree[lo + i]
        part = Part(
            first[: nodes + 1],
            land.head[ends : ends + first[nodes]],
            land.twin[ends : ends + first[nodes]],
            land.x[lo : lo + nodes],
            land.y[lo : lo + nodes],
        )
        whole = nodes <= LEAF
        if not whole and not find_island(part, desk):
            whole = not cut(part, desk, directions, TERMINAL_SHARE, IMBALANCE_POWER)
            if not whole:
                separate(part, desk)
        if whole:
            ranked = np.argsort(land.degree[lo : lo + nodes], kind="mergesort")
            order[place : place + nodes] = land.node[lo : lo + nodes][ranked]
            continue
        last = place + nodes
        for i in range(nodes):
            if desk.parted[i]:
                last -= 1
                order[last] = land.node[lo + i]
        left, right, ends_left = _sort_apart(land, spare, part, desk, lo, ends)
        for turn in range(2):  # the smaller side is cut first
            if (turn == 0) == (left >= right):
                waiting[size, 0], waiting[size, 1], waiting[size, 2], places[size] = lo, left, ends, place
                size += left > 0
            else:
                waiting[size, 0], waiting[size, 1], waiting[size, 2] = lo + left, right, ends + ends_left
                places[size] = place + left
                size += right > 0
    return order


def nested_order(
    first: NDArray[np.int32], head: NDArray[np.int32], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Return the nodes in a nested dissection order: whatever comes first is taken away first.

    Parameters
    ----------
    first, head
        int32 (n + 1,) and (a,): each street from both its nodes, no loops, no parallels, each node's heads sorted.
    x, y
        float64 (n,): a plane on which near is near.

    Returns
    -------
    int32 (n,)
    """
    n, ends = len(x), len(head)
    angle = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
    land = _Land(
        np.arange(n, dtype=np.int32),
        np.diff(first).astype(np.int32),
        x.copy(),
        y.copy(),
        head.copy(),
        _twins(first, head),
    )
    spare = _Land(
        np.empty(n, np.int32),
        np.empty(max(ends, 1), np.int32),
        np.empty(n),
        np.empty(n),
        np.empty(ends, np.int32),
        np.empty(ends, np.int32),
    )
    desk = Desk(
        flow=np.empty(ends, np.int8),
        level=np.empty(n, np.int32),
        queue=np.empty(n, np.int32),
        at=np.empty(n, np.int32),
        path=np.empty(n, np.int32),
        side=np.empty(n, np.int8),
        best=np.empty(n, np.int8),
        match=np.empty(n, np.int32),
        parted=np.empty(n, np.bool_),
        key=np.empty(n),
    )
    return _dissect(land, spare, desk, np.column_stack((np.cos(angle), np.sin(angle))))
