"""More for an incident: asked for by those who are at it, or sent by the desk. Nobody is taken back for it.

Backup is more of what the asker is; support is something else: a capability, which adds units; an office of the run
cards, which is told, or reached by telephone; equipment, which the desk sees to. Adding units is the step
``more_force``, which can want leave; at a level at which units go first, they go, and whose leave it would have been is
told.
"""

from collections.abc import Mapping

from engine.core.choosing import refuse_unless_fit, take_and_send
from engine.core.draft import Draft
from engine.core.orders import check_key, check_said, order_said, propose, reach, send_or_ask
from engine.core.steps import ask_leave, line_of, mailbox_of, pending
from engine.core.telling import recipient_and_code
from engine.core.under_stations import ASSIGNING
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import AddUnits, AskHelp
from engine.model.demand_events import DemandRaised
from engine.model.entities import Details, Incident, Order, Step
from engine.model.errors import Refusal
from engine.model.ids import DESK, DemandId, IncidentId, OrderId, RecipientId, UnitId
from engine.model.lifecycle import ENDED_INCIDENTS, OPEN_ORDERS
from engine.model.limits import MOST_ASKED
from engine.model.recommendation import Candidate

STEP = "more_force"


def ask_help(world: World, draft: Draft, command: AskHelp) -> None:
    """Take what a recipient asks for: units are sought for its incident, offices are told."""
    order = order_said(world, command)
    if order is None:
        return
    if order.state not in ASSIGNING:
        limit = f"an order that is accepted and not done with; it is {order.state}"
        raise Refusal("wrong_state", "order", order.id, limit)
    check_said(world, draft.now, command.said_at, words=command.words)
    wish = _wish(world, order, command)
    units = wish in world.city.run_cards.capabilities
    _check_count(command.count, units=units)
    if units:
        _check_leave(world, order.incident, order.id)
    said = e.HelpAsked(
        incident=order.incident,
        what=command.what,
        wanted=wish,
        count=command.count,
        key=command.key,
        order=order.id,
        via=command.via,
        said_at=command.said_at,
    )
    draft.emit(said, personal=Details(text=command.words) if command.words else None)
    values = {"recipient": order.recipient, "wanted": wish, "count": str(command.count)}
    above = world.state.orders.get(order.under) if order.under is not None else None
    for recipient in dict.fromkeys((DESK, above.recipient if above is not None else DESK)):
        draft.notify(recipient, "help_asked", order=order.id, incident=order.incident, **values)
    if units:
        _more(world, draft, order.incident, {"wanted": wish, "count": str(command.count)}, order=order.id)
    elif wish in world.city.run_cards.words.told:
        incident = world.state.incidents[order.incident]
        told, code = recipient_and_code(world, incident, wish, "support_wanted")
        by_phone = {"who": wish, "type": incident.type, "level": str(incident.level)}
        draft.notify(told, code, order=order.id, incident=order.incident, **values, **by_phone)


def _wish(world: World, order: Order, command: AskHelp) -> str:
    """Return what is asked for, by an id of the run cards."""
    if command.what == "backup":
        if command.wanted not in ("", order.capability):
            limit = f"nothing: backup is more of {order.capability}; ask for support"
            raise Refusal("unknown_wish", "wanted", command.wanted, limit)
        return order.capability
    words = world.city.run_cards.words
    known = (*words.capabilities, *words.told, *words.equipment)
    if command.wanted not in known:
        raise Refusal("unknown_wish", "wanted", command.wanted, ", ".join(known))
    return command.wanted


def _check_count(count: int, *, units: bool) -> None:
    most = MOST_ASKED if units else 1
    if not 1 <= count <= most:
        raise Refusal("out_of_range", "count", count, f"1 to {MOST_ASKED}" if units else "1: an office or equipment")


def add_units(world: World, draft: Draft, command: AddUnits) -> None:
    """Send more to an incident by the desk's word: whom the engine finds, or the unit that was named."""
    check_key(command.key)
    if command.key in world.state.kept.keys:
        return
    incident = world.state.incidents.get(command.incident)
    if incident is None:
        raise Refusal("unknown_incident", "incident", command.incident, "an incident that is kept")
    if incident.state in ENDED_INCIDENTS:
        raise Refusal("wrong_state", "incident", incident.id, f"an incident that is open; it is {incident.state}")
    if command.capability not in world.city.run_cards.capabilities:
        known = ", ".join(world.city.run_cards.capabilities)
        raise Refusal("unknown_capability", "capability", command.capability, known)
    _check_count(command.count, units=True)
    check_said(world, draft.now, None, reason=command.reason)
    if command.unit is not None:
        if command.count != 1:
            raise Refusal("out_of_range", "count", command.count, "1 where a unit is named")
        refuse_unless_fit(world, command.unit, [(command.capability,)], anyway=command.anyway, field="unit")
    _check_leave(world, incident.id, None, command.acting_as)
    said = e.HelpAsked(
        incident=incident.id,
        what="support",
        wanted=command.capability,
        count=command.count,
        key=command.key,
        unit=command.unit,
        via="desk",
        reason=command.reason,
    )
    draft.emit(said)
    values = {"wanted": command.capability, "count": str(command.count)}
    if command.unit is not None:
        values |= {"unit": command.unit, "anyway": "yes" if command.anyway else ""}
    _more(world, draft, incident.id, values, acting_as=command.acting_as)


def _check_leave(world: World, incident: IncidentId, order: OrderId | None, acting_as: str = "") -> None:
    """Refuse, before anything has happened, what nobody may allow or what waits for leave already."""
    names = {asked.by for asked in line_of(world, incident, STEP)}
    waits = pending(world, incident, STEP, order)
    if waits is not None and acting_as not in names:
        raise Refusal("asked_already", "step", waits.id, f"an answer of {waits.line[waits.asked].by}")


def _more(
    world: World,
    draft: Draft,
    incident_id: IncidentId,
    values: Mapping[str, str],
    *,
    order: OrderId | None = None,
    acting_as: str = "",
) -> None:
    """Add units to an incident, once nobody's leave is wanted any more."""
    incident = world.state.incidents[incident_id]
    if _goes_first(world, incident):
        line = line_of(world, incident_id, STEP)
        told = {"incident": incident_id, "wanted": values["wanted"], "count": values["count"]}
        for recipient in dict.fromkeys(mailbox_of(asked.by) for asked in line[:1]):
            draft.notify(recipient, "more_sent", order=order, **told)
    elif not ask_leave(world, draft, STEP, incident_id, order=order, acting_as=acting_as, values=values):
        return
    _raise(world, draft, incident, values, order)


def _goes_first(world: World, incident: Incident) -> bool:
    """Tell whether units go at once at this level, whoever's leave it would have taken."""
    card = world.city.run_cards.cards.get(incident.type)
    return card is not None and card.words.levels[incident.level].send_first and not card.always_waits


def more_granted(world: World, draft: Draft, step: Step) -> None:
    """Add the units that leave was asked for."""
    _raise(world, draft, world.state.incidents[step.incident], step.values, step.order)


def more_refused(world: World, draft: Draft, step: Step) -> None:
    """Tell whoever asked that nobody comes."""
    order = world.state.orders.get(step.order) if step.order is not None else None
    if order is not None and order.state in OPEN_ORDERS:
        draft.notify(order.recipient, "more_refused", order=order.id, incident=order.incident, **step.values)


def _raise(world: World, draft: Draft, incident: Incident, values: Mapping[str, str], asked_by: OrderId | None) -> None:
    for _ in range(int(values["count"])):
        demand = DemandId(draft.mint("demand"))
        draft.emit(
            DemandRaised(
                demand=demand,
                incident=incident.id,
                capability=values["wanted"],
                level=incident.level,
                asked_by=asked_by,
            )
        )
        if "unit" in values:
            _send_named(world, draft, demand, UnitId(values["unit"]), anyway=bool(values["anyway"]))


def _send_named(world: World, draft: Draft, demand_id: DemandId, unit: UnitId, *, anyway: bool) -> None:
    """Order the unit that the desk named; if it cannot go any more, the demand waits for whom the engine finds."""
    demand = world.state.demands[demand_id]
    try:
        refuse_unless_fit(world, unit, [(demand.capability,)], anyway=anyway)
    except Refusal:
        return
    found, route = reach(world, demand, unit)
    turnout_ms = world.state.units[unit].turnout_ms
    chosen = found or Candidate(RecipientId(unit), turnout_ms, turnout_ms, 0)
    order = propose(world, draft, demand, chosen, route, known_eta=found is not None)
    if world.state.incidents[demand.incident].approval == "by_rule":
        take_and_send(world, draft, order)
    else:
        send_or_ask(world, draft, order)
