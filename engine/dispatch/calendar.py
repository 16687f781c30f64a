"""Duty periods: which one an instant lies in, by the city's own clock, holidays and working days moved by 调休.

The periods of `calendar.toml` are held against the local time from the first to the last; the first that holds counts,
and the rest period holds otherwise, so every instant has exactly one. A period that passes midnight belongs to the day
on which it begins. Clocks that are put forward or back need no rule: each instant has one local time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from engine.dispatch.toml_file import At, Texts, TomlError, TomlReader

STANDARD = Path(__file__).with_name("county_calendar.toml")
"""The calendar of a city that has none: working time is Monday to Friday, 08:30 to 18:00."""
SCHEMA = 1
Force = Literal["day", "night"]
"""The two forces that every run card has."""

_DAYS = ("working", "off", "all")
_MONTH_DAY = re.compile(r"(\d\d)-(\d\d)")
_LEAP_YEAR = 2000
_KEYS = ("schema", "week", "rest", "periods", "holidays", "working_days", "shifts")
_SPAN_KEYS = ("name", "title", "counts_as", "days", "from", "to", "season")
_FURTHEST_DAYS = 800
"""How far the next boundary is looked for: a season that begins on 29 February may be four years away, but a calendar
that has a weekday in it changes every week."""


class CalendarError(TomlError):
    """A calendar cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Period:
    """A duty period. ``counts_as`` says whose force goes where a run card does not name the period itself."""

    name: str
    counts_as: Force
    title: Texts = field(default_factory=dict)


DAY = Period(name="day", counts_as="day")
NIGHT = Period(name="night", counts_as="night")


@dataclass(frozen=True)
class Dates:
    """Dates from the first to the last, both included; with ``yearly`` the years of the two do not count."""

    first: date
    last: date
    yearly: bool = False

    def holds(self, day: date) -> bool:
        """Tell whether a date is one of them."""
        if not self.yearly:
            return self.first <= day <= self.last
        first, last, this = ((d.month, d.day) for d in (self.first, self.last, day))
        return first <= this <= last if first <= last else this >= first or this <= last


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Some hours of some days, by the local clock."""

    days: frozenset[int] | Literal["working", "off", "all"]
    begins: time
    ends: time
    season: Dates | None = None

    @property
    def passes_midnight(self) -> bool:
        """Tell whether it ends on the day after; one that ends when it begins lasts a whole day."""
        return self.ends <= self.begins


@dataclass(frozen=True, kw_only=True)
class Span(Hours):
    """When a period holds."""

    period: Period


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Hours of work, by the local clock; on which days, and whose, a roster says."""

    begins: time
    ends: time
    title: Texts = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Marked:
    """Days that are not what their weekday says, and what they are called."""

    dates: Dates
    name: Texts


@dataclass(frozen=True, kw_only=True)
class CalendarRules:
    """What a calendar says, whatever the time zone."""

    spans: tuple[Span, ...]
    rest: Period = NIGHT
    week: frozenset[int] = frozenset((1, 2, 3, 4, 5))
    holidays: tuple[Marked, ...] = ()
    working_days: tuple[Marked, ...] = ()
    shifts: Mapping[str, Shift] = field(default_factory=dict)
    """Hours of work that a roster can name."""

    @classmethod
    def load(cls, path: Path) -> "CalendarRules":
        """Read and validate a calendar.

        Raises
        ------
        CalendarError
            With all that is wrong: file, line, key, value and what would be taken.
        OSError
            When the file cannot be read.
        """
        return _Reading(path).rules()

    @property
    def periods(self) -> tuple[Period, ...]:
        """All periods, each once."""
        return tuple({period.name: period for period in (*(span.period for span in self.spans), self.rest)}.values())

    def works(self, day: date) -> bool:
        """Tell whether a date is a working day: 调休 goes before holidays, holidays before the weekday."""
        if any(marked.dates.holds(day) for marked in self.working_days):
            return True
        return day.isoweekday() in self.week and not any(marked.dates.holds(day) for marked in self.holidays)

    def day_name(self, day: date) -> Texts:
        """Return what a marked day is called; empty for any other."""
        marked = next((m for m in (*self.working_days, *self.holidays) if m.dates.holds(day)), None)
        return marked.name if marked else {}


class Calendar:
    """A city's calendar by its own clock.

    Parameters
    ----------
    rules
        The periods, holidays and moved working days.
    time_zone
        An IANA name.
    """

    def __init__(self, rules: CalendarRules, time_zone: str) -> None:
        self.rules = rules
        self.zone = ZoneInfo(time_zone)

    def period_at(self, at_ms: int) -> Period:
        """Return the period that an instant lies in.

        Parameters
        ----------
        at_ms
            Milliseconds since the epoch.
        """
        return self._period(self.local(at_ms))

    def next_boundary(self, at_ms: int) -> int | None:
        """Return the first instant after ``at_ms`` at which another period begins, in ms; None within two years."""
        here = self.period_at(at_ms).name
        day = self.day_of(at_ms)
        for ahead in range(-1, _FURTHEST_DAYS):
            for instant in self._candidates(day + timedelta(days=ahead)):
                if instant * 1000 > at_ms and self.period_at(instant * 1000).name != here:
                    return instant * 1000
        return None

    def _period(self, local: datetime) -> Period:
        day, clock = local.date(), local.time()
        for span in self.rules.spans:
            if span.passes_midnight:
                begun_today = clock >= span.begins and self.falls_on(span, day)
                if begun_today or (clock < span.ends and self.falls_on(span, day - timedelta(days=1))):
                    return span.period
            elif span.begins <= clock < span.ends and self.falls_on(span, day):
                return span.period
        return self.rules.rest

    def falls_on(self, span: Hours, day: date) -> bool:
        """Tell whether hours begin on a date."""
        if span.season is not None and not span.season.holds(day):
            return False
        if isinstance(span.days, frozenset):
            return day.isoweekday() in span.days
        return span.days == "all" or self.rules.works(day) == (span.days == "working")

    def stretch(self, hours: Hours, day: date) -> tuple[int, int]:
        """Return from when to when hours last that begin on a date, in ms since the epoch.

        By the clock on the wall: in the night in which it is put forward a shift is an hour shorter.
        """
        last = day + timedelta(days=1) if hours.passes_midnight else day
        begin, end = (
            datetime.combine(on, clock, self.zone).timestamp()
            for on, clock in ((day, hours.begins), (last, hours.ends))
        )
        return int(begin) * 1000, int(end) * 1000

    def local(self, at_ms: int) -> datetime:
        """Return what the city's clock shows at an instant in ms since the epoch, to the second."""
        return datetime.fromtimestamp(at_ms // 1000, self.zone)

    def day_of(self, at_ms: int) -> date:
        """Return the local date of an instant in ms since the epoch."""
        return self.local(at_ms).date()

    @cached_property
    def _clock_times(self) -> tuple[time, ...]:
        """The local times at which a period can begin or end."""
        return tuple(sorted({t for span in self.rules.spans for t in (span.begins, span.ends)} | {time.min}))

    def _candidates(self, day: date) -> list[int]:
        """Return the instants of a local date at which the period can change, in seconds, in order.

        They are the boundaries by the clock, both of them where the clock passes one twice, and the instants at which
        the clock is moved, because it may jump over a boundary or back behind one.
        """
        found = {
            int(datetime.combine(day, clock, self.zone).replace(fold=fold).timestamp())
            for clock in self._clock_times
            for fold in (0, 1)
        }
        first, last = (datetime.combine(day + timedelta(days=n), time.min, self.zone).timestamp() for n in (0, 1))
        found.update(self._clock_moves(int(first), int(last)))
        return sorted(found)

    def _clock_moves(self, first: int, last: int) -> list[int]:
        """Return the instants between two at which the offset from UTC changes, looking every six hours."""
        moves = []
        for begin in range(first, last, 21_600):
            low, high = begin, min(begin + 21_600, last)
            if self._offset(low) == self._offset(high):
                continue
            while high - low > 1:
                middle = (low + high) // 2
                if self._offset(middle) == self._offset(low):
                    low = middle
                else:
                    high = middle
            moves.append(high)
        return moves

    def _offset(self, instant: int) -> timedelta | None:
        return datetime.fromtimestamp(instant, self.zone).utcoffset()


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


_NO_DATES = Dates(date.max, date.min)
