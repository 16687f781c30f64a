"""What became of every alert and order, read from a journal's events alone.

Nothing of the core's state is asked: this is a second reading of the same events, so that the two can be compared.
Instants are ms since the epoch. Where a recipient said when something happened, that counts; else when it was stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.model import events as e
from engine.model.demand_events import DemandRaised, DemandUnmet
from engine.model.entities import Order, Station, Unit
from engine.model.lifecycle import OrderState


@dataclass(kw_only=True)
class OrderStory:
    """One order from its proposal on. ``at`` holds the instant of each state it reached."""

    order: Order
    demand: str
    at: dict[OrderState, int] = field(default_factory=dict)
    mail_seq: int | None = None

    def between_ms(self, begins: OrderState, ends: OrderState) -> int | None:
        """Return how long it took from one state to another; None when it did not reach both."""
        if begins not in self.at or ends not in self.at:
            return None
        return self.at[ends] - self.at[begins]


@dataclass(kw_only=True)
class DemandStory:
    """One unit that was wanted: the orders made for it, and the instant at which a shortage was stated."""

    capability: str
    orders: list[str] = field(default_factory=list)
    short_at: int | None = None
    was_idle: bool = False
    """Somebody able stood idle when it was raised."""


@dataclass(kw_only=True)
class IncidentStory:
    """One incident with everything that was wanted for it."""

    id: str
    source_ref: str
    type: str
    level: int
    lon: float
    lat: float
    opened_at: int
    first_alert_at: int
    demands: dict[str, DemandStory] = field(default_factory=dict)


@dataclass(kw_only=True)
class Timeline:
    """Everything that a journal tells, in the order in which it began."""

    incidents: dict[str, IncidentStory] = field(default_factory=dict)
    orders: dict[str, OrderStory] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    stations: dict[str, Station] = field(default_factory=dict)
    double_booked: list[tuple[int, str, str, str]] = field(default_factory=list)
    """Moments at which a unit came to hold a second order: instant, unit, the order held, the order added."""
    alerts: int = 0

    def response_ms(self, incident: IncidentStory) -> int | None:
        """Return the time from the first alert until the first unit was on scene; None when none was."""
        arrivals = [
            story.at[OrderState.ON_SCENE]
            for demand in incident.demands.values()
            for story in map(self.orders.__getitem__, demand.orders)
            if OrderState.ON_SCENE in story.at and story.order.recipient_kind == "unit"
        ]
        return min(arrivals) - incident.first_alert_at if arrivals else None


_HELD = frozenset(
    (
        *(OrderState.APPROVED, OrderState.SENT, OrderState.DELIVERED, OrderState.ACCEPTED),
        *(OrderState.EN_ROUTE, OrderState.ON_SCENE, OrderState.REPORTED),
    )
)
"""An order to a unit in one of these holds the unit. Written out anew, so that the audit does not share a mistake."""


def read_timeline(events: Iterable[e.Event]) -> Timeline:
    """Read a whole journal."""
    reader = _Reader()
    for event in events:
        reader.read(event)
    return reader.timeline


class _Reader:
    def __init__(self) -> None:
        self.timeline = Timeline()
        self.refs: dict[str, str] = {}
        self.by_demand: dict[str, IncidentStory] = {}
        self.held: dict[str, set[str]] = {}
        self.busy: dict[str, bool] = {}
        self.mailed: dict[str, dict[int, str]] = {}
        self.acknowledged: dict[str, int] = {}

    def read(self, event: e.Event) -> None:
        body, known = event.body, self.timeline
        match body:
            case e.Configured():
                known.units = {unit.id: unit for unit in body.units}
                known.stations = {station.id: station for station in body.stations}
                for unit in body.units:
                    self.busy.setdefault(unit.id, not unit.on_duty)
            case e.ShiftChanged():
                self.busy.update({unit: not crew.people for unit, crew in body.crews.items()})
            case e.AlertReceived():
                known.alerts += 1
                self.refs[body.alert] = body.source_ref
            case e.IncidentOpened():
                known.incidents[body.incident] = IncidentStory(
                    id=body.incident,
                    source_ref=self.refs[body.alert],
                    type=body.type,
                    level=body.level,
                    lon=body.lon,
                    lat=body.lat,
                    opened_at=event.at,
                    first_alert_at=body.first_alert_at,
                )
            case DemandRaised():
                story = DemandStory(capability=body.capability, was_idle=self._anybody_idle(body))
                known.incidents[body.incident].demands[body.demand] = story
                self.by_demand[body.demand] = known.incidents[body.incident]
            case DemandUnmet():
                demand = self.by_demand[body.demand].demands[body.demand]
                demand.short_at = event.at if demand.short_at is None else demand.short_at
            case e.UnitAdvanced():
                self.busy[body.unit] = body.to != "available"
            case e.OrderProposed():
                known.orders[body.order.id] = OrderStory(order=body.order, demand=body.demand)
                self._reached(body.order.id, OrderState.PROPOSED, event.at)
                for demand_id in body.demands or (body.demand,):
                    self.by_demand[demand_id].demands[demand_id].orders.append(body.order.id)
            case e.OrderAdvanced():
                said_at = body.said_at if body.said_at is not None else event.at
                self._reached(body.order, body.to, said_at)
            case e.Mailed():
                self._mailed(body, event.at)
            case e.MailAcknowledged():
                self._acknowledged(body, event.at)
            case _:
                pass

    def _anybody_idle(self, body: DemandRaised) -> bool:
        """Tell whether there are idle units enough for all that this incident wants of the capability so far."""
        idle = sum(
            body.capability in unit.capabilities and not self.busy[unit.id] and not self.held.get(unit.id)
            for unit in self.timeline.units.values()
        )
        incident = self.timeline.incidents[body.incident]
        before = sum(demand.capability == body.capability for demand in incident.demands.values())
        return idle > before

    def _reached(self, order_id: str, state: OrderState, at: int) -> None:
        story = self.timeline.orders[order_id]
        story.at.setdefault(state, at)
        if story.order.recipient_kind != "unit":
            return
        held = self.held.setdefault(story.order.recipient, set())
        if state not in _HELD:
            held.discard(order_id)
        elif order_id not in held:
            for other in sorted(held):
                self.timeline.double_booked.append((at, story.order.recipient, other, order_id))
            held.add(order_id)

    def _mailed(self, body: e.Mailed, at: int) -> None:
        if body.item != "order" or body.order is None:
            return
        self.timeline.orders[body.order].mail_seq = body.mail_seq
        self.mailed.setdefault(body.recipient, {})[body.mail_seq] = body.order
        self._reached(body.order, OrderState.SENT, at)

    def _acknowledged(self, body: e.MailAcknowledged, at: int) -> None:
        before = self.acknowledged.get(body.recipient, 0)
        waiting = self.mailed.get(body.recipient, {})
        for seq in range(before + 1, body.mail_seq + 1):
            if seq in waiting:
                self.timeline.orders[waiting.pop(seq)].at.setdefault(OrderState.DELIVERED, at)
        self.acknowledged[body.recipient] = max(before, body.mail_seq)
