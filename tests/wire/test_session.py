"""The server's side of a connection, frame by frame, on a clock that is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.errors import Refusal
from engine.wire.closing import ClosingCode
from engine.wire.codec import JSON, Codec
from engine.wire.limits import Limits
from engine.wire.messages import Ack, Heartbeat, Hello, Status
from engine.wire.server_messages import Item, Refused, Snapshot, Welcome
from engine.wire.session import Opening, Phase, ServerSession, resume_after

CODEC = Codec(JSON)
LIMITS = Limits(hello_ms=3_000, heartbeat_ms=1_000, silence_ms=3_000, errors=3, rate_per_s=10, burst=5)


def session_at(now=0.0):
    return ServerSession(CODEC, LIMITS, now)


def said(session):
    return [CODEC.from_server(frame) for frame in session.take()]


def hear(session, message, now=1.0):
    return session.receive(CODEC.encode(message), now)


def opening(**more):
    return Opening(**{"log_id": "log", "role": "terminal", "recipient": "car", "server_at": 7, "last_seq": 5, **more})


def opened(applied_seq=5, log_id="log", **more):
    session = session_at()
    hear(session, Hello(token="t", log_id=log_id, applied_seq=applied_seq))
    session.open(opening(**more))
    said(session)
    return session


@given(
    st.none() | st.sampled_from(("log", "other")),
    st.none() | st.integers(0, 12),
    st.integers(0, 10),
    st.integers(0, 10),
)
def test_resuming_is_never_pretended(log_id, applied, last, kept):
    first = max(1, last - kept + 1)
    after = resume_after(Hello(token="t", log_id=log_id, applied_seq=applied), opening(first_seq=first, last_seq=last))
    everything_after_is_there = applied is not None and first - 1 <= applied <= last
    assert (after is not None) == (log_id == "log" and everything_after_is_there)
    assert after in (None, applied)


def test_a_receipt_that_was_lost_before_a_resume_is_taken_when_it_comes_again():
    session = opened(applied_seq=5)
    assert hear(session, Ack(seq=5)) == Ack(seq=5)


def test_a_client_resumes_after_its_own_number():
    session = session_at()
    hello = hear(session, Hello(token="t", log_id="log", applied_seq=3))
    assert hello == session.hello
    assert session.phase is Phase.PROVING
    assert session.open(opening()) == 3
    assert said(session) == [
        Welcome(
            log_id="log", resumed=True, next_seq=4, heartbeat_ms=1_000, recipient="car", role="terminal", server_at=7
        )
    ]
    session.push(Item(seq=4, kind="notice"))
    session.push(Item(seq=4, kind="notice"))
    session.push(Item(seq=5, kind="notice"))
    assert [item.seq for item in said(session)] == [4, 5]
    with pytest.raises(AssertionError, match="without gaps"):
        session.push(Item(seq=7, kind="notice"))


@pytest.mark.parametrize(("log_id", "applied_seq"), [("other", 3), ("log", 9), ("log", None), (None, None), ("log", 1)])
def test_who_cannot_resume_is_sent_a_snapshot(log_id, applied_seq):
    session = session_at()
    hear(session, Hello(token="t", log_id=log_id, applied_seq=applied_seq))
    assert session.open(opening(first_seq=3)) == 5
    welcome, snapshot = said(session)
    assert (welcome.resumed, welcome.next_seq) == (False, 6)
    assert snapshot == Snapshot(seq=5)


def test_who_has_no_mailbox_is_sent_no_snapshot():
    session = session_at()
    hear(session, Hello(token="t"))
    session.open(opening(recipient="", last_seq=0))
    (welcome,) = said(session)
    assert welcome.recipient == ""


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (CODEC.encode(Heartbeat()), "the first message was heartbeat"),
        (b"{", "malformed: frame"),
        (CODEC.encode(Hello(token="t" * 2_000, device="d")) + b" " * 3_000, "too_big: frame"),
    ],
)
def test_the_first_message_is_a_greeting_or_the_last(frame, reason):
    session = session_at()
    assert session.receive(frame, 1.0) is None
    assert session.closing == (ClosingCode.GREETING_WRONG, reason)
    (refused,) = said(session)
    assert isinstance(refused, Refused)


def test_nothing_may_be_said_before_the_welcome():
    session = session_at()
    hear(session, Hello(token="t"))
    hear(session, Heartbeat())
    assert session.closing.code is ClosingCode.GREETING_WRONG


def test_a_late_greeting_closes():
    session = session_at(now=100.0)
    assert session.next_ms() == 3_100.0
    session.tick(3_099.0)
    assert session.closing is None
    session.tick(3_100.0)
    assert session.closing.code is ClosingCode.GREETING_LATE
    assert hear(session, Hello(token="t")) is None


def test_heartbeats_go_out_when_nothing_else_does_and_silence_closes():
    session = opened()
    session.sent(500.0)
    session.tick(1_499.0)
    assert said(session) == []
    session.tick(1_500.0)
    assert said(session) == [Heartbeat()]
    hear(session, Heartbeat(), 2_000.0)
    session.tick(4_999.0)
    assert session.closing is None
    session.tick(5_000.0)
    assert session.closing.code is ClosingCode.SILENT


def test_receipts_are_cumulative_and_cannot_run_ahead():
    session = opened(applied_seq=3)
    session.push(Item(seq=4, kind="notice"))
    said(session)
    assert hear(session, Ack(seq=4)) == Ack(seq=4)
    assert hear(session, Ack(seq=4)) is None
    assert hear(session, Ack(seq=2)) is None
    assert said(session) == []
    assert hear(session, Ack(seq=5)) is None
    (refused,) = said(session)
    assert (refused.code, refused.field, refused.value) == ("out_of_range", "seq", "5")


def test_a_second_greeting_is_refused():
    session = opened()
    assert hear(session, Hello(token="t")) is None
    assert said(session)[0].code == "out_of_turn"
    assert session.closing is None


def test_unreadable_frames_are_answered_and_too_many_in_a_row_close():
    codes = []
    session = ServerSession(CODEC, LIMITS, 0.0, codes.append)
    hear(session, Hello(token="t"))
    session.open(opening())
    said(session)
    good = Status(key="k", status="available")
    for _ in range(2):
        session.receive(b"{", 1.0)
        session.receive(b'{"message":"status","key":"k","status":"asleep"}', 1.0)
        assert [(m.code, m.ref) for m in said(session)] == [("malformed", ""), ("unknown_value", "k")]
        assert hear(session, good) == good
    for _ in range(3):
        session.receive(b"{", 1.0)
    assert session.closing.code is ClosingCode.UNREADABLE
    assert codes.count("malformed") == 5


def test_who_sends_too_fast_is_read_more_slowly():
    session = opened()  # its greeting was one of the burst
    for _ in range(4):
        hear(session, Heartbeat(), 1.0)
        assert session.wait_ms(1.0) == 0.0
    hear(session, Heartbeat(), 1.0)
    hear(session, Heartbeat(), 1.0)
    assert session.wait_ms(1.0) == pytest.approx(200.0, abs=1.0)
    assert session.wait_ms(101.0) == pytest.approx(100.0, abs=1.0)
    assert session.wait_ms(10_000.0) == 0.0


def test_after_the_end_nothing_is_said_or_heard():
    session = opened()
    session.close(ClosingCode.REPLACED, "first")
    session.close(ClosingCode.SLOW, "second")
    session.refuse(Refusal("a", "b", "c", "d"))
    session.push(Item(seq=6, kind="notice"))
    assert session.closing == (ClosingCode.REPLACED, "first")
    assert said(session) == []
    assert hear(session, Status(key="k", status="available")) is None
