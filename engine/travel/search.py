"""The compiled searches: backwards from an incident, over the streets that lead to it.

A node's label is ``version << 32 | milliseconds``. Versions count down from one search to the next, so that every
label of an earlier search is greater than any of this one and nothing is ever cleared: one comparison tells whether
a way is new and shorter. A node is settled once, so what comes to wait (`engine.travel.queue`) is bounded by the number
of arcs and the two seeds. Equal times settle by node index.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.travel.queue import HALF, Memory, enqueue, word
from geo_data.compiled import inlined
from geo_data.snapping_kernels import passed_ms
from geo_data.speeds import NEVER

UNREACHABLE = 1 << 40
"""A travel time in milliseconds that stands for no way at all; far above any real one, safe to add to."""
LONGEST_MS = NEVER - 1
"""No way takes longer, 12 days: one that would counts as none, and so a shut arc is passed over without being asked."""


class Streets(NamedTuple):
    """The network as the searches read it. ``n`` nodes, ``m`` arcs, ``b`` arcs that could be passed.

    ``back_first`` int32 (n + 1,): rows of arcs into each node. ``back`` int32 (b, 2): tail and milliseconds of each
    row, `NEVER` where shut. ``row`` int32 (m,): each arc's row, -1 for none. ``first_out`` int32 (n + 1,): arcs out of
    each node. ``tail, head, reverse, ms`` int32 (m,): by arc; ``reverse`` is -1 on a one-way street. ``inner_ms``
    int32 (m,): the time along an arc for a way that begins or ends on it: who is called to a closed street is let in,
    and who stands in one is let out, but nobody passes through.
    """

    back_first: NDArray[np.int32]
    back: NDArray[np.int32]
    row: NDArray[np.int32]
    first_out: NDArray[np.int32]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    reverse: NDArray[np.int32]
    ms: NDArray[np.int32]
    inner_ms: NDArray[np.int32]


class Columns(NamedTuple):
    """The riders' columns in the order that the kernels take them; see `engine.travel.riders.Riders`."""

    first_at_node: NDArray[np.int32]
    next_entry: NDArray[np.int32]
    entry_ms: NDArray[np.int32]
    bits: NDArray[np.uint64]
    turnout_ms: NDArray[np.int32]
    arc: NDArray[np.int32]
    fixed_at: NDArray[np.int64]


@inlined
def reach(memory: Memory, version: int, size: int, node: int, ms: int) -> int:
    """Lower a node's time to ``ms`` and let it wait, if that is new or less; return how many wait."""
    label = (word(version) << HALF) | word(ms)
    if label >= memory.label[node]:
        return size
    memory.label[node] = label
    return enqueue(memory, size, ms, node)


@inlined
def seed(streets: Streets, memory: Memory, version: int, arc: int, fraction: float) -> int:
    """Begin a search at a place on an arc: at its tail, and at its head where the street is open the other way."""
    size = 0
    if streets.inner_ms[arc] < NEVER:
        size = reach(memory, version, size, streets.tail[arc], passed_ms(streets.inner_ms[arc], fraction))
    back = streets.reverse[arc]
    if back >= 0 and streets.inner_ms[back] < NEVER:
        size = reach(memory, version, size, streets.tail[back], passed_ms(streets.inner_ms[back], 1.0 - fraction))
    return size


@inlined
def spread(streets: Streets, memory: Memory, version: int, size: int, node: int, ms: int, most_ms: int) -> int:
    """Lower the times of all nodes with an arc into a settled one, none above ``most_ms``; return how many wait."""
    base = word(version) << HALF
    for row in range(streets.back_first[node], streets.back_first[node + 1]):
        later = ms + streets.back[row, 1]
        if later <= most_ms:
            tail = streets.back[row, 0]
            label = base | word(later)
            if label < memory.label[tail]:
                memory.label[tail] = label
                size = enqueue(memory, size, later, tail)
    return size


@inlined
def offer(
    unit: int,
    eta_ms: int,
    turnout_ms: int,
    count: int,
    k: int,
    units: NDArray[np.int32],
    etas: NDArray[np.int64],
    turnouts: NDArray[np.int64],
) -> int:
    """Put a unit in its place in the ranking, once, with its least time; ties by unit; return how many stand there."""
    at = 0
    while at < count and units[at] != unit:
        at += 1
    if at < count:
        if eta_ms >= etas[at]:
            return count
    elif count < k:
        count += 1
    else:
        at = k - 1
        if eta_ms > etas[at] or (eta_ms == etas[at] and unit > units[at]):
            return count
    while at > 0 and (etas[at - 1] > eta_ms or (etas[at - 1] == eta_ms and units[at - 1] > unit)):
        units[at], etas[at], turnouts[at] = units[at - 1], etas[at - 1], turnouts[at - 1]
        at -= 1
    units[at], etas[at], turnouts[at] = unit, eta_ms, turnout_ms
    return count
