"""What each event does to the state. Total, deterministic, cheap; asks nobody and refuses nothing.

One small function for each kind of event, in one table. The same functions serve the running core and every replay.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from engine.core import (
    clockwork,
    manning,
    standing_broadcasts,
    standing_demands,
    standing_emergencies,
    standing_levels,
    standing_lookouts,
    standing_neighbours,
    standing_searches,
    standing_steps,
)
from engine.core.deadline_keys import RULE_END, deadline_key
from engine.core.forgetting import forget
from engine.core.state import AlertRecord, Decided, Demand, Doing, Mail, Mailbox, StandingRule, State
from engine.core.under_stations import ASSIGN, demands_of, give_back, take, watch_naming
from engine.model import events as e
from engine.model.demand_events import DemandDropped, DemandRaised, DemandUnmet, PlanApplied, PlanRequested, Recommended
from engine.model.emergency_events import EmergencyEnded, EmergencyRaised, EmergencyRepeated, WelfareSet
from engine.model.entities import Incident, Order, Overruling
from engine.model.ids import UnitId, number_of
from engine.model.lifecycle import (
    ENDED_INCIDENTS,
    HOLDING_ORDERS,
    INCIDENT,
    INCIDENT_STATE_UNDER,
    OPEN_ORDERS,
    UNIT_STATUS_UNDER,
    IncidentState,
    OrderState,
    UnitStatus,
)
from engine.model.photos import Photo, PhotoKept
from engine.model.step_events import DeadlineMissed, Escalated, StepDecided, StepPassedOn, StepRequested

_DECIDED = frozenset((OrderState.APPROVED, OrderState.CANCELLED, OrderState.REPLACED))
"""What a person decides about an order: who did is remembered, so that the second can be told."""
_GOES_ITSELF = frozenset((OrderState.EN_ROUTE, OrderState.ON_SCENE))
"""A station that says so itself has sent people who are nobody's unit: no name is waited for any more."""


def apply(state: State, event: e.Event) -> None:
    """Change ``state`` by one event, which must be the next one."""
    assert event.seq == state.seq + 1, (event.seq, state.seq)
    is_later = event.at > state.kept.at
    state.kept.seq = event.seq
    state.kept.at = event.at
    _APPLY[type(event.body)](state, event, event.body)
    if is_later:  # what is old at an instant was forgotten with its first event
        forget(state, event.at)


def _configured(state: State, event: e.Event, body: e.Configured) -> None:
    kept = state.kept
    kept.digest = body.digest
    kept.units = {unit.id: unit for unit in body.units}
    kept.stations = {station.id: station for station in body.stations}
    for unit in body.units:
        default = UnitStatus.AVAILABLE if unit.on_duty else UnitStatus.OFF_DUTY
        kept.unit_status.setdefault(unit.id, default)
    state.freed = True


def _alert_received(state: State, event: e.Event, body: e.AlertReceived) -> None:
    _count(state, "alert", body.alert)
    state.kept.alerts[alert_key(body.source, body.source_ref)] = AlertRecord(
        body.alert, body.incident, event.seq, event.at
    )
    if event.personal is not None:
        state.details[body.alert] = event.personal


def _incident_opened(state: State, event: e.Event, body: e.IncidentOpened) -> None:
    _count(state, "incident", body.incident)
    state.kept.incident_clocks[body.incident] = body.clocks_ms
    incident = state.incidents[body.incident] = Incident(
        id=body.incident,
        type=body.type,
        level=body.level,
        lon=body.lon,
        lat=body.lat,
        opened_at=event.at,
        first_alert_at=body.first_alert_at,
        approval=body.approval,
        alerts=(body.alert,),
        state=IncidentState.TRIAGED,
        facts=body.facts,
        exercise=body.exercise,
        lookout=body.lookout,
    )
    standing_lookouts.pursued(state, incident)
    clockwork.run_incident_clocks(state, event.at, incident)


def _incident_advanced(state: State, event: e.Event, body: e.IncidentAdvanced) -> None:
    _advance_incident(state, event.at, state.incidents[body.incident], body.to)


def _order_proposed(state: State, event: e.Event, body: e.OrderProposed) -> None:
    order = body.order
    _count(state, "order", order.id)
    state.orders[order.id] = order
    state.kept.order_demand[order.id] = body.demand
    if body.people:
        state.kept.order_people[order.id] = body.people, body.sworn
    if body.post is not None:
        state.order_posts[order.id] = body.post
    if body.looks:
        state.order_looks[order.id] = body.looks
    else:
        standing_searches.changed(state, order.incident)
    # The journal sorts the keys of mappings: so do we, or deadlines of one instant would replay in another order.
    state.kept.order_clocks[order.id] = dict(sorted(body.clocks_ms.items()))
    if order.recipient_kind == "station":
        take(state, order, body.demands or (body.demand,))
    else:
        for name in body.demands or (body.demand,):
            _change(state, state.demands[name], order=order.id, plan=None, unmet=False)
        watch_naming(state, order.under)
    incident = state.incidents[order.incident]
    state.incidents[incident.id] = msgspec.structs.replace(incident, orders=(*incident.orders, order.id))


def _order_advanced(state: State, event: e.Event, body: e.OrderAdvanced) -> None:
    if body.key:
        state.kept.keys[body.key] = event.at
    if body.to is OrderState.ACCEPTED and body.order in state.order_posts:
        state.kept.calls_taken[body.order] = event.at
    if body.to in _DECIDED:
        state.kept.decided[body.order] = Decided(body.to, event.actor, event.at)
    by_desk = body.to is OrderState.REPLACED and body.via == "desk"
    _advance_order(state, event.at, state.orders[body.order], body.to, by_desk=by_desk)
    if body.via != "core" and body.to in _GOES_ITSELF and state.orders[body.order].recipient_kind == "station":
        clockwork.end_clock(state, deadline_key(body.order, ASSIGN))
    if body.to is OrderState.REPORTED:
        clockwork.heard(state, event.at, state.orders[body.order], "report")


def _overruled(state: State, event: e.Event, body: e.Overruled) -> None:
    state.kept.keys[body.key] = event.at
    overruling = Overruling(
        order=body.order,
        instead=body.instead,
        recipient=state.orders[body.instead].recipient,
        left=state.orders[body.order].recipient,
        by=event.actor,
        at=event.at,
        why=body.why,
        seq=event.seq,
        despite=body.despite,
    )
    state.overruled[body.order] = state.overruled[body.instead] = overruling
    if event.personal is not None:
        state.words[body.instead] = event.personal.text


def _scene_heard(state: State, event: e.Event, body: e.SceneHeard) -> None:
    state.kept.keys[body.key] = event.at
    clockwork.heard(state, event.at, state.orders[body.order], body.what)


def _keyed(state: State, event: e.Event, body: e.UnitsNamed | e.HelpAsked | e.ReturnAsked) -> None:
    """Remember that it was said; what comes of it are events of their own."""
    state.kept.keys[body.key] = event.at


def _mailed(state: State, event: e.Event, body: e.Mailed) -> None:
    box = state.mailboxes.setdefault(body.recipient, Mailbox())
    assert body.mail_seq == box.last_seq + 1, (body.recipient, body.mail_seq, box.last_seq)
    box.last_seq = body.mail_seq
    box.items.append(Mail(body, event.at))
    if body.code in standing_neighbours.CODES:
        standing_neighbours.mailed(state, body)
    if body.code == "broadcast":
        standing_broadcasts.mailed(state, event.at, body)
    # What is mailed again was amended: it stands where it stood.
    if body.item == "order" and body.order is not None and state.orders[body.order].state is OrderState.APPROVED:
        _advance_order(state, event.at, state.orders[body.order], OrderState.SENT)


def _mail_acknowledged(state: State, event: e.Event, body: e.MailAcknowledged) -> None:
    box = state.mailboxes.setdefault(body.recipient, Mailbox())
    for mailed in box.after(box.delivered_seq):
        order = state.orders.get(mailed.order) if mailed.item == "order" and mailed.order else None
        if mailed.mail_seq <= body.mail_seq and order is not None and order.state is OrderState.SENT:
            _advance_order(state, event.at, order, OrderState.DELIVERED)
    box.devices[body.device] = body.mail_seq
    box.delivered_seq = max(box.delivered_seq, body.mail_seq)


def _unit_advanced(state: State, event: e.Event, body: e.UnitAdvanced) -> None:
    state.kept.keys[body.key] = event.at
    state.unit_status[body.unit] = body.to
    state.kept.doing[body.unit] = Doing(
        by=event.actor,
        since=event.at if body.said_at is None else body.said_at,
        reason=body.reason,
        via=body.via,
        recorded_at=None if body.said_at is None else event.at,
    )
    state.freed |= body.to is UnitStatus.AVAILABLE


def _photo_kept(state: State, event: e.Event, body: PhotoKept) -> None:
    photo = Photo(body.sha256, body.size, body.media, event.actor, event.at)
    state.kept.photos.setdefault(body.order, []).append(photo)


def _welfare_set(state: State, event: e.Event, body: WelfareSet) -> None:
    state.kept.keys[body.key] = event.at
    clockwork.set_welfare(state, event.at, state.orders[body.order], body.every_ms)


def _plan_requested(state: State, event: e.Event, body: PlanRequested) -> None:
    _count(state, "plan", body.plan)
    for demand in body.demands:
        _change(state, state.demands[demand], plan=body.plan)


def _plan_applied(state: State, event: e.Event, body: PlanApplied) -> None:
    for demand in (*body.held, *body.outdated):
        if demand in state.demands:
            _change(state, state.demands[demand], plan=None)


def _speed_rule_set(state: State, event: e.Event, body: e.SpeedRuleSet) -> None:
    _count(state, "rule", body.id)
    state.kept.keys[body.key] = event.at
    state.speed_rules[body.id] = StandingRule(body.rule, body.key, event.actor, event.at)
    if body.rule.until is not None:
        state.deadlines.set(deadline_key(body.id, RULE_END), body.rule.until)


def _speed_rule_lifted(state: State, event: e.Event, body: e.SpeedRuleLifted) -> None:
    del state.speed_rules[body.id]
    state.deadlines.clear(deadline_key(body.id, RULE_END))


def _clock_departed(state: State, event: e.Event, body: e.ClockDeparted) -> None:
    state.kept.departed_ms = body.wall_at - event.at


def _details_read(state: State, event: e.Event, body: e.DetailsRead) -> None:
    """Change nothing: who has read what is asked of the journal."""


_APPLY: dict[type, Callable[[State, e.Event, Any], None]] = {
    e.Configured: _configured,
    e.ShiftChanged: manning.shift_changed,
    e.AlertReceived: _alert_received,
    e.IncidentOpened: _incident_opened,
    e.IncidentAdvanced: _incident_advanced,
    e.FactsStated: standing_levels.facts_stated,
    e.LevelChanged: standing_levels.level_changed,
    DemandRaised: standing_demands.raised,
    DemandUnmet: standing_demands.unmet,
    DemandDropped: standing_demands.dropped,
    Recommended: standing_demands.recommended,
    e.OrderProposed: _order_proposed,
    e.OrderAdvanced: _order_advanced,
    e.UnitsNamed: _keyed,
    e.Overruled: _overruled,
    e.HelpAsked: _keyed,
    e.ReturnAsked: _keyed,
    e.Mailed: _mailed,
    e.MailAcknowledged: _mail_acknowledged,
    e.UnitAdvanced: _unit_advanced,
    WelfareSet: _welfare_set,
    PhotoKept: _photo_kept,
    EmergencyRaised: standing_emergencies.raised,
    EmergencyRepeated: standing_emergencies.repeated,
    EmergencyEnded: standing_emergencies.ended,
    PlanRequested: _plan_requested,
    PlanApplied: _plan_applied,
    DeadlineMissed: clockwork.missed,
    Escalated: clockwork.escalated,
    e.SceneHeard: _scene_heard,
    StepRequested: standing_steps.requested,
    StepPassedOn: standing_steps.passed_on,
    StepDecided: standing_steps.decided,
    e.SpeedRuleSet: _speed_rule_set,
    e.SpeedRuleLifted: _speed_rule_lifted,
    e.ClockDeparted: _clock_departed,
    **standing_broadcasts.APPLY,
    **standing_lookouts.APPLY,
    **standing_searches.APPLY,
    e.DetailsRead: _details_read,
}


def alert_key(source: str, source_ref: str) -> str:
    """Spell the idempotency key of an alert."""
    return f"{source}\n{source_ref}"


def _count(state: State, kind: str, minted: str) -> None:
    state.kept.counts[kind] = number_of(minted)


def _change(state: State, demand: Demand, **fields: object) -> None:
    state.demands[demand.id] = msgspec.structs.replace(demand, **fields)


def _advance_order(state: State, at: int, order: Order, to: OrderState, *, by_desk: bool = False) -> None:
    """Move an order, and with it its clocks, its unit's claim, its incident and its demand."""
    was = order.state
    order = msgspec.structs.replace(order, state=to)
    state.orders[order.id] = order
    if was is OrderState.PROPOSED or to not in OPEN_ORDERS:
        standing_steps.withdraw(state, order.incident, at, order.id)
    clockwork.run_order_clocks(state, at, order, was)
    if order.recipient_kind == "unit":
        _claim(state, order)
    incident = state.incidents[order.incident]
    further = INCIDENT_STATE_UNDER.get(to)
    if further is not None and further in INCIDENT[incident.state]:
        _advance_incident(state, at, incident, further)
    if to not in OPEN_ORDERS:
        standing_searches.changed(state, order.incident)
        _release_demand(state, order, at, by_desk=by_desk)


def _claim(state: State, order: Order) -> None:
    unit = UnitId(order.recipient)
    if order.state in HOLDING_ORDERS:
        state.claims[unit] = order.id
        state.unit_status[unit] = UNIT_STATUS_UNDER[order.state]
        state.kept.doing.pop(unit, None)
    elif state.claims.get(unit) == order.id:
        del state.claims[unit]
        state.unit_status[unit] = UnitStatus.AVAILABLE
        manning.order_ended(state, unit)
        state.freed = True


def _release_demand(state: State, order: Order, at: int, *, by_desk: bool) -> None:
    """Let a demand wait again whose order ended without having been done.

    It never goes to the same recipient again, unless that one was only replaced, and not by a person.
    """
    if order.state is OrderState.CLEARED:
        return
    never_again = by_desk or order.state is not OrderState.REPLACED
    if order.recipient_kind == "station":
        give_back(state, order, never_again=never_again)
        return
    for demand in demands_of(state, order):
        by = demand.refused_by
        if never_again:
            by = (*by, UnitId(order.recipient))
        _change(state, demand, order=None, refused_by=by)
        watch_naming(state, demand.station, at)
        state.freed = True


def _advance_incident(state: State, at: int, incident: Incident, to: IncidentState) -> None:
    incident = state.incidents[incident.id] = msgspec.structs.replace(incident, state=to)
    clockwork.run_incident_clocks(state, at, incident)
    if to in ENDED_INCIDENTS:
        state.ended.append((at, incident.id))
        standing_lookouts.given_up(state, incident)
        standing_neighbours.given_up(state, incident)
        standing_searches.over(state, incident.id)
        standing_steps.withdraw(state, incident.id, at)
