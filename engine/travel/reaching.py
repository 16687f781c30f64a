"""The compiled searches of reach and of first arrivals: over the streets, with a limit, both ways round.

They keep the labels, the queue and the rules of `engine.travel.search`; forwards they take the arcs out of a node by
themselves, and a shut arc is passed over since its time alone is above every limit.
"""

import numpy as np
from numpy.typing import NDArray

from engine.travel.eligible import is_eligible
from engine.travel.queue import HALF, Memory, enqueue, settle, whole, word
from engine.travel.search import Columns, Streets, reach, seed, spread
from geo_data.compiled import inlined, kernel
from geo_data.snapping_kernels import passed_ms
from geo_data.speeds import NEVER


@inlined
def seed_onwards(streets: Streets, memory: Memory, version: int, arc: int, fraction: float) -> int:
    """Begin a search from a place on an arc: at its head, and at its tail where the street is open the other way."""
    size = 0
    if streets.inner_ms[arc] < NEVER:
        ahead_ms = streets.inner_ms[arc] - passed_ms(streets.inner_ms[arc], fraction)
        size = reach(memory, version, size, streets.head[arc], ahead_ms)
    back = streets.reverse[arc]
    if back >= 0 and streets.inner_ms[back] < NEVER:
        ahead_ms = streets.inner_ms[back] - passed_ms(streets.inner_ms[back], 1.0 - fraction)
        size = reach(memory, version, size, streets.head[back], ahead_ms)
    return size


@inlined
def spread_onwards(streets: Streets, memory: Memory, version: int, size: int, node: int, ms: int, most_ms: int) -> int:
    """Lower the times of all nodes with an arc out of a settled one, none above ``most_ms``; return how many wait."""
    base = word(version) << HALF
    for arc in range(streets.first_out[node], streets.first_out[node + 1]):
        later = ms + streets.ms[arc]
        if later <= most_ms:
            head = streets.head[arc]
            label = base | word(later)
            if label < memory.label[head]:
                memory.label[head] = label
                size = enqueue(memory, size, later, head)
    return size


@kernel
def nodes_within(
    streets: Streets,
    memory: Memory,
    version: int,
    arc: int,
    fraction: float,
    most_ms: int,
    onwards: bool,
    nodes: NDArray[np.int32],
    node_ms: NDArray[np.int64],
) -> int:
    """Write the nodes no further than ``most_ms`` from a place, or from which it is no further, soonest first.

    Return how many. ``most_ms`` is at most `engine.travel.search.LONGEST_MS`.
    """
    count = 0
    if onwards:
        size = seed_onwards(streets, memory, version, arc, fraction)
    else:
        size = seed(streets, memory, version, arc, fraction)
    while True:
        size, node, ms = settle(memory, version, size)
        if node < 0 or ms > most_ms:
            break
        nodes[count], node_ms[count] = node, ms
        count += 1
        if onwards:
            size = spread_onwards(streets, memory, version, size, node, ms, most_ms)
        else:
            size = spread(streets, memory, version, size, node, ms, most_ms)
    return count


@kernel
def join_spans(key: NDArray[np.int32], begin: NDArray[np.float64], end: NDArray[np.float64]) -> int:
    """Join spans of one key that touch or overlap, in place; they come ordered by key, then begin. Return how many."""
    count = 0
    for i in range(len(key)):
        if count > 0 and key[count - 1] == key[i] and begin[i] <= end[count - 1]:
            end[count - 1] = max(end[count - 1], end[i])
        else:
            key[count], begin[count], end[count] = key[i], begin[i], end[i]
            count += 1
    return count


@kernel
def arrive_first(
    streets: Streets,
    memory: Memory,
    version: int,
    riders: Columns,
    need: int,
    fresh_after: int,
    most_ms: int,
    out_ms: NDArray[np.int64],
    out_unit: NDArray[np.int32],
) -> None:
    """Write for each node when the first eligible unit can be there and which, ties by unit.

    ``out_ms`` and ``out_unit`` come filled with what stands for nobody. The queue has room for every node besides the
    arcs. An arc takes 1 ms or more, so whoever could tie at a node is settled before it.
    """
    base = word(version) << HALF
    for unit in range(len(riders.bits)):
        if is_eligible(riders, unit, need, fresh_after):
            for side in range(2):
                on = riders.arc[unit] if side == 0 else streets.reverse[riders.arc[unit]]
                if on >= 0 and streets.inner_ms[on] < NEVER:
                    ms = riders.turnout_ms[unit] + riders.entry_ms[2 * unit + side]
                    node = streets.head[on]
                    if ms <= most_ms and base | word(ms) < memory.label[node]:
                        memory.label[node] = base | word(ms)
                        out_unit[node] = unit
    size = 0
    for node in range(len(out_unit)):
        if out_unit[node] >= 0:
            size = enqueue(memory, size, whole(memory.label[node] ^ base), node)
    while True:
        size, node, ms = settle(memory, version, size)
        if node < 0:
            break
        out_ms[node] = ms
        for arc in range(streets.first_out[node], streets.first_out[node + 1]):
            later = ms + streets.ms[arc]
            if later <= most_ms:
                head = streets.head[arc]
                label = base | word(later)
                if label < memory.label[head]:
                    memory.label[head] = label
                    out_unit[head] = out_unit[node]
                    size = enqueue(memory, size, later, head)
                elif label == memory.label[head] and out_unit[node] < out_unit[head]:
                    out_unit[head] = out_unit[node]
