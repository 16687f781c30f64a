"""The made-up town: the same bytes again, as many nodes as asked for, and what a county town must have."""

import dataclasses
import hashlib

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_data.areas import Area, Areas
from geo_data.building.checks import check_roads
from geo_data.lengths import distance_m
from geo_data.raw_roads import DRIVE, Mode, RoadClass
from geo_data.road_network import RoadNetwork
from geo_data.snapping import Snapper
from geo_data.sources.osm.tags import has_chinese
from geo_data.town import Town, make_town


@pytest.fixture(scope="module")
def town() -> Town:
    return make_town(5_000, seed=3)


@pytest.fixture(scope="module")
def network(town: Town) -> RoadNetwork:
    return town.network()


@pytest.fixture(scope="module")
def areas(town: Town) -> Areas:
    return Areas(
        [
            Area(id=area.station, kind="jurisdiction", name=area.name, geometry=shapely.Polygon(area.polygon))
            for area in town.areas
        ]
    )


def _digest(town: Town) -> str:
    digest = hashlib.sha256()
    for field in dataclasses.fields(town.roads):
        value = getattr(town.roads, field.name)
        digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    for part in (town.name, town.name_zh, town.stations, town.areas, town.places):
        digest.update(repr(part).encode())
    return digest.hexdigest()


@given(nodes=st.integers(500, 4_000), seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_any_town_is_the_same_again_and_can_be_built(nodes: int, seed: int) -> None:
    town = make_town(nodes, seed)
    assert _digest(town) == _digest(make_town(nodes, seed))
    check_roads(town.roads)
    network = town.network()
    assert abs(network.n_nodes - nodes) <= 0.1 * nodes
    report = network.meta["report"]
    assert max(report["cut_off"][mode]["km"] for mode in report["cut_off"]) < 0.02 * report["km"]
    lon, lat = town.sample_places(50, seed)
    again = town.sample_places(50, seed)
    assert np.array_equal(lon, again[0])
    assert np.array_equal(lat, again[1])


@pytest.mark.parametrize(("nodes", "seed"), [(2_000, 1), (20_000, 4), (60_000, 5)])
def test_the_number_of_nodes_is_within_a_tenth(nodes: int, seed: int) -> None:
    network = make_town(nodes, seed).network()
    assert abs(network.n_nodes - nodes) <= 0.1 * nodes


def test_another_seed_is_another_town() -> None:
    assert _digest(make_town(1_000, 1)) != _digest(make_town(1_000, 2))


@pytest.mark.parametrize(("nodes", "seed", "field"), [(10, 1, "nodes"), (10**9, 1, "nodes"), (2_000, -1, "seed")])
def test_what_no_town_can_be(nodes: int, seed: int, field: str) -> None:
    with pytest.raises(ValueError, match=rf"{field}: .*limit"):
        make_town(nodes, seed)


def test_every_kind_of_street_is_there(town: Town) -> None:
    kinds = set(town.roads.road_class.tolist())
    wanted = {"MOTORWAY", "MOTORWAY_LINK", "TRUNK", "PRIMARY", "SECONDARY", "TERTIARY", "UNCLASSIFIED", "RESIDENTIAL"}
    wanted |= {"LIVING_STREET", "SERVICE", "TRACK", "PEDESTRIAN", "FOOTWAY"}
    assert {RoadClass[name] for name in wanted} <= kinds
    roads = town.roads
    footways = roads.road_class == RoadClass.FOOTWAY
    assert (roads.forward_modes[footways] == Mode.FOOT).all()
    motorways = roads.road_class == RoadClass.MOTORWAY
    assert (roads.forward_modes[motorways] & Mode.FOOT == 0).all()
    assert (roads.backward_modes[motorways] == 0).all()


def test_one_way_streets_and_dual_carriageways_are_there_in_places(town: Town) -> None:
    roads = town.roads
    driven = ((roads.forward_modes | roads.backward_modes) & DRIVE) != 0
    one_way = ((roads.forward_modes & DRIVE) == 0) != ((roads.backward_modes & DRIVE) == 0)
    assert 0.05 < one_way[driven].mean() < 0.35
    primary = (roads.road_class == RoadClass.PRIMARY) & driven
    assert one_way[primary].mean() > 0.5


def test_little_is_cut_off(network: RoadNetwork) -> None:
    report = network.meta["report"]
    for mode in ("normal", "emergency", "foot"):
        assert report["cut_off"][mode]["km"] < 0.01 * report["km"]


def test_degrees_spread_as_in_a_real_town(network: RoadNetwork) -> None:
    degree = np.bincount(np.diff(network.first_out), minlength=6) / network.n_nodes
    assert degree[1] > 0.05  # dead ends
    assert degree[3] > 0.3
    assert 0.2 < degree[4] < 0.5


def test_streets_are_as_long_as_blocks_and_curved(network: RoadNetwork) -> None:
    local = network.arc_class == RoadClass.RESIDENTIAL
    assert 60 < np.median(network.arc_length_m[local]) < 250
    straight = distance_m(
        network.node_lon[network.arc_tail],
        network.node_lat[network.arc_tail],
        network.node_lon[network.arc_head],
        network.node_lat[network.arc_head],
    )
    assert (network.arc_length_m > 1.01 * straight).mean() > 0.2


def test_only_a_few_streets_cross_the_river(town: Town) -> None:
    roads = town.roads
    river = shapely.LineString(town.rivers[0])
    sizes = np.diff(roads.point_first)
    lines = shapely.linestrings(
        np.column_stack((roads.point_lon, roads.point_lat)), indices=np.repeat(np.arange(len(sizes)), sizes)
    )
    crossing = shapely.intersects(lines, river) & ((roads.forward_modes | roads.backward_modes) & DRIVE != 0)
    assert 3 <= crossing.sum() <= 30


def test_names_are_in_both_languages(town: Town, network: RoadNetwork) -> None:
    assert len(set(town.roads.names)) == len(town.roads.names) == len(town.roads.names_zh)
    assert all(has_chinese(name) for name in town.roads.names_zh)
    assert all(name.isprintable() and not has_chinese(name) for name in town.roads.names)
    known = dict(zip(town.roads.names_zh, town.roads.names, strict=True))
    assert known["人民东街"] == "Renmin East Street"
    assert known["滨河东路"] == "Binhe East Road"
    assert any("环城" in name for name in known)
    for thing in (town, *town.stations, *town.places, *town.areas):
        assert thing.name
        assert has_chinese(thing.name_zh)


def test_stations_stand_by_the_road_in_their_own_area(town: Town, network: RoadNetwork, areas: Areas) -> None:
    snapper = Snapper(network)
    assert {station.kind for station in town.stations} == {"police_station", "service_station", "checkpoint"}
    assert len({station.id for station in town.stations}) == len(town.stations)
    for station in town.stations:
        assert snapper.snap(station.lon, station.lat).distance_m < 40
        found = [area.id for area in areas.at(station.lon, station.lat, "jurisdiction")]
        assert len(found) >= 1
        if station.kind == "police_station":
            assert station.id in found
    police = [station.id for station in town.stations if station.kind == "police_station"]
    assert [area.station for area in town.areas] == police


@pytest.mark.parametrize(("nodes", "seed"), [(523, 97_991), (766, 60_504), (1_312, 2)])
def test_no_station_stands_by_a_street_that_is_cut_off(nodes: int, seed: int) -> None:
    town = make_town(nodes, seed)
    network = town.network()
    for mode in (Mode.NORMAL, Mode.EMERGENCY):
        lon, lat = [station.lon for station in town.stations], [station.lat for station in town.stations]
        _, _, away_m = Snapper(network, mode).snap_many(lon, lat)
        assert away_m.max() < 40


def test_areas_cover_every_street_without_overlap(town: Town, areas: Areas) -> None:
    place, _ = areas.at_many(town.roads.node_lon, town.roads.node_lat)
    assert len(np.unique(place)) == len(town.roads.node_lon)
    assert len(place) < 1.001 * len(town.roads.node_lon)


def test_places_lie_where_people_live(town: Town, network: RoadNetwork) -> None:
    lon, lat = town.sample_places(2_000, 9)
    _, _, distance = Snapper(network).snap_many(lon, lat)
    assert np.percentile(distance, 99) < 70
    seat = next(place for place in town.places if place.kind == "seat")
    from_middle = distance_m(lon, lat, np.full(len(lon), seat.lon), np.full(len(lat), seat.lat))
    everywhere = distance_m(
        network.node_lon, network.node_lat, np.full(network.n_nodes, seat.lon), np.full(network.n_nodes, seat.lat)
    )
    assert (from_middle < 1_000).mean() > 1.3 * (everywhere < 1_000).mean()
    villages = np.array([(place.lon, place.lat) for place in town.villages])
    nearest = distance_m(lon[:, None], lat[:, None], villages[None, :, 0], villages[None, :, 1]).min(axis=1)
    assert (nearest < 400).mean() > 0.1


def test_a_large_town_is_several_counties() -> None:
    town = make_town(60_000, seed=5)
    assert town.name.endswith("City")
    assert sum(place.kind == "seat" for place in town.places) > 1
    assert len(town.rivers) >= 1
    assert len(town.areas) > 20
