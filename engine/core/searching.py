"""Who looks where while somebody is at one of several places: asked of a worker, ordered, amended as looks come in.

A search has the demands of its run card like any incident; which units go for them is a question of all places at once,
so a worker answers it. What comes back is believed as far as it still holds. Each order is for its places in turn; a
look that found nobody moves its unit on at once, and the worker is asked again in the light of it. Once somebody has
found the subject everybody else is free.
"""

from collections.abc import Sequence

import numpy as np

from engine.core.draft import Draft
from engine.core.orders import check_key, check_said, free, known_order, propose, reach, send_or_ask
from engine.core.ports import Work
from engine.core.standing_searches import MOST_TRIES, calls_left, doors_left, left
from engine.core.state import Demand
from engine.core.stations import finish
from engine.core.under_stations import demands_of
from engine.core.world import World
from engine.dispatch.search import Engaged, Question, seek
from engine.dispatch.wanted import bringing
from engine.model import searches as s
from engine.model.commands import Command
from engine.model.demand_events import DemandDropped
from engine.model.entities import Details, Order, Place
from engine.model.errors import Refusal
from engine.model.ids import DemandId, IncidentId, PlanId, RecipientId, UnitId
from engine.model.lifecycle import ENDED_INCIDENTS, OPEN_ORDERS, OrderState
from engine.model.recommendation import Candidate
from geo_data.snapping import OffRoad, Snap

FOUND, SEARCHED, SPARED = "subject_found", "all_searched", "search_spared"
"""Why an order is withdrawn, or a demand dropped: he is found; every place is done; others do what is left sooner."""
_GONE = frozenset((OrderState.EN_ROUTE, OrderState.ON_SCENE, OrderState.REPORTED))


def next_searches(world: World, draft: Draft, *, look_again: bool) -> list[Work]:
    """Return the plans to be made now: of each open search about which something has changed."""
    works = []
    for incident_id, its in list(world.state.searches.items()):
        if its.state != "open" or its.plan is not None:
            continue
        if world.state.incidents[incident_id].state in ENDED_INCIDENTS:
            continue
        short = look_again and its.proposal is not None and _anybody(world, its.proposal.short)
        if (its.changed and its.tries < MOST_TRIES) or short:
            works.append(_ask(world, draft, incident_id))
    return works


def _anybody(world: World, short: Sequence[DemandId]) -> bool:
    """Tell whether somebody could go for something that nobody was left for."""
    policies = world.city.policies
    for demand in (world.state.demands[name] for name in short if name in world.state.demands):
        names, must = (demand.capability, *demand.either), bringing(demand.equipment, demand.rank)
        if demand.order is None and world.force.anybody(names, must, demand.level, policies):
            return True
    return False


def _ask(world: World, draft: Draft, incident: IncidentId) -> Work:
    """Ask a worker: it gets frozen copies of all that it needs."""
    plan = PlanId(draft.mint("plan"))
    draft.emit(s.SearchRequested(plan=plan, incident=incident, state_version=world.state.seq))
    question, force, policies = _question(world, incident, draft.now), world.force.frozen(), world.city.policies

    def work() -> Command:
        try:
            return s.ApplySearch(actor="system", plan=plan, proposal=seek(question, force, policies))
        except Refusal as refusal:
            return s.ApplySearch(actor="system", plan=plan, proposal=None, failed=refusal.code)

    return work


def _question(world: World, incident_id: IncidentId, now: int) -> Question:
    search = world.state.searches[incident_id]
    found = {number: _spot(world, search.places[number]) for number in doors_left(search)}
    spots = {number: spot for number, spot in found.items() if spot is not None}
    numbers = list(spots)
    places = [search.places[number] for number in numbers]
    called = {look.place for look in search.looks if look.how == "phone"}
    engaged = []
    for order in _open_orders(world, incident_id):
        turn = next((its for its in world.state.order_looks.get(order.id, ()) if its in numbers), None)
        if order.recipient in world.fleet:
            engaged.append(
                Engaged(
                    row=world.fleet.index(order.recipient),
                    heading=-1 if turn is None or order.state is OrderState.PROPOSED else numbers.index(turn),
                    rolls=order.state in _GONE,
                    is_there=order.state is OrderState.ON_SCENE and turn is not None and not _has_looked(search, order),
                )
            )
    wanted = [str(its.id) for its in _waiting(world, incident_id)]
    return Question(
        now=now,
        numbers=tuple(numbers),
        arc=np.array([spot.arc for spot in spots.values()], np.int32),
        fraction=np.array([spot.fraction for spot in spots.values()], np.float64),
        chance=left(search)[numbers],
        check_ms=np.array([place.check_ms for place in places], np.int64),
        can_call=np.array([its.phone and n not in called for n, its in zip(numbers, places, strict=True)], np.bool_),
        callers=search.callers,
        call_ms=search.call_ms,
        call_sure=search.call_sure,
        engaged=tuple(engaged),
        wanted=tuple(world.wanted(wanted, now)),
    )


def _has_looked(search: s.Search, order: Order) -> bool:
    """Tell whether a unit that says it is on scene has looked there: from then on it is under way to the next."""
    return any(look.order == order.id for look in search.looks)


def _waiting(world: World, incident: IncidentId) -> list[Demand]:
    """Return the demands of a search that a plan of it may give to units."""
    its = world.state.demands.of_incident(incident)
    return [demand for demand in its if is_for_search(demand)]


def is_for_search(demand: Demand) -> bool:
    """Tell whether a demand of a search waits for a unit, and no station answers for it."""
    return demand.order is None and demand.station is None and demand.plan is None and demand.dispatch == "units"


def apply_search(world: World, draft: Draft, command: s.ApplySearch) -> None:
    """Take a worker's answer: what of it holds is ordered; where somebody was lost meanwhile it is asked anew."""
    found = (its for its, search in world.state.searches.items() if search.plan == command.plan)
    incident_id = next(found, None)
    if incident_id is None:
        return  # it is over, or was asked about anew: nobody waits for this any more
    proposal = command.proposal
    if proposal is None:
        draft.emit(s.SearchPlanned(plan=command.plan, incident=incident_id, outcome="failed", failed=command.failed))
        return
    before = world.state.searches[incident_id]
    held = not before.changed and all(_holds(world, incident_id, route) for route in proposal.routes)
    draft.emit(
        s.SearchPlanned(
            plan=command.plan, incident=incident_id, outcome="held" if held else "outdated", proposal=proposal
        )
    )
    if held:
        _carry_out(world, draft, incident_id, proposal)
        _tell_call(world, draft, incident_id, before)
        _tell_short(world, draft, proposal, before)


def _holds(world: World, incident: IncidentId, route: s.Route) -> bool:
    """Tell whether a route made over a copy still stands: its unit is as free, or as much on the search, as it was."""
    if route.demand is None:
        return any(order.recipient == RecipientId(route.unit) for order in _open_orders(world, incident))
    demand = world.state.demands.get(route.demand)
    return demand is not None and is_for_search(demand) and free(world, route.unit)


def _carry_out(world: World, draft: Draft, incident_id: IncidentId, proposal: s.SearchProposal) -> None:
    """Order what a plan says: those who are spared first, then who looks elsewhere, then who is new."""
    done = {look.place for look in world.state.searches[incident_id].looks if look.how == "door"}
    by_unit = {RecipientId(route.unit): tuple(n for n in route.places if n not in done) for route in proposal.routes}
    for order in _open_orders(world, incident_id):
        if not by_unit.get(order.recipient):
            _spare(world, draft, order, SPARED)
    for order in _open_orders(world, incident_id):
        _turn_to(world, draft, order, by_unit.get(order.recipient, ()))
    for route in proposal.routes:
        places = by_unit[RecipientId(route.unit)]
        if route.demand is not None and places:
            _order(world, draft, world.state.demands[route.demand], route.unit, places)


def _spare(world: World, draft: Draft, order: Order, why: str) -> None:
    """Let a unit go that has no place left to look at; one that is at a place says itself when it leaves."""
    if order.state in (OrderState.ON_SCENE, OrderState.REPORTED):
        return
    _let_go(world, draft, order, why)


def _let_go(world: World, draft: Draft, order: Order, why: str) -> None:
    for demand in demands_of(world.state, order):
        draft.emit(DemandDropped(demand=demand.id, reason=why))
    draft.withdraw(order, OrderState.CANCELLED, why, code=why)
    finish(world, draft, order.under)


def _without_unit(world: World, incident: IncidentId) -> list[Demand]:
    return [demand for demand in world.state.demands.of_incident(incident) if demand.order is None]


def _drop(world: World, draft: Draft, demands: Sequence[Demand], why: str) -> None:
    """Let nobody be sought any more for what nobody goes for yet, nor a station name anybody."""
    for demand in demands:
        draft.emit(DemandDropped(demand=demand.id, reason=why))
        finish(world, draft, demand.station)


def _turn_to(world: World, draft: Draft, order: Order, places: tuple[int, ...]) -> None:
    """Let an order be for these places in turn, unless it says so already."""
    if not places or world.state.order_looks.get(order.id, ()) == places:
        return
    place = world.state.searches[order.incident].places[places[0]]
    candidate, route = _way(world, demands_of(world.state, order), UnitId(order.recipient), place)
    rolling = order.state in _GONE
    draft.emit(
        s.LooksChanged(
            order=order.id,
            version=order.version + 1,
            places=places,
            lon=place.lon,
            lat=place.lat,
            eta_ms=None if candidate is None else candidate.travel_ms if rolling else candidate.eta_ms,
            route=route,
        )
    )
    if order.state is not OrderState.PROPOSED:
        draft.mail(order.recipient, "order", world.state.orders[order.id])


def _order(world: World, draft: Draft, demand: Demand, unit: UnitId, places: tuple[int, ...]) -> None:
    place = world.state.searches[demand.incident].places[places[0]]
    found, route = _way(world, [demand], unit, place)
    turnout_ms = world.state.units[unit].turnout_ms
    order = propose(
        world,
        draft,
        demand,
        found or Candidate(RecipientId(unit), turnout_ms, turnout_ms, 0),
        route,
        known_eta=found is not None,
        place=(place.lon, place.lat),
        looks=places,
    )
    send_or_ask(world, draft, order)


def _way(world: World, demands: list[Demand], unit: UnitId, place: Place) -> tuple[Candidate | None, str]:
    spot = _spot(world, place)
    return reach(world, demands[0], unit, spot) if demands and spot is not None else (None, "")


def _spot(world: World, place: Place) -> Snap | None:
    """Return a place on the roads; None for one that a new road network no longer reaches."""
    try:
        return world.place(place.lon, place.lat)
    except OffRoad:
        return None


def _tell_call(world: World, draft: Draft, incident: IncidentId, before: s.Search) -> None:
    """Tell the desk which place to call next, where that is another than ``before``."""
    search = world.state.searches[incident]
    calls = calls_left(search)
    if search.callers and calls and calls[:1] != calls_left(before)[:1]:
        which, of = str(calls[0] + 1), str(len(search.places))
        draft.tell_desk("search_call", incident=incident, place=which, places=of)


def _tell_short(world: World, draft: Draft, proposal: s.SearchProposal, before: s.Search) -> None:
    """Tell the desk of what nobody is left for, where that is new."""
    known = () if before.proposal is None else before.proposal.short
    for name in proposal.short:
        if name not in known:
            demand = world.state.demands[name]
            draft.tell_desk("shortage", incident=demand.incident, capability=demand.capability)


def report_look(world: World, draft: Draft, command: s.ReportLook) -> None:
    """Take what somebody found at a place. The same key again changes nothing.

    Raises
    ------
    Refusal
        ``unknown_search``; ``out_of_range`` of a place that it has not; ``wrong_state`` when it is over, or the place
        was looked at; ``not_yours`` of an order for something else.
    """
    check_key(command.key)
    if command.key in world.state.kept.keys:
        return
    search = world.state.searches.get(command.incident)
    if search is None:
        raise Refusal("unknown_search", "incident", command.incident, "an incident with places to look at")
    if not 0 <= command.place < len(search.places):
        raise Refusal("out_of_range", "place", command.place + 1, f"1 to {len(search.places)}")
    check_said(world, draft.now, command.said_at, text=command.text)
    if command.order is not None and known_order(world, command.order).incident != command.incident:
        raise Refusal("not_yours", "order", command.order, f"an order of {command.incident}")
    incident = world.state.incidents[command.incident]
    if search.state == "found" or incident.state in ENDED_INCIDENTS:
        raise Refusal("wrong_state", "incident", incident.id, "a search that goes on")
    if command.place not in doors_left(search) and not command.found:
        raise Refusal("wrong_state", "place", command.place + 1, "a place at whose door nobody has looked")
    if command.how == "phone" and not search.places[command.place].phone:
        raise Refusal("wrong_state", "how", command.how, "a place that can be called")
    draft.emit(
        s.PlaceLooked(
            incident=command.incident,
            alert=search.alert,
            place=command.place,
            how=command.how,
            found=command.found,
            key=command.key,
            order=command.order,
            said_at=command.said_at,
        ),
        personal=Details(text=command.text) if command.text else None,
    )
    if command.found:
        _found(world, draft, incident.id, command)
    elif not doors_left(world.state.searches[incident.id]):
        _exhausted(world, draft, incident.id)
    else:
        _move_on(world, draft, incident.id, command.place, command.how)
        _tell_call(world, draft, incident.id, search)


def _move_on(world: World, draft: Draft, incident: IncidentId, place: int, how: s.How) -> None:
    """Let whoever was to look at a door that has been looked at go on to its next place at once."""
    if how != "door":
        return
    for order in _open_orders(world, incident):
        places = world.state.order_looks.get(order.id, ())
        if place in places:
            _turn_to(world, draft, order, tuple(number for number in places if number != place))


def _found(world: World, draft: Draft, incident: IncidentId, command: s.ReportLook) -> None:
    """Let everybody go but whoever has found the subject, or else who is there soonest."""
    orders = _open_orders(world, incident)
    stays = next((order for order in orders if order.id == command.order), None) or _soonest(world, orders, command)
    for order in orders:
        if order is not stays:
            _let_go(world, draft, order, FOUND)
    _drop(world, draft, _without_unit(world, incident)[0 if stays is not None else 1 :], FOUND)
    if stays is not None:
        _turn_to(world, draft, stays, (command.place,))
    draft.tell_desk("search_found", incident=incident, place=str(command.place + 1), by=draft.actor)


def _soonest(world: World, orders: Sequence[Order], command: s.ReportLook) -> Order | None:
    """Return the order of whoever is there first, by road; None for nobody."""
    place = world.state.searches[command.incident].places[command.place]
    reached = []
    for order in orders:
        candidate, _ = _way(world, demands_of(world.state, order), UnitId(order.recipient), place)
        if candidate is not None:
            reached.append(
                (candidate.travel_ms if order.state in _GONE else candidate.eta_ms, order.proposed_at, order)
            )
    return min(reached, key=lambda its: its[:2])[2] if reached else next(iter(orders), None)


def _exhausted(world: World, draft: Draft, incident: IncidentId) -> None:
    """Let everybody go who is not at a place: there is nothing left to look at, and a person must think again."""
    draft.emit(s.SearchExhausted(incident=incident))
    for order in _open_orders(world, incident):
        _spare(world, draft, order, SEARCHED)
    _drop(world, draft, _without_unit(world, incident), SEARCHED)
    draft.tell_desk("search_exhausted", incident=incident)


def _open_orders(world: World, incident: IncidentId) -> list[Order]:
    """Return the open orders to units of a search, those included that somebody has yet to let go."""
    its = (world.state.orders[name] for name in world.state.incidents[incident].orders)
    return [order for order in its if order.recipient_kind == "unit" and order.state in OPEN_ORDERS]
