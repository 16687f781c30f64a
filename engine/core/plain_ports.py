"""The plainest world that the ports allow: the system's clock, work done at once, a journal in memory, no way out."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence

from engine.core.ports import Work
from engine.model.commands import Command
from engine.model.events import Event


class SystemClock:
    """Wall time at start plus monotonic time since: it never jumps."""

    def __init__(self) -> None:
        self._start_ms = time.time_ns() // 1_000_000
        self._start_ns = time.monotonic_ns()

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._start_ms + (time.monotonic_ns() - self._start_ns) // 1_000_000

    def wall(self) -> int:
        """Milliseconds since the epoch, by a clock that somebody may set."""
        return time.time_ns() // 1_000_000


class AtOnce:
    """Does work where it is asked for."""

    def submit(self, work: Work, done: Callable[[Command], None]) -> None:
        """Run it now."""
        done(work())


class NoLinks:
    """Whoever embeds the engine reads its replies; nothing else leaves."""

    def release(self, events: Sequence[Event]) -> None:
        """Let nothing leave."""


class VolatileJournal:
    """Events in memory: for an engine that is asked, not run."""

    def __init__(self) -> None:
        self.log_id = uuid.uuid4().hex
        self._events: list[Event] = []

    def append(self, events: Sequence[Event]) -> None:
        """Keep them."""
        self._events.extend(events)

    def read(self, after_seq: int = 0) -> Iterator[Event]:
        """Yield what came after ``after_seq``."""
        yield from self._events[after_seq:]
