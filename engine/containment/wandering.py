"""The compiled parts of the fallback: routes drawn from a Markov model, and what posts meet of them.

A route is drawn edge by edge with the odds of a multinomial logit (McFadden 1974) of what lies ahead: time lost on the
way out, the class of the street, the turn, the direction of flight. Random numbers are splitmix64 (Steele, Lea and
Flood 2014), one stream by route, so that a route is the same however many are drawn.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.travel.queue import whole, word
from geo_data.compiled import inlined, kernel


class Maze(NamedTuple):
    """Where he can turn: ``v`` vertices (places, source, sink), ``e`` directed edges by their tails.

    ``first`` int32 (v + 1,); ``head`` int32, ``ms`` int64, ``odds`` float64 (e,): what an edge draws him, the turn left
    off. ``out_x, out_y, in_x, in_y`` float64 (e,): the directions, unit vectors, in which it leaves and arrives.
    """

    first: NDArray[np.int32]
    head: NDArray[np.int32]
    ms: NDArray[np.int64]
    odds: NDArray[np.float64]
    out_x: NDArray[np.float64]
    out_y: NDArray[np.float64]
    in_x: NDArray[np.float64]
    in_y: NDArray[np.float64]


class Visits(NamedTuple):
    """Who comes by when. ``place, route`` int32 (t,) and ``ms`` int64 (t,), after now; the source and sink left out."""

    place: NDArray[np.int32]
    route: NDArray[np.int32]
    ms: NDArray[np.int64]


@inlined
def mixed(state: int) -> int:
    """Return the splitmix64 output of a state."""
    z = (state ^ (state >> word(30))) * word(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> word(27))) * word(0x94D049BB133111EB)
    return z ^ (z >> word(31))


@kernel
def draw_routes(
    maze: Maze,
    source: int,
    sink: int,
    routes: int,
    seed: int,
    turn: float,
    slowest: float,
    most_ms: int,
    most_steps: int,
    visits: Visits,
    standing: NDArray[np.int64],
) -> int:
    """Draw routes until each is away, or ``most_ms`` or ``most_steps`` are over; return how many visits there are.

    More than there is room for means that nothing after the room was written. He drives 1 to ``slowest`` times as long
    as the edges say, the same all the way, and turns back only in a dead end. A place where a route comes again stands
    once, with the last time; ``standing`` int64 by vertex, filled with -1, is where.
    """
    count = 0
    golden = word(0x9E3779B97F4A7C15)
    for route in range(routes):
        state = mixed(word(seed) * golden + word(route))
        state += golden
        slow = 1.0 + (slowest - 1.0) * (whole(mixed(state) >> word(11)) / 9007199254740992.0)
        node, came, edge, ms = source, -1, -1, 0.0
        begun = count
        for _ in range(most_steps):
            total = 0.0
            begin, end = maze.first[node], maze.first[node + 1]
            for out in range(begin, end):
                if maze.head[out] != came or end - begin == 1:
                    odds = maze.odds[out]
                    if edge >= 0:
                        ahead = maze.in_x[edge] * maze.out_x[out] + maze.in_y[edge] * maze.out_y[out]
                        odds *= np.exp(-turn * 0.5 * (1.0 - ahead))
                    total += odds
            if total <= 0.0:
                break
            state += golden
            left = total * (whole(mixed(state) >> word(11)) / 9007199254740992.0)
            chosen = -1
            for out in range(begin, end):
                if maze.head[out] != came or end - begin == 1:
                    odds = maze.odds[out]
                    if edge >= 0:
                        ahead = maze.in_x[edge] * maze.out_x[out] + maze.in_y[edge] * maze.out_y[out]
                        odds *= np.exp(-turn * 0.5 * (1.0 - ahead))
                    chosen = out
                    left -= odds
                    if left < 0.0:
                        break
            # From the source an edge says when he can be there at the earliest, which may be before now.
            takes = maze.ms[chosen]
            ms += takes * slow if takes > 0 else takes
            came, edge, node = node, chosen, maze.head[chosen]
            if node == sink or ms > most_ms:
                break
            again = standing[node]
            if again >= begun:
                if again < len(visits.place):
                    visits.ms[again] = whole(ms)
                continue
            standing[node] = count
            if count < len(visits.place):
                visits.place[count], visits.route[count], visits.ms[count] = node, route, whole(ms)
            count += 1
    return count


@kernel
def gains(
    first: NDArray[np.int32],
    route: NDArray[np.int32],
    ms: NDArray[np.int64],
    free: NDArray[np.float64],
    place: NDArray[np.int32],
    ready_ms: NDArray[np.int64],
    meets: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write how many more routes each option would meet.

    Visits of a place come latest first, ``first`` int32 by place; a route comes there once, the last time. ``free``
    float64 by route is the probability that no post meets it so far; ``meets`` that the option meets who comes by.
    """
    for i in range(len(place)):
        total = 0.0
        for at in range(first[place[i]], first[place[i] + 1]):
            if ms[at] < ready_ms[i]:
                break
            total += free[route[at]]
        out[i] = total * meets[i]


@kernel
def meet(
    first: NDArray[np.int32],
    route: NDArray[np.int32],
    ms: NDArray[np.int64],
    free: NDArray[np.float64],
    place: int,
    ready_ms: int,
    meets: float,
) -> None:
    """Let an option meet who comes by: ``free`` falls."""
    for at in range(first[place], first[place + 1]):
        if ms[at] < ready_ms:
            break
        free[route[at]] *= 1.0 - meets
