"""``allpoints alert`` against a real server: who goes, when, and why, in both languages."""

import json
from pathlib import Path

import pytest

from engine.cli.main import BAD_INPUT, FAILED, main
from tests.support.cities import place
from tests.support.folders import credentials_of, grid_folder
from tests.support.serving import Served, served

AT = "{},{}".format(*place(1, 1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with served(grid_folder(tmp_path_factory.mktemp("city"))) as running:
        yield running


@pytest.mark.parametrize(("language", "said"), [("en", "goes: there in"), ("zh", "到达(出警")])
def test_order_eta_and_reasons_are_printed(
    server: Served, language: str, said: str, capsys: pytest.CaptureFixture[str]
):
    words = ["alert", str(server.folder), "--type", "drunk_person", "--at", AT, "--lang", language, "--text", "asleep"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert said in printed
    assert "grid-order-" in printed


def test_a_server_is_found_by_its_address_too(
    server: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("ALLPOINTS_CREDENTIAL", credentials_of(server.folder)["calls"])
    assert main(["alert", server.http, "--type", "noise", "--at", AT, "--ref", "same", "--json"]) == 0
    assert main(["alert", server.http, "--type", "noise", "--at", AT, "--ref", "same", "--json"]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["incident"] == second["incident"]
    assert second["duplicate"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--type", "flood", "--at", AT], "type: 'flood' is not taken (unknown_type)"),
        (["--type", "noise", "--at", "122.5,30.5"], "off_road"),
        (["--type", "noise", "--at", "36.5,113.0"], "exchanged"),
        (["--type", "noise", "--at", AT, "--credential", "x"], "malformed_credential"),
    ],
)
def test_what_the_server_refuses_is_said_in_one_line(
    server: Served, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["alert", str(server.folder), *more]) == BAD_INPUT
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_no_server_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["alert", "http://127.0.0.1:9", "--type", "noise", "--at", AT, "--credential", "x"]
    assert main(words) == FAILED
    assert "is `allpoints serve` running?" in capsys.readouterr().err
    assert main(["alert", str(tmp_path), "--type", "noise", "--at", AT]) == BAD_INPUT
    assert "city.toml" in capsys.readouterr().err
