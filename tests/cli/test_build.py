"""``allpoints build`` and ``allpoints check``, as they are typed."""

import json
import re
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.texts import catalogue
from geo_data import inspection
from geo_data.road_network import RoadNetwork
from tests.support.folders import grid_folder

OSM = """<osm version='0.6'>
<node id='1' lon='8.000' lat='50'/><node id='2' lon='8.001' lat='50'/><node id='3' lon='8.002' lat='50'/>
<way id='7'><nd ref='1'/><nd ref='2'/><nd ref='3'/><tag k='highway' v='residential'/><tag k='name' v='长街'/></way>
</osm>"""


@pytest.fixture
def town(tmp_path, capsys):
    file = tmp_path / "town.apn"
    assert main(["build", "600", "--format", "town", "-o", str(file)]) == 0
    capsys.readouterr()
    return file


def test_an_osm_file_becomes_a_network_and_a_short_report(tmp_path, capsys):
    (tmp_path / "map.osm").write_text(OSM, "utf-8")
    assert main(["build", str(tmp_path / "map.osm"), "-o", str(tmp_path / "roads.apn")]) == 0
    said = capsys.readouterr().out
    assert "2 nodes, 2 arcs, 0.1 km of streets" in said
    assert "MiB" in said
    assert len(said.splitlines()) <= 8
    network = RoadNetwork.load(tmp_path / "roads.apn", verify=True)
    assert (network.n_nodes, network.name(0)) == (2, "长街")


def test_no_merge_keeps_every_node_and_json_says_all(tmp_path, capsys):
    (tmp_path / "map.osm").write_text(OSM, "utf-8")
    assert main(["build", str(tmp_path / "map.osm"), "-o", str(tmp_path / "r.apn"), "--no-merge", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["nodes"], report["arcs"], report["merged_nodes"]) == (3, 4, 0)
    assert report["file_bytes"] == (tmp_path / "r.apn").stat().st_size
    assert {"read", "connect", "merge", "total"} <= set(report["seconds"])
    assert report["checksum"] == RoadNetwork.load(tmp_path / "r.apn").checksum


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "unknown_format"),
        (["nowhere.osm.pbf"], "no such file"),
        (["12", "--format", "town"], "500 to 4000000 nodes"),
        (["many", "--format", "town"], "500 to 4000000 nodes"),
        (["1,2,3", "--format", "bbox"], "W,S,E,N in degrees"),
        (["nowhere", "--format", "centrelines"], "one *nodes.csv and one *edges.csv"),
        (["600", "--format", "town", "-o", "no/such/folder/roads.apn"], "a folder that exists"),
    ],
)
def test_bad_input_is_said_in_one_line_and_ends_with_2(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert main(["build", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("allpoints: ")
    assert said in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("folder", "nodes"), [("taixing", 2_000), ("edmonton", 40_000), ("san_francisco", 7_000)])
def test_real_folders_are_recognised(data, tmp_path, capsys, folder, nodes):
    assert main(["build", str(data / folder), "-o", str(tmp_path / "roads.apn"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nodes"] > nodes


def test_a_sound_network_passes_the_check(town, capsys):
    assert main(["check", str(town)]) == 0
    assert "nodes" in capsys.readouterr().out


def test_a_city_folder_is_checked_with_its_stations(tmp_path, capsys):
    assert main(["check", str(grid_folder(tmp_path / "city")), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {it["code"] for it in found} == {"unnamed"}


def test_what_is_no_network_is_refused(tmp_path, capsys):
    (tmp_path / "photo.apn").write_bytes(b"\xff" * 100)
    assert main(["check", str(tmp_path / "photo.apn")]) == 2
    assert "not a road network" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "none.apn")]) == 2


def test_serious_findings_end_with_1_in_both_languages(town, monkeypatch, capsys):
    finding = inspection.Finding("island", 12.0, 0.0, 113.0, 36.5, "normal", serious=True)
    monkeypatch.setattr(inspection, "inspect_network", lambda *_, **__: [finding])
    assert main(["check", str(town)]) == 1
    assert "! 12 nodes cannot be reached and left by normal (113.000000,36.500000)" in capsys.readouterr().out
    assert main(["check", str(town), "--lang", "zh"]) == 1
    assert "不连通" in capsys.readouterr().out


def test_every_finding_can_be_said_and_nothing_else():
    source = Path(inspection.__file__).read_text("utf-8")
    assert set(re.findall(r'(?:Finding\(|_worst\(network,)\s*"(\w+)"', source)) == set(catalogue("en")["check"])


def test_turns_and_contraflow_are_built_and_reported(tmp_path, capsys):
    file = tmp_path / "town.apn"
    assert main(["build", "600", "--format", "town", "-o", str(file), "--turns=all", "--contraflow"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"[\d,]+ junctions taken apart, [\d,]+ turns between their streets", said)
    assert RoadNetwork.load(file).is_turn.any()
    assert main(["check", str(file)]) == 0
    assert "zero_length" not in capsys.readouterr().out
