"""What a file of run cards can say, typed: needs, questions, consents, clocks, and the words that they are made of.

A card is read as a `Node`: what it says itself (`Said`) and what it says for other levels. What it does not say is None
or missing here, and is looked for farther up its tree by `card.RunCard`. Seconds are whole numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.dispatch.calendar import CalendarRules
from engine.dispatch.toml_file import Texts
from engine.model.entities import Dispatch

Approval = Literal["by_rule", "by_person", "nothing"]
"""How orders of a card go: by the card itself, when a person agrees, or not at all."""
Seconds = int | Mapping[str, int]
"""A span, or one for each zone of the city: town, edge, village."""

BY_RULE, NOTHING, DISPATCHER = "auto", "none", "dispatcher"
"""Approvers that every file knows without naming them."""
CLOCKS = (
    "order_s",
    "deliver_s",
    "accept_s",
    "assign_s",
    "roll_s",
    "arrive_s",
    "first_report_s",
    "update_every_s",
    "welfare_s",
    "report_s",
    "close_s",
)
"""Every clock that a card can set, in the order in which they begin."""
STEPS = (
    "send",
    "more_force",
    "keep_reserve",
    "neighbour_help",
    "roadblock",
    "forced_stop",
    "cross_county",
    "firearms",
    "evacuate",
    "close_road",
    "locate_phone",
    "public_appeal",
    "transfer_out",
    "mark_nuisance",
    "slow_number",
    "answer",
    "lower",
    "return_order",
    "close",
)
"""Every step that can want somebody's leave."""
OUR_STEPS = ("send", "more_force", "roadblock", "lower", "return_order", "close")
"""Those that are taken in here once leave is given; each has a command of its own."""
PEOPLES_STEPS = tuple(step for step in STEPS if step not in OUR_STEPS)
"""Those that people take: leave is asked for, decided and told."""


@dataclass(frozen=True, kw_only=True)
class ForceNeed:
    """So many units of one capability, with so many people.

    Attributes
    ----------
    people, sworn
        The least number in all units together, and how many of them must be sworn officers.
    rank
        The least rank of who leads it; empty for any.
    equipment
        What it must bring, as ids.
    either
        Other capabilities that meet it as well.
    one_team
        Whether all its units are of one team, where a city names teams; their people are as many as they are.
    together
        Whether a crew that goes for another need may meet it as well, where it can do both.
    """

    capability: str
    count: int
    people: int
    sworn: int
    rank: str = ""
    equipment: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    together: bool = False
    one_team: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something to ask the caller. ``fact`` is what a yes establishes, where it can raise the level."""

    text: Texts
    fact: str = ""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """Who must agree to a step, and who is asked when that takes longer than ``timeout_s``."""

    by: str
    deputy: str = ""
    timeout_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Approver:
    """Somebody whose leave can be wanted, with who stands in after how long."""

    name: Texts
    deputy: str = ""
    timeout_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Informed:
    """Somebody who is told.

    Attributes
    ----------
    external
        Outside the police: told by telephone.
    mailbox
        Has a mailbox all the same, which an integration reads.
    """

    name: Texts
    external: bool = False
    mailbox: bool = False


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that, once known, raises an incident to a level; for these cards and families alone, or for all."""

    to: int
    name: Texts
    only: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """What is done so long after a clock has run out."""

    after_s: int
    do: str
    to: str
    text: Texts


@dataclass(frozen=True, kw_only=True)
class Series:
    """From so many of a kind within a distance and a time on it is a series, and these are told."""

    count: int
    within_m: int
    within_s: int
    tell: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a card, or one of its sections for another level, says itself."""

    force: Mapping[str, tuple[ForceNeed, ...]] = field(default_factory=dict)
    """By duty period."""
    more: tuple[ForceNeed, ...] | None = None
    """Who goes besides, when an incident has been raised to this level."""
    prefer: tuple[str, ...] | None = None
    told: tuple[str, ...] | None = None
    dispatch: Mapping[str, Dispatch] = field(default_factory=dict)
    """Whom the room orders, by ``day`` and ``night``."""
    approve: Mapping[str, Consent] = field(default_factory=dict)
    clocks: Mapping[str, Seconds] = field(default_factory=dict)
    ask: tuple[Question, ...] | None = None
    guidance: Texts | None = None
    safety: Texts | None = None
    equipment: tuple[str, ...] | None = None
    raises: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Node:
    """One card or family as it was read."""

    id: str
    line: int | None
    parent: str = ""
    family: bool = False
    level: int | None = None
    name: Texts = field(default_factory=dict)
    category: str = ""
    series: Series | None = None
    confidential_caller: bool | None = None
    always_waits: bool | None = None
    said: Said = field(default_factory=Said)
    levels: Mapping[int, Said] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LevelRule:
    """What holds for every card at a level."""

    name: Texts = field(default_factory=dict)
    clocks: Mapping[str, Seconds] = field(default_factory=dict)
    send_first: bool = False
    """Units go at once, and whose leave it would have taken is told at the same time."""
    told: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What a file says besides its cards."""

    name: Texts
    capabilities: Mapping[str, Texts]
    told: Mapping[str, Informed]
    approvers: Mapping[str, Approver]
    equipment: Mapping[str, Texts]
    ranks: Mapping[str, Texts]
    """From the lowest to the highest."""
    facts: Mapping[str, Fact]
    levels: Mapping[int, LevelRule]
    crew_people: int
    crew_sworn: int
    notes: Mapping[str, Texts]
    """Rules that people keep, in words."""
    escalation: Mapping[str, tuple[Escalation, ...]]
    lists: Mapping[str, Mapping[str, Texts]]
    working: CalendarRules | None
    """Working time, where the file says it itself."""
