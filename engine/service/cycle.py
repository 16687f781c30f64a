"""The loop of the server: one task owns the engine; it decides a batch, has it stored once, and only then lets it out.

Rules: whatever waits is decided together; the commit runs in a thread while new commands gather; nothing of a batch,
neither an answer nor an order, leaves before its commit has returned. When a commit fails everyone in it hears
``not_stored``, the state is made from the journal again, and nothing is taken for ``retry_ms``; then the next batch
is the trial that opens the intake again if it can be stored. Time comes from the engine's clock; the loop's own
steady clock measures waiting only.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import msgspec

from engine.core.batch import Batch, Reply
from engine.core.engine import Engine
from engine.core.ports import Clock
from engine.model.commands import AcknowledgeMail, Command, Tick
from engine.model.entities import PositionFix
from engine.model.errors import NotStored, Refusal, RefusalBody
from engine.model.events import Event
from engine.model.ids import RecipientId
from engine.service.copies import Copies, Keeper
from engine.service.virtual_clock import VirtualClock
from engine.wire.messages import Trace

LOGGER = logging.getLogger("allpoints.cycle")


class CycleLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the loop.

    Parameters
    ----------
    waiting
        Commands that may wait; one more is refused as ``busy``.
    batch
        Commands decided before they are stored together.
    retry_ms
        For how long nothing is taken after a commit failed, and what callers are told to wait.
    look_again_ms
        What waits for a free unit is looked at again at least this often.
    checkpoint_ms, snapshot_events
        How often the fleet, and after how many events the state, is kept beside the journal.
    """

    waiting: int = 10_000
    batch: int = 128
    retry_ms: int = 1_000
    look_again_ms: int = 10_000
    checkpoint_ms: int = 5_000
    snapshot_events: int = 50_000


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a command came to, once that is certain. ``retry_ms``: the same may be sent again after so long."""

    reply: Reply
    trace: Trace | None = None
    retry_ms: int | None = None


class Commit(NamedTuple):
    """Events that are durable. Outlets are handed it right after the commit, before any command is answered."""

    events: Sequence[Event]
    trace: Trace | None


Done = Callable[[Outcome], None]
Outlet = Callable[[Commit], None]


class _Asked(NamedTuple):
    command: Command
    done: Done


class _Advance(NamedTuple):
    now: int
    done: Done


class _Receipt(NamedTuple):
    actor: str
    seq: int


_Mailed = tuple[RecipientId, str]
"""A mailbox and a device."""


class _Moved(NamedTuple):
    fix: PositionFix
    refused: Callable[[Refusal], None]


class Cycle:
    """The one owner of an engine in a server.

    Everything here is called on the event loop's own thread.

    Parameters
    ----------
    engine
        With its journal, clock and jobs; ``engine.clock`` may be a `VirtualClock`, which commands then set.
    keeper
        Keeps snapshots and checkpoints; usually the journal itself. None keeps none.
    limits
        Bounds.
    trace
        Tell with each answer and item how long deciding and storing took.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        keeper: Keeper | None = None,
        limits: CycleLimits | None = None,
        trace: bool = False,
    ) -> None:
        self.engine = engine
        self.limits = limits or CycleLimits()
        self.counts: Counter[str] = Counter()
        self.outlets: list[Outlet] = []
        self._copies: Copies | None = None
        if keeper is not None:
            self._copies = Copies(
            engine, keeper, checkpoint_ms=self.limits.checkpoint_ms, snapshot_events=self.limits.snapshot_events
        )
        self._trace = trace
        self._asked: deque[_Asked | _Advance] = deque()
        self._visits: deque[tuple[Callable[[], object], asyncio.Future[object]]] = deque()
        self._moved: dict[str, _Moved] = {}
        self._acknowledged: dict[_Mailed, _Receipt] = {}
        self._woken = asyncio.Event()
        self._stopping = False
        self._closed_until: float | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._tick_due = 0.0

    @property
    def clock(self) -> Clock:
        """The engine's clock."""
        return self.engine.clock

    @property
    def is_virtual(self) -> bool:
        """Whether commands set the clock."""
        return isinstance(self.clock, VirtualClock)

    @property
    def accepting(self) -> bool:
        """Whether the last commit succeeded."""
        return self._closed_until is None

    @property
    def waiting(self) -> int:
        """Commands that wait to be decided."""
        return len(self._asked)

    def offer(self, command: Command, done: Done) -> None:
        """Queue a command; ``done`` is called with what it came to, after its commit.

        Raises
        ------
        Refusal
            ``busy`` when too many wait, ``not_stored`` while nothing can be stored; nothing was queued then.
        """
        self._check_intake()
        self._asked.append(_Asked(command, done))
        self._woken.set()

    async def submit(self, command: Command) -> Outcome:
        """Queue a command and wait for what it came to; a refusal is in the reply, nothing is raised for it."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        try:
            self.offer(command, partial(_resolve, future))
        except Refusal as refusal:
            return Outcome(reply=Reply(refusal=RefusalBody.of(refusal)), retry_ms=self.limits.retry_ms)
        return await future

    def advance(self, now: int, done: Done) -> None:
        """Set a virtual clock, in its turn: every deadline until ``now`` is met at its own instant first.

        Raises
        ------
        Refusal
            When the clock runs by itself, when ``now`` lies behind it, or as for `offer`.
        """
        if not self.is_virtual:
            raise Refusal("not_allowed", "message", "clock", "a server that was started with a virtual clock")
        if now < self.clock.now():
            raise Refusal("out_of_range", "now", now, f"at least {self.clock.now()}")
        self._check_intake()
        self._asked.append(_Advance(now, done))
        self._woken.set()

    def acknowledge(self, actor: str, recipient: RecipientId, device: str, seq: int) -> None:
        """Note that a device has a mailbox up to ``seq``; the newest word of a device is the one that counts."""
        self._acknowledged[recipient, device] = _Receipt(actor, seq)
        self._woken.set()

    def move(self, fix: PositionFix, refused: Callable[[Refusal], None]) -> None:
        """Take a position before the next batch; of several of one unit the newest is taken.

        Raises
        ------
        Refusal
            When the unit is unknown, so that what waits here is never more than the fleet.
        """
        if fix.unit not in self.engine.state.units:
            raise Refusal("unknown_unit", "unit", fix.unit, "a unit of this city")
        waiting = self._moved.get(fix.unit)
        if waiting is not None:
            self.counts["positions_conflated"] += 1
            if waiting.fix.at > fix.at:
                return
        self._moved[fix.unit] = _Moved(fix, refused)
        self._woken.set()

    def visit(self, look: Callable[[], object]) -> asyncio.Future[object]:
        """Have ``look`` called between two batches, when all of the state is committed."""
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._visits.append((look, future))
        self._woken.set()
        return future

    def wake(self) -> None:
        """Look at what workers have handed back."""
        self._woken.set()

    def stop(self) -> None:
        """Decide and store what waits, keep copies, and let `run` return."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Turn until stopped."""
        try:
            while not (self._stopping and not self._asked):
                await self._wait()
                await self._turn()
            if self._copies is not None:
                await self._copies.close()
        finally:
            self._stopping = True
            self._refuse_all(self._not_stored())
            for _, future in self._visits:
                future.cancel()
            self._writer.shutdown()

    async def _wait(self) -> None:
        if self._has_work() or self._stopping:
            # The loop's other tasks have their turn even when there is always work.
            await asyncio.sleep(0)
            return
        self._woken.clear()
        delay_s = self._delay_s()
        try:
            async with asyncio.timeout(delay_s):
                await self._woken.wait()
        except TimeoutError:
            pass

    def _has_work(self) -> bool:
        if self._asked or self._visits or self._moved:
            return True
        return bool(self._acknowledged or self.engine.finished) and not self._is_shut()

    def _is_shut(self) -> bool:
        return self._closed_until is not None and self._now_s() < self._closed_until

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _delay_s(self) -> float | None:
        """Return how long nothing is due, in seconds; None for ever."""
        due: list[float] = []
        if self._copies is not None:
            due.append(self._copies.due_s - self._now_s())
        if self._closed_until is not None and (self._acknowledged or self.engine.finished):
            due.append(self._closed_until - self._now_s())
        if not self.is_virtual:
            deadline = self.engine.next_deadline()
            if deadline is not None:
                due.append((deadline - self.clock.now()) / 1_000.0)
            if self.engine.state.demands:
                due.append(self._tick_due - self._now_s())
            if self._closed_until is not None:
                due = [max(seconds, self._closed_until - self._now_s()) for seconds in due]
        return max(0.0, min(due)) if due else None

    def _tick_is_due(self) -> bool:
        if self.is_virtual or self._is_shut():
            return False
        deadline = self.engine.next_deadline()
        if deadline is not None and deadline <= self.clock.now():
            return True
        return bool(self.engine.state.demands) and self._now_s() >= self._tick_due

    async def _turn(self) -> None:
        """Look, move, decide, store, release; once."""
        self._visit_all()
        self._move_all()
        if self._asked and isinstance(self._asked[0], _Advance):
            entry = self._asked.popleft()
            assert isinstance(entry, _Advance)
            await self._advance_to(entry)
        else:
            asked: list[_Asked] = []
            while self._asked and len(asked) < self.limits.batch and isinstance(self._asked[0], _Asked):
                entry = self._asked.popleft()
                assert isinstance(entry, _Asked)
                asked.append(entry)
            ticked = self._tick_is_due()
            if asked or ticked or (not self._is_shut() and (self._acknowledged or self.engine.finished)):
                await self._batch(asked, tick=ticked)
        if self._copies is not None:
            self._copies.keep(self._now_s())

    def _visit_all(self) -> None:
        for _ in range(len(self._visits)):
            look, future = self._visits.popleft()
            if future.cancelled():
                continue
            try:
                future.set_result(look())
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                future.set_exception(error)

    def _move_all(self) -> None:
        if not self._moved:
            return
        moved, self._moved = list(self._moved.values()), {}
        answers = self.engine.move([entry.fix for entry in moved], self.clock.now())
        self.counts["positions"] += len(moved)
        for entry, refusal in zip(moved, answers, strict=True):
            if refusal is not None:
                self.counts["positions_refused"] += 1
                entry.refused(refusal)

    async def _advance_to(self, entry: _Advance) -> None:
        clock = self.clock
        assert isinstance(clock, VirtualClock)
        if entry.now < clock.now():
            refusal = Refusal("out_of_range", "now", entry.now, f"at least {clock.now()}")
            entry.done(Outcome(reply=Reply(refusal=RefusalBody.of(refusal))))
            return
        last: int | None = None
        while (due := self.engine.next_deadline()) is not None and due <= entry.now and due != last:
            last = due
            clock.set(max(due, clock.now()))
            if not await self._batch([], tick=True):
                break
        clock.set(entry.now)
        await self._batch([_Asked(Tick(actor="system"), entry.done)])
        while self.engine.finished and await self._batch([]):
            pass

    async def _batch(self, asked: list[_Asked], *, tick: bool = False) -> bool:
        """Decide, store and release one batch; return whether it was stored."""
        batch = Batch(self.engine)
        now = self.clock.now()
        decide_ns: list[int] = []
        receipts, self._acknowledged = self._acknowledged, {}
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
            self._acknowledged = receipts | self._acknowledged
            self._fail(asked, batch.not_stored(error)[own:])
            return False
        committed_ns = time.monotonic_ns()
        commit_us = (committed_ns - decided_ns) // 1_000
        if batch.events:
            whole = Trace((decided_ns - started_ns) // 1_000, commit_us, committed_ns) if self._trace else None
            self._release(Commit(batch.events, whole))
        for entry, reply, own_ns in zip(asked, batch.replies()[own:], decide_ns, strict=True):
            trace = Trace((own_ns + settle_ns) // 1_000, commit_us, committed_ns) if self._trace else None
            entry.done(Outcome(reply=reply, trace=trace))
        return True

    def _add_own(self, batch: Batch, now: int, receipts: dict[_Mailed, _Receipt], *, tick: bool) -> int:
        """Add what nobody waits for: workers' results, receipts of mail, the tick; return how many there were."""
        own: list[Command] = []
        while self.engine.finished:
            own.append(self.engine.finished.popleft())
        own += [
            AcknowledgeMail(actor=receipt.actor, recipient=recipient, device=device, mail_seq=receipt.seq)
            for (recipient, device), receipt in receipts.items()
        ]
        if tick:
            own.append(Tick(actor="system"))
            self._tick_due = self._now_s() + self.limits.look_again_ms / 1_000.0
        for command in own:
            if batch.add(command, now).refusal is not None:
                self.counts["own_refused"] += 1
        return len(own)

    async def _store(self, events: list[Event]) -> str | None:
        """Have a batch stored by the one thread that writes; return why it was not."""
        if not events:
            return None
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._writer, self.engine.journal.append, events)
        except NotStored as error:
            return str(error)
        except Exception as error:
            LOGGER.exception("append_failed")
            return type(error).__name__
        self.counts["commits"] += 1
        self.counts["events"] += len(events)
        if self._closed_until is not None:
            LOGGER.warning("intake_open")
            self._closed_until = None
        return None

    def _release(self, commit: Commit) -> None:
        """Let the outputs of committed events leave. An outlet that fails is no reason for the others not to."""
        self.engine.links.release(commit.events)
        for outlet in self.outlets:
            try:
                outlet(commit)
            except Exception:
                self.counts["outlet_failures"] += 1
                LOGGER.exception("outlet_failed")

    def _fail(self, asked: list[_Asked], replies: Sequence[Reply]) -> None:
        """After a failed commit: make the state again, shut the intake, then tell everyone."""
        self.counts["not_stored"] += 1
        LOGGER.error("not_stored")
        self._closed_until = self._now_s() + self.limits.retry_ms / 1_000.0
        self.engine.rebuild()
        for entry, reply in zip(asked, replies, strict=True):
            entry.done(Outcome(reply=reply, retry_ms=self.limits.retry_ms))
        self._refuse_all(self._not_stored())

    def _recover(self, asked: list[_Asked], culprit: int) -> None:
        """After an error of our own in the middle of a batch: nothing of it has happened; name the one it broke on."""
        self.counts["faults"] += 1
        self.engine.rebuild()
        for number, entry in enumerate(asked):
            code, retry_ms = ("internal_error", None) if number == culprit else ("not_stored", self.limits.retry_ms)
            refusal = RefusalBody(code, "command", "", "an error of the server, which is logged")
            entry.done(Outcome(reply=Reply(refusal=refusal), retry_ms=retry_ms))

    def _refuse_all(self, refusal: Refusal) -> None:
        waiting, self._asked = self._asked, deque()
        for entry in waiting:
            entry.done(Outcome(reply=Reply(refusal=RefusalBody.of(refusal)), retry_ms=self.limits.retry_ms))

    def _check_intake(self) -> None:
        if self._stopping or self._is_shut():
            raise self._not_stored()
        if len(self._asked) >= self.limits.waiting:
            self.counts["busy"] += 1
            raise Refusal("busy", "queue", len(self._asked), f"{self.limits.waiting} commands that wait")

    @staticmethod
    def _not_stored() -> Refusal:
        return Refusal("not_stored", "journal", "closed", "a journal that takes commits; try again")


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)
