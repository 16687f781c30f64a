"""A small story to review: events as a journal would hold them, written by hand."""

from collections.abc import Callable

import pytest

from engine.model import events as e
from engine.model.demand_events import DemandRaised, DemandUnmet
from engine.model.entities import Need, Order, Station, Unit
from engine.model.ids import AlertId, DemandId, IncidentId, OrderId, RecipientId, StationId, UnitId
from engine.model.lifecycle import OrderState
from engine.model.recommendation import Recommendation

NOBODY = Recommendation(
    capability="patrol",
    policy="nearest",
    chosen=None,
    others=(),
    excluded=(),
    excluded_counts={},
    fleet_size=1,
    settled_nodes=0,
)


class Story:
    """Writes a journal, one line of the story at a time."""

    def __init__(self) -> None:
        self.events: list[e.Event] = []
        self.now = 0
        self.seqs: dict[str, int] = {}
        units = tuple(
            Unit(id=UnitId(name), name=name, capabilities=("patrol",), lon=0.0, lat=0.0) for name in ("P1", "P2")
        )
        stations = (Station(id=StationId("S1"), name="S1", lon=0.01, lat=0.01),)
        self.happens(e.Configured(digest="x", units=units, stations=stations))

    def happens(self, body: e.Body) -> None:
        self.events.append(e.Event(len(self.events) + 1, self.now, "test", body))

    def alert(self, number: int, *, wanted: int = 1, level: int = 2) -> None:
        incident, alert = IncidentId(f"i-{number}"), AlertId(f"a-{number}")
        place = {"type": "dispute", "lon": 0.001 * number, "lat": 0.002}
        self.happens(
            e.AlertReceived(
                alert=alert, incident=incident, source="t", source_ref=f"ref-{number}", reported_at=self.now, **place
            )
        )
        self.happens(
            e.IncidentOpened(
                incident=incident,
                alert=alert,
                level=level,
                first_alert_at=self.now,
                needs=(Need("patrol", wanted),),
                approval="by_rule",
                **place,
            )
        )
        for one in range(wanted):
            demand = DemandId(f"d-{number}-{one}")
            self.happens(DemandRaised(demand=demand, incident=incident, capability="patrol", level=level))

    def short(self, number: int, one: int = 0) -> None:
        demand, incident = DemandId(f"d-{number}-{one}"), IncidentId(f"i-{number}")
        self.happens(DemandUnmet(demand=demand, incident=incident, capability="patrol", recommendation=NOBODY))

    def order(self, number: int, recipient: str, *, one: int = 0, name: str = "") -> None:
        order = Order(
            id=OrderId(name or f"o-{number}-{one}"),
            version=1,
            incident=IncidentId(f"i-{number}"),
            recipient=RecipientId(recipient),
            recipient_kind="station" if recipient.startswith("S") else "unit",
            capability="patrol",
            state=OrderState.PROPOSED,
            proposed_at=self.now,
            lon=0.0,
            lat=0.0,
            level=2,
            type="dispute",
            eta_ms=300_000,
            turnout_ms=60_000,
            route="_ibE?_ibE_ibE",
        )
        self.happens(e.OrderProposed(order=order, demand=DemandId(f"d-{number}-{one}")))
        self.advance(order.id, OrderState.APPROVED)
        self.mail(recipient, order.id)

    def mail(self, recipient: str, order: str) -> None:
        self.seqs[recipient] = self.seqs.get(recipient, 0) + 1
        self.happens(
            e.Mailed(
                recipient=RecipientId(recipient), mail_seq=self.seqs[recipient], item="order", order=OrderId(order)
            )
        )

    def receipt(self, recipient: str) -> None:
        self.happens(e.MailAcknowledged(recipient=RecipientId(recipient), device="d", mail_seq=self.seqs[recipient]))

    def advance(self, order: str, to: OrderState, said_at: int | None = None) -> None:
        self.happens(e.OrderAdvanced(order=OrderId(order), version=1, to=to, said_at=said_at))

    def done(self, order: str) -> None:
        for wait, to in (
            (10_000, OrderState.ACCEPTED),
            (60_000, OrderState.EN_ROUTE),
            (240_000, OrderState.ON_SCENE),
            (600_000, OrderState.CLEARED),
        ):
            self.now += wait
            self.advance(order, to)


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def finished(story: Story) -> Callable[[], Story]:
    """Return a story of two calls, both served and done."""

    def tell() -> Story:
        for number in (1, 2):
            story.alert(number, level=number)
            story.order(number, f"P{number}")
            story.receipt(f"P{number}")
            story.done(f"o-{number}-0")
        return story

    return tell
