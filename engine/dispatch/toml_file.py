"""A TOML file of a city, read strictly: what is wrong is noted with its line and its key, and reading goes on.

A value is addressed by its path: keys, and numbers in arrays. The parser of the standard library keeps no lines, so
they are found by a scan of the text that knows headers, keys and the elements of an array; what stands deeper has the
line of what it stands in. A misspelt key would silently do nothing, so unknown keys are refused by name.
"""

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.model.errors import shorten
from engine.model.limits import LEVELS, LONGEST_TEXT
from engine.texts import LANGUAGES

At = tuple[str | int, ...]
"""Where a value stands: ``("cards", 2, "day", 0, "count")``."""
Texts = Mapping[str, str]
"""Words by language."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
MOST_FILE_BYTES = 4 << 20
_MOST_FAULTS = 100
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_HEADER = re.compile(r"\s*(\[\[?)([^\]]+)\]")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_QUOTE = re.compile(r"""\"{3}|'{3}|"|'""")


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: the line where it is known, and what is said of it."""

    line: int | None
    said: str


class TomlError(ValueError):
    """A file cannot be used; ``faults`` lists all that is wrong with it."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        self.path = path
        self.faults = tuple(faults)
        lines = [f"{path}{'' if fault.line is None else f':{fault.line}'}: {fault.said}" for fault in self.faults]
        if len(lines) > _MOST_FAULTS:
            lines[_MOST_FAULTS:] = [f"{path}: and {len(lines) - _MOST_FAULTS} more"]
        super().__init__("\n".join(lines))


class TomlReader:
    """One file being read. Each method takes a value and where it stands, and notes what is wrong with it.

    Parameters
    ----------
    path
        The file.
    error
        What `finish` and a file that is no TOML raise.

    Raises
    ------
    TomlError
        As ``error``, when the file is too large or no TOML.
    OSError
        When it cannot be read.
    """

    def __init__(self, path: Path, error: type[TomlError]) -> None:
        self.path = path
        self.error = error
        self.faults: list[Fault] = []
        self._spoken: dict[At, str] = {}
        raw = path.read_bytes()
        if len(raw) > MOST_FILE_BYTES:
            raise error(path, [Fault(None, f"size: {len(raw)} is not taken; at most {MOST_FILE_BYTES} bytes")])
        try:
            text = raw.decode("utf-8-sig")
            self.root: dict[str, Any] = tomllib.loads(text)
        except UnicodeDecodeError as wrong:
            line = raw.count(b"\n", 0, wrong.start) + 1
            raise error(path, [Fault(line, "not TOML: save the file as UTF-8")]) from None
        except tomllib.TOMLDecodeError as wrong:
            found = re.search(r"at line (\d+)", str(wrong))
            raise error(path, [Fault(int(found[1]) if found else None, f"not TOML: {wrong}")]) from None
        self._lines = lines_of(text)

    def line(self, at: At) -> int | None:
        """Return the line of a value, or of the nearest thing around it whose line is known."""
        return next((self._lines[at[:end]] for end in range(len(at), 0, -1) if at[:end] in self._lines), None)

    def call(self, at: At, name: str) -> None:
        """Call what stands at a path by a name from here on: people know a card by its id, not by its number."""
        self._spoken[at] = name

    def spell(self, at: At) -> str:
        """Spell a path: ``card robbery: day[1].count``. Numbers count from 1."""
        for end in range(len(at), 0, -1):
            if at[:end] in self._spoken:
                rest = _dotted(at[end:])
                return f"{self._spoken[at[:end]]}: {rest}" if rest else self._spoken[at[:end]]
        return _dotted(at)

    def wrong(self, at: At, value: object, limit: str) -> None:
        """Note a value that is not taken, and what would be."""
        self.faults.append(Fault(self.line(at), f"{self.spell(at)}: {shorten(value)} is not taken; {limit}"))

    def finish(self) -> None:
        """Raise the error of the file if anything was wrong, in the order of its lines."""
        if self.faults:
            raise self.error(self.path, sorted(self.faults, key=lambda fault: fault.line or 0))

    def table(self, at: At, value: object, keys: Collection[str] | None = None) -> Mapping[str, Any]:
        """Take a table, of these keys alone where they are given; an empty one if it is none."""
        if not isinstance(value, dict):
            self.wrong(at, value, "a table")
            return {}
        if keys is not None:
            for key in value.keys() - set(keys):
                self.wrong((*at, key), key, f"unknown key; known: {', '.join(keys)}")
        return value

    def array(self, at: At, value: object, of: str) -> Iterator[tuple[At, Any]]:
        """Yield the elements of an array with their paths."""
        if not isinstance(value, list):
            self.wrong(at, value, f"a list of {of}")
            return
        for number, element in enumerate(value):
            yield (*at, number), element

    def name(self, at: At, value: object) -> str:
        """Take an id."""
        if isinstance(value, str) and NAME.fullmatch(value):
            return value
        self.wrong(at, value, "1 to 64 of a-z, 0-9 and _, a letter first")
        return ""

    def choice(self, at: At, value: object, words: Collection[str]) -> str:
        """Take one of these words."""
        if isinstance(value, str) and value in words:
            return value
        self.wrong(at, value, f"known: {', '.join(words)}")
        return ""

    def whole(self, at: At, value: object, least: int, most: int) -> int:
        """Take a whole number within limits."""
        if type(value) is int and least <= value <= most:
            return value
        self.wrong(at, value, f"a whole number, {least} to {most}")
        return least

    def level(self, at: At, value: object) -> int:
        """Take a level."""
        if type(value) is int and value in LEVELS:
            return value
        self.wrong(at, value, f"levels are {LEVELS[0]} to {LEVELS[-1]}")
        return LEVELS[-1]

    def flag(self, at: At, value: object) -> bool:
        """Take true or false."""
        if not isinstance(value, bool):
            self.wrong(at, value, "true or false")
        return value is True

    def texts(self, at: At, value: object) -> Texts:
        """Take words by language, ``{ zh = "…", en = "…" }``, in at least one of them."""
        given = self.table(at, value, LANGUAGES)
        if isinstance(value, dict) and not given:
            self.wrong(at, value, f"words by language: {{ {', '.join(f'{word} = …' for word in LANGUAGES)} }}")
        taken = {}
        for language, words in given.items():
            if isinstance(words, str) and words.strip() and len(words) <= LONGEST_TEXT:
                taken[language] = words
            else:
                self.wrong((*at, language), words, f"a text of 1 to {LONGEST_TEXT} characters")
        return taken

    def each(self, at: At, value: object, of: str, take: Callable[[At, Any], Any]) -> tuple[Any, ...]:
        """Take an array element by element."""
        return tuple(take(where, element) for where, element in self.array(at, value, of))


def _dotted(at: At) -> str:
    spelt = ""
    for part in at:
        spelt += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if spelt else part
    return spelt


def lines_of(text: str) -> dict[At, int]:
    """Return the line on which each header, key and element of an array begins."""
    scan = _Scan()
    for number, line in enumerate(text.splitlines(), 1):
        scan.line(number, line)
    return scan.lines


class _Scan:
    """Goes over a document that is known to parse, line by line."""

    def __init__(self) -> None:
        self.lines: dict[At, int] = {}
        self.here: At = ()
        self.key: At = ()
        self.counts: dict[At, int] = {}
        self.depth = 0
        self.element = -1
        self.expects_element = False
        self.in_array = False
        self.quote = ""

    def line(self, number: int, line: str) -> None:
        rest = line
        if not self.depth and not self.quote:
            header = _HEADER.match(line)
            if header:
                self._enter(number, header[2], array=header[1] == "[[")
                return
            key = _KEY.match(line)
            if key is None:
                return
            self.key = (*self.here, *_parts(key[1]))
            for end in range(len(self.here) + 1, len(self.key) + 1):
                self.lines.setdefault(self.key[:end], number)
            self.element = -1
            rest = line[key.end() :]
        self._value(number, rest)

    def _enter(self, number: int, name: str, *, array: bool) -> None:
        """Follow a header; a step through an array of tables means its newest table."""
        at: At = ()
        parts = _parts(name)
        for place, part in enumerate(parts):
            at = (*at, part)
            if array and place == len(parts) - 1:
                self.counts[at] = self.counts.get(at, -1) + 1
            if at in self.counts:
                self.lines.setdefault(at, number)
                at = (*at, self.counts[at])
            self.lines.setdefault(at, number)
        self.here = at

    def _value(self, number: int, rest: str) -> None:
        place = 0
        while place < len(rest):
            if self.quote:
                place = self._to_the_quotes_end(rest, place)
                continue
            char = rest[place]
            if char == "#":
                return
            if self.expects_element and self.depth == 1 and char not in " \t,]}":
                self.expects_element = False
                self.element += 1
                self.lines[(*self.key, self.element)] = number
            quote = _QUOTE.match(rest, place)
            if quote:
                self.quote, place = quote[0], quote.end()
                continue
            if char in "[{":
                self.depth += 1
                self.expects_element = self.depth == 1 and char == "["
                self.in_array = self.in_array if self.depth > 1 else char == "["
            elif char in "]}":
                self.depth -= 1
            elif char == "," and self.depth == 1:
                self.expects_element = self.in_array
            place += 1

    def _to_the_quotes_end(self, rest: str, place: int) -> int:
        """Return where the text that is open ends; past the line when it goes on."""
        while place < len(rest):
            if rest[place] == "\\" and self.quote[0] == '"':
                place += 2
            elif rest.startswith(self.quote, place):
                place += len(self.quote)
                self.quote = ""
                return place
            else:
                place += 1
        return place


def _parts(dotted: str) -> At:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
