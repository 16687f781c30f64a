"""Snapping against shapely's distances by brute force, and the rules that break ties."""

import dataclasses
import itertools
import math
from bisect import bisect_right
from itertools import accumulate, pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_data.raw_roads import Mode
from geo_data.snapping import LIMIT_M, OffRoad, PositionError, Snapper, course, metres_per_degree, point_at, way
from tests.support.networks import LAT, LON, Street, arc_between, degrees, drawn_map, network, random_network


def plane_lines(snapper, roads):
    """Return each street as a shapely line on the snapper's plane, by geometry."""
    grid = snapper.grid
    first = roads.geometry_first
    return [shapely.LineString(np.column_stack((grid.x[a:b], grid.y[a:b]))) for a, b in itertools.pairwise(first)]


def on_plane(snapper, lon, lat):
    frame = snapper.grid.frame
    return (lon - frame[0]) * frame[2], (lat - frame[1]) * frame[3]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), streets=st.integers(1, 60))
def test_the_nearest_street_is_the_one_brute_force_finds(seed, streets):
    roads = random_network(seed, nodes=15, streets=streets)
    snapper = Snapper(roads)
    lines = plane_lines(snapper, roads)
    rng = np.random.default_rng(seed)
    lon, lat = degrees(rng.uniform(-1500, 3500, 40), rng.uniform(-1500, 3500, 40))
    arc, fraction, distance = snapper.snap_many(lon, lat, limit_m=10_000.0)
    for i in range(len(lon)):
        spot = shapely.Point(*on_plane(snapper, lon[i], lat[i]))
        every = [line.distance(spot) for line in lines]
        assert distance[i] == pytest.approx(min(every), abs=1e-6)
        geometry = roads.arc_geometry[arc[i]]
        assert every[geometry] == pytest.approx(min(every), abs=1e-6)
        along = fraction[i] if roads.arc_drawn[arc[i]] else 1 - fraction[i]
        there = lines[geometry].interpolate(along, normalized=True)
        assert there.distance(spot) == pytest.approx(distance[i], abs=1e-5)
        single = snapper.snap(lon[i], lat[i], limit_m=10_000.0)
        assert (single.arc, single.fraction, single.distance_m) == (arc[i], fraction[i], distance[i])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), limit_m=st.floats(1, 600))
def test_the_limit_is_held_and_the_error_says_how_far(seed, limit_m):
    roads = random_network(seed, nodes=6, streets=6)
    snapper = Snapper(roads)
    lines = shapely.MultiLineString(plane_lines(snapper, roads))
    rng = np.random.default_rng(seed)
    for x, y in rng.uniform(-5000, 7000, (10, 2)):
        lon, lat = (float(v) for v in degrees(x, y))
        true_m = lines.distance(shapely.Point(*on_plane(snapper, lon, lat)))
        if true_m <= limit_m:
            assert snapper.snap(lon, lat, limit_m=limit_m).distance_m == pytest.approx(true_m, abs=1e-6)
        else:
            with pytest.raises(OffRoad) as error:
                snapper.snap(lon, lat, limit_m=limit_m)
            assert error.value.distance_m == pytest.approx(true_m, abs=1e-6)
            assert error.value.limit_m == limit_m


def test_the_streets_of_another_mode_are_not_found():
    roads = network([(0, 0), (100, 0), (0, 30), (100, 30)], [Street(0, 1), Street(2, 3, modes=int(Mode.FOOT))])
    lon, lat = degrees(50, 28)
    assert Snapper(roads).snap(lon, lat).distance_m == pytest.approx(28, abs=0.1)
    assert Snapper(roads, Mode.FOOT).snap(lon, lat).distance_m == pytest.approx(2, abs=0.1)


def test_a_street_open_one_way_for_the_mode_gives_that_arc_alone():
    roads = network([(0, 0), (100, 0)], [Street(0, 1, modes=int(Mode.FOOT), backward_modes=int(Mode.EMERGENCY))])
    snap = Snapper(roads).snap(*degrees(25, 1), heading_deg=90.0)
    assert snap.arc == arc_between(roads, 1, 0)
    assert snap.fraction == pytest.approx(0.75, abs=1e-3)


@pytest.mark.parametrize(("heading", "ends"), [(90.0, (0, 1)), (70.0, (0, 1)), (270.0, (1, 0)), (-95.0, (1, 0))])
def test_heading_chooses_the_direction_of_a_two_way_street(heading, ends):
    roads = network([(0, 0), (400, 0)], [Street(0, 1)])
    snap = Snapper(roads).snap(*degrees(100, 3), heading_deg=heading)
    assert snap.arc == arc_between(roads, *ends)
    assert snap.fraction == pytest.approx(0.25 if ends == (0, 1) else 0.75, abs=1e-3)


def test_heading_prefers_the_carriageway_that_runs_that_way():
    carriageways = [Street(0, 1, one_way=True), Street(3, 2, one_way=True)]
    roads = network([(0, 0), (400, 0), (0, 6), (400, 6)], carriageways)
    near_the_first = degrees(200, 2)
    snapper = Snapper(roads)
    assert snapper.snap(*near_the_first).arc == arc_between(roads, 0, 1)
    assert snapper.snap(*near_the_first, heading_deg=268.0).arc == arc_between(roads, 3, 2)
    assert snapper.snap(*near_the_first, heading_deg=92.0).arc == arc_between(roads, 0, 1)


def test_the_last_street_is_kept_within_the_noise_and_left_beyond_it():
    roads = network([(0, 0), (400, 0), (0, 20), (400, 20)], [Street(0, 1), Street(2, 3)])
    snapper = Snapper(roads)
    last = arc_between(roads, 1, 0)
    kept = snapper.snap(*degrees(100, 12), last_arc=last)
    assert (kept.arc, kept.distance_m) == (last, pytest.approx(12, abs=0.1))
    assert snapper.snap(*degrees(100, 16), last_arc=last).arc == arc_between(roads, 2, 3)
    assert snapper.snap(*degrees(100, 12)).arc == arc_between(roads, 2, 3)


def test_heading_goes_before_the_last_street():
    roads, node = drawn_map("""
        A---B---C
            |
            D
    """)
    before_the_corner = arc_between(roads, node["A"], node["B"])
    turned = Snapper(roads).snap(*degrees(50 * 12, 94), heading_deg=180.0, last_arc=before_the_corner)
    assert turned.arc == arc_between(roads, node["B"], node["D"])


def test_fraction_is_by_length_along_a_bent_street():
    roads = network([(0, 0), (300, 100)], [Street(0, 1, one_way=True, bends=[(300, 0)])])
    snap = Snapper(roads).snap(*degrees(300, 50))
    assert snap.fraction == pytest.approx(350 / 400, abs=1e-3)
    lon, lat = point_at(roads, snap.arc, snap.fraction)
    x, y = (lon - LON), (lat - LAT)
    east, north = degrees(300, 50)
    assert x == pytest.approx(east - LON, abs=1e-6)
    assert y == pytest.approx(north - LAT, abs=1e-6)
    piece = course(roads, snap.arc, 0.5, 1.0)
    assert len(piece) == 3
    assert np.allclose(piece[-1], np.asarray(degrees(300, 100)), atol=1e-6)


def test_a_street_of_no_length_is_found_at_its_start():
    roads = network([(0, 0)], [Street(0, 0)])
    snap = Snapper(roads).snap(*degrees(3, 4))
    assert snap.distance_m == pytest.approx(5, abs=0.01)
    assert snap.fraction in (0.0, 1.0)


@pytest.mark.parametrize(
    ("lon", "lat", "field"),
    [
        (math.nan, LAT, "lon"),
        (LON, math.inf, "lat"),
        (LON, -91.0, "lat"),
        (181.0, LAT, "lon"),
    ],
)
def test_what_is_no_coordinate_is_refused_by_name(lon, lat, field):
    snapper = Snapper(random_network(1))
    with pytest.raises(PositionError, match=f"^{field}: .*limit") as error:
        snapper.snap(lon, lat)
    assert error.value.field == field
    with pytest.raises(PositionError, match=rf"^{field}\[1\]"):
        snapper.snap_many([LON, lon], [LAT, lat])


def test_exchanged_coordinates_get_a_hint():
    roads = random_network(1)
    lon, lat = (float(v) for v in degrees(1000, 1000))
    with pytest.raises(PositionError, match="look exchanged"):
        Snapper(roads).snap(lat, lon)
    with pytest.raises(OffRoad) as error:
        Snapper(roads).snap(lon + 1, lat)
    assert "exchanged" not in str(error.value)
    assert error.value.distance_m > 50_000
    assert error.value.limit_m == LIMIT_M


@pytest.mark.parametrize(("field", "value"), [("heading_deg", math.nan), ("limit_m", 0.0), ("limit_m", math.nan)])
def test_other_values_out_of_range_are_refused_by_name(field, value):
    with pytest.raises(PositionError, match=field):
        Snapper(random_network(1)).snap(LON, LAT, **{field: value})


def test_a_network_without_the_mode_is_refused():
    with pytest.raises(PositionError, match="mode"):
        Snapper(network([(0, 0), (9, 0)], [Street(0, 1, modes=int(Mode.FOOT))]), Mode.NORMAL)


def plain_course(roads, arc, begin, end):
    """Return the piece of an arc between two fractions of its length, written anew in plain numbers."""
    points = [tuple(point) for point in roads.arc_points(arc).tolist()]
    per_lon, per_lat = metres_per_degree(points[0][1])
    steps = [math.hypot((b[0] - a[0]) * per_lon, (b[1] - a[1]) * per_lat) for a, b in pairwise(points)]
    along = [0.0, *accumulate(steps)]

    def at(metres):
        step = min(max(bisect_right(along, metres), 1), len(points) - 1)
        (lon, lat), (next_lon, next_lat) = points[step - 1], points[step]
        share = min(max((metres - along[step - 1]) / steps[step - 1], 0.0), 1.0) if steps[step - 1] > 0 else 0.0
        return lon + (next_lon - lon) * share, lat + (next_lat - lat) * share

    begin_m, end_m = begin * along[-1], end * along[-1]
    inner = [point for point, metres in zip(points, along, strict=True) if begin_m < metres < end_m]
    return np.array([at(begin_m), *inner, at(end_m)])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 5), ends=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_way_is_the_courses_of_its_arcs_one_after_another(seed, count, ends):
    roads = random_network(seed, nodes=6, streets=15)
    rng = np.random.default_rng(seed)
    arcs = [int(rng.integers(0, roads.n_arcs))]
    while len(arcs) < count:
        onwards = np.flatnonzero(roads.arc_tail == roads.arc_head[arcs[-1]])
        if not len(onwards):
            break
        arcs.append(int(rng.choice(onwards)))
    begin, end = ends if len(arcs) > 1 else sorted(ends)
    got = way(roads, np.array(arcs, np.int32), begin, end)
    pieces = []
    for i, arc in enumerate(arcs):
        piece = plain_course(roads, arc, begin if i == 0 else 0.0, end if i == len(arcs) - 1 else 1.0)
        pieces.append(piece if i == 0 else piece[1:])
    pieces = np.concatenate(pieces)
    assert got.shape == pieces.shape
    assert np.abs(got - pieces).max() < 1e-6  # 10 cm: a degree is as long as where the way begins


def test_exchanged_coordinates_within_range_get_a_hint_too():
    shift = 30.0  # to where both are below 90
    roads = random_network(1)
    moved = dataclasses.replace(
        roads, node_lon=roads.node_lon - shift, point_lon=roads.point_lon - np.int32(shift * 1e7)
    )
    lon, lat = (float(v) for v in degrees(1000, 1000))
    with pytest.raises(OffRoad, match="look exchanged") as error:
        Snapper(moved).snap(lat, lon - shift)
    assert error.value.exchanged
