"""The vault: keys of what can name a person, in a store of its own, so that to delete a key is to erase the person.

Each subject has an AES-256-GCM key, wrapped by a master key. Keys are made ahead, a batch to one durable write; whose a
key is that was given out is noted in memory and written with the next batch, since the name of the key stands in the
ciphertext too: what a stop takes of the notes, `adopt` reads back from the journal. So encryption costs microseconds,
never a write, and never waits for somebody else's.

Erasures are written to a list in a file of its own before the key goes, and are done again at every opening: a key
that comes back with a restored backup is deleted again. Keep that list with the exported heads, not with the backups.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.journal.envelope import PersonalState
from engine.journal.erasures import Erasure, add_erasures, read_erasures
from engine.journal.files import (
    WriterLock,
    check_version,
    connect,
    insert_together,
    transaction,
)
from engine.journal.keys import KEY_BYTES, NAME_BYTES, Key, decrypt, encrypt
from engine.model.errors import NotStored, Refusal

WHOLE_STATE = "*"
"""The subject of copies of everything, such as snapshots. Any erasure deletes this key as well."""

_APPLICATION_ID = 0x41504B59  # "APKY"
_VERSION = 1
_AT_ONCE = 1_024
"""Keys that are made while somebody waits for one."""
_READY = 4_096
"""Keys that `Vault.stock` has lie ready at least: a power cut or a restart wastes at most so many, 100 bytes each."""
_ROUNDS = 4
"""As many keys lie ready as were used in so many rounds of `Vault.stock`, where that is more."""
_MOST_READY = 16_384
"""Keys that lie ready at most, whatever rush came before."""
_NOTED_FOR_SURE = 16_384
"""So many personal parts in a row whose keys have their owner noted: no note before them is missing. One alone says
nothing, since a part may be sealed under a key that its subject has had for long."""
_MOST_SEALED = _NOTED_FOR_SURE // 2
"""So many parts are sealed at most before owners are noted: `adopt` looks back farther than that."""
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
        self._master = AESGCM(master)
        self._lock = threading.RLock()
        self._spare: list[Key] = []
        self._given: dict[str, Key] = {}
        """Keys that were given out and whose owners the store does not know yet."""
        self._sealed = 0
        """Parts that were sealed since the store knew all owners."""
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
        """Encrypt ``plain`` under the key of ``subject``, a new one where it has none, for the journal to hold.

        Returns
        -------
        bytes
            The key's name (16), a nonce (12), the ciphertext and its tag (16).

        Raises
        ------
        NotStored
            When a key could not be stored.
        """
        with self._lock:
            try:
                key = self._key_of(subject)
                self._sealed += 1
                if self._sealed >= _MOST_SEALED:
                    self._note_owners()
            except sqlite3.Error as error:
                raise NotStored(f"no key could be stored in {self.path.name}: {error}") from error
        return key.seal(plain, context)

    def lend(self, subject: str) -> Key:
        """Return the key of ``subject``, a new one where it has none, to seal what no journal names.

        Raises
        ------
        NotStored
            When a key could not be stored.
        """
        with self._lock:
            try:
                key = self._key_of(subject)
                if subject in self._given:
                    with self._writing:
                        self._write_owners(self._base, {subject: key})
                    del self._given[subject]
            except sqlite3.Error as error:
                raise NotStored(f"no key could be stored in {self.path.name}: {error}") from error
        return key

    def seal_durably(self, subject: str, plain: bytes, context: bytes) -> bytes:
        """Encrypt as `seal` does, for what no journal names: whose the key is is on the disk when this returns.

        Raises
        ------
        NotStored
            When it could not be stored.
        """
        key = self.lend(subject)
        with self._lock:
            try:
                self._settle()
            except sqlite3.Error as error:
                raise NotStored(f"no key could be stored in {self.path.name}: {error}") from error
        return key.seal(plain, context)

    def stock(self) -> None:
        """Note whose keys are whose, and make keys ahead, so that `seal` need not: every few seconds, in a worker.

        Raises
        ------
        NotStored
            When they could not be stored.
        """
        with self._stocking:
            with self._lock:
                given, sealed = dict(self._given), self._sealed
                taken, self._taken = self._taken, 0
                missing = min(max(_READY, _ROUNDS * taken), _MOST_READY) - len(self._spare)
            fresh = Key.fresh(missing) if missing >= _AT_ONCE // 2 else []
            if not given and not fresh:
                return
            try:
                with self._writing:
                    self._write_owners(self._stock, given)
                    self._insert(self._stock, fresh)
                with self._settling:
                    self._stock.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                raise NotStored(f"no keys could be stored in {self.path.name}: {error}") from error
            with self._lock:
                self._noted(given, sealed)
                self._spare += fresh

    def open(self, sealed: bytes, context: bytes) -> bytes | PersonalState:
        """Decrypt what `seal` made with the same context, or say why not: ``ERASED`` or ``UNREADABLE``."""
        name = sealed[:NAME_BYTES]
        with self._lock:
            row = self._base.execute("SELECT wrapped FROM keys WHERE name = ?", (name,)).fetchone()
            if row is None:
                return PersonalState.ERASED if name in self._erased else PersonalState.UNREADABLE
        try:
            secret = decrypt(self._master, row[0], name)
            return decrypt(AESGCM(secret), sealed[NAME_BYTES:], context)
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
                self._note_owners()
                found = [(subject, self._names_of(subject)) for subject in (*subjects, WHOLE_STATE)]
                lines = [Erasure(subject, tuple(name.hex() for name in names), at) for subject, names in found if names]
                add_erasures(self.erasures_path, lines)
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
            self._note_owners()
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
            with suppress(sqlite3.Error):  # `adopt` finds them in the journal
                self._note_owners()
            self._stock.close()
            self._base.close()
            self._writer.release()

    def _key_of(self, subject: str) -> Key:
        key = self._given.get(subject)
        if key is not None:
            return key
        row = self._base.execute(
            "SELECT name, wrapped FROM keys WHERE subject = ? ORDER BY number DESC LIMIT 1", (subject,)
        ).fetchone()
        if row is not None:
            return Key(row[0], decrypt(self._master, row[1], row[0]))
        if not self._spare:
            self._make_spare()
        key = self._given[subject] = self._spare.pop()
        self._taken += 1
        return key

    def _note_owners(self) -> None:
        """Write whose the keys are that were given out; what is in a store that was not settled may be lost again."""
        if self._given:
            with self._writing:
                self._write_owners(self._base, self._given)
        self._noted(dict(self._given), self._sealed)

    def _noted(self, owners: Mapping[str, Key], sealed: int) -> None:
        """Forget notes that have been written, up to which so many parts had been sealed."""
        for subject, key in owners.items():
            if self._given.get(subject) is key:  # else it was erased meanwhile, and has a new one
                del self._given[subject]
        self._sealed = max(0, self._sealed - sealed)

    @staticmethod
    def _write_owners(base: sqlite3.Connection, owners: Mapping[str, Key]) -> None:
        if owners:  # in one statement, for the reason that `insert_together` gives
            values = ", ".join(["(?, ?)"] * len(owners))
            base.execute(
                f"WITH owner (subject, name) AS (VALUES {values}) "  # noqa: S608 - marks alone
                "UPDATE keys SET subject = owner.subject FROM owner WHERE keys.name = owner.name",
                [value for subject, key in owners.items() for value in (subject, key.name)],
            )

    def _make_spare(self) -> None:
        fresh = Key.fresh(_AT_ONCE)
        with self._writing:
            self._insert(self._base, fresh)
            self._settle()
        self._spare += fresh

    def _insert(self, base: sqlite3.Connection, fresh: list[Key]) -> None:
        if fresh:
            rows = [(key.name, encrypt(self._master, key.secret, key.name)) for key in fresh]
            insert_together(base, "keys (name, wrapped)", rows)

    def _names_of(self, subject: str) -> list[bytes]:
        return [row[0] for row in self._base.execute("SELECT name FROM keys WHERE subject = ?", (subject,))]

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
        lines = read_erasures(self.erasures_path)
        erased = {bytes.fromhex(name) for line in lines for name in line.keys}
        back = [name for name in erased if self._base.execute("SELECT 1 FROM keys WHERE name = ?", (name,)).fetchone()]
        if back:
            self._delete(back)
        return erased, {line.subject for line in lines}
