"""Both sessions against a model: whatever is cut, doubled, restarted or trimmed, mail is applied once and in order.

The server's mailbox stands in for a journal that survives its restarts. Frames travel in order until the connection is
cut; then all that was on its way is lost.
"""

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.wire.client_session import Arrival, ClientSession, Memory
from engine.wire.closing import ClosingCode
from engine.wire.codec import MSGPACK, Codec
from engine.wire.limits import Limits
from engine.wire.messages import Ack, Hello
from engine.wire.server_messages import Item
from engine.wire.session import Opening, ServerSession
from tests.support.orders import order_view

CODEC = Codec(MSGPACK)
LIMITS = Limits(rate_per_s=1_000_000, burst=1_000_000)


class Delivery(RuleBasedStateMachine):
    """One mailbox, one device, a link that breaks."""

    @initialize()
    def begin(self):
        self.log_id = "log-1"
        self.mailbox = []  # all items ever, numbered from 1
        self.first_seq = 1
        self.open_orders = {}
        self.server = None
        self.client = ClientSession(CODEC, "token", "phone", Memory())
        self.disk = msgspec.msgpack.encode(self.client.memory)
        self.waiting = []  # handed on, not yet applied
        self.up, self.down = [], []
        self.acked = 0
        self.applied = []  # (log id, seq) of mailbox items that took effect
        self.in_effect = {}  # open orders as the client has applied them
        self.snapshots = 0

    # The world.

    @rule(ends=st.booleans())
    def mail(self, ends):
        seq = len(self.mailbox) + 1
        if ends and self.open_orders:
            name = next(iter(self.open_orders))
            item = Item(seq=seq, kind="cancellation", order=self.open_orders.pop(name))
        else:
            item = Item(seq=seq, kind="order", order=order_view(f"{self.log_id}-{seq}"))
            self.open_orders[item.order.id] = item.order
        self.mailbox.append(item)
        if self.server is not None:
            self.server.push(item)
            self.down += self.server.take()

    @rule()
    def trim(self):
        self.first_seq = max(self.first_seq, len(self.mailbox))

    @rule()
    def restart_server(self):
        """The journal is kept: same log, same mailbox."""
        self.cut()

    @rule()
    def lose_journal(self):
        """Another journal takes over: other log, its numbers start again."""
        self.cut()
        self.log_id = f"log-{int(self.log_id[4:]) + 1}"
        self.mailbox, self.first_seq, self.open_orders = [], 1, {}

    @rule()
    def cut(self):
        self.server = None
        self.up, self.down = [], []

    @precondition(lambda self: self.server is None)
    @rule()
    def connect(self):
        self.client.connect(0.0)
        self.up += self.client.take()
        self.server = ServerSession(CODEC, LIMITS, 0.0)

    @rule(doubled=st.booleans())
    def carry_up(self, doubled):
        if not self.up or self.server is None:
            return
        frame = self.up.pop(0)
        # TCP does not double a frame; a careless sender does, but never its greeting.
        heard = [self.server.receive(frame, 0.0)]
        if doubled and self.server.hello is not None and not isinstance(heard[0], Hello):
            heard.append(self.server.receive(frame, 0.0))
        for message in heard:
            if isinstance(message, Hello):
                self.open()
            elif isinstance(message, Ack):
                self.acked = message.seq
        assert self.server.closing is None

    def open(self):
        last_seq = len(self.mailbox)
        opening = Opening(
            log_id=self.log_id,
            role="terminal",
            recipient="car",
            server_at=0,
            first_seq=self.first_seq,
            last_seq=last_seq,
        )
        after = self.server.open(opening, list(self.open_orders.values()))
        for item in self.mailbox[after:]:
            self.server.push(item)
        self.down += self.server.take()

    @rule(doubled=st.booleans())
    def carry_down(self, doubled):
        if not self.down or self.server is None:
            return
        frame = self.down.pop(0)
        frames = [frame]
        if doubled and isinstance(CODEC.from_server(frame), Item):
            frames.append(frame)
        for each in frames:
            self.waiting += [got for got in self.client.receive(each, 0.0) if isinstance(got, Arrival)]
        assert self.client.closing is None
        self.up += self.client.take()

    # The client's own life.

    @precondition(lambda self: self.waiting)
    @rule()
    def apply(self):
        arrival = self.waiting.pop(0)
        item = arrival.item
        if item is not None:
            if item.kind == "order":
                assert item.order.id not in self.in_effect, "an order takes effect once"
                self.in_effect[item.order.id] = item.order
            else:
                assert self.in_effect.pop(item.order.id, None), "only what is open is cancelled"
        self.client.applied(arrival)
        self.disk = msgspec.msgpack.encode(self.client.memory)
        if self.server is not None:
            self.up += self.client.take()

    @rule()
    def restart_client(self):
        """What was handed on and not applied is gone with the process; what was applied is on its disk."""
        self.cut()
        self.waiting = []
        self.client = ClientSession(CODEC, "token", "phone", msgspec.msgpack.decode(self.disk, type=Memory))

    # What must hold.

    @invariant()
    def receipts_never_run_ahead(self):
        if self.server is not None and self.server.hello is not None:
            assert self.server.acked_seq <= len(self.mailbox)

    @invariant()
    def the_memory_is_what_took_effect(self):
        assert self.client.memory.open_orders == self.in_effect

    def teardown(self):
        """Once everything is quiet, the client has applied exactly what is open."""
        if not hasattr(self, "client"):
            return
        if self.server is None:
            self.connect()
        for _ in range(10_000):
            if not (self.up or self.down or self.waiting):
                break
            self.carry_up(doubled=False)
            self.carry_down(doubled=False)
            if self.waiting:
                self.apply()
        assert self.in_effect == self.open_orders
        assert self.client.memory.applied_seq == len(self.mailbox)
        assert self.client.memory.log_id == self.log_id
        assert self.server.acked_seq == len(self.mailbox)


Delivery.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
test_delivery = Delivery.TestCase


def test_a_gap_is_noticed():
    """The model can fail: a server that skips a number is caught by the client."""
    client = ClientSession(CODEC, "token", "phone", Memory("log", 1, {}))
    client.connect(0.0)
    server = ServerSession(CODEC, LIMITS, 0.0)
    server.receive(client.take()[0], 0.0)
    server.open(Opening(log_id="log", role="terminal", recipient="car", server_at=0, last_seq=1))
    server.sent_seq += 1
    server.push(Item(seq=3, kind="notice"))
    for frame in server.take():
        client.receive(frame, 0.0)
    assert client.closing.code is ClosingCode.OUT_OF_STEP
