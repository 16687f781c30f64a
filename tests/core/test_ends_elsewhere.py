"""An order that ends elsewhere than on the device that shows it: by radio, or on another device of the same unit."""

from engine import AnswerOrder, Engine, ReportAlert
from engine.core.apply import apply
from engine.core.state import State
from engine.journal.envelope import Sealed, open_event, seal_event
from engine.model.commands import AcknowledgeMail
from tests.support.cities import SetClock, alert, city, unit


def ordered():
    """Return an engine and the one order that stands in it, to ``car``."""
    engine = Engine(city((unit("car", 1, 1),)), clock=SetClock())
    reply = engine.submit(ReportAlert(actor="x", alert=alert(1, 0, 0, "intruder_alarm")))[0]
    return engine, engine.state.orders[reply.orders[0]]


def refuse(engine, order, via):
    said = AnswerOrder(
        actor="x", key="k", order=order.id, version=order.version, answer="refuse", reason="flat tyre", via=via
    )
    assert engine.submit(said)[0].refusal is None


def mail(engine):
    return [(body.item, body.order, body.code) for body in engine.state.mailbox("car").after(0)]


def greet(engine, device, seq=0):
    engine.submit(AcknowledgeMail(actor="x", recipient="car", device=device, mail_seq=seq))


def test_a_terminal_is_told_that_its_order_was_refused_by_radio():
    engine, order = ordered()
    refuse(engine, order, "radio")
    assert mail(engine) == [("order", order.id, ""), ("cancellation", order.id, "ended_elsewhere")]


def test_a_second_device_is_told_what_the_first_has_ended():
    engine, order = ordered()
    greet(engine, "phone", 1)
    greet(engine, "tablet")
    refuse(engine, order, "terminal")
    assert mail(engine)[-1] == ("cancellation", order.id, "ended_elsewhere")


def test_who_ended_it_on_its_only_device_needs_no_mail():
    engine, order = ordered()
    greet(engine, "phone", 1)
    refuse(engine, order, "terminal")
    assert mail(engine) == [("order", order.id, "")]


def test_a_device_is_known_from_its_greeting_once():
    engine, _ = ordered()
    before = engine.state.seq
    for _ in range(3):
        greet(engine, "tablet")
    assert engine.state.seq == before + 1
    assert engine.state.mailbox("car").devices == {"tablet": 0}


class Plain:
    """Hides nothing."""

    def seal(self, subject, plain, context):
        return plain

    def open(self, sealed, context):
        return sealed


def test_deadlines_of_one_order_replay_in_the_order_they_were_set():
    """The journal sorts the clocks by name; the state that lived through it must have them in the same order."""
    engine, _ = ordered()
    again, last = State(), b""
    for event in engine.journal.read():
        sealed = seal_event(event, "log", last, Plain())
        assert isinstance(sealed, Sealed)
        last = sealed.hash
        apply(again, open_event(sealed, "log", Plain()).event)
    assert len(engine.state.deadlines) > 1
    assert again.deadlines.items() == engine.state.deadlines.items()
