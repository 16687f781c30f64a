"""Response times as numbers: percentiles of each part of the way from the call to the scene."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.model.lifecycle import OrderState
from engine.review.timeline import OrderStory, Timeline


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the least value that ``share`` of the values, 0 to 1, do not exceed; None without values.

    The nearest-rank definition: the answer is always a value that was measured.
    """
    if not values:
        return None
    rank = math.ceil(share * len(values) - 1e-9)
    return sorted(values)[max(rank, 1) - 1]


@dataclass(frozen=True)
class Spread:
    """How many there are, the middle one, and what nine of ten do not exceed, in seconds."""

    count: int
    median_s: float | None
    p90_s: float | None

    @classmethod
    def of(cls, values_ms: Iterable[int | None]) -> "Spread":
        """Summarise durations in milliseconds; those that are not known are left out."""
        known = [value / 1000.0 for value in values_ms if value is not None]
        return cls(len(known), percentile(known, 0.5), percentile(known, 0.9))


@dataclass(frozen=True, kw_only=True)
class ResponseFigures:
    """How long things took, over all orders to units."""

    turnout: Spread
    """From the order to rolling wheels."""
    travel: Spread
    """From rolling to on scene."""
    response: Spread
    """From an incident's first alert to its first unit on scene."""
    eta_error: Spread
    """How far the ETA given with the order was from the arrival, either way."""


def response_figures(timeline: Timeline, level: int | None = None) -> ResponseFigures:
    """Return the figures of all incidents, or of one level."""
    incidents = [it for it in timeline.incidents.values() if level is None or it.level == level]
    stories = [
        timeline.orders[name]
        for incident in incidents
        for demand in incident.demands.values()
        for name in demand.orders
    ]
    unit_stories = [story for story in stories if story.order.recipient_kind == "unit"]
    return ResponseFigures(
        turnout=Spread.of(story.between_ms(OrderState.SENT, OrderState.EN_ROUTE) for story in unit_stories),
        travel=Spread.of(story.between_ms(OrderState.EN_ROUTE, OrderState.ON_SCENE) for story in unit_stories),
        response=Spread.of(timeline.response_ms(incident) for incident in incidents),
        eta_error=Spread.of(_eta_error_ms(story) for story in unit_stories),
    )


def response_minutes(timeline: Timeline) -> dict[int, list[float]]:
    """Return the response times in minutes by level, each sorted."""
    found: dict[int, list[float]] = {}
    for incident in timeline.incidents.values():
        took_ms = timeline.response_ms(incident)
        if took_ms is not None:
            found.setdefault(incident.level, []).append(took_ms / 60_000.0)
    return {level: sorted(found[level]) for level in sorted(found)}


def _eta_error_ms(story: OrderStory) -> int | None:
    arrived = story.between_ms(OrderState.PROPOSED, OrderState.ON_SCENE)
    return None if arrived is None or story.order.eta_ms is None else abs(arrived - story.order.eta_ms)
