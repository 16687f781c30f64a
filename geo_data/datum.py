"""Chinese datums: GCJ-02 and BD-09 to WGS-84 and back, by the formulas that are public.

Inside everything is WGS-84; other datums are converted once, at the edge. GCJ-02 moves places in China by 100 to 700 m;
the inverse is found by iteration, to a tenth of a millimetre. Outside the box `CHINA` nothing is moved. A place within
a kilometre of the box's border may be taken for one on the other side on the way back.
"""

import math
from typing import Any, Final, Literal, Protocol, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Datum = Literal["wgs84", "gcj02", "bd09"]
"""How coordinates are counted: as satellites do, as maps in China must, as one Chinese map service does on top."""

Floats = NDArray[np.float64]

CHINA: Final = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north in degrees: where the published formulas apply. A box, so neighbours lie in it, too."""

_AXIS_M: Final = 6_378_245.0
_ECCENTRICITY_SQUARED: Final = 0.006_693_421_622_965_943
"""The ellipsoid of Krasovsky (1940), which the published formulas use."""
_BD_TURN: Final = math.pi * 3000.0 / 180.0
_ACCURACY_DEG: Final = 1e-9
_MOST_ROUNDS: Final = 60
_FARTHEST_DEG: Final = 0.05
"""No formula moves a place farther."""


class _Formula(Protocol):
    """Moves places: arrays by the functions of numpy, a single one by those of math, which are much quicker then."""

    def __call__(self, lon: Any, lat: Any, functions: Any = np) -> tuple[Any, Any]: ...


class DatumError(ValueError):
    """Coordinates that no datum has; names the field, the value and the limit."""


def convert(lon: ArrayLike, lat: ArrayLike, source: Datum, target: Datum) -> tuple[Floats, Floats]:
    """Return coordinates of one datum in another, as float64 arrays of the common shape.

    Raises
    ------
    DatumError
        When a datum is unknown, or a coordinate is not finite or out of range.
    """
    _check_datum("source", source)
    _check_datum("target", target)
    lons, lats = np.broadcast_arrays(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
    for field, values, limit in (("lon", lons, 180), ("lat", lats, 90)):
        wrong = ~(np.abs(values) <= limit)
        if wrong.any():
            raise DatumError(f"{field}: {values[wrong].flat[0]} is not taken; limit: -{limit} to {limit} degrees")
    shape, lons, lats = lons.shape, lons.flatten(), lats.flatten()
    if source != target:
        if source == "bd09":
            lons, lats = _inverse(lons, lats, _gcj02_to_bd09)
        if source == "wgs84":
            lons, lats = _forward(lons, lats, _wgs84_to_gcj02)
        elif target == "wgs84":
            lons, lats = _inverse(lons, lats, _wgs84_to_gcj02)
        if target == "bd09":
            lons, lats = _forward(lons, lats, _gcj02_to_bd09)
    return lons.reshape(shape), lats.reshape(shape)


def to_wgs84(lon: float, lat: float, datum: Datum) -> tuple[float, float]:
    """Return one place in WGS-84, longitude and latitude.

    Raises
    ------
    DatumError
        When the datum is unknown, or a coordinate is not finite or out of range.
    """
    if datum == "gcj02":
        formulas: tuple[_Formula, ...] = (_wgs84_to_gcj02,)
    elif datum == "bd09":
        formulas = (_gcj02_to_bd09, _wgs84_to_gcj02)
    else:
        formulas = ()
        _check_datum("datum", datum)
    for field, value, limit in (("lon", lon, 180), ("lat", lat, 90)):
        if not abs(value) <= limit:
            raise DatumError(f"{field}: {value} is not taken; limit: -{limit} to {limit} degrees")
    for formula in formulas:
        lon, lat = _inverse_of_one(float(lon), float(lat), formula)
    return float(lon), float(lat)


def _check_datum(field: str, datum: str) -> None:
    if datum not in get_args(Datum):
        raise DatumError(f"{field}: {datum!r} is not taken; limit: one of {', '.join(get_args(Datum))}")


def in_china(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """Return which places lie in the box in which coordinates are moved."""
    west, south, east, north = CHINA
    return np.asarray((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))


def _forward(lon: Floats, lat: Floats, formula: _Formula) -> tuple[Floats, Floats]:
    """Move the places in China by a formula."""
    there_lon, there_lat = lon.copy(), lat.copy()
    inside = in_china(lon, lat)
    there_lon[inside], there_lat[inside] = formula(lon[inside], lat[inside])
    return there_lon, there_lat


def _inverse(lon: Floats, lat: Floats, formula: _Formula) -> tuple[Floats, Floats]:
    """Return what a formula moves to the given places, by going back by as much as it overshoots.

    The shift changes by less than a fiftieth of the way, so every round gains a factor of fifty.
    """
    west, south, east, north = CHINA
    near = (lon > west - _FARTHEST_DEG) & (lon < east + _FARTHEST_DEG)
    near &= (lat > south - _FARTHEST_DEG) & (lat < north + _FARTHEST_DEG)
    to_lon, to_lat = lon[near], lat[near]
    from_lon, from_lat = to_lon.copy(), to_lat.copy()
    for _ in range(_MOST_ROUNDS):
        there_lon, there_lat = formula(from_lon, from_lat)
        from_lon += to_lon - there_lon
        from_lat += to_lat - there_lat
        if max(np.abs(to_lon - there_lon).max(initial=0), np.abs(to_lat - there_lat).max(initial=0)) < _ACCURACY_DEG:
            break
    moved = in_china(from_lon, from_lat)
    back_lon, back_lat = lon.copy(), lat.copy()
    back_lon[near] = np.where(moved, from_lon, to_lon)
    back_lat[near] = np.where(moved, from_lat, to_lat)
    return back_lon, back_lat


def _inverse_of_one(lon: float, lat: float, formula: _Formula) -> tuple[float, float]:
    """Do as `_inverse` for a single place."""
    west, south, east, north = CHINA
    is_near = west - _FARTHEST_DEG < lon < east + _FARTHEST_DEG and south - _FARTHEST_DEG < lat < north + _FARTHEST_DEG
    if not is_near:
        return lon, lat
    from_lon, from_lat = lon, lat
    for _ in range(_MOST_ROUNDS):
        there_lon, there_lat = formula(from_lon, from_lat, math)
        from_lon += lon - there_lon
        from_lat += lat - there_lat
        if max(abs(lon - there_lon), abs(lat - there_lat)) < _ACCURACY_DEG:
            break
    moved = west <= from_lon <= east and south <= from_lat <= north
    return (from_lon, from_lat) if moved else (lon, lat)


def _wgs84_to_gcj02(lon: Any, lat: Any, functions: Any = np) -> tuple[Any, Any]:
    """Move by the formulas that were published as "eviltransform" (https://github.com/googollee/eviltransform)."""
    x, y = lon - 105.0, lat - 35.0
    root = functions.sqrt(abs(x))
    common = 20.0 * functions.sin(6 * math.pi * x) + 20.0 * functions.sin(2 * math.pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (common + 20.0 * functions.sin(math.pi * y) + 40.0 * functions.sin(math.pi / 3 * y)) * 2 / 3
    north += (160.0 * functions.sin(math.pi / 12 * y) + 320.0 * functions.sin(math.pi / 30 * y)) * 2 / 3
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (common + 20.0 * functions.sin(math.pi * x) + 40.0 * functions.sin(math.pi / 3 * x)) * 2 / 3
    east += (150.0 * functions.sin(math.pi / 12 * x) + 300.0 * functions.sin(math.pi / 30 * x)) * 2 / 3
    lat_rad = functions.radians(lat)
    flat = 1 - _ECCENTRICITY_SQUARED * functions.sin(lat_rad) ** 2
    by_lat = functions.degrees(north * flat * functions.sqrt(flat) / (_AXIS_M * (1 - _ECCENTRICITY_SQUARED)))
    by_lon = functions.degrees(east * functions.sqrt(flat) / (_AXIS_M * functions.cos(lat_rad)))
    return lon + by_lon, lat + by_lat


def _gcj02_to_bd09(lon: Any, lat: Any, functions: Any = np) -> tuple[Any, Any]:
    """Move by the formulas that are public for BD-09 (https://github.com/wandergis/coordtransform)."""
    reach = functions.hypot(lon, lat) + 0.000_02 * functions.sin(lat * _BD_TURN)
    turn = functions.atan2(lat, lon) + 0.000_003 * functions.cos(lon * _BD_TURN)
    return reach * functions.cos(turn) + 0.0065, reach * functions.sin(turn) + 0.006
