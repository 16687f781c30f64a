"""Where somebody may be who walked off: the streets within their walk, gathered into places to look at.

The chance of a stretch of street is its length times what is left of the walk when it is reached, so that it falls to
nearly none at the edge. That is an assumption, fitted to nothing, since no record of such walks is known to us; whoever
knows the person changes the chances, or leaves places out. Cells are H3, of the finest grid that has few enough.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal
from engine.model.limits import LONGEST_CHECK_MS, LONGEST_WALK_MS, MOST_SEARCH_PLACES
from engine.travel.reach import Reach, reach
from engine.travel.times import TravelTimes
from geo_data.cells import cells_of
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree, point_at

WALK_MPS = 1.3
"""How fast somebody walks who is not in a hurry."""
LOOK_MPS = 3.0
"""How fast a patrol drives that looks into every street of a cell."""
LEAST_CHECK_MS = 60_000
_FINEST, _COARSEST = 10, 5
_LEFT_AT_EDGE = 1e-3
"""What is left of a chance at the very edge: a place that is none cannot be looked at."""


@dataclass(frozen=True)
class Walked:
    """One place to look at: a cell of streets, by a point on one of them.

    Parameters
    ----------
    arc, lon, lat
        The street nearest to where most of its chance lies.
    chance
        Of all places together 1.
    check_ms
        How long it takes to look into its streets.
    length_m
        Of those streets.
    """

    arc: int
    lon: float
    lat: float
    chance: float
    check_ms: int
    length_m: float


def places_within(
    times: TravelTimes, arc: int, fraction: float, walked_ms: int, most: int = MOST_SEARCH_PLACES
) -> list[Walked]:
    """Return places to look at, the likeliest first.

    Parameters
    ----------
    times
        Of who walks.
    walked_ms
        How long ago they were at the place.
    most
        Of places.

    Raises
    ------
    Refusal
        ``out_of_range``, by the field.
    """
    if not 0 < walked_ms <= LONGEST_WALK_MS:
        raise Refusal("out_of_range", "walked_ms", walked_ms, f"1 to {LONGEST_WALK_MS}")
    if not 1 <= most <= MOST_SEARCH_PLACES:
        raise Refusal("out_of_range", "most", most, f"1 to {MOST_SEARCH_PLACES}")
    found = reach(times, arc, fraction, walked_ms)
    streets = _Streets.of(found)
    weight = streets.length_m * np.maximum(1.0 - streets.reached_ms / walked_ms, _LEFT_AT_EDGE)
    group = _cells(streets, most)
    places = [_place(found.network, streets, weight, np.flatnonzero(group == each)) for each in np.unique(group)]
    together = sum(place.chance for place in places)
    return sorted(
        (replace(its, chance=its.chance / together) for its in places), key=lambda its: (-its.chance, its.arc)
    )


@dataclass(frozen=True)
class _Streets:
    """The streets within the walk, each once: an arc of each, its middle, how much of it, and when it is reached."""

    arc: NDArray[np.int32]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    length_m: NDArray[np.float64]
    reached_ms: NDArray[np.int64]

    @classmethod
    def of(cls, found: Reach) -> "_Streets":
        network = found.network
        keys, at, of_arc = np.unique(network.arc_geometry[found.arcs], return_index=True, return_inverse=True)
        arc = found.arcs[at]
        node_ms = np.full(network.n_nodes, found.within_ms, np.int64)
        node_ms[found.nodes] = found.node_ms
        reached_ms = np.full(len(keys), found.within_ms, np.int64)
        np.minimum.at(reached_ms, of_arc, node_ms[network.arc_tail[found.arcs]])
        reached_ms[keys == network.arc_geometry[found.arc]] = 0  # they were on it
        drawn, begin, end = found.streets
        length_m = np.bincount(np.searchsorted(keys, drawn), end - begin, len(keys)) * network.arc_length_m[arc]
        first, last = (np.asarray(network.geometry_first)[keys + i] - i for i in (0, 1))
        inward = (last - first) // 2
        ends = first + inward, last - inward  # one point, or the two that the middle lies between
        lon, lat = (
            np.asarray(column)[np.stack(ends)].mean(axis=0) / 1e7 for column in (network.point_lon, network.point_lat)
        )
        return cls(arc, lon, lat, length_m.astype(np.float64), reached_ms)


def _cells(streets: _Streets, most: int) -> NDArray[np.uint64]:
    """Return the cell of each street, by the finest grid that has at most so many cells."""
    for resolution in range(_FINEST, _COARSEST, -1):
        cells = cells_of(streets.lon, streets.lat, resolution)
        if len(np.unique(cells)) <= most:
            return cells
    return np.zeros(len(streets.arc), np.uint64)


def _place(network: RoadNetwork, streets: _Streets, weight: NDArray[np.float64], rows: NDArray[np.int64]) -> Walked:
    """Return a cell as a place: the street that is nearest to where its weight lies."""
    share = weight[rows] / weight[rows].sum()
    lon, lat = streets.lon[rows], streets.lat[rows]
    per_lon, per_lat = metres_per_degree(float(lat[0]))
    apart = np.hypot((lon - share @ lon) * per_lon, (lat - share @ lat) * per_lat)
    arc = int(streets.arc[rows[int(apart.argmin())]])
    length_m = float(streets.length_m[rows].sum())
    return Walked(
        arc,
        *point_at(network, arc, 0.5),
        chance=float(weight[rows].sum()),
        check_ms=min(LONGEST_CHECK_MS, LEAST_CHECK_MS + round(length_m / LOOK_MPS * 1000)),
        length_m=length_m,
    )
