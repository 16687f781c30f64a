"""The compiled part of a search plan: sets, insertion, exchanges, and what a plan is worth.

Plans are ``turns`` int64 (m + callers, n), the places of each in turn, and ``held`` int64, how many each has; seekers
first, then callers. A place is in the turns of one seeker at most, and of one caller at most.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo_data.compiled import making_arrays
from geo_data.speeds import NEVER

NOT_LOOKED = 1 << 40
"""When a place is looked at that nobody looks at, ms."""
_FAR = 1e18


class Times(NamedTuple):
    """See `engine.dispatch.search.planning.Search`."""

    chance: NDArray[np.float64]
    check_ms: NDArray[np.int64]
    first_ms: NDArray[np.int64]
    between_ms: NDArray[np.int64]
    call_ms: NDArray[np.int64]
    sure: float


@making_arrays
def when(
    times: Times, m: int, turns: NDArray[np.int64], held: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return when the look at each door and each call is over, int64 (n,) each."""
    n = len(times.chance)
    door, call = np.full(n, NOT_LOOKED), np.full(n, NOT_LOOKED)
    for by in range(len(turns)):
        at = 0
        for turn in range(held[by]):
            place = turns[by, turn]
            if by >= m:
                at += times.call_ms[place]
                call[place] = at
                continue
            way = times.first_ms[by, place] if turn == 0 else times.between_ms[turns[by, turn - 1], place]
            at = NOT_LOOKED if way >= NEVER or at >= NOT_LOOKED else at + way + times.check_ms[place]
            door[place] = at
    return door, call


@making_arrays
def expected(times: Times, door: NDArray[np.int64], call: NDArray[np.int64]) -> float:
    """Return the sum of each place's chance times when he is found there, ms, without places never looked at."""
    total = 0.0
    for place in range(len(door)):
        found = float(door[place])
        if call[place] < door[place]:
            found = float(call[place])
            if door[place] < NOT_LOOKED:
                found = times.sure * call[place] + (1.0 - times.sure) * door[place]
        if found < NOT_LOOKED:
            total += times.chance[place] * found
    return total


@making_arrays
def _worth(times: Times, m: int, turns: NDArray[np.int64], held: NDArray[np.int64]) -> float:
    """Return what is expected, and beyond all else that every door is looked at."""
    door, call = when(times, m, turns, held)
    late = 0.0
    for by in range(m):
        for turn in range(held[by]):
            if door[turns[by, turn]] >= NOT_LOOKED:
                late += _FAR
    return late + expected(times, door, call)


@making_arrays
def by_sets(times: Times, places: NDArray[np.int64], turns: NDArray[np.int64], held: NDArray[np.int64]) -> None:
    """Fill in the optimal turns over some places, by dynamic programming over sets.

    The expected time is the sum over all ways driven and looks taken of how long they take, times the chance of all
    that its seeker has not looked at by then. So what is left to a seeker is worth the same wherever it came from: one
    table by place and set serves all of them, and a second one deals the places out.
    """
    n, m = len(places), len(turns)
    full = 1 << n
    chance = np.zeros(full)
    for set_ in range(1, full):
        low = 0
        while not (set_ >> low) & 1:
            low += 1
        chance[set_] = chance[set_ & (set_ - 1)] + times.chance[places[low]]
    left = np.full((full, n), _FAR)
    onward = np.full((full, n), -1, np.int8)
    for at in range(n):
        left[0, at] = 0.0
    for set_ in range(1, full):
        for at in range(n):
            if (set_ >> at) & 1:
                continue
            for to in range(n):
                if not (set_ >> to) & 1:
                    continue
                way = times.between_ms[places[at], places[to]]
                if way >= NEVER:
                    continue
                cost = chance[set_] * (way + times.check_ms[places[to]]) + left[set_ ^ (1 << to), to]
                if cost < left[set_, at]:
                    left[set_, at], onward[set_, at] = cost, to
    # Dealing out: `dealt[u]` is the least for the first u seekers, `given[u]` the set that the last of them has.
    alone = np.full((m, full), _FAR)
    begins = np.full((m, full), -1, np.int8)
    for by in range(m):
        alone[by, 0] = 0.0
        for set_ in range(1, full):
            for to in range(n):
                if not (set_ >> to) & 1 or times.first_ms[by, places[to]] >= NEVER:
                    continue
                way = times.first_ms[by, places[to]] + times.check_ms[places[to]]
                cost = chance[set_] * way + left[set_ ^ (1 << to), to]
                if cost < alone[by, set_]:
                    alone[by, set_], begins[by, set_] = cost, to
    dealt = np.full((m + 1, full), _FAR)
    given = np.zeros((m + 1, full), np.int64)
    dealt[0, 0] = 0.0
    for by in range(m):
        for set_ in range(full):
            part = set_
            while True:
                cost = dealt[by, set_ ^ part] + alone[by, part]
                if cost < dealt[by + 1, set_]:
                    dealt[by + 1, set_], given[by + 1, set_] = cost, part
                if part == 0:
                    break
                part = (part - 1) & set_
    rest = full - 1
    for by in range(m - 1, -1, -1):
        part = given[by + 1, rest]
        rest ^= part
        at = -1
        while part:
            to = begins[by, part] if at < 0 else onward[part, at]
            turns[by, held[by]] = places[to]
            held[by] += 1
            part ^= 1 << to
            at = to


@making_arrays
def _put(row: NDArray[np.int64], count: int, turn: int, place: int) -> None:
    for later in range(count, turn, -1):
        row[later] = row[later - 1]
    row[turn] = place


@making_arrays
def _take(row: NDArray[np.int64], count: int, turn: int) -> None:
    for later in range(turn, count - 1):
        row[later] = row[later + 1]
    row[count - 1] = -1


@making_arrays
def by_insertion(times: Times, places: NDArray[np.int64], turns: NDArray[np.int64], held: NDArray[np.int64]) -> None:
    """Fill in turns: the likeliest place first, each where it adds least to what is expected."""
    m = len(turns)
    order = np.argsort(-times.chance[places], kind="mergesort")
    for which in order:
        place = places[which]
        least, best_by, best_turn = np.inf, 0, 0
        for by in range(m):
            for turn in range(held[by] + 1):
                _put(turns[by], held[by], turn, place)
                held[by] += 1
                worth = _worth(times, m, turns, held)
                _take(turns[by], held[by], turn)
                held[by] -= 1
                if worth < least:
                    least, best_by, best_turn = worth, by, turn
        _put(turns[best_by], held[best_by], best_turn, place)
        held[best_by] += 1


@making_arrays
def deal_calls(times: Times, places: NDArray[np.int64], turns: NDArray[np.int64], held: NDArray[np.int64]) -> None:
    """Fill in the callers' turns: by chance a second, each to whoever is free first."""
    free = np.zeros(len(turns), np.int64)
    order = np.argsort(-times.chance[places] / np.maximum(times.call_ms[places], 1), kind="mergesort")
    for which in order:
        by = np.argmin(free)
        turns[by, held[by]] = places[which]
        held[by] += 1
        free[by] += times.call_ms[places[which]]


@making_arrays
def exchange(times: Times, m: int, turns: NDArray[np.int64], held: NDArray[np.int64]) -> None:
    """Move places to other turns, swap them, and turn stretches round, while what is expected falls."""
    best = _worth(times, m, turns, held)
    better = True
    while better:
        better = False
        for first in range(len(turns)):
            begin, end = (0, m) if first < m else (m, len(turns))
            for second in range(begin, end):
                for i in range(turns.shape[1]):
                    for j in range(turns.shape[1] + 1):
                        best, moved = _try_move(times, m, turns, held, first, i, second, j, best)
                        best, swapped = _try_swap(times, m, turns, held, first, i, second, j, best)
                        better = better or moved or swapped


@making_arrays
def _try_move(
    times: Times,
    m: int,
    turns: NDArray[np.int64],
    held: NDArray[np.int64],
    first: int,
    i: int,
    second: int,
    j: int,
    best: float,
) -> tuple[float, bool]:
    """Take the ``i``-th of one and put it as the ``j``-th of another, if that is better."""
    room = held[second] - (1 if first == second else 0)
    if i >= held[first] or j > room or (first == second and i == j):
        return best, False
    place = turns[first, i]
    _take(turns[first], held[first], i)
    held[first] -= 1
    _put(turns[second], held[second], j, place)
    held[second] += 1
    worth = _worth(times, m, turns, held)
    if worth < best * (1.0 - 1e-12):
        return worth, True
    _take(turns[second], held[second], j)
    held[second] -= 1
    _put(turns[first], held[first], i, place)
    held[first] += 1
    return best, False


@making_arrays
def _try_swap(
    times: Times,
    m: int,
    turns: NDArray[np.int64],
    held: NDArray[np.int64],
    first: int,
    i: int,
    second: int,
    j: int,
    best: float,
) -> tuple[float, bool]:
    """Swap two places, or turn the stretch between them round where one seeker has both, if that is better."""
    if i >= held[first] or j >= held[second] or first > second or (first == second and i >= j):
        return best, False
    if first == second:
        turns[first, i : j + 1] = turns[first, i : j + 1][::-1].copy()
    else:
        turns[first, i], turns[second, j] = turns[second, j], turns[first, i]
    worth = _worth(times, m, turns, held)
    if worth < best * (1.0 - 1e-12):
        return worth, True
    if first == second:
        turns[first, i : j + 1] = turns[first, i : j + 1][::-1].copy()
    else:
        turns[first, i], turns[second, j] = turns[second, j], turns[first, i]
    return best, False
