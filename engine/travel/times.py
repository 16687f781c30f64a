"""Travel times over one network and one set of weights: the questions, asked from Python.

A `TravelTimes` owns the memory its searches write, so one thread at a time may ask it; `clone` gives another thread
its own memory over the same weights. Searches are exact; see `engine.travel.queries` for why each may stop.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.model.errors import Refusal
from geo_data.crossing import crossing
from geo_data.road_network import RoadNetwork
from geo_data.snapping import way
from geo_data.speeds import NEVER, travel_ms

if TYPE_CHECKING:
    from engine.travel.search import Memory, Streets

__all__ = ["NEVER", "UNREACHABLE_MS", "NoWay", "Ranking", "Riders", "Route", "TravelTimes", "warm"]

UNREACHABLE_MS = 1 << 40
"""The time that stands for no way at all; 35 years, far above any real one."""
_FIRST_VERSION = (1 << 32) - 2


class NoWay(LookupError):
    """No street leads from one place to the other."""


class Riders(Protocol):
    """Who could go, as columns. ``U`` units, ``n`` nodes; the fleet provides this, and anything shaped like it may.

    A unit stands at ``fraction`` of ``arc``. It leaves by its arc's head, entry ``2 u``, and on a two-way street by
    the reverse arc's head, entry ``2 u + 1``. The entries of each node form a list.
    """

    @property
    def first_at_node(self) -> NDArray[np.int32]:
        """int32 (n,): the first entry at each node; -1 for none."""
        ...

    @property
    def next_entry(self) -> NDArray[np.int32]:
        """int32 (2 U,): the next entry at the same node; -1 at the end."""
        ...

    @property
    def entry_ms(self) -> NDArray[np.int32]:
        """int32 (2 U,): milliseconds from the unit to that node."""
        ...

    @property
    def bits(self) -> NDArray[np.uint64]:
        """uint64 (U,): what the unit can do and whether it is free."""
        ...

    @property
    def turnout_ms(self) -> NDArray[np.int32]:
        """int32 (U,): milliseconds from the order to rolling wheels."""
        ...

    @property
    def arc(self) -> NDArray[np.int32]:
        """int32 (U,): -1 where nothing is known."""
        ...

    @property
    def fraction(self) -> NDArray[np.float64]:
        """float64 (U,): how much of the arc is behind it."""
        ...

    @property
    def fixed_at(self) -> NDArray[np.int64]:
        """int64 (U,): when the position was true, ms since the epoch."""
        ...


@dataclass(frozen=True, slots=True)
class Ranking:
    """The nearest eligible units, soonest first, ties by unit.

    Attributes
    ----------
    unit
        int32 (r,), rows of the riders' columns.
    eta_ms, travel_ms, turnout_ms
        int64 (r,); the eta is the sum of the other two.
    eligible
        How many units were eligible at all; fewer in the ranking mean that ``k`` was less or no way leads here.
    settled
        How many nodes the search looked at.
    """

    unit: NDArray[np.int32]
    eta_ms: NDArray[np.int64]
    travel_ms: NDArray[np.int64]
    turnout_ms: NDArray[np.int64]
    eligible: int
    settled: int

    def take(self, rows: NDArray[np.int64]) -> "Ranking":
        """Return the ranking with these rows alone, in this order."""
        return Ranking(
            self.unit[rows], self.eta_ms[rows], self.travel_ms[rows], self.turnout_ms[rows], self.eligible, self.settled
        )


@dataclass(frozen=True, slots=True)
class Route:
    """The shortest way between two places.

    Attributes
    ----------
    ms, length_m
        Free of turnout.
    arcs
        int32 (a,), in the order they are driven; the first begins at ``start_fraction``, the last ends at
        ``end_fraction``.
    points
        float64 (p, 2), longitude and latitude in degrees, at least two.
    names
        The streets' names in order; unnamed ones and repetitions left out.
    """

    ms: int
    length_m: float
    arcs: NDArray[np.int32]
    start_fraction: float
    end_fraction: float
    points: NDArray[np.float64]
    names: tuple[str, ...]


class TravelTimes:
    """Exact travel times by road.

    Parameters
    ----------
    network
        The streets.
    arc_ms
        int32 (m,), milliseconds by arc, at least 1; `NEVER` where an arc may not be passed.

    Raises
    ------
    Refusal
        When ``arc_ms`` does not fit the network or holds a time below 1.
    """

    def __init__(self, network: RoadNetwork, arc_ms: NDArray[np.int32]) -> None:
        if arc_ms.shape != (network.n_arcs,):
            raise Refusal("wrong_shape", "arc_ms", arc_ms.shape, f"({network.n_arcs},), one time by arc")
        if network.n_arcs and int(arc_ms.min()) < 1:
            raise Refusal("out_of_range", f"arc_ms[{int(arc_ms.argmin())}]", int(arc_ms.min()), "at least 1 ms")
        self.network = network
        self.streets: Streets = lay_streets(network, arc_ms)
        self._remember()

    def _remember(self) -> None:
        """Make the memory that searches write."""
        from engine.travel import queries, search  # noqa: PLC0415 - numba, wanted once there is a network

        self._search, self._queries = search, queries
        n, b = self.network.n_nodes, len(self.streets.back)
        self._memory: Memory = search.Memory(np.full(n, np.iinfo(np.uint64).max, np.uint64), np.empty(b + 3, np.uint64))
        self._version = _FIRST_VERSION

    def clone(self) -> "TravelTimes":
        """Return one that shares the weights and has search memory of its own, for another thread."""
        twin = object.__new__(TravelTimes)
        twin.network, twin.streets = self.network, self.streets
        twin._remember()
        return twin

    def nearest(self, arc: int, fraction: float, riders: Riders, need: int, k: int, fresh_after: int) -> Ranking:
        """Return the ``k`` eligible units with the least turnout plus travel time to a place.

        Parameters
        ----------
        arc, fraction
            The incident's place.
        riders
            Everybody.
        need
            Bits that a unit must have; 0 means anyone.
        k
            How many are wanted, above 0.
        fresh_after
            Positions that were true before this instant, in ms since the epoch, do not count.

        Raises
        ------
        Refusal
            When the place is not on the network or ``k`` is below 1.
        """
        self._check("arc", arc, fraction)
        if k < 1:
            raise Refusal("out_of_range", "k", k, "at least 1")
        k = min(k, len(riders.bits))
        unit, eta_ms, turnout_ms = np.empty(k, np.int32), np.empty(k, np.int64), np.empty(k, np.int64)
        columns = self._search.Columns(
            riders.first_at_node,
            riders.next_entry,
            riders.entry_ms,
            riders.bits,
            riders.turnout_ms,
            riders.arc,
            riders.fixed_at,
        )
        count, eligible, settled = self._queries.rank_nearest(
            self.streets,
            self._memory,
            self._next_version(),
            columns,
            int(arc),
            float(fraction),
            self._search.word(need),
            int(fresh_after),
            k,
            unit,
            eta_ms,
            turnout_ms,
        )
        unit, eta_ms, turnout_ms = unit[:count], eta_ms[:count], turnout_ms[:count]
        return Ranking(unit, eta_ms, eta_ms - turnout_ms, turnout_ms, int(eligible), int(settled))

    def times_to(self, arc: int, fraction: float) -> NDArray[np.int64]:
        """Return every node's time to a place, int64 (n,) in ms; `UNREACHABLE_MS` where there is no way."""
        self._check("arc", arc, fraction)
        out = np.empty(self.network.n_nodes, np.int64)
        self._queries.times_from_all(self.streets, self._memory, self._next_version(), int(arc), float(fraction), out)
        return out

    def to_many(self, arc: int, fraction: float, arcs: ArrayLike, fractions: ArrayLike) -> NDArray[np.int64]:
        """Return the time from each of many places to one, in one search.

        Parameters
        ----------
        arc, fraction
            Where the way ends.
        arcs, fractions
            Where each way begins, (c,).

        Returns
        -------
        int64 (c,)
            Milliseconds; `UNREACHABLE_MS` where there is no way.
        """
        self._check("arc", arc, fraction)
        many, shares = np.array(arcs, np.int32), np.array(fractions, np.float64)
        for i in np.flatnonzero((many < 0) | (many >= self.network.n_arcs) | ~((shares >= 0) & (shares <= 1)))[:1]:
            self._check(f"arcs[{i}]", int(many[i]), float(shares[i]))
        out = np.empty(len(many), np.int64)
        self._queries.times_from_many(
            self.streets,
            self._memory,
            self._next_version(),
            int(arc),
            float(fraction),
            many,
            shares,
            self._nobody,
            np.empty(2 * len(many), np.int32),
            out,
        )
        return out

    def route(self, from_arc: int, from_fraction: float, to_arc: int, to_fraction: float) -> Route:
        """Return the shortest way between two places, with its course.

        Raises
        ------
        NoWay
            When there is none.
        Refusal
            When a place is not on the network.
        """
        self._check("from_arc", from_arc, from_fraction)
        self._check("to_arc", to_arc, to_fraction)
        count, ms = self._queries.find_way(
            self.streets,
            self._memory,
            self._next_version(),
            int(from_arc),
            float(from_fraction),
            int(to_arc),
            float(to_fraction),
            self._arcs,
        )
        if count == 0:
            raise NoWay(f"no way leads from arc {from_arc} at {from_fraction} to arc {to_arc} at {to_fraction}")
        arcs = self._arcs[:count].copy()
        start = from_fraction if arcs[0] == from_arc else 1.0 - from_fraction
        end = to_fraction if arcs[-1] == to_arc else 1.0 - to_fraction
        return self._trace(int(ms), arcs, start, end)

    def _trace(self, ms: int, arcs: NDArray[np.int32], start: float, end: float) -> Route:
        network = self.network
        shares = np.ones(len(arcs))
        shares[-1] = end
        shares[0] -= start
        names: list[str] = []
        index = network.arc_name[arcs]
        for row in np.flatnonzero(np.diff(index, prepend=-1)).tolist():
            name = network.name(int(arcs[row]))
            if name and (not names or names[-1] != name):
                names.append(name)
        # Times are whole milliseconds: on one arc the start may lie a hair beyond the end.
        length_m = float(np.sum(network.arc_length_m[arcs] * np.maximum(shares, 0.0)))
        return Route(ms, length_m, arcs, start, end, way(network, arcs, start, end), tuple(names))

    @cached_property
    def _arcs(self) -> NDArray[np.int32]:
        return np.empty(self.network.n_nodes + 2, np.int32)

    @cached_property
    def _nobody(self) -> NDArray[np.int32]:
        return np.full(self.network.n_nodes, -1, np.int32)

    def _next_version(self) -> int:
        """Return the version of the next search; about every four thousand million searches all labels are cleared."""
        if self._version == 0:
            self._memory.label[:] = np.iinfo(np.uint64).max
            self._version = _FIRST_VERSION
        self._version -= 1
        return self._version

    def _check(self, field: str, arc: int, fraction: float) -> None:
        if not 0 <= arc < self.network.n_arcs:
            raise Refusal("unknown_arc", field, arc, f"0 to {self.network.n_arcs - 1}")
        if not 0.0 <= fraction <= 1.0:
            raise Refusal("out_of_range", field.replace("arc", "fraction"), fraction, "0 to 1")


def lay_streets(network: RoadNetwork, arc_ms: NDArray[np.int32]) -> "Streets":
    """Lay out the network as the searches read it, without the arcs that may not be passed."""
    from engine.travel.search import Streets  # noqa: PLC0415

    open_arcs = np.asarray(network.in_arc)[arc_ms[network.in_arc] < NEVER]
    back_first = np.zeros(network.n_nodes + 1, np.int32)
    np.cumsum(np.bincount(network.arc_head[open_arcs], minlength=network.n_nodes), out=back_first[1:])
    reverse = np.array(network.arc_reverse, np.int32)
    reverse[(reverse >= 0) & (arc_ms[reverse] >= NEVER)] = -1
    return Streets(
        back_first,
        np.column_stack((network.arc_tail[open_arcs], arc_ms[open_arcs])).astype(np.int32),
        np.array(network.first_out, np.int32),
        np.array(network.arc_tail, np.int32),
        np.array(network.arc_head, np.int32),
        reverse,
        np.array(arc_ms, np.int32),
    )


def warm() -> None:
    """Compile every kernel of travel times, or load it from the cache, on the smallest network."""
    network = crossing()
    times = TravelTimes(network, travel_ms(network))
    times.nearest(0, 0.5, _Crew(), 0, 1, 0)
    times.times_to(0, 0.5)
    times.to_many(0, 0.5, [1], [0.5])
    times.route(0, 0.25, 1, 0.25)


class _Crew:
    """One unit that is nowhere yet, on the smallest network."""

    first_at_node = np.full(2, -1, np.int32)
    next_entry = np.full(2, -1, np.int32)
    entry_ms = np.zeros(2, np.int32)
    bits = np.zeros(1, np.uint64)
    turnout_ms = np.zeros(1, np.int32)
    arc = np.full(1, -1, np.int32)
    fraction = np.zeros(1)
    fixed_at = np.zeros(1, np.int64)
