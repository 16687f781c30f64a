"""Polylines as text: Google's encoded polyline algorithm with five decimals, latitude before longitude.

Rounding is half away from zero, as the algorithm's description has it. A point is known to about a metre.
"""

import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal

_SCALE = 1e5
_MOST_DEG = 360.0


def encode_polyline(points: NDArray[np.float64]) -> str:
    """Return points, float64 (p, 2) longitude and latitude in degrees, as text.

    Raises
    ------
    Refusal
        When a number is none of degrees.
    """
    from engine.travel.letters import MOST_LETTERS, spell  # noqa: PLC0415 - numba, wanted once there is a way

    places = np.ascontiguousarray(points, np.float64).reshape(-1, 2)
    letters = np.empty(2 * MOST_LETTERS * len(places), np.uint8)
    count = spell(places, _SCALE, _MOST_DEG, letters)
    if count < 0:
        raise Refusal("out_of_range", "points", np.abs(places).max(), f"-{_MOST_DEG:g} to {_MOST_DEG:g} degrees")
    return letters[:count].tobytes().decode("ascii")


def decode_polyline(text: str) -> NDArray[np.float64]:
    """Return the points of a text, float64 (p, 2), longitude and latitude in degrees.

    Raises
    ------
    Refusal
        When the text is not an encoded polyline.
    """
    steps: list[int] = []
    value = shift = 0
    for at, letter in enumerate(text):
        chunk = ord(letter) - 63
        if not 0 <= chunk < 64 or shift > 30:
            raise Refusal("bad_polyline", f"polyline[{at}]", letter, "characters ? to ~, at most 7 to a number")
        value |= (chunk & 0x1F) << shift
        shift += 5
        if chunk < 0x20:
            steps.append(~(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    if shift or len(steps) % 2:
        raise Refusal("bad_polyline", "polyline", text, "whole pairs of numbers")
    places = np.cumsum(np.array(steps, np.float64).reshape(-1, 2), axis=0) / _SCALE
    return places[:, ::-1]
