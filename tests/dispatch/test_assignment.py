import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.assignment import UNMET, assign


@st.composite
def problems(draw):
    demands, units = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    levels = draw(st.lists(st.integers(1, 3), min_size=demands, max_size=demands))
    cost = draw(st.lists(st.integers(0, 30), min_size=demands * units, max_size=demands * units))
    able = draw(st.lists(st.booleans(), min_size=demands * units, max_size=demands * units))
    rows, etas = [], []
    for demand in range(demands):
        its = [u for u in range(units) if able[demand * units + u]]
        its.sort(key=lambda u, demand=demand: (cost[demand * units + u], u))
        rows.append(np.array(its, np.int32))
        etas.append(np.array([cost[demand * units + u] for u in its], np.int64))
    return levels, rows, etas


def value(levels, rows, etas, picks):
    """Per level, most urgent first: how many stay unmet, then the total ETA."""
    key = []
    for level in sorted(set(levels)):
        its = [i for i, of in enumerate(levels) if of == level]
        key.append((sum(picks[i] == UNMET for i in its), sum(int(etas[i][picks[i]]) for i in its if picks[i] != UNMET)))
    return key


@given(problems())
@settings(max_examples=300, deadline=None)
def test_no_other_choice_is_better_level_by_level(problem):
    levels, rows, etas = problem
    picks = assign(levels, rows, etas)
    used = [int(rows[i][p]) for i, p in enumerate(picks) if p != UNMET]
    assert len(set(used)) == len(used)
    best_first = None
    for other in itertools.product(*[range(-1, len(r)) for r in rows]):
        taken = [int(rows[i][p]) for i, p in enumerate(other) if p != UNMET]
        if len(set(taken)) == len(taken):
            its = value(levels, rows, etas, other)
            best_first = its[0] if best_first is None or its[0] < best_first else best_first
    assert value(levels, rows, etas, picks)[0] == best_first


@given(problems())
@settings(max_examples=300, deadline=None)
def test_within_one_level_it_is_the_optimum(problem):
    _, rows, etas = problem
    levels = [2] * len(rows)
    picks = assign(levels, rows, etas)
    options = (
        value(levels, rows, etas, other)
        for other in itertools.product(*[range(-1, len(r)) for r in rows])
        if len({int(rows[i][p]) for i, p in enumerate(other) if p != UNMET}) == sum(p != UNMET for p in other)
    )
    assert value(levels, rows, etas, picks) == min(options)


def test_two_calls_four_streets_apart_do_not_both_want_the_same_car():
    near = np.array([7, 8], np.int32)
    picks = assign([2, 2], [near, near], [np.array([10, 400]), np.array([20, 60])])
    assert [int(near[p]) for p in picks] == [7, 8]


def test_nobody_at_all_is_unmet():
    empty = np.empty(0, np.int32)
    assert assign([1, 2], [empty, empty], [np.empty(0, np.int64)] * 2) == [UNMET, UNMET]
