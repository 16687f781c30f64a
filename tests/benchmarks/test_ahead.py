"""The benchmark of being ahead: what it counts as a failed run."""

import json

import pytest

from benchmarks import ahead


def play(first, held, caught, wrong=0):
    its = {"first": first, "roads_held": held, "pursuits": 20, "caught": caught, "shut_in": 0, "lost": 20 - caught}
    return its | {"mean_s": 500.0, "wrong": wrong}


@pytest.mark.parametrize(
    ("nearest", "by_ahead", "wrong", "rank_ms", "passes"),
    [(11, 18, 0, 9.0, True), (11, 10, 0, 9.0, False), (11, 18, 1, 9.0, False), (11, 18, 0, 6_000.0, False)],
)
def test_the_run_fails_where_being_ahead_is_worse_wrong_or_late(
    nearest, by_ahead, wrong, rank_ms, passes, monkeypatch, tmp_path
):
    def played(seeds, ahead_ms, contain_ms):
        assert len(seeds) == 4
        return play(
            *(("ahead", bool(contain_ms), by_ahead, wrong) if ahead_ms else ("nearest", bool(contain_ms), nearest))
        )

    times = {"graph": "50k", "draw_p50_ms": 20.0, "draw_p99_ms": 60.0, "rank_p50_ms": 8.0, "rank_p99_ms": rank_ms}
    monkeypatch.setattr(ahead, "played", played)
    monkeypatch.setattr(ahead, "timed", lambda *_: [times])
    out = tmp_path / "ahead.json"
    assert ahead.main(["--quick", "--json", str(out)]) == (0 if passes else 1)
    summary = json.loads(out.read_text("utf-8"))["summary"]
    assert (summary["caught_ahead"], summary["caught_nearest_roads_held"]) == (by_ahead, nearest)
    assert summary["plan_p99_ms"] == 60.0 + rank_ms


def test_one_pursuit_is_played_to_its_end():
    row = ahead.played([1], 480_000, 0)
    assert (row["first"], row["roads_held"], row["pursuits"], row["wrong"]) == ("ahead", False, 1, 0)
    assert row["caught"] + row["shut_in"] + row["lost"] == 1
