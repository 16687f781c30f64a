"""What does a pair cost in a table of travel times? ``python -m benchmarks.matrix``.

100 places to 1,000 on greater Porto's driving network, beside RoutingKit and OSRM (whose contraction of anything
larger takes many minutes); 100 to 10,000 on a mosaic of it, beside RoutingKit. Places lie at random on arcs; peers
answer in turn, `ROUNDS` times; their clock runs from places to a full table of numbers.

Everybody's table is compared with scipy's searches to some of the columns, and as a whole with that of the first peer
that is given our milliseconds, which is RoutingKit. They must be equal; OSRM rounds coordinates, so its times may
differ by what that makes of them.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.beside import MOST_S
from benchmarks.graphs import TOWN_NODES, graph
from benchmarks.harness import Report, Row, arguments, emit, kept_network, median_ms, say, table
from benchmarks.peers.course import Places
from benchmarks.peers.remote import PEERS, Field, Gone
from benchmarks.stand import Spots, Stand
from benchmarks.streets import kept_osm
from engine.travel import NEVER
from geo_data.road_network import RoadNetwork
from geo_data.town import make_town

ROUNDS = 5
CHECKED = 20
"""Columns that scipy searches to."""
ORACLE = "scipy_full"
MUST_BE_SLOWER = ("ratio_routingkit", "ratio_routingkit_50k", "ratio_osrm_ch")
Times = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """One table: its graph, its places, who takes part beside ours."""

    label: str
    rows: int
    columns: int
    peers: tuple[str, ...]


SIZES = (
    Size("50k", 100, 1_000, ("routingkit", "osrm_ch", "osrm_mld")),
    Size("470k", 100, 10_000, ("routingkit",)),
)
QUICK = Size("town", 20, 200, ())


def measure(size: Size, network: RoadNetwork, report: Report) -> list[Row]:
    """Fill one table by everybody, in turn; return a row for each."""
    stand = Stand.on(size.label, network, report.seed)
    snapped = any(PEERS[name].answers == "rounded" for name in size.peers)
    spots = stand.draw(size.rows, apart=snapped), stand.draw(size.columns, apart=snapped)
    froms, tos = (stand.places(*some) for some in spots)
    osm = kept_osm(size.label, network, stand.ms) if snapped else ""
    say(f"{size.label}: {network.n_nodes:,} nodes, {size.rows:,} x {size.columns:,}")
    with Field.start((ORACLE, *size.peers), report) as field:
        field.prepare(stand.roads(osm), froms)
        some = np.sort(stand.rng.choice(size.columns, min(CHECKED, size.columns), replace=False))
        truth = field.peers[ORACLE].ask("matrix", froms, tos.take(some))[1]
        spent, found = take_turns(stand, field, spots, froms, tos)
    rows = []
    whole = next((found[name] for name in found if name != "ours" and PEERS[name].answers == "equal"), found["ours"])
    ours_s = float(np.median(spent["ours"]))
    for name, times in found.items():
        rounded = name in PEERS and PEERS[name].answers == "rounded"
        slack = stand.rounded_ms(froms)[:, None] + stand.rounded_ms(tos) if rounded else np.zeros(times.shape)
        rows.append(
            {
                "graph": size.label,
                "nodes": network.n_nodes,
                "who": name,
                "rows": size.rows,
                "columns": size.columns,
                "rounds": len(spent[name]),
                "median_ms": median_ms(spent[name]),
                "ns_per_pair": round(float(np.median(spent[name])) * 1e9 / times.size, 1),
                "ratio": round(float(np.median(spent[name])) / ours_s, 2),
                "does": PEERS[name].does if name in PEERS else "",
                "mismatches": differing(times[:, some], truth, slack[:, some]) + differing(times, whole, slack),
            }
        )
    return rows


def take_turns(
    stand: Stand, field: Field, spots: tuple[Spots, Spots], froms: Places, tos: Places
) -> tuple[dict[str, list[float]], dict[str, Times]]:
    """Let everybody fill the table in turn; the first time of each does not count if it is not the only one."""
    spent: dict[str, list[float]] = {}
    found: dict[str, Times] = {}
    for _ in range(1 + ROUNDS):
        begun = time.perf_counter()
        ours = stand.times.matrix(*spots[0], *spots[1])
        spent.setdefault("ours", []).append(time.perf_counter() - begun)
        found["ours"] = np.where(ours < NEVER, ours, np.inf)
        for name, peer in list(field.peers.items()):
            if name == ORACLE or sum(spent.get(name, ())) > MOST_S:
                continue
            try:
                seconds, found[name] = peer.ask("matrix", froms, tos)
            except Gone as why:
                field.leave(name, str(why))
            else:
                spent.setdefault(name, []).append(seconds)
    return {name: took[1:] or took for name, took in spent.items()}, found


def differing(times: Times, truth: Times, slack: Times) -> int:
    """Return how many times differ by more than the slack, or are known to one alone."""
    both = np.isfinite(times) & np.isfinite(truth)
    off = np.abs(np.where(both, times, 0) - np.where(both, truth, 0)) > slack
    return int(np.count_nonzero(off | (np.isfinite(times) != np.isfinite(truth))))


def summarise(report: Report) -> None:
    """Fill in the figures under their agreed names; mismatches of ours apart from the peers'."""
    summary = report.summary
    for row in report.results:
        where = f"{row['graph']}_{row['rows']}x{row['columns']}"
        if row["who"] == "ours":
            summary[f"ns_per_pair_{where}"] = row["ns_per_pair"]
        else:
            summary[f"ratio_{row['who']}_{row['graph']}"] = row["ratio"]
            key = f"mismatches_{row['who']}"
            summary[key] = int(summary.get(key) or 0) + row["mismatches"]
    for short, long in (("routingkit", "routingkit_470k"), ("osrm_ch", "osrm_ch_50k")):
        if f"ratio_{long}" in summary:
            summary[f"ratio_{short}"] = summary[f"ratio_{long}"]
    summary["mismatches"] = sum(row["mismatches"] for row in report.results if row["who"] == "ours")


def verdict(report: Report) -> int:
    """Hold the figures against the bars; say which were missed."""
    summary = report.summary
    missed = [f"mismatches: {summary['mismatches']}; limit: 0"] if summary["mismatches"] else []
    for name in MUST_BE_SLOWER:
        ratio = summary.get(name)
        if isinstance(ratio, float) and ratio <= 1.0:
            missed.append(f"{name}: {ratio}; limit: above 1")
    for line in missed:
        say(f"missed: {line}")
    return 1 if missed else 0


def main(args: list[str] | None = None) -> int:
    """Run the benchmark; 1 where a time of ours differs or a peer is ahead."""
    chosen = arguments("matrix", str(__doc__).splitlines()[0], args)
    report = Report("matrix", chosen.seed, ("numpy", "numba", "scipy"))
    for size in (QUICK,) if chosen.quick else SIZES:
        try:
            if chosen.quick:
                nodes = TOWN_NODES[True]
                network = kept_network(f"town_{nodes // 1000}k_{chosen.seed}", make_town(nodes, chosen.seed).network)
            else:
                network = graph(size.label)
        except FileNotFoundError as error:
            report.absent[size.label] = str(error)
            continue
        rows = measure(size, network, report)
        report.results.extend(rows)
        table(rows, ("who", "rows", "columns", "rounds", "median_ms", "ns_per_pair", "ratio", "mismatches"))
    summarise(report)
    emit(report, chosen.json)
    return verdict(report)


if __name__ == "__main__":
    sys.exit(main())
