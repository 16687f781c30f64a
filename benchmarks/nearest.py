"""How long does it take to know the ten nearest units by road? ``python -m benchmarks.nearest``.

Three parts. On a JEMSS city (Edmonton), an OSM city (Porto) and a made-up town of 300,000 nodes, with 10 to 10,000
eligible units: ours, scipy, networkx and the straight line (`benchmarks.race`). On greater Porto's driving network and
mosaics of it: ours beside OSRM, Valhalla, RoutingKit, igraph, pandana and scipy (`benchmarks.beside`). And the whole
question, from a coordinate, over the size of the city (`benchmarks.sizes`).

The run fails where one of our answers differs from the oracle's or a bar is missed.
"""

import sys
from pathlib import Path
from typing import Any

from benchmarks import beside, pictures, sizes
from benchmarks.graphs import networks
from benchmarks.harness import Report, arguments, emit, say, table
from benchmarks.race import arena, race

ELIGIBLE = (10, 100, 1_000, 10_000)
LEAST_RATIO, MOST_MS = 50.0, 1.0
PACKAGES = ("numpy", "numba", "scipy", "networkx", "h3")


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
    """Draw the pictures of all three parts."""
    pictures.cities(document, folder / "nearest.svg")
    pictures.peers(document, folder)


def main(args: list[str] | None = None) -> int:
    """Run the benchmark; 1 where an answer differs from the oracle's or a bar is missed."""
    chosen = arguments("nearest", str(__doc__).splitlines()[0], args)
    report = Report("nearest", chosen.seed, PACKAGES)
    for name, network in networks(chosen.quick, chosen.seed, report):
        say(f"{name}: {network.n_nodes:,} nodes, {network.n_arcs:,} arcs")
        place = arena(name, network, report, chosen.seed)
        for eligible in ELIGIBLE:
            rows = race(place, eligible, quick=chosen.quick)
            report.results.extend(rows)
            table(rows, ("who", "eligible", "queries", "median_ms", "p99_ms", "times_slower", "mismatches"))
    summarise(report)
    if chosen.quick:
        report.absent["other engines"] = "left out by --quick"
    else:
        beside.measure(report, chosen.seed)
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
    for who, least in beside.LEAST_RATIOS.items():
        ratio = summary.get(f"ratio_{who}")
        if isinstance(ratio, float) and ratio < least:
            missed.append(f"ratio_{who}: {ratio}; limit: at least {least}")
        if ratio is None and who in beside.MUST and "ours_median_ms_porto_500" in summary:
            missed.append(f"ratio_{who}: absent: {report.absent.get(who, 'it did not answer')}")
    for label, most_ms in sizes.MOST_P99_MS.items():
        worst = summary.get(f"worst_p99_ms_{label}")
        if isinstance(worst, float) and worst > most_ms:
            missed.append(f"worst_p99_ms_{label}: {worst}; limit: at most {most_ms}")
    for label in sizes.MOSAICS:
        unlike = summary.get(f"unlike_{label}")
        if isinstance(unlike, float) and unlike > sizes.MOST_UNLIKE:
            missed.append(f"unlike_{label}: {unlike}; limit: at most {sizes.MOST_UNLIKE}")
    for line in missed:
        say(f"missed: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
