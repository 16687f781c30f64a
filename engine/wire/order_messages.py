"""What is said of an order, and of its incident, by whoever has it or for them; all of it part of `ClientMessage`.

A station's or a unit's own terminal says it of its own orders, a dispatcher records what was heard by radio.
"""

from typing import Annotated

import msgspec

from engine.model.commands import Answer, Named
from engine.model.entities import HelpWanted
from engine.model.ids import DemandId, UnitId
from engine.model.limits import (
    MOST_ASKED,
    MOST_NAMED,
    MOST_OFFICERS,
    MOST_PHOTOS,
    MOST_SEARCH_PLACES,
    WELFARE_EVERY_MS,
)
from engine.wire.fields import Count, Facts, Hash, Id, Instant, Message, Text, Word


class AnswerOrder(Message, frozen=True, tag="answer"):
    """A recipient answers its order, or a dispatcher records what it heard by radio."""

    key: Id
    order: Id
    version: Count
    answer: Answer
    reason: Word = ""
    text: Text = ""
    said_at: Instant | None = None
    result: Word = ""
    photos: Annotated[tuple[Hash, ...], msgspec.Meta(max_length=MOST_PHOTOS)] = ()


class NamedUnit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit that a station sends; for one demand of its order, or for what it fits. ``officers`` by service number."""

    unit: Id
    demand: Id | None = None
    officers: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MOST_OFFICERS)] = ()

    def plain(self) -> Named:
        """Return it as the engine's own type."""
        return Named(UnitId(self.unit), None if self.demand is None else DemandId(self.demand), self.officers)


class AssignUnits(Message, frozen=True, tag="assign"):
    """A station names who goes for its order; naming nobody takes whom the engine proposes. It accepts by it, too."""

    key: Id
    order: Id
    version: Count
    units: Annotated[tuple[NamedUnit, ...], msgspec.Meta(max_length=MOST_NAMED)] = ()
    reason: Word = ""
    said_at: Instant | None = None


class AskHelp(Message, frozen=True, tag="ask"):
    """A recipient asks for ``backup``, more of what it is itself, or for ``support`` by what is ``wanted``.

    That is a capability, an office or equipment, by its id in the run cards.
    """

    key: Id
    order: Id
    version: Count
    what: HelpWanted
    wanted: Word = ""
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_ASKED)] = 1
    text: Text = ""
    said_at: Instant | None = None


class ReturnOrder(Message, frozen=True, tag="return"):
    """A recipient wants to be rid of an order it has; the order is its own until the next has accepted."""

    key: Id
    order: Id
    version: Count
    reason: Id
    text: Text = ""
    said_at: Instant | None = None


OfOrder = AnswerOrder | AssignUnits | AskHelp | ReturnOrder
"""What is said about an order by whoever has it."""


class Welfare(Message, frozen=True, tag="welfare"):
    """Ask us every ``every_s`` seconds whether we are well, while we are on the scene of this order."""

    key: Id
    order: Id
    version: Count
    every_s: Annotated[int, msgspec.Meta(ge=WELFARE_EVERY_MS[0] // 1_000, le=WELFARE_EVERY_MS[1] // 1_000)]


class StateFacts(Message, frozen=True, tag="facts"):
    """What somebody has learned of the incident of an order, by the ids of the run cards; it can raise the level."""

    key: Id
    order: Id
    established: Facts = ()
    ruled_out: Facts = ()


class AskLeave(Message, frozen=True, tag="leave"):
    """Whoever has an order asks for leave for a step of its incident, such as ``firearms``, as run cards name it."""

    key: Id
    order: Id
    step: Word
    reason: Word = ""


class Look(Message, frozen=True, tag="look"):
    """Whoever has an order of a search has looked at the door of a place, by its number from 1: found, or not here."""

    key: Id
    order: Id
    place: Annotated[int, msgspec.Meta(ge=1, le=MOST_SEARCH_PLACES)]
    found: bool
    text: Text = ""
    said_at: Instant | None = None
