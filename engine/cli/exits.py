"""``allpoints exits``: where one can leave the city by car, and who shuts which exit when all are to be shut.

A standing plan, reckoned from the city's folder with its units where the folder says they start: printed, and written
as GeoJSON for the map on the wall. Nothing is ordered, and no server is asked.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.contain import street_at
from engine.model.errors import Refusal
from engine.texts import LANGUAGES, duration, text
from engine.texts.directions import compass

if TYPE_CHECKING:
    import numpy as np

    from engine.containment import Checkpoints, Exits, Manned
    from engine.core.city import City


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Where one can leave the city by car, and who shuts it. 出城口与封控预案:卡口、警力、到位用时。"
    parser = subparsers.add_parser("exits", help=description, description=description)
    parser.add_argument("--city", type=Path, required=True, metavar="FOLDER", help="the city's folder")
    parser.add_argument("--geojson", type=Path, metavar="FILE", help="write the exits and who shuts them there")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said")
    return parser


def run(args: argparse.Namespace) -> int:
    """Reckon and print."""
    from engine.containment import Crew, fastest_ms, standing_plan
    from engine.core.city_folder import load_city
    from engine.travel import TravelTimes

    city = load_city(args.city)
    exits = city_exits(city, fastest_ms(city.network, city.speeds))
    units = [unit for unit in city.units if unit.on_duty]
    places = [city.snapper.snap(unit.lon, unit.lat) for unit in units]
    crew = Crew.of(
        [it.arc for it in places],
        [it.fraction for it in places],
        [unit.turnout_ms + city.fixed_ms for unit in units],
    )
    checkpoints, names = _checkpoints(city, exits)
    plan = standing_plan(TravelTimes(city.network, city.arc_ms, city.hierarchy), exits, crew, checkpoints)
    _print(city, exits, plan, [str(unit.id) for unit in units], names, args.lang)
    if args.geojson is not None:
        document = features(city, exits, plan, [str(unit.id) for unit in units], names)
        args.geojson.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def city_exits(city: "City", suspect_ms: "np.typing.NDArray[np.int32]") -> "Exits":
    """Return where one can leave a city's ground: that of all its jurisdictions.

    Raises
    ------
    Refusal
        When the city has no jurisdictions.
    """
    import shapely

    from engine.containment import exits_of

    if not city.jurisdictions:
        raise Refusal(
            "missing", "areas.geojson", "no area of kind jurisdiction", "the ground that the city answers for"
        )
    return exits_of(city.network, suspect_ms, shapely.union_all([it.geometry for it in city.station_areas.areas]))


def _checkpoints(city: "City", exits: "Exits") -> "tuple[Checkpoints, list[str]]":
    """Return the checkpoints that stand at an exit, and their ids."""
    import numpy as np

    from engine.containment import Checkpoints, barred_nodes

    standing = [station for station in city.stations if station.is_checkpoint]
    lon, lat = (np.array([getattr(station, name) for station in standing], np.float64) for name in ("lon", "lat"))
    nodes = barred_nodes(city.network, lon, lat, exits.node)
    at_exits = [(int(node), its) for node, its in zip(nodes, standing, strict=True) if node >= 0]
    checkpoints = Checkpoints.of([node for node, _ in at_exits], [its.setup_ms for _, its in at_exits])
    return checkpoints, [str(its.id) for _, its in at_exits]


def _print(
    city: "City", exits: "Exits", plan: "tuple[Manned, ...]", units: list[str], checkpoints: list[str], language: str
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, soft_wrap=True)
    ready = [it.ready_ms for it in plan if it.ready_ms is not None]
    last = duration(max(ready)) if ready else "–"
    console.print(text("exits.sum", language, exits=len(plan), manned=len(ready), last=last), style="bold")
    if not plan:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("number", "street", "way", "place", "by", "stands"):
        table.add_column(text(f"exits.{column}", language), justify="right" if column == "stands" else "left")
    network = city.network
    for number, (node, bearing, its) in enumerate(zip(exits.node.tolist(), exits.bearing_deg, plan, strict=True), 1):
        table.add_row(
            str(number),
            street_at(network, node, language),
            compass(float(bearing), language),
            f"{network.node_lon[node]:.5f},{network.node_lat[node]:.5f}",
            _by(its, units, checkpoints),
            text("exits.never", language) if its.ready_ms is None else duration(its.ready_ms),
        )
    console.print()
    console.print(table)


def _by(its: "Manned", units: list[str], checkpoints: list[str]) -> str:
    return " + ".join(units[row] for row in its.units) if its.checkpoint is None else checkpoints[its.checkpoint]


def features(
    city: "City", exits: "Exits", plan: "tuple[Manned, ...]", units: list[str], checkpoints: list[str]
) -> dict[str, Any]:
    """Return the plan as GeoJSON (RFC 7946), a point by exit."""
    network, found = city.network, []
    for number, (node, bearing, its) in enumerate(zip(exits.node.tolist(), exits.bearing_deg, plan, strict=True), 1):
        found.append(
            {
                "type": "Feature",
                "properties": {
                    "kind": "exit",
                    "number": number,
                    "street": street_at(network, node, "en"),
                    "bearing_deg": round(float(bearing)),
                    "units": [units[row] for row in its.units],
                    "checkpoint": None if its.checkpoint is None else checkpoints[its.checkpoint],
                    "ready_ms": its.ready_ms,
                },
                "geometry": {
                    "type": "Point",
                    "coordinates": [round(float(network.node_lon[node]), 7), round(float(network.node_lat[node]), 7)],
                },
            }
        )
    return {"type": "FeatureCollection", "features": found}
