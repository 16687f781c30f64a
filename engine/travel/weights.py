"""Versions of the travel times: each is whole, never changes, and is what every answer of its time was made with.

A change makes the next version in other memory, so that whoever asks goes on with the old one meanwhile; on half a
million nodes a hundred changed arcs take some milliseconds, all arcs a tenth of a second. Everything long is compiled
and leaves the interpreter to others. Where changes come ten times a second two versions take turns in the same memory:
copying all of it each time would take longer than the change, and leave those who ask with cold caches.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal
from engine.travel.hierarchy import Hierarchy
from geo_data.road_network import RoadNetwork
from geo_data.speeds import NEVER

if TYPE_CHECKING:
    from engine.travel.customising import Metric
    from engine.travel.search import Streets

_WHOLE_SHARE = 30
"""A slot that is followed alone costs as much as about so many in a whole customisation."""
_FEW = 256
"""Slots that are always followed first, however small the network."""


@dataclass
class Marks:
    """What does change about a version, for all who ask it.

    Attributes
    ----------
    shut
        int64 (c,) each: the arcs that were shut at once since it was made.
    lent
        Whether others than the first asker read it: its memory is theirs then, and is never used again.
    """

    shut: list[NDArray[np.int64]] = field(default_factory=list)
    lent: bool = False


@dataclass(frozen=True, kw_only=True)
class Weights:
    """One version of the travel times over a network.

    Attributes
    ----------
    number
        Grows by one with every version.
    arc_ms
        int32 (m,), milliseconds by arc; `NEVER` where it may not be passed.
    inner_ms
        int32 (m,), the time along an arc for a way that begins or ends on it: on a street that was closed, what it
        was before.
    streets, metric
        The same, as searches and the hierarchy read it; ``metric`` is None without a hierarchy.
    since
        int32 (c,), the arcs that take another time than in the version before.
    marks
        What was shut since, and who reads it.
    """

    number: int
    network: RoadNetwork
    hierarchy: Hierarchy | None
    arc_ms: NDArray[np.int32]
    inner_ms: NDArray[np.int32]
    streets: "Streets"
    metric: "Metric | None"
    since: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    marks: Marks = field(default_factory=Marks)

    @classmethod
    def first(
        cls,
        network: RoadNetwork,
        arc_ms: NDArray[np.int32],
        hierarchy: Hierarchy | None = None,
        inner_ms: NDArray[np.int32] | None = None,
    ) -> Self:
        """Return the first version.

        Raises
        ------
        Refusal
            When the times do not fit the network or one is below 1 ms, or the hierarchy is another network's.
        """
        inner_ms = arc_ms if inner_ms is None else inner_ms
        for name, times in (("arc_ms", arc_ms), ("inner_ms", inner_ms)):
            if times.shape != (network.n_arcs,):
                raise Refusal("wrong_shape", name, times.shape, f"({network.n_arcs},), one time by arc")
            if network.n_arcs and int(times.min()) < 1:
                raise Refusal("out_of_range", f"{name}[{int(times.argmin())}]", int(times.min()), "at least 1 ms")
        if hierarchy is not None and hierarchy.network_checksum != network.checksum:
            raise Refusal("wrong_hierarchy", "hierarchy", hierarchy.network_checksum, network.checksum)
        own, inner = np.array(arc_ms, np.int32), np.array(inner_ms, np.int32)
        streets = lay_streets(network, own, inner)
        metric = None if hierarchy is None else _customised(hierarchy, own)
        return cls(
            number=1,
            network=network,
            hierarchy=hierarchy,
            arc_ms=own,
            inner_ms=inner,
            streets=streets,
            metric=metric,
        )

    def changed(self, arcs: NDArray[np.int32], ms: NDArray[np.int32], spare: Self | None = None) -> Self:
        """Return the next version, in which some arcs take another time.

        Parameters
        ----------
        arcs
            int32 (c,), each at most once.
        ms
            int32 (c,), at least 1; `NEVER` closes the arc to all who would pass.
        spare
            The version before this one, where nobody reads it any more: the next is written into its memory.

        Raises
        ------
        Refusal
            When an arc is not on the network, comes twice, or a time is below 1 ms.
        """
        arcs, ms = np.asarray(arcs, np.int32), np.minimum(np.asarray(ms, np.int32), NEVER)
        self._check(arcs, ms)
        behind = self.since if spare is not None and self._fits(spare) else arcs[:0]
        memory = spare if spare is not None and self._fits(spare) else self._copied()
        arc_ms, inner_ms, streets = memory.arc_ms, memory.inner_ms, memory.streets
        either = np.unique(np.concatenate((behind, arcs)))
        before = arc_ms[either]
        arc_ms[behind], inner_ms[behind] = self.arc_ms[behind], self.inner_ms[behind]
        arc_ms[arcs] = ms
        inner_ms[arcs] = np.where(ms < NEVER, ms, inner_ms[arcs])
        metric = None
        if self.hierarchy is not None and memory.metric is not None:
            metric = _followed(self.hierarchy, memory.metric, arc_ms, either[arc_ms[either] != before])
        if np.any((streets.row[arcs] < 0) & (inner_ms[arcs] < NEVER)):
            streets = lay_streets(self.network, arc_ms, inner_ms)  # a street opens that never was open before
        else:  # what was shut at once and is not closed in these times is open in them
            _write(streets, arc_ms, np.concatenate((either, *memory.marks.shut)))
        return replace(
            self,
            number=self.number + 1,
            arc_ms=arc_ms,
            inner_ms=inner_ms,
            streets=streets,
            metric=metric,
            since=arcs,
            marks=Marks(),
        )

    def _fits(self, spare: Self) -> bool:
        """Tell whether the next version can be written into the memory of the one before."""
        return spare.number == self.number - 1 and not spare.marks.lent and spare.streets.row is self.streets.row

    def _copied(self) -> Self:
        """Return this version in other memory."""
        arc_ms, inner_ms, streets = self.arc_ms.copy(), self.inner_ms.copy(), self.streets
        streets = streets._replace(back=streets.back.copy(), ms=streets.ms.copy(), inner_ms=inner_ms)
        metric = None if self.metric is None else type(self.metric)(*(times.copy() for times in self.metric))
        return replace(self, arc_ms=arc_ms, inner_ms=inner_ms, streets=streets, metric=metric)

    def shut_at_once(self, arcs: NDArray[np.int64]) -> None:
        """Shut arcs in the streets that searches read; the metric does not know."""
        arcs = arcs[self.streets.ms[arcs] < NEVER]
        if not len(arcs):
            return
        self.streets.ms[arcs] = NEVER
        rows = self.streets.row[arcs]
        self.streets.back[rows[rows >= 0], 1] = NEVER
        self.marks.shut.append(arcs)

    def _check(self, arcs: NDArray[np.int32], ms: NDArray[np.int32]) -> None:
        if arcs.shape != ms.shape or arcs.ndim != 1:
            raise Refusal("wrong_shape", "ms", ms.shape, f"{arcs.shape}, one time by arc")
        wrong = np.flatnonzero((arcs < 0) | (arcs >= self.network.n_arcs))
        if len(wrong):
            raise Refusal("unknown_arc", f"arcs[{wrong[0]}]", int(arcs[wrong[0]]), f"0 to {self.network.n_arcs - 1}")
        seen = np.zeros(self.network.n_arcs, np.bool_)
        seen[arcs] = True
        if np.count_nonzero(seen) < len(arcs):
            raise Refusal("repeated", "arcs", len(arcs), "each arc at most once")
        if len(ms) and int(ms.min()) < 1:
            raise Refusal("out_of_range", f"ms[{int(ms.argmin())}]", int(ms.min()), "at least 1 ms")

    @property
    def nbytes(self) -> int:
        """Bytes that this version holds for itself."""
        own = [self.arc_ms, self.inner_ms, self.streets.back, self.streets.ms, *(self.metric or ())]
        return sum(array.nbytes for array in own)


def _customised(hierarchy: Hierarchy, arc_ms: NDArray[np.int32]) -> "Metric":
    from engine.travel.customising import Metric, Ways, customise  # noqa: PLC0415 - numba

    slots = len(hierarchy.graph.head)
    metric = Metric(np.empty(slots, np.int32), np.empty(slots, np.int32))
    customise(hierarchy.graph, Ways(arc_ms, hierarchy.tail_rank), metric)
    return metric


def _followed(hierarchy: Hierarchy, metric: "Metric", arc_ms: NDArray[np.int32], arcs: NDArray[np.int32]) -> "Metric":
    """Write into a metric what some changed arcs make of it: slot by slot, or all anew where that is sooner done."""
    from engine.travel.customising import Ways, customise, recustomise  # noqa: PLC0415

    slots = len(metric.up)
    most = max(slots // _WHOLE_SHARE, _FEW)
    ways = Ways(arc_ms, hierarchy.tail_rank)
    if len(arcs) <= most:
        waiting, heap = np.zeros(slots, np.bool_), np.empty(slots + 1, np.uint64)
        if recustomise(hierarchy.graph, ways, metric, arcs, heap, waiting, most) >= 0:
            return metric
    customise(hierarchy.graph, ways, metric)
    return metric


def lay_streets(network: RoadNetwork, arc_ms: NDArray[np.int32], inner_ms: NDArray[np.int32]) -> "Streets":
    """Lay out the network as the searches read it, without the arcs that were never open."""
    from engine.travel.search import Streets  # noqa: PLC0415

    into = np.asarray(network.in_arc)
    kept = into[inner_ms[into] < NEVER]
    back_first = np.zeros(network.n_nodes + 1, np.int32)
    np.cumsum(np.bincount(network.arc_head[kept], minlength=network.n_nodes), out=back_first[1:])
    row = np.full(network.n_arcs, -1, np.int32)
    row[kept] = np.arange(len(kept), dtype=np.int32)
    return Streets(
        back_first,
        np.column_stack((network.arc_tail[kept], arc_ms[kept])).astype(np.int32),
        row,
        np.array(network.first_out, np.int32),
        np.array(network.arc_tail, np.int32),
        np.array(network.arc_head, np.int32),
        np.array(network.arc_reverse, np.int32),
        arc_ms.copy(),
        inner_ms,
    )


def _write(streets: "Streets", arc_ms: NDArray[np.int32], arcs: NDArray[np.int64]) -> None:
    """Write the times of some arcs into the streets."""
    streets.ms[arcs] = arc_ms[arcs]
    open_once = arcs[streets.row[arcs] >= 0]
    streets.back[streets.row[open_once], 1] = arc_ms[open_once]
