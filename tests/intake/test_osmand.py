"""What OsmAnd and the Traccar client send: real queries and bodies of Traccar's tests, and what is refused."""

import contextlib
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.osmand import read_json, read_query
from engine.intake.screening import Reported
from engine.model.errors import Refusal

MOST = 65_536
# From traccar/traccar, `OsmAndProtocolDecoderTest`.
ISO = "id=902064&lat=42.06288&lon=-88.23412&timestamp=2016-01-27T18%3A55%3A47Z&hdop=6.0&altitude=224.0&speed=0.0"
MILLISECONDS = "id=902064&lat=42.06288&lon=-88.23412&timestamp=1442068686579&hdop=6.0&altitude=224.0&speed=0.0"
DATE = "lat=49.60688&lon=6.15788&timestamp=2014-06-04+09%3A10%3A11&altitude=384.7&speed=0.0&id=353861053849681"
MOVING = (
    "id=123456789012345&timestamp=1504763810&lat=40.7232948571&lon=-74.0061408571&bearing=7.19889788244&speed=40"
    "&ignition=true&rpm=933&fuel=24"
)
OLD = "lat=60.0&lon=30.0&speed=0.0&heading=0.0&vacc=0&hacc=0&altitude=0&deviceid=123456"
PAIR = "id=123456&timestamp=1377177267&location=60.0,30.0"
STILL = (
    b'{"location":{"timestamp":"2025-06-15T13:45:12.862Z","coords":{"latitude":37.4219983,"longitude":-122.084,'
    b'"accuracy":5,"speed":0,"heading":-1,"altitude":5},"is_moving":false,"odometer":0,"event":"motionchange",'
    b'"battery":{"level":1,"is_charging":false},"activity":{"type":"still"},"extras":{},'
    b'"_":"&id=48241179&lat=37.4219983&lon=-122.084&timestamp=2025-06-15T13:45:12.862Z&"},"device_id":"48241179"}'
)
MOCK = (
    b'{"location":{"extras":{},"mock":true,"coords":{"speed_accuracy":-1,"speed":-1,"longitude":-122.406417,'
    b'"ellipsoidal_altitude":0,"floor":null,"heading_accuracy":-1,"latitude":37.785834000000001,"accuracy":5,'
    b'"altitude_accuracy":-1,"altitude":0,"heading":-1},"is_moving":false,"age":188,"odometer":0,'
    b'"uuid":"2FB04C65-99CF-42AB-8DD3-EBCB4B108BF8","event":"motionchange","battery":{"level":-1,"is_charging":false},'
    b'"activity":{"type":"unknown","confidence":100},"timestamp":"2025-05-09T04:11:30.579Z"},"device_id":"658765"}'
)


def query(text):
    return read_query(dict(parse_qsl(text)))


def ms(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (ISO, ms(2016, 1, 27, 18, 55, 47)),
        (MILLISECONDS, 1_442_068_686_579),
        (DATE, ms(2014, 6, 4, 9, 10, 11)),
        (MOVING, 1_504_763_810_000),
        (OLD, None),
        (PAIR, 1_377_177_267_000),
    ],
)
def test_instants_of_real_queries(text, at):
    assert query(text).reported.at == at


def test_a_real_query_in_full():
    said = query(MOVING)
    assert (said.device, said.is_alarm) == ("123456789012345", False)
    assert said.reported == Reported(
        lon=-74.0061408571,
        lat=40.7232948571,
        at=1_504_763_810_000,
        speed_mps=pytest.approx(20.578, abs=0.001),
        heading_deg=7.19889788244,
    )
    assert query(OLD).device == "123456"
    assert (query(PAIR).reported.lon, query(PAIR).reported.lat) == (30.0, 60.0)


def test_what_a_client_says_of_its_fix():
    assert query(ISO + "&mock=true").reported.is_mock
    assert not query(ISO + "&valid=false").reported.is_located
    assert query(ISO + "&valid=1").reported.is_located
    assert query(ISO + "&alarm=sos").is_alarm
    assert query(ISO + "&accuracy=12.5").reported.accuracy_m == 12.5


def test_real_bodies():
    still, mock = read_json(STILL, MOST), read_json(MOCK, MOST)
    assert (still.device, still.is_alarm) == ("48241179", False)
    assert still.reported == Reported(
        lon=-122.084, lat=37.4219983, at=ms(2025, 6, 15, 13, 45, 12) + 862, speed_mps=0.0, accuracy_m=5.0
    )
    assert mock.reported.is_mock
    assert mock.reported.speed_mps is None
    assert read_json(STILL.replace(b'"extras":{}', b'"extras":{"alarm":"sos"}'), MOST).is_alarm


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("lat=1&lon=2", "missing", "id"),
        ("id=1", "missing", "lat,lon"),
        ("id=1&lat=1", "missing", "lat,lon"),
        ("id=1&lat=north&lon=2", "wrong_type", "lat"),
        ("id=1&lat=nan&lon=2", "not_finite", "lat"),
        ("id=1&location=1", "missing", "lat,lon"),
        ("id=1&location=1,east", "wrong_type", "location"),
        ("id=1&lat=1&lon=2&speed=fast", "wrong_type", "speed"),
    ],
)
def test_what_is_wrong_with_a_query_has_a_name(text, code, field):
    with pytest.raises(Refusal) as refused:
        query(text)
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "frame"),
        (b'{"device_id":"1"}', "location"),
        (STILL.replace(b"-122.084,", b'"west",', 1), "location.coords.longitude"),
        (STILL.replace(b'"48241179"', b"48241179"), "device_id"),
    ],
)
def test_what_is_wrong_with_a_body_has_a_name(body, field):
    with pytest.raises(Refusal) as refused:
        read_json(body, MOST)
    assert refused.value.field == field


names = st.sampled_from(("id", "lat", "lon", "timestamp", "speed", "heading", "location", "valid", "mock", "accuracy"))


@given(st.dictionaries(names, st.text(max_size=30) | st.floats().map(str) | st.integers().map(str)))
def test_whatever_a_query_says_is_read_or_refused(values):
    with contextlib.suppress(Refusal):
        read_query(values)


@given(st.integers() | st.floats() | st.text(max_size=30) | st.datetimes().map(str))
def test_whatever_is_sent_as_an_instant_is_one_or_none(timestamp):
    body = json.dumps(
        {"device_id": "1", "location": {"coords": {"latitude": 1, "longitude": 2}, "timestamp": timestamp}}
    )
    try:
        at = read_json(body.encode(), MOST).reported.at
    except Refusal:
        return
    assert at is None or 0 < at < 4_102_444_800_001
