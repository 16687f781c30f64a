"""The compiled questions: who is nearest, how long from everywhere, how long from many places, which way.

All of them settle nodes in the order of their time to the incident and stop once nothing better can come. A place on
a street is entered by both its ends: entry ``2 u`` of rider u is the head of its arc, ``2 u + 1`` that of the arc's
reverse. Who stands on the incident's own street before it is looked at apart: that way passes no node.
"""

import numpy as np
from numpy.typing import NDArray

from engine.travel.eligible import is_eligible, rank_on_street
from engine.travel.queue import HALF, Memory, settle, word
from engine.travel.search import LONGEST_MS, UNREACHABLE, Columns, Streets, offer, seed, spread
from geo_data.compiled import inlined, kernel
from geo_data.snapping_kernels import passed_ms
from geo_data.speeds import NEVER


@kernel
def rank_nearest(
    streets: Streets,
    memory: Memory,
    version: int,
    riders: Columns,
    arc: int,
    fraction: float,
    need: int,
    fresh_after: int,
    k: int,
    least_turnout_ms: int,
    most_settled: int,
    units: NDArray[np.int32],
    etas: NDArray[np.int64],
    turnouts: NDArray[np.int64],
) -> tuple[int, int]:
    """Rank the ``k`` eligible units with the least eta into the arrays; return how many, and settled nodes.

    ``k`` is at most the number of eligible units. The search gives up, with -1 for how many, before it settles more
    than ``most_settled`` nodes.

    A unit first met at a node is at least that node's time and the least turnout away, so once the node in hand
    is past the last place of a full ranking by that measure, no unit's time can change any more.
    """
    settled = 0
    count = rank_on_street(streets, riders, arc, fraction, need, fresh_after, k, units, etas, turnouts)
    size = seed(streets, memory, version, arc, fraction)
    most_ms = LONGEST_MS
    if count == k:
        most_ms = min(LONGEST_MS, etas[k - 1] - least_turnout_ms)
    while True:
        size, node, ms = settle(memory, version, size)
        if node < 0 or ms > most_ms:
            break
        settled += 1
        if settled > most_settled:
            return -1, settled
        entry = riders.first_at_node[node]
        while entry >= 0:
            unit = entry >> 1
            if is_eligible(riders, unit, need, fresh_after):
                turnout_ms = riders.turnout_ms[unit]
                eta_ms = ms + riders.entry_ms[entry] + turnout_ms
                if count < k or eta_ms <= etas[k - 1]:
                    count = offer(unit, eta_ms, turnout_ms, count, k, units, etas, turnouts)
                    if count == k:
                        most_ms = min(LONGEST_MS, etas[k - 1] - least_turnout_ms)
            entry = riders.next_entry[entry]
        size = spread(streets, memory, version, size, node, ms, most_ms)
    return count, settled


@kernel
def times_from_all(
    streets: Streets, memory: Memory, version: int, arc: int, fraction: float, out: NDArray[np.int64]
) -> None:
    """Write every node's time to a place on an arc; `UNREACHABLE` where there is no way."""
    out[:] = UNREACHABLE
    size = seed(streets, memory, version, arc, fraction)
    while True:
        size, node, ms = settle(memory, version, size)
        if node < 0:
            break
        out[node] = ms
        size = spread(streets, memory, version, size, node, ms, LONGEST_MS)


@inlined
def direct_ms(streets: Streets, from_arc: int, from_fraction: float, to_arc: int, to_fraction: float) -> int:
    """Return the time along one arc from a place to a place on it further on; `UNREACHABLE` where it is not that."""
    if from_arc < 0 or from_arc != to_arc or streets.inner_ms[to_arc] >= NEVER:
        return UNREACHABLE
    ahead = passed_ms(streets.inner_ms[to_arc], to_fraction) - passed_ms(streets.inner_ms[to_arc], from_fraction)
    return ahead if ahead >= 0 else UNREACHABLE


@inlined
def along_street(
    streets: Streets, from_arc: int, from_fraction: float, to_arc: int, to_fraction: float
) -> tuple[int, int]:
    """Return the time along one street, whichever of its arcs the two places are named by, and the arc it leaves by.

    `UNREACHABLE` and -1 where the places are on two streets, or the way along theirs is not open. Of equals, the arc
    that the first place is named by.
    """
    back_from, back_to = streets.reverse[from_arc], streets.reverse[to_arc]
    best, start = UNREACHABLE, -1
    for turn in range(4):
        on = from_arc if turn < 2 else back_from
        here = from_fraction if turn < 2 else 1.0 - from_fraction
        goal = to_arc if turn % 2 == 0 else back_to
        there = to_fraction if turn % 2 == 0 else 1.0 - to_fraction
        ms = direct_ms(streets, on, here, goal, there)
        if ms < best:
            best, start = ms, on
    return best, start


@kernel
def times_from_many(
    streets: Streets,
    memory: Memory,
    version: int,
    arc: int,
    fraction: float,
    arcs: NDArray[np.int32],
    fractions: NDArray[np.float64],
    first_at_node: NDArray[np.int32],
    next_entry: NDArray[np.int32],
    out: NDArray[np.int64],
) -> None:
    """Write the time from each of many places to one; ``first_at_node`` is all -1 before and after."""
    waiting = 0
    for i in range(len(arcs)):
        out[i], _ = along_street(streets, arcs[i], fractions[i], arc, fraction)
        for side in range(2):
            on = arcs[i] if side == 0 else streets.reverse[arcs[i]]
            if on >= 0 and streets.inner_ms[on] < NEVER:
                head = streets.head[on]
                next_entry[2 * i + side] = first_at_node[head]
                first_at_node[head] = 2 * i + side
                waiting += 1
    size = seed(streets, memory, version, arc, fraction)
    while waiting > 0:
        size, node, ms = settle(memory, version, size)
        if node < 0:
            break
        entry = first_at_node[node]
        while entry >= 0:
            i, on, here = entry >> 1, arcs[entry >> 1], fractions[entry >> 1]
            if entry & 1:
                on, here = streets.reverse[on], 1.0 - here
            out[i] = min(out[i], ms + streets.inner_ms[on] - passed_ms(streets.inner_ms[on], here))
            waiting -= 1
            entry = next_entry[entry]
        size = spread(streets, memory, version, size, node, ms, LONGEST_MS)
    for i in range(len(arcs)):
        for side in range(2):
            on = arcs[i] if side == 0 else streets.reverse[arcs[i]]
            if on >= 0:
                first_at_node[streets.head[on]] = -1


@inlined
def _onwards(streets: Streets, memory: Memory, version: int, node: int, to_arc: int, to_fraction: float) -> int:
    """Return the arc by which a settled node's shortest way goes on: the place's own arc, else the lowest that fits.

    An arc fits when its time is what its ends' labels differ by. The label of a node not settled is no shorter than
    any settled one's, so that it cannot be mistaken for the next on the way.
    """
    label = memory.label[node]
    base = word(version) << HALF
    back = streets.reverse[to_arc]
    ahead = base | word(passed_ms(streets.inner_ms[to_arc], to_fraction))
    if streets.tail[to_arc] == node and streets.inner_ms[to_arc] < NEVER and label == ahead:
        return to_arc
    if back >= 0 and streets.inner_ms[back] < NEVER:
        ahead = base | word(passed_ms(streets.inner_ms[back], 1.0 - to_fraction))
        if streets.tail[back] == node and label == ahead:
            return int(back)
    for arc in range(streets.first_out[node], streets.first_out[node + 1]):
        if streets.ms[arc] < NEVER and memory.label[streets.head[arc]] + word(streets.ms[arc]) == label:
            return int(arc)
    return -1


@kernel
def find_way(
    streets: Streets,
    memory: Memory,
    version: int,
    from_arc: int,
    from_fraction: float,
    to_arc: int,
    to_fraction: float,
    arcs: NDArray[np.int32],
) -> tuple[int, int]:
    """Write the arcs of the shortest way, first and last in part; return how many and the time.

    0 arcs and `UNREACHABLE` where there is no way. Among equal ways the one along the street itself comes first,
    then the one that sets out along ``from_arc``.
    """
    back_from, back_to = streets.reverse[from_arc], streets.reverse[to_arc]
    best, start = along_street(streets, from_arc, from_fraction, to_arc, to_fraction)
    node_at_start = -1
    size = seed(streets, memory, version, to_arc, to_fraction)
    while True:
        size, node, ms = settle(memory, version, size)
        if node < 0 or ms >= best:
            break
        for side in range(2):
            on = from_arc if side == 0 else back_from
            if on >= 0 and streets.inner_ms[on] < NEVER and streets.head[on] == node:
                here = from_fraction if side == 0 else 1.0 - from_fraction
                total = ms + streets.inner_ms[on] - passed_ms(streets.inner_ms[on], here)
                if total < best:
                    best, start, node_at_start = total, on, node
        size = spread(streets, memory, version, size, node, ms, min(best, LONGEST_MS))
    if start < 0:
        return 0, UNREACHABLE
    arcs[0] = start
    count, node = 1, node_at_start
    while node >= 0:
        arc = _onwards(streets, memory, version, node, to_arc, to_fraction)
        arcs[count] = arc
        count += 1
        # The place itself is entered by the arc it lies on, and no shortest way passes that arc before.
        node = streets.head[arc]
        if arc == to_arc or arc == back_to:  # noqa: PLR1714, SIM109 - two types
            node = -1
    return count, best
