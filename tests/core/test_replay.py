"""State follows from the journal: whatever is done, replaying it gives the same, and a failed append undoes it."""

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
    LiftSpeedRule,
    Need,
    NotStored,
    Policies,
    ReportAlert,
    SetSpeedRule,
    SetUnitStatus,
    SpeedRule,
    Spot,
    Tick,
)
from engine.core.plain_ports import VolatileJournal
from engine.fleet import STATUS_CODE
from engine.model.commands import AcknowledgeMail
from engine.model.entities import Crew
from engine.model.lifecycle import HOLDING_ORDERS, ORDER, IncidentState, OrderState, UnitStatus
from tests.support.cities import SetClock, alert, city, place, station, unit
from tests.support.rosters import duty, roster

CAPABILITIES = ("patrol", "traffic")
UNITS = tuple(unit(f"u{i}", i % 6, i % 5, *CAPABILITIES[: 1 + i % 2]) for i in range(4))

SHIFTS = roster(
    duty("a", "u0", 8, 16, roles=("traffic",)), duty("b", "u0", 16, 24), duty("c", "u1", 17, 18), duty("d", "u2", 0, 17)
)


class Unreliable(VolatileJournal):
    """A journal whose disk is full when it is told so."""

    full = False

    def append(self, events):
        if self.full:
            raise NotStored("disk is full")
        super().append(events)


def test_after_a_failed_append_a_snapshot_saves_replaying_what_lies_before_it():
    journal, reads = Unreliable(), []
    engine = Engine(city(UNITS), clock=SetClock(), journal=journal)
    engine.submit(ReportAlert(actor="x", alert=alert(1, 0, 0, needs=(Need("patrol"),))))
    snapshot, seq = engine.snapshot(), engine.state.seq
    engine.submit(ReportAlert(actor="x", alert=alert(2, 3, 3, needs=(Need("patrol"),))))
    before = engine.snapshot()
    read, journal.read = journal.read, lambda after=0: reads.append(after) or read(after)
    engine.rebuild(snapshot)
    assert engine.snapshot() == before
    assert reads[0] == seq
    assert {details.caller for details in engine.state.details.values()} == {"Wang"}


class Desk(RuleBasedStateMachine):
    @initialize(
        close=st.sampled_from(("by_person", "by_rule")),
        inline=st.sampled_from((1, 8)),
        shifts=st.sampled_from((None, SHIFTS)),
    )
    def start(self, close, inline, shifts):
        policies = Policies(stale_position_ms=0, close=close, joint_inline=inline)
        self.city = city(UNITS, (station("s0", 0, 0), station("s1", 5, 4)), policies, roster=shifts)
        self.clock, self.journal, self.refs = SetClock(), Unreliable(), 0
        self.engine = Engine(self.city, clock=self.clock, journal=self.journal)

    @rule(seconds=st.sampled_from((0, 1, 20, 4_000, 90_000)))
    def time_passes(self, seconds):
        self.clock.time += seconds * 1000
        self.engine.submit(Tick(actor="system"))

    @rule(
        places=st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 4), st.sampled_from(CAPABILITIES)), min_size=1, max_size=4
        ),
        kind=st.sampled_from(("robbery", "wanted_sighting", "noise")),
        count=st.integers(1, 2),
        people=st.sampled_from((0, 2, 4)),
    )
    def alerts(self, places, kind, count, people):
        wants = {} if self.city.roster is None else {"people": people, "sworn": people // 2}
        commands = []
        for column, row, capability in places:
            self.refs += 1
            given = alert(
                self.refs, column, row, kind=kind, needs=(Need(capability, count, **wants),), at=self.clock.time
            )
            commands.append(ReportAlert(actor="x", alert=given))
        for reply in self.engine.submit(*commands):
            assert reply.refusal is None
            state = self.engine.state
            assert (
                state.incidents[reply.incident].orders
                or reply.shortage
                or any(d.incident == reply.incident and d.plan for d in state.demands.values())
            )

    @rule(
        pick=st.integers(0, 50),
        word=st.sampled_from(("accept", "refuse", "en_route", "on_scene", "report", "well", "clear")),
    )
    def answers(self, pick, word):
        orders = list(self.engine.state.orders.values())
        if orders:
            order = orders[pick % len(orders)]
            self.refs += 1
            command = AnswerOrder(
                actor="d", key=f"k{self.refs}", order=order.id, version=1, answer=word, reason="because"
            )
            self.engine.submit(command)

    @rule(pick=st.integers(0, 50), drop=st.booleans())
    def cancels(self, pick, drop):
        orders = list(self.engine.state.orders)
        if orders:
            self.engine.submit(CancelOrder(actor="d", order=orders[pick % len(orders)], reason="r", drop=drop))

    @rule(pick=st.integers(0, 50))
    def approves(self, pick):
        orders = list(self.engine.state.orders)
        if orders:
            self.engine.submit(ApproveOrder(actor="d", order=orders[pick % len(orders)]))

    @rule(pick=st.integers(0, 50), granted=st.booleans())
    def decides_a_step(self, pick, granted):
        steps = list(self.engine.state.steps)
        if steps:
            self.engine.submit(DecideStep(actor="d", step=steps[pick % len(steps)], granted=granted))

    @rule(pick=st.integers(0, 50), state=st.sampled_from(("invalid", "closed")))
    def ends(self, pick, state):
        incidents = list(self.engine.state.incidents)
        if incidents:
            self.engine.submit(EndIncident(actor="d", incident=incidents[pick % len(incidents)], state=state))

    @rule(pick=st.integers(0, 3), status=st.sampled_from(("available", "busy", "off_duty")))
    def statuses(self, pick, status):
        self.refs += 1
        self.engine.submit(SetUnitStatus(actor="d", key=f"s{self.refs}", unit=f"u{pick}", status=UnitStatus(status)))

    @rule(
        column=st.integers(0, 4),
        factor=st.sampled_from((0.0, 0.5, 2.0)),
        seconds=st.sampled_from((None, 30, 5_000)),
        hours=st.sampled_from(((), ((112, 114),))),
    )
    def sets_a_rule(self, column, factor, seconds, hours):
        self.refs += 1
        until = None if seconds is None else self.clock.time + seconds * 1000
        given = SpeedRule(factor=factor, spots=(Spot(*place(column + 0.5, 1)),), hours=hours, until=until)
        assert self.engine.submit(SetSpeedRule(actor="d", key=f"r{self.refs}", rule=given))[0].refusal is None

    @rule(pick=st.integers(0, 50))
    def lifts_a_rule(self, pick):
        rules = list(self.engine.state.speed_rules)
        if rules:
            self.engine.submit(LiftSpeedRule(actor="d", rule=rules[pick % len(rules)]))

    @rule(pick=st.integers(0, 5))
    def acknowledges(self, pick):
        recipient = [*(u.id for u in UNITS), "s0", "s1"][pick]
        seq = self.engine.state.mailbox(recipient).last_seq
        self.engine.submit(AcknowledgeMail(actor="d", recipient=recipient, device="phone", mail_seq=seq))

    @rule(column=st.integers(0, 5))
    def the_disk_is_full(self, column):
        before = self.engine.snapshot()
        self.journal.full = True
        self.refs += 1
        given = alert(self.refs, column, 0, needs=(Need("patrol"),), at=self.clock.time)
        assert self.engine.submit(ReportAlert(actor="x", alert=given))[0].refusal.code == "not_stored"
        self.journal.full = False
        assert self.engine.snapshot() == before

    @rule()
    def restarts_from_a_snapshot(self):
        before, details = self.engine.snapshot(), dict(self.engine.state.details)
        self.engine = Engine(self.city, clock=self.clock, journal=self.journal, snapshot=before)
        assert self.engine.snapshot() == before
        assert self.engine.state.details == details

    @invariant()
    def a_replay_gives_the_same(self):
        if hasattr(self, "engine"):
            again = Engine(self.city, clock=self.clock, journal=self.journal)
            assert msgspec.msgpack.decode(again.snapshot()) == msgspec.msgpack.decode(self.engine.snapshot())
            assert again.state.details == self.engine.state.details
            for engine in (again, self.engine):
                engine.speeds.turn(self.clock.time)
                engine.speeds.traffic.catch_up(self.clock.time)
            assert again.times.weights.arc_ms.tolist() == self.engine.times.weights.arc_ms.tolist()

    @invariant()
    def nobody_is_on_two_orders(self):
        if not hasattr(self, "engine"):
            return
        state = self.engine.state
        holding = [o for o in state.orders.values() if o.recipient_kind == "unit" and o.state in HOLDING_ORDERS]
        assert len({o.recipient for o in holding}) == len(holding)
        assert state.claims == {o.recipient: o.id for o in holding}
        for name, status in state.unit_status.items():
            assert (status in ("assigned", "en_route", "on_scene")) == (name in state.claims)
            assert self.engine.fleet.status[self.engine.fleet.index(name)] == STATUS_CODE[status]

    @invariant()
    def whoever_is_off_duty_by_the_roster_is_so_unless_an_order_holds_the_unit(self):
        if not hasattr(self, "engine") or self.city.roster is None:
            return
        kept = self.engine.state.kept
        assert set(kept.crews_due) <= set(kept.claims)
        asked_at = min(kept.at, self.engine.state.deadlines.at("roster shift") - 1)
        there = self.city.roster.crews(asked_at)
        for name in self.city.roster.units:
            assert kept.crews_due.get(name, kept.crews[name]) == there.get(name, Crew())
            row = self.engine.fleet.index(name)
            assert self.engine.fleet.capabilities(row) == self.engine.state.abilities(name)

    @invariant()
    def mail_is_numbered_without_gaps(self):
        if hasattr(self, "engine"):
            for box in self.engine.state.mailboxes.values():
                assert [m.body.mail_seq for m in box.items] == list(range(box.first_seq, box.last_seq + 1))

    @invariant()
    def every_clock_belongs_to_what_can_still_meet_it(self):
        if hasattr(self, "engine"):
            state = self.engine.state
            for owner in [key.split(" ")[0] for key, _ in state.deadlines.items()]:
                assert (
                    owner == "roster"
                    or owner in state.speed_rules
                    or (owner in state.steps and state.steps[owner].outcome is None)
                    or (owner in state.incidents and state.incidents[owner].state is not IncidentState.CLOSED)
                    or ORDER[state.orders[owner].state]
                    or state.orders[owner].state is OrderState.CLEARED
                )


Desk.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestDesk = Desk.TestCase
