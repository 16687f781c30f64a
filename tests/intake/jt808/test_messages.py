"""What messages hold: real bodies with what their projects say is in them, and round trips."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.jt808 import messages as m
from engine.model.errors import Refusal
from tests.support import jt808_frames as real
from tests.support.jt808_frames import packet


def read(text):
    whole = packet(text)
    return m.read(whole.message, whole.body, whole.edition)


def ms(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize("text", [real.GO_REGISTER_2013, real.GO_REGISTER_2019])
def test_registration_in_both_editions(text):
    said = read(text)
    assert said == m.Register(
        province=31,
        city=115,
        maker="yzh",
        model="www.jtt808.com",
        terminal_id="7654321",
        plate_colour=1,
        plate="测A1234",
    )
    assert m.write(said, packet(text).edition) == packet(text).body


def test_registrations_of_real_terminals():
    assert read(real.TRACCAR_REGISTER) == m.Register(
        maker="70107", model="HB-R03GBD", terminal_id="2366104", plate_colour=2, plate="苏BA6860"
    )
    assert read(real.TRACCAR_REGISTER_2011).plate == ""
    assert read(real.SMALLCHI_REGISTER_2019).terminal_id == "CHI123"


def test_authentication_in_both_editions():
    assert read(real.GO_AUTHENTICATE_2013) == m.Authenticate(code="17299841738")
    assert read(real.GO_AUTHENTICATE_2019) == m.Authenticate(
        code="17299841738", imei="123456789012345", software="3.7.15"
    )
    assert read(real.XTREAM_AUTHENTICATE_2019).code == "这是鉴权码111"
    assert read(real.TRACCAR_AUTHENTICATE).code == "2011110811332196"


def test_a_terminals_answer():
    assert read(real.GO_TERMINAL_ANSWER) == m.TerminalAnswer(serial=123, message=456, result=3)


def test_a_location_with_its_items_in_beijing_time():
    said = read(real.XTREAM_LOCATION_2019)
    # Bits 1, 2 and 4 of the status: located, south.
    assert (said.lon, said.lat, said.alarm, said.status, said.altitude_m) == (121.987654, -31.234567, 111, 22, 123)
    assert (round(said.speed_mps * 3.6, 1), said.heading_deg) == (6.6, 3)
    assert said.at == ms(2025, 1, 29, 14, 33, 44)
    assert m.readings(said) == {"fuel_l": 10.0, "distance_km": 1.2}
    assert said.is_emergency
    assert said.is_located


def test_the_clock_of_a_terminal_may_be_another():
    whole = packet(real.XTREAM_LOCATION_2019)
    at_utc = m.read(whole.message, whole.body, whole.edition, 0).at
    assert at_utc == ms(2025, 1, 29, 22, 33, 44)


def test_locations_of_real_terminals():
    north, south, west = read(real.TRACCAR_LOCATION), read(real.TRACCAR_SOUTH), read(real.TRACCAR_EMERGENCY_WEST)
    assert (north.lon, north.lat, north.is_located, north.at) == (
        106.720495,
        6.152695,
        False,
        ms(2017, 1, 17, 2, 4, 42),
    )
    assert m.readings(north) == {"distance_km": 4326.4, "signal": 27, "satellites": 3}
    assert (south.lon, south.lat, south.is_located, south.is_emergency) == (138.514951, -34.895833, True, False)
    assert (west.lon, west.lat, west.is_emergency) == (-1.255923, 50.871735, True)
    assert m.readings(read(real.GO_LOCATION_2019))["satellites"] == 40


def test_what_a_maker_put_behind_a_location_does_not_cost_the_location():
    said = read(real.TRACCAR_VENDOR_TAIL)
    assert (said.lon, said.lat) == (113.799992, 22.690842)
    whole = packet(real.XTREAM_LOCATION_2019)
    cut = m.read(whole.message, whole.body[:-1], whole.edition)
    assert (cut.lon, [number for number, _ in cut.items], cut.unread) == (121.987654, [2], 5)


def test_batches_say_whether_they_come_from_a_gap():
    gap, usual = read(real.TRACCAR_BATCH), read(real.XTREAM_BATCH_2019)
    assert (len(gap.locations), gap.is_backfill, gap.unread) == (8, True, 0)
    assert gap.locations[0].at == ms(2016, 5, 27, 1, 6, 24)
    assert (gap.locations[-1].lon, gap.locations[-1].lat) == (114.032432, 22.640550)
    assert [each.altitude_m for each in usual.locations] == [666, 777]
    assert not usual.is_backfill


def test_a_batch_that_is_cut_keeps_what_is_whole():
    whole = packet(real.TRACCAR_BATCH)
    cut = m.read(0x0704, whole.body[:-1], 2013)
    assert (len(cut.locations), cut.unread) == (7, 1)
    short = m.read(0x0704, whole.body[:3] + b"\x00\x02ab" + whole.body[3:], 2013)
    assert (len(short.locations), short.unread) == (7, 1)


@pytest.mark.parametrize("bcd", ["000000000000", "251329100000", "250229100000", "25a129100000", "250101240000"])
def test_an_instant_that_is_none_costs_only_itself(bcd):
    body = bytearray(packet(real.XTREAM_LOCATION_2019).body)
    body[22:28] = bytes.fromhex(bcd)
    said = m.read(0x0200, bytes(body), 2019)
    assert (said.at, said.is_emergency, said.lon) == (None, True, 121.987654)


def test_texts_are_urgent_for_screen_and_voice():
    assert m.write(m.Text(text="Test"), 2013).hex() == "0d54657374"
    assert m.write(m.Text(text="测"), 2019).hex() == "0e01b2e2"
    long = m.write(m.Text(text="a" + "警" * 2_000), 2013)
    assert len(long) == 1 + m.LONGEST_TEXT - 1
    assert set(long[2:].decode("gbk")) == {"警"}


def test_our_answers_as_other_projects_write_them():
    answered = packet(real.GO_ANSWER_2019)
    assert m.write(m.Answer(serial=0, message=0x0102), 2019) == answered.body
    assert m.write(m.RegisterAnswer(serial=7, result=m.REGISTERED, code="code"), 2013) == b"\x00\x07\x00code"


@pytest.mark.parametrize(("edition", "count"), [(2013, "02"), (2019, "0002")])
def test_frames_that_never_came_are_asked_for_as_the_edition_counts_them(edition, count):
    asked = m.AskAgain(first=0x1234, parts=(2, 260))
    assert m.write(asked, edition).hex() == "1234" + count + "00020104"


@pytest.mark.parametrize(
    ("number", "body", "edition", "code"),
    [
        (0x8003, b"\x00\x00\x01\x00\x01", 2013, "unsupported"),
        (0x0801, b"", 2013, "unsupported"),
        (0x8300, b"", 2013, "unsupported"),
        (0x0200, bytes(27), 2013, "too_short"),
        (0x0704, b"\x00", 2013, "too_short"),
        (0x0100, bytes(24), 2013, "too_short"),
        (0x0100, bytes(75), 2019, "too_short"),
        (0x0102, b"", 2019, "too_short"),
        (0x0102, b"\x05abcd", 2019, "too_short"),
        (0x0001, bytes(4), 2013, "wrong_length"),
        (0x0001, bytes(6), 2013, "wrong_length"),
    ],
)
def test_what_is_wrong_with_a_body_has_a_name(number, body, edition, code):
    with pytest.raises(Refusal) as refused:
        m.read(number, body, edition)
    assert refused.value.code == code
    assert refused.value.limit


words = st.integers(0, 65_535)
locations = st.builds(
    m.Location,
    alarm=st.integers(0, 2**32 - 1),
    status=st.integers(0, 2**32 - 1).map(lambda bits: bits & ~(m.SOUTH | m.WEST)),
    lon=st.integers(0, 180_000_000).map(lambda micro: micro / 1e6),
    lat=st.integers(0, 90_000_000).map(lambda micro: micro / 1e6),
    altitude_m=st.integers(-500, 9_000),
    speed_mps=words.map(lambda tenths: tenths / 36),
    heading_deg=st.integers(0, 359),
    at=st.none() | st.integers(ms(2000, 1, 2) // 1_000, ms(2099, 12, 30) // 1_000).map(lambda s: s * 1_000),
    items=st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=4).map(tuple),
)


@given(locations, st.integers(-840, 840))
def test_a_location_comes_back_as_it_was(sent, offset):
    assert m.read(0x0200, m.write(sent, 2013, offset), 2013, offset) == sent


@given(st.lists(locations, max_size=5).map(tuple), st.booleans())
def test_a_batch_comes_back_as_it_was(sent, is_backfill):
    batch = m.Batch(locations=sent, is_backfill=is_backfill)
    assert m.read(0x0704, m.write(batch, 2019), 2019) == batch


@given(st.text(alphabet="abcXYZ019-警苏", max_size=20), st.sampled_from((2013, 2019)))
def test_a_code_comes_back_as_it_was(code, edition):
    sent = m.Authenticate(code=code)
    assert m.read(0x0102, m.write(sent, edition), edition) == sent
