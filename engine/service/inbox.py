"""What waits for the cycle: commands in order, newest positions and receipts, and looks between two batches.

Bounded in every part: commands by number, positions by the fleet, receipts by device. Positions and receipts conflate
to the newest; commands never do. Everything here is called on the loop's own thread.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from engine.core.batch import Reply
from engine.core.engine import Engine
from engine.model.commands import Command, PressEmergency
from engine.model.entities import PositionFix
from engine.model.errors import Refusal, RefusalBody
from engine.model.ids import RecipientId
from engine.service.outcome import Done, Outcome
from engine.service.urgent import Urgent
from engine.service.virtual_clock import VirtualClock

RETRY_CODES = ("busy", "not_stored")
"""Refusals that say nothing of what was asked, only of the moment."""


class Asked(NamedTuple):
    """A command and whom to tell."""

    command: Command
    done: Done


class Advance(NamedTuple):
    """A virtual clock is to be set, in its turn among the commands."""

    now: int
    done: Done


class Receipt(NamedTuple):
    """A device has a mailbox up to ``seq``."""

    actor: str
    seq: int


class Moved(NamedTuple):
    """A position and whom to tell if it is not taken."""

    fix: PositionFix
    refused: Callable[[Refusal], None]


MailboxDevice = tuple[RecipientId, str]
GATHER_S = 0.005
"""So long positions wait for each other, to be taken in one call. Whatever is decided meanwhile takes them in first."""


class Inbox:
    """The cycle's front: everything that may be asked of it.

    Parameters
    ----------
    engine
        Read for what is known; never changed here.
    most_waiting
        Commands that may wait; one more is refused as ``busy``.
    retry_ms
        What callers are told to wait when nothing can be taken.
    """

    def __init__(self, engine: Engine, *, most_waiting: int, retry_ms: int) -> None:
        self.engine = engine
        self.counts: Counter[str] = Counter()
        self._most_waiting = most_waiting
        self.retry_ms = retry_ms
        self._asked: deque[Asked | Advance] = deque()
        self._urgent = Urgent()
        self._visits: deque[tuple[Callable[[], object], asyncio.Future[object]]] = deque()
        self._moved: dict[str, Moved] = {}
        self._gathering: asyncio.TimerHandle | None = None
        self._positions_due = False
        self._receipts: dict[MailboxDevice, Receipt] = {}
        self._woken = asyncio.Event()
        self._stopping = False
        self._closed_until: float | None = None

    @property
    def is_virtual(self) -> bool:
        """Whether commands set the clock."""
        return isinstance(self.engine.clock, VirtualClock)

    @property
    def accepting(self) -> bool:
        """Whether the last commit, or a copy after it, could be stored and nobody has stopped us."""
        return self._closed_until is None and not self._stopping

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
        self._asked.append(Asked(command, done))
        self._woken.set()

    def press(self, command: PressEmergency, done: Done) -> None:
        """Queue an emergency before everything else, however much waits, and also while nothing can be stored.

        Raises
        ------
        Refusal
            ``unknown_unit``, so that what waits here is never more than the fleet; ``not_stored`` once stopping.
        """
        if command.unit not in self.engine.state.units:
            raise Refusal("unknown_unit", "unit", command.unit, "a unit of this city")
        if self._stopping:
            raise _not_stored()
        self._urgent.add(command, done)
        self._woken.set()

    async def submit(self, command: Command) -> Outcome:
        """Queue a command and wait for what it came to; a refusal is in the reply, nothing is raised for it."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        done = partial(_resolve, future)
        try:
            if isinstance(command, PressEmergency):
                self.press(command, done)
            else:
                self.offer(command, done)
        except Refusal as refusal:
            return self._refused(refusal)
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
        self._check_intake()
        self._asked.append(Advance(now, done))
        self._woken.set()

    def acknowledge(self, actor: str, recipient: RecipientId, device: str, seq: int) -> None:
        """Note that a device has a mailbox up to ``seq``; the newest word of a device is the one that counts."""
        self._receipts[recipient, device] = Receipt(actor, seq)
        self._woken.set()

    def meet(self, actor: str, recipient: RecipientId, device: str) -> None:
        """Note that a device reads a mailbox, before its first receipt; one that waits already says more."""
        self._receipts.setdefault((recipient, device), Receipt(actor, 0))
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
        self._moved[fix.unit] = Moved(fix, refused)
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_S, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        self._positions_due = True
        self._woken.set()

    def visit(self, look: Callable[[], object]) -> asyncio.Future[object]:
        """Have ``look`` called between two batches, when all of the state is committed."""
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if self._stopping:
            future.cancel()
            return future
        self._visits.append((look, future))
        self._woken.set()
        return future

    def wake(self) -> None:
        """Look at what workers have handed back."""
        self._woken.set()

    def stop(self) -> None:
        """Decide and store what waits, take nothing more, and let the cycle end."""
        self._stopping = True
        self._woken.set()

    def _take(self, most: int) -> list[Asked] | Advance:
        """Take emergencies, then the commands at the front, up to the next setting of the clock, or that setting."""
        taken = [] if self._is_shut() else [Asked(press.command, press) for press in self._urgent.take()]
        if not taken and self._asked and isinstance(self._asked[0], Advance):
            advance = self._asked.popleft()
            assert isinstance(advance, Advance)
            return advance
        while self._asked and len(taken) < most:
            entry = self._asked[0]
            if isinstance(entry, Advance):
                break
            self._asked.popleft()
            taken.append(entry)
        return taken

    def _visit_all(self) -> None:
        for _ in range(len(self._visits)):
            look, future = self._visits.popleft()
            if future.cancelled():
                continue
            try:
                future.set_result(look())
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                future.set_exception(error)

    def _move_all(self) -> tuple[int, int]:
        """Move units to where they said last; return how many were taken and how many were not."""
        if not self._moved:
            return 0, 0
        moved, self._moved = list(self._moved.values()), {}
        self._positions_due = False
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        answers = self.engine.move([entry.fix for entry in moved], self.engine.clock.now())
        refused = 0
        for entry, refusal in zip(moved, answers, strict=True):
            if refusal is not None:
                refused += 1
                entry.refused(refusal)
        return len(moved) - refused, refused

    def _refuse_waiting(self, *, for_good: bool = False) -> list[tuple[Done, Outcome]]:
        """Empty the queue; return whom to tell, and that nothing can be stored. Emergencies stay, unless for good."""
        waiting, self._asked = self._asked, deque()
        dones: list[Done] = [*self._urgent.take()] if for_good else []
        dones += [entry.done for entry in waiting]
        return [(done, self._refused(_not_stored())) for done in dones]

    def _forget_visits(self) -> None:
        for _, future in self._visits:
            future.cancel()
        self._visits.clear()

    def _refused(self, refusal: Refusal) -> Outcome:
        retry_ms = self.retry_ms if refusal.code in RETRY_CODES else None
        return Outcome(reply=Reply(refusal=RefusalBody.of(refusal)), retry_ms=retry_ms)

    def _is_shut(self) -> bool:
        return self._closed_until is not None and asyncio.get_running_loop().time() < self._closed_until

    def _check_intake(self) -> None:
        if self._stopping or self._is_shut():
            raise _not_stored()
        if len(self._asked) >= self._most_waiting:
            self.counts["busy"] += 1
            raise Refusal("busy", "queue", len(self._asked), f"{self._most_waiting} commands that wait")


def _not_stored() -> Refusal:
    return Refusal("not_stored", "journal", "closed", "a journal that takes commits; try again")


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)
