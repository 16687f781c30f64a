"""Patrols and stations at work: the whole story of an order, and what must hold whatever happens."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.model.entities import Order, Unit
from engine.model.ids import IncidentId, OrderId, RecipientId, UnitId
from engine.model.lifecycle import ORDER, OrderState
from engine.simulation.drive import Way
from engine.simulation.patrol import MINUTE_MS, Answered, Habits, Patrol, Phase, Position
from engine.simulation.station_desk import LOOK_AGAIN_MS, NAME_MS, REACH_MS, Names, StationDesk
from engine.travel import encode_polyline

HOME = (116.0, 40.0)
SCENE = (116.02, 40.0)
STATE_AFTER = {
    "accept": OrderState.ACCEPTED,
    "en_route": OrderState.EN_ROUTE,
    "on_scene": OrderState.ON_SCENE,
    "report": OrderState.REPORTED,
    "clear": OrderState.CLEARED,
}


class Straight:
    """A map of one endless road: 150 s between any two places."""

    def way(self, lon: float, lat: float, to_lon: float, to_lat: float) -> Way:
        return Way(np.array([[lon, lat], [to_lon, to_lat]]), 150_000)


def patrol(turnout_ms: int = 60_000) -> Patrol:
    unit = Unit(id=UnitId("P1"), name="P1", capabilities=("patrol",), lon=HOME[0], lat=HOME[1], turnout_ms=turnout_ms)
    return Patrol(unit, Straight(), Habits(accept_ms=8_000, working_ms=lambda incident, unit: 600_000))


def order(number: int = 1, *, route: str = "", eta_ms: int | None = 210_000) -> Order:
    return Order(
        id=OrderId(f"t-order-{number}"),
        version=1,
        incident=IncidentId(f"t-incident-{number}"),
        recipient=RecipientId("P1"),
        recipient_kind="unit",
        capability="patrol",
        state=OrderState.SENT,
        proposed_at=0,
        lon=SCENE[0],
        lat=SCENE[1],
        level=2,
        type="dispute",
        eta_ms=eta_ms,
        turnout_ms=60_000,
        route=route,
    )


def play(it: Patrol, until: int) -> list[Answered | Position]:
    said: list[Answered | Position] = []
    while (at := it.due_at()) is not None and at <= until:
        said += it.act(at)
    return said


def test_the_story_of_an_order() -> None:
    it = patrol()
    assert it.due_at() is None
    assert it.take(order(), 0)
    said = play(it, 2_000_000)
    assert [(s.answer, s.said_at) for s in said if isinstance(s, Answered)] == [
        ("accept", 8_000),
        ("en_route", 60_000),
        ("on_scene", 210_000),
        ("well", 450_000),
        ("well", 690_000),
        ("report", 810_000),
        ("clear", 810_000),
    ]
    where = [(s.at, round(s.lon, 4)) for s in said if isinstance(s, Position)]
    assert where == [
        (60_000, 116.0),
        (120_000, 116.008),
        (180_000, 116.016),
        (210_000, 116.02),
        (810_000, 116.02),
        (900_000, 116.008),
        (960_000, 116.0),
    ]
    assert it.phase is Phase.STANDING
    assert len({s.key for s in said if isinstance(s, Answered)}) == 7


def test_the_way_that_the_order_gives_is_driven_when_it_begins_here() -> None:
    bend = np.array([HOME, (116.0, 40.01), SCENE])
    it = patrol()
    it.take(order(route=encode_polyline(bend), eta_ms=100_000), 0)
    play(it, 60_000)
    assert it.position(75_000)[1] > 40.005  # round the bend: 40 s of travel, not 150
    play(it, 100_000)
    assert it.phase is Phase.WORKING


def test_a_way_that_begins_elsewhere_is_not_believed() -> None:
    it = patrol()
    it.take(order(route=encode_polyline(np.array([(117.0, 40.0), SCENE]))), 0)
    play(it, 60_000)
    assert it.position(135_000) == pytest.approx((116.01, 40.0))


def test_an_order_handed_in_twice_changes_nothing() -> None:
    it = patrol()
    assert it.take(order(), 0)
    assert not it.take(order(), 5_000)
    assert it.due_at() == 8_000
    play(it, 2_000_000)
    assert not it.take(order(), 3_000_000)
    assert it.due_at() is None


def test_a_withdrawn_patrol_drives_home_from_where_it_is() -> None:
    it = patrol()
    it.take(order(), 0)
    play(it, 135_000)
    it.withdraw("t-order-1", 135_000)
    assert it.phase is Phase.GOING_HOME
    assert it.position(135_000) == pytest.approx((116.01, 40.0))
    it.take(order(2), 180_000)
    assert [s.answer for s in play(it, 10**7) if isinstance(s, Answered)][-1] == "clear"
    it.withdraw("t-order-9", 10**7)
    assert it.phase is Phase.STANDING


class AnyOrder(RuleBasedStateMachine):
    """Whatever arrives whenever: legal answers only, no order answered after its end, positions not too often."""

    def __init__(self) -> None:
        super().__init__()
        self.it = patrol(turnout_ms=5_000)
        self.now = 0
        self.states: dict[str, OrderState] = {}
        self.places: list[int] = []

    @rule(number=st.integers(1, 4), wait=st.integers(0, 400_000))
    def arrives(self, number: int, wait: int) -> None:
        self.passes(wait)
        if self.it.take(order(number), self.now):
            assert f"t-order-{number}" not in self.states
            for name, state in self.states.items():
                if ORDER[state]:  # the engine sends nobody a second order without withdrawing the first
                    self.states[name] = OrderState.REPLACED
            self.states[f"t-order-{number}"] = OrderState.DELIVERED

    @rule(number=st.integers(1, 4), wait=st.integers(0, 400_000))
    def is_withdrawn(self, number: int, wait: int) -> None:
        self.passes(wait)
        name = f"t-order-{number}"
        if ORDER[self.states.get(name, OrderState.CLEARED)]:
            self.it.withdraw(name, self.now)
            self.states[name] = OrderState.CANCELLED

    @rule(wait=st.integers(0, 2_000_000))
    def passes(self, wait: int) -> None:
        until = self.now + wait
        while (at := self.it.due_at()) is not None and at <= until:
            assert at >= self.now
            self.now = at
            for said in self.it.act(at):
                if isinstance(said, Answered) and said.answer == "well":
                    assert self.states[said.order] is OrderState.ON_SCENE
                elif isinstance(said, Answered):
                    to = STATE_AFTER[said.answer]
                    assert to in ORDER[self.states[said.order]]
                    self.states[said.order] = to
                else:
                    self.places.append(said.at)
        self.now = until

    @invariant()
    def due_in_time(self) -> None:
        at = self.it.due_at()
        assert at is None or at <= self.now + 600_000 + MINUTE_MS

    @invariant()
    def positions_come_in_order(self) -> None:
        assert self.places == sorted(self.places)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


def run_desk(desk: StationDesk, until: int, replies: Callable[[Names], str]) -> list[tuple[str, str, int]]:
    """Let a station do all it has to do; ``replies`` says what came of naming."""
    said = []
    while (at := desk.due_at()) is not None and at <= until:
        for one in desk.act(at):
            if isinstance(one, Names):
                said.append((one.order[-1], "assign", one.said_at))
                desk.named(one.order, replies(one), at)
            else:
                said.append((one.order[-1], one.answer, one.said_at))
    return said


def station_desk() -> StationDesk:
    return StationDesk("S1", Habits(accept_ms=30_000, working_ms=lambda incident, unit: 60_000))


def test_a_station_holds_several_orders_and_sees_to_them_where_nobody_can_be_named() -> None:
    desk = station_desk()
    assert desk.take(order(1), 0)
    assert desk.take(order(2), 1_000)
    assert desk.take(order(3), 1_000)
    assert not desk.take(order(1), 2_000)
    desk.withdraw("t-order-3", 2_000)
    said = run_desk(desk, 10**7, lambda _: "nobody_free")
    assert said[0] == ("1", "accept", 30_000)
    assert said[-1] == ("2", "clear", 31_000 + NAME_MS + REACH_MS + 60_000)
    assert [answer for number, answer, _ in said if number == "2"] == ["accept", "assign", "on_scene", "clear"]
    assert "3" not in {number for number, _, _ in said}


def test_a_station_names_its_units_until_all_are_named_and_again_when_one_falls_away() -> None:
    desk = station_desk()
    desk.take(order(1), 0)
    replies = {1: "", 2: "nobody_free", 3: "", 4: "all_named", 5: "", 6: "all_named"}
    said = run_desk(desk, 10**7, lambda its: replies[its.number])
    assert [(answer, at) for _, answer, at in said] == [
        ("accept", 30_000),
        ("assign", 30_000 + NAME_MS),
        *(("assign", 30_000 + NAME_MS + turn * LOOK_AGAIN_MS) for turn in (1, 2, 3)),
    ]
    desk.wanted("t-order-1", 10**7)
    again = run_desk(desk, 2 * 10**7, lambda its: replies[its.number])
    assert [at for _, _, at in again] == [10**7 + NAME_MS, 10**7 + NAME_MS + LOOK_AGAIN_MS]
    assert len({Names("o", 1, number, 0).key for number in replies}) == len(replies)


def test_a_station_whose_order_has_ended_names_nobody_more() -> None:
    desk = station_desk()
    desk.take(order(1), 0)
    assert [answer for _, answer, _ in run_desk(desk, 10**7, lambda _: "wrong_state")] == ["accept", "assign"]
    desk.wanted("t-order-9", 0)
    assert desk.due_at() is None


@given(st.integers(0, 10**6))
def test_a_patrol_stands_at_home_until_somebody_asks(at: int) -> None:
    it = patrol()
    assert it.act(at) == []
    assert it.position(at) == HOME
