"""Polylines: the published example, and there and back again."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.errors import Refusal
from engine.travel.polyline import decode_polyline, encode_polyline

PUBLISHED = [(-120.2, 38.5), (-120.95, 40.7), (-126.453, 43.252)]


def test_the_example_of_the_algorithm_s_description():
    assert encode_polyline(np.array(PUBLISHED)) == "_p~iF~ps|U_ulLnnqC_mqNvxq`@"
    assert np.allclose(decode_polyline("_p~iF~ps|U_ulLnnqC_mqNvxq`@"), PUBLISHED)


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=30))
def test_there_and_back_again_within_half_a_unit_of_the_fifth_decimal(points):
    there = np.array(points).reshape(-1, 2)
    assert np.abs(decode_polyline(encode_polyline(there)) - there).max(initial=0) <= 0.500001e-5


def by_the_letter(points):
    """Spell the algorithm's description step by step."""
    text, last = "", (0, 0)
    for lon, lat in points:
        place = tuple(int(math.copysign(math.floor(abs(value * 1e5) + 0.5), value)) for value in (lat, lon))
        for step in (place[0] - last[0], place[1] - last[1]):
            value = ~(step << 1) if step < 0 else step << 1
            while value >= 0x20:
                text += chr((0x20 | (value & 0x1F)) + 63)
                value >>= 5
            text += chr(value + 63)
        last = place
    return text


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=30))
def test_every_letter_is_the_description_s(points):
    assert encode_polyline(np.array(points, np.float64).reshape(-1, 2)) == by_the_letter(points)


@given(st.text(max_size=20))
def test_any_text_is_a_polyline_or_a_refusal(text):
    with contextlib.suppress(Refusal):
        assert decode_polyline(text).shape[1] == 2


@pytest.mark.parametrize("point", [(361.0, 0.0), (0.0, float("nan")), (float("inf"), 0.0)])
def test_what_are_no_degrees_is_refused(point):
    with pytest.raises(Refusal, match="points"):
        encode_polyline(np.array([(0.0, 0.0), point]))


@pytest.mark.parametrize("text", ["_", "_p~iF", "_p~iF~ps|U_", "é?", "_______?"])
def test_what_is_none_is_refused(text):
    with pytest.raises(Refusal, match="polyline"):
        decode_polyline(text)
