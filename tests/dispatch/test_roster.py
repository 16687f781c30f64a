"""The roster against the plain reading of its lines: minute by minute, also over midnight, 调休 and moved clocks."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.calendar import Dates
from tests.support.rosters import duty, officer, roster

WEEK = date(2026, 9, 28)
HOUR = 3_600_000


def at(*parts, zone="Asia/Shanghai"):
    return int(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()) * 1000


def who(found, *when):
    return {unit: crew.officers for unit, crew in found.crews(at(*when)).items()}


def test_a_shift_over_midnight_belongs_to_the_day_on_which_it_begins():
    found = roster(duty("1", "P1", 20, 8, days=frozenset((5,))))
    assert who(found, 2026, 9, 25, 19, 59) == {}
    assert who(found, 2026, 9, 25, 20) == {"P1": ("1",)}
    assert who(found, 2026, 9, 26, 7, 59) == {"P1": ("1",)}
    assert who(found, 2026, 9, 26, 8) == who(found, 2026, 9, 26, 23) == {}


def test_holidays_and_moved_working_days_are_the_calendars():
    found = roster(duty("1", "P1", 8, 18, days="working"), duty("2", "P1", 8, 18, days="off"))
    assert who(found, 2026, 9, 30, 12) == {"P1": ("1",)}
    assert who(found, 2026, 10, 1, 12) == {"P1": ("2",)}  # a Thursday, a holiday
    assert who(found, 2026, 10, 10, 12) == {"P1": ("1",)}  # a Saturday, worked instead


def test_a_crew_is_who_is_there_what_they_can_do_and_the_highest_rank():
    found = roster(
        duty("1", "P1", 8, 18, roles=("patrol",)),
        duty("2", "P1", 8, 18, roles=("beat",), beats=("B3",)),
        duty("3", "P1", 12, 18),
        officers=(
            officer("1", rank="constable", sworn=False, equipment=("shield",)),
            officer("2", rank="superintendent", capabilities=("negotiator",), team="east"),
            officer("3", rank="supervisor"),
        ),
    )
    crew = found.crews(at(2026, 9, 28, 9))["P1"]
    assert (crew.officers, crew.people, crew.sworn, crew.rank) == (("2", "1"), 2, 1, "superintendent")
    assert crew.capabilities == ("beat", "negotiator", "patrol")
    assert (crew.equipment, crew.beats, crew.teams) == (("shield",), ("B3",), ("east",))
    later = found.crews(at(2026, 9, 28, 12))["P1"]
    assert (later.officers[0], later.people, later.rank) == ("3", 3, "supervisor")


def test_in_the_night_in_which_the_clock_is_put_forward_a_shift_is_an_hour_shorter():
    found = roster(duty("1", "P1", 22, 6), zone="Europe/Lisbon")
    (stint,) = found.stints(date(2026, 3, 28))
    assert stint.end - stint.begin == 7 * HOUR
    (stint,) = found.stints(date(2026, 10, 24))
    assert stint.end - stint.begin == 9 * HOUR


def test_one_shift_after_the_other_in_the_same_unit_is_no_change():
    found = roster(duty("1", "P1", 8, 12), duty("1", "P1", 12, 18))
    assert found.next_change(at(2026, 9, 28, 9)) == at(2026, 9, 28, 18)


def test_a_roster_that_has_run_out_never_changes_again():
    one_day = Dates(date(2026, 9, 28), date(2026, 9, 28))
    found = roster(duty("1", "P1", 8, 12, dates=one_day))
    assert found.next_change(at(2026, 9, 28, 7)) == at(2026, 9, 28, 8)
    assert found.next_change(at(2026, 9, 28, 12)) is None
    assert found.next_change(at(2026, 6, 1, 12)) == at(2026, 7, 3, 0)  # far off: looked at again after 32 days


@st.composite
def lines(draw):
    days = draw(st.sampled_from(("working", "off", "all")) | st.frozensets(st.integers(1, 7), min_size=1, max_size=3))
    first = WEEK + timedelta(days=draw(st.integers(0, 13)))
    dates = draw(st.none() | st.builds(Dates, st.just(first), st.just(first + timedelta(days=draw(st.integers(0, 4))))))
    begins, ends = draw(st.integers(0, 23)), draw(st.integers(0, 23))
    return duty(draw(st.sampled_from("123")), draw(st.sampled_from(("P1", "P2"))), begins, ends, days, dates)


def plainly(its, local):
    """Tell whether a line has its officer on duty at a local time: read day by day, without instants."""
    for day in (local.date(), local.date() - timedelta(days=1)):
        hours = its.hours
        worked = (day.weekday() < 5 and not date(2026, 10, 1) <= day <= date(2026, 10, 3)) or day == date(2026, 10, 10)
        on_day = {"all": True, "working": worked, "off": not worked}.get(
            hours.days if isinstance(hours.days, str) else "", False
        ) or (not isinstance(hours.days, str) and day.isoweekday() in hours.days)
        dated = hours.season is None or hours.season.first <= day <= hours.season.last
        begin = datetime.combine(day, hours.begins)
        end = datetime.combine(day if hours.ends > hours.begins else day + timedelta(days=1), hours.ends)
        if on_day and dated and begin <= local < end:
            return True
    return False


@given(st.lists(lines(), min_size=1, max_size=6), st.integers(0, 24 * 13))
@settings(max_examples=150, deadline=None)
def test_crews_and_their_changes_are_what_the_lines_say(duties, hours):
    found = roster(*duties)
    local = datetime.combine(WEEK, time.min) + timedelta(hours=hours)

    def crews_at(when):
        by_unit = {}
        for its in duties:
            if plainly(its, when):
                by_unit.setdefault(its.unit, set()).add(its.officer)
        return by_unit

    def said(when):
        at_ms = int(when.replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * 1000
        return at_ms, {unit: set(crew.officers) for unit, crew in found.crews(at_ms).items()}

    at_ms, crews = said(local)
    assert crews == crews_at(local)
    steps = (local + timedelta(hours=n) for n in range(1, 24 * 30))  # every line begins and ends at a full hour
    first = next((when for when in steps if crews_at(when) != crews), None)
    if first is not None:
        assert found.next_change(at_ms) == said(first)[0]
