"""Where somebody may be who walked off: against a plain walk over the streets, and as people would expect it."""

import networkx as nx
import numpy as np
import pytest

from engine.dispatch.search import places_within
from engine.dispatch.search.walking import WALK_MPS
from engine.model.errors import Refusal
from engine.travel import TravelTimes
from engine.travel.reach import reach
from geo_data.building import build_network
from geo_data.cells import cell_of
from tests.support.cities import grid_roads

GRID = build_network(grid_roads())
TOWN = build_network(grid_roads(20, 15))


def walking(network):
    ms = np.clip(np.asarray(network.arc_length_m, np.float64) / WALK_MPS * 1000, 1, None)
    return TravelTimes(network, ms.astype(np.int32))


def by_hand(network, arc, walked_ms, resolution):
    """Chance by cell: every street once, as far as it is walked, times what is left where it is reached."""
    graph = nx.DiGraph()
    ms = np.clip(np.asarray(network.arc_length_m, np.float64) / WALK_MPS * 1000, 1, None).astype(int)
    for each in range(network.n_arcs):
        graph.add_edge(int(network.arc_tail[each]), int(network.arc_head[each]), ms=int(ms[each]))
    half = ms[arc] / 2
    starts = {int(network.arc_head[arc]): half, int(network.arc_tail[arc]): half}
    for node, first in starts.items():
        graph.add_edge("here", node, ms=first)
    when = nx.single_source_dijkstra_path_length(graph, "here", weight="ms")
    found = {}
    for each in range(network.n_arcs):
        back = int(network.arc_reverse[each])
        if back < each:  # each street once
            continue
        length = float(network.arc_length_m[each])
        ends = [when[int(network.arc_tail[each])], when[int(network.arc_head[each])]]
        own = each in (arc, int(network.arc_reverse[arc]))
        parts = [max(0.0, min(1.0, (walked_ms - at) / ms[each])) for at in ends]
        share = min(1.0, 2 * walked_ms / ms[each]) if own else min(1.0, sum(parts))
        if share <= 0.0:
            continue
        soonest = 0 if own else min(ends)
        lon, lat = network.arc_points(each)[[0, -1]].mean(axis=0)  # all of the grid is straight
        cell = cell_of(lon, lat, resolution)
        weight = length * share * max(1 - soonest / walked_ms, 1e-3)
        found[cell] = found.get(cell, 0.0) + weight
    total = sum(found.values())
    return sorted((each / total for each in found.values()), reverse=True)


@pytest.mark.parametrize("walked_ms", [60_000, 400_000, 900_000])
def test_chances_are_those_of_a_plain_walk(walked_ms):
    arc = 21
    places = places_within(walking(GRID), arc, 0.5, walked_ms)
    chances = [place.chance for place in places]
    assert any(chances == pytest.approx(by_hand(GRID, arc, walked_ms, res), abs=2e-3) for res in (8, 9, 10))


def test_all_the_streets_within_the_walk_are_in_one_place_each_and_the_near_ones_are_likelier():
    times = walking(TOWN)
    places = places_within(times, 100, 0.5, 1_200_000, 24)
    assert 2 < len(places) <= 24
    assert sum(place.chance for place in places) == pytest.approx(1.0)
    assert sum(place.length_m for place in places) == pytest.approx(reach(times, 100, 0.5, 1_200_000).length_m)
    assert all(place.chance > 0.0 and place.check_ms >= 60_000 for place in places)
    ms = times.matrix([100] * len(places), [0.5] * len(places), [p.arc for p in places], [0.5] * len(places))[0]
    density = np.array([place.chance / place.length_m for place in places])
    assert density[ms.argmin()] > density[ms.argmax()]


def test_longer_walks_have_more_places_and_fewer_are_coarser():
    times = walking(TOWN)
    counts = [len(places_within(times, 100, 0.5, minutes * 60_000)) for minutes in (2, 10, 30)]
    assert counts[0] < max(counts) <= 64
    assert len(places_within(times, 100, 0.5, 1_800_000, 4)) <= 4
    (one,) = places_within(times, 100, 0.5, 1_800_000, 1)
    assert one.chance == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("walked_ms", "most", "field"), [(0, 9, "walked_ms"), (10**9, 9, "walked_ms"), (9, 65, "most")]
)
def test_what_is_out_of_bounds_is_refused_by_name(walked_ms, most, field):
    with pytest.raises(Refusal) as refused:
        places_within(walking(GRID), 0, 0.5, walked_ms, most)
    assert refused.value.field == field
