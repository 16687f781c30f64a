"""One card as a sheet for people, with all that is inherited filled in; and the tree of all of them."""

from collections.abc import Iterator

from engine.cli.cards.wording import Wording
from engine.dispatch.calendar import DAY, NIGHT
from engine.dispatch.run_cards import Response, RunCard, RunCards
from engine.model.limits import LEVELS


def tree(cards: RunCards, language: str) -> str:
    """Return all types as an indented tree, each with its level."""
    words = Wording(cards, language)
    children: dict[str, list[str]] = {}
    for name, parent in cards.parents.items():
        children.setdefault(parent, []).append(name)

    def lines(parent: str, depth: int) -> Iterator[str]:
        for name in children.get(parent, ()):
            card = cards.cards.get(name)
            texts = card.name if card else cards.families[name]
            mark = str(card.level) if card else "-"
            yield f"{mark}  {'  ' * depth}{words.of(texts, name)}  {name}"
            yield from lines(name, depth + 1)

    return "\n".join(lines("", 0))


def sheet(cards: RunCards, card_id: str, language: str) -> str:
    """Return all that a card says, at every level."""
    return "\n".join(_Sheet(cards, cards.cards[card_id], language).lines())


class _Sheet:
    def __init__(self, cards: RunCards, card: RunCard, language: str) -> None:
        self.card = card
        self.words = Wording(cards, language)

    def lines(self) -> Iterator[str]:
        card, words = self.card, self.words
        own = card.at(card.level, DAY)
        yield f"{words.card(card)}  {card.id}  {words.of(words.words.levels[card.level].name, str(card.level))}"
        if card.ancestors:
            yield words.say("under", path=" → ".join(card.ancestors))
        if own.ask:
            yield from ("", words.say("ask"))
            for number, question in enumerate(own.ask, 1):
                yield f"  {number}. {words.of(question.text, '')}{self.establishes(question.fact)}"
        for level in LEVELS:
            yield from self.level(level, own)
        yield from self.rest(own)

    def establishes(self, fact: str) -> str:
        if not fact:
            return ""
        words = self.words
        if fact in self.card.raises:
            return f"  [{words.say('raises', fact=words.fact(fact), level=self.card.raises[fact])}]"
        return f"  [{words.say('yes', fact=words.fact(fact))}]"

    def level(self, level: int, own: Response) -> Iterator[str]:
        words = self.words
        star = " ★" if level == self.card.level else ""
        day, night = (self.card.at(level, period) for period in (DAY, NIGHT))
        yield from ("", f"{words.of(words.words.levels[level].name, str(level))}{star}")
        yield f"  {words.say('by_day')}: {words.force(day.force, sworn=True)}"
        yield f"  {words.say('by_night')}: {words.force(night.force, sworn=True)}"
        yield f"  {words.say('leave')}: {words.consent(day.approve['send'])}"
        yield f"  {words.say('ordered')}: {words.ordered(day, night)}"
        yield f"  {words.say('clocks')}: {words.clocks(day.clocks)}"
        if day.told:
            yield f"  {words.say('told')}: {words.told(day.told)}"
        if day.prefer:
            yield f"  {words.say('prefer')}: {words.capabilities(day.prefer)}"
        if day is not own:
            yield from self.briefing(day, own)

    def briefing(self, response: Response, besides: Response | None) -> Iterator[str]:
        """Yield the briefing of those who go; only what differs from another one."""
        words = self.words
        for key, value, other in (
            ("handle", response.guidance, besides.guidance if besides else None),
            ("safety", response.safety, besides.safety if besides else None),
        ):
            if value and value != other:
                yield f"  {words.say(key)}: {words.of(value, '')}"
        if response.equipment and (besides is None or response.equipment != besides.equipment):
            yield f"  {words.say('bring')}: {words.equipment(response.equipment)}"

    def rest(self, own: Response) -> Iterator[str]:
        card, words = self.card, self.words
        yield ""
        yield from self.briefing(own, None)
        if card.raises:
            yield f"  {words.say('raised')}: {words.raised(card)}"
        if card.series:
            yield "  " + words.say(
                "series",
                count=card.series.count,
                within_m=card.series.within_m,
                within=words.span(card.series.within_s),
                told=words.told(card.series.tell),
            )
        if card.confidential_caller:
            yield f"  {words.say('confidential')}"
        if card.always_waits:
            yield f"  {words.say('waits')}"
        yield from ("", words.say("steps"))
        for name, consent in own.approve.items():
            yield f"  {words.step(name)}: {words.consent(consent)}"
