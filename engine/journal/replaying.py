"""What the process does that brings a snapshot up to date; `renewal` begins it.

It is told on its standard input what to do and with which key, and writes what comes of it to its standard output.
"""

import os
import signal
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.core.apply import apply
from engine.core.state import State
from engine.journal.envelope import context_of, decode_body
from engine.journal.files import read_beside, slip_of
from engine.journal.keys import Key
from engine.journal.reader import Reader
from engine.journal.renewal import Errand
from engine.journal.vault import WHOLE_STATE
from engine.model.errors import NotStored
from engine.model.events import Event

_LOOK_AGAIN = 1_024
"""Entries between two looks whether the server is still there."""


class Renewed(NamedTuple):
    """The state after an entry, sealed, and the hash of that entry."""

    seq: int
    hash: bytes
    sealed: bytes


def renew(errand: Errand) -> Renewed:
    """Return the state after the journal's newest entry, made from the snapshot there is and what came after it.

    Raises
    ------
    NotStored
        When the server that asked is gone.
    Refusal
        When an entry cannot be read.
    """
    key = Key(errand.key_name, errand.key)
    with closing(sqlite3.connect(f"{Path(errand.journal).as_uri()}?mode=ro", uri=True)) as base:
        reader = Reader(base, errand.log_id, threading.Lock())
        state, last_hash = _begin(errand, key, reader)
        for entry in reader.entries(state.seq):
            # Nothing that a snapshot holds follows from a personal part: one that was erased is never there, either.
            apply(state, Event(entry.seq, entry.at, entry.actor, decode_body(entry), None))
            last_hash = entry.hash
            if entry.seq % _LOOK_AGAIN == 0 and os.getppid() != errand.server:
                raise NotStored("the server is gone")
    sealed = key.seal(state.snapshot(), context_of(errand.log_id, state.seq, WHOLE_STATE))
    return Renewed(state.seq, last_hash, sealed)


def _begin(errand: Errand, key: Key, reader: Reader) -> tuple[State, bytes]:
    """Return the state of the snapshot there is, if it can be used, else of the time before the first entry."""
    found = read_beside(Path(errand.snapshot), errand.log_id)
    if found is not None:
        slip, sealed = found
        bound_to = reader.hash_at(slip.mark)
        blob = key.open(sealed, context_of(errand.log_id, slip.mark, WHOLE_STATE))
        if bound_to is not None and bound_to.hex() == slip.bound_to and blob is not None:
            try:
                return State.restored(blob), bound_to
            except msgspec.DecodeError:
                pass  # another version of this program wrote it
    genesis = reader.hash_at(0)
    assert genesis is not None
    return State(), genesis


def main() -> None:
    """Do what the standard input says, and write to the standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever stops the server by Ctrl-C leaves us to it
    errand = msgspec.json.decode(sys.stdin.buffer.read(), type=Errand)
    try:
        renewed = renew(errand)
        sys.stdout.buffer.write(slip_of(errand.log_id, renewed.seq, renewed.hash.hex(), renewed.sealed))
        sys.stdout.buffer.write(renewed.sealed)
        sys.stdout.buffer.flush()
    except Exception as error:  # noqa: BLE001 - said in one word, which is logged: its text may quote what is on record
        sys.exit(type(error).__name__)
