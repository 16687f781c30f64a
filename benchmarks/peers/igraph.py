"""igraph's Dijkstra against the arcs from the incident, which is one more node, laid in beforehand."""

from typing import Any

import igraph
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.course import Absent, Crew, Places, Ranked, Roads


class Peer:
    """``Graph.distances(mode="in")`` from the incident to the nodes that units come by; it stops once it has all."""

    def prepare(self, roads: Roads, incidents: Places) -> dict[str, Any]:
        """Make the graph."""
        nodes = len(roads.lon)
        self.incidents, self.nodes = incidents, nodes
        row, side = np.nonzero(incidents.arc >= 0)
        tails = np.concatenate((roads.tail, incidents.tail[row, side]))
        heads = np.concatenate((roads.head, nodes + row))
        self.graph = igraph.Graph(
            n=nodes + len(incidents), edges=np.column_stack((tails, heads)).tolist(), directed=True
        )
        self.graph.es["ms"] = np.concatenate((roads.ms, incidents.behind[row, side])).tolist()
        return {}

    def station(self, crew: Crew) -> None:
        """Take note of where the units are."""
        self.crew, self.targets = crew, crew.nodes.tolist()

    def nearest(self, i: int, k: int) -> Ranked:
        """Return the ``k`` nearest to incident ``i``."""
        found = self.graph.distances(source=[self.nodes + i], target=self.targets, weights="ms", mode="in")
        return self.crew.rank(np.array(found[0], float), self.incidents, i, k)

    def matrix(self, froms: Places, tos: Places) -> NDArray[np.float64]:
        """Refuse: it would be as many single searches."""
        raise Absent("igraph has no other way to a matrix than one search by row")
