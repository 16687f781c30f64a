"""The standing plan of a city: who goes to which exit when all are to be shut, so that the last stands soonest.

A standing checkpoint bars the road that it stands at, so it goes nowhere: it is told.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.containment.exits import Exits
from engine.containment.situation import SETUP_MS, TWO_UNIT_CLASSES, Checkpoints, Crew
from engine.travel import TravelTimes
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree
from geo_data.speeds import NEVER

AT_A_ROAD_M = 150.0
"""A checkpoint bars the crossing that is so near."""


@dataclass(frozen=True)
class Manned:
    """One exit: its units as rows of the crew, or its checkpoint; and when it stands, ms from now, None for never."""

    units: tuple[int, ...]
    checkpoint: int | None
    ready_ms: int | None


def standing_plan(times: TravelTimes, exits: Exits, crew: Crew, checkpoints: Checkpoints) -> tuple[Manned, ...]:
    """Man the exits: a checkpoint at one is called; all others get units, in all as many as can be manned.

    Among the plans that man most, the one whose last unit stands soonest, and among those the least sum of times
    (bottleneck assignment, then linear assignment: R. Burkard, M. Dell'Amico, S. Martello, "Assignment Problems", 2009,
    6.2). Streets of `TWO_UNIT_CLASSES` take two units; an exit that gets but one of two is not manned, and its unit is
    named all the same.

    Returns
    -------
    tuple of Manned
        In the order of ``exits``.
    """
    network = times.network
    called = {int(node): row for row, node in enumerate(checkpoints.node.tolist())}
    wants = [
        exit_
        for exit_, (node, arc) in enumerate(zip(exits.node.tolist(), exits.arc.tolist(), strict=True))
        if node not in called
        for _ in range(2 if network.arc_class[arc] in TWO_UNIT_CLASSES else 1)
    ]
    able = np.flatnonzero(crew.stands)
    sent: dict[int, list[tuple[int, int]]] = {}
    if wants and len(able):
        arcs, fractions = exits.arc[wants], (network.arc_head[exits.arc[wants]] == exits.node[wants]).astype(np.float64)
        ms = times.matrix(crew.arc[able], crew.fraction[able], arcs, fractions).astype(np.int64)
        ready = np.where(ms < NEVER, ms + crew.turnout_ms[able, None] + SETUP_MS, NEVER)
        for row, column in zip(*_assigned(ready), strict=True):
            sent.setdefault(wants[column], []).append((int(ready[row, column]), int(able[row])))
    manned = []
    for exit_, node in enumerate(exits.node.tolist()):
        if node in called:
            manned.append(Manned((), called[node], int(checkpoints.call_ms[called[node]])))
            continue
        its = sorted(sent.get(exit_, []))
        full = len(its) == wants.count(exit_)
        manned.append(Manned(tuple(row for _, row in its), None, its[-1][0] if its and full else None))
    return tuple(manned)


def barred_nodes(
    network: RoadNetwork, lon: NDArray[np.float64], lat: NDArray[np.float64], *among: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return the node that each standing checkpoint bars, int32 (c,); -1 for one that stands at none.

    Parameters
    ----------
    lon, lat
        float64 (c,), degrees WGS-84: where the checkpoints stand.
    among
        Nodes that may be barred, in the order of preference: those of a later array count where none of an earlier
        one is near. The nearest is taken, within `AT_A_ROAD_M`; of two checkpoints at one node it is the nearer one's.
    """
    found: list[tuple[float, int, int]] = []
    for row, (at_lon, at_lat) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True)):
        per_lon, per_lat = metres_per_degree(at_lat)
        for nodes in among:
            away = np.hypot((network.node_lon[nodes] - at_lon) * per_lon, (network.node_lat[nodes] - at_lat) * per_lat)
            if len(nodes) and away.min() <= AT_A_ROAD_M:
                found.append((float(away.min()), row, int(nodes[away.argmin()])))
                break
    barred = np.full(len(lon), -1, np.int32)
    for _, row, node in sorted(found):
        if node not in barred:
            barred[row] = node
    return barred


def _assigned(ready: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Return rows and columns: as many as can be, the last as soon as can be, then the least sum."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - heavy
    from scipy.sparse import csr_array  # noqa: PLC0415
    from scipy.sparse.csgraph import maximum_bipartite_matching  # noqa: PLC0415

    def most(limit: int) -> int:
        return int(np.count_nonzero(maximum_bipartite_matching(csr_array(ready <= limit), perm_type="column") >= 0))

    limits = np.unique(ready[ready < NEVER])
    if not len(limits):
        return [], []
    want = most(int(limits[-1]))
    low, high = 0, len(limits) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if most(int(limits[middle])) == want else (middle + 1, high)
    # A pair beyond the limit costs more than any plan within it, so that it is taken only where nothing is left.
    beyond = int(limits[low]) * (min(ready.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(ready <= limits[low], ready, beyond))
    kept = ready[rows, columns] <= limits[low]
    return rows[kept].tolist(), columns[kept].tolist()
