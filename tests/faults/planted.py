"""Faults put into the engine's own modules, each at the function whose promise it breaks: the simulator finds them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from unittest.mock import patch

from engine.core import answering, emergencies, reporting
from engine.core import engine as engine_module
from engine.model.commands import AnswerOrder, PressEmergency
from engine.service.cycle import Cycle
from engine.service.stream import StreamServer
from engine.terminal.outbox import Outbox
from engine.wire import session as session_module
from engine.wire.client_session import ClientSession
from engine.wire.messages import Hello
from engine.wire.session import Opening, ServerSession


def acceptance_before_sync() -> AbstractContextManager[object]:
    """Answers and orders leave when the commit was asked for, not when it has returned."""

    async def store(self: Cycle, events: list) -> None:
        if events:
            asyncio.get_running_loop().run_in_executor(self._writer, self.engine.journal.append, events)

    return patch.object(Cycle, "_store", store)


def session_not_bound_to_its_connection() -> AbstractContextManager[object]:
    """How far mail was sent is kept by device: what a dead connection was sent counts for the next one."""
    sent: dict[tuple[int, str, str], int] = {}
    opened, pushed = ServerSession.open, ServerSession.push

    def key(session: ServerSession) -> tuple[int, str, str]:
        loop = asyncio.get_running_loop()  # the server's life: a restarted one has forgotten
        return id(loop), session.hello.token, session.hello.device

    def open_(self: ServerSession, opening: Opening, orders=()) -> int:
        opened(self, opening, orders)
        self.sent_seq = max(self.sent_seq, min(sent.get(key(self), 0), opening.last_seq))
        return self.sent_seq

    def push(self: ServerSession, item) -> None:
        pushed(self, item)
        sent[key(self)] = max(sent.get(key(self), 0), self.sent_seq)

    return patch.multiple(ServerSession, open=open_, push=push)


def no_deduplication_of_alerts() -> AbstractContextManager[object]:
    """An alert that comes again is another alert."""
    return patch.object(reporting, "known_alert", lambda world, alert: None)


@contextmanager
def _keys_not_looked_for(kind: type, real: Callable) -> Iterator[None]:
    def handle(world, draft, command) -> None:
        keys, world.state.kept.keys = world.state.kept.keys, {}
        try:
            real(world, draft, command)
        finally:
            world.state.kept.keys = keys | world.state.kept.keys

    with patch.dict(engine_module._HANDLERS, {kind: handle}):
        yield


def no_deduplication_of_answers() -> AbstractContextManager[object]:
    """The key of an answer is not looked for: the same answer again is decided again."""
    return _keys_not_looked_for(AnswerOrder, answering.answer_order)


def no_deduplication_of_calls_for_help() -> AbstractContextManager[object]:
    """The key of a call for help is not looked for: the same call again is another."""
    return _keys_not_looked_for(PressEmergency, emergencies.press_emergency)


@contextmanager
def resume_from_the_servers_own_record() -> Iterator[None]:
    """What is resent follows the last receipt that the server knows of, not what the client says it has."""
    known: dict[str, int] = {}
    real = StreamServer._open

    def open_(self: StreamServer, connection) -> None:
        identity = connection.speaker
        subject = identity.own_mailbox or "desk"
        known["acked"] = self._engine.state.mailbox(subject).devices.get(connection.device, -1)
        real(self, connection)

    def resume_after(hello: Hello, opening: Opening) -> int | None:
        acked = known["acked"]
        return acked if opening.first_seq - 1 <= acked <= opening.last_seq else None

    with patch.object(StreamServer, "_open", open_), patch.object(session_module, "resume_after", resume_after):
        yield


def receipt_before_application() -> AbstractContextManager[object]:
    """The client acknowledges what it was handed, not what it has applied."""
    real = ClientSession._arrived

    def arrived(self: ClientSession, item):
        found = real(self, item)
        if found:
            from engine.wire.messages import Ack

            self.say(Ack(seq=item.seq))
        return found

    return patch.object(ClientSession, "_arrived", arrived)


def answers_kept_in_memory_only() -> AbstractContextManager[object]:
    """The outbox says that it has kept an answer before it is on the disk."""
    return patch.object(Outbox, "save", lambda self: None)


def folder_not_synced() -> AbstractContextManager[object]:
    """A client's file is replaced, and its folder not synced: the old name may come back."""
    from engine.journal import files

    return patch.object(files, "sync_folder", lambda folder: None)


PLANTED: dict[str, Callable[[], AbstractContextManager[object]]] = {
    fault.__name__: fault
    for fault in (
        acceptance_before_sync,
        session_not_bound_to_its_connection,
        no_deduplication_of_alerts,
        no_deduplication_of_answers,
        no_deduplication_of_calls_for_help,
        resume_from_the_servers_own_record,
        receipt_before_application,
        answers_kept_in_memory_only,
        folder_not_synced,
    )
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Have a fault in the engine for a while; an empty name plants none."""
    if not name:
        yield
        return
    with PLANTED[name]():
        yield
