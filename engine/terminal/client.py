"""A client of the stream, in a few lines for whoever builds a terminal::

    async with Client(url, Exchange(address, credential), state_path=Path("car-12.json")) as client:
        async for item in client:
            if item.kind == "order":
                await client.answer(item.order, "accept")

An item counts as applied, and is acknowledged, when the next one is asked for or the callback has returned. The client
connects again by itself, resumes after what it has applied, and sends again what has no answer yet.
"""

import asyncio
import contextlib
import logging
import random
import ssl as ssl_module
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from websockets.exceptions import ConnectionClosed, WebSocketException

from engine.model.errors import Refusal
from engine.model.lifecycle import OPEN_ORDERS
from engine.terminal.awaited import Answered, Awaited
from engine.terminal.exchange import Exchange, NotLetIn
from engine.terminal.hurry import AGAIN_S, Hurry
from engine.terminal.line import OPEN_S, Line, now_ms
from engine.terminal.outbox import Outbox, Said
from engine.terminal.words import Words
from engine.wire.client_session import Arrival, ClientSession
from engine.wire.closing import ClosingCode, may_retry
from engine.wire.codec import MSGPACK, Codec
from engine.wire.messages import Emergency, Fix, Positions
from engine.wire.order_messages import AnswerOrder
from engine.wire.server_messages import Item, OrderView, Refused, Taken, Welcome

LOGGER = logging.getLogger("allpoints.terminal")
_ENDING_ANSWERS = ("refuse", "clear")
_NO_LONGER_OURS = frozenset(("revoked", "unknown_credential", "unknown_role", "unknown_recipient"))
"""Why the server wants a client back no more, for good."""


class ClientEnded(Exception):
    """The server does not want this client back, or the client was closed. ``code`` is a `ClosingCode`."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")


class Client(Words):
    """A terminal, a station, a desk or an integration.

    Parameters
    ----------
    url
        Such as ``wss://host:port/v1/stream``.
    token
        Says who this is: an `Exchange`, which asks for another token whenever one has run out, or one token for as long
        as it holds.
    codec
        ``allpoints.v1.msgpack`` or ``allpoints.v1.json``.
    device
        Which of several devices of the same recipient; by default the token's own.
    state_path
        Where to keep what was applied and what has no answer yet; None forgets it with the process.
    on_order
        Awaited for every item, in order; without it, iterate over the client.
    backoff_s
        The first and the longest pause between two attempts to connect; each is shortened by chance by up to half.
    ssl, proxy
        Handed to the WebSocket; by default no proxy.
    chance
        What shortens the pauses; one with a seed makes a run that can be repeated.

    Raises
    ------
    Refusal
        When the codec is unknown or the file at ``state_path`` cannot be read.
    """

    def __init__(
        self,
        url: str,
        token: Exchange | str,
        *,
        codec: str = MSGPACK,
        device: str = "",
        state_path: Path | None = None,
        on_order: Callable[[Item], Awaitable[None]] | None = None,
        backoff_s: tuple[float, float] = (0.5, 30.0),
        ssl: ssl_module.SSLContext | None = None,
        proxy: str | None = None,
        chance: random.Random | None = None,
    ) -> None:
        spoken = Codec(codec)
        self._outbox = Outbox(state_path)
        self._exchange = token if isinstance(token, Exchange) else None
        self._session = ClientSession(spoken, token if isinstance(token, str) else "", device, self._outbox.memory)
        self._on_order = on_order
        self._backoff_s = backoff_s
        self._chance = chance or random.Random()  # noqa: S311 - spreads reconnections, guards nothing
        self._line = Line(url, spoken, self._session, self._send_position, ssl=ssl, proxy=proxy)
        self._arrivals: asyncio.Queue[Arrival | None] = asyncio.Queue()
        self._current: Arrival | None = None
        self._awaited = Awaited()
        self._fix: Fix | None = None
        self._last_fix: Fix | None = None
        self._hurry = Hurry(lambda: self._outbox.emergency is not None, self._line.drop)
        self._welcomed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._retries: set[asyncio.TimerHandle] = set()
        self.ended: ClientEnded | None = None
        self.last_refused: Refused | None = None
        """The newest refusal of something that has no answer of its own, such as a position."""

    @property
    def welcome(self) -> Welcome | None:
        """What the server said on the present connection; None while there is none."""
        return self._session.welcome if self._line.is_up else None

    @property
    def applied_seq(self) -> int:
        """The last number of the mailbox that was applied here."""
        return self._outbox.memory.applied_seq

    @property
    def open_orders(self) -> dict[str, OrderView]:
        """The orders that were applied here and are open, by id: what a terminal shows after a start."""
        return dict(self._outbox.memory.open_orders)

    @property
    def unanswered(self) -> int:
        """How many messages have no answer yet."""
        return len(self._outbox)

    async def __aenter__(self) -> Self:
        self._tasks.append(asyncio.create_task(self._stay_connected()))
        if self._on_order is not None:
            self._tasks.append(asyncio.create_task(self._call_back(self._on_order)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Item]:
        while (item := await self.next_item()) is not None:
            yield item

    async def connected(self) -> Welcome:
        """Wait until the server has let us in.

        Raises
        ------
        ClientEnded
            When it will not.
        """
        await self._welcomed.wait()
        if self._session.welcome is None:
            raise self.ended or ClientEnded(ClosingCode.DONE, "closed")
        return self._session.welcome

    async def next_item(self) -> Item | None:
        """Return the next item, after noting that the one before was applied; None when there will be no more.

        Raises
        ------
        ClientEnded
            When the server does not want this client back.
        """
        self._finish()
        while (arrival := await self._arrivals.get()) is not None:
            self._current = arrival
            if arrival.item is not None:
                return arrival.item
            self._finish()
        self._arrivals.put_nowait(None)
        if self.ended is not None and self.ended.code != ClosingCode.DONE:
            raise self.ended
        return None

    def emergency(
        self, *, fix: Fix | None = None, order: str = "", said_at: int | None = None, unit: str = "", key: str = ""
    ) -> "asyncio.Future[Answered]":
        """Call for help. It goes before everything else, at once where there is no connection, and until it is taken.

        Pressing again while it has no answer is the same call.

        Parameters
        ----------
        fix
            Where the unit is; by default where it said last, else where the server saw it last.
        order
            The order that the unit is on.
        unit
            Who calls, where a station or the desk says it for them.
        """
        waiting = self._outbox.emergency
        if waiting is not None and not key:
            return self._awaited.waiting(waiting) or self._awaited.add(waiting)
        fix = fix or self._last_fix
        place = (None, None) if fix is None else (fix.lon, fix.lat)
        message = Emergency(
            key=key or uuid.uuid4().hex, lon=place[0], lat=place[1], order=order, unit=unit, said_at=said_at
        )
        future = self._say(message)
        self._hurry.begin()
        return future

    def position(self, fix: Fix) -> None:
        """Say where the unit is. Only the newest counts: one that cannot be sent now is replaced by the next."""
        self._fix = self._last_fix = fix
        self._send_position()

    async def close(self) -> None:
        """End the connection. What has no answer yet stays in the file, if there is one."""
        if self.ended is None:
            self._end(ClientEnded(ClosingCode.DONE, "closed"))
        await self._line.close()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    async def log_out(self, *, force: bool = False) -> None:
        """End the connection for good and wipe everything that is kept here: orders, names, what was said.

        Raises
        ------
        Refusal
            ``unanswered`` while something that was said has no answer: it would be lost. ``force`` wipes it, too.
        OSError
            When the file could not be removed.
        """
        if self.unanswered and not force:
            raise Refusal("unanswered", "outbox", self.unanswered, "a client whose words are all answered, or force")
        await self.close()
        self._wipe()

    def _wipe(self) -> None:
        """Leave nothing personal behind, in memory and on the disk."""
        self._current = self._fix = self._last_fix = None
        while not self._arrivals.empty():
            self._arrivals.get_nowait()
        self._arrivals.put_nowait(None)
        self._session.wipe()
        self._outbox.wipe()

    async def _stay_connected(self) -> None:
        pause_s = self._backoff_s[0]
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                await self._converse()
                if self._session.welcome is not None:
                    pause_s = self._backoff_s[0]
            self._line.lost()
            if self._is_over():
                return
            self._welcomed.clear()
            await self._hurry.pause(pause_s * self._chance.uniform(0.5, 1.0))
            pause_s = min(2.0 * pause_s, self._backoff_s[1])

    def _is_over(self) -> bool:
        return self.ended is not None

    async def _converse(self) -> None:
        """Hold one connection, from the greeting to its end."""
        is_emergency = self._outbox.emergency is not None
        if self._exchange is not None and not (is_emergency and self._session.token):
            try:
                self._session.token = await self._exchange.token()
            except NotLetIn as refused:
                self._end(ClientEnded(ClosingCode.DENIED, refused.code))
                return
        await self._line.open(AGAIN_S if is_emergency else OPEN_S)
        if is_emergency:
            self._hurry.begin()
        self._session.connect(now_ms(), emergency=is_emergency)
        self._outbox.again()
        self._line.flush()
        self._line.set_timer()
        try:
            while self._session.closing is None:
                frame = await self._line.receive()
                for incoming in self._session.receive(frame, now_ms()):
                    self._take(incoming)
                self._line.flush()
            await self._line.close(self._session.closing.code, self._session.closing.reason)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd is not None else int(ClosingCode.GOING_AWAY)
            if code == ClosingCode.TOKEN_SPENT and self._exchange is not None:
                self._exchange.spoilt()
            elif self.ended is None and (code == ClosingCode.TOKEN_SPENT or not may_retry(code)):
                self._end(ClientEnded(code, closed.rcvd.reason if closed.rcvd is not None else ""))
        finally:
            self._line.stop_timer()

    def _take(self, incoming: Welcome | Arrival | Answered) -> None:
        match incoming:
            case Welcome(emergency_only=True):
                self._send_waiting()
            case Welcome():
                self._welcomed.set()
                self._send_waiting()
                self._send_position()
            case Arrival():
                self._arrivals.put_nowait(incoming)
            case Refused(retry_ms=int() as retry_ms, ref=ref) if ref:
                self._retry_in(retry_ms / 1_000.0, ref)
            case Refused(ref=""):
                self.last_refused = incoming
            case _:
                self._answered(incoming)

    def _answered(self, answered: Answered) -> None:
        message = self._outbox.answered(answered.ref)
        if isinstance(answered, Taken) and isinstance(message, AnswerOrder) and _has_ended(message, answered):
            self._session.forget(message.order)
            self._outbox.save()
        self._awaited.settle(answered)
        self._send_waiting()

    def _retry_in(self, delay_s: float, ref: str) -> None:
        def again() -> None:
            self._retries.discard(handle)
            self._outbox.again(ref)
            self._send_waiting()
            self._line.flush()

        handle = asyncio.get_running_loop().call_later(delay_s, again)
        self._retries.add(handle)

    def _say(self, message: Said) -> "asyncio.Future[Answered]":
        if self.ended is not None:
            raise self.ended
        waiting = self._awaited.waiting(message)
        if waiting is not None:
            return waiting  # the same key is the same thing said
        self._outbox.add(message)
        future = self._awaited.add(message)
        self._send_waiting()
        self._line.flush()
        return future

    def _send_waiting(self) -> None:
        if self.welcome is not None:
            for message in self._outbox.ready(emergency_only=self.welcome.emergency_only):
                say = self._session.say_first if isinstance(message, Emergency) else self._session.say
                say(message)

    def _send_position(self) -> None:
        if self._fix is None or self.welcome is None or self.welcome.emergency_only:
            return
        if self._line.has_room:
            self._session.say(Positions(fixes=(self._fix,)))
            self._fix = None
            self._line.flush()

    def _finish(self) -> None:
        """Note that the item that was handed out last has been applied."""
        arrival, self._current = self._current, None
        if arrival is not None:
            self._session.applied(arrival)
            self._outbox.save()
            self._line.flush()

    async def _call_back(self, on_order: Callable[[Item], Awaitable[None]]) -> None:
        with contextlib.suppress(ClientEnded):
            while (item := await self.next_item()) is not None:
                await on_order(item)

    def _end(self, ended: ClientEnded) -> None:
        """There will be no more: tell whoever waits. Who is not let in any more keeps nothing personal."""
        self.ended = ended
        if ended.code == ClosingCode.DENIED and ended.reason in _NO_LONGER_OURS:
            try:
                self._wipe()
            except OSError:
                LOGGER.exception("not_wiped")
        self._arrivals.put_nowait(None)
        self._welcomed.set()
        for handle in self._retries:
            handle.cancel()
        self._hurry.end()
        self._awaited.fail(ended)


def _has_ended(message: AnswerOrder, taken: Taken) -> bool:
    """Tell whether an answer ended its order: to refuse what was accepted is to ask for leave to return it."""
    return message.answer in _ENDING_ANSWERS and taken.refs.get("state") not in OPEN_ORDERS
