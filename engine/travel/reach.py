"""What lies within so much time of a place: nodes, the reached part of every street, the ground around them.

``from`` asks where one can be when the time is up, ``to`` from where one can be here by then. Every reached arc has
its reached part, as fractions of its length: it ends where the time is up, not at a crossing. A closed street is
entered as far as the time goes and not passed, as in `engine.travel.times`. Elsewhere the time at a fraction is
rounded to whole milliseconds; here it is not.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal
from engine.travel.times import TravelTimes
from engine.travel.workspace import Workspace
from geo_data.road_network import RoadNetwork
from geo_data.snapping import point_at
from geo_data.speeds import NEVER

Direction = Literal["from", "to"]
MARGIN_M = 40.0
"""The ground this far around a reached street counts as reached: a house and its garden."""
FILL_M2 = 50_000.0
"""Ground that reached streets enclose counts as reached up to this size, five hectares: the inside of a block."""


@dataclass(frozen=True, eq=False)
class Reach:
    """What lies within ``within_ms`` of a place.

    Attributes
    ----------
    arc, fraction, within_ms, direction
        What was asked.
    nodes, node_ms
        int32 (r,) and int64 (r,): the nodes within the time, soonest first, and their times.
    arcs, begin, end
        int32 (p,), float64 (p,), float64 (p,): the reached parts, by arc; one arc has two where it is reached from
        the place on it and from its other end as well.
    """

    network: RoadNetwork
    arc: int
    fraction: float
    within_ms: int
    direction: Direction
    nodes: NDArray[np.int32]
    node_ms: NDArray[np.int64]
    arcs: NDArray[np.int32]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]

    @cached_property
    def streets(self) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
        """Return the reached parts of streets, whichever way they are reached, as drawn: geometry, begin and end."""
        drawn = self.network.arc_drawn[self.arcs]
        begin, end = np.where(drawn, self.begin, 1.0 - self.end), np.where(drawn, self.end, 1.0 - self.begin)
        return _joined(self.network.arc_geometry[self.arcs], begin, end)

    @cached_property
    def length_m(self) -> float:
        """How much street is reached, each metre once, whichever way."""
        geometry, begin, end = self.streets
        length_m = np.zeros(len(self.network.geometry_first) - 1)
        length_m[self.network.arc_geometry[self.arcs]] = self.network.arc_length_m[self.arcs]
        return float(np.sum(length_m[geometry] * (end - begin)))

    def polygon(self, margin_m: float = MARGIN_M, fill_m2: float = FILL_M2) -> Any:
        """Return the ground that is reached, a shapely polygon or several, in WGS-84 degrees.

        All that lies within about ``margin_m`` of a reached street, and enclosed ground up to ``fill_m2``; see
        `engine.travel.outline`. Every reached street lies inside.

        Raises
        ------
        Refusal
            When a measure is out of its range.
        """
        from engine.travel.outline import draw_outline  # noqa: PLC0415 - shapely, wanted by those who draw

        if not 1.0 <= margin_m <= 10_000.0:
            raise Refusal("out_of_range", "margin_m", margin_m, "1 to 10000 m")
        if not fill_m2 >= 0.0:
            raise Refusal("out_of_range", "fill_m2", fill_m2, "0 m2 or more")
        return draw_outline(self.network, self.streets, margin_m, fill_m2)

    def feature(self, margin_m: float = MARGIN_M, fill_m2: float = FILL_M2) -> dict[str, Any]:
        """Return the ground as a GeoJSON feature (RFC 7946)."""
        import shapely  # noqa: PLC0415 - as above

        lon, lat = point_at(self.network, self.arc, self.fraction)
        return {
            "type": "Feature",
            "properties": {
                "lon": round(lon, 7),
                "lat": round(lat, 7),
                "direction": self.direction,
                "within_ms": self.within_ms,
                "length_m": round(self.length_m, 1),
            },
            "geometry": shapely.geometry.mapping(self.polygon(margin_m, fill_m2)),
        }


class Reacher:
    """Asks a `TravelTimes` what is within reach, again and again with the same memory; one thread at a time.

    Each question is answered with the weights that the times have when it is put, and with what is shut by then.
    """

    def __init__(self, times: TravelTimes) -> None:
        self.times = times
        self._desk = Workspace(times.weights)

    @cached_property
    def _found(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return np.empty(self.times.network.n_nodes, np.int32), np.empty(self.times.network.n_nodes, np.int64)

    def reach(self, arc: int, fraction: float, within_ms: int, direction: Direction = "from") -> Reach:
        """Return what lies within a time of a place.

        Parameters
        ----------
        arc, fraction
            The place.
        within_ms
            The time, both ends included.
        direction
            ``from``: where one can be from here; ``to``: from where one can be here.

        Raises
        ------
        Refusal
            When the place is not on the network, the time is below 0 or the direction is none.
        """
        from engine.travel.reaching import nodes_within  # noqa: PLC0415 - numba, wanted once something is asked
        from engine.travel.search import LONGEST_MS  # noqa: PLC0415

        network, streets = self.times.network, self.times.weights.streets
        if not 0 <= arc < network.n_arcs:
            raise Refusal("unknown_arc", "arc", arc, f"0 to {network.n_arcs - 1}")
        if not 0.0 <= fraction <= 1.0:
            raise Refusal("out_of_range", "fraction", fraction, "0 to 1")
        if within_ms < 0:
            raise Refusal("out_of_range", "within_ms", within_ms, "0 ms or more")
        if direction not in get_args(Direction):
            raise Refusal("out_of_range", "direction", direction, " or ".join(get_args(Direction)))
        arc, fraction, most_ms = int(arc), float(fraction), min(int(within_ms), LONGEST_MS)
        nodes, node_ms = self._found
        version = self._desk.next_version()
        count = nodes_within(
            streets, self._desk.memory, version, arc, fraction, most_ms, direction == "from", nodes, node_ms
        )
        nodes, node_ms = nodes[:count].copy(), node_ms[:count].copy()
        pieces = _pieces(network, streets.inner_ms, nodes, most_ms - node_ms, direction)
        own = _own_pieces(network, streets.inner_ms, arc, fraction, most_ms, direction)
        arcs = np.concatenate((pieces[0], own[0]))
        begin, end = np.concatenate((pieces[1], own[1])), np.concatenate((pieces[2], own[2]))
        return Reach(network, arc, fraction, most_ms, direction, nodes, node_ms, *_joined(arcs, begin, end))


def reach(times: TravelTimes, arc: int, fraction: float, within_ms: int, direction: Direction = "from") -> Reach:
    """Return what lies within a time of a place, asked once; see `Reacher.reach`."""
    return Reacher(times).reach(arc, fraction, within_ms, direction)


Pieces = tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]


def _pieces(
    network: RoadNetwork,
    inner_ms: NDArray[np.int32],
    nodes: NDArray[np.int32],
    rest_ms: NDArray[np.int64],
    direction: Direction,
) -> Pieces:
    """Return how much of each arc out of, or into, the nodes the rest of the time is enough for."""
    first = np.asarray(network.first_out if direction == "from" else network.first_in)
    counts = first[nodes + 1] - first[nodes]
    at = np.repeat(first[nodes] - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
    arcs = at.astype(np.int32) if direction == "from" else network.in_arc[at]
    rest = np.repeat(rest_ms, counts)
    touched = (rest > 0) & (inner_ms[arcs] < NEVER) & ~network.is_turn[arcs]
    arcs = arcs[touched]
    share = np.minimum(rest[touched] / inner_ms[arcs], 1.0)
    if direction == "from":
        return arcs, np.zeros(len(arcs)), share
    return arcs, 1.0 - share, np.ones(len(arcs))


def _own_pieces(
    network: RoadNetwork,
    inner_ms: NDArray[np.int32],
    arc: int,
    fraction: float,
    most_ms: int,
    direction: Direction,
) -> Pieces:
    """Return the reached parts of the place's own street on which no node is passed; at least the place itself."""
    sides = ((arc, fraction), (int(network.arc_reverse[arc]), 1.0 - fraction))
    open_sides = [(on, here) for on, here in sides if on >= 0 and inner_ms[on] < NEVER]
    arcs = np.array([on for on, _ in open_sides], np.int32)
    here = np.array([here for _, here in open_sides], np.float64)
    share = most_ms / inner_ms[arcs]
    if direction == "from":
        return arcs, here, np.minimum(here + share, 1.0)
    return arcs, np.maximum(here - share, 0.0), here


def _joined(key: NDArray[np.int32], begin: NDArray[np.float64], end: NDArray[np.float64]) -> Pieces:
    from engine.travel.reaching import join_spans  # noqa: PLC0415 - numba

    order = np.lexsort((begin, key))
    keys, begins, ends = key[order], begin[order], end[order]
    count = join_spans(keys, begins, ends)
    return keys[:count].copy(), begins[:count].copy(), ends[:count].copy()
