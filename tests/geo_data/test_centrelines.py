"""Street centrelines: hand-made ones, every way in which they can be wrong, and San Francisco."""

from pathlib import Path

import numpy as np
import pytest

from geo_data.building import build_network
from geo_data.lengths import distance_m
from geo_data.raw_roads import ALL_MODES, DRIVE, Mode, RoadClass
from geo_data.sources.centrelines import read_centrelines
from geo_data.sources.tables import TableError

NODES = "cnn,lon,lat\n1,-122.40,37.70\n2,-122.40,37.71\n3,-122.41,37.71\n"
EDGES = """cnn,f_node_cnn,t_node_cnn,length_m,classcode,layer,jurisdiction,streetname,wkt
10,1,2,1112,1,FREEWAYS,,I-80,"LINESTRING (-122.40 37.70, -122.40 37.71)"
11,2,3,880,5,STREETS,DPW,OAK ST,"LINESTRING (-122.41 37.71, -122.40 37.71)"
12,3,1,1430,0,PRIVATE,,,"LINESTRING (-122.41 37.71, -122.40 37.70)"
13,1,2,1112,0,Streets_Pedestri,,VULCAN STWY,"LINESTRING (-122.40 37.70, -122.40 37.71)"
14,2,2,300,4,STREETS,DPW,THE LOOP,"LINESTRING (-122.40 37.71, -122.399 37.711, -122.40 37.711, -122.40 37.71)"
"""


def _read(tmp_path: Path, nodes: str = NODES, edges: str = EDGES) -> object:
    (tmp_path / "nodes.csv").write_text(nodes, "utf-8")
    (tmp_path / "edges.csv").write_text(edges, "utf-8")
    return read_centrelines(tmp_path / "nodes.csv", tmp_path / "edges.csv")


def test_what_hand_made_streets_must_be(tmp_path: Path) -> None:
    roads = _read(tmp_path)
    assert roads.road_class.tolist() == [
        RoadClass.MOTORWAY,
        RoadClass.RESIDENTIAL,
        RoadClass.SERVICE,
        RoadClass.FOOTWAY,
        RoadClass.TERTIARY,
    ]
    private = Mode.EMERGENCY | Mode.FOOT
    assert roads.forward_modes.tolist() == [DRIVE, ALL_MODES, private, Mode.FOOT, ALL_MODES]
    assert (roads.forward_modes == roads.backward_modes).all()
    assert roads.dropped["courses_turned"] == 1
    assert roads.point_lon[roads.point_first[1]] == -122.40
    assert [roads.names[name] if name >= 0 else "" for name in roads.name][:3] == ["I-80", "OAK ST", ""]
    network = build_network(roads)
    assert (network.arc_source_id == 14).sum() == 2  # the loop survives, both ways round


@pytest.mark.parametrize(
    ("nodes", "edges", "place"),
    [
        (NODES.replace("37.70", "x"), EDGES, ("nodes.csv", "line 2", "lat", "'x'")),
        (NODES.replace("-122.40,37.70", "37.70,-122.40"), EDGES, ("nodes.csv", "line 2", "lat", "exchanged")),
        (NODES, EDGES.replace("11,2,3", "11,2,99"), ("edges.csv", "line 3", "t_node_cnn", "'99'")),
        (NODES, EDGES.replace("880,5", "880,9"), ("edges.csv", "line 3", "classcode", "'9'")),
        (NODES, EDGES.replace("880,5", "-1,5"), ("edges.csv", "line 3", "length_m", "'-1'")),
        (
            NODES,
            EDGES.replace("LINESTRING (-122.41 37.71, -122.40 37.71)", "POINT (1 1)"),
            ("edges.csv", "line 3", "wkt"),
        ),
        (NODES, EDGES.replace("streetname", "street"), ("edges.csv", "streetname", "no such column")),
    ],
)
def test_refusals_say_where_and_why(tmp_path: Path, nodes: str, edges: str, place: tuple[str, ...]) -> None:
    with pytest.raises(TableError) as refused:
        _read(tmp_path, nodes, edges)
    for part in (*place, "limit"):
        assert part in str(refused.value)


def test_san_francisco_is_one_piece_and_begins_at_its_nodes(data: Path) -> None:
    folder = data / "san_francisco"
    roads = read_centrelines(folder / "sf_nodes.csv", folder / "sf_edges.csv")
    assert (len(roads.node_lon), len(roads.tail)) == (9_401, 15_602)
    for end, place in ((roads.tail, roads.point_first[:-1]), (roads.head, roads.point_first[1:] - 1)):
        assert np.array_equal(roads.point_lon[place], roads.node_lon[end])
        assert np.array_equal(roads.point_lat[place], roads.node_lat[end])
    straight = distance_m(
        roads.node_lon[roads.tail], roads.node_lat[roads.tail], roads.node_lon[roads.head], roads.node_lat[roads.head]
    )
    assert (roads.length_m > 0.97 * straight - 2).mean() > 0.999
    network = build_network(roads)
    assert network.n_nodes == 9_366
    assert network.meta["report"]["cut_off"]["normal"]["km"] < 1
