"""Roundabouts, told by their shape: a small ring of one-way streets, nearly round.

Networks do not say what a roundabout is. A ring counts when it is closed by one-way arcs within `_LONGEST_M`, encloses
as much ground as something round would (a square block falls short), and has at least three crossings. What is not
found is described turn by turn, which is never wrong.
"""

import math

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import Mode
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree

_LONGEST_M = 400.0
_MOST_ARCS = 64
_MOST_STEPS = 2_000
_ROUND = 0.85
"""Of a circle's ground for the same length: a hexagon has 0.91, a square 0.79."""


def ring_through(network: RoadNetwork, open_arcs: NDArray[np.bool_], arc: int) -> tuple[int, ...]:
    """Return the arcs of the roundabout that an arc is part of, this one first; none where it is part of none.

    Parameters
    ----------
    network
        The streets.
    open_arcs
        bool (m,), arcs that may be passed.
    arc
        The arc asked about.
    """
    goal = int(network.arc_tail[arc])
    if not _could_be(network, open_arcs, arc) or network.first_in[goal + 1] - network.first_in[goal] < 2:
        return ()
    per_lon, per_lat = metres_per_degree(float(network.node_lat[goal]))
    steps = 0
    path: list[int] = []
    waiting = [(arc, 0, float(network.arc_length_m[arc]))]
    while waiting and steps < _MOST_STEPS:
        steps += 1
        here, depth, length_m = waiting.pop()
        del path[depth:]
        path.append(here)
        node = int(network.arc_head[here])
        if node == goal:
            if int(np.count_nonzero(~network.is_turn[path])) > 2 and _is_round(network, path, length_m):
                return tuple(path)
            continue
        back_m = math.hypot(
            float(network.node_lon[node] - network.node_lon[goal]) * per_lon,
            float(network.node_lat[node] - network.node_lat[goal]) * per_lat,
        )
        if length_m + back_m > _LONGEST_M or len(path) == _MOST_ARCS:
            continue
        passed = {int(network.arc_tail[before]) for before in path}
        for following in range(int(network.first_out[node]), int(network.first_out[node + 1])):
            head = int(network.arc_head[following])
            if _could_be(network, open_arcs, following) and (head == goal or head not in passed):
                waiting.append((following, depth + 1, length_m + float(network.arc_length_m[following])))
    return ()


def count_exits(
    network: RoadNetwork, open_arcs: NDArray[np.bool_], ring: tuple[int, ...], arcs: NDArray[np.int32]
) -> int:
    """Return which exit a way takes that passes these arcs of a ring and leaves it at the end of the last.

    Every crossing with a way out counts once; one that only leads against a one-way street is none.
    """
    around = set(ring)
    exits = 1
    for arc in arcs[:-1].tolist():
        node = int(network.arc_head[arc])
        out = range(int(network.first_out[node]), int(network.first_out[node + 1]))
        exits += any(
            open_arcs[leaving] and leaving not in around and _with_traffic(network, leaving) for leaving in out
        )
    return exits


def _with_traffic(network: RoadNetwork, arc: int) -> bool:
    return arc >= 0 and bool(network.arc_modes[arc] & Mode.NORMAL)


def _could_be(network: RoadNetwork, open_arcs: NDArray[np.bool_], arc: int) -> bool:
    """Tell whether an arc could be part of a roundabout: all others drive it one way."""
    return (
        bool(open_arcs[arc])
        and _with_traffic(network, arc)
        and not _with_traffic(network, int(network.arc_reverse[arc]))
    )


def _is_round(network: RoadNetwork, path: list[int], length_m: float) -> bool:
    """Tell whether a closed path encloses nearly as much ground as a circle of its length."""
    points = np.concatenate([network.arc_points(arc)[:-1] for arc in path])
    x, y = ((points - points[0]) * metres_per_degree(float(points[0, 1]))).T
    ground_m2 = abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
    return 4 * math.pi * ground_m2 > _ROUND * length_m**2
