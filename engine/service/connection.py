"""One WebSocket with its session: frames out under a cap, timers, and the way it ends.

Sending never waits: what a reader does not take lies in the transport's buffer, and when that passes its cap the
connection is cut. That is safe because mail is never only in that buffer: the mailbox has it, and resends it.
"""

import asyncio
from collections.abc import Callable

from websockets.frames import CloseCode

from engine.model.ids import RecipientId
from engine.service.access import Identity
from engine.service.websocket import FrameSocket
from engine.wire.closing import ClosingCode, may_retry
from engine.wire.codec import Codec
from engine.wire.limits import Limits
from engine.wire.session import ServerSession

_LONGEST_REASON = 120
"""Bytes of a close frame's reason."""


class Connection:
    """A client that is connected.

    Parameters
    ----------
    socket
        An open WebSocket.
    codec, limits
        What was agreed on, and the bounds of the listener.
    on_refused
        Told the code of every refusal.
    """

    def __init__(self, socket: FrameSocket, codec: Codec, limits: Limits, on_refused: Callable[[str], None]) -> None:
        self.socket = socket
        self._clock = asyncio.get_running_loop().time
        self.session = ServerSession(codec, limits, self.now_ms(), on_refused)
        self.identity: Identity | None = None
        self.device = ""
        self.recipient: RecipientId | None = None
        self.greeting = 0
        """Counts the greetings of a server: who greeted later is the newer session."""
        self.catching_up = False
        """Mail is resent from the mailbox piece by piece; what is new waits there for its turn."""
        self.for_help_alone = False
        """The token has run out: a call for help is heard, and nothing else."""
        self.is_slow = False
        self.not_allowed: set[str] = set()
        """Messages that were said and may not be: each is on record once."""
        self._limits = limits
        self._is_text = codec.is_text
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def speaker(self) -> Identity:
        """Who is connected; known once the greeting was believed."""
        assert self.identity is not None
        return self.identity

    def now_ms(self) -> float:
        """Milliseconds of the loop's steady clock."""
        return self._clock() * 1_000.0

    @property
    def is_over(self) -> bool:
        """Whether the session was ended for good by either side; one that only lost its line may be taken up again."""
        closing = self.session.closing
        said = self.socket.close_code if closing is None else closing.code
        return said is not None and not may_retry(said)

    def keep_time(self) -> None:
        """Keep time, from now on by the session's present deadlines."""
        self.forget()
        self._set_timer()

    def flush(self) -> None:
        """Send what the session has to say, or end the connection if it says so or the reader is too slow."""
        session = self.session
        if not session.has_to_say and session.closing is None:
            return
        frames = session.take()
        if frames:
            self.socket.send_frames(frames, is_text=self._is_text)
            self.session.sent(self.now_ms())
            if self.socket.transport.get_write_buffer_size() > self._limits.outgoing_bytes:
                self.is_slow = True
                self.session.close(ClosingCode.SLOW, f"more than {self._limits.outgoing_bytes} bytes wait")
                self.socket.transport.abort()
        if self.session.closing is not None and self._ending is None:
            self._ending = asyncio.create_task(self.end())

    async def end(self) -> None:
        """Close the WebSocket with the session's reason."""
        closing = self.session.closing
        assert closing is not None
        reason = closing.reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        await self.socket.close(closing.code, reason)

    def break_off(self) -> None:
        """End the connection after an error of our own."""
        if self._ending is None:
            self._ending = asyncio.create_task(self.socket.close(CloseCode.INTERNAL_ERROR))

    async def is_answered(self, within_ms: float) -> bool:
        """Tell whether the client is there: it answers a ping. Its greeting may have outlived its connection."""
        try:
            async with asyncio.timeout(within_ms / 1_000.0):
                await (await self.socket.ping())
        except TimeoutError:
            return False
        return True

    def forget(self) -> None:
        """Stop keeping time; the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        if self.session.closing is None:
            due_s = self.session.next_ms() / 1_000.0
            self._timer = asyncio.get_running_loop().call_at(due_s, self._on_time)

    def _on_time(self) -> None:
        self.session.tick(self.now_ms())
        self.flush()
        self._set_timer()
