"""That the benchmark runs, agrees with its oracle and writes what is agreed; not how fast anything is."""

import json

import pytest

from benchmarks import graphs, harness, nearest
from engine.travel import TravelTimes

PEERS = {
    "ours_median_ms_porto_500": 0.2, "ratio_scipy_full": 50.0, "ratio_routingkit": 3.0, "ratio_igraph": 100.0,
}  # fmt: skip


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setattr(harness, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(graphs, "TOWN_NODES", {False: 300_000, True: 2_000})
    monkeypatch.setattr(nearest, "ELIGIBLE", (10, 300))
    monkeypatch.delenv("ALLPOINTS_DATA", raising=False)
    return tmp_path


def test_one_json_object_with_the_agreed_names_and_no_mismatch(small, capsys):
    assert nearest.main(["--quick", "--seed", "3", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "benchmark", "commit", "machine", "load_average", "seed", "versions", "absent", "results", "summary",
    }  # fmt: skip
    assert (found["benchmark"], found["seed"]) == ("nearest", 3)
    assert found["summary"]["mismatches"] == 0
    assert {"ours_median_ms_2k_300", "ratio_scipy_full_2k_300"} <= set(found["summary"])
    assert set(found["absent"]) >= {"edmonton", "porto"}
    compared = {row["who"] for row in found["results"] if "mismatches" in row}
    assert compared >= {"ours", "scipy_full", "scipy_told_where_to_stop"}
    nearest.plot(found, small)
    assert (small / "nearest.svg").stat().st_size > 0


def test_the_network_is_kept_and_used_again(small, capsys):
    assert nearest.main(["--quick"]) == 0
    assert capsys.readouterr().out == ""
    (kept,) = (small / "cache").glob("*.apn")
    made = kept.stat().st_mtime_ns
    assert nearest.main(["--quick", "--json", str(small / "run.json")]) == 0
    assert kept.stat().st_mtime_ns == made
    assert json.loads((small / "run.json").read_text())["summary"]["mismatches"] == 0


def test_a_ranking_that_differs_is_counted_and_fails_the_run(small, monkeypatch):
    honest = TravelTimes.nearest

    def late(self, *args):
        ranking = honest(self, *args)
        ranking.travel_ms[:1] += 1
        return ranking

    monkeypatch.setattr(TravelTimes, "nearest", late)
    assert nearest.main(["--quick", "--json", str(small / "run.json")]) == 1
    assert json.loads((small / "run.json").read_text())["summary"]["mismatches"] > 0


@pytest.mark.parametrize(
    ("summary", "held"),
    [
        ({"mismatches": 0, "ours_median_ms_300k_1000": 0.4, "ratio_scipy_full_300k_1000": 80.0}, True),
        ({"mismatches": 0}, True),
        ({"mismatches": 1}, False),
        ({"mismatches": 0, "unlike_470k": 0.2, "worst_p99_ms_470k": 2.5}, True),
        ({"mismatches": 0, "unlike_470k": 0.21}, False),
        ({"mismatches": 0, "worst_p99_ms_1300k": 3.1}, False),
        ({"mismatches": 0, **PEERS}, True),
        ({"mismatches": 0, **PEERS, "ratio_routingkit": 2.9}, False),
        ({"mismatches": 0, **{name: at for name, at in PEERS.items() if name != "ratio_igraph"}}, False),
        ({"mismatches": 0, "ours_median_ms_300k_1000": 1.0, "ratio_scipy_full_300k_1000": 80.0}, False),
        ({"mismatches": 0, "ours_median_ms_300k_1000": 0.4, "ratio_scipy_full_300k_1000": 49.9}, False),
    ],
)
def test_the_verdict_holds_the_summary_against_the_bars(summary, held):
    assert (nearest.verdict(harness.Report("nearest", 1, (), summary=summary)) == 0) is held
