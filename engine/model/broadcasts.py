"""Broadcasts: one text to many mailboxes at once. What one is, the commands about it, and what came of those."""

from typing import Literal

import msgspec

from engine.model.ids import BroadcastId, RecipientId

Audience = Literal["all", "stations", "units"]


class Broadcast(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A text to many, and how far it has come. Its words are kept encrypted, never here.

    Attributes
    ----------
    recipients
        Who gets it, fixed when it was sent; of them the first ``len(mailed)`` have it in their mailbox.
    mailed
        Its number in each recipient's mailbox.
    read
        When a person of each recipient said that they have read it.
    seq
        The event that keeps the words.
    """

    id: BroadcastId
    key: str
    by: str
    at: int
    to: Audience
    recipients: tuple[RecipientId, ...]
    area: str = ""
    capability: str = ""
    mailed: dict[RecipientId, int] = {}
    read: dict[RecipientId, int] = {}
    seq: int = 0


class _Command(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="command"):
    actor: str


class SendBroadcast(_Command, frozen=True, gc=False, tag="send_broadcast"):
    """Somebody tells many at once: all on duty and all stations, the stations, or the units.

    Of them only those who are in an area, or of it, and only units that have a capability, where these are given.
    """

    key: str
    text: str
    to: Audience
    area: str = ""
    capability: str = ""


class ReadBroadcast(_Command, frozen=True, gc=False, tag="read_broadcast"):
    """A recipient has read a broadcast."""

    broadcast: BroadcastId
    recipient: RecipientId


class _Body(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", omit_defaults=True):
    pass


class BroadcastSent(_Body, frozen=True, gc=False, tag="broadcast_sent"):
    """A text goes to many; its words are the event's personal part. It is mailed to a number of them at a time."""

    id: BroadcastId
    key: str
    to: Audience
    recipients: tuple[RecipientId, ...]
    area: str = ""
    capability: str = ""


class BroadcastRead(_Body, frozen=True, gc=False, tag="broadcast_read"):
    """A recipient said that they have read a broadcast."""

    id: BroadcastId
    recipient: RecipientId
