"""The most probable interception: posts that meet most of the routes he may take.

A post meets who comes by once it stands. What a set of posts meets is submodular and each unit has one post, so that
choosing the best again and again meets at least half of what the best set does (Fisher, Nemhauser and Wolsey 1978);
exchange improves on it. Posts are chosen by one sample of routes and judged by another: in the first they look better
than they are.

A unit that cannot stand, or stands alone where a post takes two, circulates: it drives round the streets that meet at
the place. Who passes uses two of their ``d``, so they are in one street at once with probability ``2 / d`` or more, and
a moving car stops whom it meets with probability `STOPS`.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.containment.contraction import Core
from engine.containment.ground import Ground, called_at
from engine.containment.holding import Holder, ready_ms
from engine.containment.plan import Chance, Duty, Post
from engine.containment.posts import directions
from engine.containment.routes import Sample, draw, lay_maze

STOPS = 0.5
ROUNDS = 3
"""Of exchange."""
SEED = 1
_Z95 = 1.959964


@dataclass(frozen=True, eq=False)
class Options:
    """What units can do, ``o`` options: unit int32, place int32, ready_ms int64, meets float64; second int32 or -1."""

    unit: NDArray[np.int32]
    second: NDArray[np.int32]
    place: NDArray[np.int32]
    ready_ms: NDArray[np.int64]
    meets: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.unit)


def intercept(ground: Ground, holder: Holder, seed: int = SEED) -> tuple[tuple[Post, ...], Chance]:
    """Return the posts that meet most of the routes he may take, and how probably they do."""
    maze = lay_maze(ground)
    sample, held_out = draw(ground, maze, 2 * seed), draw(ground, maze, 2 * seed + 1)
    options = _options(ground, holder, sample)
    chosen = _chosen(options, sample)
    free = _free(options, chosen, held_out)
    chance = _chance(float(np.mean(1.0 - free)), held_out.routes)
    return _posts(ground, options, chosen), chance


def _options(ground: Ground, holder: Holder, sample: Sample) -> Options:
    """Return what each unit can do at places where routes come by after it is there."""
    situation = ground.situation
    latest = np.full(len(ground.node), -1, np.int64)
    visited = np.flatnonzero(np.diff(sample.first) > 0)
    latest[visited] = np.minimum(sample.ms[sample.first[visited]], situation.horizon_ms)
    late = replace(ground, due_ms=latest, called=called_at(situation, ground.local, latest))
    vertex = np.where(np.diff(sample.first) > 0, np.arange(len(ground.node)), -1).astype(np.int32)
    need = np.where(late.called >= 0, 1, ground.need).astype(np.int8)
    whole = Core(vertex, ground.first, ground.head, ground.source, ground.sink, need)
    degree = np.diff(ground.first)[: len(ground.node)]
    around = STOPS * np.minimum(1.0, 2.0 / np.maximum(degree, 1))
    found = []
    for stands in (True, False):
        pairs = holder.pairs(late, whole, stands=stands)
        rows = np.arange(len(pairs.unit), dtype=np.int64)
        ready = ready_ms(late, pairs, rows)
        alone = (need[pairs.place] == 1) & stands
        meets = np.where(alone, 1.0, around[pairs.place])
        found.append((pairs.unit, np.full(len(rows), -1, np.int32), pairs.place, ready, meets))
        if stands:
            found.append(_together(pairs.unit, pairs.place, ready, need))
    return Options(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _together(
    unit: NDArray[np.int32], place: NDArray[np.int32], ready: NDArray[np.int64], need: NDArray[np.int8]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
    """Return posts of two units: each unit at such a place with each of the two that are there soonest."""
    units: list[tuple[int, int, int, int]] = []
    rows = np.flatnonzero(need[place] == 2)
    for at in np.unique(place[rows]).tolist():
        its = rows[place[rows] == at]
        its = its[np.argsort(ready[its], kind="stable")].tolist()
        for i, row in enumerate(its):
            units += [(int(unit[sooner]), int(unit[row]), at, int(ready[row])) for sooner in its[: min(i, 2)]]
    table = np.array(units, np.int64).reshape(-1, 4)
    return (
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2].astype(np.int32),
        table[:, 3],
        np.ones(len(table)),
    )


def _chosen(options: Options, sample: Sample) -> list[int]:
    """Choose greedily by what each unit adds, then exchange one after the other as long as that helps."""
    # A post of two costs two units; where it is worth as much by unit as one that circulates, it goes first.
    share = np.where(options.second >= 0, 0.5 + 1e-6, 1.0)
    free = np.ones(sample.routes)
    gain = _gains(options, sample, free, np.arange(len(options))) * share
    chosen: list[int] = []
    while len(options):
        best = int(np.argmax(gain))
        if gain[best] <= 0.0:
            break
        now = float(_gains(options, sample, free, np.array([best]))[0] * share[best])
        if now < gain[best]:  # gains only fall: what was reckoned before is a bound
            gain[best] = now
            continue
        chosen.append(best)
        _meet(options, sample, free, best)
        gain[_shares_unit(options, best)] = -1.0  # each unit has one post
    for _ in range(ROUNDS):
        if not _exchanged(options, sample, chosen):
            break
    return chosen


def _exchanged(options: Options, sample: Sample, chosen: list[int]) -> bool:
    """Put each unit that acts alone where it adds most beside all others; return whether any moved."""
    moved = False
    for i, option in enumerate(chosen):
        if options.second[option] >= 0:
            continue
        free = _free(options, chosen[:i] + chosen[i + 1 :], sample)
        rows = np.flatnonzero((options.unit == options.unit[option]) & (options.second < 0))
        gain = _gains(options, sample, free, rows)
        best = int(np.argmax(gain))
        if gain[best] > gain[np.flatnonzero(rows == option)[0]] + 1e-9:
            chosen[i] = int(rows[best])
            moved = True
    return moved


def _shares_unit(options: Options, option: int) -> NDArray[np.bool_]:
    mine = [options.unit[option]] + ([options.second[option]] if options.second[option] >= 0 else [])
    return np.isin(options.unit, mine) | np.isin(options.second, mine)


def _gains(options: Options, sample: Sample, free: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    from engine.containment.wandering import gains  # noqa: PLC0415 - numba

    out = np.empty(len(rows))
    its = options.place[rows], options.ready_ms[rows], options.meets[rows]
    gains(sample.first, sample.route, sample.ms, free, *its, out)
    return out


def _meet(options: Options, sample: Sample, free: NDArray[np.float64], option: int) -> None:
    from engine.containment.wandering import meet  # noqa: PLC0415

    its = int(options.place[option]), int(options.ready_ms[option]), float(options.meets[option])
    meet(sample.first, sample.route, sample.ms, free, *its)


def _free(options: Options, chosen: list[int], sample: Sample) -> NDArray[np.float64]:
    """Return for each route the probability that nothing chosen meets it."""
    free = np.ones(sample.routes)
    for option in chosen:
        _meet(options, sample, free, option)
    return free


def _chance(share: float, n: int) -> Chance:
    """Return a share with the interval of Wilson (1927)."""
    middle = (share + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    half = _Z95 * math.sqrt(share * (1 - share) / n + _Z95**2 / (4 * n * n)) / (1 + _Z95**2 / n)
    return Chance(share, max(0.0, middle - half), min(1.0, middle + half), n)


def _posts(ground: Ground, options: Options, chosen: list[int]) -> tuple[Post, ...]:
    crew = len(ground.situation.crew)
    found = []
    for option in chosen:
        place, unit = int(options.place[option]), int(options.unit[option])
        node = int(ground.node[place])
        duty: Duty = "call" if unit >= crew else "stand" if options.meets[option] == 1.0 else "circulate"
        units = [unit - crew if duty == "call" else unit]
        if options.second[option] >= 0:
            units.append(int(options.second[option]))
        # Of all streets there, those that he comes by soonest.
        sooner = ground.due_ms < ground.due_ms[place]
        found.append(
            Post(
                node=node,
                lon=float(ground.network.node_lon[node]),
                lat=float(ground.network.node_lat[node]),
                duty=duty,
                units=tuple(sorted(units)),
                watch_deg=directions(ground, place, sooner),
                due_ms=int(ground.due_ms[place]),
                ready_ms=int(options.ready_ms[option]),
                stretch=0,
            )
        )
    return tuple(sorted(found, key=lambda post: (post.ready_ms, post.node)))
