"""H3 cells: the grid of areas, demand and views. The only module that imports h3 and speaks its ``(lat, lng)``.

Cells are their 64-bit numbers: ``int`` one by one, uint64 in arrays. Everywhere else a place is longitude, latitude.
How far a ring of cells is at least is proven in `ring_distance_m`; everything else is h3's own.
"""

import math
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo_data.lengths import EARTH_RADIUS_M

FINEST: Final = 15
_RES0_SPACING: Final = 0.381_966_011_250_105
"""Distance of neighbouring cells of resolution 0 on the plane that touches a unit sphere at an icosahedron face's
middle (``RES0_U_GNOMONIC`` of H3's ``constants.h``); each resolution divides it by the root of 7."""
_FACE_CORNER_RAD: Final = math.acos(math.sqrt((5 + 2 * math.sqrt(5)) / 15))
"""From the middle of a face of an icosahedron to its corners, seen from the globe's middle: 37.38 degrees."""


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


def centre_of(cell: int) -> tuple[float, float]:
    """Return longitude and latitude of a cell's middle."""
    from h3.api import basic_int as h3  # noqa: PLC0415

    lat, lon = h3.cell_to_latlng(cell)
    return lon, lat


def boundary_of(cell: int) -> list[tuple[float, float]]:
    """Return a cell's corners as longitudes and latitudes, counter-clockwise, the first not repeated."""
    from h3.api import basic_int as h3  # noqa: PLC0415

    return [(lon, lat) for lat, lon in h3.cell_to_boundary(cell)]


def resolution_of(cell: int) -> int:
    """Return a cell's resolution, 0 to 15."""
    from h3.api import basic_int as h3  # noqa: PLC0415

    return int(h3.get_resolution(cell))


def parent_of(cell: int, resolution: int) -> int:
    """Return the coarser cell that a cell belongs to. Near the border some of the cell's ground lies beyond it."""
    from h3.api import basic_int as h3  # noqa: PLC0415

    return int(h3.cell_to_parent(cell, resolution))


def is_cell(number: int) -> bool:
    """Whether a number is a cell's."""
    from h3.api import basic_int as h3  # noqa: PLC0415

    return bool(h3.is_valid_cell(number))


def disk_of(cell: int, rings: int) -> NDArray[np.uint64]:
    """Return the cells up to ``rings`` steps away, the cell itself included, uint64 in no order."""
    from h3.api import numpy_int as h3  # noqa: PLC0415

    return np.asarray(h3.grid_disk(cell, rings), np.uint64)


def ring_of(cell: int, ring: int) -> NDArray[np.uint64]:
    """Return the cells exactly ``ring`` steps away, uint64 in no order."""
    from h3.api import numpy_int as h3  # noqa: PLC0415

    return np.asarray(h3.grid_ring(cell, ring), np.uint64)


def steps_between(one: int, other: int) -> int | None:
    """Return how many steps two cells of a resolution are apart; None where h3 cannot say (far off, a pentagon)."""
    import h3 as h3_package  # noqa: PLC0415
    from h3.api import basic_int as h3  # noqa: PLC0415

    try:
        return int(h3.grid_distance(one, other))
    except h3_package.H3BaseException:
        return None


def mean_edge_m(resolution: int) -> float:
    """Return the mean length of a cell's edge in metres."""
    from h3.api import basic_int as h3  # noqa: PLC0415

    return float(h3.average_hexagon_edge_length(resolution, unit="m"))


def mean_area_m2(resolution: int) -> float:
    """Return the mean area of a cell in square metres."""
    from h3.api import basic_int as h3  # noqa: PLC0415

    return float(h3.average_hexagon_area(resolution, unit="m^2"))


def cells_over(rings: list[list[tuple[float, float]]], resolution: int) -> NDArray[np.uint64]:
    """Return the cells that a polygon touches, uint64, sorted.

    Parameters
    ----------
    rings
        The outer ring, then the holes, of longitudes and latitudes.
    resolution
        0 to 15.
    """
    from h3.api import numpy_int as h3  # noqa: PLC0415

    outer, *holes = [[(lat, lon) for lon, lat in ring] for ring in rings]
    shape = h3.LatLngPoly(outer, *holes)
    return np.unique(np.asarray(h3.h3shape_to_cells_experimental(shape, resolution, contain="overlap"), np.uint64))


def ring_distance_m(ring: int, resolution: int, lon: float | None = None, lat: float | None = None) -> float:
    """Return a distance that no place of the ``ring``-th ring comes nearer than to any place in the middle cell.

    Great-circle metres on the sphere of `geo_data.lengths`. With a place in the middle cell given the bound is
    sharper: cells differ in size by where they lie on their face of H3's icosahedron, not by latitude.

    Notes
    -----
    H3 cells are regular hexagons of spacing ``u`` on the unfolded icosahedron. Two hexagons ``k`` steps apart have
    middles at least ``k u sqrt(3) / 2`` apart, and their corners are ``u / sqrt(3)`` from the middles, so their places
    are ``u (k sqrt(3) / 2 - 2 / sqrt(3))`` apart or more. Around a pentagon the unfolding depends on the path, and
    any unfolding has at least ``k`` steps. The gnomonic projection stretches lengths by at most
    ``1 / cos(t) ** 2`` at the angle ``t`` from the face's middle, so a way on the ground is at least ``cos(t) ** 2``
    times as long as on the plane; ``t`` is at most that of the face's corner, and on the way from a known place at
    ``t0`` at most ``t0`` plus the way itself.
    """
    spacing = _RES0_SPACING / math.sqrt(7) ** resolution
    plane = spacing * (ring * math.sqrt(3) / 2 - 2 / math.sqrt(3))
    if plane <= 0:
        return 0.0
    angle = _FACE_CORNER_RAD
    if lon is not None and lat is not None:
        # The place may lie across its cell from the nearest place of the ring: two corners of way more.
        angle = min(angle, _from_face_middle_rad(lon, lat) + plane + 2 * spacing)
    return EARTH_RADIUS_M * plane * math.cos(angle) ** 2


def _from_face_middle_rad(lon: float, lat: float) -> float:
    """Return the angle between a place and the middle of the nearest face of H3's icosahedron."""
    x, y, z = _direction(math.radians(lat), math.radians(lon))
    nearest = max(x * a + y * b + z * c for a, b, c in _FACES)
    return math.acos(min(1.0, nearest))


def _direction(lat_rad: float, lon_rad: float) -> tuple[float, float, float]:
    return math.cos(lat_rad) * math.cos(lon_rad), math.cos(lat_rad) * math.sin(lon_rad), math.sin(lat_rad)


_HALF_OF_FACES: Final = tuple(
    _direction(lat_rad, lon_rad)
    for lat_rad, lon_rad in (
        (0.803582649718989942, 1.248397419617396099),
        (1.307747883455638156, 2.536945009877921159),
        (1.054751253523952054, -1.347517358900396623),
        (0.600191595538186799, -0.450603909469755746),
        (0.491715428198773866, 0.401988202911306943),
        (0.172745327415618701, 1.678146885280433686),
        (0.605929321571350690, 2.953923329812411617),
        (0.427370518328979641, -1.888876200336285401),
        (-0.079066118549212831, -0.733429513380867741),
        (-0.230961644455383637, 0.506495587332349035),
    )
)
_FACES: Final = _HALF_OF_FACES + tuple((-x, -y, -z) for x, y, z in _HALF_OF_FACES)
"""Middles of the faces (``faceCenterGeo`` in H3's ``faceijk.c``), as directions; each has one opposite."""
