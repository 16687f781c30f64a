"""``allpoints init`` makes folders that load, from each source, and overwrites nothing by itself."""

import stat
from pathlib import Path

import pytest

from engine.cli.main import BAD_INPUT, main
from engine.core.city_folder import load_folder
from geo_data.building import build_network
from tests.support.cities import grid_roads
from tests.support.folders import credentials_of


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("towns") / "My Town"
    assert main(["init", str(folder), "--town", "600", "--seed", "3"]) == 0
    return folder


def test_a_town_is_a_whole_city(town: Path):
    loaded = load_folder(town)
    city = loaded.city
    assert city.name == "my_town"
    assert city.time_zone == "Asia/Shanghai"
    assert len(city.stations) > 1
    assert not loaded.warnings, "every capability that the run cards send has a unit"
    assert len(loaded.areas) > 0
    assert {unit.station for unit in city.units} <= {station.id for station in city.stations}


def test_everybody_has_a_token_that_only_we_can_read(town: Path):
    city = load_folder(town).city
    assert credentials_of(town).keys() == {u.id for u in city.units} | {s.id for s in city.stations} | {"desk", "calls"}
    for name in ("credentials.csv", "access.sqlite"):
        assert stat.S_IMODE((town / name).stat().st_mode) == 0o600


def test_nothing_is_overwritten_unless_forced(town: Path, capsys: pytest.CaptureFixture[str]):
    before = (town / "credentials.csv").read_bytes()
    assert main(["init", str(town), "--town", "600"]) == BAD_INPUT
    assert "--force" in capsys.readouterr().err
    assert (town / "credentials.csv").read_bytes() == before
    assert main(["init", str(town), "--town", "600", "--seed", "3", "--force"]) == 0
    assert (town / "credentials.csv").read_bytes() != before


def test_roads_that_were_built_before_get_one_station_in_the_middle(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    build_network(grid_roads()).save(tmp_path / "grid.apn")
    assert main(["init", str(tmp_path / "1st"), "--roads", str(tmp_path / "grid.apn")]) == 0
    loaded = load_folder(tmp_path / "1st")
    assert (loaded.city.name, loaded.city.time_zone) == ("city_1st", "UTC")
    (station,) = loaded.city.stations
    assert station.lon == pytest.approx(113.01, abs=0.003)
    assert station.lat == pytest.approx(36.508, abs=0.003)
    assert "put the real ones into stations.geojson" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--roads", "nowhere.apn"], "nowhere.apn"),
        (["--town", "10"], "10"),
        (["--name", "No Such Name"], "--name"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["init", str(tmp_path / "city"), *arguments]) == BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith("allpoints: ")
    assert said in error
    assert not (tmp_path / "city").exists()


DRAWN = """<?xml version='1.0' encoding='UTF-8'?><osm version='0.6'>
<node id="1" lon="113.0" lat="36.5"/><node id="2" lon="113.01" lat="36.5"/>
<node id="5" lon="113.005" lat="36.501"><tag k="amenity" v="police"/><tag k="name" v="城关派出所"/></node>
<node id="6" lon="113.006" lat="36.501"><tag k="amenity" v="police"/></node>
<node id="7" lon="113.5" lat="36.9"><tag k="amenity" v="police"/><tag k="name" v="far away"/></node>
<node id="8" lon="113.001" lat="36.5">
<tag k="amenity" v="police"/><tag k="name" v="PSP&#x200b; 5"/><tag k="name:zh" v="警察局"/></node>
<way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>
</osm>"""


def test_police_stations_on_the_map_become_the_city_s(tmp_path: Path):
    (tmp_path / "drawn.osm").write_text(DRAWN, "utf-8")
    assert main(["init", str(tmp_path / "city"), "--osm", str(tmp_path / "drawn.osm")]) == 0
    city = load_folder(tmp_path / "city").city
    assert [(it.id, it.name, it.name_zh) for it in city.stations] == [
        ("S1", "城关派出所", "城关派出所"),
        ("S2", "Police station 2", "2号派出所"),
        ("S3", "PSP 5", "警察局"),
    ]
    assert {unit.station for unit in city.units} == {"S1", "S2", "S3"}


def test_a_map_without_police_gets_one_station_in_the_middle(tmp_path: Path):
    (tmp_path / "drawn.osm").write_text(DRAWN.replace("police", "pub"), "utf-8")
    assert main(["init", str(tmp_path / "city"), "--osm", str(tmp_path / "drawn.osm")]) == 0
    assert [it.name for it in load_folder(tmp_path / "city").city.stations] == ["Central station"]


def test_police_of_real_maps(data: Path, tmp_path: Path):
    assert main(["init", str(tmp_path / "campus"), "--osm", str(data / "osm" / "tsinghua.osm")]) == 0
    assert [it.name_zh for it in load_folder(tmp_path / "campus").city.stations] == ["保卫处派出所"]
    assert main(["init", str(tmp_path / "andorra"), "--osm", str(data / "osm" / "andorra.osm.pbf")]) == 0
    assert [it.name for it in load_folder(tmp_path / "andorra").city.stations] == ["Policia Andorrana"]


def test_a_place_on_a_real_map(data: Path, tmp_path: Path):
    assert main(["init", str(tmp_path / "krems"), "--osm", str(data / "osm" / "krems.osm.gz")]) == 0
    assert load_folder(tmp_path / "krems").city.network.n_nodes > 100
