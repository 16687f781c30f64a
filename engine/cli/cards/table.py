"""All cards as a page: what goes for every type, by day and by night, level by level.

The page is made from the cards alone, so that a test can hold the two together. Families are chapters.
"""

from collections.abc import Iterable, Iterator, Sequence

from engine.cli.cards.wording import MAIN_CLOCKS, Wording
from engine.dispatch.calendar import DAY, NIGHT
from engine.dispatch.cards.model import CLOCKS
from engine.dispatch.run_cards import RunCard, RunCards
from engine.model.limits import LEVELS

FILES = {"en": "run_cards.md", "zh": "run_cards.zh.md"}
"""The page of each language."""
_OTHER = {"en": "[中文](run_cards.zh.md)", "zh": "[English](run_cards.md)"}


def page(cards: RunCards, language: str) -> str:
    """Return the page in a language."""
    return "\n".join(_Page(cards, language).lines()) + "\n"


class _Page:
    def __init__(self, cards: RunCards, language: str) -> None:
        self.cards = cards
        self.words = Wording(cards, language)
        self.language = language

    def lines(self) -> Iterator[str]:
        words = self.words
        yield from (f"# {words.say('title')}", "", _OTHER[self.language], "", words.say("made"), "")
        clocks = words.join(words.clock(name) for name in MAIN_CLOCKS)
        yield from (words.say("intro", clocks=clocks, zones=words.join(words.zones())), "")
        yield from self.overview()
        yield from self.levels()
        yield from self.approvers()
        yield from self.escalation()
        for heading, of in self.chapters():
            yield from (f"## {heading}", "")
            for card in of:
                yield from self.card(card)

    def chapters(self) -> Iterator[tuple[str, list[RunCard]]]:
        """Yield families with the cards that stand right under them; cards of no family stand under their root."""
        found: dict[str, list[RunCard]] = {}
        for card in self.cards.cards.values():
            root = next((name for name in card.ancestors if name in self.cards.families), card.id)
            found.setdefault(root, []).append(card)
        for root, of in found.items():
            name = self.cards.families[root] if root in self.cards.families else of[0].name
            yield self.words.of(name, root), of

    def overview(self) -> Iterator[str]:
        words = self.words
        yield from (f"## {words.say('overview')}", "")
        heads = [words.say(key) for key in ("level", "card", "by_day", "by_night", "leave")]
        rows = []
        for card in sorted(self.cards.cards.values(), key=lambda card: card.level):
            day, night = (card.at(card.level, period) for period in (DAY, NIGHT))
            rows.append(
                [
                    str(card.level),
                    words.card(card),
                    words.force(day.force),
                    words.force(night.force),
                    words.leave(day, night),
                ]
            )
        yield from _table(heads, rows)

    def levels(self) -> Iterator[str]:
        words = self.words
        rules = words.words.levels
        yield from (f"## {words.say('levels')}", "")
        heads = [words.say("clock"), *(words.of(rules[level].name, str(level)) for level in LEVELS)]
        rows = [
            [
                words.clock_from(name),
                *(words.span(rules[level].clocks[name]) if name in rules[level].clocks else "" for level in LEVELS),
            ]
            for name in CLOCKS
        ]
        yield from _table(heads, rows)
        for level in LEVELS:
            if rules[level].send_first:
                yield from (words.say("send_first", level=level, told=words.told(rules[level].told)), "")
        for note in words.words.notes.values():
            yield f"- {words.of(note, '')}"
        yield ""

    def approvers(self) -> Iterator[str]:
        words = self.words
        yield from (f"## {words.say('approvers')}", "")
        rows = [
            [
                words.approver(name),
                words.approver(approver.deputy) if approver.deputy else "",
                words.span(approver.timeout_s) if approver.timeout_s else "",
            ]
            for name, approver in words.words.approvers.items()
        ]
        yield from _table([words.say("approvers"), words.say("deputy_of"), words.say("after")], rows)

    def escalation(self) -> Iterator[str]:
        words = self.words
        if not words.words.escalation:
            return
        yield from (f"## {words.say('escalation')}", "")
        rows = []
        for key, steps in words.words.escalation.items():
            clock, _, level = key.partition("_level_")
            name = words.clock(f"{clock}_s")
            said = [f"+{words.span(step.after_s)} {words.of(step.text, step.do)}" for step in steps]
            rows.append([f"{name} {words.say('of_level', level=level)}" if level else name, "<br>".join(said)])
        yield from _table([words.say("clock"), words.say("then")], rows)

    def card(self, card: RunCard) -> Iterator[str]:
        words = self.words
        yield from (f"### {words.card(card)} · `{card.id}`", "")
        heads = [words.say(key) for key in ("level", "by_day", "by_night", "leave", "clocks")]
        rows = []
        for level in LEVELS:
            day, night = (card.at(level, period) for period in (DAY, NIGHT))
            rows.append(
                [
                    words.say("own", level=level) if level == card.level else str(level),
                    words.force(day.force, separator="<br>"),
                    words.force(night.force, separator="<br>"),
                    words.leave(day, night),
                    " · ".join(words.span(day.clocks[name]) for name in MAIN_CLOCKS if name in day.clocks),
                ]
            )
        yield from _table(heads, rows)
        yield from self.notes(card)

    def notes(self, card: RunCard) -> Iterator[str]:
        words = self.words
        response = card.at(card.level, DAY)
        steps = {name: consent for name, consent in response.approve.items() if name != "send"}
        by_approver: dict[str, list[str]] = {}
        for name, consent in steps.items():
            by_approver.setdefault(words.approver(consent.by), []).append(words.step(name))
        leave = " · ".join(f"{by}: {words.join(names)}" for by, names in by_approver.items())
        said = [
            (words.say("prefer"), words.capabilities(response.prefer)),
            (words.say("told"), words.told(response.told)),
            (words.say("steps"), leave),
            (words.say("raised"), words.raised(card)),
            (words.say("handle"), words.of(response.guidance, "")),
        ]
        yield from (f"- {key}: {value}" for key, value in said if value)
        if card.always_waits:
            yield f"- {words.say('waits')}"
        yield ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    yield ""
