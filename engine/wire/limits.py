"""Every bound of the stream, in one table; those of alerts and texts stand in `engine.model.limits`.

Sizes are bytes of one frame, times are milliseconds.
What can be bounded before anything is parsed is: size, depth of nesting, rate. Counts and lengths inside a message
are bounded by the types of its fields and are checked while it is parsed.
"""

import msgspec

MOST_FIXES = 500
"""Position fixes in one message."""
LONGEST_TOKEN = 2_048
"""Characters of an access token."""
MOST_EMERGENCY_BYTES = 1_024
"""Bytes of a frame that is looked at out of its turn: an emergency is smaller."""
MOST_FROM_SERVER = 16 << 20
"""Bytes of a frame from the server: a snapshot may be large, nothing else is."""
LATEST_AT = 4_102_444_800_000
"""Instants end with the year 2099: a later one is a mistaken unit, not a time."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds that an operator may set for one listener.

    Parameters
    ----------
    hello_ms
        A connection that has not greeted within this time is closed.
    hello_bytes, frame_bytes
        The greatest size of a greeting, and of any later frame.
    depth
        How deep objects and lists may nest.
    heartbeat_ms
        Each side says something at least this often.
    silence_ms
        Who has said nothing for this long is gone.
    errors
        So many frames in a row that could not be read close the connection.
    rate_per_s, burst
        Frames a connection may send; who sends more is read more slowly, and nothing is lost.
    outgoing_bytes
        What may wait for one slow reader before its connection is cut; its mailbox keeps everything.
    connections, connections_per_credential
        How many connections a listener holds, and how many of them one credential may have.
    """

    hello_ms: int = 3_000
    hello_bytes: int = 4_096
    frame_bytes: int = 65_536
    depth: int = 8
    heartbeat_ms: int = 15_000
    silence_ms: int = 45_000
    errors: int = 20
    rate_per_s: int = 2_000
    burst: int = 4_000
    outgoing_bytes: int = 1_048_576
    connections: int = 12_000
    connections_per_credential: int = 32


STANDARD = Limits()
"""What holds where nobody has set anything else."""
