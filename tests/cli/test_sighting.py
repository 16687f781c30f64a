"""``allpoints sighting`` against a real server: reported, verified, held and why, rejected; in both languages."""

import json

import pytest

from engine.cli.main import BAD_INPUT, main
from tests.support.cities import place
from tests.support.folders import grid_folder
from tests.support.serving import Served, served

AT = "{:.6f},{:.6f}".format(*place(2, 1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with served(grid_folder(tmp_path_factory.mktemp("city"))) as running:
        yield running


@pytest.fixture
def said(server: Served, capsys: pytest.CaptureFixture[str]):
    def run(action: str, *words: str, language: str = "en", status: int = 0) -> str:
        assert main(["sighting", "--lang", language, action, str(server.folder), *words]) == status
        printed = capsys.readouterr()
        return printed.err if status else printed.out

    return run


@pytest.fixture(scope="module")
def lookout(server: Served) -> str:
    words = ["--reference", "TJ-1", "--label", "x", "--class", "observe", "--case", "A-1", "--for", "12h"]
    assert main(["lookout", "add", str(server.folder), *words]) == 0
    return "grid-lookout-1"


def test_a_sighting_is_reported_and_verified(said, lookout):
    assert f"grid-sighting-1 waits to be verified: {lookout} at 113.00800" in said("report", "TJ-1", "--at", AT)
    assert "grid-sighting-1" in said("list")
    assert "grid-sighting-1 属实" in said("verify", "grid-sighting-1", "true", language="zh")
    assert [its["state"] for its in json.loads(said("list", "--json"))["sightings"]] == ["true"]
    assert "not the subject" in said("verify", "grid-sighting-1", "not_him", "--reason", "his brother")


def test_what_cannot_be_right_is_held_with_the_reason_and_settled(said, lookout):
    held = said("report", "TJ-1", "--at", AT, "--seen", "2099-01-01T00:00+08:00", language="zh")
    assert "存疑挂起" in held
    assert "时间在将来" in held
    name = held.split()[0]
    assert "rejected" in said("reject", name, "--reason", "clock of the camera")
    unknown = said("report", "nobody", "--at", AT)
    assert "held" in unknown
    assert "there is no such lookout" in unknown
    assert "waits to be verified" in said("release", unknown.split()[0], "--lookout", lookout)


def test_what_is_not_right_is_refused_by_name(said, lookout):
    assert "--seen: '2026-01-01' is not taken" in said(
        "report", "TJ-1", "--at", AT, "--seen", "2026-01-01", status=BAD_INPUT
    )
    assert "heading_deg" in said("report", "TJ-1", "--at", AT, "--heading", "999", status=BAD_INPUT)
    assert "sighting: 'x/y' is not taken" in said("verify", "x/y", "true", status=BAD_INPUT)
