"""From alert to terminal, how long? ``python -m benchmarks.stream [--json FILE|-] [--seed N] [--quick]``

The real server (`allpoints serve`: SQLite journal, every commit on the disk) in a process of its own, and in this one
10,000 connected terminals (`benchmarks.crowd`). Then, one after another:

- **steady**: every terminal sends its position once a second, 10,000 a second in all; 100 alerts a second come from
  four sources; every order is applied and acknowledged, and its patrol accepts, arrives and clears seconds later. A
  time counts from the instant at which an alert was due, on a schedule that waits for nobody, to the order at the
  terminal.
- **seen**: the same, and once a second a person says that a sighting is true (`benchmarks.seen`): until the nearest
  station's terminal has the order.
- **alone**: alerts without positions, at rising rates, until the 99th percentile is over its bar; patrols clear between
  the steps.
- **storm**: all lines break at once; orders go on standing in mailboxes; then all 10,000 connect at the same moment,
  and it is over when everybody is welcome and has what was missed.

Beside all of it a file of its own is synced fifty times a second (`benchmarks.syncs`): a commit takes at least what the
disk does, and on a shared machine that is at times a hundred times the usual.

At the end the server is stopped and its record is read: what stands in the mailboxes is held against what terminals
applied, number by number. The run fails where anything is lost or doubled, or a bar is missed.
"""

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.crowd import Crowd
from benchmarks.crowd_course import Course, run, settle
from benchmarks.harness import ROOT, Report, Row, arguments, emit, say, table
from benchmarks.seen import Asked
from benchmarks.served import CAPABILITY, Place, Server, served
from benchmarks.syncs import Syncs
from engine.journal.record import open_record
from engine.model.events import AlertReceived, IncidentOpened, Mailed, OrderProposed

PACKAGES = ("websockets", "uvloop", "msgspec", "numpy", "numba", "cryptography")
TYPE = "drunk_person"
MOST_P50_MS, MOST_P99_MS = 1.0, 15.0
NEVER = ("lost", "duplicated", "refused", "sightings_lost", "exit_status")
MOST_SIGHTING_MS = 1_000.0
"""Within a second of verification the nearest station has it."""
SETTLE_S = 30.0
SEEN_BEFORE_S = 3.0
"""Until the first sighting is verified: it is reported before."""
_SPARE_FILES = 500


@dataclass(frozen=True)
class Scale:
    """How much is asked."""

    terminals: int
    sources: int
    nodes: int
    warm_s: float
    steady_s: float
    alerts_per_s: float
    sightings: int
    sighting_every_s: float
    alone_s: float
    alone_from: float
    alone_factor: float
    alone_steps: int
    missed: int

    @property
    def positions_per_s(self) -> float:
        """Every terminal says once a second where it is."""
        return float(self.terminals)


FULL = Scale(
    terminals=10_000,
    sources=4,
    nodes=20_000,
    warm_s=5.0,
    steady_s=40.0,
    alerts_per_s=100.0,
    sightings=20,
    sighting_every_s=1.0,
    alone_s=6.0,
    alone_from=200.0,
    alone_factor=1.25,
    alone_steps=9,
    missed=500,
)
QUICK = Scale(
    terminals=200,
    sources=2,
    nodes=2_000,
    warm_s=0.5,
    steady_s=2.0,
    alerts_per_s=20.0,
    sightings=3,
    sighting_every_s=0.3,
    alone_s=1.0,
    alone_from=20.0,
    alone_factor=2.0,
    alone_steps=2,
    missed=20,
)


class Trial:
    """One server under load, and what was seen."""

    def __init__(self, place: Place, server: Server, syncs: Syncs, scale: Scale, seed: int) -> None:
        self.place, self.server, self.syncs, self.scale = place, server, syncs, scale
        self._desk = place.credentials()["desk"]
        tokens, sources = place.tokens(scale.sources)
        spare, _ = place.tokens(0)
        self.crowd = Crowd(server.stream, tokens, spare, sources, place.homes, seed)
        self.rows: list[Row] = []
        self.kb_per_connection = 0.0

    def connect(self) -> None:
        """Connect everybody, some at a time, and weigh what that takes in the server."""
        self.crowd.connect(self.crowd.sources)
        before_kb = self.server.resident_kb
        seconds = self.crowd.connect(self.crowd.terminals, 100)
        self.kb_per_connection = (self.server.resident_kb - before_kb) / len(self.crowd.terminals)
        self.rows.append({"phase": "connect", "seconds": round(seconds, 2)})
        # What is here now lives as long as the run: no collection is to stop the clock for it.
        gc.collect()
        gc.freeze()
        gc.disable()

    def steady(self) -> Row:
        """Let alerts come among positions."""
        scale = self.scale
        self._course("warm", scale.warm_s, scale.alerts_per_s, scale.positions_per_s)
        row = self._course("steady", scale.steady_s, scale.alerts_per_s, scale.positions_per_s)
        self._clear()
        return row

    def seen(self) -> tuple[Row, list[float | None]]:
        """Let sightings be verified among alerts and positions; return the alerts' row, and the sightings' times."""
        scale, known = self.scale, self.place.credentials()
        host, port = self.server.stream
        asked = Asked(
            http=self.server.http,
            stream=f"ws://{host}:{port}/v1/stream",
            desk=known["desk"],
            station=known["S1"],
            spots=[(lon, lat) for lon, lat in self.place.spots(scale.sightings).tolist()],
            every_s=scale.sighting_every_s,
        )
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.seen"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(asked.encode())
            process.stdin.close()
            seconds = scale.sightings * scale.sighting_every_s + SEEN_BEFORE_S
            row = self._course("seen", seconds, scale.alerts_per_s, scale.positions_per_s)
            times: list[float | None] = json.loads(process.stdout.read() or "[]")
        if process.returncode:
            raise RuntimeError(f"benchmarks.seen ended with {process.returncode}")
        self._clear()
        return row, times

    def alone(self) -> float:
        """Let alerts come alone, more and more; return the highest rate that was held."""
        scale, held = self.scale, 0.0
        for step in range(scale.alone_steps):
            rate = scale.alone_from * scale.alone_factor**step
            self.crowd.works = False
            row = self._course("alone", scale.alone_s, rate, 0.0)
            self.crowd.works = True
            self.crowd.take_up()
            self._clear()
            if row["lost"] or row["p99_ms"] >= MOST_P99_MS:
                break
            held = rate
        return held

    def storm(self) -> float:
        """Break all lines, report alerts meanwhile, and let everybody come back at once; return the seconds."""
        crowd, scale = self.crowd, self.scale
        crowd.hang_up()
        spots = self.place.spots(scale.missed)
        refs = run(crowd, Course(1.5, scale.missed / 1.5, 0.0, spots, TYPE, CAPABILITY), "storm")
        cpu_s = self.server.cpu_s
        seconds = crowd.connect(crowd.terminals)
        begun = time.monotonic() - seconds
        missing = settle(crowd, SETTLE_S)
        orders = crowd.record.orders
        incidents = (crowd.record.alerts[ref].incident for ref in refs)
        came_ns = max((orders[one].at_ns for one in incidents if one in orders), default=0)
        seconds = max(seconds, came_ns / 1e9 - begun)
        row = {"phase": "storm", "alerts": len(refs), "lost": len(missing), "seconds": round(seconds, 2)}
        row["redialled"] = crowd.record.counts["redialled"]
        self.rows.append(row | {"server_cpu_s": round(self.server.cpu_s - cpu_s, 2)})
        self._clear()
        return seconds

    def _course(self, phase: str, seconds: float, alerts_per_s: float, positions_per_s: float) -> Row:
        """Let one stretch go by and return its figures."""
        crowd, server = self.crowd, self.server
        spots = self.place.spots(round(seconds * alerts_per_s))
        before, cpu_s = server.figures(self._desk), server.cpu_s
        own_s = sum(os.times()[:2])
        self.syncs.taken()
        name = f"{phase}{len(self.rows)}"
        refs = run(crowd, Course(seconds, alerts_per_s, positions_per_s, spots, TYPE, CAPABILITY), name)
        cpu_s, own_s = server.cpu_s - cpu_s, sum(os.times()[:2]) - own_s
        disk = self.syncs.taken()
        missing = set(settle(crowd, SETTLE_S))
        after = server.figures(self._desk)
        taken = 'allpoints_positions_total{result="taken"}'
        row: Row = {
            "phase": phase,
            "alerts_per_s": round(alerts_per_s, 1),
            "alerts": len(refs),
            "positions_per_s": round((after.get(taken, 0.0) - before.get(taken, 0.0)) / seconds, 1),
            **self._latency([ref for ref in refs if ref not in missing]),
            "lost": len(missing),
            "server_cpu": round(cpu_s / seconds, 3),
            "own_cpu": round(own_s / seconds, 3),
            **disk,
        }
        self.rows.append(row)
        say(str(row))
        return row

    def _latency(self, refs: Sequence[str]) -> Row:
        """Return how long alerts took to become orders at a terminal, and where the time went."""
        record = self.crowd.record
        told = [record.alerts[ref] for ref in refs]
        came = [record.orders[one.incident] for one in told]
        if not told:
            return {"p50_ms": None, "p99_ms": None}
        total = np.array([order.at_ns - alert.due_ns for alert, order in zip(told, came, strict=True)]) / 1e6
        late = np.array([alert.sent_ns - alert.due_ns for alert in told]) / 1e6
        traces = [order.trace for order in came if order.trace is not None]
        figures = {
            "p50_ms": np.percentile(total, 50),
            "p99_ms": np.percentile(total, 99),
            "max_ms": total.max(),
            "sent_late_p50_ms": np.percentile(late, 50),
            "sent_late_p99_ms": np.percentile(late, 99),
            "decide_ms": np.median([trace.decide_us for trace in traces]) / 1e3,
            "commit_p50_ms": np.median([trace.commit_us for trace in traces]) / 1e3,
            "commit_p99_ms": np.percentile([trace.commit_us for trace in traces], 99) / 1e3,
        }
        return {name: round(float(value), 3) for name, value in figures.items()}

    def _clear(self) -> None:
        """Wait until every patrol has cleared."""
        while self.crowd.at_work:
            self.crowd.turn(0.05)
        for _ in range(10):
            self.crowd.turn(0.05)

    def audit(self) -> tuple[int, int]:
        """Hold the record against what terminals have; return how much was lost and how much doubled.

        Every alert is in the record once and has one order; every terminal applied every number of its mailbox once,
        in order.
        """
        journal, vault = open_record(self.place.folder / "record")
        mailed: dict[str, list[int]] = {}
        alerts: dict[str, int] = {}
        pursuits: set[str] = set()
        proposed = 0
        try:
            for event in journal.read():
                body = event.body
                if isinstance(body, Mailed):
                    mailed.setdefault(body.recipient, []).append(body.mail_seq)
                elif isinstance(body, AlertReceived):
                    alerts[body.source_ref] = alerts.get(body.source_ref, 0) + 1
                elif isinstance(body, IncidentOpened) and body.lookout is not None:
                    pursuits.add(body.incident)
                elif isinstance(body, OrderProposed) and body.order.incident not in pursuits:
                    proposed += 1
        finally:
            journal.close()
            vault.close()
        record = self.crowd.record
        lost = sum(ref not in alerts for ref in record.alerts) + len(record.missing())
        doubled = sum(count - 1 for count in alerts.values()) + sum(came.times - 1 for came in record.orders.values())
        doubled += max(0, proposed - len(record.alerts))
        for number, applied in enumerate(record.applied):
            box = mailed.get(f"U{number:05}", [])
            lost += len(set(box) - set(applied))
            doubled += len(applied) - len(set(applied))
            if applied != sorted(applied):
                say(f"U{number:05} applied out of order: {applied}")
                lost += 1
        return lost, doubled


def measure(scale: Scale, seed: int) -> tuple[list[Row], dict[str, Any]]:
    """Run all of it; return a row by phase, and the summary."""
    with tempfile.TemporaryDirectory(prefix="allpoints-stream-") as folder:
        say(f"a town of {scale.nodes} nodes, {scale.terminals} units …")
        place = Place.make(Path(folder) / "city", scale.nodes, scale.terminals, seed)
        with served(place.folder) as server, Syncs(Path(folder)) as syncs:
            trial = Trial(place, server, syncs, scale, seed)
            try:
                trial.connect()
                steady = trial.steady()
                beside, seen = trial.seen()
                alone = trial.alone()
                storm_s = trial.storm()
            finally:
                gc.enable()
                trial.crowd.close()
            status = server.end()
        lost, doubled = trial.audit()
    record = trial.crowd.record
    if record.refused:
        say(f"refused: {dict(record.refused)}")
    summary: dict[str, Any] = {
        "p50_ms": steady["p50_ms"],
        "p99_ms": steady["p99_ms"],
        "lost": lost,
        "duplicated": doubled,
        "positions_per_s": steady["positions_per_s"],
        "kb_per_connection": round(trial.kb_per_connection, 1),
        "alerts_per_s_alone": round(alone, 1),
        f"reconnect_{scale.terminals}_s": round(storm_s, 2),
        "sighting_p50_ms": _percentile(seen, 50),
        "sighting_p99_ms": _percentile(seen, 99),
        "sightings": len(seen),
        "sightings_lost": scale.sightings - sum(one is not None for one in seen),
        "alert_beside_sightings_p50_ms": beside["p50_ms"],
        "refused": sum(record.refused.values()),
        "orders": len(record.orders),
        "exit_status": status,
        **{name: steady[name] for name in ("disk_p50_ms", "disk_p99_ms", "disk_max_ms") if name in steady},
    }
    return trial.rows, summary


def _percentile(times: Sequence[float | None], share: float) -> float | None:
    came = [one for one in times if one is not None]
    return round(float(np.percentile(came, share)), 3) if came else None


def raise_limit(files: int) -> str:
    """Let this process and its children open so many files; return why that cannot be, or nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < files:
        return f"RLIMIT_NOFILE: {hard} files at most; needed: {files}. Raise it (ulimit -Hn, limits.conf) and try again"
    if soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return ""


def verdict(report: Report) -> int:
    """Hold the figures against the bars; say which were missed."""
    summary = report.summary
    missed = [f"{name}: {summary[name]}; limit: 0" for name in NEVER if summary[name]]
    for name, most in (("p50_ms", MOST_P50_MS), ("p99_ms", MOST_P99_MS)):
        value = summary[name]
        if not isinstance(value, float) or value >= most:
            missed.append(f"{name}: {value}; limit: below {most:g}")
    seen = summary.get("sighting_p99_ms")
    if isinstance(seen, float) and seen >= MOST_SIGHTING_MS:
        missed.append(f"sighting_p99_ms: {seen}; limit: below {MOST_SIGHTING_MS:g}")
    for line in missed:
        say(f"missed: {line}")
    return 1 if missed else 0


def main(args: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where something is lost or doubled, a bar is missed or it cannot run.

    A quick run is held against the record alone: its figures are of a small crowd.
    """
    asked = arguments("stream", str(__doc__).splitlines()[0], args)
    report = Report("stream", asked.seed, PACKAGES)
    scale = QUICK if asked.quick else FULL
    why = raise_limit(scale.terminals + _SPARE_FILES)
    if why:
        report.absent["terminals"] = why
        say(why)
        emit(report, asked.json)
        return 1
    report.results, report.summary = measure(scale, asked.seed)
    table(report.results, list(dict.fromkeys(name for row in report.results for name in row)))
    emit(report, asked.json)
    if asked.quick:
        return 1 if any(report.summary[name] for name in NEVER) else 0
    return verdict(report)


if __name__ == "__main__":
    sys.exit(main())
