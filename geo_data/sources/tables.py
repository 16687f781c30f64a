"""Tables of other people: comma-separated text with a heading, read whole, every refusal with its place.

Only what a reader asks for is interpreted; a value that cannot be says file, line, column, value and limit.
"""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_ROWS: Final = 20_000_000
_MOST_FIELD: Final = 1 << 24
_MOST_SHOWN: Final = 60


class TableError(ValueError):
    """A table that cannot be taken; names the file, the line, the column, the value and the limit."""

    def __init__(self, path: Path, line: int | None, column: str, value: object, limit: str) -> None:
        self.path, self.line, self.column, self.value, self.limit = path, line, column, value, limit
        place = f"{path}, line {line}" if line is not None else f"{path}"
        shown = repr(value)
        shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[: _MOST_SHOWN - 1]}…"
        super().__init__(f"{place}, {column}: {shown} is not taken; limit: {limit}")


class Table:
    """A table's columns as texts, with the line that each row stands on.

    Parameters
    ----------
    path
        The file, for errors.
    columns
        The heading.
    rows
        The rows, each as long as the heading.
    lines
        The line in the file on which each row ends.
    """

    def __init__(self, path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int]) -> None:
        self.path, self.lines = path, lines
        self.columns = [column.strip() for column in columns]
        repeated = next((name for name in self.columns if name and self.columns.count(name) > 1), None)
        if repeated is not None:
            raise TableError(path, None, repeated, "the column stands twice", "each column once")
        values = list(zip(*rows, strict=True)) if rows else [()] * len(self.columns)
        self._values = dict(zip(self.columns, values, strict=True))

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.lines)

    def __contains__(self, column: str) -> bool:
        """Whether there is such a column."""
        return column in self._values

    def require(self, columns: Iterable[str]) -> None:
        """Refuse a table that lacks one of ``columns``, or has no row."""
        for column in columns:
            if column not in self._values:
                raise TableError(self.path, None, column, "no such column", f"a column of {', '.join(self.columns)}")
        if not len(self):
            raise TableError(self.path, None, self.columns[0], "no rows", "at least one row")

    def refuse(self, row: int, column: str, limit: str) -> TableError:
        """Return the error that says that a row's value in a column is not taken."""
        return TableError(self.path, self.lines[row], column, self._values[column][row], limit)

    def texts(self, column: str) -> list[str]:
        """Return a column, without blanks around its values."""
        return [value.strip() for value in self._values[column]]

    def numbers(self, column: str, low: float, high: float, *, empty: float | None = None) -> NDArray[np.float64]:
        """Return a column of numbers from ``low`` to ``high``; ``empty`` stands for empty values, if they may be.

        Raises
        ------
        TableError
            At the first value that is no number, not finite, or out of range.
        """
        limit = f"a number from {low:g} to {high:g}"
        texts = self._values[column]
        try:
            numbers = np.array(texts, np.float64)
        except ValueError:
            numbers = np.array([self._number(row, column, empty, limit) for row in range(len(texts))], np.float64)
        wrong = ~((numbers >= low) & (numbers <= high))
        if empty is not None:
            wrong &= np.array([bool(text.strip()) for text in texts], bool)
        if wrong.any():
            raise self.refuse(int(np.argmax(wrong)), column, limit)
        return numbers

    def _number(self, row: int, column: str, empty: float | None, limit: str) -> float:
        text = self._values[column][row].strip()
        if not text and empty is not None:
            return empty
        try:
            return float(text)
        except ValueError:
            raise self.refuse(row, column, limit) from None

    def wholes(self, column: str, low: int = -(2**53), high: int = 2**53) -> NDArray[np.int64]:
        """Return a column of whole numbers, which may be spelled ``7`` or ``7.0``."""
        numbers = self.numbers(column, low, high)
        wrong = numbers != np.floor(numbers)
        if wrong.any():
            raise self.refuse(int(np.argmax(wrong)), column, "a whole number")
        return numbers.astype(np.int64)


def read_table(path: str | os.PathLike[str], required: Iterable[str]) -> Table:
    """Read a table whose first line is its heading.

    Raises
    ------
    TableError
        When the file is missing, not UTF-8, without a required column or without rows, or a row is too short or long.
    """
    file = Path(path)
    rows, lines = _split(file, _records(file))
    if not rows:
        raise TableError(file, None, "heading", "an empty file", "a line with the columns' names")
    table = Table(file, rows[0], rows[1:], lines[1:])
    table.require(required)
    return table


def _split(file: Path, records: Iterable[tuple[int, list[str]]]) -> tuple[list[list[str]], list[int]]:
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, row in records:
        if not any(value.strip() for value in row):
            continue
        if rows and len(row) != len(rows[0]):
            raise TableError(file, line, "row", f"{len(row)} values", f"{len(rows[0])}, as in the heading")
        rows.append(row)
        lines.append(line)
    return rows, lines


def read_tables(path: str | os.PathLike[str]) -> dict[str, Table]:
    """Read a file of several tables, each under a line with its name and above an empty line, as JEMSS writes them.

    Values to the right of a table's last named column are comments.
    """
    file = Path(path)
    found: dict[str, Table] = {}
    block: list[tuple[int, list[str]]] = []
    for line, row in [*_records(file), (0, [])]:
        if any(value.strip() for value in row):
            block.append((line, row))
            continue
        if block:
            name = block[0][1][0].strip()
            if not name or len(block) < 2:
                raise TableError(file, block[0][0], "table", block[0][1][0], "a name, a heading, then rows")
            found[name] = _named(file, block[1], block[2:])
        block = []
    return found


def _named(file: Path, heading: tuple[int, list[str]], body: list[tuple[int, list[str]]]) -> Table:
    named = [place for place, column in enumerate(heading[1]) if column.strip()]
    for line, row in body:
        if len(row) <= named[-1]:
            raise TableError(file, line, "row", f"{len(row)} values", f"at least {named[-1] + 1}, as in the heading")
    rows = [[row[place] for place in named] for _, row in body]
    return Table(file, [heading[1][place] for place in named], rows, [line for line, _ in body])


def _records(file: Path) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_MOST_FIELD)
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, strict=True)
            for number, row in enumerate(reader):
                if number > MOST_ROWS:
                    raise TableError(file, reader.line_num, "rows", number, f"{MOST_ROWS}")
                yield reader.line_num, row
    except OSError as error:
        raise TableError(file, None, "file", error.strerror, "a file that can be read") from None
    except UnicodeDecodeError as error:
        raise TableError(file, None, "text", f"byte {error.start}", "UTF-8") from None
    except csv.Error as error:
        raise TableError(file, None, "text", str(error), "comma-separated values") from None
