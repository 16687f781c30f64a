"""From an alert to an incident with its demands: what is checked at the edge, and what the run card adds."""

from engine.core.apply import alert_key
from engine.core.at_scene import take_on
from engine.core.checked_place import check_place
from engine.core.clock_lengths import incident_clocks_ms
from engine.core.draft import Draft
from engine.core.orders import free
from engine.core.state import AlertRecord
from engine.core.steps import ask_leave
from engine.core.telling import tell_opened
from engine.core.uncertain_places import check_places, open_search
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import EndIncident, ReportAlert
from engine.model.demand_events import DemandDropped, DemandRaised
from engine.model.entities import Alert, Dispatch, Incident, Need
from engine.model.errors import Refusal
from engine.model.ids import AlertId, DemandId, IncidentId, LookoutId, UnitId
from engine.model.lifecycle import INCIDENT, OPEN_ORDERS, IncidentState, OrderState
from engine.model.limits import (
    LEVELS,
    LONGEST_ADDRESS,
    LONGEST_ID,
    LONGEST_TEXT,
    MOST_EITHER,
    MOST_EQUIPMENT,
    MOST_FACTS,
    MOST_NEEDS,
    MOST_PEOPLE,
    MOST_UNITS_OF_NEED,
)

_LONGEST_DETAILS = {
    "text": LONGEST_TEXT,
    "caller": LONGEST_ID,
    "phone": LONGEST_ID,
    "address": LONGEST_ADDRESS,
}


def known_alert(world: World, alert: Alert) -> AlertRecord | None:
    """Return what this alert became when it was reported before."""
    return world.state.kept.alerts.get(alert_key(alert.source, alert.source_ref))


def report_alert(world: World, draft: Draft, command: ReportAlert) -> None:
    """Open an incident for an alert, triaged by its run card, with a demand for each unit it calls for."""
    alert = command.alert
    if known_alert(world, alert) is not None:
        return
    _check(world, alert, draft.now)
    incident, _ = open_incident(world, draft, alert)
    if command.on_scene is not None and free(world, command.on_scene):
        take_on(world, draft, incident, command.on_scene, alert.at)


def open_incident(
    world: World,
    draft: Draft,
    alert: Alert,
    but: tuple[UnitId, ...] = (),
    *,
    lookout: LookoutId | None = None,
) -> tuple[IncidentId, AlertId]:
    """Open an incident for an alert that was checked; one of a type without a card sends nobody by itself.

    Nobody of ``but`` is sent. The pursuit of a ``lookout`` is sent by rule, to units: whoever verified the sighting has
    given the leave that its run card wants.
    """
    card = world.city.run_cards.cards.get(alert.type)
    level = (alert.level or LEVELS[0]) if card is None else card.raised_to(alert.facts, alert.level)
    response = None if card is None else card.at(level, world.city.calendar.period_at(alert.at))
    needs = alert.needs or (() if alert.needs is not None or response is None else world.city.needs(response))
    by_rule = lookout is not None or (response is not None and response.approval == "by_rule")
    incident, alert_id = IncidentId(draft.mint("incident")), AlertId(draft.mint("alert"))
    draft.emit(
        e.AlertReceived(
            alert=alert_id,
            incident=incident,
            source=alert.source,
            source_ref=alert.source_ref,
            type=alert.type,
            lon=alert.lon,
            lat=alert.lat,
            reported_at=alert.at,
            exercise=alert.exercise,
        ),
        personal=alert.details,
    )
    draft.emit(
        e.IncidentOpened(
            incident=incident,
            alert=alert_id,
            type=alert.type,
            level=level,
            lon=alert.lon,
            lat=alert.lat,
            first_alert_at=alert.at,
            needs=needs,
            approval="by_rule" if by_rule else "by_person",
            exercise=alert.exercise,
            facts=tuple(dict.fromkeys(alert.facts)),
            clocks_ms=incident_clocks_ms(world.city, alert.type, level, alert.lon, alert.lat, sends=bool(needs)),
            lookout=lookout,
        )
    )
    if alert.places:
        open_search(world, draft, incident, alert_id, alert.places)
    dispatch: Dispatch = "units" if response is None or lookout is not None else response.dispatch
    raise_demands(draft, incident, level, dispatch, needs, but, () if response is None else response.prefer)
    tell_opened(world, draft, world.state.incidents[incident])
    return incident, alert_id


def raise_demands(
    draft: Draft,
    incident: IncidentId,
    level: int,
    dispatch: Dispatch,
    needs: tuple[Need, ...],
    but: tuple[UnitId, ...] = (),
    prefer: tuple[str, ...] = (),
) -> None:
    """Let each unit that is needed be wanted: nobody of ``but``, and of each need rather one with any of ``prefer``."""
    known = (max(demand.need, demand.one_team) for demand in draft.state.demands.of_incident(incident))
    for place, need in enumerate(needs, 1 + max(known, default=0)):
        for number in range(need.count):
            draft.emit(
                DemandRaised(
                    demand=DemandId(draft.mint("demand")),
                    incident=incident,
                    capability=need.capability,
                    level=level,
                    dispatch=dispatch,
                    either=need.either,
                    together=need.together,
                    rank="" if number else need.rank,  # one of them leads
                    equipment=need.equipment,
                    one_team=place if need.one_team else 0,
                    need=place if need.people or need.sworn else 0,
                    people=need.people,
                    sworn=need.sworn,
                    prefer=() if number else prefer,  # one of them is enough
                    but=but,
                )
            )


def end_incident(world: World, draft: Draft, command: EndIncident) -> None:
    """End an incident by the desk's word: what is open of it is withdrawn, what waits is dropped."""
    incident = world.state.incidents.get(command.incident)
    if incident is None:
        raise Refusal("unknown_incident", "incident", command.incident, "an incident that is kept")
    to = IncidentState(command.state)
    if to not in INCIDENT[incident.state]:
        allowed = ", ".join(sorted(INCIDENT[incident.state])) or "nothing"
        raise Refusal("wrong_state", "state", command.state, f"after {incident.state}: {allowed}")
    if to is IncidentState.CLOSED:
        values = {"reason": command.reason}
        if not ask_leave(world, draft, "close", incident.id, acting_as=command.acting_as, values=values):
            return
    finish_incident(world, draft, incident, to, command.reason)


def finish_incident(world: World, draft: Draft, incident: Incident, to: IncidentState, reason: str) -> None:
    """Withdraw what is open of an incident, drop what waits, and let it end."""
    for demand in world.state.demands.of_incident(incident.id):
        draft.emit(DemandDropped(demand=demand.id, reason=reason or to))
    for order_id in incident.orders:
        order = world.state.orders[order_id]
        if order.state in OPEN_ORDERS:
            draft.withdraw(order, OrderState.CANCELLED, reason or to)
    draft.emit(e.IncidentAdvanced(incident=incident.id, to=to, reason=reason))


def resolve_if_done(world: World, draft: Draft, incident_id: IncidentId) -> None:
    """Resolve an incident of which nothing is open any more; close it where the policy lets it close by itself."""
    incident = world.state.incidents[incident_id]
    if any(world.state.orders[order].state in OPEN_ORDERS for order in incident.orders):
        return
    if world.state.demands.of_incident(incident_id):
        return
    if IncidentState.RESOLVED not in INCIDENT[incident.state]:
        return
    search = world.state.searches.get(incident_id)
    if search is not None and search.state != "found":  # nobody was found: a person says what is to be done
        if search.state == "open":
            draft.tell_desk("search_unattended", incident=incident_id)
        return
    draft.emit(e.IncidentAdvanced(incident=incident_id, to=IncidentState.RESOLVED))
    if world.city.policies.close == "by_rule":
        body = e.IncidentAdvanced(incident=incident_id, to=IncidentState.CLOSED, reason="by_rule")
        draft.emit(body, actor="policy:close")


def _check(world: World, alert: Alert, now: int) -> None:
    policies = world.city.policies
    for name in ("source", "source_ref"):
        value = getattr(alert, name)
        if not 0 < len(value) <= LONGEST_ID or "\n" in value:
            raise Refusal("wrong_length", name, value, f"one line of 1 to {LONGEST_ID} characters")
    if alert.type not in world.city.run_cards.cards:
        known = ", ".join(sorted(world.city.run_cards.cards))
        raise Refusal("unknown_type", "type", alert.type, f"a run card of this city: {known}")
    if alert.level is not None and alert.level not in LEVELS:
        raise Refusal("out_of_range", "level", alert.level, f"{LEVELS[0]} to {LEVELS[-1]}")
    for name, most in _LONGEST_DETAILS.items():
        value = getattr(alert.details, name)
        if len(value) > most:
            raise Refusal("too_long", f"details.{name}", value, f"{most} characters")
    check_place(world, alert.lon, alert.lat)
    if alert.at > now + policies.alert_ahead_ms:
        raise Refusal("clock_ahead", "at", alert.at, f"at most {policies.alert_ahead_ms} ms ahead of {now}")
    if alert.at < now - policies.alert_age_ms:
        raise Refusal("too_old", "at", alert.at, f"at most {policies.alert_age_ms} ms before {now}")
    _check_needs(world, alert.needs)
    check_facts(world, alert.facts, "facts")
    check_places(world, alert)


def check_facts(world: World, facts: tuple[str, ...], field: str) -> None:
    """Refuse facts that no run card knows, or too many of them."""
    if len(facts) > MOST_FACTS:
        raise Refusal("too_many", field, len(facts), MOST_FACTS)
    for fact in facts:
        if fact not in world.city.run_cards.words.facts:
            raise Refusal("unknown_fact", field, fact, ", ".join(sorted(world.city.run_cards.words.facts)))


def _check_brought(world: World, need: Need, field: str) -> None:
    """Refuse what no table has room for: too many ids, and ids that no run card knows."""
    words = world.city.run_cards.words
    for name, ids, most in (("either", need.either, MOST_EITHER - 1), ("equipment", need.equipment, MOST_EQUIPMENT)):
        if len(ids) > most:
            raise Refusal("too_many", f"{field}.{name}", len(ids), most)
    for equipment in need.equipment:
        if equipment not in words.equipment:
            raise Refusal("unknown_equipment", f"{field}.equipment", equipment, ", ".join(words.equipment))
    if need.rank and need.rank not in words.ranks:
        raise Refusal("unknown_rank", f"{field}.rank", need.rank, ", ".join(words.ranks))


def _check_needs(world: World, needs: tuple[Need, ...] | None) -> None:
    if needs is None:
        return
    if len(needs) > MOST_NEEDS:
        raise Refusal("too_many", "needs", len(needs), MOST_NEEDS)
    for number, need in enumerate(needs):
        if not {need.capability, *need.either} <= world.city.run_cards.capabilities.keys():
            known = ", ".join(world.city.run_cards.capabilities)
            raise Refusal("unknown_capability", f"needs[{number}].capability", need.capability, known)
        _check_brought(world, need, f"needs[{number}]")
        asks_of_crews = need.rank or need.people or need.sworn
        if asks_of_crews and world.city.roster is None:
            said = f"{need.rank} {need.people} {need.sworn}"
            raise Refusal(
                "no_roster", f"needs[{number}]", said, "neither rank, people nor sworn: nobody knows of crews"
            )
        if not 0 <= need.sworn <= need.people <= MOST_PEOPLE:
            limit = f"0 to {MOST_PEOPLE}, sworn at most people"
            raise Refusal("out_of_range", f"needs[{number}].people", f"{need.people}, {need.sworn}", limit)
        if not 1 <= need.count <= MOST_UNITS_OF_NEED:
            raise Refusal("out_of_range", f"needs[{number}].count", need.count, f"1 to {MOST_UNITS_OF_NEED}")
