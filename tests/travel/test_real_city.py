"""Travel times and snapping on Edmonton's real streets against scipy and shapely."""

import numpy as np
import pytest
import shapely

from benchmarks.peers.course import Crew
from benchmarks.peers.scipy import Peer
from benchmarks.streets import places_of, roads_of
from engine.fleet import Fleet
from engine.model.entities import Unit
from engine.travel import NEVER, UNREACHABLE_MS, TravelTimes
from geo_data.building import build_network
from geo_data.snapping import Snapper
from geo_data.sources.jemss import read_jemss
from geo_data.speeds import travel_ms


@pytest.fixture(scope="module")
def edmonton(data):
    return build_network(read_jemss(data / "edmonton"))


def test_every_time_and_every_ranking_is_scipy_s(edmonton):
    ms = travel_ms(edmonton, "emergency")
    rng = np.random.default_rng(5)
    picks = rng.integers(0, edmonton.n_nodes, 400)
    fleet = Fleet(edmonton, ms, Snapper(edmonton))
    aside = rng.normal(0, 3e-4, (2, 400))
    fleet.add(
        [
            Unit(id=f"U{i}", name="", capabilities=(), lon=edmonton.node_lon[v] + dx, lat=edmonton.node_lat[v] + dy)
            for i, (v, dx, dy) in enumerate(zip(picks, *aside, strict=True))
        ],
        0,
    )
    arcs, fractions = rng.choice(np.flatnonzero(ms < NEVER), 5).astype(np.int32), rng.random(5)
    times, peer = TravelTimes(edmonton, ms), Peer()
    peer.prepare(roads_of(edmonton, ms), places_of(edmonton, ms, arcs, fractions))
    peer.station(Crew(places_of(edmonton, ms, fleet.arc, fleet.fraction)))
    for i, (arc, fraction) in enumerate(zip(arcs.tolist(), fractions.tolist(), strict=True)):
        want = peer.to_incident(i)
        got = times.times_to(arc, fraction).astype(float)
        got[got == UNREACHABLE_MS] = np.inf
        assert np.array_equal(got, want)
        ranking = times.nearest(arc, fraction, fleet, 0, 10, -1)
        wanted_ms, wanted = peer.nearest(i, 10)
        assert (ranking.travel_ms.tolist(), ranking.unit.tolist()) == (wanted_ms.tolist(), wanted.tolist())
        first = int(ranking.unit[0])
        route = times.route(int(fleet.arc[first]), float(fleet.fraction[first]), arc, fraction)
        assert route.ms == ranking.travel_ms[0]
        assert times.to_many(arc, fraction, fleet.arc, fleet.fraction)[first] == route.ms


def test_every_snap_is_shapely_s(edmonton):
    snapper = Snapper(edmonton)
    grid, first = snapper.grid, edmonton.geometry_first
    plane = np.column_stack((grid.x, grid.y))
    of = np.repeat(np.arange(len(first) - 1), np.diff(first))
    tree = shapely.STRtree(shapely.linestrings(plane, indices=of))
    rng = np.random.default_rng(6)
    west, south, east, north = edmonton.bounds()
    lon, lat = rng.uniform(west, east, 500), rng.uniform(south, north, 500)
    _, _, distance_m = snapper.snap_many(lon, lat, limit_m=20_000.0)
    points = shapely.points((lon - grid.frame[0]) * grid.frame[2], (lat - grid.frame[1]) * grid.frame[3])
    _, want = tree.query_nearest(points, return_distance=True, all_matches=False)
    assert np.allclose(distance_m, want, atol=1e-6)
