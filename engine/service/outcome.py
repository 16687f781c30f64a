"""What a command came to, as whoever asked is told it."""

from collections.abc import Callable

import msgspec

from engine.core.batch import Reply
from engine.wire.server_messages import Trace


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a command came to, once that is certain. ``retry_ms``: the same may be sent again after so long."""

    reply: Reply
    trace: Trace | None = None
    retry_ms: int | None = None


Done = Callable[[Outcome], None]
