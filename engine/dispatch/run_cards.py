"""Run cards: for an incident type, a level and a duty period, what must be sent, by whose leave, and which clocks run.

A city keeps its cards in `run_cards.toml`; the county's starting set is shipped beside this module. Types are a tree:
what a card does not say it inherits. How a card answers stands in `cards.card`; what a file can say in `cards.model`.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from engine.dispatch.calendar import DAY, NIGHT, CalendarRules, Force, Period
from engine.dispatch.cards.card import Response, RunCard
from engine.dispatch.cards.model import BY_RULE, DISPATCHER, NOTHING, Approval, ForceNeed, Node, Seconds, Vocabulary
from engine.dispatch.cards.reading import read_nodes
from engine.dispatch.cards.vocabulary import read_vocabulary
from engine.dispatch.toml_file import Texts, TomlError, TomlReader
from engine.model.entities import EscalationStep, Need
from engine.model.limits import LEVELS, MOST_NEEDS, MOST_UNITS_OF_NEED

__all__ = ["COUNTY", "Approval", "ForceNeed", "Response", "RunCard", "RunCardError", "RunCards", "Seconds"]

COUNTY = Path(__file__).with_name("county_run_cards.toml")
"""The starting set for a county."""
OF_INCIDENTS = ("order_s", "update_every_s", "close_s")
"""The clocks of an incident itself; all others are of its orders."""
_AT_ONCE = (EscalationStep(0, "phone"),)
"""What is done about a clock of which the file says nothing: the desk is told to use telephone or radio."""


class RunCardError(TomlError):
    """A file of run cards cannot be used; for each fault the line, card, key, value and what would be taken."""


class RunCards:
    """A city's cards by incident type.

    Attributes
    ----------
    cards
        By id. Families, from which cards only inherit, are not among them.
    families
        The ids of families, each with its name.
    words
        What the file says besides its cards.
    """

    def __init__(self, nodes: Mapping[str, Node], words: Vocabulary) -> None:
        self.words = words
        self.cards = {
            node.id: RunCard(tuple(_line_up(node, nodes)), words) for node in nodes.values() if not node.family
        }
        self.families: dict[str, Texts] = {node.id: node.name for node in nodes.values() if node.family}
        self._nodes = dict(nodes)
        self._clocks_ms: dict[tuple[str, int, str], Mapping[str, int]] = {}

    @property
    def parents(self) -> dict[str, str]:
        """Every card and family with what it is under; empty for a root."""
        return {node.id: node.parent for node in self._nodes.values()}

    @cached_property
    def vocabulary(self) -> dict[str, dict[str, dict[str, str]]]:
        """What people call types, capabilities, equipment and ranks, by id and language; see `engine.texts.names`."""
        kinds = {
            "alert_types": {card.id: card.name for card in self.cards.values()},
            "capabilities": self.words.capabilities,
            "equipment": self.words.equipment,
            "ranks": self.words.ranks,
        }
        return {kind: {name: dict(texts) for name, texts in of.items()} for kind, of in kinds.items()}

    @property
    def capabilities(self) -> Mapping[str, Texts]:
        """What units can do, by id."""
        return self.words.capabilities

    @cached_property
    def offices(self) -> frozenset[str]:
        """The ids of all who are told or give leave: each has a mailbox, the dispatcher the desk's."""
        return frozenset((*self.words.told, *self.words.approvers)) - {BY_RULE, NOTHING, DISPATCHER}

    @property
    def working(self) -> CalendarRules | None:
        """Working time, where the file says it itself: it holds where a city has no calendar."""
        return self.words.working

    @property
    def periods(self) -> dict[str, int | None]:
        """The duty periods besides day and night that cards name, with the line of the first that does."""
        found: dict[str, int | None] = {}
        for node in self._nodes.values():
            for said in (node.said, *node.levels.values()):
                for name in said.force.keys() - {"day", "night"}:
                    found.setdefault(name, node.line)
        return found

    @cached_property
    def asked_equipment(self) -> tuple[str, ...]:
        """The equipment that needs ask to be brought, in the order of the file."""
        asked = {name for need in self._all_needs() for name in need.equipment}
        return tuple(name for name in self.words.equipment if name in asked)

    @cached_property
    def asked_ranks(self) -> tuple[str, ...]:
        """The ranks that needs ask of who leads, from the lowest to the highest."""
        asked = {need.rank for need in self._all_needs()}
        return tuple(name for name in self.words.ranks if name in asked)

    def _all_needs(self) -> Iterator[ForceNeed]:
        for node in self._nodes.values():
            for said in (node.said, *node.levels.values()):
                for force in (*said.force.values(), said.more or ()):
                    yield from force

    def needs(self, card: RunCard, period: Period, level: int | None = None) -> tuple[Need, ...]:
        """Return the force of a card in a duty period, at a level or at its own."""
        return card.at(level or card.level, period).needs

    def clocks_ms(self, card_id: str, level: int, zone: str) -> Mapping[str, int]:
        """Return the clocks of a type at a level in a zone, in ms by name; none for a type without a card."""
        if card_id not in self.cards:  # the city's file may change while an incident is open
            return {}
        asked = card_id, level, zone
        if asked not in self._clocks_ms:
            clocks = self.cards[card_id].at(level, DAY).clocks
            ms = {name.removesuffix("_s"): _in_zone(span, zone) * 1000 for name, span in clocks.items()}
            self._clocks_ms[asked] = ms
        return self._clocks_ms[asked]

    def arrive_ms(self, card_id: str, level: int, zone: str) -> int | None:
        """Return within what time a type at a level wants somebody there, in ms; None where its card does not say."""
        arrive_s = self.cards[card_id].at(level, DAY).clocks.get("arrive_s") if card_id in self.cards else None
        return None if arrive_s is None else _in_zone(arrive_s, zone) * 1000

    def escalation(self, clock: str, level: int) -> tuple[EscalationStep, ...]:
        """Return what is done about a clock that has run out at a level, in order."""
        escalation = self.words.escalation
        said = escalation.get(f"{clock}_level_{level}", escalation.get(clock))
        if said is None:
            return _AT_ONCE
        steps = [EscalationStep(step.after_s * 1000, step.do, step.to) for step in said]
        return tuple(sorted(steps, key=lambda step: step.after_ms))

    def sent_by(self) -> dict[str, list[str]]:
        """Return the capabilities that are sent at any level in any period, each with the cards that send it."""
        found: dict[str, list[str]] = {}
        periods = [DAY, NIGHT, *(Period(name=n, counts_as=c) for n in self.periods for c in _FORCES)]
        for card in self.cards.values():
            needs = [need for level in LEVELS for period in periods for need in card.at(level, period).force]
            sent = {name for need in needs for name in (need.capability, *need.either)}
            for name in sorted(sent):
                found.setdefault(name, []).append(card.id)
        return found

    @classmethod
    def load(cls, path: Path) -> "RunCards":
        """Read and validate a file of cards.

        Raises
        ------
        RunCardError
            With all that is wrong: file, line, card, key, value and what would be taken.
        OSError
            When the file cannot be read.
        """
        toml = TomlReader(path, RunCardError)
        words = read_vocabulary(toml)
        nodes = read_nodes(toml, words)
        toml.finish()
        cards = cls(nodes, words)
        cards._hold(toml)
        toml.finish()
        return cards

    def _hold(self, toml: TomlReader) -> None:
        """Refuse what only shows when everything inherited is there."""
        places = {raw["id"]: ("cards", number) for number, raw in enumerate(toml.root.get("cards", []))}
        for card in self.cards.values():
            at = places[card.id]
            if all(node.level is None for node in card.nodes):
                toml.wrong((*at, "level"), None, f"levels are {LEVELS[0]} to {LEVELS[-1]}, said or inherited")
                continue
            for level in LEVELS:
                for period in (DAY, NIGHT):
                    self._hold_response(toml, (*at, "id"), card.at(level, period))
            first = self.words.levels[card.level].send_first and not card.always_waits
            send = next((node.said.approve["send"].by for node in card.nodes if "send" in node.said.approve), None)
            if first and send not in (BY_RULE, NOTHING, None):
                limit = f"auto or none: level {card.level} goes first; or always_waits = true"
                toml.wrong((*at, "approve", "send"), send, limit)

    def _hold_response(self, toml: TomlReader, at: tuple[str | int, ...], response: Response) -> None:
        where = f"level {response.level}, {response.period.name}"
        if response.approval == "nothing" and response.force:
            names = ", ".join(need.capability for need in response.force)
            toml.wrong(at, names, f"no force ({where}): approve.send is none")
        if len(response.force) > MOST_NEEDS or any(need.count > MOST_UNITS_OF_NEED for need in response.force):
            limit = f"at most {MOST_NEEDS} needs of {MOST_UNITS_OF_NEED} units ({where})"
            toml.wrong(at, len(response.force), limit)


def _in_zone(span: Seconds, zone: str) -> int:
    """Return a span in a zone; where it has none for that zone, the shortest of those that it has."""
    return span if isinstance(span, int) else span.get(zone, min(span.values()))


_FORCES: tuple[Force, ...] = ("day", "night")


def _line_up(node: Node, nodes: Mapping[str, Node]) -> list[Node]:
    """Return a card and what it descends from, nearest first."""
    line = [node]
    while line[-1].parent:
        line.append(nodes[line[-1].parent])
    return line
