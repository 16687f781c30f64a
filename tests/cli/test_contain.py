"""``allpoints contain`` on the grid: posts as a table in both languages, and as GeoJSON."""

import json

import pytest

from engine.cli.main import BAD_INPUT, main
from tests.support.cities import place, unit
from tests.support.folders import grid_folder

LON, LAT = place(2, 2)
AROUND = [(1, 2), (3, 2), (2, 1), (2, 3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    units = [unit(f"P{i}", *at) for i, at in enumerate(AROUND)]
    return grid_folder(tmp_path_factory.mktemp("city"), units=units, tokens=False)


def contain(folder, *more):
    asked = ["contain", "--city", str(folder), "--lon", str(LON), "--lat", str(LAT), "--seen-s", "0", *more]
    return main(asked)


def test_four_units_around_a_crossing_shut_it(folder, capsys, tmp_path):
    target = tmp_path / "plan.geojson"
    assert contain(folder, "--horizon-s", "65", "--geojson", str(target)) == 0
    said = capsys.readouterr().out
    assert "Sealed" in said
    assert all(f"P{i}" in said for i in range(4))
    found = json.loads(target.read_text("utf-8"))["features"]
    kinds = [feature["properties"]["kind"] for feature in found]
    assert kinds == ["seen", "post", "post", "post", "post", "area"]
    assert contain(folder, "--horizon-s", "65", "--lang", "zh") == 0
    assert "可封控" in capsys.readouterr().out


def test_too_few_units_give_the_reason_and_a_probability(folder, capsys):
    assert contain(folder, "--horizon-s", "65", "--units", "P0,P1") == 0
    said = capsys.readouterr().out
    assert "cannot be sealed" in said
    assert "%" in said
    assert contain(folder, "--horizon-s", "65", "--units", "P0,P1", "--lang", "zh") == 0
    assert "无法封控" in capsys.readouterr().out


def test_an_unknown_unit_is_refused(folder, capsys):
    assert contain(folder, "--units", "P9") == BAD_INPUT
    assert "P9" in capsys.readouterr().err
