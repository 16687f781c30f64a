"""Tiny networks at random, where every set of posts can be tried: what exists is found, what does not is proven."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.containment import SURE_STRETCH, Checkpoints, Crew, Seen, Situation, fastest_ms
from geo_data.raw_roads import RoadClass
from geo_data.speeds import NEVER, travel_ms
from tests.support.chase import Chase, seal_by_force
from tests.support.networks import Street, network


@st.composite
def chases(draw):
    """Draw a small crooked grid, a suspect slower or faster than the units, and units anywhere."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns, rows = int(rng.integers(2, 5)), int(rng.integers(2, 4))
    nodes = columns * rows
    at = np.arange(nodes)
    xy = np.column_stack((at % columns, at // columns)) * 400.0 + rng.uniform(-120, 120, (nodes, 2))
    near = [(a, b) for a in at for b in (a + 1, a + columns) if b < nodes and (b != a + 1 or b % columns)]
    near += [tuple(rng.choice(nodes, 2, replace=False)) for _ in range(int(rng.integers(0, 3)))]
    streets = [
        Street(
            int(a),
            int(b),
            one_way=bool(rng.random() < 0.2),
            road_class=int(RoadClass.MOTORWAY if rng.random() < 0.15 else RoadClass.RESIDENTIAL),
            kmh=float(rng.choice([20, 30, 60])),
        )
        for a, b in near
        if rng.random() < 0.9
    ]
    roads = network(xy, streets)
    unit_ms = travel_ms(roads, "emergency")
    slower = rng.choice([1.0, 1.0, 2.0, 4.0])
    suspect_ms = np.minimum(np.maximum(fastest_ms(roads) * slower, 1), NEVER).astype(np.int32)
    chase = Chase(roads, suspect_ms=suspect_ms, unit_ms=unit_ms)
    open_arcs = np.flatnonzero(suspect_ms < NEVER)
    units = int(rng.integers(0, 7))
    seen = tuple(
        Seen(int(rng.choice(open_arcs)), float(rng.random()), int(rng.integers(0, 20_000)))
        for _ in range(int(rng.integers(1, 3)))
    )
    posts = rng.choice(nodes, int(rng.integers(0, 3)), replace=False)
    return chase, Situation(
        seen=seen,
        horizon_ms=int(slower * rng.integers(30_000, 120_000)),
        crew=Crew.of(
            rng.choice(open_arcs, units), rng.random(units), rng.integers(0, 10_000, units), rng.random(units) < 0.9
        ),
        checkpoints=Checkpoints.of(posts, rng.integers(0, 60_000, len(posts))),
        exits=rng.choice(nodes, int(rng.integers(0, 3)), replace=False).astype(np.int32),
        setup_ms=int(rng.integers(0, 5_000)),
    )


@settings(max_examples=300)
@given(chases())
def test_a_seal_is_found_where_there_is_one_and_else_it_is_proven_that_there_is_none(given_chase):
    chase, situation = given_chase
    checker = chase.checker(situation)
    case = chase.planner.case(situation)
    first = case.first()
    if not checker.gap({}):
        assert first.verdict == "no_way_out"
        return
    wanted = seal_by_force(checker, SURE_STRETCH)
    assert first.verdict == ("impossible" if wanted is None else "sealed")
    for plan in (first, case.best()):
        if plan.verdict == "sealed":
            assert plan.stretch >= SURE_STRETCH
            assert not checker.gap({post.node: post.ready_ms for post in plan.posts})
            units = [(post.duty, unit) for post in plan.posts for unit in post.units]
            assert len(set(units)) == len(units)
            assert len(plan.posts) >= len(wanted)
            by_place = {post.node: post.duty for post in plan.posts}
            told = dict(zip(situation.checkpoints.node.tolist(), situation.checkpoints.call_ms.tolist(), strict=True))
            for node, duty in by_place.items():  # a checkpoint's node is its own, where it is told in time
                assert duty != "call" or node in told
        else:
            assert checker.wrong(plan.certificate) == ""
