"""Polylines: the published example, and there and back again."""

import contextlib

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


@given(st.text(max_size=20))
def test_any_text_is_a_polyline_or_a_refusal(text):
    with contextlib.suppress(Refusal):
        assert decode_polyline(text).shape[1] == 2


@pytest.mark.parametrize("text", ["_", "_p~iF", "_p~iF~ps|U_", "é?", "_______?"])
def test_what_is_none_is_refused(text):
    with pytest.raises(Refusal, match="polyline"):
        decode_polyline(text)
