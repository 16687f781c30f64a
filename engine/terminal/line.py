"""A client's connection: one WebSocket at a time, what the session has to say sent over it, and the session's timer."""

import asyncio
import ssl as ssl_module
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import broadcast
from websockets.typing import Subprotocol

from engine.wire.client_session import ClientSession
from engine.wire.codec import Codec
from engine.wire.limits import MOST_FROM_SERVER

OPEN_S = 10.0
_MOST_UNSENT_BYTES = 262_144
"""While so much waits to be sent, positions are kept back: the newest goes when there is room."""


class Line:
    """The connection of one client, or none.

    Parameters
    ----------
    url, ssl, proxy
        Where to, and how.
    codec, session
        What is said and how it is written; the session outlives the connection.
    on_time
        Called when the session's timer was due, before what is due is sent.
    """

    def __init__(
        self,
        url: str,
        codec: Codec,
        session: ClientSession,
        on_time: Callable[[], None],
        *,
        ssl: ssl_module.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        self._url = url
        self._codec = codec
        self._session = session
        self._told = on_time
        self._ssl = ssl
        self._proxy = proxy
        self._socket: ClientConnection | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_up(self) -> bool:
        """Whether there is a connection."""
        return self._socket is not None

    @property
    def has_room(self) -> bool:
        """Whether something that the next of its kind replaces should be sent now."""
        return self._socket is not None and self._socket.transport.get_write_buffer_size() <= _MOST_UNSENT_BYTES

    async def open(self, within_s: float) -> None:
        """Connect.

        Raises
        ------
        OSError, TimeoutError, WebSocketException
            When that could not be done in time.
        """
        async with asyncio.timeout(within_s):
            self._socket = await connect(
                self._url,
                subprotocols=[Subprotocol(self._codec.subprotocol)],
                ssl=self._ssl,
                proxy=self._proxy,
                compression=None,
                max_size=MOST_FROM_SERVER,
                open_timeout=OPEN_S,
                ping_interval=None,
                close_timeout=2.0,
            )

    async def receive(self) -> bytes:
        """Return the next frame.

        Raises
        ------
        ConnectionClosed
            When there will be none.
        """
        assert self._socket is not None
        return await self._socket.recv(decode=False)

    async def close(self, code: int = 1_000, reason: str = "") -> None:
        """End the connection with words, if there is one."""
        if self._socket is not None:
            await self._socket.close(code, reason)

    def drop(self) -> None:
        """End the connection without a word, if there is one."""
        if self._socket is not None:
            self._socket.transport.abort()

    def lost(self) -> None:
        """Note that the connection is over."""
        self._socket = None

    def flush(self) -> None:
        """Send what the session has to say, if there is a connection."""
        if self._socket is None:
            return
        frames = self._session.take()
        for frame in frames:
            broadcast((self._socket,), frame.decode() if self._codec.is_text else frame)
        if frames:
            self._session.sent(now_ms())

    def set_timer(self) -> None:
        """Look at the session when it wants that next, and so on, until it closes or `stop_timer`."""
        due_s = self._session.next_ms() / 1_000.0
        self._timer = asyncio.get_running_loop().call_at(due_s, self._on_time)

    def stop_timer(self) -> None:
        """Look at the session no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _on_time(self) -> None:
        self._session.tick(now_ms())
        self._told()
        self.flush()
        if self._session.closing is not None and self._socket is not None:
            self.drop()
        else:
            self.set_timer()


def now_ms() -> float:
    """Return the loop's own time, by which sessions count."""
    return asyncio.get_running_loop().time() * 1_000.0
