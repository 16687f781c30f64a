"""What does a network's hierarchy cost to make, to keep and to change? ``python -m benchmarks.preprocess``.

By network: the order and the shortcuts in seconds, the file's loading, the bytes by node, a whole customisation, and
the next version of the weights after 1, 100 and 1,000 arcs at random were changed. Every version is compared with one
that was customised anew. RoutingKit's own order and customisation, through its Python package, stand beside ours; how
much a climb looks at under either order is how good the order is. What a process holds that has loaded a city with the
weights of all three profiles is measured from outside (`benchmarks.footprint`): within `MOST_MIB` at 1.3 million nodes.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import footprint
from benchmarks.graphs import GRAPHS, graph, networks
from benchmarks.harness import Report, Row, arguments, emit, say, table
from benchmarks.peers.environment import Missing
from benchmarks.peers.remote import Gone, Remote
from benchmarks.streets import places_of, roads_of
from engine.travel import NEVER, Hierarchy, Weights
from engine.travel.customising import Metric, Ways, customise
from engine.travel.supergraph import lay_supergraph
from geo_data.road_network import RoadNetwork
from geo_data.speeds import travel_ms

CHANGED = (1, 100, 1_000)
ROUNDS = {False: 7, True: 1}
SAMPLE = 500
MOST_MIB = {"1300k": 2_048}
KEYS = (
    "order_s",
    "load_ms",
    "customise_ms",
    "file_bytes_by_node",
    "file_bytes_by_arc",
    "weights_bytes_by_node",
    "weights_bytes_by_arc",
    "resident_most_mib",
)
"""What the summary holds of each network."""


def least_s(ask: Callable[[], object], rounds: int) -> float:
    """Return the least of some durations in seconds."""
    spent = []
    for _ in range(rounds):
        begun = time.perf_counter()
        ask()
        spent.append(time.perf_counter() - begun)
    return min(spent)


def ours(name: str, network: RoadNetwork, ms: NDArray[np.int32], rounds: int, rng: np.random.Generator) -> Row:
    """Measure one network."""
    made = Hierarchy.build(network)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roads.aph"
        made.save(path)
        load_s = least_s(lambda: Hierarchy.load(path, network), rounds)
        file_bytes = path.stat().st_size
        roads = Path(folder) / "roads.apn"
        network.save(roads)
        memory = footprint.measured(roads, path)
        roads_bytes = roads.stat().st_size
    weights = Weights.first(network, ms, made)
    assert weights.metric is not None
    slots = len(made.graph.head)
    metric = Metric(np.empty(slots, np.int32), np.empty(slots, np.int32))
    whole_s = least_s(lambda: customise(made.graph, Ways(ms, made.tail_rank), metric), rounds)
    ranks, looked_at = made.search_space(rng.integers(0, network.n_nodes, SAMPLE).astype(np.int32))
    row: Row = {
        "graph": name,
        "nodes": network.n_nodes,
        "arcs": network.n_arcs,
        "order_s": made.meta["seconds"]["order"],
        "shortcuts_s": made.meta["seconds"]["shortcuts"],
        "slots_by_node": round(slots / network.n_nodes, 2),
        "climb_nodes": round(ranks, 1),
        "climb_slots": round(looked_at),
        "load_ms": round(load_s * 1e3, 2),
        **{
            f"{what}_bytes_by_{thing}": round(held / count, 1)
            for what, held in (("roads", roads_bytes), ("file", file_bytes), ("weights", weights.nbytes))
            for thing, count in (("node", network.n_nodes), ("arc", network.n_arcs))
        },
        **memory,
        "customise_ms": round(whole_s * 1e3, 2),
    }
    passable = np.flatnonzero(ms < NEVER).astype(np.int32)
    wrong = 0
    for count in (c for c in CHANGED if c <= len(passable)):
        arcs = rng.choice(passable, count, replace=False)
        slower = np.minimum(ms[arcs].astype(np.int64) * 3 // 2 + 1, NEVER - 1).astype(np.int32)
        row[f"change_{count}_ms"] = round(least_s(partial(weights.changed, arcs, slower), rounds) * 1e3, 2)
        fresh = weights.changed(arcs, slower)
        customise(made.graph, Ways(fresh.arc_ms, made.tail_rank), metric)
        assert fresh.metric is not None
        wrong += not (np.array_equal(fresh.metric.up, metric.up) and np.array_equal(fresh.metric.down, metric.down))
    return row | {"mismatches": wrong}


def routingkit(network: RoadNetwork, ms: NDArray[np.int32], rng: np.random.Generator) -> Row:
    """Measure RoutingKit's Python package on the same network, in a process of its own.

    Raises
    ------
    Missing, Gone
        When it is not to be had, or fails.
    """
    peer = Remote.start("routingkit")
    try:
        roads = roads_of(network, ms)
        nowhere = places_of(network, ms, np.empty(0, np.int32), np.empty(0))
        figures = peer.ask("prepare", roads, nowhere)[1]
    finally:
        peer.end()
    graph: Any = lay_supergraph(network.n_nodes, roads.tail, roads.head, figures["order"])
    ranks, looked_at = Hierarchy(graph, network, {}).search_space(
        rng.integers(0, network.n_nodes, SAMPLE).astype(np.int32)
    )
    return {
        "routingkit_order_s": round(figures["order_s"], 3),
        "routingkit_customise_ms": round(figures["customise_s"] * 1e3, 2),
        "routingkit_climb_nodes": round(ranks, 1),
        "routingkit_climb_slots": round(looked_at),
    }


def _graphs(quick: bool, seed: int, report: Report) -> Iterator[tuple[str, RoadNetwork]]:
    """Yield the networks of `benchmarks.nearest` and, unless it is to be quick, those of `benchmarks.graphs`."""
    yield from networks(quick, seed, report)
    for label in () if quick else GRAPHS:
        try:
            yield label, graph(label)
        except FileNotFoundError as error:
            report.absent[label] = str(error)


def main(args: Sequence[str] | None = None) -> int:
    """Run it; 1 when a version differed from one customised anew."""
    chosen = arguments("preprocess", "What does a network's hierarchy cost to make, to keep and to change?", args)
    report = Report("preprocess", chosen.seed, ["numpy", "numba", "routingkit-cch"])
    rounds = ROUNDS[chosen.quick]
    for name, network in _graphs(chosen.quick, chosen.seed, report):
        say(f"{name}: {network.n_nodes:,} nodes")
        ms = travel_ms(network, "emergency")
        row = ours(name, network, ms, rounds, np.random.default_rng(chosen.seed))
        try:
            row |= {} if chosen.quick else routingkit(network, ms, np.random.default_rng(chosen.seed))
        except (Missing, Gone) as error:
            report.absent["routingkit"] = str(error)
        report.results.append(row)
        table([{"what": key, "value": value} for key, value in row.items()], ["what", "value"])
    if chosen.quick:
        report.absent["routingkit"] = "left out by --quick"
    summarise(report)
    emit(report, chosen.json)
    return verdict(report)


def summarise(report: Report) -> None:
    """Fill in the figures under their agreed names."""
    for row in report.results:
        for key in KEYS:
            report.summary[f"{key}_{row['graph']}"] = row[key]
    report.summary["mismatches"] = sum(row["mismatches"] for row in report.results)


def verdict(report: Report) -> int:
    """Hold the figures against the bars; say which were missed."""
    summary = report.summary
    missed = [f"mismatches: {summary['mismatches']}; limit: 0"] if summary["mismatches"] else []
    for label, most in MOST_MIB.items():
        held = summary.get(f"resident_most_mib_{label}")
        if isinstance(held, float) and held > most:
            missed.append(f"resident_most_mib_{label}: {held}; limit: at most {most}")
    for line in missed:
        say(f"missed: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
