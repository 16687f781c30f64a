"""Turns against brute force: states are directed streets, a step goes from one to the next if the turn is allowed."""

import dataclasses
import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.travel import Hierarchy, NoWay, TravelTimes
from geo_data.building import RoadDataError, build_network
from geo_data.inspection import inspect_network
from geo_data.raw_roads import MODES, Mode, Restriction, RoadClass
from geo_data.snapping import Snapper, metres_per_degree
from geo_data.speed_table import Contraflow, SpeedTable, TurnTimes
from geo_data.speeds import NEVER, travel_ms
from tests.support.raw_streets import Edge, drawn_roads, raw_roads

COSTS = TurnTimes(straight=0.5, right=2.0, left=7.0, u_turn=20.0)
TABLE = dataclasses.replace(SpeedTable.shipped(), turn_s=COSTS)
SEEDS = st.integers(0, 100_000)
KEPT = pytest.mark.parametrize("kept", ["restrictions", "all"])


def restricted_roads(seed, nodes=9, edges=20, *, footways=True):
    """Return random straight streets, each its own source, and random restrictions where two of them meet."""
    rng = np.random.default_rng(seed)
    ends = [pair for pair in rng.integers(0, nodes, (3 * edges, 2)).tolist() if pair[0] != pair[1]][:edges]
    made = []
    for number, (tail, head) in enumerate(ends):
        foot = footways and rng.random() < 0.15
        modes = int(Mode.FOOT) if foot else 7
        back = (modes & int(Mode.FOOT)) if rng.random() < 0.25 else modes
        made.append(Edge(tail, head, modes, back, source_id=number, kmh=36.0, backward_kmh=36.0))
    turns = []
    for _ in range(12):
        by, to = rng.integers(0, len(ends), 2).tolist()
        shared = sorted(set(ends[by]) & set(ends[to]))
        if shared:
            via = int(rng.choice(shared))
            turns.append((by, via, to, int(Restriction.ONLY if rng.random() < 0.3 else Restriction.NO)))
    return raw_roads(rng.uniform(0, 0.02, (nodes, 2)), made, turns=turns)


class LineGraph:
    """What may be driven after what, from the raw streets and the words of the restrictions alone."""

    def __init__(self, raw, network, kept, profile, table=TABLE):
        self.network, self.profile = network, profile
        self.ms = travel_ms(network, profile, table)
        streets = np.flatnonzero(~network.is_turn & (self.ms < NEVER)).tolist()
        place = network.node_source_id
        self.out = {arc: [] for arc in streets}
        self.edge = {arc: int(network.arc_source_id[arc]) for arc in streets}
        self.ends = {arc: (int(place[network.arc_tail[arc]]), int(place[network.arc_head[arc]])) for arc in streets}
        said = list(zip(*(a.tolist() for a in (raw.turn_from, raw.turn_via, raw.turn_to, raw.turn_kind)), strict=True))
        self.used = [rule for rule in said if self._can_be_used(raw, rule)]
        drivable = np.flatnonzero((raw.forward_modes | raw.backward_modes) & int(Mode.NORMAL))
        degree = np.bincount(np.concatenate((raw.tail[drivable], raw.head[drivable])), minlength=len(raw.node_lon))
        apart = {via for _, via, _, _ in self.used}
        if kept == "all":
            apart |= set(np.flatnonzero(degree >= 3).tolist())
        self.apart = apart
        for a in streets:
            for b in streets:
                if self.ends[a][1] == self.ends[b][0]:
                    cost = self._turn_ms(raw, a, b, table)
                    if cost is not None:
                        self.out[a].append((b, cost))

    def _can_be_used(self, raw, rule):
        by, via, to, _ = rule
        into = raw.forward_modes[by] if raw.head[by] == via else raw.backward_modes[by]
        out = raw.forward_modes[to] if raw.tail[to] == via else raw.backward_modes[to]
        return bool(into & out & int(Mode.NORMAL))

    def _turn_ms(self, raw, a, b, table):
        via = self.ends[a][1]
        by, to = self.edge[a], self.edge[b]
        if via not in self.apart:
            return 0
        if self.profile == "normal":
            rules = [(f, t, k) for f, v, t, k in self.used if v == via]
            if (by, to, Restriction.NO) in rules:
                return None
            only = {t for f, t, k in rules if f == by and k == Restriction.ONLY}
            if only and to not in only:
                return None
            return max(1, round(1000 * self._seconds(raw, a, b, table.turn_s)))
        return 1

    def _seconds(self, raw, a, b, costs):
        if self.edge[a] == self.edge[b]:
            return costs.u_turn
        per = metres_per_degree(float(np.mean(raw.node_lat)))
        start, via, goal = self.ends[a][0], self.ends[a][1], self.ends[b][1]
        at = [(raw.node_lon[node] * per[0], raw.node_lat[node] * per[1]) for node in (start, via, goal)]
        came = math.atan2(at[1][1] - at[0][1], at[1][0] - at[0][0])
        goes = math.atan2(at[2][1] - at[1][1], at[2][0] - at[1][0])
        angle = math.degrees((goes - came + math.pi) % (2 * math.pi) - math.pi)
        if abs(angle) >= 170:
            return costs.u_turn
        return costs.straight if abs(angle) < 45 else costs.left if angle > 0 else costs.right

    def from_place(self, arc, fraction):
        """Return the time to the end of every street from a place, whichever way it is left."""
        best, heap = {}, []
        for on, here in ((arc, fraction), (int(self.network.arc_reverse[arc]), 1 - fraction)):
            if on in self.out:
                heapq.heappush(heap, (int(self.ms[on]) - int(here * self.ms[on] + 0.5), on))
        while heap:
            ms, on = heapq.heappop(heap)
            if on in best:
                continue
            best[on] = ms
            for following, cost in self.out[on]:
                heapq.heappush(heap, (ms + cost + int(self.ms[following]), following))
        return best

    def times(self, start, goals):
        """Return the time from a place to others; infinite where there is no way."""
        ends = self.from_place(*start)
        found = []
        for arc, fraction in goals:
            best = math.inf
            for on, there in ((arc, fraction), (int(self.network.arc_reverse[arc]), 1 - fraction)):
                if on not in self.out:
                    continue
                behind = int(there * self.ms[on] + 0.5)
                for before, ms in ends.items():
                    for following, cost in self.out[before]:
                        if following == on:
                            best = min(best, ms + cost + behind)
                for mine, here in (start, (int(self.network.arc_reverse[start[0]]), 1 - start[1])):
                    passed = int(here * self.ms[on] + 0.5)
                    if mine == on and behind >= passed:
                        best = min(best, behind - passed)
            found.append(best)
        return found


def built(seed, kept, **more):
    raw = restricted_roads(seed)
    try:
        return raw, build_network(raw, merge_chains=False, turns=kept, **more)
    except RoadDataError:
        return raw, None


def streets_of(network, mode):
    streets = ((network.arc_modes & mode) != 0) & ~network.is_turn
    return sorted(zip(network.arc_source_id[streets].tolist(), network.arc_drawn[streets].tolist(), strict=True))


@KEPT
@settings(deadline=None, max_examples=80)
@given(seed=SEEDS, profile=st.sampled_from(["normal", "emergency", "foot"]), against=st.booleans())
def test_both_searches_are_brute_force_over_the_allowed_turns(kept, seed, profile, against):
    raw, network = built(seed, kept, contraflow=against)
    if network is None:
        return
    table = dataclasses.replace(TABLE, contraflow=Contraflow(factor=0.5, penalty_s=3.0)) if against else TABLE
    brute = LineGraph(raw, network, kept, profile, table)
    if not brute.out:
        return
    rng = np.random.default_rng(seed)
    arcs = rng.choice(list(brute.out), 6).astype(np.int32)
    shares = rng.uniform(0, 1, 6)
    places = list(zip(arcs.tolist(), shares.tolist(), strict=True))
    ms = travel_ms(network, profile, table)
    searches = [TravelTimes(network, ms), TravelTimes(network, ms, Hierarchy.build(network))]
    for start in places[:3]:
        want = brute.times(start, places)
        for times in searches:
            for goal, ms_wanted in zip(places, want, strict=True):
                try:
                    assert times.route(*start, *goal).ms == ms_wanted
                except NoWay:
                    assert ms_wanted == math.inf
    for goal in places[:2]:
        want = [brute.times(start, [goal])[0] for start in places]
        for _ in range(2):  # the second asks whether the first left its memory clean
            got = searches[0].to_many(*goal, arcs, shares).astype(float)
            assert [math.inf if value >= NEVER else value for value in got.tolist()] == want


@KEPT
@settings(deadline=None, max_examples=80)
@given(seed=SEEDS)
def test_whatever_street_may_be_entered_may_be_left_for_any_other(kept, seed):
    raw, network = built(seed, kept)
    if network is None:
        return
    for profile in ("normal", "emergency", "foot"):
        brute = LineGraph(raw, network, kept, profile)
        for arc in brute.out:
            assert brute.from_place(arc, 1.0).keys() == brute.out.keys()


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_who_walks_or_responds_loses_no_street_and_nobody_stands_on_a_turn(seed):
    raw, network = built(seed, "all")
    if network is None:
        return
    plain = build_network(raw, merge_chains=False)
    for mode in (Mode.EMERGENCY, Mode.FOOT):
        assert streets_of(network, mode) == streets_of(plain, mode)
    rng = np.random.default_rng(seed)
    for mode in MODES:
        if (network.arc_modes & mode).any():
            arcs, _, _ = Snapper(network, mode).snap_many(*rng.uniform(0, 0.02, (2, 30)), limit_m=1e6)
            assert not network.is_turn[arcs].any()
    found = {finding.code for finding in inspect_network(network)}
    assert not found & {"zero_length", "duplicate_nodes", "island"}


@pytest.mark.parametrize("merge", [True, False])
def test_a_junction_is_taken_apart_only_where_it_has_to_be(merge):
    drawn = "A-b-C-d-E\n    |\n    f\n    |\n    G"
    plain, node = drawn_roads(drawn)
    edges = {
        frozenset(pair): number
        for number, pair in enumerate(zip(plain.tail.tolist(), plain.head.tolist(), strict=True))
    }
    into, out = edges[frozenset((node["b"], node["C"]))], edges[frozenset((node["C"], node["f"]))]
    gone = edges[frozenset((node["A"], node["b"]))]
    turns = [(into, node["C"], out, int(Restriction.NO)), (gone, node["C"], out, int(Restriction.NO))]
    raw, _ = drawn_roads(drawn, turns=turns)
    network = build_network(raw, merge_chains=merge, turns="restrictions")
    assert network.meta["report"]["turns"] == {
        "kept": "restrictions",
        "restrictions": 2,
        "used": 1,
        "unused": {"not_at_the_node": 1},
        "junctions": 1,
        "forbidden": 1,
    }
    turn = np.flatnonzero(network.is_turn)
    assert len(turn) == 9
    kinds = sorted(RoadClass(kind).name for kind in network.arc_class[turn])
    assert kinds == ["TURN_LEFT"] * 2 + ["TURN_RIGHT"] * 2 + ["TURN_STRAIGHT"] * 2 + ["TURN_U"] * 3
    (forbidden,) = turn[(network.arc_modes[turn] & Mode.NORMAL) == 0]
    assert network.arc_class[forbidden] == RoadClass.TURN_RIGHT
    assert network.arc_modes[forbidden] == int(Mode.EMERGENCY | Mode.FOOT)
    assert network.n_nodes == (3 if merge else 6) + 6
    assert not build_network(raw, merge_chains=merge).is_turn.any()
    assert build_network(raw).meta["report"]["turns"]["unused"] == {"not_asked_for": 2}


def test_turns_cost_normal_drivers_what_the_table_says_and_others_next_to_nothing():
    raw, _ = drawn_roads("A-B-C\n  |\n  D")
    network = build_network(raw, turns="all")
    turn = network.is_turn
    want = {
        RoadClass.TURN_STRAIGHT: 500,
        RoadClass.TURN_RIGHT: 2000,
        RoadClass.TURN_LEFT: 7000,
        RoadClass.TURN_U: 20_000,
    }
    for hour in (None, 8):
        ms = travel_ms(network, "normal", TABLE, hour)
        assert ms[turn].tolist() == [want[RoadClass(kind)] for kind in network.arc_class[turn]]
    assert set(travel_ms(network, "normal")[turn].tolist()) == {1}
    assert set(travel_ms(network, "emergency", TABLE)[turn].tolist()) == {1}
