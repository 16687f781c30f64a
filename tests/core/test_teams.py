"""Needs for one team: its members go together, whoever is nearer alone; the rest of it follows, nobody else."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Engine, Policies, ReportAlert, SetUnitStatus, Tick
from engine.dispatch.solving_again import Table, decisions, solve_again
from engine.model.demand_events import DemandUnmet, Recommended
from engine.model.entities import Need
from engine.model.lifecycle import UnitStatus
from engine.texts.reading import explain
from tests.support.cards import county_and
from tests.support.cities import SetClock, alert, city, unit

AT_ONCE = Policies(stale_position_ms=0)


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    said = 'id = "entry"\nlevel = 2\nname = { en = "Entry" }\napprove = { send = "auto" }\n'
    said += 'force = [{ capability = "swat", count = 2, one_team = true }]'
    return county_and(tmp_path_factory.mktemp("cards"), said)


def swat(name, column, team="", **more):
    return unit(name, column, 0, "swat", team=team, **more)


def opened(cards, *units, **more):
    engine = Engine(city(units, (), AT_ONCE, run_cards=cards), clock=SetClock())
    reply = engine.submit(ReportAlert(actor="desk", alert=alert(1, 0, 0, kind="entry", **more)))[0]
    assert reply.refusal is None, reply.refusal
    return engine, reply.incident


def goes(engine, incident):
    return {engine.state.orders[order].recipient for order in engine.state.incidents[incident].orders}


def test_a_whole_team_goes_before_nearer_units_of_two(cards):
    engine, incident = opened(cards, swat("a1", 0, "A"), swat("b1", 1, "B"), swat("a2", 5, "A"), swat("b2", 3, "B"))
    assert goes(engine, incident) == {"b1", "b2"}  # B is there whole after 3 blocks, A after 5
    first, second = engine.recommendations(incident)
    assert {first.chosen.team, second.chosen.team} == {"B"}
    assert "swat (all of one team)" in explain(first, "en")
    assert f"{first.chosen.recipient} is of B" in explain(first, "en")
    assert "属B" in explain(second, "zh")


def test_who_is_of_no_team_is_told_why_they_stay(cards):
    engine, incident = opened(cards, swat("x", 0), swat("a1", 3, "A"), swat("a2", 4, "A"))
    assert goes(engine, incident) == {"a1", "a2"}
    first, _ = engine.recommendations(incident)
    assert [(out.unit, out.why) for out in first.excluded] == [("x", "other_team")]
    assert first.excluded_counts == {"other_team": 1, "taken_by_other_need": 1}


def test_the_rest_of_the_team_follows_and_nobody_else(cards):
    busy = swat("a2", 1, "A", on_duty=False)
    engine, incident = opened(cards, swat("a1", 0, "A"), busy, swat("b1", 5, "B"))
    assert goes(engine, incident) == {"a1"}
    (waits,) = [demand for demand in engine.state.demands.values() if demand.order is None]
    assert waits.unmet
    engine.submit(Tick(actor="system"))
    assert goes(engine, incident) == {"a1"}  # b1 is free and of another team
    engine.submit(SetUnitStatus(actor="d", key="k", unit="a2", status=UnitStatus.AVAILABLE))
    assert goes(engine, incident) == {"a1", "a2"}
    assert engine.recommendations(incident)[-1].chosen.team == "A"


def test_a_city_without_teams_sends_unit_by_unit(cards):
    engine, incident = opened(cards, swat("x", 0), swat("y", 2), swat("z", 5))
    assert goes(engine, incident) == {"x", "y"}
    assert all(not one.one_team for one in engine.recommendations(incident))


def test_what_a_source_wants_of_one_team_is_heeded_like_a_card(cards):
    need = (Need("swat", 3, one_team=True),)
    team = [swat(f"a{i}", 5 - i, "A") for i in range(3)]
    engine, incident = opened(cards, *team, swat("b1", 0, "B"), swat("b2", 1, "B"), needs=need)
    assert goes(engine, incident) == {"a0", "a1", "a2"}


def test_the_nearest_team_is_found_behind_hundreds_of_others(cards):
    crowd = [swat(f"x{i}", 0, f"T{i}") for i in range(60)]
    engine, incident = opened(cards, *crowd, swat("a1", 4, "A"), swat("a2", 5, "A"))
    assert goes(engine, incident) == {"a1", "a2"}


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from(("", "A", "B", "C"))), min_size=1, max_size=7, unique=True),
    st.integers(2, 3),
)
def test_against_every_choice_that_there_is(cards, placed, count):
    units = [swat(f"u{i}", at / 10, team) for i, (at, team) in enumerate(placed)]
    engine, incident = opened(cards, *units, needs=(Need("swat", count, one_team=True),))
    at = {f"u{i}": column for i, (column, _) in enumerate(placed)}
    team_of = {f"u{i}": team for i, (_, team) in enumerate(placed)}
    sets = [some for size in range(1, count + 1) for some in itertools.combinations(at, size)]
    if any(team_of.values()):
        sets = [some for some in sets if team_of[some[0]] and len({team_of[name] for name in some}) == 1]
    best = min((-len(some), max(at[name] for name in some), sum(at[name] for name in some)) for some in sets)
    went = goes(engine, incident)
    assert (-len(went), max(at[name] for name in went), sum(at[name] for name in went)) == best
    tables = [
        Table(body.demand, body.incident, body.recommendation)
        for event in engine.journal.read()
        if isinstance(body := event.body, Recommended | DemandUnmet)
    ]
    for one in decisions(tables):
        assert solve_again(one).verdict in ("same", "incomplete")
