"""``allpoints speeds`` against a real server: close, slow down, show and lift, in both languages."""

import json
from pathlib import Path

import pytest

from engine.cli.main import BAD_INPUT, main
from engine.cli.speeds.rules import hours_of_week
from engine.model.errors import Refusal
from tests.support.cities import place
from tests.support.folders import grid_folder
from tests.support.serving import Served, served

AT = "{},{}".format(*place(1.5, 1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with served(grid_folder(tmp_path_factory.mktemp("city"))) as running:
        yield running


def test_streets_are_closed_shown_and_opened_again(server: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    west, south, east, north = *place(0.8, 0.8), *place(1.2, 1.2)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    block = tmp_path / "block.geojson"
    geometry = {"type": "Polygon", "coordinates": [ring]}
    block.write_text(
        json.dumps(
            {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": geometry}]}
        )
    )
    folder = str(server.folder)
    words = ["speeds", "close", folder, "--polygon", str(block), "--for", "4h", "--reason", "fire"]
    assert main([*words, "--key", "one"]) == 0
    closed = capsys.readouterr().out
    assert "grid-rule-1: closed, 8 arcs, set by user:" in closed
    assert "fire" in closed
    assert main(["speeds", "factor", folder, "--at", AT, "--factor", "0.5", "--hours", "mon-fri:7-9"]) == 0
    assert "speed × 0.5, 2 arcs" in capsys.readouterr().out
    assert main(["speeds", "--lang", "zh", "show", folder]) == 0
    shown = capsys.readouterr().out
    assert "grid-rule-1:封控,8 条路段" in shown
    assert "grid-rule-2:车速 × 0.5" in shown
    assert main(["speeds", "show", folder, "--json"]) == 0
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert rules[1]["rule"]["hours"] == [[7, 9], [31, 33], [55, 57], [79, 81], [103, 105]]
    assert main(["speeds", "lift", folder, "grid-rule-1", "--reason", "over"]) == 0
    assert "grid-rule-1" not in capsys.readouterr().out
    assert main([*words, "--key", "one"]) == 0
    assert "holds no more" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["close", "--at", "10,50"], "off_road"),
        (["close"], "rings,spots"),
        (["close", "--area", "nowhere"], "unknown_area"),
        (["close", "--at", AT, "--for", "soon"], "for:"),
        (["close", "--at", AT, "--until", "2026-11-27"], "until:"),
        (["factor", "--factor", "7"], "factor:"),
        (["factor", "--factor", "0.5", "--hours", "9-7"], "hours:"),
        (["factor", "--factor", "0.5", "--class", "alley"], "classes:"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    server: Served, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["speeds", words[0], str(server.folder), *words[1:]]) == BAD_INPUT
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_hours_are_read_with_days_and_without():
    assert hours_of_week("sat-sun:0-24") == [(120, 144), (144, 168)]
    assert hours_of_week("sun-mon:22-24") == [(166, 168), (22, 24)]
    assert len(hours_of_week("7-9")) == 7
    for words in ("", "7", "mon", "xyz:7-9", "9-7", "0-25"):
        with pytest.raises(Refusal, match="hours"):
            hours_of_week(words)
