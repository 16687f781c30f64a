"""Joint plans against brute force on small cases and an independent CP-SAT model on medium ones."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.assignment import UNMET, Choices, assign

PROVEN = 5.0


@st.composite
def problems(draw, most_demands=4, most_units=6, levels=3, latest=30):
    """Incidents with a level and several kinds wanted, units with several capabilities."""
    units = draw(st.integers(1, most_units))
    able = [draw(st.integers(1, 7)) for _ in range(units)]
    level, incident, rows, etas, earlier = [], [], [], [], []
    left = draw(st.integers(1, most_demands))
    while left:
        kinds = draw(st.lists(st.integers(0, 2), min_size=1, max_size=left))
        left -= len(kinds)
        its, number = draw(st.integers(1, levels)), len(set(incident))
        eta = draw(st.lists(st.integers(0, latest), min_size=units, max_size=units))
        refused = draw(st.sets(st.integers(0, units - 1), max_size=1))
        underway = draw(st.just(0) | st.integers(0, latest))
        for kind in kinds:
            row = [u for u in range(units) if able[u] >> kind & 1 and u not in refused]
            row.sort(key=lambda u, eta=eta: (eta[u], u))
            level.append(its)
            incident.append(number)
            rows.append(np.array(row, np.int32))
            etas.append(np.array([eta[u] for u in row], np.int64))
            earlier.append(underway)
    return Choices.of(level, incident, rows, etas, earlier)


def row(choices, demand):
    its = slice(choices.start[demand], choices.start[demand + 1])
    return choices.unit[its].tolist(), choices.eta_ms[its].tolist()


def value(choices, demands, picks):
    """How many stay unmet, and the latest of each incident, of some demands."""
    latest = {int(choices.incident[d]): int(choices.underway_ms[d]) for d in demands}
    for demand, pick in zip(demands, picks, strict=True):
        if pick != UNMET:
            its = int(choices.incident[demand])
            latest[its] = max(latest[its], row(choices, demand)[1][pick])
    return sum(pick == UNMET for pick in picks), latest


def total(choices, demands, picks):
    return sum(row(choices, d)[1][p] for d, p in zip(demands, picks, strict=True) if p != UNMET)


def plans(choices, demands, taken):
    """Every way to serve some demands by units that are free."""
    rows = [row(choices, d)[0] for d in demands]
    options = [[UNMET, *(p for p, unit in enumerate(its) if unit not in taken)] for its in rows]
    for picks in itertools.product(*options):
        used = [its[p] for its, p in zip(rows, picks, strict=True) if p != UNMET]
        if len(set(used)) == len(used):
            yield picks


def used_units(choices, pick):
    return [row(choices, d)[0][p] for d, p in enumerate(pick.tolist()) if p != UNMET]


def check_against_every_plan(choices, pick):
    """Level by level, among what the levels above have left, no plan is better."""
    taken = set()
    for level in sorted(set(choices.level.tolist())):
        demands = np.flatnonzero(choices.level == level).tolist()
        ours = pick[demands].tolist()
        unmet, latest = value(choices, demands, ours)
        every = list(plans(choices, demands, taken))
        values = [value(choices, demands, other) for other in every]
        assert (unmet, sum(latest.values())) == min((u, sum(late.values())) for u, late in values)
        no_later = (
            total(choices, demands, other)
            for other, (u, late) in zip(every, values, strict=True)
            if u == unmet and all(late[its] <= latest[its] for its in late)
        )
        assert total(choices, demands, ours) == min(no_later)
        taken |= {row(choices, d)[0][p] for d, p in zip(demands, ours, strict=True) if p != UNMET}


@given(problems())
@settings(max_examples=400, deadline=None)
def test_level_by_level_no_plan_is_better(problem):
    found = assign(problem, PROVEN)
    assert found.open_groups == 0
    used = used_units(problem, found.pick)
    assert len(set(used)) == len(used)
    check_against_every_plan(problem, found.pick)


@given(problems(most_demands=4, levels=1))
@settings(max_examples=200, deadline=None)
def test_one_level_with_many_contests(problem):
    check_against_every_plan(problem, assign(problem, PROVEN).pick)


@given(problems(most_demands=9, most_units=9))
@settings(max_examples=200, deadline=None)
def test_the_flow_alone_meets_as_many_and_is_never_better_than_the_proven(problem):
    flow, proven = assign(problem, 0.0), assign(problem, PROVEN)
    first = np.flatnonzero(problem.level == problem.level.min()).tolist()
    unmet, latest = value(problem, first, flow.pick[first].tolist())
    least_unmet, least = value(problem, first, proven.pick[first].tolist())
    assert unmet == least_unmet
    assert sum(latest.values()) >= sum(least.values())
    used = used_units(problem, flow.pick)
    assert len(set(used)) == len(used)


@given(problems(most_demands=9, most_units=9, latest=10**9))
@settings(max_examples=50, deadline=None)
def test_the_same_choices_have_the_same_answer(problem):
    assert assign(problem).pick.tolist() == assign(problem).pick.tolist()


@given(problems(most_demands=8, most_units=8))
@settings(max_examples=100, deadline=None)
def test_what_lower_levels_want_changes_nothing_above(problem):
    pick = assign(problem, PROVEN).pick
    upper = np.flatnonzero(problem.level == problem.level.min())
    alone = Choices.of(
        problem.level[upper],
        problem.incident[upper],
        [np.array(row(problem, d)[0], np.int32) for d in upper],
        [np.array(row(problem, d)[1], np.int64) for d in upper],
        problem.underway_ms[upper],
    )
    assert assign(alone, PROVEN).pick.tolist() == pick[upper].tolist()


def town(seed, incidents, units):
    """Incidents and units on a square; a third of the incidents want several kinds."""
    rng = np.random.default_rng(seed)
    able = rng.random((units, 3)) < (0.8, 0.4, 0.3)
    level, incident, rows, etas = [], [], [], []
    places = rng.random((units, 2))
    for i in range(incidents):
        eta = np.rint(np.abs(places - rng.random(2)).sum(axis=1) * 600_000).astype(np.int64)
        for kind in [0] if rng.random() < 2 / 3 else rng.integers(0, 3, rng.integers(2, 4)):
            its = np.flatnonzero(able[:, kind])
            its = its[np.argsort(eta[its], kind="stable")]
            level.append(2)
            incident.append(i)
            rows.append(its.astype(np.int32))
            etas.append(eta[its])
    return Choices.of(level, incident, rows, etas)


def most_met(choices, units):
    """How many demands can be met at most, by scipy."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    graph = csr_array((np.ones(len(choices.unit)), choices.unit, choices.start), shape=(len(choices.level), units))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def least_sum_by_cp_sat(choices, met):
    """The least sum of latest arrivals with so many demands met: the whole model at once, all candidates."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    n = len(choices.level)
    latest = {its: model.new_int_var(0, 10**7, "") for its in set(choices.incident.tolist())}
    by_unit, goes = {}, []
    for demand in range(n):
        its = []
        for unit, eta in zip(*row(choices, demand), strict=True):
            variable = model.new_bool_var("")
            its.append(variable)
            by_unit.setdefault(unit, []).append(variable)
            model.add(latest[int(choices.incident[demand])] >= eta).only_enforce_if(variable)
        model.add_at_most_one(its)
        goes += its
    for its in by_unit.values():
        model.add_at_most_one(its)
    model.add(sum(goes) == met)
    model.minimize(sum(latest.values()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    return round(solver.objective_value)


@pytest.mark.parametrize(
    ("seed", "incidents", "units"), [(1, 8, 12), (2, 8, 16), (3, 10, 20), (4, 10, 40), (5, 12, 60)]
)
def test_medium_cases_against_the_whole_model(seed, incidents, units):
    choices = town(seed, incidents, units)
    found = assign(choices, PROVEN)
    every = list(range(len(choices.level)))
    unmet, latest = value(choices, every, found.pick.tolist())
    assert unmet == len(every) - most_met(choices, units)
    least = least_sum_by_cp_sat(choices, len(every) - unmet)
    assert sum(latest.values()) == least or (found.open_groups and sum(latest.values()) <= 1.02 * least)


def test_the_set_is_complete_sooner_though_the_first_car_comes_later():
    first, second = np.array([1, 2], np.int32), np.array([1], np.int32)
    # Unit 1 can do both and is nearest; who alone can do the second need waits for nobody else.
    choices = Choices.of([2, 2], [0, 0], [first, second], [np.array([10, 50]), np.array([10])])
    assert used_units(choices, assign(choices).pick) == [2, 1]
    # The total would be 10 + 100; the set is there after 60.
    first, second = np.array([1, 2], np.int32), np.array([1, 2], np.int32)
    choices = Choices.of([2, 2], [0, 0], [first, second], [np.array([10, 60]), np.array([55, 100])])
    assert used_units(choices, assign(choices).pick) == [2, 1]


def test_a_need_that_is_settled_gives_the_others_of_its_set_time():
    # Incident 0 waits for unit 9 until 500 in any case, so unit 1 goes to incident 1, which has no other.
    units = [np.array([9], np.int32), np.array([1, 2], np.int32), np.array([1, 3], np.int32)]
    etas = [np.array([500]), np.array([10, 400]), np.array([100, 200])]
    choices = Choices.of([2, 2, 2], [0, 0, 1], units, etas)
    assert used_units(choices, assign(choices).pick) == [9, 2, 1]


def test_a_set_that_waits_for_somebody_sent_earlier_gives_the_others_time():
    # Incident 0 has unit 9 under way, there at 500: unit 1 is of no use there before, and of much at incident 1.
    units = [np.array([1, 2], np.int32), np.array([1, 3], np.int32)]
    etas = [np.array([10, 400]), np.array([100, 410])]
    sooner = Choices.of([2, 2], [0, 1], units, etas, [0, 0])
    assert used_units(sooner, assign(sooner).pick) == [1, 3]
    waits = Choices.of([2, 2], [0, 1], units, etas, [500, 0])
    assert used_units(waits, assign(waits).pick) == [2, 1]


def test_two_calls_four_streets_apart_do_not_both_want_the_same_car():
    near = np.array([7, 8], np.int32)
    choices = Choices.of([2, 2], [0, 1], [near, near], [np.array([10, 400]), np.array([20, 60])])
    assert used_units(choices, assign(choices).pick) == [7, 8]


def test_nobody_at_all_is_unmet():
    empty = np.empty(0, np.int32)
    choices = Choices.of([1, 2], [0, 1], [empty, empty], [np.empty(0, np.int64)] * 2)
    assert assign(choices).pick.tolist() == [UNMET, UNMET]
