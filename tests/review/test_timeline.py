"""Reading a journal anew."""

from collections.abc import Callable
from typing import Any

from engine.model.lifecycle import OrderState
from engine.review.timeline import read_timeline


def test_states_are_dated_and_what_was_said_counts(story: Any) -> None:
    story.alert(1)
    story.order(1, "P1")
    story.now = 5_000
    story.receipt("P1")
    story.now = 90_000
    story.advance("o-1-0", OrderState.ACCEPTED, said_at=8_000)
    timeline = read_timeline(story.events)
    at = timeline.orders["o-1-0"].at
    assert at[OrderState.SENT] == 0
    assert at[OrderState.DELIVERED] == 5_000
    assert at[OrderState.ACCEPTED] == 8_000
    assert timeline.orders["o-1-0"].between_ms(OrderState.SENT, OrderState.EN_ROUTE) is None


def test_response_is_from_the_alert_to_the_first_unit_on_scene(finished: Callable[[], Any]) -> None:
    timeline = read_timeline(finished().events)
    assert [timeline.response_ms(it) for it in timeline.incidents.values()] == [310_000, 310_000]


def test_who_was_idle_when_a_unit_was_wanted(story: Any) -> None:
    story.alert(1, wanted=3)
    story.order(1, "P1")
    story.alert(2, wanted=2)
    idle = {
        name: demand.was_idle
        for incident in read_timeline(story.events).incidents.values()
        for name, demand in incident.demands.items()
    }
    assert idle == {"d-1-0": True, "d-1-1": True, "d-1-2": False, "d-2-0": True, "d-2-1": False}


def test_a_unit_that_holds_two_orders_is_seen(story: Any) -> None:
    story.alert(1)
    story.order(1, "P1")
    story.advance("o-1-0", OrderState.REPLACED)
    story.order(1, "P1", name="second")
    story.alert(2)
    story.order(2, "P1", name="third")
    timeline = read_timeline(story.events)
    assert timeline.double_booked == [(0, "P1", "second", "third")]


def test_a_station_may_hold_several(story: Any) -> None:
    for number in (1, 2):
        story.alert(number)
        story.short(number)
        story.order(number, "S1")
    assert read_timeline(story.events).double_booked == []
