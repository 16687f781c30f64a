"""GMNS tables: hand-made ones, every way in which they can be wrong, and Taixing."""

from pathlib import Path

import numpy as np
import pytest

from geo_data.building import build_network
from geo_data.raw_roads import ALL_MODES, DRIVE, Mode, NodeKind, RoadClass
from geo_data.sources.gmns import read_gmns
from geo_data.sources.tables import TableError
from geo_data.speeds import travel_ms

NODES = "node_id,x_coord,y_coord,name\n1,120.0,32.0,a\n2,120.01,32.0,\n7,120.01,32.01,c\n"
LINKS = """link_id,from_node_id,to_node_id,directed,link_type_name,free_speed,lanes,allowed_uses,name,geometry,length
10,1,2,1,primary,60,2,auto;bike,人民路,"LINESTRING (120.0 32.0, 120.005 32.001, 120.01 32.0)",
11,2,1,1,primary,50,2,auto;bike,人民路,"LINESTRING (120.01 32.0, 120.005 32.001, 120.0 32.0)",
12,7,2,0,footway,,1,walk,,"LINESTRING (120.01 32.0, 120.01 32.01)",
13,2,7,true,residential,0,1,,,"LINESTRING (120.01 32.0, 120.01 32.01)",1115
14,7,1,false,residential,,1,,,"LINESTRING (120.01 32.01, 120.0 32.0)",
"""


def _folder(tmp_path: Path, nodes: str = NODES, links: str = LINKS, config: str | None = None) -> Path:
    (tmp_path / "node.csv").write_text(nodes, "utf-8")
    (tmp_path / "link.csv").write_text(links, "utf-8")
    if config is not None:
        (tmp_path / "config.csv").write_text(config, "utf-8")
    return tmp_path


def test_what_a_hand_made_network_must_be(tmp_path: Path) -> None:
    roads = read_gmns(_folder(tmp_path))
    assert roads.source_id.tolist() == [10, 12, 13, 14]  # 11 is the other direction of 10
    assert roads.dropped["links_paired"] == 1
    assert roads.dropped["courses_turned"] == 1
    assert roads.tail.tolist() == [0, 2, 1, 2]
    assert roads.head.tolist() == [1, 1, 2, 0]
    assert roads.forward_modes.tolist() == [DRIVE, Mode.FOOT, ALL_MODES, ALL_MODES]
    assert roads.backward_modes.tolist() == [DRIVE, Mode.FOOT, Mode.FOOT, ALL_MODES]
    assert roads.road_class.tolist()[:2] == [RoadClass.PRIMARY, RoadClass.FOOTWAY]
    assert (roads.forward_kmh[0], roads.backward_kmh[0]) == (60, 50)
    assert np.isnan(roads.forward_kmh[1:]).all()
    assert roads.length_m[2] == 1115
    assert roads.names == ["人民路"]
    assert roads.point_lat[roads.point_first[1]] == 32.01  # turned round, to begin at its own node
    assert build_network(roads).n_nodes == 3


def test_units_come_from_the_configuration(tmp_path: Path) -> None:
    links = "link_id,from_node_id,to_node_id,length,free_speed\n1,1,2,0.59,30\n2,2,7,0.70,30\n"
    folder = _folder(tmp_path, links=links, config="long_length,speed,crs\nmile,mph,EPSG:4326\n")
    roads = read_gmns(folder)
    assert roads.length_m[0] == pytest.approx(949.5, abs=0.1)
    assert roads.forward_kmh[0] == pytest.approx(48.28, abs=0.01)
    (folder / "config.csv").unlink()
    with pytest.raises(TableError, match="length"):
        read_gmns(folder)


def test_a_length_shorter_than_the_straight_line_is_measured(tmp_path: Path) -> None:
    links = "link_id,from_node_id,to_node_id,length\n1,1,2,943\n2,2,7,900\n3,7,1,1458\n"
    roads = read_gmns(_folder(tmp_path, links=links))
    assert np.isnan(roads.length_m).tolist() == [False, True, False]
    assert roads.dropped["lengths_too_short"] == 1


@pytest.mark.parametrize(
    ("nodes", "links", "place"),
    [
        (NODES.replace("120.01,32.01", "120.01,nan"), LINKS, ("node.csv", "line 4", "y_coord", "nan")),
        ("node_id,x_coord,y_coord\n1,32.0,120.0\n", LINKS, ("node.csv", "line 2", "y_coord", "exchanged")),
        (NODES.replace("7,", "2,"), LINKS, ("node.csv", "line 4", "node_id", "once")),
        (NODES.replace("7,", "7.5,"), LINKS, ("node.csv", "line 4", "node_id", "whole")),
        (NODES.replace("y_coord", "y"), LINKS, ("node.csv", "y_coord", "no such column")),
        (NODES, LINKS.replace("12,7,2", "12,9,2"), ("link.csv", "line 4", "from_node_id", "'9'", "node.csv")),
        (NODES, LINKS.replace("directed", "oneway"), ("link.csv", "oneway", "directed")),
        (NODES, LINKS.replace("directed", "directd"), ("link.csv", "directd", "`directed`")),
        (NODES, LINKS.replace("14,7,1,false", "14,7,1,maybe"), ("link.csv", "line 6", "directed", "'maybe'")),
        (NODES, LINKS.replace("primary,60", "primary,-60"), ("link.csv", "line 2", "free_speed", "'-60'")),
        (NODES, LINKS.replace("primary,60", "primary,inf"), ("link.csv", "line 2", "free_speed", "'inf'")),
        (NODES, LINKS.replace("LINESTRING (120.01 32.01,", "LINESTRING (120.01"), ("link.csv", "line 6", "geometry")),
        (NODES, LINKS.replace("LINESTRING (120.0 32.0,", "LINESTRING (20.0 32.0,"), ("link.csv", "line 2", "50000 m")),
        (NODES, LINKS.replace("13,2,7,true,residential,0,1,,", "13,2,7"), ("link.csv", "line 5", "row", "values")),
        (NODES, LINKS.split("\n", 1)[0], ("link.csv", "no rows")),
        (NODES, "", ("link.csv", "empty")),
    ],
)
def test_refusals_say_where_and_why(tmp_path: Path, nodes: str, links: str, place: tuple[str, ...]) -> None:
    with pytest.raises(TableError) as refused:
        read_gmns(_folder(tmp_path, nodes, links))
    for part in (*place, "limit"):
        assert part in str(refused.value)


@pytest.mark.parametrize("config", ["crs\nEPSG:32650\n", "long_length\nfurlong\n", "speed\nknots\n"])
def test_configurations_that_are_not_guessed_at(tmp_path: Path, config: str) -> None:
    with pytest.raises(TableError, match="config"):
        read_gmns(_folder(tmp_path, config=config))


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="node"):
        read_gmns(tmp_path)
    folder = _folder(tmp_path)
    (folder / "link.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(TableError, match="UTF-8"):
        read_gmns(folder)


def test_taixing_is_a_two_way_network_in_one_piece(data: Path) -> None:
    roads = read_gmns(data / "taixing")
    assert len(roads.tail) == 5_400
    assert (roads.forward_modes == roads.backward_modes).all()
    network = build_network(roads)
    assert network.n_nodes == 3_373
    assert network.meta["report"]["km"] == pytest.approx(2_410, abs=1)
    assert network.meta["report"]["km_by_class"].keys() >= {"motorway", "trunk", "primary", "residential"}
    assert travel_ms(network).min() >= 1


def test_taixing_with_exchanged_coordinates_is_refused(data: Path, tmp_path: Path) -> None:
    nodes = (data / "taixing" / "node.csv").read_text("utf-8")
    heading = nodes.split("\n", 1)[0]
    exchanged = heading.replace("x_coord", "?").replace("y_coord", "x_coord").replace("?", "y_coord")
    (tmp_path / "node.csv").write_text(nodes.replace(heading, exchanged), "utf-8")
    with pytest.raises(TableError, match="exchanged"):
        read_gmns(tmp_path)


def test_what_controls_a_node_is_read_where_it_is_said(tmp_path: Path) -> None:
    header, *rows = NODES.splitlines()
    words = ("signal", "", "policeman")
    nodes = "\n".join([f"{header},ctrl_type", *(f"{row},{word}" for row, word in zip(rows, words, strict=True))])
    roads = read_gmns(_folder(tmp_path, nodes=nodes))
    assert roads.node_kind.tolist() == [NodeKind.SIGNALS, NodeKind.NONE, NodeKind.NONE]
    assert roads.dropped["nodes_of_unknown_ctrl_type"] == 1
    assert not read_gmns(_folder(tmp_path)).node_kind.any()
