"""The envelope of JT/T 808: frames between 0x7e, escapes, the checksum, the header of both editions.

A header of 2019 has bit 14 of its properties set, a byte for the protocol's version, and ten bytes of BCD for the
terminal's number; that of 2013 has six. Everything is big-endian. The checksum is the XOR of all bytes before it.

Rules: a frame is bounded before it is looked at; whatever is wrong with one has a name, and the next is read as if
nothing had been; what is encrypted is refused, never guessed at.
"""

import struct
from functools import reduce
from operator import xor
from typing import Literal

import msgspec

from engine.model.errors import Refusal

Edition = Literal[2013, 2019]
FLAG, ESCAPE = 0x7E, 0x7D
MOST_BODY = 1_023
"""Bytes of one frame's body: its length has ten bits."""
LONGEST_FRAME = 2 * (21 + MOST_BODY + 1)
"""Bytes between two flags: header, body and checksum, all of them escaped."""
_ESCAPES = {b"\x01": b"\x7d", b"\x02": b"\x7e"}
_DIGITS = {2013: 12, 2019: 20}
_PARTED, _IS_2019 = 1 << 13, 1 << 14
_SHORTEST = 13
"""Bytes of a header of 2013 and the checksum."""


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """One frame's content.

    Attributes
    ----------
    message
        What it is, as the standard numbers messages.
    terminal
        The terminal's number without the zeros in front. It is BCD in the standard; terminals that send other hex
        digits keep them.
    serial
        Counts the sender's frames, modulo 65,536.
    parts, part
        Of a message that is longer than one frame: how many frames, and which of them this is, from 1.
    """

    message: int
    terminal: str
    serial: int
    body: bytes = b""
    edition: Edition = 2013
    protocol: int = 1
    parts: int = 1
    part: int = 1


class Splitter:
    """Finds frames in a stream of bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_framed = False
        self._is_skipping = False

    def feed(self, data: bytes) -> list[bytes | Refusal]:
        """Return what lies between flags, still escaped, in order; and in its place what cannot be a frame."""
        found: list[bytes | Refusal] = []
        *ended, rest = data.split(bytes((FLAG,)))
        for piece in ended:
            self._add(piece, found)
            if self._buffer and not self._is_skipping:
                whole = bytes(self._buffer)
                found.append(whole if self._is_framed else _unframed(len(whole)))
            self._buffer.clear()
            self._is_framed, self._is_skipping = True, False
        self._add(rest, found)
        return found

    def _add(self, piece: bytes, found: list[bytes | Refusal]) -> None:
        if self._is_skipping:
            return
        if len(self._buffer) + len(piece) > LONGEST_FRAME:
            limit = f"{LONGEST_FRAME} bytes between two flags"
            found.append(Refusal("too_big", "frame", f"over {LONGEST_FRAME} bytes", limit))
            self._buffer.clear()
            self._is_skipping = True
            return
        self._buffer += piece


def _unframed(length: int) -> Refusal:
    return Refusal("not_framed", "frame", f"{length} bytes", "a frame begins with 0x7e")


def escape(content: bytes) -> bytes:
    """Return bytes that hold no flag."""
    return content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def unescape(framed: bytes) -> bytes:
    """Return what was escaped.

    Raises
    ------
    Refusal
        ``bad_escape``, for 0x7d that is followed by neither 0x01 nor 0x02.
    """
    first, *others = framed.split(b"\x7d")
    content = bytearray(first)
    for piece in others:
        meant = _ESCAPES.get(piece[:1])
        if meant is None:
            raise Refusal("bad_escape", "frame", piece[:1].hex(), "0x7d is followed by 0x01 or 0x02")
        content += meant + piece[1:]
    return bytes(content)


def encode(packet: Packet) -> bytes:
    """Return a packet as a frame with its flags.

    Raises
    ------
    Refusal
        When its body or the terminal's number is too long.
    """
    digits = _DIGITS[packet.edition]
    if len(packet.body) > MOST_BODY:
        raise Refusal("too_big", "body", f"{len(packet.body)} bytes", f"{MOST_BODY} bytes")
    if len(packet.terminal) > digits:
        raise Refusal("too_long", "terminal", packet.terminal, f"{digits} digits")
    parted = packet.parts > 1
    properties = len(packet.body) | _PARTED * parted | _IS_2019 * (packet.edition == 2019)
    content = struct.pack(">HH", packet.message, properties)
    if packet.edition == 2019:
        content += bytes((packet.protocol,))
    content += bytes.fromhex(packet.terminal.rjust(digits, "0")) + struct.pack(">H", packet.serial)
    if parted:
        content += struct.pack(">HH", packet.parts, packet.part)
    content += packet.body
    return bytes((FLAG,)) + escape(content + bytes((reduce(xor, content),))) + bytes((FLAG,))


def decode(framed: bytes) -> Packet:
    """Return what a frame without its flags holds.

    Raises
    ------
    Refusal
        ``bad_escape``, ``too_short``, ``bad_checksum``, ``encrypted``, ``wrong_length`` or ``out_of_range``.
    """
    content = unescape(framed)
    if len(content) < _SHORTEST:
        raise Refusal("too_short", "frame", f"{len(content)} bytes", f"at least {_SHORTEST} bytes")
    if reduce(xor, content):
        raise Refusal("bad_checksum", "checksum", content[-1], reduce(xor, content[:-1]))
    message, properties = struct.unpack_from(">HH", content)
    encryption = (properties >> 10) & 7
    if encryption:
        raise Refusal("encrypted", "properties.encryption", encryption, "0: a body that is not encrypted")
    edition: Edition = 2019 if properties & _IS_2019 else 2013
    is_parted = bool(properties & _PARTED)
    number = 5 if edition == 2019 else 4
    serial = number + _DIGITS[edition] // 2
    begin = serial + (6 if is_parted else 2)
    length = properties & MOST_BODY
    if len(content) != begin + length + 1:
        raise Refusal("wrong_length", "properties.length", length, f"{len(content) - begin - 1}, as the body has")
    parts, part = struct.unpack_from(">HH", content, serial + 2) if is_parted else (1, 1)
    if not 1 <= part <= parts:
        raise Refusal("out_of_range", "part", part, f"1 to {parts}")
    return Packet(
        message=message,
        terminal=content[number:serial].hex().lstrip("0") or "0",
        serial=struct.unpack_from(">H", content, serial)[0],
        body=content[begin:-1],
        edition=edition,
        protocol=content[4] if edition == 2019 else 1,
        parts=parts,
        part=part,
    )
