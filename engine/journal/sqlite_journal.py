"""The journal in an SQLite file: write-ahead log, ``synchronous=FULL``, one commit for all that is pending.

`append` returns when the batch is on the disk, or raises `NotStored` with nothing of it kept. It may be called in a
worker thread while any other method is called on the loop: writing has a connection and a lock of its own, reading
another, and neither waits for the other. An entry can be read as soon as its commit is durable, never before.

A batch that was not acknowledged before a crash may be there after it (the disk had it, the answer was lost):
idempotency keys are for that. Checkpoints and the snapshot lie in files of their own, see `beside`.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Literal

from engine.journal import lookups
from engine.journal.beside import Beside
from engine.journal.envelope import (
    Opened,
    PersonalState,
    Sealed,
    check_order,
    decode_body,
    genesis,
    open_event,
    seal_event,
)
from engine.journal.files import (
    WriterLock,
    check_version,
    connect,
    insert_together,
)
from engine.journal.photos import erase_photos
from engine.journal.reader import Reader
from engine.journal.vault import Vault
from engine.journal.verification import Head, Problem, VerifyReport, append_head, check_chain, check_heads, read_heads
from engine.model.errors import NotStored, Refusal
from engine.model.events import Event
from engine.model.photos import Photo, PhotoKept

Synchronous = Literal["FULL", "NORMAL", "OFF"]

_APPLICATION_ID = 0x41504A4C  # "APJL"
_VERSION = 1
_SCHEMA = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    v INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    body TEXT NOT NULL,
    personal BLOB,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX events_with_personal ON events (seq) WHERE personal IS NOT NULL;
CREATE TABLE identity (log_id TEXT NOT NULL) STRICT
"""
_MOST_LOG_PAGES = 16_000
"""Where nobody calls `settle`, an append carries the write-ahead log over at this length: 64 MB."""


class SqliteJournal(Beside):
    """A durable journal: one writer, any number of readers in the same process.

    Parameters
    ----------
    path
        The file; made when it is not there. Its folder must exist.
    vault
        Keeps the keys of personal parts and signs heads. The journal does not close it.
    synchronous
        ``FULL`` survives a power cut; anything less is for trials and simulations.
    busy_timeout_ms
        How long a commit waits for somebody else's lock on the file before it is refused.

    Raises
    ------
    Refusal
        When the file is in use, is not a journal, or is of another version.
    """

    def __init__(
        self, path: Path, vault: Vault, *, synchronous: Synchronous = "FULL", busy_timeout_ms: int = 1_000
    ) -> None:
        super().__init__(path, vault)
        self.personal_unreadable = 0
        """Personal parts that `read` had to leave out though nobody erased them; anything but 0 is damage."""
        self._append_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._lock = WriterLock(path)
        self._connections: list[sqlite3.Connection] = []
        try:
            for _ in range(2):
                self._connections.append(
                    connect(path, _APPLICATION_ID, synchronous=synchronous, busy_timeout_ms=busy_timeout_ms)
                )
                check_version(self._connections[-1], path, _SCHEMA, _APPLICATION_ID, _VERSION)
            self._writer, self._reading = self._connections
            self._writer.execute(f"PRAGMA wal_autocheckpoint={_MOST_LOG_PAGES}")
            for index in lookups.INDEXES:
                self._writer.execute(index)
            self._log_id = self._identify()
            self._reader = Reader(self._reading, self._log_id, self._read_lock)
            self._last_seq, self._last_hash = self._find_end()
            self._end_is_known = True
            vault.adopt(self._reader.personal_newest_first())
        except sqlite3.Error as error:
            self.close()
            raise Refusal("unusable_file", "file", str(path), error) from error
        except Refusal:
            self.close()
            raise

    @property
    def log_id(self) -> str:
        """The identity of this journal, made at random when it was created."""
        return self._log_id

    @property
    def last_seq(self) -> int:
        """The newest entry's number; 0 when there is none."""
        return self._last_seq

    def append(self, events: Sequence[Event]) -> None:
        """Make all of them durable in one commit, or none.

        Raises
        ------
        NotStored
            When they do not continue the journal, would not read back as they are, or the commit failed: disk full,
            I/O error, locked by another program. The journal is as it was, and a later append may succeed.
        """
        self.prepare(events)()

    def prepare(self, events: Sequence[Event]) -> Callable[[], None]:
        """Encode, encrypt and chain events now; what is returned appends them, in whatever thread, and does no more.

        Of two that were prepared at the same end the second is refused when it is appended.

        Raises
        ------
        NotStored
            As `append`; what is returned raises it, too.
        """
        with self._append_lock:
            try:
                if not self._end_is_known:
                    self._last_seq, self._last_hash = self._find_end()
                    self._end_is_known = True
            except sqlite3.Error as error:
                raise NotStored(f"{self.path.name}: {error}") from error
            last_seq, last_hash = self._last_seq, self._last_hash
        check_order(events, last_seq)
        rows: list[Sealed] = []
        for event in events:
            rows.append(seal_event(event, self._log_id, last_hash, self._vault))
            last_hash = rows[-1].hash
        return partial(self._write, rows)

    def _write(self, rows: Sequence[Sealed]) -> None:
        """Commit entries that continue the chain."""
        if not rows:
            return
        with self._append_lock:
            if not self._end_is_known or rows[0].prev_hash != self._last_hash:
                raise NotStored(f"event {rows[0].seq} ({rows[0].kind}) does not continue the journal any more")
            self._end_is_known = False  # after any failure the end is read from the file, not assumed
            try:
                insert_together(self._writer, "events", rows)
            except sqlite3.Error as error:
                raise NotStored(f"{self.path.name}: {error}") from error
            self._last_seq, self._last_hash = rows[-1].seq, rows[-1].hash
            self._end_is_known = True

    def read(self, after_seq: int = 0) -> Iterator[Event]:
        """Yield the events after ``after_seq`` in order, lifted to the newest version.

        An event whose personal part was erased comes without it; `read_opened` tells that from never having had one.

        Raises
        ------
        Refusal
            When an entry cannot be read; names it.
        """
        for opened in self.read_opened(after_seq):
            yield opened.event

    def read_opened(self, after_seq: int = 0) -> Iterator[Opened]:
        """Yield what `read` does, each with what became of its personal part."""
        for entry in self.entries(after_seq):
            opened = open_event(entry, self._log_id, self._vault)
            if opened.personal_state is PersonalState.UNREADABLE:
                self.personal_unreadable += 1
            yield opened

    def entries(self, after_seq: int = 0) -> Iterator[Sealed]:
        """Yield the entries after ``after_seq`` as they are stored."""
        return self._reader.entries(after_seq)

    def readings(self, before_seq: int | None, most: int) -> list[Opened]:
        """Return who has read what names people, newest first: entries before ``before_seq``, or the newest."""
        with self._read_lock:
            found = lookups.readings(self._reading, before_seq, most)
        return [open_event(entry, self._log_id, self._vault) for entry in found]

    def photos_of(self, order: str) -> list[Photo]:
        """Return the photos that were ever kept for an order, oldest first, also long after the state forgot it."""
        with self._read_lock:
            found = lookups.photos_of(self._reading, order)
        bodies = ((entry, decode_body(entry)) for entry in found)
        return [
            Photo(body.sha256, body.size, body.media, entry.actor, entry.at)
            for entry, body in bodies
            if isinstance(body, PhotoKept)
        ]

    def erase(self, *subjects: str, at: int) -> int:
        """Delete the keys of these alerts', lookouts' and sightings' personal parts for good, and the snapshot.

        The snapshot may hold copies of them. With an alert go the words that were said of the orders of its incident,
        with a lookout those of its sightings and of the orders of its pursuits.

        State in memory is not touched: whoever holds it drops its own copies, then saves a new snapshot.

        Returns
        -------
        int
            How many of them had a key.

        Raises
        ------
        NotStored
            As `Vault.erase`.
        """
        with self._read_lock:
            beside = [*lookups.orders_of(self._reading, subjects), *lookups.sightings_of(self._reading, subjects)]
        if beside:
            self._vault.erase(*beside, at=at)
            erase_photos(self.path.parent, beside)
        erased = self._vault.erase(*subjects, at=at)
        self._beside("snapshot").unlink(missing_ok=True)
        return erased

    def verify(self, heads_path: Path | None = None) -> VerifyReport:
        """Walk the whole chain, and hold it against exported heads where a file of them is given.

        Appending goes on meanwhile; what is appended during the walk may be in the report or not.

        Raises
        ------
        Refusal
            When the file of heads cannot be read.
        """
        heads = read_heads(heads_path) if heads_path is not None else []
        wanted = frozenset(head.seq for _, head in heads if head is not None)
        try:
            with closing(sqlite3.connect(self.path)) as base:  # of its own: on a large file this takes seconds
                found = [row[0] for row in base.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
            report, hashes = check_chain(self.entries(), self._log_id, self._vault, wanted)
        except sqlite3.Error as error:
            return VerifyReport(0, 0, "", {}, 0, 0, (Problem("database", 0, str(error)),))
        report = report._replace(problems=(*(Problem("database", 0, text) for text in found), *report.problems))
        return check_heads(report, heads, hashes, self._log_id, self._vault.public_key)

    def settle(self) -> None:
        """Carry the write-ahead log over into the file and make keys ahead, so that no append need stop for it.

        To be called every few seconds in a worker, beside running appends. Nothing depends on it but time: without
        it the log grows, and then appends do it themselves and take some ten times as long.

        Raises
        ------
        NotStored
            When the disk refused; what was acknowledged is as safe as before.
        """
        try:
            with closing(sqlite3.connect(self.path)) as base:
                # The log begins anew only where nothing of it is left, and there are always appends meanwhile: what
                # came during the first round takes the second no time, and appends wait for the last.
                base.execute("PRAGMA wal_checkpoint(PASSIVE)")
                base.execute("PRAGMA wal_checkpoint(PASSIVE)")
                with self._append_lock:
                    base.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            raise NotStored(f"{self.path.name}: {error}") from error
        self._vault.stock()

    def export_head(self, path: Path, at: int) -> Head:
        """Append the signed head of this journal to a file at another place, durably.

        Raises
        ------
        NotStored
            When the file cannot be written.
        """
        with self._append_lock:
            head = Head(self._log_id, self._last_seq, self._last_hash.hex(), at)
        try:
            append_head(path, head, self._vault.sign)
        except OSError as error:
            raise NotStored(f"the head was not exported to {path}: {error}") from error
        return head

    def close(self) -> None:
        """Let go of the file. All that was acknowledged is in it."""
        self._renewals.stop()
        with self._append_lock, self._read_lock:
            for connection in self._connections:
                connection.close()
            self._lock.release()

    def _identify(self) -> str:
        row = self._writer.execute("SELECT log_id FROM identity").fetchone()
        if row is None:
            self._writer.execute("INSERT INTO identity VALUES (?)", (os.urandom(16).hex(),))
            return self._identify()
        return str(row[0])

    def _find_end(self) -> tuple[int, bytes]:
        row = self._writer.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        if row is None:
            return 0, genesis(self._log_id)
        return row[0], row[1]
