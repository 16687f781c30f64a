"""The oracles of travel times, by brute force, and random situations to hold them against."""

import numpy as np
from hypothesis import strategies as st

from engine.travel import UNREACHABLE_MS
from geo_data.speeds import NEVER, travel_ms
from tests.support.crew import Crew, passed
from tests.support.networks import random_network


def brute_time(roads, ms, start, goal, inner=None):
    """Return the least time between two places: every street split at both, then Bellman-Ford over the pieces.

    ``inner`` are the times on the streets that the way begins and ends on, where these differ.
    """
    best = UNREACHABLE_MS
    inner = ms if inner is None else inner
    n, inf = roads.n_nodes, UNREACHABLE_MS
    to_goal = [inf] * n
    ends = [(goal[0], goal[1])]
    starts = [(start[0], start[1])]
    for places in (ends, starts):
        arc, at = places[0]
        if roads.arc_reverse[arc] >= 0:
            places.append((int(roads.arc_reverse[arc]), 1 - at))
    for arc, at in ends:
        if inner[arc] < NEVER:
            tail = roads.arc_tail[arc]
            to_goal[tail] = min(to_goal[tail], passed(inner[arc], at))
    for _ in range(n):
        for arc in range(roads.n_arcs):
            if ms[arc] < NEVER:
                through = int(ms[arc]) + to_goal[roads.arc_head[arc]]
                to_goal[roads.arc_tail[arc]] = min(to_goal[roads.arc_tail[arc]], through)
    for arc, at in starts:
        if inner[arc] < NEVER:
            behind = passed(inner[arc], at)
            best = min(best, int(inner[arc]) - behind + to_goal[roads.arc_head[arc]])
            for other, there in ends:
                if other == arc and passed(inner[arc], there) >= behind:
                    best = min(best, passed(inner[arc], there) - behind)
    return best


def brute_ranking(roads, ms, crew, goal, need, k, fresh_after, inner=None, handicap=None):
    """Return (cost, unit, travel) of the best: the cost is turnout, travel and handicap together."""
    rows = []
    handicap = np.zeros(len(crew.bits), np.int64) if handicap is None else handicap
    for u in range(len(crew.bits)):
        able = int(crew.bits[u]) & need == need and crew.fixed_at[u] >= fresh_after and crew.arc[u] >= 0
        if able:
            travel = brute_time(roads, ms, (int(crew.arc[u]), float(crew.fraction[u])), goal, inner)
            if travel < UNREACHABLE_MS:
                rows.append((travel + int(crew.turnout_ms[u]) + int(handicap[u]), u, travel))
    return sorted(rows)[:k]


@st.composite
def situations(draw):
    """A random network, weights with closures, units in odd places, an incident often on a unit's own street."""
    seed = draw(st.integers(0, 100_000))
    rng = np.random.default_rng(seed)
    roads = random_network(seed, nodes=draw(st.integers(1, 9)), streets=draw(st.integers(1, 16)))
    ms = travel_ms(roads)
    if draw(st.booleans()):
        ms = rng.integers(1, draw(st.sampled_from([3, 40, 100_000])), roads.n_arcs).astype(np.int32)
    ms[rng.random(roads.n_arcs) < draw(st.sampled_from([0.0, 0.2]))] = NEVER
    fractions = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))
    arcs = st.integers(0, roads.n_arcs - 1)
    places = draw(st.lists(st.tuples(arcs, fractions), max_size=12))
    goal = draw(st.tuples(arcs, fractions))
    for i, place in enumerate(places):
        if draw(st.integers(0, 3)) == 0:
            street = [a for a in (goal[0], int(roads.arc_reverse[goal[0]])) if a >= 0]
            places[i] = (draw(st.sampled_from(street)), place[1])
    units = len(places)
    crew = Crew(
        roads,
        ms,
        places,
        bits=rng.integers(0, 8, units),
        turnout_ms=rng.integers(0, draw(st.sampled_from([1, 90_000])), units),
        fixed_at=rng.integers(0, 3, units),
    )
    return roads, ms, crew, goal
