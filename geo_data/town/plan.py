"""Where the parts of a made-up county lie: seats in cells, a river and an expressway through each column of cells.

Metres from the south-west corner of the region. Rivers and expressways run south to north and are functions of y, so
that on which side of one a place lies is one comparison.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree

from geo_data.town.seat import Seat
from geo_data.town.streets import Floats, Mask

VILLAGE_SPACING_M: Final = 1_650.0
_STEP_M: Final = 150.0
_FROM_TOWN_M: Final = 650.0
_FROM_RIVER_M: Final = 220.0
_FROM_EXPRESSWAY_M: Final = 260.0
INTERCHANGE_M: Final = 1_300.0
"""How far beyond the last street of a seat its expressway passes."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """A line from south to north: x as a function of y, both in metres, float64 (points,)."""

    x_m: Floats
    y_m: Floats

    def at(self, y_m: Floats) -> Floats:
        """Return x where the line passes y."""
        return np.interp(y_m, self.y_m, self.x_m)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A region of ``columns`` times ``rows`` cells with one seat each, seats column by column from the south."""

    columns: int
    rows: int
    cell_m: float
    seat_m: Floats
    rivers: tuple[Course, ...]
    expressways: tuple[Course, ...]

    @property
    def width_m(self) -> float:
        """From the western border to the eastern."""
        return self.columns * self.cell_m

    @property
    def height_m(self) -> float:
        """From the southern border to the northern."""
        return self.rows * self.cell_m


def seat_grid(node_count: int) -> tuple[int, int]:
    """Return how many columns and rows of seats a region of so many junctions has."""
    wanted = max(1, round(node_count / 26_000)) if node_count > 45_000 else 1
    columns = max(1, round(np.sqrt(wanted) * 0.9))
    return columns, max(1, round(wanted / columns))


def lay_plan(rng: np.random.Generator, grid: tuple[int, int], seats: list[Seat], village_count: int) -> Plan:
    """Lay seats, rivers and expressways so that ``village_count`` villages find room around them."""
    columns, rows = grid
    built_m2 = sum(np.pi * seat.radius_m**2 for seat in seats)
    free_m2 = village_count * VILLAGE_SPACING_M**2
    widest_m = max(seat.radius_m for seat in seats)
    cell_m = max(np.sqrt((built_m2 * 0.8 + free_m2) / len(seats)), 2 * widest_m + 4_500)
    slack_m = max(0.0, (cell_m - 2 * widest_m - 4_400) / 3)
    column, row = np.divmod(np.arange(len(seats)), rows)
    drift = rng.uniform(-1, 1, (len(seats), 2)) * slack_m
    # West of the middle: the expressway passes in the east.
    middle = np.column_stack((column * cell_m + cell_m / 2 - 600, row * cell_m + cell_m / 2)) + drift
    rivers, expressways = [], []
    for index in range(columns):
        here = range(index * rows, (index + 1) * rows)
        rivers.append(_river(rng, [seats[seat].river_m + middle[seat] for seat in here], rows * cell_m))
        passes = [(middle[seat][1], middle[seat][0] + seats[seat].radius_m + INTERCHANGE_M) for seat in here]
        expressways.append(_expressway(rng, passes, rows * cell_m))
    return Plan(
        columns=columns,
        rows=rows,
        cell_m=float(cell_m),
        seat_m=middle,
        rivers=tuple(rivers),
        expressways=tuple(expressways),
    )


def _river(rng: np.random.Generator, stretches: list[Floats], height_m: float) -> Course:
    """Join the river's stretches through towns by meanders through the country between."""
    knots = []
    for stretch in stretches:
        rising = stretch[np.argsort(stretch[:, 1], kind="stable")]
        knots.append(rising)
    south, north = knots[0][0], knots[-1][-1]
    fixed = [np.array([[south[0] + rng.uniform(-900, 900), -500.0]]), *knots]
    fixed.append(np.array([[north[0] + rng.uniform(-900, 900), height_m + 500.0]]))
    pieces = [fixed[0]]
    for before, after in pairwise(fixed):
        start, end = before[-1], after[0]
        share = np.linspace(0, 1, max(3, int((end[1] - start[1]) / _STEP_M)))[1:-1]
        smooth = share * share * (3 - 2 * share)
        length_m = end[1] - start[1]
        turns = max(1.0, length_m / 4_000)
        swing_m = min(420.0, length_m * 0.06) * np.sin(np.pi * share) ** 0.5
        x_m = start[0] + (end[0] - start[0]) * smooth + swing_m * np.sin(2 * np.pi * turns * share)
        x_m = x_m + 0.4 * swing_m * np.sin(2 * np.pi * turns * 2.3 * share + rng.uniform(0, 6))
        pieces += [np.column_stack((x_m, start[1] + share * length_m)), after]
    course = np.concatenate(pieces)
    return Course(x_m=course[:, 0], y_m=course[:, 1])


def _expressway(rng: np.random.Generator, passes: list[tuple[float, float]], height_m: float) -> Course:
    """Draw a smooth line that passes every town of its column in the east."""
    ends = rng.uniform(-500, 500, 2)
    knots = [(0.0, passes[0][1] + ends[0]), *passes, (height_m, passes[-1][1] + ends[1])]
    y_m = np.arange(0, height_m + 1, _STEP_M)
    x_m = PchipInterpolator([knot[0] for knot in knots], [knot[1] for knot in knots])(y_m)
    return Course(x_m=x_m + 120 * np.sin(2 * np.pi * y_m / 9_000), y_m=y_m)


def place_villages(rng: np.random.Generator, plan: Plan, blocks_m: Floats, count: int) -> Floats:
    """Return where villages lie, float64 (count, 2): evenly but not regularly, off towns, rivers, mountains."""
    towns = cKDTree(blocks_m)
    spacing_m = VILLAGE_SPACING_M
    hills = rng.uniform(0, 2 * np.pi, (3, 2))
    drawing = rng.bit_generator.seed_seq.spawn(1)[0]  # type: ignore[attr-defined]
    for _ in range(12):
        places = _scatter(np.random.default_rng(drawing), plan, spacing_m)
        places = places[_habitable(plan, towns, places, hills)]
        if count <= len(places) <= count * 1.06 + 2:
            break
        spacing_m *= np.clip(np.sqrt((len(places) + 0.5) / (count * 1.03 + 1)), 0.5, 1.5)
    else:
        # Rounding of rows hunts around the wanted number in small regions: take closer ones and leave some out.
        while len(places) < count:
            spacing_m *= 0.96
            places = _scatter(np.random.default_rng(drawing), plan, spacing_m)
            places = places[_habitable(plan, towns, places, hills)]
    left = np.sort(rng.permutation(len(places))[:count])
    return places[left]


def _scatter(rng: np.random.Generator, plan: Plan, spacing_m: float) -> Floats:
    x = np.arange(0.6, plan.width_m / spacing_m - 0.4)
    y = np.arange(0.6, plan.height_m / spacing_m - 0.4)
    grid = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    grid[1::2, :, 1] += 0.5
    return ((grid + rng.uniform(-0.36, 0.36, grid.shape)) * spacing_m).reshape(-1, 2)


def _habitable(plan: Plan, towns: cKDTree, places: Floats, hills: Floats) -> Mask:
    """Return where a village may stand: bool (places,)."""
    x, y = places[:, 0], places[:, 1]
    fine = (x > 500) & (x < plan.width_m - 500) & (y > 500) & (y < plan.height_m - 500)
    fine &= towns.query(places)[0] > _FROM_TOWN_M
    for river in plan.rivers:
        fine &= np.abs(x - river.at(y)) > _FROM_RIVER_M
    for expressway in plan.expressways:
        fine &= np.abs(x - expressway.at(y)) > _FROM_EXPRESSWAY_M
    rise = sum(
        np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / length + phase)
        for (turn, phase), length in zip(hills, (6_000, 9_500, 17_000), strict=True)
    )
    return np.asarray(fine & (rise < 1.7))
