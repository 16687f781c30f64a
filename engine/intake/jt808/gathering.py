"""Messages that come in several frames, put together; what is missing of one is asked for, a bounded number of times.

A frame says of how many it is one, and which. The serials of one message follow one another, so that of its first frame
is known from any other; the standard's request (0x8003) names it, and the terminal repeats frames as they were.

Rules: no clock but the one that is given. What is asked for is what is missing once nothing more comes, never before;
whatever is not whole in time is dropped, and named.
"""

import math
from collections.abc import Callable

import msgspec

from engine.intake.jt808.frames import Packet
from engine.intake.jt808.limits import Limits
from engine.intake.jt808.messages import AskAgain
from engine.model.errors import Refusal

MOST_REMEMBERED = 16
"""Messages that were asked for and are whole: a terminal may yet answer a second request for one."""
_Key = tuple[int, int, int]
"""Which message, the serial of its first frame, and of how many frames it is."""


class _Message(msgspec.Struct):
    """One that is not whole: its frames' bodies by number, and when something last came or was asked for."""

    count: int
    began_ms: float
    moved_ms: float
    asked: int = 0
    parts: dict[int, bytes] = {}


class Gathering:
    """The messages of one terminal that are not whole.

    Parameters
    ----------
    limits
        How many at a time, of how many frames and bytes, for how long, and how often is asked.
    on_refused
        Told of each message that is dropped because some of it never came.
    """

    def __init__(self, limits: Limits, on_refused: Callable[[Refusal], None]) -> None:
        self._limits = limits
        self._on_refused = on_refused
        self._messages: dict[_Key, _Message] = {}
        self._whole: dict[_Key, float] = {}
        """When those that were asked for became whole, oldest first."""

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def due_ms(self) -> float:
        """When `missing` has something to do; infinity while nothing is awaited."""
        return min(map(self._next_ms, self._messages.values()), default=math.inf)

    def add(self, packet: Packet, now_ms: float) -> bytes | None:
        """Return the body of the message that a frame completes; None while others are missing, or where it was whole.

        Raises
        ------
        Refusal
            ``too_many`` frames, or messages at a time; ``too_big``.
        """
        limits = self._limits
        if packet.parts > limits.parts:
            raise Refusal("too_many", "parts", packet.parts, limits.parts)
        self._drop(now_ms)
        first = (packet.serial - packet.part + 1) % 65_536
        key = packet.message, first, packet.parts
        if key in self._whole:
            return None
        if key not in self._messages and len(self._messages) >= limits.gathered:
            raise Refusal("too_many", "gathered", len(self._messages), limits.gathered)
        message = self._messages.setdefault(key, _Message(packet.parts, now_ms, now_ms))
        message.moved_ms = now_ms
        message.parts[packet.part] = packet.body
        if sum(map(len, message.parts.values())) > limits.part_bytes:
            del self._messages[key]
            raise Refusal("too_big", "parts", f"over {limits.part_bytes} bytes", f"{limits.part_bytes} bytes")
        if len(message.parts) < packet.parts:
            return None
        del self._messages[key]
        if message.asked:
            self._whole[key] = now_ms
            if len(self._whole) > MOST_REMEMBERED:
                del self._whole[next(iter(self._whole))]
        return b"".join(message.parts[number] for number in range(1, packet.parts + 1))

    def missing(self, now_ms: float) -> list[AskAgain]:
        """Drop what is too old; return what to ask for of whatever has stood still, and count it as asked."""
        self._drop(now_ms)
        asked = []
        for (_, first, count), message in self._messages.items():
            if self._next_ms(message) <= now_ms:
                message.asked += 1
                message.moved_ms = now_ms
                lost = tuple(number for number in range(1, count + 1) if number not in message.parts)
                asked.append(AskAgain(first=first, parts=lost))
        return asked

    def _next_ms(self, message: _Message) -> float:
        """Return when a message is asked for or, once that was done often enough, dropped."""
        end_ms = message.began_ms + self._limits.gathering_ms
        return end_ms if message.asked >= self._limits.asks else min(end_ms, message.moved_ms + self._limits.asking_ms)

    def _drop(self, now_ms: float) -> None:
        for key, whole_ms in list(self._whole.items()):
            if now_ms >= whole_ms + self._limits.gathering_ms:
                del self._whole[key]
        for key, message in list(self._messages.items()):
            if now_ms >= message.began_ms + self._limits.gathering_ms:
                del self._messages[key]
                self._on_refused(Refusal("incomplete", "parts", len(message.parts), f"{message.count} in time"))
