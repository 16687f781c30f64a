"""Who is nearest, over the size of the city: the whole question from a coordinate to a ranking, one at a time.

Part of ``python -m benchmarks.nearest``. Incidents lie uniformly by length of street, some metres off it. Every number
of eligible units has three rounds of the same questions, and the round with the least 99th percentile counts: what
other programs on the machine did in between is not ours. A sample of the answers is found both ways, by search and by
hierarchy, and must be the same.
"""

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.graphs import graph, likeness
from benchmarks.harness import Report, Row, kept_hierarchy, say, table
from engine.fleet import READY, Fleet
from engine.model.entities import Unit
from engine.model.ids import UnitId
from engine.travel import NEVER, Hierarchy, TravelTimes
from geo_data.road_network import RoadNetwork
from geo_data.snapping import Snapper, metres_per_degree, point_at
from geo_data.speeds import travel_ms

LABELS = ("50k", "260k", "470k", "1300k")
MOST_P99_MS = {"50k": 0.4, "470k": 2.5, "1300k": 3.0}
"""The bars that `benchmarks.nearest` holds the worst 99th percentiles against."""
MOSAICS = ("470k", "1300k")
MOST_UNLIKE = 0.2
"""So far a mosaic's shares of degrees and chain nodes, and its search space, may lie from Porto's own."""
ELIGIBLE = (10, 100, 1_000, 10_000, 100_000)
QUERIES, ROUNDS, CHECKED = 2_000, 3, 25
K = 10
OFF_M = 15.0


def measure(report: Report, seed: int) -> None:
    """Add a row by graph and number of eligible units, and the worst 99th percentile by graph to the summary."""
    first: Row | None = None
    for label in LABELS:
        try:
            network = graph(label)
        except FileNotFoundError as error:
            report.absent[label] = str(error)
            say(f"{label}: absent: {error}")
            continue
        hierarchy = kept_hierarchy(network)
        like = likeness(network, hierarchy, seed)
        first = first or like
        rows = _rows(label, network, hierarchy, seed)
        to_tile = {f"{key}_to_tile": _ratio(like, first, key) for key in _ALIKE}
        report.results.append({"graph": label, **like, **to_tile})
        if label in MOSAICS:
            report.summary[f"unlike_{label}"] = round(max(abs(ratio - 1.0) for ratio in to_tile.values()), 3)
        report.results.extend(rows)
        report.summary[f"nodes_{label}"] = network.n_nodes
        report.summary[f"worst_p99_ms_{label}"] = max(row["p99_ms"] for row in rows)
        report.summary["mismatches"] = int(report.summary.get("mismatches") or 0) + sum(row["wrong"] for row in rows)
        table(rows, ["graph", "eligible", "median_ms", "p99_ms", "by_search", "by_hierarchy", "gave_up", "wrong"])


_ALIKE = ("degree_1", "degree_2", "degree_3", "degree_4", "chain_nodes", "climb_nodes", "climb_slots")


def _ratio(row: Row, other: Row, key: str) -> float:
    return round(row[key] / other[key], 3) if other[key] else 1.0


def _rows(label: str, network: RoadNetwork, hierarchy: Hierarchy, seed: int) -> list[Row]:
    rng = np.random.default_rng(seed)
    ms = travel_ms(network, "emergency")
    times, snapper = TravelTimes(network, ms, hierarchy), Snapper(network)
    share = np.where(ms < NEVER, network.arc_length_m.astype(float), 0.0)
    share /= share.sum()
    lon, lat = _places(network, share, QUERIES, rng)
    rows = []
    for eligible in ELIGIBLE:
        fleet = _crew(network, ms, snapper, share, eligible, rng)
        rounds = []
        times.counts.update(dict.fromkeys(times.counts, 0))
        for _ in range(ROUNDS):
            spent = np.empty(QUERIES)
            for i in range(QUERIES):
                begun = time.perf_counter()
                spot = snapper.snap(lon[i], lat[i])
                times.nearest(spot.arc, spot.fraction, fleet, READY, K, 0)
                spent[i] = time.perf_counter() - begun
            rounds.append(spent * 1e3)
        best = min(rounds, key=lambda spent: float(np.percentile(spent, 99)))
        row: Row = {
            "graph": label,
            "nodes": network.n_nodes,
            "eligible": eligible,
            "queries": QUERIES,
            "median_ms": round(float(np.median(best)), 4),
            "p99_ms": round(float(np.percentile(best, 99)), 4),
        }
        row |= {f"by_{how}": times.counts[how] for how in ("search", "hierarchy")} | {
            "gave_up": times.counts["gave_up"]
        }
        rows.append(row | {"wrong": _differing(times, snapper, fleet, lon, lat)})
    return rows


def _differing(
    times: TravelTimes, snapper: Snapper, fleet: Fleet, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> int:
    """Return how many of a few incidents have another ranking by search than by hierarchy."""
    wrong = 0
    for i in range(CHECKED):
        spot = snapper.snap(lon[i], lat[i])
        one, other = (
            times.nearest(spot.arc, spot.fraction, fleet, READY, K, 0, how) for how in ("search", "hierarchy")
        )
        wrong += not (np.array_equal(one.unit, other.unit) and np.array_equal(one.eta_ms, other.eta_ms))
    return wrong


def _places(
    network: RoadNetwork, share: NDArray[np.float64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coordinates some metres off streets that were drawn by their length."""
    arcs = rng.choice(network.n_arcs, count, p=share)
    spots = np.array([point_at(network, int(arc), float(rng.random())) for arc in arcs])
    per_lon, per_lat = metres_per_degree(float(network.node_lat.mean()))
    off = rng.normal(0.0, OFF_M, (count, 2)) / (per_lon, per_lat)
    return spots[:, 0] + off[:, 0], spots[:, 1] + off[:, 1]


def _crew(
    network: RoadNetwork,
    ms: NDArray[np.int32],
    snapper: Snapper,
    share: NDArray[np.float64],
    count: int,
    rng: np.random.Generator,
) -> Fleet:
    """Return a fleet of ready units on streets drawn by their length."""
    lon, lat = _places(network, share, count, rng)
    fleet = Fleet(network, ms, snapper)
    fleet.add(
        [
            Unit(id=UnitId(f"U{i}"), name="", capabilities=("patrol",), lon=float(x), lat=float(y))
            for i, (x, y) in enumerate(zip(lon, lat, strict=True))
        ],
        0,
    )
    return fleet
