"""The client's side: what is handed on, what is dropped, and what ends the connection."""

import pytest

from engine.model.lifecycle import OrderState
from engine.wire.client_session import Arrival, ClientSession, Memory
from engine.wire.closing import CLOSING_CODES, ClosingCode, may_retry
from engine.wire.codec import MSGPACK, Codec
from engine.wire.limits import Limits
from engine.wire.messages import Ack, Heartbeat, Hello
from engine.wire.server_messages import Item, Snapshot, Taken, Welcome
from tests.support.orders import order_view

CODEC = Codec(MSGPACK)


def said(session):
    return [CODEC.from_client(frame, Limits()) for frame in session.take()]


def hear(session, message, now=0.0):
    return session.receive(CODEC.encode(message), now)


def welcome(resumed=True, log_id="log", next_seq=1):
    return Welcome(
        log_id=log_id,
        resumed=resumed,
        next_seq=next_seq,
        heartbeat_ms=1_000,
        recipient="car",
        role="terminal",
        server_at=0,
    )


def connected(memory=None):
    session = ClientSession(CODEC, "token", "phone", memory or Memory(log_id="log", applied_seq=3))
    session.connect(0.0)
    hello = said(session)
    hear(session, welcome())
    said(session)
    return session, hello


def test_the_greeting_says_what_was_applied():
    _, hello = connected()
    assert hello == [Hello(token="token", device="phone", log_id="log", applied_seq=3)]
    _, hello = connected(Memory())
    assert hello == [Hello(token="token", device="phone")]


def test_only_the_next_number_is_handed_on():
    session, _ = connected()
    item = Item(seq=4, kind="order", order=order_view("o1"))
    assert hear(session, Item(seq=3, kind="notice")) == []
    assert hear(session, item) == [Arrival(item, "log", 4)]
    assert hear(session, item) == []
    assert session.closing is None
    assert hear(session, Item(seq=6, kind="notice")) == []
    assert session.closing == (ClosingCode.OUT_OF_STEP, "item 6 after 4")


def test_an_item_is_acknowledged_when_it_was_applied():
    session, _ = connected()
    (first,) = hear(session, Item(seq=4, kind="order", order=order_view("o1")))
    (second,) = hear(session, Item(seq=5, kind="cancellation", order=order_view("o1")))
    assert said(session) == []
    session.applied(first)
    assert said(session) == [Ack(seq=4)]
    assert session.memory == Memory("log", 4, {"o1": order_view("o1")})
    session.applied(second)
    assert session.memory == Memory("log", 5, {})


def test_what_was_received_but_not_yet_applied_is_not_asked_for_again():
    session, _ = connected()
    (arrival,) = hear(session, Item(seq=4, kind="order", order=order_view("o1")))
    session.connect(1.0)
    assert said(session)[0].applied_seq == 4
    session.applied(arrival)
    assert said(session) == []  # not before the welcome
    hear(session, welcome())
    assert said(session) == [Ack(seq=4)]


def test_a_snapshot_becomes_what_is_new_and_what_is_gone():
    memory = Memory(
        "log", 3, {"kept": order_view("kept"), "changed": order_view("changed"), "gone": order_view("gone")}
    )
    session, _ = connected(memory)
    hear(session, Item(seq=4, kind="order", order=order_view("fresh")))
    session.connect(1.0)
    said(session)
    hear(session, welcome(resumed=False, log_id="log2", next_seq=10))
    arrivals = hear(
        session,
        Snapshot(seq=9, orders=(order_view("kept"), order_view("changed", 2), order_view("fresh"), order_view("new"))),
    )
    assert [(a.item and (a.item.kind, a.item.order.id), a.log_id, a.seq) for a in arrivals] == [
        (("cancellation", "gone"), "log2", None),
        (("order", "changed"), "log2", None),
        (("order", "new"), "log2", None),
        (None, "log2", 9),
    ]
    for arrival in arrivals[:-1]:
        session.applied(arrival)
        assert session.memory.applied_seq == 3
    session.applied(arrivals[-1])
    assert said(session) == [Ack(seq=9)]
    assert (session.memory.log_id, session.memory.applied_seq) == ("log2", 9)
    assert set(session.memory.open_orders) == {"kept", "changed", "new"}
    assert [a.seq for a in hear(session, Item(seq=10, kind="notice"))] == [10]


def test_an_unannounced_snapshot_and_an_item_before_it_end_the_connection():
    session, _ = connected()
    hear(session, Snapshot(seq=9))
    assert session.closing.code is ClosingCode.OUT_OF_STEP
    session.connect(0.0)
    hear(session, welcome(resumed=False))
    hear(session, Item(seq=4, kind="notice"))
    assert session.closing.code is ClosingCode.OUT_OF_STEP


def test_an_order_ended_by_our_own_answer_is_not_cancelled_by_a_snapshot():
    session, _ = connected(Memory("log", 3, {"done": order_view("done")}))
    session.forget("done")
    session.connect(0.0)
    hear(session, welcome(resumed=False))
    assert hear(session, Snapshot(seq=3)) == [Arrival(None, "log", 3)]


def test_a_broken_frame_ends_the_connection():
    session, _ = connected()
    assert session.receive(b"\xc1", 0.0) == []
    assert session.closing.code is ClosingCode.UNREADABLE
    assert hear(session, Taken(ref="k")) == []


def test_heartbeats_both_ways():
    session, _ = connected()
    session.tick(999.0)
    assert said(session) == []
    session.tick(1_000.0)
    assert said(session) == [Heartbeat()]
    assert hear(session, Heartbeat(), 2_000.0) == []
    session.sent(4_999.0)
    session.tick(4_999.0)
    assert session.closing is None
    session.tick(5_000.0)
    assert session.closing.code is ClosingCode.SILENT


@pytest.mark.parametrize("code", list(ClosingCode))
def test_every_close_code_is_in_the_table(code):
    assert CLOSING_CODES[code].text
    assert may_retry(code) == CLOSING_CODES[code].retry


def test_a_connection_that_just_broke_is_made_again():
    assert may_retry(1006)


def test_an_order_that_was_ended_here_before_it_was_applied_is_not_open_afterwards():
    session, _ = connected()
    (arrival,) = hear(session, Item(seq=4, kind="order", order=order_view("o-1")))
    # The person refuses while the item is still being shown, and the server's word for it comes first.
    session.forget("o-1")
    session.applied(arrival)
    assert session.memory.open_orders == {}
    assert session.memory.applied_seq == 4


def test_an_order_that_was_ended_here_while_it_was_being_amended_is_not_open_afterwards():
    session, _ = connected(Memory("log", 3, {"o-1": order_view("o-1")}))
    (second,) = hear(session, Item(seq=4, kind="order", order=order_view("o-1", version=2)))
    (third,) = hear(session, Item(seq=5, kind="order", order=order_view("o-1", version=3)))
    session.forget("o-1")
    for arrival in (second, third):
        session.applied(arrival)
        assert session.memory.open_orders == {}
    (again,) = hear(session, Item(seq=6, kind="order", order=order_view("o-1", version=4)))
    session.applied(again)
    assert set(session.memory.open_orders) == {"o-1"}


def test_a_version_of_an_order_is_handed_on_once():
    session, _ = connected()
    # It was amended before it could be sent: the first item shows it as it stands by then.
    first = Item(seq=4, kind="order", order=order_view("o-1", version=2))
    assert hear(session, first) == [Arrival(first, "log", 4)]
    assert hear(session, Item(seq=5, kind="order", order=order_view("o-1", version=2))) == [Arrival(None, "log", 5)]
    third = Item(seq=6, kind="order", order=order_view("o-1", version=3))
    assert hear(session, third) == [Arrival(third, "log", 6)]


def test_an_order_that_is_resent_after_it_ended_opens_nothing():
    session, _ = connected()
    (arrival,) = hear(session, Item(seq=4, kind="order", order=order_view("o-1", state=OrderState.REFUSED)))
    session.applied(arrival)
    assert session.memory.open_orders == {}


def test_the_end_of_an_order_that_was_ended_here_is_a_number_and_no_news():
    session, _ = connected()
    (arrival,) = hear(session, Item(seq=4, kind="order", order=order_view("o-1")))
    session.applied(arrival)
    session.forget("o-1")
    ended = Item(seq=5, kind="cancellation", order=order_view("o-1"), code="ended_elsewhere")
    assert hear(session, ended) == [Arrival(None, "log", 5)]


def test_a_greeting_that_nobody_answers_is_given_up_before_a_silent_server_would_be():
    session = ClientSession(CODEC, "token", "phone", Memory())
    session.connect(0.0)
    session.tick(19_999.0)
    assert session.closing is None
    session.tick(20_000.0)
    assert session.closing.code is ClosingCode.SILENT
