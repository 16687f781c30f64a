"""Every message of the server, typed once, with the views that they carry; the client's are in `engine.wire.messages`.

``message`` is the tag. Unknown fields are passed over: a newer server may say more. Instants are milliseconds since the
epoch, UTC; coordinates WGS-84 degrees; ``route`` is a polyline of five decimals.
"""

import msgspec

from engine.model.events import MailKind
from engine.model.ids import OrderId
from engine.model.lifecycle import OrderState
from engine.model.lookouts import Task
from engine.wire.fields import Message
from engine.wire.messages import Heartbeat


class Trace(msgspec.Struct, frozen=True):
    """How long it took, for measuring on one machine. Sent only by a server that was told to.

    ``decide_us`` is from the command to its events in the core, ``commit_us`` the commit of the batch it was in;
    ``committed_ns`` is the monotonic clock when that commit returned.
    """

    decide_us: int
    commit_us: int
    committed_ns: int


class PostView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The post that an order is for: which ways to watch, clockwise from north, by when, with whom."""

    watch_deg: tuple[int, ...]
    due_at: int
    beside: tuple[str, ...] = ()


class LookView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place that the unit of an order looks at, by its number from 1."""

    place: int
    lon: float
    lat: float
    name: str = ""
    phone: str = ""


class Briefing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What whoever goes should know, by the run card as it is now; every text by language."""

    guidance: dict[str, str] = {}
    safety: dict[str, str] = {}
    equipment: tuple[dict[str, str], ...] = ()
    ask: tuple[dict[str, str], ...] = ()
    """What the caller or the scene still has to answer."""


class OrderView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order as its recipient sees it. What names someone is there only for who is assigned, while it is open."""

    id: OrderId
    version: int
    incident: str
    recipient: str
    state: OrderState
    type: str
    level: int
    lon: float
    lat: float
    capability: str
    eta_ms: int | None = None
    route: str = ""
    address: str = ""
    text: str = ""
    caller: str = ""
    phone: str = ""
    exercise: bool = False
    task: Task = "attend"
    label: str = ""
    """Who or what is looked for, in a pursuit."""
    post: PostView | None = None
    looks: tuple[LookView, ...] = ()
    """In a search: the places in turn, the first is where the order is for."""
    briefing: Briefing | None = None
    """For who is assigned, while the order is open."""


class Welcome(Message, frozen=True, tag="welcome"):
    """The greeting was taken. Without ``resumed`` a snapshot follows; ``next_seq`` is the next item's number.

    ``emergency_only``: the token has run out; a call for help is taken, then the connection ends.
    """

    log_id: str
    resumed: bool
    next_seq: int
    heartbeat_ms: int
    recipient: str
    role: str
    server_at: int
    emergency_only: bool = False


class Snapshot(Message, frozen=True, tag="snapshot"):
    """All that is open for this recipient, and the newest number: what was known before is void."""

    seq: int
    orders: tuple[OrderView, ...] = ()


class Item(Message, frozen=True, tag="item"):
    """One numbered thing out of the mailbox. Numbers have no gaps."""

    seq: int
    kind: MailKind
    order: OrderView | None = None
    code: str = ""
    values: dict[str, str] = msgspec.field(default_factory=dict)
    trace: Trace | None = None


class Taken(Message, frozen=True, tag="taken"):
    """What came in under ``ref`` is durable. ``refs`` names what was made of it."""

    ref: str
    refs: dict[str, str | list[str]] = msgspec.field(default_factory=dict)
    duplicate: bool = False
    trace: Trace | None = None


class Refused(Message, frozen=True, tag="refused"):
    """What came in was not taken. With ``retry_ms`` the same may be sent again after so long."""

    code: str
    field: str
    value: str
    limit: str
    ref: str = ""
    retry_ms: int | None = None


class Superseded(Message, frozen=True, tag="superseded"):
    """An answer named an old version of an order; this is the version that stands."""

    ref: str
    order: str
    version: int
    state: OrderState


ServerMessage = Welcome | Snapshot | Item | Taken | Refused | Superseded | Heartbeat
