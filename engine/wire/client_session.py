"""The client's side of its connections, with no socket and no clock.

Rules: an item is handed on only if its number is the last one plus one; a number seen before is dropped, a gap ends the
connection, and the next one resends. After a snapshot, what is new in it is handed on as orders, and what is open here
but not in it as cancellations, so that whoever handles items needs to know nothing of snapshots. One session lives
through many connections; what must outlive the process is in ``Memory``.
"""

from typing import NamedTuple

import msgspec

from engine.model.lifecycle import OPEN_ORDERS
from engine.wire.closing import Close, ClosingCode
from engine.wire.codec import Codec, UnreadableFrame
from engine.wire.messages import Ack, ClientMessage, Heartbeat, Hello
from engine.wire.server_messages import Item, OrderView, Refused, Snapshot, Superseded, Taken, Welcome

_SILENT_BEATS = 3
"""So many heartbeats of the server that did not come mean that it is gone."""
_WELCOME_MS = 20_000.0
"""A greeting that is not answered within this time was not heard, or its answer was not."""


class Memory(msgspec.Struct):
    """What a client has applied, to be kept on disk: the log, the number, the orders that are open here."""

    log_id: str = ""
    applied_seq: int = 0
    open_orders: dict[str, OrderView] = {}


class Arrival(NamedTuple):
    """Something to apply, in order: an item, a number that the mailbox was applied up to, or both.

    Items out of a snapshot have no number of their own; the number follows by itself after the last of them.
    """

    item: Item | None
    log_id: str
    seq: int | None


Incoming = Welcome | Arrival | Taken | Refused | Superseded


class ClientSession:
    """A client of one mailbox.

    Parameters
    ----------
    codec
        The format it speaks.
    token, device
        Who it is, which may be said anew before each connection, and which of several devices of the same recipient.
    memory
        What was applied before; changed in place by ``applied``.
    """

    def __init__(self, codec: Codec, token: str, device: str, memory: Memory) -> None:
        self._codec = codec
        self.token = token
        self._device = device
        self.memory = memory
        self._log_id = memory.log_id
        self._received_seq = memory.applied_seq
        self._open_orders = dict(memory.open_orders)
        """What will be open here once everything that was handed on is applied."""
        self._ended: dict[str, int] = {}
        """Orders that ended by our own answer while items that bring them are still being applied: the last version."""
        self._outgoing: list[bytes] = []
        self._snapshot_due = False
        self._heartbeat_ms = 15_000.0
        self._heard_ms = 0.0
        self._said_ms = 0.0
        self.welcome: Welcome | None = None
        self.closing: Close | None = None

    def connect(self, now_ms: float, *, emergency: bool = False) -> None:
        """Start over on a new connection: the next frame to send is the greeting, which announces an emergency."""
        self.welcome = None
        self.closing = None
        self._snapshot_due = False
        self._heard_ms = self._said_ms = now_ms
        hello = Hello(
            token=self.token,
            device=self._device,
            log_id=self._log_id or None,
            applied_seq=self._received_seq if self._log_id else None,
            emergency=emergency,
        )
        self._outgoing = [self._codec.encode(hello)]

    def take(self) -> list[bytes]:
        """Return the frames to send now, in order, and forget them."""
        frames, self._outgoing = self._outgoing, []
        return frames

    def say(self, message: ClientMessage) -> None:
        """Send a message on the present connection."""
        self._outgoing.append(self._codec.encode(message))

    def say_first(self, message: ClientMessage) -> None:
        """Send a message on the present connection, before what waits to be sent."""
        self._outgoing.insert(0, self._codec.encode(message))

    def receive(self, frame: bytes, now_ms: float) -> list[Incoming]:
        """Read one frame and return what came of it, in order."""
        if self.closing:
            return []
        self._heard_ms = now_ms
        try:
            message = self._codec.from_server(frame)
        except UnreadableFrame as refusal:
            self._close(ClosingCode.UNREADABLE, str(refusal))
            return []
        match message:
            case Welcome():
                return self._welcomed(message)
            case Snapshot():
                return self._replaced(message)
            case Item():
                return self._arrived(message)
            case Heartbeat():
                return []
        return [message]

    def applied(self, arrival: Arrival) -> None:
        """Note that something was applied, in the order of arrival, and acknowledge it."""
        if arrival.item is not None:
            _follow(self.memory.open_orders, arrival.item)
            self._drop_ended(arrival.item)
        if arrival.seq is not None:
            self.memory.log_id = arrival.log_id
            self.memory.applied_seq = arrival.seq
            if arrival.log_id == self._log_id and self.welcome is not None and arrival.seq:
                self.say(Ack(seq=arrival.seq))

    def forget(self, order_id: str) -> None:
        """Note that an order ended by our own answer: it is open here no longer, and not by being applied later."""
        applied, last = self.memory.open_orders.pop(order_id, None), self._open_orders.pop(order_id, None)
        if last is not None and (applied is None or applied.version != last.version):
            self._ended[order_id] = last.version

    def wipe(self) -> None:
        """Forget what is open here; the memory is wiped by whoever keeps it."""
        self._open_orders.clear()
        self._ended.clear()
        self._log_id, self._received_seq = "", 0

    def next_ms(self) -> float:
        """Return when ``tick`` is due."""
        return min(self._said_ms + self._heartbeat_ms, self._heard_ms + self._silence_ms)

    @property
    def _silence_ms(self) -> float:
        return _WELCOME_MS if self.welcome is None else _SILENT_BEATS * self._heartbeat_ms

    def tick(self, now_ms: float) -> None:
        """Let time pass: a heartbeat that is due, a server that is gone."""
        if self.closing:
            return
        if now_ms >= self._heard_ms + self._silence_ms:
            self._close(ClosingCode.SILENT, "nothing heard from the server")
        elif now_ms >= self._said_ms + self._heartbeat_ms:
            if self.welcome is not None:
                self.say(Heartbeat())
            self._said_ms = now_ms

    def sent(self, now_ms: float) -> None:
        """Note that something was just sent."""
        self._said_ms = now_ms

    def _drop_ended(self, item: Item) -> None:
        if item.order is None or item.order.id not in self._ended:
            return
        self.memory.open_orders.pop(item.order.id, None)
        if item.order.version >= self._ended[item.order.id]:
            del self._ended[item.order.id]

    def _close(self, code: ClosingCode, reason: str) -> None:
        self.closing = Close(code, reason)

    def _welcomed(self, welcome: Welcome) -> list[Incoming]:
        self.welcome = welcome
        self._heartbeat_ms = float(welcome.heartbeat_ms)
        if not welcome.resumed:
            self._snapshot_due = True
        elif welcome.recipient and self.memory.applied_seq and self.memory.log_id == welcome.log_id:
            # An acknowledgement may have been lost with the last connection.
            self.say(Ack(seq=self.memory.applied_seq))
        return [welcome]

    def _replaced(self, snapshot: Snapshot) -> list[Incoming]:
        if not self._snapshot_due or self.welcome is None:
            self._close(ClosingCode.OUT_OF_STEP, "a snapshot that was not announced")
            return []
        self._snapshot_due = False
        self._log_id = self.welcome.log_id
        self._received_seq = snapshot.seq
        listed = {order.id for order in snapshot.orders}
        known = self._open_orders
        items = [
            Item(seq=snapshot.seq, kind="cancellation", order=order, code="ended_elsewhere")
            for order in known.values()
            if order.id not in listed
        ]
        items += [
            Item(seq=snapshot.seq, kind="order", order=order)
            for order in snapshot.orders
            if order.id not in known or known[order.id].version != order.version
        ]
        self._open_orders = {order.id: order for order in snapshot.orders}
        return [*(Arrival(item, self._log_id, None) for item in items), Arrival(None, self._log_id, snapshot.seq)]

    def _arrived(self, item: Item) -> list[Incoming]:
        if self.welcome is None or self._snapshot_due:
            self._close(ClosingCode.OUT_OF_STEP, "an item before the snapshot")
            return []
        if item.seq <= self._received_seq:
            return []
        if item.seq != self._received_seq + 1:
            self._close(ClosingCode.OUT_OF_STEP, f"item {item.seq} after {self._received_seq}")
            return []
        self._received_seq = item.seq
        is_news = not self._is_known_end(item) and not self._is_known_version(item)
        _follow(self._open_orders, item)
        return [Arrival(item if is_news else None, self._log_id, item.seq)]

    def _is_known_end(self, item: Item) -> bool:
        """Tell whether an item only says that an order ended which is not open here: we ended it ourselves."""
        return item.kind == "cancellation" and item.order is not None and item.order.id not in self._open_orders

    def _is_known_version(self, item: Item) -> bool:
        """Tell whether an item brings what an earlier one has shown: that was sent after the order was amended."""
        if item.order is None or item.kind != "order" or not _is_open(item):
            return False
        its = self._open_orders.get(item.order.id)
        return its is not None and its.version == item.order.version


def _is_open(item: Item) -> bool:
    return item.order is not None and item.order.state in OPEN_ORDERS


def _follow(open_orders: dict[str, OrderView], item: Item) -> None:
    """Keep a table of open orders in step with the items; one that is resent after its order ended opens nothing."""
    if item.order is None or item.kind == "notice":
        return
    if item.kind == "order" and _is_open(item):
        open_orders[item.order.id] = item.order
    else:
        open_orders.pop(item.order.id, None)
