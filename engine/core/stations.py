"""Two-level dispatch: the room orders a station, the station names who goes, and stays responsible until it is done.

A station's order is about all demands of the incident that it got together. It is carried out by orders to units
*under* it, which claim their units as any order does; its own state follows theirs. A unit that falls away leaves its
demand with the station, which names another. Nobody else sees to such a demand until the station's order has ended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from engine.core.draft import Draft
from engine.core.orders import order_said, propose, reach, refuse_unless_free, send, send_or_ask
from engine.core.preferring import NOT_PREFERRED
from engine.core.state import Demand
from engine.core.under_stations import ASSIGNING, demands_under
from engine.core.world import World
from engine.dispatch.decide import decide
from engine.dispatch.stations import recommend_station
from engine.model import events as e
from engine.model.commands import AssignUnits, Named
from engine.model.demand_events import Recommended
from engine.model.entities import Order
from engine.model.errors import Refusal
from engine.model.ids import OrderId, RecipientId, StationId, UnitId
from engine.model.lifecycle import OPEN_ORDERS, ORDER, OrderState
from engine.model.limits import LONGEST_ID, MOST_NAMED, MOST_OFFICERS
from engine.model.recommendation import Candidate, Decision, Recommendation

OWN_POOL = "own_pool"
_NAMING = frozenset((OrderState.SENT, OrderState.DELIVERED)) | ASSIGNING


def order_stations(world: World, draft: Draft, demands: Sequence[Demand]) -> list[Demand]:
    """Order stations for the demands that go to one; return the rest, and those for which no station is left."""
    groups: dict[str, list[Demand]] = {}
    for demand in demands:
        if demand.dispatch == "station" and demand.station is None:
            groups.setdefault(demand.incident, []).append(demand)
    taken: set[str] = set()
    for group in groups.values():
        kinds = list(dict.fromkeys(demand.capability for demand in group))
        together = _order_one(world, draft, group)
        if together or len(kinds) == 1:
            taken.update(together)
        else:  # no station can do all of it: each part goes to one that can do that
            for kind in kinds:
                taken.update(_order_one(world, draft, [demand for demand in group if demand.capability == kind]))
    return [demand for demand in demands if demand.id not in taken]


def _order_one(world: World, draft: Draft, demands: Sequence[Demand]) -> tuple[str, ...]:
    """Order one station for demands of one incident; return which it got: all or none."""
    recommendation = station_for(world, demands, draft.now)
    if recommendation is None or recommendation.chosen is None:
        return ()
    first, names = demands[0], tuple(demand.id for demand in demands)
    draft.emit(Recommended(demand=first.id, incident=first.incident, recommendation=recommendation))
    order = propose(world, draft, first, recommendation.chosen, demands=names)
    send_or_ask(world, draft, order)
    return names


def station_for(
    world: World, demands: Sequence[Demand], now: int, but: StationId | None = None
) -> Recommendation | None:
    """Recommend a station, ``but`` one, for demands of an incident; None without stations, or with no road near."""
    wanted = world.wanted([demands[0].id], now)
    if not wanted or not world.stations:
        return None
    its = world.state.incidents[demands[0].incident]
    returned_by = dict.fromkeys(station for demand in demands for station in demand.returned_by)
    if but is not None:
        returned_by[but] = None
    capabilities = [demand.capability for demand in demands]
    # Who is pursued is at home in no area: there it is the nearest.
    responsible = None if its.lookout is not None else world.city.responsible(its.lon, its.lat)
    return recommend_station(wanted[0], capabilities, world.force, responsible, tuple(returned_by), now)


def accepted(world: World, draft: Draft, order: OrderId) -> None:
    """Propose to a station that has accepted who of its people goes, and ask it to say so."""
    its = world.state.orders[order]
    if order in world.state.order_posts:  # it bars its road itself
        return
    suggest(world, draft, its, [demand for demand in demands_under(world.state, order) if demand.order is None])


def fell_away(world: World, draft: Draft, order: Order, why: str) -> None:
    """Tell a station that a unit under its order does not go, and propose another."""
    demand = world.state.demands.get(world.state.kept.order_demand[order.id])
    if order.under is None or demand is None or demand.station != order.under:
        return
    above = world.state.orders[order.under]
    draft.notify(above.recipient, "unit_fell_away", order=above.id, unit=order.recipient, reason=why)
    suggest(world, draft, above, [demand])


def suggest(world: World, draft: Draft, order: Order, demands: Sequence[Demand]) -> None:
    """Propose to a station who of its people goes for demands that it answers for."""
    units = []
    for decision in _decided(world, draft.now, order, demands):
        demand, chosen = world.state.demands[decision.demand], decision.recommendation.chosen
        recommendation = decision.recommendation
        draft.emit(Recommended(demand=demand.id, incident=demand.incident, recommendation=recommendation))
        if chosen is not None:
            units.append(str(chosen.recipient))
    if demands and units:
        draft.notify(order.recipient, "assign_wanted", order=order.id, incident=order.incident, units=", ".join(units))
    elif demands:
        draft.notify(order.recipient, "assign_nobody", order=order.id, incident=order.incident)


def _decided(world: World, now: int, order: Order, demands: Sequence[Demand]) -> list[Decision]:
    """Decide who of a station's own people would go; nobody else is looked at."""
    station = StationId(order.recipient)
    own = {unit: row for row, unit in enumerate(world.own_units(station))}
    wanted = world.wanted([demand.id for demand in demands[:MOST_NAMED]], now)
    if not own or not wanted:
        return []
    refused = {demand.id: frozenset(own[unit] for unit in demand.refused_by if unit in own) for demand in demands}
    rows = [world.fleet.index(unit) for unit in own]
    asked = [
        replace(
            want,
            refused_by=refused[want.demand],
            # All are its own: what the card prefers is all that counts.
            handicap_ms={code: its[rows] for code, its in want.handicap_ms.items() if code == NOT_PREFERRED},
            need=None,
            station_ordered=True,
        )
        for want in wanted
    ]
    policies = replace(world.city.policies, reserve=0, cover="off")
    return [
        Decision(one.demand, msgspec.structs.replace(one.recommendation, policy=OWN_POOL), one.route)
        for one in decide(asked, world.pool(station), policies, now)
    ]


def assign_units(world: World, draft: Draft, command: AssignUnits) -> None:
    """Let a station name who goes; each of them is claimed, or nobody is and it is said why."""
    order = order_said(world, command)
    if order is None:
        return
    if order.id in world.state.order_posts:
        raise Refusal("wrong_state", "order", order.id, "an order that is no call: a checkpoint bars its road itself")
    if order.recipient_kind != "station" or order.state not in _NAMING:
        limit = f"a station's order that it has and is not done with; it is {order.state}, to {order.recipient}"
        raise Refusal("wrong_state", "order", order.id, limit)
    if len(command.reason) > LONGEST_ID:
        raise Refusal("too_long", "reason", command.reason, f"{LONGEST_ID} characters")
    open_demands = [demand for demand in demands_under(world.state, order.id) if demand.order is None]
    if not open_demands:
        raise Refusal("all_named", "units", len(command.units), "nobody more: ask for support or backup")
    pairs = _chosen(world, draft.now, order, open_demands, command.units)
    if ORDER[order.state] & {OrderState.ACCEPTED}:
        said = e.OrderAdvanced(
            order=order.id,
            version=order.version,
            to=OrderState.ACCEPTED,
            via=command.via,
            said_at=command.said_at,
        )
        draft.emit(said)
    draft.emit(
        e.UnitsNamed(
            order=order.id,
            named=tuple(named.unit for _, named in pairs),
            demands=tuple(demand.id for demand, _ in pairs),
            proposed=tuple(demand.recommended for demand, _ in pairs),
            key=command.key,
            via=command.via,
            reason=command.reason,
            said_at=command.said_at,
        )
    )
    for demand, named in pairs:
        send_under(world, draft, demand, named, order.id, command)


def send_under(
    world: World, draft: Draft, demand: Demand, named: Named, under: OrderId | None, command: AssignUnits
) -> Order:
    """Order a unit that somebody named, at once."""
    found, route = reach(world, demand, named.unit)
    turnout_ms = world.state.units[named.unit].turnout_ms
    chosen = found or Candidate(RecipientId(named.unit), turnout_ms, turnout_ms, 0)
    order = propose(
        world,
        draft,
        demand,
        chosen,
        route,
        known_eta=found is not None,
        under=under,
        officers=named.officers,
    )
    send(world, draft, order, via=command.via)
    return order


def _chosen(
    world: World, now: int, order: Order, demands: Sequence[Demand], units: Sequence[Named]
) -> list[tuple[Demand, Named]]:
    """Return who goes for what, checked: nothing has happened yet when one of them is refused."""
    if not units:
        decisions = _decided(world, now, order, demands)
        by_id = {demand.id: demand for demand in demands}
        found = [
            (by_id[decision.demand], Named(UnitId(chosen.recipient)))
            for decision in decisions
            if (chosen := decision.recommendation.chosen) is not None
        ]
        if not found:
            limit = f"a free and able unit of {order.recipient}; ask for support, or return the order"
            raise Refusal("nobody_free", "units", "", limit)
        return found
    if len(units) > MOST_NAMED:
        raise Refusal("too_many", "units", len(units), f"{MOST_NAMED} at a time")
    for number, named in enumerate(units):
        field = f"units[{number}].unit"
        its = world.state.units.get(named.unit)
        if its is not None and its.station != StationId(order.recipient):
            raise Refusal("not_yours", field, named.unit, f"a unit of {order.recipient}; ask for support")
        if any(other.unit == named.unit for other in units[:number]):
            raise Refusal("twice", field, named.unit, "each unit once")
        if len(named.officers) > MOST_OFFICERS or any(not 0 < len(name) <= LONGEST_ID for name in named.officers):
            limit = f"at most {MOST_OFFICERS} service numbers of 1 to {LONGEST_ID} characters"
            raise Refusal("too_many", f"units[{number}].officers", len(named.officers), limit)
        refuse_unless_free(world, named.unit, field)
    return _paired(world, demands, units)


def _paired(world: World, demands: Sequence[Demand], units: Sequence[Named]) -> list[tuple[Demand, Named]]:
    """Give each unit a demand: the one it is named for, else one that it is able for while there is a way to, else any.

    Augmenting paths (Kuhn 1955): as many units as possible go for what they are able for.
    """
    by_id = {demand.id: demand for demand in demands}
    holder: dict[str, Named] = {}
    for number, named in enumerate(units):
        if named.demand is None:
            continue
        if named.demand not in by_id or named.demand in holder:
            limit = f"one that waits for a name: {', '.join(by_id)}"
            raise Refusal("unknown_demand", f"units[{number}].demand", named.demand, limit)
        holder[named.demand] = named
    if len(units) > len(demands):
        limit = f"{len(demands)}, as many as are wanted; ask for backup to send more"
        raise Refusal("too_many", "units", len(units), limit)
    loose = [named for named in units if named.demand is None]
    able = {named.unit: [d.id for d in demands if d.capability in world.state.abilities(named.unit)] for named in loose}

    def place(named: Named, seen: set[str]) -> bool:
        for demand in able[named.unit]:
            if demand in seen or (demand in holder and holder[demand].demand is not None):
                continue
            seen.add(demand)
            if demand not in holder or place(holder[demand], seen):
                holder[demand] = named
                return True
        return False

    unplaced = [named for named in loose if not place(named, set())]
    left = (demand.id for demand in demands if demand.id not in holder)
    holder.update(zip(left, unplaced, strict=False))
    return [(demand, holder[demand.id]) for demand in demands if demand.id in holder]


def follow(world: World, draft: Draft, order: Order, to: OrderState) -> None:
    """Let a station's order follow how far a unit under it has come."""
    above = world.state.orders.get(order.under) if order.under is not None else None
    if above is None or to not in {OrderState.EN_ROUTE, OrderState.ON_SCENE} or to not in ORDER[above.state]:
        return
    draft.emit(e.OrderAdvanced(order=above.id, version=above.version, to=to))


def orders_under(world: World, order: Order) -> Iterable[Order]:
    """Yield the open orders to units that carry out a station's order."""
    for name in world.state.incidents[order.incident].orders:
        its = world.state.orders[name]
        if its.under == order.id and its.state in OPEN_ORDERS:
            yield its


def finish(world: World, draft: Draft, order: OrderId | None) -> None:
    """End a station's order when nothing of it is left to do."""
    above = world.state.orders.get(order) if order is not None else None
    if above is None or above.state not in OPEN_ORDERS or demands_under(world.state, above.id):
        return
    if OrderState.CLEARED in ORDER[above.state]:
        draft.emit(e.OrderAdvanced(order=above.id, version=above.version, to=OrderState.CLEARED))
    else:
        draft.withdraw(above, OrderState.CANCELLED, "nothing_left")


def withdraw_under(world: World, draft: Draft, order: Order, to: OrderState, reason: str) -> None:
    """Withdraw the orders to units under a station's order that is about to end."""
    for its in list(orders_under(world, order)):
        draft.withdraw(its, to, reason)
