"""The benchmark of tables runs, agrees with its oracle, and would say so if it did not."""

import json

import numpy as np
import pytest

from benchmarks import graphs, harness, matrix
from benchmarks.peers import remote
from engine.travel import TravelTimes


@pytest.fixture
def small(monkeypatch, tmp_path):
    for module in (harness, remote):
        monkeypatch.setattr(module, "CACHE", tmp_path)
    monkeypatch.setattr(graphs, "TOWN_NODES", {True: 2_000})
    monkeypatch.setattr(matrix, "TOWN_NODES", {True: 2_000})
    return tmp_path / "matrix.json"


def test_a_quick_run_gives_the_cost_of_a_pair_and_no_mismatch(small):
    assert matrix.main(["--quick", "--json", str(small)]) == 0
    summary = json.loads(small.read_text("utf-8"))["summary"]
    assert summary["ns_per_pair_town_20x200"] > 0
    assert summary["mismatches"] == 0


def test_one_wrong_time_is_counted_and_fails_the_run(small, monkeypatch):
    honest = TravelTimes.matrix
    monkeypatch.setattr(TravelTimes, "matrix", lambda self, *places: honest(self, *places) + 1)
    assert matrix.main(["--quick", "--json", str(small)]) == 1
    assert json.loads(small.read_text("utf-8"))["summary"]["mismatches"] == 20 * matrix.CHECKED


def test_a_time_that_only_one_knows_differs():
    here, there = np.array([[1.0, np.inf, np.inf, 4.0]]), np.array([[3.0, np.inf, 3.0, np.inf]])
    assert matrix.differing(here, there, np.full((1, 4), 2.0)) == 2
    assert matrix.differing(here, there, np.full((1, 4), 1.0)) == 3


@pytest.mark.parametrize(
    ("summary", "held"),
    [
        ({"mismatches": 0, "ratio_routingkit": 2.0, "ratio_osrm_ch": 30.0}, True),
        ({"mismatches": 0, "ratio_routingkit": 0.9}, False),
        ({"mismatches": 1}, False),
    ],
)
def test_the_verdict_holds_the_summary_against_the_bars(summary, held):
    assert (matrix.verdict(harness.Report("matrix", 1, (), summary=summary)) == 0) is held
