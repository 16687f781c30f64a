"""Who is nearest, ours beside other engines: the same streets, places and milliseconds, in the same run.

Part of ``python -m benchmarks.nearest``. A question is the ten nearest of some units to an incident, from place to
ranking; everybody is told beforehand where the units are and where the incidents will be. All take turns, a few
incidents in a row, so that a disturbed moment meets everybody; the first question of a case is asked twice and its
first time does not count. Who has spent `MOST_S` on a case is asked no more in it, and whose median was above `LONG_S`
is not asked about more units. Rankings are compared with scipy's full search: ours and those of peers that are given
our milliseconds must be equal; OSRM rounds coordinates, so its times may differ by what that makes of them.

Places lie at random on the streets' arcs. On greater Porto, where peers snap coordinates, only where a metre around no
other street is drawn.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.graphs import graph
from benchmarks.harness import Report, Row, median_ms, percentile_ms, say, table
from benchmarks.peers.course import Crew, Places, Ranked, same
from benchmarks.peers.remote import PEERS, Field, Remote
from benchmarks.stand import Stand
from benchmarks.streets import kept_osm

Answers = dict[str, tuple[list[float], list[Ranked]]]

FIRST = "50k"
"""Greater Porto: where all peers take part and the ratios of the summary come from."""
UNITS, K = 500, 10
MOST_ASKED = 60
IN_A_ROW = 6
MOST_S, LONG_S = 8.0, 1.0
LEAST_RATIOS = {"scipy_full": 50.0, "routingkit": 3.0, "osrm_ch": 200.0, "igraph": 100.0}
"""The bars that `benchmarks.nearest` holds the ratios of medians, peer to ours, against."""

MUST = ("scipy_full", "routingkit", "igraph")
"""Peers that every machine can have: the run fails without them."""


@dataclass(frozen=True)
class Case:
    """One setting: how many units, how many are wanted, how many incidents."""

    units: int
    k: int = K
    incidents: int = 12


ON_PORTO = (
    Case(UNITS, incidents=MOST_ASKED),
    *(Case(units) for units in (10, 100, 1_000, 10_000, 100_000)),
    *(Case(1_000, k) for k in (1, 50, 200)),
)
ELSEWHERE = (Case(1_000),)
CASES = {FIRST: ON_PORTO, "260k": ELSEWHERE, "470k": ELSEWHERE, "1300k": ELSEWHERE}
EVERYWHERE = ("scipy_full", "igraph", "routingkit")
"""Peers that any size suits; the others take minutes to prepare what is larger than Porto."""


def measure(report: Report, seed: int) -> None:
    """Add a row by graph, case and contender, and the ratios on Porto to the summary."""
    for label, cases in CASES.items():
        try:
            stand = Stand.on(label, graph(label), seed)
        except FileNotFoundError as error:
            report.absent[label] = str(error)
            continue
        osm = kept_osm(label, stand.network, stand.ms) if label == FIRST else ""
        with Field.start(PEERS if osm else EVERYWHERE, report) as field:
            report.results.extend(run(stand, field, osm, cases))
    summarise(report)


def run(stand: Stand, field: Field, osm: str, cases: tuple[Case, ...]) -> list[Row]:
    """Run some cases on one graph."""
    say(f"{stand.name}: {stand.network.n_nodes:,} nodes, beside {', '.join(field.peers)}")
    most = max(case.incidents for case in cases)
    spots = stand.draw(most, apart=bool(osm))
    incidents = stand.places(*spots)
    field.prepare(stand.roads(osm), incidents)
    rows: list[Row] = []
    for case in cases:
        tired = {row["who"] for row in rows if row["units"] < case.units and row["median_ms"] > LONG_S * 1e3}
        resting = {name: field.peers.pop(name) for name in sorted(tired & set(field.peers))}
        answers, crew = race(stand, field, case, spots, apart=bool(osm))
        field.peers.update(resting)
        rows.extend(_rows(stand, field, case, answers, crew.places, incidents))
        table(rows[-len(answers) :], ("who", "units", "k", "asked", "median_ms", "p99_ms", "ratio", "mismatches"))
    return rows


def race(
    stand: Stand, field: Field, case: Case, spots: tuple[NDArray[np.int32], NDArray[np.float64]], *, apart: bool
) -> tuple[Answers, Crew]:
    """Put a case's incidents to everybody in turn, a few in a row."""
    fleet = stand.fleet(case.units, apart=apart)
    crew = Crew(stand.places(fleet.arc, fleet.fraction))
    resting: dict[str, Remote] = {}
    field.station(crew)
    field.race([0], case.k, MOST_S)
    stand.race(fleet, spots, [0], case.k)
    answers: Answers = {}
    for first in range(0, case.incidents, IN_A_ROW):
        row = list(range(first, min(first + IN_A_ROW, case.incidents)))
        found = {"ours": stand.race(fleet, spots, row, case.k)} | field.race(row, case.k, MOST_S)
        for name, (spent, ranked) in found.items():
            before = answers.setdefault(name, ([], []))
            before[0].extend(spent)
            before[1].extend(ranked)
            if sum(before[0]) > MOST_S and name in field.peers:
                resting[name] = field.peers.pop(name)
    field.peers.update(resting)
    return answers, crew


def _rows(stand: Stand, field: Field, case: Case, answers: Answers, units: Places, incidents: Places) -> list[Row]:
    """Return a row by contender."""
    oracle = answers["scipy_full"][1]
    slack = stand.rounded_ms(units), stand.rounded_ms(incidents)
    ours_s = float(np.median(answers["ours"][0]))
    rows = []
    for name, (spent, found) in answers.items():
        row: Row = {
            "graph": stand.name,
            "nodes": stand.network.n_nodes,
            "arcs": stand.network.n_arcs,
            "who": name,
            "units": case.units,
            "k": case.k,
            "asked": len(spent),
            "median_ms": median_ms(spent),
            "p99_ms": percentile_ms(spent, 99),
            "ratio": round(float(np.median(spent)) / ours_s, 2),
        }
        if name in field.prepared:
            figures: dict[str, Any] = {k: v for k, v in field.prepared[name].items() if np.isscalar(v)}
            row |= {"does": PEERS[name].does, "prepared": {k: round(float(v), 3) for k, v in figures.items()}}
        how = PEERS[name].answers if name in PEERS else "equal"
        pairs = list(zip(oracle, found, strict=False))  # who was too slow has answered the first ones only
        if how == "own":
            row["same_units"] = round(
                float(np.mean([len(np.intersect1d(a[1], b[1])) / len(a[1]) for a, b in pairs])), 4
            )
        elif how == "rounded":
            row["mismatches"] = sum(not near(a, b, *slack, i) for i, (a, b) in enumerate(pairs))
            row["off_ms_most"] = max((_off(a, b) for a, b in pairs), default=0)
        else:
            row["mismatches"] = sum(not same(a, b) for a, b in pairs)
        rows.append(row)
    return rows


def near(
    exact: Ranked, other: Ranked, units_ms: NDArray[np.float64], incidents_ms: NDArray[np.float64], i: int
) -> bool:
    """Tell whether a ranking may come from rounded coordinates.

    Where every unit's time is off by at most so much, so is the time of the first, the second and so on; the units
    themselves may have changed places.
    """
    if len(exact[0]) != len(other[0]):
        return False
    slack = np.maximum.accumulate(np.maximum(units_ms[exact[1]], units_ms[other[1]])) + incidents_ms[i]
    return bool((np.abs(exact[0] - other[0]) <= slack).all())


def _off(one: Ranked, other: Ranked) -> int:
    few = min(len(one[0]), len(other[0]))
    return int(np.abs(one[0][:few] - other[0][:few]).max(initial=0))


def summarise(report: Report) -> None:
    """Put the ratios on Porto under their agreed names and count mismatches, ours apart from the peers'."""
    rows = [row for row in report.results if "ratio" in row]
    for row in rows:
        if (row["graph"], row["units"], row["k"]) == (FIRST, UNITS, K):
            key = "ours_median_ms_porto_500" if row["who"] == "ours" else f"ratio_{row['who']}"
            report.summary[key] = row["median_ms"] if row["who"] == "ours" else row["ratio"]
    ours = sum(row.get("mismatches", 0) for row in rows if row["who"] == "ours")
    report.summary["mismatches"] = int(report.summary.get("mismatches") or 0) + ours
    for name in dict.fromkeys(row["who"] for row in rows if row["who"] != "ours" and "mismatches" in row):
        report.summary[f"mismatches_{name}"] = sum(row["mismatches"] for row in rows if row["who"] == name)
