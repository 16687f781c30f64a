"""The same journal without a file: for the embedded engine, for simulations and for tests.

Bodies go through the same encoding as on a disk, so that what is read back is what a restart would read, and an event
that could not be replayed is refused here as well. Personal parts stay as they are: they die with the process.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.journal.envelope import (
    Checkpoint,
    Opened,
    PersonalState,
    Snapshot,
    check_order,
    encode_body,
    parse_body,
    subject_of,
)
from engine.model.entities import Details
from engine.model.errors import NotStored
from engine.model.events import Event


class _Entry(NamedTuple):
    seq: int
    at: int
    actor: str
    body: str
    personal: Details | None
    personal_state: PersonalState


class MemoryJournal:
    """A journal in memory. Safe to use from several threads."""

    def __init__(self) -> None:
        self._log_id = os.urandom(16).hex()
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []
        self._snapshot: Snapshot | None = None
        self._checkpoints: dict[str, Checkpoint] = {}

    @property
    def log_id(self) -> str:
        """The identity of this journal, made at random when it was created."""
        return self._log_id

    @property
    def last_seq(self) -> int:
        """The newest entry's number; 0 when there is none."""
        return len(self._entries)

    def append(self, events: Sequence[Event]) -> None:
        """Keep all of them, or none.

        Raises
        ------
        NotStored
            When they do not continue the journal, or would not read back as they are.
        """
        with self._lock:
            check_order(events, len(self._entries))
            self._entries += [
                _Entry(
                    event.seq,
                    event.at,
                    event.actor,
                    encode_body(event),
                    event.personal,
                    PersonalState.NONE if event.personal is None else PersonalState.PRESENT,
                )
                for event in events
            ]

    def read(self, after_seq: int = 0) -> Iterator[Event]:
        """Yield the events after ``after_seq`` in order."""
        for opened in self.read_opened(after_seq):
            yield opened.event

    def read_opened(self, after_seq: int = 0) -> Iterator[Opened]:
        """Yield what `read` does, each with what became of its personal part."""
        for entry in self._entries[max(after_seq, 0) :]:
            event = Event(entry.seq, entry.at, entry.actor, parse_body(entry.body), entry.personal)
            yield Opened(event, entry.personal_state)

    def erase(self, *subjects: str, at: int) -> int:  # noqa: ARG002 - the same call as on a disk, which notes the time
        """Forget these alerts' personal parts, and the snapshot, which may hold copies of them.

        Returns
        -------
        int
            How many of them had one.
        """
        found: set[str] = set()
        with self._lock:
            for index, entry in enumerate(self._entries):
                if entry.personal_state is PersonalState.PRESENT:
                    subject = subject_of(parse_body(entry.body))
                    if subject in subjects:
                        found.add(str(subject))
                        self._entries[index] = entry._replace(personal=None, personal_state=PersonalState.ERASED)
            self._snapshot = None
        return len(found)

    def save_checkpoint(self, name: str, at: int, blob: bytes) -> None:
        """Keep the newest of a conflated stream."""
        self._checkpoints[name] = Checkpoint(at, blob)

    def load_checkpoint(self, name: str) -> Checkpoint | None:
        """Return the newest one, if there is any."""
        return self._checkpoints.get(name)

    def save_snapshot(self, seq: int, blob: bytes) -> None:
        """Keep the state after entry ``seq``.

        Raises
        ------
        NotStored
            When there is no such entry.
        """
        if not 0 <= seq <= self.last_seq:
            raise NotStored(f"a snapshot after entry {seq}, but the journal ends at {self.last_seq}")
        self._snapshot = Snapshot(seq, blob)

    def load_snapshot(self) -> Snapshot | None:
        """Return the newest snapshot, if there is any."""
        return self._snapshot

    def close(self) -> None:
        """Nothing to let go of."""
