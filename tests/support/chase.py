"""Situations of containment for tests: on drawn maps, and tried by force on tiny ones."""

from itertools import combinations

import numpy as np

from engine.containment import Checker, Checkpoints, Crew, Planner, Seen, Situation, fastest_ms
from engine.travel import Weights
from geo_data.speeds import NEVER, travel_ms
from tests.support.networks import arc_between, drawn_map

HALVES = """
P---A---M---E---Q
|   |   |   |   |
|   C   |   X   |
|   |   |   |   |
R---B---N---F---T
"""


class Chase:
    """A network with a suspect on one of its streets."""

    def __init__(self, network, node=None, suspect_ms=None, unit_ms=None):
        self.network, self.node = network, node or {}
        self.suspect_ms = fastest_ms(network) if suspect_ms is None else suspect_ms
        self.weights = Weights.first(network, travel_ms(network, "emergency") if unit_ms is None else unit_ms)
        self.planner = Planner(self.weights, self.suspect_ms)

    def place(self, street, fraction=0.5):
        """Return arc and fraction of a street by two letters."""
        return arc_between(self.network, self.node[street[0]], self.node[street[1]]), fraction

    def situation(self, seen, units, *, horizon_s, calls=(), exits="", ago_s=0, fraction=0.5, **more):
        """Return a situation: streets by two letters, units each at the middle of one."""
        at = [self.place(street) for street in units]
        return Situation(
            seen=tuple(Seen(*self.place(street, fraction), round(ago_s * 1000)) for street in seen.split()),
            horizon_ms=round(horizon_s * 1000),
            crew=Crew.of(
                [arc for arc, _ in at],
                [share for _, share in at],
                more.pop("turnout_ms", None),
                more.pop("stands", None),
            ),
            checkpoints=Checkpoints.of([self.node[letter] for letter, _ in calls], [1000 * s for _, s in calls]),
            exits=np.array([self.node[letter] for letter in exits], np.int32),
            **{"setup_ms": 0} | more,
        )

    def checker(self, situation):
        return Checker(self.weights, self.suspect_ms).of(situation)

    def letters(self, nodes):
        names = {index: letter for letter, index in self.node.items()}
        return "".join(sorted(names[int(node)] for node in nodes))


def halves(units=("PR", "QT")):
    """Return a chase and a situation where half of either of two cuts can be held and neither whole.

    Of the first two who could stand at A or B one is missing, and so at E and F; at M and N nobody can be, and between
    them he comes from one side to the other.
    """
    network, node = drawn_map(HALVES)
    unit_ms = travel_ms(network, "emergency")
    unit_ms[np.isin(network.arc_head, [node[letter] for letter in "CMNX"])] = NEVER
    chase = Chase(network, node, suspect_ms=fastest_ms(network) * 8, unit_ms=unit_ms)
    return chase, chase.situation("CA", units, horizon_s=3_000, exits="X", fraction=0.0)


def seal_by_force(checker, stretch):
    """Return the places of a seal with fewest posts, tried one set after another; None where there is none."""
    need, able = checker.holders(np.unique(checker.place[checker.inside]).tolist(), stretch)
    candidates = [place for place in able if len(able[place]) >= need[place]]
    most = len(set().union(*able.values())) if able else 0
    for count in range(min(len(candidates), most) + 1):
        for places in combinations(candidates, count):
            slots = [able[place] for place in places for _ in range(need[place])]
            if _distinct(slots) and not checker.gap(dict.fromkeys(places, -(1 << 40))):
                return places
    return None


def _distinct(slots, taken=frozenset()):
    if not slots:
        return True
    return any(_distinct(slots[1:], taken | {unit}) for unit in slots[0] - taken)
