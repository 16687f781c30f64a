import json

from benchmarks import copies


def test_a_quick_run_keeps_the_state_in_both_ways(tmp_path):
    assert copies.main(["--quick", "--json", str(tmp_path / "figures.json")]) == 0
    document = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert [row["way"] for row in document["results"]] == ["renewed", "whole", "nothing"]
    assert document["results"][0]["events"] > 0
    assert document["summary"]["wrong"] == 0
