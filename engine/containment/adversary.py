"""The exact adversary: a suspect who knows all posts, drives at his fastest and passes a place before its block stands.

Arriving later never helps him, so one search by earliest arrival finds a gap if there is one. Every plan is held
against him before anybody sees it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.containment.ground import Ground, starts_of
from engine.travel.weights import Weights
from engine.travel.workspace import Workspace


class Adversary:
    """Looks for gaps in one plan after another with the same memory; one thread at a time."""

    def __init__(self, weights: Weights) -> None:
        self._desk = Workspace(weights, 2 * weights.network.n_arcs + 64)  # he drives arcs both ways
        self._came = np.empty(weights.network.n_nodes, np.int32)
        self._queue = np.empty(weights.network.n_nodes, np.int32)

    def gap(self, ground: Ground, places: NDArray[np.int32], ready_ms: NDArray[np.int64]) -> tuple[int, ...]:
        """Return the suspect's way past some posts, node by node; empty where there is none.

        Parameters
        ----------
        places, ready_ms
            int32 and int64: where a block stands and from when on, after now. He passes one only sooner.
        """
        from engine.containment.searching import escape  # noqa: PLC0415 - numba

        situation = ground.situation
        starts, start_ms = starts_of(ground.ways, ground.network, situation.seen)
        origin = max(place.ago_ms for place in situation.seen)
        by_place = np.full(len(ground.node) + 1, -1, np.int64)  # one more: outside, which no post is at
        by_place[places] = ready_ms + origin
        nodes = np.flatnonzero(by_place[ground.local] >= 0).astype(np.int32)
        away = escape(
            ground.ways,
            self._desk.memory,
            self._desk.next_version(),
            starts,
            start_ms + origin,
            nodes,
            by_place[ground.local[nodes]],
            ground.local,
            np.unique(situation.exits).astype(np.int32),
            self._came,
        )
        return self._traced(away)

    def ways_out(
        self, ground: Ground, passed: NDArray[np.int32], barred: NDArray[np.int32]
    ) -> Callable[[NDArray[np.bool_]], tuple[int, ...]]:
        """Return a function that returns a way out over allowed places, bool (p,), whatever it takes; empty for none.

        It may begin at ``passed`` nodes as well as where he was seen, and end at ``barred`` ones.
        """
        from engine.containment.searching import way_out  # noqa: PLC0415

        situation = ground.situation
        seen, _ = starts_of(ground.ways, ground.network, situation.seen)
        starts = np.concatenate((seen, passed))
        exits = np.unique(np.concatenate((situation.exits, barred))).astype(np.int32)

        def over(allowed: NDArray[np.bool_]) -> tuple[int, ...]:
            self._came[:] = -2
            return self._traced(way_out(ground.ways, starts, ground.local, allowed, exits, self._came, self._queue))

        return over

    def _traced(self, node: int) -> tuple[int, ...]:
        came = self._came.item
        way: list[int] = []
        while node >= 0:
            way.append(node)
            node = came(node)
        return tuple(reversed(way))
