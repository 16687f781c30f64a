"""What lies beside a journal's file: checkpoints of streams, and the snapshot of the state; each replaced whole.

They never touch the commit path, and to lose them costs time, not truth.
"""

import os
import re
from pathlib import Path

from engine.journal.envelope import Checkpoint, Snapshot, context_of
from engine.journal.files import fresh_name, read_beside, read_slip, replacement, write_beside
from engine.journal.reader import Reader
from engine.journal.renewal import Errand, Renewals
from engine.journal.vault import WHOLE_STATE, Vault
from engine.model.errors import NotStored, Refusal

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


class Beside:
    """The files beside a journal's own, ``journal.NAME.checkpoint`` and ``journal.snapshot``.

    Parameters
    ----------
    path
        The journal's file.
    vault
        Keeps the key of whole states.
    """

    _reader: Reader
    _log_id: str

    def __init__(self, path: Path, vault: Vault) -> None:
        self.path = path
        self.snapshot_seq = 0
        """The entry after which the snapshot was taken that is kept; 0 where none is known."""
        self._vault = vault
        self._renewals = Renewals()

    def save_checkpoint(self, name: str, at: int, blob: bytes) -> None:
        """Keep the newest of a conflated stream, such as the fleet; the one before it is replaced.

        Raises
        ------
        NotStored
            When it could not be written; the one before it is still there.
        """
        self._write_beside(self._checkpoint(name), at, "", blob)

    def load_checkpoint(self, name: str) -> Checkpoint | None:
        """Return the newest one of this journal; None when there is none that is whole."""
        found = read_beside(self._checkpoint(name), self._log_id)
        return Checkpoint(found[0].mark, found[1]) if found else None

    def save_snapshot(self, seq: int, blob: bytes) -> None:
        """Keep the state after entry ``seq``, encrypted, in place of an older one.

        Raises
        ------
        NotStored
            When it could not be written; the one before it is still there.
        """
        bound_to = self._reader.hash_at(seq)
        if bound_to is None:
            raise NotStored(f"a snapshot after entry {seq}, which the journal does not have")
        sealed = self._vault.lend(WHOLE_STATE).seal(blob, context_of(self._log_id, seq, WHOLE_STATE))
        self._write_beside(self._beside("snapshot"), seq, bound_to.hex(), sealed)
        self.snapshot_seq = seq

    def renew_snapshot(self) -> None:
        """Bring the snapshot up to the journal's end, in a process of its own (`renewal`); to be called in a worker.

        Raises
        ------
        NotStored
            When it was not; the one before it is still there.
        """
        target = self._beside("snapshot")
        key = self._vault.lend(WHOLE_STATE)
        errand = Errand(str(self.path.absolute()), str(target.absolute()), self._log_id, *key, os.getpid())
        try:
            with replacement(target) as file:
                self._renewals.run(errand, file)
                slip = read_slip(fresh_name(target))
                bound_to = None if slip is None else self._reader.hash_at(slip.mark)
                if slip is None or bound_to is None or bound_to.hex() != slip.bound_to or slip.log_id != self._log_id:
                    raise NotStored("the snapshot that was made is not of this journal")
        except OSError as error:
            raise NotStored(f"{target.name}: {error.strerror}") from error
        self.snapshot_seq = slip.mark

    def stop_renewing(self) -> None:
        """Give up the renewal that runs, and begin no more: whoever stops has the state at hand."""
        self._renewals.stop()

    def load_snapshot(self) -> Snapshot | None:
        """Return the newest snapshot; None when there is none that is whole, unerased and of this very history."""
        found = read_beside(self._beside("snapshot"), self._log_id)
        if found is None:
            return None
        slip, sealed = found
        bound_to = self._reader.hash_at(slip.mark)
        if bound_to is None or bound_to.hex() != slip.bound_to:
            return None
        blob = self._vault.open(sealed, context_of(self._log_id, slip.mark, WHOLE_STATE))
        if not isinstance(blob, bytes):
            return None
        self.snapshot_seq = slip.mark
        return Snapshot(slip.mark, blob)

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(f"{self.path.stem}.{ending}")

    def _checkpoint(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise Refusal("bad_name", "checkpoint", name, _NAME.pattern)
        return self._beside(f"{name}.checkpoint")

    def _write_beside(self, path: Path, mark: int, bound_to: str, blob: bytes) -> None:
        try:
            with replacement(path) as file:
                write_beside(file, self._log_id, mark, bound_to, blob)
        except OSError as error:
            raise NotStored(f"{path.name}: {error}") from error
