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
