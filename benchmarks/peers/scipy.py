"""scipy's Dijkstra over the reversed streets; each incident is one more node, laid in beforehand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from benchmarks.peers.course import Crew, Places, Ranked, Roads, straight_on


class Peer:
    """A full search by incident: every node's time to it; scipy stops early only where it is told the limit."""

    def prepare(self, roads: Roads, incidents: Places) -> dict[str, Any]:
        """Lay the reversed streets out as a matrix."""
        self.roads = roads
        self.lay(incidents)
        return {}

    def lay(self, incidents: Places) -> None:
        """Lay incidents in, instead of those before: an edge to each node that one comes from."""
        roads, nodes = self.roads, len(self.roads.lon)
        self.incidents = incidents
        row, side = np.nonzero(incidents.arc >= 0)
        # One millisecond more on the incidents' edges, taken off again: scipy has no edge of zero.
        weights = np.concatenate((roads.ms, incidents.behind[row, side] + 1)).astype(float)
        rows = np.concatenate((roads.head, nodes + row))
        columns = np.concatenate((roads.tail, incidents.tail[row, side]))
        order = np.lexsort((weights, columns, rows))  # of two edges between the same nodes the quicker counts
        rows, columns, weights = rows[order], columns[order], weights[order]
        quickest = np.concatenate(([True], (np.diff(rows) != 0) | (np.diff(columns) != 0)))
        size = nodes + len(incidents)
        self.matrix_: Any = sparse.csr_array(
            (weights[quickest], (rows[quickest], columns[quickest])), shape=(size, size)
        )

    def station(self, crew: Crew) -> None:
        """Take note of where the units are."""
        self.crew = crew

    def to_incident(self, i: int, limit_ms: float = np.inf) -> NDArray[np.float64]:
        """Return every node's time to an incident in ms, float64 (n,); infinite beyond the limit."""
        nodes = len(self.roads.lon)
        found: NDArray[np.float64] = csgraph.dijkstra(self.matrix_, indices=[nodes + i], limit=limit_ms + 1.0)
        return found[0, :nodes] - 1.0

    def nearest(self, i: int, k: int) -> Ranked:
        """Return the ``k`` nearest to incident ``i``."""
        return self.crew.rank(self.to_incident(i)[self.crew.nodes], self.incidents, i, k)

    def matrix(self, froms: Places, tos: Places) -> NDArray[np.float64]:
        """Search the whole graph from each column's place."""
        self.lay(tos)
        crew = Crew(froms)
        after = np.where(froms.arc >= 0, froms.after, np.inf)
        slot = np.searchsorted(crew.nodes, np.where(froms.arc >= 0, froms.head, crew.nodes[0]))
        out = np.empty((len(froms), len(tos)))
        for column in range(len(tos)):
            out[:, column] = (self.to_incident(column)[crew.nodes][slot] + after).min(axis=1)
        straight_on(froms, tos, out)
        return out
