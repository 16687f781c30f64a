"""What one connection of JT/T 808 is held to."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one connection.

    Parameters
    ----------
    login_ms, silence_ms
        A terminal that has not authenticated, or says nothing, within this time is gone.
    errors
        So many frames in a row that are not taken close the connection.
    rate_per_s, burst
        Frames a second that are read, and at once; the rest is read more slowly.
    parts, part_bytes, gathered, gathering_ms
        Of messages in several frames: frames and bytes of one, how many at a time, and for how long.
    asks, asking_ms
        How often the missing frames of one are asked for, and after what time in which none of it came.
    """

    login_ms: int = 15_000
    silence_ms: int = 180_000
    errors: int = 10
    rate_per_s: int = 50
    burst: int = 500
    parts: int = 64
    part_bytes: int = 65_536
    gathered: int = 2
    gathering_ms: int = 60_000
    asks: int = 2
    asking_ms: int = 10_000
