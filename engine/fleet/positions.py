"""The positions of a fleet as bytes, for a checkpoint beside the journal; each keeps the instant it was true.

MessagePack: ``v``, ``ids``, and for each column its little-endian float64 or int64 bytes. Rows are matched by unit id.
"""

from dataclasses import dataclass

import msgpack
import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal

_VERSION = 1
_COLUMNS = {"lon": "<f8", "lat": "<f8", "heading_deg": "<f8", "fixed_at": "<i8"}


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions of ``c`` units: ids, float64 (c,) degrees, int64 (c,) ms since the epoch."""

    ids: list[str]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    heading_deg: NDArray[np.float64]
    fixed_at: NDArray[np.int64]


def pack_positions(positions: Positions) -> bytes:
    """Return positions as bytes."""
    columns = {name: getattr(positions, name).astype(dtype).tobytes() for name, dtype in _COLUMNS.items()}
    packed: bytes = msgpack.packb({"v": _VERSION, "ids": positions.ids, **columns})
    return packed


def unpack_positions(content: bytes) -> Positions:
    """Return the positions that bytes hold.

    Raises
    ------
    Refusal
        When they are not a whole checkpoint of this version.
    """
    try:
        found = msgpack.unpackb(content)
    except (ValueError, msgpack.UnpackException) as error:
        raise Refusal("bad_checkpoint", "checkpoint", error, "a whole MessagePack document") from None
    if not isinstance(found, dict) or found.get("v") != _VERSION:
        version = found.get("v") if isinstance(found, dict) else found
        raise Refusal("bad_checkpoint", "checkpoint.v", version, _VERSION)
    ids = found.get("ids")
    if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids):
        raise Refusal("bad_checkpoint", "checkpoint.ids", ids, "a list of unit ids")
    columns = {}
    for name, dtype in _COLUMNS.items():
        raw = found.get(name)
        if not isinstance(raw, bytes) or len(raw) != 8 * len(ids):
            held = f"{len(raw)} bytes" if isinstance(raw, bytes) else raw
            raise Refusal("bad_checkpoint", f"checkpoint.{name}", held, f"{8 * len(ids)} bytes")
        columns[name] = np.frombuffer(raw, dtype).astype(dtype[1:])
    return Positions(ids, columns["lon"], columns["lat"], columns["heading_deg"], columns["fixed_at"])
