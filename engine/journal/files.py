"""Files of the journal and of clients: private to their owner, one writer at a time, replaced whole or not at all."""

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.model.errors import Refusal

PRIVATE = 0o600
_MOST_VALUES = 9_000
"""Values in one statement; SQLite takes 32,766."""
_LONGEST_SLIP = 1_024
AT_ONCE_BYTES = 1 << 20
"""Written and synced at a time: whoever else syncs, such as a commit, waits for as much of it and no more."""


def create_private(path: Path, data: bytes = b"") -> None:
    """Make a new file that only its owner can read, durably; an existing one is an error."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def fresh_name(path: Path) -> Path:
    """Return what a new file is called until it takes the place of the old one."""
    return path.with_name(path.name + ".new")


@contextmanager
def replacement(path: Path) -> Iterator[BinaryIO]:
    """Open a new file, private, that takes the place of an old one when nothing has gone wrong inside.

    What is written has to be synced inside, as `write_synced` does. The new file's name is durable when this returns.

    Raises
    ------
    OSError
        When it could not be made or put in place. As after any error inside the old file is as it was.
    """
    fresh = fresh_name(path)
    fresh.unlink(missing_ok=True)
    try:
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
        with os.fdopen(handle, "wb") as file:
            yield file
        fresh.replace(path)
    except Exception:
        fresh.unlink(missing_ok=True)
        raise
    # The name is in the folder, and a folder that was not synced may have the old one after a power cut.
    sync_folder(path.parent)


def write_synced(file: BinaryIO, data: bytes) -> None:
    """Write to the end of a file and sync it, a piece at a time."""
    for at in range(0, max(1, len(data)), AT_ONCE_BYTES):
        file.write(data[at : at + AT_ONCE_BYTES])
        file.flush()
        os.fsync(file.fileno())


def replace_private(path: Path, data: bytes) -> None:
    """Replace a file that only its owner can read, whole or not at all; the new one is durable when this returns.

    Raises
    ------
    OSError
        When it could not be written; the old file is as it was.
    """
    with replacement(path) as file:
        write_synced(file, data)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system knows how."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def connect(path: Path, application_id: int, *, synchronous: str, busy_timeout_ms: int) -> sqlite3.Connection:
    """Open or create one of our SQLite files: WAL, private, usable from any thread, transactions by hand.

    Raises
    ------
    Refusal
        When the file cannot be opened, is not SQLite, is another program's, or stands where no write-ahead log can be
        kept.
    """
    try:
        if not path.exists():
            create_private(path)
        path.chmod(PRIVATE)  # SQLite gives its -wal and -shm files the mode of the main one
        base = sqlite3.connect(path, timeout=busy_timeout_ms / 1000, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise Refusal("unusable_file", "file", str(path), error) from error
    try:
        _prepare(base, path, application_id, synchronous)
    except sqlite3.Error as error:
        base.close()
        raise Refusal("unusable_file", "file", str(path), error) from error
    except Refusal:
        base.close()
        raise
    return base


def _prepare(base: sqlite3.Connection, path: Path, application_id: int, synchronous: str) -> None:
    found = int(base.execute("PRAGMA application_id").fetchone()[0])
    is_new = found == 0 and not base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if found != application_id and not is_new:
        raise Refusal("foreign_file", "file", str(path), "a file made by this program")
    mode = base.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise Refusal("no_wal", "file", str(path), f"a file system with shared memory; got journal mode {mode}")
    base.execute(f"PRAGMA synchronous={synchronous}")
    base.execute("PRAGMA fullfsync=ON")  # on macOS an fsync alone stops at the drive's cache
    base.execute("PRAGMA temp_store=MEMORY")
    base.execute("PRAGMA trusted_schema=OFF")


@contextmanager
def transaction(base: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done inside, all of it or, whatever goes wrong, none."""
    base.execute("BEGIN IMMEDIATE")
    try:
        yield
        base.execute("COMMIT")
    except BaseException:
        if base.in_transaction:  # a full disk has rolled back by itself
            base.execute("ROLLBACK")
        raise


def insert_together(base: sqlite3.Connection, into: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows in one commit, all or none; up to some thousands of them in one statement.

    One statement lets go of the interpreter once. A statement for each row does so each time, and a thread that has
    let go waits for its turn whenever another is busy: a commit of twenty rows would take as many turns.
    """
    width = len(rows[0])
    most = _MOST_VALUES // width
    pieces = [rows[at : at + most] for at in range(0, len(rows), most)]
    with nullcontext() if len(pieces) == 1 else transaction(base):
        for piece in pieces:
            marks = ", ".join([f"({', '.join('?' * width)})"] * len(piece))
            base.execute(f"INSERT INTO {into} VALUES {marks}", [value for row in piece for value in row])  # noqa: S608


def check_version(base: sqlite3.Connection, path: Path, schema: str, application_id: int, version: int) -> None:
    """Make the tables in an empty file; refuse the file when another version of them is there.

    Raises
    ------
    Refusal
        When the schema is not this program's, or cannot be made.
    """
    found = int(base.execute("PRAGMA user_version").fetchone()[0])
    if found == version:
        return
    if found != 0:
        raise Refusal("schema_version", "file", f"{path}: {found}", f"{version}, the one this program writes")
    try:
        with transaction(base):
            for statement in schema.split(";"):
                base.execute(statement)
            base.execute(f"PRAGMA application_id={application_id}")
            base.execute(f"PRAGMA user_version={version}")
    except sqlite3.Error as error:
        raise Refusal("unusable_file", "file", str(path), error) from error


class WriterLock:
    """Held by the one writer of a file, for as long as it lives; a killed process lets go by dying.

    The lock is an SQLite file of its own, held exclusively: the same on every system, and nobody needs the
    write lock of the data itself to find out.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock beside ``path``.

        Raises
        ------
        Refusal
            When another one has it; names the file.
        """
        lock = path.with_name(path.name + ".lock")
        try:
            lock.touch(PRIVATE)
        except OSError as error:
            raise Refusal("unusable_file", "file", str(path), error) from error
        self._base = sqlite3.connect(lock, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._base.execute("PRAGMA journal_mode=OFF")  # nothing is ever written, so nothing to roll back
            self._base.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            self._base.close()
            raise Refusal("in_use", "file", str(path), "one writer at a time; another process has it open") from error

    def release(self) -> None:
        """Let the next writer in."""
        self._base.close()


class Slip(msgspec.Struct, frozen=True):
    """The first line of a file beside the journal: what the rest of it is."""

    log_id: str
    mark: int
    """The time of a checkpoint, or the seq of a snapshot."""
    bound_to: str
    """The hash of the entry that a snapshot was taken after; empty for a checkpoint."""
    sha256: str
    format: int = 1


def slip_of(log_id: str, mark: int, bound_to: str, blob: bytes) -> bytes:
    """Return the first line of a file beside the journal, for what follows in it."""
    return msgspec.json.encode(Slip(log_id, mark, bound_to, hashlib.sha256(blob).hexdigest())) + b"\n"


def write_beside(file: BinaryIO, log_id: str, mark: int, bound_to: str, blob: bytes) -> None:
    """Write a file beside the journal, and sync it."""
    file.write(slip_of(log_id, mark, bound_to, blob))
    write_synced(file, blob)


def read_slip(path: Path) -> Slip | None:
    """Return what a file beside a journal says that it is; None where it says nothing."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.readline(_LONGEST_SLIP), type=Slip)
    except (OSError, msgspec.MsgspecError):
        return None


def read_beside(path: Path, log_id: str) -> tuple[Slip, bytes] | None:
    """Return what `write_beside` wrote for this journal; None when there is none, or it is damaged or another's."""
    try:
        head, _, blob = path.read_bytes().partition(b"\n")
        slip = msgspec.json.decode(head, type=Slip)
    except (OSError, msgspec.MsgspecError):
        return None
    if slip.log_id != log_id or slip.format != 1 or slip.sha256 != hashlib.sha256(blob).hexdigest():
        return None
    return slip, blob
