"""What each arc takes now: free-flow times under factors, closures and live speeds, and the versions that say so.

Changes are gathered for at most `WINDOW_MS`, then a worker makes the next version of the weights from them while
questions go on with the one in force; `finish` goes over to it. A closure does not wait: its arcs are shut at once.
Factors are kept as whole millionths of a logarithm, so that what is lifted leaves no trace. One thread changes and
finishes; the work itself touches nothing but copies.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.model.errors import Refusal
from engine.travel.times import TravelTimes
from engine.travel.weights import Weights
from geo_data.speeds import NEVER

WINDOW_MS = 100
"""Changes are gathered no longer than this before a version is begun."""
LEAST_FACTOR, MOST_FACTOR = 0.02, 5.0
"""A factor on the speed; 0 shuts the street."""
_PER_UNIT = 1_000_000
_FEW = 20_000
"""So many changed arcs are worked out where they are gathered; more are left to the worker, over copies."""

Base = Callable[[], NDArray[np.int32]]
"""Makes the free-flow times, int32 (m,), as when another hour begins."""


@dataclass(frozen=True)
class _Now:
    """What stands against the free-flow times, by arc: ``base_ms`` int32; ``slow, live`` int32 logarithms; ``shut``."""

    base_ms: NDArray[np.int32]
    slow: NDArray[np.int32]
    live: NDArray[np.int32]
    shut: NDArray[np.uint16]

    def ms(self, arcs: NDArray[np.int32] | slice) -> NDArray[np.int32]:
        """Return what some arcs take."""
        base = self.base_ms[arcs]
        factor = np.exp((self.slow[arcs] + self.live[arcs]) / _PER_UNIT)
        ms = np.clip(np.rint(base / factor), 1, NEVER - 1)
        return np.where((base >= NEVER) | (self.shut[arcs] > 0), NEVER, ms).astype(np.int32)

    def copy(self) -> "_Now":
        return _Now(self.base_ms, self.slow.copy(), self.live.copy(), self.shut.copy())


@dataclass
class Making:
    """One version in the making. ``run`` is for a worker; ``number`` is what `Traffic.finish` wants to know it by.

    ``arcs`` are those it is about, None for all of them; ``base`` makes the free-flow times where they turn.
    """

    number: int
    arcs: NDArray[np.int32] | None
    base: Base | None
    run: Callable[[], None] = lambda: None
    weights: Weights | None = None
    base_ms: NDArray[np.int32] | None = None


class Traffic:
    """Keeps the travel times of one network true.

    Parameters
    ----------
    times
        Whose weights it changes. What they say at first are the free-flow times.

    Attributes
    ----------
    live_arcs
        How many arcs have a live factor.
    """

    def __init__(self, times: TravelTimes) -> None:
        self._times = times
        arcs = times.network.n_arcs
        self._now = _Now(
            times.weights.inner_ms.copy(), np.zeros(arcs, np.int32), np.zeros(arcs, np.int32), np.zeros(arcs, np.uint16)
        )
        self._rules: dict[str, tuple[NDArray[np.int32], float]] = {}
        self._live_until = np.zeros(arcs, np.int64)
        self._ends: list[tuple[int, int, NDArray[np.int32]]] = []
        self._fed = 0
        self.live_arcs = 0
        self._changed: list[NDArray[np.int32]] = []
        self._turn: Base | None = None
        self._making: Making | None = None
        self._spare: Weights | None = None
        self._begun = 0
        self._begun_at = -(1 << 62)

    @property
    def version(self) -> int:
        """The version of the weights that is in force: its changes are acknowledged."""
        return self._times.weights.number

    @property
    def coming(self) -> int:
        """The version in which everything that was said so far will be in force."""
        waits = bool(self._changed) or self._turn is not None
        return self.version + (self._making is not None) + waits

    @property
    def rules(self) -> dict[str, tuple[NDArray[np.int32], float]]:
        """The rules that hold: arcs and factor by name."""
        return self._rules

    @property
    def base_ms(self) -> NDArray[np.int32]:
        """What each arc takes in this hour without rules and live speeds, int32 (m,)."""
        return self._now.base_ms

    def set_rule(self, name: str, arcs: ArrayLike, factor: float) -> None:
        """Let some arcs be passed at another speed until the rule is lifted; what it said before is lifted.

        Parameters
        ----------
        name
            Whose word it is.
        arcs
            int32 (c,).
        factor
            On the speed: 0 shuts the arcs, at once. The factors of several rules multiply.

        Raises
        ------
        Refusal
            When an arc is not on the network or the factor is out of range.
        """
        if factor != 0 and not LEAST_FACTOR <= factor <= MOST_FACTOR:
            raise Refusal("out_of_range", "factor", factor, f"0, or {LEAST_FACTOR:g} to {MOST_FACTOR:g}")
        rows = self._rows(arcs)
        self.lift_rule(name)
        self._rules[name] = rows, factor
        if factor == 0:
            self._now.shut[rows] += 1
            self._times.close_at_once(rows)
        else:
            self._now.slow[rows] += _logarithm(factor)
        self._change(rows)

    def lift_rule(self, name: str) -> None:
        """Forget a rule; nothing happens when there is none of this name."""
        if name not in self._rules:
            return
        rows, factor = self._rules.pop(name)
        if factor == 0:
            self._now.shut[rows] -= 1
        else:
            self._now.slow[rows] -= _logarithm(factor)
        self._change(rows)

    def feed(self, arcs: ArrayLike, factors: ArrayLike, until: int) -> None:
        """Take live speeds: for each arc a factor on its speed, in place of the one before.

        Parameters
        ----------
        arcs
            int32 (c,); of one that comes more than once the last holds.
        factors
            float64 (c,) or one for all, `LEAST_FACTOR` to `MOST_FACTOR`.
        until
            When they are out of date, in ms since the epoch.

        Raises
        ------
        Refusal
            When an arc is not on the network or a factor is out of range; nothing is changed then.
        """
        given = np.asarray(arcs, np.int64).reshape(-1)
        shares = np.broadcast_to(np.asarray(factors, np.float64), given.shape)
        wrong = np.flatnonzero(~((shares >= LEAST_FACTOR) & (shares <= MOST_FACTOR)))
        for i in wrong[:1].tolist():
            raise Refusal("out_of_range", f"factors[{i}]", float(shares[i]), f"{LEAST_FACTOR:g} to {MOST_FACTOR:g}")
        rows = self._rows(given)
        _, last = np.unique(given[::-1], return_index=True)
        shares = shares[::-1][last]
        self.live_arcs += int(np.count_nonzero(self._live_until[rows] == 0))
        self._now.live[rows] = np.rint(np.log(shares) * _PER_UNIT).astype(np.int32)
        self._live_until[rows] = until
        self._fed += 1
        heapq.heappush(self._ends, (until, self._fed, rows))
        self._change(rows)

    def expire(self, now: int) -> None:
        """Forget live speeds that are out of date."""
        while self._ends and self._ends[0][0] <= now:
            until, _, rows = heapq.heappop(self._ends)
            over = rows[self._live_until[rows] == until]
            self._now.live[over] = 0
            self._live_until[over] = 0
            self.live_arcs -= len(over)
            self._change(over)

    def live(self) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
        """Return the arcs that have a live factor, int32 (c,), the factors and until when they hold."""
        rows = np.flatnonzero(self._live_until).astype(np.int32)
        return rows, np.exp(self._now.live[rows] / _PER_UNIT), self._live_until[rows]

    def turn(self, base: Base) -> None:
        """Have the free-flow times made anew by the worker, as when another hour begins."""
        self._turn = base

    def due_at(self) -> int | None:
        """Return when there is next something to begin or to expire; None when nothing is."""
        due = [self._ends[0][0]] if self._ends else []
        if self._making is None and (self._changed or self._turn is not None):
            due.append(self._begun_at + WINDOW_MS)
        return min(due) if due else None

    def begin(self, now: int) -> Making | None:
        """Return the next version in the making; None while nothing waits, one is made, or it is too soon."""
        if self._making is not None or not (self._changed or self._turn is not None):
            return None
        if now < self._begun_at + WINDOW_MS:
            return None
        changed, self._changed = self._changed, []
        turn, self._turn = self._turn, None
        self._begun_at, self._begun = now, self._begun + 1
        making = self._making = Making(self._begun, None if turn else np.concatenate(changed), turn)
        weights = self._times.weights
        spare, self._spare = self._spare, None
        if making.arcs is not None and len(making.arcs) <= _FEW:
            arcs = np.unique(making.arcs)
            ms = self._now.ms(arcs)

            def few() -> None:
                making.weights = weights.changed(arcs, ms, spare)

            making.run = few
            return making
        standing = self._now.copy()

        def many() -> None:
            making.base_ms = making.base() if making.base is not None else standing.base_ms
            ms = replace(standing, base_ms=making.base_ms).ms(slice(None))
            arcs = np.flatnonzero(ms != weights.arc_ms).astype(np.int32)
            making.weights = weights.changed(arcs, ms[arcs], spare)

        making.run = many
        return making

    def finish(self, number: int) -> bool:
        """Go over to a version that has been made; False for one that was given up."""
        making = self._making
        if making is None or making.number != number or making.weights is None:
            return False
        self._making = None
        if making.base_ms is not None:
            self._now = replace(self._now, base_ms=making.base_ms)
        self._spare = self._times.weights
        still = [rows[self._now.shut[rows] > 0] for rows in self._changed]
        self._times.adopt(making.weights, np.concatenate(still) if still else ())
        return True

    def give_up(self) -> None:
        """Let what a lost worker was asked for wait again."""
        making, self._making = self._making, None
        if making is None:
            return
        if making.arcs is not None:
            self._changed.append(making.arcs)
        else:
            self._turn = self._turn or making.base

    def catch_up(self, now: int) -> None:
        """Bring everything that waits into force here and now."""
        self._begun_at = now - WINDOW_MS
        making = self.begin(now)
        if making is not None:
            making.run()
            self.finish(making.number)

    def _change(self, rows: NDArray[np.int32]) -> None:
        if len(rows):
            self._changed.append(rows)

    def _rows(self, arcs: ArrayLike) -> NDArray[np.int32]:
        rows = np.unique(np.asarray(arcs, np.int64))
        last = self._times.network.n_arcs - 1
        for arc in rows[(rows < 0) | (rows > last)][:1].tolist():
            raise Refusal("unknown_arc", "arcs", arc, f"0 to {last}")
        return rows.astype(np.int32)


def _logarithm(factor: float) -> int:
    return round(math.log(factor) * _PER_UNIT)
