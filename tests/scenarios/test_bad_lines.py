"""The real server, killed again and again, behind a relay that cuts, delays and stalls: every order is answered once.

Every terminal and the source of alerts reach the server through the relay alone. ``ALLPOINTS_BAD_LINES=2000`` makes the
long run, with ten kills; without it there are fewer orders and two.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from engine.journal.record import open_record
from engine.model.events import AlertReceived, Mailed, OrderAdvanced
from engine.model.lifecycle import OrderState
from engine.terminal import Client, Exchange
from engine.wire.reports import NeedOf, ReportAlert
from engine.wire.server_messages import Taken
from tests.scenarios.test_kill_server import no_unit_held_twice
from tests.support.cities import place, unit
from tests.support.folders import credentials_of, grid_folder
from tests.support.serving import Served

ORDERS = int(os.environ.get("ALLPOINTS_BAD_LINES", "80"))
KILLS = 10 if ORDERS >= 2_000 else 2
PATIENCE_S = 280.0 if KILLS == 2 else 1_200.0
UNITS = [unit(f"P{number}", number % 6, number // 6) for number in range(24)]
WORDS = ("accept", "en_route", "on_scene", "clear")
QUICK = (0.02, 0.2)


class Relay:
    """A TCP relay that passes bytes on late, and cuts some of its lines with what is on them."""

    def __init__(self) -> None:
        self.port = 0
        self.target = 0
        self.cuts = self.stalls = 0
        self._chance = random.Random(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pieces = self._chance.randint(6, 30)
        both = [asyncio.create_task(self._pass(*way, pieces)) for way in ((reader, back), (there, writer))]
        self._tasks.update(both)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for transport in (writer.transport, back.transport):
            transport.abort()
        for task in both:
            task.cancel()
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: int) -> None:
        for _ in range(pieces):
            try:
                data = await reader.read(4_096)
                if not data:
                    return
                if self._chance.random() < 0.02:
                    self.stalls += 1
                    await asyncio.sleep(self._chance.uniform(0.05, 0.3))  # what this relay is for
                writer.write(data)
            except OSError:
                return
        self.cuts += 1


class World:
    """What is outside of the server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokens = credentials_of(folder)
        self.server = Served(folder)
        self.relay = Relay()
        self.taken: dict[str, str] = {}
        self.cleared: Counter[str] = Counter()
        self.items: dict[str, list[tuple[int, str]]] = {each.id: [] for each in UNITS}
        self.news = asyncio.Condition()

    def client(self, name: str, path: Path) -> Client:
        url = f"ws://127.0.0.1:{self.relay.port}/v1/stream"
        return Client(url, Exchange(self.server.http, self.tokens[name]), state_path=path, backoff_s=QUICK)

    def aim(self) -> None:
        self.relay.target = int(self.server.stream.split(":")[2].partition("/")[0])

    async def tell(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with self.news:
            await self.news.wait_for(holds)

    async def kill_and_restart(self) -> None:
        await asyncio.to_thread(self.server.kill)
        # Tokens are had from where they were before; only the stream moves.
        port = self.server.http.rpartition(":")[2]
        self.server = await asyncio.to_thread(Served, self.folder, "--http-port", port)
        self.aim()


async def patrol(world: World, name: str, folder: Path) -> None:
    async with world.client(name, folder / f"{name}.json") as client:
        while (item := await client.next_item()) is not None:
            world.items[name].append((item.seq, item.order.id if item.order else item.code))
            if item.kind == "order" and item.order is not None:
                for word in WORDS:
                    answered = await client.answer(item.order, word, key=f"{item.order.id}-{word}")
                    assert isinstance(answered, Taken), answered
                world.cleared[item.order.id] += 1
                await world.tell()


async def source(world: World, folder: Path, now: int) -> None:
    """Report every alert; a few more than there are patrols are on their way at any time."""
    async with world.client("calls", folder / "calls.json") as client:

        async def report(number: int) -> None:
            await world.until(lambda: len(world.cleared) >= number - len(UNITS) - 4)
            lon, lat = place(number % 6, number % 5)
            alert = ReportAlert(
                source="calls",
                source_ref=str(number),
                type="robbery",
                lon=lon,
                lat=lat,
                at=now,
                needs=(NeedOf("patrol"),),
            )
            answered = await client.report(alert)
            assert isinstance(answered, Taken), answered
            world.taken[str(number)] = str(answered.refs["incident"])
            await world.tell()

        await asyncio.gather(*(report(number) for number in range(ORDERS)))


async def play(world: World, folder: Path, now: int) -> None:
    listening = await world.relay.start()
    world.aim()
    tasks = [asyncio.create_task(patrol(world, each.id, folder)) for each in UNITS]
    reporting = asyncio.create_task(source(world, folder, now))
    for kill in range(1, KILLS + 1):
        await world.until(lambda least=kill * ORDERS // (KILLS + 1): len(world.cleared) >= least)
        await world.kill_and_restart()
    await reporting
    await world.until(lambda: len(world.cleared) == ORDERS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    listening.close()


def test_every_order_is_answered_once(tmp_path: Path):
    folder = grid_folder(tmp_path / "city", units=UNITS, stations=[])
    world = World(folder)
    try:
        asyncio.run(asyncio.wait_for(play(world, tmp_path, time.time_ns() // 1_000_000), PATIENCE_S))
        assert world.server.terminate() == 0
    finally:
        if world.server.process.poll() is None:
            world.server.kill()
    journal, vault = open_record(folder / "record")
    try:
        assert journal.verify().ok
        bodies = [event.body for event in journal.read()]
    finally:
        journal.close()
        vault.close()
    print(f"{ORDERS} orders, {KILLS} kills, {world.relay.cuts} lines cut, {world.relay.stalls} stalls")
    assert world.relay.cuts
    opened = {body.source_ref: body.incident for body in bodies if isinstance(body, AlertReceived)}
    assert len([body for body in bodies if isinstance(body, AlertReceived)]) == ORDERS
    assert world.taken == opened
    answers = Counter((body.order, body.to) for body in bodies if isinstance(body, OrderAdvanced) and body.key)
    assert set(answers.values()) == {1}
    assert len([order for order, to in answers if to is OrderState.CLEARED]) == ORDERS
    assert set(world.cleared.values()) == {1}
    assert no_unit_held_twice(bodies)
    for name, items in world.items.items():
        its = [body for body in bodies if isinstance(body, Mailed) and body.recipient == name]
        assert items == [(body.mail_seq, body.order or body.code) for body in its]
