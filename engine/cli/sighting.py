"""``allpoints sighting``: say where the subject of a lookout was seen, say whether it was, see what waits for that."""

import argparse
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from engine.cli.calling import add_target, call, position
from engine.model.errors import Refusal
from engine.model.lookouts import Mode, Verdict
from engine.texts import LANGUAGES, text

_REPORTERS = ("dispatcher", "analyst", "integration", "video_desk", "call_taker")
_VERIFIERS = ("analyst", "dispatcher", "commander", "shift_supervisor")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Report and verify sightings on a running server. 线索:上报、核实、查看。"
    parser = subparsers.add_parser("sighting", help=description, description=description)
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    report = actions.add_parser("report", help="the subject of a lookout was seen · 上报")
    add_target(report)
    report.add_argument("lookout", metavar="LOOKOUT", help="its id, or its reference")
    report.add_argument("--at", required=True, metavar="LON,LAT", type=position, help="degrees, longitude first")
    report.add_argument("--datum", choices=("wgs84", "gcj02", "bd09"), default="wgs84", help="what --at is given in")
    report.add_argument("--seen", metavar="TIME", help="when, ISO 8601 with an offset; default: now · 发现时间")
    report.add_argument("--mode", choices=get_args(Mode), default="foot", help="how the subject moves · 行动方式")
    report.add_argument("--heading", type=float, metavar="DEG", help="where to, clockwise from north · 去向")
    report.add_argument("--confidence", type=float, default=1.0, help="0 to 1 · 可信度")
    report.add_argument("--accuracy", type=float, default=50.0, metavar="M", help="how far off the place may be")
    report.add_argument("--text", default="", help="what was seen; kept encrypted · 说明")
    report.add_argument("--ref", help="the source's own number; the same again changes nothing")
    listing = actions.add_parser("list", help="the sightings of the last day · 查看线索")
    add_target(listing)
    listing.add_argument("--json", action="store_true", help="print the server's answer as it is")
    verify = _on_one(actions, "verify", "say whether it was the subject; true pushes it at once · 核实")
    verify.add_argument("verdict", choices=get_args(Verdict), help="true, not_him or cannot_tell")
    verify.add_argument("--as", dest="acting_as", default="", help="in whose place; default: who was asked last")
    verify.add_argument("--reason", default="", help="why · 理由")
    release = _on_one(actions, "release", "let a held one go on to be verified · 放行")
    release.add_argument("--lookout", help="of which lookout it is, where that was unknown")
    release.add_argument("--reason", default="", help="why · 理由")
    reject = _on_one(actions, "reject", "reject a held one · 不采用")
    reject.add_argument("--reason", required=True, help="why · 理由")
    return parser


def _on_one(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=summary)
    add_target(action)
    action.add_argument("sighting", metavar="SIGHTING", help="its id, such as city-sighting-3")
    return action


def run(args: argparse.Namespace) -> int:
    """Do it."""
    return ACTIONS[args.action](args)


def _report(args: argparse.Namespace) -> int:
    body = {
        "lookout": args.lookout,
        "source_ref": args.ref or f"cli-{secrets.token_hex(8)}",
        "lon": args.at[0],
        "lat": args.at[1],
        "datum": args.datum,
        "confidence": args.confidence,
        "mode": args.mode,
        "accuracy_m": args.accuracy,
        "text": args.text,
    }
    if args.heading is not None:
        body["heading_deg"] = args.heading
    if args.seen is not None:
        body["at"] = _instant(args.seen)
    its = call(args, "POST", "/v1/sightings", _REPORTERS, body=body).get("sighting")
    print(text("sighting.gone", args.lang) if its is None else _line(its, args.lang))
    return 0


def _instant(given: str) -> int:
    """Return an instant in ms since the epoch."""
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refusal("unreadable", "--seen", given, "ISO 8601 with an offset, such as 2026-09-28T14:32+08:00")
    return round(at.timestamp() * 1_000)


def _list(args: argparse.Namespace) -> int:
    said = call(args, "GET", "/v1/sightings", _VERIFIERS)
    if args.json:
        print(json.dumps(said, ensure_ascii=False))
        return 0
    for its in said["sightings"]:
        print(_line(its, args.lang))
    if not said["sightings"]:
        print(text("sighting.none", args.lang))
    return 0


def _verify(args: argparse.Namespace) -> int:
    body = {"verdict": args.verdict, "acting_as": args.acting_as, "reason": args.reason}
    return _change(args, "verify", body)


def _release(args: argparse.Namespace) -> int:
    body = {"what": "release", "reason": args.reason}
    return _change(args, "settle", body if args.lookout is None else {**body, "lookout": args.lookout})


def _reject(args: argparse.Namespace) -> int:
    return _change(args, "settle", {"what": "reject", "reason": args.reason})


def _change(args: argparse.Namespace, what: str, body: Mapping[str, Any]) -> int:
    if "/" in args.sighting:
        raise Refusal("unreadable", "sighting", args.sighting, "an id such as city-sighting-3")
    print(_line(call(args, "POST", f"/v1/sightings/{args.sighting}/{what}", _VERIFIERS, body=body), args.lang))
    return 0


def _line(its: Mapping[str, Any], language: str) -> str:
    """Say one sighting in a line, and why it is held, or who is asked."""
    said = text(
        "sighting.line",
        language,
        id=its["id"],
        state=text(f"sighting.{its['state']}", language),
        lookout=its["lookout"] or "—",
        at=datetime.fromtimestamp(its["at"] / 1000, UTC).astimezone().isoformat(" ", "seconds"),
        place=f"{its['lon']:.5f},{its['lat']:.5f}",
        source=its["source"],
    )
    if its.get("held_for"):
        return said + text("sighting.why", language, why=text(f"held.{its['held_for']}", language))
    return said


ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "report": _report,
    "list": _list,
    "verify": _verify,
    "release": _release,
    "reject": _reject,
}
