"""``allpoints search``: who looks where while somebody is at one of several places, and what was found there."""

import argparse
import csv
import json
import math
import secrets
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from engine.cli.calling import add_target, call, position
from engine.model.errors import Refusal
from engine.model.limits import MOST_SEARCH_PLACES
from engine.texts import LANGUAGES, text

_READERS = ("dispatcher", "shift_supervisor", "commander", "observer")
_REPORTERS = ("dispatcher", "call_taker", "integration")
_RECORDERS = ("dispatcher", "shift_supervisor")
PLACE_COLUMNS = ("lon", "lat", "chance", "check_s", "name", "phone")
"""Of a table of places; the last three may be left out."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "See a search of uncertain places, and say what was found. 查找:查看各处、记录结果。"
    parser = subparsers.add_parser("search", help=description, description=description)
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    within = actions.add_parser("within", help="where somebody may be who walked off, as a table · 步行可达范围")
    add_target(within)
    within.add_argument("--at", required=True, metavar="LON,LAT", type=position, help="where they were last, WGS-84")
    within.add_argument("--walked", required=True, type=float, metavar="MIN", help="how long ago, in minutes")
    within.add_argument("--most", type=int, default=MOST_SEARCH_PLACES, help="how many places at most")
    show = _on_one(actions, "show", "the places, who looks where, whom to call next · 查看")
    show.add_argument("--json", action="store_true", help="print the server's answer as it is")
    look = _on_one(actions, "look", "what was found at a place · 记录查看结果")
    look.add_argument("place", metavar="PLACE", type=int, help="its number, from 1 · 第几处")
    result = look.add_mutually_exclusive_group(required=True)
    result.add_argument("--found", dest="found", action="store_true", help="the subject is there · 已找到")
    result.add_argument("--not-here", dest="found", action="store_false", help="nobody is there · 不在此处")
    look.add_argument("--phone", action="store_true", help="by telephone; default: at the door · 电话")
    look.add_argument("--order", help="whose look it was, by the order")
    look.add_argument("--text", default="", help="more to it; kept encrypted · 说明")
    return parser


def _on_one(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=summary)
    add_target(action)
    action.add_argument("incident", metavar="INCIDENT", help="its id, such as city-incident-3")
    return action


def run(args: argparse.Namespace) -> int:
    """Do it."""
    return ACTIONS[args.action](args)


def _within(args: argparse.Namespace) -> int:
    query = {"lon": args.at[0], "lat": args.at[1], "walked_s": round(args.walked * 60), "most": args.most}
    said = call(args, "GET", "/v1/within", _REPORTERS, params=query)
    rows = csv.DictWriter(sys.stdout, PLACE_COLUMNS, lineterminator="\n")
    rows.writeheader()
    for place in said["places"]:
        # Rounded down, so that together they are never more than 1.
        rows.writerow(place | {"chance": f"{math.floor(place['chance'] * 1e9) / 1e9:.9f}"})
    return 0


def read_places(path: Path) -> list[dict[str, Any]]:
    """Read a table of places, as ``search within`` prints it.

    Raises
    ------
    Refusal
        Naming the file, the line and the column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refusal("unreadable", "--places", str(path), str(error)) from None
    places = []
    for number, row in enumerate(rows, 2):
        place: dict[str, Any] = {name: row.get(name) or "" for name in ("name", "phone")}
        for name, kind in (("lon", float), ("lat", float), ("chance", float), ("check_s", int)):
            said = row.get(name) or ("0" if name == "check_s" else "")
            try:
                place[name] = kind(said)
            except ValueError:
                raise Refusal("unreadable", f"{path.name}:{number} {name}", said, "a number") from None
        places.append(place)
    return places


def _show(args: argparse.Namespace) -> int:
    said = call(args, "GET", f"/v1/searches/{quote(args.incident, safe='')}", _READERS)
    if args.json:
        print(json.dumps(said, ensure_ascii=False))
        return 0
    _print(said, args.lang)
    return 0


def _look(args: argparse.Namespace) -> int:
    body = {
        "key": f"cli-{secrets.token_hex(8)}",
        "place": args.place,
        "found": args.found,
        "how": "phone" if args.phone else "door",
        "text": args.text,
    }
    if args.order is not None:
        body["order"] = args.order
    said = call(args, "POST", f"/v1/searches/{quote(args.incident, safe='')}/looks", _RECORDERS, body=body)
    _print(said, args.lang)
    return 0


def _print(its: Mapping[str, Any], language: str) -> None:
    """Say how far a search has come, one place a line."""
    print(text("search.state", language, incident=its["incident"], state=text(f"search.{its['state']}", language)))
    for place in its["places"]:
        print(_line(place, language))
    if its.get("expected_at") is not None:
        print(text("search.expected", language, at=_clock(its["expected_at"])))
    if its.get("calls"):
        print(text("search.calls", language, places=", ".join(map(str, its["calls"]))))
    if its.get("short"):
        print(text("search.short", language, units=its["short"]))


def _line(place: Mapping[str, Any], language: str) -> str:
    said = text(
        "search.place",
        language,
        place=place["place"],
        where=f"{place['lon']:.5f},{place['lat']:.5f}",
        left=place["left"],
    )
    for look in place.get("looks", ()):
        what = text(f"search.{'found_there' if look['found'] else 'not_there'}", language)
        said += text(f"search.{look['how']}", language, at=_clock(look["at"]), what=what)
    if place.get("unit"):
        at = "–" if place.get("done_at") is None else _clock(place["done_at"])
        said += text("search.turn", language, unit=place["unit"], turn=place["turn"], at=at)
    return said


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at / 1000).astimezone().strftime("%H:%M:%S")


ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {"within": _within, "show": _show, "look": _look}
