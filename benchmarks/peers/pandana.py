"""pandana's contraction hierarchy, asked pair by pair in one call; each incident is one more node, laid in beforehand.

Its nearest points of interest are found for every node of the network at once and only away from it, so they are no
answer to one incident. It keeps whole thousandths of what it is given, cut off, in 32 bits: given seconds and half a
thousandth it keeps our milliseconds. (Given milliseconds it does not end contracting.)
"""

from typing import Any

import numpy as np
import pandana
import pandas as pd
from numpy.typing import NDArray

from benchmarks.peers.course import Absent, Crew, Places, Ranked, Roads

UNREACHABLE_S = 4_294_967.0
"""What no way looks like: the most that 32 bits hold."""


class Peer:
    """``Network.shortest_path_lengths`` from the nodes that units come by to the incident."""

    def prepare(self, roads: Roads, incidents: Places) -> dict[str, Any]:
        """Contract the graph."""
        nodes = len(roads.lon)
        self.incidents, self.nodes = incidents, nodes
        row, side = np.nonzero(incidents.arc >= 0)
        tails = np.concatenate((roads.tail, incidents.tail[row, side]))
        heads = np.concatenate((roads.head, nodes + row))
        ms = np.concatenate((roads.ms, incidents.behind[row, side])).astype(float)
        self.network = pandana.Network(
            pd.Series(np.concatenate((roads.lon, incidents.lon))),
            pd.Series(np.concatenate((roads.lat, incidents.lat))),
            pd.Series(tails),
            pd.Series(heads),
            pd.DataFrame({"s": (ms + 0.5) / 1000.0}),
            twoway=False,
        )
        return {}

    def station(self, crew: Crew) -> None:
        """Take note of where the units are."""
        self.crew = crew

    def nearest(self, i: int, k: int) -> Ranked:
        """Return the ``k`` nearest to incident ``i``."""
        ends = np.full(len(self.crew.nodes), self.nodes + i)
        found = np.array(self.network.shortest_path_lengths(self.crew.nodes, ends), float)
        found[found >= UNREACHABLE_S] = np.inf
        return self.crew.rank(np.rint(found * 1000.0), self.incidents, i, k)

    def matrix(self, froms: Places, tos: Places) -> NDArray[np.float64]:
        """Refuse: a pair at a time takes no profit of rows and columns."""
        raise Absent("pandana answers pair by pair only")
