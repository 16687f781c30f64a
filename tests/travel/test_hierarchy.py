"""The hierarchy's order, its shortcuts and its file."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.errors import Refusal
from engine.travel import Hierarchy, HierarchyError, TravelTimes
from engine.travel.nesting import nested_order
from engine.travel.supergraph import lay_supergraph, neighbours
from geo_data.speeds import travel_ms
from tests.support.networks import random_network


def eliminated(n, tail, head, order):
    """Return each node's neighbours at the moment it is taken away, by brute force."""
    around = [set() for _ in range(n)]
    for a, b in zip(tail, head, strict=True):
        if a != b:
            around[a].add(int(b))
            around[b].add(int(a))
    left = {}
    for node in order:
        left[node] = around[node]
        for a in around[node]:
            around[a] |= around[node]
            around[a] -= {a, node}
    return left


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(0, 90))
def test_the_supergraph_is_what_taking_nodes_away_one_by_one_leaves(seed, n, m):
    rng = np.random.default_rng(seed)
    tail, head = rng.integers(0, n, m).astype(np.int32), rng.integers(0, n, m).astype(np.int32)
    graph = lay_supergraph(n, tail, head, rng.permutation(n).astype(np.int32))
    assert sorted(graph.node.tolist()) == list(range(n))
    want = eliminated(n, tail, head, graph.node.tolist())
    for rank in range(n):
        upper = graph.head[graph.first[rank] : graph.first[rank + 1]]
        assert upper.tolist() == sorted(int(graph.rank[node]) for node in want[int(graph.node[rank])])
        below = graph.down_slot[graph.down_first[rank] : graph.down_first[rank + 1]]
        assert all(graph.head[below] == rank)
        assert graph.tail[below].tolist() == sorted(graph.tail[below].tolist())
    assert len(graph.down_slot) == len(graph.head)
    for arc in range(m):
        slot = int(graph.arc_slot[arc])
        if tail[arc] == head[arc]:
            assert slot == -1
            continue
        ends = {int(graph.tail[slot]), int(graph.head[slot])}
        assert ends == {int(graph.rank[tail[arc]]), int(graph.rank[head[arc]])}
        assert arc in graph.slot_arc[graph.slot_first[slot] : graph.slot_first[slot + 1]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(0, 90))
def test_stems_are_the_runs_between_the_branches_of_the_tree(seed, n, m):
    rng = np.random.default_rng(seed)
    tail, head = rng.integers(0, n, m).astype(np.int32), rng.integers(0, n, m).astype(np.int32)
    graph = lay_supergraph(n, tail, head, rng.permutation(n).astype(np.int32))
    parent = [int(graph.head[graph.first[r]]) if graph.first[r] < graph.first[r + 1] else -1 for r in range(n)]
    assert all(p == -1 or p > r for r, p in enumerate(parent))
    children = np.bincount([p for p in parent if p >= 0], minlength=n)
    for stem in range(len(graph.stem_parent)):
        ranks = range(int(graph.stem_first[stem]), int(graph.stem_first[stem + 1]))
        assert children[ranks[0]] != 1
        for rank in ranks[1:]:
            assert (children[rank], parent[rank - 1]) == (1, rank)
        above = parent[ranks[-1]]
        assert int(graph.stem_parent[stem]) == (-1 if above < 0 else int(graph.stem[above]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(0, 700))
def test_the_order_takes_every_node_once_islands_and_all(seed, n, m):
    rng = np.random.default_rng(seed)
    first, heads = neighbours(n, rng.integers(0, n, m).astype(np.int32), rng.integers(0, n, m).astype(np.int32))
    x, y = rng.random(n), rng.random(n)
    if rng.random() < 0.3:
        x[:] = 1.0  # all in one line, where a direction tells nobody apart
    order = nested_order(first, heads, x, y)
    assert sorted(order.tolist()) == list(range(n))
    assert np.array_equal(order, nested_order(first, heads, x, y))


def test_a_lattice_is_cut_across_and_its_search_space_stays_small():
    side = 40
    at = np.arange(side * side).reshape(side, side)
    tail = np.concatenate((at[:, :-1].ravel(), at[:-1].ravel())).astype(np.int32)
    head = np.concatenate((at[:, 1:].ravel(), at[1:].ravel())).astype(np.int32)
    first, heads = neighbours(side * side, tail, head)
    y, x = np.divmod(np.arange(side * side), side)
    graph = lay_supergraph(side * side, tail, head, nested_order(first, heads, x.astype(float), y.astype(float)))
    depth = np.zeros(side * side, int)
    for rank in range(side * side - 2, -1, -1):
        if graph.first[rank] < graph.first[rank + 1]:
            depth[rank] = depth[graph.head[graph.first[rank]]] + 1
    # Cut in the middle, 40 + 20 + 20 + 10 + 10 + … = 4 sides stand above a node; cuts may lie a quarter off it.
    assert depth.max() <= 5 * side


def test_the_file_gives_the_same_hierarchy_and_only_to_its_own_network(tmp_path):
    roads = replace(random_network(5, nodes=60, streets=120), checksum="one")
    made = Hierarchy.build(roads)
    made.save(tmp_path / "roads.aph")
    kept = Hierarchy.load(tmp_path / "roads.aph", roads, verify=True)
    assert all(np.array_equal(a, b) for a, b in zip(made.graph, kept.graph, strict=True))
    assert kept.meta == made.meta
    ms = travel_ms(roads)
    assert np.array_equal(
        TravelTimes(roads, ms, kept).weights.metric.up, TravelTimes(roads, ms, made).weights.metric.up
    )
    other = replace(roads, checksum="two")
    with pytest.raises(HierarchyError, match="made for the network one; this one is two"):
        Hierarchy.load(tmp_path / "roads.aph", other)
    with pytest.raises(Refusal, match="hierarchy"):
        TravelTimes(other, ms, made)
    content = (tmp_path / "roads.aph").read_bytes()
    for wrong in (b"", b"APNROADS" + content[8:], content[:200], content[: len(content) // 2]):
        (tmp_path / "roads.aph").write_bytes(wrong)
        with pytest.raises(HierarchyError):
            Hierarchy.load(tmp_path / "roads.aph", roads)


def test_beside_its_network_it_is_made_once_and_made_anew_when_it_does_not_fit(tmp_path):
    roads = replace(random_network(5, nodes=60, streets=120), checksum="one")
    first = Hierarchy.beside(tmp_path / "roads.apn", roads)
    stamp = (tmp_path / "roads.aph").stat().st_mtime_ns
    assert np.array_equal(Hierarchy.beside(tmp_path / "roads.apn", roads).graph.rank, first.graph.rank)
    assert (tmp_path / "roads.aph").stat().st_mtime_ns == stamp
    other = replace(random_network(6, nodes=50, streets=120), checksum="two")
    assert len(Hierarchy.beside(tmp_path / "roads.apn", other).graph.rank) == 50
    Hierarchy.load(tmp_path / "roads.aph", other)
    (tmp_path / "roads.aph").write_bytes(b"spoilt")
    Hierarchy.beside(tmp_path / "roads.apn", other)
    Hierarchy.load(tmp_path / "roads.aph", other)
