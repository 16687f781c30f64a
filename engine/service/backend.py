"""What stands behind HTTP; the server is one, and tests have another."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from engine.core.batch import Reply
from engine.core.city import City
from engine.core.engine import Engine
from engine.journal.envelope import Opened
from engine.journal.photos import PhotoStore
from engine.model import commands as c
from engine.model.photos import Photo
from engine.service.device_hub import DeviceHub

V = TypeVar("V")


class Backend(Protocol):
    """What stands behind HTTP: the way for commands into the engine, and for views out of it."""

    @property
    def started(self) -> bool:
        """Whether there is an engine to ask."""
        ...

    @property
    def city(self) -> City:
        """The city that is served, once started."""
        ...

    @property
    def log_id(self) -> str:
        """The identity of the journal, once started."""
        ...

    async def submit(self, command: c.Command) -> Reply:
        """Have a command decided and stored; the reply is given when it is durable."""
        ...

    async def look(self, view: Callable[[Engine], V]) -> V:
        """Have the engine looked at while all of its state is durable: what is not stored yet is not shown."""
        ...

    @property
    def authority(self) -> Path | None:
        """The certificate of the city's own authority, where it has one."""
        ...

    async def readings(self, before_seq: int | None, most: int) -> Sequence[Opened]:
        """Return who has read what names people, newest first."""
        ...

    async def photos_of(self, order: str) -> Sequence[Photo]:
        """Return the photos that are on record for an order, oldest first, also long after the state forgot it."""
        ...

    @property
    def photos(self) -> PhotoStore:
        """Where photos of reports are kept, once started."""
        ...

    def now(self) -> int:
        """Milliseconds since the epoch, by the core's clock."""
        ...

    @property
    def devices(self) -> DeviceHub:
        """The devices that exist already, once started."""
        ...

    def waits_for(self) -> tuple[str, ...]:
        """Name what is missing before alerts can be taken; empty when ready."""
        ...

    def stream_url(self, host: str) -> str:
        """Return where the stream is, for a client that reached us under ``host``."""
        ...
