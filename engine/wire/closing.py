"""Why a connection ends: one table, the same for both sides and for the documents.

Codes from 4000 on are ours; 1000 to 1011 have the meaning that RFC 6455 gives them.
"""

from enum import IntEnum
from typing import NamedTuple


class ClosingCode(IntEnum):
    """Close codes of the stream. ``CLOSING_CODES`` says what each means and whether coming back helps."""

    DONE = 1000
    GOING_AWAY = 1001
    TOO_BIG = 1009
    GREETING_LATE = 4001
    GREETING_WRONG = 4002
    DENIED = 4003
    REPLACED = 4004
    SILENT = 4005
    SLOW = 4006
    UNREADABLE = 4007
    OUT_OF_STEP = 4008
    CROWDED = 4009
    TOKEN_SPENT = 4010


class Meaning(NamedTuple):
    """What a close code says. ``retry``: whether the same client should connect again by itself."""

    text: str
    retry: bool


CLOSING_CODES: dict[ClosingCode, Meaning] = {
    ClosingCode.DONE: Meaning("one side had nothing more to say", False),
    ClosingCode.GOING_AWAY: Meaning("the server stops or restarts", True),
    ClosingCode.TOO_BIG: Meaning("a message was larger than a frame may be", True),
    ClosingCode.GREETING_LATE: Meaning("no hello within the time for it", True),
    ClosingCode.GREETING_WRONG: Meaning("the first message was no hello, could not be read, or was too large", False),
    ClosingCode.DENIED: Meaning("the credential is revoked or not known, or may not be here", False),
    ClosingCode.REPLACED: Meaning("a newer session of the same device took over", False),
    ClosingCode.SILENT: Meaning("nothing was heard from the other side for too long", True),
    ClosingCode.SLOW: Meaning("too much waited for this reader; its mailbox has kept everything", True),
    ClosingCode.UNREADABLE: Meaning("too many messages in a row could not be read", True),
    ClosingCode.OUT_OF_STEP: Meaning("the numbering of items had a gap; a new connection resends", True),
    ClosingCode.CROWDED: Meaning("too many connections of one credential are open", True),
    ClosingCode.TOKEN_SPENT: Meaning("the token has run out, was used before or is not ours; a new one helps", True),
}


class Close(NamedTuple):
    """A decision to end a connection."""

    code: ClosingCode
    reason: str


def may_retry(code: int) -> bool:
    """Tell whether a client that was closed with ``code`` should connect again by itself."""
    try:
        return CLOSING_CODES[ClosingCode(code)].retry
    except ValueError:
        return True
