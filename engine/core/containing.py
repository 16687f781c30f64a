"""Which roads to hold around who is pursued: asked of a worker, held against what is so by then, made orders for posts.

Each newest sighting of a lookout to seize is asked about twice: for the first answer at once, then for the best. What
comes back is believed only as far as it still holds: the sighting is still the newest, the units are still free, the
travel times are the same, and every post of a seal still stands in time with its margin, from now on. A seal that lost
any of this is no seal and is asked for anew. Posts are ordered once the run card's leave (`roadblock`) is given, one
leave for one pursuit; a post that the next plan wants as it is stays as it is.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.containment.plan import SURE_STRETCH
from engine.containment.situation import SETUP_MS
from engine.core.calling import call, called, calls, may_be_called, until_barred_ms
from engine.core.chasing import places_of
from engine.core.draft import Draft
from engine.core.flight import Question, plan_posts
from engine.core.orders import BY_RULE, free, propose, reach, send
from engine.core.ports import Work
from engine.core.roadblocks import ask_to_hold, granted, is_denied
from engine.core.state import Demand, State
from engine.core.telling_neighbours import tell_neighbours
from engine.core.under_stations import demands_of
from engine.core.world import World
from engine.fleet import READY
from engine.model import lookout_events as le
from engine.model.commands import Command
from engine.model.demand_events import DemandDropped, DemandRaised
from engine.model.entities import Incident, Order
from engine.model.errors import Refusal
from engine.model.ids import DemandId, IncidentId, LookoutId, PlanId, RecipientId, UnitId
from engine.model.lifecycle import HOLDING_ORDERS, OPEN_ORDERS, UNDER_WAY, OrderState
from engine.model.limits import MOST_CREW, OLDEST_SEEN_MS
from engine.model.lookout_commands import ApplyContainment
from engine.model.lookouts import Sighting
from engine.model.pursuits import Outcome, Post, PostDuty, Proposal, Pursuit, Stage
from engine.model.recommendation import Candidate

MOST_TRIES = 6
"""Plans asked for about one sighting, the first and the best included."""
DISPERSED = "not_wanted_here"
"""Why an order for a post is replaced: the newest plan has no such post for this unit."""


def next_containments(world: World, draft: Draft) -> list[Work]:
    """Return the plans to be made now: of each pursuit whose newest sighting has no answer yet, or no good one."""
    if not world.city.policies.contain_horizon_ms:
        return []
    works = []
    for incident_id, pursuit in list(world.state.pursuits.items()):
        lookout = world.state.lookouts.get(world.state.incidents[incident_id].lookout or LookoutId(""))
        if lookout is None or lookout.terms.list_class != "seize" or not lookout.track:
            continue
        if any(demand.plan is not None for demand in world.state.demands.of_incident(incident_id)):
            continue  # who keeps after the subject is being decided: all others can hold a post
        seen = world.state.sightings[lookout.track[-1]]
        stage = _stage(world, incident_id, pursuit, seen, draft.now)
        if stage is not None:
            works.append(_ask(world, draft, incident_id, seen, stage))
    return works


def _stage(world: World, incident: IncidentId, pursuit: Pursuit, seen: Sighting, now: int) -> Stage | None:
    """Return what is to be asked about a pursuit; None for nothing now."""
    if now - seen.at > OLDEST_SEEN_MS:
        return None
    if pursuit.sighting != seen.id:
        return "first"
    if pursuit.plan is not None or pursuit.tries >= MOST_TRIES:
        return None
    proposal = pursuit.proposal
    if pursuit.stage == "first":
        return "best" if proposal is None or proposal.verdict != "no_way_out" else None
    return "best" if _lost(world, incident, proposal, now) else None


def _lost(world: World, incident: IncidentId, proposal: Proposal | None, now: int) -> bool:
    """Tell whether a post has nobody, though leave was given and it could still be of use."""
    if proposal is None:
        return True
    if not granted(world, incident):
        return False
    held = {order.recipient for order in _post_orders(world, incident)}
    posts = [post for post in proposal.posts if post.due_at > now]
    return any(who not in held for post in posts for who in post.holders)


def _ask(world: World, draft: Draft, incident: IncidentId, seen: Sighting, stage: Stage) -> Work:
    """Ask a worker: it gets frozen copies of all that it needs."""
    plan = PlanId(draft.mint("plan"))
    draft.emit(
        le.ContainmentRequested(
            plan=plan, incident=incident, sighting=seen.id, stage=stage, state_version=world.state.seq
        )
    )
    question = _question(world, incident, seen, stage, draft.now)
    flight = world.flight

    def work() -> Command:
        try:
            return ApplyContainment(actor="system", plan=plan, proposal=plan_posts(flight, question))
        except Refusal as refusal:
            return ApplyContainment(actor="system", plan=plan, proposal=None, failed=refusal.code)

    return work


def _question(world: World, incident_id: IncidentId, seen: Sighting, stage: Stage, now: int) -> Question:
    rows = _crew(world, incident_id, seen, now)
    fleet = world.fleet
    turnout_ms = fleet.turnout_ms[rows].astype(np.int64)
    orders = {order.recipient: order for order in _open_orders(world, incident_id)}
    for number, row in enumerate(rows.tolist()):
        its = orders.get(RecipientId(fleet.ids[row]))
        if its is not None and its.state in (OrderState.EN_ROUTE, OrderState.ON_SCENE, OrderState.REPORTED):
            turnout_ms[number] = 0
    return Question(
        mode=seen.mode,
        weights=world.times.weights,
        times_version=world.speeds.traffic.version,
        now=now,
        stage=stage,
        seen=places_of(world, seen),
        seen_at=min(seen.at, now),
        heading_deg=seen.heading_deg,
        horizon_ms=world.city.policies.contain_horizon_ms,
        units=tuple(UnitId(fleet.ids[row]) for row in rows.tolist()),
        unit_arc=fleet.arc[rows].copy(),
        unit_fraction=fleet.fraction[rows].copy(),
        turnout_ms=turnout_ms + world.city.fixed_ms,
        calls=calls(world, incident_id, seen, now),
        standing=_standing(world, incident_id, now),
    )


def _crew(world: World, incident: IncidentId, seen: Sighting, now: int) -> NDArray[np.int64]:
    """Return the rows of who could hold a post: who is free, and who is on this pursuit but for one who keeps after."""
    fleet = world.fleet
    able = (fleet.bits & np.uint64(READY)) != 0
    on_it = _open_orders(world, incident)
    chasing = [its for its in on_it if its.id not in world.state.order_posts and its.state in UNDER_WAY]
    first = min(chasing, key=lambda its: its.proposed_at + (its.eta_ms or 0), default=None)
    for order in on_it:
        if order.recipient in fleet and order is not first:
            able[fleet.index(order.recipient)] = True
    able &= (fleet.arc >= 0) & (fleet.fixed_at >= world.city.policies.seen_after(now))
    rows = np.flatnonzero(able)
    if len(rows) > MOST_CREW:
        apart = np.abs(fleet.lon[rows] - seen.lon) + np.abs(fleet.lat[rows] - seen.lat)
        rows = np.sort(rows[np.argsort(apart, kind="stable")[:MOST_CREW]])
    return rows


def _standing(world: World, incident: IncidentId, now: int) -> tuple[Post, ...]:
    """Return the posts that are ordered and have all who hold them, with when they stand as things are now."""
    proposal = world.state.pursuits[incident].proposal
    held = {order.recipient: order for order in _post_orders(world, incident)}
    found = []
    for post in proposal.posts if proposal is not None else ():
        if not all(who in held and _is_at(held[who], post) for who in post.holders):
            continue
        waits = [_until_standing(world, held[who], post, now) for who in post.holders]
        known = [wait for wait in waits if wait is not None]
        if len(known) == len(waits):
            ready_ms, fixed_ms = max(known)
            found.append(msgspec.structs.replace(post, ready_at=now + ready_ms, fixed_ms=fixed_ms))
    return tuple(found)


def _until_standing(world: World, order: Order, post: Post, now: int) -> tuple[int, int] | None:
    """Return in how long a post stands, in ms, and how much of that is no driving; None where unknown."""
    if order.state not in UNDER_WAY:
        return 0, 0
    if order.recipient_kind == "station":
        barred_ms = until_barred_ms(world, order, now)
        return barred_ms, barred_ms
    candidate, _ = _way(world, demands_of(world.state, order), UnitId(order.recipient), post)
    if candidate is None:
        return None
    fixed_ms = SETUP_MS + (0 if order.state is OrderState.EN_ROUTE else candidate.turnout_ms)
    return fixed_ms + candidate.travel_ms, fixed_ms


def apply_containment(world: World, draft: Draft, command: ApplyContainment) -> None:
    """Take a worker's answer: what of it holds is kept, and ordered where leave is given; the rest is asked anew."""
    found = (its for its, pursuit in world.state.pursuits.items() if pursuit.plan == command.plan)
    incident_id = next(found, None)
    if incident_id is None:
        return  # the pursuit has ended, or was asked about anew: nobody waits for this any more
    outcome, proposal = _judged(world, incident_id, command.proposal, draft.now)
    draft.emit(
        le.ContainmentPlanned(
            plan=command.plan, incident=incident_id, outcome=outcome, proposal=proposal, failed=command.failed
        )
    )
    if outcome != "held" or proposal is None:
        return
    # A first answer that knows no posts is no reason to leave those that stand: the best one comes.
    is_last = world.state.pursuits[incident_id].stage == "best" or proposal.verdict == "no_way_out"
    ends = is_last and bool(_post_orders(world, incident_id))
    if (proposal.posts and ask_to_hold(world, draft, incident_id, proposal)) or ends:
        _hold(world, draft, incident_id, proposal)
    _tell(world, draft, incident_id, proposal)


def _judged(world: World, incident: IncidentId, proposal: Proposal | None, now: int) -> tuple[Outcome, Proposal | None]:
    """Hold a proposal against what is so by now."""
    if proposal is None:
        return "failed", None
    if proposal.times_version != world.speeds.traffic.version:
        return "outdated", proposal
    usable = {order.recipient for order in _open_orders(world, incident)}
    posts = [
        post
        for post in proposal.posts
        if all(free(world, unit) or RecipientId(unit) in usable for unit in post.units)
        and (post.station is None or may_be_called(world, incident, post.station))
    ]
    if proposal.verdict != "sealed":
        return "held", msgspec.structs.replace(proposal, posts=tuple(posts))
    late_ms = now - proposal.made_at
    stretches = [_stretch(post, proposal.made_at, late_ms) for post in posts]
    if len(posts) < len(proposal.posts) or min(stretches, default=SURE_STRETCH) < SURE_STRETCH:
        return "outdated", proposal
    posts = [msgspec.structs.replace(post, stretch=s) for post, s in zip(posts, stretches, strict=True)]
    return "held", msgspec.structs.replace(proposal, posts=tuple(posts), stretch=min(stretches, default=0))


def _stretch(post: Post, made_at: int, late_ms: int) -> int:
    """Return by how much the ways of a post may take longer where its units set out so much later than reckoned."""
    way_ms = post.ready_at - made_at - post.fixed_ms
    if way_ms <= 0:  # its units are there: nothing but setting up takes time
        return post.stretch if post.due_at - made_at - post.fixed_ms >= late_ms else 0
    return min(post.stretch, (post.due_at - made_at - post.fixed_ms - late_ms) * 1000 // way_ms)


def hold_posts(world: World, draft: Draft, incident_id: IncidentId) -> None:
    """Order the posts of the newest plan, now that leave is given; where it holds no more it is asked for anew."""
    pursuit = world.state.pursuits.get(incident_id)
    if pursuit is None or pursuit.proposal is None:
        return
    outcome, proposal = _judged(world, incident_id, pursuit.proposal, draft.now)
    if outcome == "held" and proposal is not None:
        _hold(world, draft, incident_id, proposal)
        _tell(world, draft, incident_id, proposal)


def leave_posts(world: World, draft: Draft, incident_id: IncidentId) -> None:
    """Note that no road may be held: what the plan would have sealed is open."""
    pursuit = world.state.pursuits.get(incident_id)
    if pursuit is not None and pursuit.proposal is not None:
        _tell(world, draft, incident_id, pursuit.proposal)


def _tell(world: World, draft: Draft, incident_id: IncidentId, proposal: Proposal) -> None:
    """Tell neighbour cities what the newest plan means for them; where a seal waits for leave, nothing yet."""
    sealed = is_sealed(world.state, incident_id, draft.now)
    if sealed or proposal.verdict != "sealed" or is_denied(world, incident_id):
        tell_neighbours(world, draft, incident_id, () if sealed else proposal.leaving, sealed=sealed)


def is_sealed(state: State, incident_id: IncidentId, now: int) -> bool:
    """Tell whether the subject of a pursuit is shut in, as far as is known: ordered, in time, by the newest plan."""
    pursuit = state.pursuits.get(incident_id)
    lookout = state.lookouts.get(state.incidents[incident_id].lookout or LookoutId(""))
    if pursuit is None or pursuit.proposal is None or lookout is None or not lookout.track:
        return False
    if pursuit.proposal.verdict != "sealed" or pursuit.sighting != lookout.track[-1] or pursuit.plan is not None:
        return False
    its_orders = map(state.orders.__getitem__, state.incidents[incident_id].orders)
    orders = {o.recipient: o for o in its_orders if o.state in OPEN_ORDERS and o.id in state.order_posts}
    for post in pursuit.proposal.posts:
        for who in post.holders:
            its = orders.get(who)
            if its is None or not _is_at(its, post):
                return False
            if its.state in UNDER_WAY and now > post.due_at:
                return False
    return True


def _hold(world: World, draft: Draft, incident_id: IncidentId, proposal: Proposal) -> None:
    """Order the posts of a plan: ends first, then what changes, then what is new."""
    incident = world.state.incidents[incident_id]
    wanted = {who: post for post in proposal.posts for who in post.holders}
    has = {order.recipient: order for order in (*_open_orders(world, incident_id), *called(world, incident_id))}
    for who, order in list(has.items()):
        if _must_end(world, order, wanted.get(who)):
            if order.id in world.state.order_posts:
                for demand in demands_of(world.state, order):
                    if demand.post:
                        draft.emit(DemandDropped(demand=demand.id, reason=DISPERSED))
            draft.withdraw(world.state.orders[order.id], OrderState.REPLACED, DISPERSED)
            del has[who]
    for who, post in wanted.items():
        if who in has:
            _amend(world, draft, has[who], post)
        elif post.station is not None:
            call(world, draft, incident, post, _duty(post, who))
        elif free(world, UnitId(who)):
            _order(world, draft, incident, UnitId(who), post)


def _must_end(world: World, order: Order, post: Post | None) -> bool:
    """Tell whether an order cannot go on under the newest plan, nor be amended to what the plan wants of its unit."""
    if post is None:
        return order.id in world.state.order_posts
    return order.state not in UNDER_WAY and not _is_at(order, post)


def _amend(world: World, draft: Draft, order: Order, post: Post) -> None:
    """Let an order be for a post, unless it says so already."""
    said = _duty(post, order.recipient)
    if _is_at(order, post) and _says(world, order, said):
        return
    candidate, route = _way(world, demands_of(world.state, order), UnitId(order.recipient), post)
    rolling = order.state is OrderState.EN_ROUTE
    eta_ms = None if candidate is None else candidate.travel_ms if rolling else candidate.eta_ms
    draft.emit(
        le.OrderAmended(
            order=order.id,
            version=order.version + 1,
            lon=post.lon,
            lat=post.lat,
            eta_ms=eta_ms,
            route=route,
            post=said,
        )
    )
    draft.mail(order.recipient, "order", world.state.orders[order.id])


def _says(world: World, order: Order, said: PostDuty) -> bool:
    """Tell whether an order says of its post what is to be said: that it has more time than it was told need not be."""
    before = world.state.order_posts.get(order.id)
    if before is None or msgspec.structs.replace(before, due_at=said.due_at) != said:
        return False
    return before.due_at <= said.due_at or order.state not in UNDER_WAY


def _order(world: World, draft: Draft, incident: Incident, unit: UnitId, post: Post) -> None:
    """Order a unit that is free to a post."""
    demand_id = DemandId(draft.mint("demand"))
    capability = world.state.units[unit].capabilities[0]
    draft.emit(
        DemandRaised(demand=demand_id, incident=incident.id, capability=capability, level=incident.level, post=True)
    )
    demand = world.state.demands[demand_id]
    found, route = _way(world, [demand], unit, post)
    turnout_ms = world.state.units[unit].turnout_ms
    order = propose(
        world,
        draft,
        demand,
        found or Candidate(RecipientId(unit), turnout_ms, turnout_ms, 0),
        route,
        known_eta=found is not None,
        place=(post.lon, post.lat),
        post=_duty(post, RecipientId(unit)),
    )
    send(world, draft, order, via="policy", actor=BY_RULE)


def _way(world: World, demands: list[Demand], unit: UnitId, post: Post) -> tuple[Candidate | None, str]:
    return reach(world, demands[0], unit, world.place(post.lon, post.lat)) if demands else (None, "")


def _duty(post: Post, who: RecipientId) -> PostDuty:
    beside = tuple(other for other in post.units if RecipientId(other) != who)
    return PostDuty(duty=post.duty, watch_deg=post.watch_deg, due_at=post.due_at, beside=beside)


def _is_at(order: Order, post: Post) -> bool:
    return (order.lon, order.lat) == (post.lon, post.lat)


def _open_orders(world: World, incident: IncidentId) -> list[Order]:
    """Return the open orders to units of a pursuit that were sent."""
    its = (world.state.orders[name] for name in world.state.incidents[incident].orders)
    return [order for order in its if order.recipient_kind == "unit" and order.state in HOLDING_ORDERS]


def _post_orders(world: World, incident: IncidentId) -> list[Order]:
    """Return the open orders for posts: of units, and calls of checkpoints."""
    of_units = [order for order in _open_orders(world, incident) if order.id in world.state.order_posts]
    return of_units + called(world, incident)
