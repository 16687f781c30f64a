"""Run cards in words: forces, consents and clocks, in one language."""

from collections.abc import Iterable, Mapping

from engine.dispatch.cards.model import CLOCKS, Consent, ForceNeed, Seconds
from engine.dispatch.run_cards import Response, RunCard, RunCards
from engine.dispatch.toml_file import Texts
from engine.texts import catalogue, text

_SPANS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))
_JOIN = {"zh": "、", "en": ", "}
_STOP = {"zh": ";", "en": "; "}
_BRACKETS = {"zh": "({})", "en": " ({})"}
MAIN_CLOCKS = ("order_s", "accept_s", "roll_s", "arrive_s", "first_report_s", "close_s")
"""The clocks that a table has room for."""


class Wording:
    """Spells what cards say, in one language; a text that is not there in it is taken from another."""

    def __init__(self, cards: RunCards, language: str) -> None:
        self.cards = cards
        self.words = cards.words
        self.language = language

    def say(self, key: str, **values: object) -> str:
        """Return a sentence of the section ``cards``."""
        return text(f"cards.{key}", self.language, **values)

    def of(self, texts: Texts, otherwise: str) -> str:
        """Return a text in the language, else in any, else the id."""
        return texts.get(self.language) or next(iter(texts.values()), otherwise)

    def join(self, parts: Iterable[str]) -> str:
        """Join with the language's comma."""
        return _JOIN[self.language].join(parts)

    def card(self, card: RunCard) -> str:
        """Return a card's name."""
        return self.of(card.name, card.id)

    def told(self, names: Iterable[str]) -> str:
        """Spell who is told."""
        return self.join(self.of(self.words.told[name].name, name) for name in names)

    def capabilities(self, names: Iterable[str]) -> str:
        """Spell capabilities."""
        return self.join(self.of(self.words.capabilities[name], name) for name in names)

    def equipment(self, names: Iterable[str]) -> str:
        """Spell equipment."""
        return self.join(self.of(self.words.equipment[name], name) for name in names)

    def fact(self, name: str) -> str:
        """Spell a fact."""
        return self.of(self.words.facts[name].name, name)

    def need(self, need: ForceNeed, *, sworn: bool = False) -> str:
        """Spell one need."""
        more = [self.say("people", people=need.people)]
        if sworn:
            more.append(self.say("sworn", sworn=need.sworn))
        if need.rank:
            more.append(self.say("rank", rank=self.of(self.words.ranks[need.rank], need.rank)))
        if need.equipment:
            more.append(self.equipment(need.equipment))
        if need.one_team:
            more.append(self.say("one_team"))
        if need.together:
            more.append(self.say("together"))
        names = (self.of(self.words.capabilities[name], name) for name in (need.capability, *need.either))
        name = text("recommendation.or", self.language).join(names)
        return self.say("force", count=need.count, name=name, more=self.join(more))

    def force(self, force: Iterable[ForceNeed], *, sworn: bool = False, separator: str = "") -> str:
        """Spell a force."""
        return (separator or _STOP[self.language]).join(self.need(need, sworn=sworn) for need in force) or self.say(
            "nobody"
        )

    def approver(self, name: str) -> str:
        """Spell an approver."""
        return self.of(self.words.approvers[name].name, name)

    def consent(self, consent: Consent) -> str:
        """Spell who must agree, with who stands in."""
        by = self.approver(consent.by)
        if consent.timeout_s is None:
            return by
        span = self.span(consent.timeout_s)
        return self.say("deputy", by=by, span=span, deputy=self.approver(consent.deputy))

    def step(self, name: str) -> str:
        """Spell a step."""
        return text(f"card_step.{name}", self.language)

    def clock(self, name: str) -> str:
        """Spell a clock's name."""
        return text(f"card_clock.{name}", self.language)

    def clock_from(self, name: str) -> str:
        """Spell a clock's name with the instant that it counts from."""
        return self.clock(name) + _BRACKETS[self.language].format(text(f"card_clock_from.{name}", self.language))

    def zone(self, name: str) -> str:
        """Spell a zone of the city."""
        return str(catalogue(self.language)["card_zone"].get(name, name))

    def zones(self) -> list[str]:
        """Return the zones that the levels' clocks name, spelt."""
        found = [zone for rule in self.words.levels.values() for s in rule.clocks.values() for zone in _zones(s)]
        return [self.zone(name) for name in dict.fromkeys(found)]

    def span(self, seconds: Seconds) -> str:
        """Spell a span in its largest whole unit; zones stand in a row: ``5 / 10 / 30 min``."""
        if isinstance(seconds, int):
            name, unit = next((n, u) for n, u in _SPANS if u == 1 or (seconds >= u and seconds % u == 0))
            return text(f"span.{name}", self.language, n=seconds // unit)
        spans = list(seconds.values())
        name, unit = ("minutes", 60) if all(span % 60 == 0 for span in spans) else ("seconds", 1)
        last = text(f"span.{name}", self.language, n=spans[-1] // unit)
        return " / ".join([*(str(span // unit) for span in spans[:-1]), last])

    def clocks(self, clocks: Mapping[str, Seconds], names: Iterable[str] = CLOCKS) -> str:
        """Spell clocks with their names."""
        return self.join(f"{self.clock(name)} {self.span(clocks[name])}" for name in names if name in clocks)

    def leave(self, response: Response, night: Response) -> str:
        """Spell who lets the force go, and that a station is ordered where that is so."""
        by = self.approver(response.approve["send"].by)
        if "station" not in (response.dispatch, night.dispatch):
            return by
        if response.dispatch == night.dispatch:
            return self.join((by, self.say("through_station")))
        when = self.say("by_day" if response.dispatch == "station" else "by_night")
        return self.join((by, f"{self.say('through_station')} ({when})"))

    def ordered(self, day: Response, night: Response) -> str:
        """Spell whom the room orders, by day and by night where that differs."""
        first, second = (self.say(f"order_{response.dispatch}") for response in (day, night))
        return first if first == second else f"{self.say('by_day')} {first}; {self.say('by_night')} {second}"

    def raised(self, card: RunCard) -> str:
        """Spell the facts that raise a card, by the level they raise it to."""
        by_level: dict[int, list[str]] = {}
        for name, to in card.raises.items():
            by_level.setdefault(to, []).append(self.fact(name))
        stop = _STOP[self.language]
        return " · ".join(self.say("to_level", fact=stop.join(f), level=to) for to, f in sorted(by_level.items()))


def _zones(seconds: Seconds) -> tuple[str, ...]:
    return () if isinstance(seconds, int) else tuple(seconds)
