"""Lines around fields of numbers: every point of the grid is on the side where it belongs."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.travel.outline import _assembled
from engine.travel.outlining import count_crossings, trace_rings


def traced(field, level, fill_m2=0.0):
    crossings, along = count_crossings(field, level)
    points, first = np.full((crossings, 2), np.nan), np.empty(along // 2 + 1, np.int64)
    rings = trace_rings(field, level, points, first)
    assert first[rings] == crossings  # each crossing is passed once
    return _assembled(points, first[: rings + 1], fill_m2)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(3, 24), st.integers(3, 24), st.floats(0.05, 0.95), st.booleans())
def test_ground_is_valid_and_holds_the_points_below_the_level(seed, rows, columns, level, on_level):
    rng = np.random.default_rng(seed)
    field = rng.random((rows, columns)).astype(np.float32)
    if on_level:  # many points exactly on the level, and checkered cells
        field = np.where(field < 0.5, np.float32(level), np.float32(1.0))
    field[[0, -1]] = field[:, [0, -1]] = 1.0
    level = float(np.float32(level))
    inside = field <= level
    if not inside.any():
        return
    ground = traced(field, level)
    assert ground.is_valid
    row, column = np.indices(field.shape)
    shapely.prepare(ground)
    assert np.array_equal(shapely.contains_xy(ground, column, row), inside)


def test_holes_are_filled_up_to_a_size_and_what_stood_in_them_goes_with_them():
    field = np.full((13, 13), 9.0, np.float32)
    field[1:12, 1:12] = 0.0
    field[3:10, 3:10] = 9.0
    field[6, 6] = 0.0
    parts = shapely.get_parts(traced(field, 1.0))
    ring, island = sorted(parts, key=lambda part: part.area, reverse=True)
    (hole,) = ring.interiors
    assert shapely.Polygon(hole).contains(island)
    filled = traced(field, 1.0, fill_m2=1_000.0)
    assert filled.geom_type == "Polygon"
    assert len(filled.interiors) == 0
    assert filled.area == pytest.approx(ring.area + shapely.Polygon(hole).area)
