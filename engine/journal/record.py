"""A city's record as files: the journal, the keys of what can name a person, and the master key over those."""

from pathlib import Path

from engine.journal.keys import load_master_key
from engine.journal.sqlite_journal import SqliteJournal, Synchronous
from engine.journal.vault import Vault


def open_record(
    folder: Path, *, create: bool = False, synchronous: Synchronous = "FULL"
) -> tuple[SqliteJournal, Vault]:
    """Open the journal and the keys in a folder; close the journal before the keys.

    Parameters
    ----------
    folder
        The record's folder.
    create
        Make what is not there yet.
    synchronous
        ``FULL`` survives a power cut; ``OFF`` is for trials whose record is thrown away.

    Raises
    ------
    Refusal
        When a file cannot be used.
    """
    vault = Vault(folder / "keys.sqlite", load_master_key(folder / "master.key", create=create))
    try:
        return SqliteJournal(folder / "journal.sqlite", vault, synchronous=synchronous), vault
    except BaseException:
        vault.close()
        raise
