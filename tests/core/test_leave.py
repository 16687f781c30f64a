"""Leave for what people do: asked of whom the run card names, decided once, told to those who go."""

import pytest

from engine import AnswerOrder, DecideStep, Engine, ReportAlert
from engine.core.plain_ports import VolatileJournal
from engine.dispatch.cards.model import OUR_STEPS, PEOPLES_STEPS, STEPS
from engine.dispatch.run_cards import COUNTY, RunCards
from engine.model.commands import AskLeave
from engine.model.ids import DESK
from tests.support.cards import county_with
from tests.support.cities import SetClock, alert, city, unit

ARMED = (unit("a", 1, 0, "patrol"), unit("b", 2, 0, "patrol"), unit("s", 3, 0, "swat"), unit("d", 4, 0, "detective"))


class Room:
    def __init__(self, cards=None):
        self.clock, self.journal = SetClock(), VolatileJournal()
        its = city(ARMED, run_cards=cards or RunCards.load(COUNTY))
        self.engine = Engine(its, clock=self.clock, journal=self.journal)
        self.incident = self.engine.submit(
            ReportAlert(actor="desk", alert=alert(1, 0, 0, kind="armed_violence", level=1))
        )[0].incident

    def ask(self, step, refused="", **more):
        reply = self.engine.submit(AskLeave(actor="user:li", incident=self.incident, step=step, **more))[0]
        assert (reply.refusal.code if reply.refusal else "") == refused, reply.refusal
        return next((its for its in self.engine.state.steps_of(self.incident)[::-1] if its.step == step), None)

    def told(self, recipient):
        codes = ("leave_wanted", "leave_given", "leave_refused")
        return [
            (mail.code, mail.values["by"])
            for mail in self.engine.state.mailbox(recipient).after(0)
            if mail.code in codes
        ]

    def replayed(self):
        again = Engine(self.engine.city, clock=self.clock, journal=self.journal)
        assert again.state.kept == self.engine.state.kept


def test_each_step_of_the_cards_is_ours_or_peoples():
    assert {*OUR_STEPS, *PEOPLES_STEPS} == set(STEPS)
    assert not set(OUR_STEPS) & set(PEOPLES_STEPS)


@pytest.mark.parametrize(("granted", "code"), [(True, "leave_given"), (False, "leave_refused")])
def test_whom_the_card_names_is_asked_and_those_who_go_are_told(granted, code):
    room = Room()
    step = room.ask("firearms", reason="he shoots")
    assert (step.line[0].by, step.outcome) == ("duty_leader", None)
    assert room.told("duty_leader") == [("leave_wanted", "duty_leader")]
    room.ask("firearms", refused="asked_already")
    decided = DecideStep(actor="user:wu", step=step.id, granted=granted)
    assert room.engine.submit(decided)[0].refusal is None
    assert room.engine.submit(decided)[0].refusal.code == "already_decided"
    orders = room.engine.state.incidents[room.incident].orders
    recipients = {room.engine.state.orders[name].recipient for name in orders}
    assert recipients
    for recipient in recipients:
        assert room.told(recipient) == [(code, "duty_leader")]
    assert room.told(DESK)[-1] == (code, "duty_leader")
    room.replayed()


def test_who_may_agree_gives_leave_by_asking():
    room = Room()
    assert room.ask("firearms", acting_as="duty_leader").outcome == "granted"
    assert room.told("a") == [("leave_given", "duty_leader")]


def test_what_the_card_is_silent_about_is_the_dispatchers_to_decide():
    room = Room()
    step = room.ask("close_road")
    assert [one.by for one in step.line] == ["dispatcher"]
    assert step.outcome is None


def test_what_needs_nobodys_leave_is_on_record_and_told_and_what_nobody_may_is_refused(tmp_path):
    said = 'approve = { evacuate = "auto", transfer_out = "none" }'
    room = Room(county_with(tmp_path, armed_violence=said))
    step = room.ask("evacuate")
    assert (step.outcome, step.decided_by, step.decided_as) == ("granted", "policy:run_card", "auto")
    assert room.told("a") == [("leave_given", "auto")]
    room.ask("transfer_out", refused="not_allowed")
    room.replayed()


def test_what_has_a_command_of_its_own_and_what_is_no_step_is_refused():
    room = Room()
    for step in (*OUR_STEPS, "dance"):
        room.ask(step, refused="unknown_value")
    room.ask("firearms", reason="x" * 1000, refused="too_long")
    room.incident = "grid-incident-99"
    reply = room.engine.submit(AskLeave(actor="user:li", incident=room.incident, step="firearms"))[0]
    assert reply.refusal.code == "unknown_incident"


def test_the_same_key_asks_once_also_after_a_replay():
    room = Room()
    first = room.ask("firearms", key="device:a/1")
    assert room.ask("firearms", key="device:a/1") == first
    room.ask("firearms", key="device:a/2", refused="asked_already")
    room.engine.submit(DecideStep(actor="user:chen", step=first.id, granted=True))
    assert room.ask("firearms", key="device:a/1").id == first.id
    assert room.ask("firearms", key="device:a/3").id != first.id
    room.ask("evacuate", key="", refused="")
    room.ask("evacuate", key="x" * 1000, refused="wrong_length")
    room.replayed()


def test_who_has_ended_their_order_is_not_told():
    room = Room()
    order = next(o for o in room.engine.state.orders.values() if o.recipient == "a")
    said = AnswerOrder(actor="a", key="k", order=order.id, version=order.version, answer="refuse", reason="x")
    assert room.engine.submit(said)[0].refusal is None
    room.ask("firearms", acting_as="duty_leader")
    assert room.told("a") == []
    assert room.told("b") == [("leave_given", "duty_leader")]
