"""What does a joint plan cost, and how good is it? ``python -m benchmarks.assign``.

Incidents of four levels in a made-up city of 30 km, most of them around hot spots; a third want several kinds of unit,
which can be the same. Units stand at random and can do one kind or several. Each demand has its 20 soonest able units,
given. Ours plans for the soonest complete sets, level by level; peers that know only the plain assignment problem
minimise the total ETA instead; greedy gives each demand in turn the soonest that is free. All take turns.

Every plan is judged by the sum over incidents of when the set is complete, against a bound that HiGHS proves for each
level, given what the plan itself took for the levels above. A plan is wrong where it uses a unit twice, or meets fewer
demands of a level than it could have; greedy and peers may be, ours must not.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Report, Row, arguments, emit, median_ms, say, table
from benchmarks.peers.remote import Field
from engine.dispatch.assignment import UNMET, Choices, assign

K = 20
SIDE_M, SPEED_MPS, TURNOUT_MS = 30_000, 10, 60_000
HOT_SPOTS, NEAR_THEM, SPREAD_M = 12, 0.6, 1_500
LEVELS = (0.1, 0.3, 0.4, 0.2)
ABLE = (0.6, 0.3, 0.2, 0.1)
"""What share of units can do a kind; who can do none can do the first."""
BOUND_S = 30.0
"""How long HiGHS may look for a level's bound; one is proven whenever it stops."""
MOST_MS, MOST_GAP = 60.0, 0.01
IN_PEERS = ("scipy_dense", "scipy_sparse", "lapx")
Plan = NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """How many incidents and units; how often everybody is asked."""

    incidents: int
    units: int
    rounds: int

    @property
    def label(self) -> str:
        """Spell it."""
        return f"{self.incidents}x{self.units}"


SIZES = (Size(10, 100, 51), Size(100, 1_000, 21), Size(500, 5_000, 11))


def draw(size: Size, seed: int) -> Choices:
    """Draw the incidents and give each demand its candidates."""
    rng = np.random.default_rng(seed)
    units = rng.random((size.units, 2)) * SIDE_M
    able = rng.random((size.units, len(ABLE))) < ABLE
    able[~able.any(axis=1), 0] = True
    spots = rng.random((HOT_SPOTS, 2)) * SIDE_M
    level: list[int] = []
    incident: list[int] = []
    rows: list[NDArray[np.int32]] = []
    etas: list[NDArray[np.int64]] = []
    for i in range(size.incidents):
        near = spots[rng.integers(HOT_SPOTS)] + rng.normal(0, SPREAD_M, 2)
        place = near if rng.random() < NEAR_THEM else rng.random(2) * SIDE_M
        eta = np.rint(np.abs(units - place).sum(axis=1) / SPEED_MPS * 1000).astype(np.int64) + TURNOUT_MS
        urgency = int(rng.choice(len(LEVELS), p=LEVELS)) + 1
        kinds = rng.integers(0, len(ABLE), rng.integers(2, 4)) if i % 3 == 0 else np.zeros(1, np.int64)
        for kind in kinds.tolist():
            its = np.flatnonzero(able[:, kind])
            its = its[np.argsort(eta[its], kind="stable")[:K]]
            level.append(urgency)
            incident.append(i)
            rows.append(its.astype(np.int32))
            etas.append(eta[its])
    return Choices.of(level, incident, rows, etas)


def greedy(choices: Choices) -> Plan:
    """Give each demand, most urgent first, the soonest unit that is free."""
    pick = np.full(len(choices.level), UNMET, np.int64)
    taken: set[int] = set()
    for demand in np.argsort(choices.level, kind="stable").tolist():
        its = choices.unit[choices.start[demand] : choices.start[demand + 1]].tolist()
        for position, unit in enumerate(its):
            if unit not in taken:
                taken.add(unit)
                pick[demand] = position
                break
    return pick


@dataclass
class Judged:
    """A plan's figures."""

    sum_ms: int = 0
    bound_ms: int = 0
    unmet: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def gap(self) -> float | None:
        """How far the plan is above the bound; None for one that is wrong."""
        return None if self.wrong else round(self.sum_ms / max(self.bound_ms, 1) - 1.0, 6)


def judge(choices: Choices, pick: Plan) -> Judged:
    """Hold a plan against the bounds, level by level."""
    found = Judged(unmet=int((pick == UNMET).sum()))
    sizes = np.diff(choices.start)
    if np.any((pick < UNMET) | (pick >= sizes)):
        found.wrong.append("a unit that is no candidate")
        return found
    met = np.flatnonzero(pick != UNMET)
    used = choices.start[met] + pick[met]
    if len(np.unique(choices.unit[used])) < len(used):
        found.wrong.append("a unit twice")
        return found
    row_of = np.repeat(np.arange(len(sizes)), sizes)
    taken = np.zeros(int(choices.unit.max()) + 1, np.bool_)
    for level in np.unique(choices.level):
        edges = np.flatnonzero((choices.level[row_of] == level) & ~taken[choices.unit])
        its = used[choices.level[met] == level]
        most, bound_ms = bound(choices, edges, row_of[edges])
        if len(its) < most:
            found.wrong.append(f"level {level}: {len(its)} of {most} met")
        latest = np.zeros(int(choices.incident.max()) + 1, np.int64)
        np.maximum.at(latest, choices.incident[row_of[its]], choices.eta_ms[its])
        found.sum_ms += int(latest.sum())
        found.bound_ms += bound_ms
        taken[choices.unit[its]] = True
    return found


def bound(choices: Choices, edges: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[int, int]:
    """Return how many demands can be met, and what no plan that meets so many is below in ms."""
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415
    from scipy.sparse import block_array, coo_array, csr_array  # noqa: PLC0415
    from scipy.sparse.csgraph import maximum_bipartite_matching  # noqa: PLC0415

    demands, row = np.unique(rows, return_inverse=True)
    incidents, its = np.unique(choices.incident[demands], return_inverse=True)
    units, column = np.unique(choices.unit[edges], return_inverse=True)
    n, u, s, e = len(demands), len(units), len(incidents), len(edges)
    ones, every = np.ones(e), np.arange(e)
    by_unit = coo_array((ones, (column, every)), shape=(u, e))
    by_demand = coo_array((ones, (row, every)), shape=(n, e))
    most = int((maximum_bipartite_matching(csr_array((ones, (row, column)), shape=(n, u))) >= 0).sum())
    eta_s = choices.eta_ms[edges] / 1000.0
    waits = coo_array((-np.ones(n), (np.arange(n), its)), shape=(n, s))
    blocks: list[list[Any]] = [
        [by_unit, None],
        [by_demand, None],
        [csr_array(ones[None, :]), None],
        [coo_array((eta_s, (row, every)), shape=(n, e)), waits],
    ]
    rules: Any = block_array(blocks, format="csr")
    lower = np.concatenate((np.full(u + n, -np.inf), [most], np.full(n, -np.inf)))
    upper = np.concatenate((np.ones(u + n), [most], np.zeros(n)))
    with to_standard_error():
        solved = milp(
            np.concatenate((np.zeros(e), np.ones(s))),
            constraints=LinearConstraint(rules, lower, upper),
            integrality=np.concatenate((np.ones(e), np.zeros(s))),
            bounds=Bounds(np.zeros(e + s), np.concatenate((np.ones(e), np.full(s, np.inf)))),
            options={"time_limit": BOUND_S, "mip_rel_gap": 0.0},
        )
    proven = 0.0 if solved.mip_dual_bound is None else float(solved.mip_dual_bound)
    return most, max(0, int(np.floor(proven * 1000.0)))


@contextmanager
def to_standard_error() -> Iterator[None]:
    """Send what compiled code prints where people read it: standard output is the JSON object's."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def measure(size: Size, report: Report, peers: tuple[str, ...]) -> list[Row]:
    """Ask everybody in turn and judge the plans; a row for each."""
    choices = draw(size, report.seed)
    say(f"{size.label}: {len(choices.level)} demands, {len(choices.unit):,} candidates")
    own: dict[str, Callable[[Choices], Plan]] = {"ours": lambda its: assign(its).pick, "greedy": greedy}
    asked = (choices.level, choices.start, choices.unit, choices.eta_ms)
    spent: dict[str, list[float]] = {}
    solver: dict[str, list[float]] = {}
    plans: dict[str, Plan] = {}
    with Field.start(peers, report) as others:
        for i in range(size.rounds + 1):  # the first round is not counted
            for name, solve in own.items():
                begun = time.perf_counter()
                plans[name] = solve(choices)
                spent.setdefault(name, []).append(time.perf_counter() - begun)
            for name, (seconds, (pick, alone)) in others.everybody("settle", *asked).items():
                plans[name] = pick
                spent.setdefault(name, []).append(seconds)
                solver.setdefault(name, []).append(alone)
            if i == 0:
                spent, solver = {}, {}
    rows = []
    for name, pick in plans.items():
        judged = judge(choices, pick)
        rows.append(
            {
                "size": size.label,
                "demands": len(choices.level),
                "who": name,
                "rounds": len(spent[name]),
                "median_ms": median_ms(spent[name]),
                "solver_ms": median_ms(solver[name]) if name in solver else None,
                "ratio": round(float(np.median(spent[name]) / np.median(spent["ours"])), 3),
                "unmet": judged.unmet,
                "sum_of_arrivals_s": round(judged.sum_ms / 1000, 1),
                "bound_s": round(judged.bound_ms / 1000, 1),
                "gap": judged.gap,
                "wrong": "; ".join(judged.wrong),
            }
        )
    return rows


def summarise(report: Report) -> None:
    """Fill in the figures under their agreed names; gap and ratios are those of the largest size."""
    ours = [row for row in report.results if row["who"] == "ours"]
    for row in ours:
        report.summary[f"ours_ms_{row['size']}"] = row["median_ms"]
    report.summary["gap_to_optimum"] = ours[-1]["gap"]
    report.summary["wrong"] = sum(bool(row["wrong"]) for row in ours)
    for row in report.results:
        if row["size"] == ours[-1]["size"] and row["who"] in (*IN_PEERS, "greedy"):
            report.summary[f"ratio_{row['who']}"] = row["ratio"]
            report.summary[f"gap_{row['who']}"] = row["gap"]


def verdict(report: Report) -> int:
    """Say what is missed; 1 where anything is."""
    missed = []
    if report.summary["wrong"]:
        missed.append(f"wrong plans of ours: {report.summary['wrong']}; limit: 0")
    for name, most in ((f"ours_ms_{SIZES[-1].label}", MOST_MS), ("gap_to_optimum", MOST_GAP)):
        figure = report.summary.get(name)
        if isinstance(figure, float) and figure > most:
            missed.append(f"{name}: {figure}; limit: {most}")
    for line in missed:
        say(f"missed: {line}")
    return 1 if missed else 0


def main(args: list[str] | None = None) -> int:
    """Run the benchmark; 1 where a plan of ours is wrong, too far from the bound, or too slow."""
    chosen = arguments("assign", str(__doc__).splitlines()[0], args)
    report = Report("assign", chosen.seed, ("numpy", "ortools", "scipy", "lapx"))
    for size in SIZES[:1] if chosen.quick else SIZES:
        rows = measure(size, report, IN_PEERS[:2] if chosen.quick else IN_PEERS)
        report.results.extend(rows)
        table(rows, ("who", "demands", "median_ms", "solver_ms", "ratio", "unmet", "sum_of_arrivals_s", "gap", "wrong"))
    summarise(report)
    emit(report, chosen.json)
    return verdict(report)


if __name__ == "__main__":
    sys.exit(main())
