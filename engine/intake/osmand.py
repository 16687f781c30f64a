"""OsmAnd and the Traccar client: a position as a query, a form, or the JSON of newer clients.

In a query speed is in knots, as Traccar has it; in JSON it is in m/s, and -1 stands for unknown. A position without an
instant stays without one: when it arrived says nothing of when it was true.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.intake.screening import Reported
from engine.model.errors import Refusal
from engine.wire.codec import JSON, Reader
from engine.wire.limits import LATEST_AT

_KNOT_MPS = 1_852 / 3_600
_SECONDS = 2**31
"""A smaller timestamp counts seconds, any other milliseconds."""
_SOS = "sos"
_DEPTH = 6


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """Who says to be where. ``is_alarm``: somebody pressed the button for help."""

    device: str
    reported: Reported
    is_alarm: bool = False


class _Coords(msgspec.Struct):
    latitude: float
    longitude: float
    accuracy: float | None = None
    speed: float | None = None
    heading: float | None = None


class _Location(msgspec.Struct):
    coords: _Coords
    timestamp: str | float | None = None
    mock: bool = False
    extras: dict[str, Any] = {}


class _Message(msgspec.Struct):
    device_id: str
    location: _Location


_READER: Reader[Any] = Reader(JSON, _Message)


def read_query(values: Mapping[str, str]) -> Said:
    """Return what a query or a form says.

    Raises
    ------
    Refusal
        For a missing id or place, or a value that is no number; names the parameter.
    """
    lat, lon = (_number(values, name) for name in ("lat", "lon"))
    if "location" in values:
        lat_text, _, lon_text = values["location"].partition(",")
        lat, lon = (_number({"location": text}, "location") for text in (lat_text, lon_text))
    if lat is None or lon is None:
        raise Refusal("missing", "lat,lon", "", "degrees")
    knots, heading = _number(values, "speed"), _number(values, "bearing" if "bearing" in values else "heading")
    return Said(
        device=device_of(values),
        reported=Reported(
            lon=lon,
            lat=lat,
            at=_instant(values.get("timestamp")),
            speed_mps=knots * _KNOT_MPS if knots is not None and knots >= 0 else None,
            heading_deg=_heading(heading),
            accuracy_m=_number(values, "accuracy"),
            is_located=values.get("valid", "true").lower() in {"true", "1"},
            is_mock=values.get("mock", "").lower() in {"true", "1"},
        ),
        is_alarm=values.get("alarm") == _SOS,
    )


def device_of(values: Mapping[str, str]) -> str:
    """Return the id in a query or a form.

    Raises
    ------
    Refusal
        When there is none.
    """
    device = values.get("id") or values.get("deviceid")
    if not device:
        raise Refusal("missing", "id", "", "the device's id")
    return device


def read_json(body: bytes, most_bytes: int) -> Said:
    """Return what the JSON of a newer client says.

    Raises
    ------
    Refusal
        Naming the field, what it holds and what would be taken.
    """
    said = _READER.read(body, most_bytes, _DEPTH)
    location, coords = said.location, said.location.coords
    return Said(
        device=said.device_id,
        reported=Reported(
            lon=coords.longitude,
            lat=coords.latitude,
            at=_instant(None if location.timestamp is None else str(location.timestamp)),
            speed_mps=coords.speed if coords.speed is not None and coords.speed >= 0 else None,
            heading_deg=_heading(coords.heading),
            accuracy_m=coords.accuracy,
            is_mock=location.mock,
        ),
        is_alarm=location.extras.get("alarm") == _SOS,
    )


def _number(values: Mapping[str, str], name: str) -> float | None:
    text = values.get(name)
    if text is None or text == "":
        return None
    try:
        number = float(text)
    except ValueError:
        raise Refusal("wrong_type", name, text, "a number") from None
    if not math.isfinite(number):
        raise Refusal("not_finite", name, text, "a finite number")
    return number


def _heading(degrees: float | None) -> float | None:
    return degrees if degrees is not None and 0 <= degrees <= 360 else None


def _instant(text: str | None) -> int | None:
    """Return the instant of a timestamp: seconds, milliseconds, or a date with a time, in UTC unless it says more."""
    if not text:
        return None
    try:
        number = float(text)
        at = round(number * 1_000 if number < _SECONDS else number)
    except (ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        at = round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1_000)
    return at if 0 < at <= LATEST_AT else None
