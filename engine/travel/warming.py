"""Every kernel of travel times compiled, or loaded from the cache, on the smallest network."""

from typing import get_args

import numpy as np

from engine.travel.arrivals import arrivals
from engine.travel.hierarchy import Hierarchy
from engine.travel.polyline import encode_polyline
from engine.travel.reach import Direction, reach
from engine.travel.riders import METHODS
from engine.travel.times import TravelTimes
from geo_data.crossing import crossing
from geo_data.road_network import RoadNetwork
from geo_data.speeds import NEVER, travel_ms


def warm() -> None:
    """Ask every question once."""
    network = crossing()
    crew = _Crew(network)
    plain = TravelTimes(network, travel_ms(network))
    hierarchy = TravelTimes(network, travel_ms(network), Hierarchy.build(network))
    for times in (plain, hierarchy):
        for method in METHODS if times.weights.metric else METHODS[:1]:
            times.nearest(0, 0.5, crew, 0, 1, 0, method)
        times.times_to(0, 0.5)
        times.to_many(0, 0.5, [1], [0.5])
        times.matrix([0], [0.5], [1], [0.5])
        times.route(0, 0.25, 1, 0.25)
        times.adopt(times.weights.changed(np.array([0], np.int32), np.array([NEVER], np.int32)))
        times.close_at_once([1])
        times.route(0, 0.25, 0, 0.75)
        times.nearest(0, 0.5, crew, 0, 1, 0, "hierarchy" if times.weights.metric else None)
    encode_polyline(hierarchy.route(0, 0.25, 1, 0.25).points)
    arrivals(plain, crew, 0, 0)
    for direction in get_args(Direction):
        reach(plain, 0, 0.5, 1_000, direction).polygon()


class _Crew:
    """One unit at the tail of the first arc: what stands nowhere would be counted, and no kernel be asked for it."""

    next_entry = np.full(2, -1, np.int32)
    entry_ms = np.ones(2, np.int32)
    bits = np.zeros(1, np.uint64)
    turnout_ms = np.zeros(1, np.int32)
    arc = np.zeros(1, np.int32)
    fraction = np.zeros(1)
    fixed_at = np.zeros(1, np.int64)

    def __init__(self, network: RoadNetwork) -> None:
        self.first_at_node = np.full(network.n_nodes, -1, np.int32)
        self.first_at_node[network.arc_head[0]] = 0
