"""What events do to lookouts and sightings: asked for, extended, ended; reported, verified, and strung into tracks.

The part of `apply` that is about them. Who a lookout is about stands beside the state and goes when the lookout ends;
the journal's key of it stays until it is erased there.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.core.deadline_keys import UNTIL, VERIFY, deadline_key
from engine.core.state import State
from engine.model import events as e
from engine.model import lookout_events as le
from engine.model.entities import Details, Incident, Order
from engine.model.ids import LookoutId, number_of
from engine.model.limits import MOST_TRACK
from engine.model.lookouts import HeldFor, Lookout, Sighting, Task
from engine.model.pursuits import Pursuit

_HELD_AFTER: Mapping[str, HeldFor] = {"lifted": "lookout_lifted", "expired": "lookout_expired"}


def task_of(state: State, order: Order) -> Task:
    """Return what a recipient is to do at the place of its order: its post or its look, else what the lookout says."""
    if order.id in state.order_posts:
        return state.order_posts[order.id].duty
    if order.id in state.order_looks:
        return "look"
    incident = state.incidents.get(order.incident)
    lookout = state.lookouts.get(incident.lookout) if incident is not None and incident.lookout is not None else None
    if lookout is None or lookout.terms.list_class == "inform":
        return "attend"
    return lookout.terms.list_class


def pursued(state: State, incident: Incident) -> None:
    """Note that somebody is after the subject of a lookout."""
    if incident.lookout in state.lookouts:
        state.pursuits[incident.id] = Pursuit()
        _change(state, state.lookouts[incident.lookout], incident=incident.id)


def given_up(state: State, incident: Incident) -> None:
    """Note that nobody is after the subject any more: the incident has ended."""
    state.pursuits.pop(incident.id, None)
    its = state.lookouts.get(incident.lookout) if incident.lookout is not None else None
    if its is not None and its.incident == incident.id:
        _change(state, its, incident=None)


def forget(state: State, at: int, retain_ms: int, retain_lookouts_ms: int) -> None:
    """Drop sightings of long ago, and lookouts that ended long ago. Both stand in the order they came in."""
    while state.sightings:
        oldest = next(iter(state.sightings.values()))
        if oldest.reported_at >= at - retain_ms:
            break
        state.deadlines.clear(deadline_key(oldest.id, VERIFY))
        _leave_track(state, oldest)
        del state.sightings[oldest.id]
        state.said_of_sightings.pop(oldest.id, None)
    ended = state.kept.ended_lookouts
    while ended and ended[0][0] < at - retain_lookouts_ms:
        del state.lookouts[ended.pop(0)[1]]


def _issued(state: State, event: e.Event, body: le.LookoutIssued) -> None:
    state.kept.counts["lookout"] = number_of(body.id)
    state.kept.keys[body.key] = event.at
    state.lookouts[body.id] = Lookout(
        id=body.id,
        terms=body.terms,
        state="proposed" if body.waits else "active",
        key=body.key,
        seq=event.seq,
        asked_by=event.actor,
        issued_at=event.at,
    )
    if event.personal is not None:
        state.subjects[body.id] = event.personal
    state.deadlines.set(deadline_key(body.id, UNTIL), body.terms.until)


def _approved(state: State, event: e.Event, body: le.LookoutApproved) -> None:
    _change(state, state.lookouts[body.id], state="active", approved_by=event.actor, approved_at=event.at)


def _extended(state: State, _: e.Event, body: le.LookoutExtended) -> None:
    its = state.lookouts[body.id]
    _change(state, its, terms=msgspec.structs.replace(its.terms, until=body.until))
    state.deadlines.set(deadline_key(body.id, UNTIL), body.until)


def _ended(state: State, event: e.Event, body: le.LookoutEnded) -> None:
    ended = {"ended_by": event.actor, "ended_at": event.at, "ended_reason": body.reason}
    _change(state, state.lookouts[body.id], state=body.why, incident=None, **ended)
    state.kept.ended_lookouts.append((event.at, body.id))
    state.subjects.pop(body.id, None)
    state.deadlines.clear(deadline_key(body.id, UNTIL))
    for sighting in [its for its in state.sightings.values() if its.lookout == body.id]:
        state.said_of_sightings.pop(sighting.id, None)
        if sighting.state == "waiting":
            _settle(state, sighting, state="held", held_for=_HELD_AFTER[body.why])


def _reported(state: State, event: e.Event, body: le.SightingReported) -> None:
    state.kept.counts["sighting"] = number_of(body.id)
    state.kept.keys[sighting_key(body.source, body.source_ref)] = event.at
    same = {name: getattr(body, name) for name in body.__struct_fields__ if name != "seen_at"}
    sighting = Sighting(
        at=body.seen_at,
        reported_at=event.at,
        state="held" if body.held_for else "merged" if body.merged_into else "waiting",
        seq=event.seq,
        **same,
    )
    state.sightings[sighting.id] = sighting
    if event.personal is not None:
        state.said_of_sightings[sighting.id] = event.personal
    if sighting.state == "waiting":
        _await(state, sighting, event.at)


def _released(state: State, event: e.Event, body: le.SightingReleased) -> None:
    if body.key:
        state.kept.keys[body.key] = event.at
    its = state.sightings[body.id]
    changed = {"lookout": body.lookout, "line": body.line, "at": body.seen_at, "asked": 0}
    its = state.sightings[its.id] = msgspec.structs.replace(its, state="waiting", **changed)
    _await(state, its, event.at)


def _rejected(state: State, event: e.Event, body: le.SightingRejected) -> None:
    if body.key:
        state.kept.keys[body.key] = event.at
    _settle(state, state.sightings[body.id], state="rejected", decided_by=event.actor, decided_at=event.at)


def _passed_on(state: State, event: e.Event, body: le.SightingPassedOn) -> None:
    its = state.sightings[body.id]
    its = state.sightings[its.id] = msgspec.structs.replace(its, asked=its.asked + 1)
    _await(state, its, event.at)


def _verified(state: State, event: e.Event, body: le.SightingVerified) -> None:
    if body.key:
        state.kept.keys[body.key] = event.at
    decided = {"decided_by": event.actor, "decided_as": body.acting_as, "decided_at": event.at}
    its = _settle(state, state.sightings[body.id], state=body.verdict, **decided)
    if body.verdict == "true":
        _enter_track(state, its)
    else:
        _leave_track(state, its)


def _pursuit_moved(state: State, _: e.Event, body: le.PursuitMoved) -> None:
    incident = state.incidents[body.incident]
    state.incidents[incident.id] = msgspec.structs.replace(incident, lon=body.lon, lat=body.lat)


def _order_amended(state: State, event: e.Event, body: le.OrderAmended) -> None:
    order = state.orders[body.order]
    # An order's ETA is counted from when it was proposed, amended or not.
    eta_ms = None if body.eta_ms is None else event.at - order.proposed_at + body.eta_ms
    state.orders[order.id] = msgspec.structs.replace(
        order, version=body.version, lon=body.lon, lat=body.lat, eta_ms=eta_ms, route=body.route
    )
    if body.post is not None:
        state.order_posts[order.id] = body.post
    else:
        state.order_posts.pop(order.id, None)


def _containment_requested(state: State, _: e.Event, body: le.ContainmentRequested) -> None:
    state.kept.counts["plan"] = number_of(body.plan)
    its = state.pursuits[body.incident]
    tries = its.tries + 1 if its.sighting == body.sighting else 1
    state.pursuits[body.incident] = msgspec.structs.replace(
        its, sighting=body.sighting, stage=body.stage, plan=body.plan, tries=tries
    )


def _containment_planned(state: State, _: e.Event, body: le.ContainmentPlanned) -> None:
    its = state.pursuits[body.incident]
    proposal = body.proposal if body.outcome == "held" else its.proposal
    state.pursuits[body.incident] = msgspec.structs.replace(its, plan=None, proposal=proposal)


APPLY: Mapping[type, Callable[[State, e.Event, Any], None]] = {
    le.LookoutIssued: _issued,
    le.LookoutApproved: _approved,
    le.LookoutExtended: _extended,
    le.LookoutEnded: _ended,
    le.SightingReported: _reported,
    le.SightingReleased: _released,
    le.SightingRejected: _rejected,
    le.SightingPassedOn: _passed_on,
    le.SightingVerified: _verified,
    le.PursuitMoved: _pursuit_moved,
    le.OrderAmended: _order_amended,
    le.ContainmentRequested: _containment_requested,
    le.ContainmentPlanned: _containment_planned,
}


def sighting_key(source: str, source_ref: str) -> str:
    """Spell the idempotency key of a sighting."""
    return f"sighting\n{source}\n{source_ref}"


def recalled(state: State, read: Callable[[int], Details | None]) -> None:
    """Take up again what a snapshot does not hold; ``read`` gives the personal part of an event by its number."""
    for lookout in state.lookouts.values():
        if lookout.ended_at is None and (subject := read(lookout.seq)) is not None:
            state.subjects.setdefault(lookout.id, subject)
    for sighting in state.sightings.values():
        holds = sighting.lookout is None or state.lookouts[sighting.lookout].ended_at is None
        if holds and (said := read(sighting.seq)) is not None:
            state.said_of_sightings.setdefault(sighting.id, said)


def _change(state: State, lookout: Lookout, /, **fields: object) -> None:
    state.lookouts[lookout.id] = msgspec.structs.replace(lookout, **fields)


def _settle(state: State, sighting: Sighting, /, **fields: object) -> Sighting:
    """Change a sighting that nobody is asked about any more."""
    state.deadlines.clear(deadline_key(sighting.id, VERIFY))
    its = state.sightings[sighting.id] = msgspec.structs.replace(sighting, **fields)
    return its


def _await(state: State, sighting: Sighting, at: int) -> None:
    """Let the next in line be asked when who is asked now does not answer in time."""
    line, key = sighting.line, deadline_key(sighting.id, VERIFY)
    timeout_ms = line[sighting.asked].timeout_ms if line else None
    if timeout_ms is not None and sighting.asked + 1 < len(line):
        state.deadlines.set(key, at + timeout_ms)
    else:
        state.deadlines.clear(key)


def _enter_track(state: State, sighting: Sighting) -> None:
    assert sighting.lookout is not None
    its = state.lookouts[sighting.lookout]
    every = {*its.track, sighting.id}
    track = sorted(every, key=lambda name: (state.sightings[name].at, number_of(name)))
    _change(state, its, track=tuple(track[-MOST_TRACK:]))


def _leave_track(state: State, sighting: Sighting) -> None:
    its = state.lookouts.get(LookoutId(sighting.lookout or ""))
    if its is not None and sighting.id in its.track:
        _change(state, its, track=tuple(name for name in its.track if name != sighting.id))
