"""Instants as people give them on the command line: so long from now, or ISO 8601 with an offset."""

import re
import time
from datetime import datetime

from engine.model.errors import Refusal

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}


def ends_at(span: str | None, until: str | None) -> int | None:
    """Return when something ends, in ms since the epoch, by ``--for`` or ``--until``; None where neither is given.

    Raises
    ------
    Refusal
        When it cannot be read.
    """
    if span is not None:
        found = _SPAN.fullmatch(span)
        if not found:
            raise Refusal("unreadable", "for", span, "a number with s, min, h or d, such as 4h")
        return round((time.time() + float(found[1]) * _SECONDS[found[2]]) * 1000)
    if until is not None:
        try:
            instant = datetime.fromisoformat(until)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            raise Refusal("unreadable", "until", until, "ISO 8601 with an offset, such as 2026-11-27T18:00+08:00")
        return round(instant.timestamp() * 1000)
    return None
