"""What a client must not lose: what it has applied, and what it has said and has no answer to yet.

With a path both are one small file, replaced whole before anything is sent: an answer that was given offline, or just
before the power went, goes out on the next connection under the same key, and takes effect once. Answers and
statuses go one at a time, in the order they were said; alerts do not wait for each other. A call for help goes before
everything else, and goes even where it cannot be kept.
"""

import contextlib
from pathlib import Path

import msgspec

from engine.journal.files import replace_private, sync_folder
from engine.model.errors import Refusal
from engine.wire.client_session import Memory
from engine.wire.messages import Clock, Emergency, Read, Status, reference
from engine.wire.order_messages import (
    AnswerOrder,
    AskHelp,
    AskLeave,
    AssignUnits,
    Look,
    ReturnOrder,
    StateFacts,
    Welfare,
)
from engine.wire.reports import ReportAlert, ReportSighting, SettleSighting, VerifySighting

Said = (
    Emergency
    | AnswerOrder
    | AssignUnits
    | AskHelp
    | AskLeave
    | ReturnOrder
    | StateFacts
    | Status
    | Welfare
    | Read
    | ReportAlert
    | Look
    | ReportSighting
    | VerifySighting
    | SettleSighting
    | Clock
)
"""What is answered by ``taken``, ``refused`` or ``superseded``."""

MOST_SAID = 10_000
"""Messages that may wait for an answer; one more is refused."""


class Stored(msgspec.Struct):
    """The file's content."""

    memory: Memory
    said: list[Said]
    format: int = 1


class Outbox:
    """Messages that wait for their answer.

    Parameters
    ----------
    path
        The file; None keeps nothing beyond the process.

    Raises
    ------
    Refusal
        When there is a file that cannot be read as one: it may hold answers, so nobody writes over it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        stored = _read(path)
        self.memory = stored.memory
        self._waiting: dict[str, Said] = {reference(message): message for message in stored.said}
        self._sent: set[str] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, message: Said) -> None:
        """Keep a message until it is answered; on disk before it returns. An emergency is never refused.

        Raises
        ------
        Refusal
            When too many wait.
        OSError
            When the file could not be written; the message is not kept then.
        """
        ref = reference(message)
        if isinstance(message, Emergency):
            self._waiting = {ref: message, **self._waiting}
            with contextlib.suppress(OSError):
                self.save()
            return
        if len(self._waiting) >= MOST_SAID:
            raise Refusal("busy", "outbox", len(self._waiting), f"{MOST_SAID} messages without an answer")
        self._waiting[ref] = message
        try:
            self.save()
        except OSError:
            del self._waiting[ref]
            raise

    @property
    def emergency(self) -> Emergency | None:
        """The call for help that has no answer yet; there is one at most."""
        return next((said for said in self._waiting.values() if isinstance(said, Emergency)), None)

    def ready(self, *, emergency_only: bool = False) -> list[Said]:
        """Return what may be sent now, in order, and note that it was sent."""
        found: list[Said] = []
        is_line_free = True
        for ref, message in self._waiting.items():
            if emergency_only and not isinstance(message, Emergency):
                break
            in_line = not isinstance(message, Emergency | Read | ReportAlert | ReportSighting | Clock)
            if in_line and not is_line_free:
                continue
            if ref not in self._sent:
                found.append(message)
            is_line_free = is_line_free and not in_line
        self._sent.update(reference(message) for message in found)
        return found

    def answered(self, ref: str) -> Said | None:
        """Forget a message that has its answer; return it, or None for one that is not known."""
        message = self._waiting.pop(ref, None)
        self._sent.discard(ref)
        if message is not None:
            self.save()
        return message

    def again(self, ref: str | None = None) -> None:
        """Let one message be sent once more, or all of them, as on a new connection."""
        if ref is None:
            self._sent.clear()
        else:
            self._sent.discard(ref)

    def wipe(self) -> None:
        """Forget everything, here and on the disk: what was applied and what was said. Nothing is kept from now on.

        Raises
        ------
        OSError
            When the file could not be removed; it is empty then, if that at least could be done.
        """
        self._waiting.clear()
        self._sent.clear()
        self.memory.log_id, self.memory.applied_seq = "", 0
        self.memory.open_orders.clear()
        path, self._path = self._path, None
        if path is None or not path.exists():
            return
        # Written over first: where the name cannot be removed, nothing is left in it.
        replace_private(path, msgspec.json.encode(Stored(memory=self.memory, said=[])))
        path.unlink()
        sync_folder(path.parent)

    def save(self) -> None:
        """Replace the file, durably: the new one is whole on the disk before the old one goes.

        Raises
        ------
        OSError
            When it could not be written; the old file is as it was.
        """
        if self._path is None:
            return
        content = msgspec.json.encode(Stored(memory=self.memory, said=list(self._waiting.values())))
        replace_private(self._path, content)


def _read(path: Path | None) -> Stored:
    if path is None or not path.exists():
        return Stored(memory=Memory(), said=[])
    try:
        return msgspec.json.decode(path.read_bytes(), type=Stored)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refusal("unusable_file", "state_path", str(path), error) from error
