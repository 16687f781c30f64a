"""How soon is somebody found who is at one of nine places?

``python -m benchmarks.search [--json FILE|-] [--seed N] [--quick]``

A person is at one of several hotels, each with a probability; units at random places of Porto drive there and look. Our
plan beside the two rules that people follow without one, over the same times: whoever is free goes to the nearest place
that nobody has taken, or to the likeliest. What counts is the expected time until the person is found. And how near the
exchanges, which plan the larger searches, come to the optimum where that is known; with a telephone at once, what it
saves. The run fails where a plan that is said to be optimal expects more than either rule, or a bar is missed.
"""

import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.graphs import graph
from benchmarks.harness import Report, Row, arguments, emit, median_ms, percentile_ms, say, table
from benchmarks.stand import Stand
from engine.dispatch.search import Search, plan_search, planning

PACKAGES = ("numpy", "numba")
PLACES, UNITS = 9, (1, 2, 4)
CHECK_MS = (120_000, 600_000)
"""A look at the desk, and one that goes from door to door."""
CALL_MS, CALL_SURE, CALLERS = 90_000, 0.7, 1
MOST_EXCHANGE_EXCESS = 0.03
"""Mean excess of the exchanges over the optimum that is let pass."""


def made(stand: Stand, rng: np.random.Generator, units: int) -> Search:
    """Draw one search: places and units uniform by length of street, chances by a flat Dirichlet."""
    arcs, fractions = stand.draw(PLACES + units, apart=False)
    places, crew = slice(0, PLACES), slice(PLACES, None)
    return Search(
        chance=rng.dirichlet(np.full(PLACES, 0.8)),
        check_ms=rng.integers(*CHECK_MS, PLACES),
        first_ms=stand.times.matrix(arcs[crew], fractions[crew], arcs[places], fractions[places]).astype(np.int64),
        between_ms=stand.times.matrix(arcs[places], fractions[places], arcs[places], fractions[places]).astype(
            np.int64
        ),
    )


def by_rule(search: Search, better: Callable[[NDArray[np.int64], NDArray[np.float64]], NDArray[np.float64]]) -> float:
    """Return the expected ms where whoever is free first goes to the place that a rule likes best."""
    units, n = search.first_ms.shape
    free, at = np.zeros(units, np.int64), np.full(units, -1)
    found, open_ = np.zeros(n), np.ones(n, np.bool_)
    while open_.any():
        unit = int(free.argmin())
        way = search.first_ms[unit] if at[unit] < 0 else search.between_ms[at[unit]]
        place = int(np.where(open_, better(way, search.chance), np.inf).argmin())
        free[unit] += way[place] + search.check_ms[place]
        found[place], at[unit], open_[place] = free[unit], place, False
    return float(found @ search.chance / search.chance.sum())


def by_exchange(search: Search) -> float:
    """Return what the exchanges alone expect."""
    exact, planning.EXACT = planning.EXACT, 0
    try:
        return plan_search(search).expected_ms or 0.0
    finally:
        planning.EXACT = exact


def measure(stand: Stand, rng: np.random.Generator, units: int, searches: int) -> Row:
    """Plan so many searches and hold them against the rules."""
    rows, spent = [], []
    for _ in range(searches):
        search = made(stand, rng, units)
        begun = time.perf_counter()
        plan = plan_search(search)
        spent.append(time.perf_counter() - begun)
        assert plan.optimal
        assert plan.expected_ms is not None
        called = Search(
            search.chance,
            search.check_ms,
            search.first_ms,
            search.between_ms,
            CALLERS,
            np.full(PLACES, CALL_MS),
            CALL_SURE,
        )
        rows.append(
            (
                plan.expected_ms,
                by_rule(search, lambda way, _: way.astype(np.float64)),
                by_rule(search, lambda _, chance: -chance),
                by_exchange(search),
                plan_search(called).expected_ms or 0.0,
            )
        )
    ours, nearest, likeliest, exchanged, called_ms = np.array(rows).T
    return {
        "units": units,
        "searches": searches,
        "expected_min": round(float(ours.mean()) / 60_000, 2),
        "ratio_nearest_first": round(float(nearest.mean() / ours.mean()), 3),
        "ratio_likeliest_first": round(float(likeliest.mean() / ours.mean()), 3),
        "exchange_excess": round(float((exchanged / ours - 1.0).mean()), 5),
        "telephone_saves": round(1.0 - float(called_ms.mean() / ours.mean()), 3),
        "worse_than_a_rule": int(np.count_nonzero(ours > np.minimum(nearest, likeliest) * (1.0 + 1e-9))),
        "plan_p50_ms": median_ms(spent),
        "plan_p99_ms": percentile_ms(spent, 99),
    }


def main(args: Sequence[str] | None = None) -> int:
    chosen = arguments("search", "How soon is somebody found who is at one of nine places?", args)
    report = Report("search", chosen.seed, PACKAGES)
    stand = Stand.on("50k", graph("50k"), chosen.seed)
    rng = np.random.default_rng([chosen.seed, 9])
    plan_search(made(stand, rng, 2))  # compiled before it is timed
    by_exchange(made(stand, rng, 2))
    for units in UNITS:
        report.results.append(measure(stand, rng, units, 20 if chosen.quick else 200))
    table(report.results, list(report.results[0]))
    for name, worst in (
        ("ratio_nearest_first", min),
        ("ratio_likeliest_first", min),
        ("exchange_excess", max),
        ("worse_than_a_rule", max),
        ("plan_p99_ms", max),
    ):
        report.summary[name] = worst(row[name] for row in report.results)
    emit(report, chosen.json)
    failed = [
        name
        for name, held in (
            ("worse_than_a_rule", report.summary["worse_than_a_rule"] == 0),
            ("exchange_excess", float(report.summary["exchange_excess"] or 0.0) <= MOST_EXCHANGE_EXCESS),
        )
        if not held
    ]
    say(f"missed: {', '.join(failed)}" if failed else "all held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
