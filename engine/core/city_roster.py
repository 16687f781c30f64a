"""The people of a city's folder and their duties: ``officers.csv`` and ``roster.csv``, held against all the rest.

A roster that cannot be meant is refused: somebody in two places at one time, a shift that the calendar does not know, a
unit that is not there. Too little rest between two shifts is a warning, or refused where the city says so.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from engine.core.city_files import Problems, Row, read_csv
from engine.dispatch.calendar import Calendar, CalendarRules, Dates, Hours
from engine.dispatch.policies import Policies
from engine.dispatch.roster import Duty, Officer, Roster, Stint
from engine.dispatch.run_cards import RunCards
from engine.model.ids import UnitId
from engine.model.limits import LONGEST_CALL_SIGN, LONGEST_NAME, MOST_CREW_OF_UNIT, MOST_DUTIES, MOST_ON_ROLL

OFFICERS: Final = "officers.csv"
ROSTER: Final = "roster.csv"
_OFFICER_COLUMNS = ("id", "name", "rank", "sworn", "capabilities", "equipment", "station", "team")
_ROSTER_COLUMNS = ("officer", "unit", "shift", "days", "from", "to", "role", "beats")
_YES_NO = {"": True, "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_WEEKDAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), 1)}
_DAYS_LIMIT = "working, off or all, or weekdays such as mon tue, and if wanted 2026-10-01 or 2026-10-01..2026-10-07"
_ORDINARY_DAYS = 14
_LONGEST_MS = 24 * 3_600_000
"""How long shifts that follow each other at once may last together."""
_LONGEST_DATES = timedelta(days=400)
_FIRST_DAY = date(2024, 1, 1)
"""A Monday: lines without a date are held against each other over the two weeks that begin here."""


@dataclass(frozen=True, kw_only=True)
class Around:
    """What the two files are held against: ids of units, stations and beats, the cards' words, the calendar."""

    units: Collection[str]
    stations: Collection[str]
    beats: Collection[str]
    cards: RunCards
    calendar_rules: CalendarRules
    time_zone: str
    policies: Policies


def read_roster(folder: Path, around: Around, problems: Problems) -> Roster | None:
    """Read the people and their duties; None for a city that has no ``roster.csv``."""
    if not (folder / ROSTER).exists():
        if (folder / OFFICERS).exists():
            problems.warn(OFFICERS, None, "file", OFFICERS, f"without {ROSTER} nobody of it is ever on duty")
        return None
    officers = _officers(folder, around, problems)
    duties = _duties(folder, around, officers, problems)
    ranks = tuple(around.cards.words.ranks)
    roster = Roster(officers, duties, Calendar(around.calendar_rules, around.time_zone), ranks)
    _hold_stints(roster, around.policies, problems)
    return roster


def _officers(folder: Path, around: Around, problems: Problems) -> dict[str, Officer]:
    found: dict[str, Officer] = {}
    words = around.cards.words
    for row in read_csv(folder, OFFICERS, _OFFICER_COLUMNS, ("id", "name"), problems):
        cells, take = row.cells, _Cells(OFFICERS, row, problems)
        officer = Officer(
            id=take.text("id", LONGEST_CALL_SIGN),
            name=take.text("name", LONGEST_NAME),
            rank=take.one("rank", words.ranks, "a rank of run_cards.toml"),
            sworn=take.flag("sworn"),
            capabilities=take.several("capabilities", words.capabilities, "capabilities of run_cards.toml"),
            equipment=take.several("equipment", words.equipment, "equipment of run_cards.toml"),
            station=take.one("station", around.stations, "the id of a station"),
            team=cells.get("team", ""),
        )
        if officer.id in found:
            problems.add(OFFICERS, row.line, "id", officer.id, "each id may stand once")
        found[officer.id] = officer
    if len(found) > MOST_ON_ROLL:
        problems.add(OFFICERS, None, "lines", len(found), f"at most {MOST_ON_ROLL}")
    return found


def _duties(folder: Path, around: Around, officers: Mapping[str, Officer], problems: Problems) -> list[Duty]:
    found: list[Duty] = []
    for row in read_csv(folder, ROSTER, _ROSTER_COLUMNS, ("officer", "unit"), problems):
        before, take = len(problems.found), _Cells(ROSTER, row, problems)
        name = take.one("officer", officers, f"the id of somebody in {OFFICERS}", required=True)
        unit = take.one("unit", around.units, "the id of a unit", required=True)
        roles = take.several("role", around.cards.words.capabilities, "capabilities of run_cards.toml")
        beats = take.several("beats", around.beats, "ids of areas of kind beat")
        hours = _hours(row, around.calendar_rules, problems)
        if hours is not None and len(problems.found) == before:
            found.append(Duty(officer=name, unit=UnitId(unit), hours=hours, roles=roles, beats=beats, line=row.line))
    if len(found) > MOST_DUTIES:
        problems.add(ROSTER, None, "lines", len(found), f"at most {MOST_DUTIES}")
    return found


class _Cells:
    """Takes the cells of one line; what is wrong is noted and comes out empty."""

    def __init__(self, file: str, row: Row, problems: Problems) -> None:
        self.file, self.row, self.problems = file, row, problems

    def wrong(self, column: str, value: str, limit: str) -> None:
        self.problems.add(self.file, self.row.line, column, value, limit)

    def text(self, column: str, longest: int) -> str:
        value = self.row.cells[column]
        if not value or len(value) > longest or not value.isprintable():
            self.wrong(column, value, f"a text of at most {longest} characters")
        return value

    def one(self, column: str, known: Collection[str], what: str, *, required: bool = False) -> str:
        value = self.row.cells.get(column, "")
        if (value or required) and value not in known:
            self.wrong(column, value, f"{what}{_named(known)}")
            return ""
        return value

    def several(self, column: str, known: Collection[str], what: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(self.row.cells.get(column, "").replace(";", " ").split()))
        for name in names:
            if name not in known:
                self.wrong(column, name, f"{what}, separated by spaces{_named(known)}")
        return names

    def flag(self, column: str) -> bool:
        found = _YES_NO.get(self.row.cells.get(column, "").lower())
        if found is None:
            self.wrong(column, self.row.cells[column], "yes or no")
        return bool(found)


def _named(known: Collection[str]) -> str:
    """Name what is known, where that is a list that a person reads."""
    return f": {', '.join(known)}" if 0 < len(known) <= 40 else ""


def _hours(row: Row, rules: CalendarRules, problems: Problems) -> Hours | None:
    """Return the hours of a line, or None with what is wrong noted."""
    cells = row.cells
    shift, begins, ends = (cells.get(name, "") for name in ("shift", "from", "to"))
    before = len(problems.found)
    first, last = time.min, time.min
    if bool(shift) == bool(begins or ends):
        problems.add(ROSTER, row.line, "shift", shift, "a shift of calendar.toml, or instead of it from and to")
    elif shift:
        its = rules.shifts.get(shift)
        if its is None:
            known = ", ".join(rules.shifts) or "none"
            problems.add(ROSTER, row.line, "shift", shift, f"a shift of calendar.toml ([[shifts]]): {known}")
        else:
            first, last = its.begins, its.ends
    else:
        first, last = (_clock(row, name, problems) for name in ("from", "to"))
    days, dates = _days(row, problems)
    if len(problems.found) > before:
        return None
    return Hours(days=days, begins=first, ends=last, season=dates)


def _clock(row: Row, column: str, problems: Problems) -> time:
    value = row.cells.get(column, "")
    if value == "24:00":
        return time.min
    if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        return time.fromisoformat(value)
    problems.add(ROSTER, row.line, column, value, "a time such as 08:30, 00:00 to 24:00")
    return time.min


def _days(row: Row, problems: Problems) -> tuple[frozenset[int] | Literal["working", "off", "all"], Dates | None]:
    """Read which days a line is for: a word or weekdays, and a date or dates."""
    said = row.cells.get("days", "").replace(";", " ").split()
    weekdays = frozenset(_WEEKDAYS[word] for word in said if word in _WEEKDAYS)
    words = [word for word in said if word in ("working", "off", "all")]
    rest = [word for word in said if word not in _WEEKDAYS and word not in words]
    dates = _dates(rest[0]) if rest else None
    if len(words) + bool(weekdays) > 1 or len(rest) > 1 or (rest and dates is None):
        problems.add(ROSTER, row.line, "days", row.cells.get("days", ""), _DAYS_LIMIT)
        return "all", None
    word: Any = words[0] if words else "all"
    return weekdays or word, dates


def _dates(said: str) -> Dates | None:
    """Read a date, or two with dots between them; None where it is neither, or none after the other."""
    first, dots, last = said.partition("..")
    try:
        found = Dates(date.fromisoformat(first), date.fromisoformat(last if dots else first))
    except ValueError:
        return None
    return found if found.first <= found.last <= found.first + _LONGEST_DATES else None


def _hold_stints(roster: Roster, policies: Policies, problems: Problems) -> None:
    """Refuse somebody in two places at one time, and too many in one unit; look at the rest between shifts."""
    by_officer: dict[str, list[Stint]] = {}
    for day in _looked_at(roster):
        crews: dict[UnitId, int] = {}
        for stint in roster.stints(day):
            by_officer.setdefault(stint.duty.officer, []).append(stint)
            crews[stint.duty.unit] = crews.get(stint.duty.unit, 0) + 1
            if crews[stint.duty.unit] == MOST_CREW_OF_UNIT + 1:
                limit = f"at most {MOST_CREW_OF_UNIT} lines for one unit a day"
                problems.add(ROSTER, stint.duty.line, "unit", stint.duty.unit, limit)
    for name, stints in by_officer.items():
        stints.sort(key=lambda stint: (stint.begin, stint.duty.line))
        told: set[int] = set()
        since = stints[0].begin
        for one, other in pairwise(stints):
            gap_ms, line = other.begin - one.end, other.duty.line
            since = since if gap_ms <= 0 else other.begin
            if line in told:  # a line is told once, not once a week
                continue
            value = f"{name} from {_spell(roster, other.begin)}"
            rest_h = policies.rest_min_ms / 3_600_000
            if gap_ms < 0:
                limit = f"in one place at a time; line {one.duty.line} has them in {one.duty.unit} until then"
                problems.add(ROSTER, line, "officer", value, limit)
            elif 0 < gap_ms < policies.rest_min_ms:
                limit = f"at least {rest_h:g} h of rest after line {one.duty.line}"
                _note(problems, policies)(ROSTER, line, "rest", f"{value}: {gap_ms / 3_600_000:.3g} h", limit)
            elif other.end - since > _LONGEST_MS and rest_h:
                on_duty_h = (other.end - since) / 3_600_000
                limit = f"at least {rest_h:g} h of rest after {_LONGEST_MS // 3_600_000} h on duty"
                _note(problems, policies)(ROSTER, line, "rest", f"{value}: {on_duty_h:.3g} h on duty", limit)
            else:
                continue
            told.add(line)


def _note(problems: Problems, policies: Policies) -> Callable[[str, int | None, str, object, str], None]:
    return problems.add if policies.short_rest == "refuse" else problems.warn


def _looked_at(roster: Roster) -> Sequence[date]:
    """Return the dates over which lines are held against each other, in order.

    Every date of a line that has one, with the days round it; every date that the calendar marks; two ordinary weeks.
    """
    rules = roster.calendar.rules
    seasons = {duty.hours.season for duty in roster.duties if duty.hours.season is not None}
    marked = {m.dates for m in (*rules.holidays, *rules.working_days) if not m.dates.yearly}
    found = {_FIRST_DAY + timedelta(days=ahead) for ahead in range(_ORDINARY_DAYS)}
    for dates in (*seasons, *marked):
        found.update(_each(dates))
    return sorted(found)


def _each(dates: Dates) -> Iterator[date]:
    """Yield dates from two days before the first to two after the last."""
    day = dates.first - timedelta(days=2)
    while day <= min(dates.last, dates.first + _LONGEST_DATES) + timedelta(days=2):
        yield day
        day += timedelta(days=1)


def _spell(roster: Roster, at_ms: int) -> str:
    return roster.calendar.local(at_ms).strftime("%Y-%m-%d %H:%M")
