"""``allpoints alert``: report one alert to a running server, and read who goes, when they are there, and why."""

import argparse
import json
import secrets
from pathlib import Path
from typing import Any

from engine.cli.calling import add_target, call, names_of, position
from engine.cli.search import read_places
from engine.texts import LANGUAGES, duration, text
from engine.texts.names import Names, named

_ROLES = ("integration", "dispatcher")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Report an alert to a running server. 向运行中的服务录入一条报警。"
    parser = subparsers.add_parser("alert", help=description, description=description)
    add_target(parser)
    parser.add_argument("--type", required=True, help="the incident type: the id of a run card")
    parser.add_argument("--at", required=True, metavar="LON,LAT", type=position, help="degrees, longitude first")
    parser.add_argument("--datum", choices=("wgs84", "gcj02", "bd09"), default="wgs84", help="what --at is given in")
    parser.add_argument("--level", type=int, choices=(1, 2, 3, 4), help="where it differs from the run card's")
    parser.add_argument(
        "--fact",
        action="append",
        default=[],
        metavar="ID",
        help="what is known of it, by the run cards; may be repeated",
    )
    parser.add_argument("--text", default="", help="what was said")
    parser.add_argument("--caller", default="", help="who called")
    parser.add_argument("--phone", default="", help="the number to call back")
    parser.add_argument("--address", default="", help="the place in words")
    parser.add_argument(
        "--places",
        metavar="FILE",
        type=Path,
        help="where the subject may be: CSV of lon, lat, chance, check_s, name, phone · 可能地点",
    )
    parser.add_argument("--ref", help="the source's own number; the same again gives the first answer again")
    parser.add_argument("--exercise", action="store_true", help="an exercise, not a real alert · 演练")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the reasons")
    parser.add_argument("--json", action="store_true", help="print the server's answer as it is")
    return parser


def run(args: argparse.Namespace) -> int:
    """Post the alert and print what came of it."""
    body = {
        "source_ref": args.ref or f"cli-{secrets.token_hex(8)}",
        "type": args.type,
        "lon": args.at[0],
        "lat": args.at[1],
        "datum": args.datum,
        "details": {name: getattr(args, name) for name in ("text", "caller", "phone", "address")},
        "exercise": args.exercise,
        "facts": args.fact,
    }
    if args.places is not None:
        body["places"] = read_places(args.places)
    if args.level is not None:
        body["level"] = args.level
    said = call(args, "POST", "/v1/alerts", _ROLES, body=body, params={"lang": args.lang})
    if args.json:
        print(json.dumps(said, ensure_ascii=False))
    else:
        _print(said, args.lang, names_of(args, _ROLES, args.lang))
    return 0


def _print(said: dict[str, Any], language: str, names: Names) -> None:
    """Print the orders, then the reasons."""
    print(text("alert.taken", language, incident=said["incident"], alert=said["alert"]))
    for order in said.get("orders", ()):
        values = {
            "order": order["id"],
            "recipient": order["recipient"],
            "capability": named(names, "capability", order["capability"]),
            "state": text(f"order_state.{order['state']}", language),
        }
        if order.get("eta_ms") is None:
            print(text("alert.order", language, **values))
        else:
            print(text("alert.order_eta", language, eta=duration(order["eta_ms"]), **values))
    for recommendation in said.get("recommendations", ()):
        print()
        for line in recommendation["said"]:
            print(f"  {line}")
