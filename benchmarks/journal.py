"""How long does a durable commit take? ``python -m benchmarks.journal [--json FILE|-] [--seed N] [--quick]``

Batches of 1, 8 and 64 events, and the six events of one call with its encrypted part, go to the journal (SQLite,
write-ahead log, FULL, hash chain, AES-256-GCM) and, in turns, to its peer: the same bytes appended to a plain file with
``fdatasync``, which is the least that durability can cost here. Afterwards both are read back and compared.
``processor`` is how long the journal kept a core busy, system calls included: its cost whatever disk and neighbours do.
"""

import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.harness import Report, arguments, emit, table
from engine.journal.keys import load_master_key
from engine.journal.sqlite_journal import SqliteJournal
from engine.journal.vault import Vault
from engine.model.demand_events import DemandRaised, Recommended
from engine.model.entities import Details, Need
from engine.model.events import AlertReceived, Body, Event, IncidentOpened, Mailed, OrderAdvanced
from engine.model.ids import AlertId, DemandId, IncidentId, OrderId, RecipientId, UnitId
from engine.model.lifecycle import OrderState
from engine.model.recommendation import Candidate, Excluded, Recommendation

AT = 1_800_000_000_000
INCIDENT, DEMAND, ORDER, UNIT = IncidentId("x-incident-1"), DemandId("x-demand-1"), OrderId("x-order-1"), "E01"


class Calls:
    """A stream of made-up calls, as events."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._calls = 0
        self._pending: list[tuple[Body, Details | None]] = []
        self.seq = 0

    def take(self, size: int) -> list[Event]:
        """Return the next events."""
        batch = []
        for _ in range(size):
            if not self._pending:
                self._pending = self._call()
            self.seq += 1
            body, personal = self._pending.pop(0)
            batch.append(Event(self.seq, AT + self.seq, "source:cad", body, personal))
        return batch

    def _call(self) -> list[tuple[Body, Details | None]]:
        """Return the six events of one call, about 3 kB."""
        self._calls += 1
        alert = AlertId(f"x-alert-{self._calls}")
        lon, lat = self._random.uniform(113, 114), self._random.uniform(36, 37)
        found = Recommendation(
            capability="engine",
            policy="nearest",
            chosen=Candidate(RecipientId(UNIT), 183_000, 60_000, 123_000, distance_m=2_140),
            others=tuple(Candidate(RecipientId(f"E{number:02}"), 184_000, 60_000, 124_000) for number in range(9)),
            excluded=tuple(Excluded(UnitId(f"T{number:02}"), "on_order", 95_000, "x-order-2") for number in range(5)),
            excluded_counts={"busy": 22, "lacks_capability": 41},
            fleet_size=100,
            settled_nodes=self._random.randrange(5_000),
        )
        received = AlertReceived(
            alert=alert,
            incident=INCIDENT,
            source="cad",
            source_ref=alert,
            type="fire",
            lon=lon,
            lat=lat,
            reported_at=AT,
        )
        opened = IncidentOpened(
            incident=INCIDENT,
            alert=alert,
            type="fire",
            level=2,
            lon=lon,
            lat=lat,
            first_alert_at=AT,
            needs=(Need("engine", 1),),
            approval="by_rule",
        )
        return [
            (received, Details(text="smoke from the second floor", phone="555-0100", address="1 Main Street")),
            (opened, None),
            (DemandRaised(demand=DEMAND, incident=INCIDENT, capability="engine", level=2), None),
            (Recommended(demand=DEMAND, incident=INCIDENT, recommendation=found), None),
            (OrderAdvanced(order=ORDER, version=1, to=OrderState.SENT), None),
            (Mailed(recipient=RecipientId(UNIT), mail_seq=self._calls, item="order", order=ORDER), None),
        ]


def measure(journal: SqliteJournal, peer: int, calls: Calls, size: int, commits: int) -> dict[str, Any]:
    """Commit batches of one size to both, in turns, and return what each took in milliseconds."""
    ours, processor, theirs = [], [], []
    for number in range(commits):
        if number % 200 == 0:
            journal.settle()  # as the server does, every few seconds in a worker
        batch = calls.take(size)
        data = msgspec.json.encode(batch)[1:-1] + b","
        busy = time.thread_time_ns()
        begin = time.perf_counter_ns()
        journal.append(batch)
        middle = time.perf_counter_ns()
        processor.append(time.thread_time_ns() - busy)
        os.write(peer, data)
        os.fdatasync(peer) if hasattr(os, "fdatasync") else os.fsync(peer)
        ours.append(middle - begin)
        theirs.append(time.perf_counter_ns() - middle)
    figures: dict[str, Any] = {"batch": size, "commits": commits}
    for name, taken in (("journal", ours), ("processor", processor), ("file_fdatasync", theirs)):
        for label, share in (("p50", 50), ("p99", 99), ("p999", 99.9)):
            figures[f"{name}_{label}_ms"] = round(float(np.percentile(taken, share)) / 1e6, 3)
    return figures


def run(seed: int, commits: int, folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Measure all sizes in a folder, then read both back; return the results and the summary."""
    vault = Vault(folder / "keys.sqlite", load_master_key(folder / "master.key", create=True))
    journal = SqliteJournal(folder / "journal.sqlite", vault)
    calls = Calls(seed)
    peer = os.open(folder / "peer", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    measure(journal, peer, calls, 6, 50)  # warm
    results = [measure(journal, peer, calls, size, commits) for size in (1, 8, 64, 6)]
    os.close(peer)
    begin = time.perf_counter()
    ours = list(journal.read())
    read_s = time.perf_counter() - begin
    theirs = msgspec.json.decode(b"[" + (folder / "peer").read_bytes()[:-1] + b"]", type=list[Event])
    begin = time.perf_counter()
    report = journal.verify()
    verify_s = time.perf_counter() - begin
    journal.close()
    vault.close()
    summary: dict[str, Any] = {}
    for name, source in (("commit", "journal"), ("processor", "processor"), ("peer", "file_fdatasync")):
        for share in ("p50", "p99"):
            summary |= {f"{name}_{share}_ms_{row['batch']}": row[f"{source}_{share}_ms"] for row in results}
    summary |= {
        "events": len(ours),
        "read_events_per_s": round(len(ours) / read_s),
        "verify_events_per_s": round(report.entries / verify_s),
        "mismatches": sum(a != b for a, b in zip(ours, theirs, strict=True)) + len(report.problems),
    }
    return results, summary


def main(args: Sequence[str] | None = None) -> int:
    """Run the question and return the exit status."""
    asked = arguments("journal", "How long does a durable commit take?", args)
    report = Report(benchmark="journal", seed=asked.seed, packages=("msgspec", "cryptography"))
    with tempfile.TemporaryDirectory() as folder:
        report.results, report.summary = run(asked.seed, 200 if asked.quick else 2_000, Path(folder))
    report.summary["sqlite"] = sqlite3.sqlite_version
    table(report.results, list(report.results[0]))
    emit(report, asked.json)
    return 1 if report.summary["mismatches"] else 0


if __name__ == "__main__":
    sys.exit(main())
