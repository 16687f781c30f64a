"""Streets through osmnx: a local stand-in of Overpass answers, and the network is the one that a file gives."""

import gzip
import math
import socket
from pathlib import Path
from xml.sax.saxutils import quoteattr

import networkx as nx
import numpy as np
import osmnx
import pytest

from geo_data.building import build_network
from geo_data.raw_roads import Mode, RoadClass
from geo_data.road_network import RoadNetwork
from geo_data.sources.graph_edges import NODE_TAGS, WAY_TAGS, GraphError
from geo_data.sources.osm import read_osm
from geo_data.sources.osm.barriers import barrier_passes
from geo_data.sources.osm.tags import read_way
from geo_data.sources.osmnx_graph import DownloadError, from_graph, read_bounding_box, read_place
from tests.support.overpass import Element, elements_of, node, serving, way

# 1 - 2 - 3 a street, 3 > 4 one-way against the drawn order, 2 - 5 private, 5 - 1 a footway, 4 - 1 with a bollard at 6.
TOWN: list[Element] = [
    *(node(number, lon, lat) for number, lon, lat in ((1, 113.0, 36.5), (2, 113.001, 36.5), (3, 113.002, 36.5))),
    *(node(number, lon, lat) for number, lon, lat in ((4, 113.002, 36.501), (5, 113.001, 36.501))),
    node(6, 113.001, 36.5015, barrier="bollard"),
    way(11, [1, 2, 3], highway="residential", name="人民路", maxspeed="30"),
    way(12, [4, 3], highway="primary", oneway="-1", maxspeed__forward="40", maxspeed="60"),
    way(13, [2, 5], highway="service", access="private"),
    way(14, [5, 1], highway="footway"),
    way(15, [4, 6, 1], highway="tertiary"),
    way(16, [3, 4], highway="construction"),
]
AROUND = {
    "type": "Polygon",
    "coordinates": [[[112.99, 36.49], [113.01, 36.49], [113.01, 36.51], [112.99, 36.51], [112.99, 36.49]]],
}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLPOINTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("osmnx._nominatim.time.sleep", lambda seconds: None)


def _at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ALLPOINTS_OVERPASS_URL", url)
    monkeypatch.setenv("ALLPOINTS_NOMINATIM_URL", url)


def _as_file(folder: Path, elements: list[Element]) -> Path:
    lines = ['<osm version="0.6">']
    for one in sorted(elements, key=lambda one: (one["type"], one["id"])):
        tags = "".join(f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in one["tags"].items())
        if one["type"] == "node":
            lines.append(
                f'<node id="{one["id"]}" lon="{one["lon"]:.7f}" lat="{one["lat"]:.7f}" version="1">{tags}</node>'
            )
        else:
            refs = "".join(f'<nd ref="{ref}"/>' for ref in one["nodes"])
            lines.append(f'<way id="{one["id"]}" version="1">{refs}{tags}</way>')
    path = folder / "same.osm.gz"
    path.write_bytes(gzip.compress("\n".join([*lines, "</osm>"]).encode()))
    return path


def _portrait(network: RoadNetwork) -> set[tuple[object, ...]]:
    """All that arcs say of themselves, whatever their order; places to 1e-6 degrees."""
    lon, lat = np.round(network.node_lon, 6), np.round(network.node_lat, 6)
    return {
        (
            *(lon[network.arc_tail[arc]], lat[network.arc_tail[arc]]),
            *(lon[network.arc_head[arc]], lat[network.arc_head[arc]]),
            *(int(network.arc_class[arc]), int(network.arc_modes[arc]), int(network.arc_source_id[arc])),
            None if math.isnan(network.arc_kmh[arc]) else float(network.arc_kmh[arc]),
            round(float(network.arc_length_m[arc]), 1),
            network.name(arc),
            network.name_zh(arc),
        )
        for arc in range(network.n_arcs)
    }


def test_bounding_box_gives_the_network_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(TOWN) as server:
        _at(monkeypatch, server.url)
        roads = read_bounding_box(112.99, 36.49, 113.01, 36.51)
    from_file = read_osm(_as_file(tmp_path, TOWN))
    assert _portrait(build_network(roads)) == _portrait(build_network(from_file))
    assert "OpenStreetMap" in roads.attribution
    assert [query.count("way[") for query in server.asked] == [1, 1]  # streets, ferries


def test_what_the_hand_made_town_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(TOWN, AROUND) as server:
        _at(monkeypatch, server.url)
        roads = read_place("襄垣")
    assert server.asked[0] == "襄垣"
    by_way = {int(source): edge for edge, source in enumerate(roads.source_id)}
    one_way = by_way[12]
    assert roads.forward_modes[one_way] == Mode.FOOT
    assert roads.backward_modes[one_way] == Mode.NORMAL | Mode.EMERGENCY | Mode.FOOT
    assert (roads.forward_kmh[one_way], roads.backward_kmh[one_way]) == (40, 60)
    assert roads.node_source_id[roads.tail[one_way]] == 4
    assert roads.forward_modes[by_way[13]] == Mode.EMERGENCY
    assert roads.road_class[by_way[14]] == RoadClass.FOOTWAY
    assert roads.names_zh[roads.name[by_way[11]]] == "人民路"
    assert roads.dropped["edges_not_in_use"] == 1


def test_the_second_time_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(TOWN) as server:
        _at(monkeypatch, server.url)
        first = read_bounding_box(112.99, 36.49, 113.01, 36.51)
        asked = len(server.asked)
        second = read_bounding_box(112.99, 36.49, 113.01, 36.51)
    assert len(server.asked) == asked
    assert np.array_equal(first.tail, second.tail)


def test_settings_and_name_lookup_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: value for name, value in vars(osmnx.settings).items() if not name.startswith("_")}
    look_up = socket.getaddrinfo
    with serving(TOWN) as server:
        _at(monkeypatch, server.url)
        read_bounding_box(112.99, 36.49, 113.01, 36.51)
    with serving([]) as server:
        _at(monkeypatch, server.url)
        with pytest.raises(DownloadError):
            read_place("nowhere at all")
    assert {name: value for name, value in vars(osmnx.settings).items() if not name.startswith("_")} == before
    assert socket.getaddrinfo is look_up


@pytest.mark.parametrize(
    ("box", "field"),
    [
        ((math.nan, 36, 113, 37), "west"),
        ((113, 36, 112, 37), "west and east"),
        ((36, 113, 37, 114), "south"),
        ((100, 20, 120, 40), "square kilometres"),
    ],
)
def test_boxes_that_are_none(box: tuple[float, float, float, float], field: str) -> None:
    with pytest.raises(DownloadError, match=field) as refused:
        read_bounding_box(*box)
    assert "limit" in str(refused.value)


def test_failures_name_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DownloadError, match="query"):
        read_place("   ")
    with serving([]) as server:
        _at(monkeypatch, server.url)
        with pytest.raises(DownloadError, match="Atlantis"):
            read_place("Atlantis")
        with pytest.raises(DownloadError, match="streets"):
            read_bounding_box(1, 1, 1.1, 1.1)
    with serving(TOWN) as server:
        server.status = 500
        _at(monkeypatch, server.url)
        with pytest.raises(DownloadError, match="no answer"):
            read_bounding_box(2, 2, 2.1, 2.1)
    with pytest.raises(DownloadError, match="no answer"):  # nobody listens there any more
        read_bounding_box(3, 3, 3.1, 3.1)


def _graph(elements: list[Element], *, simplify: bool) -> object:
    """A graph as osmnx makes it by default, of ways that osmnx can read."""
    from osmnx.graph import _create_graph

    copied = [one | {"tags": dict(one["tags"])} for one in elements]
    graph = _create_graph([{"elements": copied}], bidirectional=False)
    return osmnx.simplify_graph(graph) if simplify else graph


# Three streets between 1 and 3, each of two pieces; the fourth is driven as far as 6 and then a footway.
PARALLEL: list[Element] = [
    *(node(number, 113.0 + dx, 36.5 + dy) for number, dx, dy in ((1, 0, 0), (2, 0.001, 0), (3, 0.002, 0))),
    *(node(number, 113.001, 36.5 + dy) for number, dy in ((4, 0.001), (5, -0.001), (6, -0.002))),
    way(21, [1, 2, 3], highway="residential", name="解放路", maxspeed="30"),
    way(22, [3, 4, 1], highway="primary", oneway="yes"),
    way(23, [1, 5, 3], highway="tertiary", name="滨河东路"),
    way(24, [1, 6], highway="service"),
    way(25, [6, 3], highway="footway"),
]


@pytest.mark.parametrize("simplify", [False, True])
def test_graphs_drawn_the_way_osmnx_draws_by_default(tmp_path: Path, simplify: bool) -> None:
    streets = [one for one in PARALLEL if not simplify or one["id"] < 24]
    roads = from_graph(_graph(streets, simplify=simplify))
    ours, theirs = build_network(roads), build_network(read_osm(_as_file(tmp_path, streets)))
    assert _portrait(ours) == _portrait(theirs)
    assert sorted(ours.geometry_first) == sorted(theirs.geometry_first)


def test_where_ways_were_joined_only_those_go_who_may_go_on_all() -> None:
    roads = from_graph(_graph(PARALLEL, simplify=True))
    joined = [edge for edge in range(len(roads.tail)) if roads.source_id[edge] in (24, 25)]
    assert len(joined) == 1
    assert roads.forward_modes[joined[0]] == roads.backward_modes[joined[0]] == Mode.FOOT
    assert roads.road_class[joined[0]] == RoadClass.FOOTWAY
    assert roads.dropped["edges_of_mixed_tags"] == 1


def test_graphs_that_are_none() -> None:
    graph = nx.MultiDiGraph(crs="epsg:32649")
    with pytest.raises(GraphError, match="crs"):
        from_graph(graph)
    graph = nx.MultiDiGraph(crs="epsg:4326")
    with pytest.raises(GraphError, match="edges"):
        from_graph(graph)
    graph.add_node(1, x=36.5, y=113.0)
    with pytest.raises(GraphError, match=r"node 1, y: 113\.0"):
        from_graph(graph)
    graph.add_node(1, x=math.nan, y=36.5)
    with pytest.raises(GraphError, match="node 1, x"):
        from_graph(graph)


class _Asked(dict[str, str]):
    """Tags that remember which keys were asked for."""

    def __init__(self, tags: dict[str, str], seen: set[str]) -> None:
        super().__init__(tags)
        self.seen = seen

    def get(self, key: str, default: object = None) -> object:
        self.seen.add(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.seen.add(str(key))
        return super().__contains__(key)

    def __getitem__(self, key: str) -> str:
        self.seen.add(key)
        return super().__getitem__(key)


def test_every_tag_that_is_read_is_downloaded() -> None:
    seen: set[str] = set()
    for highway in ("residential", "track", "footway", "pedestrian", "busway", "motorway", "service", "steps"):
        for more in ({}, {"access": "no"}, {"access": "no", "psv": "yes"}, {"oneway": "yes"}, {"oneway": "-1"}):
            read_way(_Asked({"highway": highway} | more, seen))
    read_way(_Asked({"route": "ferry", "duration": "0:20"}, seen))
    assert seen <= WAY_TAGS
    seen.clear()
    for barrier in ("bollard", "gate", "kerb", "block", "lift_gate"):
        barrier_passes(_Asked({"barrier": barrier}, seen))
    assert seen <= NODE_TAGS


@pytest.mark.parametrize("name", ["krems.osm.gz", "tsinghua.osm"])
def test_real_region_is_the_same_by_either_way(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elements = elements_of(data / "osm" / name)
    lons = [one["lon"] for one in elements if one["type"] == "node"]
    lats = [one["lat"] for one in elements if one["type"] == "node"]
    with serving(elements) as server:
        _at(monkeypatch, server.url)
        roads = read_bounding_box(min(lons) - 0.001, min(lats) - 0.001, max(lons) + 0.001, max(lats) + 0.001)
    ours, theirs = build_network(roads), build_network(read_osm(_as_file(tmp_path, elements)))
    assert _portrait(ours) == _portrait(theirs)
    assert ours.n_arcs == theirs.n_arcs
