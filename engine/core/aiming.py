"""Who is under way in a pursuit that has moved: sent to where the subject was seen at once, and ahead of them next.

A worker draws the subject's ways and says where each of them can be ahead. Its answer is believed where the sighting
is still the newest, the order still says what it said, and its unit is still ahead by then; whoever cannot be ahead
goes on to where the subject was seen.
"""

from dataclasses import replace

import numpy as np

from engine.core.chasing import Hunt, draw_ways, is_ahead, is_newest, known_of, tell_ahead
from engine.core.draft import Draft
from engine.core.ports import Work
from engine.core.world import World
from engine.dispatch.ahead import look_ahead
from engine.dispatch.diversion import seen_by
from engine.fleet import READY
from engine.model import lookout_events as le
from engine.model.commands import Command
from engine.model.entities import Order
from engine.model.ids import IncidentId, UnitId
from engine.model.lifecycle import UNDER_WAY, OrderState
from engine.model.lookout_commands import ApplyAims
from engine.model.pursuits import Aim


def next_aims(world: World, now: int) -> list[Work]:
    """Return what workers are to be asked about pursuits that have moved since."""
    works = []
    for incident in world.to_aim:
        hunt = known_of(world, incident, now) if incident in world.state.pursuits else None
        orders = [order for order in _under_way(world, incident) if order.recipient in world.fleet]
        if isinstance(hunt, Hunt) and orders:
            works.append(_asked(world, incident, hunt, orders, now))
    world.to_aim.clear()
    return works


def apply_aims(world: World, draft: Draft, command: ApplyAims) -> None:
    """Amend the orders of who is ahead of the subject, as far as that holds."""
    for aim in command.aims:
        order = world.state.orders.get(aim.order)
        if order is None or order.version != aim.version or order.id in world.state.order_posts:
            continue
        holds = is_newest(world, order.incident, aim.chased) and is_ahead(aim.meeting, draft.now - command.made_at)
        if holds and order.state in UNDER_WAY:
            _amend(world, draft, order, aim)


def _under_way(world: World, incident: IncidentId) -> list[Order]:
    """Return the orders of units under way in a pursuit, those for posts left out."""
    its = (world.state.orders[name] for name in world.state.incidents[incident].orders)
    return [
        order
        for order in its
        if order.recipient_kind == "unit" and order.state in UNDER_WAY and order.id not in world.state.order_posts
    ]


def _asked(world: World, incident: IncidentId, hunt: Hunt, orders: list[Order], now: int) -> Work:
    """Ask a worker: it gets frozen copies of all that it needs."""
    force, flight, policies, spot = world.force.frozen(), world.flight, world.city.policies, world.spot(incident)
    rows = [world.fleet.index(UnitId(order.recipient)) for order in orders]
    rolling = [row for row, order in zip(rows, orders, strict=True) if order.state is OrderState.EN_ROUTE]
    versions = [(order.id, order.version) for order in orders]
    fresh_after = policies.seen_after(now)

    def work() -> Command:
        pursued = draw_ways(flight, hunt, force.times.weights)
        seen = seen_by(force.fleet, 0, policies, may_divert=False)
        bits, turnout_ms = np.zeros_like(seen.bits), seen.turnout_ms.copy()
        bits[rows], turnout_ms[rolling] = READY, 0
        seen = replace(seen, bits=bits, turnout_ms=turnout_ms)
        ahead = look_ahead(pursued, spot.arc, spot.fraction, force, seen, READY, fresh_after)
        met = [(row, *named) for row, named in zip(rows, versions, strict=True)]
        aims = tuple(
            Aim(order=order, version=version, meeting=meeting, chased=ahead.said, route=ahead.way(row, force))
            for row, order, version in met
            if (meeting := ahead.meeting(row, force)) is not None
        )
        return ApplyAims(actor="system", made_at=now, aims=aims)

    return work


def _amend(world: World, draft: Draft, order: Order, aim: Aim) -> None:
    """Give an order the place where its unit is ahead, and the way there from where it was a moment ago."""
    meeting = aim.meeting
    draft.emit(
        le.OrderAmended(
            order=order.id,
            version=order.version + 1,
            lon=meeting.lon,
            lat=meeting.lat,
            eta_ms=meeting.eta_ms,
            route=aim.route,
            meeting=meeting,
            chased=aim.chased,
        )
    )
    draft.mail(order.recipient, "order", world.state.orders[order.id])
    tell_ahead(draft, order, meeting)
