"""A WebSocket's frames and one client's plain socket, of the crowd: what the load needs of RFC 6455 and no more.

Frames are masked with zeros, which the standard allows to be sent and costs the server the same.
"""

import socket
import struct

from engine.wire.client_session import ClientSession
from engine.wire.codec import MSGPACK

BINARY, CLOSE, PING, PONG = 0x2, 0x8, 0x9, 0xA
_NO_MASK = bytes(4)
REQUEST = (
    "GET /v1/stream HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Protocol: {MSGPACK}\r\n\r\n"
)
HANDSHAKING, OPEN, GONE = range(3)


def frame(payload: bytes, opcode: int = BINARY) -> bytes:
    """Return a WebSocket frame from a client."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, 0x80 | size)) + _NO_MASK + payload
    return struct.pack(">BBH", 0x80 | opcode, 0xFE, size) + _NO_MASK + payload


def unframe(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return the whole frames from a server as (opcode, payload), and what is left."""
    found, at, end = [], 0, len(data)
    while end - at >= 2:
        size, head = data[at + 1], 2
        if size == 126:
            if end - at < 4:
                break
            size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        elif size == 127:
            if end - at < 10:
                break
            size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
        if end - at < head + size:
            break
        found.append((data[at] & 0x0F, data[at + head : at + head + size]))
        at += head + size
    return found, data[at:]


class Line:
    """One client and its socket."""

    __slots__ = ("fd", "number", "phase", "session", "socket", "spare_token", "unread", "unsent")

    def __init__(self, number: int, session: ClientSession, spare_token: str) -> None:
        self.number = number
        self.session = session
        self.spare_token = spare_token
        """For who is told that the old one is still in use."""
        self.phase = GONE
        self.fd = -1
        self.unread = self.unsent = b""
        self.socket: socket.socket | None = None
