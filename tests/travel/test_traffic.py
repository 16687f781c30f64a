"""Live speeds: whatever is said in whatever order, the version in force says what a plain account of it says."""

import math

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.model.errors import Refusal
from engine.travel import Hierarchy, Traffic, TravelTimes
from engine.travel.traffic import LEAST_FACTOR, MOST_FACTOR, WINDOW_MS
from geo_data.speeds import NEVER, travel_ms
from tests.support.crew import Crew
from tests.support.networks import random_network
from tests.support.ways import brute_ranking

ANYONE, ALWAYS, LONG = 0, -(1 << 62), 1 << 60
FACTORS = st.sampled_from((LEAST_FACTOR, 0.5, 0.8, 1.0, 1.37, MOST_FACTOR))


def whole_logarithm(factor):
    return round(math.log(factor) * 1_000_000)


class Streets(RuleBasedStateMachine):
    """A machine beside a plain account: rules and live factors as they were said, base times as they are."""

    @initialize(seed=st.integers(0, 10_000), nodes=st.integers(2, 9))
    def start(self, seed, nodes):
        self.roads = random_network(seed, nodes=nodes, streets=2 * nodes)
        self.base = travel_ms(self.roads)
        self.base[np.random.default_rng(seed).random(self.roads.n_arcs) < 0.1] = NEVER
        self.next_base = self.base
        self.times = TravelTimes(self.roads, self.base, Hierarchy.build(self.roads))
        self.traffic = Traffic(self.times)
        self.rules, self.live, self.now, self.work = {}, {}, 0, None
        self.lingering = set()
        self.said = self.promised = self.times.weights.number

    def pick(self, numbers):
        return sorted({number % self.roads.n_arcs for number in numbers})

    arcs = st.lists(st.integers(0, 1_000), max_size=5)

    @rule(name=st.sampled_from("abc"), numbers=arcs, factor=st.one_of(st.just(0.0), FACTORS))
    def a_rule_is_set(self, name, numbers, factor):
        self.forget(name)
        self.traffic.set_rule(name, self.pick(numbers), factor)
        self.rules[name] = self.pick(numbers), factor

    def forget(self, name):
        """Forget a rule; what it closed at once stays closed until another version is in force."""
        arcs, factor = self.rules.pop(name, ((), 1))
        self.lingering.update(arcs if factor == 0 else ())

    @rule(name=st.sampled_from("abc"))
    def a_rule_is_lifted(self, name):
        self.traffic.lift_rule(name)
        self.forget(name)

    @rule(numbers=st.lists(st.integers(0, 1_000), min_size=1, max_size=5), factor=FACTORS, ms=st.integers(1, 400))
    def speeds_are_fed(self, numbers, factor, ms):
        self.traffic.feed(self.pick(numbers), factor, self.now + ms)
        self.live.update(dict.fromkeys(self.pick(numbers), (factor, self.now + ms)))

    @rule(seed=st.integers(0, 100))
    def another_hour_begins(self, seed):
        rng = np.random.default_rng(seed)
        fresh = np.where(self.base < NEVER, rng.integers(1, 90_000, self.roads.n_arcs), NEVER).astype(np.int32)
        self.traffic.turn(lambda: fresh)
        self.next_base = fresh

    @rule(ms=st.sampled_from((0, 20, 100, 350)))
    def time_passes(self, ms):
        self.now += ms
        self.traffic.expire(self.now)
        self.live = {arc: fed for arc, fed in self.live.items() if fed[1] > self.now}

    @precondition(lambda self: self.work is None)
    @rule()
    def a_version_is_begun(self):
        self.work = self.traffic.begin(self.now)
        if self.work is not None:
            self.promised = self.traffic.version + 1
            self.base = self.next_base

    @precondition(lambda self: self.work is not None)
    @rule(lost=st.booleans())
    def the_worker_is_done(self, lost):
        if lost:
            self.traffic.give_up()
            self.work.run()  # a worker that is given up may be done after all: too late
            assert not self.traffic.finish(self.work.number)
        else:
            self.work.run()
            assert self.traffic.finish(self.work.number)
            self.lingering.clear()
            assert self.traffic.version == self.promised
        self.work = None

    def expected(self):
        logarithm = np.zeros(self.roads.n_arcs, np.int64)
        closed = self.base >= NEVER
        for arcs, factor in self.rules.values():
            if factor == 0:
                closed[arcs] = True
            else:
                logarithm[arcs] += whole_logarithm(factor)
        for arc, (factor, _) in self.live.items():
            logarithm[arc] += whole_logarithm(factor)
        ms = np.clip(np.rint(self.base / np.exp(logarithm / 1_000_000)), 1, NEVER - 1)
        return np.where(closed, NEVER, ms).astype(np.int32)

    @invariant()
    def what_is_shut_is_passed_by_nobody_from_the_moment_it_is_said(self):
        if not hasattr(self, "times"):
            return
        shut = self.lingering | {arc for arcs, factor in self.rules.values() if factor == 0 for arc in arcs}
        weights = self.times.weights
        crew = Crew(self.roads, weights.inner_ms, [(arc, 0.5) for arc in range(self.roads.n_arcs)])
        ms = weights.arc_ms.copy()
        ms[list(shut)] = NEVER
        want = brute_ranking(self.roads, ms, crew, (0, 0.25), ANYONE, 4, ALWAYS, weights.inner_ms)
        for method in ("search", "hierarchy"):
            got = self.times.nearest(0, 0.25, crew, ANYONE, 4, ALWAYS, method)
            assert list(zip(got.eta_ms.tolist(), got.unit.tolist(), strict=True)) == [row[:2] for row in want]

    @invariant()
    def nothing_is_left_to_do_when_the_version_in_force_is_the_one_to_come(self):
        if hasattr(self, "times") and self.traffic.coming == self.traffic.version:
            assert np.array_equal(self.times.weights.arc_ms, self.expected())

    def teardown(self):
        if not hasattr(self, "times"):
            return
        if self.work is not None:
            self.the_worker_is_done(lost=False)
        self.base = self.next_base
        self.traffic.catch_up(self.now)
        assert np.array_equal(self.times.weights.arc_ms, self.expected())
        for name in "abc":
            self.traffic.lift_rule(name)
        self.traffic.expire(LONG)
        self.traffic.catch_up(self.now)
        assert np.array_equal(self.times.weights.arc_ms, self.base)
        assert (self.traffic.live_arcs, self.traffic.due_at()) == (0, None)


Streets.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestStreets = Streets.TestCase


def traffic():
    roads = random_network(4, nodes=20, streets=50)
    return Traffic(TravelTimes(roads, travel_ms(roads), Hierarchy.build(roads)))


def test_changes_are_gathered_and_begun_once_in_a_window():
    streets = traffic()
    assert streets.due_at() is None
    streets.feed([0], 0.5, LONG)
    assert streets.due_at() < 1_000
    work = streets.begin(1_000)
    streets.feed([1], 0.5, LONG)
    assert streets.begin(5_000) is None  # one is being made
    assert (streets.version, streets.coming) == (1, 3)
    work.run()
    streets.finish(work.number)
    assert (streets.version, streets.coming, streets.due_at()) == (2, 3, 1_000 + WINDOW_MS)
    assert streets.begin(1_000 + WINDOW_MS - 1) is None
    work = streets.begin(1_000 + WINDOW_MS)
    work.run()
    streets.finish(work.number)
    assert (streets.version, streets.coming) == (3, 3)
    assert streets.begin(9_000) is None


def test_of_an_arc_that_is_fed_twice_the_last_word_holds():
    streets = traffic()
    streets.feed([3, 1, 3, 2], [0.2, 0.3, 0.4, 0.5], LONG)
    arcs, factors, until = streets.live()
    assert arcs.tolist() == [1, 2, 3]
    assert factors == pytest.approx([0.3, 0.5, 0.4], rel=1e-5)
    assert set(until.tolist()) == {LONG}


@pytest.mark.parametrize("factor", [-1.0, 0.01, 5.5, math.nan, math.inf])
def test_what_is_no_factor_is_refused_by_name(factor):
    streets = traffic()
    with pytest.raises(Refusal, match=r"factor: .* limit: 0, or 0\.02 to 5"):
        streets.set_rule("a", [0], factor)
    with pytest.raises(Refusal, match=r"factors\[1\]: .* limit: 0\.02 to 5"):
        streets.feed([0, 1], [1.0, factor], LONG)
    assert (streets.due_at(), streets.live_arcs) == (None, 0)


def test_an_arc_that_is_not_there_is_refused():
    streets = traffic()
    for ask in (lambda: streets.set_rule("a", [-1], 0), lambda: streets.feed([10_000], 1.0, LONG)):
        with pytest.raises(Refusal, match="unknown_arc"):
            ask()
    assert (streets.due_at(), streets.rules) == (None, {})
