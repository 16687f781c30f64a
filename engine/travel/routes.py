"""A way between two places: its arcs, its course on the ground, its streets' names."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo_data.road_network import RoadNetwork
from geo_data.snapping import measured_way


class NoWay(LookupError):
    """No street leads from one place to the other."""


@dataclass(frozen=True, slots=True)
class Route:
    """The shortest way between two places.

    Attributes
    ----------
    ms, length_m
        Free of turnout.
    arcs
        int32 (a,), in the order they are driven, turns through junctions that were taken apart among them; the first
        begins at ``start_fraction``, the last ends at ``end_fraction``.
    points
        float64 (p, 2), longitude and latitude in degrees, at least two.
    names
        The streets' names in order; unnamed ones and repetitions left out.
    """

    ms: int
    length_m: float
    arcs: NDArray[np.int32]
    start_fraction: float
    end_fraction: float
    points: NDArray[np.float64]
    names: tuple[str, ...]


def trace(network: RoadNetwork, ms: int, arcs: NDArray[np.int32], start: float, end: float) -> Route:
    """Return the route along arcs that follow one another, from a fraction of the first to one of the last."""
    names: list[str] = []
    index = network.arc_name[arcs]
    changes = np.flatnonzero(index[1:] != index[:-1]) + 1
    for row in (0, *changes.tolist()):
        name = network.name(int(arcs[row]))
        if name and (not names or names[-1] != name):
            names.append(name)
    length_m, course = drawn(network, arcs, start, end)
    return Route(ms, length_m, arcs, start, end, course, tuple(names))


def drawn(network: RoadNetwork, arcs: NDArray[np.int32], start: float, end: float) -> tuple[float, NDArray[np.float64]]:
    """Return the length in metres and the course, float64 (p, 2), of a way as `trace` takes it."""
    course, length_m = measured_way(network, arcs, start, end)
    return length_m, course
