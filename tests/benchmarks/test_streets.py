"""The peers are given our streets and places, no others; the OSM file, read back, is the same graph."""

from dataclasses import replace

import numpy as np
import osmium
import pytest

from benchmarks import harness, streets
from benchmarks.peers import scipy as scipy_peer
from benchmarks.peers.course import Crew, Places, same, soonest, straight_on
from benchmarks.stand import Stand
from engine.travel import NEVER, UNREACHABLE_MS
from geo_data.town import make_town


@pytest.fixture
def stand(monkeypatch, tmp_path):
    monkeypatch.setattr(harness, "CACHE", tmp_path)
    return Stand.on("town", make_town(800, 2).network(), 5)


def test_the_osm_file_read_back_has_the_same_arcs_and_milliseconds(stand, tmp_path):
    roads = stand.roads()
    streets.write_osm(stand.network, stand.ms, tmp_path / "town.osm.pbf")
    found, places = {}, {}
    for thing in osmium.FileProcessor(str(tmp_path / "town.osm.pbf")):
        if thing.is_node():
            places[thing.id - 1] = thing.location.lon, thing.location.lat
        elif thing.is_way():
            a, b = (node.ref - 1 for node in thing.nodes)
            found[a, b] = int(thing.tags["ms"])
            if "oneway" not in thing.tags:
                found[b, a] = int(thing.tags["ms"])
    assert found == {
        (a, b): ms for a, b, ms in zip(roads.tail.tolist(), roads.head.tolist(), roads.ms.tolist(), strict=True)
    }
    at = np.array([places[node] for node in range(stand.network.n_nodes)])
    assert np.abs(at - np.column_stack((roads.lon, roads.lat))).max() < 1e-6


def test_of_parallel_arcs_the_quickest_is_kept_and_no_loop(stand):
    network, ms = stand.network, stand.ms
    kept = streets.kept_arcs(network, ms)
    least = {}
    for arc in np.flatnonzero(ms < NEVER).tolist():
        ends = int(network.arc_tail[arc]), int(network.arc_head[arc])
        if ends[0] != ends[1]:
            least[ends] = min(least.get(ends, NEVER), int(ms[arc]))
    ends = zip(network.arc_tail[kept].tolist(), network.arc_head[kept].tolist(), strict=True)
    assert dict(zip(ends, ms[kept].tolist(), strict=True)) == least


def test_scipy_over_what_peers_are_given_ranks_as_ours(stand):
    spots = stand.draw(8, apart=False)
    fleet = stand.fleet(40, apart=False)
    peer = scipy_peer.Peer()
    peer.prepare(stand.roads(), stand.places(*spots))
    peer.station(Crew(stand.places(fleet.arc, fleet.fraction)))
    _, ours = stand.race(fleet, spots, list(range(8)), 5)
    assert all(same(peer.nearest(i, 5), ranked) for i, ranked in enumerate(ours))


def test_scipys_matrix_is_ours_also_along_one_arc(stand):
    arcs, shares = stand.draw(30, apart=False)
    arcs[10:20] = arcs[:10]
    peer = scipy_peer.Peer()
    peer.prepare(stand.roads(), stand.places(arcs, shares))
    found = peer.matrix(stand.places(arcs, shares), stand.places(arcs, shares))
    ours = stand.times.matrix(arcs, shares, arcs, shares)
    assert np.array_equal(np.where(np.isfinite(found), found, NEVER), ours)
    assert (ours < UNREACHABLE_MS).all()


def test_a_place_is_clear_where_no_other_street_is_drawn_within_a_metre(stand):
    network = stand.network
    arcs = np.flatnonzero(stand.ms < NEVER)[:200].astype(np.int32)
    middle = stand.places(arcs, np.full(len(arcs), 0.5))
    corner = stand.places(arcs, np.zeros(len(arcs)))
    assert streets.clear(network, stand.ms, middle).mean() > 0.9
    crossing = np.diff(network.first_out)[network.arc_tail[arcs]] > 1
    assert not streets.clear(network, stand.ms, corner)[crossing].any()


def test_a_one_way_street_beside_another_that_leads_back_is_not_clear(stand):
    network = stand.network
    arc = next(
        arc for arc in range(network.n_arcs)
        if network.arc_reverse[arc] >= 0 and streets.clear(network, stand.ms, both(stand, arc))[0]
    )  # fmt: skip
    two = both(stand, arc)
    one = replace(two, arc=np.where([[True, False]], two.arc, -1).astype(np.int32))
    assert not streets.clear(network, stand.ms, one)[0]


def both(stand, arc):
    return stand.places(np.array([arc], np.int32), np.array([0.5]))


def test_who_has_no_way_is_in_no_ranking_and_ties_go_to_the_lower_unit():
    ms, units = soonest(np.array([7.0, np.inf, 3.0, 7.0, 3.0]), 3)
    assert (ms.tolist(), units.tolist()) == ([3, 3, 7], [2, 4, 0])
    assert soonest(np.array([np.inf]), 1)[1].tolist() == []


def test_straight_on_only_forwards_on_the_same_arc():
    def places(behind):
        many = len(behind)
        one = np.column_stack((np.full(many, 4), np.full(many, -1))).astype(np.int32)
        two = np.column_stack((behind, np.zeros(many))).astype(np.int64)
        nothing = np.zeros((many, 2), np.int32)
        return Places(one, nothing, nothing, two, 100 - two, np.zeros(many), np.zeros(many))

    ms = np.full((2, 3), 500.0)
    straight_on(places([20, 60]), places([10, 60, 90]), ms)
    assert ms.tolist() == [[500, 40, 70], [500, 0, 30]]
