"""What run cards ask of crews: equipment to bring and a rank to lead, as far as a city says who has it."""

import pytest

from engine import AnswerOrder, Engine, Policies, ReportAlert, Tick
from engine.dispatch.run_cards import COUNTY, RunCards
from engine.fleet import MOST_CAPABILITIES
from engine.texts.reading import explain
from tests.support.cards import county_and
from tests.support.cities import SetClock, alert, city, unit
from tests.support.rosters import duty, officer, roster

FORCE = 'force = [{ capability = "patrol", count = 2, people = 2, rank = "superintendent", equipment = ["shield"] }]'
UNITS = tuple(unit(f"u{i}", i, 0) for i in range(5))


@pytest.fixture
def cards(tmp_path):
    said = 'id = "raid"\nlevel = 2\nname = { en = "Raid" }\napprove = { send = "auto" }\n'
    return county_and(tmp_path, said + FORCE)


def who_goes(the_city, column=0):
    engine = Engine(the_city, clock=SetClock())
    reply = engine.submit(ReportAlert(actor="desk", alert=alert(1, column, 0, kind="raid")))[0]
    assert reply.refusal is None, reply.refusal
    orders = (engine.state.orders[order].recipient for order in engine.state.incidents[reply.incident].orders)
    return engine, set(orders), engine.recommendations(reply.incident)


def crew(*lines, ranks=(), shields=()):
    people = [officer(name, rank=rank, equipment=("shield",) if name in shields else ()) for name, rank in ranks]
    return roster(*lines, officers=people)


def test_somebody_of_the_rank_leads_and_everybody_brings_what_is_asked(cards):
    lines = [duty(str(i), f"u{i}", 0, 24) for i in range(5)]
    ranks = [("0", "supervisor"), ("1", "constable"), ("2", "constable"), ("3", "superintendent"), ("4", "")]
    the_city = city(
        UNITS,
        (),
        Policies(stale_position_ms=0),
        run_cards=cards,
        roster=crew(*lines, ranks=ranks, shields={"1", "2", "3", "4"}),
    )
    _, goes, recommendations = who_goes(the_city)
    assert goes == {"u1", "u3"}  # 0 would be nearest and leads, without a shield; 3 leads; 1 is the nearest besides
    leads, follows = recommendations
    assert leads.bringing == ("equipment:shield", "rank:superintendent")
    assert [(out.unit, out.why, out.value) for out in leads.excluded] == [
        ("u0", "lacks_equipment", "shield"),
        ("u1", "lacks_rank", "superintendent"),
        ("u2", "lacks_rank", "superintendent"),
    ]
    assert leads.excluded_counts == {"lacks_equipment": 1, "lacks_rank": 3}
    assert follows.bringing == ("equipment:shield",)
    said = explain(leads, "en")
    assert "Wanted: patrol (with shield, superintendent or above, 2 people or more among all" in said
    assert "nobody of rank superintendent or above" in said
    assert "未携带“shield”" in explain(leads, "zh")


def test_equipment_of_the_car_counts_like_that_of_the_crew(cards):
    cars = (unit("u0", 0, 0, equipment=("shield", "torch")), unit("u1", 1, 0), unit("u2", 2, 0, equipment=("shield",)))
    _, goes, _ = who_goes(city(cars, (), Policies(stale_position_ms=0), run_cards=cards))
    assert goes == {"u0", "u2"}  # no roster: nobody is asked for a rank


def test_a_city_that_says_neither_sends_as_before(cards):
    _, goes, recommendations = who_goes(city(UNITS, (), Policies(stale_position_ms=0), run_cards=cards))
    assert goes == {"u0", "u1"}
    assert {one.bringing for one in recommendations} == {()}


def test_what_waits_for_a_rank_is_met_when_the_crew_changes(cards):
    ranks = [("1", "constable"), ("2", "commissioner")]
    there = crew(duty("1", "u0", 8, 17), duty("2", "u0", 17, 8), ranks=ranks, shields={"1", "2"})
    engine, goes, _ = who_goes(city(UNITS[:1], (), Policies(stale_position_ms=0), run_cards=cards, roster=there))
    assert goes == {"u0"}  # it met the plain need; nobody can lead, and the desk sees a shortage
    assert [demand.unmet for demand in engine.state.demands.values()] == [True, False]
    (order,) = engine.state.claims.values()
    for word in ("accept", "en_route"):
        engine.submit(AnswerOrder(actor="d", key=word, order=order, version=1, answer=word))
    engine.clock.time = engine.state.deadlines.at("roster shift")
    engine.submit(Tick(actor="system"))
    assert engine.state.unit_status["u0"] == "en_route"  # its crew is on the order: the next one waits
    for word in ("on_scene", "clear"):
        engine.submit(AnswerOrder(actor="d", key=word, order=order, version=1, answer=word))
    demands = {unit: engine.state.kept.order_demand[order] for unit, order in engine.state.claims.items()}
    assert demands == {"u0": "grid-demand-1"}  # it has somebody who leads by now


def test_the_bits_of_a_citys_cards_are_few(cards):
    assert "shield" in cards.asked_equipment
    assert "camera" not in cards.asked_equipment  # everybody has one: no card asks
    assert "superintendent" in cards.asked_ranks
    assert "commissioner" not in cards.asked_ranks
    county = RunCards.load(COUNTY)
    assert len(county.capabilities) + len(county.asked_equipment) + len(county.asked_ranks) < MOST_CAPABILITIES
