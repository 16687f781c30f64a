"""Depth without parsing, held against depth by parsing."""

import json

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.wire.depth import json_depth_within, msgpack_depth_within

# Texts full of brackets, quotes and backslashes are what a scanner without a parser would stumble over.
TEXT = st.text(alphabet='[]{}"\\, x雨\x80', max_size=6)
CONTENT = st.recursive(
    st.none() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=30,
)


def depth_of(content):
    if isinstance(content, dict):
        return 1 + max((depth_of(value) for value in content.values()), default=0)
    if isinstance(content, list):
        return 1 + max((depth_of(value) for value in content), default=0)
    return 0


@settings(max_examples=300, deadline=None)
@given(CONTENT, st.integers(1, 6))
def test_json_depth_is_the_parsed_depth(content, most):
    for text in (json.dumps(content), json.dumps(content, ensure_ascii=False)):
        assert json_depth_within(text.encode(), most) == (depth_of(content) <= most)


@settings(max_examples=300, deadline=None)
@given(CONTENT, st.binary(max_size=20), st.integers(1, 6))
def test_msgpack_depth_is_the_parsed_depth(content, raw, most):
    within = depth_of(content) <= most
    assert msgpack_depth_within(msgpack.packb(content), most) == within
    # Extensions and byte strings hold what looks like openings, and are none.
    both = [content, raw, msgpack.ExtType(4, raw)]
    assert msgpack_depth_within(msgpack.packb(both), most + 1) == within


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 6))
def test_any_bytes_get_an_answer(frame, most):
    assert json_depth_within(frame, most) in (True, False)
    assert msgpack_depth_within(frame, most) in (True, False)


@pytest.mark.parametrize(
    ("frame", "within"),
    [
        (b"[" * 60_000 + b"]" * 60_000, False),
        (b"[" * 60_000, False),
        (b'"' + b'\\"' * 30_000, True),
        (b'\\"' * 30_000, True),
        (b"[]," * 20_000, True),
    ],
    ids=["deep", "never closed", "escapes", "escapes outside", "wide"],
)
def test_hostile_json_is_answered(frame, within):
    assert json_depth_within(frame, 8) is within


@pytest.mark.parametrize(
    ("frame", "within"),
    [
        (b"\x91" * 60_000, False),
        (b"\xdd\xff\xff\xff\xff" * 12_000, False),
        (b"\xdc\xff\xff" + b"\x90" * 60_000, True),
        (b"\xc7\xff\x01" + b"\x91" * 255, True),
    ],
    ids=["deep", "deep with long counts", "wide", "extension"],
)
def test_hostile_msgpack_is_answered(frame, within):
    assert msgpack_depth_within(frame, 8) is within
