"""``allpoints explain``: who was recommended for an incident, who would be next, who would be sooner and why not.

Asked of the running server; where none runs, read from the folder's record, which keeps every incident there was.
Either way it is the table as it was frozen when it was decided, put into words now.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.cli.calling import add_target, call, names_of
from engine.model.entities import Overruling
from engine.model.errors import NotStored, Refusal
from engine.model.ids import RecipientId
from engine.model.pursuits import Proposal
from engine.model.recommendation import Recommendation
from engine.model.searches import SearchProposal
from engine.texts import LANGUAGES, duration, text
from engine.texts.names import Names

_ROLES = ("dispatcher", "integration", "observer")

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from engine.model.events import Event, Overruled


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What a person chose over an order, and what they said besides."""

    decided: Overruling
    words: str = ""


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """An incident with its recommendations in order: what ``--json`` prints."""

    incident: str
    type: str
    level: int
    recommendations: tuple[Recommendation, ...]
    overruled: tuple[Chosen, ...] = ()
    reported_at: int = 0
    opened_at: int = 0
    time_zone: str = "UTC"
    posts: Proposal | None = None
    """Of a pursuit: where its roads are held by the newest plan, and who is there before the subject can be."""
    search: SearchProposal | None = None
    """Of a search: who looks where by the newest plan, places from 1."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Read who was recommended for an incident, and why. 查看一起警情派了谁、为什么。"
    parser = subparsers.add_parser("explain", help=description, description=description)
    add_target(parser)
    parser.add_argument("incident", metavar="INCIDENT", help="its id, such as xiangyuan-incident-12")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the reasons")
    parser.add_argument("--json", action="store_true", help="print codes and values as they were frozen")
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the recommendations of the incident."""
    found, names = _find(args)
    if args.json:
        print(msgspec.json.encode(found).decode())
    else:
        _print(found, args.lang, names)
    return 0


def _find(args: argparse.Namespace) -> tuple[Explained, Names]:
    """Ask the server that is meant; read the record of a folder whose server does not run."""
    from engine.core.city_folder import RECORD
    from engine.service.address import is_served

    if args.target.startswith(("http://", "https://")):
        return _asked(args)
    folder = Path(args.target)
    if not (folder / RECORD / "journal.sqlite").is_file() or is_served(folder):
        try:
            return _asked(args)
        except NotStored:
            # A server that was killed has left its address behind. If it still runs, the record is locked and says so.
            if not (folder / RECORD / "journal.sqlite").is_file():
                raise
    return _recorded(folder, args.incident), _names_kept(folder, args.lang)


def _asked(args: argparse.Namespace) -> tuple[Explained, Names]:
    from urllib.parse import quote

    path = f"/v1/incidents/{quote(args.incident, safe='')}"
    said = call(args, "GET", path, _ROLES, params={"lang": args.lang})
    decided = [one["decided"] for one in said["recommendations"]]
    chosen = [order["overruled"] for order in said["orders"] if "overruled" in order]
    by_order = {one["decided"]["instead"]: one for one in chosen}  # both orders that it is about tell it
    found = Explained(
        incident=said["incident"]["id"],
        type=said["incident"]["type"],
        level=said["incident"]["level"],
        recommendations=msgspec.convert(decided, tuple[Recommendation, ...]),
        overruled=msgspec.convert(list(by_order.values()), tuple[Chosen, ...]),
        reported_at=said["incident"]["first_alert_at"],
        opened_at=said["incident"]["opened_at"],
        time_zone=said["time_zone"],
        posts=msgspec.convert(said.get("pursuit", {}).get("proposal"), Proposal | None),
        search=msgspec.convert(said.get("search"), SearchProposal | None),
    )
    return found, names_of(args, _ROLES, args.lang)


def _names_kept(folder: Path, language: str) -> Names:
    """Return what a folder's run cards call things; nothing where they cannot be read."""
    from engine.core.city_folder import RUN_CARDS
    from engine.dispatch.run_cards import RunCardError, RunCards
    from engine.texts.names import names_in

    try:
        return names_in(RunCards.load(folder / RUN_CARDS).vocabulary, language)
    except (RunCardError, OSError):
        return {}


def _recorded(folder: Path, incident: str) -> Explained:
    """Read the incident's recommendations from its events."""
    from engine.core.city_folder import RECORD, load_time_zone
    from engine.journal.record import open_record
    from engine.model.demand_events import DemandUnmet, Recommended
    from engine.model.events import IncidentOpened, OrderProposed, Overruled
    from engine.model.lookout_events import ContainmentPlanned
    from engine.model.searches import SearchPlanned

    opened: IncidentOpened | None = None
    opened_at = 0
    found: list[Recommendation] = []
    orders: dict[str, str] = {}
    chosen: list[Chosen] = []
    journal, vault = open_record(folder / RECORD)
    posts: Proposal | None = None
    search: SearchProposal | None = None
    try:
        for event in journal.read():
            body = event.body
            if isinstance(body, IncidentOpened) and body.incident == incident:
                opened, opened_at = body, event.at
            elif isinstance(body, Recommended | DemandUnmet) and body.incident == incident:
                found.append(body.recommendation)
            elif isinstance(body, OrderProposed) and body.order.incident == incident:
                orders[body.order.id] = body.order.recipient
            elif isinstance(body, Overruled) and body.order in orders:
                chosen.append(_chosen(event, body, orders))
            elif isinstance(body, ContainmentPlanned) and (body.incident, body.outcome) == (incident, "held"):
                posts = body.proposal
            elif isinstance(body, SearchPlanned) and (body.incident, body.outcome) == (incident, "held"):
                search = None if body.proposal is None else body.proposal.counted()
    finally:
        journal.close()
        vault.close()
    if opened is None:
        raise Refusal("unknown_incident", "incident", incident, "an incident in the record of this folder")
    return Explained(
        incident=incident,
        type=opened.type,
        level=opened.level,
        recommendations=tuple(found),
        overruled=tuple(chosen),
        reported_at=opened.first_alert_at,
        opened_at=opened_at,
        time_zone=load_time_zone(folder),
        posts=posts,
        search=search,
    )


def _chosen(event: "Event", body: "Overruled", orders: Mapping[str, str]) -> Chosen:
    """Return what an event says that a person chose, with the words where they have not been erased."""
    decided = Overruling(
        order=body.order,
        instead=body.instead,
        recipient=RecipientId(orders[body.instead]),
        left=RecipientId(orders[body.order]),
        by=event.actor,
        at=event.at,
        why=body.why,
        seq=event.seq,
        despite=body.despite,
    )
    return Chosen(decided=decided, words=event.personal.text if event.personal is not None else "")


def _print(found: Explained, language: str, names: Names) -> None:
    from rich.console import Console

    from engine.texts.names import named
    from engine.texts.reading import clock, overruled

    console = Console(highlight=False, markup=False, soft_wrap=True)
    values = {"incident": found.incident, "type": named(names, "type", found.type), "level": found.level}
    console.print(text("explain.incident", language, **values), style="bold")
    if found.opened_at:
        reported, opened = (clock(at, found.time_zone) for at in (found.reported_at, found.opened_at))
        console.print(text("explain.reported", language, reported=reported, opened=opened))
    if not found.recommendations and found.search is None:
        console.print(text("explain.none", language))
    for recommendation in found.recommendations:
        console.print()
        _print_one(console, recommendation, language, found.time_zone, names)
    for chosen in found.overruled:
        console.print()
        first, *more = overruled(chosen.decided, chosen.words, language, found.time_zone)
        console.print(first, style="bold")
        for line in more:
            console.print(line)
    if found.posts is not None:
        console.print()
        _print_posts(console, found.posts, language)
    if found.search is not None:
        console.print()
        _print_search(console, found.search, language)


def _print_posts(console: "Console", plan: Proposal, language: str) -> None:
    """Print which roads are held: by whom, when they stand and when the subject can be there, or why it is no seal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from engine.texts.directions import compass

    spare_ms = min((post.due_at - post.ready_at for post in plan.posts), default=0)
    values = {"posts": len(plan.posts), "spare": duration(spare_ms), "stretch": plan.stretch / 1000}
    console.print(text(f"contain.{plan.verdict}", language, **values), style="bold")
    if plan.reason:
        posts = "–" if plan.posts_needed is None else plan.posts_needed
        console.print(text(f"contain.{plan.reason}", language, posts=posts, units=plan.units_in_time))
    if plan.probability is not None:
        shares = {"probability": plan.probability, "low": plan.low, "high": plan.high}
        console.print(text("explain.chance", language, **shares))
    for its in plan.leaving if plan.verdict != "sealed" else ():
        neighbour, exit_ = (its.name_zh, its.exit_zh) if language == "zh" else (its.name, its.exit)
        after = duration(max(0, its.at - plan.made_at))
        said = {"neighbour": neighbour, "exit": exit_, "after": after, "mailbox": its.mailbox}
        console.print(text("explain.leaving", language, **said))
    if not plan.posts:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("unit", "duty", "place", "watch", "ready", "due"):
        side: Literal["left", "right"] = "right" if column in ("ready", "due") else "left"
        table.add_column(text(f"contain.{column}", language), justify=side, no_wrap=True)
    for post in plan.posts:
        table.add_row(
            " + ".join(post.holders),
            text(f"contain.{'stand' if post.duty == 'block' else post.duty}", language),
            f"{post.lon:.5f},{post.lat:.5f}",
            " ".join(compass(degrees, language) for degrees in post.watch_deg),
            duration(post.ready_at - plan.made_at),
            duration(max(0, post.due_at - plan.made_at)),
        )
    console.print()
    console.print(table)


def _print_search(console: "Console", plan: SearchProposal, language: str) -> None:
    """Print who looks where in turn, and how soon the subject is expected to be found."""
    if plan.expected_ms is not None:
        proof = text("search.optimal" if plan.optimal else "search.exchanged", language)
        console.print(text("search.expects", language, ms=duration(plan.expected_ms), proof=proof), style="bold")
    for route in plan.routes:
        turns = zip(route.places, route.done_at, strict=True)
        places = " → ".join(f"{place} ({duration(at - plan.made_at)})" for place, at in turns)
        console.print(text("search.route", language, unit=route.unit, places=places))
    if plan.calls:
        console.print(text("search.calls", language, places=", ".join(map(str, plan.calls))))


def _print_one(console: "Console", recommendation: Recommendation, language: str, zone: str, names: Names) -> None:
    """Print one need: what is wanted, who goes, two small tables, and what else is known."""
    from engine.texts.reading import crew, heading, lead, penalties, rest, when, who_goes, why_not

    chosen = recommendation.chosen
    console.print(heading(recommendation, language, names))
    by_unit = chosen is not None and chosen.kind == "unit"
    first, *more = who_goes(recommendation, language, names)
    console.print(first, style="bold green" if by_unit else "bold red")
    for line in (*more, *when(recommendation, language, zone)):
        console.print(line)
    if recommendation.others:
        covered = any(other.cover_ppm is not None for other in recommendation.others)
        priced = any(other.penalties_ms for other in recommendation.others)
        crewed = any(other.people for other in recommendation.others)
        met = any(other.meeting is not None for other in recommendation.others)
        columns = (
            ("later", by_unit),
            ("crew", crewed),
            ("cover", covered),
            ("ahead", met),
            ("penalties", priced),
        )
        further = tuple(name for name, wanted in columns if wanted)
        table = _table(language, "next", "eta", "turnout", "travel", *further)
        for other in recommendation.others:
            cells = [duration(ms) for ms in (other.eta_ms, other.turnout_ms, other.travel_ms)]
            if by_unit and chosen is not None:
                cells.append(_later(other.eta_ms - chosen.eta_ms))
            if crewed:
                cells.append(crew(other, language))
            if covered:
                cells.append("" if other.cover_ppm is None else f"−{other.cover_ppm}")
            if met:
                cells.append(lead(recommendation, other, language))
            if priced:
                cells.append(penalties(other, language))
            table.add_row(other.recipient, *cells)
        console.print()
        console.print(table)
    if recommendation.excluded:
        table = _table(language, "sooner", "eta")
        table.add_column(text("explain.why", language), overflow="fold")
        for out in recommendation.excluded:
            table.add_row(out.unit, duration(out.eta_ms), why_not(recommendation, out, language, names))
        console.print()
        console.print(table)
    if lines := rest(recommendation, language):
        console.print()
        console.print("\n".join(lines))


def _table(language: str, *columns: str) -> "Table":
    """Return a table of a name and times; a Chinese letter is as wide as two others."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i, column in enumerate(columns):
        table.add_column(
            text(f"explain.{column}", language), justify="right" if i else "left", no_wrap=True, overflow="fold"
        )
    return table


def _later(ms: int) -> str:
    """Spell by how much somebody is later than who goes; in a joint plan it may be sooner."""
    return f"{'-' if ms < 0 else '+'}{duration(abs(ms))}"
