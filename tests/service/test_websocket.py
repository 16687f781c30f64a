"""Messages cut, glued and scattered in every legal way arrive whole and in order; what is against the standard ends."""

import asyncio
import random
import struct
from contextlib import asynccontextmanager

import pytest

from engine.wire.codec import MSGPACK
from engine.wire.limits import Limits
from engine.wire.messages import Ack, Fix, Heartbeat, Hello, Positions
from tests.support.cities import NOW, place
from tests.support.streams import CODEC, play, running, until

REQUEST = (
    "GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Protocol: {MSGPACK}\r\n\r\n"
).encode()
HELLO = CODEC.encode(Hello(token="terminal:near"))
MASK = b"\x11\x22\x33\x44"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(payload, opcode=BINARY, *, fin=True, mask=MASK):
    size = len(payload)
    head = bytes((0x80 * fin | opcode,))
    if size < 126:
        head += bytes((0x80 | size,))
    elif size < 1 << 16:
        head += struct.pack(">BH", 0x80 | 126, size)
    else:
        head += struct.pack(">BQ", 0x80 | 127, size)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


async def read_frame(reader):
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8), "big")
    return first & 0x0F, await reader.readexactly(size)


async def closing_code(reader):
    """Read to the end; return the code that the server closed with, None where it just went."""
    code = None
    try:
        while True:
            opcode, payload = await read_frame(reader)
            if opcode == CLOSE:
                code = int.from_bytes(payload[:2], "big")
    except (asyncio.IncompleteReadError, ConnectionError):
        return code


@asynccontextmanager
async def line(server, *, early=b""):
    """A plain connection, the handshake done; ``early`` is sent in the same piece as the request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(REQUEST + early)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    try:
        yield reader, writer
    finally:
        writer.close()


def heard(monkeypatch):
    """Return a list that all messages go to which sessions were given, as bytes."""
    frames = []
    monkeypatch.setattr(
        "engine.wire.session.ServerSession.receive", lambda session, frame, now_ms: frames.append(frame)
    )
    return frames


def messages(chance, count):
    sizes = (0, 1, 5, 124, 125, 126, 127, 300, 65_535, 65_536)
    return [chance.randbytes(chance.choice(sizes[: chance.choice((5, 8, 10))])) for _ in range(count)]


def scattered(chance, sent):
    """Return messages as bytes on the line: some in fragments, with control frames anywhere between frames."""
    parts = []
    for message in sent:
        cuts = sorted(chance.randrange(len(message) + 1) for _ in range(chance.choice((0, 0, 0, 1, 3))))
        pieces = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)], strict=True)]
        for i, piece in enumerate(pieces):
            opcode = chance.choice((TEXT, BINARY)) if i == 0 and len(pieces) == 1 else (BINARY if i == 0 else 0)
            parts.append(frame(piece, opcode, fin=i == len(pieces) - 1, mask=chance.randbytes(4)))
            if chance.random() < 0.2:
                parts.append(frame(b"are you there", chance.choice((PING, PONG))))
    return b"".join(parts)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_network_makes_of_them_messages_arrive_whole_and_in_order(monkeypatch, seed):
    async def scene():
        chance = random.Random(seed)
        sent = messages(chance, 40)
        frames = heard(monkeypatch)
        async with running(limits=Limits(rate_per_s=10**6, burst=10**6)) as server, line(server) as (_, writer):
            data, at = scattered(chance, sent), 0
            while at < len(data):
                size = chance.choice((1, 2, 3, 7, 100, 5_000, 100_000))
                writer.write(data[at : at + size])
                await writer.drain()
                at += size
                if chance.random() < 0.3:
                    await asyncio.sleep(0)
            await until(lambda: len(frames) == len(sent))
            assert frames == sent

    play(scene())


def test_a_ping_is_answered_also_between_the_fragments_of_a_message(monkeypatch):
    async def scene():
        frames = heard(monkeypatch)
        async with running() as server, line(server) as (reader, writer):
            writer.write(frame(b"one ", fin=False) + frame(b"x", PING) + frame(b"two", 0))
            assert await read_frame(reader) == (PONG, b"x")
            await until(lambda: frames == [b"one two"])

    play(scene())


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x82\x02hi", 1002),
        (frame(b"hi", 0), 1002),
        (frame(b"a", fin=False) + frame(b"b"), 1002),
        (frame(b"hi", 3), 1002),
        (b"\xc2" + frame(b"hi")[1:], 1002),
        (frame(b"x" * 126, PING), 1002),
        (b"\x82\xff" + (1 << 62).to_bytes(8, "big") + MASK, 1009),
        (b"\x82\xff" + (65_537).to_bytes(8, "big") + MASK + b"some of it", 1009),
        (frame(b"x" * 40_000, fin=False) + frame(b"x" * 40_000, 0), 1009),
    ],
)
def test_what_is_against_the_standard_ends_the_connection_by_its_code_and_nobody_elses(sent, code):
    async def scene():
        async with running() as server, line(server) as (reader, writer), line(server) as (other, its_writer):
            its_writer.write(frame(HELLO))
            writer.write(sent)
            assert await closing_code(reader) == code
            its_writer.write(frame(b"x", PING))
            while (await read_frame(other))[0] != PONG:
                pass

    play(scene())


def test_what_is_said_before_the_handshake_is_answered_is_heard_after_it():
    async def scene():
        async with running() as server, line(server, early=frame(HELLO) + frame(b"x", PING)[:3]) as (reader, writer):
            writer.write(frame(b"x", PING)[3:])
            opcodes = [(await read_frame(reader))[0] for _ in range(3)]
            assert sorted(opcodes) == [BINARY, BINARY, PONG]

    play(scene())


def test_what_is_said_right_after_a_greeting_waits_for_the_welcome_and_is_then_heard():
    async def scene():
        lon, lat = place(2, 2)
        said = [Heartbeat(), Positions(fixes=(Fix(lon=lon, lat=lat, at=NOW),)), Ack(seq=7)]
        async with running() as server, line(server) as (reader, writer):
            writer.write(frame(HELLO) + b"".join(frame(CODEC.encode(one)) for one in said))
            tags = []
            while "refused" not in tags:
                _, payload = await read_frame(reader)
                tags.append(CODEC.from_server(payload).__struct_config__.tag)
            assert tags == ["welcome", "snapshot", "refused"]
            row = server.engine.fleet.index("near")
            await until(lambda: abs(server.engine.fleet.lon[row] - lon) < 1e-9)

    play(scene())


def test_a_long_answer_is_framed_as_the_standard_says():
    async def scene():
        async with running() as server, line(server) as (reader, writer):
            writer.write(frame(HELLO))
            await read_frame(reader)
            await read_frame(reader)
            (connection,) = server.stream._present.everybody
            for size in (0, 125, 126, 65_535, 65_536, 200_000):
                connection.socket.send_frames([b"x" * size], is_text=False)
                assert await read_frame(reader) == (BINARY, b"x" * size)
            connection.socket.send_frames([b"{}", b"[]"], is_text=True)
            assert [await read_frame(reader) for _ in range(2)] == [(TEXT, b"{}"), (TEXT, b"[]")]

    play(scene())


def test_an_error_of_our_own_ends_that_connection_alone_and_is_logged(monkeypatch, caplog):
    async def scene():
        async with running() as server, line(server) as (reader, writer), line(server) as (other, its_writer):
            its_writer.write(frame(HELLO))
            assert (await read_frame(other))[0] == BINARY

            def broken(session, frame, now_ms):
                raise ZeroDivisionError

            monkeypatch.setattr("engine.wire.session.ServerSession.receive", broken)
            writer.write(frame(HELLO))
            assert await closing_code(reader) == 1011
            its_writer.write(frame(b"x", PING))
            while (await read_frame(other))[0] != PONG:
                pass

    play(scene())
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["frame_failed"]
