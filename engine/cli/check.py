"""``allpoints check``: look a city's folder or a road network over, before anybody relies on it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.texts import LANGUAGES, text

if TYPE_CHECKING:
    from engine.model.entities import Station
    from geo_data.inspection import Finding
    from geo_data.road_network import RoadNetwork
    from geo_data.speed_table import SpeedTable

SERIOUS = 1
"""Exit status when something was found that would send units wrongly."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Look a city or a road network over. 检查城市目录或路网。"
    parser = subparsers.add_parser("check", help=description, description=description)
    parser.add_argument("target", type=Path, help="a city's folder, or a road network such as roads.apn")
    parser.add_argument("--station-limit", type=float, metavar="METRES", help="how far a station may be from a street")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the findings")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser


def run(args: argparse.Namespace) -> int:
    """Look, say what was found, and return 1 when something serious was."""
    from geo_data.inspection import STATION_M, inspect_network

    network, stations, speeds, warnings = _read(args.target)
    limit_m = STATION_M if args.station_limit is None else args.station_limit
    findings = inspect_network(network, stations, station_limit_m=limit_m, speeds=speeds)
    serious = sum(finding.serious for finding in findings)
    if args.json:
        _print_json(findings, warnings)
        return SERIOUS if serious else 0
    report = network.meta.get("report", {})
    size = {"nodes": network.n_nodes, "arcs": network.n_arcs, "km": report.get("km", 0)}
    print(text("check_summary.network", args.lang, target=args.target, **size))
    for warning in warnings:
        print(f"  {warning}")
    for finding in findings:
        print(f"  {_spell(finding, args.lang)}")
    found = len(findings) + len(warnings)
    key = "summary" if found else "all_well"
    print(text(f"check_summary.{key}", args.lang, found=found, serious=serious))
    return SERIOUS if serious else 0


def _read(target: Path) -> "tuple[RoadNetwork, Sequence[Station], SpeedTable | None, list[str]]":
    """Read the folder or the file; a folder that cannot be used says why by itself."""
    from geo_data.road_network import RoadNetwork

    if not target.is_dir():
        return RoadNetwork.load(target, verify=True), (), None, []
    from engine.core.city_folder import load_folder
    from engine.service.roles import Roles

    folder = load_folder(target)
    Roles.of(target)
    city = folder.city
    return city.network, city.stations, city.speeds, [str(warning) for warning in folder.warnings]


def _spell(finding: "Finding", language: str) -> str:
    values = {"value": finding.value, "limit": finding.limit, "subject": finding.subject}
    line = text(f"check.{finding.code}", language, **values)
    if finding.lon is not None and finding.lat is not None:
        line += f" ({finding.lon:.6f},{finding.lat:.6f})"
    if finding.of > 1:
        line += f" [1/{finding.of}]"
    return f"{'! ' if finding.serious else '- '}{line}"


def _print_json(findings: "Sequence[Finding]", warnings: list[str]) -> None:
    import json
    from dataclasses import asdict

    print(json.dumps({"findings": [asdict(it) for it in findings], "warnings": warnings}, ensure_ascii=False, indent=1))
