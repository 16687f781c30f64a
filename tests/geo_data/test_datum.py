"""Datums: places that are known, there and back, and nothing moved outside China."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_data.datum import CHINA, DatumError, convert, in_china, to_wgs84
from geo_data.lengths import distance_m

WEST, SOUTH, EAST, NORTH = CHINA
WELL_INSIDE = {"lon": st.floats(WEST + 0.05, EAST - 0.05), "lat": st.floats(SOUTH + 0.05, NORTH - 0.05)}


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [  # from the tests of eviltransform
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    ],
)
def test_gcj02_of_known_places(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert np.allclose(convert(*wgs84, "wgs84", "gcj02"), gcj02, atol=1e-9)
    assert np.allclose(to_wgs84(*gcj02, "gcj02"), wgs84, atol=1e-9)


def test_bd09_of_known_places() -> None:
    # from the documentation of coordtransform
    assert np.allclose(convert(116.404, 39.915, "gcj02", "bd09"), (116.41036949371029, 39.92133699351021), atol=1e-9)
    # its own way back is only near, as it is one step without iteration
    assert np.allclose(convert(116.404, 39.915, "bd09", "gcj02"), (116.39762729119315, 39.90865673957631), atol=1e-6)


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
@given(**WELL_INSIDE)
def test_there_and_back_is_the_same_place(datum: str, lon: float, lat: float) -> None:
    back_lon, back_lat = convert(*convert(lon, lat, "wgs84", datum), datum, "wgs84")
    assert distance_m(back_lon, back_lat, np.float64(lon), np.float64(lat)) < 0.001


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
@given(**WELL_INSIDE)
def test_back_and_there_is_the_same_place(datum: str, lon: float, lat: float) -> None:
    there_lon, there_lat = convert(*convert(lon, lat, datum, "wgs84"), "wgs84", datum)
    assert distance_m(there_lon, there_lat, np.float64(lon), np.float64(lat)) < 0.001


def test_the_shift_is_some_hundred_metres_in_shanxi() -> None:
    lon, lat = np.meshgrid(np.linspace(110, 114.5, 30), np.linspace(34.6, 40.7, 30))
    for datum, low, high in (("gcj02", 300, 700), ("bd09", 500, 1_600)):
        moved = distance_m(lon, lat, *convert(lon, lat, "wgs84", datum))
        assert low < moved.min() <= moved.max() < high


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90))
def test_nothing_moves_outside_china(datum: str, lon: float, lat: float) -> None:
    if WEST - 0.02 < lon < EAST + 0.02 and SOUTH - 0.02 < lat < NORTH + 0.02:
        return
    assert not in_china(np.float64(lon), np.float64(lat))
    for there, back in (("wgs84", datum), (datum, "wgs84")):
        assert convert(lon, lat, there, back) == (lon, lat)


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    draw = np.random.default_rng(1)
    lon, lat = draw.uniform(60, 150, 200), draw.uniform(-10, 60, 200)
    for source, target in (("wgs84", "bd09"), ("bd09", "wgs84"), ("gcj02", "bd09"), ("bd09", "gcj02")):
        many = np.column_stack(convert(lon, lat, source, target))
        single = [convert(x, y, source, target) for x, y in zip(lon, lat, strict=True)]
        assert np.allclose(many, np.array(single), atol=1e-9)


@pytest.mark.parametrize(
    ("lon", "lat", "datum", "field"),
    [
        (math.nan, 36, "gcj02", "lon"),
        (113, math.inf, "gcj02", "lat"),
        (36, 113, "gcj02", "lat"),
        (113, 36, "cgcs", "source"),
    ],
)
def test_what_no_datum_has(lon: float, lat: float, datum: str, field: str) -> None:
    with pytest.raises(DatumError, match=rf"{field}: .*limit"):
        convert(lon, lat, datum, "wgs84")


@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "bd09"])
@given(lon=st.floats(-180, 180) | st.floats(WEST - 0.1, EAST + 0.1), lat=st.floats(-90, 90) | st.floats(SOUTH, NORTH))
def test_one_place_is_converted_as_many_are(datum: str, lon: float, lat: float) -> None:
    assert np.allclose(to_wgs84(lon, lat, datum), convert(lon, lat, datum, "wgs84"), rtol=0.0, atol=1e-9)


@pytest.mark.parametrize(("lon", "lat", "datum"), [(181.0, 0.0, "gcj02"), (0.0, math.nan, "wgs84"), (0, 0, "mars")])
def test_one_place_that_is_none_is_refused(lon: float, lat: float, datum: str) -> None:
    with pytest.raises(DatumError):
        to_wgs84(lon, lat, datum)
