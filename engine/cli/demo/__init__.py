"""``allpoints demo``: a city, its server, its patrols and its calls, to be watched; then pictures and figures.

With ``ALLPOINTS_DATA`` set it plays San Francisco's fire calls of April 2020, else the made-up town. Everything is real
but the world: the server is ``allpoints serve`` in a process of its own, every patrol a client of its stream.
"""

import argparse
import asyncio
import csv
import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.model.errors import Refusal
from engine.texts import LANGUAGES, text

if TYPE_CHECKING:
    from engine.cli.demo.cities import Scenario
    from engine.cli.demo.field import Measured
    from engine.cli.demo.play import Played
    from engine.cli.demo.table import Board

DEFAULT_MINUTES, DEFAULT_SPEED = 120.0, 60.0
FAILED = 1
_TOWN_NODES = 2_000
_SETTLE_S = 0.3


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = (
        "Watch calls become orders on real terminals: San Francisco's fire calls of April 2020 where ALLPOINTS_DATA "
        "names the data, else a made-up town. 演示:警情变为指令,模拟警力驾车处警,结束后给出图表。"
    )
    parser = subparsers.add_parser("demo", help=description, description=description)
    roads = parser.add_mutually_exclusive_group()
    roads.add_argument("--osm", type=Path, metavar="FILE", help="streets: .osm.pbf, .osm, .osm.gz or .osm.bz2")
    roads.add_argument("--place", metavar="QUERY", help='streets to download, such as "Xiangyuan, Changzhi, China"')
    roads.add_argument("--nodes", type=int, metavar="N", help=f"the made-up town, of this size (else {_TOWN_NODES})")
    parser.add_argument("--calls", type=Path, metavar="FILE", help="at,lon,lat,type,level; or San Francisco's format")
    parser.add_argument(
        "--scenario",
        choices=("calls", "pursuit"),
        default="calls",
        help="calls become orders; or a suspect flees, by car and then on foot · 警情处置,或追捕堵截",
    )
    parser.add_argument("--minutes", type=float, metavar="M", help="play the busiest M minutes of the calls")
    parser.add_argument(
        "--speed", type=_speed, default=DEFAULT_SPEED, metavar="X|max", help="simulated seconds in a real one"
    )
    parser.add_argument("--headless", action="store_true", help="no live table · 不显示实时表格")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is shown · 显示语言")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output, all else on error")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up town and calls")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the pictures go; default: demo-<city>")
    return parser


def _speed(given: str) -> float:
    if given == "max":
        return 0.0
    try:
        speed = float(given)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 100_000:
        raise argparse.ArgumentTypeError(f"{given!r} is not max, nor a number above 0 and at most 100000")
    return speed


def run(args: argparse.Namespace) -> int:
    """Play, and return 0 when nothing was lost and nobody was booked twice."""
    from engine.cli.demo.server import ServerFailed

    _check(args)
    say = _Say(sys.stderr if args.json else sys.stdout, args.lang)
    started_s = time.monotonic()
    say("building")
    scenario = _scenario(args)
    if args.scenario == "pursuit":
        from engine.cli.demo import pursuit

        return pursuit.run(args, scenario)
    say("city", told=scenario.told, calls=len(scenario.calls), units=len(scenario.plan.units))
    with tempfile.TemporaryDirectory(prefix="allpoints-demo-") as folder:
        try:
            result = _play(args, scenario, Path(folder), say)
        except ServerFailed as error:
            print(f"allpoints: {error}", file=sys.stderr)
            return FAILED
    return _conclude(args, scenario, result, say, time.monotonic() - started_s)


class _Say:
    """Tells people how it goes, on the one stream that is theirs, in their language."""

    def __init__(self, out: Any, language: str) -> None:
        self.out, self.language = out, language

    def __call__(self, key: str, **values: object) -> None:
        print(text(f"demo.{key}", self.language, **values), file=self.out, flush=True)


def _check(args: argparse.Namespace) -> None:
    """Refuse what cannot be before anything long begins."""
    for name, least, most in (("minutes", 0.1, 60 * 24 * 366), ("nodes", 2_000, 2_000_000)):
        value = getattr(args, name)
        if value is not None and not least <= value <= most:
            raise Refusal("out_of_range", f"--{name}", value, f"{least} to {most}")


def _scenario(args: argparse.Namespace) -> "Scenario":
    """Return what the arguments ask for, cut to the window that is played."""
    from engine.cli.demo import cities
    from engine.intake.call_log import read_call_log

    if args.scenario == "pursuit":
        return _for_pursuit(args)
    minutes = args.minutes if args.minutes is not None or not args.speed else DEFAULT_MINUTES
    data = cities.find_data(os.environ.get("ALLPOINTS_DATA"))
    if args.osm is not None or args.place is not None:
        raw, title = _streets(args)
        calls = None if args.calls is None else read_call_log(args.calls)
        scenario = cities.map_city(raw, title, calls, args.seed, minutes or DEFAULT_MINUTES)
    elif args.nodes is not None or (data is None and args.calls is None):
        scenario = cities.town(args.nodes or _TOWN_NODES, args.seed, minutes or DEFAULT_MINUTES)
    elif data is None:
        raise Refusal("missing", "--calls", str(args.calls), "streets for them: --osm FILE or --place QUERY")
    else:
        from engine.cli.demo import san_francisco

        scenario = san_francisco.scenario(data, args.calls)
    return scenario if minutes is None else scenario.cut(minutes)


def _for_pursuit(args: argparse.Namespace) -> "Scenario":
    """Return the map that is asked for, else the town; calls have no part in it."""
    from engine.cli.demo import cities

    if args.osm is not None or args.place is not None:
        raw, title = _streets(args)
        return cities.map_city(raw, title, None, args.seed, DEFAULT_MINUTES)
    return cities.town(args.nodes or _TOWN_NODES, args.seed, DEFAULT_MINUTES)


def _streets(args: argparse.Namespace) -> tuple[Any, str]:
    if args.osm is not None:
        from geo_data.sources.osm import read_osm

        return read_osm(args.osm), args.osm.name.partition(".")[0]
    from geo_data.sources.osmnx_graph import read_place

    return read_place(args.place), args.place


def _play(args: argparse.Namespace, scenario: "Scenario", folder: Path, say: _Say) -> Any:
    """Write the city, run server and field over its calls, and look over what came of it."""
    from engine.cli.demo.report import read_result
    from engine.cli.new_city import write_city, write_credentials

    write_city(folder, scenario.plan)
    credentials = _credentials(write_credentials(folder, scenario.plan.units, scenario.plan.stations))
    measured, played = asyncio.run(_perform(args, scenario, folder, credentials, say))
    first_station = None
    if scenario.log is not None:
        from engine.cli.demo.san_francisco import first_station_match

        first_station = first_station_match(scenario.plan.network, scenario.plan.stations, scenario.log)
    return read_result(folder, measured, played, first_station)


def _credentials(path: Path) -> dict[str, str]:
    """Return the credentials by whom they are for, and delete the file."""
    with path.open(encoding="utf-8", newline="") as file:
        credentials = {row["subject"]: row["credential"] for row in csv.DictReader(file)}
    path.unlink()
    return credentials


async def _perform(
    args: argparse.Namespace, scenario: "Scenario", folder: Path, credentials: dict[str, str], say: _Say
) -> "tuple[Measured, Played]":
    from engine.cli.demo.server import ServerProcess
    from engine.cli.demo.stage import Stage
    from engine.cli.demo.table import live

    board = _board(args, scenario)
    server = ServerProcess(folder)
    stage = Stage(scenario, server, credentials, board, speed=args.speed)
    say("starting")
    try:
        async with stage:
            say("connected", clients=len(credentials))
            _say_length(args, scenario, say)
            if args.headless or args.json:
                played = await stage.play()
            else:
                async with live(board, say.out):
                    played = await stage.play()
            # The last receipts are on their way without anybody waiting for them.
            await asyncio.sleep(_SETTLE_S)
    finally:
        await server.stop()
    return stage.measured, played


def _board(args: argparse.Namespace, scenario: "Scenario") -> "Board":
    from engine.cli.demo.stage import end_of
    from engine.cli.demo.table import Board

    return Board(scenario.told, scenario.plan.time_zone, end_of(scenario, args.speed), args.lang)


def _say_length(args: argparse.Namespace, scenario: "Scenario", say: _Say) -> None:
    from engine.cli.demo.stage import end_of

    ends_at = end_of(scenario, args.speed)
    if ends_at is None:
        say("full_speed")
    else:
        say("steady", speed=args.speed, minutes=(ends_at - scenario.calls[0].at) / 60_000 / args.speed)


def _conclude(args: argparse.Namespace, scenario: "Scenario", result: Any, say: _Say, seconds: float) -> int:
    """Say what it came to, draw it, and return the exit status."""
    import json

    from engine.cli.demo.report import FIGURES, draw, figures, say_summary

    say_summary(result, say.out, say.language)
    out = args.out or Path(f"demo-{scenario.plan.name}")
    title = scenario.plan.title.get("en") or scenario.plan.name
    paths = draw(out, result, scenario.plan.network, scenario.plan.time_zone, title)
    numbers = figures(result) | {
        "city": scenario.plan.name,
        "calls": scenario.told,
        "refused": len(result.played.refused),
        "seed": args.seed,
        "speed": args.speed or "max",
        "play_seconds": round(result.played.seconds, 1),
        "seconds": round(seconds, 1),
        "versions": {name: version(name) for name in ("allpoints", "numpy", "numba", "websockets", "ortools")},
    }
    line = json.dumps(numbers, ensure_ascii=False)
    (out / FIGURES).write_text(line + "\n", "utf-8")
    for path in paths:
        say("picture", path=path)
    if args.json:
        print(line, flush=True)
    return 0 if result.passed else FAILED
