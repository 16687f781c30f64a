"""Where nothing can be sealed: routes drawn, posts that meet most of them, and what that is worth."""

from itertools import product

import numpy as np
import pytest

from engine.containment.interception import STOPS, _chosen, _free, _options, intercept
from engine.containment.routes import ROUTES, draw, lay_maze
from geo_data.raw_roads import RoadClass
from tests.support.chase import Chase
from tests.support.networks import drawn_map

STREET = "A---B---C---D---E"
SQUARE = """
L-------R
|       |
|   T   |
|   |   |
a---C---b
"""
FREE = {"horizon_s": 600, "exits": "AE", "fraction": 0.0}


def chase_on(text):
    return Chase(*drawn_map(text))


def test_one_unit_for_two_ways_out_meets_the_half_that_comes_by():
    chase = chase_on("A---B---C---D---E---F")
    # He is in the middle of CD; nothing tells left from right.
    situation = chase.situation("CD", ["AB"], horizon_s=600, exits="AF")
    plan = chase.planner.case(situation).probable()
    assert plan.verdict == "impossible"
    assert [post.duty for post in plan.posts] == ["stand"]
    assert chase.letters(post.node for post in plan.posts) in ("A", "B")
    assert plan.chance.routes == ROUTES
    assert plan.chance.low < 0.5 < plan.chance.high
    assert plan.chance.high - plan.chance.low < 0.04


def test_a_known_heading_draws_the_routes():
    chase = chase_on("A---B---C---D---E---F")
    for heading, letters in ((90.0, "EF"), (270.0, "AB")):
        situation = chase.situation("CD", ["AB", "FE"], horizon_s=600, exits="AF", heading_deg=heading)
        ground = chase.planner.surveyor.survey(situation)
        sample = draw(ground, lay_maze(ground), 1)
        went = {letter: np.diff(sample.first)[ground.local[chase.node[letter]]] for letter in "ABEF"}
        assert min(went[letter] for letter in letters) > 0.6 * ROUTES


def test_a_route_is_the_same_for_the_same_seed_and_never_sooner_than_possible():
    chase = chase_on(SQUARE)
    situation = chase.situation("Ca", [], horizon_s=600, exits="LRT", ago_s=10)
    ground = chase.planner.surveyor.survey(situation)
    maze = lay_maze(ground)
    one, same, other = draw(ground, maze, 4), draw(ground, maze, 4), draw(ground, maze, 5)
    assert np.array_equal(one.ms, same.ms)
    assert not np.array_equal(one.ms, other.ms)
    place = np.repeat(np.arange(len(ground.node)), np.diff(one.first))
    assert np.all(one.ms >= ground.due_ms[place])
    keys = place * one.routes + one.route
    assert len(np.unique(keys)) == len(keys)


def test_who_cannot_stand_circulates_and_meets_fewer():
    chase = chase_on(STREET)
    situation = chase.situation("CD", ["AB", "ED"], stands=[False, False], **FREE)
    plan = chase.planner.case(situation).probable()
    assert [post.duty for post in plan.posts] == ["circulate", "circulate"]
    # Two streets meet at each place, so he is always in one with the unit.
    assert plan.chance.low < STOPS < plan.chance.high


def test_a_wide_road_takes_two_and_one_alone_circulates():
    chase = chase_on(STREET)
    wide = FREE | {"two_unit_classes": frozenset({RoadClass.RESIDENTIAL})}
    plan = chase.planner.case(chase.situation("CD", ["AB", "AB", "ED"], **wide)).probable()
    assert sorted((post.duty, post.units) for post in plan.posts) == [("circulate", (2,)), ("stand", (0, 1))]


def test_a_checkpoint_is_called_though_nothing_can_be_sealed():
    chase = chase_on(STREET)
    plan = chase.planner.case(chase.situation("CD", [], calls=[("E", 20)], **FREE)).probable()
    assert [(post.duty, post.units) for post in plan.posts] == [("call", (0,))]
    assert 0.2 < plan.chance.probability < 0.8


def test_a_post_may_stand_later_than_he_can_be_there_and_still_meet_some():
    chase = chase_on(STREET)
    # To E in 48 s at the earliest; a unit that is there after 60 s meets those who took their time.
    situation = chase.situation("CD", ["ED"], turnout_ms=[45_000], **FREE)
    plan = chase.planner.case(situation).probable()
    assert 0.0 < plan.chance.probability < 0.6
    assert all(post.stretch == 0 for post in plan.posts)


def test_without_units_nobody_is_met():
    chase = chase_on(STREET)
    plan = chase.planner.case(chase.situation("CD", [], **FREE)).probable()
    assert plan.posts == ()
    assert plan.chance.probability == 0.0


def test_a_seal_needs_no_probability():
    chase = chase_on(STREET)
    plan = chase.planner.case(chase.situation("CD", ["AB", "ED"], **FREE)).probable()
    assert plan.verdict == "sealed"
    assert plan.chance is None


@pytest.mark.parametrize("units", [["LR", "TC"], ["aL", "bR"], ["LR", "LR", "TC"]])
def test_the_choice_is_within_a_tenth_of_the_best_by_force(units):
    chase = chase_on(SQUARE)
    situation = chase.situation("Ca", units, horizon_s=600, exits="LRT")
    ground = chase.planner.surveyor.survey(situation)
    sample = draw(ground, lay_maze(ground), 1, routes=400)
    options = _options(ground, chase.planner.holder, sample)
    met = float(np.mean(1.0 - _free(options, _chosen(options, sample), sample)))
    by_unit = [np.flatnonzero(options.unit == unit).tolist() or [-1] for unit in range(len(units))]
    best = max(
        float(np.mean(1.0 - _free(options, [option for option in choice if option >= 0], sample)))
        for choice in product(*by_unit)
    )
    assert best * 0.9 <= met <= best


def test_what_is_chosen_is_what_is_met_one_route_after_the_other():
    chase = chase_on(SQUARE)
    situation = chase.situation("Ca", ["LR", "TC"], horizon_s=600, exits="LRT")
    ground = chase.planner.surveyor.survey(situation)
    posts, chance = intercept(ground, chase.planner.holder, seed=3)
    held_out = draw(ground, lay_maze(ground), 7)
    place = np.repeat(np.arange(len(ground.node)), np.diff(held_out.first))
    met = set()
    for post in posts:
        its = place == ground.local[post.node]
        met |= set(held_out.route[its & (held_out.ms >= post.ready_ms)].tolist())
    assert len(met) / held_out.routes == pytest.approx(chance.probability)
