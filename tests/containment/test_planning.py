"""Small drawn maps: 50 m, so 6 s at 30 km/h, from character to character across, twice that down."""

import numpy as np
import pytest

from engine.containment import SURE_STRETCH, Checkpoints, Crew, Seen, Situation
from engine.containment.adversary import Adversary
from engine.model.errors import Refusal
from geo_data.raw_roads import RoadClass
from tests.support.chase import Chase
from tests.support.networks import drawn_map

STREET = """
A---B---C---D---E
"""
SQUARE = """
L-------R
|       |
|   T   |
|   |   |
a---C---b
"""


def chase_on(text):
    return Chase(*drawn_map(text))


def proven(chase, plan, situation):
    assert plan.verdict == "impossible"
    assert chase.checker(situation).wrong(plan.certificate) == ""
    return plan.why.reason, plan.why.posts, plan.why.units


def test_two_ways_out_are_shut_where_the_units_have_most_time():
    chase = chase_on(STREET)
    situation = chase.situation("CD", ["AB", "ED"], horizon_s=600, exits="AE", fraction=0.0)
    assert chase.letters(post.node for post in chase.planner.case(situation).first().posts) == "AD"
    plan = chase.planner.case(situation).best()
    assert plan.verdict == "sealed"
    # Both units are 12 s from either end of their street; at the outer one they have 36 s to spare, at the inner 12.
    assert chase.letters(post.node for post in plan.posts) == "AE"
    assert [post.watch_deg for post in plan.posts] == [(90,), (270,)]
    times = [(post.due_ms, post.ready_ms, post.units) for post in plan.posts]
    assert times == [(48_000, 12_000, (0,)), (48_000, 12_000, (1,))]
    assert plan.stretch == 4_000
    assert plan.spare_ms == 36_000
    assert chase.letters(plan.area) == "BCD"


def test_one_unit_for_two_ways_out_is_proven_to_be_too_few():
    chase = chase_on(STREET)
    situation = chase.situation("CD", ["AB"], horizon_s=600, exits="AE", fraction=0.0)
    assert proven(chase, chase.planner.case(situation).first(), situation) == ("unguarded_way", None, 1)
    situation = chase.situation("CD", ["CD"], horizon_s=600, exits="AE", fraction=0.0, ago_s=0)
    assert proven(chase, chase.planner.case(situation).best(), situation)[0] == "unguarded_way"


def test_units_that_can_only_hold_the_same_way_out_do_not_help_each_other():
    chase = chase_on(SQUARE)
    # The first can be at L or at R, the others only at T.
    situation = chase.situation("Ca", ["LR", "TC", "TC"], horizon_s=600, exits="LRT", fraction=0.0)
    assert proven(chase, chase.planner.case(situation).first(), situation) == ("no_distinct_units", 3, 3)
    two_more = chase.situation("Ca", ["LR", "TC", "LR"], horizon_s=600, exits="LRT", fraction=0.0)
    plan = chase.planner.case(two_more).best()
    assert plan.verdict == "sealed"
    assert chase.letters(post.node for post in plan.posts) == "LRT"


def test_fewer_units_than_the_least_cut():
    chase = chase_on(SQUARE)
    situation = chase.situation("Ca", ["LR", "TC"], horizon_s=600, exits="LRT", fraction=0.0)
    assert proven(chase, chase.planner.case(situation).first(), situation) == ("too_few_units", 3, 2)


def test_the_horizon_is_where_he_must_be_stopped_before():
    chase = chase_on(STREET)
    # Within 30 s he is at B and D, at A and E not: they are outside.
    situation = chase.situation("CD", ["BC", "DE"], horizon_s=30, fraction=0.0)
    plan = chase.planner.case(situation).first()
    assert plan.verdict == "sealed"
    assert chase.letters(post.node for post in plan.posts) == "BD"
    assert chase.letters(plan.area) == "C"
    nowhere = chase.situation("CD", ["BC"], horizon_s=600, fraction=0.0)
    assert chase.planner.case(nowhere).first().verdict == "no_way_out"


def test_a_head_start_counts_for_him():
    chase = chase_on(STREET)
    for ago_s, verdict in ((0, "sealed"), (20, "sealed"), (35, "impossible")):
        situation = chase.situation("CD", ["AB", "ED"], horizon_s=600, exits="AE", fraction=0.0, ago_s=ago_s)
        assert chase.planner.case(situation).first().verdict == verdict, ago_s


def test_a_plan_without_margin_is_no_seal():
    chase = chase_on(STREET)
    # 12 s on the way and 12 s to the deadline at A: in time if all is as said, and not if it takes a third longer.
    situation = chase.situation("CD", ["AB", "ED"], horizon_s=600, exits="AE", fraction=0.0, ago_s=36)
    plan = chase.planner.case(situation).best()
    assert plan.verdict == "impossible"
    assert plan.certificate.stretch == SURE_STRETCH
    assert chase.checker(situation).wrong(plan.certificate) == ""


def test_the_strongest_proof_is_given_in_the_end():
    chase = chase_on(STREET)
    situation = chase.situation("CD", ["AB"], horizon_s=600, exits="AE", fraction=0.0)
    assert chase.planner.case(situation).first().certificate.stretch == SURE_STRETCH
    assert chase.planner.case(situation).best().certificate.stretch == 1_000


def test_he_minds_no_one_way_street_and_units_do():
    chase = chase_on("A-->B---C---D---E")
    # He leaves against the arrow; a unit at the beginning of the one-way street can be at both of its ends.
    situation = chase.situation("CD", ["AB", "ED"], horizon_s=600, exits="AE", fraction=0.0)
    assert chase.planner.case(situation).first().verdict == "sealed"
    behind = chase_on("A--<B---C---D---E")
    unit_at_its_end = behind.situation("CD", ["BA", "ED"], horizon_s=600, exits="AE", fraction=0.0)
    plan = behind.planner.case(unit_at_its_end).best()
    assert plan.verdict == "sealed"
    assert behind.letters(post.node for post in plan.posts) == "AE"


def test_a_post_on_a_wide_road_takes_two_units_at_the_same_place():
    chase = chase_on(STREET)
    wide = {"two_unit_classes": frozenset({RoadClass.RESIDENTIAL}), "horizon_s": 600, "exits": "AE", "fraction": 0.0}
    plan = chase.planner.case(chase.situation("CD", ["AB", "AB", "ED", "ED"], **wide)).first()
    assert plan.verdict == "sealed"
    assert sorted(post.units for post in plan.posts) == [(0, 1), (2, 3)]
    short = chase.situation("CD", ["AB", "AB", "ED"], **wide)
    assert proven(chase, chase.planner.case(short).first(), short)[0] == "unguarded_way"


def test_a_checkpoint_is_called_and_needs_no_unit():
    chase = chase_on(STREET)
    more = {"horizon_s": 600, "exits": "AE", "fraction": 0.0}
    plan = chase.planner.case(chase.situation("CD", ["AB"], calls=[("E", 20)], **more)).first()
    assert plan.verdict == "sealed"
    assert [(post.duty, post.units) for post in plan.posts] == [("stand", (0,)), ("call", (0,))]
    late = chase.situation("CD", ["AB"], calls=[("E", 50)], **more)
    assert proven(chase, chase.planner.case(late).first(), late)[0] == "unguarded_way"


BRIDGE = """
A---B---C---D---E
|   |
F---G
"""


def test_only_the_checkpoint_closes_the_bridge():
    chase = chase_on(BRIDGE)
    # D is 48 s away from B; the unit beyond it is there after 52 s.
    more = {"horizon_s": 60, "fraction": 0.0, "turnout_ms": [40_000]}
    alone = chase.situation("BA", ["ED"], **more)
    assert proven(chase, chase.planner.case(alone).first(), alone)[0] == "unguarded_way"
    for call_s, verdict in ((20, "sealed"), (48, "sealed"), (49, "impossible")):
        told = chase.situation("BA", ["ED"], calls=[("D", call_s)], **more)
        plan = chase.planner.case(told).best()
        assert plan.verdict == verdict
        if verdict == "sealed":
            assert [(post.duty, post.units, post.node) for post in plan.posts] == [("call", (0,), chase.node["D"])]
            assert plan.posts[0].watch_deg == (270,)
            assert plan.posts[0].ready_ms == call_s * 1000
            assert not chase.checker(told).gap({plan.posts[0].node: plan.posts[0].ready_ms})
        else:
            assert chase.checker(told).wrong(plan.certificate) == ""


def test_who_only_need_be_told_goes_before_who_has_to_drive():
    chase = chase_on(STREET)
    # At A and at E stand units with all the time in the world; the checkpoint at D spares the one at E.
    situation = chase.situation("CD", ["AB", "ED"], calls=[("D", 0)], horizon_s=600, exits="AE", fraction=0.0)
    for plan in (chase.planner.case(situation).first(), chase.planner.case(situation).best()):
        assert sorted((post.duty, post.units) for post in plan.posts) == [("call", (0,)), ("stand", (0,))]


def test_who_cannot_stand_is_no_part_of_a_seal():
    chase = chase_on(STREET)
    situation = chase.situation("CD", ["AB", "ED"], horizon_s=600, exits="AE", fraction=0.0, stands=[True, False])
    assert proven(chase, chase.planner.case(situation).first(), situation)[0] == "unguarded_way"


def test_all_places_where_he_may_have_been_are_shut_in():
    chase = chase_on("A---B---C---D---E---F---G")
    situation = chase.situation("CD ED", ["AB", "GF"], horizon_s=600, exits="AG")
    plan = chase.planner.case(situation).first()
    assert plan.verdict == "sealed"
    assert set(chase.letters(plan.area)) >= set("CDE")


def test_time_to_set_up_and_turnout_count():
    chase = chase_on(STREET)
    more = {"horizon_s": 600, "exits": "AE", "fraction": 0.0}
    slow = chase.situation("CD", ["AB", "ED"], setup_ms=30_000, **more)
    assert chase.planner.case(slow).first().posts[0].ready_ms == 42_000
    late = chase.situation("CD", ["AB", "ED"], turnout_ms=[0, 40_000], **more)
    assert chase.planner.case(late).first().verdict == "impossible"


def test_few_posts_are_preferred():
    chase = chase_on(
        """
B---L
|   |
A---C---D
|   |
E---F
"""
    )
    # The one street CD, or three posts further in.
    situation = chase.situation("AB", ["CD", "CD", "CD"], horizon_s=600, exits="D", fraction=0.0)
    assert len(chase.planner.case(situation).first().posts) == 1
    assert len(chase.planner.case(situation).best().posts) == 1


def test_the_adversary_passes_a_post_before_it_stands():
    chase = chase_on(STREET)
    situation = chase.situation("CD", [], horizon_s=600, exits="AE", fraction=0.0)
    ground = chase.planner.surveyor.survey(situation)
    adversary = Adversary(chase.weights)
    places = ground.local[[chase.node["B"], chase.node["D"]]]
    checker = chase.checker(situation)
    for ready_ms, way in (([24_000, 24_000], ""), ([24_001, 24_000], "CBA"), ([0, 24_001], "DE")):
        ready = np.array(ready_ms)
        found = adversary.gap(ground, places, ready)
        assert found == tuple(chase.node[letter] for letter in way)
        assert bool(checker.gap(dict(zip([chase.node["B"], chase.node["D"]], ready_ms, strict=True)))) == bool(found)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("horizon_ms", {"horizon_ms": 0}),
        ("horizon_ms", {"horizon_ms": 3_600_001}),
        ("setup_ms", {"setup_ms": -1}),
        ("seen", {"seen": ()}),
        ("seen[0].arc", {"seen": (Seen(99, 0.5),)}),
        ("seen[0].fraction", {"seen": (Seen(0, 1.5),)}),
        ("seen[1].ago_ms", {"seen": (Seen(0, 0.5), Seen(0, 0.5, -1))}),
        ("crew.arc[1]", {"crew": Crew.of([0, 99], [0.5, 0.5])}),
        ("crew.fraction[0]", {"crew": Crew.of([0], [float("nan")])}),
        ("crew.turnout_ms[0]", {"crew": Crew.of([0], [0.5], [-1])}),
        ("crew.stands", {"crew": Crew.of([0], [0.5], [0], [True, False])}),
        ("checkpoints.node[0]", {"checkpoints": Checkpoints.of([99], [0])}),
        ("checkpoints.node", {"checkpoints": Checkpoints.of([1, 1], [0, 0])}),
        ("exits[0]", {"exits": np.array([99])}),
        ("heading_deg", {"heading_deg": 361.0}),
    ],
)
def test_what_does_not_fit_is_refused_by_name(field, change):
    chase = chase_on(STREET)
    sound = {"seen": (Seen(0, 0.5),), "horizon_ms": 60_000, "crew": Crew.of([0], [0.5])}
    with pytest.raises(Refusal) as refused:
        chase.planner.case(Situation(**sound | change))
    assert refused.value.field == field


def test_a_street_that_no_car_drives_is_refused():
    network, node = drawn_map(STREET)
    suspect_ms = np.full(network.n_arcs, 1 << 30, np.int32)
    chase = Chase(network, node, suspect_ms=suspect_ms)
    with pytest.raises(Refusal) as refused:
        chase.planner.case(chase.situation("CD", [], horizon_s=60))
    assert refused.value.code == "not_drivable"
