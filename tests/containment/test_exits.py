"""Exits of drawn grounds, and standing plans against every assignment there is."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.containment import Checkpoints, Crew, Exits, exits_of, fastest_ms, standing_plan
from engine.containment.situation import SETUP_MS
from engine.travel import TravelTimes
from geo_data.building import build_network
from geo_data.raw_roads import RoadClass
from geo_data.speeds import travel_ms
from tests.support.cities import grid_roads, place

GRID = build_network(grid_roads())
TIMES = TravelTimes(GRID, travel_ms(GRID, "emergency"))


def around(west, south, east, north):
    """A box half a block wider than these crossings."""
    return shapely.box(*place(west - 0.5, south - 0.5), *place(east + 0.5, north + 0.5))


def crossings(network, nodes):
    return {
        (
            round((network.node_lon[node] - place(0, 0)[0]) / 0.004),
            round((network.node_lat[node] - place(0, 0)[1]) / 0.004),
        )
        for node in nodes
    }


def exits_in(ground, network=GRID):
    return exits_of(network, fastest_ms(network), ground)


def test_every_street_over_the_border_is_an_exit():
    exits = exits_in(around(1, 1, 3, 3))
    sides = (
        {(0, y) for y in (1, 2, 3)}
        | {(4, y) for y in (1, 2, 3)}
        | {(x, 0) for x in (1, 2, 3)}
        | {(x, 4) for x in (1, 2, 3)}
    )
    assert crossings(GRID, exits.node) == sides
    assert len(exits) == len(sides)
    at = [next(iter(crossings(GRID, [node]))) for node in exits.node]
    ways = dict(zip(at, exits.bearing_deg, strict=True))
    assert ways[0, 2] == pytest.approx(270, abs=1)
    assert ways[2, 4] == pytest.approx(0, abs=1)


def test_a_hole_that_leads_nowhere_is_no_exit():
    ground = around(1, 1, 3, 3) - around(2, 2, 2, 2)
    assert crossings(GRID, exits_in(ground).node) == crossings(GRID, exits_in(around(1, 1, 3, 3)).node)


def test_where_the_map_ends_at_the_border_greater_streets_break_off():
    roads = grid_roads(6, 1)
    whole = shapely.box(*place(0, 0), *place(5, 0)).buffer(0.0003)
    assert len(exits_in(whole, build_network(roads))) == 0
    greater = build_network(replace(roads, road_class=np.full(len(roads.tail), int(RoadClass.TERTIARY), np.uint8)))
    exits = exits_in(whole, greater)
    assert crossings(greater, exits.node) == {(0, 0), (5, 0)}
    assert sorted(exits.bearing_deg) == pytest.approx([90, 270], abs=1)


def test_a_city_without_streets_out_has_no_exits():
    exits = exits_in(around(0, 0, 5, 4))
    assert len(exits) == 0
    assert standing_plan(TIMES, exits, Crew.of([0], [0.5]), Checkpoints()) == ()


def some(seed, exits, units):
    rng = np.random.default_rng(seed)
    arcs = rng.choice(GRID.n_arcs, exits, replace=False).astype(np.int32)
    nodes, first = np.unique(GRID.arc_head[arcs], return_index=True)
    there = Exits(nodes.astype(np.int32), arcs[first], np.zeros(len(nodes)))
    crew = Crew.of(rng.integers(0, GRID.n_arcs, units), rng.random(units), rng.integers(0, 4, units) * 30_000)
    return there, crew


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 5))
def test_the_last_stands_soonest_and_the_sum_is_least(seed, n, m):
    exits, crew = some(seed, n, m)
    plan = standing_plan(TIMES, exits, crew, Checkpoints())
    ready = np.array(
        [
            [
                TIMES.way(int(crew.arc[u]), float(crew.fraction[u]), int(arc), 1.0)[3]
                + int(crew.turnout_ms[u])
                + SETUP_MS
                for arc in exits.arc
            ]
            for u in range(m)
        ]
    )
    e = len(exits)
    manned = [it.ready_ms for it in plan if it.ready_ms is not None]
    assert len(manned) == min(e, m)
    used = [row for it in plan for row in it.units]
    assert len(set(used)) == len(used)
    if m >= e:
        every = [[int(ready[u, i]) for i, u in enumerate(us)] for us in permutations(range(m), e)]
    else:
        every = [[int(ready[i, x]) for i, x in enumerate(xs)] for xs in permutations(range(e), m)]
    assert (max(manned), sum(manned)) == min((max(them), sum(them)) for them in every)
    for it, column in zip(plan, range(e), strict=True):
        assert it.ready_ms == (int(ready[it.units[0], column]) if it.units else None)


def test_a_checkpoint_is_called_and_frees_its_unit():
    exits, crew = some(3, 3, 2)
    plan = standing_plan(TIMES, exits, crew, Checkpoints.of([int(exits.node[1])], [60_000]))
    assert plan[1].checkpoint == 0
    assert plan[1].ready_ms == 60_000
    assert all(plan[i].units for i in (0, 2))


def test_a_motorway_takes_two_units_or_is_not_shut():
    roads = grid_roads()
    wide = build_network(replace(roads, road_class=np.full(len(roads.tail), int(RoadClass.MOTORWAY), np.uint8)))
    times = TravelTimes(wide, travel_ms(wide, "emergency"))
    exits = Exits(wide.arc_head[:1].astype(np.int32), np.zeros(1, np.int32), np.zeros(1))
    two = standing_plan(times, exits, Crew.of([4, 9], [0.5, 0.5]), Checkpoints())
    assert len(two[0].units) == 2
    assert two[0].ready_ms is not None
    one = standing_plan(times, exits, Crew.of([4], [0.5]), Checkpoints())
    assert one[0].units == (0,)
    assert one[0].ready_ms is None


def test_who_cannot_stand_is_not_sent():
    exits, _ = some(3, 2, 1)
    plan = standing_plan(TIMES, exits, Crew.of([0], [0.5], stands=[False]), Checkpoints())
    assert all(it.units == () and it.ready_ms is None for it in plan)
