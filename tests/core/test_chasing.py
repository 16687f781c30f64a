"""Ahead of a subject who flees: who is sent where by one sighting, the next and the third, and what of it holds."""

import numpy as np
import pytest

from engine import CancelOrder, PositionFix, SetUnitStatus
from engine.core.chasing import Hunt, draw_ways
from engine.core.city import City
from engine.core.flight import Flight
from engine.dispatch.ahead import SETUP_MS, SPARE_MS
from engine.dispatch.policies import Policies
from engine.dispatch.solving_again import Table, solve_again
from engine.model import events as e
from engine.model import lookout_events as le
from engine.model.commands import ChooseUnit
from engine.model.lifecycle import OPEN_ORDERS, OrderState, UnitStatus
from engine.texts.reading import explain
from engine.travel import TravelTimes
from geo_data.raw_roads import Mode
from geo_data.speeds import travel_ms
from tests.core.test_pursuit import answer
from tests.support.cards import county_and
from tests.support.cities import station, unit
from tests.support.lookouts import Later, Room, place
from tests.support.networks import Street, network

EAST, NORTH = 90.0, 0.0
CAR = {"mode": "car", "accuracy_m": 20}
BEHIND, AHEAD = unit("behind", 0, 2), unit("ahead", 4, 2)
MINUTE = 60_000


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """Run cards by which one patrol goes after a subject."""
    card = """id = "flight"
category = "sighting"
level = 2
name = { zh = "逃逸", en = "Flight" }
day = [{ capability = "patrol", count = 1 }]
night = [{ capability = "patrol", count = 1 }]
approve = { send = "verify_by_analyst" }"""
    return county_and(tmp_path_factory.mktemp("cards"), card)


def room_of(cards, units=(BEHIND, AHEAD), **more):
    policies = Policies(stale_position_ms=0, contain_horizon_ms=0, **more.pop("policies", {}))
    return Room(units=units, policies=policies, run_cards=cards, **{"stations": ()} | more)


def flight(room):
    return room.lookout(type="flight")


def to_units(room):
    return {o.recipient: o for o in room.state.orders.values() if o.state in OPEN_ORDERS and o.recipient_kind == "unit"}


def table(room, lookout):
    """Return what was recommended last."""
    return room.engine.recommendations(room.state.lookouts[lookout].incident)[-1]


def bodies(room, kind):
    return [event.body for event in room.journal.read() if isinstance(event.body, kind)]


def test_who_is_ahead_goes_to_where_the_subject_is_met_and_the_reason_says_so(one):
    room = room_of(one)
    lookout = flight(room)
    sighting = room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    found = table(room, lookout)
    (behind,) = found.others
    assert (found.chosen.recipient, behind.recipient) == ("ahead", "behind")
    assert behind.eta_ms < found.chosen.eta_ms
    assert (found.policy, found.chased.sighting, found.chased.why) == ("ahead", sighting.id, "ahead")
    meeting, (name, order) = found.chosen.meeting, *to_units(room).items()
    assert (name, order.lon, order.lat) == ("ahead", meeting.lon, meeting.lat)
    assert order.eta_ms == meeting.eta_ms < found.chosen.eta_ms
    assert (order.lon, order.lat) != place(1, 2)
    assert meeting.lon > place(1, 2)[0]  # to the east of where he was
    assert meeting.at_ms == meeting.eta_ms + SETUP_MS + meeting.ahead_ms
    assert meeting.ahead_ms >= SPARE_MS
    assert [mail.item for mail in room.mail("ahead")] == ["order", "notice"]
    (told,) = room.notices("ahead", "ahead_of_subject")
    assert (told["lon"], told["lat"]) == (f"{meeting.lon:.5f}", f"{meeting.lat:.5f}")
    assert told["seconds"] == str(meeting.at_ms // 1000)
    said = explain(found, "en")
    share = round(100 * meeting.meets / found.chased.routes)
    assert f"ahead goes to {meeting.lon:.5f},{meeting.lat:.5f}, ahead of the subject" in said
    assert f"on {share} % of their likely ways" in said
    assert "behind +" in said
    assert "前方拦截" in explain(found, "zh")
    assert "none" not in said.lower()
    assert solve_again([Table("d", "i", found)]).verdict == "same"


@pytest.mark.parametrize(
    ("sighting", "why", "zh"),
    [
        ({"mode": "car", "accuracy_m": 20}, "no_way_likelier", "对象去向不明"),
        ({"mode": "car", "accuracy_m": 20, "heading_deg": 270.0}, "nobody_ahead", "无人能赶到对象前方"),
    ],
)
def test_where_nobody_can_be_ahead_who_is_nearest_goes_to_where_he_was_seen(one, sighting, why, zh):
    units = (AHEAD, unit("nearer", 5, 2)) if why == "nobody_ahead" else (BEHIND, AHEAD)
    room = room_of(one, units, policies={"ahead_horizon_ms": 60_000} if why == "nobody_ahead" else {})
    lookout = flight(room)
    room.verified(lookout, 1, 2, **sighting)
    found, (name, order) = table(room, lookout), *to_units(room).items()
    assert found.chased.why == why
    assert found.chosen.eta_ms <= min(other.eta_ms for other in found.others)
    assert (name, order.lon, order.lat) == (found.chosen.recipient, *place(1, 2))
    assert zh in explain(found, "zh")


def test_a_city_that_wants_nobody_ahead_sends_who_is_nearest_in_the_same_cycle(one):
    later = Later()
    room = room_of(one, jobs=later, policies={"ahead_horizon_ms": 0})
    lookout = flight(room)
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    assert set(to_units(room)) == {"behind"}
    assert table(room, lookout).chased is None
    assert not later.works


def test_who_only_observes_keeps_behind(one):
    room = room_of(one)
    lookout = room.lookout("observe", type="flight")
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    assert set(to_units(room)) == {"behind"}


def freed_later(one, room):
    """Let nobody be free at first; return what frees them."""
    for name in ("behind", "ahead"):
        room.say(SetUnitStatus(actor="d", key=f"busy-{name}", unit=name, status=UnitStatus.BUSY))

    def free():
        said = {"actor": "d", "status": UnitStatus.AVAILABLE}
        room.engine.submit(*(SetUnitStatus(key=f"free-{name}", unit=name, **said) for name in ("behind", "ahead")))

    return free


def test_who_stands_still_is_gone_to(one):
    room = room_of(one)
    free, lookout = freed_later(one, room), flight(room)
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    room.clock.time += 2 * MINUTE
    room.verified(lookout, 1.02, 2, heading_deg=EAST, **CAR)
    free()
    found = table(room, lookout)
    assert (found.chosen.recipient, found.chased.why) == ("behind", "stands_still")
    assert "stands still" in explain(found, "en")


def test_of_who_was_seen_long_ago_nothing_is_reckoned(one):
    room = room_of(one)
    free, lookout = freed_later(one, room), flight(room)
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    room.clock.time += 9 * MINUTE
    free()
    found = table(room, lookout)
    assert (found.chosen.recipient, found.chased.why) == ("behind", "seen_long_ago")


def test_the_station_has_it_at_once_and_the_unit_when_the_worker_has_answered(one):
    later = Later()
    room = room_of(one, jobs=later, stations=(station("S1", 0, 0),))
    lookout = flight(room)
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    assert {o.recipient for o in room.orders(lookout)} == {"S1"}
    later.run(room)
    assert set(to_units(room)) == {"ahead"}


def test_what_a_worker_says_of_an_older_sighting_is_no_more_believed(one):
    later = Later()
    room = room_of(one, jobs=later)
    lookout = flight(room)
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    old, later.works = later.works, []
    room.clock.time += 2 * MINUTE
    newest = room.verified(lookout, 2, 3, heading_deg=NORTH, **CAR)
    assert not later.works  # it is asked again once the first has answered
    later.works = old
    later.run(room)
    assert not to_units(room)
    later.run(room)
    assert to_units(room)
    assert table(room, lookout).chased.sighting == newest.id
    assert [(bool(plan.held), bool(plan.outdated)) for plan in bodies(room, e.PlanApplied)] == [
        (False, True),
        (True, False),
    ]


def test_where_a_plan_comes_too_late_to_be_ahead_who_is_nearest_goes_at_once(one):
    later = Later()
    room = room_of(one, jobs=later)
    lookout = flight(room)
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    room.clock.time += 4 * MINUTE
    later.run(room)
    assert set(to_units(room)) == {"behind"}
    assert table(room, lookout).chased.why == "planned_too_late"
    ((_, order),) = to_units(room).items()
    # The next time a worker is asked again.
    answer(room, order, "refuse")
    later.run(room)
    assert table(room, lookout).chased.why == "ahead"


def test_a_worker_that_is_lost_is_asked_again(one):
    later = Later()
    room = room_of(one, jobs=later)
    room.verified(flight(room), 1, 2, heading_deg=EAST, **CAR)
    later.works = []
    room.engine.give_up_jobs()
    while room.engine.finished:
        room.engine.submit(room.engine.finished.popleft())
    later.run(room)
    assert set(to_units(room)) == {"ahead"}


def move(room, name, column, row):
    lon, lat = place(column, row)
    (refused,) = room.engine.move([PositionFix(unit=name, lon=lon, lat=lat, at=room.clock.time)], room.clock.time)
    assert refused is None


def test_by_three_sightings_whoever_is_under_way_stays_ahead(one):
    """He flees to the east, turns to the north, and is seen once more without a heading."""
    room = room_of(one)
    lookout = flight(room)
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    ((name, first),) = to_units(room).items()
    assert name == "ahead"
    answer(room, first, "accept", "en_route")
    room.clock.time += MINUTE
    move(room, "ahead", 3, 3)
    second = room.verified(lookout, 2, 2, heading_deg=NORTH, **CAR)
    to_seen, to_meeting = bodies(room, le.OrderAmended)
    order = to_units(room)["ahead"]
    # At once to where he was seen, then ahead of him, each under a version of its own.
    assert (to_seen.lon, to_seen.lat, to_seen.version, to_seen.meeting) == (*place(2, 2), 2, None)
    assert (order.id, order.version, order.lon, order.lat) == (first.id, 3, to_meeting.lon, to_meeting.lat)
    assert (to_meeting.chased.sighting, to_meeting.chased.why) == (second.id, "ahead")
    assert to_meeting.meeting.ahead_ms >= SPARE_MS
    assert to_meeting.lat > place(2, 2)[1]  # to the north of where he was
    assert order.route != first.route
    assert [mail.version for mail in room.mail("ahead") if mail.item == "order"] == [1, 2, 3]
    assert len(room.notices("ahead", "ahead_of_subject")) == 2
    room.clock.time += 2 * MINUTE
    third = room.verified(lookout, 2, 4, **CAR)
    order = to_units(room)["ahead"]
    assert (order.version, order.lon, order.lat) == (4, third.lon, third.lat)
    replayed = Room(units=(BEHIND, AHEAD), stations=(), journal=room.journal, clock=room.clock, run_cards=one)
    assert replayed.state.orders[first.id] == order


def test_who_has_arrived_or_stands_at_a_post_by_then_is_not_sent_elsewhere(one):
    later = Later()
    room = room_of(one, jobs=later)
    lookout = flight(room)
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    later.run(room)
    ((_, first),) = to_units(room).items()
    answer(room, first, "accept", "en_route")
    room.clock.time += MINUTE
    room.verified(lookout, 2, 2, heading_deg=EAST, **CAR)
    amended = room.state.orders[first.id]
    assert amended.version == 2
    answer(room, amended, "on_scene")
    later.run(room)
    assert room.state.orders[first.id].version == 2
    assert room.state.orders[first.id].state is OrderState.ON_SCENE


def test_whoever_is_chosen_instead_goes_to_the_same_place_at_its_own_time(one):
    room = room_of(one, (BEHIND, AHEAD, unit("third", 5, 4)))
    lookout = flight(room)
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    ((_, order),) = to_units(room).items()
    said = {"why": "other", "words": "closer by", "key": "c1", "version": order.version}
    reply = room.say(ChooseUnit(actor="user:chen", order=order.id, recipient="third", **said))
    assert reply.refusal is None
    ((name, instead),) = to_units(room).items()
    assert (name, instead.lon, instead.lat) == ("third", order.lon, order.lat)
    row, spot = room.engine.fleet.index("third"), room.engine.city.snapper.snap(order.lon, order.lat)
    its = int(room.engine.fleet.arc[row]), float(room.engine.fleet.fraction[row])
    assert instead.eta_ms == room.engine.times.way(*its, spot.arc, spot.fraction)[3]


def test_who_is_let_go_leaves_the_need_to_who_is_ahead_next(one):
    room = room_of(one, (BEHIND, AHEAD, unit("third", 3, 2)))
    lookout = flight(room)
    room.verified(lookout, 1, 2, heading_deg=EAST, **CAR)
    ((name, order),) = to_units(room).items()
    room.say(CancelOrder(actor="user:chen", order=order.id, reason="r"))
    ((other, _),) = to_units(room).items()
    assert {name, other} == {"ahead", "third"}


def test_a_subject_who_was_seen_where_they_cannot_go_has_no_ways_and_one_on_foot_has():
    nodes = [(0, 0), (200, 0), (400, 0)]
    streets = [Street(0, 1), Street(1, 2, modes=int(Mode.FOOT))]
    roads = network(nodes, streets)
    (path,) = [arc for arc in range(roads.n_arcs) if (roads.arc_tail[arc], roads.arc_head[arc]) == (1, 2)]
    its = Flight(City(name="x", network=roads, units=(), stations=(), time_zone="Asia/Shanghai"))
    weights = TravelTimes(roads, travel_ms(roads, "emergency")).weights
    hunt = {"sighting": "s", "seen": ((path, 0.5),), "ago_ms": 0, "heading_deg": 270.0, "horizon_ms": MINUTE}
    assert draw_ways(its, Hunt(mode="car", **hunt), weights).why == "off_his_roads"
    found = draw_ways(its, Hunt(mode="foot", **hunt), weights)
    assert (found.why, found.known_heading) == ("ahead", True)
    # He runs to the west at 6 m/s or slower: 100 m to the middle, 300 m to the end.
    ways = found.ways
    place_of = dict(zip(ways.node.tolist(), ways.place.tolist(), strict=True))
    soonest = [int(ways.ms[ways.first[place_of[node]] : ways.first[place_of[node] + 1]].min()) for node in (1, 0)]
    assert 100 / 6 * 1000 - 2 <= soonest[0] <= 100 / 6 * 1500
    assert 300 / 6 * 1000 - 2 <= soonest[1] <= 300 / 6 * 1500
    assert np.array_equal(ways.ms, draw_ways(its, Hunt(mode="foot", **hunt), weights).ways.ms)
