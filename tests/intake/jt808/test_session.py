"""One connection: who is heard on what, what is answered by whom, messages in several frames, bounds."""

import math

import pytest

from engine.core.city_devices import Device
from engine.intake.jt808 import messages as m
from engine.intake.jt808.frames import Packet, Splitter, decode, encode
from engine.intake.jt808.limits import Limits
from engine.intake.jt808.session import Answered, Came, LoggedIn, Session

CAR = Device(id="13900000001", protocol="jt808", unit="P1", secret="right", terminal_id="7654321")
PHONE = Device(id="13900000002", protocol="jt808", unit="P2", secret="also right")
HERE = m.Location(lon=113.0, lat=36.5, at=1_800_000_000_000)


class Terminal:
    """The other side: speaks to a session without a socket."""

    def __init__(self, number=CAR.id, edition=2013, **limits):
        self.number, self.edition, self.serial = number, edition, 0
        self.refusals = []
        self.session = Session(
            {each.id: each for each in (CAR, PHONE)}.get, self.refusals.append, limits=Limits(**limits)
        )

    def frame(self, message, /, **more):
        said = {
            "message": m.NUMBERS[type(message)],
            "terminal": self.number,
            "serial": self.serial,
            "body": m.write(message, self.edition),
            "edition": self.edition,
        }
        self.serial += 1
        return encode(Packet(**(said | more)))

    def say(self, message, /, now_ms=0.0, **more):
        return self.session.receive(self.frame(message, **more), now_ms)

    def heard(self):
        """Return what we said: number and body of each frame."""
        packets = [decode(framed) for framed in Splitter().feed(self.session.take())]
        assert all(each.terminal == self.number and each.edition == self.edition for each in packets)
        return [(each.message, each.body) for each in packets]

    def log_in(self):
        assert self.say(m.Authenticate(code=CAR.secret)) == [LoggedIn(CAR)]
        self.session.take()
        return self

    @property
    def codes(self):
        return [refusal.code for refusal in self.refusals]


def answered(serial, message, result=0):
    return (0x8001, m.write(m.Answer(serial=serial, message=message, result=result), 2013))


@pytest.mark.parametrize("edition", [2013, 2019])
def test_a_terminal_whose_makers_id_is_known_is_told_its_code_and_uses_it(edition):
    terminal = Terminal(edition=edition)
    assert terminal.say(m.Register(terminal_id="7654321")) == []
    assert terminal.heard() == [(0x8100, b"\x00\x00\x00right")]
    assert terminal.say(m.Authenticate(code="right")) == [LoggedIn(CAR)]
    assert terminal.heard() == [answered(1, 0x0102)]
    assert not terminal.refusals


@pytest.mark.parametrize(
    ("number", "terminal_id", "result", "code"),
    [
        (CAR.id, "1234567", m.KNOWN_TERMINAL, "not_registered"),
        (CAR.id, "", m.KNOWN_TERMINAL, "not_registered"),
        (PHONE.id, "", m.KNOWN_TERMINAL, "not_registered"),
        ("13900000003", "7654321", m.NO_TERMINAL, "unknown_device"),
    ],
)
def test_nobody_else_is_told_a_code(number, terminal_id, result, code):
    terminal = Terminal(number)
    terminal.say(m.Register(terminal_id=terminal_id))
    assert terminal.heard() == [(0x8100, bytes((0, 0, result)))]
    assert terminal.codes == [code]
    assert bool(terminal.session.closing) == (code == "unknown_device")


@pytest.mark.parametrize(
    ("number", "code", "why"), [(CAR.id, "wrong", "wrong_code"), ("13900000003", "right", "unknown_device")]
)
def test_who_is_not_believed_is_told_so_and_let_go(number, code, why):
    terminal = Terminal(number)
    assert terminal.say(m.Authenticate(code=code)) == []
    assert terminal.heard() == [answered(0, 0x0102, m.FAILED)]
    assert terminal.session.closing == why
    assert terminal.say(m.Authenticate(code="right")) == []


@pytest.mark.parametrize("message", [HERE, m.Heartbeat(), m.Logout(), m.Batch(locations=(HERE,))])
def test_nothing_is_heard_before_the_code(message):
    terminal = Terminal()
    assert terminal.say(message) == []
    assert terminal.heard() == [answered(0, m.NUMBERS[type(message)], m.FAILED)]
    assert terminal.codes == ["not_authenticated"]


def test_locations_are_handed_on_and_answered_by_whoever_acts_on_them():
    terminal = Terminal().log_in()
    (one,) = terminal.say(HERE)
    (batch,) = terminal.say(m.Batch(locations=(HERE, HERE), is_backfill=True))
    assert terminal.heard() == []
    assert isinstance(one, Came)
    assert (one.locations, one.is_backfill) == ((HERE,), False)
    assert (batch.locations, batch.is_backfill) == ((HERE, HERE), True)
    terminal.session.answer(batch.packet, m.FAILED)
    terminal.session.answer(one.packet)
    assert terminal.heard() == [answered(2, 0x0704, m.FAILED), answered(1, 0x0200)]


def test_a_text_is_answered_by_its_serial():
    terminal = Terminal().log_in()
    serial = terminal.session.text("a")
    assert terminal.heard() == [(0x8300, b"\x0da")]
    said = m.TerminalAnswer(serial=serial, message=0x8300, result=0)
    assert terminal.say(said) == [Answered(serial, 0)]
    assert terminal.say(m.TerminalAnswer(serial=9, message=0x8103, result=0)) == []
    assert terminal.heard() == []


def test_heartbeat_and_logout():
    terminal = Terminal().log_in()
    terminal.say(m.Heartbeat())
    assert not terminal.session.closing
    terminal.say(m.Logout())
    assert terminal.heard() == [answered(1, 0x0002), answered(2, 0x0003)]
    assert terminal.session.closing == "logout"


def test_a_connection_speaks_for_one_terminal():
    terminal = Terminal().log_in()
    assert terminal.say(HERE, terminal=PHONE.id) == []
    assert terminal.codes == ["not_yours"]
    assert terminal.session.take() == b""


def test_what_is_not_taken_is_answered_by_the_standards_results():
    terminal = Terminal().log_in()
    terminal.say(HERE, message=0x0801)
    terminal.say(HERE, body=b"short")
    assert terminal.heard() == [answered(1, 0x0801, m.UNSUPPORTED), answered(2, 0x0200, m.WRONG)]
    assert terminal.codes == ["unsupported", "too_short"]


def test_a_terminal_may_authenticate_again():
    terminal = Terminal().log_in()
    assert terminal.say(m.Authenticate(code=CAR.secret)) == []
    assert terminal.heard() == [answered(1, 0x0102)]


def parts_of(terminal, message, count):
    body = m.write(message, terminal.edition)
    size = -(-len(body) // count)
    return [
        terminal.frame(message, body=body[size * part : size * (part + 1)], parts=count, part=part + 1)
        for part in range(count)
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 0, 1, 2)])
def test_a_message_in_several_frames_is_one_message(order):
    terminal = Terminal().log_in()
    batch = m.Batch(locations=(HERE,) * 5)
    frames = parts_of(terminal, batch, 3)
    heard = [terminal.session.receive(frames[number], 0.0) for number in order]
    assert heard[:-1] == [[]] * (len(order) - 1)
    ((came,),) = heard[-1:]
    assert came.locations == batch.locations
    assert len(terminal.heard()) == len(order) - 1
    terminal.session.answer(came.packet)
    assert not terminal.refusals


def test_gathering_is_bounded_in_number_size_and_time():
    terminal = Terminal(parts=4, part_bytes=100, gathered=1, gathering_ms=1_000).log_in()
    batch = m.Batch(locations=(HERE,) * 2)
    for frame in parts_of(terminal, m.Batch(locations=(HERE,) * 5), 5):
        terminal.session.receive(frame, 0.0)
    assert terminal.codes == ["too_many"] * 5
    first, second = parts_of(terminal, batch, 2), parts_of(terminal, batch, 2)
    terminal.session.receive(first[0], 0.0)
    terminal.session.receive(second[0], 999.0)
    assert terminal.codes[5:] == ["too_many"]
    terminal.session.receive(second[0], 1_000.0)
    assert terminal.codes[6:] == ["incomplete"]
    (came,) = terminal.session.receive(second[1], 1_001.0)
    assert came.locations == batch.locations
    for frame in parts_of(terminal, m.Batch(locations=(HERE,) * 5), 2):
        terminal.session.receive(frame, 1_001.0)
    assert terminal.codes[7:] == ["too_big"]


def test_nobody_unknown_has_messages_gathered():
    terminal = Terminal()
    terminal.session.receive(parts_of(terminal, m.Batch(locations=(HERE,)), 2)[0], 0.0)
    assert terminal.codes == ["not_authenticated"]
    assert not terminal.session._gathering
    assert terminal.session.due_ms == math.inf


def test_too_many_frames_that_are_not_taken_end_the_connection():
    terminal = Terminal(errors=3).log_in()
    for _ in range(2):
        terminal.session.receive(b"\x7ejunk\x7e", 0.0)
    terminal.say(m.Heartbeat())
    for _ in range(3):
        assert not terminal.session.closing
        terminal.session.receive(b"\x7ejunk\x7e", 0.0)
    assert terminal.session.closing == "unreadable"


def test_who_sends_faster_is_read_more_slowly():
    terminal = Terminal(rate_per_s=10, burst=5).log_in()
    session = terminal.session
    assert session.wait_ms(0.0) == 0
    for _ in range(6):
        terminal.say(m.Heartbeat())
    assert session.wait_ms(0.0) == pytest.approx(200.0)
    assert session.wait_ms(200.0) == pytest.approx(0.0)
    assert session.wait_ms(1e9) == 0
    for _ in range(6):
        terminal.say(m.Heartbeat())
    assert session.wait_ms(1e9) == pytest.approx(100.0)


def test_our_serials_start_anew_after_65535():
    terminal = Terminal().log_in()
    terminal.session._serial = 65_535
    assert [terminal.session.text("a"), terminal.session.text("a")] == [65_535, 0]
