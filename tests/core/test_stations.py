"""Two-level dispatch: the room orders a station, the station names its units, and stays responsible."""

import pytest

from engine import AnswerOrder, ApproveOrder, CancelOrder, EndIncident, Engine, Need, ReportAlert, Tick
from engine.core.city import Jurisdiction
from engine.model.commands import AssignUnits, Named
from engine.model.lifecycle import OrderState
from tests.support.cards import county_with
from tests.support.cities import SetClock, alert, city, place, station, unit

ROBBERY = (Need("patrol"), Need("traffic"))


def ground(area, name, west, south, east, north):
    """Return a jurisdiction: a rectangle of crossings."""
    corners = (place(west, south), place(east, south), place(east, north), place(west, north), place(west, south))
    return Jurisdiction(area, name, ((corners,),))


@pytest.fixture
def cards(tmp_path):
    return county_with(tmp_path, robbery='dispatch = "station"')


@pytest.fixture
def engine(cards):
    return two_stations(cards)


def two_stations(cards, units=None, stations=None, **more):
    units = units or [
        unit("W1", 1, 1, "patrol", station="west"),
        unit("W2", 1, 2, "patrol", "traffic", station="west"),
        unit("E1", 4, 3, "patrol", "traffic", station="east"),
    ]
    stations = stations or [station("west", 0, 0), station("east", 5, 4)]
    return Engine(city(units, stations, run_cards=cards, **more), clock=SetClock())


def report(engine, column=0, row=1, needs=ROBBERY, ref=1, **more):
    reply = engine.submit(ReportAlert(actor="user:li", alert=alert(ref, column, row, needs=needs, **more)))[0]
    assert reply.refusal is None, reply.refusal
    return reply


def answer(engine, order, word, **more):
    key = more.pop("key", f"{order}-{word}")
    return engine.submit(AnswerOrder(actor="device:x", key=key, order=order, version=1, answer=word, **more))[0]


def assign(engine, order, *units, key=None, **more):
    named = tuple(name if isinstance(name, Named) else Named(name) for name in units)
    command = AssignUnits(
        actor="device:west", key=key or f"{order}-{units}", order=order, version=1, units=named, **more
    )
    return engine.submit(command)[0]


def orders_of(engine, incident):
    return [engine.state.orders[order] for order in engine.state.incidents[incident].orders]


def went(engine, reply):
    """Return what each unit under the first order goes for."""
    return {its.recipient: its.capability for its in orders_of(engine, reply.incident)[1:]}


def notices(engine, recipient):
    return [mail.code for mail in engine.state.mailbox(recipient).after(0) if mail.item == "notice"]


def test_a_card_sends_one_order_to_one_station_for_all_that_is_wanted(engine):
    reply = report(engine)
    (order,) = orders_of(engine, reply.incident)
    assert (order.recipient, order.recipient_kind, order.state) == ("west", "station", OrderState.SENT)
    assert {d.station for d in engine.state.demands.values()} == {order.id}
    assert not engine.state.claims
    assert (reply.shortage, reply.waiting) == ((), ())
    (told,) = engine.recommendations(reply.incident)
    assert (told.policy, told.chosen.recipient, told.chosen.kind) == ("nearest_station", "west", "station")
    assert [other.recipient for other in told.others] == ["east"]


def test_the_station_of_the_area_goes_before_the_nearest_one(cards):
    areas = (ground("A", "west", -1, -1, 4.5, 5),)
    engine = two_stations(cards, jurisdictions=areas)
    reply = report(engine, 4, 4)
    assert orders_of(engine, reply.incident)[0].recipient == "west"
    assert engine.recommendations(reply.incident)[0].policy == "responsible_station"
    outside = report(engine, 5, 4, ref=2)
    assert orders_of(engine, outside.incident)[0].recipient == "east"


def test_the_station_of_the_area_is_passed_over_where_it_cannot_do_it(cards):
    stations = [station("west", 0, 0, capabilities=("beat",)), station("east", 5, 4)]
    engine = two_stations(cards, stations=stations, jurisdictions=(ground("A", "west", -1, -1, 6, 6),))
    reply = report(engine)
    assert orders_of(engine, reply.incident)[0].recipient == "east"
    (told,) = engine.recommendations(reply.incident)
    assert [(out.unit, out.why) for out in told.excluded] == [("west", "lacks_capability")]


def test_what_no_station_can_do_alone_goes_to_several(cards):
    stations = [station("west", 0, 0, capabilities=("patrol",)), station("east", 5, 4, capabilities=("traffic",))]
    engine = two_stations(cards, stations=stations)
    reply = report(engine)
    assert [order.recipient for order in orders_of(engine, reply.incident)] == ["west", "east"]


def test_without_a_station_units_are_sent_straight_away(cards):
    engine = Engine(city([unit("W1", 1, 1, "patrol")], (), run_cards=cards), clock=SetClock())
    reply = report(engine, needs=(Need("patrol"),))
    assert [order.recipient for order in orders_of(engine, reply.incident)] == ["W1"]


def test_when_it_accepts_the_engine_proposes_its_own_people_and_a_clock_runs(engine):
    reply = report(engine)
    (order,) = reply.orders
    answer(engine, order, "accept")
    west, own = engine.recommendations(reply.incident)[1:]
    assert [one.policy for one in (west, own)] == ["own_pool", "own_pool"]
    assert {one.chosen.recipient for one in (west, own)} == {"W1", "W2"}
    assert notices(engine, "west") == ["informed", "assign_wanted"]
    assert f"{order} assign" in dict(engine.state.deadlines.items())
    engine.clock.time += 60_000
    engine.submit(Tick(actor="system"))
    assert notices(engine, "desk")[-1] == "not_assigned"
    assert engine.state.orders[order].state is OrderState.ACCEPTED


def test_naming_nobody_takes_whom_the_engine_proposes(engine):
    reply = report(engine)
    (order,) = reply.orders
    answer(engine, order, "accept")
    assert assign(engine, order).refusal is None
    _, patrol, traffic = orders_of(engine, reply.incident)
    assert {(its.recipient, its.capability) for its in (patrol, traffic)} == {("W1", "patrol"), ("W2", "traffic")}
    assert all(
        its.under == order and its.state is OrderState.SENT and its.eta_ms and its.route for its in (patrol, traffic)
    )
    assert f"{order} assign" not in dict(engine.state.deadlines.items())
    assert engine.state.claims == {patrol.recipient: patrol.id, traffic.recipient: traffic.id}


def test_a_station_names_other_people_and_who_rides_and_that_is_on_record(engine):
    reply = report(engine, needs=(Need("patrol"),))
    (order,) = reply.orders
    answer(engine, order, "accept")
    assert engine.recommendations(reply.incident)[-1].chosen.recipient == "W1"
    assert assign(engine, order, Named("W2", officers=("040127",)), reason="knows_place").refusal is None
    its = orders_of(engine, reply.incident)[1]
    assert (its.recipient, its.officers) == ("W2", ("040127",))
    named = next(event.body for event in engine.journal.read() if event.kind == "units_named")
    assert (named.named, named.proposed, named.reason) == (("W2",), ("W1",), "knows_place")


def test_naming_before_accepting_accepts(engine):
    reply = report(engine)
    assert assign(engine, reply.orders[0], "W1", "W2").refusal is None
    assert engine.state.orders[reply.orders[0]].state is OrderState.ACCEPTED
    assert went(engine, reply) == {"W1": "patrol", "W2": "traffic"}


@pytest.mark.parametrize("units", [("W2", "W1"), ("W1", "W2")])
def test_each_goes_for_what_it_is_able_for_in_whatever_order_they_are_named(engine, units):
    reply = report(engine)
    assign(engine, reply.orders[0], *units)
    assert went(engine, reply) == {"W1": "patrol", "W2": "traffic"}


def test_half_a_set_is_sent_and_the_rest_stays_with_the_station(engine):
    reply = report(engine)
    (order,) = reply.orders
    assign(engine, order, "W1")
    assert f"{order} assign" in dict(engine.state.deadlines.items())
    assert [d.capability for d in engine.state.demands.values() if d.order is None] == ["traffic"]
    assert assign(engine, order, "W2", key="later").refusal is None
    assert f"{order} assign" not in dict(engine.state.deadlines.items())


def test_what_a_station_may_not_name_is_refused_by_name_and_nothing_has_happened(engine):
    reply = report(engine)
    (order,) = reply.orders
    seq = engine.state.seq
    refused = {
        ("E1",): "not_yours",
        ("W9",): "unknown_unit",
        ("W1", "W1"): "twice",
        (Named("W1", "grid-demand-9"),): "unknown_demand",
        (Named("W1", officers=("",)),): "too_many",
    }
    for units, code in refused.items():
        assert assign(engine, order, *units).refusal.code == code
    assert engine.state.seq == seq
    assign(engine, order, "W1", "W2")
    assert assign(engine, order, "W1", key="again").refusal.code == "all_named"
    other = report(engine, ref=2, needs=(Need("patrol"),))
    claimed = assign(engine, other.orders[0], "W1").refusal
    assert claimed.code == "on_order"
    assert "device:west decided (approved) at 2027-01-15T08:00:00Z" in claimed.limit
    assert assign(engine, other.orders[0]).refusal.code == "nobody_free"


def test_the_same_key_names_once(engine):
    reply = report(engine)
    assign(engine, reply.orders[0], "W1", key="k")
    seq = engine.state.seq
    assert assign(engine, reply.orders[0], "W1", key="k").duplicate
    assert engine.state.seq == seq


def test_the_incident_advances_by_the_units_and_the_station_with_them(engine):
    reply = report(engine)
    (order,) = reply.orders
    assign(engine, order, "W1", "W2")
    first, second = (its.id for its in orders_of(engine, reply.incident)[1:])

    def stand():
        return engine.state.orders[order].state, engine.state.incidents[reply.incident].state

    answer(engine, first, "accept")
    answer(engine, first, "en_route")
    assert stand() == ("en_route", "en_route")
    assert answer(engine, order, "clear").refusal.code == "wrong_state"
    answer(engine, first, "on_scene")
    assert stand() == ("on_scene", "on_scene")
    refused = answer(engine, order, "clear").refusal
    assert (refused.code, first in refused.limit) == ("wrong_state", True)
    answer(engine, first, "clear")
    assert stand() == ("on_scene", "on_scene")
    for word in ("accept", "en_route", "on_scene", "clear"):
        answer(engine, second, word)
    assert stand() == ("cleared", "resolved")
    assert not engine.state.demands
    assert not engine.state.claims


def test_a_unit_that_refuses_leaves_its_demand_with_the_station(engine):
    reply = report(engine, needs=(Need("patrol"),))
    (order,) = reply.orders
    assign(engine, order, "W1")
    engine.clock.time += 30_000
    assert answer(engine, orders_of(engine, reply.incident)[1].id, "refuse", reason="flat tyre").refusal is None
    (demand,) = engine.state.demands.values()
    assert (demand.station, demand.order, demand.refused_by) == (order, None, ("W1",))
    assert demand.recommended == "W2"
    assert notices(engine, "west")[-2:] == ["unit_fell_away", "assign_wanted"]
    assert dict(engine.state.deadlines.items())[f"{order} assign"] == engine.clock.time + 60_000
    assert len(orders_of(engine, reply.incident)) == 2


def test_nobody_else_sees_to_what_a_station_answers_for(engine):
    reply = report(engine)
    answer(engine, reply.orders[0], "accept")
    engine.clock.time += 20_000
    engine.submit(Tick(actor="system"))
    assert len(orders_of(engine, reply.incident)) == 1


def test_a_station_with_people_who_are_nobodys_unit_sees_to_it_itself(engine):
    reply = report(engine)
    (order,) = reply.orders
    answer(engine, order, "accept")
    answer(engine, order, "on_scene")
    assert f"{order} assign" not in dict(engine.state.deadlines.items())
    answer(engine, order, "clear")
    assert engine.state.incidents[reply.incident].state == "resolved"
    assert not engine.state.demands


def test_what_the_desk_takes_from_a_station_goes_to_the_next_and_never_back(engine):
    reply = report(engine)
    (order,) = reply.orders
    assign(engine, order, "W1")
    engine.submit(CancelOrder(actor="user:li", order=order, reason="not_ours"))
    west, car, east = orders_of(engine, reply.incident)
    assert (west.state, car.state, east.recipient) == ("cancelled", "cancelled", "east")
    assert {d.station for d in engine.state.demands.values()} == {east.id}
    engine.submit(CancelOrder(actor="user:li", order=east.id, reason="not_ours"))
    assert [o.recipient for o in orders_of(engine, reply.incident)[3:]] != ["west"]
    assert all(o.recipient_kind == "unit" for o in orders_of(engine, reply.incident)[3:])


def test_what_is_dropped_from_under_a_station_ends_its_order_with_the_last(engine):
    reply = report(engine, needs=(Need("patrol"),))
    (order,) = reply.orders
    assign(engine, order, "W1")
    car = orders_of(engine, reply.incident)[1].id
    engine.submit(CancelOrder(actor="user:li", order=car, reason="enough", drop=True))
    assert [o.state for o in orders_of(engine, reply.incident)] == ["cancelled", "cancelled"]
    assert not engine.state.demands


def test_an_incident_that_ends_frees_everybody(engine):
    reply = report(engine)
    assign(engine, reply.orders[0], "W1", "W2")
    engine.submit(EndIncident(actor="user:li", incident=reply.incident, state="cancelled"))
    assert not engine.state.claims
    assert not engine.state.demands
    assert not engine.state.deadlines.items()


def test_a_station_that_was_asked_for_want_of_a_unit_can_name_one_too(cards):
    engine = two_stations(cards, units=[unit("W1", 1, 1, "patrol", station="west")])
    first = report(engine, 1, 1, kind="drunk_person", needs=(Need("patrol"),))
    second = report(engine, 0, 0, kind="drunk_person", needs=(Need("patrol"),), ref=2)
    (order,) = second.orders
    assert engine.state.orders[order].recipient == "west"
    answer(engine, order, "accept")
    assert notices(engine, "west") == ["informed", "informed", "assign_nobody"]
    for word in ("accept", "on_scene", "clear"):
        answer(engine, first.orders[0], word)
    assert assign(engine, order).refusal is None
    assert orders_of(engine, second.incident)[1].recipient == "W1"


def test_a_card_that_waits_for_leave_lets_the_station_wait(tmp_path):
    engine = two_stations(county_with(tmp_path, wanted_sighting='dispatch = "station"'))
    reply = report(engine, kind="wanted_sighting", needs=(Need("patrol"),))
    (order,) = reply.orders
    assert assign(engine, order, "W1").refusal.code == "wrong_state"
    engine.submit(ApproveOrder(actor="user:li", order=order))
    assert assign(engine, order, "W1", key="k").refusal is None
    late = engine.submit(ApproveOrder(actor="user:wu", order=order))[0].refusal
    assert (late.code, "granted by user:li" in late.limit) == ("superseded", True)
