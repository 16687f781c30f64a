"""The checker finds what is wrong with a certificate that was tampered with."""

from dataclasses import replace

import pytest

from engine.containment import Certificate
from tests.support.chase import Chase, halves
from tests.support.networks import drawn_map

SQUARE = """
L-------R
|       |
|   T   |
|   |   |
a---C---b
"""


@pytest.fixture
def proof():
    chase = Chase(*drawn_map(SQUARE))
    situation = chase.situation("Ca", ["LR", "TC", "TC"], horizon_s=600, exits="LRT", fraction=0.0)
    certificate = chase.planner.case(situation).first().certificate
    checker = chase.checker(situation)
    assert checker.wrong(certificate) == ""
    (branch,) = certificate.branches
    return chase, branch, lambda **change: checker.wrong(replace(certificate, branches=(replace(branch, **change),)))


def test_cheaper_units_hold_less_than_the_ways_weigh(proof):
    _, branch, wrong = proof
    assert "lead through" in wrong(price=(0, *branch.price[1:]))


def test_the_ways_have_to_weigh_more_than_the_units_cost(proof):
    _, branch, wrong = proof
    assert "no more than" in wrong(routes=branch.routes[:2])
    assert "no more than" in wrong(price=tuple(price + 10**7 for price in branch.price))


def test_a_way_has_to_lead_from_where_he_was_seen_to_the_outside(proof):
    chase, branch, wrong = proof
    first = branch.routes[0]
    for nodes, fault in (
        (first.nodes[:-1], "does not lead out"),
        (first.nodes[1:], "does not begin"),
        ((first.nodes[0], chase.node["R"]), "no street"),
        ((), "does not begin"),
    ):
        assert fault in wrong(routes=(replace(first, nodes=nodes), *branch.routes[1:]))
    assert "weighs nothing" in wrong(routes=(replace(first, weight=0), *branch.routes[1:]))


def test_prices_are_by_unit_and_not_below_zero(proof):
    _, branch, wrong = proof
    assert "is wanted" in wrong(price=branch.price[:2])
    assert "is wanted" in wrong(price=(-1, *branch.price[1:]))


def test_what_is_supposed_leaves_no_case_out_and_contradicts_nothing():
    chase, situation = halves()
    certificate = chase.planner.case(situation).first().certificate
    checker = chase.checker(situation)
    assert checker.wrong(certificate) == ""
    branches = certificate.branches
    for left in range(len(branches)):
        rest = branches[:left] + branches[left + 1 :]
        assert checker.wrong(replace(certificate, branches=rest)) == "the branches leave a case out"
    assert checker.wrong(replace(certificate, branches=())) == "the branches leave a case out"
    for branch in branches:
        sure = replace(branch, passed=(), barred=())
        assert checker.wrong(replace(certificate, branches=(sure,))), "in itself it proves less"
        both = branch.passed + branch.barred
        torn = replace(branch, passed=both, barred=both)
        assert "not to be" in checker.wrong(replace(certificate, branches=(torn, *branches)))


def test_who_gets_through_a_node_is_not_held_there_and_who_does_not_is_held_before():
    chase, situation = halves()
    checker = chase.checker(situation)
    branches = chase.planner.case(situation).first().certificate.branches
    node = {chase.node[letter] for letter in "MN"}
    assert {supposed for branch in branches for supposed in branch.passed + branch.barred} <= node
    (through,), (held,) = ([b for b in branches if b.passed], [b for b in branches if b.barred])
    assert checker.wrong(Certificate(1_300, (held, through))) == ""
    swapped = (replace(held, passed=held.barred, barred=()), replace(through, passed=(), barred=through.passed))
    assert "does not" in checker.wrong(Certificate(1_300, swapped))


def test_a_proof_for_a_long_stretch_is_none_for_a_short_one():
    chase = Chase(*drawn_map("A---B---C---D---E"))
    situation = chase.situation("CD", ["AB", "ED"], horizon_s=600, exits="AE", fraction=0.0, ago_s=36)
    certificate = chase.planner.case(situation).best().certificate
    checker = chase.checker(situation)
    assert checker.wrong(certificate) == ""
    assert checker.wrong(replace(certificate, stretch=1_000))
