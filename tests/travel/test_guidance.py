"""What a driver is told, on crossings drawn by hand and turned every way, and on a real country's roads."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.texts.directions import directions
from engine.travel import TravelTimes, turns
from engine.travel.reach import reach
from engine.travel.roundabouts import ring_through
from geo_data.building import build_network
from geo_data.raw_roads import Mode, RoadClass
from geo_data.sources.osm import read_osm
from geo_data.speeds import NEVER, travel_ms
from tests.support.networks import Street, arc_between, network, random_network


def turned(points, degrees):
    """Return points turned clockwise by an angle."""
    angle = math.radians(degrees)
    x, y = np.asarray(points, float).T
    return np.column_stack((x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)))


def arm(degrees, length_m=100.0):
    """Return the end of an arm of a crossing at the origin; 0 leads north."""
    return length_m * math.sin(math.radians(degrees)), length_m * math.cos(math.radians(degrees))


def told(nodes, streets, way, *, start=0.0, end=1.0, goal=None):
    """Return what is told on the way along the nodes, from the first arc's start to the last one's end."""
    roads = network(nodes, streets)
    times = TravelTimes(roads, travel_ms(roads))
    first, last = arc_between(roads, way[0], way[1]), arc_between(roads, way[-2], way[-1])
    route = times.route(first, start, last, end)
    assert [int(roads.arc_tail[a]) for a in route.arcs] == list(way[:-1])
    found = turns(times.weights, route, goal)
    assert sum(turn.ms for turn in found) == route.ms
    assert sum(turn.length_m for turn in found) == pytest.approx(route.length_m, abs=0.1 * len(found))
    return found


def codes(*asked, **more):
    return [turn.code for turn in told(*asked, **more)][1:-1]


def crossing(came_from, *arms, names=None):
    """Return nodes and streets of a crossing at node 0: node 1 where one comes from, then the other arms' ends."""
    nodes = [(0.0, 0.0), arm(came_from + 180.0), *(arm(came_from + a) for a in arms)]
    labels = names or [f"{i}" for i in range(len(nodes))]
    return nodes, [Street(0, i, name=labels[i - 1]) for i in range(1, len(nodes))]


@settings(max_examples=120, deadline=None)
@given(
    st.floats(0, 360),
    st.sampled_from(
        [
            (90, "turn_right"),
            (-90, "turn_left"),
            (60, "turn_right"),
            (-120, "turn_left"),
            (150, "sharp_right"),
            (-150, "sharp_left"),
            (40, "bear_right"),
            (-40, "bear_left"),
            (5, "continue"),
        ]
    ),
)
def test_a_turn_has_its_side_whichever_way_one_comes(came_from, case):
    angle, code = case
    nodes, streets = crossing(came_from, angle, -100 if angle > 0 else 100)
    assert codes(nodes, streets, (1, 0, 2)) == [code]


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 360), st.sampled_from([(80, "turn_right"), (-80, "turn_left")]))
def test_the_first_metres_decide_not_the_last_vertex_nor_the_far_end(came_from, case):
    angle, code = case
    nodes = turned([(0, 0), (0, -100), (-300, -100), (0, 100)], came_from)
    # A kink of 2 m the other way at the crossing, 60 m in the direction, then all the way back.
    bends = turned([(-math.copysign(2, angle), 1), arm(angle, 60.0), (-250, 0)], came_from)
    streets = [Street(0, 1, name="a"), Street(0, 2, name="b", bends=list(bends)), Street(0, 3, name="c")]
    assert codes(nodes, streets, (1, 0, 2)) == [code]


def test_a_street_that_goes_straight_on_is_one_leg():
    nodes, streets = crossing(30.0, 0, 90, -90, names=["High St", "High St", "x", "y"])
    found = told(nodes, streets, (1, 0, 2))
    assert [turn.code for turn in found] == ["depart", "arrive"]
    assert (found[0].name, found[0].length_m, found[0].bearing_deg) == ("High St", pytest.approx(200, abs=0.2), 30)


def test_a_new_name_straight_on_is_told_as_going_on():
    nodes, streets = crossing(0.0, 0, 90, names=["Old", "New", "x"])
    found = told(nodes, streets, (1, 0, 2))
    assert [(turn.code, turn.name) for turn in found] == [("depart", "Old"), ("continue", "New"), ("arrive", "New")]


def test_a_name_that_is_missing_for_a_stretch_is_no_turn():
    nodes = [(0, 0), (100, 0), (200, 0), (300, 0)]
    streets = [Street(0, 1, name="A"), Street(1, 2), Street(2, 3, name="A")]
    assert codes(nodes, streets, (0, 1, 2, 3)) == []


def test_a_bend_without_a_choice_is_not_told():
    nodes = [(0, 0), (100, 0), (100, 100)]
    assert codes(nodes, [Street(0, 1, name="A"), Street(1, 2, name="A")], (0, 1, 2)) == []
    assert codes(nodes, [Street(0, 1, name="A"), Street(1, 2, name="B")], (0, 1, 2)) == ["continue"]


def test_a_street_that_bends_past_a_side_street_is_followed_unasked_but_not_past_one_straight_ahead():
    bend = crossing(0.0, 35, -90, names=["A", "A", "x"])
    assert codes(*bend, (1, 0, 2)) == []
    ahead = crossing(0.0, 35, 0, names=["A", "A", "x"])
    assert codes(*ahead, (1, 0, 2)) == ["bear_right"]


def test_a_fork_is_told_by_the_side_one_keeps_to():
    for names in (["A", "B", "C"], ["", "", ""]):
        fork = crossing(70.0, -12, 12, names=names)
        assert codes(*fork, (1, 0, 2)) == ["bear_left"]
        assert codes(*fork, (1, 0, 3)) == ["bear_right"]
    kept = crossing(70.0, -12, 12, names=["A", "A", "x"])
    assert codes(*kept, (1, 0, 2)) == []


def test_a_drive_that_forks_off_a_street_is_no_rival():
    nodes, streets = crossing(0.0, -10, 15, names=["", "", ""])
    streets[2].road_class = int(RoadClass.SERVICE)
    assert codes(nodes, streets, (1, 0, 2)) == []


def test_two_left_turns_over_a_divided_road_are_one_about_turn():
    # Carriageways 10 m apart: north on the right, south on the left.
    nodes = [(10, -100), (10, 0), (10, 100), (0, 100), (0, 0), (0, -100)]
    streets = [
        Street(0, 1, one_way=True, name="A"),
        Street(1, 2, one_way=True, name="A"),
        Street(3, 4, one_way=True, name="A"),
        Street(4, 5, one_way=True, name="A"),
        Street(1, 4, name="x"),
    ]
    found = told(nodes, streets, (0, 1, 4, 5))
    assert [turn.code for turn in found] == ["depart", "u_turn", "arrive"]
    assert found[1].bearing_deg == 180
    assert found[1].length_m == pytest.approx(110, abs=0.2)


def test_a_jog_of_a_few_metres_is_straight_on():
    nodes = [(0, -100), (0, 0), (8, 0), (8, 100), (-100, 0), (100, 0)]
    streets = [Street(0, 1, name="A"), Street(1, 2, name="x"), Street(2, 3, name="A")]
    streets += [Street(4, 1, name="x"), Street(2, 5, name="x")]
    assert codes(nodes, streets, (0, 1, 2, 3)) == []


def test_turning_back_on_the_same_street():
    roads = network([(0, 0), (100, 0)], [Street(0, 1, name="A")])
    times = TravelTimes(roads, travel_ms(roads))
    route = times.route(0, 0.5, 1, 0.75)
    # Made by hand: the shortest way never drives on to turn round.
    back = type(route)(
        20_000, 125.0, np.array([0, 1], np.int32), 0.5, 0.75, np.vstack((route.points, route.points[::-1])), ("A",)
    )
    assert [turn.code for turn in turns(times.weights, back)] == ["depart", "u_turn", "arrive"]


def test_who_sets_out_at_a_crossing_is_told_the_street_he_drives():
    nodes, streets = crossing(0.0, 90, -90, names=["A", "B", "C"])
    found = told(nodes, streets, (1, 0, 2), start=1.0)
    assert [(turn.code, turn.name, turn.bearing_deg) for turn in found] == [("depart", "B", 90), ("arrive", "B", 90)]
    stops = told(nodes, streets, (1, 0, 2), end=0.0)
    assert [(turn.code, turn.name) for turn in stops] == [("depart", "A"), ("arrive", "A")]


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 360), st.sampled_from([(15.0, "right"), (-15.0, "left"), (1.0, ""), (-1.0, "")]))
def test_the_goal_lies_on_its_side(heading, case):
    aside_m, side = case
    nodes = turned([(0, 0), (0, 100)], heading)
    roads = network(nodes, [Street(0, 1)])
    beside = network(turned([(aside_m, 80), (0, 0)], heading), [Street(0, 1)])
    found = told(nodes, [Street(0, 1)], (0, 1), end=0.8, goal=(beside.node_lon[0], beside.node_lat[0]))
    assert found[-1].side == side
    assert (found[-1].lon, found[-1].lat) == (
        pytest.approx(0.2 * roads.node_lon[0] + 0.8 * roads.node_lon[1], abs=1e-6),
        pytest.approx(0.2 * roads.node_lat[0] + 0.8 * roads.node_lat[1], abs=1e-6),
    )


def roundabout(corners=8, radius_m=20.0, *, left_hand=False, arms=(0, 2, 4, 6)):
    """Return nodes and streets of a one-way ring, anticlockwise unless one drives on the left; arm i at corner i."""
    ring = [arm(-360.0 * i / corners, radius_m) for i in range(corners)]
    outer = [arm(-360.0 * i / corners, radius_m + 80.0) for i in arms]
    streets = [Street(i, (i + 1) % corners, one_way=True, name="Ring") for i in range(corners)]
    if left_hand:
        streets = [Street(s.head, s.tail, one_way=True, name="Ring") for s in streets]
    streets += [Street(i, corners + j, name=f"arm {j}") for j, i in enumerate(arms)]
    return [*ring, *outer], streets


@pytest.mark.parametrize("left_hand", [False, True])
@pytest.mark.parametrize("goal", [1, 2, 3])
def test_a_roundabout_is_left_by_its_exit(left_hand, goal):
    nodes, streets = roundabout(left_hand=left_hand)
    arms = [8 + (-goal if left_hand else goal) % 4, 8]
    ring = [i % 8 if not left_hand else -i % 8 for i in range(2 * goal + 1)]
    found = told(nodes, streets, (8, *ring, arms[0]))
    assert [turn.code for turn in found] == ["depart", "roundabout", "arrive"]
    assert found[1].exit == goal
    assert found[1].name == f"arm {arms[0] - 8}"
    assert found[1].length_m == pytest.approx(80 + goal * 2 * 2 * 20 * math.sin(math.pi / 8), abs=0.2)


def test_a_way_that_ends_on_the_roundabout_has_no_exit_and_one_that_begins_there_turns_off():
    nodes, streets = roundabout()
    ends = told(nodes, streets, (8, 0, 1, 2, 3), end=0.5)
    assert [(turn.code, turn.exit) for turn in ends] == [("depart", 0), ("roundabout", 0), ("arrive", 0)]
    assert directions(ends)[1] == "enter the roundabout into Ring, 38 m"
    begins = told(nodes, streets, (0, 1, 2, 3, 4, 10))
    assert [turn.code for turn in begins] == ["depart", "turn_right", "arrive"]


def test_a_way_in_for_emergencies_alone_is_no_exit():
    nodes, streets = roundabout()
    streets[8 + 1].modes = int(Mode.EMERGENCY)
    streets[8 + 1].backward_modes = int(Mode.NORMAL | Mode.EMERGENCY)
    roads = network(nodes, streets)
    times = TravelTimes(roads, travel_ms(roads, "emergency"))
    route = times.route(arc_between(roads, 8, 0), 0.0, arc_between(roads, 4, 10), 1.0)
    assert [turn.exit for turn in turns(times.weights, route) if turn.code == "roundabout"] == [1]


def test_a_block_of_one_way_streets_is_no_roundabout():
    for corners, size_m, is_one in ((4, 50.0, False), (8, 50.0, True), (8, 90.0, False), (6, 20.0, True)):
        nodes, streets = roundabout(corners, size_m, arms=(0, 2, 3))
        roads = network(nodes, streets)
        arc = arc_between(roads, 0, 1)
        ring = ring_through(roads, travel_ms(roads) < NEVER, arc)
        assert (len(ring) == corners) == is_one
        assert bool(ring) == is_one
        shut = travel_ms(roads)
        shut[arc_between(roads, 1, 2)] = NEVER
        assert ring_through(roads, shut < NEVER, arc) == ()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5_000), st.data())
def test_any_way_on_any_map_is_told_whole(seed, data):
    roads = random_network(seed, nodes=15, streets=40, size_m=data.draw(st.sampled_from([60.0, 2000.0])))
    times = TravelTimes(roads, travel_ms(roads))
    here, there = (data.draw(st.integers(0, roads.n_arcs - 1)) for _ in range(2))
    start, end = (data.draw(st.sampled_from([0.0, 0.3, 1.0])) for _ in range(2))
    if times.to_many(there, end, [here], [start])[0] >= NEVER:
        return
    route = times.route(here, start, there, end)
    check(times, route)


def check(times, route):
    found = turns(times.weights, route)
    assert (found[0].code, found[-1].code) == ("depart", "arrive")
    assert not {"depart", "arrive"} & {turn.code for turn in found[1:-1]}
    assert sum(turn.ms for turn in found) == route.ms
    assert sum(turn.length_m for turn in found) == pytest.approx(route.length_m, abs=0.1 * len(found))
    assert all(0 <= turn.bearing_deg < 360 for turn in found)
    assert len(directions(found, "zh")) == len(directions(found, "en")) == len(found)
    return found


def test_real_ways_are_told_whole_and_in_reasonable_number(data):
    roads = build_network(read_osm(data / "osm" / "liechtenstein.osm.pbf"))
    times = TravelTimes(roads, travel_ms(roads, "emergency"))
    rng = np.random.default_rng(2)
    arcs = rng.choice(np.flatnonzero(times.weights.arc_ms < NEVER), (40, 2))
    lines = arcs_driven = roundabouts = 0
    for here, there in arcs.tolist():
        route = times.route(here, 0.5, there, 0.5)
        found = check(times, route)
        lines, arcs_driven = lines + len(found), arcs_driven + len(route.arcs)
        roundabouts += sum(turn.code == "roundabout" for turn in found)
        assert all(turn.exit <= 6 for turn in found)
    assert 4 * lines < arcs_driven
    assert roundabouts > 10


def test_junctions_taken_apart_change_nothing_that_is_told(data):
    raw = read_osm(data / "osm" / "liechtenstein.osm.pbf")
    plain, apart = build_network(raw), build_network(raw, turns="all")
    kinds = [TravelTimes(roads, travel_ms(roads, "emergency")) for roads in (plain, apart)]
    named = {plain.arc_points(arc).tobytes(): arc for arc in range(plain.n_arcs)}
    same = [(named.get(apart.arc_points(arc).tobytes()), arc) for arc in np.flatnonzero(~apart.is_turn).tolist()]
    both = [(a, b) for a, b in same if a is not None and kinds[0].weights.arc_ms[a] < NEVER]
    rng = np.random.default_rng(3)
    alike = 0
    for here, there in rng.integers(0, len(both), (40, 2)).tolist():
        routes = [kinds[n].route(both[here][n], 0.5, both[there][n], 0.5) for n in range(2)]
        streets = routes[1].arcs[~apart.is_turn[routes[1].arcs]]
        assert routes[1].ms - routes[0].ms <= len(routes[0].arcs)  # a millisecond a turn
        assert not (np.diff(routes[1].points, axis=0) == 0).all(axis=1).any()
        told = [check(kinds[n], routes[n]) for n in range(2)]
        if len(streets) == len(routes[0].arcs) and np.array_equal(routes[0].points, routes[1].points):
            alike += 1
            for one, other in zip(*told, strict=True):
                assert (one.code, one.name, one.exit, one.side) == (other.code, other.name, other.exit, other.side)
                assert one.length_m == other.length_m
    assert alike > 30


def test_reach_over_junctions_taken_apart_is_the_same_ground(data):
    raw = read_osm(data / "osm" / "liechtenstein.osm.pbf")
    lengths = []
    for kept in ("none", "all"):
        roads = build_network(raw, turns=kept)
        arc = int(np.flatnonzero((roads.arc_name >= 0) & ~roads.is_turn & (roads.arc_source_id == _longest(roads)))[0])
        found = reach(TravelTimes(roads, travel_ms(roads, "emergency")), arc, 0.0, 300_000)
        assert not roads.is_turn[found.arcs].any()
        lengths.append(found.length_m)
    assert lengths[1] == pytest.approx(lengths[0], rel=0.01)


def _longest(roads):
    driven = ((roads.arc_modes & Mode.EMERGENCY) != 0) & (roads.arc_name >= 0)
    return roads.arc_source_id[np.argmax(roads.arc_length_m * driven)]
