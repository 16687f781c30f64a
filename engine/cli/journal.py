"""``allpoints journal``: hold the record of a city against itself, sign how far it has come, erase what names a person.

A journal has one writer, so these run while the city's server does not.
"""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.model.errors import Refusal
from engine.texts import LANGUAGES, text

if TYPE_CHECKING:
    from engine.journal.sqlite_journal import SqliteJournal

BROKEN = 1
"""Exit status when the record is not as it was written."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = (
        "The record of a city: verify it, sign its head, erase a person's details. 日志:校验、签名、删除个人信息。"
    )
    parser = subparsers.add_parser("journal", help=description, description=description)
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", help="walk the whole chain of hashes · 校验哈希链")
    verify.add_argument("folder", type=Path)
    verify.add_argument("--heads", type=Path, metavar="FILE", help="signed heads that were kept at another place")
    verify.add_argument(
        "--decisions", action="store_true", help="solve every decision again from its tables · 按派警建议重新核算"
    )
    head = actions.add_parser("head", help="add the signed head to a file at another place · 导出签名")
    head.add_argument("folder", type=Path)
    head.add_argument("heads", type=Path, metavar="FILE")
    erase = actions.add_parser("erase", help="delete what names a person in an alert, for good · 删除个人信息")
    erase.add_argument("folder", type=Path)
    erase.add_argument("alerts", nargs="+", metavar="ALERT", help="ids of alerts, such as sf-alert-12")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do it, and return 1 when the record is not as it was written."""
    from engine.core.city_folder import RECORD
    from engine.journal.record import open_record

    if not (args.folder / RECORD).is_dir():
        raise Refusal("no_record", "folder", str(args.folder), "a city's folder that has been served")
    journal, vault = open_record(args.folder / RECORD)
    try:
        return {"verify": _verify, "head": _head, "erase": _erase}[args.action](args, journal)
    finally:
        journal.close()
        vault.close()


def _verify(args: argparse.Namespace, journal: "SqliteJournal") -> int:
    report = journal.verify(args.heads)
    print(text("journal.verified", args.lang, entries=report.entries, hash=report.last_hash[:16]))
    if args.heads is not None:
        print(text("journal.proven", args.lang, heads=report.heads, seq=report.proven_seq))
    for problem in report.problems:
        print(f"! {problem.code} {problem.seq}: {problem.text}")
    same = not args.decisions or _solve_again(journal, args.lang)
    return 0 if report.ok and same else BROKEN


def _solve_again(journal: "SqliteJournal", language: str) -> bool:
    """Solve every decision of the record again from its tables; tell whether each is what its tables give."""
    from collections import Counter

    from engine.dispatch.solving_again import Table, Verdict, decisions, solve_again
    from engine.model.demand_events import DemandUnmet, Recommended

    bodies = (event.body for event in journal.read())
    tables = (
        Table(its.demand, its.incident, its.recommendation)
        for its in bodies
        if isinstance(its, Recommended | DemandUnmet)
    )
    counts: Counter[Verdict] = Counter()
    for decision in decisions(tables):
        found = solve_again(decision)
        counts[found.verdict] += 1
        if found.verdict == "differs":
            chosen = (table.recommendation.chosen for table in decision)
            stands = ", ".join(one.recipient if one is not None else "-" for one in chosen)
            gives = ", ".join(one or "-" for one in found.chosen)
            demands = ", ".join(table.demand for table in decision)
            print(text("journal.decision_differs", language, demands=demands, stands=stands, gives=gives))
    print(
        text(
            "journal.decisions",
            language,
            same=counts["same"],
            differs=counts["differs"],
            incomplete=counts["incomplete"],
            unproven=counts["unproven"],
        )
    )
    return not counts["differs"]


def _head(args: argparse.Namespace, journal: "SqliteJournal") -> int:
    head = journal.export_head(args.heads, time.time_ns() // 1_000_000)
    print(text("journal.head", args.lang, seq=head.seq, hash=head.hash[:16], file=args.heads))
    return 0


def _erase(args: argparse.Namespace, journal: "SqliteJournal") -> int:
    erased = journal.erase(*args.alerts, at=time.time_ns() // 1_000_000)
    print(text("journal.erased", args.lang, erased=erased, asked=len(args.alerts)))
    return 0
