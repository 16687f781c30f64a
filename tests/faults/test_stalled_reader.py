"""A reader that stops reading costs the server a bounded number of bytes, and nobody else a moment.

Virtual time, simulated TCP, the real stream under it: every line takes exactly 10 ms, so that whatever a stalled
neighbour makes others wait for would show.
"""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from engine.core.engine import Engine
from engine.core.plain_ports import VolatileJournal
from engine.model.commands import EndIncident, ReportAlert
from engine.model.events import Mailed
from engine.service.cycle import Cycle
from engine.service.stream import StreamServer
from engine.wire.codec import MSGPACK
from engine.wire.limits import Limits
from engine.wire.messages import Ack, Hello
from engine.wire.server_messages import Item
from tests.faults.network import WINDOW_BYTES, Host, Line, Network
from tests.faults.schedule import Schedule
from tests.support.cities import SetClock, city, unit
from tests.support.streams import CODEC, Door, report

URL = "ws://10.0.0.2:8461/v1/stream"
DELAY_S, ROUNDS, PAUSE_S = 0.01, 120, 0.05
TURN_S = 0.000_5
"""A callback of this world begins within some tens of microseconds; a wait of any kind takes longer."""
CAP = 6_000
LIMITS = Limits(outgoing_bytes=CAP, heartbeat_ms=3_000, silence_ms=9_000)
HEALTHY = tuple(f"healthy {number}" for number in range(5))


class SteadyLine(Line):
    def delay_s(self) -> float:
        return DELAY_S


class Scene:
    """A server, some devices of one patrol, and when what was committed and came."""

    def __init__(self) -> None:
        self.schedule = Schedule(1)
        self.network = Network()
        self.committed_s: dict[int, float] = {}
        self.came_s: dict[str, list[tuple[int, float]]] = {}
        self.ends: dict[str, object] = {}
        self.largest = 0
        self.server = Host(self.schedule, "server", self.network)
        self.server.call_soon(lambda: self.server.create_task(self._serve()))
        self.cycle: Cycle | None = None
        self.run(lambda: self.cycle is not None)

    async def _serve(self) -> None:
        engine = Engine(city([unit("near", 1, 0)]), journal=VolatileJournal(), clock=SetClock())
        cycle = Cycle(engine)
        self.stream = StreamServer(cycle, Door(), limits=LIMITS)
        cycle.outlets.insert(0, self._note)
        await self.stream.start("10.0.0.2", 8461)
        self.cycle = cycle
        await cycle.run()

    def _note(self, commit) -> None:
        for event in commit.events:
            if isinstance(event.body, Mailed) and event.body.recipient == "near":
                self.committed_s[event.body.mail_seq] = self.schedule.now_s

    def run(self, until) -> None:
        assert self.schedule.run(self.schedule.now_s + 60.0, until=until, every_s=0.0)

    def device(self, name: str, *, reads: bool = True, applied: int | None = None) -> None:
        """Connect a device; one that does not read stops when it has greeted."""
        host = Host(self.schedule, name, self.network, SteadyLine(self.schedule))
        host.call_soon(lambda: host.create_task(self._read(name, host, reads=reads, applied=applied)))
        before = self.stream.counts["sessions"]
        self.run(lambda: self.stream.counts["sessions"] > before)
        self.ends[name] = self.server.ends[-1]

    async def _read(self, name: str, host: Host, *, reads: bool, applied: int | None) -> None:
        log_id = None if applied is None else self.cycle.engine.journal.log_id
        came = self.came_s.setdefault(name, [])
        socket = await connect(URL, subprotocols=[MSGPACK], proxy=None, ping_interval=None)
        hello = Hello(token="terminal:near", device=name, log_id=log_id, applied_seq=applied)
        await socket.send(CODEC.encode(hello))
        if not reads:
            socket.transport.pause_reading()
            await host.create_future()
        try:
            while True:
                frame = await socket.recv(decode=False)
                message = CODEC.from_server(frame)
                if isinstance(message, Item):
                    self.largest = max(self.largest, len(frame) + 4)
                    came.append((message.seq, self.schedule.now_s))
                    await socket.send(CODEC.encode(Ack(seq=message.seq)))
        except ConnectionClosed:
            return

    def alerts(self, count: int) -> None:
        """Have the patrol ordered and called back so many times, a little apart."""

        async def report_all() -> None:
            first = len(self.committed_s)
            for number in range(count):
                command = ReportAlert(actor="source:cad", alert=report(f"{first}-{number}").alert())
                reply = (await self.cycle.submit(command)).reply
                await self.cycle.submit(EndIncident(actor="x", incident=reply.incident, state="cancelled"))
                await asyncio.sleep(PAUSE_S)
            done.append(True)

        done: list[bool] = []
        self.server.call_soon(lambda: self.server.create_task(report_all()))
        self.run(lambda: bool(done))

    @property
    def last_seq(self) -> int:
        return self.cycle.engine.state.mailbox("near").last_seq

    def delays_s(self, name: str) -> list[float]:
        """How long each item took that was committed while the device was connected."""
        return [at_s - self.committed_s[seq] for seq, at_s in self.came_s[name]]


@pytest.fixture
def scene():
    made = Scene()
    yield made
    assert made.schedule.faults == []
    made.schedule.end()


def test_a_stalled_reader_is_cut_at_its_cap_keeps_its_mail_and_delays_nobody(scene):
    for name in HEALTHY[:3]:
        scene.device(name)
    scene.device("stalled", reads=False)
    for name in HEALTHY[3:]:
        scene.device(name)
    end = scene.ends["stalled"]
    scene.alerts(ROUNDS)
    scene.run(lambda: scene.stream.counts["slow"] == 1)

    # Bounded: what waited for it in the server was never more than its cap and the one item that passed it.
    assert CAP < end.most_unsent <= CAP + scene.largest
    assert end.is_lost
    assert end.get_write_buffer_size() == 0
    assert scene.last_seq * scene.largest > 2 * (CAP + WINDOW_BYTES)
    # Nobody else: everything came once, in order, in the time that the line takes.
    for name in HEALTHY:
        scene.run(lambda name=name: len(scene.came_s[name]) == scene.last_seq)
        assert [seq for seq, _ in scene.came_s[name]] == list(range(1, scene.last_seq + 1))
        assert max(scene.delays_s(name)) < DELAY_S + TURN_S
        assert scene.ends[name].most_unsent <= scene.largest
    assert scene.stream.connected == len(HEALTHY)
    # Its mailbox lost nothing: it comes back with what it had applied, and has the rest.
    scene.device("stalled", applied=0)
    scene.run(lambda: len(scene.came_s["stalled"]) == scene.last_seq)
    assert [seq for seq, _ in scene.came_s["stalled"]] == list(range(1, scene.last_seq + 1))


def test_a_reader_that_stalls_while_its_mailbox_is_resent_holds_one_piece_of_it_and_delays_nobody(scene):
    scene.device(HEALTHY[0])
    scene.alerts(ROUNDS)
    before = scene.last_seq
    assert before * scene.largest > 2 * (CAP + WINDOW_BYTES)
    scene.device("stalled", reads=False, applied=0)
    end = scene.ends["stalled"]
    scene.alerts(10)
    scene.run(lambda: scene.stream.connected == 1)
    assert end.most_unsent <= CAP + 64 * scene.largest
    assert [seq for seq, _ in scene.came_s[HEALTHY[0]]] == list(range(1, scene.last_seq + 1))
    assert max(scene.delays_s(HEALTHY[0])) < DELAY_S + TURN_S
    scene.device("stalled", applied=0)
    scene.run(lambda: len(scene.came_s["stalled"]) == scene.last_seq)
