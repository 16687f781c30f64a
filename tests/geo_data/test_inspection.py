"""Looking networks over: each fault planted alone is found, and sound networks have none."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from geo_data.building import build_network
from geo_data.inspection import LISTED, SLOWEST_KMH, Finding, inspect_network
from geo_data.raw_roads import Mode, RoadClass
from geo_data.town import make_town
from tests.support.raw_streets import Edge, drawn_roads, raw_roads

NAMES = [("Street", "")]


def row(count=4, **more):
    """Build a street of ``count`` nodes, 111 m apart, no node merged away."""
    nodes = [(number * 0.001, 0) for number in range(count)]
    edges = [Edge(number, number + 1, name=0, **more) for number in range(count - 1)]
    return build_network(raw_roads(nodes, edges, names=NAMES), merge_chains=False)


def codes(network, *stations, **more):
    return [finding.code for finding in inspect_network(network, stations, **more)]


def changed(network, **arrays):
    return dataclasses.replace(network, **{name: np.asarray(value) for name, value in arrays.items()})


def station(name, lon, lat):
    return SimpleNamespace(id=name, lon=lon, lat=lat)


def test_a_sound_network_has_no_findings():
    assert codes(row(), station("S1", 0.001, 0.0005)) == []


def test_a_made_up_town_is_sound():
    town = make_town(nodes=600, seed=3)
    assert not any(finding.serious for finding in inspect_network(town.network(), town.stations))


def test_an_island_is_found_by_mode():
    network = row(6)
    modes = network.arc_modes.copy()
    middle = ((network.arc_tail == 2) & (network.arc_head == 3)) | ((network.arc_tail == 3) & (network.arc_head == 2))
    modes[middle] &= ~np.uint8(Mode.EMERGENCY)
    broken = changed(network, arc_modes=modes)
    found = [finding for finding in inspect_network(broken) if finding.code == "island"]
    assert [(it.subject, it.value, it.serious) for it in found] == [("emergency", 3.0, True)]


def test_much_that_was_cut_off_is_said():
    raw, _ = drawn_roads("A-B-C-D-E-F  X-Y")
    raw.name[:], raw.names, raw.names_zh = 0, ["Street"], [""]
    found = inspect_network(build_network(raw))
    assert {(it.code, it.subject) for it in found} == {("cut_off", word) for word in ("normal", "emergency", "foot")}
    assert found[0].value == pytest.approx(1 / 6, rel=0.01)


@pytest.mark.parametrize(
    ("kmh", "code"), [(201.0, "speed_high"), (2.9, "speed_low"), (200.0, None), (3.0, None), (float("nan"), None)]
)
@pytest.mark.parametrize("field", ["arc_kmh", "arc_emergency_kmh"])
def test_speeds_beyond_reason_are_found(field, kmh, code):
    network = row()
    speeds = getattr(network, field).copy()
    speeds[2] = kmh
    found = inspect_network(changed(network, **{field: speeds}))
    assert [(it.code, it.subject) for it in found] == ([(code, "arc 2")] if code else [])
    if code:
        assert found[0].value == pytest.approx(kmh)
        assert found[0].lon == pytest.approx(0.002, abs=0.0011)


def test_a_length_that_cannot_be_gives_an_impossible_speed():
    # 111 m that are said to be 10 m long are passed at eleven times the speed.
    found = inspect_network(row(length_m=10.0))
    assert {it.code for it in found} == {"speed_impossible", "too_short"}
    assert all(it.serious for it in found)
    assert next(it for it in found if it.code == "too_short").value == pytest.approx(0.9 * 111.195 - 5 - 10, abs=0.1)


def test_a_street_without_length_is_found():
    network = build_network(
        raw_roads([(0, 0), (0, 0), (0.001, 0)], [Edge(0, 1, name=0), Edge(1, 2, name=0)], names=NAMES)
    )
    assert codes(network) == []  # merged into the street it belongs to
    drawn = build_network(
        raw_roads([(0, 0), (0, 0), (0.001, 0)], [Edge(0, 1, name=0), Edge(1, 2, name=0)], names=NAMES),
        merge_chains=False,
    )
    found = {it.code: it for it in inspect_network(drawn)}
    assert set(found) == {"zero_length", "duplicate_nodes"}
    assert found["zero_length"].of == 2
    assert found["duplicate_nodes"].value == 2


def test_stations_far_off_and_off_the_roads_are_found():
    stations = [station("near", 0.001, 0.001), station("far", 0.001, 0.002), station("sea", 0.001, 0.1)]
    found = inspect_network(row(), stations)
    assert [(it.code, it.subject, it.serious) for it in found] == [
        ("station_off_road", "sea", True),
        ("station_far", "far", False),
    ]
    assert found[1].value == pytest.approx(222.4, rel=0.01)
    assert found[1].limit == 150.0
    assert codes(row(), *stations[:2], station_limit_m=300.0) == []


def test_a_station_on_an_island_is_found():
    network = row(8)
    modes = network.arc_modes.copy()
    cut = {5, 6}
    modes[[{t, h} == cut for t, h in zip(network.arc_tail, network.arc_head, strict=True)]] = 0
    found = inspect_network(changed(network, arc_modes=modes), [station("S", 0.0066, 0.0), station("T", 0.001, 0.0)])
    assert [it.subject for it in found if it.code == "station_unreachable"] == ["S"]


def test_with_nothing_to_drive_on_every_station_is_off_the_road():
    network = row(forward=int(Mode.FOOT), backward=int(Mode.FOOT))
    assert codes(network, station("S", 0.001, 0)) == ["station_off_road"]


def test_missing_names_are_said_for_streets_that_should_have_one():
    nodes = [(0, 0), (0.001, 0), (0.004, 0)]
    network = build_network(raw_roads(nodes, [Edge(0, 1, name=0), Edge(1, 2)], names=NAMES))
    found = inspect_network(network)
    assert [(it.code, it.value) for it in found] == [("unnamed", pytest.approx(0.75, rel=1e-3))]
    alleys = [Edge(0, 1, name=0), Edge(1, 2, road_class=int(RoadClass.SERVICE))]
    assert codes(build_network(raw_roads(nodes, alleys, names=NAMES))) == []


def test_of_many_the_worst_are_listed_with_their_number():
    network = row(60)
    speeds = np.linspace(2.9, 0.1, network.n_arcs).astype(np.float32)
    found = inspect_network(changed(network, arc_kmh=speeds))
    assert len(found) == LISTED
    assert {it.of for it in found} == {network.n_arcs}
    assert found[0].value == pytest.approx(0.1)
    assert [it.value for it in found] == sorted(it.value for it in found)
    assert {it.limit for it in found} == {SLOWEST_KMH}


@pytest.mark.parametrize("name", ["liechtenstein.osm.pbf", "manhattan_roads_2019.osm.pbf"])
def test_real_cities_have_nothing_serious(data, name):
    from geo_data.sources.osm import read_osm

    found = inspect_network(build_network(read_osm(data / "osm" / name, every_node=False)))
    assert all(isinstance(it, Finding) for it in found)
    assert not any(it.serious for it in found)
