"""The snapshot, brought up to date by a process of its own: the server never stops to encode all that it knows.

The process (`replaying`) takes the snapshot there is, applies what the journal has after it, and writes what comes of
that, sealed. So each snapshot is made from the record alone, never from the memory of the server that lives through it.

Rules: the process is told one key, that of whole states, over its standard input, and hands back what it made over its
standard output; it opens no file for writing, and nothing that can name a person. The server writes the file, and gives
it its name once it has held it against the journal. Whatever stops either of them leaves the old snapshot. The process
gives way to everybody else on the machine, which is why it is not the one that writes: who waits for a processor with
a part of the file system locked holds up the journal. It ends when the server that asked for it is gone.
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from engine.journal.files import AT_ONCE_BYTES, write_synced
from engine.model.errors import NotStored

LONGEST_S = 1_800.0
"""A process that has not ended by then is given up: it was given no time on a machine that has none to spare."""
_LONGEST_WORD = 80
_PROGRAM = "import os; getattr(os, 'nice', int)(19); from engine.journal.replaying import main; main()"
"""It gives way before it imports anything: that alone takes a second, in which everybody would wait for a processor."""


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
        """Have a snapshot made and write it into an open file; to be called in a thread, since it takes seconds.

        Raises
        ------
        NotStored
            When none was made; the message says why.
        OSError
            When it could not be written.
        """
        with self._begun() as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            overdue = threading.Timer(LONGEST_S, process.kill)
            overdue.start()
            try:
                with contextlib.suppress(BrokenPipeError):  # it has ended: its status says why
                    process.stdin.write(msgspec.json.encode(errand))
                    process.stdin.close()
                while piece := process.stdout.read(AT_ONCE_BYTES):
                    write_synced(into, piece)
                word = process.stderr.read(_LONGEST_WORD).decode(errors="replace")
            finally:
                overdue.cancel()
        if process.returncode:
            raise NotStored(f"status {process.returncode} {word}".strip())

    @contextlib.contextmanager
    def _begun(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Begin the process; afterwards it has ended."""
        with self._lock:
            if self._is_over:
                raise NotStored("there are to be no more snapshots")
            try:
                # Our files close themselves when another program begins; to go through ten thousand takes long.
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-c", _PROGRAM],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    close_fds=False,
                )
            except OSError as error:
                raise NotStored(f"no process could be begun: {error.strerror}") from error
        try:
            with self._process as process:
                yield process
        finally:
            self._process = None

    def stop(self) -> None:
        """Give up the one that runs, and begin no more."""
        with self._lock:
            self._is_over = True
            if self._process is not None:
                self._process.kill()
