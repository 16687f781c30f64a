"""HTTP in the test's own process: the real application and the real cycle, over a journal that a test can break."""

import asyncio
import contextlib
from functools import cached_property
from pathlib import Path

import httpx

from engine.core.city_devices import DeviceSettings
from engine.core.engine import Engine
from engine.core.plain_ports import VolatileJournal
from engine.core.ports import Journal
from engine.journal.envelope import Opened, PersonalState
from engine.journal.photos import PhotoStore
from engine.journal.vault import Vault
from engine.model.events import DetailsRead
from engine.model.photos import Photo, PhotoKept
from engine.service.access import Access
from engine.service.cycle import Cycle, CycleLimits
from engine.service.device_hub import DeviceHub
from engine.service.door import Door
from engine.service.http import make_app
from engine.service.metrics import Metrics
from tests.support.cities import SetClock, city, station, unit
from tests.support.recording import FailingJournal

SUBJECTS = {"terminal": "P1", "station": "S1", "office": "legal"}
"""Whom the token of a role is for, where that is not just a name."""


class Desk:
    """A backend as the server has one, and a client for each role."""

    def __init__(self, backend: "Backend", journal: FailingJournal, app, tokens, credentials, metrics: Metrics):
        self.backend = backend
        self.cycle = backend.cycle
        self.journal = journal
        self.app = app
        self.tokens: dict[str, str] = tokens
        self.credentials: dict[str, str] = credentials
        self.metrics = metrics

    def client(self, role: str = "dispatcher") -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app, raise_app_exceptions=False),
            base_url="http://desk.example",
            headers={"Authorization": f"Bearer {self.tokens[role]}"},
        )


class Backend:
    """What the server is to HTTP."""

    def __init__(self, cycle: Cycle, devices: DeviceHub):
        self.started = True
        self.cycle = cycle
        self.city = cycle.engine.city
        self.log_id = cycle.engine.journal.log_id
        self.devices = devices
        self.authority = None
        self.folder = None

    @cached_property
    def vault(self):
        """A vault of its own beside the desk's files, made when it is first wanted."""
        return Vault(self.folder / "keys.sqlite", b"k" * 32)

    @property
    def photos(self):
        return PhotoStore(self.folder, self.vault)

    async def photos_of(self, order):
        return [
            Photo(event.body.sha256, event.body.size, event.body.media, event.actor, event.at)
            for event in self.cycle.engine.journal.read()
            if isinstance(event.body, PhotoKept) and event.body.order == order
        ]

    async def submit(self, command):
        return (await self.cycle.submit(command)).reply

    async def look(self, view):
        return await self.cycle.visit(lambda: view(self.cycle.engine))

    async def readings(self, before_seq, most):
        kept = [event for event in self.cycle.engine.journal.read() if isinstance(event.body, DetailsRead)]
        found = [event for event in reversed(kept) if before_seq is None or event.seq < before_seq]
        return [Opened(event, PersonalState.PRESENT) for event in found[:most]]

    def now(self):
        return self.cycle.engine.clock.now()

    def waits_for(self):
        return () if self.cycle.accepting else ("journal",)

    def stream_url(self, host):
        return f"ws://{host}:8461/v1/stream"


@contextlib.asynccontextmanager
async def desk(
    folder: Path,
    *,
    units=None,
    limits: CycleLimits | None = None,
    inner: Journal | None = None,
    devices=(),
    settings: DeviceSettings | None = None,
    **more,
):
    """Run a desk over the grid city, with two patrols, a duty group and a station; ``inner`` keeps its record."""
    standard = [unit("P1", 1, 1), unit("P2", 4, 3), unit("D1", 2, 2, "duty_group")]
    journal = FailingJournal(inner or VolatileJournal())
    engine = Engine(
        city(units=standard if units is None else units, stations=[station("S1", 0, 0)], **more),
        journal=journal,
        clock=SetClock(),
    )
    metrics = Metrics()
    metrics.watch(engine)
    cycle = Cycle(engine, figures=metrics, limits=limits or CycleLimits(retry_ms=0))
    turning = asyncio.create_task(cycle.run())
    with Access(folder) as access:
        credentials = {role: access.add(role, SUBJECTS.get(role, f"some {role}")) for role in access.roles}
        tokens = {role: access.exchange(credential).token for role, credential in credentials.items()}
        backend = Backend(cycle, DeviceHub(settings or DeviceSettings(), devices, cycle, metrics))
        backend.folder = folder
        yield Desk(backend, journal, make_app(backend, Door(access), metrics), tokens, credentials, metrics)
        cycle.stop()
        await turning
