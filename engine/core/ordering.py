"""From what waits to orders: which demands are looked at, how a decision becomes orders, what a plan came to."""

from engine.core.draft import Draft
from engine.core.ports import Work
from engine.core.state import Demand
from engine.core.steps import ask_to_send
from engine.core.world import World
from engine.dispatch.assignment import EFFORT
from engine.dispatch.decide import decide
from engine.dispatch.reserve import Reserve
from engine.model import events as e
from engine.model.commands import ApplyPlan, CancelOrder, Command
from engine.model.entities import Order
from engine.model.errors import Refusal
from engine.model.ids import DemandId, OrderId, PlanId, UnitId, number_of
from engine.model.lifecycle import ORDER, OrderState, UnitStatus
from engine.model.recommendation import Decision

BY_RULE = "policy:run_card"
_OPEN_TO_BETTER = frozenset((OrderState.SENT, OrderState.DELIVERED))


def waiting(world: World, *, look_again: bool) -> list[Demand]:
    """Return the demands to be decided now, most urgent and oldest first.

    One that was found to be a shortage is looked at again only when somebody has become free, or when asked to.
    """
    found = []
    for demand in world.state.demands.values():
        if demand.plan is not None or not _open(world, demand):
            continue
        if demand.unmet and not (look_again and world.force.any_ready(demand.capability)):
            continue
        found.append(demand)
    found.sort(key=lambda demand: (demand.level, number_of(demand.id)))
    return found[: world.city.policies.joint_most]


def _open(world: World, demand: Demand) -> bool:
    """Tell whether nobody has taken a demand; a station that has not answered yet may be spared by a unit."""
    if demand.order is None:
        return True
    order = world.state.orders[demand.order]
    return order.recipient_kind == "station" and order.state in _OPEN_TO_BETTER


def serve(world: World, draft: Draft, demands: list[Demand]) -> Work | None:
    """Decide a few demands at once; for many, return the work of a joint plan over a frozen copy of everyone."""
    policies = world.city.policies
    wanted = world.wanted([demand.id for demand in demands], draft.now)
    if not wanted:
        return None
    if len(wanted) <= policies.joint_inline:
        for decision in decide(wanted, world.force, policies, draft.now):
            carry_out(world, draft, decision)
        return None
    plan = PlanId(draft.mint("plan"))
    asked = tuple(want.demand for want in wanted)
    draft.emit(e.PlanRequested(plan=plan, demands=asked, state_version=world.state.seq))
    force, now = world.force.frozen(), draft.now

    def work() -> Command:
        decisions = decide(wanted, force, policies, now, EFFORT)
        return ApplyPlan(actor="system", plan=plan, decisions=tuple(decisions))

    return work


def apply_plan(world: World, draft: Draft, command: ApplyPlan) -> None:
    """Take a worker's plan: what still holds is carried out, the rest waits again."""
    asked = [demand.id for demand in world.state.demands.values() if demand.plan == command.plan]
    if not asked:
        return
    decided = {decision.demand: decision for decision in command.decisions}
    held = [demand for demand in asked if demand in decided and _holds(world, decided[demand])]
    held = _within_reserve(world, [decided[demand] for demand in held], draft.now)
    outdated = tuple(demand for demand in asked if demand not in held)
    draft.emit(e.PlanApplied(plan=command.plan, held=tuple(held), outdated=outdated, failed=command.failed))
    for demand in held:
        carry_out(world, draft, decided[demand])


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


def _holds(world: World, decision: Decision) -> bool:
    """Tell whether a decision made over a copy still stands: the demand waits, and who was chosen is still free."""
    demand = world.state.demands[decision.demand]
    if not _open(world, demand):
        return False
    chosen = decision.recommendation.chosen
    if chosen is None or chosen.kind == "station":
        return True
    return free(world, UnitId(chosen.recipient))


def free(world: World, unit: UnitId) -> bool:
    """Tell whether a unit is available and no order claims it."""
    return unit not in world.state.claims and world.state.unit_status.get(unit) is UnitStatus.AVAILABLE


def carry_out(world: World, draft: Draft, decision: Decision) -> None:
    """Turn a decision into its order; where nobody can go, state the shortage, once."""
    demand = world.state.demands[decision.demand]
    recommendation = decision.recommendation
    chosen = recommendation.chosen
    if chosen is None or chosen.kind == "station":
        if not demand.unmet:
            draft.emit(
                e.DemandUnmet(
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
        if demand.order is not None:
            draft.withdraw(world.state.orders[demand.order], OrderState.REPLACED, "unit_free")
        draft.emit(e.Recommended(demand=demand.id, incident=demand.incident, recommendation=recommendation))
    _order(world, draft, demand, decision)


def _order(world: World, draft: Draft, demand: Demand, decision: Decision) -> None:
    chosen = decision.recommendation.chosen
    assert chosen is not None
    incident = world.state.incidents[demand.incident]
    order = Order(
        id=OrderId(draft.mint("order")),
        version=1,
        incident=incident.id,
        recipient=chosen.recipient,
        recipient_kind=chosen.kind,
        capability=demand.capability,
        state=OrderState.PROPOSED,
        proposed_at=draft.now,
        lon=incident.lon,
        lat=incident.lat,
        level=incident.level,
        type=incident.type,
        eta_ms=chosen.eta_ms if chosen.kind == "unit" else None,
        turnout_ms=chosen.turnout_ms,
        route=decision.route,
        exercise=incident.exercise,
    )
    clocks = world.city.run_cards.clocks_ms(incident.type, incident.level)
    draft.emit(e.OrderProposed(order=order, demand=demand.id, clocks_ms=clocks))
    if incident.approval == "by_rule":
        send(draft, order, via="policy", actor=BY_RULE)
    else:
        ask_to_send(world, draft, order.id)


def send(draft: Draft, order: Order, via: e.ApprovedVia, actor: str = "") -> None:
    """Approve an order and put it into its recipient's mailbox."""
    draft.emit(e.OrderAdvanced(order=order.id, version=order.version, to=OrderState.APPROVED, via=via), actor=actor)
    draft.mail(order.recipient, "order", order)


def known_order(world: World, order_id: OrderId) -> Order:
    """Return an order that is kept, or refuse its id."""
    order = world.state.orders.get(order_id)
    if order is None:
        raise Refusal("unknown_order", "order", order_id, "an order that is kept")
    return order


def cancel_order(world: World, draft: Draft, command: CancelOrder) -> None:
    """Withdraw an order by the desk's word; what it was for waits again, for somebody else, or is dropped."""
    order = known_order(world, command.order)
    if OrderState.CANCELLED not in ORDER[order.state]:
        raise Refusal("wrong_state", "order", order.id, f"an open order; it is {order.state}")
    demand = world.state.demands.get(world.state.kept.order_demand[order.id])
    if command.drop and demand is not None:
        draft.emit(e.DemandDropped(demand=demand.id, reason=command.reason))
    draft.withdraw(order, OrderState.CANCELLED, command.reason)
