"""Labels: kept over questions, never over a move or a version, and the hierarchy ranks by them as the search does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.travel import Hierarchy, TravelTimes, workspace
from engine.travel.labels import lowest_below
from engine.travel.supergraph import lay_supergraph
from engine.travel.workspace import MOST_LABELS, MOST_NEW, SETTLED_AFTER
from geo_data.speeds import NEVER, travel_ms
from tests.support.crew import Crew
from tests.support.networks import random_network

UNITS = 40


@pytest.fixture(autouse=True, scope="module")
def settled_at_once():
    """Let versions be settled from their first question on, so that few questions come to use labels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "SETTLED_AFTER", 0)
        yield


STEPS = st.lists(st.sampled_from(("ask", "ask", "ask", "move", "times", "shut")), min_size=5, max_size=25)


def ranked(ranking):
    return list(zip(ranking.eta_ms.tolist(), ranking.unit.tolist(), ranking.travel_ms.tolist(), strict=True))


@settings(max_examples=60)
@given(st.integers(0, 10_000), STEPS)
def test_whoever_moved_and_whatever_changed_the_hierarchy_ranks_as_the_search(seed, steps):
    rng = np.random.default_rng(seed)
    roads = random_network(seed, nodes=int(rng.integers(2, 60)), streets=int(rng.integers(1, 90)))
    times = TravelTimes(roads, travel_ms(roads), Hierarchy.build(roads))
    arcs, fractions = rng.integers(0, roads.n_arcs, UNITS), rng.random(UNITS)
    turnout_ms = rng.integers(0, 30_000, UNITS)
    spare = None
    for step in steps:
        weights = times.weights
        if step == "move":
            who = rng.integers(0, UNITS, 3)
            arcs[who], fractions[who] = rng.integers(0, roads.n_arcs, 3), rng.random(3)
        elif step == "times":
            some = rng.choice(roads.n_arcs, min(3, roads.n_arcs), replace=False).astype(np.int32)
            ms = np.where(rng.random(len(some)) < 0.3, NEVER, rng.integers(1, 90_000, len(some))).astype(np.int32)
            times.adopt(weights.changed(some, ms, spare))
            spare = weights
        elif step == "shut":
            times.close_at_once(rng.integers(0, roads.n_arcs, 1))
        crew = Crew(
            roads,
            times.weights.inner_ms,
            list(zip(arcs.tolist(), fractions.tolist(), strict=True)),
            turnout_ms=turnout_ms,
        )
        goal, k = (int(rng.integers(roads.n_arcs)), float(rng.random())), int(rng.integers(1, 12))
        by_search, by_hierarchy = (times.nearest(*goal, crew, 0, k, -1, how) for how in ("search", "hierarchy"))
        assert ranked(by_hierarchy) == ranked(by_search)


def test_units_at_rest_all_come_to_have_a_label_and_a_version_takes_them_all():
    roads = random_network(8, nodes=200, streets=400)
    times = TravelTimes(roads, travel_ms(roads), Hierarchy.build(roads))
    rng = np.random.default_rng(1)
    crew = Crew(roads, times.weights.inner_ms, [(int(rng.integers(roads.n_arcs)), 0.5) for _ in range(UNITS)])
    looked_at = [times.nearest(0, 0.5, crew, 0, 3, -1, "hierarchy").settled for _ in range(2 * UNITS // MOST_NEW)]
    assert looked_at[-1] < looked_at[0]  # the incident's own ranks are all that is left to look at
    assert looked_at[-1] == looked_at[-2]
    times.adopt(times.weights.changed(np.array([1], np.int32), np.array([50_000], np.int32)))
    crew = Crew(roads, times.weights.inner_ms, list(zip(crew.arc.tolist(), crew.fraction.tolist(), strict=True)))
    assert times.nearest(0, 0.5, crew, 0, 3, -1, "hierarchy").settled > looked_at[-1]


def test_none_is_written_while_versions_come_and_go(monkeypatch):
    monkeypatch.setattr(workspace, "SETTLED_AFTER", SETTLED_AFTER)
    roads = random_network(8, nodes=200, streets=400)
    times = TravelTimes(roads, travel_ms(roads), Hierarchy.build(roads))
    crew = Crew(roads, times.weights.inner_ms, [(arc, 0.5) for arc in range(UNITS)])
    for turn in range(3):
        written = []
        for _ in range(SETTLED_AFTER + 1):
            times._desk.stands(times.weights)
            written.append(times._desk.labels(UNITS)[2])
        assert written == [0] * SETTLED_AFTER + [MOST_NEW]
        times.nearest(0, 0.5, crew, 0, 3, -1, "hierarchy")
        times.adopt(times.weights.changed(np.array([1], np.int32), np.array([50_000 + turn], np.int32)))


def test_the_ranks_below_a_rank_are_those_just_before_it():
    roads = random_network(3, nodes=120, streets=200)
    graph = lay_supergraph(
        roads.n_nodes,
        np.asarray(roads.arc_tail, np.int32),
        np.asarray(roads.arc_head, np.int32),
        np.random.default_rng(2).permutation(roads.n_nodes).astype(np.int32),
    )
    below = lowest_below(graph)
    for rank in range(roads.n_nodes):
        ancestors, at = set(), rank
        while graph.first[at] < graph.first[at + 1]:
            at = int(graph.head[graph.first[at]])
            ancestors.add(at)
        for other in range(roads.n_nodes):
            assert (other in ancestors or other == rank) == (below[other] <= rank <= other)


def test_more_units_than_have_room_share_it():
    roads = random_network(8, nodes=50, streets=100)
    times = TravelTimes(roads, travel_ms(roads), Hierarchy.build(roads))
    rng = np.random.default_rng(3)
    units = MOST_LABELS + 30
    places = list(zip(rng.integers(0, roads.n_arcs, units).tolist(), rng.random(units).tolist(), strict=True))
    bits = np.zeros(units, np.uint64)
    bits[:30] = bits[-30:] = 1  # those at the end have the same rooms as those at the beginning
    crew = Crew(roads, times.weights.inner_ms, places, bits=bits)
    for goal in range(20):
        by_search, by_hierarchy = (times.nearest(goal, 0.3, crew, 1, 9, -1, how) for how in ("search", "hierarchy"))
        assert ranked(by_hierarchy) == ranked(by_search)
