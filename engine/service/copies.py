"""Copies beside the journal: positions and live speeds every few seconds, the state now and then.

Positions and live speeds are streams and not journalled: their checkpoint is all that a restart knows of them. To lose
a copy costs time, never truth. They are written in a thread of their own and never make a commit wait.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from engine.core.engine import Engine
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
    newest
        The snapshot that the engine started from, if there was one.
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
        newest: bytes | None = None,
        on_kept: Callable[[], None],
        checkpoint_ms: int,
        snapshot_events: int,
    ) -> None:
        self._engine = engine
        self._keeper = keeper
        self._checkpoint_s = checkpoint_ms / 1_000.0
        self._snapshot_events = snapshot_events
        self._snapshot_seq = engine.state.seq
        self.newest = newest
        """The newest snapshot, everything in it durable: after a failed commit the state is made from it."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="copies")
        self._on_kept = on_kept
        self._fed = True
        """Whether the last checkpoint of live speeds may hold some that are out of date now."""
        self._running: asyncio.Future[bool] | None = None
        self.due_s = 0.0
        """When the next is due, on the loop's clock."""

    def keep(self, now_s: float) -> None:
        """Begin a round of copies, if one is due and none is under way."""
        if now_s < self.due_s or (self._running is not None and not self._running.done()):
            return
        self.due_s = now_s + self._checkpoint_s
        self._begin(at_end=False)

    async def close(self) -> None:
        """Keep the last ones, and let go of the thread."""
        if self._running is not None:
            await self._running
        self._begin(at_end=True)
        if self._running is not None:
            await self._running
        self._pool.shutdown()

    def _begin(self, *, at_end: bool) -> None:
        engine, keeper = self._engine, self._keeper
        at, fleet, seq = engine.clock.now(), engine.fleet.checkpoint(), engine.state.seq
        speeds = engine.speeds.checkpoint() if engine.speeds.traffic.live_arcs or self._fed else None
        self._fed = engine.speeds.traffic.live_arcs > 0
        state = None
        if seq - self._snapshot_seq >= (1 if at_end else self._snapshot_events):
            state, self._snapshot_seq = engine.snapshot(), seq
            self.newest = state

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

    def _told(self, written: "asyncio.Future[bool]") -> None:
        if not written.cancelled() and written.exception() is None and written.result():
            self._on_kept()
