"""Lengths on the ground against known distances and against a plain loop."""

import itertools
import math

import numpy as np
import pytest

from geo_data import lengths
from geo_data.lengths import EARTH_RADIUS_M, distance_m, line_lengths_m


def one(*degrees):
    return float(distance_m(*(np.array([value], float) for value in degrees))[0])


def test_known_distances():
    assert one(0, 0, 0, 90) == pytest.approx(math.pi / 2 * EARTH_RADIUS_M)
    assert one(0, 0, 180, 0) == pytest.approx(math.pi * EARTH_RADIUS_M)
    assert one(10, 60, 11, 60) == pytest.approx(one(10, 0, 11, 0) / 2, rel=1e-4)
    assert one(116.3, 39.9, 116.3, 39.9) == 0.0
    # Geodesic on WGS-84 between Beijing and Taiyuan is 404.2 km.
    assert one(116.3913, 39.9075, 112.5489, 37.8706) == pytest.approx(402_900, rel=0.0056)


def test_over_the_date_line_it_takes_the_short_way():
    assert one(179.9995, 0, -179.9995, 0) == pytest.approx(111.195, abs=0.01)


@pytest.mark.parametrize("portion", [1, 3, 1 << 20])
def test_lines_are_the_sums_of_their_steps(monkeypatch, portion):
    monkeypatch.setattr(lengths, "_CHUNK", portion)
    rng = np.random.default_rng(4)
    first = np.cumsum([0, *rng.integers(2, 6, 20)])
    lon, lat = rng.uniform(0, 0.01, first[-1]), rng.uniform(0, 0.01, first[-1])
    expected = [
        sum(one(lon[i], lat[i], lon[i + 1], lat[i + 1]) for i in range(begin, end - 1))
        for begin, end in itertools.pairwise(first.tolist())
    ]
    assert line_lengths_m(first.astype(np.int64), lon, lat) == pytest.approx(expected)
