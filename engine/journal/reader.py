"""The table of entries as it is read: through a connection of its own, in this process or beside it."""

import sqlite3
import threading
from collections.abc import Iterator

from engine.journal.envelope import Sealed, decode_body, genesis, subject_of
from engine.model.errors import Refusal

_FIRST_PAGE = 4
_LARGEST_PAGE = 1_024
"""Entries fetched at once while reading: few for who wants one, then more and more for who wants all. No read
transaction outlives a page, so none holds the write-ahead log back."""


class Reader:
    """Reads entries; safe to use from several threads, each of which waits for a page of another at most.

    Parameters
    ----------
    base
        The connection, which the reader does not close.
    log_id
        The identity of the journal.
    lock
        Held while a page is read, and by whoever else uses the connection.
    """

    def __init__(self, base: sqlite3.Connection, log_id: str, lock: threading.Lock) -> None:
        self._base = base
        self._log_id = log_id
        self._lock = lock

    def entries(self, after_seq: int = 0) -> Iterator[Sealed]:
        """Yield the entries after ``after_seq`` as they are stored."""
        page = _FIRST_PAGE
        while True:
            with self._lock:
                rows = self._base.execute(
                    "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (after_seq, page)
                ).fetchall()
            for row in rows:
                yield Sealed(*row)
            if len(rows) < page:
                return
            after_seq = rows[-1][0]
            page = min(2 * page, _LARGEST_PAGE)

    def hash_at(self, seq: int) -> bytes | None:
        """Return the hash of an entry, for 0 what the first one follows; None where there is no such entry."""
        if seq == 0:
            return genesis(self._log_id)
        with self._lock:
            row = self._base.execute("SELECT hash FROM events WHERE seq = ?", (seq,)).fetchone()
        return None if row is None else bytes(row[0])

    def personal_newest_first(self) -> Iterator[tuple[bytes, str]]:
        """Yield the personal parts, each with whose key guards it; for the time before anything is written."""
        for row in self._base.execute("SELECT * FROM events WHERE personal IS NOT NULL ORDER BY seq DESC"):
            entry = Sealed(*row)
            try:
                subject = subject_of(decode_body(entry))
            except Refusal:  # a damaged entry must not keep the journal from being opened and verified
                continue
            if entry.personal is not None and subject is not None:
                yield entry.personal, subject
