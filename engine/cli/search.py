"""``allpoints search``: who looks where while somebody is at one of several places, and what was found there."""

import argparse
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from engine.cli.calling import add_target, call
from engine.texts import LANGUAGES, text

_READERS = ("dispatcher", "shift_supervisor", "commander", "observer")
_RECORDERS = ("dispatcher", "shift_supervisor")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "See a search of uncertain places, and say what was found. 查找:查看各处、记录结果。"
    parser = subparsers.add_parser("search", help=description, description=description)
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
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


ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {"show": _show, "look": _look}
