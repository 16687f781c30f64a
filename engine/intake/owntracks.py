"""OwnTracks over HTTP: the JSON that the app posts, read into a position or passed over by its type.

Only ``location`` says where somebody is. Arrivals and departures (``transition``), waypoints and the rest are the
phone's own affairs: they are passed over by name, so that the app does not keep them for another try. Encrypted
messages are refused: this side has no key.
"""

from typing import Any

import msgspec

from engine.intake.screening import Reported
from engine.model.errors import Refusal
from engine.wire.codec import JSON, Reader
from engine.wire.limits import LATEST_AT

PASSED_OVER = (
    "beacon",
    "card",
    "cmd",
    "configuration",
    "dump",
    "lwt",
    "request",
    "status",
    "steps",
    "transition",
    "waypoint",
    "waypoints",
)
_DEPTH = 6


class _Message(msgspec.Struct):
    type: str = msgspec.field(name="_type")
    lat: float | None = None
    lon: float | None = None
    tst: float | None = None
    acc: float | None = None
    vel: float | None = None
    cog: float | None = None


_READER: Reader[Any] = Reader(JSON, _Message)


def read(body: bytes, most_bytes: int) -> Reported | str:
    """Return the position in a message, or what kind of message was passed over; ``empty`` for one without content.

    Raises
    ------
    Refusal
        For what is no message of OwnTracks, a location without coordinates, an encrypted one.
    """
    if not body.strip():
        return "empty"
    said = _READER.read(body, most_bytes, _DEPTH)
    if said.type in PASSED_OVER:
        return str(said.type)
    if said.type != "location":
        code = "encrypted" if said.type == "encrypted" else "unknown_value"
        raise Refusal(code, "_type", said.type, f"location; passed over are {', '.join(PASSED_OVER)}")
    for name in ("lon", "lat"):
        if getattr(said, name) is None:
            raise Refusal("missing", name, "", "degrees")
    at = round(said.tst * 1_000) if said.tst is not None and 0 < said.tst <= LATEST_AT / 1_000 else None
    return Reported(
        lon=said.lon,
        lat=said.lat,
        at=at,
        speed_mps=said.vel / 3.6 if said.vel is not None and said.vel >= 0 else None,
        heading_deg=said.cog if said.cog is not None and 0 <= said.cog <= 360 else None,
        accuracy_m=said.acc,
    )
