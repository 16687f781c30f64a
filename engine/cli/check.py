"""``allpoints check``: look a city's folder or a road network over, before anybody relies on it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.model.entities import Station
    from geo_data.inspection import Finding
    from geo_data.road_network import RoadNetwork

SERIOUS = 1
"""Exit status when something was found that would send units wrongly."""

_SAID = {
    "island": ("{value:.0f} nodes cannot be reached and left by {subject}", "{value:.0f} 个节点对 {subject} 不连通"),
    "cut_off": ("{value:.0%} of the streets for {subject} were cut off", "{subject} 可用道路有 {value:.0%} 被切除"),
    "speed_high": ("speed of {value:.0f} km/h on {subject}", "{subject} 限速 {value:.0f} 公里/小时"),
    "speed_low": ("speed of {value:.1f} km/h on {subject}", "{subject} 限速 {value:.1f} 公里/小时"),
    "speed_impossible": ("{subject} is passed at {value:.0f} km/h", "{subject} 通行速度达 {value:.0f} 公里/小时"),
    "zero_length": ("{subject} is {value:.3f} m long", "{subject} 长度为 {value:.3f} 米"),
    "too_short": ("{subject} is {value:.0f} m too short for its ends", "{subject} 比两端直线距离短 {value:.0f} 米"),
    "duplicate_nodes": ("{value:.0f} nodes on one spot, {subject} first", "{subject} 处有 {value:.0f} 个节点重叠"),
    "station_off_road": ("station {subject}: no street within {limit:.0f} m", "{subject} 周围 {limit:.0f} 米内无道路"),
    "station_unreachable": ("station {subject} lies on an island", "{subject} 所在道路不连通"),
    "station_far": ("station {subject} is {value:.0f} m from a street", "{subject} 距最近道路 {value:.0f} 米"),
    "unnamed": ("{value:.0%} of the streets have no name", "{value:.0%} 的道路无名称"),
}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Look a city or a road network over. 检查城市目录或路网。"
    parser = subparsers.add_parser("check", help=description, description=description)
    parser.add_argument("target", type=Path, help="a city's folder, or a road network such as roads.apn")
    parser.add_argument("--station-limit", type=float, metavar="METRES", help="how far a station may be from a street")
    parser.add_argument("--lang", choices=("zh", "en"), default="en", help="language of the findings")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser


def run(args: argparse.Namespace) -> int:
    """Look, say what was found, and return 1 when something serious was."""
    from geo_data.inspection import STATION_M, inspect_network

    network, stations, warnings = _read(args.target)
    limit_m = STATION_M if args.station_limit is None else args.station_limit
    findings = inspect_network(network, stations, station_limit_m=limit_m)
    serious = sum(finding.serious for finding in findings)
    if args.json:
        _print_json(findings, warnings)
        return SERIOUS if serious else 0
    report = network.meta.get("report", {})
    print(f"{args.target}: {network.n_nodes:,} nodes, {network.n_arcs:,} arcs, {report.get('km', 0):,.1f} km")
    for warning in warnings:
        print(f"  {warning}")
    for finding in findings:
        print(f"  {_spell(finding, args.lang)}")
    print(
        f"{len(findings) + len(warnings)} findings, {serious} of them serious" if findings or warnings else "all well"
    )
    return SERIOUS if serious else 0


def _read(target: Path) -> "tuple[RoadNetwork, Sequence[Station], list[str]]":
    """Read the folder or the file; a folder that cannot be used says why by itself."""
    from geo_data.road_network import RoadNetwork

    if not target.is_dir():
        return RoadNetwork.load(target, verify=True), (), []
    from engine.core.city_folder import load_folder

    folder = load_folder(target)
    return folder.city.network, folder.city.stations, [str(warning) for warning in folder.warnings]


def _spell(finding: "Finding", language: str) -> str:
    said = _SAID[finding.code][0 if language == "en" else 1]
    line = said.format(value=finding.value, limit=finding.limit, subject=finding.subject)
    if finding.lon is not None and finding.lat is not None:
        line += f" ({finding.lon:.6f},{finding.lat:.6f})"
    if finding.of > 1:
        line += f" [1/{finding.of}]"
    return f"{'! ' if finding.serious else '- '}{line}"


def _print_json(findings: "Sequence[Finding]", warnings: list[str]) -> None:
    import json
    from dataclasses import asdict

    print(json.dumps({"findings": [asdict(it) for it in findings], "warnings": warnings}, ensure_ascii=False, indent=1))
