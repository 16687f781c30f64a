"""Who can hold what in time: one search back from all places, then one search by each unit that can matter.

A unit's search ends where nothing ahead of it can be reached in time, so it settles the ground between its own start
and the places it wins, not its whole neighbourhood. The first search says the same of whole units: who begins where
nothing can be reached in time is not asked.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.containment.contraction import Core
from engine.containment.ground import Ground
from engine.travel.weights import Weights
from engine.travel.workspace import Workspace

MOST_STRETCH = 10_000
"""Above this a unit's time on the way is no longer told apart: ten times as long as said."""


@dataclass(frozen=True)
class Pairs:
    """Who can hold which vertex of the core in time. ``q`` pairs, by vertex, then unit.

    Attributes
    ----------
    first
        int32 (v + 1,): the pairs of each vertex.
    unit
        int32 (q,): a row of the crew; the checkpoints follow the crew.
    place
        int32 (q,): the best place of the vertex for the unit.
    travel_ms
        int64 (q,): the time on the way; 0 for a checkpoint.
    stretch
        int32 (q,), thousandths: by how much the way may take longer and the block still stands in time, rounded down;
        at least 1,000 and at most `MOST_STRETCH`.
    asked
        How many units had a search of their own: the others can be of use nowhere.
    crew
        How many rows of ``unit`` are the crew's: whoever has a higher one is told and need not drive.
    """

    first: NDArray[np.int32]
    unit: NDArray[np.int32]
    place: NDArray[np.int32]
    travel_ms: NDArray[np.int64]
    stretch: NDArray[np.int32]
    asked: int
    crew: int


class Holder:
    """Finds pairs for one ground after another with the same memory; one thread at a time."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        # A search from everywhere begins with every node waiting.
        self._useful = Workspace(weights, weights.network.n_arcs + weights.network.n_nodes)
        self._desk = Workspace(weights)

    def pairs(self, ground: Ground, core: Core, *, stands: bool = True) -> Pairs:
        """Return who of the units that can stand, or of those that cannot, is in time where."""
        from engine.containment.searching import Best, by_vertex, latest_useful, posts_in_time  # noqa: PLC0415 - numba
        from engine.travel.queue import HALF, LOW  # noqa: PLC0415

        situation, streets = ground.situation, self.weights.streets
        crew, most_ms = situation.crew, situation.horizon_ms
        ready_by = np.where((core.vertex >= 0) & (ground.called < 0), ground.due_ms - situation.setup_ms, -1)
        nodes = np.flatnonzero(ground.local >= 0).astype(np.int32)
        its = ready_by[ground.local[nodes]]
        useful, version = self._useful.memory, self._useful.next_version()
        latest_useful(streets, useful, version, nodes[its >= 0], most_ms - its[its >= 0], most_ms)
        memory = self._desk.memory
        vertices = len(core.need)
        best = Best(np.zeros(vertices, np.int32), np.zeros(vertices, np.int32), np.zeros(vertices, np.int64))
        touched = np.empty(vertices, np.int32)
        found: list[tuple[NDArray[np.int32], ...]] = [(touched[:0],) * 4]
        travel = [np.empty(0, np.int64)]
        network = self.weights.network
        units = np.flatnonzero(crew.stands == stands)
        ends = np.column_stack((network.arc_head[crew.arc[units]], network.arc_tail[crew.arc[units]]))
        label = useful.label[ends]
        near = (label >> HALF == version) & (crew.turnout_ms[units, None] + (label & LOW).astype(np.int64) <= most_ms)
        asked = units[near.any(1)].tolist()
        for unit in asked:
            count = posts_in_time(
                streets,
                memory,
                self._desk.next_version(),
                useful,
                version,
                ground.local,
                core.vertex,
                ready_by,
                int(crew.arc[unit]),
                float(crew.fraction[unit]),
                int(crew.turnout_ms[unit]),
                most_ms,
                MOST_STRETCH,
                best,
                touched,
            )
            at = touched[:count].copy()
            found.append((at, np.full(count, unit, np.int32), best.place[at], best.stretch[at]))
            travel.append(best.travel_ms[at])
            best.stretch[at] = 0
        vertex, unit_of, place, stretch = (np.concatenate(column) for column in zip(*found, strict=True))
        travel_ms = np.concatenate(travel)
        if stands:
            called = np.flatnonzero((ground.called >= 0) & (core.vertex >= 0)).astype(np.int32)
            rows = (len(crew) + ground.called[called]).astype(np.int32)
            vertex, unit_of = np.append(vertex, core.vertex[called]), np.append(unit_of, rows)
            place = np.append(place, called)
            stretch = np.append(stretch, np.full(len(called), MOST_STRETCH, np.int32))
            travel_ms = np.append(travel_ms, np.zeros(len(called), np.int64))
        first, order = np.empty(vertices + 1, np.int32), np.empty(len(vertex), np.int64)
        by_vertex(vertex, first, order)
        return Pairs(first, unit_of[order], place[order], travel_ms[order], stretch[order], len(asked), len(crew))


def ready_ms(ground: Ground, pairs: Pairs, rows: NDArray[np.int64], stretch: int = 1000) -> NDArray[np.int64]:
    """Return when the blocks of some pairs stand, after now, where ways take ``stretch`` thousandths of the said."""
    situation = ground.situation
    unit, crew = pairs.unit[rows], len(situation.crew)
    called = unit >= crew
    ready = np.empty(len(rows), np.int64)
    ready[called] = situation.checkpoints.call_ms[unit[called] - crew]
    drive_ms = -(-pairs.travel_ms[rows[~called]] * stretch // 1000)  # rounded up
    ready[~called] = situation.crew.turnout_ms[unit[~called]] + drive_ms + situation.setup_ms
    return ready
