"""What JT/T 808 messages hold: those that a terminal sends and those that it is sent, each with both ways of its bytes.

Texts are GBK. Instants are BCD of a clock that is Beijing's unless configured; they become ms since the epoch, UTC.
Coordinates stay in the datum that the terminal is configured with: who reads them converts them once.

Rules: what a location says first is never lost for what a maker has put behind it. An instant that is none is None, and
additional items are read as far as they can be; only a body too short for its fixed part is refused.
"""

import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from engine.intake.jt808.frames import Edition
from engine.model.errors import Refusal

BEIJING_MINUTES = 480
EMERGENCY = 1 << 0
"""The alarm bit of the emergency button; the terminal clears it once it has our answer."""
LOCATED, SOUTH, WEST = 1 << 1, 1 << 2, 1 << 3
"""Bits of the status: the fix is real; the latitude is south, the longitude west."""
DONE, FAILED, WRONG, UNSUPPORTED = range(4)
"""Results of an answer, either way."""
REGISTERED, KNOWN_VEHICLE, NO_VEHICLE, KNOWN_TERMINAL, NO_TERMINAL = range(5)
"""Results of a registration."""
LONGEST_TEXT = 900
"""Bytes of a text: one frame holds it."""
_FIXED = 28
_REGISTER = {2011: (5, 8, 7), 2013: (5, 20, 7), 2019: (11, 30, 30)}
"""Bytes of the maker, the model and the terminal's own id."""


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """0x0100: a terminal asks for its authentication code."""

    province: int = 0
    city: int = 0
    maker: str = ""
    model: str = ""
    terminal_id: str = ""
    plate_colour: int = 0
    plate: str = ""


class Authenticate(msgspec.Struct, frozen=True, kw_only=True):
    """0x0102: a terminal says its code; in the edition of 2019 also what it is."""

    code: str
    imei: str = ""
    software: str = ""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """0x0002: still here."""


class Logout(msgspec.Struct, frozen=True, kw_only=True):
    """0x0003: a terminal leaves."""


class TerminalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """0x0001: what a terminal made of our message."""

    serial: int
    message: int
    result: int


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """0x0200, and one of a batch: where a terminal is, and which of its alarms stand.

    Attributes
    ----------
    lon, lat
        Degrees in the terminal's datum, to a millionth.
    speed_mps, heading_deg
        As it measured them; clockwise from north.
    at
        When that was, ms since the epoch; None where it is no instant.
    items
        Additional items, number and content, in order.
    unread
        Bytes behind the last item that could be read.
    """

    alarm: int = 0
    status: int = LOCATED
    lon: float
    lat: float
    altitude_m: int = 0
    speed_mps: float = 0.0
    heading_deg: int = 0
    at: int | None
    items: tuple[tuple[int, bytes], ...] = ()
    unread: int = 0

    @property
    def is_emergency(self) -> bool:
        """Whether somebody has pressed the emergency button."""
        return bool(self.alarm & EMERGENCY)

    @property
    def is_located(self) -> bool:
        """Whether the satellites were seen."""
        return bool(self.status & LOCATED)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """0x0704: several locations; ``is_backfill`` where they come from a gap of the network."""

    locations: tuple[Location, ...]
    is_backfill: bool = False
    unread: int = 0
    """Locations too short to be read."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """0x8001: what we made of a terminal's message."""

    serial: int
    message: int
    result: int = DONE


class AskAgain(msgspec.Struct, frozen=True, kw_only=True):
    """0x8003: frames of a message in several that never came, by the serial of its first; repeated as they were."""

    first: int
    parts: tuple[int, ...]


class RegisterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """0x8100: the code, or why there is none."""

    serial: int
    result: int
    code: str = ""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """0x8300: words for the terminal's screen and voice, urgent."""

    text: str


FromTerminal = Register | Authenticate | Heartbeat | Logout | TerminalAnswer | Location | Batch
ToTerminal = Answer | AskAgain | RegisterAnswer | Text
NUMBERS: dict[type, int] = {
    TerminalAnswer: 0x0001,
    Heartbeat: 0x0002,
    Logout: 0x0003,
    Register: 0x0100,
    Authenticate: 0x0102,
    Location: 0x0200,
    Batch: 0x0704,
    Answer: 0x8001,
    AskAgain: 0x8003,
    RegisterAnswer: 0x8100,
    Text: 0x8300,
}
_KINDS = {number: kind for kind, number in NUMBERS.items()}


class _Item(NamedTuple):
    name: str
    layout: str
    scale: float


_ITEMS = {
    0x01: _Item("distance_km", ">I", 0.1),
    0x02: _Item("fuel_l", ">H", 0.1),
    0x03: _Item("recorder_kmh", ">H", 0.1),
    0x30: _Item("signal", ">B", 1),
    0x31: _Item("satellites", ">B", 1),
}


def readings(location: Location) -> dict[str, float]:
    """Return the additional items that tell how the device is, by name."""
    found = {}
    for number, content in location.items:
        item = _ITEMS.get(number)
        if item is not None and len(content) == struct.calcsize(item.layout):
            found[item.name] = round(struct.unpack(item.layout, content)[0] * item.scale, 1)
    return found


def read(number: int, body: bytes, edition: Edition, utc_offset_minutes: int = BEIJING_MINUTES) -> FromTerminal:
    """Return the message that a terminal sent.

    Raises
    ------
    Refusal
        ``unsupported`` for a message that is not taken, ``too_short`` or ``wrong_length`` for one that is not whole.
    """
    kind = _KINDS.get(number)
    if kind is Location:
        return _location(body, utc_offset_minutes)
    if kind is Batch:
        return _batch(body, utc_offset_minutes)
    if kind is Register:
        return _register(body, edition)
    if kind is Authenticate:
        return _authenticate(body, edition)
    if kind is TerminalAnswer:
        serial, message, result = struct.unpack(">HHB", _exactly(body, 5))
        return TerminalAnswer(serial=serial, message=message, result=result)
    if kind is Heartbeat:
        return Heartbeat()
    if kind is Logout:
        return Logout()
    known = ", ".join(f"0x{known:04x}" for known in sorted(_KINDS) if known < 0x8000)
    raise Refusal("unsupported", "message", f"0x{number:04x}", known)


def write(message: FromTerminal | ToTerminal, edition: Edition, utc_offset_minutes: int = BEIJING_MINUTES) -> bytes:
    """Return the body of a message, from either side."""
    match message:
        case Answer() | TerminalAnswer():
            return struct.pack(">HHB", message.serial, message.message, message.result)
        case AskAgain():
            # 2013 counts the frames in a byte, 2019 in two.
            count = ">HH" if edition == 2019 else ">HB"
            numbers = struct.pack(f">{len(message.parts)}H", *message.parts)
            return struct.pack(count, message.first, len(message.parts)) + numbers
        case RegisterAnswer():
            return struct.pack(">HB", message.serial, message.result) + _gbk(message.code)
        case Text():
            return _write_text(message.text, edition)
        case Location():
            return _write_location(message, utc_offset_minutes)
        case Batch():
            whole = [_write_location(location, utc_offset_minutes) for location in message.locations]
            sized = b"".join(struct.pack(">H", len(one)) + one for one in whole)
            return struct.pack(">HB", len(whole), message.is_backfill) + sized
        case Register():
            return _write_register(message, edition)
        case Authenticate():
            return _write_authenticate(message, edition)
        case Heartbeat() | Logout():
            return b""


def _exactly(body: bytes, length: int) -> bytes:
    if len(body) != length:
        raise Refusal("wrong_length", "body", f"{len(body)} bytes", f"{length} bytes")
    return body


def _at_least(body: bytes, length: int) -> None:
    if len(body) < length:
        raise Refusal("too_short", "body", f"{len(body)} bytes", f"at least {length} bytes")


def _said(content: bytes) -> str:
    """Return a padded text; what is no GBK stands as a replacement."""
    return content.decode("gbk", "replace").strip("\0 ")


def _gbk(text: str) -> bytes:
    return text.encode("gbk", "replace")


def _register(body: bytes, edition: Edition) -> Register:
    """Read a registration; one that is too short for 2013 is of 2011, whose model has 8 bytes."""
    is_old = edition == 2013 and len(body) < 5 + sum(_REGISTER[2013])
    lengths = _REGISTER[2011 if is_old else edition]
    _at_least(body, 5 + sum(lengths))
    province, city = struct.unpack_from(">HH", body)
    texts, begin = [], 4
    for length in lengths:
        texts.append(_said(body[begin : begin + length]))
        begin += length
    maker, model, terminal_id = texts
    return Register(
        province=province,
        city=city,
        maker=maker,
        model=model,
        terminal_id=terminal_id,
        plate_colour=body[begin],
        plate=_said(body[begin + 1 :]),
    )


def _write_register(message: Register, edition: Edition) -> bytes:
    body = struct.pack(">HH", message.province, message.city)
    for text, length in zip((message.maker, message.model, message.terminal_id), _REGISTER[edition], strict=True):
        body += _gbk(text)[:length].ljust(length, b"\0")
    return body + bytes((message.plate_colour,)) + _gbk(message.plate)


def _authenticate(body: bytes, edition: Edition) -> Authenticate:
    if edition == 2013:
        return Authenticate(code=_said(body))
    _at_least(body, 1)
    end = 1 + body[0]
    _at_least(body, end)
    return Authenticate(code=_said(body[1:end]), imei=_said(body[end : end + 15]), software=_said(body[end + 15 :]))


def _write_authenticate(message: Authenticate, edition: Edition) -> bytes:
    code = _gbk(message.code)
    if edition == 2013:
        return code
    imei, software = _gbk(message.imei).ljust(15, b"\0"), _gbk(message.software).ljust(20, b"\0")
    return bytes((len(code),)) + code + imei + software


def _write_text(text: str, edition: Edition) -> bytes:
    """Return an urgent text for screen and voice; one that is too long is cut between two characters."""
    content = _gbk(text)[:LONGEST_TEXT].decode("gbk", "ignore").encode("gbk")
    # 2013: bit 0 urgent. 2019: bits 0 and 1 are 2 for urgent, and a byte for the kind follows: 1, a notification.
    # Bit 2 is the terminal's screen, bit 3 its voice.
    return (b"\x0e\x01" if edition == 2019 else b"\x0d") + content


def _location(body: bytes, utc_offset_minutes: int) -> Location:
    _at_least(body, _FIXED)
    alarm, status, lat, lon, altitude, speed, heading = struct.unpack_from(">IIIIhHH", body)
    items: list[tuple[int, bytes]] = []
    begin = _FIXED
    while begin + 2 <= len(body) and begin + 2 + body[begin + 1] <= len(body):
        end = begin + 2 + body[begin + 1]
        items.append((body[begin], body[begin + 2 : end]))
        begin = end
    return Location(
        alarm=alarm,
        status=status,
        lon=lon / 1e6 * (-1 if status & WEST else 1),
        lat=lat / 1e6 * (-1 if status & SOUTH else 1),
        altitude_m=altitude,
        speed_mps=speed / 36,
        heading_deg=heading,
        at=_instant(body[22:_FIXED], utc_offset_minutes),
        items=tuple(items),
        unread=len(body) - begin,
    )


def _write_location(location: Location, utc_offset_minutes: int) -> bytes:
    status = location.status & ~(SOUTH | WEST) | SOUTH * (location.lat < 0) | WEST * (location.lon < 0)
    fixed = struct.pack(
        ">IIIIhHH",
        location.alarm,
        status,
        round(abs(location.lat) * 1e6),
        round(abs(location.lon) * 1e6),
        location.altitude_m,
        round(location.speed_mps * 36),
        location.heading_deg,
    )
    items = b"".join(bytes((number, len(content))) + content for number, content in location.items)
    return fixed + _bcd_time(location.at, utc_offset_minutes) + items


def _batch(body: bytes, utc_offset_minutes: int) -> Batch:
    _at_least(body, 3)
    count, kind = struct.unpack_from(">HB", body)
    locations, unread, begin = [], 0, 3
    for _ in range(count):
        if begin + 2 > len(body):
            break
        end = begin + 2 + int(struct.unpack_from(">H", body, begin)[0])
        if end > len(body):
            break
        if end - begin - 2 < _FIXED:
            unread += 1
        else:
            locations.append(_location(body[begin + 2 : end], utc_offset_minutes))
        begin = end
    found = len(locations) + unread
    return Batch(locations=tuple(locations), is_backfill=kind == 1, unread=count - found + unread)


def _instant(bcd: bytes, utc_offset_minutes: int) -> int | None:
    """Return the instant that six bytes of BCD say, or None where they say none."""
    digits = bcd.hex()
    if not digits.isdecimal():
        return None
    year, month, day, hour, minute, second = (int(digits[i : i + 2]) for i in range(0, 12, 2))
    try:
        local = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return round((local - timedelta(minutes=utc_offset_minutes)).timestamp()) * 1_000


def _bcd_time(at: int | None, utc_offset_minutes: int) -> bytes:
    if at is None:
        return bytes(6)
    local = datetime.fromtimestamp(at / 1_000, UTC) + timedelta(minutes=utc_offset_minutes)
    return bytes.fromhex(local.strftime("%y%m%d%H%M%S"))
