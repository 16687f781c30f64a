"""Least cuts against scipy's greatest flow over the plain graph, in which every candidate is two nodes."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from engine.containment import Crew, Planner, Seen, Situation, fastest_ms
from engine.containment.contraction import set_up
from engine.containment.cuts import Cutter, Supposed
from engine.travel import NEVER, Weights
from geo_data.building import build_network
from geo_data.speeds import travel_ms
from tests.support.cities import grid_roads

MUCH = 1 << 20


def boards():
    roads = build_network(grid_roads(12, 12))
    weights = Weights.first(roads, travel_ms(roads, "emergency"))
    planner = Planner(weights, fastest_ms(roads))
    streets = np.flatnonzero(weights.arc_ms < NEVER)
    rng = np.random.default_rng(5)
    for _ in range(8):
        crew = Crew.of(rng.choice(streets, 40), rng.random(40))
        seen = (Seen(int(rng.choice(streets)), 0.5),)
        case = planner.case(Situation(seen=seen, horizon_ms=150_000, crew=crew, setup_ms=0))
        board = set_up(case.core, case.pairs, 1_000)
        if board.source != board.sink:
            yield board, rng


def plain_flow(board, supposed, price):
    c = len(board.vertex)
    enter, leave = np.arange(board.size) + c, np.arange(board.size) + c
    enter[:c], leave[:c] = np.arange(c), np.arange(c) + c
    tail = np.concatenate((board.tail, supposed.passed, supposed.barred)).astype(int)
    ends = [board.source] * len(supposed.passed) + [board.sink] * len(supposed.barred)
    head = np.concatenate((board.head, ends)).astype(int)
    rooms = np.concatenate((price, np.full(2 * len(tail), MUCH)))
    rooms[list(supposed.passed)] = MUCH
    at = np.concatenate((enter[:c], leave[tail], leave[head]))
    to = np.concatenate((leave[:c], enter[head], enter[tail]))
    graph = csr_array((rooms.astype(np.int32), (at, to)), shape=(board.size + c,) * 2)
    return maximum_flow(graph, int(leave[board.source]), int(enter[board.sink])).flow_value


def shut_in(board, supposed, cut):
    """Return whether nobody gets from the source to the sink past a cut."""
    near = np.concatenate((board.tail, board.head, [board.source] * len(supposed.passed), supposed.barred)).astype(int)
    far = np.concatenate((board.head, board.tail, supposed.passed, [board.sink] * len(supposed.barred))).astype(int)
    shut, inside = np.zeros(board.size, bool), np.zeros(board.size, bool)
    shut[cut] = inside[board.source] = True
    for _ in range(board.size):
        reached = far[inside[near] & ~shut[far]]
        if inside[reached].all():
            return not inside[board.sink]
        inside[reached] = True
    return False


def test_flow_cuts_and_routes_are_those_of_the_plain_graph():
    looked_at = 0
    for board, rng in boards():
        c = len(board.vertex)
        for supposed in (Supposed(), Supposed(*(tuple(its) for its in rng.choice(c, (2, 2), replace=False).tolist()))):
            price = rng.integers(1, 9, c)
            cutter = Cutter(board, supposed)
            flow = cutter.flow(price, MUCH)
            assert flow == min(plain_flow(board, supposed, price), MUCH)
            if flow == MUCH:
                continue
            looked_at += 1
            for cut in cutter.cuts():
                assert price[cut.candidates].sum() == flow
                assert not set(cut.candidates.tolist()) & set(supposed.passed)
                assert cut.agrees(supposed)
                assert shut_in(board, supposed, cut.candidates)
            load = np.zeros(board.size, int)
            for weight, way in cutter.routes():
                load[list(set(way))] += weight
            assert load[board.source] == flow
            held = np.setdiff1d(np.arange(c), supposed.passed)
            assert np.all(load[held] <= price[held])
    assert looked_at > 4
