"""What do changing speeds cost those who ask? ``python -m benchmarks.live``.

On a city of some 500,000 nodes questions come 200 times a second by the clock, whether or not the last one is
answered; in every other phase 1,000 arcs a second are given another speed, closed or opened meanwhile, as
`engine.travel.Traffic` gathers them and a worker makes versions of them. A question's time counts from the instant it
was due, so a pause of any kind shows. A sample of the answers is compared with scipy's full search over the streets as
they had to be: with every change whose version had been acknowledged when the question began, and every closure that
had been said. Then all of the hierarchy is customised anew, on one core.
"""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.graphs import graph
from benchmarks.harness import Report, Row, arguments, emit, median_ms, percentile_ms, say, table
from benchmarks.peers import scipy as peer
from benchmarks.peers.course import Crew
from benchmarks.stand import Stand
from benchmarks.streets import places_of, roads_of
from engine.fleet import READY, Fleet
from engine.travel import NEVER, Traffic, Weights
from engine.travel.traffic import Making

LABEL = {False: "470k", True: "50k"}
PHASE_S = {False: 20.0, True: 2.0}
PHASES = {False: 3, True: 1}
UNITS, K = 1_000, 10
QUERIES_PER_S, CHANGES_PER_S, ARCS_A_TIME = 200, 50, 20
"""A change is about so many arcs: together 1,000 a second."""
CLOSURES, CLOSED_S = 0.1, 2.0
"""The share of the changes that close their arcs, and for how long."""
FACTORS = (0.25, 0.5, 0.8, 1.0, 1.25)
CHECKED = {False: 40, True: 10}
"""Answers of a phase that are compared."""
CUSTOMISATIONS = 7
MOST_RATIO, MOST_CUSTOMISE_S = 2.0, 0.25
_FOR_EVER = 1 << 60


@dataclass
class Told:
    """One thing that was said of some arcs, in order with the versions and the questions around it."""

    arcs: NDArray[np.int32]
    factor: float | None = None
    """A live factor; None for a closure."""
    opens: bool = False
    coming: int = 0
    """The version that holds it."""


@dataclass
class Asked:
    """A question, what was in force when it began, and its answer."""

    incident: int
    version: int
    found: list[tuple[int, int]]


@dataclass
class Account:
    """What arcs take by a plain account of what was said, to be held against the answers."""

    base_ms: NDArray[np.int32]
    factor: NDArray[np.float64] = field(init=False)
    closed: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with free streets."""
        self.factor = np.ones(len(self.base_ms))
        self.closed = np.zeros(len(self.base_ms), np.int64)

    def take(self, told: Told) -> None:
        """Write down one thing."""
        if told.factor is not None:
            self.factor[told.arcs] = told.factor
        else:
            self.closed[told.arcs] += -1 if told.opens else 1

    def ms(self, said_but_not_in_force: Sequence[Told]) -> NDArray[np.int32]:
        """Return what arcs take; closures hold from the moment they are said, openings from their version on."""
        # Factors are kept as whole millionths of a logarithm.
        kept = np.exp(np.rint(np.log(self.factor) * 1e6) / 1e6)
        ms = np.clip(np.rint(self.base_ms / kept), 1, NEVER - 1)
        closed = (self.closed > 0) | (self.base_ms >= NEVER)
        for told in said_but_not_in_force:
            if told.factor is None and not told.opens:
                closed[told.arcs] = True
        return np.where(closed, NEVER, ms).astype(np.int32)


class City:
    """One city under way: its times, its traffic, its fleet and one worker."""

    def __init__(self, stand: Stand, fleet: Fleet, seed: int) -> None:
        self.stand, self.fleet, self.rng = stand, fleet, np.random.default_rng([seed, 7])
        self.traffic = Traffic(stand.times)
        self.arcs, self.fractions = stand.draw(2_000, apart=False)
        free = stand.ms < NEVER
        for arcs in (self.arcs, fleet.arc):  # places on closed streets are a question of their own, tested elsewhere
            free[arcs] = False
            back = stand.network.arc_reverse[arcs]
            free[back[back >= 0]] = False
        self.changeable = np.flatnonzero(free).astype(np.int32)
        self.log: list[Told | Asked] = []
        self.open_again: list[tuple[float, str, NDArray[np.int32]]] = []
        self.pauses_s: list[float] = []
        self._rules = 0
        self._worker = ThreadPoolExecutor(1)
        self._making: tuple[Making, Future[None]] | None = None

    def change(self, now_s: float) -> None:
        """Say something of some arcs."""
        while self.open_again and self.open_again[0][0] <= now_s:
            _, name, arcs = self.open_again.pop(0)
            self.traffic.lift_rule(name)
            self.log.append(Told(arcs, opens=True, coming=self.traffic.coming))
        arcs = np.unique(self.rng.choice(self.changeable, ARCS_A_TIME))
        if self.rng.random() < CLOSURES:
            self._rules += 1
            self.traffic.set_rule(f"rule-{self._rules}", arcs, 0)
            self.open_again.append((now_s + CLOSED_S, f"rule-{self._rules}", arcs))
            self.log.append(Told(arcs, coming=self.traffic.coming))
        else:
            factor = float(self.rng.choice(FACTORS))
            self.traffic.feed(arcs, factor, _FOR_EVER)
            self.log.append(Told(arcs, factor=factor, coming=self.traffic.coming))

    def keep_up(self, now_s: float) -> None:
        """Go over to a version that is made, and have the next one made."""
        if self._making is not None and self._making[1].done():
            begun = time.perf_counter()
            making, done = self._making
            self._making = None
            done.result()
            if self.traffic.finish(making.number):
                self.fleet.reweigh(self.stand.times.weights.inner_ms)
            self.pauses_s.append(time.perf_counter() - begun)
        if self._making is None:
            making_next = self.traffic.begin(round(now_s * 1000))
            if making_next is not None:
                self._making = making_next, self._worker.submit(making_next.run)

    def ask(self, incident: int) -> list[tuple[int, int]]:
        """Return who is nearest, as (ms, unit)."""
        ranking = self.stand.times.nearest(
            int(self.arcs[incident]), float(self.fractions[incident]), self.fleet, READY, K, -1
        )
        return list(zip(ranking.travel_ms.tolist(), ranking.unit.tolist(), strict=True))

    def phase(self, seconds: float, checked: int, *, changing: bool) -> NDArray[np.float64]:
        """Let questions come for so long; return how long after it was due each was answered, in seconds."""
        due = np.arange(round(seconds * QUERIES_PER_S)) / QUERIES_PER_S
        kept = set(self.rng.choice(len(due), checked, replace=False).tolist())
        spent = np.empty(len(due))
        changes, begun = 0, time.perf_counter()
        for i, at in enumerate(due.tolist()):
            while True:
                now = time.perf_counter() - begun
                if changing and changes / CHANGES_PER_S <= now:
                    self.change(begun + now)
                    changes += 1
                self.keep_up(begun + now)
                left = at - (time.perf_counter() - begun)
                if left <= 0:
                    break
                if left > 0.0002:
                    time.sleep(min(left, 0.001) / 2)
            incident, version = int(self.rng.integers(len(self.arcs))), self.traffic.version
            found = self.ask(incident)
            spent[i] = time.perf_counter() - begun - at
            if i in kept:
                self.log.append(Asked(incident, version, found))
        return spent

    def settle(self) -> None:
        """Have everything that was said come into force."""
        while self.traffic.coming > self.traffic.version:
            self.keep_up(time.perf_counter())
            time.sleep(0.001)

    def close(self) -> None:
        """Let go of the worker."""
        self._worker.shutdown()


def stale(city: City, base_ms: NDArray[np.int32]) -> tuple[int, int]:
    """Compare the sampled answers with a full search over the streets as they had to be; return (stale, compared)."""
    account, waiting, wrong, compared = Account(base_ms), list[Told](), 0, 0
    network = city.stand.network
    crew = Crew(places_of(network, base_ms, city.fleet.arc, city.fleet.fraction))
    for entry in city.log:
        if isinstance(entry, Told):
            waiting.append(entry)
            continue
        for told in [told for told in waiting if told.coming <= entry.version]:
            account.take(told)
        waiting = [told for told in waiting if told.coming > entry.version]
        ms = account.ms(waiting)
        one = slice(entry.incident, entry.incident + 1)
        oracle = peer.Peer()
        oracle.prepare(roads_of(network, ms), places_of(network, ms, city.arcs[one], city.fractions[one]))
        oracle.station(crew)
        want = list(zip(*(column.tolist() for column in oracle.nearest(0, K)), strict=True))
        wrong += want != entry.found
        compared += 1
    return wrong, compared


def customise_s(city: City) -> float:
    """Return how long it takes to customise the whole hierarchy, in seconds, the median of several."""
    weights, spent = city.stand.times.weights, []
    for _ in range(CUSTOMISATIONS):
        begun = time.perf_counter()
        Weights.first(weights.network, weights.arc_ms, weights.hierarchy)
        spent.append(time.perf_counter() - begun)
    return round(float(np.median(spent)), 4)


def main(args: Sequence[str] | None = None) -> int:
    """Run it; 1 when an answer was stale or a bar was missed."""
    chosen = arguments("live", "What do changing speeds cost those who ask?", args)
    report = Report("live", chosen.seed, ["numpy", "numba", "scipy"])
    label = LABEL[chosen.quick]
    try:
        stand = Stand.on(label, graph(label), chosen.seed)
    except FileNotFoundError as error:
        report.absent[label] = str(error)
        emit(report, chosen.json)
        return 0
    city = City(stand, stand.fleet(UNITS, apart=False), chosen.seed)
    base_ms = stand.ms.copy()
    spent: dict[str, list[NDArray[np.float64]]] = {"quiet": [], "changing": []}
    city.phase(1.0, 0, changing=True)  # warms caches, and does not count
    city.pauses_s.clear()
    for _ in range(PHASES[chosen.quick]):
        for name, phases in spent.items():
            city.settle()
            phases.append(city.phase(PHASE_S[chosen.quick], CHECKED[chosen.quick], changing=name == "changing"))
            say(f"{name}: median {median_ms(phases[-1])} ms, p99 {percentile_ms(phases[-1], 99)} ms")
    city.settle()
    versions = stand.times.weights.number - 1
    wrong, compared = stale(city, base_ms)
    rows: list[Row] = [
        {"phase": name, "questions": sum(map(len, phases))}
        | {"median_ms": median_ms(np.concatenate(phases)), "p99_ms": percentile_ms(np.concatenate(phases), 99)}
        | {"most_ms": percentile_ms(np.concatenate(phases), 100)}
        for name, phases in spent.items()
    ]
    table(rows, ["phase", "questions", "median_ms", "p99_ms", "most_ms"])
    report.results.extend({"graph": label, "nodes": stand.network.n_nodes, "eligible": UNITS, **row} for row in rows)
    quiet, changing = rows
    summary: dict[str, Any] = {
        "stale_answers": wrong,
        "answers_compared": compared,
        "versions": versions,
        "p99_ratio_under_change": round(changing["p99_ms"] / quiet["p99_ms"], 2),
        "longest_pause_ms": round(max(city.pauses_s) * 1e3, 2),
        f"recustomise_s_{label}": customise_s(city),
        "found_by": ", ".join(f"{how} {count}" for how, count in stand.times.counts.items()),
    }
    report.summary = summary
    table([{"what": key, "value": value} for key, value in summary.items()], ["what", "value"])
    city.close()
    emit(report, chosen.json)
    missed = [f"stale_answers: {wrong}"] if wrong else []
    for key, most in (("p99_ratio_under_change", MOST_RATIO), (f"recustomise_s_{label}", MOST_CUSTOMISE_S)):
        if summary[key] > most:
            missed.append(f"{key}: {summary[key]}; limit: at most {most:g}")
    for line in missed:
        say(f"missed: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
