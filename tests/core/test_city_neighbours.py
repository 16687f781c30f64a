"""``[[neighbours]]`` of ``city.toml``: read strictly, and what is wrong is told with file, line and field."""

import re

import pytest

from engine.core.city_folder import CityError, load_city
from tests.support.cities import place
from tests.support.folders import grid_folder

LON, LAT = place(5, 2)
GOOD = f"""
[[neighbours]]
id = "west"
name = {{ zh = "西城", en = "Weston" }}
mailbox = "superior"
boundary = [[112.9, 36.4], [113.0, 36.4], [113.0, 36.6], [112.9, 36.6], [112.9, 36.4]]

[[neighbours]]
id = "east"
name = {{ zh = "东城", en = "Easton" }}
mailbox = "neighbours"
exits = [
  {{ name = "G1", name_zh = "一号国道", lon = {LON}, lat = {LAT} }},
  {{ name = "G2", lon = {LON}, lat = {LAT + 0.004} }},
]
"""


@pytest.fixture(scope="module")
def standard(tmp_path_factory):
    return grid_folder(tmp_path_factory.mktemp("cities") / "grid", tokens=False)


def load(standard, words):
    toml = standard / "city.toml"
    before = toml.read_text("utf-8")
    begins = len(before.rstrip().splitlines())
    toml.write_text(before.rstrip() + words, "utf-8")
    try:
        return load_city(standard), begins
    finally:
        toml.write_text(before, "utf-8")


def test_neighbours_are_read(standard):
    city, _ = load(standard, GOOD)
    west, east = city.neighbours
    assert (west.id, west.mailbox, len(west.boundary), west.exits) == ("west", "superior", 5, ())
    assert (east.name["zh"], [its.name for its in east.exits]) == ("东城", ["G1", "G2"])
    assert (east.exits[0].name_zh, east.exits[0].lon) == ("一号国道", LON)


def test_without_them_there_are_none(standard):
    assert load(standard, "\n")[0].neighbours == ()


BAD = [
    # what stands there, what is put in its place, the line of the addition, what the problem must say
    ('id = "east"', 'id = "East"', 8, r"neighbours\[2\]\.id: 'East' .*a letter first"),
    ('id = "east"', 'id = "west"', 8, r"neighbours\[2\]\.id: 'west' .*once"),
    ('id = "east"', 'id = "east"\ncolour = 1', 9, r"neighbours\[2\]\.colour: 'colour' .*unknown key; known: id"),
    ('en = "Easton"', 'fr = "Est"', 9, r"neighbours\[2\]\.name: .*zh = .*en ="),
    ('"neighbours"', '"nobody"', 10, r"neighbours\[2\]\.mailbox: 'nobody' .*mailbox = true"),
    ('"neighbours"', '"station"', 10, r"neighbours\[2\]\.mailbox: 'station' "),
    ('"neighbours"', '"medical_120"', 10, r"neighbours\[2\]\.mailbox: 'medical_120' .*mailbox = true"),
    ("lat = 36.508 }", "lat = 95.0 }", 12, r"neighbours\[2\]\.exits\[1\]: .*lon and lat in degrees"),
    ("lat = 36.508 }", "lat = 36.9 }", 12, r"exit G1 position: .*within 1000 m of a road"),
    ('name = "G2", ', "", 13, r"neighbours\[2\]\.exits\[2\]\.name: '' "),
    ('name = "G2"', 'sign = "G2"', 13, r"neighbours\[2\]\.exits\[2\]\.sign: 'sign' .*unknown key"),
    (", [112.9, 36.4]]", "]", 5, r"neighbours\[1\]\.boundary: .*a closed ring"),
    ("[113.0, 36.4], [113.0, 36.6]", "[113.0, 36.6], [113.0, 36.4]", 5, r"neighbours\[1\]\.boundary: .*cross itself"),
    ("boundary = [[112.9", "# boundary = [[112.9", 1, r"neighbours\[1\]: 'west' .*exits or boundary"),
]


@pytest.mark.parametrize(("stands", "instead", "line", "said"), BAD)
def test_what_is_wrong_is_told_with_its_line_and_field(standard, stands, instead, line, said):
    assert stands in GOOD, stands
    with pytest.raises(CityError) as wrong:
        load(standard, GOOD.replace(stands, instead, 1))
    begins = len((standard / "city.toml").read_text("utf-8").rstrip().splitlines())
    found = [str(problem) for problem in wrong.value.problems]
    assert any(re.search(rf"^city\.toml:{begins + line}: .*{said}", problem) for problem in found), (begins, found)


def test_one_table_is_no_list_of_them(standard):
    with pytest.raises(CityError, match=r"neighbours: .*tables \[\[neighbours\]\]"):
        load(standard, "\n[neighbours]\nid = 'x'\n")
