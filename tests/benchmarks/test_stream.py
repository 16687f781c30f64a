"""That the benchmark runs against the real server, finds what is lost or doubled, and writes what is agreed."""

import json

import pytest

from benchmarks import harness, stream
from benchmarks.crowd_lines import frame, unframe
from benchmarks.crowd_record import Came, Record, Told


def test_a_quick_run_gives_one_object_with_the_agreed_names_and_nothing_lost(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(harness, "CACHE", tmp_path / "cache")
    assert stream.main(["--quick", "--seed", "3", "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["benchmark"], document["seed"]) == ("stream", 3)
    summary, rows = document["summary"], document["results"]
    quick = stream.QUICK
    assert [row["phase"] for row in rows if row["phase"] != "alone"] == ["connect", "warm", "steady", "seen", "storm"]
    assert {name: summary[name] for name in stream.NEVER} == dict.fromkeys(stream.NEVER, 0)
    steady = next(row for row in rows if row["phase"] == "steady")
    assert steady["alerts"] == round(quick.steady_s * quick.alerts_per_s)
    assert 0 < summary["p50_ms"] <= summary["p99_ms"]
    assert summary["sightings"] == quick.sightings
    assert 0 < summary["sighting_p50_ms"] <= summary["sighting_p99_ms"]
    assert summary["positions_per_s"] > 0
    assert summary["kb_per_connection"] > 0
    assert summary[f"reconnect_{quick.terminals}_s"] > 0
    assert summary["orders"] == sum(row.get("alerts", 0) for row in rows)


def test_frames_are_read_back_in_pieces_of_any_size():
    payloads = [b"", b"a" * 125, b"b" * 126, b"c" * 70_000]
    sent = b"".join(_from_server(payload) for payload in payloads)
    for size in (1, 7, 1_000, len(sent)):
        found, rest = [], b""
        for at in range(0, len(sent), size):
            frames, rest = unframe(rest + sent[at : at + size])
            found += frames
        assert (found, rest) == ([(2, payload) for payload in payloads], b"")
    assert frame(b"xy") == b"\x82\x82\0\0\0\0xy"
    assert frame(b"x" * 200)[:8] == b"\x82\xfe\x00\xc8\0\0\0\0"


def test_an_alert_without_its_order_is_missing():
    record = Record(alerts={"a": Told(0, incident="i-1"), "b": Told(0, incident="i-2"), "c": Told(0)})
    record.orders["i-1"] = Came(1, "o-1", None)
    assert record.missing() == ["b", "c"]


def test_too_few_files_are_said_by_name_and_number(monkeypatch, capsys):
    monkeypatch.setattr(stream.resource, "getrlimit", lambda which: (256, 1_024))
    assert stream.main(["--json", "-"]) == 1
    assert "10500" in json.loads(capsys.readouterr().out)["absent"]["terminals"]


@pytest.mark.parametrize(
    ("changed", "held"),
    [({}, True), ({"lost": 1}, False), ({"duplicated": 1}, False), ({"p50_ms": 1.0}, False), ({"p99_ms": 15.0}, False)],
)
def test_the_verdict_holds_the_summary_against_the_bars(changed, held):
    summary = dict.fromkeys(stream.NEVER, 0) | {"p50_ms": 0.9, "p99_ms": 14.9} | changed
    assert (stream.verdict(harness.Report("stream", 1, (), summary=summary)) == 0) is held


def _from_server(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((0x82, size)) + payload
    if size < 1 << 16:
        return b"\x82\x7e" + size.to_bytes(2, "big") + payload
    return b"\x82\x7f" + size.to_bytes(8, "big") + payload
