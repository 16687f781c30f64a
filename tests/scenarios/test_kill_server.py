"""``kill -9`` in the middle of a stream of alerts: all that was accepted is there, and terminals go on.

The server is killed three times while alerts come in over HTTP and patrols work their orders over the stream. A source
does what sources do: it sends an alert again until it has an answer.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx

from engine.core.city_folder import load_city
from engine.core.engine import Engine
from engine.journal.record import open_record
from engine.model.events import AlertReceived, Mailed, OrderAdvanced, OrderProposed
from engine.model.lifecycle import HOLDING_ORDERS, OrderState
from engine.terminal import Client, Exchange
from tests.support.cities import place, unit
from tests.support.folders import credentials_of, grid_folder
from tests.support.serving import Served

UNITS = [unit(f"P{number}", number % 6, number // 6) for number in range(12)]
ALERTS = 60
KILLS_AFTER = (8, 25, 40)


class World:
    """What is outside the server. The ports stay the same over a restart, so that clients find it again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokens = credentials_of(folder)
        self.server = Served(folder)
        self.ports = [url.split(":")[2].partition("/")[0] for url in (self.server.http, self.server.stream)]
        self.up = asyncio.Event()
        self.up.set()
        self.news = asyncio.Condition()
        self.accepted: dict[str, str] = {}
        self.cleared: set[str] = set()
        self.items: dict[str, list[tuple[int, str]]] = {each.id: [] for each in UNITS}

    async def tell(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with self.news:
            await self.news.wait_for(holds)

    async def kill_and_restart(self) -> None:
        self.up.clear()
        await asyncio.to_thread(self.server.kill)
        http, stream = self.ports
        self.server = await asyncio.to_thread(Served, self.folder, "--http-port", http, "--stream-port", stream)
        self.up.set()


async def report(world: World, http: httpx.AsyncClient, number: int) -> None:
    """Send an alert until it has an answer; a few are on their way at any time, so that every kill meets some."""
    await world.until(lambda: len(world.accepted) >= number - 4)
    lon, lat = place(number % 6, number % 5)
    body = {"source_ref": str(number), "type": "robbery", "lon": lon, "lat": lat, "needs": [{"capability": "patrol"}]}
    while True:
        await world.up.wait()
        with contextlib.suppress(httpx.TransportError):
            answer = await http.post("/v1/alerts", json=body)
            if answer.status_code in {200, 201}:
                world.accepted[str(number)] = answer.json()["incident"]
                await world.tell()
                return
            assert answer.status_code == 503, answer.text


async def patrol(world: World, name: str, state: Path) -> None:
    """Work every order that comes, as a terminal does, whatever happens to the server."""
    credential = Exchange(world.server.http, world.tokens[name])
    async with Client(world.server.stream, credential, state_path=state, backoff_s=(0.02, 0.1)) as client:
        while (item := await client.next_item()) is not None:
            world.items[name].append((item.seq, item.order.id if item.order else item.code))
            if item.kind == "order" and item.order is not None:
                answers = [client.answer(item.order, said) for said in ("accept", "en_route", "on_scene", "clear")]
                await asyncio.gather(*answers)
                world.cleared.add(item.order.id)
                await world.tell()


async def play(world: World, folder: Path) -> None:
    patrols = [asyncio.create_task(patrol(world, each.id, folder / f"{each.id}.json")) for each in UNITS]
    address = world.server.http
    credential = Exchange(address, world.tokens["calls"])
    async with httpx.AsyncClient(base_url=address, auth=credential, timeout=5.0, trust_env=False) as http:
        reports = [asyncio.create_task(report(world, http, number)) for number in range(ALERTS)]
        for kill_after in KILLS_AFTER:
            await world.until(lambda least=kill_after: len(world.accepted) >= least)
            await world.kill_and_restart()
        await asyncio.gather(*reports)
        await world.until(lambda: len(world.cleared) == ALERTS)
    for task in patrols:
        task.cancel()
    await asyncio.gather(*patrols, return_exceptions=True)


def test_nothing_that_was_accepted_is_lost_and_nothing_is_doubled(tmp_path: Path):
    folder = grid_folder(tmp_path / "city", units=UNITS, stations=[])
    world = World(folder)
    try:
        asyncio.run(asyncio.wait_for(play(world, tmp_path), 120))
        assert world.server.terminate() == 0
    finally:
        if world.server.process.poll() is None:
            world.server.kill()

    record = folder / "record"
    journal, vault = open_record(record)
    try:
        assert journal.verify().ok
        bodies = [event.body for event in journal.read()]
        state = Engine(load_city(folder), journal=journal).state
    finally:
        journal.close()
        vault.close()

    received = Counter(body.source_ref for body in bodies if isinstance(body, AlertReceived))
    assert received == Counter(str(number) for number in range(ALERTS))
    opened = {body.source_ref: body.incident for body in bodies if isinstance(body, AlertReceived)}
    assert world.accepted == opened
    # Each alert wanted one patrol and got one that finished; nobody was on two orders at a time.
    cleared = Counter(
        body.order for body in bodies if isinstance(body, OrderAdvanced) and body.to is OrderState.CLEARED
    )
    assert len(cleared) == ALERTS
    assert set(cleared.values()) == {1}
    assert no_unit_held_twice(bodies)
    assert not state.demands
    # Each terminal applied its mailbox once, in order, without a gap.
    mailed = {
        each.id: [body for body in bodies if isinstance(body, Mailed) and body.recipient == each.id] for each in UNITS
    }
    for name, items in world.items.items():
        assert items == [(body.mail_seq, body.order) for body in mailed[name]]


def no_unit_held_twice(bodies: list) -> bool:
    """Follow every order through the journal and tell whether a unit was ever held by two."""
    recipient: dict[str, str] = {}
    holder: dict[str, str] = {}
    for body in bodies:
        if isinstance(body, OrderProposed):
            recipient[body.order.id] = body.order.recipient
        elif isinstance(body, OrderAdvanced):
            who = recipient[body.order]
            if body.to in HOLDING_ORDERS:
                if holder.setdefault(who, body.order) != body.order:
                    return False
            elif holder.get(who) == body.order:
                del holder[who]
    return True
