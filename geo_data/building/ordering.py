"""Nodes along a Hilbert curve: what is near on the ground is near in memory, so that a search stays in the cache.

The curve is followed by the usual quadrant rotations (D. Hilbert, Mathematische Annalen 38, 1891; in the form of
Wikipedia's ``xy2d``), for all nodes at once, one bit of the coordinates at a time.
"""

import numpy as np
from numpy.typing import NDArray

_BITS = 24


def hilbert_order(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the nodes' indices int64 (n,) in the order of the curve; nodes on one spot keep their order."""
    if len(lon) == 0:
        return np.empty(0, np.int64)
    squeeze = float(np.cos(np.radians((lat.min() + lat.max()) / 2)))
    east, north = (lon - lon.min()) * squeeze, lat - lat.min()
    side = max(float(east.max()), float(north.max()), 1e-9)
    scale = (2**_BITS - 1) / side
    distance = _distance_along((east * scale).astype(np.int64), (north * scale).astype(np.int64))
    return np.argsort(distance, kind="stable")


def _distance_along(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
    distance = np.zeros(len(x), np.int64)
    for bit in range(_BITS - 1, -1, -1):
        side = 1 << bit
        right, upper = (x & side) != 0, (y & side) != 0
        distance += side * side * ((3 * right) ^ upper)
        # Within the quadrant: turn the curve so that it enters and leaves where the next one continues.
        mirrored = right & ~upper
        x = np.where(mirrored, (side - 1) - (x & (side - 1)), x & (side - 1))
        y = np.where(mirrored, (side - 1) - (y & (side - 1)), y & (side - 1))
        x, y = np.where(upper, x, y), np.where(upper, y, x)
    return distance
