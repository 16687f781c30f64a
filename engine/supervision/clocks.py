"""The kinds of deadline: each is a row that says which state of an order or incident starts it and which end it.

How long a clock runs the run card says, and what is done when it has run out. One that ``repeats`` begins anew after
that. A word from the scene (`heard_by`) ends what is done about a clock: one that repeats begins anew, others are met.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.model.entities import RecipientKind
from engine.model.lifecycle import INCIDENT, ORDER, IncidentState, OrderState
from engine.model.notices import NoticeCode

Word = Literal["report", "well"]
"""What is said from the scene besides an order's steps: a report, or that all is well there."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A deadline over part of the life of an order or of an incident."""

    name: str
    starts: OrderState | IncidentState
    runs_in: frozenset[OrderState] | frozenset[IncidentState]
    """It runs on while its owner is in one of these; any other state ends it."""
    notice: NoticeCode
    """What the desk is told by when it is to use telephone or radio."""
    of: tuple[RecipientKind, ...] = ("unit",)
    """Whose orders have it: a station's people have orders of their own with all the clocks of units."""
    not_after: OrderState | None = None
    """It does not start when this was the state before."""
    repeats: bool = False
    heard_by: frozenset[Word] = field(default_factory=frozenset)


_O, _I = OrderState, IncidentState
_ON_THE_WAY = frozenset((_O.SENT, _O.DELIVERED, _O.ACCEPTED, _O.EN_ROUTE))
_REPORT: frozenset[Word] = frozenset(("report",))


def _table(clocks: Iterable[Clock]) -> Mapping[str, Clock]:
    return {clock.name: clock for clock in clocks}


CLOCKS: Mapping[str, Clock] = _table(
    (
        Clock(
            name="deliver",
            starts=_O.SENT,
            runs_in=frozenset((_O.SENT,)),
            notice="not_delivered",
            of=("unit", "station"),
        ),
        Clock(
            name="accept",
            starts=_O.SENT,
            runs_in=frozenset((_O.SENT, _O.DELIVERED)),
            notice="not_accepted",
            of=("unit", "station"),
        ),
        Clock(name="roll", starts=_O.ACCEPTED, runs_in=frozenset((_O.ACCEPTED,)), notice="not_rolling"),
        Clock(name="arrive", starts=_O.SENT, runs_in=_ON_THE_WAY, notice="not_arrived"),
        Clock(
            name="first_report", starts=_O.ON_SCENE, runs_in=frozenset((_O.ON_SCENE,)), notice="not_reported_from_scene"
        ),
        Clock(
            name="welfare",
            starts=_O.ON_SCENE,
            runs_in=frozenset((_O.ON_SCENE, _O.REPORTED)),
            notice="welfare_check",
            repeats=True,
            heard_by=frozenset(("report", "well")),
        ),
        Clock(
            name="report",
            starts=_O.CLEARED,
            runs_in=frozenset((_O.CLEARED,)),
            notice="not_reported",
            not_after=_O.REPORTED,
            heard_by=_REPORT,
        ),
        # Of a station's order alone. It ends, too, when everybody is named, and begins anew when somebody falls away.
        Clock(
            name="assign",
            starts=_O.ACCEPTED,
            runs_in=frozenset((_O.ACCEPTED, _O.EN_ROUTE, _O.ON_SCENE, _O.REPORTED)),
            notice="not_assigned",
            of=("station",),
        ),
    )
)
"""Of orders."""

INCIDENT_CLOCKS: Mapping[str, Clock] = _table(
    (
        Clock(
            name="order",
            starts=_I.TRIAGED,
            runs_in=frozenset((_I.RECEIVED, _I.TRIAGED)),
            notice="nothing_sent",
        ),
        Clock(
            name="update_every",
            starts=_I.ON_SCENE,
            runs_in=frozenset((_I.ON_SCENE,)),
            notice="not_updated",
            repeats=True,
            heard_by=_REPORT,
        ),
        Clock(name="close", starts=_I.RESOLVED, runs_in=frozenset((_I.RESOLVED,)), notice="not_closed"),
    )
)
"""Of incidents: ``order`` counts from the first alert, ``close`` from the last report once all are done."""

assert all(clock.starts in ORDER and clock.starts in clock.runs_in for clock in CLOCKS.values())
assert all(clock.starts in INCIDENT and clock.starts in clock.runs_in for clock in INCIDENT_CLOCKS.values())
