"""Which streets a polygon touches, against shapely asked street by street."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_data.streets_in import StreetsIn
from tests.support.networks import random_network


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1_000), st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 0.6), st.integers(3, 8))
def test_the_streets_that_touch_are_those_that_shapely_says(seed, across, up, size, corners):
    roads = random_network(seed, nodes=12, streets=25)
    west, south, east, north = roads.bounds()
    middle = west + across * (east - west), south + up * (north - south)
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    ring = [
        (middle[0] + size * (east - west) * np.cos(turn), middle[1] + size * (north - south) * np.sin(turn))
        for turn in turns
    ]
    polygon = shapely.Polygon(ring)
    want = [arc for arc in range(roads.n_arcs) if polygon.intersects(shapely.LineString(roads.arc_points(arc)))]
    assert StreetsIn(roads).touching(ring).tolist() == want


@pytest.mark.parametrize("ring", [[(0, 0), (1, 1), (0, 1), (1, 0)], [(0, 0), (1, 1), (2, 2)]])
def test_a_ring_that_encloses_nothing_is_refused(ring):
    with pytest.raises(ValueError, match="ring"):
        StreetsIn(random_network(1, nodes=5, streets=8)).touching(ring)
