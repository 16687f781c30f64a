"""Was the record changed? The chain of hashes finds any altered, lost or moved entry; signed heads find a cut end.

A chain alone cannot show that its last entries were taken away, nor that all of it was written anew. So heads, each the
seq and hash of the newest entry under the vault's signature, are appended to a file at another place, one JSON object a
line; whoever alters the journal would have to alter that file, too, and cannot sign.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.journal.envelope import Cipher, PersonalState, Sealed, genesis, hash_of, open_event
from engine.journal.files import create_private
from engine.model.errors import Refusal

MOST_PROBLEMS = 1_000
"""A report lists so many problems and then stops looking: the first one is what matters."""

ProblemCode = Literal[
    "database",  # SQLite itself finds the file damaged
    "missing",  # an entry is gone
    "changed",  # an entry is not what was hashed
    "unlinked",  # an entry does not follow the one before it
    "unreadable_body",  # an entry is what was hashed, but this program cannot read it
    "unreadable_personal",  # its key is gone without an erasure on record
    "unreadable_head",  # a line of the heads is not a head
    "foreign_head",  # a head of another journal or in another version
    "bad_signature",  # a head that was not signed by this vault
    "head_order",  # a head that says less than one before it
    "truncated",  # a head names an entry that is not there
    "rewritten",  # a head names another entry at this place
]


class Problem(NamedTuple):
    """Something that is not as it was written."""

    code: ProblemCode
    seq: int
    """The entry; for a line of the heads that cannot be read, the line's number."""
    text: str = ""


class VerifyReport(NamedTuple):
    """What a verification saw."""

    entries: int
    last_seq: int
    last_hash: str
    """Hex; compare it with what was noted elsewhere."""
    personal: dict[str, int]
    """Entries by `PersonalState`."""
    heads: int
    """Signed heads that were checked and hold."""
    proven_seq: int
    """Up to here nothing can have been changed, cut or written anew; 0 without heads."""
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written, as far as can be proven."""
        return not self.problems


class Head(msgspec.Struct, frozen=True):
    """The newest entry of a journal at some time, signed."""

    log_id: str
    seq: int
    hash: str
    at: int
    signature: str = ""
    format: int = 1

    def message(self) -> bytes:
        """Return the bytes that are signed."""
        return f"allpoints head {self.format}\n{self.log_id}\n{self.seq}\n{self.hash}\n{self.at}\n".encode()


def append_head(path: Path, head: Head, sign: Callable[[bytes], bytes]) -> None:
    """Sign a head and add it to a file, durably.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    signed = msgspec.structs.replace(head, signature=sign(head.message()).hex())
    if not path.exists():
        create_private(path)
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        if end:  # a line that a power cut tore must not swallow this one
            file.seek(end - 1)
            torn = file.read(1) != b"\n"
        else:
            torn = False
        file.write((b"\n" if torn else b"") + msgspec.json.encode(signed) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def check_chain(
    entries: Iterable[Sealed], log_id: str, cipher: Cipher, wanted: frozenset[int] = frozenset()
) -> tuple[VerifyReport, dict[int, str]]:
    """Walk all entries in order of seq and report what does not fit.

    Each break is reported once: after it the walk goes on from what the entry itself says.

    Returns
    -------
    tuple
        The report, with no heads checked yet, and the hashes (hex) of the entries in ``wanted``.
    """
    problems: list[Problem] = []
    hashes: dict[int, str] = {}
    personal = {state.value: 0 for state in PersonalState}
    count, last_seq, last_hash = 0, 0, genesis(log_id)
    for entry in entries:
        count += 1
        if entry.seq != last_seq + 1:
            problems.append(Problem("missing", last_seq + 1, f"next is {entry.seq}"))
        elif entry.prev_hash != last_hash:
            problems.append(Problem("unlinked", entry.seq))
        if hash_of(entry) != entry.hash:
            problems.append(Problem("changed", entry.seq))
        try:
            opened = open_event(entry, log_id, cipher)
        except Refusal as refusal:
            problems.append(Problem("unreadable_body", entry.seq, str(refusal)))
        else:
            personal[opened.personal_state.value] += 1
            if opened.personal_state is PersonalState.UNREADABLE:
                problems.append(Problem("unreadable_personal", entry.seq))
            if opened.event.kind != entry.kind and not _has(problems, entry.seq):
                problems.append(Problem("changed", entry.seq, "the kind is not the body's"))
        last_seq, last_hash = entry.seq, entry.hash
        if last_seq in wanted:
            hashes[last_seq] = last_hash.hex()
        if len(problems) >= MOST_PROBLEMS:
            break
    return VerifyReport(count, last_seq, last_hash.hex(), personal, 0, 0, tuple(problems)), hashes


def _has(problems: list[Problem], seq: int) -> bool:
    return bool(problems) and problems[-1].seq == seq


def read_heads(path: Path) -> list[tuple[int, Head | None]]:
    """Return the heads of a file by line number; None where a line is not one.

    Raises
    ------
    Refusal
        When the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Refusal("unusable_file", "heads", str(path), type(error).__name__) from error
    heads: list[tuple[int, Head | None]] = []
    for number, line in enumerate(lines, 1):
        try:
            heads.append((number, msgspec.json.decode(line, type=Head)))
        except msgspec.MsgspecError:
            heads.append((number, None))
    return heads


def check_heads(
    report: VerifyReport, heads: list[tuple[int, Head | None]], hashes: dict[int, str], log_id: str, public_key: bytes
) -> VerifyReport:
    """Hold signed heads against a walked chain and return the report with what they prove."""
    key = Ed25519PublicKey.from_public_bytes(public_key)
    problems = list(report.problems)
    held, proven, before = 0, 0, 0
    for number, head in heads:
        if head is None:
            problems.append(Problem("unreadable_head", number))
            continue
        code = _fault(head, log_id, key)
        if code is None and head.seq < before:
            code = "head_order"
        if code is None and head.seq > report.last_seq:
            code = "truncated"
        if code is None and head.seq and hashes.get(head.seq) != head.hash:
            code = "rewritten"
        if code is not None:
            problems.append(Problem(code, head.seq, f"line {number} of the heads"))
            continue
        held += 1
        proven = before = head.seq
    return report._replace(heads=held, proven_seq=proven, problems=tuple(problems[:MOST_PROBLEMS]))


def _fault(head: Head, log_id: str, key: Ed25519PublicKey) -> ProblemCode | None:
    """Return what is wrong with a head by itself."""
    if head.log_id != log_id or head.format != 1:
        return "foreign_head"
    try:
        key.verify(bytes.fromhex(head.signature), head.message())
    except (InvalidSignature, ValueError):
        return "bad_signature"
    return None
