"""The benchmark of joint plans runs, proves its bounds, and would say so if a plan were wrong."""

import json
import os

import numpy as np
import pytest

from benchmarks import assign, harness
from benchmarks.peers import matching, remote
from engine.dispatch.assignment import UNMET, Assignment, Choices

SMALL = assign.Size(6, 40, 2)


@pytest.fixture
def small(monkeypatch, tmp_path):
    for module in (harness, remote):
        monkeypatch.setattr(module, "CACHE", tmp_path)
    monkeypatch.setattr(assign, "SIZES", (SMALL,))
    return tmp_path / "assign.json"


def test_a_quick_run_gives_our_time_the_gap_and_the_ratios(small):
    assert assign.main(["--quick", "--json", str(small)]) == 0
    summary = json.loads(small.read_text("utf-8"))["summary"]
    assert summary["ours_ms_6x40"] > 0
    assert 0 <= summary["gap_to_optimum"] <= assign.MOST_GAP
    assert summary["ratio_scipy_dense"] > 0
    assert summary["wrong"] == 0


def test_a_plan_that_leaves_a_demand_unmet_is_wrong(small, monkeypatch):
    honest = assign.assign

    def lazy(choices):
        pick = honest(choices).pick.copy()
        pick[0] = UNMET
        return Assignment(pick)

    monkeypatch.setattr(assign, "assign", lazy)
    assert assign.main(["--quick", "--json", str(small)]) == 1
    assert json.loads(small.read_text("utf-8"))["summary"]["wrong"] == 1


def test_a_unit_twice_and_a_unit_that_is_no_candidate_are_wrong():
    units = [np.array([3, 4], np.int32)] * 2
    choices = Choices.of([1, 2], [0, 1], units, [np.array([10, 20])] * 2)
    assert assign.judge(choices, np.array([0, 0])).wrong == ["a unit twice"]
    assert assign.judge(choices, np.array([0, 2])).wrong == ["a unit that is no candidate"]
    assert assign.judge(choices, np.array([0, 1])).gap == 0.0


def test_the_bound_is_the_optimum_of_a_case_that_is_known():
    # The total would be least with 10 + 100; the set is complete after 60.
    choices = Choices.of(
        [2, 2], [0, 0], [np.array([1, 2], np.int32)] * 2, [np.array([10_000, 60_000]), np.array([55_000, 100_000])]
    )
    most, bound_ms = assign.bound(choices, np.arange(4), np.array([0, 0, 1, 1]))
    assert most == 2
    assert 59_999 <= bound_ms <= 60_000


@pytest.mark.parametrize("seed", range(4))
def test_solvers_of_the_plain_problem_agree_on_the_total(seed):
    choices = assign.draw(assign.Size(12, 30, 1), seed)
    totals = set()
    for solver in (matching.Dense(), matching.Sparse()):
        pick, _ = solver.settle(choices.level, choices.start, choices.unit, choices.eta_ms)
        met = pick != UNMET
        first = met & (choices.level == choices.level.min())
        totals.add(int(choices.eta_ms[(choices.start[:-1] + pick)[first]].sum()))
        assert len(np.unique(choices.unit[(choices.start[:-1] + pick)[met]])) == met.sum()
    assert len(totals) == 1


@pytest.mark.parametrize(
    ("summary", "held"),
    [
        ({"wrong": 0, "ours_ms_500x5000": 20.0, "gap_to_optimum": 0.001}, True),
        ({"wrong": 0, "ours_ms_500x5000": 70.0, "gap_to_optimum": 0.001}, False),
        ({"wrong": 0, "gap_to_optimum": 0.02}, False),
        ({"wrong": 1}, False),
    ],
)
def test_the_verdict_holds_the_summary_against_the_bars(summary, held):
    assert (assign.verdict(harness.Report("assign", 1, (), summary=summary)) == 0) is held


def test_what_compiled_code_prints_is_not_on_standard_output(capfd):
    with assign.to_standard_error():
        os.write(1, b"noise\n")
    os.write(1, b"{}")
    assert capfd.readouterr() == ("{}", "noise\n")
