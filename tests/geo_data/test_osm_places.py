"""Police stations of OSM files: points, buildings, names in both languages, what is broken."""

from pathlib import Path

import pytest

from geo_data.places import Place
from geo_data.sources.osm import OsmFileError, read_police

DRAWN = """<?xml version='1.0' encoding='UTF-8'?><osm version='0.6'>
<node id="1" lon="113.0" lat="36.5"/><node id="2" lon="113.002" lat="36.5"/><node id="3" lon="113.002" lat="36.504"/>
<node id="4" lon="113.0" lat="36.504"/>
<node id="5" lon="113.1" lat="36.6"><tag k="amenity" v="police"/>
<tag k="name" v="PSP"/><tag k="name:zh" v="警察局"/></node>
<node id="6" lon="113.2" lat="36.7"><tag k="amenity" v="townhall;police"/></node>
<node id="7" lon="113.3" lat="36.8"><tag k="amenity" v="fire_station"/><tag k="name" v="no police"/></node>
<node id="8" lon="113.4" lat="36.9"><tag k="disused:amenity" v="police"/></node>
<way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
<tag k="amenity" v="police"/><tag k="name" v="城关派出所"/></way>
<way id="2"><nd ref="2"/><nd ref="99"/><tag k="amenity" v="police"/><tag k="name" v="half of it is cut off"/></way>
<way id="3"><nd ref="98"/><nd ref="99"/><tag k="amenity" v="police"/></way>
<way id="4"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>
</osm>"""


def test_points_and_buildings_are_found_with_their_names(tmp_path: Path) -> None:
    file = tmp_path / "drawn.osm"
    file.write_text(DRAWN, "utf-8")
    assert read_police(file) == [
        Place(id="n5", name="PSP", lon=113.1, lat=36.6, name_zh="警察局"),
        Place(id="n6", name="", lon=113.2, lat=36.7),
        Place(id="w1", name="城关派出所", lon=pytest.approx(113.001), lat=pytest.approx(36.502), name_zh="城关派出所"),
        Place(id="w2", name="half of it is cut off", lon=113.002, lat=36.5),
    ]


def test_a_point_in_a_building_is_one_station_with_it(tmp_path: Path) -> None:
    file = tmp_path / "drawn.osm"
    file.write_text(DRAWN.replace('lon="113.2" lat="36.7"', 'lon="113.001" lat="36.501"'), "utf-8")
    assert [(it.id, it.name, it.lat) for it in read_police(file)] == [
        ("n5", "PSP", 36.6),
        ("n6", "城关派出所", 36.501),
        ("w2", "half of it is cut off", 36.5),
    ]


def test_no_police_is_an_empty_list(tmp_path: Path) -> None:
    file = tmp_path / "drawn.osm"
    file.write_text(DRAWN.replace("police", "pub"), "utf-8")
    assert read_police(file) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.osm", None, "no such file"),
        ("map.txt", b"", "the name ends in none of"),
        ("torn.osm", DRAWN.encode()[:-100], "broken or truncated"),
        ("torn.osm.pbf", b"\x00\x00\x00\x0d\x0a\x09OSMHeader", "broken or truncated"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(OsmFileError, match=rf"{name}: .*{said}"):
        read_police(tmp_path / name)


def test_a_campus_has_its_station_by_its_chinese_name(data: Path) -> None:
    (station,) = read_police(data / "osm" / "tsinghua.osm")
    assert (station.id, station.name, station.name_zh) == ("w226670893", "保卫处派出所", "保卫处派出所")
    assert (station.lon, station.lat) == (pytest.approx(116.32, abs=0.03), pytest.approx(40.0, abs=0.02))
