"""``allpoints build``: make a road network of somebody's map, and say what came of it."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.model.errors import Refusal

if TYPE_CHECKING:
    from geo_data.progress import Progress
    from geo_data.raw_roads import RawRoads

FORMATS = ("osm", "gmns", "centrelines", "jemss", "town", "place", "bbox")
_OSM_SUFFIXES = (".osm.pbf", ".osm", ".osm.gz", ".osm.bz2")
_TOWN_NODES = 2_000


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Build a road network from a map. 由地图生成路网。"
    parser = subparsers.add_parser("build", help=description, description=description)
    parser.add_argument(
        "source",
        help="an OSM file; a folder of GMNS or JEMSS tables or of *nodes.csv and *edges.csv; a number of nodes (town); "
        "a place in words (place); W,S,E,N in degrees (bbox; write --format bbox -- -8.7,41.1,-8.5,41.2)",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("roads.apn"), help="default: roads.apn")
    parser.add_argument("--format", choices=FORMATS, help="default: what the source looks like · 默认自动识别")
    parser.add_argument("--no-merge", action="store_true", help="keep every drawn node · 保留全部节点")
    parser.add_argument(
        "--contraflow",
        action="store_true",
        help="let speeds.toml open one-way streets to emergency vehicles · 允许 speeds.toml 对应急车辆开放单行道逆行",
    )
    parser.add_argument(
        "--turns",
        nargs="?",
        choices=("restrictions", "all"),
        const="restrictions",
        default="none",
        help="heed turn restrictions; with all, let turns cost something at every junction · 遵守禁止转弯的规定;"
        "all 让每个路口的转弯都可以计时",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the made-up town")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    return parser


def run(args: argparse.Namespace) -> int:
    """Read, build, save and report."""
    from geo_data.building import build_network
    from geo_data.building.report import peak_mib

    begun = time.monotonic()
    kind = args.format or _guess(args.source)
    if not args.output.resolve().parent.is_dir():
        raise Refusal("no_folder", "--output", str(args.output), "a file in a folder that exists")
    with _Watched() as tell:
        raw = _READERS[kind](args, tell)
        read_s = time.monotonic() - begun
        network = build_network(
            raw, merge_chains=not args.no_merge, contraflow=args.contraflow, turns=args.turns, progress=tell
        )
        network.meta["report"]["seconds"]["read"] = round(read_s, 3)
        tell("save", 1.0)
        network.save(args.output)
    report = network.meta["report"]
    report["seconds"]["total"] = round(time.monotonic() - begun, 3)
    report["peak_mib"] = peak_mib()
    report["file_bytes"] = args.output.stat().st_size
    if args.json:
        import json

        print(
            json.dumps({"source": network.meta["source"], "checksum": network.checksum, **report}, ensure_ascii=False)
        )
    else:
        print("\n".join(_lines(args.output, network.meta["source"], report)))
    return 0


def _guess(source: str) -> str:
    """Say which format a source looks like.

    Raises
    ------
    Refusal
        When it looks like none.
    """
    path = Path(source)
    if source.endswith(_OSM_SUFFIXES):
        return "osm"
    if path.is_dir():
        names = {entry.name for entry in path.iterdir()}
        if {"link.csv", "node.csv"} <= names:
            return "gmns"
        if {"arcs.csv", "nodes.csv"} <= names:
            return "jemss"
        if len(list(path.glob("*edges.csv"))) == len(list(path.glob("*nodes.csv"))) == 1:
            return "centrelines"
    raise Refusal(
        "unknown_format", "source", source, f"a file or folder of a known kind, or --format {'|'.join(FORMATS)}"
    )


def _osm(args: argparse.Namespace, tell: "Progress") -> "RawRoads":
    from geo_data.sources.osm import read_osm

    # Where chains are merged anyhow, nodes that only bend the line need not be held.
    return read_osm(args.source, tell, every_node=args.no_merge)


def _gmns(args: argparse.Namespace, tell: "Progress") -> "RawRoads":
    from geo_data.sources.gmns import read_gmns

    tell("read tables", 0.0)
    return read_gmns(args.source)


def _centrelines(args: argparse.Namespace, tell: "Progress") -> "RawRoads":
    from geo_data.sources.centrelines import read_centrelines

    tell("read tables", 0.0)
    folder = Path(args.source)
    found = [sorted(folder.glob(pattern)) for pattern in ("*nodes.csv", "*edges.csv")]
    if any(len(files) != 1 for files in found):
        raise Refusal("no_tables", "source", args.source, "a folder with one *nodes.csv and one *edges.csv")
    return read_centrelines(found[0][0], found[1][0])


def _jemss(args: argparse.Namespace, tell: "Progress") -> "RawRoads":
    from geo_data.sources.jemss import read_jemss

    tell("read tables", 0.0)
    return read_jemss(args.source)


def _town(args: argparse.Namespace, tell: "Progress") -> "RawRoads":
    from geo_data.town import LEAST_NODES, MOST_NODES, make_town

    if not (args.source.isdecimal() and LEAST_NODES <= int(args.source) <= MOST_NODES):
        raise Refusal(
            "out_of_range", "source", args.source, f"{LEAST_NODES} to {MOST_NODES} nodes, such as {_TOWN_NODES}"
        )
    tell("make up a town", 0.0)
    return make_town(nodes=int(args.source), seed=args.seed).roads


def _place(args: argparse.Namespace, tell: "Progress") -> "RawRoads":
    from geo_data.sources.osmnx_graph import read_place

    tell("download", 0.0)
    return read_place(args.source)


def _bbox(args: argparse.Namespace, tell: "Progress") -> "RawRoads":
    from geo_data.sources.osmnx_graph import read_bounding_box

    try:
        west, south, east, north = (float(part) for part in args.source.split(","))
    except ValueError:
        raise Refusal("bad_box", "source", args.source, "W,S,E,N in degrees, such as -8.7,41.1,-8.5,41.2") from None
    tell("download", 0.0)
    return read_bounding_box(west, south, east, north)


_READERS: Mapping[str, Callable[[argparse.Namespace, "Progress"], "RawRoads"]] = {
    "osm": _osm,
    "gmns": _gmns,
    "centrelines": _centrelines,
    "jemss": _jemss,
    "town": _town,
    "place": _place,
    "bbox": _bbox,
}


class _Watched:
    """A bar on standard error that shows the step and how far it is; silent where nobody looks."""

    def __enter__(self) -> "Progress":
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())
        self._task = self._bar.add_task("read", total=None)
        self._bar.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _tell(self, step: str, share: float) -> None:
        self._bar.update(self._task, description=step, total=1.0 if share > 0 else None, completed=share)


def _turn_lines(turns: Mapping[str, Any], arcs: int) -> list[str]:
    """Say what became of turn restrictions, where there are any."""
    lines = []
    if turns["restrictions"]:
        unused = "".join(f"; {reason} {count:,}" for reason, count in turns["unused"].items())
        lines.append(f"  turn restrictions: {turns['restrictions']:,} read, {turns['used']:,} used{unused}")
    if arcs:
        lines.append(f"  {turns['junctions']:,} junctions taken apart, {arcs:,} turns between their streets")
    return lines


def _lines(output: Path, source: str, report: Mapping[str, Any]) -> list[str]:
    """Spell the closing report."""
    seconds = report["seconds"]
    size = f"{report['nodes']:,} nodes, {report['arcs']:,} arcs, {report['km']:,.1f} km of streets"
    before = f"{report['raw_nodes']:,} nodes, {report['raw_edges']:,} edges"
    lines = [
        f"{output}: {size}, {report['one_way_share']:.0%} one-way, {report['names']:,} names",
        f"  from {source}: {before}; {report['merged_nodes']:,} nodes merged away",
    ]
    for mode, lost in report["cut_off"].items():
        if lost["arcs"]:
            worst = sorted(lost["by_class"].items(), key=lambda item: -item[1])[:3]
            classes = ", ".join(f"{kind} {km:,.1f}" for kind, km in worst)
            islands = f"{lost['components'] - 1:,} islands"
            lines.append(f"  cut off for {mode}: {lost['km']:,.1f} km in {islands} (most km: {classes})")
    if report["contraflow_arcs"]:
        lines.append(f"  {report['contraflow_arcs']:,} arcs against one-way streets, for emergency vehicles only")
    lines += _turn_lines(report["turns"], report["turn_arcs"])
    left_out = {reason: count for reason, count in report["dropped"].items() if count}
    if left_out:
        lines.append("  left out: " + ", ".join(f"{reason} {count:,}" for reason, count in left_out.items()))
    lines.append(
        f"  {seconds['total']:.1f} s (reading {seconds['read']:.1f}), peak {report['peak_mib']:,.0f} MiB, "
        f"file {report['file_bytes'] / 2**20:,.1f} MiB"
    )
    return lines
