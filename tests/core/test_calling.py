"""Standing checkpoints in a pursuit: told, kept, let go; what one bars counts like any other post."""

import io

import msgspec
import numpy as np
import pytest
from rich.console import Console

from engine import AnswerOrder, DecideStep, EndIncident, Engine, Tick
from engine.cli.explain import _print_posts
from engine.containment import SURE_STRETCH, Checker, Crew, Seen, Situation
from engine.core.containing import is_sealed
from engine.core.standing_lookouts import task_of
from engine.dispatch.policies import Policies
from engine.model.commands import AssignUnits, ChooseUnit, Named
from engine.model.entities import Station, Unit
from engine.model.lifecycle import OrderState
from engine.service.device_words import DeviceWords
from engine.service.order_views import open_orders as shown_to
from engine.texts import LANGUAGES, text
from tests.core.test_containing import plans, post_orders
from tests.core.test_pursuit import open_orders
from tests.support.cards import county_with
from tests.support.lookouts import Later, Room
from tests.support.networks import drawn_map

TOWN = """
A---B---C-----------D-----------E-----------F-----------------------------------------------I
|   |
G---H
"""
"""Whoever runs is at D after 133 s, before any car."""
ROADS, NODE = drawn_map(TOWN)
HORIZON_MS = 180_000


def at(letter):
    return float(ROADS.node_lon[NODE[letter]]), float(ROADS.node_lat[NODE[letter]])


def between(a, b, share):
    (lon, lat), (other_lon, other_lat) = at(a), at(b)
    return lon + share * (other_lon - lon), lat + share * (other_lat - lat)


def standing(name, letter, *capabilities, **more):
    lon, lat = at(letter)
    return Station(id=name, name=name, lon=lon, lat=lat, capabilities=capabilities, **more)


def car(name, letter, **more):
    lon, lat = at(letter)
    return Unit(id=name, name=name, capabilities=("patrol",), lon=lon, lat=lat, **more)


UNITS = (car("P1", "G"), car("P2", "F"))
STATIONS = (standing("S1", "A", "patrol"), standing("CP1", "D", "checkpoint", setup_ms=40_000))


@pytest.fixture(scope="module")
def auto(tmp_path_factory):
    """Run cards by which nobody need be asked to shut a road."""
    text = 'approve = { send = "verify_by_analyst", roadblock = "auto" }'
    return county_with(tmp_path_factory.mktemp("cards"), wanted_sighting=text)


def room_with(cards=None, stations=STATIONS, units=UNITS, **more):
    if cards is not None:
        more["run_cards"] = cards
    # Who goes is decided at once: these are about roads alone.
    policies = Policies(stale_position_ms=0, contain_horizon_ms=HORIZON_MS, ahead_horizon_ms=0)
    return Room(units=units, stations=stations, network=ROADS, policies=policies, **more)


def chase(room, lonlat=None, **more):
    lookout = room.lookout()
    room.verified(lookout, 0, 0, **{"mode": "foot", "accuracy_m": 1.0, "lonlat": lonlat or at("B")} | more)
    return lookout, room.state.lookouts[lookout].incident


def say(room, order, word, **more):
    its = room.state.orders[order.id]
    command = AnswerOrder(
        actor="device:x", key=f"{order.id}-{word}", order=its.id, version=its.version, answer=word, **more
    )
    reply = room.say(command)
    assert reply.refusal is None, reply.refusal
    return room.state.orders[order.id]


def test_only_the_checkpoint_closes_the_bridge_and_a_call_is_all_it_takes(auto):
    room = room_with(auto)
    lookout, incident = chase(room)
    proposal = room.state.pursuits[incident].proposal
    (post,) = proposal.posts
    assert (proposal.verdict, post.duty, post.units, post.station) == ("sealed", "call", (), "CP1")
    assert (post.lon, post.lat, post.ready_at - proposal.made_at) == (*at("D"), 40_000)
    assert not {order.recipient for order in post_orders(room).values()} & set(room.state.units)
    (order,) = calls_of(room).values()
    assert (order.recipient, order.recipient_kind, order.state) == ("CP1", "station", OrderState.SENT)
    assert (order.lon, order.lat, order.capability) == (*at("D"), "checkpoint")
    (view,) = shown_to(room.engine, "CP1")
    assert (view.task, view.post.watch_deg, view.post.due_at) == ("call", (270,), post.due_at)
    assert view.label == "Zhang San"
    assert is_sealed(room.state, incident, room.clock.time)
    assert not is_sealed(room.state, incident, post.due_at + 1), "nobody has said that the barrier is down"
    assert not gap(room, lookout, proposal)
    without = room_with(auto, stations=STATIONS[:1])
    _, other = chase(without)
    assert without.state.pursuits[other].proposal.verdict == "impossible"


def calls_of(room):
    orders = open_orders(room).values()
    return {o.recipient: o for o in orders if o.recipient_kind == "station" and o.id in room.state.order_posts}


def gap(room, lookout, proposal):
    """Ask the separate checker for a way past the posts, each from when it stands."""
    world, network = room.engine, room.engine.city.network
    seen = room.state.sightings[room.state.lookouts[lookout].track[-1]]
    spot = room.engine.city.snapper.snap(seen.lon, seen.lat)
    situation = Situation(
        seen=(Seen(spot.arc, spot.fraction, proposal.made_at - seen.at),), horizon_ms=HORIZON_MS, crew=Crew.of([], [])
    )
    suspect_ms = np.ceil(np.asarray(network.arc_length_m) / 6.0 * 1000).astype(np.int32)
    check = Checker(world.times.weights, suspect_ms).of(situation)
    assert check.gap({}), "without posts there is a way out"
    (post,) = proposal.posts
    return check.gap({NODE["D"]: post.ready_at - proposal.made_at})


def test_the_checkpoint_names_nobody_and_says_itself_when_it_bars(auto):
    room = room_with(auto)
    _, incident = chase(room)
    order = calls_of(room)["CP1"]
    assert "assign" not in room.state.kept.order_clocks[order.id]
    say(room, order, "accept")
    assert not room.notices("CP1", "assign_wanted")
    assert not room.notices("CP1", "assign_nobody")
    named = AssignUnits(actor="device:x", key="n", order=order.id, version=1, units=(Named("P2"),))
    assert room.say(named).refusal.code == "wrong_state"
    say(room, order, "on_scene")
    due_at = room.state.pursuits[incident].proposal.posts[0].due_at
    assert is_sealed(room.state, incident, due_at + 1)


def test_a_call_stays_when_the_subject_is_seen_again_and_ends_when_he_is_caught(auto):
    room = room_with(auto)
    lookout, incident = chase(room)
    order = calls_of(room)["CP1"]
    room.clock.time += 30_000
    say(room, order, "accept")
    mail = len(room.mail("CP1"))
    room.clock.time += 35_000
    # 60 s before D: too late for a call of now, but the barrier is down 5 s from now.
    room.verified(lookout, 0, 0, mode="foot", accuracy_m=1.0, lonlat=between("C", "D", 0.4))
    (post,) = room.state.pursuits[incident].proposal.posts
    assert (post.station, post.ready_at - room.clock.time) == ("CP1", 5_000)
    # The same order; it only says that he can be there sooner than was said.
    again = calls_of(room)["CP1"]
    assert (again.id, again.version, again.state) == (order.id, 2, OrderState.ACCEPTED)
    assert room.state.order_posts[order.id].due_at == post.due_at
    assert is_sealed(room.state, incident, room.clock.time)
    say(room, order, "on_scene")
    room.say(EndIncident(actor="d", incident=incident, state="resolved", reason="caught"))
    assert [its.item for its in room.mail("CP1")[mail:]] == ["order", "cancellation"]
    assert not open_orders(room)
    assert not room.state.demands


def test_a_call_that_serves_no_more_is_taken_back(auto):
    room = room_with(auto)
    lookout, incident = chase(room)
    order = calls_of(room)["CP1"]
    say(room, order, "accept")
    room.clock.time += 400_000
    room.verified(lookout, 0, 0, mode="foot", accuracy_m=1.0, lonlat=at("F"))
    assert room.state.orders[order.id].state is OrderState.REPLACED
    assert not calls_of(room)
    assert room.mail("CP1")[-1].item == "cancellation"
    assert not is_sealed(room.state, incident, room.clock.time)


def test_a_barrier_that_takes_too_long_makes_no_seal_but_meets_who_comes_late(auto):
    room = room_with(auto, stations=(STATIONS[0], standing("CP1", "D", "checkpoint", setup_ms=140_000)))
    _, incident = chase(room)
    proposal = room.state.pursuits[incident].proposal
    assert proposal.verdict == "impossible"
    assert proposal.probability > 0.0
    assert [(post.duty, post.stretch) for post in proposal.posts if post.station == "CP1"] == [("call", 0)]
    assert "CP1" in calls_of(room)
    assert not is_sealed(room.state, incident, room.clock.time)


def test_a_station_that_can_be_ordered_for_anything_is_no_barrier(auto):
    room = room_with(auto, stations=(STATIONS[0], standing("S2", "D")))
    _, incident = chase(room)
    assert room.state.pursuits[incident].proposal.verdict == "impossible"


def test_who_gives_a_call_back_is_not_called_again_in_this_pursuit(auto):
    room = room_with(auto)
    lookout, incident = chase(room)
    order = calls_of(room)["CP1"]
    say(room, order, "refuse", reason="barrier broken")
    for step in [its for its in room.state.steps_of(incident) if its.outcome is None]:
        room.say(DecideStep(actor="user:chen", step=step.id, granted=True))
    assert room.state.orders[order.id].state is OrderState.CANCELLED
    assert room.state.pursuits[incident].proposal.verdict == "impossible"
    room.clock.time += 61_000
    room.verified(lookout, 0, 0, mode="foot", accuracy_m=1.0, lonlat=at("B"))
    assert not calls_of(room)
    assert not is_sealed(room.state, incident, room.clock.time)


def test_a_plan_whose_checkpoint_is_gone_meanwhile_is_outdated(auto):
    later = Later()
    room = room_with(auto, jobs=later)
    _, incident = chase(room)
    del room.state.kept.stations["CP1"]
    later.run(room)
    assert plans(room)[0].outcome == "outdated"
    assert not calls_of(room)
    assert not is_sealed(room.state, incident, room.clock.time)


def test_no_checkpoint_is_told_without_leave():
    room = room_with()
    _, incident = chase(room)
    assert room.state.pursuits[incident].proposal.posts[0].station == "CP1"
    assert not calls_of(room)
    (step,) = [step for step in room.state.steps_of(incident) if step.step == "roadblock"]
    room.say(DecideStep(actor="user:chen", step=step.id, granted=True))
    assert set(calls_of(room)) == {"CP1"}
    assert is_sealed(room.state, incident, room.clock.time)


def test_a_unit_that_is_chosen_instead_stands_across_the_road(auto):
    room = room_with(auto)
    chase(room)
    order = calls_of(room)["CP1"]
    chosen = ChooseUnit(
        actor="user:li", key="c", order=order.id, version=1, recipient="P2", why="knows_place", anyway=True
    )
    reply = room.say(chosen)
    assert reply.refusal is None, reply.refusal
    instead = next(event.body.order for event in reply.events if event.kind == "order_proposed")
    assert (instead.recipient, instead.lon, instead.lat) == ("P2", *at("D"))
    assert task_of(room.state, instead) == "block"


def test_its_clock_for_accepting_runs(auto):
    room = room_with(auto)
    chase(room)
    order = calls_of(room)["CP1"]
    room.clock.time += room.state.kept.order_clocks[order.id]["accept"] + 1
    room.say(Tick(actor="system"))
    missed = [event.body for event in room.journal.read() if event.kind == "deadline_missed"]
    assert (order.id, "accept") in [(its.order, its.clock) for its in missed]


def test_what_it_is_told_is_in_both_languages(auto):
    for language in LANGUAGES:
        room = room_with(auto, languages=(language,))
        chase(room)
        (mailed,) = [its for its in room.mail("CP1") if its.item == "order"]
        said = DeviceWords(room.engine, ()).say(mailed, is_first=False)
        assert text("task.call", language) in said
        assert text("task_not.call", language) in said


def test_explain_shows_who_is_called(auto):
    room = room_with(auto)
    _, incident = chase(room)
    for language in LANGUAGES:
        console = Console(file=io.StringIO(), width=140)
        _print_posts(console, room.state.pursuits[incident].proposal, language)
        said = console.file.getvalue()
        assert "CP1" in said
        assert text("contain.call", language) in said


def test_a_replay_gives_the_same_calls(auto):
    room = room_with(auto)
    lookout, _ = chase(room)
    say(room, calls_of(room)["CP1"], "accept")
    room.clock.time += 50_000
    room.verified(lookout, 0, 0, mode="foot", accuracy_m=1.0, lonlat=between("C", "D", 0.2))
    again = Engine(room.engine.city, journal=room.journal, clock=room.clock)
    assert again.snapshot() == room.engine.snapshot()


def test_a_seal_of_a_call_keeps_its_margin_where_roads_are_slower(auto):
    room = room_with(auto)
    _, incident = chase(room)
    proposal = room.state.pursuits[incident].proposal
    assert proposal.stretch >= SURE_STRETCH
    assert msgspec.json.decode(msgspec.json.encode(proposal), type=type(proposal)) == proposal
