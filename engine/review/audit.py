"""Was anything lost, was anybody sent to two places? Counted from the journal and from what the terminals saw.

Neither is trusted alone: an order counts as delivered only if a terminal has it in its hands and the journal has the
terminal's receipt, and a double booking counts wherever one of the two shows it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from engine.model.lifecycle import OrderState
from engine.review.timeline import IncidentStory, Timeline


@dataclass(frozen=True)
class Seen:
    """What one terminal noted, in the order in which it happened to it."""

    recipient: str
    order: str
    what: Literal["order", "cancellation", "clear"]
    exclusive: bool = True


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The findings.

    Attributes
    ----------
    alerts
        Alerts that were accepted.
    unit_orders, station_orders
        Orders made, by who they were for.
    shortages
        Units wanted for which a shortage was stated.
    served
        Incidents for which everything wanted stood idle when the alert came, and got a unit at once.
    idle
        Incidents for which everything wanted stood idle when the alert came.
    lost
        What was lost, each in a line that says what.
    double_booked
        Moments at which a unit held two orders, each in a line.
    """

    alerts: int
    unit_orders: int
    station_orders: int
    shortages: int
    served: int
    idle: int
    lost: tuple[str, ...]
    double_booked: tuple[str, ...]

    @property
    def served_share(self) -> float | None:
        """The share of all incidents whose wanted units stood idle and were sent at once; None without incidents."""
        return self.served / self.alerts if self.alerts else None


def audit(timeline: Timeline, seen: Iterable[Seen], accepted_refs: Collection[str]) -> Audit:
    """Compare a journal with what the terminals saw.

    Parameters
    ----------
    timeline
        What the journal tells.
    seen
        What all terminals noted; entries of one terminal in its order.
    accepted_refs
        The source's numbers of the alerts whose acceptance it was told.
    """
    noted = list(seen)
    orders = [story.order for story in timeline.orders.values()]
    incidents = timeline.incidents.values()
    received = {entry.order for entry in noted if entry.what == "order"}
    lost = [*_lost_alerts(timeline, accepted_refs), *_lost_orders(timeline, received)]
    held_twice = [f"journal: {unit} held {held} and got {added}" for _, unit, held, added in timeline.double_booked]
    return Audit(
        alerts=timeline.alerts,
        unit_orders=sum(order.recipient_kind == "unit" for order in orders),
        station_orders=sum(order.recipient_kind == "station" for order in orders),
        shortages=sum(demand.short_at is not None for story in incidents for demand in story.demands.values()),
        served=sum(_is_idle(story) and _is_served(timeline, story) for story in incidents),
        idle=sum(_is_idle(story) for story in incidents),
        lost=tuple(lost),
        double_booked=(*held_twice, *_held_twice_by_terminals(noted)),
    )


def _is_idle(incident: IncidentStory) -> bool:
    return all(demand.was_idle for demand in incident.demands.values())


def _is_served(timeline: Timeline, incident: IncidentStory) -> bool:
    """Tell whether every unit wanted was ordered at once, before any shortage."""
    return all(
        demand.short_at is None
        and bool(demand.orders)
        and timeline.orders[demand.orders[0]].order.recipient_kind == "unit"
        for demand in incident.demands.values()
    )


def _lost_alerts(timeline: Timeline, accepted_refs: Collection[str]) -> list[str]:
    stored = {incident.source_ref for incident in timeline.incidents.values()}
    lost = [f"alert {ref} was accepted and is not in the journal" for ref in sorted(set(accepted_refs) - stored)]
    for incident in timeline.incidents.values():
        for name, demand in incident.demands.items():
            if not demand.orders and demand.short_at is None:
                lost.append(f"{incident.id}: {name} has neither an order nor a stated shortage")
        if not incident.demands:
            lost.append(f"{incident.id}: nothing was wanted for it")
    return lost


def _lost_orders(timeline: Timeline, received: Collection[str]) -> list[str]:
    lost = []
    for name, story in timeline.orders.items():
        withdrawn = OrderState.CANCELLED in story.at or OrderState.REPLACED in story.at
        if withdrawn and OrderState.DELIVERED not in story.at:
            continue
        if OrderState.SENT not in story.at:
            lost.append(f"{name} to {story.order.recipient} was never sent")
        elif OrderState.DELIVERED not in story.at:
            lost.append(f"{name} to {story.order.recipient} has no receipt")
        elif name not in received:
            lost.append(f"{name} to {story.order.recipient} has a receipt, but no terminal saw it")
    return lost


def _held_twice_by_terminals(seen: Iterable[Seen]) -> list[str]:
    held: dict[str, set[str]] = {}
    found = []
    for entry in seen:
        if not entry.exclusive:
            continue
        mine = held.setdefault(entry.recipient, set())
        if entry.what == "order":
            found += [f"terminal: {entry.recipient} held {other} and got {entry.order}" for other in sorted(mine)]
            mine.add(entry.order)
        else:
            mine.discard(entry.order)
    return found
