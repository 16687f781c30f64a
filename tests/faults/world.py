"""One world for one seed: what goes wrong when, then healing, then what must have become of everything.

Each seed draws which kinds of fault there are and how many, so that some worlds have a single one and some have all.
After the busy time the faults end; everybody must then come to agree within the patience of the world.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import msgspec

from engine.core.apply import apply
from engine.core.city import City
from engine.core.engine import Engine
from engine.core.state import Kept, State
from engine.journal import files as files_module
from engine.journal.verification import check_chain
from engine.model.events import AlertReceived, Event
from engine.model.ids import DESK
from engine.service.order_views import open_orders
from engine.terminal.outbox import Stored
from tests.faults.actors import LIMITS, Actor, Desk, Reader, Server, Source, Terminal
from tests.faults.disk import CIPHER, Record
from tests.faults.network import Line, Network
from tests.faults.schedule import PowerCut, Schedule
from tests.faults.truth import Truth
from tests.support.cities import city, station, unit

BUSY_S = 6.0
PATIENCE_S = 120.0
MOST_AT_ONCE_BYTES = 65_536
_STEPS = 500
"""About as many steps as a busy world has: crashes are put before any of them."""


@cache
def the_city() -> City:
    """Return the one city of all worlds: two patrols, a station."""
    units = (unit("u1", 1, 1), unit("u2", 4, 3))
    return city(units, stations=(station("s1", 0, 0),))


class World:
    """Everything there is."""

    def __init__(
        self, seed: int, *, alerts: int | None = None, calm: bool = False, patience_s: float = PATIENCE_S
    ) -> None:
        self.seed = seed
        self.patience_s = patience_s
        self.busy_s = BUSY_S
        self.city = the_city()
        self.alert_types = ("robbery", "intruder_alarm", "wanted_sighting")
        self.searches = seed % 5 == 0
        """Whether subjects are sought at several places."""
        self.schedule = Schedule(seed)
        self.truth = Truth()
        self.network = Network()
        self.wall_ahead_ms = 0
        self.history: list[str] = []
        self.server = Server(self)
        chance = self.schedule.chance
        many = alerts if alerts is not None else chance.choice((1, 2, 3, 5))
        self.source = Source(self, self._line(calm=calm), many)
        self.desk = Desk(self, self._line(calm=calm))
        self.terminals = [Terminal(self, "terminal", name, self._line(calm=calm)) for name in ("u1", "u2")]
        if chance.random() < 0.4:
            self.terminals.append(Terminal(self, "station", "s1", self._line(calm=calm)))
        if chance.random() < 0.3:
            self.terminals.append(Terminal(self, "terminal", "u1", self._line(calm=calm), "tablet", speaks=False))
        self.presses = {
            terminal.recipient: chance.uniform(0.0, self.busy_s)
            for terminal in self.terminals[:2]
            if chance.random() < 0.25
        }
        """When somebody presses the emergency button, by unit."""
        if not calm:
            self._plan()

    @property
    def actors(self) -> list[Actor]:
        return [self.source, self.desk, *self.terminals]

    @property
    def readers(self) -> list[Reader]:
        return [self.desk, *self.terminals]

    def _line(self, *, calm: bool) -> Line:
        if calm:
            return Line(self.schedule)
        chance = self.schedule.chance
        return Line(
            self.schedule,
            mean_s=chance.choice((0.005, 0.05, 0.3)),
            stall=chance.choice((0.0, 0.0, 0.02, 0.1)),
            doubling=chance.choice((0.0, 0.0, 0.1)),
        )

    # What goes wrong.

    def _plan(self) -> None:
        chance = self.schedule.chance
        for _ in range(chance.choice((0, 1, 1, 3))):
            self.schedule.interrupt(chance.randrange(_STEPS), self._kill_server)
        if chance.random() < 0.3:
            self.schedule.after(chance.uniform(0.0, self.busy_s), self._cut_server_in_sync)
        for _ in range(chance.choice((0, 0, 1, 3))):
            self.schedule.interrupt(chance.randrange(_STEPS), self._kill_somebody)
        for _ in range(chance.choice((0, 0, 2))):
            self.schedule.after(chance.uniform(0.0, self.busy_s), self._cut_somebody_at_disk)
        for _ in range(chance.choice((0, 2, 6, 12))):
            self.schedule.after(chance.uniform(0.0, self.busy_s), self._cut_a_line)
        for _ in range(chance.choice((0, 1, 3))):
            self.schedule.after(chance.uniform(0.0, self.busy_s), self._cut_a_line_at_write)
        if chance.random() < 0.15:
            self.schedule.after(chance.uniform(0.0, self.busy_s), self._fill_disk)
        if chance.random() < 0.15:
            self.schedule.after(chance.uniform(0.0, self.busy_s), self._replace_a_device)
        if chance.random() < 0.1:
            self.schedule.after(chance.uniform(0.0, self.busy_s), self._set_wall_clock)
        if chance.random() < 0.3:
            self.schedule.after(chance.uniform(0.0, self.busy_s), self._cut_server_in_renewal)

    def note(self, what: str) -> None:
        self.history.append(f"{self.schedule.now_s:9.4f} s, step {self.schedule.steps}: {what}")

    def restart_server(self) -> None:
        if self.server.process is None or not self.server.process.alive:
            self.server.start()

    def _kill_server(self) -> None:
        chance = self.schedule.chance
        power = chance.random() < 0.5
        self.note(f"the server's {'power goes' if power else 'process is killed'}")
        self.server.kill(power=power)
        self.schedule.after(chance.choice((0.05, 0.5, 3.0)) * chance.random(), self.restart_server)

    def _cut_server_in_sync(self) -> None:
        def cut() -> None:
            self.server.plate.before_sync = lambda: None
            self._kill_server()
            raise PowerCut

        self.note("the server is to die in its next sync")
        self.server.plate.before_sync = cut

    def _cut_server_in_renewal(self) -> None:
        def cut() -> None:
            self.server.plate.before_replacing = lambda: None
            self._kill_server()
            raise PowerCut

        self.note("the server is to die while its snapshot is made anew")
        self.server.plate.before_replacing = cut

    def _kill_somebody(self) -> None:
        chance = self.schedule.chance
        actor, power = chance.choice(self.actors), chance.random() < 0.5
        self.note(f"{actor.name}: {'its power goes' if power else 'it is killed'}")
        actor.kill(power=power)
        self.schedule.after(chance.choice((0.05, 2.0)) * chance.random(), actor.start)

    def _cut_somebody_at_disk(self) -> None:
        actor = self.schedule.chance.choice(self.actors)
        actor.cut_at_call = self.schedule.chance.randint(1, 25)
        self.note(f"{actor.name}: its power goes before the {actor.cut_at_call}th call on its disk")

    def _cut_a_line(self) -> None:
        chance = self.schedule.chance
        actor, silent = chance.choice(self.actors), chance.random() < 0.4
        down_s = chance.choice((0.0, 0.2, 2.0, 6.0)) * chance.random()
        self.note(f"{actor.name}: its line is cut{' in silence' if silent else ''}, for {down_s:.2f} s")
        actor.line.cut(silent=silent)
        actor.line.down_until_s = max(actor.line.down_until_s, self.schedule.now_s + down_s)

    def _cut_a_line_at_write(self) -> None:
        """Cut a line that is then made again, in the greeting or soon after it."""
        chance = self.schedule.chance
        actor = chance.choice(self.actors)
        actor.line.cut(silent=False)
        actor.line.cut_at_write = chance.randint(1, 12)
        self.note(f"{actor.name}: its line is cut, and again after {actor.line.cut_at_write} pieces")

    def _fill_disk(self) -> None:
        plate = self.server.plate

        def free() -> None:
            plate.full = False

        self.note("the server's disk is full")
        plate.full = True
        self.schedule.after(self.schedule.chance.uniform(0.01, 2.0), free)

    def _replace_a_device(self) -> None:
        actor = self.schedule.chance.choice(self.readers)
        self.note(f"{actor.name}: the device is replaced")
        actor.wipe()
        self.schedule.after(self.schedule.chance.random(), actor.start)

    def _set_wall_clock(self) -> None:
        self.wall_ahead_ms = self.schedule.chance.choice((-60_000, 7_000))
        self.note("somebody sets the server's wall clock")

    # From the beginning to the end.

    def run(self) -> list[str]:
        """Live through the seed and return every breach of what must hold."""
        with self._stage(), _no_collection():
            self.server.start()
            for actor in self.actors:
                self.schedule.after(self.schedule.chance.random() * 0.5, actor.start)
            self.schedule.run(self.busy_s)
            self._heal()
            agreed = self.schedule.run(self.schedule.now_s + self.patience_s, until=self._all_agree)
            if not agreed:
                for difference in self.differences():
                    self.truth.breach(f"not agreed after {self.patience_s:g} s: {difference}")
            self._close()
            self.schedule.end()
        return self.truth.breaches + self.schedule.faults

    @contextmanager
    def _stage(self) -> Iterator[None]:
        """Let the clients' files lie on their own disks, and errors that are only logged count as breaches."""
        real, logger = files_module.os, logging.getLogger("allpoints")
        listener = _Listener(self.truth.breach)
        level = logging.getLogger("websockets").level
        logging.getLogger("websockets").setLevel(logging.CRITICAL + 1)
        propagate, logger.propagate = logger.propagate, False
        logger.addHandler(listener)
        files_module.os = _Disks(self.schedule, {id(a): a for a in self.actors}, self)
        try:
            yield
        finally:
            files_module.os = real
            logger.removeHandler(listener)
            logger.propagate = propagate
            logging.getLogger("websockets").setLevel(level)

    def _heal(self) -> None:
        self.note("everything is healed")
        self.schedule.plans.clear()
        plate = self.server.plate
        plate.full, plate.before_sync, plate.before_replacing = False, lambda: None, lambda: None
        for actor in self.actors:
            actor.cut_at_call = None
            actor.line.heal()
            actor.start()
        self.restart_server()

    @staticmethod
    @cache
    def _decoder() -> "msgspec.json.Decoder[Stored]":
        return msgspec.json.Decoder(Stored)

    def applied_seq_in(self, content: bytes) -> int:
        """Return the number up to which a client's file says that its mailbox was applied."""
        return self._decoder().decode(content).memory.applied_seq

    def _all_agree(self) -> bool:
        return next(self.differences(), None) is None

    def differences(self) -> Iterator[str]:
        """Say what is not yet as it must be once everything works again."""
        cycle = self.server.cycle
        if not self.server.is_up or cycle is None or not cycle.accepting:
            yield "the server takes nothing"
            return
        if not self.source.is_done:
            yield "an alert has no answer"
        for actor in self.actors:
            if not actor.is_quiet():
                yield f"{actor.name} has something to say"
        for reader in self.readers:
            client, box = reader.client, cycle.engine.state.mailbox(reader.recipient)
            if client is None or client.welcome is None:
                yield f"{reader.name} is not connected"
                continue
            if client.applied_seq != box.last_seq:
                yield f"{reader.name} has {client.applied_seq} of {box.last_seq}"
            if box.devices.get(reader.device, 0) != box.last_seq and box.last_seq:
                yield f"the desk sees {box.devices.get(reader.device, 0)} of {box.last_seq} at {reader.name}"
            if reader.recipient != DESK:
                its = {order.id: order.version for order in open_orders(cycle.engine, reader.recipient)}
                mine = {order.id: order.version for order in client.open_orders.values()}
                if its != mine:
                    yield f"{reader.name} has {sorted(mine)} open, the server {sorted(its)}"
                if mine != reader.in_effect:
                    yield f"{reader.name} works on {sorted(reader.in_effect)}, its file has {sorted(mine)}"

    def _close(self) -> None:
        """Hold the record against the truth, against itself, and against what the server believes."""
        self.server._account()
        for process in self.schedule.processes:
            for end in process.ends if process.name.startswith("server") else ():
                # What is said at once, such as a snapshot, may lie on top of what is allowed to wait.
                if end.most_unsent > LIMITS.outgoing_bytes + MOST_AT_ONCE_BYTES:
                    self.truth.breach(f"{end.most_unsent} bytes waited for one reader")
        record = Record(self.server.plate)
        entries = self.server.plate.entries
        report, _ = check_chain(iter(entries), record.log_id, CIPHER, frozenset())
        for problem in report.problems:
            self.truth.breach(f"the chain is broken: {problem}")
        events = list(record.read())
        answered = {event.body.key for event in events if getattr(event.body, "key", "")}
        alerts = {event.body.source_ref for event in events if isinstance(event.body, AlertReceived)}
        self.truth.close(answered, alerts)
        if self.server.cycle is not None:
            live = self.server.cycle.engine
            if live.state.seq == len(events):
                self._compare(live, State(), events, "the whole record")
                snapshot = record.load_snapshot()
                if snapshot is not None:
                    self._compare(live, State.restored(snapshot.blob), events, "a snapshot")

    def _compare(self, live: Engine, again: State, events: Sequence[Event], source: str) -> None:
        """Replay from a state and hold what comes of it against the state of the server that lived through it."""
        for event in events[again.seq :]:
            apply(again, event)
        mine, its = (msgspec.msgpack.decode(state.snapshot(), type=Kept) for state in (live.state, again))
        for name in Kept.__struct_fields__:
            if getattr(mine, name) != getattr(its, name):
                self.truth.breach(f"a replay of {source} gives other {name}")


@contextmanager
def _no_collection() -> Iterator[None]:
    """A world's rings are let go of at its end; to look for them all the while would take a quarter of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Listener(logging.Handler):
    """Hears errors of our own that the server logs and survives."""

    def __init__(self, breach: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._breach = breach

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and not isinstance(record.exc_info[1], PowerCut):
            self._breach(f"logged: {record.getMessage()}: {record.exc_info[1]!r}")


class _Disks:
    """`os` for whoever runs now: each machine has a disk of its own."""

    def __init__(self, schedule: Schedule, actors: dict[int, Actor], world: World) -> None:
        self._schedule, self._world = schedule, world

    def __getattr__(self, name: str):
        for actor in self._world.actors:
            if actor.process is self._schedule.running:
                return getattr(actor.files, name)
        raise PowerCut
