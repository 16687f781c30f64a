"""A peer in a process of its own answers as in ours, and one that fails leaves the field with its reason."""

import importlib.metadata
import importlib.util
import sys

import numpy as np
import pytest

from benchmarks import beside, harness, pictures
from benchmarks.peers import environment, remote
from benchmarks.peers.course import same
from benchmarks.stand import Stand
from geo_data.town import make_town

HERE = [name for name, entry in remote.PEERS.items() if importlib.util.find_spec(entry.package)]


@pytest.fixture
def stand(monkeypatch, tmp_path):
    for module in (harness, remote):
        monkeypatch.setattr(module, "CACHE", tmp_path)
    return Stand.on("town", make_town(800, 2).network(), 5)


def test_rows_of_all_who_are_installed_and_no_mismatch(stand):
    report = harness.Report("nearest", 1, ())
    with remote.Field.start([name for name in HERE if not name.startswith(("osrm", "valhalla"))], report) as field:
        report.results += beside.run(stand, field, "", (beside.Case(30, 5, 8), beside.Case(3)))
    assert {row["who"] for row in report.results} >= {"ours", "scipy_full"}
    assert {(row["units"], row["k"], row["asked"]) for row in report.results} == {(30, 5, 8), (3, 10, 12)}
    beside.summarise(report)
    assert report.absent == {}
    assert report.document()["versions"]["scipy"] == importlib.metadata.version("scipy")
    assert report.summary["mismatches"] == report.summary["mismatches_scipy_full"] == 0


def test_the_picture_has_a_line_for_everybody_who_answered(stand, tmp_path):
    report = harness.Report("nearest", 1, ())
    with remote.Field.start(["scipy_full"], report) as field:
        cases = (beside.Case(1_000, 10, 2), beside.Case(20, 10, 2), beside.Case(1_000, 5, 2))
        report.results += beside.run(stand, field, "", cases)
    pictures.peers(report.document(), tmp_path)
    drawn = (tmp_path / "peers.svg").read_text("utf-8")
    assert drawn.count("<!-- scipy full -->") == drawn.count("<!-- ours -->") == 1


def test_a_ranking_of_ours_that_differs_is_counted(stand, monkeypatch):
    honest = stand.race

    def late(*asked):
        spent, found = honest(*asked)
        return spent, [(ms + 1, unit) for ms, unit in found]

    monkeypatch.setattr(stand, "race", late)
    report = harness.Report("nearest", 1, ())
    with remote.Field.start(["scipy_full"], report) as field:
        report.results += beside.run(stand, field, "", (beside.Case(30, 5, 7),))
    beside.summarise(report)
    assert report.summary["mismatches"] == 7


def test_a_peer_that_fails_or_cannot_be_had_is_absent_with_its_reason(stand, monkeypatch):
    monkeypatch.setitem(remote.PEERS, "broken", remote.Entry("scipy:Nobody", "scipy", "scipy", ""))
    monkeypatch.setitem(remote.PEERS, "nowhere", remote.Entry("osrm:Peer", "no_such_package", "", ""))
    monkeypatch.setattr(environment, "environment", lambda: (sys.executable, {"no_such_package": "no wheel fits"}))
    report = harness.Report("nearest", 1, ())
    with remote.Field.start(["scipy_full", "broken", "nowhere"], report) as field:
        field.prepare(stand.roads(), stand.places(*stand.draw(3, apart=False)))
        assert list(field.peers) == ["scipy_full"]
    assert report.absent["nowhere"] == "no wheel fits"
    assert "Nobody" in report.absent["broken"]


def test_a_ranking_by_rounded_coordinates_may_be_off_by_the_slack_and_no_more():
    slack, none = np.array([10.0, 10.0, 10.0]), np.zeros(1)
    exact = np.array([100, 105, 300]), np.array([0, 1, 2])
    assert beside.near(exact, (np.array([98, 109, 300]), np.array([1, 0, 2])), slack, none, 0)
    assert not beside.near(exact, (np.array([98, 109, 311]), np.array([1, 0, 2])), slack, none, 0)
    assert not beside.near(exact, (np.array([98, 109]), np.array([1, 0])), slack, none, 0)
    assert not same(exact, (np.array([98, 109, 300]), np.array([1, 0, 2])))
