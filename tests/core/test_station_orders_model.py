"""Whatever is said to stations and their units, in any order: nobody claimed twice, no demand lost, one who answers."""

import tempfile
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine import (
    AnswerOrder,
    ApproveOrder,
    CancelOrder,
    DecideStep,
    EndIncident,
    Engine,
    Need,
    ReportAlert,
    SetUnitStatus,
    Tick,
)
from engine.core.plain_ports import VolatileJournal
from engine.core.under_stations import ASSIGNING
from engine.model.commands import AddUnits, AskHelp, AssignUnits, ChooseUnit, Named, ReplaceOrder, ReturnOrder
from engine.model.lifecycle import HOLDING_ORDERS, OPEN_ORDERS, OrderState, UnitStatus
from engine.supervision import CLOCKS, INCIDENT_CLOCKS
from tests.support.cards import county_with
from tests.support.cities import SetClock, alert, city, station, unit

STATIONS = (station("s0", 0, 0), station("s1", 5, 4, capabilities=("patrol",)))
UNITS = tuple(
    unit(f"u{i}", i, i % 5, *("patrol", "traffic")[: 1 + i % 2], station=f"s{i % 2}" if i < 5 else None)
    for i in range(6)
)
WORDS = ("accept", "refuse", "en_route", "on_scene", "report", "clear")
with tempfile.TemporaryDirectory() as folder:
    CARDS = county_with(Path(folder), robbery='dispatch = "station"', wanted_sighting='dispatch = "station"')


class StationDesks(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.city = city(UNITS, STATIONS, run_cards=CARDS)
        self.clock, self.journal, self.number = SetClock(), VolatileJournal(), 0
        self.engine = Engine(self.city, clock=self.clock, journal=self.journal)
        self.over: set[str] = set()

    def key(self):
        self.number += 1
        return f"k{self.number}"

    def pick(self, number):
        orders = list(self.engine.state.orders)
        return orders[number % len(orders)] if orders else "grid-order-0"

    @rule(seconds=st.sampled_from((0, 20, 400)))
    def time_passes(self, seconds):
        self.clock.time += seconds * 1000
        self.engine.submit(Tick(actor="system"))

    @rule(
        column=st.integers(0, 5),
        row=st.integers(0, 4),
        kind=st.sampled_from(("robbery", "robbery", "wanted_sighting", "theft_past")),
        needs=st.sampled_from(((Need("patrol"),), (Need("patrol", 2),), (Need("patrol"), Need("traffic")))),
    )
    def alerts(self, column, row, kind, needs):
        given = alert(self.key(), column, row, kind=kind, needs=needs, at=self.clock.time)
        assert self.engine.submit(ReportAlert(actor="x", alert=given))[0].refusal is None

    @rule(number=st.integers(0, 30), word=st.sampled_from(WORDS))
    def answers(self, number, word):
        order = self.pick(number)
        self.engine.submit(
            AnswerOrder(actor="d", key=self.key(), order=order, version=1, answer=word, reason="because")
        )

    @rule(number=st.integers(0, 30), units=st.lists(st.integers(0, 5), max_size=3, unique=True))
    def names(self, number, units):
        order = self.pick(number)
        before = self.engine.snapshot()
        named = tuple(Named(f"u{i}") for i in units)
        reply = self.engine.submit(AssignUnits(actor="d", key=self.key(), order=order, version=1, units=named))[0]
        if reply.refusal is not None:
            assert self.engine.snapshot() == before
            return
        went = [self.engine.state.orders[e.body.order.id] for e in reply.events if e.kind == "order_proposed"]
        assert went
        station_of = self.engine.state.orders[order].recipient
        assert all(its.under == order and self.engine.state.units[its.recipient].station == station_of for its in went)
        assert not units or {its.recipient for its in went} == {f"u{i}" for i in units}

    @rule(number=st.integers(0, 30), drop=st.booleans())
    def cancels(self, number, drop):
        self.engine.submit(CancelOrder(actor="d", order=self.pick(number), reason="r", drop=drop))

    @rule(number=st.integers(0, 30))
    def approves(self, number):
        self.engine.submit(ApproveOrder(actor="d", order=self.pick(number)))

    @rule(
        number=st.integers(0, 30),
        who=st.sampled_from(("u0", "u1", "u4", "u5", "s0", "s1")),
        anyway=st.booleans(),
        seen=st.sampled_from((None, OrderState.PROPOSED)),
    )
    def chooses(self, number, who, anyway, seen):
        order, key, before = self.pick(number), self.key(), self.engine.snapshot()
        command = ChooseUnit(
            actor="d", key=key, order=order, version=1, recipient=who, why="knows_place", anyway=anyway, seen=seen
        )
        reply = self.engine.submit(command)[0]
        if reply.refusal is not None:
            assert self.engine.snapshot() == before
            return
        its = self.engine.state.overruled[order]
        instead = self.engine.state.orders[its.instead]
        assert self.engine.state.orders[order].state is OrderState.REPLACED
        assert (instead.recipient, instead.state) == (who, OrderState.SENT)

    @rule(number=st.integers(0, 30))
    def returns(self, number):
        order = self.pick(number)
        self.engine.submit(ReturnOrder(actor="d", key=self.key(), order=order, version=1, reason="far"))

    @rule(number=st.integers(0, 30), granted=st.booleans())
    def decides(self, number, granted):
        steps = [step.id for step in self.engine.state.steps.values() if step.outcome is None]
        if steps:
            self.engine.submit(DecideStep(actor="d", step=steps[number % len(steps)], granted=granted))

    @rule(number=st.integers(0, 30), wanted=st.sampled_from(("", "traffic", "analyst")))
    def asks(self, number, wanted):
        order, what = self.pick(number), "support" if wanted else "backup"
        self.engine.submit(AskHelp(actor="d", key=self.key(), order=order, version=1, what=what, wanted=wanted))

    @rule(number=st.integers(0, 30), named=st.sampled_from((None, "u1", "u5")))
    def adds(self, number, named):
        incidents = list(self.engine.state.incidents)
        if incidents:
            incident = incidents[number % len(incidents)]
            command = AddUnits(
                actor="d", key=self.key(), incident=incident, capability="patrol", unit=named, acting_as="commander"
            )
            self.engine.submit(command)

    @rule(number=st.integers(0, 30))
    def replaces(self, number):
        order, before = self.pick(number), self.engine.snapshot()
        command = ReplaceOrder(actor="d", key=self.key(), order=order, version=1, reason="far")
        if self.engine.submit(command)[0].refusal is not None:
            assert self.engine.snapshot() == before

    @rule(number=st.integers(0, 30))
    def ends(self, number):
        incidents = list(self.engine.state.incidents)
        if incidents:
            incident = incidents[number % len(incidents)]
            self.engine.submit(EndIncident(actor="d", incident=incident, state="invalid"))

    @rule(number=st.integers(0, 5), status=st.sampled_from(("available", "busy", "off_duty")))
    def statuses(self, number, status):
        self.engine.submit(SetUnitStatus(actor="d", key=self.key(), unit=f"u{number}", status=UnitStatus(status)))

    @invariant()
    def a_replay_gives_the_same(self):
        if hasattr(self, "engine"):
            again = Engine(self.city, clock=self.clock, journal=self.journal)
            assert msgspec.msgpack.decode(again.snapshot()) == msgspec.msgpack.decode(self.engine.snapshot())

    @invariant()
    def nobody_is_on_two_orders(self):
        if hasattr(self, "engine"):
            orders = self.engine.state.orders.values()
            holding = [o for o in orders if o.recipient_kind == "unit" and o.state in HOLDING_ORDERS]
            assert len({o.recipient for o in holding}) == len(holding)
            assert self.engine.state.claims == {o.recipient: o.id for o in holding}

    @invariant()
    def one_station_answers_for_what_went_to_one(self):
        """Each demand is under one open order to a station, or nobody is left who could be asked: then it is unmet."""
        if not hasattr(self, "engine"):
            return
        state = self.engine.state
        for demand in state.demands.values():
            if demand.station is not None:
                above = state.orders[demand.station]
                assert above.recipient_kind == "station"
                assert above.state in OPEN_ORDERS
                assert above.recipient not in demand.returned_by
            if demand.order is not None:
                its = state.orders[demand.order]
                assert its.state in OPEN_ORDERS
                assert its.under == demand.station
            if demand.order is None and demand.station is None:
                assert demand.unmet or demand.plan

    @invariant()
    def whoever_returns_an_order_has_it_until_another_has_accepted(self):
        if not hasattr(self, "engine"):
            return
        state = self.engine.state
        assert dict(state.kept.relieving) == {d.id: d.relieves for d in state.demands.values() if d.relieves}
        for demand in state.demands.values():
            if demand.relieves is None:
                continue
            first, returned = state.demands[demand.relieves], state.orders[demand.returned]
            assert returned.state in OPEN_ORDERS
            assert returned.id in (first.order, first.station)
            assert returned.recipient in (*demand.refused_by, *demand.returned_by)
            others = {demand.order, demand.station} - {None, returned.under}
            assert not any(state.orders[name].state in ASSIGNING for name in others)
        for step in state.steps.values():
            if step.outcome is None and step.order is not None:
                assert state.orders[step.order].state in OPEN_ORDERS

    @invariant()
    def no_demand_is_lost(self):
        """Every demand that was raised waits, is answered for, or ended with a stated reason."""
        if not hasattr(self, "engine"):
            return
        raised, dropped = set(), set()
        for event in self.journal.read():
            if event.kind == "demand_raised":
                raised.add(event.body.demand)
            elif event.kind == "demand_dropped":
                assert event.body.reason
                assert event.body.demand not in dropped
                dropped.add(event.body.demand)
        assert set(self.engine.state.demands) == raised - dropped

    @invariant()
    def an_order_to_a_station_is_open_while_it_answers_for_something(self):
        if not hasattr(self, "engine"):
            return
        state = self.engine.state
        answered_for = {demand.station for demand in state.demands.values()}
        for order in state.orders.values():
            if order.recipient_kind == "station":
                assert (order.state in OPEN_ORDERS) == (order.id in answered_for), order
            elif order.under is not None and order.state in OPEN_ORDERS:
                assert state.orders[order.under].state in OPEN_ORDERS

    @invariant()
    def a_clock_runs_only_where_it_can_be_met(self):
        if not hasattr(self, "engine"):
            return
        state = self.engine.state
        for key in dict(state.deadlines.items()):
            order, clock = key.split(" ")
            if clock == "leave":
                assert state.steps[order].outcome is None
                continue
            if order in state.incidents:
                assert state.incidents[order].state in INCIDENT_CLOCKS[clock].runs_in
                continue
            assert state.orders[order].state in CLOCKS[clock].runs_in
            if clock == "assign":
                assert state.orders[order].state is not OrderState.SENT
                assert any(d.station == order and d.order is None for d in state.demands.values())


StationDesks.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestStationDesks = StationDesks.TestCase


def test_a_station_s_clock_ends_where_a_person_gives_what_it_answered_for_to_a_station():
    desks = StationDesks()
    desks.start()
    desks.alerts(column=0, kind="robbery", needs=(Need("patrol", 2),), row=0)
    desks.names(number=0, units=[])
    desks.chooses(anyway=False, number=1, seen=None, who="s0")
    desks.a_clock_runs_only_where_it_can_be_met()
    desks.a_replay_gives_the_same()
