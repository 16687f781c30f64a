"""Posts around who is pursued: asked of a worker, believed as far as they hold, ordered by leave, kept where of use."""

from dataclasses import replace

import numpy as np
import pytest

from engine import DecideStep, EndIncident, Engine, PositionFix, SetSpeedRule, SetUnitStatus, SpeedRule, Spot
from engine.containment import SURE_STRETCH, Checker, Crew, Seen, Situation
from engine.core.apply import apply
from engine.core.containing import MOST_TRIES, _question, is_sealed
from engine.core.flight import _kept
from engine.core.standing_lookouts import task_of
from engine.core.state import State
from engine.dispatch.policies import Policies
from engine.model import events as e
from engine.model import lookout_events as le
from engine.model.commands import ChooseUnit, ReplaceOrder, ReturnOrder
from engine.model.demand_events import DemandRaised
from engine.model.ids import DESK
from engine.model.lifecycle import OPEN_ORDERS, OrderState, UnitStatus
from engine.model.lookout_commands import LiftLookout
from engine.service.order_views import open_orders as shown_to
from tests.core.test_pursuit import answer, open_orders
from tests.support.cards import county_with
from tests.support.cities import unit
from tests.support.lookouts import Later, Room, place

EVERYWHERE = tuple(unit(f"u{c}{r}", c, r) for c in range(6) for r in range(5) if (c + r) % 2 == 0)
HORIZON_MS = 180_000


@pytest.fixture(scope="module")
def auto(tmp_path_factory):
    """Run cards by which nobody need be asked to shut a road."""
    text = 'approve = { send = "verify_by_analyst", roadblock = "auto" }'
    path = tmp_path_factory.mktemp("cards")
    return county_with(path, wanted_sighting=text)


def room_with(cards=None, units=EVERYWHERE, jobs=None, horizon_ms=HORIZON_MS):
    more = {} if cards is None else {"run_cards": cards}
    # With a worker that waits to be told, who goes is decided at once: these are about roads alone.
    ahead = {} if jobs is None else {"ahead_horizon_ms": 0}
    policies = Policies(stale_position_ms=0, contain_horizon_ms=horizon_ms, **ahead)
    return Room(units=units, jobs=jobs, policies=policies, **more)


def chase(room, column=2.5, row=2, **more):
    lookout = room.lookout()
    room.verified(lookout, column, row, **{"mode": "foot"} | more)
    return lookout, room.state.lookouts[lookout].incident


def plans(room):
    return [event.body for event in room.journal.read() if isinstance(event.body, le.ContainmentPlanned)]


def post_orders(room):
    return {o.recipient: o for o in open_orders(room).values() if o.id in room.state.order_posts}


def test_a_seal_is_ordered_post_by_post_and_an_adversary_of_its_own_finds_no_gap(auto):
    room = room_with(auto)
    lookout, incident = chase(room)
    assert [plan.outcome for plan in plans(room)] == ["held", "held"]
    proposal = room.state.pursuits[incident].proposal
    assert proposal.verdict == "sealed"
    assert proposal.stretch >= SURE_STRETCH
    assert is_sealed(room.state, incident, room.clock.time)
    posts = {u: post for post in proposal.posts for u in post.units}
    orders = post_orders(room)
    assert set(orders) == set(posts)
    for name, order in orders.items():
        post, duty = posts[name], room.state.order_posts[order.id]
        assert (order.lon, order.lat, order.state) == (post.lon, post.lat, OrderState.SENT)
        assert (duty.watch_deg, duty.due_at, duty.duty) == (post.watch_deg, post.due_at, "block")
        assert task_of(room.state, order) == "block"
        (view,) = shown_to(room.engine, name)
        assert (view.task, view.label, view.post.due_at) == ("block", "Zhang San", post.due_at)
        assert view.post.watch_deg
    # One keeps after the subject.
    tasks = [task_of(room.state, o) for o in open_orders(room).values() if o.recipient in room.state.units]
    assert tasks.count("seize") == 1
    assert not _gap(room, lookout, proposal)


def _gap(room, lookout, proposal):
    """Ask the separate checker for a way past the posts, each from when it stands."""
    world, network = room.engine, room.engine.city.network
    seen = room.state.sightings[room.state.lookouts[lookout].track[-1]]
    spot = room.engine.city.snapper.snap(seen.lon, seen.lat)
    situation = Situation(
        seen=(Seen(spot.arc, spot.fraction, proposal.made_at - seen.at),),
        horizon_ms=HORIZON_MS,
        crew=Crew.of([], []),
    )
    suspect_ms = np.ceil(np.asarray(network.arc_length_m) / 6.0 * 1000).astype(np.int32)
    ready = {}
    for post in proposal.posts:
        (node,) = np.flatnonzero((network.node_lon == post.lon) & (network.node_lat == post.lat))
        ready[int(node)] = post.ready_at - proposal.made_at
    check = Checker(world.times.weights, suspect_ms).of(situation)
    assert check.gap({}), "without posts there is a way out"
    return check.gap(ready)


def test_roads_are_shut_once_the_commander_has_agreed_and_the_leave_holds_for_the_pursuit():
    room = room_with()
    lookout, incident = chase(room)
    assert room.state.pursuits[incident].proposal.verdict == "sealed"
    assert not post_orders(room)
    assert not is_sealed(room.state, incident, room.clock.time)
    (step,) = [step for step in room.state.steps_of(incident) if step.step == "roadblock"]
    assert (step.line[0].by, step.values["verdict"]) == ("commander", "sealed")
    assert [n["what"] for n in room.notices(DESK, "leave_wanted")] == ["roadblock"]
    room.clock.time += 5_000
    room.say(DecideStep(actor="user:chen", step=step.id, granted=True))
    assert post_orders(room)
    assert is_sealed(room.state, incident, room.clock.time)
    room.clock.time += 70_000
    room.verified(lookout, 2.9, 2, mode="foot")
    assert len([step for step in room.state.steps_of(incident) if step.step == "roadblock"]) == 1


def test_without_leave_nobody_shuts_a_road():
    room = room_with()
    lookout, incident = chase(room)
    (step,) = [step for step in room.state.steps_of(incident) if step.step == "roadblock"]
    room.say(DecideStep(actor="user:chen", step=step.id, granted=False))
    room.clock.time += 70_000
    room.verified(lookout, 2.9, 2, mode="foot")
    assert not post_orders(room)


def test_leave_that_comes_too_late_for_its_plan_leads_to_a_new_one():
    room = room_with()
    _, incident = chase(room)
    (step,) = [step for step in room.state.steps_of(incident) if step.step == "roadblock"]
    before = room.state.pursuits[incident].proposal
    room.clock.time += 150_000
    room.say(DecideStep(actor="user:chen", step=step.id, granted=True))
    after = room.state.pursuits[incident].proposal
    assert after.made_at > before.made_at
    assert is_sealed(room.state, incident, room.clock.time) == (after.verdict == "sealed")


def test_posts_that_still_serve_stay_as_they_are_when_the_subject_is_seen_again(auto):
    room = room_with(auto)
    lookout, incident = chase(room)
    orders = post_orders(room)
    assert len(orders) >= 4
    for order in orders.values():
        fix = PositionFix(unit=order.recipient, lon=order.lon, lat=order.lat, at=room.clock.time)
        room.engine.move([fix], room.clock.time)
        answer(room, order, "accept", "en_route", "on_scene")
    mail = {name: len(room.mail(name)) for name in orders}
    room.clock.time += 61_000
    room.verified(lookout, 2.6, 2, mode="foot")
    assert post_orders(room).keys() == orders.keys()
    assert {name: len(room.mail(name)) for name in orders} == mail
    assert is_sealed(room.state, incident, room.clock.time)


def test_posts_that_serve_no_more_are_given_up_and_others_ordered(auto):
    room = room_with(auto)
    lookout, incident = chase(room)
    before = {(o.lon, o.lat) for o in post_orders(room).values()}
    room.clock.time += 200_000
    room.verified(lookout, 4.5, 0, mode="foot")
    after = {(o.lon, o.lat) for o in post_orders(room).values()}
    assert before - after
    newest = room.state.pursuits[incident].proposal
    assert after == {(post.lon, post.lat) for post in newest.posts}
    for name in room.state.units:
        assert len([o for o in room.state.orders.values() if o.recipient == name and o.state in OPEN_ORDERS]) <= 1


def test_some_posts_of_a_seal_are_none_though_the_map_ends_before_twice_the_horizon(auto):
    room = room_with(auto)
    lookout, incident = chase(room)
    proposal = room.state.pursuits[incident].proposal
    assert len(proposal.posts) > 3
    world = room.engine._world
    seen = room.state.sightings[room.state.lookouts[lookout].track[-1]]
    asked = _question(world, incident, seen, "first", room.clock.time)

    def kept(posts):
        question = replace(asked, standing=posts)
        flight = world.flight
        situation = Situation(
            seen=tuple(Seen(arc, fraction, question.now - question.seen_at) for arc, fraction in question.seen),
            horizon_ms=question.horizon_ms,
            crew=Crew.of(question.unit_arc, question.unit_fraction, question.turnout_ms),
            exits=flight.exits,
        )
        return _kept(flight.planner(question.mode, question.weights), situation, question)

    for few in (1, 2, 3):
        assert kept(proposal.posts[:few]) is None
    assert kept(proposal.posts).verdict == "sealed"


def test_car_and_foot_are_planned_on_their_own_networks_and_speeds(auto):
    on_foot, driving = room_with(auto), room_with(auto)
    for room, mode in ((on_foot, "foot"), (driving, "car")):
        chase(room, mode=mode)
    due = [
        min(post.due_at - plan.proposal.made_at for plan in plans(room) for post in plan.proposal.posts)
        for room in (on_foot, driving)
    ]
    assert due[0] > due[1]


def test_a_unit_that_was_taken_while_the_worker_planned_is_noticed(auto):
    later = Later()
    room = room_with(auto, jobs=later)
    _, incident = chase(room)
    taken = next(iter(u for u in room.state.units if u not in room.state.claims and u in ("u42", "u33", "u31")))
    room.say(SetUnitStatus(actor="d", key="s", unit=taken, status=UnitStatus.BUSY))
    later.run(room)
    assert [plan.outcome for plan in plans(room)] == ["outdated"]
    assert not post_orders(room)
    later.run(room)
    assert plans(room)[-1].outcome == "held"
    assert taken not in post_orders(room)
    assert room.state.pursuits[incident].tries == 2


def test_a_plan_over_other_travel_times_is_outdated(auto):
    later = Later()
    room = room_with(auto, jobs=later)
    chase(room)
    asked, later.works = later.works, []
    rule = SpeedRule(factor=0.0, spots=(Spot(*place(0.5, 0)),))
    room.say(SetSpeedRule(actor="d", key="r", rule=rule))
    later.run(room)  # another version of the times is in force
    later.works += asked
    later.run(room)
    assert plans(room)[0].outcome == "outdated"


def test_a_plan_that_comes_late_has_no_margin_and_is_no_seal(auto):
    later = Later()
    room = room_with(auto, jobs=later, horizon_ms=105_000)
    _, incident = chase(room)
    room.clock.time += 25_000
    later.run(room)
    assert plans(room)[0].proposal.verdict == "sealed"
    assert plans(room)[0].outcome == "outdated"
    assert room.state.pursuits[incident].proposal is None
    assert not is_sealed(room.state, incident, room.clock.time)


def test_whoever_is_under_way_to_the_same_post_is_told_where_the_subject_may_be_there_sooner(auto):
    room = room_with(auto)
    lookout, incident = chase(room)
    before = {name: (order, room.state.order_posts[order.id].due_at) for name, order in post_orders(room).items()}
    room.clock.time += 1_000
    room.verified(lookout, 2.5, 2.4, mode="foot")
    sooner = 0
    for post in room.state.pursuits[incident].proposal.posts:
        for unit_id in post.units:
            order = post_orders(room)[unit_id]
            assert room.state.order_posts[order.id].due_at <= post.due_at
            first, due_at = before.get(unit_id, (None, 0))
            if first is not None and (first.lon, first.lat) == (post.lon, post.lat) and post.due_at < due_at:
                sooner += 1
                assert order.id == first.id
                assert order.version > first.version
    assert sooner


def test_an_answer_about_an_older_sighting_is_waited_for_by_nobody(auto):
    later = Later()
    room = room_with(auto, jobs=later)
    lookout, incident = chase(room)
    room.clock.time += 70_000
    room.verified(lookout, 2.9, 2, mode="foot")
    assert len(later.works) == 2
    later.run(room)
    assert {plan.plan for plan in plans(room)} == {f"grid-plan-{2}"}
    assert room.state.pursuits[incident].sighting == room.state.lookouts[lookout].track[-1]


def test_who_refuses_a_post_is_replaced_by_a_plan_without_them_and_it_is_no_seal_meanwhile(auto):
    later = Later()
    room = room_with(auto, jobs=later)
    _, incident = chase(room)
    later.run(room)
    later.run(room)
    assert is_sealed(room.state, incident, room.clock.time)
    first = next(iter(post_orders(room).values()))
    room.say(SetUnitStatus(actor="d", key="x", unit=first.recipient, status=UnitStatus.BUSY))
    answer(room, first, "refuse")
    room.say(SetUnitStatus(actor="d", key="y", unit=first.recipient, status=UnitStatus.BUSY))
    assert not is_sealed(room.state, incident, room.clock.time)
    later.run(room)
    assert first.recipient not in post_orders(room)
    assert room.state.pursuits[incident].tries <= MOST_TRIES


def test_who_leaves_the_post_unmanned_past_its_time_opens_the_seal(auto):
    room = room_with(auto)
    _, incident = chase(room)
    due_at = max(post.due_at for post in room.state.pursuits[incident].proposal.posts)
    assert not is_sealed(room.state, incident, due_at + 1)


def test_everything_is_withdrawn_with_the_pursuit(auto):
    for end in ("lifted", "resolved"):
        room = room_with(auto)
        lookout, incident = chase(room)
        assert post_orders(room)
        if end == "lifted":
            room.say(LiftLookout(actor="d", lookout=lookout, reason="caught"))
        else:
            room.say(EndIncident(actor="d", incident=incident, state="resolved"))
        assert not open_orders(room)
        assert not room.state.demands
        assert not room.state.pursuits


def test_to_observe_shuts_no_road(auto):
    room = room_with(auto)
    lookout = room.lookout("observe")
    room.verified(lookout, 2.5, 2)
    assert not plans(room)


def test_a_replay_gives_the_same_posts(auto):
    room = room_with(auto)
    lookout, _ = chase(room)
    room.clock.time += 61_000
    room.verified(lookout, 2.9, 2, mode="foot")
    again = Engine(room.engine.city, journal=room.journal, clock=room.clock)
    assert again.snapshot() == room.engine.snapshot()


def test_what_a_post_wants_is_known_to_be_of_a_post_and_waits_for_nobody_else():
    state = State()
    body = DemandRaised(demand="grid-demand-1", incident="grid-incident-1", capability="patrol", level=1, post=True)
    apply(state, e.Event(1, 0, "core", body))
    assert state.demands["grid-demand-1"].post


def test_a_post_that_its_unit_returns_is_left_to_the_next_plan(auto):
    room = room_with(auto)
    _, incident = chase(room)
    _, order = next(iter(post_orders(room).items()))
    answer(room, order, "accept")
    said = ReturnOrder(actor="device:x", key="r", order=order.id, version=order.version, reason="blocked")
    assert room.engine.submit(said)[0].refusal is None
    step = room.state.steps_of(incident)[-1]
    assert room.engine.submit(DecideStep(actor="user:li", step=step.id, granted=True))[0].refusal is None
    assert room.state.orders[order.id].state is OrderState.CANCELLED
    assert not room.state.kept.relieving
    # Nobody is sent to the scene for a post: whoever takes one is said by a plan.
    assert all(
        demand.order or demand.post for demand in room.state.demands.values() if demand.id in _post_demands(room)
    )


def _post_demands(room):
    raised = (event.body for event in room.journal.read() if event.kind == "demand_raised")
    return {body.demand for body in raised if body.post}


def test_who_is_chosen_for_a_post_goes_there_with_its_duty_and_no_next_is_sought_by_itself(auto):
    room = room_with(auto)
    chase(room)
    _, order = next(iter(post_orders(room).items()))
    free = next(u for u, status in room.state.unit_status.items() if status is UnitStatus.AVAILABLE)
    taken_back = ReplaceOrder(actor="user:li", key="b", order=order.id, version=order.version, reason="far")
    assert room.engine.submit(taken_back)[0].refusal.code == "wrong_state"
    chosen = ChooseUnit(
        actor="user:li", key="c", order=order.id, version=order.version, recipient=free, why="knows_place"
    )
    reply = room.engine.submit(chosen)[0]
    assert reply.refusal is None, reply.refusal
    instead = next(event.body.order for event in reply.events if event.kind == "order_proposed")
    assert (instead.recipient, instead.lon, instead.lat) == (free, order.lon, order.lat)
    duty = next(event.body.post for event in reply.events if event.kind == "order_proposed")
    assert duty.duty == "block"
