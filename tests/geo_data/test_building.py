"""Building against networkx and brute force: what is cut off, what is merged, what survives."""

from collections import Counter

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_data.building import RoadDataError, build_network
from geo_data.lengths import line_lengths_m
from geo_data.raw_roads import MODES, Restriction, RoadClass
from tests.support.raw_streets import Edge, drawn_roads, random_roads, raw_roads

SEEDS = st.integers(0, 100_000)


def arcs_of(raw):
    """Return each raw arc as (tail, head, modes)."""
    for tail, head, forward, backward in zip(raw.tail, raw.head, raw.forward_modes, raw.backward_modes, strict=True):
        yield int(tail), int(head), int(forward)
        yield int(head), int(tail), int(backward)


def strong_by_networkx(raw, mode):
    """Return the strong component of a mode whose arcs are longest in all."""
    lengths = np.repeat(line_lengths_m(raw.point_first, raw.point_lon, raw.point_lat), 2)
    graph = nx.MultiDiGraph()
    for (tail, head, modes), length_m in zip(arcs_of(raw), lengths, strict=True):
        if modes & mode:
            graph.add_edge(tail, head, length_m=length_m)
    return max(
        nx.strongly_connected_components(graph),
        key=lambda found: graph.subgraph(found).size(weight="length_m"),
        default=set(),
    )


def kept_by_networkx(raw):
    strong = {mode: strong_by_networkx(raw, mode) for mode in MODES}
    kept = Counter()
    for tail, head, modes in arcs_of(raw):
        left = sum(int(mode) for mode in MODES if modes & mode and {tail, head} <= strong[mode])
        if left:
            kept[tail, head, left] += 1
    return kept


def arcs_by_source(network):
    """Return the network's arcs as (tail, head, modes) in the source's node ids."""
    ids = network.node_source_id
    return Counter(
        zip(ids[network.arc_tail].tolist(), ids[network.arc_head].tolist(), network.arc_modes.tolist(), strict=True)
    )


@settings(max_examples=120, deadline=None)
@given(seed=SEEDS, nodes=st.integers(2, 16), edges=st.integers(1, 40))
def test_each_mode_keeps_what_networkx_calls_its_largest_strong_component(seed, nodes, edges):
    raw = random_roads(seed, nodes, edges)
    expected = kept_by_networkx(raw)
    if not expected:
        with pytest.raises(RoadDataError, match="both there and back"):
            build_network(raw, merge_chains=False)
        return
    network = build_network(raw, merge_chains=False)
    assert arcs_by_source(network) == expected
    for mode in MODES:
        assert network.meta["report"]["arcs_by_mode"][mode.name.lower()] == sum(
            count for (_, _, modes), count in expected.items() if modes & mode
        )


def seconds_between(network, mode):
    """Return seconds by pairs of source node ids, by networkx."""
    graph = nx.MultiDiGraph()
    ids = network.node_source_id.tolist()
    graph.add_nodes_from(ids)
    for arc in range(network.n_arcs):
        if network.arc_modes[arc] & mode:
            kmh = 36.0 if np.isnan(network.arc_kmh[arc]) else float(network.arc_kmh[arc])
            seconds = float(network.arc_length_m[arc]) / kmh * 3.6
            graph.add_edge(ids[network.arc_tail[arc]], ids[network.arc_head[arc]], seconds=seconds)
    return dict(nx.all_pairs_dijkstra_path_length(graph, weight="seconds"))


@settings(max_examples=120, deadline=None)
@given(seed=SEEDS, nodes=st.integers(2, 14), edges=st.integers(1, 30), alike=st.booleans())
def test_merging_changes_no_travel_time_between_nodes_that_stay(seed, nodes, edges, alike):
    raw = random_roads(seed, nodes, max(edges, nodes if alike else 1), alike=alike)
    if not kept_by_networkx(raw):
        return
    drawn, merged = build_network(raw, merge_chains=False), build_network(raw)
    stay = set(merged.node_source_id.tolist())
    assert stay <= set(drawn.node_source_id.tolist())
    for mode in MODES:
        before, after = seconds_between(drawn, mode), seconds_between(merged, mode)
        for tail in stay:
            expected = {head: seconds for head, seconds in before[tail].items() if head in stay}
            assert after[tail] == pytest.approx(expected, rel=1e-5)
    # Nothing on the ground is lost: every metre, by class, in each direction and mode.
    for mode in MODES:
        for kind in (RoadClass.RESIDENTIAL, RoadClass.SERVICE):
            lengths = [
                net.arc_length_m[(net.arc_class == kind) & ((net.arc_modes & mode) != 0)].sum()
                for net in (drawn, merged)
            ]
            assert lengths[0] == pytest.approx(lengths[1], rel=1e-5)


@settings(max_examples=80, deadline=None)
@given(seed=SEEDS, alike=st.booleans(), merge=st.booleans())
def test_the_arrays_agree_with_each_other(seed, alike, merge):
    raw = random_roads(seed, 14, 30, alike=alike)
    if not kept_by_networkx(raw):
        return
    network = build_network(raw, merge_chains=merge)
    nodes, arcs = network.n_nodes, network.n_arcs
    assert (np.diff(network.arc_tail) >= 0).all()
    assert set(network.arc_tail.tolist()) == set(range(nodes))  # no node without a way out
    for node in range(nodes):
        assert (network.arc_tail[network.first_out[node] : network.first_out[node + 1]] == node).all()
        assert (network.arc_head[network.in_arc[network.first_in[node] : network.first_in[node + 1]]] == node).all()
    assert sorted(network.in_arc.tolist()) == list(range(arcs))
    for arc in range(arcs):
        points = network.arc_points(arc)
        for end, place in ((network.arc_tail[arc], points[0]), (network.arc_head[arc], points[-1])):
            assert place == pytest.approx([network.node_lon[end], network.node_lat[end]], abs=1e-7)
        other = int(network.arc_reverse[arc])
        if other >= 0:
            assert network.arc_reverse[other] == arc
            assert network.arc_geometry[other] == network.arc_geometry[arc]
            assert network.arc_drawn[other] != network.arc_drawn[arc]
            assert network.arc_length_m[other] == network.arc_length_m[arc]
            assert (network.arc_tail[other], network.arc_head[other]) == (network.arc_head[arc], network.arc_tail[arc])
    assert sorted(set(network.arc_geometry.tolist())) == list(range(len(network.geometry_first) - 1))


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_the_same_streets_give_the_same_checksum(seed):
    raw = random_roads(seed, 12, 26)
    if kept_by_networkx(raw):
        assert build_network(raw).checksum == build_network(random_roads(seed, 12, 26)).checksum


def letters(network, node):
    """Return the arcs of a network as pairs of letters of its drawn map."""
    letter = {number: name for name, number in node.items()}
    ids = network.node_source_id
    return sorted(letter[ids[t]] + letter[ids[h]] for t, h in zip(network.arc_tail, network.arc_head, strict=True))


def test_a_chain_becomes_one_street():
    raw, node = drawn_roads("A-b-c-D-e-F\n      |\n      G")
    assert letters(build_network(raw), node) == ["AD", "DA", "DF", "DG", "FD", "GD"]


def test_a_one_way_chain_becomes_one_arc():
    raw, node = drawn_roads("A->b->C-X\n|     |\n|     |\nd--<--E-Y")
    assert letters(build_network(raw), node) == ["AC", "Ad", "CE", "CX", "EC", "EY", "Ed", "XC", "YE", "dA"]


def test_one_way_streets_against_each_other_are_not_merged():
    # b can be entered from both sides and left to neither: it and its streets are cut off.
    raw, node = drawn_roads("A->b<-C\n|     |\nD-----E")
    assert letters(build_network(raw, merge_chains=False), node) == ["AD", "CE", "DA", "DE", "EC", "ED"]


def test_a_trap_and_an_island_are_cut_off_and_counted():
    raw, node = drawn_roads("A-B->C  X-Y\n|\nD-E")
    report = build_network(raw, merge_chains=False).meta["report"]
    assert letters(build_network(raw, merge_chains=False), node) == ["AB", "AD", "BA", "DA", "DE", "ED"]
    assert report["cut_off"]["normal"]["components"] == 3
    assert report["cut_off"]["normal"]["arcs"] == 3  # B -> C, and X - Y both ways
    assert report["cut_off"]["normal"]["by_class"] == {"residential": report["cut_off"]["normal"]["km"]}
    assert report["cut_off"]["normal"]["km"] == pytest.approx(5 * 0.1112, rel=0.01)


def test_a_ring_keeps_one_node_and_becomes_a_loop_both_ways():
    raw, _ = drawn_roads("A-b\n| |\nd-c")
    network = build_network(raw)
    assert (network.n_nodes, network.n_arcs) == (1, 2)
    assert network.arc_tail.tolist() == network.arc_head.tolist() == [0, 0]
    assert network.arc_reverse.tolist() == [1, 0]
    assert len(network.arc_points(0)) == 5
    assert network.arc_points(0).tolist() == network.arc_points(1)[::-1].tolist()


def test_a_loop_at_the_end_of_a_street_survives():
    raw, node = drawn_roads("A-B-c\n  | |\n  e-d")
    assert letters(build_network(raw), node) == ["AB", "BA", "BB", "BB"]


def test_parallel_streets_survive():
    raw, node = drawn_roads("  b--c\n  |  |\nX-A--D-Y\n  |  |\n  e--f")
    assert letters(build_network(raw), node).count("AD") == 3


@pytest.mark.parametrize("of_two", [{"road_class": 9}, {"kmh": 50.0}, {"name": 0}, {"source_id": 2}, {"forward": 3}])
def test_streets_that_differ_are_not_merged(of_two):
    nodes = [(0, 0), (0.001, 0), (0.002, 0)]
    network = build_network(raw_roads(nodes, [Edge(0, 1), Edge(1, 2, **of_two)], names=[("High Street", "")]))
    assert network.n_nodes == 3


@pytest.mark.parametrize("drawn", ["along", "against"])
def test_speeds_are_compared_in_the_direction_of_travel(drawn):
    nodes = [(0, 0), (0.001, 0), (0.002, 0)]
    ends = (1, 2) if drawn == "along" else (2, 1)
    speeds = (30.0, 50.0) if drawn == "along" else (50.0, 30.0)
    other = Edge(*ends, kmh=speeds[0], backward_kmh=speeds[1])
    network = build_network(raw_roads(nodes, [Edge(0, 1, kmh=30.0, backward_kmh=50.0), other]))
    assert network.n_nodes == 2
    east = int(np.flatnonzero(network.node_lon[network.arc_head] > 0.001)[0])
    assert (network.arc_kmh[east], network.arc_kmh[1 - east]) == (30.0, 50.0)


def test_nodes_that_must_stay_stay():
    drawn = "A-b-c-d-E"
    _, node = drawn_roads(drawn)
    raw, _ = drawn_roads(drawn, no_merge=[node["b"]], turns=[(1, node["c"], 2, int(Restriction.NO))])
    assert letters(build_network(raw), node) == ["Ab", "Eb", "bA", "bE"]
    streets = letters(build_network(raw, turns="restrictions"), node)
    assert [ends for ends in streets if ends != "cc"] == ["Ab", "Ec", "bA", "bc", "cE", "cb"]


def test_only_names_in_use_are_kept_and_equal_ones_are_one():
    nodes = [(0, 0), (0.001, 0), (0.002, 0), (1, 1), (1.001, 1)]
    names = [("A", "甲"), ("B", ""), ("A", "甲"), ("island", "岛"), ("", "")]
    edges = [Edge(0, 1, name=0), Edge(1, 2, name=2), Edge(0, 2, name=1), Edge(3, 4, name=3), Edge(1, 2, name=4)]
    network = build_network(raw_roads(nodes, edges, names=names))
    texts = {(network.name(arc), network.name_zh(arc)) for arc in range(network.n_arcs)}
    assert texts == {("A", "甲"), ("B", ""), ("", "")}
    assert network.meta["report"]["names"] == 2


def test_lengths_that_are_given_win_over_geometry():
    nodes = [(0, 0), (0.001, 0), (0.002, 0)]
    network = build_network(raw_roads(nodes, [Edge(0, 1, length_m=250.0), Edge(1, 2)]))
    assert network.arc_length_m.tolist() == pytest.approx([250.0 + 111.195, 250.0 + 111.195], abs=0.01)


def test_a_loop_without_length_is_dropped_and_counted():
    network = build_network(raw_roads([(0, 0), (0.001, 0)], [Edge(0, 1), Edge(0, 0)]))
    assert network.n_arcs == 2
    assert network.meta["report"]["dropped"]["loops_without_length"] == 1


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("node_lon", float("nan"), "-180 to 180"),
        ("node_lat", 116.3, "-90 to 90"),
        ("point_lat", float("inf"), "-90 to 90"),
        ("point_lon", -181.0, "-180 to 180"),
        ("tail", 99, "a node, 0 to 2"),
        ("head", -1, "a node, 0 to 2"),
        ("forward_modes", 8, "0 to 7"),
        ("road_class", 21, "0 to 20"),
        ("forward_kmh", 0.0, "above 0"),
        ("backward_emergency_kmh", float("inf"), "above 0"),
        ("length_m", -1.0, "0 m or more"),
        ("name", 3, "-1 to -1"),
    ],
)
def test_what_cannot_be_is_refused_by_field_index_value_and_limit(field, value, limit):
    raw = raw_roads([(0, 0), (0.001, 0), (0.002, 0)], [Edge(0, 1), Edge(1, 2)])
    getattr(raw, field)[1] = value
    with pytest.raises(RoadDataError, match="is not taken") as caught:
        build_network(raw)
    assert str(caught.value).startswith(f"{field}[1]: ")
    assert limit in str(caught.value)
    assert (caught.value.field, caught.value.index) == (field, 1)


def test_shapes_that_do_not_fit_are_refused():
    raw = raw_roads([(0, 0), (0.001, 0)], [Edge(0, 1)])
    raw.length_m = np.zeros(2, np.float32)
    with pytest.raises(RoadDataError, match=r"length_m: shape \(2,\) is not taken; limit: shape \(1,\)"):
        build_network(raw)
    with pytest.raises(RoadDataError, match="0 edges"):
        build_network(raw_roads([(0, 0)], []))
    raw = raw_roads([(0, 0), (0.001, 0)], [Edge(0, 1)])
    raw.point_first[1] = 1
    with pytest.raises(RoadDataError, match=r"point_first\[0\]: 1 is not taken; limit: at least 2 points"):
        build_network(raw)


def test_progress_is_told_and_rises_to_the_end():
    told = []
    build_network(raw_roads([(0, 0), (0.001, 0)], [Edge(0, 1)]), progress=lambda *step: told.append(step))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("done", 1.0)
