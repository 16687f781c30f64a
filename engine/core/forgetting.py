"""What leaves the state by itself: what ended long ago, mail that has arrived, keys that no client sends again.

By the time of the events alone, so that a replay forgets the same.
"""

import itertools
from collections.abc import Iterable

from engine.core import clockwork, standing_lookouts, standing_steps
from engine.core.state import State
from engine.model.ids import DESK, RecipientId, StationId
from engine.model.lifecycle import ENDED_INCIDENTS, OPEN_ORDERS

RETAIN_MS = 86_400_000
"""How long what has ended stays in memory."""
RETAIN_KEYS_MS = 30 * 86_400_000
"""How long an idempotency key is remembered: longer than any client keeps an answer."""


def forget(state: State, at: int) -> None:
    """Drop what ended long ago: incidents with their orders and alerts' details, mail that was delivered, old keys."""
    standing_lookouts.forget(state, at, RETAIN_MS, RETAIN_KEYS_MS)
    while state.ended and state.ended[0][0] < at - RETAIN_MS:
        _, gone = state.ended.popleft()
        incident = state.incidents.get(gone)
        if incident is None or incident.state not in ENDED_INCIDENTS:
            continue
        is_open = any(state.orders[order].state in OPEN_ORDERS for order in incident.orders)
        if is_open or standing_steps.was_asked_after(state, gone, at - RETAIN_MS):
            state.ended.append((at, gone))
            continue
        del state.incidents[gone]
        state.recommendations.pop(gone, None)
        state.searches.pop(gone, None)
        standing_steps.forget(state, gone)
        clockwork.forget_clocks(state, incident)
        for order in incident.orders:
            recipient = state.orders.pop(order).recipient
            del state.kept.order_demand[order]
            state.kept.order_people.pop(order, None)
            state.order_posts.pop(order, None)
            state.order_looks.pop(order, None)
            state.kept.calls_taken.pop(order, None)
            state.kept.decided.pop(order, None)
            state.kept.photos.pop(order, None)
            state.overruled.pop(order, None)
            state.words.pop(order, None)
            _trim(state, recipient, at)
        _trim(state, DESK, at)
        for alert in incident.alerts:
            state.details.pop(alert, None)
    # Both stand in the order they were taken: the first tells whether there is anything to drop.
    keys, alerts, oldest = state.kept.keys, state.kept.alerts, at - RETAIN_KEYS_MS
    if keys and next(iter(keys.values())) < oldest:
        for key in _before(keys.items(), oldest):
            del keys[key]
    if alerts and next(iter(alerts.values())).at < oldest:
        for key in _before(((k, record.at) for k, record in alerts.items()), oldest):
            del alerts[key]


def _trim(state: State, recipient: RecipientId | StationId, at: int) -> None:
    box = state.mailboxes.get(RecipientId(recipient))
    if box is None:
        return
    keep = 0
    while keep < len(box.items) and box.items[keep].at < at - RETAIN_MS:
        body = box.items[keep].body
        if body.mail_seq > box.delivered_seq or body.order in state.orders:
            break
        keep += 1
    del box.items[:keep]


def _before(taken: Iterable[tuple[str, int]], instant: int) -> list[str]:
    """Return the keys taken before an instant; they stand in the order they were taken."""
    return [key for key, _ in itertools.takewhile(lambda item: item[1] < instant, taken)]
