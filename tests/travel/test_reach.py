"""What is within reach against Bellman-Ford by hand, on random maps with closures and on a real city."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.errors import Refusal
from engine.travel import Reacher, TravelTimes, warm
from engine.travel.outlining import count_crossings, measure_distances, trace_rings
from engine.travel.reach import MARGIN_M, reach
from engine.travel.reaching import arrive_first, join_spans, nodes_within
from geo_data.building import build_network
from geo_data.snapping import Snapper, course, metres_per_degree
from geo_data.sources.osm import read_osm
from geo_data.speeds import NEVER, travel_ms
from tests.support.crew import passed
from tests.support.networks import arc_between, drawn_map, random_network
from tests.support.ways import brute_time, situations

DIRECTIONS = st.sampled_from(["from", "to"])


def closed(roads, ms, draw):
    """Return times over weights in which some streets were closed, some at once; and what may be passed then."""
    times = TravelTimes(roads, ms)
    arcs = np.array(draw(st.lists(st.integers(0, roads.n_arcs - 1), max_size=3, unique=True)), np.int32)
    times.adopt(times.weights.changed(arcs, np.full(len(arcs), NEVER, np.int32)))
    shut = draw(st.lists(st.integers(0, roads.n_arcs - 1), max_size=2))
    times.close_at_once(shut)
    through = ms.copy()
    through[arcs] = through[shut] = NEVER
    return times, through


def is_reached(found, roads, arc, fraction, slack=1e-12):
    """Tell whether a place on a street is reached, whichever way, or is but a bit of the street from it."""
    sides = [(arc, fraction)]
    if roads.arc_reverse[arc] >= 0:
        sides.append((int(roads.arc_reverse[arc]), 1.0 - fraction))
    return any(np.any((found.arcs == on) & (found.begin <= at + slack) & (at <= found.end + slack)) for on, at in sides)


@settings(max_examples=200, deadline=None)
@given(situations(), DIRECTIONS, st.data())
def test_exactly_what_brute_force_reaches_in_time_is_reached(situation, direction, data):
    roads, ms, crew, place = situation
    times, through = closed(roads, ms, data.draw)
    within_ms = data.draw(st.sampled_from([0, 1, 2, 40, 3_000, 60_000, 400_000, NEVER + 5]))
    found = Reacher(times).reach(*place, within_ms, direction)
    probes = [(int(a), float(f)) for a, f in zip(crew.arc, crew.fraction, strict=True)]
    probes += [(arc, data.draw(st.floats(0, 1))) for arc in range(roads.n_arcs)]
    for probe in probes:
        ends = (place, probe) if direction == "from" else (probe, place)
        ms_there = brute_time(roads, through, *ends, ms)
        # A place's time is rounded, at each of its two ends by up to half a millisecond, and the part's end is not;
        # so are the times of two places on one street that lie less than that apart.
        sides = [on for on in (probe[0], int(roads.arc_reverse[probe[0]])) if on >= 0]
        if ms_there <= within_ms - 1:
            assert is_reached(found, roads, *probe, 1.0 / min(int(ms[on]) for on in sides) + 1e-12)
        elif ms_there > within_ms + 1:
            assert not is_reached(found, roads, *probe)


@settings(max_examples=150, deadline=None)
@given(situations(), DIRECTIONS, st.data())
def test_nodes_and_parts_are_what_the_time_is_enough_for(situation, direction, data):
    roads, ms, _, place = situation
    times, through = closed(roads, ms, data.draw)
    within_ms = data.draw(st.integers(0, 300_000))
    reacher = Reacher(times)
    reacher.reach(*place, within_ms, "from" if direction == "to" else "to")  # what it left behind does not matter
    found = reacher.reach(*place, within_ms, direction)
    want = node_times(roads, through, ms, place, direction)
    assert dict(zip(found.nodes.tolist(), found.node_ms.tolist(), strict=True)) == {
        node: ms_there for node, ms_there in enumerate(want) if ms_there <= within_ms
    }
    assert np.all(np.diff(found.node_ms) >= 0)
    if direction == "to":
        assert [times.times_to(*place)[node] for node in found.nodes] == found.node_ms.tolist()
    check_parts(found, roads)


def node_times(roads, through, inner, place, direction):
    """Return the time between a place and each node: Bellman-Ford."""
    best = [1 << 40] * roads.n_nodes
    near, far = (roads.arc_tail, roads.arc_head) if direction == "from" else (roads.arc_head, roads.arc_tail)
    for on, at in ((place[0], place[1]), (int(roads.arc_reverse[place[0]]), 1 - place[1])):
        if on >= 0 and inner[on] < NEVER:
            behind = passed(inner[on], at)
            best[far[on]] = min(best[far[on]], int(inner[on]) - behind if direction == "from" else behind)
    for _ in range(roads.n_nodes):
        for arc in np.flatnonzero(through < NEVER).tolist():
            best[far[arc]] = min(best[far[arc]], best[near[arc]] + int(through[arc]))
    return best


def check_parts(found, roads):
    assert np.all((found.begin >= 0) & (found.begin <= found.end) & (found.end <= 1))
    assert np.all(np.diff(found.arcs) >= 0)
    again = np.diff(found.arcs) == 0
    assert np.all(found.begin[1:][again] > found.end[:-1][again])
    geometry, begin, end = found.streets
    apart = np.diff(geometry) == 0
    assert np.all(begin[1:][apart] > end[:-1][apart])
    by_hand = 0.0
    for street in np.unique(geometry):
        arc = int(np.flatnonzero(roads.arc_geometry == street)[0])
        marks = np.linspace(0, 1, 2001)
        here = geometry == street
        covered = np.any((begin[here, None] <= marks) & (marks <= end[here, None]), axis=0)
        by_hand += roads.arc_length_m[arc] * covered.mean()
    assert found.length_m == pytest.approx(by_hand, abs=2e-3 * float(roads.arc_length_m.sum()) + 1e-6)


def plane(shape, roads):
    per_degree = np.array(metres_per_degree(float(roads.node_lat.mean())))
    return shapely.transform(shape, lambda at: (at - [roads.node_lon[0], roads.node_lat[0]]) * per_degree)


def drawn(found, roads):
    pieces = zip(found.arcs.tolist(), found.begin.tolist(), found.end.tolist(), strict=True)
    courses = [course(roads, arc, begin, end) for arc, begin, end in pieces]
    return [shapely.LineString(line) if np.ptp(line, axis=0).any() else shapely.Point(line[0]) for line in courses]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    # Streets are as long as the map; on long ones fractions differ by metres from one plane of reckoning to another.
    st.sampled_from([(200.0, 5.0), (200.0, 300.0), (2000.0, 20.0), (2000.0, 40.0), (20_000.0, 300.0)]),
    DIRECTIONS,
    st.sampled_from([0, 5_000, 60_000, 900_000]),
    st.sampled_from([0.0, 50_000.0, 1e9]),
)
def test_the_polygon_is_valid_holds_every_reached_street_and_little_else(seed, measures, direction, within_ms, fill_m2):
    size_m, margin_m = measures
    roads = random_network(seed, nodes=20, streets=40, size_m=size_m)
    times = TravelTimes(roads, travel_ms(roads))
    found = reach(times, seed % roads.n_arcs, 0.4, within_ms, direction)
    ground = found.polygon(margin_m, fill_m2)
    assert ground.is_valid
    assert ground.geom_type in ("Polygon", "MultiPolygon")
    lines = drawn(found, roads)
    assert np.all(shapely.contains_properly(ground, lines))
    assert found.polygon(margin_m, fill_m2).equals_exact(ground, 0.0)
    near = shapely.union_all(shapely.buffer([plane(line, roads) for line in lines], 1.9 * margin_m))
    if fill_m2 == 0.0:
        assert near.contains(plane(ground, roads))
    holes = [shapely.Polygon(ring) for part in shapely.get_parts(ground) for ring in part.interiors]
    # Holes are measured before the line is made simpler.
    assert all(plane(hole, roads).area > 0.5 * fill_m2 for hole in holes)


def test_a_grid_that_would_be_too_large_is_coarser_and_still_holds_all(monkeypatch):
    monkeypatch.setattr("engine.travel.outline._MOST_POINTS", 2_000)
    roads = random_network(4, nodes=20, streets=40, size_m=9000.0)
    found = reach(TravelTimes(roads, travel_ms(roads)), 3, 0.5, 900_000)
    ground = found.polygon()
    assert ground.is_valid
    assert np.all(shapely.contains_properly(ground, drawn(found, roads)))


def test_a_one_way_street_is_reached_in_its_direction_and_by_its_part():
    roads, at = drawn_map("a-b>>c")
    times = TravelTimes(roads, travel_ms(roads))
    there, on = arc_between(roads, at["a"], at["b"]), arc_between(roads, at["b"], at["c"])
    half_ms = int(times.weights.arc_ms[on]) // 2
    found = reach(times, there, 1.0, half_ms)
    row = int(np.flatnonzero(found.arcs == on)[0])
    assert (found.begin[row], found.end[row]) == (0.0, pytest.approx(0.5, abs=1e-3))
    back = reach(times, there, 1.0, half_ms, "to")
    assert on not in back.arcs
    assert found.length_m == pytest.approx(75 + 75, abs=0.1)


def test_a_street_left_and_come_back_to_has_two_parts():
    roads, at = drawn_map(
        """
        a>>b
        ^  |
        |  |
        d--c
        """
    )
    ms = np.full(roads.n_arcs, 1_000, np.int32)
    times = TravelTimes(roads, ms)
    own = arc_between(roads, at["a"], at["b"])
    found = reach(times, own, 0.75, 3_500)
    mine = found.arcs == own
    assert list(zip(found.begin[mine], found.end[mine], strict=True)) == [(0.0, 0.25), (0.75, 1.0)]


def test_a_place_that_may_not_be_entered_reaches_nothing():
    roads, at = drawn_map("a>b")
    times = TravelTimes(roads, np.full(1, NEVER, np.int32))
    found = reach(times, arc_between(roads, at["a"], at["b"]), 0.5, 1_000)
    assert (len(found.arcs), len(found.nodes), found.length_m) == (0, 0, 0.0)
    assert found.polygon().is_empty


def test_a_feature_is_geojson():
    roads, _ = drawn_map("a--b--c")
    feature = json.loads(json.dumps(reach(TravelTimes(roads, travel_ms(roads)), 0, 0.5, 3_000, "to").feature()))
    assert feature["type"] == "Feature"
    assert feature["geometry"]["type"] == "Polygon"
    assert feature["properties"] == {
        "lon": pytest.approx(roads.node_lon[:2].mean(), abs=1e-6),
        "lat": pytest.approx(roads.node_lat[0], abs=1e-6),
        "direction": "to",
        "within_ms": 3_000,
        "length_m": pytest.approx(50.0, abs=0.1),
    }


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ((99, 0.5, 1), "arc"),
        ((-1, 0.5, 1), "arc"),
        ((0, 1.5, 1), "fraction"),
        ((0, float("nan"), 1), "fraction"),
        ((0, 0.5, -1), "within_ms"),
        ((0, 0.5, 1, "round"), "direction"),
    ],
)
def test_questions_that_cannot_be_are_refused_by_field(asked, field):
    roads, _ = drawn_map("a-b")
    with pytest.raises(Refusal) as refused:
        reach(TravelTimes(roads, travel_ms(roads)), *asked)
    assert refused.value.field == field


def test_measures_that_cannot_be_are_refused_by_field():
    roads, _ = drawn_map("a-b")
    found = reach(TravelTimes(roads, travel_ms(roads)), 0, 0.5, 1)
    for measures, field in (((0.0,), "margin_m"), ((float("nan"),), "margin_m"), ((MARGIN_M, -1.0), "fill_m2")):
        with pytest.raises(Refusal) as refused:
            found.polygon(*measures)
        assert refused.value.field == field


def test_warming_compiles_every_kernel():
    warm()
    kernels = nodes_within, join_spans, arrive_first, measure_distances, count_crossings, trace_rings
    assert all(len(kernel.signatures) == 1 for kernel in kernels)


@pytest.fixture(scope="module")
def porto(data):
    return build_network(read_osm(data / "osm" / "porto.osm.pbf"))


@pytest.mark.parametrize("direction", ["from", "to"])
def test_ten_minutes_of_a_real_city(porto, direction):
    times = TravelTimes(porto, travel_ms(porto, "emergency"))
    place = Snapper(porto).snap(-8.61, 41.15)
    found = Reacher(times).reach(place.arc, place.fraction, 600_000, direction)
    rng = np.random.default_rng(3)
    arcs = rng.choice(np.flatnonzero(times.weights.arc_ms < NEVER), 100).astype(np.int32)
    fractions = rng.random(100)
    table = times.to_many(place.arc, place.fraction, arcs, fractions)
    if direction == "from":
        here = [place.arc], [place.fraction]
        table = np.array([times.to_many(int(a), f, *here)[0] for a, f in zip(arcs, fractions, strict=True)])
    sure = np.abs(table - 600_000) > 1
    got = [is_reached(found, porto, int(arc), share) for arc, share in zip(arcs, fractions, strict=True)]
    assert np.array_equal(np.array(got)[sure], (table <= 600_000)[sure])
    assert 0 < sum(got) < 100
    ground = found.polygon()
    assert ground.is_valid
    shapely.prepare(ground)
    rows = rng.choice(len(found.arcs), 3_000, replace=False)
    lines = [course(porto, int(found.arcs[i]), float(found.begin[i]), float(found.end[i])) for i in rows]
    assert np.all(shapely.contains_properly(ground, [shapely.linestrings(line) for line in lines]))
