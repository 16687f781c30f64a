"""What the core asks of the world: a journal, a clock, workers and a way out. A simulated world implements the same.

The core never takes time, randomness or I/O from anywhere else.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from engine.model.commands import Command
from engine.model.events import Event


class Journal(Protocol):
    """Where events become durable."""

    @property
    def log_id(self) -> str:
        """The identity of this journal: a client that knows another one starts over with a snapshot."""
        ...

    def append(self, events: Sequence[Event]) -> None:
        """Make all of them durable in one commit, or none.

        Raises
        ------
        NotStored
            When the commit failed; nothing of the batch is in the journal then.
        """
        ...

    def read(self, after_seq: int = 0) -> Iterator[Event]:
        """Yield the events after ``after_seq`` in order."""
        ...


@runtime_checkable
class PreparingJournal(Protocol):
    """A journal that can do beforehand what needs no disk, for a server whose commits run in a thread of their own.

    Two busy threads take turns at the interpreter: what the writing thread has to do there, everybody waits for.
    """

    def prepare(self, events: Sequence[Event]) -> Callable[[], None]:
        """Return what makes all of them durable in one commit, or none, as `Journal.append` does.

        Raises
        ------
        NotStored
            When they cannot be stored; what is returned raises it, too.
        """
        ...


class Clock(Protocol):
    """What time it is."""

    def now(self) -> int:
        """Milliseconds since the epoch, UTC; never goes backwards."""
        ...

    def wall(self) -> int | None:
        """Tell what the wall clock says, in milliseconds since the epoch; None where there is no wall."""
        ...


Work = Callable[[], Command]
"""A job: a pure computation over values it was given, whose result is a command."""


class Jobs(Protocol):
    """Where work that is too long for the core is done: at once, in a thread, in another process."""

    def submit(self, work: Work, done: Callable[[Command], None]) -> None:
        """Run ``work`` and hand its command to ``done``, now or later."""
        ...


class Links(Protocol):
    """The way out. Only called with what is durable."""

    def release(self, events: Sequence[Event]) -> None:
        """Let the outputs of these committed events leave."""
        ...
