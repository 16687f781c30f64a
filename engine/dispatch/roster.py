"""The roster: who is on duty in which unit at an instant, and what they make of the unit.

A line of the roster is somebody, a unit, and hours of some days by the city's own calendar, so that a line for working
days follows 调休 and holidays, and a shift that passes midnight belongs to the day on which it begins. Everything is
reckoned from the lines and an instant alone: the same instant has the same crews, always.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import cached_property

from engine.dispatch.calendar import Calendar, Hours
from engine.model.entities import Crew
from engine.model.ids import UnitId

LOOK_AHEAD_DAYS = 32
"""How far the next change of a shift is looked for; after that it is looked for again."""
_DAYS_KEPT = 8
_CREWS_KEPT = 4
_WHOLE_DAY = Hours(days="all", begins=time.min, ends=time.min)


@dataclass(frozen=True, kw_only=True)
class Officer:
    """Somebody who can be on duty.

    Attributes
    ----------
    id
        The service number. Records hold it, and never the name.
    name
        What the person is called on the radio.
    rank
        By its id in the run cards; empty where it is not said.
    sworn
        Whether a sworn officer, who counts as such; an auxiliary counts as one of the people alone.
    capabilities, equipment
        What the person can do and brings, as ids of the run cards.
    """

    id: str
    name: str
    rank: str = ""
    sworn: bool = True
    capabilities: tuple[str, ...] = ()
    equipment: tuple[str, ...] = ()
    station: str = ""
    team: str = ""


@dataclass(frozen=True, kw_only=True)
class Duty:
    """A line of the roster: who is in which unit when.

    Attributes
    ----------
    roles
        What the unit can do because of it, while it lasts: capabilities of the run cards, such as ``beat``.
    beats
        Ids of the areas that the officer answers for.
    line
        Where it stands in its file.
    """

    officer: str
    unit: UnitId
    hours: Hours
    roles: tuple[str, ...] = ()
    beats: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Stint:
    """A duty on one day: from ``begin`` to before ``end``, in ms since the epoch."""

    duty: Duty
    begin: int
    end: int


class Roster:
    """A city's people and their duties.

    Parameters
    ----------
    officers
        By service number.
    duties
        Each of an officer who is among them.
    calendar
        The city's days and its clock.
    ranks
        From the lowest to the highest.
    """

    def __init__(
        self,
        officers: Mapping[str, Officer],
        duties: Sequence[Duty],
        calendar: Calendar,
        ranks: Sequence[str] = (),
    ) -> None:
        self.officers = dict(officers)
        self.duties = tuple(duties)
        self.calendar = calendar
        self._height = {rank: number for number, rank in enumerate(ranks, 1)}
        self._days: dict[date, list[Stint]] = {}
        self._crews: dict[int, Mapping[UnitId, Crew]] = {}
        # Lines for one date are found by it; of the others those with the same days fall on the same dates.
        self._on_date: dict[date, list[Duty]] = {}
        self._recurring: dict[Hours, list[Duty]] = {}
        for duty in self.duties:
            season = duty.hours.season
            if duty.hours.days == "all" and season is not None and season.first == season.last and not season.yearly:
                self._on_date.setdefault(season.first, []).append(duty)
            else:
                self._recurring.setdefault(duty.hours, []).append(duty)

    @property
    def units(self) -> frozenset[UnitId]:
        """The units that have a line: they are on duty by the roster alone."""
        return frozenset(duty.unit for duty in self.duties)

    @cached_property
    def digest(self) -> str:
        """Names what the crews follow from: SHA-256 over people, lines and the calendar."""
        rules = self.calendar.rules
        days = (rules.week, rules.holidays, rules.working_days, self.calendar.zone.key)
        its = (list(self.officers.values()), self.duties, self._height, days)
        return hashlib.sha256(repr(its).encode()).hexdigest()

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """What somebody of the roster makes a unit able to do at some time."""
        its = {name for duty in self.duties for name in (*duty.roles, *self.officers[duty.officer].capabilities)}
        return frozenset(its)

    @property
    def teams(self) -> frozenset[str]:
        """The teams that officers belong to."""
        return frozenset(officer.team for officer in self.officers.values() if officer.team)

    def stints(self, day: date) -> list[Stint]:
        """Return the duties that begin on a date, in the order of the roster."""
        found = self._days.get(day)
        if found is None:
            its = list(self._on_date.get(day, ()))
            for hours, duties in self._recurring.items():
                if self.calendar.falls_on(hours, day):
                    its.extend(duties)
            its.sort(key=lambda duty: duty.line)
            lasts = {hours: self.calendar.stretch(hours, day) for hours in {duty.hours for duty in its}}
            found = [Stint(duty, *lasts[duty.hours]) for duty in its]
            if len(self._days) >= _DAYS_KEPT:
                self._days.pop(next(iter(self._days)))
            self._days[day] = found
        return found

    def on_duty(self, at_ms: int) -> list[Stint]:
        """Return who is on duty at an instant, in ms since the epoch."""
        today = self.calendar.day_of(at_ms)
        both = (today - timedelta(days=1), today)
        return [stint for day in both for stint in self.stints(day) if stint.begin <= at_ms < stint.end]

    def crews(self, at_ms: int) -> Mapping[UnitId, Crew]:
        """Return the crew of every unit that has one at an instant, in ms since the epoch, by unit in order."""
        found = self._crews.get(at_ms)
        if found is None:
            by_unit: dict[UnitId, list[Duty]] = {}
            for stint in self.on_duty(at_ms):
                by_unit.setdefault(stint.duty.unit, []).append(stint.duty)
            found = {unit: self.crew(by_unit[unit]) for unit in sorted(by_unit)}
            # The next change of a shift is looked at once when it is sought, and again when it has come.
            while len(self._crews) >= _CREWS_KEPT:
                self._crews.pop(next(iter(self._crews)))
            self._crews[at_ms] = found
        return found

    def crew(self, duties: Iterable[Duty]) -> Crew:
        """Return what the officers of some duties in one unit come to together."""
        its = sorted(duties, key=lambda duty: (-self.height(self.officers[duty.officer].rank), duty.officer))
        people = [self.officers[name] for name in dict.fromkeys(duty.officer for duty in its)]
        return Crew(
            officers=tuple(officer.id for officer in people),
            people=len(people),
            sworn=sum(officer.sworn for officer in people),
            rank=people[0].rank if people else "",
            capabilities=_joined((*(duty.roles for duty in its), *(officer.capabilities for officer in people))),
            equipment=_joined(officer.equipment for officer in people),
            beats=_joined(duty.beats for duty in its),
            teams=_joined((officer.team,) for officer in people if officer.team),
        )

    def height(self, rank: str) -> int:
        """Return how high a rank is, from 1; 0 for none, or one that the run cards do not know."""
        return self._height.get(rank, 0)

    def next_change(self, at_ms: int) -> int | None:
        """Return the first instant after ``at_ms`` at which a crew is another, in ms since the epoch.

        Where nothing changes within `LOOK_AHEAD_DAYS` it is that day, at which to look again; None where no line can
        ever fall on a date again.
        """
        here, today = self.crews(at_ms), self.calendar.day_of(at_ms)
        for ahead in range(-1, LOOK_AHEAD_DAYS):
            # A stint of the day before can end after those of this day have begun: a day is looked at with the last.
            day = today + timedelta(days=ahead)
            edges = {edge for of in (day - timedelta(days=1), day) for its in self.stints(of) for edge in _edges(its)}
            until = self.calendar.stretch(_WHOLE_DAY, day)[1]
            for edge in sorted(edge for edge in edges if at_ms < edge <= until):
                if self.crews(edge) != here:
                    return edge
        last = today + timedelta(days=LOOK_AHEAD_DAYS)
        dated_later = any(day > last for day in self._on_date)
        return self.calendar.stretch(_WHOLE_DAY, last)[0] if self._recurring or dated_later else None


def _edges(stint: Stint) -> tuple[int, int]:
    return stint.begin, stint.end


def _joined(groups: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return all names, each once, in order."""
    return tuple(sorted({name for group in groups for name in group}))
