"""Travel times over one network: the questions, asked from Python.

A `TravelTimes` owns the memory its questions write, so one thread at a time may ask it; `clone` gives another thread
its own memory over the same weights. With a hierarchy the quicker of two exact ways answers, see
`engine.travel.choosing`; without one every answer is a search over the streets.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.model.errors import Refusal
from engine.travel.hierarchy import Hierarchy
from engine.travel.matrix import fill_matrix
from engine.travel.riders import Method, Ranking, Riders, check_handicap
from engine.travel.routes import NoWay, Route, trace
from engine.travel.weights import Weights
from engine.travel.workspace import Workspace
from geo_data.road_network import RoadNetwork
from geo_data.speeds import NEVER

MOST_SETTLED = 800
"""Over so few crossings a search finds a way quicker than the hierarchy; at a thousand both take the same."""
UNREACHABLE_MS = 1 << 40
"""The time that stands for no way at all; 35 years, far above any real one."""


class TravelTimes:
    """Exact travel times by road.

    Parameters
    ----------
    network
        The streets.
    arc_ms
        int32 (m,), milliseconds by arc, at least 1; `NEVER` where an arc may not be passed.
    hierarchy
        The network's, where there is one.
    inner_ms
        int32 (m,), the time along an arc for a way that begins or ends on it, also where it is closed; as ``arc_ms``
        where it is not given.

    Attributes
    ----------
    weights
        The version of the times that answers are made with.
    counts
        How it was found who is nearest: ``search`` or ``hierarchy``; how often a search ``gave_up`` before, having
        settled too many nodes; how often a way led through a street ``shut`` at once, so that a search came after.

    Raises
    ------
    Refusal
        When the times or the hierarchy do not fit the network, or a time is below 1.
    """

    def __init__(
        self,
        network: RoadNetwork,
        arc_ms: NDArray[np.int32],
        hierarchy: Hierarchy | None = None,
        inner_ms: NDArray[np.int32] | None = None,
    ) -> None:
        self._set_up(Weights.first(network, arc_ms, hierarchy, inner_ms))

    @classmethod
    def over(cls, weights: Weights) -> "TravelTimes":
        """Return one over a version of the weights that is there already, with what was shut since."""
        weights.marks.lent = True
        times = object.__new__(cls)
        times._set_up(weights)
        return times

    def _set_up(self, weights: Weights) -> None:
        from engine.travel import customising, queries, ranking, unpacking  # noqa: PLC0415 - numba, wanted with a network

        self._queries, self._ranking = queries, ranking
        self._customising, self._unpacking = customising, unpacking
        self.network = weights.network
        self.weights = weights
        self.counts = {"search": 0, "hierarchy": 0, "gave_up": 0, "shut": 0}
        self._desk = Workspace(weights)

    def clone(self) -> "TravelTimes":
        """Return one over the same weights, shut streets included, with memory of its own, for another thread."""
        return TravelTimes.over(self.weights)

    def adopt(self, weights: Weights, still_shut: ArrayLike = ()) -> None:
        """Go over to another version of the weights.

        Parameters
        ----------
        weights
            Of the same network and hierarchy.
        still_shut
            Arcs that were shut at once and that this version does not know as closed yet.

        Raises
        ------
        Refusal
            When the weights are another network's.
        """
        if weights.network is not self.network or weights.hierarchy is not self.weights.hierarchy:
            raise Refusal("wrong_weights", "weights", weights.network.checksum, self.network.checksum)
        self.weights = weights
        self.close_at_once(still_shut)

    def close_at_once(self, arcs: ArrayLike) -> None:
        """Shut arcs before a version of the weights knows it: searches pass them no more from now on.

        The hierarchy does not know; an answer of its that passes one is found again by search. All who ask the same
        version of the weights share what is shut.

        Raises
        ------
        Refusal
            When an arc is not on the network.
        """
        rows = np.unique(np.asarray(arcs, np.int64))
        for arc in rows[(rows < 0) | (rows >= self.network.n_arcs)][:1].tolist():
            raise Refusal("unknown_arc", "arcs", arc, f"0 to {self.network.n_arcs - 1}")
        self.weights.shut_at_once(rows)

    def nearest(
        self,
        arc: int,
        fraction: float,
        riders: Riders,
        need: int,
        k: int,
        fresh_after: int,
        method: Method | None = None,
        handicap_ms: NDArray[np.int32] | None = None,
    ) -> Ranking:
        """Return the ``k`` eligible units with the least turnout plus travel time to a place.

        With handicaps it is the least sum of all three: each counts as if it were turnout, so the ranking is as exact
        as without, and neither way of finding it does anything else than before.

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
        method
            How to find it; None for what is predicted to be quicker.
        handicap_ms
            int32 (U,), what counts against each unit in this question besides time; 0 to a day, see `riders`.

        Raises
        ------
        Refusal
            When the place is not on the network, ``k`` is below 1, the hierarchy is asked for and there is none, or a
            handicap is out of range.
        """
        self._check("arc", arc, fraction)
        if k < 1:
            raise Refusal("out_of_range", "k", k, "at least 1")
        if method == "hierarchy" and self.weights.metric is None:
            raise Refusal("no_hierarchy", "method", method, "search, where there is no hierarchy")
        if handicap_ms is not None:
            check_handicap(handicap_ms, len(riders.bits))
        asked = self._ranking.Question(int(arc), float(fraction), riders, need, k, int(fresh_after), handicap_ms)
        return self._ranking.ranked(self.weights, self._desk, self.counts, asked, method)

    def times_to(self, arc: int, fraction: float) -> NDArray[np.int64]:
        """Return every node's time to a place, int64 (n,) in ms; `UNREACHABLE_MS` where there is no way."""
        self._check("arc", arc, fraction)
        out = np.empty(self.network.n_nodes, np.int64)
        desk = self._desk
        self._queries.times_from_all(
            self.weights.streets, desk.memory, desk.next_version(), int(arc), float(fraction), out
        )
        return out

    def to_many(self, arc: int, fraction: float, arcs: ArrayLike, fractions: ArrayLike) -> NDArray[np.int64]:
        """Return the time from each of many places to one.

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

        Raises
        ------
        Refusal
            When a place is not on the network.
        """
        self._check("arc", arc, fraction)
        many, shares = self._places("arcs", arcs, fractions)
        if self.weights.metric is not None and not self.weights.marks.shut:
            ms = fill_matrix(self.weights, self._desk, (many, shares), self._places("arc", [arc], [fraction]))[:, 0]
            return np.where(ms < NEVER, ms.astype(np.int64), UNREACHABLE_MS)
        out = np.empty(len(many), np.int64)
        desk = self._desk
        self._queries.times_from_many(
            self.weights.streets,
            desk.memory,
            desk.next_version(),
            int(arc),
            float(fraction),
            many,
            shares,
            desk.nobody,
            np.empty(2 * len(many), np.int32),
            out,
        )
        return out

    def matrix(
        self, from_arcs: ArrayLike, from_fractions: ArrayLike, to_arcs: ArrayLike, to_fractions: ArrayLike
    ) -> NDArray[np.int32]:
        """Return the times from many places to many.

        Worked off in tiles of a few dozen columns or rows: beyond the answer it takes some megabytes.

        Returns
        -------
        int32 (a, b)
            Milliseconds; `NEVER` where there is no way.

        Raises
        ------
        Refusal
            When a place is not on the network.
        """
        froms = self._places("from_arcs", from_arcs, from_fractions)
        tos = self._places("to_arcs", to_arcs, to_fractions)
        if self.weights.metric is not None and not self.weights.marks.shut:
            return fill_matrix(self.weights, self._desk, froms, tos)
        columns = [self.to_many(int(arc), float(share), *froms) for arc, share in zip(*tos, strict=True)]
        out = np.empty((len(froms[0]), len(columns)), np.int32)
        for i, column in enumerate(columns):
            out[:, i] = np.minimum(column, NEVER)
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
        arcs, start, end, ms = self.way(from_arc, from_fraction, to_arc, to_fraction)
        return trace(self.network, ms, arcs, start, end)

    def way(
        self, from_arc: int, from_fraction: float, to_arc: int, to_fraction: float, settled: int | None = None
    ) -> tuple[NDArray[np.int32], float, float, int]:
        """Return the arcs of the shortest way, where it begins on the first and ends on the last, and its time in ms.

        Parameters
        ----------
        from_arc, from_fraction, to_arc, to_fraction
            Where it begins and where it ends.
        settled
            How many crossings a search is known to settle at most: of few it is quicker than the hierarchy. None where
            that is not known.

        Raises
        ------
        NoWay
            When there is none.
        Refusal
            When a place is not on the network.
        """
        self._check("from_arc", from_arc, from_fraction)
        self._check("to_arc", to_arc, to_fraction)
        is_near = settled is not None and settled <= MOST_SETTLED
        find = self._search_way if is_near else self._find_way
        arcs, ms = find(from_arc, from_fraction, to_arc, to_fraction)
        if self.weights.marks.shut and self._unpacking.crosses(arcs, self.weights.streets.ms):
            arcs, ms = self._search_way(from_arc, from_fraction, to_arc, to_fraction)
        if len(arcs) == 0:
            raise NoWay(f"no way leads from arc {from_arc} at {from_fraction} to arc {to_arc} at {to_fraction}")
        start = from_fraction if arcs[0] == from_arc else 1.0 - from_fraction
        end = to_fraction if arcs[-1] == to_arc else 1.0 - to_fraction
        return arcs, start, end, ms

    def _find_way(
        self, from_arc: int, from_fraction: float, to_arc: int, to_fraction: float
    ) -> tuple[NDArray[np.int32], int]:
        """Return the arcs of the shortest way and its time; by the hierarchy where there is one."""
        weights, desk = self.weights, self._desk
        if weights.hierarchy is None or weights.metric is None:
            return self._search_way(from_arc, from_fraction, to_arc, to_fraction)
        count, ms = self._unpacking.unpack_way(
            weights.hierarchy.graph,
            weights.metric,
            self._customising.Ways(weights.arc_ms, weights.hierarchy.tail_rank),
            weights.streets,
            desk.trail,
            int(from_arc),
            float(from_fraction),
            int(to_arc),
            float(to_fraction),
            desk.way,
        )
        return desk.way[:count].copy(), int(ms)

    def _search_way(
        self, from_arc: int, from_fraction: float, to_arc: int, to_fraction: float
    ) -> tuple[NDArray[np.int32], int]:
        desk = self._desk
        count, ms = self._queries.find_way(
            self.weights.streets,
            desk.memory,
            desk.next_version(),
            int(from_arc),
            float(from_fraction),
            int(to_arc),
            float(to_fraction),
            desk.way,
        )
        return desk.way[:count].copy(), int(ms)

    def _places(
        self, field: str, arcs: ArrayLike, fractions: ArrayLike
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        many, shares = np.array(arcs, np.int32).reshape(-1), np.array(fractions, np.float64).reshape(-1)
        if len(many) != len(shares):
            raise Refusal("wrong_shape", field.replace("arc", "fraction"), len(shares), f"{len(many)}, one by arc")
        for i in np.flatnonzero((many < 0) | (many >= self.network.n_arcs) | ~((shares >= 0) & (shares <= 1)))[:1]:
            self._check(f"{field}[{i}]", int(many[i]), float(shares[i]))
        return many, shares

    def _check(self, field: str, arc: int, fraction: float) -> None:
        if not 0 <= arc < self.network.n_arcs:
            raise Refusal("unknown_arc", field, arc, f"0 to {self.network.n_arcs - 1}")
        if not 0.0 <= fraction <= 1.0:
            raise Refusal("out_of_range", field.replace("arc", "fraction"), fraction, "0 to 1")
