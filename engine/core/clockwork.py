"""What events do to the clocks of orders and incidents: they start, end, run out, and are begun anew.

The part of `apply` that is about clocks, by the tables of `engine.supervision`. A clock has one key in the one heap of
deadlines: first for when it runs out, then for each step of what is done about it. Clocks are taken by name: the
journal sorts them, and a replay must set them in the order in which they were set.
"""

from collections.abc import Mapping

import msgspec

from engine.core.deadline_keys import deadline_key
from engine.core.state import Escalating, State
from engine.model import events as e
from engine.model.entities import Incident, Order
from engine.model.ids import IncidentId, OrderId
from engine.model.lifecycle import IncidentState, OrderState
from engine.model.step_events import DeadlineMissed, Escalated
from engine.supervision import CLOCKS, INCIDENT_CLOCKS, Clock, Word

CLOSE, ORDER, WELFARE = "close", "order", "welfare"


def run_order_clocks(state: State, at: int, order: Order, was: OrderState) -> None:
    """Start and end the clocks of an order that has moved on from ``was``."""
    for name, length_ms in sorted(state.kept.order_clocks[order.id].items()):
        clock, key = CLOCKS.get(name), deadline_key(order.id, name)
        if clock is None:
            continue
        if order.state is clock.starts and was is not clock.not_after:
            start_clock(state, key, at + length_ms)
        elif order.state not in clock.runs_in:
            end_clock(state, key)


def run_incident_clocks(state: State, at: int, incident: Incident) -> None:
    """Start and end the clocks of an incident that has moved on, and of its orders when it is over for good."""
    for name, length_ms in sorted(state.kept.incident_clocks.get(incident.id, {}).items()):
        clock, key = INCIDENT_CLOCKS.get(name), deadline_key(incident.id, name)
        if clock is None:
            continue
        if incident.state is clock.starts:
            start_clock(state, key, (incident.first_alert_at if name == ORDER else at) + length_ms)
        elif incident.state not in clock.runs_in:
            end_clock(state, key)
    if incident.state is IncidentState.CLOSED:
        for order in incident.orders:
            end_order_clocks(state, order)


def change_order_clocks(state: State, at: int, order: Order, lengths_ms: dict[str, int]) -> None:
    """Let an order's clocks be of other lengths from an instant on."""
    state.kept.order_clocks[order.id] = _changed(
        state, at, order.id, order.state, CLOCKS, state.kept.order_clocks[order.id], lengths_ms
    )


def change_incident_clocks(state: State, at: int, incident: Incident, lengths_ms: dict[str, int]) -> None:
    """Let an incident's own clocks be of other lengths from an instant on."""
    before = state.kept.incident_clocks.get(incident.id, {})
    state.kept.incident_clocks[incident.id] = _changed(
        state, at, incident.id, incident.state, INCIDENT_CLOCKS, before, lengths_ms
    )


def _changed(
    state: State,
    at: int,
    owner: str,
    its: OrderState | IncidentState,
    table: Mapping[str, Clock],
    before: Mapping[str, int],
    lengths_ms: Mapping[str, int],
) -> dict[str, int]:
    """Return the new lengths. A clock that runs has no more time than anew from now; one that is new begins now.

    What is already being done about one that has run out goes on, and nobody is given more time than they had.
    """
    for name, length_ms in sorted(lengths_ms.items()):
        clock, key = table.get(name), deadline_key(owner, name)
        if clock is None or its not in clock.runs_in or key in state.kept.escalating:
            continue
        due_at = state.deadlines.at(key)
        if (due_at is None and name not in before) or (due_at is not None and at + length_ms < due_at):
            start_clock(state, key, at + length_ms)
    return dict(sorted(lengths_ms.items()))


def end_order_clocks(state: State, order: OrderId) -> None:
    """End all clocks of an order."""
    for name in state.kept.order_clocks.get(order, ()):
        end_clock(state, deadline_key(order, name))


def forget_clocks(state: State, incident: Incident) -> None:
    """Drop the clocks of an incident that is forgotten, and of its orders."""
    for name in state.kept.incident_clocks.pop(incident.id, ()):
        end_clock(state, deadline_key(incident.id, name))
    for order in incident.orders:
        end_order_clocks(state, order)
        del state.kept.order_clocks[order]


def missed(state: State, event: e.Event, body: DeadlineMissed) -> None:
    """Let what is to be done about a clock begin."""
    key = _key(body.order, body.incident, body.clock)
    if body.escalation:
        state.kept.escalating[key] = Escalating(body.due_at, body.escalation)
        state.deadlines.set(key, body.due_at + body.escalation[0].after_ms)
    else:
        _done(state, event.at, key, body)


def escalated(state: State, event: e.Event, body: Escalated) -> None:
    """Let the next step come; after the last a clock that repeats begins anew."""
    key = _key(body.order, body.incident, body.clock)
    its = state.kept.escalating[key]
    its = state.kept.escalating[key] = msgspec.structs.replace(its, done=its.done + 1)
    if its.done < len(its.steps):
        state.deadlines.set(key, its.due_at + its.steps[its.done].after_ms)
    else:
        _done(state, event.at, key, body)


def heard(state: State, at: int, order: Order, what: Word) -> None:
    """Let a word from the scene meet the clocks that wait for it, of its order and of the incident."""
    incident = state.incidents[order.incident]
    for owner, lengths, table in (
        (order.id, state.kept.order_clocks[order.id], CLOCKS),
        (incident.id, state.kept.incident_clocks.get(incident.id, {}), INCIDENT_CLOCKS),
    ):
        for name, length_ms in sorted(lengths.items()):
            clock, key = table.get(name), deadline_key(owner, name)
            if clock is None or what not in clock.heard_by:
                continue
            end_clock(state, key)
            if clock.repeats and _runs(state, clock, owner):
                start_clock(state, key, at + length_ms)
    close_ms = state.kept.incident_clocks.get(incident.id, {}).get(CLOSE)
    if what == "report" and incident.state is IncidentState.RESOLVED and close_ms is not None:
        start_clock(state, deadline_key(incident.id, CLOSE), at + close_ms)


def set_welfare(state: State, at: int, order: Order, every_ms: int) -> None:
    """Let an order's clock of sign of life run so long from here on, and begin anew where it runs."""
    clocks = state.kept.order_clocks[order.id]
    state.kept.order_clocks[order.id] = dict(sorted({**clocks, WELFARE: every_ms}.items()))
    if order.state in CLOCKS[WELFARE].runs_in:
        start_clock(state, deadline_key(order.id, WELFARE), at + every_ms)


def end_clock(state: State, key: str) -> None:
    """Forget a deadline and what was still to be done about it."""
    state.deadlines.clear(key)
    state.kept.escalating.pop(key, None)


def start_clock(state: State, key: str, due_at: int) -> None:
    """Let a clock run out at an instant, whatever was still to be done about it."""
    state.kept.escalating.pop(key, None)
    state.deadlines.set(key, due_at)


def _done(state: State, at: int, key: str, body: DeadlineMissed | Escalated) -> None:
    end_clock(state, key)
    owner, lengths, table = (
        (body.order, state.kept.order_clocks.get(body.order, {}), CLOCKS)
        if body.order is not None
        else (body.incident, state.kept.incident_clocks.get(IncidentId(body.incident or ""), {}), INCIDENT_CLOCKS)
    )
    clock, length_ms = table.get(body.clock), lengths.get(body.clock)
    if clock is not None and length_ms is not None and clock.repeats and _runs(state, clock, owner or ""):
        start_clock(state, key, at + length_ms)


def _runs(state: State, clock: Clock, owner: str) -> bool:
    order = state.orders.get(OrderId(owner))
    its = order.state if order is not None else state.incidents[IncidentId(owner)].state
    return its in clock.runs_in


def _key(order: OrderId | None, incident: IncidentId | None, clock: str) -> str:
    return deadline_key(order or incident or "", clock)
