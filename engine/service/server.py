"""One city's server: HTTP and the stream on one loop, the engine behind them, the journal under it.

HTTP listens first and says that it is not ready; then the city is read and the kernels are warmed in a thread; then
the journal is replayed, the stream listens, and alerts are taken. On Ctrl-C or SIGTERM nothing more is taken, what
waits is decided and stored, copies are kept, and every client is told. The exit status is 0 then.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from engine.core.batch import Reply
from engine.core.city import City
from engine.core.city_folder import CityFolder, Settings, load_folder, load_settings
from engine.core.engine import Engine
from engine.core.plain_ports import SystemClock
from engine.core.ports import Clock
from engine.journal.sqlite_journal import SqliteJournal
from engine.journal.vault import Vault, load_master_key
from engine.model import commands as c
from engine.model.errors import Refusal
from engine.service.access import STORE_NAME, Access
from engine.service.address import RECORD, Address, reachable, remove_address, write_address
from engine.service.copies import FLEET
from engine.service.cycle import Cycle
from engine.service.http import make_app
from engine.service.metrics import Metrics
from engine.service.stream import PATH, StreamServer
from engine.service.virtual_clock import VirtualClock
from engine.service.warming import warm
from engine.service.worker_jobs import WorkerJobs

V = TypeVar("V")
_LOG = logging.getLogger("allpoints.server")
_GRACE_S = 3


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line may say otherwise than ``city.toml``.

    Attributes
    ----------
    virtual_now
        Start on a virtual clock that shows this instant and that messages set, for drivers in lockstep; None runs on
        the system's.
    trace
        Tell clients with each answer how long deciding and storing took.
    synchronous
        ``FULL`` survives a power cut; ``OFF`` is for trials whose record is thrown away.
    """

    http_host: str | None = None
    stream_host: str | None = None
    http_port: int | None = None
    stream_port: int | None = None
    certificate: Path | None = None
    key: Path | None = None
    virtual_now: int | None = None
    trace: bool = False
    synchronous: Literal["FULL", "OFF"] = "FULL"


@dataclass
class Running:
    """What runs once the city is read."""

    folder: CityFolder
    engine: Engine
    journal: SqliteJournal
    vault: Vault
    jobs: WorkerJobs
    cycle: Cycle = field(init=False)
    stream: StreamServer = field(init=False)


class CityServer:
    """The server of one folder.

    Parameters
    ----------
    folder
        The city's folder.
    options
        What differs from its ``city.toml``.
    """

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        self.folder = folder
        self.options = options or Options()
        self.metrics = Metrics()
        self.settings = _overridden(load_settings(folder), self.options)
        self._running: Running | None = None
        self._http: Any = None
        self._secure = self.settings.certificate is not None

    @property
    def started(self) -> bool:
        """Whether there is an engine to ask."""
        return self._running is not None

    @property
    def _now_running(self) -> Running:
        assert self._running is not None
        return self._running

    @property
    def city(self) -> City:
        """The city that is served."""
        return self._now_running.folder.city

    @property
    def log_id(self) -> str:
        """The identity of the journal."""
        return self._now_running.journal.log_id

    def now(self) -> int:
        """Milliseconds since the epoch, by the core's clock."""
        return self._now_running.engine.clock.now()

    def waits_for(self) -> tuple[str, ...]:
        """Name what is missing before alerts can be taken."""
        if self._running is None:
            return ("city", "kernels", "journal")
        return () if self._running.cycle.accepting else ("journal",)

    def stream_url(self, host: str) -> str:
        """Return where the stream is, for a client that reached us under ``host``."""
        return f"ws{'s' * self._secure}://{reachable(host)}:{self._now_running.stream.port}{PATH}"

    async def submit(self, command: c.Command) -> Reply:
        """Have a command decided and stored."""
        return (await self._now_running.cycle.submit(command)).reply

    async def look(self, view: Callable[[Engine], V]) -> V:
        """Have the engine looked at between two batches."""
        running = self._now_running
        seen = running.cycle.visit(lambda: view(running.engine))
        await asyncio.wait([seen])
        if seen.cancelled():
            raise Refusal("stopping", "server", "", "a server that runs")
        return cast("V", seen.result())

    async def run(self, on_ready: Callable[[Address], None]) -> None:
        """Serve until a signal comes.

        Raises
        ------
        CityError, Refusal, NotStored, OSError
            When the city cannot be served; everything that was begun is ended then.
        """
        stop = asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            access = stack.enter_context(Access(self.folder / STORE_NAME))
            stack.enter_context(_signals(stop))
            tasks = [asyncio.create_task(self._serve_http(access)), asyncio.create_task(stop.wait())]
            try:
                tasks.append(asyncio.create_task(self._begin(access)))
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if not stop.is_set() and tasks[2].done() and tasks[2].exception() is None:
                    tasks[2] = asyncio.create_task(self._now_running.cycle.run())
                    self._announce(on_ready)
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                _LOG.info("stopping")
            finally:
                await self._end(tasks)
            for task in (tasks[2], tasks[0]):
                task.result()
