"""How long does keeping the state stop everybody? ``python -m benchmarks.copies [--json FILE|-] [--seed N] [--quick]``

A city has lived through some ten thousand alerts, all of it in its record, and its state is some 30 MB. On a loop as
the server has it something wakes up every millisecond; the longest time it was not let is how long everybody stood
still. The state is kept in both ways there are, in turns:

- **renewed**: replayed out of the record by another process (`engine.journal.renewal`), as while the server runs;
- **whole**: encoded on the loop and sealed in a thread, as once it stops.

What either has kept is read back, and must be the state. The run fails where it is not, or where a renewal stops the
loop for longer than its bar beyond what the machine does while nothing is kept.
"""

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.harness import Report, Row, arguments, emit, say, table
from benchmarks.served import CAPABILITY, Place
from engine.core.city_folder import RECORD, load_folder
from engine.core.engine import Engine
from engine.core.state import Kept
from engine.journal.record import open_record
from engine.journal.sqlite_journal import SqliteJournal
from engine.model.commands import Answer, AnswerOrder, ReportAlert
from engine.model.entities import Alert, Details, Need
from engine.service.collecting import collect_at_rest

PACKAGES = ("msgspec", "cryptography")
STEPS: tuple[Answer, ...] = ("accept", "en_route", "on_scene", "clear")
TOGETHER = 25
NODES, UNITS = 2_000, 500
MOST_PAUSE_MS = 5.0
EVERY_S = 0.001


def live_through(engine: Engine, place: Place, alerts: int) -> None:
    """Let so many new alerts be reported, answered and cleared."""
    known = len(engine.state.kept.alerts)
    spots = place.spots(alerts).tolist()
    for begin in range(0, alerts, TOGETHER):
        now = engine.clock.now()
        reports = [
            ReportAlert(
                actor="source:cad",
                alert=Alert(
                    source="cad",
                    source_ref=str(known + number),
                    type="drunk_person",
                    lon=spots[number][0],
                    lat=spots[number][1],
                    at=now,
                    needs=(Need(CAPABILITY),),
                    details=Details(text="a man on the bridge", phone="555-0100"),
                ),
            )
            for number in range(begin, min(begin + TOGETHER, alerts))
        ]
        orders = [order for reply in engine.submit(*reports) for order in reply.orders]
        for word in STEPS:
            engine.submit(
                *(
                    AnswerOrder(
                        actor=f"device:{engine.state.orders[order].recipient}",
                        key=f"{order} {word}",
                        order=order,
                        version=1,
                        answer=word,
                    )
                    for order in orders
                )
            )


async def longest_pause(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Return for how long the loop stood still at most while something was done, ms, and how long that took, s."""
    longest_s, is_over = 0.0, False

    async def wake() -> None:
        nonlocal longest_s
        last_s = time.perf_counter()
        while not is_over:
            await asyncio.sleep(EVERY_S)
            now_s = time.perf_counter()
            longest_s, last_s = max(longest_s, now_s - last_s - EVERY_S), now_s

    waking = asyncio.create_task(wake())
    await asyncio.sleep(0.05)
    begun_s = time.perf_counter()
    await work()
    taken_s = time.perf_counter() - begun_s
    is_over = True
    await waking
    return longest_s * 1e3, taken_s


async def measure(engine: Engine, journal: SqliteJournal, place: Place, alerts: int, rounds: int) -> list[Row]:
    """Keep the state in both ways, in turns; return a row for each time."""
    rows: list[Row] = []

    async def renewed() -> None:
        await asyncio.to_thread(journal.renew_snapshot)

    async def whole() -> None:
        blob = engine.snapshot()
        await asyncio.to_thread(journal.save_snapshot, engine.state.seq, blob)

    async def nothing() -> None:
        await asyncio.sleep(1.0)

    collecting = asyncio.create_task(collect_at_rest(lambda: engine.state.seq))
    for number in range(rounds):
        live_through(engine, place, alerts)  # so that every renewal has something to replay
        for way, work in (("renewed", renewed), ("whole", whole), ("nothing", nothing)):
            events = engine.state.seq - journal.snapshot_seq
            pause_ms, taken_s = await longest_pause(work)
            size = (journal.path.parent / "journal.snapshot").stat().st_size
            row: Row = {"way": way, "round": number, "mb": round(size / 1e6, 1), "events": events}
            rows.append(
                row | {"pause_ms": round(pause_ms, 2), "seconds": round(taken_s, 2), "wrong": wrong(engine, journal)}
            )
            say(str(rows[-1]))
            gc.collect()
    collecting.cancel()
    return rows


def wrong(engine: Engine, journal: SqliteJournal) -> int:
    """Read back what is kept: 0 where it is the state, else 1."""
    found = journal.load_snapshot()
    return int(
        found is None
        or msgspec.msgpack.decode(found.blob, type=Kept) != msgspec.msgpack.decode(engine.snapshot(), type=Kept)
    )


def run(seed: int, alerts: int, rounds: int) -> list[Row]:
    """Make the city, let it live, and measure."""
    with tempfile.TemporaryDirectory(prefix="allpoints-copies-") as folder:
        place = Place.make(Path(folder) / "city", NODES, UNITS, seed)
        (place.folder / RECORD).mkdir(exist_ok=True)
        journal, vault = open_record(place.folder / RECORD, create=True, synchronous="OFF")
        try:
            engine = Engine(load_folder(place.folder).city, journal=journal)
            say(f"{alerts} alerts …")
            live_through(engine, place, alerts - alerts // 10 * rounds)
            return asyncio.run(measure(engine, journal, place, alerts // 10, rounds))
        finally:
            journal.close()
            vault.close()


def main(args: Sequence[str] | None = None) -> int:
    """Run the question and return the exit status. A quick run is held against nothing but the state."""
    asked = arguments("copies", str(__doc__).splitlines()[0], args)
    report = Report("copies", asked.seed, PACKAGES)
    report.results = run(asked.seed, *((100, 1) if asked.quick else (15_000, 3)))
    table(report.results, list(report.results[0]))
    of = {way: [row for row in report.results if row["way"] == way] for way in ("renewed", "whole", "nothing")}
    pauses = {
        f"{way}_pause_ms": round(float(np.median([row["pause_ms"] for row in rows])), 2) for way, rows in of.items()
    }
    report.summary = {
        **pauses,
        "renewed_s": max(row["seconds"] for row in of["renewed"]),
        "mb": max(row["mb"] for row in report.results),
        "wrong": sum(row["wrong"] for row in report.results),
    }
    emit(report, asked.json)
    if report.summary["wrong"]:
        return 1
    beyond_ms = pauses["renewed_pause_ms"] - pauses["nothing_pause_ms"]
    return 0 if asked.quick or beyond_ms <= MOST_PAUSE_MS else 1


if __name__ == "__main__":
    sys.exit(main())
