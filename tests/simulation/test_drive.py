"""Driving along a way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.simulation.drive import Drive, Way, distance_m

CORNER = np.array([[0.0, 0.0], [0.01, 0.0], [0.01, 0.03]])  # east, then north three times as far


def test_a_quarter_of_the_time_is_a_quarter_of_the_way() -> None:
    drive = Drive(Way(CORNER, 40_000), begins_at=1_000)
    assert drive.ends_at == 41_000
    assert drive.length_m == pytest.approx(0.04 * 111_195, rel=1e-6)
    assert drive.position(0) == drive.position(1_000) == (0.0, 0.0)
    assert drive.position(11_000) == pytest.approx((0.01, 0.0))
    assert drive.position(21_000) == pytest.approx((0.01, 0.01))
    assert drive.position(41_000) == drive.position(99_000) == (0.01, 0.03)


def test_a_way_of_no_time_or_one_point_is_over_at_once() -> None:
    assert Drive(Way(CORNER, 0), 5).position(5) == (0.01, 0.03)
    assert Drive(Way(CORNER[:1], 1_000), 5).position(500) == (0.0, 0.0)
    with pytest.raises(ValueError, match="0 points"):
        Drive(Way(CORNER[:0], 10), 5)


@given(st.lists(st.integers(0, 60_000), min_size=2, max_size=10))
def test_it_moves_forward_at_one_speed(instants: list[int]) -> None:
    drive = Drive(Way(np.array([[116.0, 40.0], [116.1, 40.05]]), 60_000), 0)
    start = drive.position(0)
    for at in instants:
        assert distance_m(start, drive.position(at)) == pytest.approx(drive.length_m * at / 60_000, abs=0.01)
