"""What the field says in words is stored encrypted, and goes with its alert."""

from engine import Engine
from engine.model.broadcasts import SendBroadcast
from engine.model.commands import EndEmergency, PressEmergency
from engine.model.emergency_events import EmergencyEnded
from engine.model.entities import Details
from tests.journal.samples import AT
from tests.support.cities import SetClock, city, unit


def test_why_an_emergency_was_ended_is_stored_and_goes_with_the_alert(desk):
    engine = Engine(city([unit("P1", 1, 0)]), journal=desk.journal, clock=SetClock(AT))
    reply = engine.submit(PressEmergency(actor="device:P1", key="k", unit="P1", text="call"))[0]
    assert reply.refusal is None
    words = "Zhang San has sat down on it"
    assert engine.submit(EndEmergency(actor="user:li", unit="P1", reason=words))[0].refusal is None

    def read():
        return [event.personal.text for event in desk.journal.read() if event.personal not in (None, Details())]

    assert read() == ["call", words]
    assert desk.journal.erase(reply.alert, at=AT) == 1
    desk.reopen()
    assert read() == []
    over = EmergencyEnded(unit="P1", alert=reply.alert, incident=reply.incident)
    assert over in [event.body for event in desk.journal.read()]


def test_what_a_broadcast_says_is_stored_encrypted_and_can_be_erased(desk):
    engine = Engine(city([unit("P1", 1, 0)]), journal=desk.journal, clock=SetClock(AT))
    words = "Look out for Zhang San"
    reply = engine.submit(SendBroadcast(actor="user:li", key="k", text=words, to="all"))[0]
    assert reply.refusal is None
    raw = b"".join(path.read_bytes() for path in desk.folder.iterdir() if path.is_file())
    assert words.encode() not in raw
    again = Engine(city([unit("P1", 1, 0)]), journal=desk.journal, clock=SetClock(AT))
    assert again.state.broadcast_texts == {reply.broadcast: words}
    assert desk.journal.erase(reply.broadcast, at=AT) == 1
    desk.reopen()
    again = Engine(city([unit("P1", 1, 0)]), journal=desk.journal, clock=SetClock(AT))
    assert again.state.broadcast_texts == {}
    assert desk.journal.verify().ok
