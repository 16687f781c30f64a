"""From what waits to orders: which demands are looked at, how a decision becomes orders, what a plan came to."""

import functools
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from engine.core.chasing import Hunt, asked_about, draw_ways, is_ahead, is_newest, tell_ahead, with_known
from engine.core.draft import Draft
from engine.core.orders import can_go, decided_by, known_order, propose, send, send_or_ask
from engine.core.ports import Work
from engine.core.standing_searches import is_led
from engine.core.state import Demand
from engine.core.stations import fell_away, finish, order_stations, station_for, withdraw_under
from engine.core.under_stations import demands_of
from engine.core.window import AT_ONCE
from engine.core.world import World
from engine.dispatch.assignment import EFFORT
from engine.dispatch.decide import decide
from engine.dispatch.reserve import Reserve
from engine.dispatch.wanted import Wanted, bringing
from engine.model.commands import ApplyPlan, CancelOrder, Command
from engine.model.demand_events import DemandDropped, DemandRaised, DemandUnmet, PlanApplied, PlanRequested, Recommended
from engine.model.errors import Refusal
from engine.model.ids import DemandId, IncidentId, PlanId, StationId, UnitId, number_of
from engine.model.lifecycle import ORDER, OrderState
from engine.model.recommendation import Decision, Recommendation

_OPEN_TO_BETTER = frozenset((OrderState.SENT, OrderState.DELIVERED))


def waiting(world: World, *, look_again: bool) -> list[Demand]:
    """Return the demands to be decided now, most urgent and oldest first.

    One that was found to be a shortage is looked at again only when somebody has become free, or when asked to.
    """
    found = []
    for demand in world.state.demands.without_unit():
        if demand.plan is not None or demand.post or not _open(world, demand):
            continue
        if demand.dispatch == "units" and is_led(world.state, demand.incident):
            continue
        policies = world.city.policies
        names = (demand.capability, *demand.either)
        must = bringing(demand.equipment, demand.rank)
        if demand.unmet and not (look_again and world.force.anybody(names, must, demand.level, policies)):
            continue
        found.append(demand)
    found.sort(key=lambda demand: (demand.level, number_of(demand.id)))
    return found[: world.city.policies.joint_most]


def _open(world: World, demand: Demand) -> bool:
    """Tell whether nobody has taken a demand; a station that was asked for want of a unit may be spared by one.

    One that a person chose is not: they knew of the units.
    """
    if demand.order is not None:
        return False
    if demand.station is None:
        return True
    if demand.station in world.state.overruled:
        return False
    return demand.dispatch == "units" and world.state.orders[demand.station].state in _OPEN_TO_BETTER


def _still_lacking(world: World, draft: Draft, demands: Sequence[Demand]) -> list[Demand]:
    """Drop what was to add people to a need that has enough by now; return the others."""
    found = []
    for demand in demands:
        if demand.extra and demand.order is None and demand.station is None and not any(world.lacking(demand)):
            draft.emit(DemandDropped(demand=demand.id, reason="enough_people"))
        else:
            found.append(demand)
    return found


def _spare(world: World, draft: Draft, names: Iterable[DemandId]) -> None:
    """Drop what was to add people, once somebody has been ordered who brings enough."""
    left = (world.state.demands.get(name) for name in names)
    _still_lacking(world, draft, [demand for demand in left if demand is not None])


def _with_demand(world: World, draft: Draft, decision: Decision) -> Decision | None:
    """Raise the demand of a decision that adds a unit to a need; None where it would only say again what waits."""
    if not decision.extra:
        return decision
    its, chosen = world.state.demands[decision.demand], decision.recommendation.chosen
    same = world.state.demands.of_need(its.incident, its.need)
    if (chosen is None or chosen.kind == "station") and any(demand.order is None for demand in same):
        return None
    return msgspec.structs.replace(decision, demand=raise_extra(draft, its), extra=False)


def raise_extra(draft: Draft, demand: Demand) -> DemandId:
    """Let one unit more be wanted for the need of a demand, because those that it counts have too few people."""
    name = DemandId(draft.mint("demand"))
    draft.emit(
        DemandRaised(
            demand=name,
            incident=demand.incident,
            capability=demand.capability,
            level=demand.level,
            dispatch=demand.dispatch,
            either=demand.either,
            together=demand.together,
            equipment=demand.equipment,
            need=demand.need,
            people=demand.people,
            sworn=demand.sworn,
            extra=True,
        )
    )
    return name


def serve(world: World, draft: Draft, demands: list[Demand]) -> list[Work]:
    """Decide a few demands at once; return the work of plans over a frozen copy of everyone, where that takes longer.

    That is a joint plan of many, and one of the pursuits whose subject may be got ahead of.
    """
    policies = world.city.policies
    left = order_stations(world, draft, _still_lacking(world, draft, demands))
    every, hunts = asked_about(world, world.wanted([demand.id for demand in left], draft.now), draft.now)
    hunted = [want for want in every if want.incident in hunts]
    works = [_planned(world, draft, hunted, hunts)] if hunted else []
    wanted = [want for want in every if want.incident not in hunts]
    if not wanted:
        return works
    if len(wanted) > policies.joint_inline or _bound(wanted):
        return [*works, _planned(world, draft, wanted, {})]
    now = draft.now
    serving = functools.partial(world.served_by, now=now)
    decisions = decide(wanted, world.force, policies, now, serving=serving, number=world.state.seq)
    for decision, also in by_order(decisions):
        # What a unit is taken from waits only once it is taken: its new order may want somebody's leave.
        if decision.extra or _open(world, world.state.demands[decision.demand]):
            carry_out(world, draft, decision, also)
    _spare(world, draft, [want.demand for want in wanted])
    return works


def _planned(world: World, draft: Draft, wanted: Sequence[Wanted], hunts: Mapping[IncidentId, Hunt]) -> Work:
    """Ask a worker to decide demands together; those of ``hunts`` with the ways that whom they pursue may take."""
    policies, flight = world.city.policies, world.flight
    plan = PlanId(draft.mint("plan"))
    asked = tuple(want.demand for want in wanted)
    draft.emit(PlanRequested(plan=plan, demands=asked, state_version=world.state.seq))
    now, number = draft.now, world.state.seq
    force, served = world.force.frozen(), world.all_served(wanted, now)

    def work() -> Command:
        known = {incident: draw_ways(flight, hunt, force.times.weights) for incident, hunt in hunts.items()}
        decisions = decide(with_known(wanted, known), force, policies, now, EFFORT, served.get, number)
        return ApplyPlan(actor="system", plan=plan, decisions=tuple(decisions))

    return work


def _bound(wanted: Sequence[Wanted]) -> bool:
    """Tell whether demands are bound by more than units: a question for CP-SAT, which has no time in a batch.

    Crews that share, needs of one team, and several needs that want a number of people. Level 1 does not wait for it.
    """
    later = [want for want in wanted if want.level > AT_ONCE]
    crewed = {want.need for want in later if want.need is not None}
    return len(crewed) > 1 or any(want.together or want.group is not None for want in later)


def apply_plan(world: World, draft: Draft, command: ApplyPlan) -> None:
    """Take a worker's plan: what still holds is carried out, the rest waits again."""
    asked = [demand.id for demand in world.state.demands.values() if demand.plan == command.plan]
    if not asked:
        return
    decided = {decision.demand: decision for decision in command.decisions if not decision.extra}
    extra = [decision for decision in command.decisions if decision.extra]
    held = [demand for demand in asked if demand in decided and _holds(world, decided[demand], draft.now)]
    # With a worker that is so busy whoever is nearest goes, without it.
    newest = (its for its in decided.values() if its.demand in asked and _of_newest(world, its))
    late = (world.state.demands[its.demand].incident for its in newest if _too_late(its, draft.now))
    world.too_late.update(late)
    held = _within_reserve(world, [decided[demand] for demand in held], draft.now)
    outdated = tuple(demand for demand in asked if demand not in held)
    draft.emit(PlanApplied(plan=command.plan, held=tuple(held), outdated=outdated, failed=command.failed))
    # Whoever was added to a need goes with the rest of it; else the need is looked at again as a whole.
    goes = [its for its in extra if its.demand in held and _may_go(world, its)]
    for decision, also in by_order([*(decided[demand] for demand in held), *goes]):
        carry_out(world, draft, decision, also)
    for its in extra:
        if its.demand in held and its not in goes:
            raise_extra(draft, world.state.demands[its.demand])
    _spare(world, draft, asked)
    # What units were taken from stands behind; where they were not taken after all, it is not open.
    for decision in decided.values():
        if (
            decision.demand not in asked
            and decision.demand in world.state.demands
            and _holds(world, decision, draft.now)
        ):
            carry_out(world, draft, decision)


def _within_reserve(world: World, decisions: list[Decision], now: int) -> list[DemandId]:
    """Return which of a plan's demands do not eat into the reserve as it is by now: others have left meanwhile."""
    policies = world.city.policies
    reserve = Reserve.of(world.force, policies, policies.seen_after(now))
    over: list[int] = []
    if reserve is not None:
        chosen = [decision.recommendation.chosen for decision in decisions]
        units = [world.fleet.index(its.recipient) if its and its.kind == "unit" else None for its in chosen]
        levels = [world.state.demands[decision.demand].level for decision in decisions]
        over, _ = reserve.over(levels, units)
    return [decision.demand for i, decision in enumerate(decisions) if i not in over]


def _holds(world: World, decision: Decision, now: int) -> bool:
    """Tell whether a decision made over a copy still stands.

    The demand waits, who was chosen is still free, and who is pursued was not seen elsewhere and is not past them.
    """
    demand = world.state.demands[decision.demand]
    if not (_open(world, demand) and _may_go(world, decision)):
        return False
    return _of_newest(world, decision) and not _too_late(decision, now)


def _of_newest(world: World, decision: Decision) -> bool:
    incident = world.state.demands[decision.demand].incident
    return is_newest(world, incident, decision.recommendation.chased)


def _too_late(decision: Decision, now: int) -> bool:
    """Tell whether a decision about a pursuit is so old that who was chosen is not ahead any more."""
    its = decision.recommendation
    return its.chosen is not None and not is_ahead(its.chosen.meeting, now - its.decided_at)


def _may_go(world: World, decision: Decision) -> bool:
    """Tell whether who was chosen over a copy is still free, where that is a unit."""
    demand = world.state.demands[decision.demand]
    chosen = decision.recommendation.chosen
    if chosen is None or chosen.kind == "station":
        return True
    return can_go(world, UnitId(chosen.recipient), demand.level)


def by_order(decisions: Sequence[Decision]) -> list[tuple[Decision, list[Decision]]]:
    """Return decisions with those that the same unit meets as well: they are one order."""
    first: dict[str, list[Decision]] = {}
    found = []
    for decision in decisions:
        chosen = decision.recommendation.chosen
        if chosen is not None and chosen.kind == "unit":
            if chosen.recipient in first:
                first[chosen.recipient].append(decision)
                continue
            first[chosen.recipient] = []
            found.append((decision, first[chosen.recipient]))
        else:
            found.append((decision, []))
    return found


def carry_out(
    world: World, draft: Draft, planned: Decision, with_it: Sequence[Decision] = (), *, leave_given: bool = False
) -> None:
    """Turn a decision into its order; where nobody can go, state the shortage, once.

    ``with_it`` are those that the same unit meets by the same order. With ``leave_given`` the order goes at once.
    """
    decision = _with_demand(world, draft, planned)
    if decision is None:
        return
    also = [its for one in with_it if (its := _with_demand(world, draft, one)) is not None]
    demand = world.state.demands[decision.demand]
    recommendation = _not_back(world, demand, decision.recommendation, draft.now)
    chosen = recommendation.chosen
    if chosen is None or chosen.kind == "station":
        if not demand.unmet:
            draft.emit(
                DemandUnmet(
                    demand=demand.id,
                    incident=demand.incident,
                    capability=demand.capability,
                    recommendation=recommendation,
                )
            )
            draft.tell_desk("shortage", incident=demand.incident, capability=demand.capability)
        if chosen is None:
            return
    else:
        if demand.station is not None:
            draft.withdraw(world.state.orders[demand.station], OrderState.REPLACED, "unit_free")
        draft.emit(Recommended(demand=demand.id, incident=demand.incident, recommendation=recommendation))
    for its in also:
        recommended = Recommended(demand=its.demand, incident=demand.incident, recommendation=its.recommendation)
        draft.emit(recommended)
    demands = (demand.id, *(its.demand for its in also)) if also else ()
    place, meeting = None, chosen.meeting
    if meeting is not None:
        place, chosen = (meeting.lon, meeting.lat), msgspec.structs.replace(chosen, eta_ms=meeting.eta_ms)
    order = propose(world, draft, demand, chosen, decision.route, demands=demands, place=place)
    if leave_given:
        send(world, draft, order, via="desk")
    else:
        send_or_ask(world, draft, order)
    if meeting is not None and world.state.orders[order.id].state is not OrderState.PROPOSED:
        tell_ahead(draft, order, meeting)


def _not_back(world: World, demand: Demand, recommendation: Recommendation, now: int) -> Recommendation:
    """Never send a demand back to a station that has returned it: the next one is asked."""
    chosen = recommendation.chosen
    if chosen is None or chosen.kind == "unit" or StationId(chosen.recipient) not in demand.returned_by:
        return recommendation
    other = station_for(world, [demand], now)
    return msgspec.structs.replace(recommendation, chosen=None if other is None else other.chosen)


def cancel_order(world: World, draft: Draft, command: CancelOrder) -> None:
    """Withdraw an order by the desk's word; what it was for waits again, for somebody else, or is dropped."""
    order = known_order(world, command.order)
    if OrderState.CANCELLED not in ORDER[order.state]:
        raise Refusal("wrong_state", "order", order.id, f"an open order; {decided_by(world, order)}")
    demands = demands_of(world.state, order)
    if order.recipient_kind == "station":
        withdraw_under(world, draft, order, OrderState.CANCELLED, command.reason)
    if command.drop:
        for demand in demands:
            draft.emit(DemandDropped(demand=demand.id, reason=command.reason))
    draft.withdraw(order, OrderState.CANCELLED, command.reason)
    if command.drop:
        finish(world, draft, order.under)
    else:
        fell_away(world, draft, order, command.reason)
