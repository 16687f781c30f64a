"""Which streets a made-up county seat has along its lattice: what is built, who may use it, what it is.

A superblock's quarter decides: crooked lanes in the old centre, open grids, gated compounds with few ways in, parks
with paths, industry. Streets between superblocks are always there; dual carriageways are crossed where there are
lights.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import RoadClass
from geo_data.town.lattice import Gap, Lines, Rank
from geo_data.town.streets import FREE, STROLL, WALK, Floats, Ints, Mask

OUTSIDE: Final = -1
ALWAYS: Final = -2
"""Instead of a superblock: what lies beyond the town, and what is there whatever lies around it."""


class Quarter(IntEnum):
    """What a superblock is."""

    OLD = 0
    GRID = 1
    GATED = 2
    PARK = 3
    INDUSTRY = 4


# By quarter: whether a local line runs through the block at all, whether each of its edges does, whether it is let out
# to the street around the block, how far junctions stray (of the spacing), and how many people live along a metre.
_LINE: Final = np.array([0.95, 0.78, 0.85, 0.8, 0.4])
_EDGE: Final = np.array([0.8, 0.92, 0.74, 0.55, 0.72])
_EXIT: Final = np.array([0.72, 0.88, 0.45, 0.6, 0.5])
STRAY: Final = np.array([0.27, 0.03, 0.12, 0.2, 0.06])
_PEOPLE: Final = np.array([3.0, 1.6, 2.4, 0.0, 0.2])
_LIGHTS: Final = 0.3
"""The part of local streets that cross a dual carriageway where they meet it."""
_LOCAL_CLASS: Final = np.array(
    [RoadClass.LIVING_STREET, RoadClass.RESIDENTIAL, RoadClass.SERVICE, RoadClass.FOOTWAY, RoadClass.SERVICE], np.uint8
)
_CLASS: Final = np.array(
    [RoadClass.RESIDENTIAL, RoadClass.TERTIARY, RoadClass.SECONDARY, RoadClass.PRIMARY, RoadClass.PRIMARY], np.uint8
)


@dataclass(kw_only=True)
class Edges:
    """Edges of one direction of the lattice, before any is left out for lying beyond the town."""

    tail: Ints
    head: Ints
    forward: NDArray[np.uint8]
    backward: NDArray[np.uint8]
    road_class: NDArray[np.uint8]
    name: Ints
    people: Floats
    """By metre."""
    bulge: Floats
    """How far the middle of the edge lies off, as a share of its length."""
    blocks: Ints
    """int32 (e, 4), the superblocks on either side, flat; -1 is outside. The edge needs one of the first two or of
    the last two, or of both where ``both``."""
    both: Mask


class _Grid:
    """The edges along ``lines``, one by line and gap of ``crossing``; all arrays are (lines, gaps)."""

    def __init__(self, lines: Lines, crossing: Lines, quarters: NDArray[np.uint8], onward_side: int) -> None:
        self.lines, self.crossing, self.onward_side = lines, crossing, onward_side
        self.shape = (len(lines.at_m), len(crossing.gap))
        self.blocks, self.middle = lines.blocks, lines.middle
        line = np.broadcast_to(np.arange(self.shape[0])[:, None], self.shape)
        gap = np.broadcast_to(np.arange(self.shape[1]), self.shape)
        self.line = line
        self.rank, self.side, self.border = lines.rank[line], lines.side[line], lines.border[line]
        self.local = self.rank == Rank.LOCAL
        self.gap = crossing.gap[gap]
        self.before, self.after = lines.block_before[line], lines.block_after[line]
        self.first, self.last = crossing.gap_before[gap], crossing.gap_after[gap]
        self.quarter = quarters[np.maximum(self.before, 0), np.maximum(self.first, 0)]
        to_border = (crossing.border[gap] >= 0) | (crossing.border[gap + 1] >= 0)
        self.exits = to_border & (self.gap == Gap.BLOCK)
        # Rings are dual carriageways where they are rings, axes within the outermost ring; beyond, one line carries on.
        away = np.minimum(np.abs(self.first + 0.5 - self.middle), np.abs(self.last + 0.5 - self.middle))
        reach = np.where(self.rank == Rank.RING, np.abs(self.border - self.middle), lines.rings[-1])
        self.dual = (self.rank >= Rank.RING) & (away < reach)
        self.beyond = (self.rank >= Rank.RING) & ~self.dual

    def by_block(self, chosen: Mask) -> Mask:
        """Spread what was chosen by line and superblock, (lines, blocks), over the edges."""
        return np.asarray(chosen[self.line, np.maximum(self.first, 0)])


def along(
    rng: np.random.Generator,
    lines: Lines,
    crossing: Lines,
    quarters: NDArray[np.uint8],
    node: Ints,
    names: Ints,
    onward_side: int,
) -> Edges:
    """Return the edges along ``lines``.

    Parameters
    ----------
    rng
        Where chance comes from.
    lines, crossing
        The lines, and those that cross them.
    quarters
        uint8 (blocks along ``crossing``'s direction of counting, blocks), what each superblock is.
    node
        int32 (lines, crossing lines), node indices.
    names
        int32 (lines, gaps).
    onward_side
        Which side of a pair runs in the direction in which lines are drawn: traffic keeps right.
    """
    grid = _Grid(lines, crossing, quarters, onward_side)
    keep, one_way, footbridge = _built(rng, grid)
    road_class, shopping = _classes(grid, footbridge)
    forward, backward = _modes(grid, road_class, shopping, one_way)
    people = _PEOPLE[grid.quarter] * np.where(grid.local, 1.0, np.where(grid.gap == Gap.BLOCK, 0.5, 0.0))
    people[grid.gap == Gap.RIVER] = 0
    winding = grid.local & (grid.gap == Gap.BLOCK)
    bulge = rng.normal(0, 1, grid.shape) * np.where(winding, STRAY[grid.quarter] * 0.4, 0)
    named = np.where(grid.local & (road_class == RoadClass.FOOTWAY), -1, names)
    both = (grid.gap == Gap.RIVER) | (grid.local & (grid.gap != Gap.BLOCK))
    return Edges(
        tail=node[:, :-1][keep],
        head=node[:, 1:][keep],
        forward=forward[keep],
        backward=backward[keep],
        road_class=road_class[keep],
        name=named[keep].astype(np.int32),
        people=people[keep],
        bulge=bulge[keep],
        blocks=_needed(grid)[keep],
        both=both[keep],
    )


def _built(rng: np.random.Generator, grid: _Grid) -> tuple[Mask, Mask, Mask]:
    """Return which edges are there, which of them are one-way streets, and which are footbridges."""
    by_line = (grid.shape[0], grid.blocks)
    of_line = _LINE[_quarters_of(grid)]
    runs = grid.by_block(rng.random(by_line) < of_line)
    one_way = grid.by_block(rng.random(by_line) < 0.13) & grid.local & (grid.quarter <= Quarter.GRID)
    passes = rng.random(grid.shape) < np.where(grid.exits, _EXIT[grid.quarter], _EDGE[grid.quarter])
    passes &= (grid.gap == Gap.BLOCK) | (rng.random(grid.shape) < _LIGHTS)
    over_river = grid.gap == Gap.RIVER
    central = np.abs(grid.before + 0.5 - grid.middle) < 2
    footbridge = grid.local & over_river & central & (rng.random(grid.shape) < 0.22)
    bridged = (grid.rank >= Rank.RING) | ((np.abs(grid.border - grid.middle) % 4 == 0) & (grid.blocks > 16))
    keep = np.where(grid.local, runs & (passes | one_way) & ~over_river, ~over_river | bridged) | footbridge
    keep &= ~(grid.beyond & (grid.side > 0))
    return keep, one_way, footbridge


def _quarters_of(grid: _Grid) -> NDArray[np.uint8]:
    """Return the quarter by line and superblock, uint8 (lines, blocks)."""
    by_block = np.zeros((grid.shape[0], grid.blocks), np.uint8)
    by_block[grid.line, np.maximum(grid.first, 0)] = grid.quarter
    return by_block


def _classes(grid: _Grid, footbridge: Mask) -> tuple[NDArray[np.uint8], Mask]:
    """Return what every edge is, and which are the shopping street in the old centre."""
    road_class = np.where(grid.local, _LOCAL_CLASS[grid.quarter], _CLASS[grid.rank])
    road_class[grid.beyond & (grid.rank == Rank.RING)] = RoadClass.SECONDARY
    road_class[footbridge] = RoadClass.FOOTWAY
    shopping = (grid.rank == Rank.COLLECTOR) & (grid.side == 0) & (grid.border == grid.middle + 1)
    shopping &= (grid.first == grid.middle) & (grid.onward_side < 0)
    road_class[shopping] = RoadClass.PEDESTRIAN
    return road_class.astype(np.uint8), shopping


def _modes(
    grid: _Grid, road_class: NDArray[np.uint8], shopping: Mask, one_way: Mask
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return who may use each edge along and against the direction in which its line is drawn."""
    footway = road_class == RoadClass.FOOTWAY
    forward = np.where(footway, WALK, np.where(shopping, STROLL, FREE)).astype(np.uint8)
    backward = forward.copy()
    onward = np.where(grid.dual, grid.side == grid.onward_side, (grid.line + grid.first) % 2 == 0)
    directed = (one_way | grid.dual) & ~footway
    backward[directed & onward] = WALK
    forward[directed & ~onward] = WALK
    return forward, backward


def _needed(grid: _Grid) -> Ints:
    """Return the superblocks of which an edge needs some, flat, int32 (lines, gaps, 4)."""
    sides = []
    for gap_block in (grid.first, grid.last):
        for line_block in (grid.before, grid.after):
            outside = np.minimum(line_block, gap_block) < 0
            sides.append(np.where(outside, OUTSIDE, line_block * grid.blocks + gap_block))
    need = np.stack(sides, axis=-1).astype(np.int32)
    need[grid.dual] = ALWAYS
    return need


def diagonals(rng: np.random.Generator, columns: Lines, rows: Lines, quarters: NDArray[np.uint8], node: Ints) -> Edges:
    """Return lanes and paths that cut across a cell of the lattice."""
    share = np.array([0.06, 0.005, 0.05, 0.3, 0.0])
    inside = (columns.gap == Gap.BLOCK)[:, None] & (rows.gap == Gap.BLOCK)[None, :]
    cell = np.maximum(columns.gap_before, 0)[:, None], np.maximum(rows.gap_before, 0)[None, :]
    quarter = quarters[cell]
    c, r = np.nonzero(inside & (rng.random(quarter.shape) < share[quarter]))
    falling = rng.random(len(c)) < 0.5
    quarter = quarter[c, r]
    vehicles = quarter <= Quarter.GRID
    modes = np.where(vehicles, FREE, WALK).astype(np.uint8)
    block = columns.gap_before[c] * columns.blocks + rows.gap_before[r]
    return Edges(
        tail=np.where(falling, node[c, r + 1], node[c, r]),
        head=np.where(falling, node[c + 1, r], node[c + 1, r + 1]),
        forward=modes,
        backward=modes,
        road_class=np.where(vehicles, _LOCAL_CLASS[quarter], RoadClass.FOOTWAY).astype(np.uint8),
        name=np.full(len(c), -1, np.int32),
        people=np.where(vehicles, _PEOPLE[quarter], 0.0),
        bulge=rng.normal(0, 0.03, len(c)),
        blocks=np.repeat(block[:, None], 4, axis=1).astype(np.int32),
        both=np.zeros(len(c), bool),
    )
