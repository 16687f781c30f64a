"""A real stream server on loopback, over a small city, for tests; and waiting without a clock."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from engine.core.engine import Engine
from engine.core.plain_ports import VolatileJournal
from engine.service.access import AccessDenied, Identity
from engine.service.cycle import Cycle
from engine.service.roles import Roles
from engine.service.stream import StreamServer
from engine.terminal import Client
from engine.wire.codec import MSGPACK, Codec
from engine.wire.limits import Limits
from engine.wire.messages import Hello
from engine.wire.reports import NeedOf, PersonalDetails, ReportAlert
from tests.support.cities import NOW, SetClock, city, place, unit

PATIENCE_S = 30.0
CODEC = Codec(MSGPACK)
ROLES = Roles.shipped()
QUICK = (0.001, 0.01)
"""Pauses between attempts to connect."""


class Door:
    """Tokens that say who they are for, ``terminal:car``, and are as good as new each time."""

    def __init__(self):
        self.revoked = set()
        self.expired = set()
        self._told = set()
        self._shown = 0

    def admit(self, token, host, channel, certificate=""):
        if token in self.expired and token not in self.revoked:
            raise AccessDenied("expired")
        return self.admit_emergency(token, host, channel)

    def admit_emergency(self, token, host, channel, certificate=""):
        role, _, subject = token.partition(":")
        if token in self.revoked:
            raise AccessDenied("revoked")
        self._shown += 1
        try:
            return Identity(
                credential=token, role=ROLES[role], subject=subject, device="phone", token_id=f"token {self._shown}"
            )
        except KeyError:
            raise AccessDenied("unknown_credential") from None

    def refuse(self, denied, host, channel):
        pass

    def newly_revoked(self):
        told, self._told = self._told, set(self.revoked)
        return frozenset(self.revoked - told)


@dataclass
class Running:
    """A server that runs."""

    engine: Engine
    cycle: Cycle
    stream: StreamServer
    door: Door
    url: str
    port: int

    def client(self, token, **more):
        return Client(self.url, token, backoff_s=QUICK, **more)

    async def socket(self, token="", codec=MSGPACK, **hello):
        """Return a bare WebSocket, greeted when a token is given."""
        socket = await connect(self.url, subprotocols=[codec], proxy=None, ping_interval=None, max_size=None)
        if token:
            await socket.send(Codec(codec).encode(Hello(token=token, **hello)))
        return socket


@asynccontextmanager
async def running(
    *units,
    journal=None,
    clock=None,
    jobs=None,
    limits=None,
    port=0,
    cycle_type=Cycle,
    cycle_limits=None,
    policies=None,
    stations=(),
    run_cards=None,
    door=None,
    neighbours=(),
    **more,
):
    """Run a server over a grid of streets; what is left goes to the cycle."""
    units = units or (unit("near", 1, 0), unit("far", 5, 4))
    # Each call has a journal of its own unless it is given one that lives on.
    journal = VolatileJournal() if journal is None else journal
    cards = {} if run_cards is None else {"run_cards": run_cards}
    engine = Engine(
        city(units, stations, policies=policies, neighbours=neighbours, **cards),
        journal=journal,
        clock=clock or SetClock(),
        jobs=jobs,
    )
    cycle = cycle_type(engine, limits=cycle_limits, **more)
    if jobs is not None:
        jobs.attach(cycle)
    door = door or Door()
    stream = StreamServer(cycle, door, limits=limits or Limits())
    turning = asyncio.create_task(cycle.run())
    await stream.start("127.0.0.1", port)
    try:
        yield Running(engine, cycle, stream, door, f"ws://127.0.0.1:{stream.port}/v1/stream", stream.port)
    finally:
        await stream.stop()
        cycle.stop()
        await turning
        if jobs is not None:
            jobs.close()


def play(scene):
    """Run a coroutine; one that hangs fails."""
    return asyncio.run(asyncio.wait_for(scene, PATIENCE_S))


async def until(condition):
    """Let everything else have its turn until something is so."""
    while not condition():  # noqa: ASYNC110 - what it waits for has no event to wait on
        await asyncio.sleep(0)


async def hear(socket, codec=CODEC):
    return codec.from_server(await socket.recv(decode=False))


async def say(socket, message, codec=CODEC):
    await socket.send(codec.encode(message))


async def closed(socket):
    """Read until the connection ends; return its code, its reason and what was said before."""
    said = []
    try:
        while True:
            said.append(await hear(socket))
    except ConnectionClosed as end:
        return end.rcvd.code, end.rcvd.reason, said


def report(ref, column=0, row=0, **more):
    lon, lat = place(column, row)
    more.setdefault("needs", (NeedOf("patrol"),))
    said = {"text": "a man with a knife", "caller": "Wang", "phone": "+86 138 0013 8000", "address": "No. 1"}
    more.setdefault("details", PersonalDetails(**said))
    return ReportAlert(
        **{"source": "test", "source_ref": str(ref), "type": "robbery", "lon": lon, "lat": lat, "at": NOW, **more}
    )
