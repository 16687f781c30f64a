"""Everybody in the field: a real client on the stream for each unit and station, and behind it a simulated crew.

The crews know nothing of sockets and the clients nothing of crews; here they meet. Everything the terminals saw is
noted as it happens to them, for the audit: this side trusts nothing that the server says about itself.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.core.city import City
from engine.model.commands import Answer
from engine.review.audit import Seen
from engine.simulation.agenda import Agenda
from engine.simulation.navigator import RoadNavigator
from engine.simulation.patrol import Answered, Habits, Patrol, Position
from engine.simulation.station_desk import Names, StationDesk
from engine.terminal import Client, Exchange
from engine.wire.messages import Fix
from engine.wire.server_messages import Item, OrderView, Refused, Superseded, Taken

_BACKOFF_S = (0.1, 1.0)
_LATE_S = 30.0
"""An answer or an order for which the world would wait longer than this is a failure of the demonstration."""


class Watcher(Protocol):
    """Whoever looks on: the table on the screen."""

    def delivered(self, order: OrderView, after_ms: float | None) -> None:
        """Hear that an order is in its terminal's hands, and how long after its commit."""
        ...

    def withdrawn(self, order: OrderView) -> None:
        """Hear that an order was withdrawn."""
        ...

    def answered(self, order: str, answer: Answer, at: int) -> None:
        """Hear that a terminal's answer was taken."""
        ...


@dataclass
class Measured:
    """What was measured at the terminals and at the source of the alerts."""

    deliver_ms: list[float] = field(default_factory=list)
    decide_ms: list[float] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    answers_refused: int = 0


class Field:
    """All units and stations of a city, connected.

    Parameters
    ----------
    city
        Who there is, and the roads they drive.
    url, http
        The stream, and where tokens are had.
    credentials
        By the id of unit or station.
    working_ms
        How long a unit or station, by its kind, stays at an incident.
    watcher
        Whoever looks on.
    """

    def __init__(
        self,
        city: City,
        url: str,
        http: str,
        credentials: Mapping[str, str],
        working_ms: Callable[[str, str], int],
        watcher: Watcher,
    ) -> None:
        self.now = 0
        self.agenda = Agenda()
        self.measured = Measured()
        self._watcher = watcher
        self._received: set[str] = set()
        self._awaited: dict[str, asyncio.Event] = {}
        kind_of = {str(unit.id): unit.capabilities[0] for unit in city.units}
        habits = Habits(working_ms=lambda incident, who: working_ms(incident, kind_of.get(who, "")))
        navigator = RoadNavigator(city)
        self.crews: dict[str, Patrol | StationDesk] = {
            str(unit.id): Patrol(unit, navigator, habits) for unit in city.units
        }
        self.crews |= {str(station.id): StationDesk(station.id, habits) for station in city.stations}
        self._clients = {
            name: Client(url, Exchange(http, credentials[name]), backoff_s=_BACKOFF_S, on_order=self._ear(name))
            for name in self.crews
        }
        self._orders: dict[str, OrderView] = {}

    async def connect(self) -> None:
        """Connect everybody and wait until all are welcome."""
        for client in self._clients.values():
            await client.__aenter__()
        await asyncio.gather(*(client.connected() for client in self._clients.values()))

    async def close(self) -> None:
        """Disconnect everybody."""
        await asyncio.gather(*(client.close() for client in self._clients.values()))

    async def act(self, now: int) -> None:
        """Let everybody do what is due by ``now``, and wait until their answers are taken.

        Raises
        ------
        TimeoutError
            When an answer was not taken in time.
        """
        self.now = max(self.now, now)
        names = self.agenda.due(now)
        if names:
            async with asyncio.timeout(_LATE_S):
                await asyncio.gather(*(self._act(name, now) for name in names))

    async def delivered(self, orders: list[str]) -> None:
        """Wait until orders are in their terminals' hands.

        Raises
        ------
        TimeoutError
            When one did not arrive in time.
        """
        waiting = [order for order in orders if order not in self._received]
        for order in waiting:
            self._awaited.setdefault(order, asyncio.Event())
        if waiting:
            async with asyncio.timeout(_LATE_S):
                for order in waiting:
                    await self._awaited[order].wait()

    def _ear(self, name: str) -> Callable[[Item], Awaitable[None]]:
        async def hear(item: Item) -> None:
            self._hear(name, item)

        return hear

    def _hear(self, name: str, item: Item) -> None:
        """Take an item out of somebody's mailbox."""
        received_ns = time.monotonic_ns()
        order = item.order
        if order is None:
            return
        crew, exclusive = self.crews[name], isinstance(self.crews[name], Patrol)
        if item.kind == "order":
            if not crew.take(order, self.now):
                return
            after_ms = None if item.trace is None else (received_ns - item.trace.committed_ns) / 1e6
            if after_ms is not None:
                self.measured.deliver_ms.append(after_ms)
            self._orders[order.id] = order
            self._received.add(order.id)
            self.measured.seen.append(Seen(name, order.id, "order", exclusive))
            self._watcher.delivered(order, after_ms)
            if order.id in self._awaited:
                self._awaited[order.id].set()
        elif item.kind == "cancellation":
            crew.withdraw(order.id, self.now)
            self.measured.seen.append(Seen(name, order.id, "cancellation", exclusive))
            self._watcher.withdrawn(order)
        elif isinstance(crew, StationDesk) and item.code == "assign_wanted":
            crew.wanted(order.id, self.now)
        self.agenda.set(name, crew.due_at())

    async def _act(self, name: str, now: int) -> None:
        """Let one crew act; its answers go one after the other, as a person's would."""
        crew, client = self.crews[name], self._clients[name]
        for said in crew.act(now):
            if isinstance(said, Position):
                client.position(Fix(lon=said.lon, lat=said.lat, at=said.at))
            elif isinstance(said, Names):
                await self._name(name, client, said)
            else:
                await self._answer(name, client, said)
        self.agenda.set(name, crew.due_at())

    async def _name(self, name: str, client: Client, said: Names) -> None:
        """Let a station name who goes, and hear whether anybody could."""
        crew = self.crews[name]
        assert isinstance(crew, StationDesk)
        reply: Taken | Refused | Superseded | None = None
        with contextlib.suppress(asyncio.CancelledError):
            reply = await client.assign(self._orders[said.order], said_at=said.said_at, key=said.key)
        if isinstance(reply, Taken):
            crew.named(said.order, "", said.said_at)
        elif isinstance(reply, Refused):
            crew.named(said.order, reply.code, said.said_at)

    async def _answer(self, name: str, client: Client, said: Answered) -> None:
        order = self._orders[said.order]
        exclusive = isinstance(self.crews[name], Patrol)
        if said.answer == "clear":
            # Before it is said: from then on a new order may come.
            self.measured.seen.append(Seen(name, said.order, "clear", exclusive))
        reply: Taken | Refused | Superseded | None = None
        with contextlib.suppress(asyncio.CancelledError):
            reply = await client.answer(order, said.answer, said_at=said.said_at, key=said.key)
        if isinstance(reply, Taken):
            self._watcher.answered(said.order, said.answer, said.said_at)
        else:
            self.measured.answers_refused += 1
