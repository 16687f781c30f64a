"""Thousands of terminals and a few sources of alerts in one process: real WebSockets on plain sockets, real sessions.

Every client is an `engine.wire.client_session.ClientSession`: what arrives is applied in order and acknowledged, as
the project's own client does. Around it stand sockets and one poll, so that the load costs less than what it measures.
What it does when is `benchmarks.crowd_course`.
"""

import heapq
import select
import socket
import struct
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.crowd_lines import BINARY, CLOSE, GONE, HANDSHAKING, OPEN, PING, PONG, REQUEST, Line, frame, unframe
from benchmarks.crowd_record import Came, Record, Told
from engine.wire.client_session import Arrival, ClientSession, Incoming, Memory
from engine.wire.closing import ClosingCode
from engine.wire.codec import MSGPACK, Codec
from engine.wire.messages import Fix, Positions
from engine.wire.order_messages import AnswerOrder
from engine.wire.reports import NeedOf, PersonalDetails, ReportAlert
from engine.wire.server_messages import Item, Refused, Taken, Welcome

MOVED_M = 40.0
TEND_S = 5.0
"""Every client's own timers are looked at once in so many seconds."""
BY_ADDRESS = 20_000
"""Connections from one loopback address; ports are fewer than 30,000."""
REDIAL_S = (0.2, 1.0)
STEPS = ("accept", "on_scene", "clear")
STEP_S = (1.0, 3.0)
"""How long a patrol takes from one word to the next, between these."""

_IP_BIND_ADDRESS_NO_PORT = 24


class Crowd:
    """All clients.

    Parameters
    ----------
    address
        Where the stream is.
    tokens, spare_tokens
        Two for each terminal.
    source_tokens
        One for each source of alerts.
    homes
        Where the terminals' units are, float64 (n, 2).
    seed
        Of what they do.
    """

    def __init__(
        self,
        address: tuple[str, int],
        tokens: Sequence[str],
        spare_tokens: Sequence[str],
        source_tokens: Sequence[str],
        homes: NDArray[np.float64],
        seed: int,
    ) -> None:
        self._address = address
        self._epoll = select.epoll()
        self._codec = Codec(MSGPACK)
        self.record = Record(applied=[[] for _ in tokens])
        self.terminals = [
            Line(number, ClientSession(self._codec, token, "", Memory()), spare)
            for number, (token, spare) in enumerate(zip(tokens, spare_tokens, strict=True))
        ]
        self.sources = [
            Line(-1 - number, ClientSession(self._codec, token, f"source-{number}", Memory()), "")
            for number, token in enumerate(source_tokens)
        ]
        self._lines: dict[int, Line] = {}
        self._later: list[tuple[int, int, Line, str, int, int]] = []
        self._rng = np.random.default_rng([seed, 13])
        self._waits_ns = (self._rng.uniform(*STEP_S, 4096) * 1e9).astype(np.int64).tolist()
        off = self._rng.normal(0.0, MOVED_M / 111_000.0, (4096, 2))
        self._off, self._homes = off.tolist(), homes.tolist()
        self._moved = self._tended = self._waited = 0
        self._redials = False
        self._again: list[tuple[float, int, Line]] = []
        self.works = True
        """Whether patrols take up their orders and clear them; what they have taken up they go on with."""
        self._idle_orders: list[tuple[Line, str, int]] = []

    # Connections.

    def connect(self, lines: Sequence[Line], most_under_way: int | None = None) -> float:
        """Connect clients, so many at a time, and wait until all are welcome; return the seconds that took."""
        begun = time.monotonic()
        waiting = list(reversed(lines))
        under_way = most_under_way or len(lines)
        welcome = self.record.counts["welcomed"]
        target = welcome + len(lines)
        started = 0
        self._redials = True
        while (now := self.record.counts["welcomed"]) < target:
            while self._again and self._again[0][0] <= time.monotonic():
                self._dial(heapq.heappop(self._again)[2])
            while waiting and started - (now - welcome) < under_way:
                self._dial(waiting.pop())
                started += 1
            self.turn(0.05)
            if time.monotonic() - begun > 300.0:
                raise RuntimeError(f"{now - welcome} of {len(lines)} are connected after 300 s")
        self._redials = False
        return time.monotonic() - begun

    def hang_up(self) -> None:
        """Let all terminals' connections break, as when a network goes away."""
        for line in self.terminals:
            if line.socket is not None:
                line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._drop(line)

    def close(self) -> None:
        """Leave."""
        for line in (*self.terminals, *self.sources):
            self._drop(line)
        self._epoll.close()

    def _dial(self, line: Line) -> None:
        line.socket = connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        connection.bind((f"127.0.0.{2 + abs(line.number) // BY_ADDRESS}", 0))
        connection.connect_ex(self._address)
        line.phase, line.fd, line.unread = HANDSHAKING, connection.fileno(), b""
        line.unsent = REQUEST.format(host="{}:{}".format(*self._address)).encode()
        self._lines[line.fd] = line
        self._epoll.register(line.fd, select.EPOLLIN | select.EPOLLOUT)

    def _drop(self, line: Line) -> None:
        if line.socket is not None:
            self._epoll.unregister(line.fd)
            del self._lines[line.fd]
            line.socket.close()
            line.socket, line.phase = None, GONE

    # What is sent.

    def report(self, ref: str, due_ns: int, spot: Sequence[float], alert_type: str, need: str) -> None:
        """Report an alert that was due at an instant."""
        self.record.alerts[ref] = told = Told(due_ns)
        source = self.sources[len(self.record.alerts) % len(self.sources)]
        source.session.say(
            ReportAlert(
                source="cad",
                source_ref=ref,
                type=alert_type,
                lon=spot[0],
                lat=spot[1],
                at=time.time_ns() // 1_000_000,
                needs=(NeedOf(need, 1),),
                details=PersonalDetails(text="a man on the bridge", phone="555-0100", address="1 Main Street"),
            )
        )
        self._send(source)
        told.sent_ns = time.monotonic_ns()

    def move(self, count: int) -> None:
        """Let the next terminals say where they are."""
        at = time.time_ns() // 1_000_000
        size = len(self.terminals)
        for number in range(self._moved, self._moved + count):
            line = self.terminals[number % size]
            (lon, lat), (east, north) = self._homes[line.number], self._off[number & 4095]
            fix = Fix(lon=lon + east, lat=lat + north, at=at, speed_mps=8.5, heading_deg=90.0, accuracy_m=6.0)
            line.session.say(Positions(fixes=(fix,)))
            self._send(line)
        self._moved += count

    def take_up(self) -> int:
        """Have patrols take up what they left lying; return how many orders."""
        idle, self._idle_orders = self._idle_orders, []
        for line, order, version in idle:
            self._go_on(line, order, version, 0)
        return len(idle)

    @property
    def at_work(self) -> int:
        """Answers that are still to be given."""
        return len(self._later)

    def _go_on(self, line: Line, order: str, version: int, step: int) -> None:
        self._waited += 1
        due_ns = time.monotonic_ns() + self._waits_ns[self._waited & 4095]
        heapq.heappush(self._later, (due_ns, self._waited, line, order, version, step))

    def _answer_due(self, now_ns: int) -> None:
        while self._later and self._later[0][0] <= now_ns:
            _, _, line, order, version, step = heapq.heappop(self._later)
            word = STEPS[step]
            line.session.say(AnswerOrder(key=f"{order}-{word}", order=order, version=version, answer=word))  # type: ignore[arg-type]
            self._send(line)
            self.record.counts["answers"] += 1
            if word == STEPS[-1]:
                line.session.forget(order)
            else:
                self._go_on(line, order, version, step + 1)

    def _send(self, line: Line) -> None:
        """Send what a session has to say."""
        frames = line.session.take()
        if not frames or line.phase != OPEN:
            return
        line.unsent += b"".join(map(frame, frames))
        line.session.sent(time.monotonic() * 1e3)
        self._flush(line)

    def _flush(self, line: Line) -> None:
        assert line.socket is not None
        try:
            sent = line.socket.send(line.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._broken(line)
            return
        line.unsent = line.unsent[sent:]
        if line.unsent:
            self._epoll.modify(line.fd, select.EPOLLIN | select.EPOLLOUT)

    # What comes.

    def turn(self, most_s: float) -> None:
        """Do what is due, then wait for something to come, at most so long, and take it."""
        now_ns = time.monotonic_ns()
        self._answer_due(now_ns)
        self._tend(now_ns)
        if self._later:
            most_s = min(most_s, max(0.0, (self._later[0][0] - now_ns) / 1e9))
        # epoll alone waits in whole milliseconds
        select.select([self._epoll.fileno()], [], [], most_s)
        for fd, events in self._epoll.poll(0):
            line = self._lines.get(fd)
            if line is None:
                continue
            if events & select.EPOLLOUT:
                self._epoll.modify(fd, select.EPOLLIN)
                if line.unsent:
                    self._flush(line)
            if events & ~select.EPOLLOUT:
                self._receive(line)

    def _tend(self, now_ns: int) -> None:
        """Let the next few sessions look at their timers."""
        size = len(self.terminals)
        due = int(now_ns / 1e9 / TEND_S * size)
        if due - self._tended > size:
            self._tended = due - size
        for number in range(self._tended, due):
            line = self.terminals[number % size]
            if line.phase == OPEN:
                line.session.tick(now_ns / 1e6)
                self._send(line)
        self._tended = due
        for line in self.sources:
            if line.phase == OPEN:
                line.session.tick(now_ns / 1e6)
                self._send(line)

    def _receive(self, line: Line) -> None:
        assert line.socket is not None
        try:
            data = line.socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._broken(line)
            return
        data = line.unread + data
        if line.phase == HANDSHAKING:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                line.unread = head
                return
            if head.startswith(b"HTTP/1.1 503"):  # it still counts those whose lines broke
                self._broken(line)
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(f"no WebSocket: {head[:200]!r}")
            line.phase = OPEN
            line.session.connect(time.monotonic() * 1e3)
            self._send(line)
        frames, line.unread = unframe(data)
        for opcode, payload in frames:
            if opcode == BINARY:
                self._read(line, payload)
            elif opcode == PING:
                line.unsent += frame(payload, PONG)
                self._flush(line)
            elif opcode == CLOSE:
                self._closed(line, payload)
                return
        if line.phase == OPEN:
            self._send(line)

    def _read(self, line: Line, payload: bytes) -> None:
        for came in line.session.receive(payload, time.monotonic() * 1e3):
            self._take(line, came)
        if line.session.closing is not None:
            raise RuntimeError(f"client {line.number}: {line.session.closing}")

    def _take(self, line: Line, came: Incoming) -> None:
        counts = self.record.counts
        match came:
            case Arrival(item=item, seq=seq):
                if item is not None:
                    self._arrived(line, item)
                if seq is not None and item is not None:
                    self.record.applied[line.number].append(seq)
                line.session.applied(came)
            case Taken(ref=ref, refs=refs):
                told = self.record.alerts.get(ref)
                if told is not None:
                    told.answered_ns = time.monotonic_ns()
                    told.incident = str(refs["incident"])
                counts["taken"] += 1
            case Refused(code=code, field=field_, ref=ref):
                self.record.refused[f"{code} {field_}"] += 1
            case Welcome():
                counts["welcomed"] += 1

    def _arrived(self, line: Line, item: Item) -> None:
        order = item.order
        if item.kind != "order" or order is None:
            self.record.counts[item.kind] += 1
            return
        if order.task != "attend":  # of a pursuit, which ends by itself
            self.record.counts["watched"] += 1
            return
        known = self.record.orders.get(order.incident)
        if known is not None:
            known.times += 1
            return
        self.record.orders[order.incident] = Came(time.monotonic_ns(), order.id, item.trace)
        if self.works:
            self._go_on(line, order.id, order.version, 0)
        else:
            self._idle_orders.append((line, order.id, order.version))

    def _closed(self, line: Line, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big")
        reason = payload[2:].decode(errors="replace")
        self.record.counts[f"closed_{code}"] += 1
        self._drop(line)
        if reason == "replayed" and line.spare_token:
            # The server had not noticed that the line was gone: a new token, as the protocol says.
            line.session.token, line.spare_token = line.spare_token, ""
            self._dial(line)
        elif code == ClosingCode.GREETING_LATE:
            self._dial_later(line)
        else:
            raise RuntimeError(f"client {line.number} was closed: {code} {reason}")

    def _broken(self, line: Line) -> None:
        is_new = line.phase == HANDSHAKING or line.session.welcome is None
        self._drop(line)
        if not is_new:
            raise RuntimeError(f"client {line.number} lost its line")
        self._dial_later(line)

    def _dial_later(self, line: Line) -> None:
        """Try again after a moment drawn by chance, as the project's own client does.

        Many came at once, and the server lets nobody keep a place without a greeting for ever.
        """
        if not self._redials:
            raise RuntimeError(f"client {line.number} was not let in")
        self.record.counts["redialled"] += 1
        due_s = time.monotonic() + float(self._rng.uniform(*REDIAL_S))
        heapq.heappush(self._again, (due_s, self.record.counts["redialled"], line))
