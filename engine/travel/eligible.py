"""Who may be sent at all, and who stands on the incident's own street before it: that way passes no node."""

import numpy as np
from numpy.typing import NDArray

from engine.travel.search import LONGEST_MS, Columns, Streets, offer
from geo_data.compiled import inlined
from geo_data.snapping_kernels import passed_ms
from geo_data.speeds import NEVER


@inlined
def is_eligible(riders: Columns, unit: int, need: int, fresh_after: int) -> bool:
    """Tell whether a unit can do what is needed, and stands at a place that is known and young enough."""
    return bool(riders.bits[unit] & need == need) and riders.fixed_at[unit] >= fresh_after and riders.arc[unit] >= 0


@inlined
def census(riders: Columns, need: int, fresh_after: int) -> tuple[int, int]:
    """Return how many units are eligible and the least of their turnouts."""
    count, least_ms = 0, LONGEST_MS
    for unit in range(len(riders.bits)):
        if is_eligible(riders, unit, need, fresh_after):
            count += 1
            least_ms = min(least_ms, riders.turnout_ms[unit])
    return count, least_ms


@inlined
def rank_before(
    streets: Streets,
    riders: Columns,
    arc: int,
    behind_ms: int,
    need: int,
    fresh_after: int,
    count: int,
    k: int,
    units: NDArray[np.int32],
    etas: NDArray[np.int64],
    turnouts: NDArray[np.int64],
) -> int:
    """Rank the units that stand on an arc before a place that lies ``behind_ms`` into it."""
    after_ms = streets.inner_ms[arc] - behind_ms
    entry = riders.first_at_node[streets.head[arc]]
    while entry >= 0:
        unit = entry >> 1
        on = riders.arc[unit]
        if entry & 1:
            on = streets.reverse[on]
        ahead_ms = riders.entry_ms[entry] - after_ms
        if on == arc and ahead_ms >= 0 and is_eligible(riders, unit, need, fresh_after):
            turnout_ms = riders.turnout_ms[unit]
            count = offer(unit, ahead_ms + turnout_ms, turnout_ms, count, k, units, etas, turnouts)
        entry = riders.next_entry[entry]
    return count


@inlined
def rank_on_street(
    streets: Streets,
    riders: Columns,
    arc: int,
    fraction: float,
    need: int,
    fresh_after: int,
    k: int,
    units: NDArray[np.int32],
    etas: NDArray[np.int64],
    turnouts: NDArray[np.int64],
) -> int:
    """Rank the units that stand on a place's own street before it, whichever way they come; return how many."""
    count = 0
    if streets.inner_ms[arc] < NEVER:
        behind = passed_ms(streets.inner_ms[arc], fraction)
        count = rank_before(streets, riders, arc, behind, need, fresh_after, count, k, units, etas, turnouts)
    back = streets.reverse[arc]
    if back >= 0 and streets.inner_ms[back] < NEVER:
        behind = passed_ms(streets.inner_ms[back], 1.0 - fraction)
        count = rank_before(streets, riders, back, behind, need, fresh_after, count, k, units, etas, turnouts)
    return count
