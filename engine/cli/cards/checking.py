"""Holding run cards against their rules, and what is worth saying of cards that can be used.

What makes them unusable is raised by the readers with file, line, card and key; what can be lived with is a remark: a
text that one language lacks, a capability that nobody sends or nobody has.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from engine.cli.cards import file_of
from engine.core.city_files import CityError, Problems, read_csv
from engine.core.city_folder import UNITS, load_rules
from engine.core.city_places import UNIT_COLUMNS
from engine.dispatch.calendar import DAY
from engine.dispatch.run_cards import RunCard, RunCards
from engine.dispatch.toml_file import Texts
from engine.model.limits import LEVELS
from engine.texts import LANGUAGES, text


def check_source(source: Path, language: str) -> list[str]:
    """Return what is said of a file of run cards or a city's folder that can be used.

    Raises
    ------
    RunCardError, CalendarError, CityError
        With all that makes it unusable.
    """
    cards = load_rules(source)[0] if source.is_dir() else RunCards.load(file_of(source))
    size = {"cards": len(cards.cards), "families": len(cards.families), "capabilities": len(cards.capabilities)}
    remarks = [*_lacking_texts(cards, language), *_never_sent(cards, language)]
    if source.is_dir():
        remarks += _without_unit(source, cards, language)
    head = text("cards.read", language, source=source, **size)
    return [head, *(f"- {remark}" for remark in remarks)] if remarks else [head, text("cards.all_well", language)]


def _lacking_texts(cards: RunCards, language: str) -> Iterator[str]:
    for where, texts in dict(_texts(cards)).items():
        for lacking in LANGUAGES:
            if lacking not in texts:
                yield text("cards.lacks_language", language, where=where, lacking=lacking)


def _texts(cards: RunCards) -> Iterator[tuple[str, Texts]]:
    """Yield everything that people read, with where it stands; what is inherited comes up once."""
    words = cards.words
    for section, named in (
        ("capabilities", words.capabilities),
        ("equipment", words.equipment),
        ("ranks", words.ranks),
    ):
        yield from ((f"{section}.{name}", texts) for name, texts in named.items())
    yield from ((f"told.{name}", one.name) for name, one in words.told.items())
    yield from ((f"approvers.{name}", one.name) for name, one in words.approvers.items() if one.name)
    yield from ((f"raise.{name}", fact.name) for name, fact in words.facts.items())
    yield from ((f"families.{name}", texts) for name, texts in cards.families.items())
    seen: set[int] = set()
    for card in cards.cards.values():
        yield f"card {card.id}: name", card.name
        for where, texts in _texts_of(card):
            if id(texts) not in seen:
                seen.add(id(texts))
                yield where, texts


def _texts_of(card: RunCard) -> Iterator[tuple[str, Texts]]:
    for level in LEVELS:
        response = card.at(level, DAY)
        for number, question in enumerate(response.ask, 1):
            yield f"card {card.id}: ask[{number}]", question.text
        for key, texts in (("guidance", response.guidance), ("safety", response.safety)):
            if texts:
                yield f"card {card.id}: {key}", texts


def _never_sent(cards: RunCards, language: str) -> Iterator[str]:
    sent = cards.sent_by()
    preferred = {name for card in cards.cards.values() for level in LEVELS for name in card.at(level, DAY).prefer}
    for name in cards.capabilities:
        if name not in sent and name not in preferred:
            yield text("cards.never_sent", language, name=name)


def _without_unit(folder: Path, cards: RunCards, language: str) -> list[str]:
    """Return a remark for each capability that cards send and no unit of the city has."""
    problems = Problems()
    there = {
        name
        for row in read_csv(folder, UNITS, UNIT_COLUMNS, ("id",), problems)
        for name in re.split(r"[\s;]+", row.cells.get("capabilities", ""))
    }
    if problems.found:
        raise CityError(folder, problems.found)
    return [
        text("cards.no_unit", language, name=name, count=len(by))
        for name, by in sorted(cards.sent_by().items())
        if name not in there
    ]
