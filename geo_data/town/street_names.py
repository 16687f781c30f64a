"""Names for the streets of a made-up county seat: axes, arterials with their halves, rings, riversides, lanes."""

import numpy as np

from geo_data.town.lattice import Lines, Rank
from geo_data.town.names import AXES, MAIN, NameBook, lanes, street, words_for
from geo_data.town.streets import Ints


def _lane_numbers(book: NameBook, lines: Lines, crossing: Lines) -> Ints:
    """Return names of local streets, int32 (lines, gaps): about half have one, each in its own superblock."""
    known = np.array([-1] + [book.number(name) for name in lanes()], np.int32)
    line, block = np.arange(len(lines.at_m))[:, None], np.maximum(crossing.gap_before, 0)[None, :]
    drawn = (line * 7_919 + block * 104_729 + (line * block) % 613) % (2 * len(known))
    return known[np.where(drawn < len(known), drawn, 0)]


def _line_names(book: NameBook, lines: Lines, crossing: Lines, texts: tuple[str, str, str]) -> Ints:
    """Name the streets of one direction; ``texts`` are the kind, what lies before the middle, and what after."""
    kind, low_side, high_side = texts
    is_road = kind == "路"
    numbers = _lane_numbers(book, lines, crossing)
    later = crossing.gap_before >= crossing.middle
    words = words_for(2 * lines.blocks + 2, MAIN)[0 if is_road else 1 :: 2]
    sides = ("西", "东") if is_road else ("南", "北")
    away = np.minimum(
        np.abs(crossing.gap_before + 0.5 - crossing.middle), np.abs(crossing.gap_after + 0.5 - crossing.middle)
    )
    for index in np.flatnonzero(lines.border >= 0):
        border, rank = int(lines.border[index]), lines.rank[index]
        place = sides[int(border > lines.middle)]
        if rank == Rank.COLLECTOR and lines.side[index] != 0:
            numbers[index] = book.number(street(("滨河", "Binhe"), kind, sides[int(lines.side[index] > 0)]))
            continue
        word = AXES[0 if is_road else 1] if rank == Rank.AXIS else words[border]
        if rank == Rank.COLLECTOR:
            numbers[index] = book.number(street(word, kind))
            continue
        numbers[index] = np.where(
            later, book.number(street(word, kind, high_side)), book.number(street(word, kind, low_side))
        )
        if rank == Rank.RING:
            reach = abs(border - lines.middle)
            ring = ("环城", "Huancheng") if reach == lines.rings[0] else ("外环", "Waihuan")
            numbers[index, away < reach] = book.number(street(ring, kind, place))
    return numbers


def column_names(book: NameBook, columns: Lines, rows: Lines) -> Ints:
    """Name the roads (路) from south to north, int32 (columns, gaps between rows)."""
    return _line_names(book, columns, rows, ("路", "南", "北"))


def row_names(book: NameBook, rows: Lines, columns: Lines) -> Ints:
    """Name the streets (街) from west to east, int32 (rows, gaps between columns)."""
    return _line_names(book, rows, columns, ("街", "西", "东"))
