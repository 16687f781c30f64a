"""What events do to an incident's facts and its level, and with the level to its clocks, its orders and what waits."""

import msgspec

from engine.core import clockwork
from engine.core.state import State
from engine.model import events as e


def facts_stated(state: State, event: e.Event, body: e.FactsStated) -> None:
    """Take facts down, and strike out those that are none."""
    incident = state.incidents[body.incident]
    kept = tuple(fact for fact in incident.facts if fact not in body.ruled_out)
    facts = (*kept, *(fact for fact in body.established if fact not in kept))
    state.incidents[incident.id] = msgspec.structs.replace(incident, facts=facts)


def level_changed(state: State, event: e.Event, body: e.LevelChanged) -> None:
    """Give an incident, its open orders and all that waits for it another level; clocks run on by it."""
    incident = msgspec.structs.replace(state.incidents[body.incident], level=body.level, approval=body.approval)
    state.incidents[incident.id] = incident
    for order_id in sorted(body.order_clocks_ms):
        order = state.orders[order_id] = msgspec.structs.replace(state.orders[order_id], level=body.level)
        clockwork.change_order_clocks(state, event.at, order, body.order_clocks_ms[order_id])
    clockwork.change_incident_clocks(state, event.at, incident, body.clocks_ms)
    for demand in state.demands.of_incident(incident.id):
        state.demands[demand.id] = msgspec.structs.replace(demand, level=body.level)
    state.freed = True
