"""Reads the frames of one connection in order and at its rate; an emergency goes before whatever waits.

Who sends too fast is read more slowly, and nothing is lost. While such a client waits it is read ahead of, by so many
bytes: an emergency among those frames is handed on at once. Emergencies have a rate of their own; what is beyond that
is read like everything else. When its connection ends meanwhile, what was read ahead has no answer and is said again.
"""

import asyncio
from collections import Counter, deque

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
        self._emergencies = Allowance(EMERGENCIES_PER_S, EMERGENCIES_AT_ONCE)

    async def next(self) -> bytes:
        """Return the next frame when it is its turn.

        Raises
        ------
        ConnectionClosed
            When there are no more.
        """
        connection = self._connection
        while wait_ms := connection.session.wait_ms(connection.now_ms()):
            self._counts["slowed_down"] += 1
            frame = await self._look_ahead(wait_ms / 1_000.0)
            if frame is not None:
                return frame
        if self._ahead:
            frame = self._ahead.popleft()
            self._ahead_bytes -= len(frame)
            return frame
        return await connection.socket.recv(decode=False)

    async def _look_ahead(self, wait_s: float) -> bytes | None:
        """Wait, and read meanwhile; return an emergency that is found."""
        if self._ahead_bytes >= MOST_AHEAD_BYTES:
            await asyncio.sleep(wait_s)
            return None
        try:
            async with asyncio.timeout(wait_s):
                frame = await self._connection.socket.recv(decode=False)
        except TimeoutError:
            return None
        now_s = self._connection.now_ms() / 1_000.0
        if self._codec.is_emergency(frame, self._limits) and not self._emergencies.wait_s(now_s):
            self._emergencies.spend()
            return frame
        self._ahead.append(frame)
        self._ahead_bytes += len(frame)
        return None
