"""Disks that lose what was not synced.

A client's file goes through the calls that the real code makes: what is written lies in the cache until its file is
synced, a new name until its folder is. The server's record keeps SQLite's promise and no more: a commit is whole or
not there, and what was not synced when the power went is not there, or is. Entries are sealed and opened by the real
envelope.
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

import msgspec

from engine.core.apply import apply
from engine.core.state import State
from engine.journal.envelope import PersonalState, Sealed, Snapshot, check_order, genesis, open_event, seal_event
from engine.model.errors import NotStored
from engine.model.events import Event


class Files:
    """The disk of one client: contents by name, in the cache and on the plate. Stands in for `os` where files are made.

    Parameters
    ----------
    before
        Called before every call that touches the disk; may raise `PowerCut`.
    """

    name = "posix"
    O_CREAT, O_EXCL, O_WRONLY, O_RDONLY, O_TRUNC = os.O_CREAT, os.O_EXCL, os.O_WRONLY, os.O_RDONLY, os.O_TRUNC

    def __init__(self, before: Callable[[], None]) -> None:
        self._before = before
        self._names: dict[str, int] = {}
        self._durable_names: dict[str, int] = {}
        self._content: dict[int, bytes] = {}
        self._durable_content: dict[int, bytes] = {}
        self._handles: dict[int, int | None] = {}
        self._next = 3
        self.on_durable: Callable[[str, bytes], None] = lambda name, content: None

    def path(self, name: str) -> "FilePath":
        return FilePath(self, name)

    def lose_power(self, chance: random.Random) -> None:
        """What was synced stays; of the rest the file system may have written some on its own."""
        for name in sorted(set(self._names) | set(self._durable_names)):
            if chance.random() < 0.3:
                if name in self._names:
                    self._durable_names[name] = self._names[name]
                else:
                    self._durable_names.pop(name, None)
        for node, content in self._content.items():
            if node not in self._durable_content:
                self._durable_content[node] = content[: chance.randint(0, len(content))]
        self._names = dict(self._durable_names)
        self._content = dict(self._durable_content)
        self._handles.clear()
        for name, node in self._durable_names.items():
            self.on_durable(name, self._durable_content.get(node, b""))

    def stop(self) -> None:
        """The process is gone and the machine runs on: its cache has everything."""
        self._handles.clear()

    def wipe(self) -> None:
        for table in (self._names, self._durable_names, self._content, self._durable_content, self._handles):
            table.clear()

    # As `os` and its files.

    def open(self, path: "FilePath", flags: int, mode: int = 0o600) -> int:
        self._before()
        handle, self._next = self._next, self._next + 1
        if path.is_folder:
            self._handles[handle] = None
            return handle
        if flags & self.O_EXCL and path.name in self._names:
            raise FileExistsError(path.name)
        if path.name not in self._names:
            if not flags & self.O_CREAT:
                raise FileNotFoundError(path.name)
            self._names[path.name] = handle
            self._content[handle] = b""
        node = self._names[path.name]
        if flags & self.O_TRUNC:
            self._content[node] = b""
            self._durable_content.pop(node, None)
        self._handles[handle] = node
        return handle

    def fdopen(self, handle: int, mode: str) -> "OpenFile":
        return OpenFile(self, handle)

    def write(self, handle: int, data: bytes) -> None:
        self._before()
        node = self._handles[handle]
        assert node is not None
        self._content[node] += data
        self._durable_content.pop(node, None)

    def fsync(self, handle: int) -> None:
        self._before()
        node = self._handles[handle]
        if node is not None:
            self._durable_content[node] = self._content[node]
        else:
            self._durable_names = dict(self._names)
        for name, its in self._durable_names.items():
            if its in self._durable_content and (node is None or its == node):
                self.on_durable(name, self._durable_content[its])
        self._before()

    def close(self, handle: int) -> None:
        self._handles.pop(handle, None)


class OpenFile:
    """As what `os.fdopen` returns."""

    def __init__(self, files: Files, handle: int) -> None:
        self._files, self._handle = files, handle

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._files.close(self._handle)

    def write(self, data: bytes) -> None:
        self._files.write(self._handle, data)

    def flush(self) -> None:
        pass

    def fileno(self) -> int:
        return self._handle


class FilePath:
    """As `pathlib.Path`, as far as it is asked."""

    def __init__(self, files: Files, name: str, *, is_folder: bool = False) -> None:
        self._files = files
        self.name = name
        self.is_folder = is_folder

    def __str__(self) -> str:
        return self.name

    @property
    def parent(self) -> "FilePath":
        return FilePath(self._files, ".", is_folder=True)

    def with_name(self, name: str) -> "FilePath":
        return FilePath(self._files, name)

    def exists(self) -> bool:
        return self.name in self._files._names

    def read_bytes(self) -> bytes:
        return self._files._content[self._files._names[self.name]]

    def unlink(self, *, missing_ok: bool = False) -> None:
        self._files._before()
        if self._files._names.pop(self.name, None) is None and not missing_ok:
            raise FileNotFoundError(self.name)

    def replace(self, target: "FilePath") -> None:
        self._files._before()
        self._files._names[target.name] = self._files._names.pop(self.name)


class Cipher:
    """Keeps nobody's secret, but binds every part to its place as the vault does."""

    def seal(self, subject: str, plain: bytes, context: bytes) -> bytes:
        return sha256(context).digest()[:16] + plain

    def open(self, sealed: bytes, context: bytes) -> bytes | PersonalState:
        if sealed[:16] != sha256(context).digest()[:16]:
            return PersonalState.UNREADABLE
        return sealed[16:]


CIPHER = Cipher()


class Plate:
    """The server's disk: what is durable, what is only written, and what may go wrong next."""

    def __init__(self, log_id: str) -> None:
        self.log_id = log_id
        self.entries: list[Sealed] = []
        self.written: list[list[Sealed]] = []
        self.beside: dict[str, tuple[int, bytes]] = {}
        self.full = False
        self.before_sync: Callable[[], None] = lambda: None
        self.before_replacing: Callable[[], None] = lambda: None
        self.on_durable: Callable[[Sequence[Event]], None] = lambda events: None

    def stop(self, chance: random.Random, *, power: bool) -> None:
        """What was written and not synced outlives the process; when the power goes, it may not."""
        for batch in self.written:
            if power and chance.random() < 0.5:
                break
            self.entries.extend(batch)
            self.on_durable([open_event(entry, self.log_id, CIPHER).event for entry in batch])
        self.written.clear()


class Record:
    """The journal port and the keeper of copies, over a plate. One for each life of the server."""

    def __init__(self, plate: Plate) -> None:
        self._plate = plate
        self._renewals = 0
        self.log_id = plate.log_id

    def append(self, events: Sequence[Event]) -> None:
        plate = self._plate
        end = plate.entries[-1] if plate.entries else None
        check_order(events, end.seq if end else 0)
        last_hash = end.hash if end else genesis(self.log_id)
        batch: list[Sealed] = []
        for event in events:
            batch.append(seal_event(event, self.log_id, last_hash, CIPHER))
            last_hash = batch[-1].hash
        if plate.full:
            raise NotStored("the disk is full")
        plate.written.append(batch)
        plate.before_sync()
        plate.written.remove(batch)
        plate.entries.extend(batch)
        plate.on_durable(events)

    def read(self, after_seq: int = 0) -> Iterator[Event]:
        for entry in self._plate.entries[after_seq:]:
            yield open_event(entry, self.log_id, CIPHER).event

    def save_checkpoint(self, name: str, at: int, blob: bytes) -> None:
        self._keep(name, at, blob)

    def save_snapshot(self, seq: int, blob: bytes) -> None:
        if seq > len(self._plate.entries):
            raise NotStored(f"a snapshot after entry {seq}, but the journal ends at {len(self._plate.entries)}")
        self._keep("snapshot", seq, blob)

    @property
    def snapshot_seq(self) -> int:
        return self._plate.beside.get("snapshot", (0, b""))[0]

    def load_snapshot(self) -> Snapshot | None:
        found = self._plate.beside.get("snapshot")
        return Snapshot(*found) if found else None

    def renew_snapshot(self) -> None:
        """As the real one: out of the record and the snapshot there is, while the server has gone on."""
        plate, found = self._plate, self.load_snapshot()
        state = State() if found is None else State.restored(found.blob)
        begun = state.seq
        for event in self.read(begun):
            if event.seq - begun > 2 and event.seq > len(plate.entries) - self._renewals % 4:
                break
            apply(state, msgspec.structs.replace(event, personal=None))
        self._renewals += 1
        plate.before_replacing()
        self._keep("snapshot", state.seq, state.snapshot())

    def stop_renewing(self) -> None:
        pass

    def settle(self) -> None:
        pass

    def _keep(self, name: str, mark: int, blob: bytes) -> None:
        if self._plate.full:
            raise NotStored("the disk is full")
        self._plate.beside[name] = (mark, blob)
