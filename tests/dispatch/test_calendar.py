"""The calendar against the plain reading of its rules, also where clocks are moved."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.calendar import NIGHT, Calendar, CalendarRules, Dates, Marked, Period, Span
from engine.dispatch.calendar_file import STANDARD, read_calendar

ZONES = ["Asia/Shanghai", "Europe/Lisbon", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
CHINA = """
schema = 1
[[periods]]
name = "day"
days = "working"
from = "08:30"
to = "18:00"
[[periods]]
name = "late"
counts_as = "night"
days = [5, 6]
from = "22:00"
to = "02:00"
[[holidays]]
name = { zh = "国庆节", en = "National Day" }
from = 2026-10-01
to = 2026-10-07
[[holidays]]
name = { en = "New Year" }
date = "01-01"
[[working_days]]
name = { zh = "国庆节调休", en = "Worked for National Day" }
date = 2026-10-10
"""


def rules(tmp_path, text=CHINA):
    path = tmp_path / "calendar.toml"
    path.write_text(text, "utf-8")
    return read_calendar(path)


def at(zone, *parts, fold=0):
    return int(datetime(*parts, tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def test_working_time_is_monday_to_friday_where_a_city_says_nothing():
    calendar = Calendar(read_calendar(STANDARD), "Asia/Shanghai")
    assert calendar.period_at(at("Asia/Shanghai", 2026, 10, 12, 8, 30)).name == "day"
    assert calendar.period_at(at("Asia/Shanghai", 2026, 10, 12, 8, 29, 59)).name == "night"
    assert calendar.period_at(at("Asia/Shanghai", 2026, 10, 12, 18, 0)).name == "night"
    assert calendar.period_at(at("Asia/Shanghai", 2026, 10, 10, 12)).name == "night"
    assert calendar.period_at(at("UTC", 2026, 10, 12, 0, 30)).title["zh"] == "工作时间"


@pytest.mark.parametrize(
    ("when", "name"),
    [
        ((2026, 9, 30, 12), "day"),
        ((2026, 10, 1, 12), "night"),  # a Thursday, but a holiday
        ((2026, 10, 10, 12), "day"),  # a Saturday, but worked
        ((2026, 10, 17, 12), "night"),
        ((2027, 1, 1, 12), "night"),  # a Friday
        ((2026, 10, 9, 23, 59), "late"),
        ((2026, 10, 10, 1, 59), "late"),  # Friday's
        ((2026, 10, 10, 2, 0), "night"),
        ((2026, 10, 11, 1, 0), "late"),  # Saturday's
        ((2026, 10, 12, 1, 0), "night"),
    ],
)
def test_holidays_moved_working_days_and_shifts_over_midnight(tmp_path, when, name):
    assert Calendar(rules(tmp_path), "Asia/Shanghai").period_at(at("Asia/Shanghai", *when)).name == name


def test_a_period_counts_as_one_of_the_two_forces(tmp_path):
    found = {period.name: period.counts_as for period in rules(tmp_path).periods}
    assert found == {"day": "day", "late": "night", "night": "night"}


def test_marked_days_have_their_names(tmp_path):
    found = rules(tmp_path)
    assert found.day_name(date(2026, 10, 3))["zh"] == "国庆节"
    assert found.day_name(date(2026, 10, 10))["zh"] == "国庆节调休"
    assert found.day_name(date(2026, 10, 12)) == {}


def test_a_clock_put_forward_over_a_boundary_begins_the_period_at_the_jump():
    """In Los Angeles 02:30 does not exist on 14 March 2027: at 01:59:59 follows 03:00."""
    span = Span(period=Period(name="x", counts_as="night"), days="all", begins=time(2, 30), ends=time(4, 0))
    calendar = Calendar(CalendarRules(spans=(span,)), "America/Los_Angeles")
    jump = at("America/Los_Angeles", 2027, 3, 14, 3, 0)
    assert calendar.period_at(jump - 1).name == "night"
    assert calendar.period_at(jump).name == "x"
    assert calendar.next_boundary(jump - 3_600_000) == jump


def test_a_clock_put_back_behind_a_boundary_begins_the_period_anew():
    """In Lisbon the clock passes 01:30 twice on 31 October 2027."""
    span = Span(period=Period(name="x", counts_as="night"), days="all", begins=time(0, 0), ends=time(1, 30))
    calendar = Calendar(CalendarRules(spans=(span,)), "Europe/Lisbon")
    midnight = at("Europe/Lisbon", 2027, 10, 31, 0, 0)
    instants = [midnight]
    for _ in range(3):
        instants.append(calendar.next_boundary(instants[-1]))
    assert [(instant - midnight) // 60_000 for instant in instants] == [0, 90, 120, 150]


def test_one_period_alone_has_no_boundary():
    assert Calendar(CalendarRules(spans=()), "UTC").next_boundary(0) is None


clocks = st.builds(time, st.integers(0, 23), st.sampled_from((0, 1, 30, 59)))
dates = st.dates(date(2026, 1, 1), date(2029, 12, 31))
spans_of_dates = st.builds(
    lambda first, days, yearly: Dates(first, first + timedelta(days=days), yearly),
    dates,
    st.integers(0, 120),
    st.booleans(),
)
spans = st.builds(
    lambda number, days, begins, ends, season: Span(
        period=Period(name=f"p{number}", counts_as="day"), days=days, begins=begins, ends=ends, season=season
    ),
    st.integers(0, 3),
    st.one_of(st.sampled_from(("working", "off", "all")), st.frozensets(st.integers(1, 7))),
    clocks,
    clocks,
    st.none() | spans_of_dates,
)
marked = st.lists(st.builds(lambda d: Marked(dates=d, name={}), spans_of_dates), max_size=2).map(tuple)
all_rules = st.builds(
    lambda s, week, off, on: CalendarRules(spans=tuple(s), week=week, holidays=off, working_days=on),
    st.lists(spans, max_size=4),
    st.frozensets(st.integers(1, 7)),
    marked,
    marked,
)
# Around the moves of the clock, leap days and ordinary days.
instants = st.builds(
    lambda day, seconds: int(datetime.combine(day, time.min, UTC).timestamp()) + seconds,
    st.one_of(dates, st.sampled_from([date(2027, 3, 14), date(2027, 10, 31), date(2028, 2, 29), date(2027, 4, 3)])),
    st.integers(-43_200, 129_600),
)


def plainly(rules, local):
    """The oracle: every date a span could have begun on, written out as local clock readings."""

    def holds_on(span, day):
        works = any(m.dates.holds(day) for m in rules.working_days) or (
            day.isoweekday() in rules.week and not any(m.dates.holds(day) for m in rules.holidays)
        )
        wanted = {"all": True, "working": works, "off": not works}
        right = day.isoweekday() in span.days if isinstance(span.days, frozenset) else wanted[span.days]
        return right and (span.season is None or span.season.holds(day))

    clock = local.replace(tzinfo=None)
    for span in rules.spans:
        for back in (0, 1):
            day = local.date() - timedelta(days=back)
            begins = datetime.combine(day, span.begins)
            ends = datetime.combine(day, span.ends)
            if ends <= begins:
                ends += timedelta(days=1)
            if holds_on(span, day) and begins <= clock < ends:
                return span.period
    return NIGHT


@settings(deadline=None)
@given(all_rules, st.sampled_from(ZONES), instants)
def test_every_instant_has_the_one_period_that_the_rules_say(rules, zone, instant):
    local = datetime.fromtimestamp(instant, ZoneInfo(zone))
    assert Calendar(rules, zone).period_at(instant * 1000) == plainly(rules, local)


@settings(deadline=None)
@given(all_rules, st.sampled_from(ZONES), instants)
def test_nothing_changes_before_the_next_boundary_and_something_does_at_it(rules, zone, instant):
    calendar = Calendar(rules, zone)
    here = calendar.period_at(instant * 1000)
    boundary = calendar.next_boundary(instant * 1000)
    end = instant * 1000 + 3 * 86_400_000 if boundary is None else boundary
    for at_ms in range(instant * 1000, min(end, instant * 1000 + 3 * 86_400_000), 15 * 60_000):
        assert calendar.period_at(at_ms) == here
    if boundary is not None:
        assert calendar.period_at(boundary - 1000).name == here.name
        assert calendar.period_at(boundary).name != here.name
