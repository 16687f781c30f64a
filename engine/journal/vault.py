"""The vault: keys of what can name a person, in a store of its own, so that to delete a key is to erase the person.

Each subject has an AES-256-GCM key, wrapped by a master key. Keys are made ahead, a batch to one durable write; to give
one out only notes its owner, with no wait for the disk, since the name of the key stands in the ciphertext too: what a
power cut takes of the notes, `adopt` reads back from the journal. So encryption costs microseconds, not an fsync.

Erasures are written to a list in a file of its own before the key goes, and are done again at every opening: a key
that comes back with a restored backup is deleted again. Keep that list with the exported heads, not with the backups.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.journal.envelope import PersonalState
from engine.journal.files import (
    PRIVATE,
    WriterLock,
    check_version,
    connect,
    create_private,
    insert_together,
    transaction,
)
from engine.journal.keys import KEY_BYTES, NAME_BYTES, Key, decrypt, encrypt
from engine.model.errors import NotStored, Refusal

MASTER_KEY_VARIABLE = "ALLPOINTS_MASTER_KEY"
WHOLE_STATE = "*"
"""The subject of copies of everything, such as snapshots. Any erasure deletes this key as well."""

_APPLICATION_ID = 0x41504B59  # "APKY"
_VERSION = 1
_BATCH = 1_024
"""Keys that lie ready at least: a power cut or a restart wastes at most so many, 100 bytes each."""
_ROUNDS = 4
"""As many keys lie ready as were used in so many rounds of `Vault.stock`, where that is more."""
_NOTED_FOR_SURE = 4_096
"""So many personal parts in a row whose keys have their owner noted: no note before them is missing. One alone says
nothing, since a part may be sealed under a key that its subject has had for long."""
_SCHEMA = """
CREATE TABLE keys (
    number INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE,
    subject TEXT,
    wrapped BLOB NOT NULL
) STRICT;
CREATE INDEX keys_by_subject ON keys (subject);
CREATE TABLE secrets (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT
"""


class Erasure(msgspec.Struct, frozen=True):
    """One line of the list of erasures: which keys of whom, and when. Ids only, nothing that names anybody."""

    subject: str
    keys: tuple[str, ...]
    at: int


def load_master_key(path: Path, *, create: bool = False) -> bytes:
    """Return the key that wraps all others: from ``ALLPOINTS_MASTER_KEY`` if set, else from a file; 64 hex digits.

    Parameters
    ----------
    path
        The file; only its owner may be able to read it.
    create
        Whether to make a new key where there is no file yet.

    Raises
    ------
    Refusal
        When there is none, others can read it, or it is not 64 hex digits. The value is never in the message.
    """
    text = os.environ.get(MASTER_KEY_VARIABLE)
    where = MASTER_KEY_VARIABLE
    if text is None:
        where = str(path)
        if create and not path.exists():
            create_private(path, os.urandom(KEY_BYTES).hex().encode() + b"\n")
        try:
            mode = path.stat().st_mode & 0o777
            text = path.read_text("ascii")
        except (OSError, UnicodeError) as error:
            raise Refusal("no_master_key", "master key", where, type(error).__name__) from error
        if os.name == "posix" and mode & ~PRIVATE:
            raise Refusal("readable_by_others", "master key", f"{where}: mode {mode:o}", f"mode {PRIVATE:o}")
    try:
        key = bytes.fromhex(text.strip())
    except ValueError as error:
        raise Refusal("bad_master_key", "master key", where, "64 hex digits") from error
    if len(key) != KEY_BYTES:
        raise Refusal("bad_master_key", "master key", f"{where}: {len(key)} bytes", f"{KEY_BYTES} bytes, in hex")
    return key


class Vault:
    """Keys by subject, and the key that signs heads. Safe to use from several threads.

    Parameters
    ----------
    path
        The key store, ``keys.sqlite``; made when it is not there.
    master
        32 bytes that wrap every key in it, from `load_master_key`.
    erasures
        The list of erasures; ``erasures.jsonl`` beside the store by default.

    Raises
    ------
    Refusal
        When the store is in use, is not one, is of another version, or has another master key.
    """

    def __init__(self, path: Path, master: bytes, *, erasures: Path | None = None) -> None:
        self.path = path
        self.erasures_path = erasures or path.with_name("erasures.jsonl")
        self._master = master
        self._lock = threading.RLock()
        self._spare: list[tuple[bytes, bytes]] = []
        self._taken = 0
        """Keys taken out of the spare ones since they were stocked last."""
        self._stocking = threading.Lock()
        # One file, two connections: SQLite would refuse whoever writes, or empties the log, while the other does. So
        # they take turns: first `_writing`, then `_settling`.
        self._writing, self._settling = threading.RLock(), threading.Lock()
        self._writer = WriterLock(path)
        try:
            # NORMAL: a commit does not wait for the disk; what must be durable is followed by `_settle`.
            self._base = connect(path, _APPLICATION_ID, synchronous="NORMAL", busy_timeout_ms=1_000)
            # FULL: what `stock` has committed is on the disk, and nobody who seals has waited for it.
            self._stock = connect(path, _APPLICATION_ID, synchronous="FULL", busy_timeout_ms=1_000)
        except Refusal:
            self._writer.release()
            raise
        try:
            check_version(self._base, path, _SCHEMA, _APPLICATION_ID, _VERSION)
            self._base.execute("PRAGMA secure_delete=ON")
            for base in (self._base, self._stock):
                base.execute("PRAGMA wal_autocheckpoint=0")
            self._signer = Ed25519PrivateKey.from_private_bytes(self._secret("signing key"))
            self._erased, self._erased_subjects = self._reapply_erasures()
        except (Refusal, sqlite3.Error):
            self.close()
            raise

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that prove this vault's signatures."""
        return self._signer.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return an Ed25519 signature (RFC 8032) of 64 bytes."""
        return self._signer.sign(message)

    def seal(self, subject: str, plain: bytes, context: bytes) -> bytes:
        """Encrypt ``plain`` under the key of ``subject``, a new one where it has none.

        Returns
        -------
        bytes
            The key's name (16), a nonce (12), the ciphertext and its tag (16).

        Raises
        ------
        NotStored
            When a key could not be stored.
        """
        return self.lend(subject).seal(plain, context)

    def lend(self, subject: str) -> Key:
        """Return the key of ``subject``, a new one where it has none, for whoever seals for that subject elsewhere.

        Raises
        ------
        NotStored
            When a key could not be stored.
        """
        with self._lock:
            try:
                return Key(*self._key_of(subject))
            except sqlite3.Error as error:
                raise NotStored(f"no key could be stored in {self.path.name}: {error}") from error

    def seal_durably(self, subject: str, plain: bytes, context: bytes) -> bytes:
        """Encrypt as `seal` does, for what no journal names: whose the key is is on the disk when this returns.

        Raises
        ------
        NotStored
            When it could not be stored.
        """
        sealed = self.seal(subject, plain, context)
        with self._lock:
            try:
                self._settle()
            except sqlite3.Error as error:
                raise NotStored(f"no key could be stored in {self.path.name}: {error}") from error
        return sealed

    def stock(self) -> None:
        """Make keys ahead while nobody waits, so that `seal` need not: every few seconds, in a worker.

        Raises
        ------
        NotStored
            When they could not be stored.
        """
        with self._stocking:
            with self._lock:
                taken, self._taken = self._taken, 0
                missing = max(_BATCH, _ROUNDS * taken) - len(self._spare)
            if missing < _BATCH // 2:
                return
            fresh = self._fresh(missing)
            try:
                with self._writing:
                    self._insert(self._stock, fresh)
                with self._settling:
                    self._stock.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                raise NotStored(f"no keys could be stored in {self.path.name}: {error}") from error
            with self._lock:
                self._spare += fresh

    def open(self, sealed: bytes, context: bytes) -> bytes | PersonalState:
        """Decrypt what `seal` made with the same context, or say why not: ``ERASED`` or ``UNREADABLE``."""
        name = sealed[:NAME_BYTES]
        with self._lock:
            row = self._base.execute("SELECT wrapped FROM keys WHERE name = ?", (name,)).fetchone()
            if row is None:
                return PersonalState.ERASED if name in self._erased else PersonalState.UNREADABLE
        try:
            return decrypt(decrypt(self._master, row[0], name), sealed[NAME_BYTES:], context)
        except (InvalidTag, ValueError):
            return PersonalState.UNREADABLE

    def erase(self, *subjects: str, at: int) -> int:
        """Delete the keys of these subjects for good, and those of all copies of the whole state.

        The erasure is on the list, durably, before the first key goes; afterwards the store is vacuumed and its
        write-ahead log emptied, so that no byte of the keys is in either file. Blocks that the file system has
        given up are its own matter, which is why keys are wrapped.

        Returns
        -------
        int
            How many of the subjects had a key.

        Raises
        ------
        NotStored
            When the disk refused; call again, or open the vault again, which finishes what is on the list.
        """
        with self._lock:
            try:
                found = [(subject, self._names_of(subject)) for subject in (*subjects, WHOLE_STATE)]
                lines = [Erasure(subject, tuple(name.hex() for name in names), at) for subject, names in found if names]
                self._note(lines)
                self._erased.update(name for _, names in found for name in names)
                self._erased_subjects.update(line.subject for line in lines)
                self._delete(name for _, names in found for name in names)
            except (sqlite3.Error, OSError) as error:
                raise NotStored(f"the erasure was not finished in {self.path.name}: {error}") from error
            return sum(1 for subject, names in found if names and subject != WHOLE_STATE)

    def was_erased(self, subject: str) -> bool:
        """Tell whether a key of this subject was ever erased; it may have a new one since."""
        with self._lock:
            return subject in self._erased_subjects

    def adopt(self, used: Iterable[tuple[bytes, str]]) -> None:
        """Note again whose keys are whose, after a stop that may have lost the last notes.

        The journal calls this when it opens, before anything is sealed. Keys that nobody owns by then are deleted.

        Parameters
        ----------
        used
            Ciphertext and subject of the journal's personal parts, newest first. Only as many are taken as may be
            missing: notes are lost from the end.
        """
        with self._lock:
            noted = 0
            with transaction(self._base):
                for sealed, subject in used:
                    name = sealed[:NAME_BYTES]
                    row = self._base.execute("SELECT subject FROM keys WHERE name = ?", (name,)).fetchone()
                    if row is not None and row[0] is not None:
                        noted += 1
                        if noted >= _NOTED_FOR_SURE:
                            break
                        continue
                    noted = 0
                    self._base.execute("UPDATE keys SET subject = ? WHERE name = ?", (subject, name))
                self._base.execute("DELETE FROM keys WHERE subject IS NULL")
            self._spare.clear()
            self._settle()

    def close(self) -> None:
        """Let go of the files. What was sealed can be opened by the next vault."""
        with self._stocking, self._lock:
            self._stock.close()
            self._base.close()
            self._writer.release()

    def _key_of(self, subject: str) -> tuple[bytes, bytes]:
        row = self._base.execute(
            "SELECT name, wrapped FROM keys WHERE subject = ? ORDER BY number DESC LIMIT 1", (subject,)
        ).fetchone()
        if row is not None:
            return row[0], decrypt(self._master, row[1], row[0])
        if not self._spare:
            self._make_spare()
        with self._writing:
            self._base.execute("UPDATE keys SET subject = ? WHERE name = ?", (subject, self._spare[-1][0]))
        self._taken += 1
        return self._spare.pop()

    def _make_spare(self) -> None:
        fresh = self._fresh(_BATCH)
        with self._writing:
            self._insert(self._base, fresh)
            self._settle()
        self._spare += fresh

    @staticmethod
    def _fresh(count: int) -> list[tuple[bytes, bytes]]:
        return [(os.urandom(NAME_BYTES), os.urandom(KEY_BYTES)) for _ in range(count)]

    def _insert(self, base: sqlite3.Connection, fresh: list[tuple[bytes, bytes]]) -> None:
        insert_together(base, "keys (name, wrapped)", [(name, encrypt(self._master, key, name)) for name, key in fresh])

    def _names_of(self, subject: str) -> list[bytes]:
        return [row[0] for row in self._base.execute("SELECT name FROM keys WHERE subject = ?", (subject,))]

    def _note(self, lines: list[Erasure]) -> None:
        if not self.erasures_path.exists():
            create_private(self.erasures_path)
        with self.erasures_path.open("ab") as file:
            for line in lines:
                file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _delete(self, names: Iterable[bytes]) -> None:
        with self._writing:
            with transaction(self._base):
                self._base.executemany("DELETE FROM keys WHERE name = ?", [(name,) for name in names])
            self._base.execute("VACUUM")
            self._settle()

    def _settle(self) -> None:
        """Bring all commits so far to the disk, and leave the write-ahead log empty."""
        with self._writing, self._settling:
            busy = self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise sqlite3.OperationalError("another process reads the key store")

    def _secret(self, name: str) -> bytes:
        """Return a secret of this vault's own, made at its first opening; this is where a wrong master key shows."""
        row = self._base.execute("SELECT wrapped FROM secrets WHERE name = ?", (name,)).fetchone()
        if row is None:
            wrapped = encrypt(self._master, os.urandom(KEY_BYTES), name.encode())
            self._base.execute("INSERT INTO secrets VALUES (?, ?)", (name, wrapped))
            self._settle()
            return self._secret(name)
        try:
            return decrypt(self._master, row[0], name.encode())
        except InvalidTag:
            raise Refusal("wrong_master_key", "master key", str(self.path), "the key the store was made with") from None

    def _reapply_erasures(self) -> tuple[set[bytes], set[str]]:
        """Delete again what is on the list; return the names of those keys, and whose they were."""
        if not self.erasures_path.exists():
            return set(), set()
        text = self.erasures_path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):  # the machine stopped while a line was written; its erasure was never confirmed
            os.truncate(self.erasures_path, len(whole))
        erased: set[bytes] = set()
        subjects: set[str] = set()
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                erasure = msgspec.json.decode(line, type=Erasure)
                erased.update(bytes.fromhex(name) for name in erasure.keys)
            except ValueError as error:
                where = f"{self.erasures_path}:{number}"
                raise Refusal("damaged", "list of erasures", where, "one JSON object a line") from error
            subjects.add(erasure.subject)
        back = [name for name in erased if self._base.execute("SELECT 1 FROM keys WHERE name = ?", (name,)).fetchone()]
        if back:
            self._delete(back)
        return erased, subjects
