"""The compiled part of snapping: streets in a uniform grid, and the search over its rings.

A piece of street is named by the index of its first point. It is listed in every cell it passes, widened by a
millimetre against rounding, so that a piece not seen in a square of cells lies wholly outside that square.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo_data.compiled import inlined, kernel, making_arrays

_WIDER_M = 1e-3
_FITS_DEG = 60.0


class StreetGrid(NamedTuple):
    """Streets on a plane in metres. ``p`` points, ``g`` streets, ``w`` by ``h`` cells.

    ``frame`` float64 (7,): origin lon, lat, metres per degree of lon and lat, west and south border in metres, cell
    size in metres. ``shape`` int64 (2,): w, h. ``cell_first`` int32 (w h + 1,) into ``piece`` int32. ``x, y``
    float64 (p,). ``street`` int32 (p,). ``behind_m`` float64 (p,), length from the street's first point.
    ``length_m`` float64 (g,). ``along, against`` int32 (g,): the arc each way, -1 where the mode may not go.
    """

    frame: NDArray[np.float64]
    shape: NDArray[np.int64]
    cell_first: NDArray[np.int32]
    piece: NDArray[np.int32]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    street: NDArray[np.int32]
    behind_m: NDArray[np.float64]
    length_m: NDArray[np.float64]
    along: NDArray[np.int32]
    against: NDArray[np.int32]


@inlined
def passed_ms(arc_ms: int, fraction: float) -> int:
    """Return how much of an arc's time lies behind a fraction of it: the one rounding that all travel times share."""
    return int(fraction * arc_ms + 0.5)


@inlined
def _row_span(ax: float, ay: float, bx: float, by: float, low: float, high: float) -> tuple[float, float]:
    """Return the least and greatest x of the part of a piece whose y lies in [low, high]."""
    if ay > by:
        ax, ay, bx, by = bx, by, ax, ay
    x0, x1 = ax, bx
    if by > ay:
        if ay < low:
            x0 = ax + (bx - ax) * (low - ay) / (by - ay)
        if by > high:
            x1 = ax + (bx - ax) * (high - ay) / (by - ay)
    return min(x0, x1), max(x0, x1)


@kernel
def _lay(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    street: NDArray[np.int32],
    used: NDArray[np.bool_],
    frame: NDArray[np.float64],
    shape: NDArray[np.int64],
    fill: NDArray[np.int64],
    piece: NDArray[np.int32],
    drawing: bool,
) -> None:
    """Walk every cell of every piece: count them, or write them down."""
    west, south, size = frame[4], frame[5], frame[6]
    columns, rows = shape[0], shape[1]
    for i in range(len(x) - 1):
        if street[i] != street[i + 1] or not used[street[i]]:
            continue
        row0 = max(int((min(y[i], y[i + 1]) - _WIDER_M - south) / size), 0)
        row1 = min(int((max(y[i], y[i + 1]) + _WIDER_M - south) / size), rows - 1)
        for row in range(row0, row1 + 1):
            low = south + row * size - _WIDER_M
            left, right = _row_span(x[i], y[i], x[i + 1], y[i + 1], low, low + size + 2 * _WIDER_M)
            column0 = max(int((left - _WIDER_M - west) / size), 0)
            column1 = min(int((right + _WIDER_M - west) / size), columns - 1)
            for column in range(column0, column1 + 1):
                cell = row * columns + column
                if drawing:
                    piece[fill[cell]] = i
                    fill[cell] += 1
                else:
                    fill[cell + 1] += 1


@kernel
def grid_counts(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    street: NDArray[np.int32],
    used: NDArray[np.bool_],
    frame: NDArray[np.float64],
    shape: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Add to ``counts[cell + 1]`` the number of pieces that pass each cell."""
    _lay(x, y, street, used, frame, shape, counts, street, False)


@kernel
def draw_streets(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    street: NDArray[np.int32],
    used: NDArray[np.bool_],
    frame: NDArray[np.float64],
    shape: NDArray[np.int64],
    fill: NDArray[np.int64],
    piece: NDArray[np.int32],
) -> None:
    """Write each cell's pieces; ``fill`` holds where each cell begins and ends up where it ends."""
    _lay(x, y, street, used, frame, shape, fill, piece, True)


@inlined
def _nearest_on(grid: StreetGrid, i: int, px: float, py: float) -> tuple[float, float]:
    """Return the squared distance from a point to piece i, and the fraction of the piece at its nearest place."""
    ax, ay = grid.x[i], grid.y[i]
    bx, by = grid.x[i + 1] - ax, grid.y[i + 1] - ay
    square = bx * bx + by * by
    t = 0.0
    if square > 0.0:
        t = min(max(((px - ax) * bx + (py - ay) * by) / square, 0.0), 1.0)
    dx, dy = ax + t * bx - px, ay + t * by - py
    return dx * dx + dy * dy, t


@inlined
def _off_deg(grid: StreetGrid, i: int, heading_deg: float) -> float:
    """Return the angle between a heading and the drawn direction of piece i, 0 to 180 degrees."""
    bearing = math.degrees(math.atan2(grid.x[i + 1] - grid.x[i], grid.y[i + 1] - grid.y[i]))
    return abs((bearing - heading_deg + 180.0) % 360.0 - 180.0)


@inlined
def _direction(grid: StreetGrid, i: int, heading_deg: float, last_arc: int) -> tuple[int, float, bool]:
    """Return the arc of piece i's street to take, how far its bearing is off, and whether it is the last street."""
    along, against = grid.along[grid.street[i]], grid.against[grid.street[i]]
    same = last_arc >= 0 and (last_arc == along or last_arc == against)  # noqa: PLR1714, SIM109 - two types
    off = 0.0
    if not math.isnan(heading_deg):
        off = _off_deg(grid, i, heading_deg)
        if along < 0 or (against >= 0 and off > 90.0):
            return against, 180.0 - off, same
        return along, off, same
    if same:
        return last_arc, off, same
    if along < 0 or (against >= 0 and against < along):
        return against, off, same
    return along, off, same


@kernel
def _nearest_piece(grid: StreetGrid, px: float, py: float, limit_m: float) -> tuple[int, float]:
    """Return the piece nearest to a point and its squared distance; -1 where none lies within the limit."""
    west, south, size = grid.frame[4], grid.frame[5], grid.frame[6]
    columns, rows = grid.shape[0], grid.shape[1]
    column, row = math.floor((px - west) / size), math.floor((py - south) / size)
    # Outside the grid the first rings are empty: begin at the one that touches it.
    ring = max(-column, column - columns + 1, -row, row - rows + 1, 0)
    best, found = limit_m * limit_m, -1
    last = max(column, columns - 1 - column, row, rows - 1 - row)
    while ring <= last:
        # What no ring below this one has shown lies beyond the square of those rings, at least this far away.
        beyond = min(
            px - (west + (column - ring + 1) * size),
            west + (column + ring) * size - px,
            py - (south + (row - ring + 1) * size),
            south + (row + ring) * size - py,
        )
        if ring > 0 and beyond > 0.0 and beyond * beyond > best:
            break
        for r in range(max(row - ring, 0), min(row + ring, rows - 1) + 1):
            c, step = column - ring, max(2 * ring, 1)
            if r in (row - ring, row + ring):
                c, step = max(c, 0), 1
            while c <= min(column + ring, columns - 1):
                if c >= 0:
                    cell = r * columns + c
                    for j in range(grid.cell_first[cell], grid.cell_first[cell + 1]):
                        i = grid.piece[j]
                        square, _ = _nearest_on(grid, i, px, py)
                        if square < best or (square == best and (found < 0 or i < found)):
                            best, found = square, i
                c += step
        ring += 1
    return found, best


@kernel
def _choose(
    grid: StreetGrid, px: float, py: float, heading_deg: float, last_arc: int, reach_m: float
) -> tuple[int, float]:
    """Among pieces within ``reach_m`` return the best: heading fits, same street, distance, lower arc."""
    west, south, size = grid.frame[4], grid.frame[5], grid.frame[6]
    columns, rows = grid.shape[0], grid.shape[1]
    column0 = max(math.floor((px - reach_m - west) / size), 0)
    column1 = min(math.floor((px + reach_m - west) / size), columns - 1)
    row0 = max(math.floor((py - reach_m - south) / size), 0)
    row1 = min(math.floor((py + reach_m - south) / size), rows - 1)
    chosen, chosen_rank, chosen_square, chosen_arc = -1, -1, math.inf, -1
    for row in range(row0, row1 + 1):
        for column in range(column0, column1 + 1):
            cell = row * columns + column
            for j in range(grid.cell_first[cell], grid.cell_first[cell + 1]):
                i = grid.piece[j]
                square, _ = _nearest_on(grid, i, px, py)
                if square > reach_m * reach_m:
                    continue
                arc, off, same = _direction(grid, i, heading_deg, last_arc)
                rank = (2 if off <= _FITS_DEG else 0) + (1 if same else 0)
                nearer = square < chosen_square or (square == chosen_square and arc < chosen_arc)
                if rank > chosen_rank or (rank == chosen_rank and nearer):
                    chosen, chosen_rank, chosen_square, chosen_arc = i, rank, square, arc
    return chosen, chosen_square


@kernel
def find_street(
    grid: StreetGrid, px: float, py: float, heading_deg: float, last_arc: int, noise_m: float, limit_m: float
) -> tuple[int, float, float]:
    """Return arc, fraction and distance in metres of the place that belongs to a point on the plane.

    Arc -1, fraction 0 and infinity where nothing lies within ``limit_m``. With neither heading nor last arc the
    nearest place is taken as it is.
    """
    i, square = _nearest_piece(grid, px, py, limit_m)
    if i < 0:
        return -1, 0.0, math.inf
    if last_arc >= 0 or not math.isnan(heading_deg):
        reach_m = min(math.sqrt(square) + noise_m, limit_m)
        chosen, chosen_square = _choose(grid, px, py, heading_deg, last_arc, reach_m)
        if chosen >= 0:
            i, square = chosen, chosen_square
    arc, _, _ = _direction(grid, i, heading_deg, last_arc)
    _, t = _nearest_on(grid, i, px, py)
    street = grid.street[i]
    length_m = grid.length_m[street]
    fraction = 0.0
    if length_m > 0.0:
        fraction = (grid.behind_m[i] + t * (grid.behind_m[i + 1] - grid.behind_m[i])) / length_m
        fraction = min(max(fraction, 0.0), 1.0)
    if arc != grid.along[street]:
        fraction = 1.0 - fraction
    return arc, fraction, math.sqrt(square)


@kernel
def find_streets(
    grid: StreetGrid,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    heading_deg: NDArray[np.float64],
    last_arc: NDArray[np.int32],
    noise_m: float,
    limit_m: float,
    arc: NDArray[np.int32],
    fraction: NDArray[np.float64],
    distance_m: NDArray[np.float64],
) -> None:
    """Snap many coordinates in degrees into the three arrays at the end."""
    frame = grid.frame
    for i in range(len(lon)):
        x, y = (lon[i] - frame[0]) * frame[2], (lat[i] - frame[1]) * frame[3]
        arc[i], fraction[i], distance_m[i] = find_street(grid, x, y, heading_deg[i], last_arc[i], noise_m, limit_m)


class Shape(NamedTuple):
    """The lines of a network's streets as `draw_way` reads them, none to be written; see `RoadNetwork` for each."""

    first: NDArray[np.int64]
    lon: NDArray[np.int32]
    lat: NDArray[np.int32]
    geometry: NDArray[np.int32]
    forward: NDArray[np.bool_]
    turn: NDArray[np.bool_]
    length_m: NDArray[np.float32]


@inlined
def _step_m(shape: Shape, at: int, to: int, per_lon: float, per_lat: float) -> float:
    """Return the length of the piece between two points."""
    east = (shape.lon[to] / 1e7 - shape.lon[at] / 1e7) * per_lon
    north = (shape.lat[to] / 1e7 - shape.lat[at] / 1e7) * per_lat
    return math.hypot(east, north)


@inlined
def _draw_part(
    shape: Shape,
    row: int,
    last: int,
    step: int,
    begin: float,
    end: float,
    with_first: bool,
    per_lon: float,
    per_lat: float,
    out: NDArray[np.float64],
    count: int,
) -> int:
    """Write the part of a street's line between two fractions of its length; return how many points there are now."""
    total, at = 0.0, row
    while at != last:
        total += _step_m(shape, at, at + step, per_lon, per_lat)
        at += step
    begin_m, end_m = begin * total, end * total
    behind, at = 0.0, row
    begun, ended = not with_first, False
    while at != last:
        metres = _step_m(shape, at, at + step, per_lon, per_lat)
        ahead = behind + metres
        final = at + step == last
        for turn in range(2):
            wanted = begin_m if turn == 0 else end_m
            done = begun if turn == 0 else ended
            if not done and (ahead > wanted or final):
                share = min(max((wanted - behind) / metres, 0.0), 1.0) if metres > 0 else 0.0
                for side, line in ((0, shape.lon), (1, shape.lat)):
                    here, there = line[at] / 1e7, line[at + step] / 1e7
                    out[count, side] = here + (there - here) * share
                count += 1
                if turn == 0:
                    begun = True
                else:
                    ended = True
        at += step
        behind = ahead
        if not ended and begun and begin_m < behind < end_m:
            out[count, 0], out[count, 1] = shape.lon[at] / 1e7, shape.lat[at] / 1e7
            count += 1
    return count


@making_arrays
def draw_way(
    shape: Shape,
    arcs: NDArray[np.int32],
    begin: float,
    end: float,
    per_lon: float,
    per_lat: float,
) -> tuple[NDArray[np.float64], float]:
    """Return the course along arcs, float64 (p, 2) in degrees, from a fraction of the first to one of the last.

    Also its length in metres. Joints stand once; turns between the first and the last are passed over.
    ``per_lon, per_lat`` are the metres of a degree where it begins.
    """
    room, count, length_m = 2, 0, 0.0
    for arc in arcs:
        room += shape.first[shape.geometry[arc] + 1] - shape.first[shape.geometry[arc]]
    out = np.empty((room, 2))
    for i in range(len(arcs)):
        arc = arcs[i]
        from_share = begin if i == 0 else 0.0
        to_share = end if i == len(arcs) - 1 else 1.0
        length_m += np.float64(shape.length_m[arc]) * (to_share - from_share)
        if shape.turn[arc] and 0 < i < len(arcs) - 1:
            continue
        street = shape.geometry[arc]
        row, last, step = shape.first[street], shape.first[street + 1] - 1, 1
        if not shape.forward[arc]:
            row, last, step = last, row, -1
        if 0 < i < len(arcs) - 1:
            while row != last:
                row += step
                out[count, 0], out[count, 1] = shape.lon[row] / 1e7, shape.lat[row] / 1e7
                count += 1
        else:
            count = _draw_part(shape, row, last, step, from_share, to_share, i == 0, per_lon, per_lat, out, count)
    return out[:count], length_m
