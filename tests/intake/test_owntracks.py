"""What OwnTracks posts: real messages of Traccar's tests and the booklet, and what is passed over or refused."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.owntracks import PASSED_OVER, read
from engine.intake.screening import Reported
from engine.model.errors import Refusal

MOST = 65_536
# From traccar/traccar, `OwnTracksProtocolDecoderTest`.
MOVING = (
    b'{"cog":271,"lon":2.29513,"acc":5,"vel":61,"vac":21,"lat":48.85833,"tst":1497349316,"alt":167,'
    b'"_type":"location","tid":"JJ","t":"u","batt":67}'
)
TRACKER = (
    b'{"topic":"owntracks/qtripp/865284041968706","lat":47.420051,"lon":13.654704,"vel":0,"cog":113,"tst":1736519167,'
    b'"mcc":232,"mnc":1,"lac":"4F4D","cid":"673A","_type":"location","acc":10,"alt":1113,"t":"I","don":105,"tid":"CS"}'
)
BARE = b'{"lat":48.85,"lon":2.295,"_type":"location","tid":"JJ","tst":1497476456}'


def test_locations_of_real_clients():
    assert read(MOVING, MOST) == Reported(
        lon=2.29513, lat=48.85833, at=1_497_349_316_000, speed_mps=61 / 3.6, heading_deg=271, accuracy_m=5
    )
    assert read(TRACKER, MOST).heading_deg == 113
    assert read(BARE, MOST) == Reported(lon=2.295, lat=48.85, at=1_497_476_456_000)


@pytest.mark.parametrize("kind", PASSED_OVER)
def test_what_is_no_location_is_passed_over_by_name(kind):
    assert read(json.dumps({"_type": kind, "event": "enter", "wtst": 1}).encode(), MOST) == kind


def test_an_empty_message_is_a_friend_who_left():
    assert read(b"", MOST) == "empty"
    assert read(b" \n", MOST) == "empty"


@pytest.mark.parametrize("tst", [None, 0, -5, 10**15, 1e308])
def test_an_instant_that_is_none_stays_none(tst):
    assert read(json.dumps({"_type": "location", "lat": 1, "lon": 2, "tst": tst}).encode(), MOST).at is None


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b'{"_type":"encrypted","data":"x"}', "encrypted", "_type"),
        (b'{"_type":"secret"}', "unknown_value", "_type"),
        (b'{"_type":"location","lat":1}', "missing", "lon"),
        (b'{"lat":1,"lon":2}', "missing", "_type"),
        (b'{"_type":"location","lat":"north","lon":2}', "wrong_type", "lat"),
        (b"[1]", "wrong_type", "frame"),
        (b"{", "malformed", "frame"),
        (b"[" * 100, "too_deep", "frame"),
    ],
)
def test_what_is_wrong_has_a_name(body, code, field):
    with pytest.raises(Refusal) as refused:
        read(body, MOST)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_message_is_bounded():
    with pytest.raises(Refusal, match="too_big"):
        read(BARE, 10)


JSON = st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps).map(str.encode)


@given(st.binary(max_size=100) | JSON)
def test_whatever_comes_is_read_or_refused(body):
    with contextlib.suppress(Refusal):
        read(body, MOST)
