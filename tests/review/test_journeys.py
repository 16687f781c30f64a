"""Journeys of our own record."""

from typing import Any

from msgspec.structs import replace

from engine.model import events as e
from engine.model.ids import DemandId, OrderId
from engine.model.lifecycle import OrderState
from engine.review.journeys import LATEST_START_MS, journeys_of
from engine.review.timeline import read_timeline
from engine.travel.journeys import Journey


def test_an_order_that_was_driven_is_a_journey_from_where_its_way_begins(story: Any) -> None:
    story.alert(1)
    story.order(1, "P1")
    story.done("o-1-0")
    found, left_out = journeys_of(read_timeline(story.events))
    # The story's way begins at longitude 0, latitude 1; its order's place is 0, 0.
    assert found == [Journey(0.0, 1.0, 0.0, 0.0, 70_000, 310_000)]
    assert not left_out


def test_when_the_unit_says_it_was_counts(story: Any) -> None:
    story.alert(1)
    story.order(1, "P1")
    story.now = 500_000
    story.advance("o-1-0", OrderState.EN_ROUTE, said_at=60_000)
    story.advance("o-1-0", OrderState.ON_SCENE, said_at=240_000)
    (journey,), _ = journeys_of(read_timeline(story.events))
    assert (journey.rolling_at, journey.on_scene_at) == (60_000, 240_000)


def test_what_is_no_journey_is_left_out_by_its_reason(story: Any) -> None:
    for number in range(1, 4):
        story.alert(number)
    story.order(1, "S1")
    story.order(2, "P1")
    story.advance("o-2-0", OrderState.ACCEPTED)
    story.order(3, "P2")
    story.now += LATEST_START_MS + 1
    story.advance("o-3-0", OrderState.EN_ROUTE)
    story.now += 60_000
    story.advance("o-3-0", OrderState.ON_SCENE)
    assert journeys_of(read_timeline(story.events)) == ([], {"station": 1, "no_stamp": 1, "late_start": 1})


def test_exercises_and_orders_without_a_way_teach_nothing(story: Any) -> None:
    for number, change in ((1, {"exercise": True}), (2, {"route": ""})):
        story.alert(number)
        story.order(number, f"P{number}")
        at = max(i for i, it in enumerate(story.events) if it.kind == "order_proposed")
        order = replace(story.events[at].body.order, **change)
        body = e.OrderProposed(order=order, demand=DemandId(f"d-{number}-0"))
        story.events[at] = replace(story.events[at], body=body)
        story.done(OrderId(f"o-{number}-0"))
    assert journeys_of(read_timeline(story.events)) == ([], {"exercise": 1, "no_way": 1})
