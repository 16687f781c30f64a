"""Reading the files of a city's folder, each thing with the line it stands on, so that an error can be found.

A reader never stops at the first thing that is wrong: it notes it in `Problems` and goes on, and the folder is
refused with all of them. Unknown columns and keys are refused by name: a misspelt one would silently do nothing.
"""

import csv
import io
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.dispatch.toml_file import At, lines_of
from engine.model.errors import shorten

MOST_FILE_BYTES = 256 << 20
_MOST_PROBLEMS = 100


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the file, the line where it is known, the field, what it holds, what is taken.

    What another reader found is told in its own words: they stand in ``limit``, and ``field`` is empty.
    """

    file: str
    line: int | None
    field: str
    value: str
    limit: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        if not self.field:
            return f"{place}: {self.limit}"
        return f"{place}: {self.field}: {self.value} is not taken; {self.limit}"


class CityError(ValueError):
    """A city's folder cannot be used; ``problems`` lists all that is wrong with it."""

    def __init__(self, folder: Path, problems: Sequence[Problem]) -> None:
        self.folder = folder
        self.problems = tuple(problems)
        shown = [str(problem) for problem in self.problems[:_MOST_PROBLEMS]]
        if len(self.problems) > len(shown):
            shown.append(f"and {len(self.problems) - len(shown)} more")
        super().__init__(f"{folder} cannot be used:\n  " + "\n  ".join(shown))


@dataclass
class Problems:
    """What has been found wrong so far, and what is only worth saying."""

    found: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def add(self, file: str, line: int | None, name: str, value: object, limit: str) -> None:
        """Note something that makes the folder unusable."""
        self.found.append(Problem(file, line, name, shorten(value), limit))

    def quote(self, file: str, line: int | None, error: Exception, path: Path) -> None:
        """Note what another reader says makes the file unusable, without the path it says first."""
        self.found.append(Problem(file, line, "", "", str(error).removeprefix(f"{path}: ")))

    def warn(self, file: str, line: int | None, name: str, value: object, limit: str) -> None:
        """Note something that can be lived with."""
        self.warnings.append(Problem(file, line, name, shorten(value), limit))


def read_text(folder: Path, file: str, problems: Problems) -> str | None:
    """Return a file's text, or None with the problem noted."""
    path = folder / file
    try:
        size = path.stat().st_size
        if size > MOST_FILE_BYTES:
            problems.add(file, None, "size", size, f"at most {MOST_FILE_BYTES} bytes")
            return None
        raw = path.read_bytes()
    except OSError as error:
        problems.add(file, None, "file", path.name, f"cannot be read: {error.strerror}")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.add(file, line, "encoding", raw[error.start : error.start + 4], "save the file as UTF-8")
        return None


class TomlFile:
    """A TOML file and where its keys stand."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._lines = text.splitlines()
        self.table: dict[str, Any] = tomllib.loads(text)

    @classmethod
    def read(cls, folder: Path, file: str, problems: Problems) -> "TomlFile | None":
        """Read and parse, or return None with the problem noted."""
        text = read_text(folder, file, problems)
        if text is None:
            return None
        try:
            return cls(file, text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            problems.add(file, int(line[1]) if line else None, "syntax", str(error), "the file must be TOML")
            return None

    def line(self, section: str, key: str = "") -> int | None:
        """Return the line of ``key`` in ``[section]``, or of the section itself; the top is section ``""``.

        A key of the top may be a table, which begins where its first header stands.
        """
        here = ""
        for number, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[+\s*([\w.-]+)\s*\]+", line)
            if header:
                here = header[1]
                if (not key and here == section) or (not section and here.partition(".")[0] == key):
                    return number
            elif key and here == section and re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line):
                return number
        return None

    def line_at(self, at: At) -> int | None:
        """Return the line of a value by its path, with numbers in arrays, or of the nearest thing around it."""
        return next((self._by_path[at[:end]] for end in range(len(at), 0, -1) if at[:end] in self._by_path), None)

    @cached_property
    def _by_path(self) -> Mapping[At, int]:
        return lines_of("\n".join(self._lines))


@dataclass(frozen=True)
class Rule:
    """What a value must be, as a test and in words."""

    accepts: Callable[[Any], bool]
    limit: str


def check_table(toml: TomlFile, section: str, table: object, rules: Mapping[str, Rule], problems: Problems) -> bool:
    """Hold a section against its rules; return whether all of it is right. No key is required here."""
    before = len(problems.found)
    if not isinstance(table, dict):
        problems.add(toml.file, toml.line("", section), section, table, f"a table [{section}]")
        return False
    for key, value in table.items():
        name = f"{section}.{key}" if section else key
        rule = rules.get(key)
        if rule is None:
            problems.add(toml.file, toml.line(section, key), name, key, f"unknown key; known: {', '.join(rules)}")
        elif not rule.accepts(value):
            problems.add(toml.file, toml.line(section, key), name, value, rule.limit)
    return len(problems.found) == before


@dataclass(frozen=True)
class Row:
    """One line of a CSV file."""

    line: int
    cells: Mapping[str, str]


def read_csv(
    folder: Path, file: str, known: Sequence[str], required: Sequence[str], problems: Problems
) -> Iterator[Row]:
    """Yield the rows of a CSV file whose first line names its columns; lines that begin with ``#`` are comments."""
    text = read_text(folder, file, problems)
    if text is None:
        return
    # A comment keeps its line, emptied, so that numbers stay those of the file.
    lines = ["" if line.startswith("#") else line for line in text.splitlines()]
    reader = csv.reader(io.StringIO("\n".join(lines)), strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                if not _header_is_right(file, reader.line_num, header, known, required, problems):
                    return
            elif len(cells) != len(header):
                problems.add(file, reader.line_num, "columns", len(cells), f"the header names {len(header)}")
            else:
                yield Row(reader.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=True)})
    except csv.Error as error:
        problems.add(file, reader.line_num, "syntax", str(error), "the file must be CSV")
    if not header:
        problems.add(file, None, "header", "", f"the first line names the columns: {','.join(known)}")


def _header_is_right(
    file: str, line: int, header: Sequence[str], known: Sequence[str], required: Sequence[str], problems: Problems
) -> bool:
    before = len(problems.found)
    for name in header:
        if name not in known:
            problems.add(file, line, "column", name, f"unknown column; known: {', '.join(known)}")
        elif header.count(name) > 1:
            problems.add(file, line, "column", name, "each column may stand once")
    for name in required:
        if name not in header:
            problems.add(file, line, "column", name, f"missing; required: {', '.join(required)}")
    return len(problems.found) == before


@dataclass(frozen=True)
class Feature:
    """One feature of a GeoJSON file."""

    line: int | None
    properties: Mapping[str, Any]
    geometry: Mapping[str, Any]


_COLLECTION_MEMBERS = frozenset(("type", "name", "features", "bbox"))


def read_features(folder: Path, file: str, known: Sequence[str], problems: Problems) -> Iterator[Feature]:
    """Yield the features of a GeoJSON collection that have a geometry and only known properties."""
    text = read_text(folder, file, problems)
    if text is None:
        return
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        problems.add(file, getattr(error, "lineno", None), "syntax", str(error), "the file must be GeoJSON")
        return
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        kind = document.get("type") if isinstance(document, dict) else document
        problems.add(file, 1, "type", kind, "the file must be a FeatureCollection")
        return
    for member in document.keys() - _COLLECTION_MEMBERS:
        problems.add(file, None, member, document[member], "unknown member; coordinates follow city.toml's datum")
    features = document.get("features")
    if not isinstance(features, list):
        problems.add(file, None, "features", features, "a list of features")
        return
    lines = _feature_lines(text)
    for number, feature in enumerate(features):
        line = lines[number] if number < len(lines) else None
        properties = feature.get("properties") if isinstance(feature, dict) else None
        geometry = feature.get("geometry") if isinstance(feature, dict) else None
        if not isinstance(properties, dict) or not isinstance(geometry, dict):
            problems.add(file, line, f"features[{number}]", feature, "a feature with properties and geometry")
            continue
        unknown = [name for name in properties if name not in known]
        for name in unknown:
            problems.add(file, line, name, properties[name], f"unknown property; known: {', '.join(known)}")
        if not unknown:
            yield Feature(line, properties, geometry)


def _feature_lines(text: str) -> list[int]:
    """Return the line on which each feature begins; empty when the list cannot be followed."""
    start = re.search(r'"features"\s*:\s*\[', text)
    if start is None:
        return []
    decoder, position, line, counted_to = json.JSONDecoder(), start.end(), 1, 0
    lines: list[int] = []
    while True:
        gap = re.compile(r"[\s,]*").match(text, position)
        position = gap.end() if gap else position
        if not text.startswith("{", position):
            return lines
        line += text.count("\n", counted_to, position)
        counted_to = position
        lines.append(line)
        position = decoder.raw_decode(text, position)[1]


def is_position(value: object) -> bool:
    """Tell whether a value is a longitude and a latitude in degrees."""
    return (
        isinstance(value, list | tuple)
        and len(value) >= 2
        and all(isinstance(part, int | float) and not isinstance(part, bool) for part in value[:2])
        and all(math.isfinite(part) for part in value[:2])
        and abs(value[0]) <= 180
        and abs(value[1]) <= 90
    )
