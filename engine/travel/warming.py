"""Every kernel of travel times compiled, or loaded from the cache, on the smallest network."""

from typing import get_args

import numpy as np

from engine.travel.arrivals import arrivals
from engine.travel.hierarchy import Hierarchy
from engine.travel.reach import Direction, reach
from engine.travel.times import TravelTimes
from geo_data.crossing import crossing
from geo_data.speeds import NEVER, travel_ms


def warm() -> None:
    """Ask every question once."""
    network = crossing()
    plain = TravelTimes(network, travel_ms(network))
    hierarchy = TravelTimes(network, travel_ms(network), Hierarchy.build(network))
    for times in (plain, hierarchy):
        times.nearest(0, 0.5, _Crew(), 0, 1, 0)
        times.times_to(0, 0.5)
        times.to_many(0, 0.5, [1], [0.5])
        times.matrix([0], [0.5], [1], [0.5])
        times.route(0, 0.25, 1, 0.25)
        times.adopt(times.weights.changed(np.array([0], np.int32), np.array([NEVER], np.int32)))
        times.close_at_once([1])
        times.route(0, 0.25, 0, 0.75)
    arrivals(plain, _Crew(), 0, 0)
    for direction in get_args(Direction):
        reach(plain, 0, 0.5, 1_000, direction).polygon()


class _Crew:
    """One unit that is nowhere yet, on the smallest network."""

    first_at_node = np.full(2, -1, np.int32)
    next_entry = np.full(2, -1, np.int32)
    entry_ms = np.zeros(2, np.int32)
    bits = np.zeros(1, np.uint64)
    turnout_ms = np.zeros(1, np.int32)
    arc = np.full(1, -1, np.int32)
    fraction = np.zeros(1)
    fixed_at = np.zeros(1, np.int64)
