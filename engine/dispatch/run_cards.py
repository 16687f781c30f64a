"""Run cards: for an incident type and the hour, what must be sent, by whose leave, and which clocks run.

A city keeps its cards in `run_cards.toml`; the county's starting set is shipped beside this module. What a card says
beyond what the engine acts on (questions, guidance, who is told) is kept as it was read.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any, Literal

from engine.dispatch.calendar import DAY, CalendarRules, Period, Span
from engine.model.entities import Need
from engine.model.limits import LEVELS, MOST_UNITS_OF_NEED

COUNTY = Path(__file__).with_name("county_run_cards.toml")
"""The starting set for a county."""

_TOP_KEYS = frozenset(
    ("schema", "meta", "rules", "clocks", "escalation", "capabilities", "told", "raise", "approvers", "cards", "lists")
)
_CARD_KEYS = frozenset(
    (
        "id",
        "category",
        "level",
        "name",
        "ask",
        "day",
        "night",
        "prefer",
        "told",
        "approve",
        "clocks",
        "guidance",
        "series",
        "confidential_caller",
    )
)
_CLOCKS = ("deliver", "accept")
"""The clocks that are supervised; a card's or level's ``<name>_s`` sets them."""

Approval = Literal["by_rule", "by_person", "nothing"]


class RunCardError(ValueError):
    """A run-card file cannot be used; names the file, the card, the key, what it holds and what it may hold."""


@dataclass(frozen=True, kw_only=True)
class RunCard:
    """What an incident type calls for."""

    id: str
    level: int
    name: Mapping[str, str]
    day: tuple[Need, ...]
    night: tuple[Need, ...]
    approval: Approval
    clocks_ms: Mapping[str, int]
    more: Mapping[str, Any] = field(default_factory=dict)
    """All else that the card says, as read."""


class RunCards:
    """A city's cards by incident type."""

    def __init__(
        self,
        cards: Mapping[str, RunCard],
        capabilities: Mapping[str, Mapping[str, str]],
        working: CalendarRules | None = None,
    ) -> None:
        self.cards = dict(cards)
        self.capabilities = dict(capabilities)
        self.working = working

    def needs(self, card: RunCard, period: Period) -> tuple[Need, ...]:
        """Return the force of ``card`` in a duty period."""
        return card.day if period.counts_as == "day" else card.night

    @classmethod
    def load(cls, path: Path) -> "RunCards":
        """Read and validate a file of cards.

        Raises
        ------
        RunCardError
            With the file, the card and the key of the first thing that cannot be used.
        """
        try:
            table = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RunCardError(f"{path}: not TOML: {error}") from None
        return _Reader(path).read(table)


class _Reader:
    """Turns the tables of one file into cards, saying where it stands when something is wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def wrong(self, where: str, value: object, limit: str) -> RunCardError:
        return RunCardError(f"{self.path}: {where}: {value!r} is not taken; {limit}")

    def known(self, where: str, table: Mapping[str, Any], keys: frozenset[str]) -> None:
        for key in table:
            if key not in keys:
                raise self.wrong(f"{where}.{key}", key, f"known keys: {', '.join(sorted(keys))}")

    def read(self, table: Mapping[str, Any]) -> RunCards:
        self.known("file", table, _TOP_KEYS)
        capabilities = {str(k): dict(v) for k, v in table.get("capabilities", {}).items()}
        if not capabilities:
            raise self.wrong("capabilities", {}, "at least one capability is needed")
        cards: dict[str, RunCard] = {}
        for number, raw in enumerate(table.get("cards", []), 1):
            card = self.card(raw, number, table.get("clocks", {}), capabilities)
            if card.id in cards:
                raise self.wrong(f"cards[{number}].id", card.id, "each id may stand once")
            cards[card.id] = card
        return RunCards(cards, capabilities, self.period(table.get("meta", {}).get("day", {})))

    def period(self, raw: Mapping[str, Any]) -> CalendarRules | None:
        if "from" not in raw:
            return None
        try:
            span = Span(
                period=DAY,
                days=frozenset(int(day) for day in raw["weekdays"]),
                begins=time.fromisoformat(raw["from"]),
                ends=time.fromisoformat(raw["to"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise self.wrong("meta.day", error, "needs weekdays = [1..7], from and to as HH:MM") from None
        return CalendarRules(spans=(span,))

    def card(
        self, raw: Mapping[str, Any], number: int, clocks: Mapping[str, Any], capabilities: Mapping[str, Any]
    ) -> RunCard:
        where = f"cards[{number}]"
        self.known(where, raw, _CARD_KEYS)
        if not isinstance(raw.get("id"), str) or not raw["id"]:
            raise self.wrong(f"{where}.id", raw.get("id"), "every card has an id")
        where = f"card {raw['id']}"
        level = raw.get("level")
        if level not in LEVELS:
            raise self.wrong(f"{where}.level", level, f"levels are {LEVELS[0]} to {LEVELS[-1]}")
        send = raw.get("approve", {}).get("send", "dispatcher")
        approval: Approval = {"auto": "by_rule", "none": "nothing"}.get(send, "by_person")  # type: ignore[assignment]
        return RunCard(
            id=raw["id"],
            level=level,
            name=raw.get("name", {}),
            day=self.force(f"{where}.day", raw.get("day", []), capabilities),
            night=self.force(f"{where}.night", raw.get("night", raw.get("day", [])), capabilities),
            approval=approval,
            clocks_ms=self.clocks(where, {**clocks.get(f"level_{level}", {}), **raw.get("clocks", {})}),
            more={key: raw[key] for key in raw.keys() - {"id", "level", "name", "day", "night"}},
        )

    def clocks(self, where: str, raw: Mapping[str, Any]) -> dict[str, int]:
        found: dict[str, int] = {}
        for name in _CLOCKS:
            seconds = raw.get(f"{name}_s")
            if seconds is None:
                continue
            if not isinstance(seconds, int | float) or not 0 < seconds <= 86_400:
                raise self.wrong(f"{where}.clocks.{name}_s", seconds, "seconds from 1 to 86400")
            found[name] = round(seconds * 1000)
        return found

    def force(self, where: str, raw: object, capabilities: Mapping[str, Any]) -> tuple[Need, ...]:
        if not isinstance(raw, list):
            raise self.wrong(where, raw, "a list of { capability, count }")
        needs = []
        for entry in raw:
            self.known(where, entry, frozenset(("capability", "count", "people")))
            if entry.get("capability") not in capabilities:
                raise self.wrong(f"{where}.capability", entry.get("capability"), f"known: {', '.join(capabilities)}")
            count = entry.get("count", 1)
            if not isinstance(count, int) or not 1 <= count <= MOST_UNITS_OF_NEED:
                raise self.wrong(f"{where}.count", count, f"1 to {MOST_UNITS_OF_NEED}")
            needs.append(Need(entry["capability"], count))
        return tuple(needs)
