"""What events do to broadcasts: sent, mailed, read, forgotten. The part of `apply` that is about them."""

from collections.abc import Callable
from typing import Any

from engine.core.deadline_keys import MAIL, deadline_key
from engine.core.state import State
from engine.model import events as e
from engine.model.broadcasts import Broadcast, BroadcastRead, BroadcastSent
from engine.model.entities import Details
from engine.model.ids import BroadcastId, number_of
from engine.model.limits import MOST_BROADCASTS

VALUE = "broadcast"
"""The value of a notice that names the broadcast it is."""


def sent(state: State, event: e.Event, body: BroadcastSent) -> None:
    """Keep a broadcast that is to be mailed, in place of the oldest where there are too many."""
    state.kept.counts["broadcast"] = number_of(body.id)
    state.kept.keys[body.key] = event.at
    state.broadcasts[body.id] = Broadcast(
        id=body.id,
        key=body.key,
        by=event.actor,
        at=event.at,
        to=body.to,
        recipients=body.recipients,
        area=body.area,
        capability=body.capability,
        seq=event.seq,
    )
    if event.personal is not None:
        state.broadcast_texts[body.id] = event.personal.text
    state.deadlines.set(deadline_key(body.id, MAIL), event.at)
    while len(state.broadcasts) > MOST_BROADCASTS:
        gone = next(iter(state.broadcasts))
        del state.broadcasts[gone]
        state.broadcast_texts.pop(gone, None)
        state.deadlines.clear(deadline_key(gone, MAIL))


def mailed(state: State, at: int, body: e.Mailed) -> None:
    """Note that a broadcast stands in one more mailbox."""
    its = state.broadcasts.get(BroadcastId(body.values.get(VALUE, "")))
    if its is None:
        return
    its.mailed[body.recipient] = body.mail_seq
    key = deadline_key(its.id, MAIL)
    if len(its.mailed) < len(its.recipients):
        state.deadlines.set(key, at + 1)
    else:
        state.deadlines.clear(key)


def read(state: State, event: e.Event, body: BroadcastRead) -> None:
    """Note that a recipient has read one."""
    state.broadcasts[body.id].read[body.recipient] = event.at


def recalled(state: State, personal_of: Callable[[int], Details | None]) -> None:
    """Read the words of the broadcasts that a snapshot kept."""
    for its in state.broadcasts.values():
        said = personal_of(its.seq) if its.id not in state.broadcast_texts else None
        if said is not None:
            state.broadcast_texts[its.id] = said.text


APPLY: dict[type, Callable[[State, e.Event, Any], None]] = {BroadcastSent: sent, BroadcastRead: read}
