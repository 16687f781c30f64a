"""The envelope of one event, ``{v, seq, at, kind, actor, body, personal, prev_hash}``, and its hash.

The body is JSON with struct fields in declared order and keys of mappings sorted. JSON, because a record that may be
evidence must be readable with any tool in twenty years, and because an upcaster wants names. It is byte-stable by
construction: the bytes that were sealed are what is stored and hashed, and no reader encodes them again.

An event is only sealed when its bytes read back as the very same event (a NaN, a list for a tuple, half a surrogate
pair are refused here): a journal never holds an entry that a later start could not replay.
"""

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import msgspec

from engine.model.broadcasts import BroadcastSent
from engine.model.emergency_events import EmergencyEnded
from engine.model.entities import Details
from engine.model.errors import NotStored, Refusal
from engine.model.events import (
    SCHEMA_VERSION,
    AlertReceived,
    Body,
    DetailsRead,
    Event,
    HelpAsked,
    OrderAdvanced,
    Overruled,
    ReturnAsked,
    SceneHeard,
)
from engine.model.lookout_events import LookoutIssued, SightingReported
from engine.model.searches import PlaceLooked

_SUBJECT: Mapping[type[Body], str] = {
    **dict.fromkeys((AlertReceived, EmergencyEnded, PlaceLooked), "alert"),
    DetailsRead: "key",
    **dict.fromkeys((BroadcastSent, LookoutIssued, SightingReported), "id"),
    **dict.fromkeys((HelpAsked, OrderAdvanced, Overruled, ReturnAsked, SceneHeard), "order"),
}
"""The field that names whose key guards the personal part, by the kind of body."""

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes the body of one version, its ``kind`` included, and returns that of the next."""

UPCASTERS: Mapping[int, Upcaster] = {1: dict}
"""By the version they start from. Version 2 has further kinds of events, and changed none that there was."""

_encoder = msgspec.json.Encoder(order="deterministic")
_body_decoder: msgspec.json.Decoder[Body] = msgspec.json.Decoder(Body)
_details_decoder = msgspec.json.Decoder(Details)
_NUMBERS = struct.Struct(">HQq")
_LENGTH = struct.Struct(">I")
_ABSENT = b"\xff\xff\xff\xff"
"""Stands where the length of a personal part would; no part is 4 GiB long."""


class PersonalState(StrEnum):
    """What became of an event's personal part."""

    NONE = "none"
    """The event never had one."""
    PRESENT = "present"
    ERASED = "erased"
    """Its key was deleted on purpose, and the erasure is on record."""
    UNREADABLE = "unreadable"
    """Its key is gone without a record, or the ciphertext was changed: damage."""


class Cipher(Protocol):
    """Who keeps the keys of personal parts; `engine.journal.vault.Vault` does."""

    def seal(self, subject: str, plain: bytes, context: bytes) -> bytes:
        """Encrypt under the key of ``subject``; the same ``context`` is needed to open it."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes | PersonalState:
        """Decrypt, or say why that cannot be done."""
        ...


class Sealed(NamedTuple):
    """One entry as it is stored, in the order of the table's columns."""

    seq: int
    v: int
    at: int
    kind: str
    actor: str
    body: str
    personal: bytes | None
    prev_hash: bytes
    hash: bytes


class Opened(NamedTuple):
    """An event, and whether the absence of its personal part means anything."""

    event: Event
    personal_state: PersonalState


class Checkpoint(NamedTuple):
    """A conflated stream, as it was at a time: milliseconds since the epoch, UTC."""

    at: int
    blob: bytes


class Snapshot(NamedTuple):
    """The state after an entry; what came later is replayed on top of it."""

    seq: int
    blob: bytes


def genesis(log_id: str) -> bytes:
    """Return what stands as ``prev_hash`` in the first entry of a journal: SHA-256 of its identity."""
    return hashlib.sha256(b"allpoints journal " + log_id.encode()).digest()


def hash_of(entry: Sealed) -> bytes:
    """Return the hash of an entry: SHA-256 over all its fields, the ciphertext and the previous hash included.

    The input is ``prev_hash``, then ``v`` (2 bytes), ``seq`` (8), ``at`` (8, signed), all big-endian, then kind, actor,
    body and personal, each after its length in 4 bytes; four bytes of 255 stand for no personal part. Lengths make it
    unambiguous, and thirty lines in any language can check it.
    """
    numbers, personal = _NUMBERS.pack(entry.v, entry.seq, entry.at), entry.personal
    return _hash(entry.prev_hash, numbers, entry.kind.encode(), entry.actor.encode(), entry.body.encode(), personal)


def _hash(prev_hash: bytes, numbers: bytes, kind: bytes, actor: bytes, body: bytes, personal: bytes | None) -> bytes:
    parts = (
        prev_hash,
        numbers,
        _LENGTH.pack(len(kind)),
        kind,
        _LENGTH.pack(len(actor)),
        actor,
        _LENGTH.pack(len(body)),
        body,
        _ABSENT if personal is None else _LENGTH.pack(len(personal)),
        personal or b"",
    )
    return hashlib.sha256(b"".join(parts)).digest()


def context_of(log_id: str, seq: int, subject: str) -> bytes:
    """Return what a ciphertext is bound to: it opens in this journal, in this entry, for this subject alone."""
    return f"{log_id}\n{seq}\n{subject}".encode()


def subject_of(body: Body) -> str | None:
    """Return whose key guards the personal part of an event with this body; None where it may have none.

    What was said of an order is kept under the order's key, which goes with those of its incident's alerts; why
    something was read is kept under the key of what was read.
    """
    field = _SUBJECT.get(type(body))
    return None if field is None else getattr(body, field)


def encode_body(event: Event) -> bytes:
    """Return the body's bytes, after a proof that they read back as the same body.

    Raises
    ------
    NotStored
        When they do not; the message names the event, not what it holds.
    """
    try:
        data = _encoder.encode(event.body)
        if _body_decoder.decode(data) != event.body:
            raise NotStored(f"event {event.seq} ({event.kind}) would read back as something else")
    except (msgspec.MsgspecError, UnicodeError, TypeError, ValueError) as error:
        raise NotStored(f"event {event.seq} ({event.kind}) cannot be encoded: {type(error).__name__}") from error
    return data


def check_order(events: Sequence[Event], last_seq: int) -> None:
    """Refuse a batch that does not continue the journal.

    Raises
    ------
    NotStored
        When a number is missing, doubled or out of order, or a personal part belongs to nobody.
    """
    for expected, event in enumerate(events, last_seq + 1):
        if event.seq != expected:
            raise NotStored(f"event {event.seq} ({event.kind}) stands where {expected} is due")
        if event.personal is not None and subject_of(event.body) is None:
            raise NotStored(f"event {event.seq} ({event.kind}) has a personal part, but no subject to keep its key for")


def seal_event(event: Event, log_id: str, prev_hash: bytes, cipher: Cipher) -> Sealed:
    """Put an event into its envelope.

    Raises
    ------
    NotStored
        When it cannot be encoded so that it reads back the same.
    """
    body = encode_body(event)
    personal = None
    try:
        subject = None if event.personal is None else subject_of(event.body)
        if subject is not None:
            plain = _encoder.encode(event.personal)
            if _details_decoder.decode(plain) != event.personal:
                raise NotStored(f"the personal part of event {event.seq} would read back as something else")
            personal = cipher.seal(subject, plain, context_of(log_id, event.seq, subject))
        seq, at, kind, actor = event.seq, event.at, event.kind, event.actor
        numbers = _NUMBERS.pack(SCHEMA_VERSION, seq, at)
        digest = _hash(prev_hash, numbers, kind.encode(), actor.encode(), body, personal)
        return Sealed(seq, SCHEMA_VERSION, at, kind, actor, body.decode(), personal, prev_hash, digest)
    except (msgspec.MsgspecError, UnicodeError, AttributeError, TypeError, struct.error) as error:
        raise NotStored(f"event {event.seq} ({event.kind}) cannot be sealed: {type(error).__name__}") from error


def parse_body(text: str) -> Body:
    """Read a body of the newest version."""
    return _body_decoder.decode(text)


def decode_body(entry: Sealed, upcasters: Mapping[int, Upcaster] = UPCASTERS, newest: int = SCHEMA_VERSION) -> Body:
    """Read an entry's body as the newest version, lifted step by step where it is older.

    Raises
    ------
    Refusal
        When the entry is of a version that this program does not know, or its body is not one.
    """
    if entry.v > newest:
        raise Refusal("newer_version", f"event {entry.seq}.v", entry.v, f"{newest}: a newer program wrote this journal")
    try:
        if entry.v == newest:
            return parse_body(entry.body)
        fields = msgspec.json.decode(entry.body)
        for version in range(entry.v, newest):
            if version not in upcasters:
                raise Refusal("unknown_version", f"event {entry.seq}.v", entry.v, f"no way from {version} to {newest}")
            fields = upcasters[version](fields)
        lifted: Body = msgspec.convert(fields, Body)
    except msgspec.MsgspecError as error:
        raise Refusal("damaged", f"event {entry.seq}.body", entry.kind, error) from error
    return lifted


def open_event(entry: Sealed, log_id: str, cipher: Cipher, upcasters: Mapping[int, Upcaster] = UPCASTERS) -> Opened:
    """Take an event out of its envelope.

    A personal part that cannot be opened never stops the reading: the event comes without it and the state says why.

    Raises
    ------
    Refusal
        As `decode_body`.
    """
    body = decode_body(entry, upcasters)
    details: Details | None = None
    state = PersonalState.NONE
    if entry.personal is not None:
        plain = cipher.open(entry.personal, context_of(log_id, entry.seq, subject_of(body) or ""))
        if isinstance(plain, bytes):
            details, state = _details_decoder.decode(plain), PersonalState.PRESENT
        else:
            state = plain
    return Opened(Event(entry.seq, entry.at, entry.actor, body, details), state)
