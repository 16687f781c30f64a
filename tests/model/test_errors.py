from hypothesis import given
from hypothesis import strategies as st

from engine.model.errors import Refusal, RefusalBody, shorten


@given(st.one_of(st.text(), st.binary(), st.integers(), st.floats()), st.integers(10, 100))
def test_nothing_gets_longer_than_its_bound(value, most):
    assert len(shorten(value, most)) <= most
    if len(repr(value)) <= most:
        assert shorten(value, most) == repr(value)


def test_the_end_of_a_path_stays():
    assert shorten("/" + "long/" * 10_000 + "erasures.jsonl:12").endswith("erasures.jsonl:12'")


def test_a_refusal_names_field_value_and_limit():
    refusal = Refusal("out_of_range", "lat", 113.0, "-90 to 90")
    assert RefusalBody.of(refusal) == RefusalBody("out_of_range", "lat", "113.0", "-90 to 90")
    assert str(refusal) == "lat: 113.0 is not taken (out_of_range); limit: -90 to 90"
