"""Can a suspect who drives be shut in, how soon is that known, and is what is said true?

Edmonton and a town of 300,000 nodes, 15, 40 and 80 units uniformly at random on the streets, horizons of 8 and 15
minutes, a head start of 60 s. Every seal is held against the checker's adversary and against units that come late;
every certificate is verified by the checker. Certificates are false, besides, where a seal was planted, and where a
mixed-integer model of the uncontracted streets, solved by HiGHS, finds one. An undecided case is no answer: its time is
infinite.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.exact_seal import seal_exists
from benchmarks.graphs import networks
from benchmarks.harness import Report, Row, arguments, emit, percentile_ms, say, table
from engine.containment import SURE_STRETCH, Checker, Crew, Plan, Planner, Seen, Situation, fastest_ms
from engine.containment.planning import Case
from engine.containment.warming import warm
from engine.travel import NEVER, Weights
from geo_data.road_network import RoadNetwork
from geo_data.speeds import travel_ms

UNITS = (15, 40, 80)
HORIZONS_MIN = (8, 15)
HEAD_START_MS = 60_000
EACH = {False: 18, True: 2}
"""Incidents for each network, number of units and horizon, by ``--quick``."""
PLANTED = {False: 20, True: 2}
EXACT = {False: 20, True: 2}
"""Situations with a planted seal, and such that the exact model judges, for each network."""
DRAWS = 20
SIGMA = 0.15
"""Of the logarithm of what a way takes."""
SMALL_HORIZON_MS, SMALL_UNITS = 150_000, 24
RING_MS = (45_000, 120_000)
"""When the suspect comes to a planted ring of posts, after now."""
LEAST_INCIDENTS = 200
BARS = {
    "undecided_share": (0.0, 0.01),
    "leaks": (0, 0),
    "false_certificates": (0, 0),
    "first_answer_p50_ms": (0.0, 500.0),
    "first_answer_p99_ms": (0.0, 3_000.0),
    "sealed_share_80": (0.6, 1.0),
    "holds_with_15pct_noise": (0.85, 1.0),
}
QUICK_BARS = ("leaks", "false_certificates")


@dataclass
class Field:
    """One network with everybody who answers on it."""

    name: str
    planner: Planner
    checker: Checker
    driven: NDArray[np.int64]
    rng: np.random.Generator
    noise: np.random.Generator
    """Apart, so that the incidents are the same whatever is answered."""

    @classmethod
    def on(cls, name: str, network: RoadNetwork, seed: int) -> "Field":
        """Make a network ready."""
        weights, suspect_ms = Weights.first(network, travel_ms(network, "emergency")), fastest_ms(network)
        driven = np.flatnonzero((weights.arc_ms < NEVER) & (suspect_ms < NEVER))
        planner, checker = Planner(weights, suspect_ms), Checker(weights, suspect_ms)
        return cls(name, planner, checker, driven, np.random.default_rng(seed), np.random.default_rng([seed, 1]))

    def incident(self, units: int, horizon_ms: int, among: NDArray[np.int64] | None = None) -> Situation:
        """Draw a suspect and units on the streets, the units ``among`` some arcs."""
        arcs = self.driven if among is None else among
        return Situation(
            seen=(Seen(int(self.rng.choice(self.driven)), float(self.rng.random()), HEAD_START_MS),),
            horizon_ms=horizon_ms,
            crew=Crew.of(self.rng.choice(arcs, units), self.rng.random(units)),
        )


@dataclass
class Tally:
    """What comes together over all incidents."""

    first_s: list[float] = field(default_factory=list)
    """Infinite where what came was no answer; ``best_s`` as well."""
    best_s: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("leaks", "false_certificates"), 0))

    def count(self, what: str, many: int = 1) -> None:
        """Add to a count."""
        self.counts[what] = self.counts.get(what, 0) + many


def ask(ground: Field, units: int, horizon_min: int, tally: Tally) -> Row | None:
    """Plan one incident and judge the plans; None where no way leads out of the horizon."""
    situation = ground.incident(units, horizon_min * 60_000)
    begun = time.perf_counter()
    case = ground.planner.case(situation)
    first = case.first()
    first_s = time.perf_counter() - begun
    best = case.best()
    best_s = time.perf_counter() - begun
    if first.verdict == "no_way_out":
        return None
    answered = first.verdict != "undecided"
    tally.first_s.append(first_s if answered else np.inf)
    tally.best_s.append(best_s if answered else np.inf)
    tally.count(first.verdict)
    judge(ground, case, first, tally)
    judge(ground, case, best, tally)
    return {
        "network": ground.name,
        "units": units,
        "horizon_min": horizon_min,
        "verdict": first.verdict,
        "why": first.why.reason if first.why else "",
        "first_ms": round(first_s * 1e3, 1),
        "best_ms": round(best_s * 1e3, 1),
        "places": len(case.ground.node),
        "asked": case.pairs.asked,
        "posts": len(best.posts),
        "stretch": best.stretch / 1000,
    }


def judge(ground: Field, case: Case, plan: Plan, tally: Tally) -> None:
    """Hold a plan against the checker, and a seal against units that come late."""
    situation = case.ground.situation
    check = ground.checker.of(situation)
    if plan.certificate is not None:
        wrong = check.wrong(plan.certificate)
        if wrong:
            say(f"false certificate: {wrong}")
            tally.count("false_certificates")
    if plan.verdict != "sealed":
        return
    if plan.stretch < SURE_STRETCH or check.gap({post.node: post.ready_ms for post in plan.posts}):
        say("leak")
        tally.count("leaks")
    drive_ms = np.array([post.ready_ms - situation.setup_ms for post in plan.posts])
    places = case.ground.local[[post.node for post in plan.posts]]
    for _ in range(DRAWS):
        # A post of two units stands with the later; each is given the longer of the two ways.
        noise = [np.exp(ground.noise.normal(0.0, SIGMA, len(post.units))).max() for post in plan.posts]
        ready = np.ceil(drive_ms * np.array(noise)).astype(np.int64) + situation.setup_ms
        tally.held.append(float(not ground.planner.adversary.gap(case.ground, places, ready)))


def planted(ground: Field) -> Situation | None:
    """Draw an incident and put a unit at each place of a ring around it: a seal by construction.

    Whoever leaves the part that he reaches sooner than some moment passes a node that he reaches later and that is next
    to one he reaches sooner; all such nodes are the ring.
    """
    network = ground.planner.weights.network
    situation = ground.incident(20, 600_000)
    check = ground.checker.of(situation)
    moment = float(ground.rng.uniform(*RING_MS))
    tail, head, _ = ground.checker.suspect
    crossing = (check.arrival_ms[tail] < moment) & (check.arrival_ms[head] >= moment)
    ring = np.unique(np.concatenate((head[crossing], [n for n, ms in check.starts.items() if ms >= moment])))
    ring = ring.astype(np.int64)
    into = [network.in_arc[network.first_in[node] : network.first_in[node + 1]] for node in ring.tolist()]
    open_into = [arcs[ground.planner.weights.arc_ms[arcs] < NEVER] for arcs in into]
    if not len(ring) or any(not len(arcs) for arcs in open_into) or not check.gap({}):
        return None
    arcs = np.array([arcs[0] for arcs in open_into])
    crew = Crew.of(np.append(situation.crew.arc, arcs), np.append(situation.crew.fraction, np.ones(len(arcs))))
    return replace(situation, crew=crew, two_unit_classes=frozenset())


def plant(ground: Field, many: int, tally: Tally) -> None:
    """See that a planted seal is never denied."""
    done = 0
    while done < many:
        situation = planted(ground)
        if situation is None:
            continue
        done += 1
        plan = ground.planner.case(situation).first()
        tally.count("planted")
        tally.count(f"planted_{plan.verdict}")
        if plan.verdict == "impossible":
            tally.count("false_certificates")


def compare(ground: Field, many: int, tally: Tally) -> None:
    """See that the exact model of the uncontracted streets comes to the same answer, with units near the suspect."""
    done = 0
    while done < many:
        situation = ground.incident(0, SMALL_HORIZON_MS)
        check = ground.checker.of(situation)
        network = ground.planner.weights.network
        near = ground.driven[check.inside[network.arc_tail[ground.driven]]]
        if not len(near) or not check.gap({}):
            continue
        done += 1
        crew = Crew.of(ground.rng.choice(near, SMALL_UNITS), ground.rng.random(SMALL_UNITS))
        situation = replace(situation, crew=crew)
        plan = ground.planner.case(situation).first()
        exists = seal_exists(ground.checker.of(situation), SURE_STRETCH)
        tally.count("exact_compared")
        if exists is None:
            tally.count("exact_open")
        elif plan.verdict == "impossible" and exists:
            tally.count("false_certificates")
        elif plan.verdict == "sealed" and not exists:
            tally.count("leaks")


def grouped(rows: list[Row]) -> Iterator[Row]:
    """Yield one row for each network, number of units and horizon."""
    for key in sorted({(row["network"], row["horizon_min"], row["units"]) for row in rows}):
        its = [row for row in rows if (row["network"], row["horizon_min"], row["units"]) == key]
        sealed = [row for row in its if row["verdict"] == "sealed"]
        yield {
            "network": key[0],
            "horizon_min": key[1],
            "units": key[2],
            "incidents": len(its),
            "sealed": len(sealed),
            "impossible": sum(row["verdict"] == "impossible" for row in its),
            "undecided": sum(row["verdict"] == "undecided" for row in its),
            "first_ms": float(np.median([row["first_ms"] for row in its])),
            "best_ms": float(np.median([row["best_ms"] for row in its])),
            "places": float(np.median([row["places"] for row in its])),
            "posts": float(np.median([row["posts"] for row in sealed])) if sealed else None,
            "stretch": float(np.median([row["stretch"] for row in sealed])) if sealed else None,
        }


def answered_ms(seconds: list[float], share: float) -> float | None:
    """Return a percentile of all times, in milliseconds; None where it falls among those that have no answer."""
    with np.errstate(invalid="ignore"):  # halfway between two that have none
        its = percentile_ms(seconds, share)
    return its if np.isfinite(its) else None


def summarise(report: Report, rows: list[Row], tally: Tally) -> None:
    """Fill in the figures under their agreed names."""
    counts, summary = tally.counts, report.summary
    eighty = [row for row in rows if (row["network"], row["units"], row["horizon_min"]) == ("edmonton", 80, 15)]
    undecided = counts.get("undecided", 0)
    summary["incidents"] = len(rows)
    summary["sealed"] = counts.get("sealed", 0)
    summary["sealed_share_80"] = (
        round(sum(row["verdict"] == "sealed" for row in eighty) / len(eighty), 4) if eighty else None
    )
    summary["certified_impossible"] = counts.get("impossible", 0)
    summary["undecided"] = undecided
    summary["undecided_share"] = round(undecided / len(rows), 4)
    summary["first_answer_p50_ms"] = answered_ms(tally.first_s, 50)
    summary["first_answer_p99_ms"] = answered_ms(tally.first_s, 99)
    summary["best_answer_p50_ms"] = answered_ms(tally.best_s, 50)
    summary["holds_with_15pct_noise"] = round(float(np.mean(tally.held)), 4) if tally.held else None
    summary["plans_under_noise"] = len(tally.held) // DRAWS
    summary |= {name: many for name, many in counts.items() if name not in ("sealed", "impossible", "undecided")}


def verdict(report: Report, quick: bool) -> int:
    """Say what is missed; 1 where anything is."""
    missed = []
    for name, (least, most) in BARS.items():
        figure = report.summary.get(name)
        if quick and name not in QUICK_BARS:
            continue
        if not isinstance(figure, int | float) or not least <= figure <= most:
            missed.append(f"{name}: {figure}; limit: {least} to {most}")
    incidents = report.summary["incidents"]
    if not quick and isinstance(incidents, int) and incidents < LEAST_INCIDENTS:
        missed.append(f"incidents: {incidents}; limit: at least {LEAST_INCIDENTS}")
    for line in missed:
        say(f"missed: {line}")
    return 1 if missed else 0


def main(args: list[str] | None = None) -> int:
    """Run the benchmark; 1 where something said is not true, or a bar is missed."""
    chosen = arguments("containment", str(__doc__).splitlines()[0], args)
    report = Report("containment", chosen.seed, ("numpy", "numba", "ortools", "scipy"))
    warm()
    rows: list[Row] = []
    tally = Tally()
    for name, network in networks(chosen.quick, chosen.seed, report, without=("porto",)):
        ground = Field.on(name, network, chosen.seed)
        say(f"{name}: {network.n_nodes:,} nodes")
        ask(ground, UNITS[0], HORIZONS_MIN[0], Tally())  # the first question is not counted
        for horizon in HORIZONS_MIN:
            for units in UNITS:
                mine: list[Row] = []
                while len(mine) < EACH[chosen.quick]:
                    row = ask(ground, units, horizon, tally)
                    mine += [] if row is None else [row]
                rows += mine
                say(f"  {horizon} min, {units} units: {[row['verdict'] for row in mine].count('sealed')} sealed")
        plant(ground, PLANTED[chosen.quick], tally)
        compare(ground, EXACT[chosen.quick], tally)
    report.results.extend(grouped(rows))
    table(report.results, ("network", "horizon_min", "units", "sealed", "impossible", "first_ms", "best_ms", "posts"))
    summarise(report, rows, tally)
    for name, figure in report.summary.items():
        say(f"{name}: {figure}")
    emit(report, chosen.json)
    return verdict(report, chosen.quick)


if __name__ == "__main__":
    sys.exit(main())
