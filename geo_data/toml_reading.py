"""Reading a TOML file whole: every key held against what is taken, and everything wrong told with its line.

A reader does not stop at the first thing that is wrong: it refuses it, goes on with a value that is taken, and
`TomlReading.finish` raises with all of it. Unknown keys are refused by name: a misspelt one would silently do nothing.
"""

import math
import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Key = tuple[str | int, ...]
"""Where a value stands: the names of tables and keys, and numbers of rows, counted from 0."""

_MOST_SHOWN = 100
_LONGEST_VALUE = 80


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong: the line where it is known, the key, what it holds, what is taken."""

    line: int | None
    key: str
    value: str
    limit: str


class TomlError(ValueError):
    """A file cannot be used; ``wrong`` lists all that is wrong with it."""

    def __init__(self, path: Path, wrong: Sequence[Wrong]) -> None:
        self.path = path
        self.wrong = tuple(wrong)
        shown = [
            f"{path}{'' if it.line is None else f':{it.line}'}: {it.key}: {it.value} is not taken; limit: {it.limit}"
            for it in self.wrong[:_MOST_SHOWN]
        ]
        if len(self.wrong) > len(shown):
            shown.append(f"and {len(self.wrong) - len(shown)} more")
        super().__init__("\n".join(shown))


class TomlReading:
    """One file: its table, where its keys stand, and what has been found wrong so far.

    Raises
    ------
    TomlError
        Of the given kind, when the file is too large, not UTF-8 or not TOML.
    OSError
        When it cannot be read.
    """

    def __init__(self, path: Path, most_bytes: int, error: type[TomlError] = TomlError) -> None:
        self._path, self._error = path, error
        self._wrong: list[Wrong] = []
        self._lines: dict[Key, int] = {}
        self.table: dict[str, Any] = {}
        size = path.stat().st_size
        if size > most_bytes:
            self._stop(None, "size", size, f"at most {most_bytes} bytes")
        raw = path.read_bytes()
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            line = raw.count(b"\n", 0, fault.start) + 1
            self._stop(line, "encoding", raw[fault.start : fault.start + 4], "save the file as UTF-8")
        try:
            self.table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as fault:
            told = re.search(r"at line (\d+)", str(fault))
            self._stop(int(told[1]) if told else None, "syntax", fault, "the file must be TOML")
        self._lines = _lines_of(text)

    def finish(self) -> None:
        """Raise when anything was refused."""
        if self._wrong:
            raise self._error(self._path, self._wrong)

    def refuse(self, key: Key, value: object, limit: str) -> None:
        """Note that a value is not taken."""
        line = next((self._lines[key[:end]] for end in range(len(key), 0, -1) if key[:end] in self._lines), None)
        self._wrong.append(Wrong(line, _spell(key), _short(value), limit))

    def keys(self, key: Key, value: object, known: Collection[str]) -> dict[str, Any]:
        """Return a table's known keys; unknown ones are refused by name."""
        if not isinstance(value, dict):
            self.refuse(key, value, f"a table of {', '.join(known)}")
            return {}
        for name in value:
            if name not in known:
                self.refuse((*key, name), name, f"unknown key; known: {', '.join(known)}")
        return {name: held for name, held in value.items() if name in known}

    def number(self, key: Key, value: object, least: float, most: float, unit: str) -> float:
        """Return a number within limits."""
        if type(value) in {int, float} and math.isfinite(value) and least <= value <= most:  # type: ignore[arg-type, operator]
            return float(value)  # type: ignore[arg-type]
        self.refuse(key, value, f"{least:g} to {most:g} {unit}")
        return least

    def whole(self, key: Key, value: object, least: int, most: int) -> int:
        """Return a whole number within limits."""
        if type(value) is int and least <= value <= most:
            return value
        self.refuse(key, value, f"a whole number, {least} to {most}")
        return least

    def words(self, key: Key, value: object, known: Sequence[str]) -> tuple[str, ...]:
        """Return the words of a list, each once, in the order in which they are known."""
        if isinstance(value, list) and value and all(isinstance(word, str) and word in known for word in value):
            return tuple(word for word in known if word in value)
        self.refuse(key, value, f"a list out of {', '.join(known)}")
        return tuple(known)

    def _stop(self, line: int | None, key: str, value: object, limit: str) -> None:
        raise self._error(self._path, [Wrong(line, key, _short(value), limit)])


def _lines_of(text: str) -> dict[Key, int]:
    """Return where tables, rows of tables and keys stand, as far as they stand at the beginning of a line."""
    lines: dict[Key, int] = {}
    rows: dict[Key, int] = {}
    here: Key = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*(\[\[?)\s*([\w.\"\s-]+?)\s*\]", line)
        if header:
            here = _parts(header[2])
            if header[1] == "[[":
                rows[here] = rows.get(here, -1) + 1
                here = (*here, rows[here])
            lines.setdefault(here, number)
        elif held := re.match(r"\s*([\w.\"-]+)\s*=", line):
            lines.setdefault((*here, *_parts(held[1])), number)
    return lines


def _parts(dotted: str) -> Key:
    return tuple(part.strip().strip('"') for part in dotted.split("."))


def _spell(key: Key) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).removeprefix(".")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
