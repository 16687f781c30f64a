"""TCP as it is on a bad day, under the real WebSocket library: bytes in order until the line is cut, then nothing.

A line delays, stalls, is cut in the middle of a frame, with notice or in silence; what was on its way when one end
already knows that the connection is gone may still arrive at the other, after the next connection has begun. A frame
may come twice, as from a careless relay. What a reader does not take stays with the writer, byte for byte.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from tests.faults.schedule import Process, Schedule

WINDOW_BYTES = 16_384
"""What one direction holds beyond the writer's own buffer."""
_FOREVER = float("inf")


class Line:
    """One client's way to the server. ``mean_s`` is its usual delay, ``doubling`` how often a frame comes twice."""

    def __init__(self, schedule: Schedule, *, mean_s: float = 0.02, stall: float = 0.0, doubling: float = 0.0) -> None:
        self.schedule = schedule
        self.mean_s = mean_s
        self.stall = stall
        self.doubling = doubling
        self.down_until_s = 0.0
        self.cut_at_write: int | None = None
        """The line is cut when so many more pieces have been sent over it, by either side."""
        self.connections: list[Connection] = []

    def delay_s(self) -> float:
        chance = self.schedule.chance
        if self.stall and chance.random() < self.stall:
            return chance.uniform(1.0, 9.0)
        return chance.expovariate(1.0 / self.mean_s)

    @property
    def is_down(self) -> bool:
        return self.schedule.now_s < self.down_until_s

    def wrote(self) -> None:
        """Count a piece that was sent."""
        if self.cut_at_write is not None:
            self.cut_at_write -= 1
            if self.cut_at_write <= 0:
                self.cut_at_write = None
                silent = self.schedule.chance.random() < 0.3
                self.schedule.after(self.schedule.chance.choice((0.0, 0.01)), lambda: self.cut(silent=silent))

    def heal(self) -> None:
        self.cut_at_write = None
        self.down_until_s, self.mean_s, self.stall, self.doubling = 0.0, 0.01, 0.0, 0.0

    def cut(self, *, silent: bool) -> None:
        for connection in self.connections:
            connection.cut(silent=silent)
        self.connections = [each for each in self.connections if not each.is_over]


class Connection:
    """Two ends."""

    def __init__(self, line: Line, client: "End", server: "End") -> None:
        self.line = line
        self.ends = (client, server)
        client.peer, server.peer = server, client
        client.connection = server.connection = self
        line.connections.append(self)

    @property
    def is_over(self) -> bool:
        return all(end.is_lost for end in self.ends)

    def cut(self, *, silent: bool) -> None:
        """Break the line. What is on its way still arrives for a while, or not; each end learns of it in its time."""
        schedule = self.line.schedule
        for end in self.ends:
            late = schedule.chance.choice((0.0, 0.0, 0.2, 2.0, 5.0))
            end.arrives_until_s = min(end.arrives_until_s, schedule.now_s + late * schedule.chance.random())
            if not silent:
                end.lose_after(schedule.chance.choice((0.0, 0.05, 1.0, 4.0)) * schedule.chance.random())


class End(asyncio.Transport):
    """One end of a connection, as asyncio's protocols know it."""

    def __init__(self, process: Process, protocol: asyncio.Protocol, line: Line) -> None:
        super().__init__()
        self.process = process
        self.line = line
        self.peer: End
        self.connection: Connection
        self.is_lost = False
        self.arrives_until_s = _FOREVER
        self.most_unsent = 0
        self._protocol = protocol
        self._closing = False
        self._eof_said = self._eof_left = self._eof_came = False
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._on_way = 0
        self._last_s = 0.0
        self._frames = 0
        self._held: deque[bytes] = deque()
        self._reading = True
        self._is_taking = False
        self._high, self._low = 65_536, 16_384
        self._paused = False

    # What the protocol asks.

    def get_extra_info(self, name, default=None):
        return {"peername": ("10.0.0.1", 50_000), "sockname": ("10.0.0.2", 8461)}.get(name, default)

    def is_closing(self) -> bool:
        return self._closing or self.is_lost

    def set_protocol(self, protocol) -> None:
        self._protocol = protocol

    def get_protocol(self):
        return self._protocol

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._take_soon()

    def set_write_buffer_limits(self, high=None, low=None) -> None:
        self._high = 65_536 if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        return self._unsent_bytes

    def can_write_eof(self) -> bool:
        return True

    def write(self, data) -> None:
        if self.is_closing() or self._eof_said or not self.process.alive:
            return
        self._unsent.append(bytes(data))
        self._unsent_bytes += len(data)
        self._pump()
        self.line.wrote()
        self.most_unsent = max(self.most_unsent, self._unsent_bytes)
        if self._unsent_bytes > self._high and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def write_eof(self) -> None:
        if not self._eof_said:
            self._eof_said = True
            self._say_end()

    def close(self) -> None:
        if self._closing or self.is_lost or not self.process.alive:
            return
        self._closing = True
        self.write_eof()
        self._say_end()

    def abort(self) -> None:
        if self.is_lost or not self.process.alive:
            return
        self._closing = True
        self._drop_unsent()
        self._reset_peer()
        self.process.call_soon(self._lose, None)

    # What the line does.

    def lose_after(self, delay_s: float) -> None:
        self._later(delay_s, partial(self._lose, ConnectionResetError("the line was cut")))

    def process_died(self, *, silent: bool) -> None:
        """The machine says so for its dead process, unless it went with it."""
        self.is_lost = True
        if not silent:
            self._reset_peer()

    def _reset_peer(self) -> None:
        at_s = max(self._last_s, self.line.schedule.now_s) + self.line.delay_s()
        if at_s <= self.peer.arrives_until_s:
            self.peer.lose_after(at_s - self.line.schedule.now_s)

    def _drop_unsent(self) -> None:
        self._unsent.clear()
        self._unsent_bytes = 0

    def _later(self, delay_s: float, callback: Callable[[], None]) -> None:
        self.line.schedule.after(delay_s, lambda: self.process.call_soon(callback))

    def _pump(self) -> None:
        schedule = self.line.schedule
        while self._unsent and self._on_way < WINDOW_BYTES:
            piece = self._unsent.popleft()
            self._unsent_bytes -= len(piece)
            self._on_way += len(piece)
            self._last_s = max(self._last_s + 1e-9, schedule.now_s + self.line.delay_s())
            schedule.after(self._last_s - schedule.now_s, partial(self._arrive, piece))
        if self._paused and self._unsent_bytes <= self._low and not self.is_lost:
            self._paused = False
            self._protocol.resume_writing()
        if self._eof_said:
            self._say_end()

    def _say_end(self) -> None:
        if self._unsent:
            return
        if self._closing:
            self.process.call_soon(self._lose, None)
        if self._eof_left:
            return
        self._eof_left = True
        schedule = self.line.schedule
        self._last_s = max(self._last_s + 1e-9, schedule.now_s + self.line.delay_s())
        schedule.after(self._last_s - schedule.now_s, self.peer._end_came)

    def _end_came(self) -> None:
        if self.line.schedule.now_s <= self.arrives_until_s:
            self._eof_came = True
            self.process.call_soon(self._take_end)

    def _take_end(self) -> None:
        """Hand the end on, once everything before it is read."""
        if self._eof_came and not self._held and not self.is_lost:
            self._eof_came = False
            if not self._protocol.eof_received():
                self.close()

    def _arrive(self, piece: bytes) -> None:
        """Some of our bytes have come to the other end, whole, in part, twice or not at all."""
        peer, chance = self.peer, self.line.schedule.chance
        if peer.is_lost or not peer.process.alive:
            return
        if self.line.schedule.now_s > peer.arrives_until_s:
            if peer.arrives_until_s >= 0.0:
                peer.arrives_until_s = -1.0
                piece = piece[: chance.randrange(len(piece))]
                if piece:
                    peer._held.append(piece)
                    peer._take_soon()
            return
        peer._held.append(piece)
        # The handshake and the greeting are not doubled: a second one would be another client's.
        self._frames += 1
        may_double = self._frames > 2 and piece[0] in (0x81, 0x82)
        if may_double and self.line.doubling and chance.random() < self.line.doubling:
            peer._held.append(piece)
            self._on_way += len(piece)
        peer._take_soon()

    def _take_soon(self) -> None:
        if self._held and self._reading and not self._is_taking and not self.is_lost:
            self._is_taking = True
            self.process.call_soon(self._take)

    def _take(self) -> None:
        self._is_taking = False
        if self.is_lost or not self._reading or not self._held:
            return
        if len(self._held) > 1 and self.line.schedule.chance.random() < 0.5:
            data = b"".join(self._held)
            self._held.clear()
        else:
            data = self._held.popleft()
        self.peer._on_way = max(0, self.peer._on_way - len(data))
        if self.peer._unsent and not self.peer.is_lost:
            self.peer._pump()
        self._protocol.data_received(data)
        self._take_soon()
        self._take_end()

    def _lose(self, error: Exception | None) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        self._drop_unsent()
        self._held.clear()
        self._protocol.connection_lost(error)


class Listening:
    """What listens, as `asyncio.Server`."""

    def __init__(self, process: Process, factory: Callable[[], asyncio.Protocol]) -> None:
        self.process = process
        self.factory = factory
        self.sockets = (self,)

    def getsockname(self):
        return ("10.0.0.2", 8461)

    @property
    def family(self):
        import socket

        return socket.AF_INET

    def get_loop(self):
        return self.process

    def is_serving(self) -> bool:
        return self.process.alive

    def close(self) -> None:
        raise AssertionError("servers of this world are killed")


class Host(Process):
    """A process with a network card: clients have a line, the server has what listens."""

    def __init__(self, schedule: Schedule, name: str, network: "Network", line: Line | None = None) -> None:
        super().__init__(schedule, name)
        self.network = network
        self.line = line
        self.ends: list[End] = []

    def kill_host(self, *, silent: bool) -> None:
        """Stop the process; its machine resets its connections, or has gone silent with it."""
        self.kill()
        for end in self.ends:
            if not end.is_lost:
                end.process_died(silent=silent)

    async def create_server(self, factory, host=None, port=None, **kwargs):
        self.network.listening = Listening(self, factory)
        return self.network.listening

    async def create_connection(self, factory, host=None, port=None, **kwargs):
        assert self.line is not None
        line = self.line
        await asyncio.sleep(line.delay_s())
        if line.is_down:
            if self.schedule.chance.random() < 0.5:
                raise OSError("the network is unreachable")
            await self.create_future()  # nobody answers: the caller gives up in its time
        listening = self.network.listening
        if listening is None or not listening.process.alive:
            raise ConnectionRefusedError("nobody listens")
        server = listening.process
        client = End(self, factory(), line)
        asyncio._set_running_loop(server)
        try:
            there = End(server, listening.factory(), line)
        finally:
            asyncio._set_running_loop(self)
        Connection(line, client, there)
        self.ends.append(client)
        server.ends.append(there)
        server.call_soon(there._protocol.connection_made, there)
        client._protocol.connection_made(client)
        return client, client._protocol


class Network:
    """Who listens now."""

    def __init__(self) -> None:
        self.listening: Listening | None = None
