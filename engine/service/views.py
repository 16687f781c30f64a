"""From the engine's state to what HTTP gives: each function builds one body, and none changes anything."""

import re
from collections.abc import Sequence
from typing import Literal

from engine.core.batch import Reply
from engine.core.containing import is_sealed
from engine.core.engine import Engine
from engine.journal.envelope import Opened
from engine.model.commands import ReadDetails
from engine.model.entities import Details, Incident, Order
from engine.model.errors import Refusal
from engine.model.events import DetailsRead
from engine.model.ids import IncidentId, LookoutId, OrderId, SightingId, StepId, number_of
from engine.model.lifecycle import ENDED_INCIDENTS, OPEN_ORDERS
from engine.model.searches import SearchProposal
from engine.service.access_bodies import DetailsBody, ReadingBody
from engine.service.bodies import (
    AlertTaken,
    IncidentBody,
    IncidentList,
    OrderBody,
    OrderList,
    OverruledBody,
    PursuitBody,
    RecommendationBody,
    StepBody,
    WaitingBody,
)
from engine.service.order_views import is_confidential
from engine.service.route import Which, WhichOrders
from engine.texts.names import names_in
from engine.texts.reading import explain, overruled
from engine.wire.reports import PersonalDetails

_OF_STATE = ("overruled", "returning")
"""What an order's body tells besides the order itself."""
_MINTED = re.compile(r".*-[0-9]{1,18}")


def known_incident(engine: Engine, incident_id: str) -> Incident:
    """Return an incident that is kept, or refuse its id."""
    incident = engine.state.incidents.get(IncidentId(incident_id))
    if incident is None:
        raise Refusal("unknown_incident", "incident", incident_id, "an incident that is open or ended a while ago")
    return incident


def known_order(engine: Engine, order_id: str) -> Order:
    """Return an order that is kept, or refuse its id."""
    order = engine.state.orders.get(OrderId(order_id))
    if order is None:
        raise Refusal("unknown_order", "order", order_id, "an order of an incident that is kept")
    return order


def step_body(engine: Engine, step_id: str) -> StepBody:
    """Return a step that is kept, or refuse its id."""
    step = engine.state.steps.get(StepId(step_id))
    if step is None:
        raise Refusal("unknown_step", "step", step_id, "a step of an incident that is kept")
    return StepBody.of(step)


def office_asked(engine: Engine, step_id: str, offices: Sequence[str]) -> str:
    """Return which of a speaker's offices a step asks: the one that was asked last, else any in its line."""
    step = engine.state.steps.get(StepId(step_id))
    asked = [] if step is None else [step.line[step.asked].by, *(one.by for one in step.line)]
    return next((office for office in asked if office in offices), offices[0])


def order_body(engine: Engine, order: Order, language: str) -> OrderBody:
    """Return an order as the desk sees it; what was said besides of who was chosen is among the details."""
    same = {name: getattr(order, name) for name in OrderBody.__struct_fields__ if name not in _OF_STATE}
    same["returning"] = _returning(engine, order)
    its = engine.state.overruled.get(order.id)
    if its is None:
        return OrderBody(**same)
    return OrderBody(
        **same, overruled=OverruledBody(decided=its, said=tuple(overruled(its, "", language, engine.city.time_zone)))
    )


def _returning(engine: Engine, order: Order) -> Literal["asked", "sought"] | None:
    """Return how far an order is on its way back."""
    asked = (step for step in engine.state.steps_of(order.incident) if step.order == order.id and step.outcome is None)
    if any(step.step == "return_order" for step in asked):
        return "asked"
    twins = (engine.state.demands[name] for name in engine.state.kept.relieving)
    return "sought" if any(twin.returned == order.id for twin in twins) else None


def chosen_over(engine: Engine, order_id: OrderId) -> OrderId:
    """Return the order that a person chose over one."""
    its = engine.state.overruled.get(order_id)
    return order_id if its is None else its.instead


def order_list(engine: Engine, which: WhichOrders, limit: int, before: str | None, language: str) -> OrderList:
    """Return a page of orders, newest first.

    Raises
    ------
    Refusal
        ``out_of_range`` when ``before`` is no order's id.
    """
    last = _number(before)
    page: list[OrderBody] = []
    for order in reversed(engine.state.orders.values()):
        wanted = which == "all" or (order.state in OPEN_ORDERS if which == "open" else order.state == which)
        if not wanted or (last is not None and number_of(order.id) >= last):
            continue
        if len(page) == limit:
            return OrderList(orders=tuple(page), next=page[-1].id)
        page.append(order_body(engine, order, language))
    return OrderList(orders=tuple(page))


def _number(before: str | None) -> int | None:
    """Return the number behind a page's ``before``."""
    if before is not None and not _MINTED.fullmatch(before):
        raise Refusal("out_of_range", "before", before, "the `next` of the page before")
    return None if before is None else number_of(before)


def recommendations(engine: Engine, incident: IncidentId, language: str) -> tuple[RecommendationBody, ...]:
    """Return what was recommended for an incident, with the reasons in a language."""
    names, zone = names_in(engine.city.run_cards.vocabulary, language), engine.city.time_zone
    return tuple(
        RecommendationBody(said=tuple(explain(decided, language, zone, names).splitlines()), decided=decided)
        for decided in engine.recommendations(incident)
    )


def alert_taken(engine: Engine, reply: Reply, language: str) -> AlertTaken:
    """Return what became of an alert."""
    assert reply.alert is not None
    assert reply.incident is not None
    return AlertTaken(
        alert=reply.alert,
        incident=reply.incident,
        duplicate=reply.duplicate,
        # An alert that is sent again long after its incident has ended still names it, without its orders.
        orders=tuple(order_body(engine, engine.state.orders[order], language) for order in reply.orders),
        shortage=reply.shortage,
        waiting=reply.waiting,
        recommendations=recommendations(engine, reply.incident, language),
    )


def incident_body(engine: Engine, incident_id: str, language: str) -> IncidentBody:
    """Return an incident with all that hangs on it, but for what names people."""
    incident = known_incident(engine, incident_id)
    return IncidentBody(
        incident=incident,
        orders=tuple(order_body(engine, engine.state.orders[order], language) for order in incident.orders),
        waiting=tuple(
            WaitingBody(demand=demand.id, capability=demand.capability, unmet=demand.unmet)
            for demand in engine.state.demands.values()
            if demand.incident == incident.id and demand.order is None and demand.station is None
        ),
        recommendations=recommendations(engine, incident.id, language),
        steps=tuple(StepBody.of(step) for step in engine.state.steps_of(incident.id)),
        pursuit=_pursuit(engine, incident.id),
        search=_search(engine, incident.id),
        time_zone=engine.city.time_zone,
    )


def details_body(engine: Engine, reply: Reply, read: ReadDetails, *, with_caller: bool) -> DetailsBody:
    """Return what names people in what was read, once the record has that it is.

    Who called in confidence is named only to whom the run card lets.
    """
    state, words, said = engine.state, dict[str, str](), Details()
    match read.what:
        case "lookout":
            said = state.subjects.get(LookoutId(read.id), said)
        case "sighting":
            said = state.said_of_sightings.get(SightingId(read.id), said)
        case "incident":
            incident = known_incident(engine, read.id)
            said = engine.details(incident.id)
            if not with_caller and is_confidential(engine, incident.type):
                said = Details(text=said.text, address=said.address, label=said.label, places=said.places)
            words = {its.instead: words for its, words in engine.overrulings(incident.id) if words}
    return DetailsBody(
        details=PersonalDetails(said.text, said.caller, said.phone, said.address),
        label=said.label,
        places=said.places,
        words=words,
        reading=reply.events[0].seq,
    )


def reading_body(opened: Opened) -> ReadingBody:
    """Return one reading as the auditor sees it."""
    event, body = opened.event, opened.event.body
    assert isinstance(body, DetailsRead)
    return ReadingBody(
        reading=event.seq,
        at=event.at,
        actor=event.actor,
        role=body.role,
        what=body.what,
        id=body.id,
        reason=event.personal.text if event.personal is not None else "",
    )


def _search(engine: Engine, incident: IncidentId) -> SearchProposal | None:
    """Return who looks where in a search; None where the incident is none, or nothing is planned yet."""
    its = engine.state.searches.get(incident)
    return None if its is None or its.proposal is None else its.proposal.counted()


def _pursuit(engine: Engine, incident: IncidentId) -> PursuitBody | None:
    """Return where roads are held in a pursuit; None where the incident is none."""
    its = engine.state.pursuits.get(incident)
    if its is None:
        return None
    sealed = is_sealed(engine.state, incident, engine.clock.now())
    return PursuitBody(sighting=its.sighting, is_sealed=sealed, planning=its.plan is not None, proposal=its.proposal)


def incident_list(engine: Engine, which: Which, limit: int, before: str | None) -> IncidentList:
    """Return a page of incidents, newest first.

    Raises
    ------
    Refusal
        ``out_of_range`` when ``before`` is no incident's id.
    """
    last = _number(before)
    page: list[Incident] = []
    # Incidents are kept in the order in which they were opened.
    for incident in reversed(engine.state.incidents.values()):
        ended = incident.state in ENDED_INCIDENTS
        if (last is not None and number_of(incident.id) >= last) or (which != "all" and ended != (which == "ended")):
            continue
        if len(page) == limit:
            return IncidentList(incidents=tuple(page), next=page[-1].id)
        page.append(incident)
    return IncidentList(incidents=tuple(page))
