"""H3 cells: the grid of areas, demand and views. The only module that imports h3 and speaks its ``(lat, lng)``."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def cell_of(lon: float, lat: float, resolution: int) -> int:
    """Return the cell that a coordinate lies in."""
    from h3.api import basic_int as h3  # noqa: PLC0415

    return int(h3.latlng_to_cell(lat, lon, resolution))


def cells_of(lon: ArrayLike, lat: ArrayLike, resolution: int) -> NDArray[np.uint64]:
    """Return the cells of many coordinates, uint64 (c,)."""
    from h3.api import basic_int as h3  # noqa: PLC0415

    lons, lats = np.asarray(lon, np.float64).tolist(), np.asarray(lat, np.float64).tolist()
    cells: Iterable[int] = map(h3.latlng_to_cell, lats, lons, [resolution] * len(lons))
    return np.fromiter(cells, np.uint64, len(lons))
