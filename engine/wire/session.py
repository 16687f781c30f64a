"""The server's side of one connection, with no socket and no clock: frames and times in, messages and frames out.

Rules: nothing is read before the greeting but the greeting. What is resent starts after what the *client* says it has
applied; if that cannot be told (another log, a number from the future, items that are gone) a snapshot is sent, and
resuming is never pretended. Items leave in the order of their numbers, without gaps. Times are milliseconds of any
steady clock.

States: ``greeting`` -> hello -> ``proving`` -> ``open()`` -> ``open``; from each of them -> ``closed``.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from engine.model.errors import Refusal, RefusalBody
from engine.wire.allowance import Allowance
from engine.wire.closing import Close, ClosingCode
from engine.wire.codec import Codec, UnreadableFrame
from engine.wire.limits import Limits
from engine.wire.messages import Ack, ClientMessage, Heartbeat, Hello
from engine.wire.server_messages import Item, OrderView, Refused, ServerMessage, Snapshot, Welcome


class Phase(StrEnum):
    """How far a connection has come."""

    GREETING = "greeting"
    PROVING = "proving"
    OPEN = "open"
    CLOSED = "closed"


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What the server knows of a client once its token was believed.

    ``last_seq`` is the newest committed number of its mailbox, ``first_seq`` the oldest that is retained.
    ``recipient`` is empty for who has no mailbox. ``emergency_only`` is for who may call for help and do nothing else.
    """

    log_id: str
    role: str
    recipient: str
    server_at: int
    first_seq: int = 1
    last_seq: int = 0
    emergency_only: bool = False


def resume_after(hello: Hello, opening: Opening) -> int | None:
    """Return the number after which items are resent, or None when only a snapshot will do."""
    applied = hello.applied_seq
    if applied is None or hello.log_id != opening.log_id:
        return None
    if not opening.first_seq - 1 <= applied <= opening.last_seq:
        return None
    return applied


class ServerSession:
    """One connection as the server sees it.

    Parameters
    ----------
    codec
        The format that was agreed on.
    limits
        Bounds of this listener.
    now_ms
        When the connection was made.
    on_refused
        Told the code of every refusal.
    """

    def __init__(
        self, codec: Codec, limits: Limits, now_ms: float, on_refused: Callable[[str], None] | None = None
    ) -> None:
        self._codec = codec
        self._limits = limits
        self._heard_ms = now_ms
        self._said_ms = now_ms
        self._outgoing: list[bytes] = []
        self._errors = 0
        self._on_refused = on_refused
        self._allowance = Allowance(limits.rate_per_s, limits.burst)
        self.phase = Phase.GREETING
        self.closing: Close | None = None
        self.hello: Hello | None = None
        self.sent_seq = 0
        self.acked_seq = 0

    @property
    def has_to_say(self) -> bool:
        """Whether `take` would return anything."""
        return bool(self._outgoing)

    def take(self) -> list[bytes]:
        """Return the frames to send now, in order, and forget them."""
        frames, self._outgoing = self._outgoing, []
        return frames

    def receive(self, frame: bytes, now_ms: float) -> ClientMessage | None:
        """Read one frame; return the message if the server has to act on it.

        A ``Hello`` is answered with ``open`` or ``close``. A frame that cannot be read is answered here.
        """
        if self.phase is Phase.CLOSED:
            return None
        self._heard_ms = now_ms
        self._allowance.spend()
        if self.phase is not Phase.OPEN:
            return self._greet(frame)
        try:
            message = self._codec.from_client(frame, self._limits)
        except UnreadableFrame as refusal:
            self.refuse(refusal, refusal.ref)
            self._errors += 1
            if self._errors >= self._limits.errors:
                self.close(ClosingCode.UNREADABLE, f"{self._errors} in a row; the last: {refusal.code}")
            return None
        self._errors = 0
        match message:
            case Heartbeat():
                return None
            case Hello():
                self.refuse(Refusal("out_of_turn", "message", "hello", "once, as the first message"))
                return None
            case Ack(seq=seq):
                return message if self._acknowledged(seq) else None
        return message

    def open(self, opening: Opening, orders: Sequence[OrderView] = ()) -> int:
        """Welcome a client whose token was believed.

        Parameters
        ----------
        opening
            Where its mailbox stands, committed.
        orders
            All its open orders, for the case that it cannot resume.

        Returns
        -------
        int
            The number after which ``push`` has to go on; ``last_seq`` when a snapshot was sent.
        """
        assert self.phase is Phase.PROVING
        assert self.hello is not None
        self.phase = Phase.OPEN
        after = resume_after(self.hello, opening) if opening.recipient else 0
        self.sent_seq = opening.last_seq if after is None else after
        # What the client says it has applied may have no receipt yet: the last one can have been lost on its way.
        self.acked_seq = 0
        self.say(
            Welcome(
                log_id=opening.log_id,
                resumed=after is not None,
                next_seq=self.sent_seq + 1,
                heartbeat_ms=self._limits.heartbeat_ms,
                recipient=opening.recipient,
                role=opening.role,
                server_at=opening.server_at,
                emergency_only=opening.emergency_only,
            )
        )
        if after is None:
            self.say(Snapshot(seq=opening.last_seq, orders=tuple(orders)))
        return self.sent_seq

    def push(self, item: Item) -> None:
        """Send one item of the mailbox. One that was sent on this connection already is passed over."""
        if self.phase is not Phase.OPEN or item.seq <= self.sent_seq:
            return
        assert item.seq == self.sent_seq + 1, "items leave without gaps"
        self.sent_seq = item.seq
        self.say(item)

    def say(self, message: ServerMessage) -> None:
        """Send any other message."""
        if self.phase is not Phase.CLOSED:
            self._outgoing.append(self._codec.encode(message))

    def refuse(self, refusal: Refusal | RefusalBody, ref: str = "", retry_ms: int | None = None) -> None:
        """Answer that something was not taken."""
        if self._on_refused is not None:
            self._on_refused(refusal.code)
        self.say(
            Refused(
                code=refusal.code,
                field=refusal.field,
                value=refusal.value,
                limit=refusal.limit,
                ref=ref,
                retry_ms=retry_ms,
            )
        )

    def close(self, code: ClosingCode, reason: str) -> None:
        """End the connection; the first reason stands."""
        if self.phase is not Phase.CLOSED:
            self.phase = Phase.CLOSED
            self.closing = Close(code, reason)

    def sent(self, now_ms: float) -> None:
        """Note that something was just sent, so that no heartbeat is needed for a while."""
        self._said_ms = now_ms

    def next_ms(self) -> float:
        """Return when ``tick`` is due."""
        if self.phase is Phase.GREETING:
            return self._heard_ms + self._limits.hello_ms
        return min(self._said_ms + self._limits.heartbeat_ms, self._heard_ms + self._limits.silence_ms)

    def tick(self, now_ms: float) -> None:
        """Let time pass: a greeting that is late, a heartbeat that is due, a client that is gone."""
        if self.phase is Phase.CLOSED or now_ms < self.next_ms():
            return
        if self.phase is Phase.GREETING:
            self.close(ClosingCode.GREETING_LATE, f"no hello within {self._limits.hello_ms} ms")
        elif now_ms >= self._heard_ms + self._limits.silence_ms:
            self.close(ClosingCode.SILENT, f"nothing heard for {self._limits.silence_ms} ms")
        else:
            if self.phase is Phase.OPEN:
                self.say(Heartbeat())
            self._said_ms = now_ms

    def wait_ms(self, now_ms: float) -> float:
        """Return how long to wait before the next frame is read: who sends too fast is slowed, nothing is lost."""
        return self._allowance.wait_s(now_ms / 1_000.0) * 1_000.0

    def _greet(self, frame: bytes) -> Hello | None:
        if self.phase is Phase.PROVING:
            self.close(ClosingCode.GREETING_WRONG, "a message before the welcome")
            return None
        try:
            message = self._codec.from_client(frame, self._limits, most_bytes=self._limits.hello_bytes)
        except UnreadableFrame as refusal:
            self.refuse(refusal, refusal.ref)
            self.close(ClosingCode.GREETING_WRONG, f"{refusal.code}: {refusal.field}")
            return None
        if not isinstance(message, Hello):
            said = str(message.__struct_config__.tag)
            self.refuse(Refusal("out_of_turn", "message", said, "hello, as the first message"))
            self.close(ClosingCode.GREETING_WRONG, f"the first message was {said}")
            return None
        self.phase = Phase.PROVING
        self.hello = message
        return message

    def _acknowledged(self, seq: int) -> bool:
        if seq > self.sent_seq:
            self.refuse(Refusal("out_of_range", "seq", seq, f"at most {self.sent_seq}, the last that was sent"))
            return False
        if seq <= self.acked_seq:
            return False
        self.acked_seq = seq
        return True
