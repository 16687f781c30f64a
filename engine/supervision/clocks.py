"""The kinds of deadline: each is a row that says which state of an order starts it and which states end it."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model.lifecycle import ORDER, OrderState
from engine.model.notices import NoticeCode


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A deadline over part of an order's life. How long it runs, the run card says."""

    name: str
    starts: OrderState
    runs_in: frozenset[OrderState]
    """It runs on while the order is in one of these; any other state ends it."""
    notice: NoticeCode
    """What the desk is told when it runs out, as a key of the texts."""


CLOCKS: Mapping[str, Clock] = {
    clock.name: clock
    for clock in (
        Clock(
            name="deliver",
            starts=OrderState.SENT,
            runs_in=frozenset((OrderState.SENT,)),
            notice="not_delivered",
        ),
        Clock(
            name="accept",
            starts=OrderState.SENT,
            runs_in=frozenset((OrderState.SENT, OrderState.DELIVERED)),
            notice="not_accepted",
        ),
        # Of a station's order alone. It ends, too, when everybody is named, and begins anew when somebody falls away.
        Clock(
            name="assign",
            starts=OrderState.ACCEPTED,
            runs_in=frozenset((OrderState.ACCEPTED, OrderState.EN_ROUTE, OrderState.ON_SCENE, OrderState.REPORTED)),
            notice="not_assigned",
        ),
    )
}

STATION_CLOCKS = frozenset(("assign",))
"""Clocks of orders to stations alone."""

assert all(clock.starts in ORDER and clock.starts in clock.runs_in for clock in CLOCKS.values())
