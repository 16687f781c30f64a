"""Who can be ahead of a subject who flees: on a drawn map, against brute force, and from the table alone."""

import heapq

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.dispatch.ahead import BEHIND, FARTHEST_MS, LEAST, LEAST_UNKNOWN, SETUP_MS, SPARE_MS, Pursued, Ways
from engine.dispatch.decide import decide
from engine.dispatch.force import Force
from engine.dispatch.policies import Policies
from engine.dispatch.solving_again import Table, solve_again
from engine.dispatch.wanted import Wanted
from engine.fleet import Fleet
from engine.model.entities import Unit
from engine.model.limits import MOST_RECOMMENDATION_BYTES
from engine.model.recommendation import Recommendation
from engine.travel import TravelTimes
from engine.travel.polyline import decode_polyline
from engine.travel.riders import MOST_HANDICAP_MS
from geo_data.snapping import Snapper
from geo_data.speeds import travel_ms
from tests.support.cities import NOW
from tests.support.networks import drawn_map

MINUTE = 60_000
HORIZON_MS = 8 * MINUTE
ANY_AGE = Policies(stale_position_ms=0)
# He was seen at C and flees to the right. N is next to him, behind; H is far off, where he will be.
ROAD = "N---------C------------------------------------------------------------H"
GRID = """
A--------B--------C--------D
|        |        |        |
E>>>>>>>>F--------G--------H
|        |        v        |
I--------J--------K--------L
"""


class Map:
    """A drawn map with units at its letters, and ways that are told by letters and seconds."""

    def __init__(self, text, units, *, turnout_ms=0, fixed_ms=0):
        self.network, self.node = drawn_map(text)
        self.ms = travel_ms(self.network, "emergency")
        fleet = Fleet(self.network, self.ms, Snapper(self.network))
        fleet.add([self._unit(name, letter, turnout_ms) for name, letter in units.items()], 0)
        times = TravelTimes(self.network, self.ms)
        self.force = Force(times=times, fleet=fleet, posts=fleet, stations=(), claims={}, fixed_ms=fixed_ms)

    def _unit(self, name, letter, turnout_ms):
        node = self.node[letter]
        lon, lat = float(self.network.node_lon[node]), float(self.network.node_lat[node])
        return Unit(id=name, name=name, capabilities=("patrol",), lon=lon, lat=lat, turnout_ms=turnout_ms)

    def ways(self, *routes):
        """Return ways, each a word of letters and when it comes by each, in ms."""
        visits = [[] for _ in self.node]
        for letters, at in routes:
            last = {self.node[letter]: ms for letter, ms in zip(letters, at, strict=True)}
            for node, ms in last.items():
                visits[node].append(ms)
        first = np.cumsum([0, *map(len, visits)]).astype(np.int32)
        ms = np.array([ms for its in visits for ms in sorted(its, reverse=True)], np.int64)
        nodes = np.arange(len(visits), dtype=np.int32)
        return Ways(nodes, nodes, first, ms, len(routes))

    def wanted(self, seen, ways, number=1, *, known_heading=True, **more):
        pursued = Pursued(sighting="s1", why="ahead", horizon_ms=HORIZON_MS, known_heading=known_heading, ways=ways)
        arc = int(self.network.first_out[self.node[seen]])
        its = {"incident": "i", "capability": "patrol", "level": 1, "arc": arc, "fraction": 0.0, "pursued": pursued}
        return [Wanted(demand=f"d{i}", **its | more) for i in range(number)]

    def decide(self, wanted):
        return [its.recommendation for its in decide(wanted, self.force, ANY_AGE, NOW, number=1)]

    def from_unit(self, row):
        """Return the time from a unit to each node, by Dijkstra as it is in books."""
        fleet, network = self.force.fleet, self.network
        arc, share = int(fleet.arc[row]), float(fleet.fraction[row])
        back = int(network.arc_reverse[arc])
        queue = [(round(self.ms[arc] * (1.0 - share)), int(network.arc_head[arc]))]
        if back >= 0:
            queue.append((round(self.ms[back] * share), int(network.arc_head[back])))
        found = {}
        heapq.heapify(queue)
        while queue:
            ms, node = heapq.heappop(queue)
            if node in found:
                continue
            found[node] = ms
            for out in range(network.first_out[node], network.first_out[node + 1]):
                heapq.heappush(queue, (ms + int(self.ms[out]), int(network.arc_head[out])))
        return found


def along(*letters, every_s=30):
    return "".join(letters), [1000 * every_s * i for i in range(len(letters))]


def test_the_one_ahead_goes_though_another_is_nearer_behind():
    of = Map(ROAD, {"behind": "N", "ahead": "H"})
    (found,) = of.decide(of.wanted("C", of.ways(("CH", [0, 6 * MINUTE]), ("CH", [0, 7 * MINUTE]))))
    chosen, (other,) = found.chosen, found.others
    assert (chosen.recipient, other.recipient) == ("ahead", "behind")
    assert other.eta_ms < chosen.eta_ms  # to where he was seen
    assert found.policy == "ahead"
    assert (found.chased.sighting, found.chased.why, found.chased.routes) == ("s1", "ahead", 2)
    meeting, end = chosen.meeting, of.node["H"]
    assert (meeting.lon, meeting.lat) == (of.network.node_lon[end], of.network.node_lat[end])
    assert (meeting.meets, meeting.at_ms, meeting.eta_ms) == (2, 6.5 * MINUTE, 0)
    assert meeting.ahead_ms == 6.5 * MINUTE - SETUP_MS
    assert other.meeting is None
    assert chosen.penalties_ms.get(BEHIND, 0) < other.penalties_ms[BEHIND]
    assert chosen.eta_ms + chosen.penalties_ms.get(BEHIND, 0) < other.eta_ms + other.penalties_ms[BEHIND]


def test_the_way_of_who_is_ahead_leads_to_where_he_is_met():
    of = Map(GRID, {"u": "D"})
    (decision,) = decide(of.wanted("A", of.ways(along("A", "E", "I", "J", "K", every_s=60))), of.force, ANY_AGE, NOW)
    chosen = decision.recommendation.chosen
    assert (chosen.meeting.lon, chosen.meeting.lat) != (of.network.node_lon[0], of.network.node_lat[0])
    met = (chosen.meeting.lon, chosen.meeting.lat)
    node = list(zip(of.network.node_lon, of.network.node_lat, strict=True)).index(met)
    assert abs(chosen.meeting.eta_ms - of.from_unit(0)[node]) <= 4
    end = decode_polyline(decision.route)[-1]
    assert np.allclose(end, met, atol=1e-5)


@pytest.mark.parametrize(
    ("ways", "known", "why"),
    [
        ([("CN", [0, 20_000])] * 3, True, "nobody_ahead"),  # past N before anybody stands there
        ([("CH", [0, 9 * MINUTE])], True, "nobody_ahead"),  # later than was looked
        ([("C", [0])] * 3 + [("CH", [0, 6 * MINUTE])], False, "no_way_likelier"),
        ([("C", [0])] * 99 + [("CH", [0, 6 * MINUTE])], True, "nobody_ahead"),  # on hardly any of his ways
    ],
)
def test_where_nobody_is_ahead_who_is_nearest_goes(ways, known, why):
    of = Map(ROAD, {"behind": "N", "ahead": "H"})
    (found,) = of.decide(of.wanted("C", of.ways(*ways), known_heading=known))
    assert (found.chosen.recipient, found.policy, found.chased.why) == ("behind", "nearest", why)
    assert (found.chosen.meeting, found.chosen.penalties_ms, found.others[0].penalties_ms) == (None, {}, {})


@pytest.mark.parametrize("why", ["stands_still", "seen_long_ago", "off_his_roads"])
def test_without_ways_who_is_nearest_goes_and_the_table_says_why(why):
    of = Map(ROAD, {"behind": "N", "ahead": "H"})
    wanted = of.wanted("C", None, pursued=Pursued(sighting="s1", why=why))
    (found,) = of.decide(wanted)
    assert (found.chosen.recipient, found.policy, found.chased.why) == ("behind", "nearest", why)


def test_two_that_are_wanted_are_the_two_that_are_ahead():
    of = Map(ROAD, {"behind": "N", "ahead": "H", "also": "H"})
    found = of.decide(of.wanted("C", of.ways(("CH", [0, 6 * MINUTE])), 2))
    assert {its.chosen.recipient for its in found} == {"ahead", "also"}
    assert solve_again([Table(f"d{i}", "i", its) for i, its in enumerate(found)]).verdict == "same"


def test_who_has_refused_is_nowhere_and_hides_nobody():
    of = Map(ROAD, {"ahead": "H", "also": "H", "behind": "N"})
    ways = of.ways(("CH", [0, 6 * MINUTE]))
    (found,) = of.decide(of.wanted("C", ways, refused_by=frozenset({0})))
    assert (found.chosen.recipient, found.chosen.meeting.meets) == ("also", 1)


def test_in_the_same_table_who_is_ahead_but_cannot_go_is_excluded_as_ever():
    of = Map(ROAD, {"ahead": "H", "behind": "N"})
    of.force.fleet.set_status(0, "busy")
    (found,) = of.decide(of.wanted("C", of.ways(("CH", [0, 6 * MINUTE]))))
    assert (found.chosen.recipient, found.chased.why) == ("behind", "nobody_ahead")
    assert found.excluded_counts == {"busy": 1}


@st.composite
def hunts(draw):
    """Draw units and ways over the grid, walked at random."""
    letters = "ABCDEFGHIJKL"
    units = {f"u{i}": draw(st.sampled_from(letters)) for i in range(draw(st.integers(1, 5)))}
    turnout_ms, fixed_ms = draw(st.sampled_from([0, 5_000, 60_000])), draw(st.sampled_from([0, 7_000]))
    of = Map(GRID, units, turnout_ms=turnout_ms, fixed_ms=fixed_ms)
    seen = draw(st.sampled_from(letters))
    routes = []
    for _ in range(draw(st.integers(1, 6))):
        walk = draw(st.permutations(letters))[: draw(st.integers(1, 6))]
        at = np.cumsum([draw(st.integers(1_000, 120_000)) for _ in walk]) - draw(st.sampled_from([0, 60_000]))
        routes.append(("".join(walk), at.tolist()))
    return of, units, turnout_ms + fixed_ms, seen, routes, draw(st.booleans())


def by_force(of, units, slow_ms, seen, routes, *, known):
    """Return what each unit counts by the definition, with how many ways it meets; None where nobody is ahead."""
    chance = {}
    for row in range(len(units)):
        to = of.from_unit(row)
        eta_ms = to[of.node[seen]] + slow_ms
        best = (eta_ms + HORIZON_MS, 0)
        for other, node in of.node.items():
            ready_ms = to[node] + slow_ms + SETUP_MS + SPARE_MS
            met = [ms for word, at in routes for c, ms in zip(word, at, strict=True) if c == other and ms >= ready_ms]
            met = [ms for ms in met if ms <= HORIZON_MS]
            if met:
                at_ms = (sum(met) + len(met) // 2) // len(met)
                missed = len(routes) - len(met)
                best = min(best, ((len(met) * at_ms + missed * (eta_ms + HORIZON_MS)) // len(routes), -len(met)))
        enough = -best[1] >= max(1, (LEAST if known else LEAST_UNKNOWN) * len(routes)) and eta_ms <= FARTHEST_MS
        chance[row] = best if enough else (eta_ms + HORIZON_MS, 0)
    return chance if any(meets for _, meets in chance.values()) else None


def on_record(recommendation):
    """Return a recommendation as a journal gives it back."""
    content = msgspec.json.encode(recommendation)
    assert len(content) <= MOST_RECOMMENDATION_BYTES
    return msgspec.json.decode(content, type=Recommendation)


@settings(max_examples=200, deadline=None)
@given(hunts())
def test_what_each_counts_is_what_brute_force_says(hunt):
    of, units, slow_ms, seen, routes, known = hunt
    (found,) = of.decide(of.wanted(seen, of.ways(*routes), known_heading=known))
    want = by_force(of, units, slow_ms, seen, routes, known=known)
    got = {one.recipient: one for one in (found.chosen, *found.others)}
    assert set(got) == set(units)
    if want is None:
        assert found.chased.why != "ahead"
        assert all(BEHIND not in one.penalties_ms and one.meeting is None for one in got.values())
        assert found.chosen.eta_ms == min(one.eta_ms for one in got.values())
        return
    shift_ms = found.chased.shift_ms
    for row, name in enumerate(units):
        one = got[name]
        cost_ms = one.eta_ms + one.penalties_ms.get(BEHIND, 0) - shift_ms
        assert abs(cost_ms - want[row][0]) <= 4  # a unit stands on an arc, to the millisecond
        assert (0 if one.meeting is None else one.meeting.meets) == -want[row][1]
        assert one.meeting is None or one.meeting.ahead_ms >= SPARE_MS
        assert 0 <= one.penalties_ms.get(BEHIND, 0) <= MOST_HANDICAP_MS
    assert want[list(units).index(found.chosen.recipient)][0] <= min(cost for cost, _ in want.values()) + 4


@settings(max_examples=200, deadline=None)
@given(hunts(), st.integers(1, 3), st.integers(-1, 1), st.integers(0, 20))
def test_the_frozen_tables_give_the_same_choice_and_one_that_was_changed_does_not(hunt, number, more, pick):
    of, _, _, seen, routes, known = hunt
    found = [on_record(its) for its in of.decide(of.wanted(seen, of.ways(*routes), number, known_heading=known))]
    tables = [Table(f"d{i}", "i", its) for i, its in enumerate(found)]
    solved = solve_again(tables)
    assert solved.verdict == "same"
    assert list(solved.chosen) == [its.chosen and its.chosen.recipient for its in found]
    first = found[0]
    if more and first.chosen is not None and first.chosen.meeting is not None:
        meeting = first.chosen.meeting
        ways = {"meets": max(0, meeting.meets + more * 7)} if pick % 2 else {"at_ms": meeting.at_ms + more * 60_000}
        changed = replace(first, chosen=replace(first.chosen, meeting=replace(meeting, **ways)))
        assert solve_again([Table("d0", "i", changed), *tables[1:]]).verdict == "differs"
