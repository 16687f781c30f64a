"""One city's server: HTTP and the stream on one loop, the engine behind them, the journal under it.

HTTP listens first and says that it is not ready; then the city is read and the kernels are warmed in a thread; then
the journal is replayed, the stream listens, and alerts are taken. On Ctrl-C or SIGTERM nothing more is taken, what
waits is decided and stored, copies are kept, and every client is told. The exit status is 0 then.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from engine.core.batch import Reply
from engine.core.city import City
from engine.core.city_folder import RECORD, CityFolder, Listener, Settings, load_folder, load_settings
from engine.core.engine import Engine
from engine.core.plain_ports import SystemClock
from engine.core.ports import Clock
from engine.journal.envelope import Opened
from engine.journal.photos import PhotoStore
from engine.journal.record import open_record
from engine.journal.sqlite_journal import SqliteJournal
from engine.journal.vault import Vault
from engine.model import commands as c
from engine.model.errors import Refusal
from engine.model.photos import Photo
from engine.service.access import Access
from engine.service.address import STREAM_PATH, Address, reachable, remove_address, write_address
from engine.service.collecting import collect_at_rest
from engine.service.copies import FLEET, SPEEDS, keep_at_start
from engine.service.cycle import Cycle, CycleLimits
from engine.service.device_hub import DeviceHub
from engine.service.device_words import DeviceWords
from engine.service.door import Door
from engine.service.edge import MOST_CONNECTIONS
from engine.service.hosting import bound, make_room, signals
from engine.service.http import make_app
from engine.service.jt808_server import Jt808Server
from engine.service.metrics import Metrics
from engine.service.stream import StreamServer
from engine.service.tls import Http, Tls
from engine.service.virtual_clock import VirtualClock
from engine.service.warming import warm
from engine.service.worker_jobs import WorkerJobs
from engine.wire.limits import STANDARD

V = TypeVar("V")
LOGGER = logging.getLogger("allpoints.server")
_GRACE_S = 3
_OTHER_FILES = 500
"""Files that are open besides connections of the stream and of HTTP."""


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
    devices: DeviceHub = field(init=False)
    terminals: Jt808Server | None = None

    def close(self) -> None:
        """Let go of threads and files."""
        self.jobs.close()
        self.journal.close()
        self.vault.close()


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
        self._tls = _tls(self.settings)

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

    @property
    def devices(self) -> DeviceHub:
        """The devices that exist already."""
        return self._now_running.devices

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
        return f"ws{'s' * (self._tls is not None)}://{reachable(host)}:{self._now_running.stream.port}{STREAM_PATH}"

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

    @property
    def authority(self) -> Path | None:
        """The certificate of the city's own authority, where it has one."""
        return self.settings.authority

    async def readings(self, before_seq: int | None, most: int) -> list[Opened]:
        """Return who has read what names people, newest first; asked of the record beside the loop."""
        return await asyncio.to_thread(self._now_running.journal.readings, before_seq, most)

    async def photos_of(self, order: str) -> list[Photo]:
        """Return the photos that are on record for an order; asked of the record beside the loop."""
        return await asyncio.to_thread(self._now_running.journal.photos_of, order)

    @property
    def photos(self) -> PhotoStore:
        """Where photos of reports are kept, beside the journal."""
        running = self._now_running
        return PhotoStore(self.folder / RECORD, running.vault)

    async def run(self, on_ready: Callable[[Address], None]) -> None:
        """Serve until a signal comes.

        Raises
        ------
        CityError, Refusal, NotStored, OSError
            When the city cannot be served; everything that was begun is ended then.
        """
        stop = asyncio.Event()
        make_room(STANDARD.connections + MOST_CONNECTIONS + _OTHER_FILES)
        with Access(self.folder, self.settings.access) as access, signals(stop):
            door = Door(access)
            listening = bound(self.settings.http.host, self.settings.http.port)
            http = self._make_http(door)
            answering = asyncio.create_task(http.serve(sockets=[listening]))
            stopped = asyncio.create_task(stop.wait())
            watching = None if self._tls is None else asyncio.create_task(self._tls.watch())
            turning: asyncio.Task[None] | None = None
            collecting: asyncio.Task[None] | None = None
            try:
                self._running = await self._begin(door)
                counts = self._running.cycle.counts
                collecting = asyncio.create_task(collect_at_rest(lambda: counts["commits"]))
                turning = asyncio.create_task(self._running.cycle.run())
                self._announce(listening, on_ready)
                await asyncio.wait((answering, stopped, turning), return_when=asyncio.FIRST_COMPLETED)
                LOGGER.info("stopping")
            finally:
                stopped.cancel()
                for task in (watching, collecting):
                    if task is not None:
                        task.cancel()
                http.should_exit = True
                await asyncio.wait((answering,))
                await self._end(turning)

    def _make_http(self, door: Door) -> Any:
        """Return the ASGI server, which leaves signals to us."""
        import uvicorn  # noqa: PLC0415 - heavy

        class Quiet(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield

        secure = self._tls
        return Quiet(
            uvicorn.Config(
                make_app(self, door, self.metrics),
                http=Http,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=_GRACE_S,
                ssl_context_factory=None if secure is None else lambda _, __: secure.context,
            )
        )

    async def _begin(self, door: Door) -> Running:
        """Read the city, warm the kernels, replay the journal, and let the stream listen."""
        running = await asyncio.to_thread(self._open)
        try:
            cycle = running.cycle = Cycle(
                running.engine,
                keeper=running.journal,
                trace=self.options.trace,
                figures=self.metrics,
            )
            running.jobs.attach(cycle)
            running.stream = StreamServer(
                cycle,
                door,
                origins=self.settings.origins,
                on_refused=lambda code: self.metrics.refused("stream", code),
            )
            at, secure = self.settings.stream, self._tls
            await running.stream.start(at.host, at.port, ssl=None if secure is None else secure.context)
            await self._begin_devices(running)
        except BaseException:
            running.close()
            raise
        self.metrics.watch(running.engine)
        self.metrics.gauge("queue_depth", "Commands that wait to be decided.", lambda: cycle.waiting)
        self.metrics.gauge("sessions", "Clients of the stream.", lambda: running.stream.connected)
        return running

    async def _begin_devices(self, running: Running) -> None:
        """Let the devices in that are switched on."""
        settings = self.settings.devices
        running.devices = DeviceHub(settings, running.folder.devices, running.cycle, self.metrics)
        if settings.jt808 is not None:
            words = DeviceWords(running.engine, running.folder.areas)
            terminals = running.terminals = Jt808Server(running.cycle, running.devices, settings.jt808, words)
            await terminals.start()
            running.devices.is_connected = terminals.is_connected
            self.metrics.gauge("devices_connected", "Terminals of JT/T 808.", lambda: terminals.connected)

    def _open(self) -> Running:
        """Do all of the beginning that takes long; called in a thread."""
        folder = load_folder(self.folder)
        for warning in folder.warnings:
            LOGGER.warning("city", extra={"file": warning.file, "line": warning.line, "field": warning.field})
        warm()
        record = self.folder / RECORD
        record.mkdir(mode=0o700, exist_ok=True)
        virtual = self.options.virtual_now
        clock: Clock = SystemClock() if virtual is None else VirtualClock(virtual)
        with contextlib.ExitStack() as begun:
            journal, vault = open_record(record, create=True, synchronous=self.options.synchronous)
            begun.callback(vault.close)
            begun.callback(journal.close)
            jobs = WorkerJobs(2)
            begun.callback(jobs.close)
            found = journal.load_snapshot()
            snapshot = found.blob if found else None
            engine = Engine(folder.city, journal=journal, clock=clock, jobs=jobs, snapshot=snapshot)
            keep_at_start(engine, journal, CycleLimits().snapshot_events)
            fleet = journal.load_checkpoint(FLEET)
            if fleet is not None:
                engine.fleet.restore(fleet.blob)
            speeds = journal.load_checkpoint(SPEEDS)
            if speeds is not None:
                engine.speeds.restore(speeds.blob, clock.now())
            begun.pop_all()
        return Running(folder=folder, engine=engine, journal=journal, vault=vault, jobs=jobs)

    def _announce(self, listening: socket.socket, on_ready: Callable[[Address], None]) -> None:
        """Say where we listen: in the folder, in the log, and to whoever started us."""
        running, secure = self._now_running, "s" * (self._tls is not None)
        http_port, stream_port = listening.getsockname()[1], running.stream.port
        address = Address(
            http=f"http{secure}://{reachable(self.settings.http.host)}:{http_port}",
            stream=f"ws{secure}://{reachable(self.settings.stream.host)}:{stream_port}{STREAM_PATH}",
            pid=os.getpid(),
            jt808=self._jt808_address(),
        )
        write_address(self.folder, address)
        counts = {"units": len(self.city.units), "stations": len(self.city.stations)}
        LOGGER.info(
            "ready",
            extra={"http_port": http_port, "stream_port": stream_port, "seq": running.engine.state.seq, **counts},
        )
        on_ready(address)

    def _jt808_address(self) -> str | None:
        terminals, settings = self._now_running.terminals, self.settings.devices.jt808
        if terminals is None or settings is None:
            return None
        return f"{reachable(settings.host)}:{terminals.port}"

    async def _end(self, turning: "asyncio.Task[None] | None") -> None:
        """Store what waits, tell the clients, and let go of the files; raise what the cycle failed with."""
        running = self._running
        if running is None:
            return
        remove_address(self.folder)
        try:
            if turning is not None:
                running.cycle.stop()
                await turning
        finally:
            await running.stream.stop()
            if running.terminals is not None:
                await running.terminals.stop()
            running.close()
        LOGGER.info("stopped", extra={"seq": running.engine.state.seq})


def _tls(settings: Settings) -> Tls | None:
    """Return what the listeners encrypt by, if they do."""
    if settings.certificate is not None:
        return Tls(settings)
    if settings.client_certificates != "off":
        made = "a certificate of the server: `allpoints tls init`"
        raise Refusal("missing", "tls.client_certificates", settings.client_certificates, made)
    return None


def _overridden(settings: Settings, options: Options) -> Settings:
    """Return the settings with what the command line says otherwise."""

    def listener(of: Listener, host: str | None, port: int | None) -> Listener:
        return Listener(host=of.host if host is None else host, port=of.port if port is None else port)

    return replace(
        settings,
        http=listener(settings.http, options.http_host, options.http_port),
        stream=listener(settings.stream, options.stream_host, options.stream_port),
        certificate=options.certificate or settings.certificate,
        key=options.key or settings.key,
    )
