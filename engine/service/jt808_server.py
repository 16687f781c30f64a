"""The listener of JT/T 808: a thin shell around `engine.intake.jt808.session`, for terminals of the named networks.

Rules: an address of no named network is let go before a byte of it is read. A terminal has one connection; a new one
ends the old. Locations are answered when they are taken, an emergency when its alert is durable. Nothing waits for a
slow terminal: what it does not read is bounded, and past that bound it is let go; its mail stays in its unit's mailbox.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from functools import partial
from typing import Final

from engine.core.city_devices import Device, Jt808Settings
from engine.intake.jt808 import messages as m
from engine.intake.jt808.limits import Limits
from engine.intake.jt808.session import Answered, Came, Heard, LoggedIn, Session
from engine.intake.screening import Reported
from engine.model.errors import Refusal
from engine.model.events import Mailed
from engine.service.courier import Courier
from engine.service.cycle import Commit, Cycle
from engine.service.device_hub import DeviceHub
from engine.service.device_words import DeviceWords

LOGGER = logging.getLogger("allpoints.devices")
MOST_CONNECTIONS = 20_000
MOST_OUTGOING_BYTES = 65_536
"""What may wait for one terminal before it is let go."""
_READ_BYTES = 4_096
_PROTOCOL: Final = "jt808"


class _Connection:
    """One terminal, from the first byte to the last."""

    def __init__(self, server: "Jt808Server", host: str, writer: asyncio.StreamWriter) -> None:
        self.host = host
        self.writer = writer
        self.courier: Courier | None = None
        self.session = Session(
            partial(server.hub.find, _PROTOCOL, host=host),
            partial(server.hub.refused, _PROTOCOL),
            limits=server.limits,
            utc_offset_minutes=server.settings.utc_offset_minutes,
        )

    @property
    def device(self) -> Device:
        """Who is connected; known once the code was believed."""
        assert self.session.device is not None
        return self.session.device

    def text(self, words: str) -> int:
        """Send words; return their serial."""
        serial = self.session.text(words)
        self.flush()
        return serial

    def flush(self) -> None:
        """Send what the session has to say; let go of a terminal that does not read."""
        out = self.session.take()
        if out and not self.writer.is_closing():
            self.writer.write(out)
            if self.writer.transport.get_write_buffer_size() > MOST_OUTGOING_BYTES:
                self.session.closing = "slow"
                self.writer.transport.abort()

    def end(self, why: str) -> None:
        """Let go of the terminal."""
        self.session.closing = self.session.closing or why
        if self.courier is not None:
            self.courier.close()
        self.writer.close()


class Jt808Server:
    """Terminals over TCP.

    Parameters
    ----------
    cycle
        The owner of the engine; `release` is added to its outlets.
    hub
        Who the devices are, and what becomes of what they say.
    settings
        Where to listen, for whom, and how terminals count time.
    words
        What mail says to a terminal.
    limits
        Bounds of a connection.
    """

    def __init__(
        self,
        cycle: Cycle,
        hub: DeviceHub,
        settings: Jt808Settings,
        words: DeviceWords,
        *,
        limits: Limits | None = None,
    ) -> None:
        self.hub = hub
        self.settings = settings
        self.limits = limits or Limits()
        self.counts: Counter[str] = Counter()
        self._cycle = cycle
        self._words = words
        self._connections: set[_Connection] = set()
        self._by_device: dict[str, _Connection] = {}
        self._by_unit: dict[str, set[_Connection]] = {}
        self._reading: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        cycle.outlets.append(self.release)

    @property
    def connected(self) -> int:
        """How many terminals have authenticated."""
        return len(self._by_device)

    def is_connected(self, device: Device) -> bool:
        """Tell whether a device is connected."""
        return device.name in self._by_device

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen.

        Raises
        ------
        Refusal
            When the address cannot be listened on; says which.
        """
        at = self.settings
        try:
            self._server = await asyncio.start_server(self._serve, at.host, at.port, limit=_READ_BYTES)
        except OSError as error:
            raise Refusal("cannot_listen", "address", f"{at.host}:{at.port}", error.strerror or error) from error

    async def stop(self) -> None:
        """Let go of every terminal, and listen no more."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.end("going_away")
        if self._reading:
            await asyncio.wait(self._reading)
        await self._server.wait_closed()

    def release(self, commit: Commit) -> None:
        """Wake the couriers of whoever has new mail."""
        for event in commit.events:
            if isinstance(event.body, Mailed):
                for connection in self._by_unit.get(event.body.recipient, ()):
                    if connection.courier is not None:
                        connection.courier.wake()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._reading.add(task)
        try:
            await self._welcome(reader, writer)
        finally:
            self._reading.discard(task)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        host = str(peer[0]) if peer else ""
        if not self.settings.lets_in(host):
            self.hub.refused(_PROTOCOL, Refusal("wrong_network", "address", host, "a network of [devices.jt808]"))
            writer.close()
            return
        if len(self._connections) >= MOST_CONNECTIONS:
            self.hub.refused(_PROTOCOL, Refusal("busy", "connections", len(self._connections), MOST_CONNECTIONS))
            writer.close()
            return
        connection = _Connection(self, host, writer)
        self._connections.add(connection)
        try:
            await self._read(connection, reader)
        except TimeoutError:
            connection.session.closing = "silent"
        except OSError:
            connection.session.closing = "lost"
        except Exception:
            # One terminal must not take the listener down; what it sent is not logged.
            LOGGER.exception("terminal_failed")
        finally:
            self._gone(connection)

    async def _read(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        loop, session = asyncio.get_running_loop(), connection.session
        login_s = loop.time() + self.limits.login_ms / 1_000
        while not session.closing:
            wait_ms = session.wait_ms(loop.time() * 1_000)
            if wait_ms:
                self.counts["slowed_down"] += 1
                await asyncio.sleep(wait_ms / 1_000)
            silent_s = loop.time() + self.limits.silence_ms / 1_000
            data = await self._next(connection, reader, silent_s if session.device is not None else login_s)
            if not data:
                return
            self.counts["bytes"] += len(data)
            for heard in session.receive(data, loop.time() * 1_000):
                await self._act(connection, heard)
            connection.flush()

    async def _next(self, connection: _Connection, reader: asyncio.StreamReader, until_s: float) -> bytes:
        """Return what comes next; what is missing of a message in several frames is asked for meanwhile.

        Raises
        ------
        TimeoutError
            When nothing has come until then.
        """
        loop, session = asyncio.get_running_loop(), connection.session
        while True:
            due_s = session.due_ms / 1_000
            try:
                async with asyncio.timeout_at(min(due_s, until_s)):
                    return await reader.read(_READ_BYTES)
            except TimeoutError:
                if until_s <= due_s:
                    raise
            session.tick(loop.time() * 1_000)
            connection.flush()

    async def _act(self, connection: _Connection, heard: Heard) -> None:
        match heard:
            case LoggedIn(device):
                connection.flush()
                self._admit(connection, device)
            case Answered(serial, result):
                if connection.courier is not None:
                    self.counts["texts_taken" if result == m.DONE else "texts_refused"] += 1
                    connection.courier.answered(serial, is_done=result == m.DONE)
            case Came():
                await self._locate(connection, heard)

    async def _locate(self, connection: _Connection, came: Came) -> None:
        """Take locations; answer them when they are taken, and an emergency, one for a message, when it is durable."""
        device, refusal = connection.device, None
        alarm: Reported | None = None
        for location in came.locations:
            said = reported(location, is_backfill=came.is_backfill)
            self.hub.locate(device, said)
            if location.is_emergency:
                alarm = alarm or said
            elif not came.is_backfill:
                self.hub.calm(device)
        if came.locations and not came.is_backfill:
            self.hub.screen.line(device).readings = m.readings(came.locations[-1])
        if alarm is not None:
            refusal = await self.hub.alarm(device, alarm)
        connection.session.answer(came.packet, m.DONE if refusal is None else m.FAILED)
        connection.flush()

    def _admit(self, connection: _Connection, device: Device) -> None:
        """Let a terminal have its mail; an older connection of it ends."""
        older = self._by_device.get(device.name)
        if older is not None:
            self.counts["replaced"] += 1
            older.end("replaced")
        self._by_device[device.name] = connection
        self._by_unit.setdefault(device.unit, set()).add(connection)
        self.counts["sessions"] += 1
        connection.courier = Courier(self._cycle, self._words, device, connection.text)
        connection.courier.wake()

    def _gone(self, connection: _Connection) -> None:
        why = connection.session.closing or "gone"
        self.counts[f"ended_{why}"] += 1
        device = connection.session.device
        if why == "wrong_code":
            self.hub.failed(_PROTOCOL, connection.session.terminal, connection.host)
        with contextlib.suppress(OSError):
            connection.flush()
        connection.end(why)
        self._connections.discard(connection)
        if device is not None:
            if self._by_device.get(device.name) is connection:
                del self._by_device[device.name]
            readers = self._by_unit.get(device.unit, set())
            readers.discard(connection)
            if not readers:
                self._by_unit.pop(device.unit, None)


def reported(location: m.Location, *, is_backfill: bool) -> Reported:
    """Return a location as any device's position."""
    return Reported(
        lon=location.lon,
        lat=location.lat,
        at=location.at,
        speed_mps=location.speed_mps,
        heading_deg=float(location.heading_deg) if location.heading_deg <= 360 else None,
        is_located=location.is_located,
        is_backfill=is_backfill,
    )
