"""The right tool for who is nearest: a search over the streets while many are eligible, the hierarchy when few are.

A search settles about ``k n / eligible`` nodes before it may stop; a climb costs something for the incident and
something for every eligible unit. Both are predicted in nanoseconds, and the cheaper one answers. Units do not stand
evenly: a search that settles far more than was predicted gives up, and the climb answers after all. Either answer is
exact, so a wrong prediction costs time and nothing else.
"""

import numpy as np
from numpy.typing import NDArray

from engine.travel.climbing import Climb, climb_nearest
from engine.travel.customising import Metric
from engine.travel.eligible import census
from engine.travel.queries import rank_nearest
from engine.travel.search import Columns, Memory, Streets
from engine.travel.supergraph import Supergraph
from geo_data.compiled import kernel

SETTLE_NS = 90
"""A settled node, 50 in a city that fits the caches and 90 beyond; the unevenness of units is in the margin."""
CLIMB_NS = 60_000
UNIT_NS = 500
"""An eligible unit that a climb has to enlist."""
MARGIN = 2.0
"""A search gives up past so many times the nodes that a climb would have cost."""
BY_SEARCH, BY_HIERARCHY, GAVE_UP = 0, 1, 2
_NO_LIMIT = 1 << 62


@kernel
def search_nearest(
    streets: Streets,
    memory: Memory,
    version: int,
    riders: Columns,
    arc: int,
    fraction: float,
    need: int,
    fresh_after: int,
    k: int,
    units: NDArray[np.int32],
    etas: NDArray[np.int64],
    turnouts: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Rank by search alone; return how many, eligible units, nodes settled."""
    eligible, least_turnout_ms = census(riders, need, fresh_after)
    k = min(k, eligible)
    if k <= 0:
        return 0, eligible, 0
    count, settled = rank_nearest(
        streets,
        memory,
        version,
        riders,
        arc,
        fraction,
        need,
        fresh_after,
        k,
        least_turnout_ms,
        _NO_LIMIT,
        units,
        etas,
        turnouts,
    )
    return count, eligible, settled


@kernel
def choose_nearest(
    streets: Streets,
    memory: Memory,
    version: int,
    graph: Supergraph,
    metric: Metric,
    climb: Climb,
    climb_version: int,
    climb_only: bool,
    riders: Columns,
    arc: int,
    fraction: float,
    need: int,
    fresh_after: int,
    k: int,
    units: NDArray[np.int32],
    etas: NDArray[np.int64],
    turnouts: NDArray[np.int64],
) -> tuple[int, int, int, int]:
    """Rank by what is predicted to be quicker; return how many, eligible units, nodes looked at, and the way it went.

    The way is `BY_SEARCH`, `BY_HIERARCHY`, or `GAVE_UP`: by the hierarchy after a search that took too long.
    """
    eligible, least_turnout_ms = census(riders, need, fresh_after)
    k = min(k, eligible)
    if k <= 0:
        return 0, eligible, 0, BY_SEARCH
    climb_ns = CLIMB_NS + UNIT_NS * eligible
    settled, way = 0, BY_HIERARCHY
    if not climb_only and k * len(graph.rank) / eligible * SETTLE_NS <= climb_ns:
        count, settled = rank_nearest(
            streets,
            memory,
            version,
            riders,
            arc,
            fraction,
            need,
            fresh_after,
            k,
            least_turnout_ms,
            int(MARGIN * climb_ns / SETTLE_NS),
            units,
            etas,
            turnouts,
        )
        if count >= 0:
            return count, eligible, settled, BY_SEARCH
        way = GAVE_UP
    count, looked_at = climb_nearest(
        graph,
        metric,
        streets,
        climb,
        climb_version,
        riders,
        arc,
        fraction,
        need,
        fresh_after,
        k,
        least_turnout_ms,
        units,
        etas,
        turnouts,
    )
    return count, eligible, settled + looked_at, way
