"""A mosaic is its tile many times over, joined, and no way within a tile is longer in it."""

import numpy as np

from benchmarks.graphs import LINKS, likeness, mosaic
from engine.travel import Hierarchy, TravelTimes
from geo_data.speeds import travel_ms
from geo_data.town import make_town


def test_a_mosaic_has_its_tiles_streets_and_their_likeness():
    town = make_town(800, 2).network()
    tiled = mosaic(town, 2, 2)
    assert tiled.n_nodes == 4 * town.n_nodes
    driving = np.count_nonzero(town.arc_modes)
    assert tiled.n_arcs == 4 * driving + 4 * LINKS * 2
    one, four = (likeness(roads, Hierarchy.build(roads), 1) for roads in (town, tiled))
    for key in ("degree_2", "degree_3", "degree_4", "chain_nodes"):
        assert abs(one[key] - four[key]) < 0.03
    assert four["climb_nodes"] < 1.5 * one["climb_nodes"]


def test_ways_lead_from_tile_to_tile_and_none_within_a_tile_is_longer():
    town = make_town(800, 2).network()
    tiled = mosaic(town, 2, 2)
    # The first tile keeps its coordinates: its nodes are found by them.
    at = {(lon, lat): node for node, (lon, lat) in enumerate(zip(tiled.node_lon, tiled.node_lat, strict=True))}
    ms, tiled_ms = travel_ms(town, "emergency"), travel_ms(tiled, "emergency")
    arc = int(np.argmax(ms < 2**30))
    tail, head = (at[town.node_lon[node], town.node_lat[node]] for node in (town.arc_tail[arc], town.arc_head[arc]))
    out = range(int(tiled.first_out[tail]), int(tiled.first_out[tail + 1]))
    same = next(a for a in out if tiled.arc_head[a] == head)
    alone, among = TravelTimes(town, ms).times_to(arc, 0.0), TravelTimes(tiled, tiled_ms).times_to(same, 0.0)
    reached = [at[town.node_lon[node], town.node_lat[node]] for node in range(town.n_nodes)]
    assert (among[reached] <= alone + 1).all()
    assert (among < 2**30).mean() > 0.9
