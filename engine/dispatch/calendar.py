"""Duty periods: which one an instant lies in, by the city's own clock, holidays and working days moved by 调休.

The periods are held against the local time from the first to the last; the first that holds counts, and the rest period
holds otherwise, so every instant has exactly one. A period that passes midnight belongs to the day on which it begins.
Clocks that are put forward or back need no rule: each instant has one local time. `engine.dispatch.calendar_file` reads
what a calendar says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from engine.dispatch.toml_file import Texts

Force = Literal["day", "night"]
"""The two forces that every run card has."""

_FURTHEST_DAYS = 800
"""How far the next boundary is looked for: a season that begins on 29 February may be four years away, but a calendar
that has a weekday in it changes every week."""


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
