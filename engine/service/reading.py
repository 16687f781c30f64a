"""Hands the frames of one connection on in order and at its rate; an emergency goes before whatever waits.

Who sends too fast is heard more slowly, and nothing is lost. While such a client waits it is read ahead of, by so many
bytes: an emergency among those frames is handed on at once. Emergencies have a rate of their own; what is beyond that
is heard like everything else. When its connection ends meanwhile, what was read ahead has no answer and is said again.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

from engine.service.connection import Connection
from engine.wire.allowance import Allowance
from engine.wire.codec import Codec
from engine.wire.limits import Limits

MOST_AHEAD_BYTES = 131_072
"""Read of a client that is slowed down, before it is its turn."""
EMERGENCIES_PER_S, EMERGENCIES_AT_ONCE = 2, 20
"""Emergencies of one connection that go before everything else."""


class Reading:
    """The frames of one connection.

    Parameters
    ----------
    connection, codec, limits
        Whose they are, and how they are read.
    counts
        Where it is counted that somebody was slowed down.
    """

    def __init__(self, connection: Connection, codec: Codec, limits: Limits, counts: Counter[str]) -> None:
        self._connection = connection
        self._codec = codec
        self._limits = limits
        self._counts = counts
        self._ahead: deque[bytes] = deque()
        self._ahead_bytes = 0
        self._is_held = False
        self._is_full = False
        self._timer: asyncio.TimerHandle | None = None
        self._emergencies = Allowance(EMERGENCIES_PER_S, EMERGENCIES_AT_ONCE)
        self._take: Callable[[bytes, float], None]

    def start(self, take: Callable[[bytes, float], None]) -> None:
        """Hand frames on from now on, each when it is its turn, with the instant on the connection's clock, in ms."""
        self._take = take
        self._connection.socket.listen(self._came)

    def hold(self) -> None:
        """Hand nothing on until `let_go`."""
        self._is_held = True

    def let_go(self) -> None:
        """Go on."""
        self._is_held = False
        if self._timer is None:
            self._go_on()

    def stop(self) -> None:
        """Hand nothing on any more; the connection is gone."""
        self._is_held = True
        self._ahead.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _came(self, frame: bytes) -> None:
        now_ms = self._connection.now_ms()
        if not self._ahead and not self._is_held and self._timer is None:
            wait_ms = self._connection.session.wait_ms(now_ms)
            if not wait_ms:
                self._take(frame, now_ms)
                return
            self._slow_down(wait_ms)
        if self._timer is not None and not self._is_held and self._goes_first(frame, now_ms):
            self._take(frame, now_ms)
            return
        self._ahead.append(frame)
        self._ahead_bytes += len(frame)
        if self._ahead_bytes >= MOST_AHEAD_BYTES and not self._is_full:
            self._is_full = True
            self._connection.socket.transport.pause_reading()

    def _goes_first(self, frame: bytes, now_ms: float) -> bool:
        if not self._codec.is_emergency(frame, self._limits) or self._emergencies.wait_s(now_ms / 1_000.0):
            return False
        self._emergencies.spend()
        return True

    def _slow_down(self, wait_ms: float) -> None:
        self._counts["slowed_down"] += 1
        self._timer = asyncio.get_running_loop().call_later(wait_ms / 1_000.0, self._go_on)

    def _go_on(self) -> None:
        """Hand on what was read ahead, as far as it is its turn."""
        self._timer = None
        connection = self._connection
        while self._ahead and not self._is_held:
            now_ms = connection.now_ms()
            wait_ms = connection.session.wait_ms(now_ms)
            if wait_ms:
                self._slow_down(wait_ms)
                break
            frame = self._ahead.popleft()
            self._ahead_bytes -= len(frame)
            self._take(frame, now_ms)
        if self._is_full and self._ahead_bytes < MOST_AHEAD_BYTES:
            self._is_full = False
            if not connection.socket.transport.is_closing():
                connection.socket.transport.resume_reading()
