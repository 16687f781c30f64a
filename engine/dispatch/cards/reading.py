"""Reads the cards of a file, each as what it says itself, and holds them against the file's words and each other.

What a card inherits is not copied here: a `Node` keeps what stands in the file, so that an error and a table can say
where something comes from.
"""

from collections.abc import Mapping
from typing import Any, get_args

from engine.dispatch.cards.model import (
    BY_RULE,
    NOTHING,
    STEPS,
    Consent,
    ForceNeed,
    Node,
    Question,
    Said,
    Series,
    Vocabulary,
)
from engine.dispatch.cards.vocabulary import names_of, read_clocks, read_deputy
from engine.dispatch.toml_file import NAME, At, TomlReader
from engine.model.entities import Dispatch
from engine.model.limits import (
    LEVELS,
    LONGEST_SERIES_S,
    MOST_EITHER,
    MOST_EQUIPMENT,
    MOST_NEEDS,
    MOST_PEOPLE,
    MOST_UNITS_OF_NEED,
)

_DAY_AND_NIGHT = ("day", "night")
_SAID_KEYS = (
    "force",
    "day",
    "night",
    "during",
    "prefer",
    "told",
    "dispatch",
    "approve",
    "clocks",
    "ask",
    "guidance",
    "safety",
    "equipment",
    "raise",
)
_LEVEL_KEYS = tuple(f"level_{number}" for number in LEVELS)
_CARD_KEYS = (
    "id",
    "parent",
    "family",
    "category",
    "level",
    "name",
    "series",
    "confidential_caller",
    "always_waits",
    *_SAID_KEYS,
    *_LEVEL_KEYS,
)
_NEED_KEYS = ("capability", "count", "people", "sworn", "rank", "equipment", "either", "together", "one_team")
_SERIES_KEYS = ("count", "within_m", "within_s", "tell")


def read_nodes(toml: TomlReader, words: Vocabulary) -> dict[str, Node]:
    """Read all cards and families by id; what is wrong is noted in ``toml``."""
    return _Cards(toml, words).read()


class _Cards:
    def __init__(self, toml: TomlReader, words: Vocabulary) -> None:
        self.toml = toml
        self.words = words

    def read(self) -> dict[str, Node]:
        toml = self.toml
        nodes: dict[str, Node] = {}
        places: dict[str, At] = {}
        for at, raw in toml.array(("cards",), toml.root.get("cards", []), "tables [[cards]]"):
            node = self.node(at, raw)
            if node.id in nodes:
                toml.wrong((*at, "id"), node.id, "each id may stand once")
            elif node.id:
                nodes[node.id] = node
                places[node.id] = at
        for node in nodes.values():
            self.hold_parent(node, nodes, places[node.id])
        for number, fact in enumerate(self.words.facts.values()):
            for name in fact.only:
                if name and name not in nodes:
                    toml.wrong(("raise", number, "only"), name, "ids of cards or families of this file")
        return nodes

    def hold_parent(self, node: Node, nodes: Mapping[str, Node], at: At) -> None:
        """Refuse a parent that is not there, and one that descends from the card."""
        if not node.parent:
            return
        if node.parent not in nodes:
            limit = f"a card or family of this file: {', '.join(nodes)}"
            self.toml.wrong((*at, "parent"), node.parent, limit)
            return
        path = [node.id]
        while (up := nodes[path[-1]].parent) in nodes and up not in path:
            path.append(up)
        if up == node.id:
            self.toml.wrong((*at, "parent"), node.parent, f"a tree; this is a circle: {' → '.join((*path, up))}")

    def node(self, at: At, raw: Any) -> Node:
        toml = self.toml
        card_id = toml.name((*at, "id"), toml.table(at, raw).get("id"))
        if card_id:
            toml.call(at, f"card {card_id}")
        given = toml.table(at, raw, _CARD_KEYS) if isinstance(raw, dict) else {}
        level = toml.level((*at, "level"), given["level"]) if "level" in given else None
        sections = {number: key for number, key in zip(LEVELS, _LEVEL_KEYS, strict=True) if key in given}
        family = "family" in given and toml.flag((*at, "family"), given["family"])
        if level in sections and not family:  # a family's section is for those of it that are of another level
            toml.wrong((*at, sections[level]), sections[level], f"the card is of level {level}: say it in the card")
        return Node(
            id=card_id,
            line=toml.line((*at, "id")),
            parent=toml.name((*at, "parent"), given["parent"]) if "parent" in given else "",
            family=family,
            level=level,
            name=toml.texts((*at, "name"), given["name"]) if "name" in given else {},
            category=toml.name((*at, "category"), given["category"]) if "category" in given else "",
            series=self.series((*at, "series"), given["series"]) if "series" in given else None,
            confidential_caller=self.flag(at, given, "confidential_caller"),
            always_waits=self.flag(at, given, "always_waits"),
            said=self.said(at, {key: given[key] for key in _SAID_KEYS if key in given}),
            levels={number: self.section((*at, key), given[key]) for number, key in sections.items()},
        )

    def flag(self, at: At, given: Mapping[str, Any], key: str) -> bool | None:
        return self.toml.flag((*at, key), given[key]) if key in given else None

    def section(self, at: At, raw: Any) -> Said:
        given = self.toml.table(at, raw, (*_SAID_KEYS, "more"))
        return self.said(at, given)

    def said(self, at: At, given: Mapping[str, Any]) -> Said:
        toml, words = self.toml, self.words
        return Said(
            force=self.forces(at, given),
            more=self.force((*at, "more"), given["more"]) if "more" in given else None,
            prefer=self.names(at, given, "prefer", words.capabilities),
            told=self.names(at, given, "told", words.told),
            dispatch=self.dispatch((*at, "dispatch"), given["dispatch"]) if "dispatch" in given else {},
            approve=self.consents((*at, "approve"), given.get("approve", {})),
            clocks=read_clocks(toml, (*at, "clocks"), given.get("clocks", {})),
            ask=self.questions((*at, "ask"), given["ask"]) if "ask" in given else None,
            guidance=toml.texts((*at, "guidance"), given["guidance"]) if "guidance" in given else None,
            safety=toml.texts((*at, "safety"), given["safety"]) if "safety" in given else None,
            equipment=self.names(at, given, "equipment", words.equipment),
            raises=self.raises((*at, "raise"), given.get("raise", {})),
        )

    def dispatch(self, at: At, raw: Any) -> dict[str, Dispatch]:
        """Read whom the room orders: the same by day and night, or for each."""
        if not isinstance(raw, dict):
            raw = dict.fromkeys(_DAY_AND_NIGHT, raw)
            places = dict.fromkeys(raw, at)
        else:
            raw = self.toml.table(at, raw, _DAY_AND_NIGHT)
            places = {name: (*at, name) for name in raw}
        found = {name: self.toml.choice(places[name], value, get_args(Dispatch)) for name, value in raw.items()}
        return {name: "station" if value == "station" else "units" for name, value in found.items()}

    def names(self, at: At, given: Mapping[str, Any], key: str, known: Mapping[str, Any]) -> tuple[str, ...] | None:
        return names_of(self.toml, (*at, key), given[key], known) if key in given else None

    def forces(self, at: At, given: Mapping[str, Any]) -> dict[str, tuple[ForceNeed, ...]]:
        """Read the force by duty period; ``force`` is that of day and night alike."""
        if "force" in given:
            for key in ("day", "night"):
                if key in given:
                    self.toml.wrong((*at, key), key, "force says it for day and night already")
            both = self.force((*at, "force"), given["force"])
            found = {"day": both, "night": both}
        else:
            found = {key: self.force((*at, key), given[key]) for key in ("day", "night") if key in given}
        during = self.toml.table((*at, "during"), given.get("during", {}))
        for period, raw in during.items():
            here = (*at, "during", period)
            if self.toml.name(here, period) in ("day", "night"):
                self.toml.wrong(here, period, "day and night are keys of their own")
            found[period] = self.force(here, raw)
        return found

    def force(self, at: At, raw: Any) -> tuple[ForceNeed, ...]:
        found = self.toml.each(at, raw, "{ capability, count }", self.need)
        if len(found) > MOST_NEEDS:
            self.toml.wrong(at, len(found), f"at most {MOST_NEEDS} needs")
        return found

    def need(self, at: At, raw: Any) -> ForceNeed:
        toml, words = self.toml, self.words
        given = toml.table(at, raw, _NEED_KEYS)
        count = toml.whole((*at, "count"), given.get("count", 1), 1, MOST_UNITS_OF_NEED)
        usual = count * words.crew_people
        people = toml.whole((*at, "people"), given["people"], count, MOST_PEOPLE) if "people" in given else usual
        sworn = min(people, count * words.crew_sworn)
        first, *others = self.able(at, given) or ("",)
        one_team = "one_team" in given and toml.flag((*at, "one_team"), given["one_team"])
        if one_team and count < 2:
            toml.wrong((*at, "one_team"), count, "a need of 2 units or more")
        return ForceNeed(
            capability=first,
            either=tuple(others),
            one_team=one_team,
            together="together" in given and toml.flag((*at, "together"), given["together"]),
            count=count,
            people=people,
            sworn=toml.whole((*at, "sworn"), given["sworn"], 0, people) if "sworn" in given else sworn,
            rank=toml.choice((*at, "rank"), given["rank"], words.ranks) if "rank" in given else "",
            equipment=self.brought((*at, "equipment"), given.get("equipment", [])),
        )

    def brought(self, at: At, raw: Any) -> tuple[str, ...]:
        found = names_of(self.toml, at, raw, self.words.equipment)
        if len(found) > MOST_EQUIPMENT:
            self.toml.wrong(at, len(found), f"at most {MOST_EQUIPMENT} ids")
        return found

    def able(self, at: At, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Read what a need calls for: one capability, or several of which any will do."""
        toml, known = self.toml, self.words.capabilities
        if "either" not in given:
            return (toml.choice((*at, "capability"), given.get("capability"), known),)
        if "capability" in given:
            toml.wrong((*at, "capability"), given["capability"], "capability or either, not both")
        names = names_of(toml, (*at, "either"), given["either"], known)
        if not 2 <= len(names) <= MOST_EITHER:
            toml.wrong((*at, "either"), len(names), f"2 to {MOST_EITHER} capabilities")
        return names

    def consents(self, at: At, raw: Any) -> dict[str, Consent]:
        given = self.toml.table(at, raw, STEPS)
        return {step: self.consent((*at, step), value) for step, value in given.items() if step in STEPS}

    def consent(self, at: At, raw: Any) -> Consent:
        toml, known = self.toml, self.words.approvers
        if isinstance(raw, str):
            by = toml.choice(at, raw, known)
            approver = known.get(by)
            return Consent(
                by=by,
                deputy=approver.deputy if approver else "",
                timeout_s=approver.timeout_s if approver else None,
            )
        given = toml.table(at, raw, ("by", "deputy", "timeout_s"))
        by = toml.choice((*at, "by"), given.get("by"), known)
        deputy, timeout_s = read_deputy(toml, at, given, [name for name in known if name not in (by, BY_RULE, NOTHING)])
        return Consent(by=by, deputy=deputy, timeout_s=timeout_s)

    def questions(self, at: At, raw: Any) -> tuple[Question, ...]:
        if isinstance(raw, dict):
            return (self.question(at, raw),)
        return self.toml.each(at, raw, "questions { zh, en }", self.question)

    def question(self, at: At, raw: Any) -> Question:
        given = self.toml.table(at, raw, ("zh", "en", "fact"))
        words = {key: value for key, value in given.items() if key in ("zh", "en")}
        fact = self.toml.choice((*at, "fact"), given["fact"], self.words.facts) if "fact" in given else ""
        return Question(text=self.toml.texts(at, words), fact=fact)

    def raises(self, at: At, raw: Any) -> dict[str, int]:
        given = self.toml.table(at, raw, self.words.facts)
        return {fact: self.toml.level((*at, fact), level) for fact, level in given.items() if NAME.fullmatch(fact)}

    def series(self, at: At, raw: Any) -> Series:
        toml = self.toml
        given = toml.table(at, raw, _SERIES_KEYS)
        return Series(
            count=toml.whole((*at, "count"), given.get("count"), 2, 1_000),
            within_m=toml.whole((*at, "within_m"), given.get("within_m"), 1, 1_000_000),
            within_s=toml.whole((*at, "within_s"), given.get("within_s"), 1, LONGEST_SERIES_S),
            tell=names_of(toml, (*at, "tell"), given.get("tell", []), self.words.told),
        )
