"""Pursuits: a verified sighting is pushed in its own cycle; later ones re-aim everybody, one instruction at a time."""

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine import AnswerOrder, DecideStep, EndIncident, Engine, PositionFix, Tick
from engine.containment import SURE_STRETCH
from engine.core.containing import is_sealed
from engine.core.standing_lookouts import task_of
from engine.dispatch.policies import Policies, VerificationPolicy
from engine.model.demand_events import Recommended
from engine.model.ids import DESK
from engine.model.lifecycle import OPEN_ORDERS, UNDER_WAY, IncidentState, OrderState
from engine.model.lookout_commands import LiftLookout
from engine.model.lookout_events import ContainmentPlanned, OrderAmended
from tests.support.cards import county_with
from tests.support.cities import station, unit
from tests.support.lookouts import NOW, STATIONS, UNITS, WHO, Later, Room, place

SENT = OrderState.SENT
MANY = (*UNITS, *(unit(f"u{c}{r}", c, r) for c in range(6) for r in range(5) if (c + r) % 2 == 0))
CALLED = (*STATIONS, *(station(f"CP{c}", c, 0, capabilities=("checkpoint",)) for c in (1, 2, 4)))
UNASKED = county_with(
    Path(tempfile.mkdtemp()), wanted_sighting='approve = { send = "verify_by_analyst", roadblock = "auto" }'
)
ANPR = VerificationPolicy(name="plates", sources=("anpr",), confidence=0.9, list_classes=("seize", "observe", "inform"))


def answer(room, order, *answers):
    for word in answers:
        room.count += 1
        its = room.state.orders[order.id]
        said = AnswerOrder(actor="d", key=f"a{room.count}", order=its.id, version=its.version, answer=word, reason="r")
        assert room.say(said).refusal is None


def open_orders(room):
    return {o.recipient: o for o in room.state.orders.values() if o.state in OPEN_ORDERS}


def test_to_seize_the_nearest_unit_and_the_nearest_station_have_it_with_the_verification():
    room = Room()
    lookout = room.lookout()
    sighting = room.seen(lookout, 4, 4)
    before = room.state.seq
    reply = room.verify(sighting)
    orders = open_orders(room)
    assert set(orders) == {"P2", "P3", "S2"}  # two patrols by day, as the card says, and the station next to it
    assert {task_of(room.state, order) for order in orders.values()} == {"seize"}
    assert {order.state for order in orders.values()} == {SENT}
    assert all(mail.item == "order" for recipient in orders for mail in room.mail(recipient)[-1:])
    # One cycle: nothing else was handled between the person's word and the orders.
    assert reply.events[0].seq == before + 1
    incident = room.state.incidents[room.state.lookouts[lookout].incident]
    assert (incident.lookout, incident.approval) == (lookout, "by_rule")
    assert room.engine.details(incident.id) == WHO


def test_a_policy_pushes_it_with_the_arrival():
    room = Room(verification=(ANPR,))
    room.report(room.lookout(), 4, 4, source="anpr", confidence=0.95)
    assert {order.recipient for order in open_orders(room).values()} >= {"P2", "S2"}


def test_to_observe_one_unit_and_the_station_keep_away():
    room = Room()
    lookout = room.lookout("observe")
    room.verified(lookout, 4, 4)
    orders = open_orders(room)
    assert set(orders) == {"P2", "S2"}
    assert {task_of(room.state, order) for order in orders.values()} == {"observe"}


def test_to_inform_the_nearest_station_and_the_offices_get_a_notice_and_nobody_an_order():
    room = Room()
    lookout = room.lookout("inform", told=("detectives",))
    sighting = room.verified(lookout, 4, 4)
    assert not room.state.incidents
    for who in ("S2", "detectives"):
        (values,) = room.notices(who, "sighting_seen")
        assert (values["sighting"], values["lookout"]) == (sighting.id, lookout)
        assert "Zhang" not in str(values)
    assert not room.mail("S1")


def test_a_later_sighting_re_aims_whoever_is_under_way_under_a_new_version():
    room = Room()
    lookout = room.lookout()
    room.verified(lookout, 4, 4, mode="car")
    first = open_orders(room)["P2"]
    answer(room, first, "accept", "en_route")
    room.clock.time += 120_000
    room.verified(lookout, 3, 4, mode="car")
    amended = room.state.orders[first.id]
    assert (amended.version, amended.state) == (2, OrderState.EN_ROUTE)
    assert (amended.lon, amended.lat) == place(3, 4)
    assert amended.route != first.route
    mail = room.mail("P2")[-1]
    assert (mail.item, mail.order, mail.version) == ("order", first.id, 2)
    stale = AnswerOrder(actor="d", key="x", order=first.id, version=1, answer="on_scene")
    assert room.say(stale).refusal.code == "superseded"
    answer(room, first, "on_scene")


def test_who_stands_where_the_subject_was_is_sent_on_by_a_new_order():
    room = Room(stations=())
    lookout = room.lookout("observe")
    room.verified(lookout, 4, 4, mode="car")
    (first,) = room.orders(lookout)
    room.engine.move([PositionFix(unit="P2", lon=place(4, 4)[0], lat=place(4, 4)[1], at=NOW)], NOW)
    answer(room, first, "accept", "en_route", "on_scene")
    room.clock.time += 120_000
    room.verified(lookout, 3, 4, mode="car")
    assert room.state.orders[first.id].state is OrderState.REPLACED
    second = open_orders(room)["P2"]
    assert (second.lon, second.lat) == place(3, 4)
    assert [mail.item for mail in room.mail("P2")] == ["order", "cancellation", "order"]


def test_the_station_that_is_nearest_by_then_has_it():
    room = Room()
    lookout = room.lookout()
    room.verified(lookout, 5, 4, mode="car")
    assert "S2" in open_orders(room)
    room.clock.time += 300_000
    room.verified(lookout, 0, 1, mode="car")
    assert "S1" in open_orders(room)
    assert "S2" not in open_orders(room)


def test_an_older_sighting_that_comes_late_enters_the_track_and_moves_nobody():
    room = Room()
    lookout = room.lookout()
    room.clock.time += 600_000
    new = room.verified(lookout, 4, 4)
    versions = {order.id: order.version for order in room.orders(lookout)}
    old = room.verified(lookout, 3, 4, at=NOW)
    assert room.state.lookouts[lookout].track == (old.id, new.id)
    assert {order.id: order.version for order in room.orders(lookout)} == versions


def test_one_that_was_not_him_is_taken_back():
    room = Room()
    lookout = room.lookout()
    first = room.verified(lookout, 4, 4, mode="car")
    room.clock.time += 120_000
    second = room.verified(lookout, 3, 4, mode="car")
    incident = room.state.lookouts[lookout].incident
    assert room.verify(second, "not_him").refusal is None
    assert {(order.lon, order.lat) for order in open_orders(room).values()} == {place(4, 4)}
    assert room.verify(first, "not_him").refusal is None
    assert room.state.incidents[incident].state is IncidentState.INVALID
    assert not open_orders(room)
    assert room.state.lookouts[lookout].incident is None


def test_of_two_sightings_of_one_instant_the_later_one_is_taken_back_as_well():
    room = Room()
    lookout = room.lookout()
    room.verified(lookout, 4, 4, mode="car")
    second = room.verified(lookout, 4, 3, mode="car")
    assert {(order.lon, order.lat) for order in open_orders(room).values()} == {place(4, 3)}
    room.verify(second, "not_him")
    assert {(order.lon, order.lat) for order in open_orders(room).values()} == {place(4, 4)}


def test_after_a_pursuit_has_ended_the_next_sighting_opens_another():
    room = Room()
    lookout = room.lookout()
    room.verified(lookout, 4, 4)
    incident = room.state.lookouts[lookout].incident
    room.say(EndIncident(actor="d", incident=incident, state="resolved"))
    assert room.state.lookouts[lookout].incident is None
    room.clock.time += 600_000
    room.verified(lookout, 3, 4)
    assert room.state.lookouts[lookout].incident not in (None, incident)


@pytest.mark.parametrize("list_class", ["seize", "observe"])
def test_without_stations_and_without_units_it_is_a_shortage_in_sight(list_class):
    room = Room(units=(), stations=())
    lookout = room.lookout(list_class)
    room.verified(lookout, 4, 4)
    assert room.notices(DESK, "shortage")


class Terminal:
    """What one terminal shows, by the items that it was sent and nothing else."""

    def __init__(self):
        self.shown, self.seen = {}, 0

    def take(self, room, recipient):
        for mail in room.mail(recipient):
            if mail.mail_seq <= self.seen:
                continue
            self.seen = mail.mail_seq
            if mail.item == "order":
                self.shown[mail.order] = max(mail.version, self.shown.get(mail.order, 0))
            elif mail.item == "cancellation":
                self.shown.pop(mail.order, None)
            assert len(self.shown) <= 1, (recipient, mail, self.shown)


class Chase(RuleBasedStateMachine):
    """Whatever is seen, answered, taken back: at each moment a terminal shows one instruction, the one that stands."""

    @initialize(
        list_class=st.sampled_from(("seize", "seize", "seize", "observe")),
        by_policy=st.sampled_from((True, True, False)),
        asked=st.sampled_from((False, False, True)),
        mode=st.sampled_from(("foot", "foot", "car")),
        answered=st.integers(0, 2),
    )
    def start(self, list_class, by_policy, asked, mode, answered):
        verification = (ANPR,) if by_policy else ()
        more = {} if asked else {"run_cards": UNASKED}
        policies = Policies(stale_position_ms=0, contain_horizon_ms=150_000)
        self.later = Later()
        self.room = Room(
            units=MANY, jobs=self.later, policies=policies, verification=verification, stations=CALLED, **more
        )
        self.terminals = {its.id: Terminal() for its in MANY}
        self.lookouts = [self.room.lookout(list_class), self.room.lookout("observe")]
        self.room.report(self.lookouts[0], 2.5, 2, mode=mode, source="anpr")
        for _ in range(answered):
            self.later.run(self.room)

    @rule(
        which=st.integers(0, 1),
        column=st.integers(0, 5),
        row=st.integers(0, 4),
        mode=st.sampled_from(("foot", "two_wheels", "car")),
        late_s=st.sampled_from((0, 0, 0, 30, 200)),
        source=st.sampled_from(("anpr", "clerk")),
        heading_deg=st.sampled_from((None, 0.0, 90.0, 225.0)),
    )
    def is_seen(self, which, column, row, mode, late_s, source, heading_deg):
        self.room.report(
            self.lookouts[which],
            column,
            row,
            mode=mode,
            at=self.room.clock.time - late_s * 1000,
            source=source,
            heading_deg=heading_deg,
        )

    @rule(pick=st.integers(0, 20), verdict=st.sampled_from(("true", "true", "true", "not_him", "cannot_tell")))
    def somebody_says(self, pick, verdict):
        sightings = list(self.room.state.sightings.values())
        if sightings:
            self.room.verify(sightings[pick % len(sightings)], verdict)

    @rule(delay_s=st.sampled_from((0, 0, 0, 1, 30)))
    def a_worker_hands_back(self, delay_s):
        self.room.clock.time += delay_s * 1000
        self.later.run(self.room)

    @rule(pick=st.integers(0, 9), granted=st.sampled_from((True, True, False)))
    def leave_is_given_or_refused(self, pick, granted):
        steps = [step for step in self.room.state.steps.values() if step.outcome is None]
        if steps:
            step = steps[pick % len(steps)]
            self.room.say(DecideStep(actor="user:chen", step=step.id, granted=granted))

    @rule(seconds=st.sampled_from((1, 20, 60, 300)))
    def time_passes(self, seconds):
        self.room.clock.time += seconds * 1000
        self.room.say(Tick(actor="system"))

    @rule(pick=st.integers(0, 50), word=st.sampled_from(("accept", "refuse", "en_route", "on_scene", "clear")))
    def answers(self, pick, word):
        orders = list(open_orders(self.room).values())
        if orders:
            its = orders[pick % len(orders)]
            self.room.count += 1
            key = f"a{self.room.count}"
            self.room.say(AnswerOrder(actor="d", key=key, order=its.id, version=its.version, answer=word, reason="r"))
            if self.room.state.orders[its.id].state not in OPEN_ORDERS and its.recipient in self.terminals:
                # A terminal forgets what it has ended itself; who is free by that may have the next order at once.
                self.terminals[its.recipient].shown.pop(its.id, None)
                self.terminals[its.recipient].take(self.room, its.recipient)

    @rule(unit=st.sampled_from(MANY), column=st.integers(0, 5), row=st.integers(0, 4))
    def moves(self, unit, column, row):
        lon, lat = place(column, row)
        now = self.room.clock.time
        self.room.engine.move([PositionFix(unit=unit.id, lon=lon, lat=lat, at=now)], now)

    @rule(which=st.integers(0, 1))
    def is_lifted(self, which):
        if self.room.state.lookouts[self.lookouts[which]].state == "active" and self.room.count % 3 == 0:
            self.room.say(LiftLookout(actor="d", lookout=self.lookouts[which], reason="r"))

    @invariant()
    def what_terminals_show_is_what_stands(self):
        orders = {(o.recipient, o.id): o for o in self.room.state.orders.values() if o.state in OPEN_ORDERS}
        for recipient, terminal in self.terminals.items():
            terminal.take(self.room, recipient)
            stands = {order: its.version for (who, order), its in orders.items() if who == recipient}
            assert terminal.shown == stands

    def met(self, sighting):
        """Return where somebody was said to be ahead of a subject as seen by a sighting."""
        for event in self.room.journal.read():
            if isinstance(event.body, Recommended) and event.body.recommendation.chosen is not None:
                said = event.body.recommendation.chased, event.body.recommendation.chosen.meeting
            elif isinstance(event.body, OrderAmended):
                said = event.body.chased, event.body.meeting
            else:
                continue
            if None not in said and said[0].sighting == sighting:
                yield said[1].lon, said[1].lat

    @invariant()
    def everybody_is_sent_to_where_the_subject_was_seen_last_or_ahead_of_them_from_there(self):
        for lookout in self.room.state.lookouts.values():
            if lookout.incident is None or not lookout.track:
                continue
            last = self.room.state.sightings[lookout.track[-1]]
            places = {(last.lon, last.lat), *self.met(last.id)}
            for order in self.room.orders(lookout.id):
                if order.state in OPEN_ORDERS and order.id not in self.room.state.order_posts:
                    assert (order.lon, order.lat) in places

    @invariant()
    def posts_are_those_of_the_newest_plan_once_it_holds(self):
        last = {}
        for event in self.room.journal.read():
            if isinstance(event.body, ContainmentPlanned):
                last[event.body.incident] = event.body.outcome
        for incident, pursuit in self.room.state.pursuits.items():
            if pursuit.plan is not None or last.get(incident) != "held":
                continue
            posts = {(who, post.lon, post.lat) for post in pursuit.proposal.posts for who in post.holders}
            for order in self.room.state.orders.values():
                if (
                    order.state in OPEN_ORDERS
                    and order.incident == incident
                    and order.id in self.room.state.order_posts
                ):
                    assert (order.recipient, order.lon, order.lat) in posts

    def post_order(self, incident, name):
        state = self.room.state
        its = (state.orders[order] for order in state.incidents[incident].orders)
        (order,) = (o for o in its if o.recipient == name and o.state in OPEN_ORDERS and o.id in state.order_posts)
        return order

    @invariant()
    def what_is_called_sealed_is_manned_in_time_and_by_the_newest_plan(self):
        state, now = self.room.state, self.room.clock.time
        for incident, pursuit in state.pursuits.items():
            if not is_sealed(state, incident, now):
                continue
            proposal = pursuit.proposal
            assert (proposal.verdict, pursuit.plan) == ("sealed", None)
            assert min((post.stretch for post in proposal.posts), default=SURE_STRETCH) >= SURE_STRETCH
            for post in proposal.posts:
                for name in post.holders:
                    order = self.post_order(incident, name)
                    assert name not in state.units or state.claims[name] == order.id
                    assert (order.incident, order.lon, order.lat) == (incident, post.lon, post.lat)
                    assert state.order_posts[order.id].due_at <= post.due_at or order.state not in UNDER_WAY

    @invariant()
    def a_replay_gives_the_same(self):
        engine = self.room.engine
        again = Engine(engine.city, journal=self.room.journal, clock=self.room.clock)
        assert msgspec.msgpack.decode(again.snapshot()) == msgspec.msgpack.decode(engine.snapshot())
        assert again.state.subjects == self.room.state.subjects
        restored = Engine(engine.city, journal=self.room.journal, clock=self.room.clock, snapshot=engine.snapshot())
        assert restored.state.subjects == self.room.state.subjects
        assert restored.state.said_of_sightings == self.room.state.said_of_sightings


Chase.TestCase.settings = settings(max_examples=50, stateful_step_count=20)
TestChase = Chase.TestCase
