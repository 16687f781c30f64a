"""From a coordinate to the place on the roads that belongs to it: an arc and the fraction passed along it.

Streets are drawn into a uniform grid on a plane that touches the ellipsoid at the middle of the network
(equirectangular: true in latitude, and off in longitude by the tangent of the latitude times the angle from the
middle, 0.4 % at 20 km from it at 53 degrees: 2 m in 500, nothing to the choice between neighbours). The nearest
street is exact on that plane: the search walks square rings of cells outwards and stops when the best distance is
not above the distance to the border of the square walked, beyond which every street not yet seen lies wholly.

A position is known to some `NOISE_M` at best. Among streets no further than that beyond the nearest one, heading
decides first, then the street the unit was on, then distance, then the lower arc.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo_data.raw_roads import Mode
from geo_data.road_network import RoadNetwork

if TYPE_CHECKING:
    from geo_data.snapping_kernels import StreetGrid

LIMIT_M = 500.0
NOISE_M = 8.0
_MOST_CELLS = 1 << 22


class PositionError(ValueError):
    """A coordinate that is none: says the field, what it held and what would have been taken."""

    def __init__(self, field: str, value: object, limit: str) -> None:
        super().__init__(f"{field}: {value} is not taken; limit: {limit}")
        self.field, self.value, self.limit = field, value, limit


class OffRoad(ValueError):
    """No street within the limit; ``distance_m`` is how far the nearest one is."""

    def __init__(self, lon: float, lat: float, distance_m: float, limit_m: float, *, exchanged: bool) -> None:
        hint = "; longitude and latitude look exchanged" if exchanged else ""
        super().__init__(f"lon, lat: {lon}, {lat} lies {distance_m:.0f} m from a street; limit: {limit_m:g} m{hint}")
        self.distance_m, self.limit_m, self.exchanged = distance_m, limit_m, exchanged


@dataclass(frozen=True, slots=True)
class Snap:
    """A place on the roads: ``fraction`` of the arc's length is behind it, ``distance_m`` is how far off it was."""

    arc: int
    fraction: float
    distance_m: float


class Snapper:
    """Finds the nearest place on the streets that a mode may use.

    Parameters
    ----------
    network
        The streets.
    mode
        Only arcs with one of these mode bits are found.

    Attributes
    ----------
    grid
        The streets as the compiled search reads them; for kernels that snap by themselves.

    Raises
    ------
    PositionError
        When the network has no arc for the mode.
    """

    def __init__(self, network: RoadNetwork, mode: Mode = Mode.EMERGENCY) -> None:
        from geo_data import snapping_kernels  # noqa: PLC0415 - numba, wanted once there is a network

        self._kernels = snapping_kernels
        allowed = ((network.arc_modes & int(mode)) != 0) & ~network.is_turn  # nobody stands on a turn
        if not allowed.any():
            raise PositionError("mode", mode, "a mode that some arc of the network allows")
        self._bounds = network.bounds()
        west, south, east, north = self._bounds
        self.grid: StreetGrid = _grid(network, allowed, ((west + east) / 2, (south + north) / 2))

    def snap(
        self,
        lon: float,
        lat: float,
        *,
        heading_deg: float | None = None,
        last_arc: int = -1,
        limit_m: float = LIMIT_M,
    ) -> Snap:
        """Return the place on the roads that belongs to a coordinate.

        Parameters
        ----------
        lon, lat
            Degrees WGS-84.
        heading_deg
            Degrees clockwise from north, where it is known.
        last_arc
            The arc it was on before; -1 where that is not known.
        limit_m
            How far a street may be.

        Raises
        ------
        PositionError
            When a value is not finite or out of its range.
        OffRoad
            When no street lies within ``limit_m``.
        """
        self._check(lon, lat, heading_deg, limit_m)
        heading = math.nan if heading_deg is None else float(heading_deg)
        x, y = self._plane(lon, lat)
        arc, fraction, distance_m = self._kernels.find_street(
            self.grid, x, y, heading, int(last_arc), NOISE_M, float(limit_m)
        )
        if arc < 0:
            # Rare, and the caller is told how far off it was: the same search with no limit.
            _, _, distance_m = self._kernels.find_street(self.grid, x, y, math.nan, -1, 0.0, math.inf)
            raise OffRoad(lon, lat, float(distance_m), limit_m, exchanged=self._inside(lat, lon))
        return Snap(int(arc), float(fraction), float(distance_m))

    def snap_many(
        self,
        lon: ArrayLike,
        lat: ArrayLike,
        *,
        heading_deg: ArrayLike | None = None,
        last_arc: ArrayLike | None = None,
        limit_m: float = LIMIT_M,
    ) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
        """Snap ``c`` coordinates in one compiled call.

        Parameters
        ----------
        lon, lat
            Degrees WGS-84, (c,).
        heading_deg
            Degrees, (c,), NaN where unknown.
        last_arc
            Arcs, (c,), -1 where unknown.
        limit_m
            How far a street may be.

        Returns
        -------
        int32 (c,), float64 (c,), float64 (c,)
            Arc, fraction and distance in metres; -1, 0 and infinity where no street lies within the limit.

        Raises
        ------
        PositionError
            When a value is not finite or out of its range; names the first such place.
        """
        lons, lats = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
        for field, values, most in (("lon", lons, 180.0), ("lat", lats, 90.0)):
            wrong = np.flatnonzero(~(np.abs(values) <= most))
            if len(wrong):
                raise PositionError(f"{field}[{wrong[0]}]", float(values[wrong[0]]), f"-{most:g} to {most:g} degrees")
        headings = np.full(len(lons), np.nan) if heading_deg is None else np.asarray(heading_deg, np.float64)
        last = np.full(len(lons), -1, np.int32) if last_arc is None else np.asarray(last_arc, np.int32)
        arc = np.empty(len(lons), np.int32)
        fraction, distance_m = np.empty(len(lons)), np.empty(len(lons))
        self._kernels.find_streets(
            self.grid, lons, lats, headings, last, NOISE_M, float(limit_m), arc, fraction, distance_m
        )
        return arc, fraction, distance_m

    def _plane(self, lon: float, lat: float) -> tuple[float, float]:
        grid = self.grid
        return (lon - grid.frame[0]) * grid.frame[2], (lat - grid.frame[1]) * grid.frame[3]

    def _inside(self, lon: float, lat: float) -> bool:
        west, south, east, north = self._bounds
        return west <= lon <= east and south <= lat <= north

    def _check(self, lon: float, lat: float, heading_deg: float | None, limit_m: float) -> None:
        for field, value, most in (("lon", lon, 180.0), ("lat", lat, 90.0)):
            if not abs(value) <= most:  # also true of NaN
                hint = "; longitude and latitude look exchanged" if self._inside(lat, lon) else ""
                raise PositionError(field, value, f"-{most:g} to {most:g} degrees{hint}")
        if heading_deg is not None and not math.isfinite(heading_deg):
            raise PositionError("heading_deg", heading_deg, "a finite number of degrees")
        if not limit_m > 0:
            raise PositionError("limit_m", limit_m, "above 0 m")


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Return the length in metres of one degree of longitude and of latitude at a latitude, on the WGS-84 ellipsoid.

    From the radii of curvature N = a / w and M = a (1 - e2) / w**3, with w = sqrt(1 - e2 sin(lat)**2).
    """
    a, e2 = 6_378_137.0, 0.006_694_379_990_14
    phi = math.radians(lat)
    w = math.sqrt(1 - e2 * math.sin(phi) ** 2)
    degree = math.pi / 180
    return degree * a / w * math.cos(phi), degree * a * (1 - e2) / w**3


def course(network: RoadNetwork, arc: int, begin: float = 0.0, end: float = 1.0) -> NDArray[np.float64]:
    """Return the piece of an arc between two fractions of its length, float64 (points, 2), lon and lat in degrees.

    ``begin`` must not be above ``end``; both ends are always included, so that there are at least two points.
    """
    return way(network, np.array([arc], np.int32), begin, end)


def way(network: RoadNetwork, arcs: NDArray[np.int32], begin: float, end: float) -> NDArray[np.float64]:
    """Return the course along arcs that follow one another, float64 (points, 2), lon and lat in degrees.

    The first arc counts from the fraction ``begin`` on, the last up to the fraction ``end``; joints stand once.
    """
    return measured_way(network, arcs, begin, end)[0]


def measured_way(
    network: RoadNetwork, arcs: NDArray[np.int32], begin: float, end: float
) -> tuple[NDArray[np.float64], float]:
    """Return what `way` does, and its length in metres."""
    from geo_data.snapping_kernels import draw_way  # noqa: PLC0415 - numba, wanted once there is a way

    shape = network.shape
    street, is_forward = shape.geometry[arcs[0]], shape.forward[arcs[0]]
    at = shape.first[street] if is_forward else shape.first[street + 1] - 1
    per_degree = metres_per_degree(float(shape.lat[at] / 1e7))
    # Times are whole milliseconds: on one arc the start may lie a hair beyond the end.
    begin = min(begin, end) if len(arcs) == 1 else begin
    course, length_m = draw_way(shape, arcs, float(begin), float(end), *per_degree)
    return course, float(length_m)


def point_at(network: RoadNetwork, arc: int, fraction: float) -> tuple[float, float]:
    """Return longitude and latitude of the place at a fraction of an arc's length."""
    piece = course(network, arc, fraction, fraction)
    return float(piece[0, 0]), float(piece[0, 1])


def _grid(network: RoadNetwork, allowed: NDArray[np.bool_], origin: tuple[float, float]) -> "StreetGrid":
    """Lay all streets with an allowed arc into the grid; a street of two arcs is stored once."""
    from geo_data.snapping_kernels import StreetGrid, draw_streets, grid_counts  # noqa: PLC0415

    per_lon, per_lat = metres_per_degree(origin[1])
    geometries = len(network.geometry_first) - 1
    along, against = np.full(geometries, -1, np.int32), np.full(geometries, -1, np.int32)
    arcs = np.arange(network.n_arcs, dtype=np.int32)
    for arc_of, rows in ((along, allowed & network.arc_drawn), (against, allowed & ~network.arc_drawn)):
        arc_of[network.arc_geometry[rows]] = arcs[rows]
    first = np.array(network.geometry_first, np.int64)
    x = (np.asarray(network.point_lon) / 1e7 - origin[0]) * per_lon
    y = (np.asarray(network.point_lat) / 1e7 - origin[1]) * per_lat
    street = np.repeat(np.arange(geometries, dtype=np.int32), np.diff(first))
    step = np.zeros(len(x))
    np.hypot(np.diff(x), np.diff(y), out=step[1:])
    step[first[:-1]] = 0.0
    behind_m = np.cumsum(step)
    behind_m -= behind_m[first[:-1]][street]
    used = (along >= 0) | (against >= 0)
    seen = used[street]
    low = np.array([x[seen].min(), y[seen].min()]) - 1.0
    span = np.array([x[seen].max(), y[seen].max()]) + 1.0 - low
    area = float(span[0] * span[1])
    # About two pieces of street to a cell, within bounds for villages and for continents.
    cell_m = min(max(math.sqrt(2 * area / max(int(seen.sum()), 1)), 25.0), 400.0)
    cell_m = max(cell_m, math.sqrt(area / _MOST_CELLS), float(span.max()) / 65_000)
    columns, rows_ = int(span[0] / cell_m) + 1, int(span[1] / cell_m) + 1
    frame = np.array([origin[0], origin[1], per_lon, per_lat, low[0], low[1], cell_m])
    shape = np.array([columns, rows_], np.int64)
    counts = np.zeros(columns * rows_ + 1, np.int64)
    grid_counts(x, y, street, used, frame, shape, counts)
    np.cumsum(counts, out=counts)
    piece = np.empty(int(counts[-1]), np.int32)
    draw_streets(x, y, street, used, frame, shape, counts[:-1].copy(), piece)
    length_m = behind_m[first[1:] - 1]
    return StreetGrid(frame, shape, counts.astype(np.int32), piece, x, y, street, behind_m, length_m, along, against)
