"""The benchmark of containment would say so if a seal leaked or a certificate were false."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import containment
from benchmarks.containment import Field, Tally, ask, compare, plant, verdict
from benchmarks.exact_seal import seal_exists
from benchmarks.harness import Report
from engine.containment import SURE_STRETCH, Plan
from engine.containment.planning import Case
from geo_data.building import build_network
from tests.support.chase import Chase, seal_by_force
from tests.support.cities import grid_roads
from tests.support.networks import drawn_map


@pytest.fixture(scope="module")
def ground():
    return Field.on("grid", build_network(grid_roads(30, 30)), 1)


def test_incidents_are_counted_and_judged(ground):
    tally = Tally()
    rows = [ask(ground, 40, 8, tally) for _ in range(4)]
    asked = [row for row in rows if row is not None]
    assert asked
    assert sum(tally.counts.get(word, 0) for word in ("sealed", "impossible", "undecided")) == len(asked)
    assert tally.counts["leaks"] == tally.counts["false_certificates"] == 0


def test_planted_seals_and_the_exact_model_are_tried(ground):
    tally = Tally()
    plant(ground, 2, tally)
    compare(ground, 2, tally)
    assert (tally.counts["planted_sealed"], tally.counts["exact_compared"]) == (2, 2)
    assert tally.counts["leaks"] == tally.counts["false_certificates"] == 0


def test_a_seal_that_leaks_and_a_certificate_that_is_false_are_found(ground, monkeypatch):
    tally = Tally()
    situation = containment.planted(ground)
    case = ground.planner.case(situation)
    sealed = case.first()
    assert sealed.verdict == "sealed"
    late = replace(sealed.posts[0], ready_ms=1 << 40)
    containment.judge(ground, case, replace(sealed, posts=(late, *sealed.posts[1:])), tally)
    assert tally.counts["leaks"] == 1
    none = ground.planner.case(replace(situation, crew=type(situation.crew).of([], []))).first()
    containment.judge(ground, case, none, tally)  # a certificate for nobody, where there are units
    assert tally.counts["false_certificates"] == 1


def test_the_exact_model_agrees_with_trying_everything():
    drawn = """
L-------R
|       |
|   T   |
|   |   |
a---C---b
"""
    chase = Chase(*drawn_map(drawn))
    for units in (["LR", "TC", "TC"], ["LR", "TC", "LR"], ["LR"], []):
        check = chase.checker(chase.situation("Ca", units, horizon_s=600, exits="LRT", fraction=0.0))
        assert seal_exists(check, SURE_STRETCH) == (seal_by_force(check, SURE_STRETCH) is not None)


def test_who_has_no_answer_waits_for_ever():
    times = [0.1] * 214
    assert containment.answered_ms([*times, np.inf, np.inf], 99) == pytest.approx(100.0)
    assert containment.answered_ms([*times, np.inf, np.inf, np.inf], 99) is None
    assert containment.answered_ms([*times, *[np.inf] * 9], 99) is None
    assert containment.answered_ms([*times, *[np.inf] * 9], 50) == pytest.approx(100.0)


def test_an_undecided_case_is_no_answer(ground, monkeypatch):
    tally = Tally()
    monkeypatch.setattr(Case, "first", lambda _: Plan("undecided"))
    monkeypatch.setattr(Case, "best", lambda _: Plan("undecided"))
    row = ask(ground, 40, 8, tally)
    assert row["verdict"] == "undecided"
    assert tally.first_s == tally.best_s == [np.inf]
    assert tally.counts["undecided"] == 1


def test_a_missed_bar_is_said():
    sound = {name: most for name, (_, most) in containment.BARS.items()} | {"incidents": 216}
    report = Report("containment", 1, ())
    report.summary = dict(sound)
    assert verdict(report, quick=False) == 0
    for name, figure in (
        ("leaks", 1),
        ("sealed_share_80", 0.5),
        ("incidents", 100),
        ("first_answer_p50_ms", None),
        ("undecided_share", 0.02),
    ):
        report.summary = sound | {name: figure}
        assert verdict(report, quick=False) == 1, name


def test_noise_is_reproducible():
    fields = [Field.on("grid", build_network(grid_roads(20, 20)), 5) for _ in range(2)]
    one, two = (field.incident(5, 60_000) for field in fields)
    assert np.array_equal(one.crew.arc, two.crew.arc)
