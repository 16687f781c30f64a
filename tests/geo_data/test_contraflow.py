"""One-way streets that emergency vehicles may take the other way: nobody else, nowhere else, nothing else changed."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.travel import Hierarchy, TravelTimes
from geo_data.building import RoadDataError, build_network
from geo_data.inspection import inspect_network
from geo_data.raw_roads import DRIVE, MODES, Mode, RoadClass
from geo_data.snapping import Snapper
from geo_data.speed_table import Contraflow, SpeedTable
from geo_data.speeds import NEVER, travel_ms
from tests.support.raw_streets import Edge, drawn_roads, random_roads, raw_roads

AGAINST = Contraflow(factor=0.5, penalty_s=10.0)
TABLE = dataclasses.replace(SpeedTable.shipped(), contraflow=AGAINST)
RING = """
A>B>C
^   |
F-E-D
"""


def arcs_by_mode(network, mode):
    chosen = np.flatnonzero((network.arc_modes & mode) != 0)
    points = [network.arc_points(arc).tobytes() for arc in chosen.tolist()]
    return sorted(zip(network.arc_length_m[chosen].tolist(), points, strict=True))


def only_against(network):
    return (network.arc_modes & Mode.CONTRAFLOW) != 0


@settings(deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_the_modes_keep_their_arcs_and_one_way_streets_get_the_other(seed, merge):
    raw = random_roads(seed)
    try:
        plain = build_network(raw, merge_chains=merge)
    except RoadDataError:
        return
    both = build_network(raw, merge_chains=merge, contraflow=True)
    if merge:
        assert both.n_nodes == plain.n_nodes
    for mode in MODES:
        assert arcs_by_mode(plain, mode) == arcs_by_mode(both, mode)
    against = only_against(both)
    assert not (both.arc_modes[against] & DRIVE).any()
    back = both.arc_reverse[against]
    assert (back >= 0).all()
    assert ((both.arc_modes[back] & Mode.EMERGENCY) != 0).all()
    one_way = ((both.arc_modes & Mode.EMERGENCY) != 0) & (both.arc_reverse < 0)
    assert not one_way.any()
    assert not only_against(plain).any()


def test_without_it_nothing_changes_and_the_report_says_how_many():
    raw, _ = drawn_roads(RING)
    assert build_network(raw).checksum == build_network(raw, contraflow=False).checksum
    built = build_network(raw, contraflow=True)
    assert built.meta["report"]["contraflow_arcs"] == int(only_against(built).sum()) > 0
    assert {finding.code for finding in inspect_network(built)} <= {"unnamed"}


@pytest.mark.parametrize("kind", [RoadClass.MOTORWAY, RoadClass.TRUNK_LINK, RoadClass.FERRY])
def test_motorways_trunk_roads_ferries_and_roundabouts_stay_one_way(kind):
    raw, _ = drawn_roads(RING)
    fast = dataclasses.replace(raw, road_class=np.full_like(raw.road_class, kind))
    assert not only_against(build_network(fast, contraflow=True)).any()
    around = dataclasses.replace(raw, roundabout=np.ones(len(raw.tail), bool))
    assert not only_against(build_network(around, contraflow=True)).any()


def test_it_costs_what_the_table_says_and_only_emergency_may():
    nodes = [(0, 0), (0.01, 0), (0.01, 0.01)]
    edges = [Edge(0, 1, backward=int(Mode.FOOT), kmh=60.0), Edge(1, 2), Edge(2, 0)]
    network = build_network(raw_roads(nodes, edges), merge_chains=False, contraflow=True)
    (against,) = np.flatnonzero(only_against(network)).tolist()
    legal = int(network.arc_reverse[against])
    assert travel_ms(network, "normal", TABLE)[against] == NEVER
    assert travel_ms(network, "emergency")[against] == NEVER
    assert travel_ms(network, "foot", TABLE)[against] == travel_ms(network, "foot")[legal] < NEVER
    ms = travel_ms(network, "emergency", TABLE)
    assert ms[against] == pytest.approx(2 * ms[legal] + 10_000, abs=2)  # the other direction's speed stands for it
    rest = np.arange(network.n_arcs) != against
    assert np.array_equal(ms[rest], travel_ms(network, "emergency")[rest])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000))
def test_nobody_is_put_on_such_an_arc_and_both_searches_agree(seed):
    try:
        network = build_network(random_roads(seed, 15, 40), contraflow=True)
    except RoadDataError:
        return
    if not (network.arc_modes & Mode.EMERGENCY).any():
        return
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(0, 0.02, 12), rng.uniform(0, 0.02, 12)
    heading = rng.uniform(0, 360, 12)
    arcs, shares, _ = Snapper(network, Mode.EMERGENCY).snap_many(lon, lat, heading_deg=heading, limit_m=1e6)
    assert not only_against(network)[arcs].any()
    ms = travel_ms(network, "emergency", TABLE)
    plain, shortcut = TravelTimes(network, ms), TravelTimes(network, ms, Hierarchy.build(network))
    legal = TravelTimes(network, travel_ms(network, "emergency"))
    places = list(zip(arcs.tolist(), shares.tolist(), strict=True))
    for start, goal in zip(places[:6], places[6:], strict=True):
        way = plain.route(*start, *goal)
        assert way.ms == shortcut.route(*start, *goal).ms <= legal.route(*start, *goal).ms
