"""What is put to every peer: streets, places on them, and how a ranking comes of times between nodes.

All times are whole milliseconds. A place lies on one street: on one arc, or on two where the street may be passed
both ways. From a place one goes on to the heads of its arcs, to a place one comes from their tails; who is on the
same arc, further back, drives straight on.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Ranked = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Milliseconds and units, soonest first, ties by unit."""


@dataclass(frozen=True)
class Roads:
    """The arcs that may be passed, the quickest where several join the same nodes; ``n`` nodes, ``m`` arcs.

    Attributes
    ----------
    tail, head, ms
        int32 (m,).
    lon, lat
        float64 (n,).
    osm
        The path of the same streets as an OSM file (`benchmarks.osm_file`); empty where there is none.
    """

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    ms: NDArray[np.int32]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    osm: str = ""


@dataclass(frozen=True)
class Places:
    """Places on streets, ``p`` of them, with up to two arcs each.

    Attributes
    ----------
    arc
        int32 (p, 2), -1 where there is none.
    tail, head
        int32 (p, 2), the arc's nodes; 0 where there is no arc.
    behind, after
        int64 (p, 2), milliseconds from the tail to the place and from the place to the head.
    lon, lat
        float64 (p,), on the straight line between the street's nodes, as the OSM file draws it.
    """

    arc: NDArray[np.int32]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    behind: NDArray[np.int64]
    after: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.arc)

    def take(self, rows: NDArray[np.int64]) -> "Places":
        """Return some of the places."""
        return Places(
            arc=self.arc[rows],
            tail=self.tail[rows],
            head=self.head[rows],
            behind=self.behind[rows],
            after=self.after[rows],
            lon=self.lon[rows],
            lat=self.lat[rows],
        )

    def ways_in(self, i: int) -> list[tuple[int, int]]:
        """Return the nodes that place ``i`` is reached from, with the milliseconds from there."""
        known = self.arc[i] >= 0
        return list(zip(self.tail[i][known].tolist(), self.behind[i][known].tolist(), strict=True))

    def ways_out(self, i: int) -> list[tuple[int, int]]:
        """Return the nodes that place ``i`` leads to, with the milliseconds to there."""
        known = self.arc[i] >= 0
        return list(zip(self.head[i][known].tolist(), self.after[i][known].tolist(), strict=True))


class Crew:
    """The units' places, laid out for peers that know times from nodes.

    Attributes
    ----------
    nodes
        int32 (h,), the nodes that units come by, each once.
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        known = places.arc >= 0
        self.nodes, slots = np.unique(places.head[known], return_inverse=True)
        self._slot = np.zeros(places.arc.shape, np.int64)
        self._slot[known] = slots
        self._after = np.where(known, places.after, np.inf)

    def __len__(self) -> int:
        return len(self.places)

    def rank(self, node_ms: NDArray[np.float64], incidents: Places, i: int, k: int) -> Ranked:
        """Return the ``k`` nearest to an incident.

        Parameters
        ----------
        node_ms
            float64 (h,), the time from each of the ``nodes`` to the incident; infinite where there is no way.
        incidents, i
            The incident's place.
        k
            How many are wanted.
        """
        ms = (node_ms[self._slot] + self._after).min(axis=1)
        for arc, behind in zip(incidents.arc[i].tolist(), incidents.behind[i].tolist(), strict=True):
            if arc >= 0:
                row, side = np.nonzero((self.places.arc == arc) & (self.places.behind <= behind))
                np.minimum.at(ms, row, behind - self.places.behind[row, side])
        return soonest(ms, k)


def soonest(ms: NDArray[np.float64], k: int) -> Ranked:
    """Return the ``k`` least times and whose they are; who has no way is in no ranking."""
    k = min(k, len(ms))
    few = np.flatnonzero(ms <= np.partition(ms, k - 1)[k - 1])
    few = few[np.isfinite(ms[few])]
    few = few[np.lexsort((few, ms[few]))][:k]
    return np.rint(ms[few]).astype(np.int64), few.astype(np.int64)


def same(one: Ranked, other: Ranked) -> bool:
    """Tell whether two rankings are equal."""
    return np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def straight_on(froms: Places, tos: Places, ms: NDArray[np.float64]) -> None:
    """Put the times along one arc into a matrix of times, float64 (a, b), where they are less."""
    for side in range(2):
        order = np.argsort(tos.arc[:, side], kind="stable")
        arcs = tos.arc[order, side]
        for of in range(2):
            first, last = (np.searchsorted(arcs, froms.arc[:, of], where) for where in ("left", "right"))
            for row in np.flatnonzero((last > first) & (froms.arc[:, of] >= 0)).tolist():
                columns = order[first[row] : last[row]]
                along = tos.behind[columns, side] - froms.behind[row, of]
                columns, along = columns[along >= 0], along[along >= 0]
                ms[row, columns] = np.minimum(ms[row, columns], along)


class Peer(Protocol):
    """What a peer's file provides. `Absent` may be raised by any of them, for a question that it has no answer to."""

    def prepare(self, roads: Roads, incidents: Places) -> dict[str, Any]:
        """Make ready for questions about the incidents; return figures of what that took."""
        ...

    def station(self, crew: Crew) -> None:
        """Take note of where the units are."""
        ...

    def nearest(self, i: int, k: int) -> Ranked:
        """Return the ``k`` nearest to incident ``i``."""
        ...

    def matrix(self, froms: Places, tos: Places) -> NDArray[np.float64]:
        """Return the milliseconds from each place to each, float64 (a, b); infinite where there is no way."""
        ...


class Absent(Exception):
    """The peer does not answer this; says why."""
