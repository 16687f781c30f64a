"""That the benchmark runs, agrees with its oracle and writes what is agreed; not how fast anything is."""

import json

import pytest

from benchmarks import decide, harness
from engine.travel import TravelTimes


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setattr(harness, "CACHE", tmp_path / "cache")
    return tmp_path


def test_a_quick_run_gives_one_object_with_the_agreed_names_and_nothing_wrong(small, capsys):
    assert decide.main(["--quick", "--seed", "3", "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["benchmark"], document["seed"]) == ("decide", 3)
    assert [row["eligible"] for row in document["results"]] == list(decide.QUICK.eligible)
    summary = document["summary"]
    assert summary["wrong"] == 0
    assert summary["decisions_per_s"] == min(row["decisions_per_s"] for row in document["results"]) > 0
    assert summary["p99_ms"] == max(row["p99_ms"] for row in document["results"]) >= summary["p50_ms"] > 0


def test_a_decision_that_differs_from_plain_search_is_counted_and_fails_the_run(small, monkeypatch):
    honest = TravelTimes.nearest

    def late(self, arc, fraction, riders, need, k, fresh_after, method=None, **more):
        ranking = honest(self, arc, fraction, riders, need, k, fresh_after, method, **more)
        if method is None:
            ranking.eta_ms[:] += 1
        return ranking

    monkeypatch.setattr(TravelTimes, "nearest", late)
    assert decide.main(["--quick", "--json", str(small / "run.json")]) == 1
    document = json.loads((small / "run.json").read_text("utf-8"))
    assert document["summary"]["wrong"] == len(decide.QUICK.eligible) * decide.QUICK.checked


def test_positions_of_all_units_arrive_once_in_ten_seconds(small):
    network = decide.kept_network("town", lambda: decide.make_town(decide.QUICK_NODES, 1).network())
    stand = decide.Stand.on("town", network, 1)
    run = decide.course(stand, decide._near_streets(stand, 50), 5)
    for spent_s in (0.05, 2.0, 10.0):
        run.clock.spent_s = spent_s
        run.move()
    assert run.moved == 50
    assert run.engine.fleet.reported.all()


def test_without_data_there_is_nothing_to_measure_and_the_run_fails(small, monkeypatch, capsys):
    monkeypatch.delenv("ALLPOINTS_DATA", raising=False)
    assert decide.main(["--json", "-"]) == 1
    assert "470k" in json.loads(capsys.readouterr().out)["absent"]


@pytest.mark.parametrize(
    ("summary", "held"),
    [
        ({"wrong": 0, "decisions_per_s": 1_000.0, "p99_ms": 4.9}, True),
        ({"wrong": 1, "decisions_per_s": 2_000.0, "p99_ms": 1.0}, False),
        ({"wrong": 0, "decisions_per_s": 999.9, "p99_ms": 1.0}, False),
        ({"wrong": 0, "decisions_per_s": 2_000.0, "p99_ms": 5.0}, False),
    ],
)
def test_the_verdict_holds_the_summary_against_the_bars(summary, held):
    assert (decide.verdict(harness.Report("decide", 1, (), summary=summary)) == 0) is held
