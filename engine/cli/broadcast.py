"""``allpoints broadcast``: tell many at once, and see whom it has reached."""

import argparse
import json
import secrets
from typing import Any, get_args

from engine.cli.calling import add_target, call
from engine.model.broadcasts import Audience
from engine.texts import LANGUAGES, text

_ROLES = ("dispatcher", "shift_supervisor", "commander", "duty_leader")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Tell many at once; without a text, see whom a broadcast has reached. 一键群发,及查看送达与已阅。"
    parser = subparsers.add_parser("broadcast", help=description, description=description)
    add_target(parser)
    parser.add_argument("text", nargs="?", help="what they are told; left out, nothing is sent")
    parser.add_argument("--to", choices=get_args(Audience), default="all", help="everybody, the stations or the units")
    parser.add_argument("--area", default="", help="only who is in this area of kind jurisdiction or zone, or of it")
    parser.add_argument("--capability", default="", help="only units that can do this")
    parser.add_argument("--id", default="", help="which broadcast is shown; by default the newest")
    parser.add_argument("--key", help="the same again sends nothing again")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is printed")
    parser.add_argument("--json", action="store_true", help="print the server's answer as it is")
    return parser


def run(args: argparse.Namespace) -> int:
    """Send it, or look at one that was sent."""
    if args.text is not None:
        body = {
            "key": args.key or f"cli-{secrets.token_hex(8)}",
            "text": args.text,
            "to": args.to,
            "area": args.area,
            "capability": args.capability,
        }
        said = call(args, "POST", "/v1/broadcasts", _ROLES, body=body)
    else:
        asked = args.id or _newest(args)
        if not asked:
            print(text("broadcast.none", args.lang))
            return 0
        said = call(args, "GET", f"/v1/broadcasts/{asked}", _ROLES)
    if args.json:
        print(json.dumps(said, ensure_ascii=False))
    else:
        _print(said, args.lang)
    return 0


def _newest(args: argparse.Namespace) -> str:
    listed = call(args, "GET", "/v1/broadcasts", _ROLES)["broadcasts"]
    return str(listed[0]["id"]) if listed else ""


def _print(said: dict[str, Any], language: str) -> None:
    """Print how many it has reached, then whom it has not."""
    print(text("broadcast.heading", language, id=said["id"], by=said["by"], text=said["text"]))
    for state, count in said["counts"].items():
        print(f"  {text(f'broadcast.{state}', language)}  {count}")
    for each in said["reached"]:
        if each["state"] != "read":
            print(
                text(
                    "broadcast.one", language, who=each["recipient"], state=text(f"broadcast.{each['state']}", language)
                )
            )
