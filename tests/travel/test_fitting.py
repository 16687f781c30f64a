"""The fit on plain arrays: planted truth comes back, wrong stamps or not, and nothing leaves its bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.travel import fitting
from engine.travel.fitting import Terms, fit_factors

FACTOR = np.array([0.75, 0.9, 1.1, 1.0])
GROUP = np.array([0.9, 1.0, 1.1])
FIXED_S = 60.0


def planted(seed, trips=3000, wrong=0.0, noise=0.2):
    """Return trips of the truth above: seconds by class, waits, groups, seconds taken. One class is never driven."""
    rng = np.random.default_rng(seed)
    drive_s = rng.exponential(60, (trips, 4)) * np.array([1, 1, 1, 0]) + np.array([5, 0, 0, 0])
    group = rng.integers(0, 3, trips)
    wait_s = rng.uniform(0, 30, trips)
    taken_s = FIXED_S + wait_s + drive_s @ (1 / FACTOR) / GROUP[group]
    taken_s *= np.exp(rng.normal(0, noise, trips))
    bad = rng.random(trips) < wrong
    taken_s[bad] = rng.choice([1.0, 3.0, 1800.0, 3600.0], int(bad.sum()))
    return drive_s, wait_s, group, taken_s


@pytest.mark.parametrize("wrong", [0.0, 0.1])
def test_planted_factors_come_back(wrong):
    fit = fit_factors(*planted(1, trips=12_000, wrong=wrong), 3, Terms())
    # Only products of the two are in the trips: the middle group's, planted as 1, is the measure.
    assert fit.by_class()[:3] * fit.of_group[1] == pytest.approx(FACTOR[:3], rel=0.06)
    assert fit.of_group / fit.of_group[1] == pytest.approx(GROUP, rel=0.03)
    assert fit.fixed_s == pytest.approx(FIXED_S, abs=8)
    assert fit.spread == pytest.approx(0.2, abs=0.04)


def test_wrong_stamps_hardly_move_what_a_plain_fit_would_follow():
    drive_s, wait_s, group, taken_s = planted(2, wrong=0.1)
    fit = fit_factors(drive_s, wait_s, group, taken_s, 3, Terms(fixed=False, by_class=False, by_group=False))
    clean = fit_factors(*planted(2), 3, Terms(fixed=False, by_class=False, by_group=False))
    plain = float(np.exp(np.mean(np.log(drive_s.sum(1) / taken_s))))
    assert abs(np.log(fit.overall / clean.overall)) < 0.03
    assert abs(np.log(plain / clean.overall)) > 0.04


def test_one_factor_is_the_usual_trip():
    rng = np.random.default_rng(3)
    drive_s = rng.uniform(30, 300, (400, 1))
    taken_s = drive_s[:, 0] * np.exp(rng.standard_t(2, 400) * 0.1) / 0.8
    terms = Terms(fixed=False, by_class=False, by_group=False)
    fit = fit_factors(drive_s, np.zeros(400), np.zeros(400, np.int64), taken_s, 1, terms)
    assert fit.overall == pytest.approx(1 / np.median(taken_s / drive_s[:, 0]), rel=0.01)
    assert (fit.fixed_s, fit.of_class.tolist(), fit.of_group.tolist()) == (0.0, [1.0], [1.0])


def test_the_same_trips_give_the_same_fit():
    one, other = (fit_factors(*planted(4, wrong=0.1), 3, Terms()) for _ in range(2))
    assert (one.overall, one.fixed_s, one.spread) == (other.overall, other.fixed_s, other.spread)
    assert one.of_class.tolist() == other.of_class.tolist()


def test_what_was_hardly_driven_stays_with_the_rest():
    drive_s, wait_s, group, taken_s = planted(5)
    drive_s[:, 2] = 0
    drive_s[0, 2] = 5.0
    taken_s[0] = 5_000.0
    fit = fit_factors(drive_s, wait_s, group, taken_s, 3, Terms())
    assert fit.of_class[2] == pytest.approx(1, abs=0.01)
    assert fit.of_class[3] == 1
    assert fit.by_class()[3] == fit.overall


@given(
    st.lists(
        st.tuples(st.floats(0, 2_000), st.floats(0, 2_000), st.integers(0, 1), st.floats(0.001, 3_600)),
        min_size=1,
        max_size=30,
    ).filter(lambda trips: sum(trip[0] + trip[1] for trip in trips) > 1)
)
@settings(max_examples=80, deadline=None)
def test_no_trips_lead_out_of_the_bounds(trips):
    drive_s = np.array([trip[:2] for trip in trips])
    group = np.array([trip[2] for trip in trips])
    fit = fit_factors(drive_s, np.zeros(len(trips)), group, np.array([trip[3] for trip in trips]), 2, Terms())
    hair = 1e-6
    assert -hair <= fit.fixed_s <= fitting.MOST_FIXED_S + hair
    assert fitting.LEAST_OVERALL - hair <= fit.overall <= fitting.MOST_OVERALL + hair
    for own in (fit.of_class, fit.of_group):
        assert np.all((own >= fitting.LEAST_OWN - hair) & (own <= fitting.MOST_OWN + hair))
    assert np.all(fit.by_class() <= 2)
    assert np.all(np.isfinite(fit.seconds(drive_s, np.zeros(len(trips)), group)))


@pytest.mark.parametrize("terms", [Terms(), Terms(fixed=False), Terms(by_class=False), Terms(by_group=False)])
def test_the_slopes_are_the_derivatives_of_the_cost(terms):
    drive_s, wait_s, group, taken_s = planted(6, trips=20)
    problem = fitting._Problem(drive_s, wait_s, group, np.log(taken_s), 3, terms)
    at = np.linspace(-0.8, 0.9, len(problem.drawn_to))
    for of in (fitting._soft_l1, fitting._cauchy):
        slopes = problem.gradient(at, 0.3, of)
        for column in range(len(at)):
            step = np.zeros(len(at))
            step[column] = 1e-5
            numeric = (problem.cost(at + step, 0.3, of) - problem.cost(at - step, 0.3, of)) / 2e-5
            assert slopes[column] == pytest.approx(numeric, abs=1e-5)
