"""Real streets: every seal holds against the adversary, every certificate is sound, both computed by the checker."""

import numpy as np
import pytest

from engine.containment import SURE_STRETCH, Crew, Planner, Seen, Situation, fastest_ms
from engine.containment.checking import Checker
from engine.travel import NEVER, Weights
from geo_data.building import build_network
from geo_data.speeds import travel_ms


def edmonton(data):
    from geo_data.sources.jemss import read_jemss

    return read_jemss(data / "edmonton")


def manhattan(data):
    from geo_data.sources.osm import read_osm

    return read_osm(data / "osm" / "manhattan_roads_2019.osm.pbf")


def taixing(data):
    from geo_data.sources.gmns import read_gmns

    return read_gmns(data / "taixing")


@pytest.mark.parametrize(
    ("city", "units", "horizon_ms", "ago_ms"),
    [(edmonton, 80, 900_000, 60_000), (manhattan, 150, 600_000, 0), (taixing, 150, 900_000, 0)],
)
def test_seals_hold_and_certificates_are_sound(data, city, units, horizon_ms, ago_ms):
    roads = build_network(city(data))
    weights, suspect_ms = Weights.first(roads, travel_ms(roads, "emergency")), fastest_ms(roads)
    planner = Planner(weights, suspect_ms)
    driven = np.flatnonzero((suspect_ms < NEVER) & (weights.arc_ms < NEVER))
    rng = np.random.default_rng(3)
    verdicts = []
    for crew in (units, units, units // 8):
        situation = Situation(
            seen=(Seen(int(rng.choice(driven)), float(rng.random()), ago_ms),),
            horizon_ms=horizon_ms,
            crew=Crew.of(rng.choice(driven, crew), rng.random(crew)),
        )
        plan = planner.case(situation).first()
        verdicts.append(plan.verdict)
        checker = Checker(weights, suspect_ms).of(situation)
        if plan.verdict == "sealed":
            assert plan.stretch >= SURE_STRETCH
            assert not checker.gap({post.node: post.ready_ms for post in plan.posts})
            assert all(post.watch_deg for post in plan.posts)
            most_late = min(plan.posts, key=lambda post: post.spare_ms)
            late = {post.node: post.ready_ms for post in plan.posts} | {most_late.node: 1 << 40}
            assert checker.gap(late), "each post counts"
        elif plan.verdict == "impossible":
            assert checker.wrong(plan.certificate) == ""
        else:
            assert plan.verdict == "no_way_out"
            assert not checker.gap({})
    assert len(set(verdicts)) > 1, verdicts
