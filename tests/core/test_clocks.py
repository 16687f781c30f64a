"""What the passing of time does: every clock of a run card, by zone, and what is done when one has run out."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine import AnswerOrder, EndIncident, Engine, Need, Policies, ReportAlert, RunCards, Tick
from engine.core.city import Zone
from engine.core.plain_ports import VolatileJournal
from engine.model.commands import AcknowledgeMail
from engine.model.ids import DESK
from engine.model.lifecycle import OrderState
from engine.model.step_events import DeadlineMissed, Escalated
from engine.supervision import CLOCKS, INCIDENT_CLOCKS
from tests.support.cities import NOW, SetClock, alert, city, place, station, unit

PATROL = (Need("patrol"),)
CARDS = """
schema = 1
[capabilities]
patrol = { zh = "巡逻", en = "patrol" }
[told]
commander = { zh = "指挥长", en = "commander" }
station = { zh = "属地派出所", en = "station" }
fire_119 = { zh = "消防", en = "fire service", external = true }
medical_120 = { zh = "急救", en = "ambulance", external = true, mailbox = true }
[clocks.level_1]
order_s = 60
deliver_s = 10
accept_s = 30
roll_s = 120
arrive_s = { town = 300, edge = 600 }
first_report_s = 400
update_every_s = 900
welfare_s = 500
report_s = 700
close_s = 800
[clocks.level_2]
accept_s = 60
[escalation]
accept_level_1 = [
  { after_s = 0, do = "phone", zh = "电话", en = "Phone" },
  { after_s = 0, do = "next_candidate", zh = "加派", en = "Next" },
  { after_s = 30, do = "tell", to = "commander", zh = "报", en = "Tell" },
]
accept = [
  { after_s = 0, do = "remind", zh = "催", en = "Urge" },
  { after_s = 20, do = "replace", zh = "改派", en = "Replace" },
]
arrive = [
  { after_s = 0, do = "ask_reason", zh = "问", en = "Ask" },
  { after_s = 10, do = "tell", to = "station", zh = "报", en = "Tell" },
  { after_s = 20, do = "tell", to = "fire_119", zh = "报", en = "Tell" },
  { after_s = 30, do = "tell", to = "medical_120", zh = "报", en = "Tell" },
]
close = [{ after_s = 0, do = "list", zh = "列", en = "List" }]
[[cards]]
id = "robbery"
level = 1
name = { zh = "抢劫", en = "Robbery" }
approve = { send = "auto" }
day = [{ capability = "patrol" }]
"""


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    path = tmp_path_factory.mktemp("cards") / "run_cards.toml"
    path.write_text(CARDS, "utf-8")
    return RunCards.load(path)


class Desk:
    """An engine over the grid, with its clock, and what it told whom."""

    def __init__(self, cards, *units, stations=(), **more):
        self.clock = SetClock()
        its = city(units, stations, run_cards=cards, **more)
        self.engine = Engine(its, clock=self.clock, journal=VolatileJournal())
        self.refs = 0

    def report(self, column=0, row=0, **more):
        self.refs += 1
        given = alert(self.refs, column, row, needs=more.pop("needs", PATROL), at=self.clock.time, **more)
        reply = self.engine.submit(ReportAlert(actor="user:li", alert=given))[0]
        assert reply.refusal is None, reply.refusal
        return reply.incident

    def orders(self, incident):
        return [self.engine.state.orders[order] for order in self.engine.state.incidents[incident].orders]

    def say(self, order, *words, refused=""):
        for word in words:
            self.refs += 1
            command = AnswerOrder(actor="device:x", key=f"k{self.refs}", order=order.id, version=1, answer=word)
            refusal = self.engine.submit(command)[0].refusal
            assert (refusal.code if refusal else "") == refused

    def deliver(self, unit):
        seq = self.engine.state.mailbox(unit).last_seq
        self.engine.submit(AcknowledgeMail(actor="device:x", recipient=unit, device="phone", mail_seq=seq))

    def at(self, seconds):
        self.clock.time = NOW + seconds * 1000
        self.engine.submit(Tick(actor="system"))

    def restart(self):
        self.engine = Engine(self.engine.city, clock=self.clock, journal=self.engine.journal)

    def told(self, recipient=DESK):
        return [mail.code for mail in self.engine.state.mailbox(recipient).after(0) if mail.item == "notice"]

    def missed(self):
        bodies = [event.body for event in self.engine.journal.read()]
        return [(body.clock, (body.due_at - NOW) // 1000) for body in bodies if isinstance(body, DeadlineMissed)]


def test_every_clock_of_the_cards_has_its_row():
    from engine.dispatch.cards.model import CLOCKS as NAMED

    assert {f"{name}_s" for name in (*CLOCKS, *INCIDENT_CLOCKS)} == set(NAMED)


def test_an_unanswered_order_is_escalated_step_by_step_and_a_unit_is_added(cards):
    desk = Desk(cards, unit("a", 1, 0), unit("b", 3, 0))
    incident = desk.report()
    desk.deliver("a")
    desk.at(29)
    assert desk.told() == []
    desk.at(30)
    assert desk.told() == ["not_accepted"]
    first, second = desk.orders(incident)
    assert (first.recipient, first.state) == ("a", OrderState.DELIVERED)  # who was asked first keeps the duty
    assert (second.recipient, second.state) == ("b", OrderState.SENT)
    assert desk.told("commander") == []
    desk.at(60)
    assert desk.told("commander") == ["overdue"]
    (mail,) = desk.engine.state.mailbox("commander").after(0)
    assert mail.values == {
        "clock": "accept", "incident": incident, "type": "robbery", "level": "1", "recipient": "a", "who": "commander",
    }  # fmt: skip


def test_an_answer_ends_what_is_still_to_be_done_and_who_is_not_needed_is_not_sought(cards):
    desk = Desk(cards, unit("a", 1, 0))
    incident = desk.report()
    desk.deliver("a")
    desk.at(30)
    assert len(desk.engine.state.demands) == 2  # nobody else is there: the added one waits
    (order,) = desk.orders(incident)
    desk.say(order, "accept")
    assert len(desk.engine.state.demands) == 1
    desk.at(100)
    assert desk.told("commander") == []


def test_replacing_takes_the_order_back_and_another_has_it(cards):
    desk = Desk(cards, unit("a", 1, 0), unit("b", 3, 0))
    incident = desk.report(level=2)
    desk.at(60)
    assert desk.told("a") == ["urge"]
    assert len(desk.orders(incident)) == 1
    desk.at(80)
    first, second = desk.orders(incident)
    assert (first.state, second.recipient) == (OrderState.EXPIRED, "b")
    assert len(desk.engine.state.demands) == 1
    assert desk.engine.state.unit_status["a"] == "available"


def test_who_is_told_has_a_mailbox_or_is_told_by_telephone(cards):
    desk = Desk(cards, unit("a", 5, 4), stations=(station("near", 0, 1), station("far", 5, 4)))
    (order,) = desk.orders(desk.report())
    desk.deliver("a")
    desk.say(order, "accept", "en_route")
    desk.at(300)
    assert (desk.told("a"), desk.told()) == (["reason_wanted"], ["reason_wanted"])
    desk.at(310)
    assert (desk.told("near"), desk.told("far")) == (["overdue"], [])
    desk.at(320)
    assert desk.told() == ["reason_wanted", "tell_by_phone"]
    desk.at(330)
    assert desk.told("medical_120") == ["overdue"]


def test_a_clock_runs_by_the_zone_of_the_place(cards):
    west, south = place(2.5, -1)
    east, north = place(6, 6)
    ground = Zone("E", "edge", ((((west, south), (east, south), (east, north), (west, north), (west, south)),),))
    desk = Desk(cards, unit("a", 1, 0), unit("b", 4, 0), zones=(ground,))
    town, edge = desk.report(0, 0), desk.report(4, 0)
    assert [desk.engine.state.kept.order_clocks[desk.orders(i)[0].id]["arrive"] for i in (town, edge)] == [
        300_000,
        600_000,
    ]
    assert desk.engine.city.zone_of(*place(4, 0)) == "edge"
    village = replace(desk.engine.city, zones=(), policies=Policies(stale_position_ms=0, default_zone="village"))
    assert village.zone_of(*place(4, 0)) == "village"
    assert cards.arrive_ms("robbery", 1, "village") == 300_000  # the card does not name it: the shortest holds


def test_from_the_call_to_the_closed_incident_each_clock_runs_in_its_turn(cards):
    desk = Desk(cards, unit("a", 1, 0))
    (order,) = desk.orders(desk.report())
    desk.deliver("a")
    desk.say(order, "accept")
    desk.at(120)
    assert desk.missed() == [("roll", 120)]
    desk.say(order, "en_route")
    desk.say(order, "on_scene")
    desk.at(520)
    assert desk.missed()[1:] == [("first_report", 520)]
    desk.at(620)
    assert desk.missed()[2:] == [("welfare", 620)]
    desk.say(order, "well")
    desk.at(1_020)
    assert desk.missed()[3:] == [("update_every", 1_020)]
    desk.say(order, "report")
    desk.at(1_100)
    desk.say(order, "report")  # another one: the update is in time, and so is the sign of life
    desk.at(1_599)
    assert len(desk.missed()) == 4
    desk.at(1_600)
    assert desk.missed()[4:] == [("welfare", 1_600)]
    desk.say(order, "clear")
    desk.at(2_400)
    assert desk.missed()[5:] == [("close", 2_400)]
    assert desk.told()[-1] == "overdue_listed"
    desk.at(10_000)
    assert len(desk.missed()) == 6
    assert not desk.engine.state.deadlines.items()


def test_who_clears_without_a_report_is_asked_for_it_and_closing_counts_from_it(cards):
    desk = Desk(cards, unit("a", 1, 0))
    incident = desk.report()
    (order,) = desk.orders(incident)
    desk.deliver("a")
    desk.say(order, "accept", "on_scene", "clear")
    desk.say(order, "well", refused="wrong_state")
    desk.at(700)
    assert desk.missed() == [("report", 700)]
    desk.say(order, "report")
    desk.at(1_499)
    assert len(desk.missed()) == 1
    desk.at(1_500)
    assert desk.missed()[1:] == [("close", 1_500)]
    desk.engine.submit(EndIncident(actor="user:li", incident=incident, state="closed"))
    assert not desk.engine.state.deadlines.items()


def test_an_incident_that_nobody_is_sent_to_is_late_by_the_call(cards):
    desk = Desk(cards)
    desk.report(needs=PATROL)
    desk.report(needs=())
    desk.at(59)
    assert desk.missed() == []
    desk.at(60)
    assert desk.missed() == [("order", 60)]
    assert desk.told() == ["shortage", "nothing_sent"]


def test_welfare_is_asked_again_and_again_while_nothing_is_heard(cards):
    desk = Desk(cards, unit("a", 1, 0))
    (order,) = desk.orders(desk.report())
    desk.deliver("a")
    desk.say(order, "accept", "on_scene", "report")
    for times in (1, 2, 3):
        desk.at(500 * times)
        assert desk.told().count("welfare_check") == times


def test_nothing_happens_twice_after_a_restart(cards):
    desk = Desk(cards, unit("a", 1, 0), unit("b", 3, 0))
    desk.report()
    for seconds in (10, 30, 45, 60, 61):
        desk.at(seconds)
        events = desk.engine.state.seq
        due = desk.engine.state.deadlines.items()
        desk.restart()
        assert desk.engine.state.deadlines.items() == due
        desk.at(seconds)
        assert desk.engine.state.seq == events


class Watch(RuleBasedStateMachine):
    """Whatever is said, whenever the server restarts."""

    cards = None

    @initialize()
    def start(self):
        self.desk = Desk(self.cards, unit("a", 1, 0), unit("b", 3, 0), unit("c", 4, 4), stations=(station("s", 0, 0),))
        self.now = 0

    @rule(seconds=st.sampled_from((1, 10, 30, 120, 400, 900)))
    def time_passes(self, seconds):
        self.now += seconds
        self.desk.at(self.now)

    @rule(column=st.integers(0, 5), level=st.sampled_from((1, 2)))
    def something_happens(self, column, level):
        self.desk.report(column, 0, level=level)

    @rule(
        pick=st.integers(0, 30),
        word=st.sampled_from(("accept", "en_route", "on_scene", "report", "well", "clear")),
    )
    def somebody_says(self, pick, word):
        orders = list(self.desk.engine.state.orders)
        if orders:
            self.desk.refs += 1
            order = orders[pick % len(orders)]
            key = f"k{self.desk.refs}"
            self.desk.engine.submit(AnswerOrder(actor="d", key=key, order=order, version=1, answer=word))

    @rule()
    def restarts(self):
        self.desk.restart()
        self.desk.at(self.now)

    @invariant()
    def no_clock_runs_out_twice_for_one_start_and_no_step_is_done_twice(self):
        if not hasattr(self, "desk"):
            return
        ran_out, steps = set(), set()
        for event in self.desk.engine.journal.read():
            body = event.body
            if isinstance(body, DeadlineMissed):
                its = (body.order or body.incident, body.clock, body.due_at)
                assert its not in ran_out
                assert body.due_at <= event.at
                ran_out.add(its)
            elif isinstance(body, Escalated):
                due_at = max(
                    at for owner, clock, at in ran_out if (owner, clock) == (body.order or body.incident, body.clock)
                )
                step = (body.order or body.incident, body.clock, due_at, body.number)
                assert step not in steps
                assert event.at >= due_at + body.step.after_ms
                steps.add(step)

    @invariant()
    def nothing_that_is_due_is_left_and_a_replay_has_the_same_deadlines(self):
        if not hasattr(self, "desk"):
            return
        engine = self.desk.engine
        again = Engine(engine.city, clock=self.desk.clock, journal=engine.journal)
        assert sorted(again.state.deadlines.items()) == sorted(engine.state.deadlines.items())
        assert again.state.kept.escalating == engine.state.kept.escalating
        restored = Engine(engine.city, clock=self.desk.clock, journal=engine.journal, snapshot=engine.snapshot())
        assert restored.state.deadlines.items() == engine.state.deadlines.items()
        assert msgspec.msgpack.encode(restored.state.kept.escalating) == msgspec.msgpack.encode(
            engine.state.kept.escalating
        )


def test_no_clock_runs_out_twice_and_a_replay_has_the_same_deadlines(cards):
    from hypothesis.stateful import run_state_machine_as_test

    Watch.cards = cards
    run_state_machine_as_test(Watch, settings=settings(max_examples=30, stateful_step_count=25, deadline=None))
