"""Files of calls: what happened somewhere, to be replayed.

Two formats are read, told apart by their first line. San Francisco's "Fire Department Calls for Service" holds one
line for each unit that was sent to a call, in local time; `Call` gathers them. The plain format is one line for each
call: ``at,lon,lat,type,level``, with ``at`` as ISO 8601 with an offset, or milliseconds since the epoch.

Nothing is guessed: a column that is missing, doubled or unknown and a value that cannot be read is a `Refusal` which
names the file, the line, the column, the value and the limit.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from engine.model.errors import Refusal
from engine.model.limits import LEVELS

SAN_FRANCISCO = ZoneInfo("America/Los_Angeles")
MOST_LINES = 2_000_000

_T = TypeVar("_T")

_FIRE_TIMES = {
    "Dispatch DtTm": "dispatched_at",
    "Response DtTm": "responded_at",
    "On Scene DtTm": "on_scene_at",
    "Transport DtTm": "transport_at",
    "Hospital DtTm": "hospital_at",
    "Available DtTm": "available_at",
}
_FIRE_NEEDED = (
    *("Call Number", "Unit ID", "Call Type", "Received DtTm", "Entry DtTm", "Priority", "Unit Type", "Location"),
    *_FIRE_TIMES,
)
_FIRE_KNOWN = frozenset(_FIRE_NEEDED) | {
    *("Incident Number", "Call Date", "Watch Date", "Call Final Disposition", "Address", "City"),
    *("Zipcode of Incident", "Battalion", "Station Area", "Box", "Original Priority", "Final Priority", "ALS Unit"),
    *("Call Type Group", "Number of Alarms", "Unit sequence in call dispatch", "Fire Prevention District"),
    *("Supervisor District", "Neighborhooods - Analysis Boundaries", "RowID"),
}
_PLAIN = ("at", "lon", "lat", "type", "level")

_FIRE_TIME = re.compile(r"(\d\d)/(\d\d)/(\d{4}) (\d\d):(\d\d):(\d\d) ([AP]M)")
_FIRE_PLACE = re.compile(r"\((-?\d+(?:\.\d+)?), (-?\d+(?:\.\d+)?)\)")


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What one unit did for one call. Instants are ms UTC, None where the log holds nothing."""

    unit: str
    kind: str
    """What kind of unit it was, in lower case with underscores: ``engine``, ``rescue_captain``."""
    dispatched_at: int
    responded_at: int | None = None
    on_scene_at: int | None = None
    transport_at: int | None = None
    hospital_at: int | None = None
    available_at: int | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call and all that was sent to it.

    ``received_at`` is when the telephone was answered, ``entered_at`` when the call-taker handed the call to
    dispatch: the first instant at which anybody could be sent.
    """

    id: str
    received_at: int
    entered_at: int
    call_type: str
    priority: str
    lon: float
    lat: float
    level: int | None = None
    responses: tuple[Response, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of unit that were sent, in alphabetical order, each once."""
        return tuple(sorted({response.kind for response in self.responses}))


class CallLog(msgspec.Struct, frozen=True):
    """All calls of a file, by the instant they were entered, then by id."""

    source: str
    calls: tuple[Call, ...]
    plain: bool = False
    """The file says what happened but not who was sent."""


def read_call_log(path: str | Path) -> CallLog:
    """Read a file of calls in either format.

    Raises
    ------
    Refusal
        ``bad_file``, ``missing_column``, ``unknown_column``, ``bad_value`` or ``out_of_range``; its field reads
        ``<file>:<line>: <column>``.
    """
    source = Path(path)
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = next(lines, [])
            plain = "Call Number" not in header
            rows = _Rows(source.name, header, lines)
            if plain:
                rows.expect(_PLAIN, frozenset(_PLAIN))
                calls = [_plain_call(number, row) for number, row in enumerate(rows, 1)]
            else:
                rows.expect(_FIRE_NEEDED, _FIRE_KNOWN)
                calls = _fire_calls(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refusal("bad_file", source.name, str(error), "a readable CSV file in UTF-8") from None
    if not calls:
        raise Refusal("bad_file", source.name, "no calls", "at least one line below the header")
    return CallLog(source.name, tuple(sorted(calls, key=lambda call: (call.entered_at, call.id))), plain)


class _Row:
    """One line of a file: reads its columns, and says where it stands when it cannot."""

    def __init__(self, file: str, line: int, columns: dict[str, int], values: list[str]) -> None:
        self.file, self.line, self.columns, self.values = file, line, columns, values

    def text(self, column: str) -> str:
        return self.values[self.columns[column]].strip()

    def wrong(self, column: str, limit: object, code: str = "bad_value") -> NoReturn:
        raise Refusal(code, f"{self.file}:{self.line}: {column}", self.text(column), limit)

    def needed(self, column: str) -> str:
        return self.text(column) or self.wrong(column, "a value")

    def read(self, column: str, convert: Callable[[str], _T], limit: str) -> _T:
        try:
            return convert(self.needed(column))
        except ValueError:
            self.wrong(column, limit)

    def number(self, column: str, least: float, most: float) -> float:
        value = self.read(column, float, f"a number from {least:g} to {most:g}")
        if not least <= value <= most:  # NaN is not between anything either
            self.wrong(column, f"{least:g} to {most:g}", "out_of_range")
        return value


class _Rows:
    """The lines below a header."""

    def __init__(self, file: str, header: list[str], lines: Iterator[list[str]]) -> None:
        self.file, self.header, self.lines = file, header, lines
        self.columns = {name: place for place, name in enumerate(header)}

    def expect(self, needed: Iterable[str], known: frozenset[str]) -> None:
        where = f"{self.file}:1"
        if len(self.columns) != len(self.header):
            twice = next(name for name in self.header if self.header.count(name) > 1)
            raise Refusal("unknown_column", where, twice, "each column once")
        for name in self.header:
            if name not in known:
                raise Refusal("unknown_column", where, name, "; ".join(sorted(known)))
        for name in needed:
            if name not in self.columns:
                raise Refusal("missing_column", where, "; ".join(self.header), f"column {name!r} is needed")

    def __iter__(self) -> Iterator[_Row]:
        for line, values in enumerate(self.lines, 2):
            if line > MOST_LINES:
                raise Refusal("bad_file", self.file, f"line {line}", f"at most {MOST_LINES} lines")
            if len(values) != len(self.header):
                where = f"{self.file}:{line}"
                raise Refusal("bad_value", where, f"{len(values)} values", f"{len(self.header)}, one for each column")
            yield _Row(self.file, line, self.columns, values)


def _plain_call(number: int, row: _Row) -> Call:
    at = row.read("at", _instant, "ISO 8601 with an offset (2020-04-07T18:30:00+08:00) or ms since the epoch")
    return Call(
        id=str(number),
        received_at=at,
        entered_at=at,
        call_type=row.needed("type"),
        priority="",
        lon=row.number("lon", -180, 180),
        lat=row.number("lat", -90, 90),
        level=int(row.number("level", LEVELS[0], LEVELS[-1])) if row.text("level") else None,
    )


def _instant(text: str) -> int:
    if text.isdecimal():
        return int(text)
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return round(at.timestamp() * 1000)


def _fire_calls(rows: _Rows) -> list[Call]:
    """Gather the unit responses of each call; what belongs to the call must be the same on all its lines."""
    first: dict[str, Call] = {}
    responses: dict[str, dict[str, Response]] = {}
    for row in rows:
        call, response = _fire_line(row)
        known = first.setdefault(call.id, call)
        if known != call:
            row.wrong("Call Number", "lines of one call with one type, priority, place, reception and entry")
        if response.unit in responses.setdefault(call.id, {}):
            row.wrong("Unit ID", "each unit once for each call")
        responses[call.id][response.unit] = response
    return [msgspec.structs.replace(call, responses=tuple(responses[id_].values())) for id_, call in first.items()]


def _fire_line(row: _Row) -> tuple[Call, Response]:
    place = _FIRE_PLACE.fullmatch(row.text("Location")) or row.wrong("Location", "(latitude, longitude)")
    lat, lon = float(place[1]), float(place[2])
    if abs(lat) > 90 or abs(lon) > 180:
        row.wrong("Location", "latitude -90 to 90, longitude -180 to 180, in this order", "out_of_range")
    call = Call(
        id=row.needed("Call Number"),
        received_at=_needed_time(row, "Received DtTm"),
        entered_at=_needed_time(row, "Entry DtTm"),
        call_type=row.needed("Call Type"),
        priority=row.needed("Priority"),
        lon=lon,
        lat=lat,
    )
    times = {field: _fire_time(row, column) for column, field in _FIRE_TIMES.items()}
    times["dispatched_at"] = _needed_time(row, "Dispatch DtTm")
    kind = row.needed("Unit Type").lower().replace(" ", "_")
    return call, Response(unit=row.needed("Unit ID"), kind=kind, **times)  # type: ignore[arg-type]


def _needed_time(row: _Row, column: str) -> int:
    at = _fire_time(row, column)
    return row.wrong(column, "a time") if at is None else at


def _fire_time(row: _Row, column: str) -> int | None:
    """Return ms UTC of a local 12-hour time, None for an empty one.

    The hour that autumn repeats is taken as its first; the hour that spring leaves out is no time.
    """
    text = row.text(column)
    if not text:
        return None
    form = "month/day/year hour:minute:second AM or PM, 12 hours"
    found = _FIRE_TIME.fullmatch(text) or row.wrong(column, form)
    month, day, year, hour, minute, second = (int(part) for part in found.groups()[:6])
    if not 1 <= hour <= 12:
        row.wrong(column, form)
    try:
        local = datetime(year, month, day, hour % 12 + 12 * (found[7] == "PM"), minute, second, tzinfo=SAN_FRANCISCO)
    except ValueError:
        row.wrong(column, form)
    offset = local.utcoffset() or timedelta()
    utc = (local.replace(tzinfo=UTC) - offset).astimezone(UTC)
    if utc.astimezone(SAN_FRANCISCO).hour != local.hour:
        row.wrong(column, f"a time that {SAN_FRANCISCO.key} has")
    return int(utc.timestamp()) * 1000
