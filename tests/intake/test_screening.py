"""Every position gets one mark, and only what can be believed moves anybody."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.city_devices import Device, DeviceSettings
from engine.intake.screening import MOVES, Reported, Screen
from geo_data.datum import convert

NOW = 1_800_000_000_000
CAR = Device(id="1", protocol="jt808", unit="P1", secret="s")
DEGREE_M = 111_195.0


def screen(**more):
    settings = {name: more.pop(name) for name in ("jump_mps", "mock") if name in more}
    return Screen(DeviceSettings(**settings), **({"stale_ms": 600_000, "ahead_ms": 60_000} | more))


def said(north_m=0.0, at_s=0.0, **more):
    at = NOW + round(at_s * 1_000)
    return Reported(**({"lon": 113.0, "lat": 36.5 + north_m / DEGREE_M, "at": at} | more))


@pytest.mark.parametrize(
    ("reported", "mark"),
    [
        (said(), "taken"),
        (said(at_s=-600, is_backfill=True), "backfill"),
        (said(at_s=-601), "stale"),
        (said(at_s=-601, is_backfill=True), "stale"),
        (said(at_s=60), "taken"),
        (said(at_s=61), "ahead"),
        (said(at=None), "no_time"),
        (said(is_located=False), "not_located"),
        (said(lat=91.0), "bad_place"),
        (said(lon=math.nan), "bad_place"),
        (said(is_mock=True), "mock"),
    ],
)
def test_each_has_one_mark_and_is_counted(reported, mark):
    looking = screen()
    found, fix = looking.judge(CAR, reported, NOW)
    assert (found, fix is not None) == (mark, mark in MOVES)
    line = looking.line(CAR)
    assert (line.marks, line.last_mark, line.heard_at) == (Counter({mark: 1}), mark, NOW)


def test_a_fix_keeps_its_own_instant():
    _, fix = screen().judge(CAR, said(at_s=-500, is_backfill=True, speed_mps=3.0, heading_deg=90.0), NOW)
    assert (fix.unit, fix.at, fix.speed_mps, fix.heading_deg) == ("P1", NOW - 500_000, 3.0, 90.0)


def test_what_comes_late_does_not_move_anybody_back():
    looking = screen()
    marks = [looking.judge(CAR, said(at_s=at_s, is_backfill=at_s < 0), NOW)[0] for at_s in (-20, 0, -10, 0)]
    assert marks == ["backfill", "taken", "older", "taken"]


def test_who_is_off_duty_is_not_followed():
    assert screen().judge(CAR, said(), NOW, off_duty=True) == ("off_duty", None)


def test_a_made_up_fix_is_taken_where_the_city_says_so():
    assert screen(mock="take").judge(CAR, said(is_mock=True), NOW)[0] == "taken"


def test_any_age_is_taken_where_the_city_trusts_any_age():
    assert screen(stale_ms=0).judge(CAR, said(at_s=-90_000), NOW)[0] == "taken"


def test_a_jump_is_held_until_the_next_fix_bears_it_out():
    looking = screen(jump_mps=50)
    walk = [(0, 0), (90_000, 10), (90_100, 20), (90_200, 30)]
    marks = [looking.judge(CAR, said(*step), NOW)[0] for step in walk]
    assert marks == ["taken", "jump", "taken", "taken"]


def test_a_single_wild_fix_moves_nobody():
    looking = screen(jump_mps=50)
    walk = [(0, 0), (90_000, 10), (100, 20), (200, 30), (90_000, 40)]
    marks = [looking.judge(CAR, said(*step), NOW)[0] for step in walk]
    assert marks == ["taken", "jump", "taken", "taken", "jump"]


def test_fixes_that_jump_about_stay_held():
    looking = screen(jump_mps=50)
    looking.judge(CAR, said(), NOW)
    marks = {looking.judge(CAR, said(90_000 * (-1) ** step, step), NOW)[0] for step in range(1, 20)}
    assert marks == {"jump"}


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3_000)), max_size=30))
def test_speed_that_is_possible_is_never_a_jump(steps):
    looking, north, at = screen(jump_mps=50, stale_ms=0, ahead_ms=10**9), 0.0, 0.0
    for seconds, metres in steps:
        at += seconds
        north += min(metres, 50 * seconds)
        assert looking.judge(CAR, said(north, at), NOW)[0] == "taken"


@given(st.integers(1, 300), st.integers(0, 60_000))
def test_a_jump_is_what_is_faster_than_the_limit(seconds, metres):
    looking = screen(jump_mps=50, ahead_ms=10**9)
    looking.judge(CAR, said(), NOW)
    limit = 150 + 50 * seconds
    mark, _ = looking.judge(CAR, said(metres, seconds), NOW)
    if abs(metres - limit) > 0.01 * limit:
        assert (mark == "jump") == (metres > limit)


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_coordinates_are_converted_from_the_devices_datum(datum):
    lon, lat = convert(113.0, 36.5, "wgs84", datum)
    phone = Device(id="2", protocol="osmand", unit="P1", datum=datum)
    _, fix = screen().judge(phone, Reported(lon=float(lon), lat=float(lat), at=NOW), NOW)
    assert (fix.lon, fix.lat) == pytest.approx((113.0, 36.5), abs=1e-8)


def test_devices_are_told_apart():
    looking, other = screen(), Device(id="1", protocol="osmand", unit="P2")
    assert looking.judge(CAR, said(), NOW)[0] == "taken"
    assert looking.judge(other, said(90_000), NOW)[0] == "taken"
    assert len(looking.lines) == 2
