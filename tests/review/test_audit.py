"""Planted mistakes: each must be found, and a clean story must be clean."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.model.lifecycle import OrderState
from engine.review.audit import Seen, audit
from engine.review.timeline import read_timeline

SEEN = [Seen("P1", "o-1-0", "order"), Seen("P1", "o-1-0", "clear"), Seen("P2", "o-2-0", "order")]
REFS = {"ref-1", "ref-2"}


def test_a_clean_story(finished: Callable[[], Any]) -> None:
    found = audit(read_timeline(finished().events), SEEN, REFS)
    assert (found.alerts, found.unit_orders, found.station_orders, found.shortages) == (2, 2, 0, 0)
    assert (found.lost, found.double_booked) == ((), ())
    assert found.served_share == 1.0


def test_an_alert_that_was_accepted_but_not_stored_is_lost(finished: Callable[[], Any]) -> None:
    found = audit(read_timeline(finished().events), SEEN, {*REFS, "ref-3"})
    assert found.lost == ("alert ref-3 was accepted and is not in the journal",)


@pytest.mark.parametrize("short", [False, True])
def test_an_alert_needs_an_order_or_a_stated_shortage(story: Any, short: bool) -> None:
    story.alert(1)
    if short:
        story.short(1)
    found = audit(read_timeline(story.events), [], {"ref-1"})
    assert len(found.lost) == (0 if short else 1)
    assert found.served_share == 0.0
    assert found.shortages == int(short)


def test_an_order_must_have_a_receipt_and_have_been_seen(story: Any) -> None:
    story.alert(1, wanted=2)
    story.order(1, "P1")
    story.order(1, "P2", one=1)
    story.receipt("P2")
    found = audit(read_timeline(story.events), [], {"ref-1"})
    assert found.lost == ("o-1-0 to P1 has no receipt", "o-1-1 to P2 has a receipt, but no terminal saw it")


def test_an_order_that_was_withdrawn_before_it_arrived_is_not_lost(story: Any) -> None:
    story.alert(1)
    story.order(1, "P1")
    story.advance("o-1-0", OrderState.CANCELLED)
    assert audit(read_timeline(story.events), [], {"ref-1"}).lost == ()


def test_a_station_that_was_sent_instead_is_not_served(story: Any) -> None:
    story.alert(1)
    story.short(1)
    story.order(1, "S1")
    story.receipt("S1")
    found = audit(read_timeline(story.events), [Seen("S1", "o-1-0", "order", exclusive=False)], {"ref-1"})
    assert (found.station_orders, found.served, found.idle, found.lost) == (1, 0, 1, ())


def test_double_bookings_are_found_on_either_side(story: Any) -> None:
    story.alert(1)
    story.alert(2)
    story.order(1, "P1")
    story.order(2, "P1")
    found = audit(read_timeline(story.events), [], ())
    assert found.double_booked == ("journal: P1 held o-1-0 and got o-2-0",)
    seen = [
        Seen("P1", "a", "order"),
        Seen("P1", "a", "cancellation"),
        Seen("P1", "b", "order"),
        Seen("S1", "x", "order", exclusive=False),
        Seen("S1", "y", "order", exclusive=False),
        Seen("P1", "c", "order"),
    ]
    found = audit(read_timeline([]), seen, ())
    assert found.double_booked == ("terminal: P1 held b and got c",)
