"""The benchmark of the hierarchy runs on a small town and finds no version that differs."""

import json

from benchmarks import graphs, harness, preprocess


def test_the_quick_run_ends_with_figures_and_no_mismatch(tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(graphs, "TOWN_NODES", {False: 300_000, True: 2_000})
    monkeypatch.delenv("ALLPOINTS_DATA", raising=False)
    target = tmp_path / "preprocess.json"
    assert preprocess.main(["--quick", "--json", str(target)]) == 0
    found = json.loads(target.read_text())
    assert found["summary"]["mismatches"] == 0
    row = found["results"][-1]
    assert row["graph"] == "town_2k"
    assert row["slots_by_node"] > 1
    assert row["climb_nodes"] < row["nodes"] / 10
    assert {"order_s", "customise_ms", "change_1_ms", "change_100_ms", "load_ms"} <= set(row)
    assert row["profiles"] == 3
    assert row["resident_before_mib"] < row["resident_mib"] <= row["resident_most_mib"]


def test_a_city_that_takes_too_much_memory_fails_the_run():
    within, beyond = ({"mismatches": 0, "resident_most_mib_1300k": held} for held in (2_048.0, 2_049.0))
    assert preprocess.verdict(harness.Report("preprocess", 1, (), summary=within)) == 0
    assert preprocess.verdict(harness.Report("preprocess", 1, (), summary=beyond)) == 1
