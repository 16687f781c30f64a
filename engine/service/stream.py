"""The listener of the stream: who is connected, who gets which mail, and when.

Rules: mail leaves only when its commit has returned, in the order of its numbers. A client that comes back is sent what
follows after its own number, piece by piece out of the mailbox, as fast as it takes it; only then does new mail go to
it directly. A new session of a device ends the old one, once its client is known to be there: a greeting that comes
late, when its own connection is gone already, ends nobody. The state is looked at between two batches only, when all
of it is committed.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from ssl import SSLContext
from typing import Protocol

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Origin, Subprotocol

from engine.model.errors import Refusal
from engine.model.events import Mailed
from engine.model.ids import DESK, RecipientId
from engine.service.access import RENEWABLE, AccessDenied, Identity
from engine.service.address import STREAM_PATH
from engine.service.connection import Connection
from engine.service.cycle import Commit, Cycle
from engine.service.door import credential_in
from engine.service.hearing import Hearing
from engine.service.order_views import item_of, open_orders
from engine.service.present import Present
from engine.service.reading import Reading
from engine.service.roles import Permission
from engine.service.tokens_in_use import TokensInUse
from engine.service.websocket import FrameSocket
from engine.wire.closing import ClosingCode
from engine.wire.codec import SUBPROTOCOLS, Codec
from engine.wire.limits import Limits
from engine.wire.messages import Hello
from engine.wire.server_messages import Item
from engine.wire.session import Opening

LOGGER = logging.getLogger("allpoints.stream")
BACKLOG = 4_096
"""Connections that the system completes before we have come to them: after an outage all come back at once."""
LOOK_AGAIN_S = 1.0
"""How often it is looked whether a credential was revoked."""
_PIECE = 64
"""Items resent before the client is waited for."""


class Doorkeeper(Protocol):
    """Who knows the tokens; `engine.service.door.Door` does."""

    def admit(self, token: str, host: str, channel: str, certificate: str = "") -> Identity:
        """Say who stands behind a token; raises `AccessDenied` or `Refusal`."""
        ...

    def admit_emergency(self, token: str, host: str, channel: str, certificate: str = "") -> Identity:
        """Say whose emergency button was pressed, on a token that may have run out."""
        ...

    def refuse(self, denied: AccessDenied, host: str, channel: str) -> None:
        """Record that somebody was not let in."""
        ...

    def newly_revoked(self) -> frozenset[str]:
        """Return the credentials that were revoked since this was asked last."""
        ...


class StreamServer:
    """Terminals, stations, desks and integrations on WebSockets.

    Parameters
    ----------
    cycle
        The owner of the engine; `release` is added to its outlets.
    door
        Knows the tokens.
    limits
        Bounds of the listener.
    origins
        Web origins that may connect; programs, which name none, always may.
    on_refused
        Told the code of every refusal, for the figures.
    """

    def __init__(
        self,
        cycle: Cycle,
        door: Doorkeeper,
        *,
        limits: Limits | None = None,
        origins: Sequence[str] = (),
        on_refused: Callable[[str], None] | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.counts: Counter[str] = Counter()
        self._cycle = cycle
        self._engine = cycle.engine
        self._door = door
        self._origins = [*(Origin(origin) for origin in origins), None]
        self._on_refused = on_refused
        self._hearing = Hearing(cycle)
        self._codecs = {name: Codec(name) for name in SUBPROTOCOLS}
        self._present = Present()
        self._tokens = TokensInUse()
        self._greetings = 0
        self._greeting: set[asyncio.Task[None]] = set()
        self._server: Server | None = None
        self._looking: asyncio.TimerHandle | None = None
        cycle.outlets.append(self.release)

    @property
    def connected(self) -> int:
        """How many clients are connected, greeted or not."""
        return len(self._present.everybody)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._server is not None
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self, host: str, port: int, *, ssl: SSLContext | None = None) -> None:
        """Listen; port 0 lets the system choose.

        Raises
        ------
        OSError
            When the address cannot be listened on.
        """
        self._server = await serve(
            self._serve,
            host,
            port,
            ssl=ssl,
            origins=self._origins,
            subprotocols=[Subprotocol(name) for name in SUBPROTOCOLS],
            create_connection=FrameSocket,
            backlog=BACKLOG,
            process_request=self._look_at_request,
            compression=None,
            max_size=self.limits.frame_bytes,
            open_timeout=self.limits.hello_ms / 1_000.0,
            ping_interval=None,
            close_timeout=2.0,
            server_header=None,
        )
        self._end_revoked()

    async def stop(self) -> None:
        """Tell every client that the server goes away, and listen no more."""
        if self._looking is not None:
            self._looking.cancel()
        if self._server is not None:
            self._server.close(code=ClosingCode.GOING_AWAY, reason="the server stops")
            await self._server.wait_closed()

    def release(self, commit: Commit) -> None:
        """Send the mail of a commit to whoever it is for and is connected."""
        touched: dict[Connection, None] = {}
        for event in commit.events:
            body = event.body
            if not isinstance(body, Mailed):
                continue
            readers = self._present.readers(body.recipient)
            if not readers:
                continue
            item = item_of(self._engine, body, commit.trace)
            for connection in readers:
                if not connection.catching_up:
                    self._push(connection, item)
                    touched[connection] = None
        for connection in touched:
            connection.flush()

    def _push(self, connection: Connection, item: Item) -> None:
        connection.session.push(item)
        self.counts["items"] += 1

    def _look_at_request(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.path.partition("?")[0] != STREAM_PATH:
            return socket.respond(HTTPStatus.NOT_FOUND, f"The stream is at {STREAM_PATH}.\n")
        if self.connected >= self.limits.connections:
            self.counts["connections_refused"] += 1
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, f"{self.limits.connections} are connected.\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        assert isinstance(socket, FrameSocket)
        codec = self._codecs[str(socket.subprotocol)]
        connection = Connection(socket, codec, self.limits, self._refused)
        self._present.everybody.add(connection)
        connection.keep_time()
        reading = Reading(connection, codec, self.limits, self.counts)
        try:
            reading.start(partial(self._heard, connection, reading))
            await socket.wait_closed()
        finally:
            reading.stop()
            self._gone(connection)

    def _refused(self, code: str) -> None:
        self.counts[f"refused_{code}"] += 1
        if self._on_refused is not None:
            self._on_refused(code)

    def _heard(self, connection: Connection, reading: Reading, frame: bytes, now_ms: float) -> None:
        """Act on one frame."""
        session = connection.session
        if session.closing is not None:
            return
        self.counts["frames"] += 1
        try:
            message = session.receive(frame, now_ms)
            if isinstance(message, Hello):
                reading.hold()
                task = asyncio.create_task(self._greet(connection, reading, message))
                self._greeting.add(task)
                task.add_done_callback(self._greeting.discard)
                return
            if message is not None:
                self._hearing.hear(connection, message)
            connection.flush()
        except Exception:  # an error of our own must end no other connection
            LOGGER.exception("frame_failed")
            connection.break_off()

    async def _greet(self, connection: Connection, reading: Reading, hello: Hello) -> None:
        """Answer a greeting; what the client has said since waits meanwhile."""
        try:
            await self._admit(connection, hello)
            connection.flush()
        except ConnectionClosed:
            return
        except Exception:
            LOGGER.exception("greeting_failed")
            connection.break_off()
            return
        reading.let_go()

    async def _admit(self, connection: Connection, hello: Hello) -> None:
        """Believe a token or not; a client that is let in gets its welcome and what it has missed."""
        host = str((connection.socket.remote_address or ("",))[0])
        certificate = credential_in(connection.socket.transport.get_extra_info("peercert"))
        try:
            identity = self._door.admit(hello.token, host, "stream", certificate)
            self._tokens.take(identity)
        except (AccessDenied, Refusal) as denied:
            if hello.emergency and self._admit_for_help(connection, hello.token, host, certificate):
                return
            if isinstance(denied, AccessDenied) and denied.code == "replayed":
                self._door.refuse(denied, host, "stream")
            self._refused(denied.code)
            closing = ClosingCode.TOKEN_SPENT if denied.code in RENEWABLE else ClosingCode.DENIED
            connection.session.close(closing, denied.code)
            return
        if len(self._present.of_credential(identity.credential)) >= self.limits.connections_per_credential:
            self._tokens.free(identity)
            self._refused("crowded")
            most = self.limits.connections_per_credential
            connection.session.close(ClosingCode.CROWDED, f"{most} of this credential are open")
            return
        connection.identity = identity
        self._present.let_in(connection)
        connection.device = hello.device or identity.device
        self._greetings += 1
        connection.greeting = self._greetings
        if self._present.has_another(connection) and not await connection.is_answered(self.limits.silence_ms):
            connection.session.close(ClosingCode.SILENT, "a greeting, and nobody there")
            return
        opened = self._cycle.visit(partial(self._open, connection))
        await asyncio.wait([opened])
        if opened.cancelled():
            connection.session.close(ClosingCode.GOING_AWAY, "the server stops")
            return
        opened.result()
        connection.keep_time()
        if connection.catching_up:
            # Reading goes on meanwhile: what the client acknowledges does not wait for the rest.
            task = asyncio.create_task(self._catch_up(connection))
            task.add_done_callback(_log_failure)

    def _admit_for_help(self, connection: Connection, token: str, host: str, certificate: str) -> bool:
        """Let a device in to call for help and do nothing else; tell whether it is one of ours.

        There is one such connection of a credential, the newest: neither limit keeps it out.
        """
        try:
            identity = self._door.admit_emergency(token, host, "stream", certificate)
        except (AccessDenied, Refusal):
            return False
        if not identity.role.is_device:
            return False
        role = msgspec.structs.replace(identity.role, may=frozenset((Permission.EMERGENCY,)))
        connection.identity, connection.for_help_alone = msgspec.structs.replace(identity, role=role), True
        for older in self._present.of_credential(identity.credential):
            if older.for_help_alone:
                older.session.close(ClosingCode.REPLACED, "a newer session of this device")
                older.flush()
        self._present.let_in(connection)
        engine = self._engine
        opening = Opening(
            log_id=engine.journal.log_id,
            role=role.id,
            recipient="",
            server_at=engine.clock.now(),
            emergency_only=True,
        )
        connection.session.open(opening)
        connection.keep_time()
        self.counts["for_help_alone"] += 1
        return True

    def _open(self, connection: Connection) -> None:
        """Welcome a client; called between two batches."""
        identity, engine, session = connection.speaker, self._engine, connection.session
        if session.closing is not None:
            return
        recipient: RecipientId | None = None
        if identity.own_mailbox:
            recipient = RecipientId(identity.own_mailbox)
            if not self._is_known(recipient):
                session.close(ClosingCode.DENIED, "unknown_recipient")
                return
        elif identity.may(Permission.DESK_MAILBOX):
            recipient = DESK
        connection.recipient = recipient
        older = self._present.take_over(connection)
        if older is not None:
            older.session.close(ClosingCode.REPLACED, "a newer session of this device")
        if older is connection:
            return
        if older is not None:
            self.counts["replaced"] += 1
            older.flush()
        box = engine.state.mailbox(recipient or RecipientId(""))
        opening = Opening(
            log_id=engine.journal.log_id,
            role=identity.role.id,
            recipient=recipient or "",
            server_at=engine.clock.now(),
            first_seq=box.first_seq,
            last_seq=box.last_seq,
        )
        session.open(opening, open_orders(engine, recipient) if recipient is not None else ())
        self.counts["sessions"] += 1
        if recipient is not None:
            if connection.device not in box.devices:
                self._cycle.meet(identity.actor, recipient, connection.device)
            self._present.read(recipient, connection)
            self._fill(connection)
        connection.flush()

    def _is_known(self, recipient: RecipientId) -> bool:
        state = self._engine.state
        return any(recipient in known for known in (state.units, state.stations, self._engine.city.run_cards.offices))

    def _fill(self, connection: Connection) -> None:
        """Resend the next piece of a mailbox; called between two batches."""
        assert connection.recipient is not None
        box = self._engine.state.mailbox(connection.recipient)
        for mailed in box.after(connection.session.sent_seq)[:_PIECE]:
            self._push(connection, item_of(self._engine, mailed))
        connection.catching_up = connection.session.sent_seq < box.last_seq
        connection.flush()

    async def _catch_up(self, connection: Connection) -> None:
        """Resend a long mailbox as fast as the client takes it: each piece after the last was answered for."""
        try:
            while connection.catching_up and connection.session.closing is None:
                async with asyncio.timeout(self.limits.silence_ms / 1_000.0):
                    await (await connection.socket.ping())
                filled = self._cycle.visit(partial(self._fill, connection))
                await asyncio.wait([filled])
                if filled.cancelled():
                    return
                filled.result()
        except ConnectionClosed:
            return
        except TimeoutError:
            connection.session.close(ClosingCode.SLOW, "mail that was resent was not read")
            connection.flush()

    def _end_revoked(self) -> None:
        """End the sessions of whoever was revoked meanwhile, and look again in a while."""
        for credential in self._door.newly_revoked():
            for connection in self._present.of_credential(credential):
                connection.session.close(ClosingCode.DENIED, "revoked")
                connection.flush()
        self._looking = asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._end_revoked)

    def _gone(self, connection: Connection) -> None:
        connection.forget()
        self._present.gone(connection)
        if connection.is_slow:
            self.counts["slow"] += 1
        if connection.identity is not None and not connection.for_help_alone:
            self._tokens.free(connection.identity, is_over=connection.is_over)


def _log_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        LOGGER.error("catch_up_failed", exc_info=task.exception())
