"""Versions of the travel times: each is whole, never changes, and is what every answer of its time was made with.

A change makes the next version in other memory, so that whoever asks goes on with the old one meanwhile; on half a
million nodes a hundred changed arcs take some milliseconds, all arcs a tenth of a second. Everything long is compiled
and leaves the interpreter to others.
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
    shut
        int32 (1,), how many arcs were shut at once since: the one thing that changes, for all who ask this version.
    """

    number: int
    network: RoadNetwork
    hierarchy: Hierarchy | None
    arc_ms: NDArray[np.int32]
    inner_ms: NDArray[np.int32]
    streets: "Streets"
    metric: "Metric | None"
    shut: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))

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

    def changed(self, arcs: NDArray[np.int32], ms: NDArray[np.int32]) -> Self:
        """Return the next version, in which some arcs take another time.

        Parameters
        ----------
        arcs
            int32 (c,), each at most once.
        ms
            int32 (c,), at least 1; `NEVER` closes the arc to all who would pass.

        Raises
        ------
        Refusal
            When an arc is not on the network, comes twice, or a time is below 1 ms.
        """
        arcs, ms = np.asarray(arcs, np.int32), np.minimum(np.asarray(ms, np.int32), NEVER)
        self._check(arcs, ms)
        arc_ms, inner_ms = self.arc_ms.copy(), self.inner_ms.copy()
        arc_ms[arcs] = ms
        inner_ms[arcs] = np.where(ms < NEVER, ms, inner_ms[arcs])
        metric = None
        if self.hierarchy is not None and self.metric is not None:
            metric = _followed(self.hierarchy, self.metric, arc_ms, arcs[self.arc_ms[arcs] != ms])
        return replace(
            self,
            number=self.number + 1,
            arc_ms=arc_ms,
            inner_ms=inner_ms,
            streets=_relaid(self.network, self.streets, arc_ms, inner_ms, arcs),
            metric=metric,
            shut=np.zeros(1, np.int32),
        )

    def shut_at_once(self, arcs: NDArray[np.int64]) -> None:
        """Shut arcs in the streets that searches read; the metric does not know."""
        arcs = arcs[self.streets.ms[arcs] < NEVER]
        self.streets.ms[arcs] = NEVER
        rows = self.streets.row[arcs]
        self.streets.back[rows[rows >= 0], 1] = NEVER
        self.shut[0] += len(arcs)

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
    """Return the metric after some arcs changed: followed slot by slot, or all anew where that is sooner done."""
    from engine.travel.customising import Metric, Ways, recustomise  # noqa: PLC0415

    slots = len(metric.up)
    most = max(slots // _WHOLE_SHARE, _FEW)
    if len(arcs) > most:
        return _customised(hierarchy, arc_ms)
    fresh = Metric(metric.up.copy(), metric.down.copy())
    ways = Ways(arc_ms, hierarchy.tail_rank)
    waiting, heap = np.zeros(slots, np.bool_), np.empty(slots + 1, np.uint64)
    if recustomise(hierarchy.graph, ways, fresh, arcs, heap, waiting, most) < 0:
        return _customised(hierarchy, arc_ms)
    return fresh


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


def _relaid(
    network: RoadNetwork,
    streets: "Streets",
    arc_ms: NDArray[np.int32],
    inner_ms: NDArray[np.int32],
    arcs: NDArray[np.int32],
) -> "Streets":
    """Return the streets with other times; what was shut at once and is not closed in these times is open in them."""
    from engine.travel.search import fill_rows  # noqa: PLC0415

    if np.any((streets.row[arcs] < 0) & (inner_ms[arcs] < NEVER)):
        return lay_streets(network, arc_ms, inner_ms)  # a street opens that never was open before
    back = streets.back.copy()
    fill_rows(streets.row, arc_ms, back)
    return streets._replace(back=back, ms=arc_ms.copy(), inner_ms=inner_ms)
