"""Villages and township seats of the made-up county: a main street, a few crooked lanes, loops and dead ends.

All of them are made at once, as patches of small lattices that are numbered one after the other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import RoadClass
from geo_data.town.names import NameBook, lanes, street
from geo_data.town.streets import (
    FREE,
    Floats,
    Ints,
    Mask,
    Streets,
    connected_to,
    junctions,
    keep_edges,
    signed_kmh,
    with_bends,
)


@dataclass(kw_only=True)
class Villages:
    """``v`` villages, each around its own origin, in metres; the first ``towns`` of them are township seats.

    ``of_node`` is int32 (n,), the village of each node; ``gates`` int32 (v, 4), the nodes at the west, east, south and
    north end of its main streets; ``gate_turn_rad`` float64 (v,), how far the village is turned.
    """

    streets: Streets
    of_node: Ints
    gates: Ints
    turn_rad: Floats
    towns: int


def make_villages(rng: np.random.Generator, book: NameBook, town_count: int, junction_count: int) -> Villages:
    """Make ``town_count`` township seats and as many villages as make up ``junction_count`` junctions in all."""
    most = town_count + max(3, round(junction_count / 9))
    sides = rng.integers(3, 8, (most, 2))
    sides[:, 0] += rng.integers(0, 3, most)
    sides[:town_count] = np.column_stack((rng.integers(9, 15, town_count), rng.integers(5, 8, town_count)))
    patches = _draw(rng, book, sides, town_count)
    here = np.bincount(patches.of_node[junctions(patches.streets)], minlength=most)
    # A road that arrives makes a bend of the main street into a junction or leaves a farm track on its way.
    enough = int(np.searchsorted(np.cumsum(here + _BY_LINKS), junction_count)) + 1
    return _first(patches, max(town_count + 2, min(enough, most)))


_BY_LINKS = 3.0
"""How many junctions the roads between villages make for each of them."""


def _draw(rng: np.random.Generator, book: NameBook, sides: NDArray[np.int64], town_count: int) -> Villages:
    count = len(sides)
    size = sides[:, 0] * sides[:, 1]
    first = np.cumsum(size) - size
    of_node = np.repeat(np.arange(count), size)
    within = np.arange(int(size.sum())) - first[of_node]
    wide, high = sides[of_node, 0], sides[of_node, 1]
    column, row = within % wide, within // wide
    town = of_node < town_count
    spacing_m = np.where(np.arange(count) < town_count, rng.uniform(95, 135, count), rng.uniform(48, 85, count))[
        of_node
    ]
    stray = np.where(town, 0.1, 0.26)
    x_m = (column - (wide - 1) / 2 + stray * rng.uniform(-1, 1, len(of_node))) * spacing_m
    y_m = (row - (high - 1) / 2 + stray * rng.uniform(-1, 1, len(of_node))) * spacing_m
    bow = rng.uniform(-0.18, 0.18, count)[of_node] / (wide * spacing_m)
    y_m = y_m + bow * x_m * x_m
    turn = rng.uniform(-0.7, 0.7, count)
    cos, sin = np.cos(turn)[of_node], np.sin(turn)[of_node]
    x_m, y_m = x_m * cos - y_m * sin, x_m * sin + y_m * cos

    index = np.arange(len(of_node))
    east, north = column < wide - 1, row < high - 1
    tail = np.concatenate((index[east], index[north])).astype(np.int32)
    head = np.concatenate((index[east] + 1, index[north] + wide[north])).astype(np.int32)
    main = np.concatenate(((row == high // 2)[east], (column == wide // 2)[north]))
    of_edge = of_node[tail]
    # Corners of a village are fields: what is far from both main streets is mostly missing.
    outlying = np.abs(column - wide // 2) / wide + np.abs(row - high // 2) / high
    keep = main | (rng.random(len(tail)) < np.where(town[tail], 0.86, 0.8) * (outlying[tail] < 0.75))
    streets = _pave(rng, book, x_m, y_m, (tail, head), main, of_edge, town_count)
    hearts = first + (sides[:, 1] // 2) * sides[:, 0] + sides[:, 0] // 2
    keep &= connected_to(streets, keep, hearts)[tail]
    ends = np.column_stack(
        (
            first + (sides[:, 1] // 2) * sides[:, 0],
            first + (sides[:, 1] // 2 + 1) * sides[:, 0] - 1,
            first + sides[:, 0] // 2,
            first + (sides[:, 1] - 1) * sides[:, 0] + sides[:, 0] // 2,
        )
    )
    present = np.zeros(len(of_node), bool)
    present[tail[keep]] = True
    present[head[keep]] = True
    renumbered = np.cumsum(present) - 1
    return Villages(
        streets=keep_edges(streets, keep),
        of_node=of_node[present].astype(np.int32),
        gates=renumbered[ends].astype(np.int32),
        turn_rad=turn,
        towns=town_count,
    )


def _pave(
    rng: np.random.Generator,
    book: NameBook,
    x_m: Floats,
    y_m: Floats,
    ends: tuple[Ints, Ints],
    main: Mask,
    of_edge: NDArray[np.int64],
    town_count: int,
) -> Streets:
    """Give the lanes of all villages their class, names and bends."""
    tail, head = ends
    town = of_edge < town_count
    drawn = rng.random(len(tail))
    small = np.where(
        drawn < 0.55, RoadClass.RESIDENTIAL, np.where(drawn < 0.85, RoadClass.LIVING_STREET, RoadClass.SERVICE)
    )
    road_class = np.where(main, np.where(town, RoadClass.TERTIARY, RoadClass.UNCLASSIFIED), small).astype(np.uint8)
    centre = book.number(street(("镇中", "Zhenzhong"), "街"))
    known = np.array([book.number(lane) for lane in lanes()], np.int32)
    name = np.where(main & town, centre, np.where(town & (drawn < 0.3), known[of_edge % len(known)], -1))
    along_x, along_y = x_m[head] - x_m[tail], y_m[head] - y_m[tail]
    bulge = rng.normal(0, 0.09, (len(tail), 1)) * np.array([[1.0, 0.7]])
    share = np.array([[1 / 3, 2 / 3]])
    bends_x = x_m[tail][:, None] + share * along_x[:, None] - bulge * along_y[:, None]
    bends_y = y_m[tail][:, None] + share * along_y[:, None] + bulge * along_x[:, None]
    span_m = np.hypot(along_x, along_y)
    first, bend_x, bend_y = with_bends(bends_x, bends_y, np.abs(bulge[:, 0]) * span_m > 1.5)
    modes = np.full(len(tail), FREE, np.uint8)
    return Streets(
        x_m=x_m,
        y_m=y_m,
        tail=tail,
        head=head,
        forward=modes,
        backward=modes.copy(),
        road_class=road_class,
        kmh=signed_kmh(road_class),
        name=name.astype(np.int32),
        people=(span_m * np.where(town, 1.6, 1.0)).astype(np.float32),
        bend_first=first,
        bend_x_m=bend_x,
        bend_y_m=bend_y,
    )


def _first(villages: Villages, count: int) -> Villages:
    """Return the first ``count`` of the villages."""
    streets = keep_edges(villages.streets, villages.of_node[villages.streets.tail] < count)
    nodes = villages.of_node < count
    return Villages(
        streets=streets,
        of_node=villages.of_node[nodes],
        gates=villages.gates[:count],
        turn_rad=villages.turn_rad[:count],
        towns=villages.towns,
    )
