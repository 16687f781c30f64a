"""How long does it take to know the ten nearest units by road? ``python -m benchmarks.nearest``.

On a JEMSS city (Edmonton), an OSM city (Porto) and a made-up town of 300,000 nodes, with 10 to 10,000 eligible units,
the same incidents are put in turn to: ours (a search with an early stop, or the hierarchy for few units); scipy's full
search over the whole reversed graph with the incident as one more node; scipy told beforehand where it may stop;
networkx's full search; and the straight line, which is quick and often wrong. Times are travel without turnout, one
query at a time, from place to ranking; what the others left in the caches is against everybody alike. Every ranking is
compared with scipy's: units and milliseconds must be equal. Then the whole question over the size of the city, see
`benchmarks.sizes`.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import scipy.spatial
from numpy.typing import NDArray
from scipy.sparse import csgraph

from benchmarks import sizes
from benchmarks.harness import (
    Report,
    Row,
    arguments,
    data_folder,
    emit,
    kept_network,
    median_ms,
    percentile_ms,
    say,
    table,
)
from engine.fleet import READY, Fleet
from engine.model.entities import Unit
from engine.model.ids import UnitId
from engine.travel import NEVER, Hierarchy, TravelTimes
from geo_data.building import build_network
from geo_data.raw_roads import Mode
from geo_data.road_network import RoadNetwork
from geo_data.snapping import Snapper, metres_per_degree, point_at
from geo_data.speeds import travel_ms
from geo_data.town import make_town

K = 10
ELIGIBLE = (10, 100, 1_000, 10_000)
TOWN_NODES = {False: 300_000, True: 20_000}
QUERIES = {False: 60, True: 5}
NETWORKX_QUERIES = {False: 2, True: 1}
LEAST_RATIO, MOST_MS = 50.0, 1.0
Seconds = dict[str, list[float]]


@dataclass
class Arena:
    """One network with its weights, and what the peers made of it."""

    name: str
    network: RoadNetwork
    ms: NDArray[np.int32]
    times: TravelTimes
    snapper: Snapper
    peer: "Peer"
    graph: Any
    """networkx's reversed graph, or None where networkx is absent."""


class Peer:
    """Scipy's shortest paths over the reversed graph; the incident is one more node with two edges, set by query."""

    def __init__(self, network: RoadNetwork, ms: NDArray[np.int32]) -> None:
        self.network, self.ms, n = network, ms, network.n_nodes
        arcs = np.flatnonzero(ms < NEVER)
        arcs = arcs[np.lexsort((ms[arcs], network.arc_tail[arcs], network.arc_head[arcs]))]
        row, column = network.arc_head[arcs], network.arc_tail[arcs]
        quickest = np.concatenate(([True], (np.diff(row) != 0) | (np.diff(column) != 0)))
        self.rows, self.columns, self.weights = row[quickest], column[quickest], ms[arcs[quickest]]
        count = np.bincount(self.rows, minlength=n + 1)
        count[n] = 2
        self.matrix: Any = scipy.sparse.csr_array(
            (
                np.append(self.weights.astype(float), [1.0, 1.0]),
                np.append(self.columns, [0, 0]).astype(np.int32),
                np.append(0, np.cumsum(count)).astype(np.int32),
            ),
            shape=(n + 1, n + 1),
        )

    def ends(self, arc: int, fraction: float) -> list[tuple[int, int]]:
        """Return the arcs that lead to the incident, with the milliseconds from their tails."""
        both = ((arc, fraction), (int(self.network.arc_reverse[arc]), 1.0 - fraction))
        return [(on, int(at * int(self.ms[on]) + 0.5)) for on, at in both if on >= 0 and self.ms[on] < NEVER]

    def search(self, arc: int, fraction: float, limit_ms: float = np.inf) -> NDArray[np.float64]:
        """Return every node's time to the incident in ms; infinite beyond the limit."""
        ends = self.ends(arc, fraction)
        ends = ends if len(ends) == 2 else ends * 2
        # One millisecond more on both edges, taken off again: scipy has no edge of zero.
        self.matrix.indices[-2:] = [int(self.network.arc_tail[on]) for on, _ in ends]
        self.matrix.data[-2:] = [ms + 1.0 for _, ms in ends]
        n = self.network.n_nodes
        found: NDArray[np.float64] = csgraph.dijkstra(self.matrix, indices=[n], limit=limit_ms + 1.0)
        return found[0, :n] - 1.0


class Ends:
    """The units' ends of street, laid out for peers that have every node's time to the incident."""

    def __init__(self, network: RoadNetwork, ms: NDArray[np.int32], fleet: Fleet) -> None:
        units = np.arange(len(fleet))
        back = network.arc_reverse[fleet.arc]
        two = np.flatnonzero((back >= 0) & (ms[back] < NEVER))
        one = np.flatnonzero(ms[fleet.arc] < NEVER)
        self.unit = np.concatenate((units[one], units[two]))
        self.arc = np.concatenate((fleet.arc[one], back[two]))
        at = np.concatenate((fleet.fraction[one], 1.0 - fleet.fraction[two]))
        self.behind = np.floor(at * ms[self.arc] + 0.5)
        self.after = ms[self.arc] - self.behind
        self.head = network.arc_head[self.arc]
        self.places = [(int(arc), float(fraction)) for arc, fraction in zip(fleet.arc, fleet.fraction, strict=True)]

    def rank(self, node_ms: NDArray[np.float64], ends: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the ten nearest as (ms, unit); ``ends`` are the incident's arcs with the ms behind it."""
        ms = node_ms[self.head] + self.after
        for arc, behind in ends:
            direct = np.flatnonzero((self.arc == arc) & (self.behind <= behind))
            ms[direct] = np.minimum(ms[direct], behind - self.behind[direct])
        least = np.full(len(self.places), np.inf)
        np.minimum.at(least, self.unit, ms)
        few = np.flatnonzero(least <= np.partition(least, min(K, len(least)) - 1)[min(K, len(least)) - 1])
        few = few[np.isfinite(least[few])]
        order = few[np.lexsort((few, least[few]))][:K]
        return [(int(least[unit]), int(unit)) for unit in order]


def networks(quick: bool, seed: int, report: Report) -> Iterator[tuple[str, RoadNetwork]]:
    """Yield the networks that there is data for; the others are reported absent."""
    nodes = TOWN_NODES[quick]
    sources: dict[str, Callable[[], RoadNetwork]] = {
        "edmonton": lambda: build_network(_jemss(data_folder() / "edmonton")),
        "porto": lambda: build_network(_osm(data_folder() / "osm" / "porto.osm.pbf")),
        f"town_{nodes // 1000}k": lambda: make_town(nodes, seed).network(),
    }
    for name, build in sources.items():
        if quick and name == "porto":
            report.absent[name] = "left out by --quick"
            continue
        try:
            yield name, kept_network(f"{name}_{seed}" if name.startswith("town") else name, build)
        except FileNotFoundError as error:
            report.absent[name] = str(error)
            say(f"{name}: absent: {error}")


def _jemss(folder: Path) -> Any:
    from geo_data.sources.jemss import read_jemss  # noqa: PLC0415

    _require(folder)
    return read_jemss(folder)


def _osm(path: Path) -> Any:
    from geo_data.sources.osm import read_osm  # noqa: PLC0415

    _require(path)
    return read_osm(path)


def _require(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path.name}: no such file in ALLPOINTS_DATA")


def arena(name: str, network: RoadNetwork, report: Report) -> Arena:
    """Make everybody ready to answer."""
    ms = travel_ms(network, "emergency")
    peer = Peer(network, ms)
    graph = None
    try:
        import networkx as nx  # noqa: PLC0415
    except ImportError as error:
        report.absent["networkx"] = str(error)
    else:
        graph = nx.DiGraph()
        graph.add_weighted_edges_from(
            zip(peer.rows.tolist(), peer.columns.tolist(), peer.weights.tolist(), strict=True)
        )
    times = TravelTimes(network, ms, Hierarchy.build(network))
    return Arena(name, network, ms, times, Snapper(network, Mode.EMERGENCY), peer, graph)


def crew(place: Arena, count: int, rng: np.random.Generator) -> Fleet:
    """Return a fleet of ready units at random places on the streets."""
    arcs = rng.choice(np.flatnonzero(place.ms < NEVER), count)
    spots = [point_at(place.network, int(arc), float(rng.random())) for arc in arcs]
    units = [
        Unit(id=UnitId(f"U{i}"), name="", capabilities=("patrol",), lon=lon, lat=lat)
        for i, (lon, lat) in enumerate(spots)
    ]
    fleet = Fleet(place.network, place.ms, place.snapper)
    fleet.add(units, 0)
    return fleet


def by_networkx(place: Arena, ends: list[tuple[int, int]]) -> NDArray[np.float64]:
    """Return every node's time to the incident in ms by networkx, the incident as one more node."""
    import networkx as nx  # noqa: PLC0415

    graph, nodes = place.graph, place.network.n_nodes
    for arc, ms in ends:  # a loop has both its ends at one node
        node = int(place.network.arc_tail[arc])
        graph.add_edge(nodes, node, weight=min(ms, graph.edges.get((nodes, node), {"weight": ms})["weight"]))
    found = nx.single_source_dijkstra_path_length(graph, nodes)
    graph.remove_node(nodes)
    out = np.full(nodes + 1, np.inf)
    out[np.fromiter(found.keys(), np.int64)] = np.fromiter(found.values(), float)
    return out[:nodes]


class Race:
    """The same incidents put to everybody in turn."""

    def __init__(self, place: Arena, eligible: int, rng: np.random.Generator) -> None:
        self.place, self.eligible = place, eligible
        self.fleet = crew(place, eligible, rng)
        self.need = self.fleet.capability_mask(("patrol",)) | READY
        self.ends = Ends(place.network, place.ms, self.fleet)
        self.east, self.north = metres_per_degree(float(place.network.node_lat.mean()))
        self.tree = scipy.spatial.cKDTree(np.column_stack((self.fleet.lon * self.east, self.fleet.lat * self.north)))
        self.seconds: Seconds = {}
        self.wrong: dict[str, int] = {}
        self.settled: list[int] = []
        self.missed = self.first_missed = 0

    def ask(self, arc: int, fraction: float, *, networkx_too: bool, counts: bool) -> None:
        """Put one incident to everybody; keep what came of it where it ``counts``."""
        place, ends, spent = self.place, self.ends, {}
        own = place.peer.ends(arc, fraction)
        begun = time.perf_counter()
        ranking = place.times.nearest(arc, fraction, self.fleet, self.need, K, -1)
        spent["ours"] = time.perf_counter() - begun
        answers = {"ours": list(zip(ranking.travel_ms.tolist(), ranking.unit.tolist(), strict=True))}
        begun = time.perf_counter()
        oracle = ends.rank(place.peer.search(arc, fraction), own)
        spent["scipy_full"] = time.perf_counter() - begun
        answers["scipy_full"] = oracle
        if oracle:
            begun = time.perf_counter()
            answers["scipy_told_where_to_stop"] = ends.rank(place.peer.search(arc, fraction, oracle[-1][0]), own)
            spent["scipy_told_where_to_stop"] = time.perf_counter() - begun
        if place.graph is not None and networkx_too:
            begun = time.perf_counter()
            answers["networkx"] = ends.rank(by_networkx(place, own), own)
            spent["networkx"] = time.perf_counter() - begun
        lon, lat = point_at(place.network, arc, fraction)
        begun = time.perf_counter()
        _, near = self.tree.query((lon * self.east, lat * self.north), min(K, self.eligible))
        spent["straight_line"] = time.perf_counter() - begun
        if not counts:
            return
        for name, took in spent.items():
            self.seconds.setdefault(name, []).append(took)
        for name, ranked in answers.items():
            self.wrong[name] = self.wrong.get(name, 0) + (ranked != oracle)
        self.settled.append(ranking.settled)
        crow = set(np.atleast_1d(near).tolist())
        self.missed += sum(unit not in crow for _, unit in oracle)
        self.first_missed += bool(oracle) and oracle[0][1] not in crow

    def rows(self) -> list[Row]:
        """Return a row for each of them."""
        rows = []
        for name, took in self.seconds.items():
            row: Row = {
                "graph": self.place.name,
                "nodes": self.place.network.n_nodes,
                "arcs": self.place.network.n_arcs,
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


def race(place: Arena, eligible: int, seed: int, quick: bool) -> list[Row]:
    """Put the same incidents to everybody in turn; the first one warms caches and compiles, and does not count."""
    rng = np.random.default_rng([seed, eligible])
    run = Race(place, eligible, rng)
    for turn, arc in enumerate(rng.choice(np.flatnonzero(place.ms < NEVER), QUERIES[quick] + 1).tolist()):
        run.ask(arc, float(rng.random()), networkx_too=turn <= NETWORKX_QUERIES[quick], counts=turn > 0)
    return run.rows()


def summarise(report: Report) -> None:
    """Fill in the figures under their agreed names."""
    summary = report.summary
    for row in report.results:
        key = f"{row['graph'].removeprefix('town_')}_{row['eligible']}"
        if row["who"] == "ours":
            summary[f"ours_median_ms_{key}"] = row["median_ms"]
        elif row["who"] == "straight_line":
            summary[f"straight_line_missed_{key}"] = row["missed_of_ten"]
        else:
            summary[f"ratio_{row['who']}_{key}"] = row["times_slower"]
    summary["mismatches"] = sum(row.get("mismatches", 0) for row in report.results)


def plot(document: dict[str, Any], folder: Path) -> None:
    """Draw median times over the number of eligible units, one panel for each network."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    results = [row for row in document["results"] if "who" in row]
    graphs = list(dict.fromkeys(row["graph"] for row in results))
    figure, axes = plt.subplots(1, len(graphs), figsize=(4.6 * len(graphs), 4), sharey=True, squeeze=False)
    for axis, graph in zip(axes[0], graphs, strict=True):
        rows = [row for row in results if row["graph"] == graph]
        for who in dict.fromkeys(row["who"] for row in rows):
            points = [(row["eligible"], row["median_ms"]) for row in rows if row["who"] == who]
            axis.loglog(*zip(*points, strict=True), marker="o", label=who.replace("_", " "))
        axis.set_title(f"{graph}: {rows[0]['nodes']:,} nodes")
        axis.set_xlabel("eligible units")
        axis.grid(visible=True, which="both", alpha=0.2)
    axes[0][0].set_ylabel("median, ms")
    axes[0][-1].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(folder / "nearest.svg")
    plt.close(figure)


def main(args: list[str] | None = None) -> int:
    """Run the benchmark; 1 where an answer differs from the oracle's or a bar is missed."""
    chosen = arguments("nearest", str(__doc__).splitlines()[0], args)
    report = Report("nearest", chosen.seed, ("numpy", "numba", "scipy", "networkx", "h3"))
    for name, network in networks(chosen.quick, chosen.seed, report):
        say(f"{name}: {network.n_nodes:,} nodes, {network.n_arcs:,} arcs")
        place = arena(name, network, report)
        for eligible in ELIGIBLE:
            rows = race(place, eligible, chosen.seed, chosen.quick)
            report.results.extend(rows)
            table(rows, ("who", "eligible", "queries", "median_ms", "p99_ms", "times_slower", "mismatches"))
    summarise(report)
    if not chosen.quick:
        sizes.measure(report, chosen.seed)
    emit(report, chosen.json)
    return verdict(report)


def verdict(report: Report) -> int:
    """Hold the figures against the bars; say which were missed."""
    summary, missed = report.summary, []
    if summary["mismatches"]:
        missed.append(f"mismatches: {summary['mismatches']}; limit: 0")
    ours, ratio = summary.get("ours_median_ms_300k_1000"), summary.get("ratio_scipy_full_300k_1000")
    if isinstance(ours, float) and ours >= MOST_MS:
        missed.append(f"ours_median_ms_300k_1000: {ours}; limit: below {MOST_MS}")
    if isinstance(ratio, float) and ratio < LEAST_RATIO:
        missed.append(f"ratio_scipy_full_300k_1000: {ratio}; limit: at least {LEAST_RATIO}")
    for label, most_ms in sizes.MOST_P99_MS.items():
        worst = summary.get(f"worst_p99_ms_{label}")
        if isinstance(worst, float) and worst > most_ms:
            missed.append(f"worst_p99_ms_{label}: {worst}; limit: at most {most_ms}")
    for line in missed:
        say(f"missed: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
