"""The compiled part of outlines: distances to streets on a grid, and the line around all that is near them.

Rows run north, columns east. The line crosses an edge of the grid where the distance, taken to change evenly along
it, is the margin, but never nearer to an end than a tenth: so no two crossings meet, and rings neither touch nor
cross themselves or each other. What is inside lies to the left of the line.
"""

import math

import numpy as np
from numpy.typing import NDArray

from geo_data.compiled import inlined, kernel, making_arrays

_NEAREST_END = 0.1
_NORTH, _WEST, _SOUTH, _EAST = 0, 1, 2, 3


@inlined
def lower_distances(
    ax: float, ay: float, bx: float, by: float, cell_m: float, most_m: float, field: NDArray[np.float32]
) -> None:
    """Lower the squared distances of grid points to those from a straight piece, where it is within ``most_m``."""
    rows, columns = field.shape
    dx, dy = bx - ax, by - ay
    squared = dx * dx + dy * dy
    row0 = max(math.ceil((min(ay, by) - most_m) / cell_m), 0)
    row1 = min(math.floor((max(ay, by) + most_m) / cell_m), rows - 1)
    column0 = max(math.ceil((min(ax, bx) - most_m) / cell_m), 0)
    column1 = min(math.floor((max(ax, bx) + most_m) / cell_m), columns - 1)
    for row in range(row0, row1 + 1):
        py = row * cell_m - ay
        for column in range(column0, column1 + 1):
            px = column * cell_m - ax
            share = 0.0
            if squared > 0.0:
                share = min(max((px * dx + py * dy) / squared, 0.0), 1.0)
            off_x, off_y = px - share * dx, py - share * dy
            field[row, column] = min(field[row, column], np.float32(off_x * off_x + off_y * off_y))


@kernel
def measure_distances(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    first: NDArray[np.int64],
    begin: NDArray[np.float64],
    end: NDArray[np.float64],
    cell_m: float,
    most_m: float,
    field: NDArray[np.float32],
) -> None:
    """Lower the squared distances of grid points to parts of lines.

    Line i has the points ``first[i]`` to ``first[i + 1]``, in metres from the grid's south-west point; its part lies
    between two fractions of its length. ``field`` float32 (rows, columns).
    """
    for i in range(len(begin)):
        length = 0.0
        for p in range(first[i], first[i + 1] - 1):
            length += math.hypot(x[p + 1] - x[p], y[p + 1] - y[p])
        low, high, behind = begin[i] * length, end[i] * length, 0.0
        for p in range(first[i], first[i + 1] - 1):
            dx, dy = x[p + 1] - x[p], y[p + 1] - y[p]
            step = math.hypot(dx, dy)
            if behind + step >= low and behind <= high:
                share0, share1 = 0.0, 0.0
                if step > 0.0:
                    share0 = min(max((low - behind) / step, 0.0), 1.0)
                    share1 = min(max((high - behind) / step, 0.0), 1.0)
                lower_distances(
                    x[p] + share0 * dx,
                    y[p] + share0 * dy,
                    x[p] + share1 * dx,
                    y[p] + share1 * dy,
                    cell_m,
                    most_m,
                    field,
                )
            behind += step


@kernel
def count_crossings(field: NDArray[np.float32], level: float) -> tuple[int, int]:
    """Return how many edges of the grid the line crosses, and how many of these run from west to east."""
    rows, columns = field.shape
    along, up = 0, 0
    for row in range(rows):
        for column in range(columns):
            inside = field[row, column] <= level
            if column + 1 < columns and (field[row, column + 1] <= level) != inside:
                along += 1
            if row + 1 < rows and (field[row + 1, column] <= level) != inside:
                up += 1
    return along + up, along


@inlined
def crossing(inside: float, outside: float, level: float) -> float:
    """Return where between two distances the level lies, as a share of the way to the outer one."""
    return min(max((level - inside) / (outside - inside), _NEAREST_END), 1.0 - _NEAREST_END)


@inlined
def corners(row: int, column: int, heading: int) -> tuple[int, int, int, int, int, int, int, int]:
    """Return a cell's corners, row and column each, as one who enters it sees them: near left, right, far left, right.

    The near two are the ends of the edge by which it is entered.
    """
    if heading == _NORTH:
        return row, column, row, column + 1, row + 1, column, row + 1, column + 1
    if heading == _WEST:
        return row, column + 1, row + 1, column + 1, row, column, row + 1, column
    if heading == _SOUTH:
        return row + 1, column + 1, row + 1, column, row, column + 1, row, column
    return row + 1, column, row, column, row + 1, column + 1, row, column + 1


@inlined
def turn_in_cell(near_left: float, near_right: float, far_left: float, far_right: float, level: float) -> int:
    """Return whether the line turns to the left in a cell, 1, goes on, 0, or turns to the right, -1."""
    if far_left <= level:
        return -1 if far_right <= level else 0
    if far_right > level:
        return 1
    # Both turns fit, and the other line through this cell takes the other: the mean is the same for both.
    return -1 if (near_left + near_right + far_left + far_right) / 4.0 <= level else 1


@making_arrays
def trace_rings(
    field: NDArray[np.float32],
    level: float,
    points: NDArray[np.float64],
    ring_first: NDArray[np.int64],
) -> int:
    """Write the closed lines around all points no further than ``level``; return how many.

    ``field`` holds distances; its border lies outside. ``points`` float64 (p, 2): column and row, each ring ends
    before it would repeat its first point. ``ring_first`` int64: into the points, one more than there are rings.
    """
    rows, columns = field.shape
    passed = np.zeros((rows, columns), np.bool_)  # edges from a point eastwards; every ring passes one
    count, rings = 0, 0
    ring_first[0] = 0
    for start_row in range(rows):
        for start_column in range(columns - 1):
            starts_inside = field[start_row, start_column] <= level
            if passed[start_row, start_column] or (field[start_row, start_column + 1] <= level) == starts_inside:
                continue
            # Northwards the ground inside lies to the west.
            row, column, heading = start_row, start_column, _NORTH
            if not starts_inside:
                row, heading = start_row - 1, _SOUTH
            while True:
                lr, lc, rr, rc, flr, flc, frr, frc = corners(row, column, heading)
                if lr == rr:
                    if passed[lr, min(lc, rc)]:
                        break
                    passed[lr, min(lc, rc)] = True
                share = crossing(field[lr, lc], field[rr, rc], level)
                points[count, 0], points[count, 1] = lc + share * (rc - lc), lr + share * (rr - lr)
                count += 1
                turn = turn_in_cell(field[lr, lc], field[rr, rc], field[flr, flc], field[frr, frc], level)
                heading = (heading + turn) % 4
                row += (heading == _NORTH) - (heading == _SOUTH)
                column += (heading == _EAST) - (heading == _WEST)
            rings += 1
            ring_first[rings] = count
    return rings
