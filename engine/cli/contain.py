"""``allpoints contain``: which roads to shut around a suspect who was just seen, by whom, by when; or why it cannot be.

Reckoned from the city's folder, with its units where the folder says they start: a look at what could be done, and a
drill. Nothing is ordered, and no server is asked.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.cli.calling import position
from engine.model.errors import Refusal
from engine.texts import LANGUAGES, duration, text
from engine.texts.directions import compass

if TYPE_CHECKING:
    from engine.containment import Plan, Situation
    from engine.core.city import City
    from engine.model.entities import Unit
    from geo_data.road_network import RoadNetwork


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Plan which roads to shut around a suspect who drives. 设卡堵截:推算卡点、警力和时限。"
    parser = subparsers.add_parser("contain", help=description, description=description)
    parser.add_argument("--city", type=Path, required=True, metavar="FOLDER", help="the city's folder")
    parser.add_argument("--lon", type=float, required=True, help="where the suspect was last seen, degrees WGS-84")
    parser.add_argument("--lat", type=float, required=True)
    parser.add_argument("--seen-s", type=float, default=60.0, help="how long ago, in seconds (default 60)")
    parser.add_argument("--horizon-s", type=float, default=900.0, help="how far he may get, in seconds (default 900)")
    parser.add_argument("--heading", type=float, help="where he was heading, degrees clockwise from north")
    parser.add_argument("--units", help="ids, separated by commas (default: all that are on duty)")
    parser.add_argument(
        "--exit", type=position, action="append", default=[], metavar="LON,LAT", help="where he is away as well"
    )
    parser.add_argument("--geojson", type=Path, metavar="FILE", help="write posts and the shut streets there")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said")
    return parser


def run(args: argparse.Namespace) -> int:
    """Plan and print."""
    from engine.containment import Planner, fastest_ms
    from engine.core.city_folder import load_city
    from engine.travel import Weights

    city = load_city(args.city)
    units = _units(city, args.units)
    situation = _situation(city, units, args)
    planner = Planner(Weights.first(city.network, city.arc_ms), fastest_ms(city.network, city.speeds))
    plan = planner.case(situation).probable()
    _print(plan, city.network, units, args.lang)
    if args.geojson is not None:
        document = features(plan, city.network, units, situation)
        args.geojson.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _units(city: "City", wanted: str | None) -> "list[Unit]":
    """Return the units that are asked for, or all on duty."""
    if wanted is None:
        return [unit for unit in city.units if unit.on_duty]
    known = {str(unit.id): unit for unit in city.units}
    ids = list(dict.fromkeys(wanted.split(",")))
    for name in ids:
        if name not in known:
            raise Refusal("unknown_unit", "--units", name, "ids of units.csv, separated by commas")
    return [known[name] for name in ids]


def _situation(city: "City", units: "list[Unit]", args: argparse.Namespace) -> "Situation":
    from engine.containment import Crew, Seen, Situation

    seen = city.snapper.snap(args.lon, args.lat, heading_deg=args.heading)
    places = [city.snapper.snap(unit.lon, unit.lat) for unit in units]
    network = city.network
    ends = []
    for lon, lat in args.exit:
        it = city.snapper.snap(lon, lat)
        ends.append(int((network.arc_head if it.fraction >= 0.5 else network.arc_tail)[it.arc]))
    return Situation(
        seen=(Seen(seen.arc, seen.fraction, round(args.seen_s * 1000)),),
        horizon_ms=round(args.horizon_s * 1000),
        crew=Crew.of(
            [it.arc for it in places],
            [it.fraction for it in places],
            [unit.turnout_ms + city.fixed_ms for unit in units],
        ),
        exits=np.array(ends, np.int32),
        heading_deg=args.heading,
    )


def _print(plan: "Plan", network: "RoadNetwork", units: "list[Unit]", language: str) -> None:
    """Print what is known, and the posts as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, soft_wrap=True)
    values = {"stretch": plan.stretch / 1000, "spare": duration(plan.spare_ms or 0), "posts": len(plan.posts)}
    console.print(text(f"contain.{plan.verdict}", language, **values), style="bold")
    if plan.why is not None:
        posts = "–" if plan.why.posts is None else plan.why.posts
        console.print(text(f"contain.{plan.why.reason}", language, posts=posts, units=plan.why.units))
    if plan.chance is not None:
        shares = {name: getattr(plan.chance, name) for name in ("probability", "low", "high", "routes")}
        console.print(text("contain.chance", language, **shares))
    if not plan.posts:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("unit", "duty", "street", "place", "watch", "ready", "due"):
        table.add_column(text(f"contain.{column}", language), justify="right" if column in ("ready", "due") else "left")
    for post in plan.posts:
        table.add_row(
            " + ".join(str(units[row].id) for row in post.units),
            text(f"contain.{post.duty}", language),
            street_at(network, post.node, language),
            f"{post.lon:.5f},{post.lat:.5f}",
            " ".join(compass(degrees, language) for degrees in post.watch_deg),
            duration(post.ready_ms),
            duration(max(post.due_ms, 0)),
        )
    console.print()
    console.print(table)


def street_at(network: "RoadNetwork", node: int, language: str) -> str:
    """Return the names of the streets that meet at a node."""
    arcs = [*range(int(network.first_out[node]), int(network.first_out[node + 1]))]
    arcs += network.in_arc[network.first_in[node] : network.first_in[node + 1]].tolist()
    both = [(network.name_zh(arc), network.name(arc)) for arc in arcs]
    names = dict.fromkeys((zh or name) if language == "zh" else (name or zh) for zh, name in both)
    return " / ".join(name for name in names if name)


def features(plan: "Plan", network: "RoadNetwork", units: "list[Unit]", situation: "Situation") -> dict[str, Any]:
    """Return the plan as GeoJSON (RFC 7946): where he was seen, the posts, and the streets that are left to him."""
    from geo_data.snapping import point_at

    found = []
    for it in situation.seen:
        point = [round(value, 7) for value in point_at(network, it.arc, it.fraction)]
        found.append(_feature({"kind": "seen", "ago_ms": it.ago_ms}, "Point", point))
    for post in plan.posts:
        about = {
            "kind": "post",
            "duty": post.duty,
            "units": [str(units[row].id) for row in post.units],
            "watch_deg": list(post.watch_deg),
            "due_ms": post.due_ms,
            "ready_ms": post.ready_ms,
        }
        found.append(_feature(about, "Point", [round(post.lon, 7), round(post.lat, 7)]))
    if plan.area is not None:
        inside = np.zeros(network.n_nodes, np.bool_)
        inside[plan.area] = True
        arcs = np.flatnonzero(inside[network.arc_tail] | inside[network.arc_head])
        once = arcs[np.unique(network.arc_geometry[arcs], return_index=True)[1]]
        lines = [np.round(network.arc_points(arc), 7).tolist() for arc in once.tolist()]
        found.append(_feature({"kind": "area", "verdict": plan.verdict}, "MultiLineString", lines))
    return {"type": "FeatureCollection", "features": found}


def _feature(properties: dict[str, Any], kind: str, coordinates: list[Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}
