"""Journals for tests: one that records what happened in which order, one that fails by a script.

What must hold everywhere: nothing is released before the commit that made it durable has returned.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from engine.core.ports import Journal
from engine.model.errors import NotStored
from engine.model.events import Event


class Step(NamedTuple):
    """Something that happened: ``begin``, ``commit``, ``fail``, ``return`` or ``release``, and to which events."""

    what: str
    seqs: tuple[int, ...]


class RecordingJournal:
    """Any journal, with its steps on record. Share ``steps`` with `RecordingLinks` to see the order of both.

    Parameters
    ----------
    inner
        The journal that does the work.
    before_commit, after_commit
        Called within `append`, before the inner journal begins and after it is durable: a test can look around, or
        hold the commit open in its thread.
    """

    def __init__(
        self,
        inner: Journal,
        *,
        before_commit: Callable[[], None] = lambda: None,
        after_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self.inner = inner
        self.steps: list[Step] = []
        self._before_commit = before_commit
        self._after_commit = after_commit

    @property
    def log_id(self) -> str:
        """As the inner journal's."""
        return self.inner.log_id

    def append(self, events: Sequence[Event]) -> None:
        """Append to the inner journal and record how that went."""
        seqs = tuple(event.seq for event in events)
        self.steps.append(Step("begin", seqs))
        self._before_commit()
        try:
            self.inner.append(events)
        except BaseException:
            self.steps.append(Step("fail", seqs))
            raise
        self.steps.append(Step("commit", seqs))
        self._after_commit()
        self.steps.append(Step("return", seqs))

    def read(self, after_seq: int = 0) -> Iterator[Event]:
        """Read the inner journal."""
        return self.inner.read(after_seq)


class RecordingLinks:
    """The way out, on record among the steps of a journal."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self.released: list[Event] = []

    def release(self, events: Sequence[Event]) -> None:
        """Record that these events were let out."""
        self.steps.append(Step("release", tuple(event.seq for event in events)))
        self.released += events


def early_releases(steps: Sequence[Step]) -> list[int]:
    """Return the seqs that were released before an append that held them had returned."""
    durable: set[int] = set()
    early: list[int] = []
    for step in steps:
        if step.what == "return":
            durable.update(step.seqs)
        elif step.what == "release":
            early += [seq for seq in step.seqs if seq not in durable]
    return early


class FailingJournal:
    """Any journal whose appends fail by a script.

    Parameters
    ----------
    inner
        The journal that does the work.
    script
        For each append in turn whether it works; when the script has ended, all do.
    """

    def __init__(self, inner: Journal, script: Sequence[bool] = ()) -> None:
        self.inner = inner
        self.script = list(script)
        self.refused = 0

    @property
    def log_id(self) -> str:
        """As the inner journal's."""
        return self.inner.log_id

    def fail_next(self, times: int = 1) -> None:
        """Let the next appends fail."""
        self.script = [False] * times

    def append(self, events: Sequence[Event]) -> None:
        """Append, or raise `NotStored` with nothing kept, as the script says."""
        if self.script and not self.script.pop(0):
            self.refused += 1
            raise NotStored("the script says that the disk is full")
        self.inner.append(events)

    def read(self, after_seq: int = 0) -> Iterator[Event]:
        """Read the inner journal."""
        return self.inner.read(after_seq)
