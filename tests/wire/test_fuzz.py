"""Frames that nobody meant: real ones with bytes changed, cut, doubled and crossed.

Whatever comes, a session gives a message, a named refusal or a close with its code, and never an exception.
``ALLPOINTS_FUZZ=200000`` makes the longer run.
"""

import os
import random
from typing import get_args

import pytest

from engine.model.lifecycle import OrderState, UnitStatus
from engine.wire.client_session import ClientSession, Memory
from engine.wire.closing import ClosingCode
from engine.wire.codec import SUBPROTOCOLS, Codec
from engine.wire.limits import Limits
from engine.wire.messages import Ack, ClientMessage, Clock, Emergency, Fix, Heartbeat, Hello, Positions, Read, Status
from engine.wire.order_messages import (
    AnswerOrder,
    AskHelp,
    AskLeave,
    AssignUnits,
    Look,
    NamedUnit,
    ReturnOrder,
    StateFacts,
    Welfare,
)
from engine.wire.reports import ReportSighting, SettleSighting, VerifySighting
from engine.wire.server_messages import Item, Refused, ServerMessage, Snapshot, Superseded, Taken, Welcome
from engine.wire.session import Opening, Phase, ServerSession
from tests.support.orders import order_view
from tests.support.streams import report

FRAMES = int(os.environ.get("ALLPOINTS_FUZZ", "4000"))
LIMITS = Limits(rate_per_s=10_000_000, burst=10_000_000)
WELCOME = Welcome(
    log_id="log", resumed=True, next_seq=1, heartbeat_ms=1_000, recipient="car", role="terminal", server_at=0
)
FROM_CLIENT = (
    Hello(token="t", device="d", log_id="l", applied_seq=3),
    Positions(fixes=(Fix(lon=113.0, lat=36.5, at=1_800_000_000_000, speed_mps=3.0), Fix(lon=0.0, lat=0.0, at=0))),
    Status(key="k", status=UnitStatus.BUSY),
    AnswerOrder(key="k", order="o-1", version=1, answer="refuse", reason="忙", text="…", said_at=1),
    AssignUnits(key="k", order="o-1", version=1, units=(NamedUnit("car-1", "d-1", ("0101",)), NamedUnit("car-2"))),
    AskHelp(key="k", order="o-1", version=1, what="support", wanted="video", text="…", said_at=1),
    ReturnOrder(key="k", order="o-1", version=1, reason="远", text="…"),
    Emergency(key="k", lon=113.0, lat=36.5, order="o-1"),
    Welfare(key="k", order="o-1", version=1, every_s=300),
    ReportSighting(source_ref="s-1", lookout="grid-lookout-1", lon=113.0, lat=36.5, at=1_800_000_000_000, mode="car"),
    VerifySighting(key="k", sighting="grid-sighting-1", verdict="not_him", acting_as="analyst", reason="太高"),
    SettleSighting(key="k", sighting="grid-sighting-1", what="release", lookout="grid-lookout-1", reason="钟快"),
    Look(key="k", order="o-1", place=3, found=False, text="…"),
    AskLeave(key="k", order="o-1", step="firearms", reason="armed"),
    StateFacts(key="k", order="o-1", established=("weapon",), ruled_out=("injured",)),
    Read(key="k", broadcast="b-1"),
    Ack(seq=7),
    report("9"),
    Clock(key="k", now=5),
    Heartbeat(),
)
FROM_SERVER = (
    WELCOME,
    Snapshot(seq=3, orders=(order_view("o-1"), order_view("o-2"))),
    Item(seq=1, kind="order", order=order_view("o-1"), values={"a": "b"}),
    Taken(ref="k", refs={"orders": ["o-1"], "incident": "i"}),
    Refused(code="busy", field="queue", value="1", limit="0", ref="k", retry_ms=5),
    Superseded(ref="k", order="o-1", version=2, state=OrderState.SENT),
    Heartbeat(),
)


def test_every_message_is_among_the_seeds():
    assert {type(message) for message in FROM_CLIENT} == set(get_args(ClientMessage))
    assert {type(message) for message in FROM_SERVER} == set(get_args(ServerMessage))


def mutated(chance, frames):
    """Return a frame that once was one, or two."""
    frame = bytearray(chance.choice(frames))
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(frame) + 1)
        match chance.randrange(7):
            case 0:
                frame[at : at + 1] = bytes((chance.randrange(256),))
            case 1:
                del frame[at : at + chance.randrange(1, 20)]
            case 2:
                frame[at:at] = chance.randbytes(chance.randrange(1, 9))
            case 3:
                other = chance.choice(frames)
                frame[at:] = other[chance.randrange(len(other)) :]
            case 4:
                frame[at:at] = frame[: chance.randrange(len(frame) + 1)]
            case 5:
                frame[at:at] = chance.choice((b"\x91", b"[", b'{"a":', b"\xdf\xff\xff\xff\xff")) * chance.randrange(
                    1, 40
                )
            case _:
                if at < len(frame):
                    frame[at] ^= 1 << chance.randrange(8)
        if not frame:
            frame = bytearray(b"\x00")
    return bytes(frame)


def opened(codec):
    session = ServerSession(codec, LIMITS, 0.0)
    session.receive(codec.encode(Hello(token="t")), 0.0)
    session.open(Opening(log_id="log", role="terminal", recipient="car", server_at=0, last_seq=9))
    session.take()
    return session


def hear_as_server(session, codec, frame):
    """Let an open session read a frame; whatever it refuses is named, and it is open or says why not."""
    message = session.receive(frame, 0.0)
    assert message is None or isinstance(message, get_args(ClientMessage))
    for said in map(codec.from_server, session.take()):
        assert isinstance(said, Refused)
        assert said.code
        assert said.field
        assert said.limit
        assert len(said.value) <= 200
    if session.closing is not None:
        assert session.phase is Phase.CLOSED
        assert session.closing.code in ClosingCode


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
def test_a_server_survives_changed_frames(subprotocol):
    codec, chance = Codec(subprotocol), random.Random(1)
    frames = [codec.encode(message) for message in FROM_CLIENT]
    session, closed = opened(codec), 0
    for _ in range(FRAMES // 2):
        hear_as_server(session, codec, mutated(chance, frames))
        if session.closing is not None:
            assert session.closing.code is ClosingCode.UNREADABLE
            session, closed = opened(codec), closed + 1
    assert closed or FRAMES < 1_000, "so many in a row are not read for ever"


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
def test_a_greeting_that_is_none_is_refused_by_name_and_closes(subprotocol):
    codec, chance = Codec(subprotocol), random.Random(2)
    frames = [codec.encode(message) for message in FROM_CLIENT]
    for _ in range(FRAMES // 4):
        session = ServerSession(codec, LIMITS, 0.0)
        message = session.receive(mutated(chance, frames), 0.0)
        if message is None:
            assert session.closing.code is ClosingCode.GREETING_WRONG
            (refused,) = map(codec.from_server, session.take())
            assert refused.code
        else:
            assert isinstance(message, Hello)


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
def test_a_client_survives_changed_frames(subprotocol):
    codec, chance = Codec(subprotocol), random.Random(3)
    frames = [codec.encode(message) for message in FROM_SERVER]
    session = None
    for _ in range(FRAMES // 4):
        if session is None or session.closing is not None:
            session = ClientSession(codec, "t", "d", Memory(log_id="log"))
            session.connect(0.0)
            session.receive(codec.encode(WELCOME), 0.0)
        session.receive(mutated(chance, frames), 0.0)
        session.take()
        assert session.closing is None or session.closing.reason
