"""Journeys in our own record: from where a unit stood when its order was decided to where it was on scene.

An order keeps the way there as a polyline, which begins at the unit's place at the decision; no place at the start of
the wheels is kept. Between the two it answered and got ready, and is taken not to have moved; an order that was under
way later than `LATEST_START_MS` after its decision is left out, as the unit may have been anywhere.
"""

from collections import Counter

from engine.model.lifecycle import OrderState
from engine.review.timeline import OrderStory, Timeline
from engine.travel.journeys import Journey
from engine.travel.polyline import decode_polyline

LATEST_START_MS = 5 * 60_000


def journeys_of(timeline: Timeline) -> tuple[list[Journey], Counter[str]]:
    """Return the journeys of all orders to units, and how many were left out by reason.

    Returns
    -------
    list of Journey, Counter
        The reasons: ``station``, ``exercise``, ``no_stamp`` where it did not roll or was never on scene, ``no_way``
        where the order has no way there, ``late_start``.
    """
    found: list[Journey] = []
    left_out = Counter[str]()
    for story in timeline.orders.values():
        reason = _unfit(story)
        if reason:
            left_out[reason] += 1
            continue
        order, at = story.order, story.at
        lon, lat = decode_polyline(order.route)[0].tolist()
        found.append(Journey(lon, lat, order.lon, order.lat, at[OrderState.EN_ROUTE], at[OrderState.ON_SCENE]))
    return found, left_out


def _unfit(story: OrderStory) -> str:
    """Return why an order is no journey; empty where it is one."""
    if story.order.recipient_kind != "unit":
        return "station"
    if story.order.exercise:
        return "exercise"
    started_ms = story.between_ms(OrderState.PROPOSED, OrderState.EN_ROUTE)
    if started_ms is None or OrderState.ON_SCENE not in story.at:
        return "no_stamp"
    if not story.order.route:
        return "no_way"
    return "late_start" if started_ms > LATEST_START_MS else ""
