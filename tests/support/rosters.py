"""Rosters for tests: people, duties and a calendar with a holiday and a moved working day."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from engine.dispatch.calendar import Calendar, CalendarRules, Dates, Hours, Marked
from engine.dispatch.roster import Duty, Officer, Roster

RANKS = ("constable", "superintendent", "supervisor")
RULES = CalendarRules(
    spans=(),
    holidays=(Marked(dates=Dates(date(2026, 10, 1), date(2026, 10, 3)), name={}),),
    working_days=(Marked(dates=Dates(date(2026, 10, 10), date(2026, 10, 10)), name={}),),
)


def officer(name, **more):
    return Officer(id=name, name=name, **more)


def at(*parts, zone="Asia/Shanghai"):
    """Return a local time in ms since the epoch."""
    return int(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()) * 1000


def duty(name, unit, begins, ends, days="all", dates=None, **more):
    hours = Hours(days=days, begins=time(begins), ends=time(ends % 24), season=dates)
    return Duty(officer=name, unit=unit, hours=hours, **more)


def roster(*duties, officers=(), zone="Asia/Shanghai"):
    known = {its.id: its for its in officers}
    for its in duties:
        known.setdefault(its.officer, officer(its.officer))
    return Roster(known, duties, Calendar(RULES, zone), RANKS)
