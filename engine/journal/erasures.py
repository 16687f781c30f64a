"""The list of erasures: a file of its own, one JSON object a line. Keep it with the exported heads, not with backups.

It is done again at every opening of the vault, so that a key that comes back with a restored backup is deleted again.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.journal.files import create_private
from engine.model.errors import Refusal


class Erasure(msgspec.Struct, frozen=True):
    """One line of the list of erasures: which keys of whom, and when. Ids only, nothing that names anybody."""

    subject: str
    keys: tuple[str, ...]
    at: int


def add_erasures(path: Path, lines: Sequence[Erasure]) -> None:
    """Add lines to the list, durably, before any of their keys goes.

    Raises
    ------
    OSError
        When they could not be written.
    """
    if not path.exists():
        create_private(path)
    with path.open("ab") as file:
        for line in lines:
            file.write(msgspec.json.encode(line) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_erasures(path: Path) -> list[Erasure]:
    """Return what is on the list; a line that a power cut left unfinished is taken off: it was never confirmed.

    Raises
    ------
    Refusal
        When a line cannot be read; names it.
    """
    if not path.exists():
        return []
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        os.truncate(path, len(whole))
    found: list[Erasure] = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            erasure = msgspec.json.decode(line, type=Erasure)
            for name in erasure.keys:
                bytes.fromhex(name)
        except ValueError as error:
            raise Refusal("damaged", "list of erasures", f"{path}:{number}", "one JSON object a line") from error
        found.append(erasure)
    return found
