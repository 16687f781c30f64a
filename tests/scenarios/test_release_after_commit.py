"""No acceptance and no order leaves before its commit has returned; and a server that lets one out early is caught.

A killed process proves no disk, so the proof is the order of things: a journal that records when each commit returned,
beside a record of every frame that left. Each commit is held open in its thread while the loop turns on.
"""

import asyncio
import threading
from typing import NamedTuple

import pytest

from engine.core.batch import Reply
from engine.core.plain_ports import VolatileJournal
from engine.model import events as e
from engine.service.connection import Connection
from engine.service.cycle import Cycle
from engine.service.outcome import Outcome
from engine.wire.codec import MSGPACK, Codec
from engine.wire.server_messages import Item, Snapshot, Taken, Trace
from tests.support.recording import RecordingJournal
from tests.support.streams import play, report, running

CODEC = Codec(MSGPACK)
TURNS = 30


class HeldJournal(RecordingJournal):
    """Every commit stays open until the loop has turned a while, so that whatever may leave early does."""

    def __init__(self):
        super().__init__(VolatileJournal(), before_commit=self._hold)
        self.loop = None
        self.held_until = lambda: True

    def _hold(self):
        loop = self.loop
        if loop is None:
            return
        turned = threading.Event()

        def turn(left):
            if left or not self.held_until():
                loop.call_soon(turn, max(0, left - 1))
            else:
                turned.set()

        loop.call_soon_threadsafe(turn, TURNS)
        assert turned.wait(20.0)


class Frame(NamedTuple):
    """A frame that left: an item of a mailbox or a snapshot up to it, or an acceptance."""

    kind: str
    name: str
    seq: int = 0


def left_early(steps, events):
    """Return the frames on record that left before the commit that made them true had returned."""
    seq_of = {}
    for event in events:
        match event.body:
            case e.Mailed(recipient=recipient, mail_seq=mail_seq):
                seq_of[Frame("mail", recipient, mail_seq)] = event.seq
            case e.AlertReceived(source_ref=ref):
                seq_of[Frame("taken", ref)] = event.seq
            case e.OrderAdvanced(key=key) if key:
                seq_of[Frame("taken", key.partition("/")[2])] = event.seq
    durable, early = set(), []
    for step in steps:
        if isinstance(step, Frame):
            if seq_of.get(step) not in durable:
                early.append(step)
        elif step.what == "return":
            durable.update(step.seqs)
    return early


def watch_frames(monkeypatch, steps):
    """Put every acceptance and item on record as it is handed to the socket."""
    flush = Connection.flush

    def watched(connection):
        for frame in connection.session._outgoing:
            match CODEC.from_server(frame):
                case Item(seq=seq) | Snapshot(seq=seq) if seq:
                    steps.append(Frame("mail", connection.recipient, seq))
                case Taken(ref=ref):
                    steps.append(Frame("taken", ref))
        flush(connection)

    monkeypatch.setattr(Connection, "flush", watched)


async def a_day(journal, cycle_type):
    """Alerts, orders, answers and a terminal that comes back while a commit is open."""
    async with running(journal=journal, cycle_type=cycle_type) as server:
        journal.loop = asyncio.get_running_loop()
        async with server.client("integration:cad") as cad, server.client("terminal:near") as near:
            await cad.connected()
            await near.connected()
            # That a device was met is an event of its own: it comes first.
            while len(list(journal.read())) < 2:  # noqa: ASYNC110 - the loop turns, nobody waits
                await asyncio.sleep(0)
            # `far` comes back while the commit of its order is open, and is heard before that returns.
            greeted = server.stream._greetings
            journal.held_until = lambda: server.stream._greetings > greeted
            first = cad.report(report("first", 5, 4))
            async with server.client("terminal:far") as far:
                await far.next_item()
            journal.held_until = lambda: True
            await first
            await asyncio.gather(*(cad.report(report(f"alert-{ref}")) for ref in range(3)))
            order = (await near.next_item()).order
            for word in ("accept", "on_scene", "clear"):
                await near.answer(order, word, key=f"near-{word}")
            await near.next_item()


def frames_of(monkeypatch, cycle_type):
    journal = HeldJournal()
    watch_frames(monkeypatch, journal.steps)
    play(a_day(journal, cycle_type))
    frames = [step for step in journal.steps if isinstance(step, Frame)]
    return frames, left_early(journal.steps, list(journal.read()))


def test_nothing_leaves_before_its_commit_returned(monkeypatch):
    frames, early = frames_of(monkeypatch, Cycle)
    assert {frame.kind for frame in frames} == {"mail", "taken"}
    assert len(frames) >= 9
    assert early == []


class OrdersFirst(Cycle):
    """A planted mistake: orders leave as soon as they are decided."""

    async def _store(self, events):
        self._release(events, Trace(0, 0, 0))
        return await super()._store(events)


class AcceptsFirst(Cycle):
    """A planted mistake: who asks is told that it was taken before it is."""

    def offer(self, command, done):
        super().offer(command, done)
        done(Outcome(reply=Reply()))


class LooksTooEarly(Cycle):
    """A planted mistake: a terminal that comes back is shown what is decided and not yet stored."""

    def visit(self, look):
        future = asyncio.get_running_loop().create_future()
        future.set_result(look())
        return future


@pytest.mark.parametrize(("planted", "kind"), [(OrdersFirst, "mail"), (AcceptsFirst, "taken"), (LooksTooEarly, "mail")])
def test_a_planted_early_release_is_found(monkeypatch, planted, kind):
    _, early = frames_of(monkeypatch, planted)
    assert early
    assert {frame.kind for frame in early} == {kind}
