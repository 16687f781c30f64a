"""Junctions that were taken apart for their turns: a post stands in the junction, whichever of its nodes is meant."""

import numpy as np

from engine.containment import Checker, Crew, Planner, Seen, Situation, fastest_ms
from engine.travel import NEVER, Weights
from geo_data.building import build_network
from geo_data.speeds import travel_ms
from tests.support.cities import grid_roads


def test_posts_in_junctions_hold_and_proofs_are_sound():
    roads = build_network(grid_roads(9, 9), turns="all")
    assert roads.is_turn.any()
    weights, suspect_ms = Weights.first(roads, travel_ms(roads, "emergency")), fastest_ms(roads)
    planner, checker = Planner(weights, suspect_ms), Checker(weights, suspect_ms)
    streets = np.flatnonzero(~roads.is_turn & (weights.arc_ms < NEVER))
    rng = np.random.default_rng(2)
    verdicts = []
    for units in (60, 60, 60, 8, 8):
        situation = Situation(
            seen=(Seen(int(rng.choice(streets)), 0.5),),
            horizon_ms=110_000,
            crew=Crew.of(rng.choice(streets, units), rng.random(units)),
            setup_ms=0,
        )
        case = planner.case(situation)
        assert len(case.ground.node) < np.count_nonzero(case.ground.local >= 0)
        plan, check = case.probable(), checker.of(situation)
        verdicts.append(plan.verdict)
        if plan.verdict == "sealed":
            assert not check.gap({post.node: post.ready_ms for post in plan.posts})
            assert all(post.watch_deg for post in plan.posts)
        elif plan.certificate is not None:
            assert check.wrong(plan.certificate) == ""
            assert plan.chance is not None
    assert {"sealed", "impossible"} <= set(verdicts), verdicts
