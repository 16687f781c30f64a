"""Rules over the streets by command: set one, lift one, list those that hold."""

import argparse
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.cli.calling import add_target, call, position
from engine.cli.spans import ends_at
from engine.model.errors import Refusal
from engine.texts import text
from geo_data.datum import to_wgs84

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ROLES = ("dispatcher", "administrator")
_HOURS = re.compile(r"(?:([a-z]{3})(?:-([a-z]{3}))?:)?(\d{1,2})-(\d{1,2})")


def add_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the actions."""
    show = actions.add_parser("show", help="the rules that hold, and the version of the times · 查看当前规则")
    add_target(show)
    show.add_argument("--json", action="store_true", help="print the server's answer as it is")
    close = actions.add_parser("close", help="close streets to all who would pass, at once · 封控道路")
    _add_where(close)
    factor = actions.add_parser("factor", help="change the speed of streets · 调整通行速度")
    _add_where(factor)
    factor.add_argument("--factor", type=float, required=True, help="on the speed: 0.5 is half as fast")
    lift = actions.add_parser("lift", help="lift a closure or another rule · 解除规则")
    add_target(lift)
    lift.add_argument("rule", help="the rule's id, such as city-rule-3")
    lift.add_argument("--reason", default="", help="why · 理由")


def _add_where(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "--at", metavar="LON,LAT", type=position, action="append", default=[], help="a street, by place"
    )
    parser.add_argument("--heading", metavar="DEG", type=float, help="only the way that goes there, for all --at")
    parser.add_argument("--polygon", metavar="FILE", type=Path, help="GeoJSON: the streets that touch its polygons")
    parser.add_argument("--area", metavar="ID", help="an area of the folder's areas.geojson: the streets that touch it")
    parser.add_argument("--class", dest="classes", action="append", default=[], help="only streets of this class")
    parser.add_argument(
        "--hours", action="append", default=[], help="only then, such as 7-9 or mon-fri:7-9; city's time"
    )
    parser.add_argument("--for", dest="span", help="ends by itself, such as 30min, 4h, 2d · 有效时长")
    parser.add_argument("--until", help="ends by itself, ISO 8601 with offset, such as 2026-11-27T18:00+08:00")
    parser.add_argument("--datum", choices=("wgs84", "gcj02", "bd09"), default="wgs84", help="of --at and --polygon")
    parser.add_argument("--reason", default="", help="for those who read it · 理由")
    parser.add_argument("--key", help="the same again changes nothing")


def show(args: argparse.Namespace) -> int:
    """Print the rules that hold."""
    said = call(args, "GET", "/v1/speeds", (*_ROLES, "observer", "integration"))
    if args.json:
        print(json.dumps(said, ensure_ascii=False))
    else:
        _print(said, args.lang)
    return 0


def set_rule(args: argparse.Namespace) -> int:
    """Set a rule, and print what it came to."""
    body = {
        "key": args.key or f"cli-{secrets.token_hex(8)}",
        "factor": 0.0 if args.action == "close" else args.factor,
        "spots": [_spot(*to_wgs84(lon, lat, args.datum), args.heading) for lon, lat in args.at],
        "rings": _rings(args),
        "classes": args.classes,
        "hours": [span for words in args.hours for span in hours_of_week(words)],
        "reason": args.reason,
    }
    until = ends_at(args.span, args.until)
    if until is not None:
        body["until"] = until
    said = call(args, "POST", "/v1/speeds/rules", _ROLES, body=body)
    rule = said.get("rule")
    if rule is None:
        print(text("speeds.gone", args.lang))
        return 0
    print(_line(rule, args.lang))
    if said["coming"] > said["version"] and rule["rule"]["factor"] != 0:
        print(text("speeds.coming", args.lang, version=said["coming"]))
    return 0


def lift(args: argparse.Namespace) -> int:
    """Lift a rule, and print those that are left."""
    path = f"/v1/speeds/rules/{args.rule}/lift"
    _print(call(args, "POST", path, _ROLES, body={"reason": args.reason}), args.lang)
    return 0


ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "show": show,
    "close": set_rule,
    "factor": set_rule,
    "lift": lift,
}


def hours_of_week(words: str) -> list[tuple[int, int]]:
    """Read ``7-9`` or ``mon-fri:7-9`` as spans of hours of the week.

    Raises
    ------
    Refusal
        When it is none.
    """
    found = _HOURS.fullmatch(words.strip().lower())
    first_day, last_day = (found[1] or "mon", found[2] or found[1] or "sun") if found else ("", "")
    if not found or first_day not in DAYS or last_day not in DAYS or not 0 <= int(found[3]) < int(found[4]) <= 24:
        raise Refusal("unreadable", "hours", words, "such as 7-9 or mon-fri:7-9, hours 0 to 24")
    first, last = DAYS.index(first_day), DAYS.index(last_day)
    days = [day % 7 for day in range(first, last + 1 if last >= first else last + 8)]
    return [(day * 24 + int(found[3]), day * 24 + int(found[4])) for day in days]


def _spot(lon: float, lat: float, heading_deg: float | None) -> dict[str, float]:
    spot = {"lon": lon, "lat": lat}
    return spot if heading_deg is None else {**spot, "heading_deg": heading_deg}


def _rings(args: argparse.Namespace) -> list[Any]:
    """Return the outer borders of the polygons that are meant, in WGS-84."""
    rings: list[Any] = []
    if args.area is not None:
        rings += _borders_of_area(Path(args.target), args.area)
    if args.polygon is not None:
        from geo_data.geojson import read_features

        found = [ring for feature in read_features(args.polygon) for ring in _outer(feature.geometry)]
        if not found:
            raise Refusal("no_polygon", "polygon", str(args.polygon), "a GeoJSON file with at least one polygon")
        rings += [[to_wgs84(lon, lat, args.datum) for lon, lat, *_ in ring] for ring in found]
    return rings


def _borders_of_area(folder: Path, name: str) -> list[Any]:
    """Return the outer borders of an area of a city's folder, which may be given in another datum."""
    from engine.core.city_folder import load_folder

    if not folder.is_dir():
        raise Refusal("no_folder", "area", name, "a city's folder as the target: it holds the areas")
    areas = {area.id: area for area in load_folder(folder).areas}
    if name not in areas:
        raise Refusal("unknown_area", "area", name, ", ".join(areas) or "an area of areas.geojson, which has none")
    return [polygon[0] for polygon in areas[name].polygons]


def _outer(geometry: Mapping[str, Any]) -> list[Any]:
    """Return the outer borders of a GeoJSON polygon or several; none of any other geometry."""
    borders: Any = geometry.get("coordinates")
    if geometry.get("type") == "Polygon":
        return [borders[0]]
    return [part[0] for part in borders] if geometry.get("type") == "MultiPolygon" else []


def _print(said: Mapping[str, Any], language: str) -> None:
    print(text("speeds.heading", language, **{k: said[k] for k in ("version", "coming", "live_arcs")}))
    for rule in said.get("rules", ()):
        print(_line(rule, language))


def _line(standing: Mapping[str, Any], language: str) -> str:
    """Say one rule in a line."""
    rule = standing["rule"]
    what = (
        text("speeds.closed", language)
        if rule["factor"] == 0
        else text("speeds.factor", language, factor=rule["factor"])
    )
    parts = [text("speeds.rule", language, id=standing["id"], what=what, arcs=standing["arcs"], by=standing["set_by"])]
    if rule.get("hours") and not standing["holds_now"]:
        parts.append(text("speeds.not_now", language))
    if rule.get("until") is not None:
        ends = datetime.fromtimestamp(rule["until"] / 1000, UTC).astimezone()
        parts.append(text("speeds.until", language, at=ends.isoformat(" ", "minutes")))
    if rule.get("reason"):
        parts.append(rule["reason"])
    return ("," if language == "zh" else ", ").join(parts)
