import json

from benchmarks import journal


def test_a_quick_run_gives_one_object_and_no_mismatch(tmp_path):
    assert journal.main(["--quick", "--json", str(tmp_path / "figures.json")]) == 0
    document = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert document["benchmark"] == "journal"
    assert document["summary"]["mismatches"] == 0
    assert document["summary"]["commit_p50_ms_6"] > 0
