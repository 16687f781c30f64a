"""Copies beside the journal: positions and live speeds every few seconds, the state now and then.

Positions and live speeds are streams and not journalled: their checkpoint is all that a restart knows of them. To lose
a copy costs time, never truth. They are written in a thread of their own and never make a commit wait. The state is
replayed by the keeper, out of the record and beside the server, which would stop for everybody to encode it: it does
that at its end alone.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from engine.core.engine import Engine
from engine.journal.envelope import Snapshot
from engine.model.errors import NotStored

LOGGER = logging.getLogger("allpoints.copies")
FLEET = "fleet"
"""The name of the fleet's checkpoint."""
SPEEDS = "speeds"
"""The name of the live speeds' checkpoint."""


class Keeper(Protocol):
    """Keeps copies beside the journal, so that a start is quick. To lose them costs time, not truth."""

    def save_checkpoint(self, name: str, at: int, blob: bytes) -> None:
        """Keep the newest of a stream; raises `NotStored`."""
        ...

    def save_snapshot(self, seq: int, blob: bytes) -> None:
        """Keep the state after event ``seq``; raises `NotStored`."""
        ...

    @property
    def snapshot_seq(self) -> int:
        """The event after which the state was that is kept; 0 where none is."""
        ...

    def load_snapshot(self) -> Snapshot | None:
        """Return the state that is kept, everything in it durable; None where none can be used."""
        ...

    def renew_snapshot(self) -> None:
        """Keep the state after the newest event, replayed from the record; takes long and raises `NotStored`."""
        ...

    def stop_renewing(self) -> None:
        """Give up the renewal that runs, and begin no more."""
        ...

    def settle(self) -> None:
        """Do now what would make a commit wait later; raises `NotStored`."""
        ...


class Copies:
    """Keeps copies of an engine.

    Parameters
    ----------
    engine
        Read between two batches, when all of its state is committed.
    keeper
        Where they go; usually the journal itself.
    on_kept
        Told, on the loop, that a round of copies could be written: the disk takes again what it may have refused.
    checkpoint_ms, snapshot_events
        How often the fleet, and after how many events the state.
    """

    def __init__(
        self,
        engine: Engine,
        keeper: Keeper,
        *,
        on_kept: Callable[[], None],
        checkpoint_ms: int,
        snapshot_events: int,
    ) -> None:
        self._engine = engine
        self._keeper = keeper
        self._checkpoint_s = checkpoint_ms / 1_000.0
        self._snapshot_events = snapshot_events
        self._asked_seq = keeper.snapshot_seq
        """The newest event when the state was last to be kept, whether or not it could be."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="copies")
        self._on_kept = on_kept
        self._fed = True
        """Whether the last checkpoint of live speeds may hold some that are out of date now."""
        self._running: asyncio.Future[bool] | None = None
        self._renewals = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        self._renewing: asyncio.Future[None] | None = None
        self.due_s = 0.0
        """When the next is due, on the loop's clock."""

    def keep(self, now_s: float) -> None:
        """Begin a round of copies, if one is due and none is under way."""
        if now_s < self.due_s or (self._running is not None and not self._running.done()):
            return
        self.due_s = now_s + self._checkpoint_s
        self._begin(at_end=False)

    def snapshot(self) -> bytes | None:
        """Return the state that is kept, everything in it durable: after a failed commit it is made anew from there."""
        found = self._keeper.load_snapshot()
        return None if found is None else found.blob

    async def close(self) -> None:
        """Keep the last ones, and let go of the threads."""
        self._keeper.stop_renewing()
        for under_way in (self._running, self._renewing):
            if under_way is not None:
                await under_way
        self._begin(at_end=True)
        if self._running is not None:
            await self._running
        self._pool.shutdown()
        self._renewals.shutdown()

    def _begin(self, *, at_end: bool) -> None:
        engine, keeper = self._engine, self._keeper
        at, fleet, seq = engine.clock.now(), engine.fleet.checkpoint(), engine.state.seq
        speeds = engine.speeds.checkpoint() if engine.speeds.traffic.live_arcs or self._fed else None
        self._fed = engine.speeds.traffic.live_arcs > 0
        state = engine.snapshot() if at_end and seq > keeper.snapshot_seq else None
        if not at_end:
            self._renew(seq)

        def write() -> bool:
            try:
                keeper.save_checkpoint(FLEET, at, fleet)
                if speeds is not None:
                    keeper.save_checkpoint(SPEEDS, at, speeds)
                if state is not None:
                    keeper.save_snapshot(seq, state)
                keeper.settle()
            except NotStored:
                LOGGER.warning("copy_not_kept")
                return False
            return True

        self._running = asyncio.get_running_loop().run_in_executor(self._pool, write)
        self._running.add_done_callback(self._told)

    def _renew(self, seq: int) -> None:
        """Have the state kept if so many events have come since, and nobody is at it."""
        if seq - self._asked_seq < self._snapshot_events or (self._renewing is not None and not self._renewing.done()):
            return
        self._asked_seq = seq

        def renew() -> None:
            try:
                self._keeper.renew_snapshot()
            except NotStored as error:
                LOGGER.warning("snapshot_not_renewed", extra={"why": str(error)})

        self._renewing = asyncio.get_running_loop().run_in_executor(self._renewals, renew)

    def _told(self, written: "asyncio.Future[bool]") -> None:
        if not written.cancelled() and written.exception() is None and written.result():
            self._on_kept()


def keep_at_start(engine: Engine, keeper: Keeper, snapshot_events: int) -> None:
    """Keep the state at once where a start had to replay more than that; called before anybody is connected."""
    if engine.state.seq - keeper.snapshot_seq >= snapshot_events:
        try:
            keeper.save_snapshot(engine.state.seq, engine.snapshot())
        except NotStored:
            LOGGER.warning("copy_not_kept")
