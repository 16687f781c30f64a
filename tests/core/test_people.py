"""Run cards ask for people and sworn officers; units are added until there are enough, and what lacks stays wanted."""

import pytest

from engine import AnswerOrder, CancelOrder, Engine, Need, Policies, ReportAlert, SetUnitStatus
from engine.dispatch.solving_again import Table, decisions, solve_again
from engine.model.commands import SetLevel
from engine.model.demand_events import DemandUnmet, Recommended
from engine.model.lifecycle import UnitStatus
from engine.texts.reading import explain
from tests.support.cards import county_and
from tests.support.cities import SetClock, alert, city, unit
from tests.support.rosters import duty, officer, roster

CARD = """id = "raid"
level = 2
name = { en = "Raid" }
approve = { send = "auto" }
force = [{ capability = "patrol", count = 1, people = 4, sworn = 2 }]"""


def crews(*sizes):
    """Return units along a street, nearest first, and a roster that gives them so many people and sworn officers."""
    lines, people = [], []
    for i, (count, sworn) in enumerate(sizes):
        for n in range(count):
            people.append(officer(f"{i}-{n}", sworn=n < sworn))
            lines.append(duty(f"{i}-{n}", f"u{i}", 0, 24))
    return tuple(unit(f"u{i}", i + 1, 0) for i in range(len(sizes))), roster(*lines, officers=people)


def engine_of(tmp_path, *sizes, card=CARD, **policies):
    units, there = crews(*sizes)
    cards = county_and(tmp_path, card)
    made = city(units, (), Policies(stale_position_ms=0, **policies), run_cards=cards, roster=there)
    return Engine(made, clock=SetClock())


def report(engine, ref=1, column=0, **more):
    more.setdefault("kind", "raid")
    reply = engine.submit(ReportAlert(actor="desk", alert=alert(ref, column, 0, **more)))[0]
    assert reply.refusal is None, reply.refusal
    return reply.incident


def goes(engine, incident):
    orders = (engine.state.orders[its] for its in engine.state.incidents[incident].orders)
    return [order.recipient for order in orders if order.state == "sent"]


def waiting(engine):
    return [demand for demand in engine.state.demands.values() if demand.order is None]


def answer(engine, order, word):
    command = AnswerOrder(actor="d", key=f"{order} {word}", order=order, version=1, answer=word, reason="r")
    return engine.submit(command)[0]


@pytest.mark.parametrize(
    ("sizes", "who"),
    [
        (((4, 2), (4, 4)), {"u0"}),  # enough by itself
        (((2, 1), (2, 1), (4, 4)), {"u0", "u1"}),  # two are there sooner than the one that would be enough
        (((1, 1), (4, 2), (4, 4)), {"u1"}),  # the second is enough: the first would only come along
        (((4, 0), (1, 1), (3, 3)), {"u0", "u2"}),  # enough people, too few of them sworn
        (((1, 1), (1, 1), (1, 0), (1, 0), (9, 9)), {"u0", "u1", "u2", "u3"}),
    ],
)
def test_units_are_added_until_there_are_enough_and_the_set_is_there_soonest(tmp_path, sizes, who):
    engine = engine_of(tmp_path, *sizes)
    incident = report(engine)
    assert set(goes(engine, incident)) == who
    assert not waiting(engine)
    assert set(engine.state.kept.order_people.values()) <= set(sizes)


def test_a_part_goes_and_the_rest_stays_wanted_until_somebody_is_free(tmp_path):
    engine = engine_of(tmp_path, (2, 2), (2, 0), (3, 1))
    engine.submit(SetUnitStatus(actor="d", key="busy", unit="u2", status=UnitStatus.BUSY))
    engine.submit(SetUnitStatus(actor="d", key="busy1", unit="u1", status=UnitStatus.BUSY))
    incident = report(engine)
    assert goes(engine, incident) == ["u0"]
    (left,) = waiting(engine)
    assert (left.extra, left.unmet) == (True, True)
    table = engine.recommendations(incident)[-1]
    assert (table.chosen, table.extra, table.people, table.sworn) == (None, True, 4, 2)
    assert "Added, for those who go have too few people:" in explain(table, "en")
    assert "出动人数不足,增派" in explain(table, "zh")
    engine.submit(SetUnitStatus(actor="d", key="free", unit="u2", status=UnitStatus.AVAILABLE))
    assert goes(engine, incident) == ["u0", "u2"]
    assert not waiting(engine)


def test_what_was_to_add_people_is_dropped_when_there_are_enough(tmp_path):
    engine = engine_of(tmp_path, (2, 1), (6, 6), (3, 3))
    for name in ("u1", "u2"):
        engine.submit(SetUnitStatus(actor="d", key=name, unit=name, status=UnitStatus.BUSY))
    incident = report(engine)
    (order,) = engine.state.incidents[incident].orders
    assert len(waiting(engine)) == 1
    answer(engine, order, "refuse")  # now the need itself waits, and what was to be added to it
    engine.submit(SetUnitStatus(actor="d", key="free", unit="u1", status=UnitStatus.AVAILABLE))
    assert goes(engine, incident) == ["u1"]
    engine.submit(SetUnitStatus(actor="d", key="free2", unit="u2", status=UnitStatus.AVAILABLE))
    assert goes(engine, incident) == ["u1"]
    assert not waiting(engine)


def test_when_whoever_is_there_has_done_it_nobody_is_added_any_more(tmp_path):
    engine = engine_of(tmp_path, (3, 3), (1, 0))
    engine.submit(SetUnitStatus(actor="d", key="u1", unit="u1", status=UnitStatus.BUSY))
    incident = report(engine)
    (order,) = engine.state.incidents[incident].orders
    for word in ("accept", "en_route", "on_scene"):
        answer(engine, order, word)
    assert [(demand.people, demand.sworn) for demand in waiting(engine)] == [(4, 2)]
    answer(engine, order, "clear")
    assert not engine.state.demands
    assert engine.state.incidents[incident].state == "resolved"


def test_whoever_has_been_there_counts_for_the_rest(tmp_path):
    engine = engine_of(tmp_path, (3, 3), (1, 0), (2, 0), card=CARD.replace("count = 1", "count = 2"))
    for name in ("u1", "u2"):
        engine.submit(SetUnitStatus(actor="d", key=name, unit=name, status=UnitStatus.BUSY))
    incident = report(engine)
    (order,) = engine.state.incidents[incident].orders
    for word in ("accept", "en_route", "on_scene"):
        answer(engine, order, word)
    engine.submit(SetUnitStatus(actor="d", key="free", unit="u1", status=UnitStatus.AVAILABLE))
    answer(engine, order, "clear")
    assert goes(engine, incident) == ["u1"]
    (demand,) = engine.state.demands.values()
    assert (demand.people, demand.sworn) == (1, 0)  # three people with three sworn officers have been there


def test_one_that_falls_away_is_made_up_for(tmp_path):
    engine = engine_of(tmp_path, (2, 1), (2, 1), (2, 2))
    incident = report(engine)
    assert goes(engine, incident) == ["u0", "u1"]
    first = engine.state.incidents[incident].orders[0]
    engine.submit(CancelOrder(actor="d", order=first, reason="broken down"))
    assert goes(engine, incident) == ["u1", "u2"]
    assert not waiting(engine)


def test_the_more_urgent_has_its_people_first(tmp_path):
    engine = engine_of(tmp_path, (2, 1), (2, 1), (2, 1), joint_inline=8)
    low = ReportAlert(actor="d", alert=alert(1, 0, 0, kind="raid", level=3))
    high = ReportAlert(actor="d", alert=alert(2, 1, 0, kind="raid", level=2))
    replies = engine.submit(low, high)
    assert set(goes(engine, replies[1].incident)) == {"u0", "u1"}
    assert goes(engine, replies[0].incident) == ["u2"]
    assert [demand.extra for demand in waiting(engine)] == [True]


@pytest.mark.parametrize("inline", [1, 8])
def test_a_frozen_decision_is_solved_again_from_its_tables(tmp_path, inline):
    engine = engine_of(tmp_path, (1, 1), (3, 1), (1, 1), (2, 0), (4, 2), joint_inline=inline)
    several = [
        ReportAlert(actor="d", alert=alert(1, 0, 0, kind="raid")),
        ReportAlert(actor="d", alert=alert(2, 3, 0, kind="raid", level=1)),
        ReportAlert(actor="d", alert=alert(3, 5, 0, kind="noise", needs=(Need("patrol"),))),
    ]
    engine.submit(*several)
    tables = [
        Table(event.body.demand, event.body.incident, event.body.recommendation)
        for event in engine.journal.read()
        if isinstance(event.body, Recommended | DemandUnmet)
    ]
    assert any(table.recommendation.extra for table in tables)
    for decision in decisions(tables):
        assert solve_again(decision).verdict == "same"


def test_a_city_without_a_roster_asks_for_no_number(tmp_path):
    units, _ = crews((1, 1), (2, 2))
    engine = Engine(
        city(units, (), Policies(stale_position_ms=0), run_cards=county_and(tmp_path, CARD)), clock=SetClock()
    )
    assert goes(engine, report(engine)) == ["u0"]
    assert not waiting(engine)


def test_a_unit_that_the_roster_does_not_know_counts_as_a_usual_crew(tmp_path):
    units, there = crews((2, 1))
    made = city(
        (*units, unit("x", 2, 0)), (), Policies(stale_position_ms=0), run_cards=county_and(tmp_path, CARD), roster=there
    )
    engine = Engine(made, clock=SetClock())
    assert goes(engine, report(engine)) == ["u0", "x"]


def test_a_raised_level_adds_what_is_more_of_units_and_of_people(tmp_path):
    card = CARD + '\n[cards.level_1]\nforce = [{ capability = "patrol", count = 2, people = 7, sworn = 3 }]'
    engine = engine_of(tmp_path, (4, 4), (1, 1), (3, 3), (4, 4), card=card)
    incident = report(engine)
    assert goes(engine, incident) == ["u0"]
    reply = engine.submit(SetLevel(actor="d", incident=incident, level=1, reason="knives"))[0]
    assert reply.refusal is None, reply.refusal
    assert goes(engine, incident) == ["u0", "u2"]  # one unit more, with three people more
    assert not waiting(engine)
