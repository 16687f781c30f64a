"""The loop of the server: one task owns the engine; it decides a batch, has it stored once, and only then lets it out.

Rules: whatever waits is decided together; nothing of a batch, neither an answer nor an order, leaves before its commit
has returned. On a disk that is quick the loop commits itself, since to be woken by a thread takes a busy loop longer
than that; else the commit runs in a thread while new commands gather. When a commit fails everyone in it hears
``not_stored``, the state is made from the journal again, and nothing is taken for ``retry_ms``; then the next batch,
or where nobody asks the next copy of the fleet, is the trial that opens the intake again if it can be stored. Time
comes from the engine's clock; the steady clock measures only how long things took and how long to wait.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, Protocol

import msgspec

from engine.core.batch import Batch, Reply
from engine.core.engine import Engine
from engine.core.ports import PreparingJournal
from engine.core.supervising import LOOK_AGAIN_MS
from engine.model.commands import AcknowledgeMail, Command, Tick
from engine.model.errors import NotStored, Refusal, RefusalBody
from engine.model.events import Event
from engine.service.copies import Copies, Keeper
from engine.service.inbox import Advance, Asked, Inbox, MailboxDevice, Receipt
from engine.service.outcome import Done, Outcome
from engine.service.urgent import Press
from engine.service.virtual_clock import VirtualClock
from engine.wire.server_messages import Trace

LOGGER = logging.getLogger("allpoints.cycle")
AFTER_A_SLOW_ONE = 50
"""Commits that a thread makes once one of the loop's own was slow; then the loop tries the disk again."""


class CycleLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the loop.

    Parameters
    ----------
    waiting
        Commands that may wait; one more is refused as ``busy``.
    batch
        Commands decided before they are stored together.
    quick_commit_ms
        The loop commits itself until that takes longer, then a thread for a while; 0 for always a thread.
    retry_ms
        For how long nothing is taken after a commit failed, and what callers are told to wait.
    look_again_ms
        A tick comes at least this often: what waits for a free unit is looked at again, clocks are compared.
    checkpoint_ms, snapshot_events
        How often the fleet, and after how many events the state, is kept beside the journal: a start replays what came
        after, some 40 microseconds an event.
    """

    waiting: int = 10_000
    batch: int = 128
    quick_commit_ms: float = 2.0
    retry_ms: int = 1_000
    look_again_ms: int = LOOK_AGAIN_MS
    checkpoint_ms: int = 5_000
    snapshot_events: int = 100_000


class Commit(NamedTuple):
    """Events that are durable. Outlets are handed it right after the commit, before any command is answered."""

    events: Sequence[Event]
    trace: Trace | None


Outlet = Callable[[Commit], None]


class Figures(Protocol):
    """Who counts and measures; `engine.service.metrics.Metrics` does."""

    def decided(self, kind: str, seconds: float) -> None:
        """Count a command that was taken, and how long the core took."""
        ...

    def committed(self, commands: int, seconds: float) -> None:
        """Count a batch that is durable."""
        ...

    def not_stored(self) -> None:
        """Count a batch that could not be stored."""
        ...

    def moved(self, taken: int, ignored: int) -> None:
        """Count positions, taken and not."""
        ...


class Cycle(Inbox):
    """The one owner of an engine in a server.

    Parameters
    ----------
    engine
        With its journal, clock and jobs; its clock may be a `VirtualClock`, which messages then set.
    keeper
        Keeps snapshots and checkpoints; usually the journal itself. None keeps none.
    limits
        Bounds.
    trace
        Tell with each answer and item how long deciding and storing took.
    figures
        Who counts and measures.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        keeper: Keeper | None = None,
        limits: CycleLimits | None = None,
        trace: bool = False,
        figures: Figures | None = None,
    ) -> None:
        self.limits = limits or CycleLimits()
        super().__init__(engine, most_waiting=self.limits.waiting, retry_ms=self.limits.retry_ms)
        self.outlets: list[Outlet] = []
        self._trace = trace
        self._figures = figures
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._by_thread = 0
        """Commits to come that are a thread's."""
        self._tick_due_s = 0.0
        self._copies: Copies | None = None
        if keeper is not None:
            every = self.limits
            self._copies = Copies(
                engine,
                keeper,
                on_kept=self._open_intake,
                checkpoint_ms=every.checkpoint_ms,
                snapshot_events=every.snapshot_events,
            )

    async def run(self) -> None:
        """Turn until stopped."""
        self._tick_due_s = asyncio.get_running_loop().time() + self.limits.look_again_ms / 1_000.0
        try:
            while not self._stopping or self._asked or self._has_emergency():
                await self._wait()
                await self._turn()
            if self._copies is not None:
                await self._copies.close()
        finally:
            self._stopping = True
            for done, outcome in self._refuse_waiting(for_good=True):
                self._tell(done, outcome)
            self._forget_visits()
            self._writer.shutdown()

    async def _wait(self) -> None:
        if self._stopping or self._asked or self._visits or self._positions_due or self._has_own_work():
            # The loop's other tasks have their turn even when there is always work.
            await asyncio.sleep(0)
            return
        self._woken.clear()
        try:
            async with asyncio.timeout(self._delay_s()):
                await self._woken.wait()
        except TimeoutError:
            return

    def _has_own_work(self) -> bool:
        return bool(self._receipts or self.engine.finished or self._urgent) and not self._is_shut()

    def _has_emergency(self) -> bool:
        return bool(self._urgent) and not self._is_shut()

    def _delay_s(self) -> float | None:
        """Return how long nothing is due, in seconds; None for ever."""
        now_s = asyncio.get_running_loop().time()
        due: list[float] = []
        if not self.is_virtual:
            deadline = self.engine.next_deadline()
            if deadline is not None:
                due.append((deadline - self.engine.clock.now()) / 1_000.0)
            due.append(self._tick_due_s - now_s)
        if self._closed_until is not None:
            open_s = self._closed_until - now_s
            due = [max(seconds, open_s) for seconds in due]
            if self._receipts or self.engine.finished or self._urgent:
                due.append(open_s)
        if self._copies is not None:
            due.append(self._copies.due_s - now_s)
        return max(0.0, min(due)) if due else None

    def _tick_is_due(self) -> bool:
        if self.is_virtual or self._is_shut():
            return False
        deadline = self.engine.next_deadline()
        if deadline is not None and deadline <= self.engine.clock.now():
            return True
        return asyncio.get_running_loop().time() >= self._tick_due_s

    async def _turn(self) -> None:
        """Move, look, decide, store, release; once."""
        taken, ignored = self._move_all()
        if self._figures is not None and taken + ignored:
            self._figures.moved(taken, ignored)
        self._visit_all()
        asked = self._take(self.limits.batch)
        if isinstance(asked, Advance):
            await self._advance_to(asked)
        else:
            tick = self._tick_is_due()
            if asked or tick or self._has_own_work():
                await self._batch(asked, tick=tick)
        if self._copies is not None:
            self._copies.keep(asyncio.get_running_loop().time())

    async def _advance_to(self, entry: Advance) -> None:
        """Meet each deadline until then at its own instant, then set the clock and look at what waits."""
        clock = self.engine.clock
        assert isinstance(clock, VirtualClock)
        if entry.now < clock.now():
            self._tell(entry.done, self._refused(Refusal("out_of_range", "now", entry.now, f">= {clock.now()}")))
            return
        last: int | None = None
        while (due := self.engine.next_deadline()) is not None and due <= entry.now and due != last:
            last = due
            clock.set(max(due, clock.now()))
            if not await self._batch([], tick=True):
                break
        clock.set(entry.now)
        while self.engine.finished and await self._batch([]):
            pass
        await self._batch([Asked(Tick(actor="system"), entry.done)])

    async def _batch(self, asked: list[Asked], *, tick: bool = False) -> bool:
        """Decide, store and release one batch; return whether it was stored."""
        batch = Batch(self.engine)
        now = self.engine.clock.now()
        receipts, self._receipts = self._receipts, {}
        decide_ns: list[int] = []
        started_ns = time.monotonic_ns()
        try:
            own = self._add_own(batch, now, receipts, tick=tick)
            for entry in asked:
                before_ns = time.monotonic_ns()
                batch.add(entry.command, now)
                decide_ns.append(time.monotonic_ns() - before_ns)
            before_ns = time.monotonic_ns()
            batch.settle(now)
            settle_ns = time.monotonic_ns() - before_ns
        except Exception:  # an error of our own must not end the loop that everyone depends on
            LOGGER.exception("decide_failed")
            self._recover(asked, len(decide_ns))
            return False
        decided_ns = time.monotonic_ns()
        error = await self._store(batch.events)
        if error is not None:
            # A receipt is said once; who said a newer one meanwhile is believed.
            self._receipts = receipts | self._receipts
            self._fail(asked, batch.not_stored(error)[own:])
            return False
        committed_ns = time.monotonic_ns()
        commit_us = (committed_ns - decided_ns) // 1_000
        self._release(batch.events, Trace((decided_ns - started_ns) // 1_000, commit_us, committed_ns))
        if self._figures is not None and batch.events:
            self._figures.committed(len(asked) + own, (committed_ns - decided_ns) / 1e9)
        for entry, reply, own_ns in zip(asked, batch.replies()[own:], decide_ns, strict=True):
            if self._figures is not None and reply.refusal is None:
                self._figures.decided(str(entry.command.__struct_config__.tag), (own_ns + settle_ns) / 1e9)
            trace = Trace((own_ns + settle_ns) // 1_000, commit_us, committed_ns) if self._trace else None
            self._tell(entry.done, Outcome(reply=reply, trace=trace))
        return True

    def _add_own(self, batch: Batch, now: int, receipts: dict[MailboxDevice, Receipt], *, tick: bool) -> int:
        """Add what nobody waits for: workers' results, receipts of mail, the tick; return how many there were."""
        own: list[Command] = []
        while self.engine.finished:
            own.append(self.engine.finished.popleft())
        own += [
            AcknowledgeMail(actor=receipt.actor, recipient=recipient, device=device, mail_seq=receipt.seq)
            for (recipient, device), receipt in receipts.items()
        ]
        if tick:
            own.append(Tick(actor="system", wall_at=self.engine.clock.wall()))
            self._tick_due_s = asyncio.get_running_loop().time() + self.limits.look_again_ms / 1_000.0
        for command in own:
            if batch.add(command, now).refusal is not None:
                self.counts["own_refused"] += 1
        return len(own)

    async def _store(self, events: list[Event]) -> str | None:
        """Have a batch stored; return why it was not."""
        if not events:
            return None
        loop = asyncio.get_running_loop()
        try:
            journal = self.engine.journal
            write = (
                journal.prepare(events) if isinstance(journal, PreparingJournal) else partial(journal.append, events)
            )
            if self._by_thread or not self.limits.quick_commit_ms:
                self._by_thread = max(0, self._by_thread - 1)
                await loop.run_in_executor(self._writer, write)
            else:
                self._write(write)
        except NotStored as error:
            return str(error)
        except Exception as error:
            LOGGER.exception("append_failed")
            return type(error).__name__
        self.counts["commits"] += 1
        self.counts["events"] += len(events)
        self._open_intake()
        return None

    def _write(self, write: Callable[[], None]) -> None:
        """Commit here and now; leave the next ones to a thread where that was slow, or failed."""
        self._by_thread = AFTER_A_SLOW_ONE
        began = time.monotonic()
        write()
        self.counts["own_commits"] += 1
        if (time.monotonic() - began) * 1_000.0 < self.limits.quick_commit_ms:
            self._by_thread = 0

    def _open_intake(self) -> None:
        """Take commands again after a failed commit: something could be stored since."""
        if self._closed_until is not None and not self._is_shut():
            LOGGER.warning("intake_open")
            self._closed_until = None

    def _release(self, events: list[Event], trace: Trace) -> None:
        """Let the outputs of committed events leave. An outlet that fails is no reason for the others not to."""
        if not events:
            return
        self.engine.links.release(events)
        commit = Commit(events, trace if self._trace else None)
        for outlet in self.outlets:
            try:
                outlet(commit)
            except Exception:
                self.counts["outlet_failures"] += 1
                LOGGER.exception("outlet_failed")

    def _fail(self, asked: list[Asked], replies: Sequence[Reply]) -> None:
        """After a failed commit: make the state again, shut the intake, then tell everyone but who calls for help."""
        self.counts["not_stored"] += 1
        LOGGER.error("not_stored")
        if self._figures is not None:
            self._figures.not_stored()
        self._closed_until = asyncio.get_running_loop().time() + self.limits.retry_ms / 1_000.0
        self._rebuild()
        presses = [entry.done for entry in asked if isinstance(entry.done, Press)]
        self._urgent.put_back(presses)
        for entry, reply in zip(asked, replies, strict=True):
            if entry.done not in presses:
                self._tell(entry.done, Outcome(reply=reply, retry_ms=self.limits.retry_ms))
        for done, outcome in self._refuse_waiting():
            self._tell(done, outcome)

    def _recover(self, asked: list[Asked], culprit: int) -> None:
        """After an error of our own in the middle of a batch: nothing of it has happened; name the one it broke on."""
        self.counts["faults"] += 1
        self._rebuild()
        for number, entry in enumerate(asked):
            code, retry_ms = ("internal_error", None) if number == culprit else ("not_stored", self.limits.retry_ms)
            refusal = RefusalBody(code, "command", "", "an error of the server, which is logged")
            self._tell(entry.done, Outcome(reply=Reply(refusal=refusal), retry_ms=retry_ms))

    def _rebuild(self) -> None:
        self.engine.rebuild(self._copies.snapshot() if self._copies is not None else None)

    def _tell(self, done: Done, outcome: Outcome) -> None:
        """Answer one caller; one that cannot be told is no reason for the others not to be."""
        try:
            done(outcome)
        except Exception:
            self.counts["answer_failures"] += 1
            LOGGER.exception("answer_failed")
