"""The compiled part of polylines: a letter for every five bits, straight from the degrees."""

import math

import numpy as np
from numpy.typing import NDArray

from geo_data.compiled import kernel

MOST_LETTERS = 7
"""Of one number: twice 360 degrees in steps of 1e-5 and a sign fit into 27 bits."""


@kernel
def spell(points: NDArray[np.float64], scale: float, most_deg: float, letters: NDArray[np.uint8]) -> int:
    """Write the letters of points, (p, 2) longitude and latitude; return how many, -1 where one is beyond ``most_deg``.

    NaN is beyond it.
    """
    count = 0
    last_lat, last_lon = 0, 0
    for i in range(len(points)):
        for side in range(2):
            if not abs(points[i, 1 - side]) <= most_deg:
                return -1
            scaled = points[i, 1 - side] * scale
            whole = math.floor(abs(scaled) + 0.5)
            if scaled < 0.0:
                whole = -whole
            if side == 0:
                step, last_lat = whole - last_lat, whole
            else:
                step, last_lon = whole - last_lon, whole
            value = (step << 1) ^ (step >> 63)
            while value >= 0x20:
                letters[count] = (0x20 | (value & 0x1F)) + 63
                count += 1
                value >>= 5
            letters[count] = value + 63
            count += 1
    return count
