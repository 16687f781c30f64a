"""Versions of the weights: before, during and after changes, the hierarchy, the search and brute force agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.errors import Refusal
from engine.travel import Hierarchy, NoWay, TravelTimes, Weights
from geo_data.speeds import NEVER, travel_ms
from tests.support.crew import Crew
from tests.support.networks import arc_between, drawn_map, random_network
from tests.support.ways import brute_ranking, brute_time, situations

METHODS = ("search", "hierarchy", None)
ANYONE, ALWAYS = 0, -(1 << 62)


def rankings(times, crew, goal, k):
    found = [times.nearest(*goal, crew, ANYONE, k, ALWAYS, method) for method in METHODS]
    return [list(zip(g.eta_ms.tolist(), g.unit.tolist(), g.travel_ms.tolist(), strict=True)) for g in found]


@st.composite
def changes(draw, roads):
    """Some arcs, each once, with new times; some closed, some opened that never were open."""
    arcs = draw(st.lists(st.integers(0, roads.n_arcs - 1), unique=True, max_size=6))
    times = st.one_of(st.just(NEVER), st.integers(1, 60), st.integers(1, 200_000))
    return np.array(arcs, np.int32), np.array([draw(times) for _ in arcs], np.int32)


@settings(max_examples=200, deadline=None)
@given(st.data(), situations(), st.integers(1, 5))
def test_before_during_and_after_changes_all_ways_agree(data, situation, k):
    roads, ms, crew, goal = situation
    times = TravelTimes(roads, ms, Hierarchy.build(roads))
    places = list(zip(crew.arc.tolist(), crew.fraction.tolist(), strict=True))
    arc_ms, inner = ms.copy(), ms.copy()
    spare = None
    for _ in range(4):
        arcs, new = data.draw(changes(roads))
        times.close_at_once(data.draw(st.lists(st.integers(0, roads.n_arcs - 1), max_size=2)))
        old = times.weights
        before = rankings(times, crew, goal, k)
        fresh = old.changed(arcs, new, spare if data.draw(st.booleans()) else None)
        spare = old
        assert rankings(times, crew, goal, k) == before  # the old version stands until the new one is adopted
        assert fresh.number == old.number + 1
        arc_ms[arcs] = new
        inner[arcs[new < NEVER]] = new[new < NEVER]
        times.adopt(fresh)
        crew = Crew(roads, inner, places, bits=crew.bits, turnout_ms=crew.turnout_ms, fixed_at=crew.fixed_at)
        want = brute_ranking(roads, arc_ms, crew, goal, ANYONE, k, ALWAYS, inner)
        assert rankings(times, crew, goal, k) == [want] * 3
        anew = Weights.first(roads, arc_ms, fresh.hierarchy, inner)
        assert np.array_equal(fresh.metric.up, anew.metric.up)
        assert np.array_equal(fresh.metric.down, anew.metric.down)
        assert np.array_equal(fresh.arc_ms, arc_ms)
        assert np.array_equal(fresh.inner_ms, inner)
        assert np.array_equal(fresh.streets.ms, arc_ms)
        assert np.array_equal(
            fresh.streets.back[fresh.streets.row[anew.streets.row >= 0], 1], arc_ms[anew.streets.row >= 0]
        )


def test_a_version_that_others_read_is_never_written_over():
    roads = random_network(5)
    times = TravelTimes(roads, travel_ms(roads), Hierarchy.build(roads))
    arcs = np.arange(5, dtype=np.int32)

    def next_version(spare):
        old = times.weights
        times.adopt(old.changed(arcs, times.weights.arc_ms[arcs] + 1, spare))
        return old

    first = next_version(None)
    second = next_version(first)
    assert times.weights.arc_ms is first.arc_ms  # nobody read it any more: its memory serves again
    twin = times.clone()
    kept = times.weights.arc_ms.copy()
    lent = next_version(second)
    next_version(lent)
    assert np.array_equal(twin.weights.arc_ms, kept)
    assert np.array_equal(times.weights.arc_ms, kept + np.isin(np.arange(roads.n_arcs), arcs) * 2)


@settings(max_examples=150, deadline=None)
@given(st.data(), situations(), st.integers(1, 5))
def test_what_is_shut_at_once_is_passed_by_nobody_before_a_version_knows(data, situation, k):
    roads, ms, crew, goal = situation
    for hierarchy in (None, Hierarchy.build(roads)):
        times = TravelTimes(roads, ms, hierarchy)
        shut = data.draw(st.lists(st.integers(0, roads.n_arcs - 1), max_size=5))
        closed = ms.copy()
        closed[shut] = NEVER
        times.close_at_once(shut)
        want = brute_ranking(roads, closed, crew, goal, ANYONE, k, ALWAYS, ms)
        for asked in (times, times.clone()):
            for method in ("search", None, *(["hierarchy"] if hierarchy else [])):
                got = asked.nearest(*goal, crew, ANYONE, k, ALWAYS, method)
                assert list(zip(got.eta_ms.tolist(), got.unit.tolist(), got.travel_ms.tolist(), strict=True)) == want
        for unit in range(len(crew.arc)):
            start = (int(crew.arc[unit]), float(crew.fraction[unit]))
            least = brute_time(roads, closed, start, goal, ms)
            assert times.to_many(*goal, [start[0]], [start[1]])[0] == least
            try:
                assert times.route(*start, *goal).ms == least
            except NoWay:
                assert least >= NEVER
        others = np.array([a for a in range(roads.n_arcs) if a not in shut][:1], np.int32)
        times.adopt(times.weights.changed(others, np.full(len(others), 7, np.int32)), still_shut=shut)
        closed[others] = 7
        inner = ms.copy()
        inner[others] = 7
        places = list(zip(crew.arc.tolist(), crew.fraction.tolist(), strict=True))
        moved = Crew(roads, inner, places, bits=crew.bits, turnout_ms=crew.turnout_ms, fixed_at=crew.fixed_at)
        want = brute_ranking(roads, closed, moved, goal, ANYONE, k, ALWAYS, inner)
        assert rankings(times, moved, goal, k)[2] == want if hierarchy else True


def test_a_closed_street_lets_in_who_is_sent_there_and_nobody_through():
    roads, node = drawn_map("""
        A-----B-----C-----D
        |                 |
        E-----------------F
    """)
    ms = travel_ms(roads)
    there, back = arc_between(roads, node["B"], node["C"]), arc_between(roads, node["C"], node["B"])
    times = TravelTimes(roads, ms, Hierarchy.build(roads))
    beyond = arc_between(roads, node["C"], node["D"])
    start = (arc_between(roads, node["A"], node["B"]), 0.5)
    open_way = times.route(*start, beyond, 0.5).ms
    times.adopt(times.weights.changed(np.array([there, back], np.int32), np.full(2, NEVER, np.int32)))
    assert times.route(*start, there, 0.5).ms == ms[start[0]] // 2 + ms[there] // 2
    assert times.route(there, 0.5, *start).ms == ms[start[0]] // 2 + ms[there] // 2
    round_the_block = times.route(*start, beyond, 0.5)
    assert round_the_block.ms > open_way
    assert there not in round_the_block.arcs.tolist()
    opened = times.weights.changed(np.array([there, back], np.int32), ms[[there, back]])
    times.adopt(opened)
    assert times.route(*start, beyond, 0.5).ms == open_way


def test_many_changes_are_customised_whole_and_few_are_followed_to_the_same_end():
    roads = random_network(11, nodes=1500, streets=3500, size_m=9_000)
    ms = travel_ms(roads)
    weights = Weights.first(roads, ms, Hierarchy.build(roads))
    rng = np.random.default_rng(2)
    for count in (1, 40, roads.n_arcs):
        arcs = rng.choice(roads.n_arcs, count, replace=False).astype(np.int32)
        weights = weights.changed(arcs, rng.integers(1, 90_000, count).astype(np.int32))
        anew = Weights.first(roads, weights.arc_ms, weights.hierarchy)
        assert np.array_equal(weights.metric.up, anew.metric.up)
        assert np.array_equal(weights.metric.down, anew.metric.down)


def test_what_does_not_fit_is_refused_by_name():
    roads, other = random_network(3), random_network(4)
    ms = travel_ms(roads)
    weights = Weights.first(roads, ms)
    for arcs, new, field in (
        ([roads.n_arcs], [5], r"arcs\[0\]"),
        ([0, 0], [5, 6], "at most once"),
        ([0], [0], r"ms\[0\]"),
        ([0, 1], [5], "wrong_shape|ms"),
    ):
        with pytest.raises(Refusal, match=field):
            weights.changed(np.array(arcs, np.int32), np.array(new, np.int32))
    times = TravelTimes(roads, ms)
    with pytest.raises(Refusal, match="weights"):
        times.adopt(Weights.first(other, travel_ms(other)))
    with pytest.raises(Refusal, match="arcs"):
        times.close_at_once([roads.n_arcs])
    with pytest.raises(Refusal, match="hierarchy"):
        times.nearest(0, 0.5, Crew(roads, ms, []), 0, 1, 0, "hierarchy")
