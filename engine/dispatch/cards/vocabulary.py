"""Reads what a file of run cards says besides its cards: the words they are made of, and what holds for a level."""

from collections.abc import Collection, Mapping
from datetime import time
from typing import Any

from engine.dispatch.calendar import DAY, CalendarRules, Span
from engine.dispatch.cards.model import (
    BY_RULE,
    CLOCKS,
    DISPATCHER,
    NOTHING,
    Approver,
    Escalation,
    Fact,
    Informed,
    LevelRule,
    Seconds,
    Vocabulary,
)
from engine.dispatch.toml_file import At, Texts, TomlReader
from engine.model.limits import LEVELS, MOST_ESCALATION_STEPS, MOST_PEOPLE

SCHEMA = 1
LONGEST_S = 31 * 86_400
TOP_KEYS = (
    "schema",
    "meta",
    "rules",
    "clocks",
    "escalation",
    "capabilities",
    "equipment",
    "ranks",
    "told",
    "raise",
    "approvers",
    "cards",
    "lists",
)
_META_KEYS = ("name", "level_names", "day", "night", "workload")
_NOTES = ("downgrade", "return_order", "repeat_call", "offline")
_DONE = ("remind", "phone", "next_candidate", "replace", "ask_reason", "tell", "list", "emergency")
_LANGUAGE_KEYS = ("zh", "en")


def read_vocabulary(toml: TomlReader) -> Vocabulary:
    """Read all but the cards; what is wrong is noted in ``toml``."""
    table = toml.table((), toml.root, TOP_KEYS)
    if "schema" in table and table["schema"] != SCHEMA:
        toml.wrong(("schema",), table["schema"], f"this program reads schema {SCHEMA}")
    meta = toml.table(("meta",), table.get("meta", {}), _META_KEYS)
    rules = toml.table(("rules",), table.get("rules", {}), ("crew", *_NOTES, *(f"level_{n}" for n in LEVELS)))
    capabilities = _named_texts(toml, "capabilities", table)
    if not capabilities:
        toml.wrong(("capabilities",), table.get("capabilities"), "at least one capability is needed")
    told = _told(toml, table)
    approvers = _approvers(toml, table)
    crew = toml.table(("rules", "crew"), rules.get("crew", {}), ("people_min", "sworn_min", "note"))
    at: At = ("rules", "crew")
    notes = {name: toml.texts(("rules", name), rules[name]) for name in _NOTES if name in rules}
    if "note" in crew:
        notes["crew"] = toml.texts((*at, "note"), crew["note"])
    _workload(toml, meta)
    people = toml.whole((*at, "people_min"), crew.get("people_min", 1), 1, MOST_PEOPLE)
    return Vocabulary(
        name=toml.texts(("meta", "name"), meta["name"]) if "name" in meta else {},
        capabilities=capabilities,
        told=told,
        approvers=approvers,
        equipment=_named_texts(toml, "equipment", table),
        ranks=_named_texts(toml, "ranks", table),
        facts=_facts(toml, table),
        levels=_levels(toml, table, meta, rules, told),
        crew_people=people,
        crew_sworn=toml.whole((*at, "sworn_min"), crew.get("sworn_min", 0), 0, people),
        notes=notes,
        escalation=_escalation(toml, table, told, approvers),
        lists=_lists(toml, table),
        working=_working(toml, meta),
    )


def read_clocks(toml: TomlReader, at: At, raw: object) -> dict[str, Seconds]:
    """Read clocks: whole seconds, or seconds by zone."""
    found: dict[str, Seconds] = {}
    for key, value in toml.table(at, raw, CLOCKS).items():
        if key not in CLOCKS:
            continue
        here = (*at, key)
        if key == "arrive_s" and isinstance(value, dict):
            if not value:
                toml.wrong(here, value, "seconds for at least one zone")
                continue
            found[key] = {
                toml.name((*here, zone), zone): toml.whole((*here, zone), seconds, 1, LONGEST_S)
                for zone, seconds in value.items()
            }
        else:
            found[key] = toml.whole(here, value, 1, LONGEST_S)
    return found


def names_of(toml: TomlReader, at: At, raw: object, known: Collection[str]) -> tuple[str, ...]:
    """Read a list of known ids, each at most once."""
    found = toml.each(at, raw, "ids", lambda here, value: toml.choice(here, value, known))
    for number, name in enumerate(found):
        if name and name in found[:number]:
            toml.wrong((*at, number), name, "each id may stand once")
    return found


def _named(toml: TomlReader, key: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of a section whose keys are ids."""
    section = toml.table((key,), table.get(key, {}))
    return {name: value for name, value in section.items() if toml.name((key, name), name)}


def _named_texts(toml: TomlReader, key: str, table: Mapping[str, Any]) -> dict[str, Texts]:
    return {name: toml.texts((key, name), value) for name, value in _named(toml, key, table).items()}


def _words(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key in _LANGUAGE_KEYS}


def _told(toml: TomlReader, table: Mapping[str, Any]) -> dict[str, Informed]:
    found = {}
    for name, value in _named(toml, "told", table).items():
        at = ("told", name)
        given = toml.table(at, value, (*_LANGUAGE_KEYS, "external", "mailbox"))
        external = "external" in given and toml.flag((*at, "external"), given["external"])
        mailbox = "mailbox" in given and toml.flag((*at, "mailbox"), given["mailbox"])
        found[name] = Informed(name=toml.texts(at, _words(given)), external=external, mailbox=mailbox)
    return found


def _approvers(toml: TomlReader, table: Mapping[str, Any]) -> dict[str, Approver]:
    found = {name: Approver(name={}) for name in (BY_RULE, NOTHING, DISPATCHER)}
    given = _named(toml, "approvers", table)
    people = (given.keys() | found.keys()) - {BY_RULE, NOTHING}
    for name, value in given.items():
        at = ("approvers", name)
        of = toml.table(at, value, (*_LANGUAGE_KEYS, "deputy", "timeout_s"))
        deputy, timeout_s = read_deputy(toml, at, of, sorted(people - {name}))
        found[name] = Approver(name=toml.texts(at, _words(of)), deputy=deputy, timeout_s=timeout_s)
    for name, approver in found.items():
        seen, step = [name], approver.deputy
        while step and step not in seen:
            seen.append(step)
            step = found[step].deputy
        if step == name:
            limit = "deputies that end: each stands in for the next in a circle"
            toml.wrong(("approvers", name, "deputy"), approver.deputy, limit)
    return found


def read_deputy(toml: TomlReader, at: At, given: Mapping[str, Any], people: Collection[str]) -> tuple[str, int | None]:
    """Read who stands in, and after how long."""
    if ("deputy" in given) != ("timeout_s" in given):
        toml.wrong(at, ", ".join(key for key in ("deputy", "timeout_s") if key in given), "the two belong together")
        return "", None
    if "deputy" not in given:
        return "", None
    deputy = toml.choice((*at, "deputy"), given["deputy"], people)
    return deputy, toml.whole((*at, "timeout_s"), given["timeout_s"], 1, LONGEST_S)


def _facts(toml: TomlReader, table: Mapping[str, Any]) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    for at, value in toml.array(("raise",), table.get("raise", []), "tables [[raise]]"):
        given = toml.table(at, value, ("when", "to", "name", "only"))
        when = toml.name((*at, "when"), given.get("when"))
        if when in found:
            toml.wrong((*at, "when"), when, "each fact may stand once")
        found[when] = Fact(
            to=toml.level((*at, "to"), given.get("to")),
            name=toml.texts((*at, "name"), given["name"]) if "name" in given else {},
            only=toml.each((*at, "only"), given.get("only", []), "ids of cards or families", toml.name),
        )
    return found


def _levels(
    toml: TomlReader,
    table: Mapping[str, Any],
    meta: Mapping[str, Any],
    rules: Mapping[str, Any],
    told: Collection[str],
) -> dict[int, LevelRule]:
    keys = [f"level_{number}" for number in LEVELS]
    clocks = toml.table(("clocks",), table.get("clocks", {}), keys)
    names = toml.table(("meta", "level_names"), meta.get("level_names", {}), [str(number) for number in LEVELS])
    found = {}
    for number, key in zip(LEVELS, keys, strict=True):
        at = ("rules", key)
        rule = toml.table(at, rules.get(key, {}), (*_LANGUAGE_KEYS, "send_first", "told"))
        name = names.get(str(number))
        if _words(rule):
            toml.texts(at, _words(rule))
        found[number] = LevelRule(
            name={} if name is None else toml.texts(("meta", "level_names", str(number)), name),
            clocks=read_clocks(toml, ("clocks", key), clocks.get(key, {})),
            send_first="send_first" in rule and toml.flag((*at, "send_first"), rule["send_first"]),
            told=names_of(toml, (*at, "told"), rule.get("told", []), told),
        )
    return found


def _escalation(
    toml: TomlReader, table: Mapping[str, Any], told: Collection[str], approvers: Collection[str]
) -> dict[str, tuple[Escalation, ...]]:
    clocks = [name.removesuffix("_s") for name in CLOCKS]
    keys = [*clocks, *(f"{clock}_level_{number}" for clock in clocks for number in LEVELS)]
    people = sorted({*told, *approvers} - {BY_RULE, NOTHING})

    def take(at: At, raw: Any) -> Escalation:
        given = toml.table(at, raw, ("after_s", "do", "to", *_LANGUAGE_KEYS))
        do = toml.choice((*at, "do"), given.get("do"), _DONE)
        if (do == "tell") != ("to" in given):
            toml.wrong((*at, "to"), given.get("to"), "who is told; it belongs to tell alone")
        return Escalation(
            after_s=toml.whole((*at, "after_s"), given.get("after_s"), 0, LONGEST_S),
            do=do,
            to=toml.choice((*at, "to"), given["to"], people) if "to" in given else "",
            text=toml.texts(at, _words(given)),
        )

    section = toml.table(("escalation",), table.get("escalation", {}))
    for key in section.keys() - set(keys):
        limit = f"a clock, or one of a level such as accept_level_1; clocks: {', '.join(clocks)}"
        toml.wrong(("escalation", key), key, limit)
    found = {}
    for key, value in section.items():
        if key not in keys:
            continue
        steps = found[key] = toml.each(("escalation", key), value, "steps", take)
        if not 1 <= len(steps) <= MOST_ESCALATION_STEPS:
            toml.wrong(("escalation", key), len(steps), f"1 to {MOST_ESCALATION_STEPS} steps")
    return found


def _lists(toml: TomlReader, table: Mapping[str, Any]) -> dict[str, dict[str, Texts]]:
    found: dict[str, dict[str, Texts]] = {}
    for key, value in _named(toml, "lists", table).items():
        words = found[key] = {}
        for at, entry in toml.array(("lists", key), value, "entries { id, zh, en }"):
            given = toml.table(at, entry, ("id", *_LANGUAGE_KEYS))
            name = toml.name((*at, "id"), given.get("id"))
            if name in words:
                toml.wrong((*at, "id"), name, "each id may stand once")
            words[name] = toml.texts(at, _words(given))
    return found


def _workload(toml: TomlReader, meta: Mapping[str, Any]) -> None:
    """Hold the figures of a county of reference to be numbers: they are there for people to read."""
    for key, value in toml.table(("meta", "workload"), meta.get("workload", {})).items():
        toml.whole(("meta", "workload", key), value, 0, 1_000_000_000)


def _working(toml: TomlReader, meta: Mapping[str, Any]) -> CalendarRules | None:
    """Return the working time of ``[meta] day``, which holds where a city has no calendar."""
    toml.table(("meta", "night"), meta.get("night", {}), (*_LANGUAGE_KEYS, "otherwise"))
    at: At = ("meta", "day")
    day = toml.table(at, meta.get("day", {}), (*_LANGUAGE_KEYS, "weekdays", "from", "to", "holidays"))
    if not day.keys() & {"weekdays", "from", "to"}:
        return None
    weekdays = frozenset(
        toml.each((*at, "weekdays"), day.get("weekdays"), "weekdays", lambda here, value: toml.whole(here, value, 1, 7))
    )
    begins, ends = (_clock(toml, (*at, key), day.get(key)) for key in ("from", "to"))
    return CalendarRules(spans=(Span(period=DAY, days=weekdays, begins=begins, ends=ends),))


def _clock(toml: TomlReader, at: At, raw: object) -> time:
    try:
        return time.fromisoformat(raw)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        toml.wrong(at, raw, 'a time such as "08:30"')
        return time.min
