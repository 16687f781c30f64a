"""Needs that several capabilities meet, and crews that meet several needs: one order for one crew."""

import pytest

from engine import AnswerOrder, Engine, Need, Policies, ReportAlert, SetUnitStatus
from engine.dispatch.solving_again import Table, decisions, solve_again
from engine.model.demand_events import DemandUnmet, Recommended
from engine.model.lifecycle import IncidentState, UnitStatus
from tests.support.cities import SetClock, alert, city, unit

TRUSTING = Policies(stale_position_ms=0)


def engine_with(*units, policies=TRUSTING):
    return Engine(city(units, policies=policies), clock=SetClock())


def report(engine, *needs, level=2, ref=1):
    reply = engine.submit(ReportAlert(actor="user:li", alert=alert(ref, 0, 0, level=level, needs=needs)))[0]
    assert reply.refusal is None, reply.refusal
    return reply.incident


def answer(engine, order, *words):
    for word in words:
        said = AnswerOrder(
            actor="device:x", key=f"{order}-{word}", order=order, version=1, answer=word, reason="other", text=""
        )
        reply = engine.submit(said)[0]
        assert reply.refusal is None, reply.refusal


def orders(engine, incident):
    return [engine.state.orders[order] for order in engine.state.incidents[incident].orders]


def check_tables(engine):
    bodies = [event.body for event in engine.journal.read()]
    tables = [
        Table(its.demand, its.incident, its.recommendation)
        for its in bodies
        if isinstance(its, Recommended | DemandUnmet)
    ]
    assert [solve_again(its).verdict for its in decisions(tables)].count("same") == len(decisions(tables)) > 0


EITHER = Need("negotiator", either=("detective",))
BOTH = Need("negotiator", together=True)


def test_any_of_several_capabilities_will_do_and_the_soonest_goes():
    engine = engine_with(unit("near", 1, 0, "patrol"), unit("det", 2, 0, "detective"), unit("neg", 5, 4, "negotiator"))
    incident = report(engine, EITHER)
    assert [order.recipient for order in orders(engine, incident)] == ["det"]
    (found,) = engine.recommendations(incident)
    assert found.either == ("detective",)
    assert [one.recipient for one in found.others] == ["neg"]
    assert [(out.unit, out.why) for out in found.excluded] == [("near", "lacks_capability")]
    check_tables(engine)


def test_a_shortage_ends_when_somebody_with_the_other_capability_frees_up():
    engine = engine_with(unit("det", 2, 0, "detective", on_duty=False))
    incident = report(engine, EITHER)
    assert orders(engine, incident) == []
    engine.submit(SetUnitStatus(actor="user:li", key="k", unit="det", status=UnitStatus.AVAILABLE))
    assert [order.recipient for order in orders(engine, incident)] == ["det"]


def test_an_unknown_capability_among_several_is_refused():
    engine = engine_with(unit("a", 1, 0))
    given = alert(1, 0, 0, needs=(Need("patrol", either=("wizard",)),))
    assert engine.submit(ReportAlert(actor="x", alert=given))[0].refusal.code == "unknown_capability"


@pytest.mark.parametrize("end", ["clear", "refuse"])
def test_one_crew_that_can_do_both_has_one_order_and_spares_another(end):
    both = unit("both", 1, 0, "patrol", "negotiator")
    engine = engine_with(both, unit("neg", 5, 4, "negotiator"), unit("car", 5, 3, "patrol"))
    incident = report(engine, Need("patrol"), BOTH)
    (order,) = orders(engine, incident)
    assert order.recipient == "both"
    assert {demand.order for demand in engine.state.demands.values()} == {order.id}
    check_tables(engine)
    if end == "clear":
        answer(engine, order.id, "accept", "en_route", "on_scene", "clear")
        assert not engine.state.demands
        assert engine.state.incidents[incident].state is IncidentState.RESOLVED
    else:
        answer(engine, order.id, "refuse")
        assert sorted(o.recipient for o in orders(engine, incident)[1:]) == ["car", "neg"]
    again = Engine(engine.city, journal=engine.journal, clock=engine.clock)
    assert again.state.demands == engine.state.demands


def test_who_may_not_be_shared_is_not():
    engine = engine_with(unit("both", 1, 0, "patrol", "negotiator"), unit("neg", 5, 4, "negotiator"))
    incident = report(engine, Need("patrol"), Need("negotiator"))
    assert sorted(order.recipient for order in orders(engine, incident)) == ["both", "neg"]


def test_a_shared_crew_counts_once_against_the_reserve():
    policies = Policies(stale_position_ms=0, reserve=1, reserve_level=1)
    crews = [unit(f"both{i}", 1 + i, 0, "patrol", "negotiator") for i in range(2)]
    engine = engine_with(*crews, policies=policies)
    (order,) = orders(engine, report(engine, Need("patrol"), BOTH, level=3))
    assert order.recipient == "both0"
