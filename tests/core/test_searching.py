"""Somebody is at one of nine hotels: who looks where, what a "not here" changes, and who is free once he is found."""

import random

import pytest

from engine import ReportAlert
from engine.core.apply import apply
from engine.core.standing_lookouts import task_of
from engine.core.standing_searches import calls_left, doors_left, left
from engine.core.state import State
from engine.model import searches as s
from engine.model.commands import AnswerOrder, ApproveOrder, AssignUnits, CancelOrder, ChooseUnit, EndIncident, Named
from engine.model.entities import Need, Place
from engine.model.lifecycle import IncidentState, OrderState, UnitStatus
from geo_data.snapping import OffRoad
from tests.support.cards import county_with
from tests.support.cities import NOW, alert, place, station, unit
from tests.support.lookouts import Later
from tests.support.searches import CREW, HOTELS, SearchRoom


def test_each_place_is_in_the_turns_of_one_unit_and_the_order_is_for_the_first():
    room = SearchRoom()
    incident = room.open()
    orders, turns = room.orders(incident), room.turns(incident)
    assert len(orders) == 3
    assert sorted(n for its in turns.values() for n in its) == list(range(9))
    search = room.state.searches[incident]
    for name, order in orders.items():
        first = search.places[turns[name][0]]
        assert (order.lon, order.lat, order.state) == (first.lon, first.lat, OrderState.SENT)
        assert order.eta_ms is not None
        assert order.route
        assert task_of(room.state, order) == "look"
    assert "dog" not in orders
    assert search.proposal.optimal
    assert search.proposal.expected_ms > 0


def test_the_units_are_those_with_which_he_is_found_soonest_not_those_nearest_to_the_alert():
    near = [unit(f"n{i}", 2, 2) for i in range(2)]
    room = SearchRoom((*near, unit("far", 5, 4)))
    incident = room.open(hotels=((2, 1), (5, 3)), count=2)
    turns = room.turns(incident)
    assert turns["far"] == (1,)
    assert sorted(turns.values()) == [(0,), (1,)]


def test_a_not_here_sends_its_unit_on_at_once_and_teaches_the_rest():
    later = Later()
    room = SearchRoom(jobs=later)
    incident = room.open()
    later.run(room)
    (name, order), *_ = sorted(room.orders(incident).items())
    turn = room.turns(incident)[name]
    version = order.version
    assert room.look(incident, turn[0], order=order.id).refusal is None
    moved = room.state.orders[order.id]
    # The worker has not answered yet, but nobody stands about.
    assert room.turns(incident)[name] == turn[1:]
    assert moved.version == version + 1
    second = room.state.searches[incident].places[turn[1]]
    assert (moved.lon, moved.lat) == (second.lon, second.lat)
    mail = room.state.mailbox(name).items[-1].body
    assert (mail.item, mail.order, mail.version) == ("order", order.id, version + 1)
    chance = left(room.state.searches[incident])
    assert chance[turn[0]] == 0.0
    assert chance.sum() == pytest.approx(1.0)
    later.run(room)
    assert sorted(n for its in room.turns(incident).values() for n in its) == sorted(set(range(9)) - {turn[0]})


def test_whoever_finds_him_stays_and_all_others_are_free():
    room = SearchRoom()
    incident = room.open()
    orders, turns = room.orders(incident), room.turns(incident)
    finder = min(orders)
    room.answer(orders[finder].id, "accept")
    room.answer(orders[finder].id, "on_scene")
    assert room.look(incident, turns[finder][0], found=True, order=orders[finder].id).refusal is None
    assert set(room.orders(incident)) == {finder}
    for name, order in orders.items():
        if name != finder:
            assert room.state.orders[order.id].state is OrderState.CANCELLED
            assert room.state.unit_status[name] is UnitStatus.AVAILABLE
            last = room.state.mailbox(name).items[-1].body
            assert (last.item, last.code) == ("cancellation", "subject_found")
    assert room.state.searches[incident].state == "found"
    assert [n.values["place"] for n in room.notices("search_found")] == [str(turns[finder][0] + 1)]
    assert not room.state.demands.of_incident(incident)[1:]
    room.answer(orders[finder].id, "clear")
    assert room.state.incidents[incident].state is IncidentState.RESOLVED


def test_found_by_telephone_whoever_is_there_soonest_goes_in():
    room = SearchRoom(search_callers=1, search_call_sure=0.6)
    incident = room.open(phones=range(9))
    search = room.state.searches[incident]
    calls = calls_left(search)
    assert sorted(calls) == list(range(9))
    (told,) = room.notices("search_call")
    assert told.values["place"] == str(calls[0] + 1)
    before = left(search)
    assert room.look(incident, calls[0], how="phone").refusal is None
    after = left(room.state.searches[incident])
    assert 0.0 < after[calls[0]] < before[calls[0]]
    assert calls[0] in doors_left(room.state.searches[incident])
    assert len(room.notices("search_call")) == 2
    place_ = next(n for n in calls[1:] if n not in {its[0] for its in room.turns(incident).values()})
    assert room.look(incident, place_, how="phone", found=True).refusal is None
    (order,) = room.orders(incident).values()
    where = search.places[place_]
    assert (order.lon, order.lat) == (where.lon, where.lat)
    assert (room.state.incidents[incident].lon, room.state.incidents[incident].lat) == (where.lon, where.lat)


def test_found_by_telephone_before_anybody_was_free_one_unit_is_sought_like_any_other():
    room = SearchRoom(units=(unit("u1", 0, 0, on_duty=False),), search_callers=1)
    incident = room.open(phones=range(9))
    assert not room.orders(incident)
    assert len(room.notices("shortage")) == 3
    assert room.look(incident, 4, how="phone", found=True).refusal is None
    (demand,) = room.state.demands.of_incident(incident)
    assert demand.unmet


def test_once_every_door_was_looked_at_a_person_must_think_again():
    room = SearchRoom(units=CREW[:1])
    incident = room.open(hotels=HOTELS[:2], count=1)
    (order,) = room.orders(incident).values()
    for answer in ("accept", "en_route", "on_scene"):
        room.answer(order.id, answer)
    first, second = room.turns(incident)["u1"]
    room.look(incident, first, order=order.id)
    assert room.state.orders[order.id].state is OrderState.ON_SCENE
    room.look(incident, second, order=order.id)
    assert room.state.searches[incident].state == "exhausted"
    assert len(room.notices("search_exhausted")) == 1
    room.answer(order.id, "clear")
    assert room.state.incidents[incident].state not in (IncidentState.RESOLVED, IncidentState.CLOSED)
    room.say(EndIncident(actor="user:li", incident=incident, state="cancelled", reason="not here"))
    assert room.state.incidents[incident].state is IncidentState.CANCELLED


def test_a_unit_that_leaves_early_leaves_its_places_to_the_others_or_to_a_notice():
    room = SearchRoom()
    incident = room.open()
    (gone, order), *_ = sorted(room.orders(incident).items())
    for answer in ("accept", "en_route", "on_scene", "report", "clear"):
        room.answer(order.id, answer)
    turns = room.turns(incident)
    assert gone not in turns
    assert sorted(n for its in turns.values() for n in its) == list(range(9))
    for order in list(room.orders(incident).values()):
        for answer in ("accept", "en_route", "on_scene", "report", "clear"):
            room.answer(order.id, answer)
    assert len(room.notices("search_unattended")) == 1
    assert room.state.incidents[incident].state not in (IncidentState.RESOLVED, IncidentState.CLOSED)


def test_who_refuses_is_replaced_and_who_was_chosen_by_a_person_gets_places():
    room = SearchRoom()
    incident = room.open()
    orders = room.orders(incident)
    refuser = min(orders)
    its = orders[refuser]
    room.say(AnswerOrder(actor=f"device:{refuser}", key="no", order=its.id, version=1, answer="refuse", reason="flat"))
    turns = room.turns(incident)
    assert refuser not in turns
    assert len(turns) == 3
    assert sorted(n for its in turns.values() for n in its) == list(range(9))
    name, order = min(room.orders(incident).items())
    said = ChooseUnit(
        actor="user:wu",
        key="c1",
        order=order.id,
        version=order.version,
        recipient="dog",
        why="knows_place",
        anyway=True,
    )
    reply = room.say(said)
    assert reply.refusal is None, reply.refusal
    turns = room.turns(incident)
    assert name not in turns
    assert turns["dog"]
    assert sorted(n for its in turns.values() for n in its) == list(range(9))


def test_a_station_names_who_goes_and_the_plan_says_who_looks_where(tmp_path):
    cards = county_with(tmp_path, robbery='dispatch = "station"')
    crew = [unit(name, *at, station="west") for name, at in (("W1", (1, 1)), ("W2", (4, 3)), ("W3", (5, 0)))]
    room = SearchRoom(crew, stations=(station("west", 0, 0),), cards=cards)
    incident = room.open()
    (above,) = room.orders(incident).values()
    assert above.recipient_kind == "station"
    named = (Named("W1"), Named("W2"))
    reply = room.say(AssignUnits(actor="device:west", key="n1", order=above.id, version=1, units=named))
    assert reply.refusal is None, reply.refusal
    turns = {name: places for name, places in room.turns(incident).items() if name != "west"}
    assert set(turns) == {"W1", "W2"}
    assert sorted(n for its in turns.values() for n in its) == list(range(9))
    finder = room.orders(incident)["W2"]
    assert room.look(incident, turns["W2"][0], found=True, order=finder.id).refusal is None
    assert set(room.orders(incident)) == {"west", "W2"}
    assert [demand.order for demand in room.state.demands.of_incident(incident)] == [finder.id]
    for answer in ("accept", "en_route", "on_scene", "report", "clear"):
        room.answer(finder.id, answer)
    assert not room.orders(incident)
    assert room.state.incidents[incident].state is IncidentState.RESOLVED


def test_where_a_person_lets_orders_go_the_plan_stands_in_the_proposals(tmp_path):
    cards = county_with(tmp_path, robbery='approve = { send = "dispatcher" }\nalways_waits = true')
    room = SearchRoom(cards=cards)
    incident = room.open(count=2)
    turns = room.turns(incident)
    assert [order.state for order in room.orders(incident).values()] == [OrderState.PROPOSED] * 2
    assert not any(room.state.mailbox(name).items for name in turns)
    order = min(room.orders(incident).values(), key=lambda its: its.recipient)
    assert room.say(ApproveOrder(actor="user:li", order=order.id)).refusal is None
    assert room.state.orders[order.id].state is OrderState.SENT
    assert room.turns(incident) == turns


def test_a_plan_over_a_unit_that_was_taken_meanwhile_is_made_again():
    later = Later()
    room = SearchRoom(jobs=later)
    incident = room.open()
    assert not room.orders(incident)
    room.say(ReportAlert(actor="user:li", alert=alert("a2", 0, 0, needs=(Need("patrol", 2),))))
    later.run(room)
    outcomes = [its.body.outcome for its in room.journal.read() if isinstance(its.body, s.SearchPlanned)]
    assert outcomes[0] == "outdated"
    later.run(room)
    assert len(room.orders(incident)) == 2
    assert len(room.notices("shortage")) == 1
    other = next(o for o in room.state.orders.values() if o.incident != incident)
    room.say(CancelOrder(actor="user:li", order=other.id, reason="not needed", drop=True))
    later.run(room)
    assert len(room.orders(incident)) == 3


def test_a_lost_worker_is_asked_again_and_units_go_at_last_without_one():
    class Lost:
        def submit(self, work, done):
            self.work = work

    room = SearchRoom(jobs=Lost())
    incident = room.open()
    for _ in range(6):
        room.engine.give_up_jobs()
        room.engine.submit()
    failed = [its.body for its in room.journal.read() if isinstance(its.body, s.SearchPlanned)]
    assert [its.failed for its in failed][:4] == ["lost"] * 4
    assert len(room.orders(incident)) == 3


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"chance": 0.0}, "out_of_range", "places[0].chance"),
        ({"chance": 1.5}, "out_of_range", "places[0].chance"),
        ({"check_ms": -1}, "out_of_range", "places[0].check_ms"),
        ({"lon": 0.0}, "off_road", "places[0].lon,lat"),
        ({"lat": 91.0}, "out_of_range", "places[0].lat"),
        ({"phone": True}, "missing", "details.places[0].phone"),
    ],
)
def test_places_that_cannot_be_are_refused_by_name(changed, code, field):
    room = SearchRoom()
    lon, lat = place(1, 1)
    said = alert("a1", 2, 2, places=(Place(**{"lon": lon, "lat": lat, "chance": 0.5} | changed),))
    reply = room.say(ReportAlert(actor="user:li", alert=said))
    assert (reply.refusal.code, reply.refusal.field) == (code, field)
    assert not room.state.incidents


def test_looks_that_cannot_be_are_refused_by_name():
    room = SearchRoom()
    incident = room.open()
    plain = room.say(ReportAlert(actor="user:li", alert=alert("a2", 0, 0))).incident
    assert room.look(plain, 0).refusal.code == "unknown_search"
    assert room.look(incident, 9).refusal.code == "out_of_range"
    assert room.look(incident, 0, how="phone").refusal.code == "wrong_state"
    assert room.look(incident, 0).refusal is None
    assert room.look(incident, 0).refusal.code == "wrong_state"
    theirs = next(o.id for o in room.state.orders.values() if o.incident == plain)
    assert room.look(incident, 1, order=theirs).refusal.code == "not_yours"
    before = room.state.seq
    assert room.look(incident, 0, key="look4").duplicate
    assert room.state.seq == before
    room.look(incident, 1, found=True)
    assert room.look(incident, 2).refusal.code == "wrong_state"


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_said_when_a_replay_is_the_same_and_every_open_place_has_one_unit(seed):
    rng, later = random.Random(seed), Later()
    room = SearchRoom(jobs=later, search_callers=1)
    incident = room.open(count=rng.randint(1, 4), phones=range(9))
    for _ in range(40):
        if room.state.searches[incident].state != "open":
            break
        _something(room, rng, later, incident)
        room.clock.time += rng.randint(0, 60_000)
    for _ in range(6):
        later.run(room)
    _check_turns(room, incident)
    again = State()
    for event in room.journal.read():
        apply(again, event)
    assert again.snapshot() == room.state.snapshot()
    assert State.restored(again.snapshot()).snapshot() == again.snapshot()


def _something(room, rng, later, incident):
    orders = list(room.orders(incident).values())
    match rng.choice(["look", "look", "call", "worker", "worker", "answer", "answer", "alert", "refuse"]):
        case "look" if orders:
            order = rng.choice(orders)
            turn = room.state.order_looks.get(order.id, ())
            if turn and order.state is not OrderState.PROPOSED:
                room.look(incident, turn[0], order=order.id, found=rng.random() < 0.05)
        case "call":
            room.look(incident, rng.randrange(9), how="phone", found=rng.random() < 0.02)
        case "worker":
            later.run(room)
        case "answer" if orders:
            order = rng.choice(orders)
            after = {"sent": "accept", "accepted": "en_route", "en_route": "on_scene", "on_scene": "report"}
            if order.state in after:
                room.answer(order.id, after[order.state])
        case "refuse" if orders:
            order = rng.choice(orders)
            if order.state is OrderState.SENT:
                room.count += 1
                room.say(
                    AnswerOrder(
                        actor="device:x",
                        key=f"r{room.count}",
                        order=order.id,
                        version=order.version,
                        answer="refuse",
                        reason="no",
                    )
                )
        case "alert":
            room.count += 1
            needs = (Need("patrol", 1),)
            room.say(ReportAlert(actor="user:li", alert=alert(f"x{room.count}", rng.randrange(6), 2, needs=needs)))


def _check_turns(room, incident):
    search, orders = room.state.searches[incident], room.orders(incident)
    for order in orders.values():
        places = room.state.order_looks.get(order.id, ())
        if places and search.state == "open":
            first = search.places[places[0]]
            assert (order.lon, order.lat) == (first.lon, first.lat)
    if search.state == "open" and orders:
        assert sorted(n for its in room.turns(incident).values() for n in its) == doors_left(search)
    if search.state == "found":
        assert len(orders) <= 1
    assert room.clock.time >= NOW


def test_a_place_that_a_new_road_network_does_not_reach_is_left_out_and_nothing_fails(monkeypatch):
    later = Later()
    room = SearchRoom(jobs=later)
    incident = room.open()
    gone = room.state.searches[incident].places[3]
    world = room.engine._world
    known = world.place

    def only_known(lon, lat):
        if (lon, lat) == (gone.lon, gone.lat):
            raise OffRoad(lon, lat, 5_000.0, 1_000.0, exchanged=False)
        return known(lon, lat)

    monkeypatch.setattr(world, "place", only_known)
    later.run(room)
    assert room.look(incident, 8).refusal is None
    later.run(room)
    places = sorted(n for its in room.turns(incident).values() for n in its)
    assert places == sorted(set(range(8)) - {3}) or places == list(range(8))
    assert room.look(incident, 3, found=True).refusal is None
    assert len(room.orders(incident)) == 1


def test_a_shortage_is_asked_about_again_only_when_somebody_able_is_free():
    later = Later()
    room = SearchRoom(units=(unit("u1", 0, 0), unit("t1", 2, 2, "traffic")), jobs=later)
    incident = room.open(count=2)
    later.run(room)
    assert room.state.searches[incident].proposal.short
    room.say(ReportAlert(actor="user:li", alert=alert("a2", 2, 2, needs=(Need("traffic"),))))
    other = next(o for o in room.state.orders.values() if o.recipient == "t1")
    room.say(CancelOrder(actor="user:li", order=other.id, reason="not needed", drop=True))
    assert not later.works
