"""Riders for tests of travel times: columns from a list of places, with no fleet."""

import numpy as np

from geo_data.speeds import NEVER


def passed(ms, fraction):
    """Return the time behind a fraction of an arc, by the house's rounding, written anew."""
    return int(np.floor(fraction * ms + 0.5))


class Crew:
    """Units at (arc, fraction) places."""

    def __init__(self, roads, arc_ms, places, *, bits=None, turnout_ms=None, fixed_at=None):
        units = len(places)
        self.arc = np.array([p[0] for p in places], np.int32).reshape(units)
        self.fraction = np.array([p[1] for p in places], np.float64).reshape(units)
        self.bits = np.full(units, 1, np.uint64) if bits is None else np.asarray(bits, np.uint64)
        self.turnout_ms = np.zeros(units, np.int32) if turnout_ms is None else np.asarray(turnout_ms, np.int32)
        self.fixed_at = np.zeros(units, np.int64) if fixed_at is None else np.asarray(fixed_at, np.int64)
        self.first_at_node = np.full(roads.n_nodes, -1, np.int32)
        self.next_entry = np.full(2 * units, -1, np.int32)
        self.entry_ms = np.zeros(2 * units, np.int32)
        for u, (arc, fraction) in enumerate(places):
            for side, (on, at) in enumerate(((arc, fraction), (int(roads.arc_reverse[arc]), 1 - fraction))):
                if arc >= 0 and on >= 0 and arc_ms[on] < NEVER:
                    entry, head = 2 * u + side, roads.arc_head[on]
                    self.entry_ms[entry] = arc_ms[on] - passed(arc_ms[on], at)
                    self.next_entry[entry] = self.first_at_node[head]
                    self.first_at_node[head] = entry
