"""The streets of one made-up county seat: old centre, newer districts, ring road, river with a few bridges.

Everything is drawn along `Lines` and kept or left out edge by edge, so that streets cross only where they meet.
Superblocks are taken from the middle outwards until the town has the wanted number of junctions.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import RoadClass
from geo_data.town.blocks import ALWAYS, STRAY, Edges, Quarter, along, diagonals
from geo_data.town.lattice import Gap, Ground, Lines, Rank, lay_lines, ring_borders
from geo_data.town.names import NameBook
from geo_data.town.street_names import column_names, row_names
from geo_data.town.streets import Floats, Ints, Mask, Streets, connected_to, keep_edges, signed_kmh, with_bends

JUNCTIONS_PER_BLOCK: Final = 9.0
"""About how many a superblock has; says how large a lattice to lay."""


@dataclass(kw_only=True)
class Seat:
    """A county seat in metres from its middle.

    Attributes
    ----------
    streets
        All of them.
    gates
        int32 (g,), nodes at which arterials leave the town.
    river_m
        float64 (points, 2), the river's course from south to north.
    blocks_m
        float64 (blocks, 2), the middles of its superblocks.
    radius_m
        How far the farthest street is.
    """

    streets: Streets
    gates: Ints
    river_m: Floats
    blocks_m: Floats
    radius_m: float


def make_seat(rng: np.random.Generator, book: NameBook, junction_count: int) -> Seat:
    """Make a county seat of about ``junction_count`` junctions."""
    half = max(2, round(np.sqrt(junction_count / (4 * 0.72 * JUNCTIONS_PER_BLOCK)) + 0.4))
    old_reach = int(np.clip(half // 4 + 1, 1, 3))
    columns = lay_lines(rng, 2 * half, old_reach, _river_border(half, old_reach))
    rows = lay_lines(rng, 2 * half, old_reach)
    quarters = _quarters(rng, half, old_reach)
    ground = Ground.drawn(rng, columns, rows)
    size = (len(columns.at_m), len(rows.at_m))
    node = np.arange(size[0] * size[1], dtype=np.int32).reshape(size)
    roads = along(rng, columns, rows, quarters, node, column_names(book, columns, rows), onward_side=1)
    streets = along(rng, rows, columns, quarters.T, node.T, row_names(book, rows, columns), onward_side=-1)
    # Blocks of the rows' edges are flat in (row, column); the town's are in (column, row).
    width = 2 * half
    flat = streets.blocks
    streets.blocks = np.where(flat < 0, flat, flat % width * width + flat // width)
    lattice_x, lattice_y = _stray(rng, columns, rows, quarters)
    parts = [roads, streets, diagonals(rng, columns, rows, quarters, node)]
    everything = _assemble(rng, parts, ground, lattice_x, lattice_y)
    need = np.concatenate([part.blocks for part in parts])
    both = np.concatenate([part.both for part in parts])
    taken, kept = _grow(rng, everything, need, both, half, junction_count)
    # The axes cross in the middle whatever else is built: what hangs together with that crossing is the town.
    crossing = node[columns.rank == Rank.AXIS][:, rows.rank == Rank.AXIS].ravel()
    fine = connected_to(everything, kept, crossing)
    kept &= fine[everything.tail]
    gates = _gates(columns, rows, node, everything, kept)
    seat_streets = keep_edges(everything, kept)
    present = np.zeros(node.size, bool)
    present[everything.tail[kept]] = True
    present[everything.head[kept]] = True
    renumbered = (np.cumsum(present) - 1).astype(np.int32)
    return Seat(
        streets=seat_streets,
        gates=renumbered[gates],
        river_m=ground.river(),
        blocks_m=_middles(columns, rows, ground, taken),
        radius_m=float(np.hypot(seat_streets.x_m, seat_streets.y_m).max()),
    )


def _river_border(half: int, old_reach: int) -> int:
    """Return the border along which the river runs: west of the old centre, and never in place of a ring road."""
    away = old_reach + 1 if half > 2 else 1
    return half - (away - 1 if away in ring_borders(half * 2) else away)


def _quarters(rng: np.random.Generator, half: int, old_reach: int) -> NDArray[np.uint8]:
    """Return what every superblock is, uint8 (2 half, 2 half)."""
    away = np.abs(np.arange(2 * half) + 0.5 - half)
    distance = np.hypot(away[:, None], away[None, :])
    drawn = rng.random(distance.shape)
    quarters = np.where(drawn < 0.5, Quarter.GRID, Quarter.GATED)
    quarters[drawn > 0.95] = Quarter.PARK
    quarters[(drawn > 0.72) & (drawn < 0.85) & (distance > 0.62 * half)] = Quarter.INDUSTRY
    quarters[distance < old_reach + 0.3] = Quarter.OLD
    return quarters.astype(np.uint8)


def _stray(rng: np.random.Generator, columns: Lines, rows: Lines, quarters: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Return where on the lattice every junction lies: local streets are never quite straight."""
    share = STRAY[quarters[np.maximum(columns.block_before, 0)[:, None], np.maximum(rows.block_before, 0)[None, :]]]
    x_m = np.broadcast_to(columns.at_m[:, None], share.shape)
    y_m = np.broadcast_to(rows.at_m[None, :], share.shape)
    wide, high = _spacing(columns)[:, None], _spacing(rows)[None, :]
    by_x = share * wide * rng.uniform(-1, 1, share.shape)
    by_y = share * high * rng.uniform(-1, 1, share.shape)
    # A junction on an arterial slides along it but never off it, and a pair of carriageways keeps its pace.
    x_m = x_m + np.where((columns.rank == Rank.LOCAL)[:, None] & (rows.side == 0)[None, :], by_x, 0)
    y_m = y_m + np.where((rows.rank == Rank.LOCAL)[None, :] & (columns.side == 0)[:, None], by_y, 0)
    return x_m.ravel(), y_m.ravel()


def _spacing(lines: Lines) -> Floats:
    """Return how far it is from each line to the nearer of its neighbours, in metres."""
    between = np.diff(lines.at_m)
    return np.asarray(np.minimum(np.append(between, between[-1]), np.insert(between, 0, between[0])))


def _assemble(rng: np.random.Generator, parts: list[Edges], ground: Ground, x_m: Floats, y_m: Floats) -> Streets:
    """Put the edges on the ground, with the bends that the ground and the street's own course give them."""
    tail = np.concatenate([part.tail for part in parts]).astype(np.int32)
    head = np.concatenate([part.head for part in parts]).astype(np.int32)
    bulge = np.concatenate([part.bulge for part in parts])
    road_class = np.concatenate([part.road_class for part in parts])
    node_x, node_y = ground.place(x_m, y_m)
    along_x, along_y = node_x[head] - node_x[tail], node_y[head] - node_y[tail]
    bends_x, bends_y = np.empty((len(tail), 2)), np.empty((len(tail), 2))
    off = np.zeros(len(tail))
    for column, (share, part_of_bulge) in enumerate(((1 / 3, 1.0), (2 / 3, rng.uniform(-0.6, 1.0, len(tail))))):
        there_x, there_y = ground.place(
            x_m[tail] + share * (x_m[head] - x_m[tail]), y_m[tail] + share * (y_m[head] - y_m[tail])
        )
        bends_x[:, column] = there_x - part_of_bulge * bulge * along_y
        bends_y[:, column] = there_y + part_of_bulge * bulge * along_x
        chord_x, chord_y = node_x[tail] + share * along_x, node_y[tail] + share * along_y
        off = np.maximum(off, np.hypot(bends_x[:, column] - chord_x, bends_y[:, column] - chord_y))
    first, bend_x, bend_y = with_bends(bends_x, bends_y, off > 1.0)
    kmh = signed_kmh(road_class)
    kmh[(road_class == RoadClass.RESIDENTIAL) & (rng.random(len(kmh)) < 0.4)] = 30
    people = np.concatenate([part.people for part in parts]) * np.hypot(along_x, along_y)
    return Streets(
        x_m=node_x,
        y_m=node_y,
        tail=tail,
        head=head,
        forward=np.concatenate([part.forward for part in parts]),
        backward=np.concatenate([part.backward for part in parts]),
        road_class=road_class,
        kmh=kmh,
        name=np.concatenate([part.name for part in parts]),
        people=people.astype(np.float32),
        bend_first=first,
        bend_x_m=bend_x,
        bend_y_m=bend_y,
    )


def _grow(
    rng: np.random.Generator, streets: Streets, need: Ints, both: Mask, half: int, junction_count: int
) -> tuple[NDArray[np.int64], Mask]:
    """Take superblocks from the middle outwards until there are enough junctions; return them and the edges kept."""
    away = (np.arange(2 * half) + 0.5 - half) / half
    angle = np.arctan2(away[None, :], away[:, None])
    distance = (np.abs(away[:, None]) ** 2.6 + np.abs(away[None, :]) ** 2.6) ** (1 / 2.6)
    lobes = rng.uniform(0, 2 * np.pi, 3)
    score = distance * (1 + 0.1 * np.sin(2 * angle + lobes[0]) + 0.08 * np.sin(3 * angle + lobes[1]))
    score += 0.04 * np.sin(7 * angle + lobes[2]) + rng.uniform(-0.07, 0.07, score.shape)
    order = np.argsort(score, axis=None, kind="stable")

    def kept_with(count: int) -> Mask:
        taken = np.zeros(4 * half * half + 2, bool)
        taken[order[:count]] = True
        taken[ALWAYS] = True
        here = taken[need]
        one, other = here[:, 0] | here[:, 1], here[:, 2] | here[:, 3]
        return np.asarray(np.where(both, one & other, one | other))

    low, high = 4, len(order)
    while low < high:
        count = (low + high) // 2
        kept = kept_with(count)
        degree = np.bincount(np.concatenate((streets.tail[kept], streets.head[kept])), minlength=len(streets.x_m))
        if int(((degree > 0) & (degree != 2)).sum()) < junction_count:
            low = count + 1
        else:
            high = count
    return order[:low], kept_with(low)


def _gates(columns: Lines, rows: Lines, node: Ints, streets: Streets, kept: Mask) -> Ints:
    """Return the nodes at which arterials end at the edge of the town."""
    step = streets.head - streets.tail
    found = []
    for lines, nodes, stride in ((columns, node, 1), (rows, node.T, node.shape[1])):
        along = np.zeros(node.size, bool)
        along[streets.tail[kept & (step == stride)]] = True
        along[streets.head[kept & (step == stride)]] = True
        for line in np.flatnonzero((lines.rank >= Rank.ARTERIAL) & (lines.side <= 0)):
            there = nodes[line][along[nodes[line]]]
            if len(there) > 1:
                found += [there[0], there[-1]]
    gates = np.unique(np.array(found, np.int32))
    away = np.hypot(streets.x_m[gates], streets.y_m[gates])
    return np.asarray(gates[away > 0.5 * away.max()], np.int32)


def _middles(columns: Lines, rows: Lines, ground: Ground, taken: NDArray[np.int64]) -> Floats:
    """Return the middles of the superblocks that were taken, float64 (blocks, 2) in metres on the ground."""
    middles = []
    for lines in (columns, rows):
        begin, end = lines.at_m[:-1], lines.at_m[1:]
        block = lines.gap == Gap.BLOCK
        low = np.full(lines.blocks, np.inf)
        high = np.full(lines.blocks, -np.inf)
        np.minimum.at(low, lines.gap_before[block], begin[block])
        np.maximum.at(high, lines.gap_before[block], end[block])
        middles.append((low + high) / 2)
    return np.column_stack(ground.place(middles[0][taken // rows.blocks], middles[1][taken % rows.blocks]))
