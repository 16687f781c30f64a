"""One terminal's connection: what it may say when, what it is answered, and what of it others must act on.

A terminal registers, is told its code if the city knows its maker's id, and authenticates by that code; before that it
is heard on nothing else. Registration, heartbeats and logout are answered here. Locations and what answers our texts
are handed on: whoever acts on them answers by `Session.answer`, when what they mean is durable.

Rules: nobody is anybody by number alone; a number that is not this connection's is refused; an answer names the frame
that it answers. Whatever is not taken is told to ``on_refused`` by name.
"""

import hmac
from collections.abc import Callable
from typing import NamedTuple

from engine.core.city_devices import Device
from engine.intake.jt808 import messages as m
from engine.intake.jt808.frames import Edition, Packet, Splitter, decode, encode
from engine.intake.jt808.gathering import Gathering
from engine.intake.jt808.limits import Limits
from engine.model.errors import Refusal
from engine.wire.allowance import Allowance


class LoggedIn(NamedTuple):
    """A terminal has authenticated."""

    device: Device


class Came(NamedTuple):
    """Locations, and the frame by which they are answered."""

    packet: Packet
    locations: tuple[m.Location, ...]
    is_backfill: bool


class Answered(NamedTuple):
    """A terminal answered a text of ours, by the serial that it had."""

    serial: int
    result: int


Heard = LoggedIn | Came | Answered


class Session:
    """The protocol of one connection.

    Parameters
    ----------
    find
        The device of a terminal's number, or None.
    limits, utc_offset_minutes
        Bounds, and the clock of the terminals.
    on_refused
        Told of everything that is not taken.
    """

    def __init__(
        self,
        find: Callable[[str], Device | None],
        on_refused: Callable[[Refusal], None],
        *,
        limits: Limits | None = None,
        utc_offset_minutes: int = m.BEIJING_MINUTES,
    ) -> None:
        self.limits = limits or Limits()
        self.device: Device | None = None
        self.closing = ""
        """Why the connection is to end; empty while it is not."""
        self._find = find
        self._on_refused = on_refused
        self._utc_offset_minutes = utc_offset_minutes
        self._splitter = Splitter()
        self._out = bytearray()
        self._serial = 0
        self._errors = 0
        self._terminal = ""
        self._edition: Edition = 2013
        self._protocol = 1
        self._gathering = Gathering(self.limits, on_refused)
        self._allowance = Allowance(self.limits.rate_per_s, self.limits.burst)

    @property
    def terminal(self) -> str:
        """The number that the last frame bore; believed only where ``device`` is known."""
        return self._terminal

    def receive(self, data: bytes, now_ms: float) -> list[Heard]:
        """Take bytes; return what others must act on, in order."""
        heard: list[Heard] = []
        for framed in self._splitter.feed(data):
            if self.closing:
                break
            self._allowance.spend()
            try:
                if isinstance(framed, Refusal):
                    raise framed
                packet = decode(framed)
                found = self._hear(packet, now_ms)
            except Refusal as refusal:
                self._refuse(refusal)
            else:
                self._errors = 0
                heard += found
        self.tick(now_ms)
        return heard

    @property
    def due_ms(self) -> float:
        """When `tick` has something to do though nothing comes; infinity while it has not."""
        return self._gathering.due_ms

    def tick(self, now_ms: float) -> None:
        """Ask for what is missing of messages in several frames, and drop what is too old."""
        for asked in self._gathering.missing(now_ms):
            self._say(asked)

    def wait_ms(self, now_ms: float) -> float:
        """Return how long to wait before more is read, by the rate that is allowed."""
        return self._allowance.wait_s(now_ms / 1_000) * 1_000

    def answer(self, packet: Packet, result: int = m.DONE) -> None:
        """Answer a frame by a result."""
        self._say(m.Answer(serial=packet.serial, message=packet.message, result=result))

    def text(self, words: str) -> int:
        """Send words; return the serial that the answer to them will name."""
        return self._say(m.Text(text=words))

    def take(self) -> bytes:
        """Return what is to be sent."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def _say(self, message: m.ToTerminal) -> int:
        serial = self._serial
        self._serial = (serial + 1) % 65_536
        self._out += encode(
            Packet(
                message=m.NUMBERS[type(message)],
                terminal=self._terminal,
                serial=serial,
                body=m.write(message, self._edition),
                edition=self._edition,
                protocol=self._protocol,
            )
        )
        return serial

    def _refuse(self, refusal: Refusal) -> None:
        self._errors += 1
        self._on_refused(refusal)
        if self._errors >= self.limits.errors and not self.closing:
            self.closing = "unreadable"

    def _hear(self, packet: Packet, now_ms: float) -> list[Heard]:
        """Act on one frame, or raise `Refusal`; what can be answered has been, either way."""
        self._check_terminal(packet)
        self._terminal, self._edition, self._protocol = packet.terminal, packet.edition, packet.protocol
        try:
            body = self._whole(packet, now_ms)
            if body is None:
                self.answer(packet)
                return []
            message = m.read(packet.message, body, packet.edition, self._utc_offset_minutes)
        except Refusal as refusal:
            self.answer(packet, m.UNSUPPORTED if refusal.code == "unsupported" else m.WRONG)
            raise
        match message:
            case m.Register():
                self._register(packet, message)
            case m.Authenticate():
                return self._authenticate(packet, message)
            case _ if self.device is None:
                self.answer(packet, m.FAILED)
                raise Refusal("not_authenticated", "message", f"0x{packet.message:04x}", "0x0100 or 0x0102 first")
            case m.Heartbeat():
                self.answer(packet)
            case m.Logout():
                self.answer(packet)
                self.closing = "logout"
            case m.TerminalAnswer():
                if message.message == m.NUMBERS[m.Text]:
                    return [Answered(message.serial, message.result)]
            case m.Location():
                return [Came(packet, (message,), is_backfill=False)]
            case m.Batch():
                return [Came(packet, message.locations, message.is_backfill)]
        return []

    def _check_terminal(self, packet: Packet) -> None:
        known = self.device.id if self.device is not None else packet.terminal
        if packet.terminal != known:
            raise Refusal("not_yours", "terminal", packet.terminal, f"{known}, who has authenticated")

    def _register(self, packet: Packet, message: m.Register) -> None:
        """Tell a terminal its code, if the maker's id is the one that the city knows."""
        device = self._find(packet.terminal)
        if device is None:
            self._end_unknown(packet)
            self._say(m.RegisterAnswer(serial=packet.serial, result=m.NO_TERMINAL))
        elif device.terminal_id and hmac.compare_digest(device.terminal_id.encode(), message.terminal_id.encode()):
            self._say(m.RegisterAnswer(serial=packet.serial, result=m.REGISTERED, code=device.secret))
        else:
            self._say(m.RegisterAnswer(serial=packet.serial, result=m.KNOWN_TERMINAL))
            self._on_refused(Refusal("not_registered", "terminal_id", message.terminal_id, "the id in devices.csv"))

    def _authenticate(self, packet: Packet, message: m.Authenticate) -> list[Heard]:
        device = self._find(packet.terminal)
        if device is None:
            self._end_unknown(packet)
            self.answer(packet, m.FAILED)
        elif not hmac.compare_digest(device.secret.encode(), message.code.encode()):
            self.closing = "wrong_code"
            self._on_refused(Refusal("wrong_code", "code", "", "the secret in devices.csv"))
            self.answer(packet, m.FAILED)
        else:
            is_new, self.device = self.device is None, device
            self.answer(packet)
            return [LoggedIn(device)] if is_new else []
        return []

    def _end_unknown(self, packet: Packet) -> None:
        self.closing = "unknown_device"
        self._on_refused(Refusal("unknown_device", "terminal", packet.terminal, "a device in devices.csv"))

    def _whole(self, packet: Packet, now_ms: float) -> bytes | None:
        """Return a message's body, gathered where it came in several frames; None while some of them are missing."""
        if packet.parts == 1:
            return packet.body
        if self.device is None:
            raise Refusal("not_authenticated", "parts", packet.parts, "1 before 0x0102")
        return self._gathering.add(packet, now_ms)
