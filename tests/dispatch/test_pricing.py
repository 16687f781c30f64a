"""What counts besides time: the age of a position, by the formula and in a decision; handicaps of a demand's own."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Engine, Need, Policies, ReportAlert
from engine.dispatch.decide import Wanted, decide
from engine.dispatch.pricing import Handicaps, age_handicap
from engine.fleet import NEVER_FIXED
from engine.model.entities import PositionFix
from engine.travel.riders import MOST_HANDICAP_MS
from tests.support.cities import NOW, SetClock, alert, city, place, unit

AGEING = Policies(stale_position_ms=600_000, fresh_position_ms=60_000, age_penalty_ms_per_s=250)


class Fixes:
    def __init__(self, ages):
        self.fixed_at = np.array([NEVER_FIXED if age is None else NOW - age for age in ages], np.int64)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.none() | st.integers(-5_000, 10**13), max_size=8),
    st.integers(0, 600_000),
    st.integers(1, 10_000),
)
def test_an_age_counts_by_the_formula(ages, fresh_ms, by_second):
    policies = replace(AGEING, fresh_position_ms=fresh_ms, age_penalty_ms_per_s=by_second)
    got = age_handicap(Fixes(ages), policies, NOW)
    want = [
        MOST_HANDICAP_MS if age is None else min(MOST_HANDICAP_MS, max(0, age - fresh_ms) * by_second // 1000)
        for age in ages
    ]
    if got is None:
        assert not any(want)
    else:
        assert all(abs(one - other) <= by_second for one, other in zip(got.tolist(), want, strict=True))
        assert max(got.tolist()) <= MOST_HANDICAP_MS


def test_who_trusts_any_age_counts_none():
    for policies in (replace(AGEING, stale_position_ms=0), replace(AGEING, age_penalty_ms_per_s=0)):
        assert age_handicap(Fixes([500_000, None]), policies, NOW) is None


def test_handicaps_add_up_and_are_told_apart():
    one, other = np.array([0, 5, MOST_HANDICAP_MS], np.int32), np.array([0, 7, 9], np.int32)
    both = Handicaps.of({"age": one, "branch": other, "beat": None})
    assert both.total_ms.tolist() == [0, 12, MOST_HANDICAP_MS]
    assert [both.said(row) for row in range(3)] == [{}, {"age": 5, "branch": 7}, {"age": MOST_HANDICAP_MS, "branch": 9}]
    assert Handicaps.of({"age": None}).total_ms is None


def aged(ages, policies=AGEING):
    """Return an engine with units in a row whose positions have these ages, and what it recommends at column 0."""
    clock = SetClock(NOW - 10**6)
    engine = Engine(city([unit(f"u{i}", 1 + i, 0) for i in range(len(ages))], policies=policies), clock=clock)
    clock.time = NOW
    engine.move([PositionFix(f"u{i}", *place(1 + i, 0), NOW - age) for i, age in enumerate(ages)], NOW)
    reply = engine.submit(ReportAlert(actor="user:li", alert=alert(1, 0, 0, needs=(Need("patrol"),))))[0]
    return engine, engine.recommendations(reply.incident)[0]


def test_of_two_nearly_as_near_the_one_goes_that_is_known_to_be_there():
    _, found = aged([10_000, 10_000])
    assert (found.chosen.recipient, found.chosen.penalties_ms) == ("u0", {})
    _, found = aged([560_000, 10_000])
    assert (found.chosen.recipient, found.chosen.penalties_ms) == ("u1", {})
    (other,) = found.others
    assert (other.recipient, other.penalties_ms) == ("u0", {"position_age": 125_000})
    assert other.eta_ms == other.travel_ms < found.chosen.eta_ms
    assert found.excluded == ()


def test_a_position_that_is_stale_does_not_count_at_all():
    _, found = aged([599_000, 10_000])
    assert found.chosen.recipient == "u1"
    _, found = aged([10_000, 10_000], replace(AGEING, stale_position_ms=9_000))
    assert found.chosen is None
    assert found.excluded_counts == {"stale_position": 2}


def test_a_demands_own_handicap_is_ranked_with_and_stands_in_its_table():
    engine, _ = aged([0, 0, 0], Policies(stale_position_ms=0))
    world = engine._world
    spot = world.place(*place(0, 0))
    against = np.array([100_000, 0, 0], np.int32)
    want = Wanted(
        demand="d",
        incident="i",
        capability="patrol",
        level=2,
        arc=spot.arc,
        fraction=spot.fraction,
        handicap_ms={"branch": against},
    )
    world.fleet.set_status(0, "available")
    (decision,) = decide([want], world.force, world.city.policies, NOW)
    assert decision.recommendation.chosen.recipient == "u1"
    assert {one.recipient: one.penalties_ms for one in decision.recommendation.others} == {
        "u0": {"branch": 100_000},
        "u2": {},
    }
