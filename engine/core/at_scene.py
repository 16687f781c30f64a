"""A patrol that stands where it happens: its order begins on the scene, and it meets a need by being there."""

from engine.core.draft import Draft
from engine.core.orders import propose, send
from engine.core.state import Demand
from engine.core.world import World
from engine.model import events as e
from engine.model.demand_events import DemandRaised
from engine.model.entities import Unit
from engine.model.ids import DemandId, IncidentId, RecipientId, UnitId
from engine.model.lifecycle import OrderState
from engine.model.recommendation import Candidate


def take_on(world: World, draft: Draft, incident: IncidentId, unit: UnitId, at: int) -> None:
    """Let a unit that is free be on the scene of an incident by its own word, since ``at``."""
    demand = _met_by(world, incident, world.state.units[unit])
    if demand is None:
        demand = _raise(world, draft, incident, world.state.units[unit])
    there = Candidate(recipient=RecipientId(unit), eta_ms=0, turnout_ms=0, travel_ms=0)
    order = propose(world, draft, demand, there, known_eta=False)
    send(world, draft, order, via="terminal")
    for to in (OrderState.ACCEPTED, OrderState.ON_SCENE):
        draft.emit(e.OrderAdvanced(order=order.id, version=order.version, to=to, via="terminal", said_at=at))


def _met_by(world: World, incident: IncidentId, unit: Unit) -> Demand | None:
    """Return the first need of an incident that a unit meets, of those that the room orders units for."""
    for demand in world.state.demands.of_incident(incident):
        wanted = {demand.capability, *demand.either}
        if demand.dispatch == "units" and wanted & set(unit.capabilities):
            return demand
    return None


def _raise(world: World, draft: Draft, incident: IncidentId, unit: Unit) -> Demand:
    demand = DemandId(draft.mint("demand"))
    level = world.state.incidents[incident].level
    draft.emit(DemandRaised(demand=demand, incident=incident, capability=unit.capabilities[0], level=level))
    return world.state.demands[demand]
