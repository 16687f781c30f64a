"""Who is where first, against Bellman-Ford by hand for each unit alone, and scipy on a real city."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.csgraph
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.errors import Refusal
from engine.travel import UNREACHABLE_MS, Arriver, TravelTimes
from engine.travel.arrivals import arrivals
from geo_data.building import build_network
from geo_data.sources.osm import read_osm
from geo_data.speeds import NEVER, travel_ms
from tests.support.crew import Crew, passed
from tests.support.networks import drawn_map
from tests.support.ways import situations


def times_of(roads, through, inner, arc, fraction):
    """Return the time from a place to every node."""
    best = [UNREACHABLE_MS] * roads.n_nodes
    for on, at in ((arc, fraction), (int(roads.arc_reverse[arc]), 1 - fraction)):
        if on >= 0 and inner[on] < NEVER:
            best[roads.arc_head[on]] = min(best[roads.arc_head[on]], int(inner[on]) - passed(inner[on], at))
    for _ in range(roads.n_nodes):
        for on in np.flatnonzero(through < NEVER).tolist():
            later = best[roads.arc_tail[on]] + int(through[on])
            best[roads.arc_head[on]] = min(best[roads.arc_head[on]], later)
    return best


@settings(max_examples=250, deadline=None)
@given(situations(), st.sampled_from([0, 0, 1, 3]), st.integers(0, 2), st.data())
def test_the_first_at_every_node_is_what_brute_force_says(situation, need, fresh_after, data):
    roads, ms, crew, _ = situation
    if data.draw(st.booleans()):
        crew.turnout_ms[:] = 0  # more ties
    times = TravelTimes(roads, ms)
    shut = np.array(data.draw(st.lists(st.integers(0, roads.n_arcs - 1), max_size=3, unique=True)), np.int32)
    times.adopt(times.weights.changed(shut, np.full(len(shut), NEVER, np.int32)))
    through = ms.copy()
    through[shut] = NEVER
    each = []
    for u in range(len(crew.bits)):
        if int(crew.bits[u]) & need == need and crew.fixed_at[u] >= fresh_after:
            there = times_of(roads, through, ms, int(crew.arc[u]), float(crew.fraction[u]))
            each.append([(t + int(crew.turnout_ms[u]), u) for t in there])
    arriver = Arriver(times)
    for limit_ms in (None, 0, 40, 60_000, None):
        got = arriver.arrivals(crew, need, fresh_after, limit_ms)
        most_ms = NEVER - 1 if limit_ms is None else limit_ms
        for node in range(roads.n_nodes):
            best = min((unit[node] for unit in each), default=(UNREACHABLE_MS, -1))
            want = best if best[0] <= most_ms else (UNREACHABLE_MS, -1)
            assert (got.ms[node], got.unit[node]) == want


def test_more_units_than_streets_are_no_trouble_and_ties_go_to_the_first():
    roads, _ = drawn_map("a-b")
    ms = travel_ms(roads)
    crew = Crew(roads, ms, [(0, 0.5)] * 100, turnout_ms=[100 - u // 2 for u in range(100)])
    got = arrivals(TravelTimes(roads, ms), crew, 0, 0)
    half_ms = int(ms[0]) - passed(ms[0], 0.5)
    assert got.ms.tolist() == [51 + half_ms] * 2
    assert got.unit.tolist() == [98, 98]


def test_nobody_leaves_every_node_to_nobody():
    roads, _ = drawn_map("a-b")
    ms = travel_ms(roads)
    got = arrivals(TravelTimes(roads, ms), Crew(roads, ms, [(-1, 0.0)]), 0, 0)
    assert got.ms.tolist() == [UNREACHABLE_MS] * 2
    assert got.unit.tolist() == [-1] * 2


def test_a_limit_below_zero_is_refused():
    roads, _ = drawn_map("a-b")
    ms = travel_ms(roads)
    with pytest.raises(Refusal) as refused:
        arrivals(TravelTimes(roads, ms), Crew(roads, ms, []), 0, 0, -1)
    assert refused.value.field == "limit_ms"


def test_a_real_city_agrees_with_scipy(data):
    roads = build_network(read_osm(data / "osm" / "porto.osm.pbf"))
    ms = travel_ms(roads, "emergency")
    rng = np.random.default_rng(8)
    arcs = rng.choice(np.flatnonzero(ms < NEVER), 40)
    crew = Crew(roads, ms, [(int(a), float(rng.random())) for a in arcs], turnout_ms=rng.integers(30_000, 120_000, 40))
    got = arrivals(TravelTimes(roads, ms), crew, 0, 0)
    # One more node, from which an arc leads to every entry; parallel arcs are left to the shortest.
    way = ms < NEVER
    heads, weights = [], []
    for u, arc in enumerate(arcs.tolist()):
        for side, on in enumerate((arc, int(roads.arc_reverse[arc]))):
            if on >= 0 and ms[on] < NEVER:
                heads.append(int(roads.arc_head[on]))
                weights.append(int(crew.entry_ms[2 * u + side]) + int(crew.turnout_ms[u]))
    tail = np.concatenate((roads.arc_tail[way], np.full(len(heads), roads.n_nodes)))
    head = np.concatenate((roads.arc_head[way], heads))
    weight = np.concatenate((ms[way], weights)).astype(float)
    order = np.lexsort((weight, head, tail))
    tail, head, weight = tail[order], head[order], weight[order]
    first = np.append(True, (np.diff(tail) != 0) | (np.diff(head) != 0))
    size = roads.n_nodes + 1
    graph = scipy.sparse.csr_array((weight[first], (tail[first], head[first])), shape=(size, size))
    want = scipy.sparse.csgraph.dijkstra(graph, indices=roads.n_nodes)[:-1]
    found = got.ms.astype(float)
    found[got.ms == UNREACHABLE_MS] = np.inf
    assert np.array_equal(found, want)
    assert np.array_equal(got.unit >= 0, np.isfinite(want))
