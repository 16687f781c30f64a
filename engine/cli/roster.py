"""``allpoints roster``: who is on duty in which unit at an instant, and until when."""

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.model.errors import Refusal
from engine.texts import LANGUAGES, text

if TYPE_CHECKING:
    from engine.cli.cards.wording import Wording
    from engine.dispatch.roster import Roster, Stint
    from engine.dispatch.run_cards import RunCards

_JOIN = {"zh": "、", "en": ", "}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Print who is on duty in which unit. 查看某一时刻各警力的当班人员。"
    parser = subparsers.add_parser("roster", help=description, description=description)
    parser.add_argument("folder", type=Path, help="the city's folder")
    parser.add_argument(
        "--at", metavar="TIME", help="such as 2026-10-01T23:30, by the city's clock; default: now · 时刻,缺省为现在"
    )
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the table")
    parser.add_argument("--json", action="store_true", help="print it as JSON, with instants in ms")
    return parser


def run(args: argparse.Namespace) -> int:
    """Print who is on duty."""
    from engine.core.city_folder import ROSTER, load_roster, load_rules

    roster = load_roster(args.folder)
    if roster is None:
        limit = "a folder with a roster; units.csv alone says there who is on duty"
        raise Refusal("no_roster", "folder", args.folder / ROSTER, limit)
    at_ms = _instant(args.at, roster)
    by_unit: dict[str, list[Stint]] = {}
    for stint in roster.on_duty(at_ms):
        by_unit.setdefault(stint.duty.unit, []).append(stint)
    if args.json:
        _print_json(roster, by_unit, at_ms)
    else:
        _print(roster, by_unit, at_ms, load_rules(args.folder)[0], args.lang)
    return 0


def _instant(said: str | None, roster: "Roster") -> int:
    """Return the instant that is meant, in ms since the epoch; without an offset it is by the city's clock."""
    import time

    if said is None:
        return time.time_ns() // 1_000_000
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise Refusal("bad_time", "--at", said, "a time such as 2026-10-01T23:30") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=roster.calendar.zone)
    return int(found.timestamp()) * 1000


def _print(roster: "Roster", by_unit: "dict[str, list[Stint]]", at_ms: int, cards: "RunCards", language: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from engine.cli.cards.wording import Wording

    words, console = Wording(cards, language), Console(highlight=False, markup=False)
    on, off = sorted(by_unit), sorted(roster.units - by_unit.keys())
    local = roster.calendar.local(at_ms).strftime("%Y-%m-%d %H:%M")
    people = len({stint.duty.officer for its in by_unit.values() for stint in its})
    console.print(text("roster.heading", language, at=local, people=people, units=len(on)), style="bold")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("unit", "people", "who", "able", "until"):
        table.add_column(text(f"roster.{column}", language), overflow="fold")
    for unit in on:
        stints = by_unit[unit]
        crew = roster.crew(stint.duty for stint in stints)
        until = roster.calendar.local(min(stint.end for stint in stints)).strftime("%m-%d %H:%M")
        able = [words.capabilities(crew.capabilities)] if crew.capabilities else []
        able += [words.equipment(crew.equipment)] if crew.equipment else []
        table.add_row(
            unit,
            text("roster.count", language, people=crew.people, sworn=crew.sworn),
            _JOIN[language].join(_named(roster, name, words) for name in crew.officers),
            _JOIN[language].join(able),
            until,
        )
    if on:
        console.print(table)
    if off:
        console.print(text("roster.off", language, units=_JOIN[language].join(off)))
    following = roster.next_change(at_ms)
    if following is not None:
        local = roster.calendar.local(following).strftime("%Y-%m-%d %H:%M")
        console.print(text("roster.next", language, at=local))


def _named(roster: "Roster", name: str, words: "Wording") -> str:
    """Name somebody: what they are called, their rank, whether an auxiliary."""
    officer = roster.officers[name]
    more = [words.of(words.words.ranks[officer.rank], officer.rank)] if officer.rank in words.words.ranks else []
    more += [] if officer.sworn else [text("roster.auxiliary", words.language)]
    if not more:
        return officer.name
    return text("roster.person", words.language, name=officer.name, more=words.join(more))


def _print_json(roster: "Roster", by_unit: "dict[str, list[Stint]]", at_ms: int) -> None:
    import json

    import msgspec

    units = [_as_json(roster, unit, by_unit[unit]) for unit in sorted(by_unit)]
    off = sorted(roster.units - by_unit.keys())
    found = {"at": at_ms, "units": units, "off_duty": off, "next_change": roster.next_change(at_ms)}
    print(json.dumps(msgspec.to_builtins(found), ensure_ascii=False, indent=1))


def _as_json(roster: "Roster", unit: str, stints: "Sequence[Stint]") -> dict[str, object]:
    return {
        "unit": unit,
        "until": min(stint.end for stint in stints),
        "crew": roster.crew(stint.duty for stint in stints),
    }
