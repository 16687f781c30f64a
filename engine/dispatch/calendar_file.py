"""Reading `calendar.toml`: the rules of a calendar, or all that is wrong with them by file, line and key.

What cannot be meant is refused as well: a name for two things, a day that is moved though it is worked anyway.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from engine.dispatch.calendar import NIGHT, CalendarRules, Dates, Marked, Period, Shift, Span
from engine.dispatch.toml_file import At, TomlError, TomlReader

STANDARD = Path(__file__).with_name("county_calendar.toml")
"""The calendar of a city that has none: working time is Monday to Friday, 08:30 to 18:00."""
SCHEMA = 1

_DAYS = ("working", "off", "all")
_MONTH_DAY = re.compile(r"(\d\d)-(\d\d)")
_LEAP_YEAR = 2000
_KEYS = ("schema", "week", "rest", "periods", "holidays", "working_days", "shifts")
_SPAN_KEYS = ("name", "title", "counts_as", "days", "from", "to", "season")
_NO_DATES = Dates(date.max, date.min)


class CalendarError(TomlError):
    """A calendar cannot be used."""


def read_calendar(path: Path) -> CalendarRules:
    """Read and validate a calendar.

    Raises
    ------
    CalendarError
        With all that is wrong: file, line, key, value and what would be taken.
    OSError
        When the file cannot be read.
    """
    return _Reading(path).rules()


class _Reading:
    """Turns the tables of one file into rules."""

    def __init__(self, path: Path) -> None:
        self.toml = TomlReader(path, CalendarError)

    def rules(self) -> CalendarRules:
        toml = self.toml
        table = toml.table((), toml.root, _KEYS)
        if "schema" in table and table["schema"] != SCHEMA:
            toml.wrong(("schema",), table["schema"], f"this program reads schema {SCHEMA}")
        rules = CalendarRules(
            spans=self.spans(table.get("periods", [])),
            rest=self.rest(table["rest"]) if "rest" in table else NIGHT,
            week=self.weekdays(("week",), table["week"]) if "week" in table else frozenset((1, 2, 3, 4, 5)),
            holidays=self.marked("holidays", table),
            working_days=self.marked("working_days", table),
            shifts=self.shifts(table.get("shifts", [])),
        )
        self.hold_against_each_other(rules)
        toml.finish()
        return rules

    def rest(self, raw: Any) -> Period:
        given = self.toml.table(("rest",), raw, ("name", "title", "counts_as"))
        return self.period(("rest",), given, {"name": "night", **given})

    def spans(self, raw: Any) -> tuple[Span, ...]:
        known: dict[str, Period] = {}
        return self.toml.each(("periods",), raw, "tables [[periods]]", lambda at, value: self.span(at, value, known))

    def span(self, at: At, raw: Any, known: dict[str, Period]) -> Span:
        toml = self.toml
        given = toml.table(at, raw, _SPAN_KEYS)
        name = given.get("name")
        period = known.get(name) if isinstance(name, str) else None
        if period is None:
            period = self.period(at, given, given)
            known[period.name] = period
        elif given.get("counts_as", period.counts_as) != period.counts_as:
            toml.wrong((*at, "counts_as"), given["counts_as"], f"{period.name} was said to count as {period.counts_as}")
        days = given.get("days", "all")
        return Span(
            period=period,
            days=self.weekdays((*at, "days"), days) if isinstance(days, list) else self.word(at, days),
            begins=self.clock((*at, "from"), given.get("from", "00:00")),
            ends=self.clock((*at, "to"), given.get("to", "24:00")),
            season=self.dates((*at, "season"), given["season"]) if "season" in given else None,
        )

    def shifts(self, raw: Any) -> dict[str, Shift]:
        found: dict[str, Shift] = {}

        def take(at: At, raw: Any) -> None:
            given = self.toml.table(at, raw, ("name", "title", "from", "to"))
            name = self.toml.name((*at, "name"), given.get("name"))
            if name in found:
                self.toml.wrong((*at, "name"), name, "each name may stand once")
            title = self.toml.texts((*at, "title"), given["title"]) if "title" in given else {}
            begins, ends = (self.clock((*at, key), given.get(key)) for key in ("from", "to"))
            found[name] = Shift(begins=begins, ends=ends, title=title)

        self.toml.each(("shifts",), raw, "tables [[shifts]]", take)
        return found

    def word(self, at: At, days: Any) -> Any:
        if days not in _DAYS:
            self.toml.wrong((*at, "days"), days, f"one of {', '.join(_DAYS)}, or weekdays such as [1, 2]; 1 is Monday")
        return days

    def period(self, at: At, given: Mapping[str, Any], named: Mapping[str, Any]) -> Period:
        name = self.toml.name((*at, "name"), named.get("name"))
        counts_as = given.get("counts_as", name)
        if counts_as not in ("day", "night"):
            self.toml.wrong((*at, "counts_as"), given.get("counts_as"), "day or night: whose force goes")
            counts_as = "night"
        if name in ("day", "night") and counts_as != name:
            self.toml.wrong((*at, "counts_as"), counts_as, f"the period {name} counts as {name}")
        title = self.toml.texts((*at, "title"), given["title"]) if "title" in given else {}
        return Period(name=name, counts_as=counts_as, title=title)

    def weekdays(self, at: At, raw: Any) -> frozenset[int]:
        return frozenset(self.toml.each(at, raw, "weekdays", lambda here, day: self.toml.whole(here, day, 1, 7)))

    def clock(self, at: At, raw: Any) -> time:
        if raw == "24:00":
            return time.min
        if isinstance(raw, str) and re.fullmatch(r"\d\d:\d\d", raw) and raw < "24:00" and raw[3:] < "60":
            return time.fromisoformat(raw)
        self.toml.wrong(at, raw, 'a time such as "08:30", 00:00 to 24:00')
        return time.min

    def marked(self, key: str, table: Mapping[str, Any]) -> tuple[Marked, ...]:
        def take(at: At, raw: Any) -> Marked:
            given = self.toml.table(at, raw, ("name", "date", "from", "to"))
            name = self.toml.texts((*at, "name"), given["name"]) if "name" in given else {}
            return Marked(dates=self.dates(at, {k: v for k, v in given.items() if k != "name"}), name=name)

        return self.toml.each((key,), table.get(key, []), f"tables [[{key}]]", take)

    def dates(self, at: At, raw: Any) -> Dates:
        given = self.toml.table(at, raw, ("date", "from", "to"))
        if given.keys() not in ({"date"}, {"from", "to"}):
            self.toml.wrong(at, ", ".join(given), "a date, or from and to")
            return _NO_DATES
        keys = ("date", "date") if "date" in given else ("from", "to")
        first, last = (self.day((*at, key), given[key]) for key in keys)
        if first is None or last is None:
            return _NO_DATES
        if first[1] != last[1]:
            self.toml.wrong((*at, "to"), given["to"], 'a date as from is: both with a year, or both "MM-DD"')
        elif not first[1] and last[0] < first[0]:
            self.toml.wrong((*at, "to"), given["to"], f"not before {first[0]}")
        return Dates(first[0], last[0], yearly=first[1])

    def day(self, at: At, raw: Any) -> tuple[date, bool] | None:
        """Return a date and whether it comes every year."""
        if isinstance(raw, date) and not isinstance(raw, datetime):
            return raw, False
        found = _MONTH_DAY.fullmatch(raw) if isinstance(raw, str) else None
        try:
            if found:
                return date(_LEAP_YEAR, int(found[1]), int(found[2])), True
        except ValueError:
            pass
        self.toml.wrong(at, raw, 'a date such as 2026-10-01, or "10-01" for every year')
        return None

    def hold_against_each_other(self, rules: CalendarRules) -> None:
        """Refuse what cannot be meant: a name for two things, and a holiday's day off twice over."""
        for number, marked in enumerate(rules.working_days):
            days = marked.dates
            if days.yearly or (days.last - days.first).days > 31:
                limit = "working days moved by 调休 are dates of one year, at most a month of them"
                self.toml.wrong(("working_days", number), f"{days.first} to {days.last}", limit)
                continue
            for ahead in range((days.last - days.first).days + 1):
                day = days.first + timedelta(days=ahead)
                holiday = next((h for h in rules.holidays if h.dates.holds(day)), None)
                if holiday:
                    name = holiday.name.get("en") or holiday.name.get("zh") or "a holiday"
                    self.toml.wrong(("working_days", number), str(day), f"a day that is not a holiday; it is {name}")
                elif day.isoweekday() in rules.week:
                    self.toml.wrong(("working_days", number), str(day), "a day that is not worked anyway")
        for number, span in enumerate(rules.spans):
            if span.period.name == rules.rest.name:
                self.toml.wrong(
                    ("periods", number, "name"), span.period.name, "another name: this is the rest period's"
                )
