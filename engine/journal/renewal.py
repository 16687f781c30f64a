"""The snapshot, brought up to date by a process of its own: the server never stops to encode all that it knows.

The process (`replaying`) takes the snapshot there is, applies what the journal has after it, and writes what comes of
that, sealed. So each snapshot is made from the record alone, never from the memory of the server that lives through it.

Rules: the process is told one key, that of whole states, over its standard input, and is handed one open file as its
standard output; it writes to no other, and opens nothing that can name a person. The server gives the file its name,
once it has held it against the journal. Whatever stops either of them leaves the old snapshot. The process gives way
to everybody else on the machine, and ends when the server that asked for it is gone.
"""

import subprocess
import sys
import threading
from typing import BinaryIO

import msgspec

from engine.model.errors import NotStored

LONGEST_S = 1_800.0
"""A process that has not ended by then is given up: it was given no time on a machine that has none to spare."""
_LONGEST_WORD = 80
_PROCESS = "engine.journal.replaying"


class Errand(msgspec.Struct, frozen=True):
    """What the process is told.

    Parameters
    ----------
    journal, snapshot
        Where both are; they are read.
    log_id
        The identity of the journal.
    key_name, key
        The key of whole states.
    server
        The process that asks.
    """

    journal: str
    snapshot: str
    log_id: str
    key_name: bytes
    key: bytes
    server: int


class Renewals:
    """Runs such processes, one at a time, until there are to be no more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False

    def run(self, errand: Errand, into: BinaryIO) -> None:
        """Have a snapshot written into an open file; to be called in a thread, since it takes seconds.

        Raises
        ------
        NotStored
            When it was not; the message says why.
        """
        command = [sys.executable, "-m", _PROCESS]
        with self._lock:
            if self._is_over:
                raise NotStored("there are to be no more snapshots")
            try:
                # Our files close themselves when another program begins; to go through ten thousand takes long.
                process = self._process = subprocess.Popen(  # noqa: S603 - our own module
                    command, stdin=subprocess.PIPE, stdout=into, stderr=subprocess.PIPE, close_fds=False
                )
            except OSError as error:
                raise NotStored(f"no process could be begun: {error.strerror}") from error
        try:
            _, said = process.communicate(msgspec.json.encode(errand), LONGEST_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            raise NotStored(f"no snapshot within {LONGEST_S:g} s") from error
        finally:
            self._process = None
        if process.returncode:
            word = said[-_LONGEST_WORD:].decode(errors="replace").strip()
            raise NotStored(f"status {process.returncode} {word}".strip())

    def stop(self) -> None:
        """Give up the one that runs, and begin no more."""
        with self._lock:
            self._is_over = True
            if self._process is not None:
                self._process.kill()
