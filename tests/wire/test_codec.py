"""Frames: the same messages in both formats, read back by other people's libraries; nothing breaks the reader."""

import json
from typing import get_args

import msgpack
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.errors import Refusal
from engine.wire.codec import JSON, MSGPACK, SUBPROTOCOLS, Codec, UnreadableFrame
from engine.wire.limits import Limits
from engine.wire.messages import ClientMessage, Fix, Hello, Positions
from engine.wire.order_messages import AnswerOrder
from engine.wire.reports import ReportAlert
from engine.wire.server_messages import ServerMessage

LIMITS = Limits()
CODECS = {name: Codec(name) for name in SUBPROTOCOLS}
NOW = 1_800_000_000_000


def values(kind):
    """Return a strategy for a type, from its own bounds."""
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            return st.fixed_dictionaries({field.name: values(field.type) for field in fields}).map(
                lambda given: cls(**given)
            )
        case msgspec.inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern, fullmatch=True)
        case msgspec.inspect.StrType(min_length=least, max_length=most):
            return st.text(st.characters(codec="utf-8"), min_size=least or 0, max_size=min(most or 20, 20))
        case msgspec.inspect.IntType(ge=least, le=most):
            return st.integers(-(2**53) if least is None else least, 2**53 if most is None else most)
        case msgspec.inspect.FloatType(ge=least, le=most):
            return st.floats(-1e9 if least is None else least, 1e9 if most is None else most)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.EnumType(cls=cls):
            return st.sampled_from(cls)
        case msgspec.inspect.LiteralType(values=words):
            return st.sampled_from(words)
        case msgspec.inspect.UnionType(types=kinds):
            return st.one_of([values(each) for each in kinds])
        case msgspec.inspect.VarTupleType(item_type=item, min_length=least):
            return st.lists(values(item), min_size=least or 0, max_size=3).map(tuple)
        case msgspec.inspect.ListType(item_type=item):
            return st.lists(values(item), max_size=3)
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(values(key), values(value), max_size=3)
    raise NotImplementedError(kind)


FROM_CLIENT = {cls: values(msgspec.inspect.type_info(cls)) for cls in get_args(ClientMessage)}
FROM_SERVER = {cls: values(msgspec.inspect.type_info(cls)) for cls in get_args(ServerMessage)}
ANY_CLIENT = st.one_of(list(FROM_CLIENT.values()))


def foreign(name, frame):
    return json.loads(frame) if name == JSON else msgpack.unpackb(frame)


def written(name, content):
    return json.dumps(content).encode() if name == JSON else msgpack.packb(content)


@pytest.mark.parametrize("cls", FROM_CLIENT, ids=lambda cls: cls.__name__)
def test_client_messages_are_the_same_in_both_formats_and_to_other_libraries(cls):
    @settings(max_examples=40, deadline=None)
    @given(FROM_CLIENT[cls])
    def holds(message):
        seen = [foreign(name, CODECS[name].encode(message)) for name in SUBPROTOCOLS]
        assert seen[0] == seen[1]
        assert seen[0]["message"] == cls.__struct_config__.tag
        for name in SUBPROTOCOLS:
            assert CODECS[name].from_client(written(name, seen[0]), LIMITS) == message
            assert CODECS[name].from_client(CODECS[name].encode(message), LIMITS) == message

    holds()


@pytest.mark.parametrize("cls", FROM_SERVER, ids=lambda cls: cls.__name__)
def test_server_messages_are_the_same_in_both_formats_and_to_other_libraries(cls):
    @settings(max_examples=40, deadline=None)
    @given(FROM_SERVER[cls])
    def holds(message):
        seen = [foreign(name, CODECS[name].encode(message)) for name in SUBPROTOCOLS]
        assert seen[0] == seen[1]
        for name in SUBPROTOCOLS:
            assert CODECS[name].from_server(written(name, seen[0])) == message
            assert CODECS[name].from_server(CODECS[name].encode(message)) == message

    holds()


def read_or_refused(codec, frame):
    """Read a frame; anything but a message or a named refusal fails the test."""
    try:
        codec.from_client(frame, LIMITS)
    except UnreadableFrame as error:
        refusal = error
    else:
        return
    assert refusal.code
    assert refusal.field
    assert len(refusal.value) <= 80
    assert refusal.limit


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SUBPROTOCOLS), st.binary(max_size=200))
def test_random_bytes_are_refused_by_name(name, frame):
    read_or_refused(CODECS[name], frame)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(SUBPROTOCOLS), ANY_CLIENT, st.data())
def test_mutated_frames_are_read_or_refused_by_name(name, message, data):
    frame = bytearray(CODECS[name].encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(frame) - 1))
        match data.draw(st.sampled_from(("set", "cut", "insert", "double"))):
            case "set":
                frame[at] = data.draw(st.integers(0, 255))
            case "cut":
                del frame[at : at + data.draw(st.integers(1, 5))]
            case "insert":
                frame[at:at] = data.draw(st.binary(min_size=1, max_size=6))
            case "double":
                frame[at:at] = frame[: data.draw(st.integers(0, 40))]
        if not frame:
            break
    read_or_refused(CODECS[name], bytes(frame))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(SUBPROTOCOLS),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5) | st.floats(allow_nan=False),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    ),
)
def test_other_peoples_values_are_refused_by_name(name, content):
    read_or_refused(CODECS[name], written(name, content))


FIX = {"lon": 113.1, "lat": 36.5, "at": NOW}
ALERT = {"message": "alert", "source": "s", "source_ref": "r-7", "type": "fire", "lon": 1.0, "lat": 2.0, "at": NOW}
ANSWER = {"message": "answer", "key": "k-1", "order": "o", "version": 1, "answer": "accept"}


@pytest.mark.parametrize("name", SUBPROTOCOLS)
@pytest.mark.parametrize(
    ("content", "code", "field", "value", "limit", "ref"),
    [
        (
            {"message": "positions", "fixes": [{**FIX, "lon": float("nan")}]},
            "out_of_range",
            "fixes[0].lon",
            "nan",
            "",
            "",
        ),
        (
            {"message": "positions", "fixes": [FIX, {**FIX, "lat": 113.1}]},
            "out_of_range",
            "fixes[1].lat",
            "113.1",
            "90",
            "",
        ),
        ({"message": "positions", "fixes": [FIX] * 501}, "too_long", "fixes", "[{", "500", ""),
        ({"message": "positions", "fixes": []}, "too_short", "fixes", "[]", "1", ""),
        ({"message": "positions", "fixes": [{**FIX, "lon": True}]}, "wrong_type", "fixes[0].lon", "True", "float", ""),
        (
            {"message": "positions", "fixes": [{**FIX, "at": 10**17}]},
            "out_of_range",
            "fixes[0].at",
            "1" + "0" * 17,
            "",
            "",
        ),
        ({**ANSWER, "answer": "maybe"}, "unknown_value", "answer", "'maybe'", "accept, refuse", "k-1"),
        ({**ANSWER, "version": "1"}, "wrong_type", "version", "'1'", "int", "k-1"),
        ({**ANSWER, "text": "x" * 4001}, "too_long", "text", "'xxx", "4000", "k-1"),
        ({**ALERT, "source": ""}, "too_short", "source", "''", "1", "r-7"),
        ({**ALERT, "needs": [{"capability": "c"}] * 33}, "too_long", "needs", "[{", "32", "r-7"),
        ({**ALERT, "needs": [{"capability": "c", "count": 0}]}, "out_of_range", "needs[0].count", "0", "1", "r-7"),
        ({k: v for k, v in ALERT.items() if k != "type"}, "missing", "type", "'nothing'", "type", "r-7"),
        ({"message": "welcome"}, "unknown_message", "message", "'welcome'", "hello", ""),
        ({"message": 5}, "unknown_message", "message", "5", "hello", ""),
        ({}, "missing", "message", "'nothing'", "message", ""),
        ([1], "wrong_type", "frame", "[1]", "object", ""),
    ],
)
def test_each_mistake_names_field_value_and_limit(name, content, code, field, value, limit, ref):
    with pytest.raises(UnreadableFrame) as caught:
        CODECS[name].from_client(written(name, content), LIMITS)
    refusal = caught.value
    assert (refusal.code, refusal.field, refusal.ref) == (code, field, ref)
    assert refusal.value.replace('"', "'").startswith(value)
    assert limit in refusal.limit


@pytest.mark.parametrize("name", SUBPROTOCOLS)
def test_size_is_looked_at_before_anything_is_parsed(name):
    with pytest.raises(UnreadableFrame, match="70000 bytes") as caught:
        CODECS[name].from_client(b"\x00" * 70_000, LIMITS)
    assert (caught.value.code, caught.value.limit) == ("too_big", "65536 bytes")


@pytest.mark.parametrize("name", SUBPROTOCOLS)
def test_depth_is_looked_at_before_anything_is_parsed(name):
    frame = b"\x81\xa1x" * 3_000 + b"\xc0" if name == MSGPACK else b'{"x":' * 3_000 + b"1" + b"}" * 3_000
    with pytest.raises(UnreadableFrame) as caught:
        CODECS[name].from_client(frame, LIMITS)
    assert (caught.value.code, caught.value.limit) == ("too_deep", "8 levels of nesting")


def test_a_newer_peers_fields_are_passed_over():
    frame = json.dumps({**ANSWER, "mood": {"calm": [1, 2]}}).encode()
    read = CODECS[JSON].from_client(frame, LIMITS)
    assert read == AnswerOrder(key="k-1", order="o", version=1, answer="accept")


def test_an_unknown_subprotocol_is_refused():
    with pytest.raises(Refusal, match="unknown_subprotocol"):
        Codec("allpoints.v9.xml")


def test_messages_become_the_engines_own_types():
    fix = Fix(lon=113.0, lat=36.5, at=NOW, speed_mps=12.0, heading_deg=90.0)
    position = Positions(fixes=(fix,)).fixes[0].position("car-1")
    assert (position.unit, position.lon, position.heading_deg) == ("car-1", 113.0, 90.0)
    alert = msgspec.convert(
        {**ALERT, "needs": [{"capability": "patrol"}], "details": {"text": "t"}}, ReportAlert
    ).alert()
    assert (alert.source_ref, alert.needs[0].count, alert.details.text) == ("r-7", 1, "t")


def test_a_greeting_has_a_limit_of_its_own():
    frame = CODECS[MSGPACK].encode(Hello(token="t" * 1_000))
    with pytest.raises(UnreadableFrame, match="too_big"):
        CODECS[MSGPACK].from_client(frame, LIMITS, most_bytes=500)
