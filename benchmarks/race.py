"""The ten nearest on cities and a town, in this process: ours, scipy, networkx and the straight line, in turn.

Part of ``python -m benchmarks.nearest``. Times are travel without turnout, one query at a time, from place to ranking;
what the others left in the caches is against everybody alike. Every ranking is compared with scipy's full search:
units and milliseconds must be equal.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.spatial
from numpy.typing import NDArray

from benchmarks.harness import Report, Row, median_ms, percentile_ms
from benchmarks.peers.course import Crew, Places, Ranked, same
from benchmarks.peers.scipy import Peer
from benchmarks.stand import Spots, Stand
from engine.fleet import READY
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree, point_at

K = 10
QUERIES = {False: 60, True: 5}
NETWORKX_QUERIES = {False: 2, True: 1}
Seconds = dict[str, list[float]]


@dataclass
class Arena:
    """One network with its weights, and what the peers made of it."""

    stand: Stand
    peer: Peer
    graph: Any
    """networkx's reversed graph, or None where networkx is absent."""


def arena(name: str, network: RoadNetwork, report: Report, seed: int) -> Arena:
    """Make everybody ready to answer."""
    stand, peer, graph = Stand.on(name, network, seed), Peer(), None
    roads = stand.roads()
    peer.roads = roads
    try:
        import networkx as nx  # noqa: PLC0415
    except ImportError as error:
        report.absent["networkx"] = str(error)
    else:
        graph = nx.DiGraph()
        graph.add_weighted_edges_from(zip(roads.head.tolist(), roads.tail.tolist(), roads.ms.tolist(), strict=True))
    return Arena(stand, peer, graph)


def by_networkx(graph: Any, nodes: int, incidents: Places, i: int) -> NDArray[np.float64]:
    """Return every node's time to an incident in ms by networkx, the incident as one more node."""
    import networkx as nx  # noqa: PLC0415

    for node, ms in incidents.ways_in(i):  # a loop has both its ends at one node
        graph.add_edge(nodes, node, weight=min(ms, graph.edges.get((nodes, node), {"weight": ms})["weight"]))
    found = nx.single_source_dijkstra_path_length(graph, nodes)
    graph.remove_node(nodes)
    out = np.full(nodes + 1, np.inf)
    out[np.fromiter(found.keys(), np.int64)] = np.fromiter(found.values(), float)
    return out[:nodes]


class Race:
    """The same incidents put to everybody in turn."""

    def __init__(self, place: Arena, eligible: int, spots: Spots) -> None:
        self.place, self.eligible, self.spots = place, eligible, spots
        stand = place.stand
        self.fleet = stand.fleet(eligible, apart=False)
        self.need = self.fleet.capability_mask(("patrol",)) | READY
        self.crew, self.incidents = Crew(stand.places(self.fleet.arc, self.fleet.fraction)), stand.places(*spots)
        place.peer.lay(self.incidents)
        place.peer.station(self.crew)
        self.east, self.north = metres_per_degree(float(stand.network.node_lat.mean()))
        self.tree = scipy.spatial.cKDTree(np.column_stack((self.fleet.lon * self.east, self.fleet.lat * self.north)))
        self.seconds: Seconds = {}
        self.wrong: dict[str, int] = {}
        self.settled: list[int] = []
        self.missed = self.first_missed = 0

    def ask(self, i: int, *, networkx_too: bool, counts: bool) -> None:
        """Put one incident to everybody; keep what came of it where it ``counts``."""
        stand, peer, spent = self.place.stand, self.place.peer, {}
        arc, fraction = int(self.spots[0][i]), float(self.spots[1][i])
        begun = time.perf_counter()
        ranking = stand.times.nearest(arc, fraction, self.fleet, self.need, K, -1)
        spent["ours"] = time.perf_counter() - begun
        answers: dict[str, Ranked] = {"ours": (ranking.travel_ms, ranking.unit.astype(np.int64))}
        begun = time.perf_counter()
        oracle = peer.nearest(i, K)
        spent["scipy_full"] = time.perf_counter() - begun
        answers["scipy_full"] = oracle
        if len(oracle[0]):
            begun = time.perf_counter()
            found = peer.to_incident(i, float(oracle[0][-1]))
            answers["scipy_told_where_to_stop"] = self.crew.rank(found[self.crew.nodes], self.incidents, i, K)
            spent["scipy_told_where_to_stop"] = time.perf_counter() - begun
        if self.place.graph is not None and networkx_too:
            begun = time.perf_counter()
            found = by_networkx(self.place.graph, stand.network.n_nodes, self.incidents, i)
            answers["networkx"] = self.crew.rank(found[self.crew.nodes], self.incidents, i, K)
            spent["networkx"] = time.perf_counter() - begun
        lon, lat = point_at(stand.network, arc, fraction)
        begun = time.perf_counter()
        _, near = self.tree.query((lon * self.east, lat * self.north), min(K, self.eligible))
        spent["straight_line"] = time.perf_counter() - begun
        if not counts:
            return
        for name, took in spent.items():
            self.seconds.setdefault(name, []).append(took)
        for name, ranked in answers.items():
            self.wrong[name] = self.wrong.get(name, 0) + (not same(ranked, oracle))
        self.settled.append(ranking.settled)
        crow = set(np.atleast_1d(near).tolist())
        units = oracle[1].tolist()
        self.missed += sum(unit not in crow for unit in units)
        self.first_missed += bool(units) and units[0] not in crow

    def rows(self) -> list[Row]:
        """Return a row for each of them."""
        rows, network = [], self.place.stand.network
        for name, took in self.seconds.items():
            row: Row = {
                "graph": self.place.stand.name,
                "nodes": network.n_nodes,
                "arcs": network.n_arcs,
                "eligible": self.eligible,
                "who": name,
                "queries": len(took),
                "median_ms": median_ms(took),
                "p99_ms": percentile_ms(took, 99),
                "times_slower": round(float(np.median(took) / np.median(self.seconds["ours"])), 1),
            }
            if name in self.wrong:
                row["mismatches"] = self.wrong[name]
            if name == "ours":
                row["settled_nodes"] = int(np.median(self.settled))
            if name == "straight_line":
                row["missed_of_ten"] = round(self.missed / (len(took) * min(K, self.eligible)), 4)
                row["nearest_missed"] = round(self.first_missed / len(took), 4)
            rows.append(row)
        return rows


def race(place: Arena, eligible: int, *, quick: bool) -> list[Row]:
    """Put the same incidents to everybody in turn; the first one warms caches and compiles, and does not count."""
    count = QUERIES[quick] + 1
    run = Race(place, eligible, place.stand.draw(count, apart=False))
    for i in range(count):
        run.ask(i, networkx_too=i <= NETWORKX_QUERIES[quick], counts=i > 0)
    return run.rows()
