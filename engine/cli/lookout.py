"""``allpoints lookout``: look out for somebody, agree to it, extend it, end it; see which there are, and about whom."""

import argparse
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from engine.cli.calling import add_target, call
from engine.cli.spans import ends_at
from engine.model.errors import Refusal
from engine.texts import LANGUAGES, text

_KEEPERS = ("dispatcher", "analyst", "shift_supervisor", "commander")
_APPROVERS = ("commander", "shift_supervisor", "duty_leader")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Keep lookouts of a running server. 布控:申请、批准、延长、撤销、查看。"
    parser = subparsers.add_parser("lookout", help=description, description=description)
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="look out for somebody or something · 申请布控")
    add_target(add)
    add.add_argument("--reference", required=True, help="number of whoever keeps the list; no name, no plate")
    add.add_argument("--label", required=True, help="who or what is looked for; kept encrypted · 对象")
    add.add_argument("--text", default="", help="what is known; kept encrypted · 特征")
    add.add_argument("--class", dest="list_class", choices=("seize", "observe", "inform"), required=True)
    add.add_argument("--case", required=True, help="the case number · 案号")
    add.add_argument("--type", default="wanted_sighting", help="the run card of its sightings")
    add.add_argument("--tell", action="append", default=[], help="an office of the run cards that is told")
    add.add_argument("--exercise", action="store_true", help="an exercise · 演练")
    add.add_argument("--key", help="the same again changes nothing")
    _add_end(add)
    listing = actions.add_parser("list", help="the lookouts · 查看布控")
    add_target(listing)
    listing.add_argument("--json", action="store_true", help="print the server's answer as it is")
    summaries = {
        "show": "read who is looked for, on record · 查看对象,留痕",
        "approve": "agree to one that somebody else asked for · 批准",
        "lift": "end one · 撤销",
    }
    for name, summary in summaries.items():
        action = actions.add_parser(name, help=summary)
        add_target(action)
        action.add_argument("lookout", help="its id, such as city-lookout-3")
        if name != "approve":
            action.add_argument("--reason", required=True, help="why · 理由")
    extend = actions.add_parser("extend", help="let one hold longer · 延长")
    add_target(extend)
    extend.add_argument("lookout", help="its id")
    extend.add_argument("--reason", required=True, help="why · 理由")
    _add_end(extend)
    return parser


def _add_end(parser: argparse.ArgumentParser) -> None:
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--for", dest="span", help="how long from now, such as 12h or 30d · 期限")
    end.add_argument("--until", help="until when, ISO 8601 with an offset")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    return ACTIONS[args.action](args)


def _add(args: argparse.Namespace) -> int:
    body = {
        "key": args.key or f"cli-{secrets.token_hex(8)}",
        "reference": args.reference,
        "label": args.label,
        "text": args.text,
        "list_class": args.list_class,
        "case_number": args.case,
        "type": args.type,
        "told": args.tell,
        "until": ends_at(args.span, args.until),
        "exercise": args.exercise,
    }
    its = call(args, "POST", "/v1/lookouts", _KEEPERS, body=body).get("lookout")
    print(text("lookout.gone", args.lang) if its is None else _line(its, args.lang))
    return 0


def _list(args: argparse.Namespace) -> int:
    said = call(args, "GET", "/v1/lookouts", _KEEPERS)
    if args.json:
        print(json.dumps(said, ensure_ascii=False))
        return 0
    for its in said["lookouts"]:
        print(_line(its, args.lang))
    if not said["lookouts"]:
        print(text("lookout.none", args.lang))
    return 0


def _approve(args: argparse.Namespace) -> int:
    return _change(args, "approve", _APPROVERS)


def _extend(args: argparse.Namespace) -> int:
    return _change(args, "extend", _KEEPERS, {"until": ends_at(args.span, args.until), "reason": args.reason})


def _lift(args: argparse.Namespace) -> int:
    return _change(args, "lift", _KEEPERS, {"reason": args.reason})


def _change(args: argparse.Namespace, what: str, roles: tuple[str, ...], body: dict[str, Any] | None = None) -> int:
    _check_id(args.lookout)
    print(_line(call(args, "POST", f"/v1/lookouts/{args.lookout}/{what}", roles, body=body), args.lang))
    return 0


def _check_id(lookout: str) -> None:
    if "/" in lookout:
        raise Refusal("unreadable", "lookout", lookout, "an id such as city-lookout-3")


def _line(its: Mapping[str, Any], language: str) -> str:
    """Say one lookout in a line."""
    terms = its["terms"]
    until = datetime.fromtimestamp(terms["until"] / 1000, UTC).astimezone().isoformat(" ", "minutes")
    return text(
        "lookout.line",
        language,
        id=its["id"],
        state=text(f"lookout.{its['state']}", language),
        list_class=text(f"lookout.{terms['list_class']}", language),
        reference=terms["reference"],
        until=until,
        seen=len(its.get("track", ())),
    )


def _show(args: argparse.Namespace) -> int:
    """Say who is looked for; who asks and why is on record."""
    _check_id(args.lookout)
    said = call(args, "POST", f"/v1/lookouts/{args.lookout}/details", _KEEPERS, body={"reason": args.reason})
    details = said["details"].get("text", "")
    print(text("lookout.subject", args.lang, label=said.get("label") or "—", text=details))
    return 0


ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "add": _add,
    "list": _list,
    "show": _show,
    "approve": _approve,
    "extend": _extend,
    "lift": _lift,
}
