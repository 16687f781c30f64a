"""The checker finds what is wrong with a certificate that was tampered with."""

from dataclasses import replace

import pytest

from tests.support.chase import Chase
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
    return chase, checker, certificate


def test_cheaper_units_hold_less_than_the_ways_weigh(proof):
    _, checker, certificate = proof
    assert "lead through" in checker.wrong(replace(certificate, price=(0, *certificate.price[1:])))


def test_the_ways_have_to_weigh_more_than_the_units_cost(proof):
    _, checker, certificate = proof
    assert "no more than" in checker.wrong(replace(certificate, routes=certificate.routes[:2]))
    dear = tuple(price + 10**7 for price in certificate.price)
    assert "no more than" in checker.wrong(replace(certificate, price=dear))


def test_a_way_has_to_lead_from_where_he_was_seen_to_the_outside(proof):
    chase, checker, certificate = proof
    first = certificate.routes[0]
    for nodes, fault in (
        (first.nodes[:-1], "does not lead out"),
        (first.nodes[1:], "does not begin"),
        ((first.nodes[0], chase.node["R"]), "no street"),
        ((), "does not begin"),
    ):
        tampered = replace(certificate, routes=(replace(first, nodes=nodes), *certificate.routes[1:]))
        assert fault in checker.wrong(tampered)
    light = replace(certificate, routes=(replace(first, weight=0), *certificate.routes[1:]))
    assert "weighs nothing" in checker.wrong(light)


def test_prices_are_by_unit_and_not_below_zero(proof):
    _, checker, certificate = proof
    assert "is wanted" in checker.wrong(replace(certificate, price=certificate.price[:2]))
    assert "is wanted" in checker.wrong(replace(certificate, price=(-1, *certificate.price[1:])))


def test_a_proof_for_a_long_stretch_is_none_for_a_short_one():
    chase = Chase(*drawn_map("A---B---C---D---E"))
    situation = chase.situation("CD", ["AB", "ED"], horizon_s=600, exits="AE", fraction=0.0, ago_s=36)
    certificate = chase.planner.case(situation).best().certificate
    checker = chase.checker(situation)
    assert checker.wrong(certificate) == ""
    assert checker.wrong(replace(certificate, stretch=1_000))
