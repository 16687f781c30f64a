"""Who lives in the simulated world: the server, terminals, the desk, a source of alerts. Their code is the real one.

Each is a process that may be killed at any step and starts again from its disk. A person at a terminal decides by the
order's name and the seed, so that a terminal that starts over says the same things again, under the same keys.
"""

import abc
import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.core.engine import Engine
from engine.model import commands
from engine.model.commands import ApproveOrder, CancelOrder, Command, EndEmergency, EndIncident
from engine.model.entities import Alert
from engine.model.errors import NotStored
from engine.model.ids import DESK
from engine.model.lifecycle import OPEN_ORDERS
from engine.service.cycle import Cycle, CycleLimits
from engine.service.outcome import Outcome
from engine.service.stream import StreamServer
from engine.terminal import Client, ClientEnded
from engine.wire.codec import SUBPROTOCOLS
from engine.wire.limits import Limits
from engine.wire.messages import Fix
from engine.wire.reports import NeedOf, PlaceOf, ReportAlert
from engine.wire.server_messages import Item, OrderView, Refused, Superseded, Taken
from tests.faults.disk import Files, Plate, Record
from tests.faults.network import Host, Line
from tests.faults.schedule import PowerCut
from tests.support.cities import NOW, place
from tests.support.streams import Door

if TYPE_CHECKING:
    from tests.faults.world import World

URL = "ws://10.0.0.2:8461/v1/stream"
LIMITS = Limits(heartbeat_ms=3_000, silence_ms=9_000, outgoing_bytes=12_000)
CYCLE = CycleLimits(quick_commit_ms=0, retry_ms=300, look_again_ms=4_000, checkpoint_ms=2_000, snapshot_events=25)
_STEPS = (
    ("accept", "en_route", "on_scene", "clear"),
    ("accept", "on_scene", "report", "clear"),
    ("accept", "en_route"),
    ("refuse",),
    ("accept",),
    (),
)


class WorldClock:
    """The server's clock; its machine outlives it. ``wall_ahead_ms`` is what somebody has set the wall clock to."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def now(self) -> int:
        return NOW + int(self._world.schedule.now_s * 1_000)

    def wall(self) -> int:
        return self.now() + self._world.wall_ahead_ms


class Server:
    """The server on its machine: plate and address outlive each of its processes."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.plate = Plate(f"log-{world.seed}")
        self.plate.on_durable = world.truth.durable
        self.process: Host | None = None
        self.cycle: Cycle | None = None
        self.stream: StreamServer | None = None
        self.starts = 0

    @property
    def is_up(self) -> bool:
        return self.process is not None and self.process.alive and self.cycle is not None

    def start(self) -> None:
        self.starts += 1
        self.process = Host(self.world.schedule, f"server {self.starts}", self.world.network)
        self.process.call_soon(lambda process: process.create_task(self._serve(process)), self.process)

    def kill(self, *, power: bool) -> None:
        if self.process is None or not self.process.alive:
            return
        self.process.kill_host(silent=power)
        self.plate.stop(self.world.schedule.chance, power=power)
        self._account()
        self.cycle = None

    async def _serve(self, process: Host) -> None:
        record = Record(self.plate)
        found = record.load_snapshot() if self.world.schedule.chance.random() < 0.7 else None
        snapshot = None if found is None else found.blob
        try:
            engine = Engine(self.world.city, journal=record, clock=WorldClock(self.world), snapshot=snapshot)
        except NotStored:
            self.world.schedule.after(0.5, self.world.restart_server)
            process.alive = False
            return
        cycle = Cycle(engine, keeper=record, limits=CYCLE)
        self.stream = StreamServer(cycle, Door(), limits=LIMITS)
        await self.stream.start("10.0.0.2", 8461)
        self.cycle = cycle
        await cycle.run()

    def _account(self) -> None:
        """Note what only a log would tell: errors of the server's own that it survived."""
        if self.cycle is not None:
            for name in ("faults", "outlet_failures", "answer_failures"):
                if self.cycle.counts[name]:
                    self.world.truth.breach(f"the server counted {self.cycle.counts[name]} {name}")

    def take(self, command: Command, answer: Callable[[Outcome], None]) -> None:
        """As HTTP does: have a command decided, and answer once it is durable."""
        process, cycle = self.process, self.cycle
        if process is None or cycle is None or not process.alive:
            return

        async def submit() -> None:
            answer(await cycle.submit(command))

        process.call_soon(lambda: process.create_task(submit()))


class Actor(abc.ABC):
    """A machine with a client on it, a line of its own, and a person."""

    def __init__(self, world: "World", name: str, token: str, line: Line, device: str = "phone") -> None:
        self.world = world
        self.name = name
        self.token = token
        self.line = line
        self.device = device
        self.files = Files(self._before_disk)
        self.cut_at_call: int | None = None
        self.process: Host | None = None
        self.client: Client | None = None
        self.lives = 0
        self.busy = 0
        """Things that the person is about to say."""

    @property
    def is_up(self) -> bool:
        return self.process is not None and self.process.alive

    def start(self) -> None:
        if self.is_up:
            return
        self.lives += 1
        self.busy = 0
        self.process = Host(self.world.schedule, f"{self.name} {self.lives}", self.world.network, self.line)
        self.process.call_soon(lambda process: process.create_task(self.live()), self.process)

    def kill(self, *, power: bool) -> None:
        if not self.is_up:
            return
        assert self.process is not None
        self.process.kill_host(silent=power)
        if power:
            self.files.lose_power(self.world.schedule.chance)
        else:
            self.files.stop()
        self.client = None

    def wipe(self) -> None:
        """The device is replaced by a new one of the same name."""
        self.kill(power=True)
        self.files.wipe()

    def _before_disk(self) -> None:
        """Count a call on the disk; the power may go before it, or after the last of them."""
        if not self.is_up or self.world.schedule.running is not self.process:
            raise PowerCut
        if self.cut_at_call is not None:
            self.cut_at_call -= 1
            if self.cut_at_call <= 0:
                self.cut_at_call = None
                self.kill(power=True)
                self.world.schedule.after(self.world.schedule.chance.uniform(0.05, 2.0), self.start)
                raise PowerCut

    def new_client(self) -> Client:
        chance = random.Random(f"{self.world.seed} {self.name} {self.lives}")
        codec = SUBPROTOCOLS[0] if chance.random() < 0.8 else SUBPROTOCOLS[1]
        path = self.files.path("state.json")
        self.client = Client(
            URL, self.token, codec=codec, device=self.device, state_path=path, backoff_s=(0.05, 1.0), chance=chance
        )
        return self.client

    @abc.abstractmethod
    async def live(self) -> None:
        """Do what it does, for one life."""

    async def ask(self, command: Command) -> Outcome | None:
        """Send a command as over HTTP; None when no answer came."""
        process, schedule = self.process, self.world.schedule
        assert process is not None
        future: asyncio.Future[Outcome] = process.create_future()

        def come_back(outcome: Outcome) -> None:
            if not self.line.is_down:
                schedule.after(self.line.delay_s(), lambda: process.call_soon(_settle, future, outcome))

        for _ in range(2 if schedule.chance.random() < self.line.doubling else 1):
            if not self.line.is_down:
                schedule.after(self.line.delay_s(), lambda: self.world.server.take(command, come_back))
        try:
            async with asyncio.timeout(2.0):
                return await future
        except TimeoutError:
            return None

    def later(self, coroutine) -> None:
        """Let the person do something; known to the world until it is done."""
        assert self.process is not None
        self.busy += 1
        task = self.process.create_task(coroutine)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task) -> None:
        self.busy -= 1
        if not task.cancelled() and isinstance(task.exception(), Exception):
            self.world.truth.breach(f"{self.name}: {task.exception()!r}")

    def is_quiet(self) -> bool:
        return self.is_up and self.client is not None and not self.busy and not self.client.unanswered


def _settle(future: asyncio.Future, result: object) -> None:
    if not future.done():
        future.set_result(result)


class Reader(Actor):
    """Somebody with a mailbox."""

    recipient: str

    def __init__(
        self, world: "World", name: str, token: str, line: Line, recipient: str, device: str = "phone"
    ) -> None:
        super().__init__(world, name, token, line, device)
        self.recipient = recipient
        self.files.on_durable = self._kept
        self.in_effect: dict[str, int] = {}
        self.last_seq = 0

    def _kept(self, name: str, content: bytes) -> None:
        if name == "state.json" and content:
            seq = self.world.applied_seq_in(content)
            key = self.recipient, self.device
            self.world.truth.applied[key] = max(self.world.truth.applied[key], seq)

    def apply(self, item: Item) -> None:
        """Let an item take effect here; an order does so once, a cancellation of what is open."""
        order, breach = item.order, self.world.truth.breach
        if item.seq < self.last_seq:
            breach(f"{self.name} was handed {item.seq} after {self.last_seq}")
        self.last_seq = item.seq
        if order is None or item.kind == "notice":
            return
        if item.kind == "order" and order.state not in OPEN_ORDERS:
            self.in_effect.pop(order.id, None)
        elif item.kind == "order":
            if self.in_effect.get(order.id) == order.version:
                breach(f"{self.name} was handed {order.id} twice")
            self.in_effect[order.id] = order.version
        elif self.in_effect.pop(order.id, None) is None and order.id not in self.ended_here:
            breach(f"{self.name} was told to drop {order.id}, which it does not have")

    async def live(self) -> None:
        client = self.new_client()
        self.in_effect = {order.id: order.version for order in client.open_orders.values()}
        self.ended_here: set[str] = set()
        self.last_seq = client.applied_seq
        async with client:
            for order in client.open_orders.values():
                self.take_up(order)
            try:
                while (item := await client.next_item()) is not None:
                    self.apply(item)
                    self.heed(item)
                    await asyncio.sleep(self.world.schedule.chance.choice((0.0, 0.05, 0.5)))
            except ClientEnded as ended:
                self.world.truth.breach(f"{self.name} was ended: {ended}")

    @abc.abstractmethod
    def heed(self, item: Item) -> None:
        """Act on an item that has been applied."""

    @abc.abstractmethod
    def take_up(self, order: OrderView) -> None:
        """Go on with an order that was open at the start."""

    async def answer(self, order: OrderView, answer: str, key: str, reason: str = "") -> bool:
        """Say something about an order and hear what came of it; tell whether to go on."""
        assert self.client is not None
        scoped, truth = f"{self.scope}/{key}", self.world.truth
        truth.said[scoped] = (order.id, answer)
        answered = await self.client.answer(order, answer, key=key, reason=reason)
        match answered:
            case Taken(refs=refs):
                truth.hear_taken(scoped, "answer")
                if answer in ("refuse", "clear") and refs.get("state") not in OPEN_ORDERS:
                    self.in_effect.pop(order.id, None)
                    self.ended_here.add(order.id)
                return True
            case Refused(code=code):
                truth.hear_refused(scoped, code)
            case Superseded():
                truth.hear_refused(scoped, "superseded")
        return False

    @property
    def scope(self) -> str:
        return self.token.partition(":")[2]


class Terminal(Reader):
    """A patrol, or the officer on duty of a station. A second device of a unit only listens."""

    def __init__(
        self, world: "World", role: str, subject: str, line: Line, device: str = "phone", *, speaks: bool = True
    ) -> None:
        super().__init__(world, f"{subject} {device}", f"{role}:{subject}", line, subject, device)
        self.speaks = speaks
        self._at_work: dict[str, asyncio.Task] = {}

    def start(self) -> None:
        if not self.is_up:
            self._at_work = {}
        super().start()

    def heed(self, item: Item) -> None:
        order = item.order
        if order is None:
            return
        if item.kind == "order" and order.state in OPEN_ORDERS:
            if order.id in self._at_work:  # amended: it says something else from here on
                self._at_work.pop(order.id).cancel()
            self.take_up(order)
        elif item.kind == "cancellation" and order.id in self._at_work:
            self._at_work.pop(order.id).cancel()

    def take_up(self, order: OrderView) -> None:
        if self.speaks:
            assert self.process is not None
            self.busy += 1
            task = self.process.create_task(self._work(order))
            task.add_done_callback(self._done)
            self._at_work[order.id] = task

    async def live(self) -> None:
        """Somebody may press the button, and again until they have heard that it was taken."""
        if self.speaks and self.recipient in self.world.presses:
            self.later(self._press(self.world.presses[self.recipient]))
        await super().live()

    async def _press(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - self.world.schedule.now_s))
        key, truth = f"help-{self.recipient}", self.world.truth
        scoped = f"{self.scope}/{key}"
        if scoped in truth.taken or self.client is None:
            return
        truth.pressed.setdefault(scoped, self.world.schedule.now_s)
        answered = await self.client.emergency(key=key)
        if isinstance(answered, Taken):
            truth.hear_taken(scoped, "emergency")
        else:
            truth.breach(f"{self.name} called for help and was refused: {answered}")

    async def _look(self, order: OrderView, chance: random.Random) -> None:
        """Say what was found at the first place of a search; its answer amends the order, or ends it."""
        await asyncio.sleep(chance.uniform(0.0, 2.5))
        place_, truth = order.looks[0].place, self.world.truth
        key = f"look-{order.id}-{place_}"
        scoped = f"{self.scope}/{key}"
        truth.said[scoped] = (order.id, "look")
        assert self.client is not None
        match await self.client.look(order, place_, found=random.Random(key).random() < 0.3, key=key):
            case Taken():
                truth.hear_taken(scoped, "look")
            case Refused(code=code):
                truth.hear_refused(scoped, code)

    async def _work(self, order: OrderView) -> None:
        chance = random.Random(f"{self.world.seed} {order.id} {order.version}")
        if order.looks and chance.random() < 0.8:
            await self._look(order, chance)
        for number, word in enumerate(chance.choice(_STEPS)):
            await asyncio.sleep(chance.uniform(0.0, 2.5))
            key = f"{order.id}-{order.version}-{number}"
            reason = "busy" if word == "refuse" else ""
            if chance.random() < 0.3 and self.client is not None and self.recipient.startswith("u"):
                lon, lat = place(chance.randrange(6), chance.randrange(5))
                self.client.position(Fix(lon=lon, lat=lat, at=NOW + int(self.world.schedule.now_s * 1_000)))
            if not await self.answer(order, word, key, reason):
                return


class Desk(Reader):
    """A dispatcher: records by radio, lets proposals go, withdraws, ends."""

    def __init__(self, world: "World", line: Line) -> None:
        super().__init__(world, "desk", "dispatcher:li", line, DESK)

    def take_up(self, order: OrderView) -> None:
        pass

    def heed(self, item: Item) -> None:
        if item.code == "emergency":
            over = EndEmergency(actor="user:li", unit=item.values["unit"], reason="looked into", false_alarm=True)
            self.later(self._decide(over))
        if item.order is None:
            return
        chance = random.Random(f"{self.world.seed} {item.seq} desk")
        if item.code == "approval_wanted":
            self.later(self._decide(ApproveOrder(actor="user:li", order=item.order.id)))
        elif chance.random() < 0.25:
            word, reason = chance.choice((("accept", ""), ("refuse", "by radio")))
            self.later(self._record(item.order, word, reason, item.seq))
        elif chance.random() < 0.2:
            self.later(self._decide(CancelOrder(actor="user:li", order=item.order.id, reason="desk")))
        elif chance.random() < 0.2:
            end = EndIncident(actor="user:li", incident=item.order.incident, state="cancelled", reason="desk")
            self.later(self._decide(end))

    async def _record(self, order: OrderView, word: str, reason: str, seq: int) -> None:
        # One key is one word: an order may come up in several items.
        await self.answer(order, word, f"radio-{seq}", reason)

    async def _decide(self, command: Command) -> None:
        for _ in range(200):
            outcome = await self.ask(command)
            if outcome is not None and outcome.retry_ms is None:
                return
            await asyncio.sleep(0.3)


class Source(Actor):
    """A call-taking system. It keeps its alerts itself and reports each again until it knows that it was taken."""

    def __init__(self, world: "World", line: Line, alerts: int) -> None:
        super().__init__(world, "source", "integration:cad", line)
        chance = random.Random(f"{world.seed} source")
        self.alerts = [(chance.uniform(0.0, world.busy_s * 0.8), number) for number in range(alerts)]
        self._tasks: list[asyncio.Task] = []

    @property
    def is_done(self) -> bool:
        return all(f"{number}" in self.world.truth.taken for _, number in self.alerts)

    async def live(self) -> None:
        async with self.new_client() as client:
            for due_s, number in self.alerts:
                if f"{number}" not in self.world.truth.taken:
                    self.later(self._report(client, due_s, number))
            await client.next_item()

    def _places(self, chance: random.Random) -> tuple[PlaceOf, ...]:
        """Return where the subject may be, in a world of searches."""
        if not self.world.searches:
            return ()
        spots = [place(chance.randrange(6), chance.randrange(5)) for _ in range(chance.randint(2, 4))]
        return tuple(PlaceOf(lon=lon, lat=lat, chance=0.2, check_s=60, name="inn") for lon, lat in spots)

    async def _report(self, client: Client, due_s: float, number: int) -> None:
        await asyncio.sleep(max(0.0, due_s - self.world.schedule.now_s))
        chance = random.Random(f"{self.world.seed} alert {number}")
        lon, lat = place(chance.randrange(6), chance.randrange(5))
        at, count = NOW, chance.choice((1, 1, 1, 2))
        kind = chance.choice(self.world.alert_types)
        if chance.random() < 0.5:
            said = ReportAlert(
                source="cad",
                source_ref=f"{number}",
                type=kind,
                lon=lon,
                lat=lat,
                at=at,
                needs=(NeedOf("patrol", count),),
                places=self._places(chance),
            )
            if isinstance(await client.report(said), Taken):
                self.world.truth.hear_taken(f"{number}", "alert")
            else:
                self.world.truth.breach(f"alert {number} was refused")
            return
        alert = Alert(
            source="cad",
            source_ref=f"{number}",
            type=kind,
            lon=lon,
            lat=lat,
            at=at,
            needs=(NeedOf("patrol", count).plain(),),
        )
        while True:
            outcome = await self.ask(commands.ReportAlert(actor="source:cad", alert=alert))
            if outcome is not None and outcome.reply.refusal is None:
                self.world.truth.hear_taken(f"{number}", "alert")
                return
            if outcome is not None and outcome.retry_ms is None:
                self.world.truth.breach(f"alert {number} was refused: {outcome.reply.refusal}")
                return
            await asyncio.sleep(0.3)
