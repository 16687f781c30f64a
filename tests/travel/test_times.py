"""Exact travel times against Bellman-Ford by hand, networkx and scipy; on drawn maps and at random."""

import itertools
import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.csgraph
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.errors import Refusal
from engine.travel import UNREACHABLE_MS, Hierarchy, NoWay, TravelTimes
from engine.travel.choosing import settled_before_giving_up
from engine.travel.riders import MOST_HANDICAP_MS
from engine.travel.times import MOST_SETTLED
from geo_data.speeds import NEVER, travel_ms
from tests.support.crew import Crew, passed
from tests.support.networks import Street, arc_between, drawn_map, network, random_network
from tests.support.ways import brute_ranking, brute_time, situations

ROOT = Path(__file__).resolve().parents[2]
ANYONE, ALWAYS = 0, -(1 << 62)


@settings(max_examples=250, deadline=None)
@given(situations(), st.sampled_from([0, 0, 1, 3]), st.integers(1, 14), st.integers(0, 2))
def test_nearest_is_what_brute_force_says(situation, need, k, fresh_after):
    roads, ms, crew, goal = situation
    times = TravelTimes(roads, ms, Hierarchy.build(roads))
    # The second of each kind works on what the first left behind.
    for method in ("search", "hierarchy", None, "hierarchy", "search"):
        got = times.nearest(*goal, crew, need, k, fresh_after, method)
        want = brute_ranking(roads, ms, crew, goal, need, k, fresh_after)
        assert list(zip(got.eta_ms.tolist(), got.unit.tolist(), got.travel_ms.tolist(), strict=True)) == want
        assert got.turnout_ms.tolist() == [int(crew.turnout_ms[u]) for u in got.unit]


@settings(max_examples=200, deadline=None)
@given(
    situations(), st.sampled_from([0, 1]), st.integers(1, 14), st.sampled_from([1, 30_000, MOST_HANDICAP_MS]), st.data()
)
def test_handicaps_count_as_brute_force_says_and_are_no_part_of_the_eta(situation, need, k, most, data):
    roads, ms, crew, goal = situation
    units = len(crew.arc)
    handicap = np.array(data.draw(st.lists(st.integers(0, most), min_size=units, max_size=units)), np.int32)
    times = TravelTimes(roads, ms, Hierarchy.build(roads))
    turnout = crew.turnout_ms.copy()
    for method in ("search", "hierarchy", None):
        got = times.nearest(*goal, crew, need, k, 0, method, handicap)
        want = brute_ranking(roads, ms, crew, goal, need, k, 0, handicap=handicap)
        assert list(zip(got.cost_ms.tolist(), got.unit.tolist(), got.travel_ms.tolist(), strict=True)) == want
        assert got.handicap_ms.tolist() == handicap[got.unit].tolist()
        assert got.eta_ms.tolist() == (got.travel_ms + got.turnout_ms).tolist()
        assert got.turnout_ms.tolist() == turnout[got.unit].tolist()
    assert np.array_equal(crew.turnout_ms, turnout)


def test_handicaps_out_of_range_are_refused():
    roads = random_network(3)
    ms = travel_ms(roads)
    crew = Crew(roads, ms, [(0, 0.5), (1, 0.5)])
    for wrong in ([0], [0, -1], [MOST_HANDICAP_MS + 1, 0]):
        with pytest.raises(Refusal, match="handicap_ms"):
            TravelTimes(roads, ms).nearest(0, 0.5, crew, ANYONE, 1, ALWAYS, handicap_ms=np.array(wrong, np.int32))


@settings(max_examples=150, deadline=None)
@given(situations())
def test_routes_and_times_from_many_agree_with_brute_force(situation):
    roads, ms, crew, goal = situation
    for times in (TravelTimes(roads, ms), TravelTimes(roads, ms, Hierarchy.build(roads))):
        check_ways(times, roads, ms, crew, goal)


def check_ways(times, roads, ms, crew, goal):
    many = times.to_many(*goal, crew.arc, crew.fraction)
    table = times.matrix(crew.arc, crew.fraction, [goal[0], *crew.arc], [goal[1], *crew.fraction])
    for u in range(len(crew.arc)):
        start = (int(crew.arc[u]), float(crew.fraction[u]))
        want = brute_time(roads, ms, start, goal)
        assert many[u] == want
        assert table[u, 0] == min(want, NEVER)
        for v in range(len(crew.arc)):
            there = (int(crew.arc[v]), float(crew.fraction[v]))
            assert table[u, v + 1] == min(brute_time(roads, ms, start, there), NEVER)
        if want == UNREACHABLE_MS:
            with pytest.raises(NoWay):
                times.route(*start, *goal)
            continue
        route = times.route(*start, *goal)
        assert route.ms == want
        assert drive(roads, ms, route) == want


def drive(roads, ms, route):
    """Return the time of a route by its arcs; checks that each leads on to the next."""
    arcs = route.arcs.tolist()
    assert all(roads.arc_head[a] == roads.arc_tail[b] for a, b in itertools.pairwise(arcs))
    assert all(ms[a] < NEVER for a in arcs)
    whole = sum(int(ms[a]) for a in arcs)
    after = int(ms[arcs[-1]]) - passed(ms[arcs[-1]], route.end_fraction)
    return whole - passed(ms[arcs[0]], route.start_fraction) - after


@settings(max_examples=40, deadline=None)
@given(situations())
def test_times_to_a_place_are_those_of_networkx(situation):
    roads, ms, _, goal = situation
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(roads.n_nodes))
    for arc in range(roads.n_arcs):
        if ms[arc] < NEVER:
            graph.add_edge(int(roads.arc_head[arc]), int(roads.arc_tail[arc]), weight=int(ms[arc]))
    for arc, at in (goal, (int(roads.arc_reverse[goal[0]]), 1 - goal[1])):
        if arc >= 0 and ms[arc] < NEVER:
            graph.add_edge("goal", int(roads.arc_tail[arc]), weight=passed(ms[arc], at))
    graph.add_node("goal")
    want = nx.single_source_dijkstra_path_length(graph, "goal")
    got = TravelTimes(roads, ms).times_to(*goal)
    assert got.tolist() == [want.get(v, UNREACHABLE_MS) for v in range(roads.n_nodes)]


def test_times_to_a_place_are_those_of_scipy_on_a_larger_network():
    roads = random_network(7, nodes=3000, streets=6000, size_m=20_000)
    ms = travel_ms(roads)
    times = TravelTimes(roads, ms)
    order = np.lexsort((ms, roads.arc_tail, roads.arc_head))  # of parallel arcs the quickest
    row, column, weight = roads.arc_head[order], roads.arc_tail[order], ms[order]
    first = np.concatenate(([True], (np.diff(row) != 0) | (np.diff(column) != 0)))
    graph = scipy.sparse.csr_array((weight[first].astype(float), (row[first], column[first])), shape=(3000, 3000))
    for arc in (0, 17, 4000):
        at_tail = scipy.sparse.csgraph.dijkstra(graph, indices=int(roads.arc_tail[arc]))
        want = at_tail + passed(ms[arc], 0.3)
        back = int(roads.arc_reverse[arc])
        if back >= 0:
            at_head = scipy.sparse.csgraph.dijkstra(graph, indices=int(roads.arc_tail[back]))
            want = np.minimum(want, at_head + passed(ms[back], 0.7))
        got = times.times_to(arc, 0.3).astype(float)
        got[got == UNREACHABLE_MS] = np.inf
        assert np.array_equal(got, want)


def test_a_one_way_street_sends_the_unit_behind_the_incident_and_not_the_one_before_it():
    roads, node = drawn_map("""
        A---->----B
        |         |
        C---------D
    """)
    ms = travel_ms(roads)
    one_way = arc_between(roads, node["A"], node["B"])
    crew = Crew(roads, ms, [(one_way, 0.6), (one_way, 0.1)])
    got = TravelTimes(roads, ms).nearest(one_way, 0.5, crew, ANYONE, 2, ALWAYS)
    assert got.unit.tolist() == [1, 0]
    # 500 m of street at 30 km/h; the unit just past the incident goes all around the block.
    assert got.travel_ms[0] == pytest.approx(0.4 * 60_000, abs=2)
    assert got.travel_ms[1] == pytest.approx((0.4 + 1 + 0.5) * 60_000 + 2 * 24_000, abs=4)


def test_on_a_two_way_street_the_nearer_end_counts_for_unit_and_incident():
    roads, node = drawn_map("""
        A---------B---------C
    """)
    ms = travel_ms(roads)
    left, right = arc_between(roads, node["A"], node["B"]), arc_between(roads, node["C"], node["B"])
    crew = Crew(roads, ms, [(right, 0.25), (left, 0.75)])
    got = TravelTimes(roads, ms).nearest(left, 0.5, crew, ANYONE, 2, ALWAYS)
    assert got.unit.tolist() == [1, 0]
    assert got.travel_ms.tolist() == [15_000, 75_000]


def test_turnout_counts_and_ties_go_to_the_lower_unit():
    roads, node = drawn_map("A---------B")
    ms = travel_ms(roads)
    arc = arc_between(roads, node["A"], node["B"])
    crew = Crew(roads, ms, [(arc, 0.5), (arc, 0.4), (arc, 0.6)], turnout_ms=[20_000, 0, 0])
    got = TravelTimes(roads, ms).nearest(arc, 0.5, crew, ANYONE, 3, ALWAYS)
    assert got.unit.tolist() == [1, 2, 0]
    assert got.eta_ms.tolist() == [6_000, 6_000, 20_000]
    assert got.eligible == 3
    assert got.take(np.array([2, 0])).unit.tolist() == [0, 1]


def test_the_search_stops_early():
    roads = random_network(3, nodes=3000, streets=9000, size_m=20_000)
    ms = travel_ms(roads)
    rng = np.random.default_rng(1)
    crew = Crew(roads, ms, [(int(a), 0.5) for a in rng.integers(0, roads.n_arcs, 300)])
    got = TravelTimes(roads, ms).nearest(5, 0.5, crew, ANYONE, 3, ALWAYS)
    assert len(got.unit) == 3
    assert got.settled < 300


def test_a_route_has_the_course_the_length_and_the_names_of_its_streets():
    streets = [
        Street(0, 1, name="North Road"),
        Street(1, 2, name="North Road"),
        Street(2, 3),
        Street(3, 4, name="Quay"),
    ]
    roads = network([(0, 0), (0, 100), (0, 200), (100, 200), (200, 200)], streets)
    times = TravelTimes(roads, travel_ms(roads))
    # From 25 m north of node 0, named by the arc that runs south, to half of the quay.
    route = times.route(arc_between(roads, 1, 0), 0.75, arc_between(roads, 3, 4), 0.5)
    assert route.names == ("North Road", "Quay")
    assert route.length_m == pytest.approx(75 + 100 + 100 + 50, abs=0.1)
    assert route.arcs.tolist() == [arc_between(roads, i, i + 1) for i in range(4)]
    assert (route.start_fraction, route.end_fraction) == (0.25, 0.5)
    assert len(route.points) == 5
    assert route.points[0, 1] == pytest.approx(roads.node_lat[0] + (roads.node_lat[1] - roads.node_lat[0]) / 4)
    assert route.points[-1, 0] == pytest.approx((roads.node_lon[3] + roads.node_lon[4]) / 2)


def test_labels_are_cleared_when_versions_run_out():
    roads = random_network(3, nodes=40, streets=100)
    times = TravelTimes(roads, travel_ms(roads))
    want = times.times_to(0, 0.5)
    times._desk._version = 1
    for _ in range(3):
        assert np.array_equal(times.times_to(0, 0.5), want)


@settings(max_examples=150, deadline=None)
@given(situations())
def test_a_way_is_as_short_whoever_finds_it(situation):
    roads, ms, crew, goal = situation
    times = TravelTimes(roads, ms, Hierarchy.build(roads))
    ranked = times.nearest(*goal, crew, ANYONE, max(1, len(crew.arc)), ALWAYS)
    for unit, travel in zip(ranked.unit.tolist(), ranked.travel_ms.tolist(), strict=True):
        start = int(crew.arc[unit]), float(crew.fraction[unit])
        for settled in (None, 0, MOST_SETTLED + 1):
            arcs, begin, end, took = times.way(*start, *goal, settled)
            assert took == travel
            assert np.array_equal(roads.arc_head[arcs[:-1]], roads.arc_tail[arcs[1:]])
            assert 0.0 <= begin <= 1.0
            assert 0.0 <= end <= 1.0


def test_a_clone_made_before_a_street_was_shut_obeys_too():
    roads, node = drawn_map("""
        A-----B-----C-----D
        |                 |
        E-----------------F
    """)
    ms = travel_ms(roads)
    times = TravelTimes(roads, ms, Hierarchy.build(roads))
    twin = times.clone()
    start, goal = arc_between(roads, node["A"], node["B"]), arc_between(roads, node["C"], node["D"])
    middle = [arc_between(roads, node["B"], node["C"]), arc_between(roads, node["C"], node["B"])]
    times.close_at_once(middle)
    crew = Crew(roads, ms, [(start, 0.5)])
    assert twin.route(start, 0.5, goal, 0.5).ms == times.route(start, 0.5, goal, 0.5).ms > ms[middle[0]] + 60_000
    for asked in (times, twin):
        ranked = asked.nearest(goal, 0.5, crew, ANYONE, 1, ALWAYS, "hierarchy")
        assert ranked.eta_ms[0] == times.route(start, 0.5, goal, 0.5).ms


def test_a_clone_has_memory_of_its_own():
    roads = random_network(3, nodes=40, streets=100)
    times = TravelTimes(roads, travel_ms(roads))
    twin = times.clone()
    assert twin.weights is times.weights
    assert not np.shares_memory(twin._desk.memory.label, times._desk.memory.label)
    assert np.array_equal(twin.times_to(1, 0.1), times.times_to(1, 0.1))


def test_what_is_not_on_the_network_is_refused_by_name():
    roads = random_network(3)
    ms = travel_ms(roads)
    times = TravelTimes(roads, ms)
    crew = Crew(roads, ms, [(0, 0.0)])
    for call, field in (
        (lambda: times.nearest(roads.n_arcs, 0.5, crew, 0, 1, 0), "arc"),
        (lambda: times.nearest(0, 1.5, crew, 0, 1, 0), "fraction"),
        (lambda: times.nearest(0, float("nan"), crew, 0, 1, 0), "fraction"),
        (lambda: times.nearest(0, 0.5, crew, 0, 0, 0), "k"),
        (lambda: times.route(-1, 0.5, 0, 0.5), "from_arc"),
        (lambda: times.route(0, 0.5, 0, -0.1), "to_fraction"),
        (lambda: times.to_many(0, 0.5, [0, 9999], [0.5, 0.5]), r"arcs\[1\]"),
        (lambda: TravelTimes(roads, ms[:-1]), "arc_ms"),
        (lambda: TravelTimes(roads, ms * 0), r"arc_ms\[0\]"),
    ):
        with pytest.raises(Refusal, match=field):
            call()


def test_nobody_at_all_is_an_empty_ranking():
    roads = random_network(3)
    ms = travel_ms(roads)
    got = TravelTimes(roads, ms).nearest(0, 0.5, Crew(roads, ms, []), 0, 5, 0)
    assert (len(got.unit), got.eligible, got.settled) == (0, 0, 0)


def test_warming_alone_readies_every_kernel_that_is_called_from_python():
    """In a process of its own: here, other tests have called them."""
    asked = """
from engine.travel import warm
from engine.travel.choosing import count_eligible
from engine.travel.climbing import climb_nearest
from engine.travel.customising import customise, recustomise
from engine.travel.queries import find_way, rank_nearest, times_from_all, times_from_many
from engine.travel.labels import lowest_below
from engine.travel.reaching import arrive_first, nodes_within
from engine.travel.sweeping import along_streets, needed_ranks, sweep_tile
from engine.travel.unpacking import any_crosses, crosses, unpack_way
warm()
kernels = [kernel for name, kernel in list(globals().items()) if hasattr(kernel, "signatures")]
assert len(kernels) == 17, len(kernels)
print([kernel.__name__ for kernel in kernels if len(kernel.signatures) != 1])
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_few_eligible_units_are_the_hierarchys_work_and_many_the_searchs():
    assert settled_before_giving_up(470_000, 10, 10) == 0
    # Where versions come and go units have no label, and a climb costs more.
    assert settled_before_giving_up(470_000, 1_000, 10) == 0
    assert settled_before_giving_up(470_000, 1_000, 10, labelled=False) > 10 * 470
    assert settled_before_giving_up(470_000, 10_000, 10) > 10 * 470
    roads = random_network(3, nodes=3000, streets=9000, size_m=20_000)
    ms = travel_ms(roads)
    rng = np.random.default_rng(1)
    times = TravelTimes(roads, ms, Hierarchy.build(roads))
    for units, method in ((3, "hierarchy"), (900, "search")):
        crew = Crew(roads, ms, [(int(a), 0.5) for a in rng.integers(0, roads.n_arcs, units)])
        assert times.nearest(5, 0.5, crew, ANYONE, 3, ALWAYS).method == method
    assert times.counts == {"search": 1, "hierarchy": 1, "gave_up": 0, "shut": 0}


def test_a_search_that_finds_everybody_far_away_gives_up_and_the_hierarchy_answers():
    roads = random_network(3, nodes=6000, streets=18000, size_m=20_000)
    ms = travel_ms(roads)
    times = TravelTimes(roads, ms, Hierarchy.build(roads))
    far = int(np.argmax(np.hypot(roads.node_lon - roads.node_lon[0], roads.node_lat - roads.node_lat[0])))
    arc = int(roads.in_arc[roads.first_in[far]])
    crew = Crew(roads, ms, [(arc, 0.5)] * 40)
    got = times.nearest(int(roads.first_out[0]), 0.5, crew, ANYONE, 2, ALWAYS)
    assert (got.method, times.counts["gave_up"]) == ("hierarchy", 1)
    want = times.nearest(int(roads.first_out[0]), 0.5, crew, ANYONE, 2, ALWAYS, "search")
    assert got.eta_ms.tolist() == want.eta_ms.tolist()
