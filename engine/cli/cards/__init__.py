"""``allpoints cards``: hold run cards against their rules, read one, print them all, try changed ones on what was.

A source is a city's folder or a file of run cards; without one it is the county's starting set.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.model.errors import Refusal
from engine.texts import LANGUAGES

if TYPE_CHECKING:
    from engine.dispatch.run_cards import RunCards

_DOCUMENTS = Path("docs")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Run cards: check, show, print, try. 派警规则:检查、查看、成表、试算。"
    parser = subparsers.add_parser("cards", help=description, description=description)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="hold a file or a city's folder against the rules · 检查")
    check.add_argument("source", type=Path, help="a city's folder or a file of run cards")
    show = actions.add_parser("show", help="all types, or all that one card says · 查看")
    show.add_argument("card", nargs="?", metavar="CARD", help="an incident type; without it, the tree of them")
    show.add_argument("--cards", type=Path, metavar="SOURCE", help="a city's folder or a file of run cards")
    table = actions.add_parser("table", help="write run_cards.md and run_cards.zh.md · 生成规则表")
    table.add_argument("--cards", type=Path, metavar="SOURCE", help="a city's folder or a file of run cards")
    table.add_argument("--out", type=Path, metavar="DIR", default=_DOCUMENTS, help=f"default: {_DOCUMENTS}")
    trial = actions.add_parser("try", help="what changed cards would have done to a record's incidents · 试算")
    trial.add_argument("folder", type=Path, help="a city's folder that has been served; its server must not run")
    trial.add_argument("--cards", type=Path, metavar="SOURCE", required=True, help="the changed cards")
    trial.add_argument("--since", metavar="DATE", help="by the city's clock; default: the record's last week")
    trial.add_argument("--json", action="store_true", help="every incident that was tried, as JSON")
    for action in (check, show, trial):
        action.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said · 语言")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.action == "check":
        from engine.cli.cards.checking import check_source

        print("\n".join(check_source(args.source, args.lang)))
    elif args.action == "try":
        _try(args)
    elif args.action == "table":
        from engine.cli.cards.table import FILES, page

        cards = load_source(args.cards)
        args.out.mkdir(parents=True, exist_ok=True)
        for language, name in FILES.items():
            (args.out / name).write_text(page(cards, language), "utf-8")
            print(args.out / name)
    else:
        from engine.cli.cards.sheet import sheet, tree

        cards = load_source(args.cards)
        if args.card is not None and args.card not in cards.cards:
            raise Refusal("unknown_card", "card", args.card, f"one of {', '.join(cards.cards)}")
        print(tree(cards, args.lang) if args.card is None else sheet(cards, args.card, args.lang))
    return 0


def _try(args: argparse.Namespace) -> None:
    import msgspec

    from engine.cli.cards.trying import report, try_folder

    changed = load_source(args.cards)
    city, since, tried = try_folder(args.folder, changed, args.since)
    if args.json:
        print(msgspec.json.encode(tried).decode())
    else:
        print("\n".join(report(city, changed, since, tried, args.lang)))


def file_of(source: Path | None) -> Path:
    """Return the file of run cards that a source means."""
    from engine.core.city_folder import RUN_CARDS
    from engine.dispatch.run_cards import COUNTY

    if source is None:
        return COUNTY
    return source / RUN_CARDS if source.is_dir() else source


def load_source(source: Path | None) -> "RunCards":
    """Read the run cards of a source."""
    from engine.dispatch.run_cards import RunCards

    return RunCards.load(file_of(source))
