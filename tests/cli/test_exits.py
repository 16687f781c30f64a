"""``allpoints exits`` on a made-up town: its checkpoints stand at the roads that leave it."""

import json

import pytest

from engine.cli.main import BAD_INPUT, main
from tests.support.folders import grid_folder


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("towns") / "town"
    assert main(["init", str(folder), "--town", "2000", "--seed", "2"]) == 0
    return folder


def test_every_exit_is_named_with_who_shuts_it(town, capsys, tmp_path):
    target = tmp_path / "exits.geojson"
    assert main(["exits", "--city", str(town), "--geojson", str(target)]) == 0
    said = capsys.readouterr().out
    found = json.loads(target.read_text("utf-8"))["features"]
    assert found
    assert f"{len(found)} exits" in said
    for number, feature in enumerate(found, 1):
        about = feature["properties"]
        assert about["number"] == number
        assert about["street"] in said
        assert (about["checkpoint"] is None) != (about["units"] == [])
        assert about["checkpoint"] is None or about["ready_ms"] == 60_000
    assert any(feature["properties"]["checkpoint"] for feature in found)
    assert main(["exits", "--city", str(town), "--lang", "zh"]) == 0
    assert "出城口" in capsys.readouterr().out


def test_a_city_without_ground_of_its_own_is_told_what_is_missing(tmp_path, capsys):
    assert main(["exits", "--city", str(grid_folder(tmp_path / "grid", tokens=False))]) == BAD_INPUT
    assert "areas.geojson" in capsys.readouterr().err
