"""What HTTP takes about orders: who is chosen, added, taken back, named; what is asked for and returned.

``key`` makes each safe to send again.
"""

from typing import Annotated, Literal

import msgspec

from engine.model.entities import HelpWanted, OverruleReason
from engine.model.lifecycle import OrderState
from engine.model.limits import MOST_ASKED, MOST_NAMED
from engine.wire.fields import Count, Id, Instant, Text, Word
from engine.wire.order_messages import NamedUnit

SpokenVia = Literal["radio", "desk"]


class _In(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    pass


class ChooseIn(_In, frozen=True):
    """Who goes instead, a unit or a station, and why; ``words`` where the reason is ``other``.

    ``seen`` is the state in which the order was seen: a proposal that somebody has decided about since is refused as
    ``superseded``. ``anyway`` passes over a lacking capability, an earlier refusal, and what a unit is under way to.
    """

    key: Id
    version: Count
    recipient: Id
    why: OverruleReason
    words: Text = ""
    anyway: bool = False
    acting_as: Word = ""
    seen: OrderState | None = None


class ReplaceIn(_In, frozen=True):
    """Why an order is taken back; it stays where nobody else can go."""

    key: Id
    version: Count
    reason: Id


class AddIn(_In, frozen=True):
    """What is sent besides: so many units of a capability, or the ``unit`` that is named."""

    key: Id
    capability: Id
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_ASKED)] = 1
    unit: Id | None = None
    anyway: bool = False
    reason: Word = ""
    acting_as: Word = ""


class AssignIn(_In, frozen=True):
    """Whom a station names for its order, as it said by radio or telephone; nobody takes whom the engine proposes."""

    key: Id
    version: Count
    units: Annotated[tuple[NamedUnit, ...], msgspec.Meta(max_length=MOST_NAMED)] = ()
    via: SpokenVia = "radio"
    reason: Word = ""
    said_at: Instant | None = None


class AskIn(_In, frozen=True):
    """What a recipient asked for by radio or telephone: a capability, an office or equipment, by its id."""

    key: Id
    version: Count
    what: HelpWanted
    wanted: Word = ""
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_ASKED)] = 1
    via: SpokenVia = "radio"
    text: Text = ""
    said_at: Instant | None = None


class ReturnIn(_In, frozen=True):
    """Why a recipient returns its order, as it said by radio or telephone."""

    key: Id
    version: Count
    reason: Id
    via: SpokenVia = "radio"
    text: Text = ""
    said_at: Instant | None = None
