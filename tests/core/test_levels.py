"""What becomes known of an open incident: facts raise its level, a person lowers it, and what a level changes."""

import pytest

from engine import AnswerOrder, EndIncident, Engine, Need, ReportAlert, RunCards, Tick
from engine.core.plain_ports import VolatileJournal
from engine.model import events as e
from engine.model.commands import DecideStep, SetLevel, StateFacts
from engine.model.ids import DESK
from engine.model.lifecycle import OrderState
from tests.support.cities import NOW, SetClock, alert, city, station, unit

CARDS = """
schema = 1
[capabilities]
patrol = { zh = "巡逻", en = "patrol" }
swat = { zh = "特警", en = "armed response" }
[told]
commander = { zh = "指挥长", en = "commander" }
leader = { zh = "值班领导", en = "duty leader" }
station = { zh = "属地派出所", en = "station" }
medical_120 = { zh = "急救", en = "ambulance", external = true }
[approvers]
commander = { zh = "指挥长", en = "commander" }
[rules]
level_1 = { send_first = true, told = ["leader"] }
[clocks.level_1]
order_s = 60
accept_s = 30
arrive_s = 300
[clocks.level_3]
order_s = 600
accept_s = 120
[[raise]]
when = "weapon"
to = 1
name = { zh = "持械", en = "weapon" }
[[raise]]
when = "injured"
to = 2
name = { zh = "有人受伤", en = "injured" }
[[cards]]
id = "fight"
level = 3
name = { zh = "打架", en = "Fight" }
told = ["station", "medical_120"]
approve = { send = "commander", lower = "commander" }
ask = [{ zh = "有没有拿东西?", en = "Anything in their hands?", fact = "weapon" }]
day = [{ capability = "patrol" }]
[cards.level_1]
more = [{ capability = "swat" }, { capability = "patrol" }]
"""


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    path = tmp_path_factory.mktemp("cards") / "run_cards.toml"
    path.write_text(CARDS, "utf-8")
    return RunCards.load(path)


class Room:
    """An engine with patrols, an armed unit and a station."""

    def __init__(self, cards):
        units = [unit("a", 1, 0), unit("b", 3, 0), unit("s", 4, 4, "swat")]
        self.clock = SetClock()
        its = city(units, (station("west", 0, 0),), run_cards=cards)
        self.engine = Engine(its, clock=self.clock, journal=VolatileJournal())

    def do(self, command, refused=""):
        reply = self.engine.submit(command)[0]
        assert (reply.refusal.code if reply.refusal else "") == refused, reply.refusal
        return reply

    def open(self, refused="", **more):
        given = alert(1, 0, 0, kind="fight", at=self.clock.time, **more)
        return self.do(ReportAlert(actor="user:li", alert=given), refused).incident

    def state_facts(self, incident, *facts, ruled_out=(), refused=""):
        self.do(StateFacts(actor="user:li", incident=incident, established=facts, ruled_out=ruled_out), refused)

    def set_level(self, incident, level, refused="", **more):
        self.do(SetLevel(actor="user:li", incident=incident, level=level, **more), refused)

    def incident(self, incident):
        return self.engine.state.incidents[incident]

    def orders(self, incident):
        return [self.engine.state.orders[name] for name in self.incident(incident).orders]

    def told(self, recipient):
        return [mail.code for mail in self.engine.state.mailbox(recipient).after(0) if mail.item == "notice"]

    def replayed(self):
        """The state that a replay of the journal gives must be this one."""
        again = Engine(self.engine.city, clock=self.clock, journal=self.engine.journal)
        assert again.state.kept == self.engine.state.kept
        assert again.state.deadlines.items() == self.engine.state.deadlines.items()


@pytest.fixture
def room(cards):
    return Room(cards)


def test_those_whom_the_card_names_are_told_once_and_of_no_names(room):
    incident = room.open()
    (notice,) = [m for m in room.engine.state.mailbox("west").after(0) if m.code == "informed"]
    assert notice.values == {"incident": incident, "type": "fight", "level": "3", "station": "west", "who": "station"}
    assert room.told(DESK) == ["tell_by_phone", "approval_wanted"]
    assert room.told("leader") == []
    room.replayed()
    room.open()  # the same alert again
    assert room.told("west") == ["informed"]


def test_an_exercise_says_so(room):
    room.open(exercise=True)
    assert room.engine.state.mailbox("west").after(0)[0].values["exercise"] == "yes"


def test_a_first_alert_with_a_fact_has_its_level_at_once(room):
    incident = room.open(facts=("weapon",))
    assert (room.incident(incident).level, room.incident(incident).facts) == (1, ("weapon",))
    assert {order.recipient for order in room.orders(incident)} == {"a", "b", "s"}
    assert {order.state for order in room.orders(incident)} == {OrderState.SENT}
    assert room.told("leader") == ["informed"]


def test_a_fact_raises_the_level_and_all_that_follows(room):
    incident = room.open()
    (waits,) = room.orders(incident)
    assert (waits.state, waits.level) == (OrderState.PROPOSED, 3)
    before = dict(room.engine.state.deadlines.items())[f"{incident} order"]
    assert before == NOW + 600_000
    room.clock.time += 10_000
    room.state_facts(incident, "weapon")
    assert room.incident(incident).level == 1
    assert {(o.recipient, o.state, o.level) for o in room.orders(incident)} == {
        (name, OrderState.SENT, 1) for name in "abs"
    }
    assert room.told("leader") == ["level_changed"]
    assert room.told("west") == ["informed", "level_changed"]
    assert dict(room.engine.state.deadlines.items())[f"{waits.id} accept"] == NOW + 40_000
    room.replayed()


def test_a_lesser_fact_changes_nothing_but_what_is_known(room):
    incident = room.open(facts=("weapon",))
    seq = room.engine.state.seq
    room.state_facts(incident, "injured")
    assert (room.incident(incident).level, room.incident(incident).facts) == (1, ("weapon", "injured"))
    assert room.engine.state.seq == seq + 1
    room.state_facts(incident, "injured")
    assert room.engine.state.seq == seq + 1
    room.state_facts(incident, ruled_out=("weapon",))
    assert (room.incident(incident).level, room.incident(incident).facts) == (1, ("injured",))
    room.replayed()


def test_a_clock_that_runs_is_shortened_and_never_given_more_time(room):
    incident = room.open()
    room.set_level(incident, 1)
    (order, *_) = room.orders(incident)
    due = dict(room.engine.state.deadlines.items())
    assert due[f"{order.id} accept"] == NOW + 30_000
    room.clock.time += 5_000
    room.set_level(incident, 3, reason="a mistake", acting_as="commander")
    assert dict(room.engine.state.deadlines.items())[f"{order.id} accept"] == NOW + 30_000
    room.replayed()


def test_lowering_wants_a_reason_and_the_leave_of_whom_the_card_names(room):
    incident = room.open(facts=("weapon",))
    room.set_level(incident, 2, refused="missing")
    room.set_level(incident, 2, reason="it was a toy")
    assert room.incident(incident).level == 1
    (step,) = [its for its in room.engine.state.steps.values() if its.step == "lower"]
    room.do(DecideStep(actor="user:wang", step=step.id, granted=True, acting_as="commander"))
    assert room.incident(incident).level == 2
    assert {order.recipient for order in room.orders(incident) if order.state is OrderState.SENT} == {"a", "b", "s"}
    room.state_facts(incident, "injured")
    assert room.incident(incident).level == 2
    room.replayed()


def test_a_person_raises_without_asking(room):
    incident = room.open()
    room.set_level(incident, 1)
    (changed,) = [ev.body for ev in room.engine.journal.read() if isinstance(ev.body, e.LevelChanged)]
    assert (changed.was, changed.level) == (3, 1)
    room.set_level(incident, 1)
    assert sum(isinstance(ev.body, e.LevelChanged) for ev in room.engine.journal.read()) == 1


def test_who_is_on_the_way_hears_of_it(room):
    incident = room.open()
    room.set_level(incident, 1)
    room.set_level(incident, 2, reason="calmer", acting_as="commander")
    assert room.told("a") == ["level_changed"]


def test_an_order_that_waited_for_leave_while_its_unit_was_taken_is_proposed_anew(room):
    first = room.open()
    (waits,) = room.orders(first)
    other = alert(2, 1, 0, kind="fight", at=NOW, level=1, needs=(Need("patrol"),))
    room.do(ReportAlert(actor="user:li", alert=other))
    assert room.engine.state.claims.get(waits.recipient) is not None
    room.set_level(first, 1)
    sent = [order for order in room.orders(first) if order.state is OrderState.SENT]
    assert waits.recipient not in {order.recipient for order in sent}
    assert {order.recipient for order in sent} == {"b", "s", "west"}  # one too few: the nearest station, too


@pytest.mark.parametrize(
    ("facts", "ruled_out", "code"),
    [
        (("dragon",), (), "unknown_fact"),
        (("weapon",), ("weapon",), "contradiction"),
        (("weapon",) * 33, (), "too_many"),
    ],
)
def test_what_is_no_fact_is_refused_by_name(room, facts, ruled_out, code):
    incident = room.open()
    room.state_facts(incident, *facts, ruled_out=ruled_out, refused=code)


def test_an_alert_with_an_unknown_fact_is_refused(room):
    room.open(facts=("dragon",), refused="unknown_fact")


def test_levels_of_what_is_over_or_unknown_are_refused(room):
    incident = room.open()
    room.set_level(incident, 7, refused="out_of_range")
    room.set_level("nothing", 1, refused="unknown_incident")
    room.do(EndIncident(actor="user:li", incident=incident, state="invalid"))
    room.set_level(incident, 1, refused="wrong_state")
    room.state_facts(incident, "weapon", refused="wrong_state")


def test_a_level_that_brings_a_clock_begins_it(room):
    incident = room.open()
    room.set_level(incident, 1)
    order = room.orders(incident)[0]
    assert dict(room.engine.state.deadlines.items())[f"{order.id} arrive"] == NOW + 300_000
    room.do(AnswerOrder(actor="device:x", key="k", order=order.id, version=1, answer="accept"))
    room.clock.time += 300_000
    room.engine.submit(Tick(actor="system"))
    assert "not_arrived" in room.told(DESK)
