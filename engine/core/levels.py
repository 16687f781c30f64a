"""What becomes known of an incident while it is open: facts, the level they raise it to, and what the level changes.

A fact that is known never lowers a level, and neither does one that turns out to be wrong: a person lowers it, with a
reason and with whatever leave its run card wants. Who is on the way stays on the way; a higher level sends what is
missing, shortens clocks that run, needs no leave where it goes first, and is told to whoever is to know.
"""

from collections import Counter

import msgspec

from engine.core.clock_lengths import incident_clocks_ms, order_clocks_ms
from engine.core.draft import Draft
from engine.core.orders import BY_RULE, send_if_free
from engine.core.reporting import check_facts, raise_demands
from engine.core.steps import ask_leave
from engine.core.telling import tell_level
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import SetLevel, StateFacts
from engine.model.entities import Incident, Need
from engine.model.errors import Refusal
from engine.model.ids import IncidentId
from engine.model.lifecycle import ENDED_INCIDENTS, OPEN_ORDERS, OrderState
from engine.model.limits import LEVELS, LONGEST_ID

BY_FACTS = "facts"


def state_facts(world: World, draft: Draft, command: StateFacts) -> None:
    """Take what somebody has learned of an incident; raise its level where its run card says so."""
    incident = _open_incident(world, command.incident)
    check_facts(world, command.established, "established")
    check_facts(world, command.ruled_out, "ruled_out")
    both = set(command.established) & set(command.ruled_out)
    if both:
        raise Refusal("contradiction", "ruled_out", ", ".join(sorted(both)), "facts that are not established as well")
    established = tuple(fact for fact in dict.fromkeys(command.established) if fact not in incident.facts)
    ruled_out = tuple(fact for fact in dict.fromkeys(command.ruled_out) if fact in incident.facts)
    if not established and not ruled_out:
        return
    draft.emit(e.FactsStated(incident=incident.id, established=established, ruled_out=ruled_out))
    card = world.city.run_cards.cards.get(incident.type)  # the city's file may change while an incident is open
    if card is not None:
        raised = card.raised_to(established, incident.level)
        if raised < incident.level:
            change_level(world, draft, incident, raised, BY_FACTS)


def set_level(world: World, draft: Draft, command: SetLevel) -> None:
    """Raise an incident's level by a person's word, or lower it with a reason and with leave where that is wanted."""
    incident = _open_incident(world, command.incident)
    if command.level not in LEVELS:
        raise Refusal("out_of_range", "level", command.level, f"{LEVELS[0]} to {LEVELS[-1]}")
    if len(command.reason) > LONGEST_ID:
        raise Refusal("too_long", "reason", command.reason, f"{LONGEST_ID} characters")
    if command.level == incident.level:
        return
    if command.level > incident.level:
        if not command.reason:
            raise Refusal("missing", "reason", command.reason, "why the level is lowered")
        values = {"level": str(command.level), "reason": command.reason}
        if not ask_leave(world, draft, "lower", incident.id, acting_as=command.acting_as, values=values):
            return
    change_level(world, draft, incident, command.level, command.reason)


def change_level(world: World, draft: Draft, incident: Incident, level: int, reason: str) -> None:
    """Let an incident have another level from now on, with all that follows."""
    city = world.city
    after = msgspec.structs.replace(incident, level=level)
    card = city.run_cards.cards.get(incident.type)
    period = city.calendar.period_at(draft.now)
    sends = bool(incident.orders) or bool(world.state.demands.of_incident(incident.id))
    more: tuple[Need, ...] = ()
    approval, response = incident.approval, None
    if card is not None:
        response = card.at(level, period)
        more = _missing(city.needs(card.at(incident.level, period)), city.needs(response))
        if incident.lookout is None:  # a pursuit has the leave that verified its sighting
            approval = "by_rule" if response.approval == "by_rule" else "by_person"
    orders = [world.state.orders[name] for name in incident.orders]
    draft.emit(
        e.LevelChanged(
            incident=incident.id,
            was=incident.level,
            level=level,
            reason=reason,
            approval=approval,
            clocks_ms=incident_clocks_ms(
                city, incident.type, level, incident.lon, incident.lat, sends=sends or bool(more)
            ),
            order_clocks_ms={
                order.id: order_clocks_ms(city, after, order.recipient_kind, post=order.id in world.state.order_posts)
                for order in orders
                if order.state in OPEN_ORDERS
            },
        )
    )
    if response is not None:
        raise_demands(draft, incident.id, level, response.dispatch, more, prefer=response.prefer)
    tell_level(world, draft, world.state.incidents[incident.id], incident.level)
    if approval == "by_rule":
        _let_go(world, draft, incident.id)


def _open_incident(world: World, incident_id: IncidentId) -> Incident:
    incident = world.state.incidents.get(incident_id)
    if incident is None:
        raise Refusal("unknown_incident", "incident", incident_id, "an incident that is kept")
    if incident.state in ENDED_INCIDENTS:
        raise Refusal("wrong_state", "incident", incident_id, f"an open incident; it is {incident.state}")
    return incident


def _missing(before: tuple[Need, ...], after: tuple[Need, ...]) -> tuple[Need, ...]:
    """Return what one force has more than another: units, and people and sworn officers in them."""

    def counted(needs: tuple[Need, ...]) -> dict[Need, Counter[str]]:
        found: dict[Need, Counter[str]] = {}
        for need in needs:
            kind = msgspec.structs.replace(need, count=1, people=0, sworn=0)
            found.setdefault(kind, Counter()).update(count=need.count, people=need.people, sworn=need.sworn)
        return found

    more, had = [], counted(before)
    for kind, wanted in counted(after).items():
        lacking = wanted - had.get(kind, Counter())
        if lacking:
            people = max(lacking["people"], lacking["sworn"])
            count = max(1, lacking["count"])
            more.append(msgspec.structs.replace(kind, count=count, people=people, sworn=lacking["sworn"]))
    return tuple(more)


def _let_go(world: World, draft: Draft, incident_id: IncidentId) -> None:
    """Send what waits for leave: at this level it goes first."""
    for name in world.state.incidents[incident_id].orders:
        order = world.state.orders[name]
        if order.state is OrderState.PROPOSED:
            send_if_free(world, draft, order, via="policy", actor=BY_RULE)
