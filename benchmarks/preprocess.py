"""What does a network's hierarchy cost to make, to keep and to change? ``python -m benchmarks.preprocess``.

By network: the order and the shortcuts in seconds, the file's loading, the bytes by node, a whole customisation, and
the next version of the weights after 1, 100 and 1,000 arcs at random were changed. Every version is compared with one
that was customised anew. RoutingKit's own order and customisation, through its Python package, stand beside ours where
it is installed; how much a climb looks at under either order is how good the order is.
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

from benchmarks.graphs import GRAPHS, graph, networks
from benchmarks.harness import Report, Row, arguments, emit, say, table
from engine.travel import NEVER, Hierarchy, Weights
from engine.travel.customising import Metric, Ways, customise
from engine.travel.supergraph import lay_supergraph
from geo_data.road_network import RoadNetwork
from geo_data.speeds import travel_ms

CHANGED = (1, 100, 1_000)
ROUNDS = {False: 7, True: 1}
SAMPLE = 500


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
        "file_bytes_by_node": round(file_bytes / network.n_nodes, 1),
        "weights_bytes_by_node": round(weights.nbytes / network.n_nodes, 1),
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


def routingkit(network: RoadNetwork, ms: NDArray[np.int32], rounds: int, rng: np.random.Generator) -> Row:
    """Measure RoutingKit's Python package on the same network.

    Raises
    ------
    ImportError
        When it is not installed.
    """
    import routingkit_cch as peer  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    tail, head = network.arc_tail.tolist(), network.arc_head.tolist()
    lat, lon = network.node_lat.tolist(), network.node_lon.tolist()
    begun = time.perf_counter()
    order = peer.compute_order_inertial(network.n_nodes, tail, head, lat, lon)
    order_s = time.perf_counter() - begun
    cch = peer.CCH(order, tail, head, False)
    weights = np.minimum(ms, NEVER).tolist()
    metric = peer.CCHMetric(cch, weights)
    graph: Any = lay_supergraph(
        network.n_nodes,
        np.asarray(network.arc_tail, np.int32),
        np.asarray(network.arc_head, np.int32),
        np.array(order, np.int32),
    )
    ranks, looked_at = Hierarchy(graph, network, {}).search_space(
        rng.integers(0, network.n_nodes, SAMPLE).astype(np.int32)
    )
    return {
        "routingkit_order_s": round(order_s, 3),
        "routingkit_customise_ms": round(least_s(lambda: metric.reset(weights), rounds) * 1e3, 2),
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
            row |= routingkit(network, ms, rounds, np.random.default_rng(chosen.seed))
        except ImportError as error:
            report.absent["routingkit"] = str(error)
        report.results.append(row)
        table([{"what": key, "value": value} for key, value in row.items()], ["what", "value"])
    wrong = sum(row["mismatches"] for row in report.results)
    for row in report.results:
        for key in ("order_s", "load_ms", "customise_ms", "file_bytes_by_node", "weights_bytes_by_node"):
            report.summary[f"{key}_{row['graph']}"] = row[key]
    report.summary["mismatches"] = wrong
    emit(report, chosen.json)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
