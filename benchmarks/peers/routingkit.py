"""RoutingKit's customizable contraction hierarchy through `routingkit-cch`, customised with our milliseconds."""

import time
from typing import Any

import numpy as np
import routingkit_cch
from numpy.typing import NDArray

from benchmarks.peers.course import Crew, Places, Ranked, Roads, straight_on


def _array(found: list[int | None]) -> NDArray[np.float64]:
    """Return distances as an array; None, for no way, becomes infinite."""
    out = np.array(found, float)
    out[np.isnan(out)] = np.inf
    return out


class Peer:
    """Many to one, from pinned sources: the nodes that units come by; one sweep by incident.

    The sources stay pinned from question to question, as if no unit moved meanwhile: `Moved` pins them anew.
    """

    def prepare(self, roads: Roads, incidents: Places) -> dict[str, Any]:
        """Order and customise; return the seconds of both and the order."""
        self.incidents = incidents
        tail, head, ms = roads.tail.tolist(), roads.head.tolist(), roads.ms.tolist()
        begun = time.perf_counter()
        order = routingkit_cch.compute_order_inertial(
            len(roads.lon), tail, head, roads.lat.tolist(), roads.lon.tolist()
        )
        order_s = time.perf_counter() - begun
        self.cch = routingkit_cch.CCH(order, tail, head, False)
        self.metric = routingkit_cch.CCHMetric(self.cch, ms)
        spent = []
        for _ in range(3):
            begun = time.perf_counter()
            self.metric.reset(ms)
            spent.append(time.perf_counter() - begun)
        return {"order_s": order_s, "customise_s": min(spent), "order": np.array(order, np.int32)}

    def station(self, crew: Crew) -> None:
        """Pin the nodes that units come by."""
        self.crew, self.sources = crew, crew.nodes.tolist()
        self.pinned = routingkit_cch.CCHManyToOne(self.metric, self.sources)

    def nearest(self, i: int, k: int) -> Ranked:
        """Return the ``k`` nearest to incident ``i``."""
        found = self.pinned.distances_to_multi(self.incidents.ways_in(i))
        return self.crew.rank(_array(found), self.incidents, i, k)

    def matrix(self, froms: Places, tos: Places) -> NDArray[np.float64]:
        """Pin the columns' nodes and sweep once by row."""
        nodes, slot = np.unique(tos.tail[tos.arc >= 0], return_inverse=True)
        slots = np.zeros(tos.arc.shape, np.int64)
        slots[tos.arc >= 0] = slot
        behind = np.where(tos.arc >= 0, tos.behind, np.inf)
        pinned = routingkit_cch.CCHOneToMany(self.metric, nodes.tolist())
        out = np.empty((len(froms), len(tos)))
        for row in range(len(froms)):
            found = _array(pinned.distances_from_multi(froms.ways_out(row)))
            np.min(found[slots] + behind, axis=1, out=out[row])
        straight_on(froms, tos, out)
        return out


class Moved(Peer):
    """The same where every unit has moved since the last question: the sources are pinned anew for each."""

    def nearest(self, i: int, k: int) -> Ranked:
        """Pin the sources, then return the ``k`` nearest to incident ``i``."""
        self.pinned.repin_sources(self.sources)
        return super().nearest(i, k)
