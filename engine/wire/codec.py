"""Frames to messages and back, in MessagePack and JSON. Both carry the same messages.

Size and depth are looked at before anything is parsed; the rest is bounded by the messages' types. Whatever a frame
holds, reading it gives a message or one ``Refusal`` that names field, value and limit, and never another exception.
"""

import json
import re
from math import isfinite
from typing import Any, Generic, TypeVar, get_args

import msgspec

from engine.model.commands import Answer
from engine.model.entities import HelpWanted
from engine.model.errors import Refusal, shorten
from engine.model.lifecycle import UnitStatus
from engine.model.limits import LONGEST_ID
from engine.wire.depth import json_depth_within, msgpack_depth_within
from engine.wire.limits import MOST_EMERGENCY_BYTES, MOST_FROM_SERVER, STANDARD, Limits
from engine.wire.messages import ClientMessage, Emergency
from engine.wire.server_messages import ServerMessage

MSGPACK = "allpoints.v1.msgpack"
JSON = "allpoints.v1.json"
SUBPROTOCOLS = (MSGPACK, JSON)
"""In order of preference."""

_MISSING = object()
_REFERENCES = ("key", "source_ref")
_WORDS = {
    "message": sorted(str(kind.__struct_config__.tag) for kind in get_args(ClientMessage)),
    "answer": list(get_args(Answer)),
    "status": [str(status) for status in UnitStatus],
    "what": list(get_args(HelpWanted)),
}
"""What the fields that hold one of several words may hold."""
_EXPECTED = re.compile(r"(?P<limit>.*?)(?: - at `(?P<where>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")

M = TypeVar("M")


class UnreadableFrame(Refusal):
    """A frame that gave no message. ``ref`` is its key, where at least that could be read."""

    def __init__(self, code: str, field: str, value: object, limit: object, ref: str = "") -> None:
        super().__init__(code, field, value, limit)
        self.ref = ref


class Reader(Generic[M]):
    """Reads one side's messages in one format."""

    def __init__(self, format_: str, messages: Any) -> None:
        self._json = format_ == JSON
        module = msgspec.json if self._json else msgspec.msgpack
        self._decoder: Any = module.Decoder(messages)
        self._within = json_depth_within if self._json else msgpack_depth_within

    def read(self, frame: bytes, most_bytes: int, depth: int) -> M:
        """Return the message of a frame, or raise the one refusal that says why there is none."""
        if len(frame) > most_bytes:
            raise UnreadableFrame("too_big", "frame", f"{len(frame)} bytes", f"{most_bytes} bytes")
        if not self._within(frame, depth):
            raise UnreadableFrame("too_deep", "frame", bytes(frame[:40]), f"{depth} levels of nesting")
        try:
            message: M = self._decoder.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
            raise self._explain(frame, error) from None
        return message

    def _explain(self, frame: bytes, error: Exception) -> UnreadableFrame:
        """Say what was wrong with a frame, in its own words: read it again without types and look up the value."""
        if not isinstance(error, msgspec.ValidationError):
            where, value = _not_finite(frame) if self._json else ("", None)
            if where:
                return UnreadableFrame("out_of_range", where, value, "a finite number")
            return UnreadableFrame("malformed", "frame", bytes(frame[:40]), str(error))
        content = self._untyped(frame)
        matched = _EXPECTED.fullmatch(str(error))
        limit, where = (matched["limit"], matched["where"] or "$") if matched else (str(error), "$")
        field = where.removeprefix("$").removeprefix(".")
        value = _look_up(content, where)
        missing = re.search(r"missing required field `(.*?)`", limit)
        if missing:
            field, value = f"{field}.{missing[1]}".lstrip("."), "nothing"
        if value is _MISSING:
            value = bytes(frame[:40])
        code = _code(limit, field)
        if field in _WORDS and code in ("unknown_message", "unknown_value"):
            limit = "one of " + ", ".join(_WORDS[field])
        if code == "out_of_range" and field.rpartition(".")[2] == "lat":
            # The usual mistake, where the city lies so that exchanged coordinates are no place at all.
            limit += "; longitude and latitude look exchanged"
        return UnreadableFrame(code, field or "frame", value, limit, _reference(content))

    def _untyped(self, frame: bytes) -> Any:
        try:
            return msgspec.json.decode(frame) if self._json else msgspec.msgpack.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, TypeError, RecursionError):
            return None


class Codec:
    """One of the two formats.

    Parameters
    ----------
    subprotocol
        ``allpoints.v1.msgpack`` or ``allpoints.v1.json``.

    Raises
    ------
    Refusal
        When it is neither.
    """

    def __init__(self, subprotocol: str) -> None:
        if subprotocol not in SUBPROTOCOLS:
            raise Refusal("unknown_subprotocol", "subprotocol", subprotocol, " or ".join(SUBPROTOCOLS))
        self.subprotocol = subprotocol
        self.is_text = subprotocol == JSON
        self._encoder: Any = msgspec.json.Encoder() if self.is_text else msgspec.msgpack.Encoder()
        self._from_client: Reader[ClientMessage] = Reader(subprotocol, ClientMessage)
        self._from_server: Reader[ServerMessage] = Reader(subprotocol, ServerMessage)

    def encode(self, message: ClientMessage | ServerMessage) -> bytes:
        """Return the frame of a message; for JSON it is UTF-8 and goes into a text frame."""
        frame: bytes = self._encoder.encode(message)
        return frame

    def from_client(self, frame: bytes, limits: Limits, *, most_bytes: int | None = None) -> ClientMessage:
        """Read what a client sent.

        Raises
        ------
        UnreadableFrame
            A ``Refusal``; the only exception there is.
        """
        return self._from_client.read(frame, most_bytes or limits.frame_bytes, limits.depth)

    def is_emergency(self, frame: bytes, limits: Limits) -> bool:
        """Tell whether a frame calls for help; only small ones that may are read for it."""
        if len(frame) > MOST_EMERGENCY_BYTES or b"emergency" not in frame:
            return False
        try:
            return isinstance(self.from_client(frame, limits), Emergency)
        except UnreadableFrame:
            return False

    def from_server(self, frame: bytes) -> ServerMessage:
        """Read what a server sent.

        Raises
        ------
        UnreadableFrame
            A ``Refusal``; the only exception there is.
        """
        return self._from_server.read(frame, MOST_FROM_SERVER, STANDARD.depth)


def _code(limit: str, field: str) -> str:
    if "missing required field" in limit:
        return "missing"
    if field == "message":
        return "unknown_message"
    if "of length" in limit:
        return "too_long" if "<=" in limit else "too_short"
    if "<=" in limit or ">=" in limit or "out of range" in limit:
        return "out_of_range"
    if limit.startswith("Invalid enum value"):
        return "unknown_value"
    return "wrong_type"


def _look_up(content: Any, where: str) -> Any:
    """Return what stands at a path such as ``$.fixes[3].lon``."""
    for name, index in _STEP.findall(where):
        try:
            content = content[name] if name else content[int(index)]
        except (LookupError, TypeError):
            return _MISSING
    return content


def _reference(content: Any) -> str:
    """Return the key of a message that could not be read whole, so that its sender knows which one it was."""
    if not isinstance(content, dict):
        return ""
    for name in _REFERENCES:
        value = content.get(name)
        if isinstance(value, str) and value:
            return shorten(value, LONGEST_ID + 2).strip("'\"")
    return ""


def _not_finite(frame: bytes) -> tuple[str, Any]:
    """Find the ``NaN`` or ``Infinity`` that other programs write and JSON does not have: its field and value."""
    if b"NaN" not in frame and b"Infinity" not in frame:
        return "", None
    try:
        content = json.loads(frame)
    except (ValueError, RecursionError):
        return "", None
    return _first_not_finite(content, "")


def _first_not_finite(content: Any, path: str) -> tuple[str, Any]:
    if isinstance(content, float) and not isfinite(content):
        return path.lstrip("."), content
    members: list[tuple[str, Any]] = []
    if isinstance(content, dict):
        members = [(f"{path}.{name}", value) for name, value in content.items()]
    elif isinstance(content, list):
        members = [(f"{path}[{index}]", value) for index, value in enumerate(content)]
    for where, value in members:
        found = _first_not_finite(value, where)
        if found[0]:
            return found
    return "", None
