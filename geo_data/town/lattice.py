"""The lines along which a made-up town's streets lie, and what lies between them.

A town is a lattice of columns (roads, 路) and rows (streets, 街). Borders of superblocks carry the collectors and
arterials; local lines lie between. A dual carriageway is two lines 24 m apart with a median as the gap; the river is a
wide gap between two riverside roads. `Ground` bends the lattice into a rounded, uneven town.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo_data.town.streets import Floats, Ints

MEDIAN_M: Final = 24.0
RIVER_M: Final = 130.0


class Gap(IntEnum):
    """What lies between a line and the next."""

    BLOCK = 0
    MEDIAN = 1
    RIVER = 2


class Rank(IntEnum):
    """How much a line matters."""

    LOCAL = 0
    COLLECTOR = 1
    ARTERIAL = 2
    RING = 3
    AXIS = 4


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Parallel lines, west to east or south to north; ``k`` of them, with ``k - 1`` gaps between.

    Attributes
    ----------
    at_m
        float64 (k,), where each lies.
    border
        int32 (k,), the superblock border it is, counted from 0; -1 for a local line.
    rank
        uint8 (k,), `Rank`.
    side
        int8 (k,): -1 and 1 for the two lines of a pair, 0 for others.
    block_before, block_after
        int32 (k,), the superblock on either side; -1 is outside.
    gap
        uint8 (k - 1,), `Gap`.
    gap_before, gap_after
        int32 (k - 1,), the superblock of the gap; for a median or river those on either side.
    blocks
        How many superblocks lie between the first and the last border.
    rings
        Borders of the ring roads, from the inner one on, as how many borders from the middle.
    """

    at_m: Floats
    border: Ints
    rank: NDArray[np.uint8]
    side: NDArray[np.int8]
    block_before: Ints
    block_after: Ints
    gap: NDArray[np.uint8]
    gap_before: Ints
    gap_after: Ints
    blocks: int
    rings: tuple[int, ...]

    @property
    def middle(self) -> int:
        """The border in the middle, where the axis runs."""
        return self.blocks // 2


def ring_borders(blocks: int) -> tuple[int, ...]:
    """Return how many borders from the middle the ring roads lie, for a town of ``blocks`` superblocks across."""
    half = blocks // 2
    inner = max(2, round(half * 0.55))
    return (inner, round(half * 0.82)) if half >= 14 else (inner,)


def lay_lines(rng: np.random.Generator, blocks: int, old_reach: int, river_border: int = -1) -> Lines:
    """Lay the lines of one direction.

    Parameters
    ----------
    rng
        Where chance comes from.
    blocks
        Superblocks across, an even number of at least 4.
    old_reach
        So many superblocks either side of the middle are the old centre, with finer lines.
    river_border
        The border along which the river runs; -1 for none.
    """
    middle, rings = blocks // 2, ring_borders(blocks)
    rows: list[tuple[float, int, int, int, int, int]] = []
    gaps: list[tuple[int, int, int]] = []
    at_m = 0.0
    for border in range(blocks + 1):
        away = abs(border - middle)
        rank = Rank.AXIS if away == 0 else Rank.RING if away in rings else Rank(2 - away % 2)
        before, after = border - 1, border if border < blocks else -1
        if border == river_border:
            rows.append((at_m, border, Rank.COLLECTOR, -1, before, before))
            gaps.append((Gap.RIVER, before, after))
            at_m += RIVER_M
            rows.append((at_m, border, Rank.COLLECTOR, 1, after, after))
        elif rank >= Rank.RING:
            rows.append((at_m, border, rank, -1, before, after))
            gaps.append((Gap.MEDIAN, before, after))
            at_m += MEDIAN_M
            rows.append((at_m, border, rank, 1, before, after))
        else:
            rows.append((at_m, border, rank, 0, before, after))
        if border == blocks:
            break
        old = abs(border + 0.5 - middle) < old_reach
        inner = int(rng.integers(3, 5) if old else rng.integers(2, 4))
        width_m = rng.uniform(300, 390) if old else rng.uniform(380, 560)
        cuts = (np.arange(1, inner + 1) + rng.uniform(-0.15, 0.15, inner)) / (inner + 1)
        rows += [(at_m + float(cut) * width_m, -1, Rank.LOCAL, 0, border, border) for cut in cuts]
        gaps += [(Gap.BLOCK, border, border)] * (inner + 1)
        at_m += width_m
    table = np.array(rows)
    between = np.array(gaps, np.int32)
    centre_m = table[table[:, 2] == Rank.AXIS, 0].mean()
    return Lines(
        at_m=table[:, 0] - centre_m,
        border=table[:, 1].astype(np.int32),
        rank=table[:, 2].astype(np.uint8),
        side=table[:, 3].astype(np.int8),
        block_before=table[:, 4].astype(np.int32),
        block_after=table[:, 5].astype(np.int32),
        gap=between[:, 0].astype(np.uint8),
        gap_before=between[:, 1],
        gap_after=between[:, 2],
        blocks=blocks,
        rings=rings,
    )


@dataclass(frozen=True, kw_only=True)
class Ground:
    """How the straight lattice lies on uneven ground, in metres from the middle of the town."""

    half_x_m: float
    half_y_m: float
    river_x_m: float
    turn_rad: float
    waves: Floats
    """float64 (4, 5): amplitude and length in metres, direction and two phases in radians, of gentle bends."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, columns: Lines, rows: Lines) -> "Ground":
        """Draw the ground of a town by chance."""
        pair = columns.at_m[np.flatnonzero(columns.gap == Gap.RIVER)[0] + np.arange(2)]
        waves = np.column_stack(
            (
                rng.uniform(25, 60, 4),
                rng.uniform(2_200, 5_000, 4),
                rng.uniform(0, 2 * np.pi, 4),
                rng.uniform(0, 2 * np.pi, (4, 2)),
            )
        )
        return cls(
            half_x_m=float(-columns.at_m[0]),
            half_y_m=float(-rows.at_m[0]),
            river_x_m=float(pair.mean()),
            turn_rad=float(rng.uniform(-0.16, 0.16)),
            waves=waves,
        )

    def place(self, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
        """Return where points of the lattice lie on the ground."""
        u, v = x_m / self.half_x_m, y_m / self.half_y_m
        # The square-to-disc map of Nowell, taken most of the way: corners draw in and the ring road rounds.
        ground_x = x_m * np.sqrt(np.maximum(0.1, 1 - 0.36 * v * v))
        ground_y = y_m * np.sqrt(np.maximum(0.1, 1 - 0.36 * u * u))
        for amplitude, length, direction, phase_x, phase_y in self.waves:
            along = 2 * np.pi * (x_m * np.cos(direction) + y_m * np.sin(direction)) / length
            ground_x = ground_x + amplitude * np.sin(along + phase_x)
            ground_y = ground_y + amplitude * np.sin(along + phase_y)
        near_river = np.exp(-(((x_m - self.river_x_m) / 900) ** 2))
        ground_x = ground_x + near_river * 150 * np.sin(2 * np.pi * y_m / 3_100 + self.waves[0, 3])
        cos, sin = np.cos(self.turn_rad), np.sin(self.turn_rad)
        return ground_x * cos - ground_y * sin, ground_x * sin + ground_y * cos

    def river(self) -> Floats:
        """Return the river's course through the town from south to north, float64 (points, 2) in metres."""
        y_m = np.arange(-self.half_y_m, self.half_y_m, 120.0)
        return np.column_stack(self.place(np.full(len(y_m), self.river_x_m), y_m))
