"""``allpoints init``: make a city's folder that runs."""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.model.errors import Refusal

if TYPE_CHECKING:
    from engine.model.entities import Station
    from geo_data.raw_roads import RawRoads
    from geo_data.road_network import RoadNetwork

_TOWN_NODES = 2_000
_LONGEST_NAME = 200


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Make a city's folder that runs. 新建一个可直接运行的城市目录。"
    parser = subparsers.add_parser("init", help=description, description=description)
    parser.add_argument("folder", type=Path, help="the folder to make")
    roads = parser.add_argument_group("where the roads come from").add_mutually_exclusive_group()
    roads.add_argument(
        "--town", type=int, metavar="NODES", help=f"a made-up county town (default, {_TOWN_NODES} nodes)"
    )
    roads.add_argument("--osm", type=Path, metavar="FILE", help=".osm.pbf, .osm, .osm.gz or .osm.bz2")
    roads.add_argument("--roads", type=Path, metavar="FILE", help="a road network that `allpoints build` made")
    roads.add_argument("--place", metavar="QUERY", help='a place to download, such as "Xiangyuan, Changzhi, China"')
    roads.add_argument("--bbox", metavar="W,S,E,N", type=_box, help="a rectangle to download, in degrees")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up town")
    parser.add_argument("--name", help="short name, part of every id; default: after the folder")
    parser.add_argument("--time-zone", help="default: Asia/Shanghai for the made-up town, else UTC")
    parser.add_argument("--force", action="store_true", help="overwrite a city that is there · 覆盖")
    return parser


def _box(given: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in given.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is not W,S,E,N in degrees") from None
    return west, south, east, north


def run(args: argparse.Namespace) -> int:
    """Build the roads and write the folder."""
    from engine.cli.new_city import CityPlan, refuse_to_overwrite, starting_units, write_city, write_credentials
    from engine.core.city_folder import load_folder
    from engine.dispatch.run_cards import COUNTY, RunCards

    folder: Path = args.folder
    # Before the roads are built, which can take minutes.
    refuse_to_overwrite(folder, force=args.force)
    name = args.name or _name_after(folder)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name):
        raise Refusal("bad_name", "--name", name, "1 to 32 of a-z, 0-9 and _, a letter first")
    land = _land(args)
    network, stations = land.network, land.stations
    units = starting_units(stations, RunCards.load(COUNTY), land.kinds)
    is_town = not (args.osm or args.roads or args.place or args.bbox)
    plan = CityPlan(
        name=name,
        title=land.title,
        network=network,
        stations=stations,
        units=units,
        areas=land.areas,
        time_zone=args.time_zone or ("Asia/Shanghai" if is_town else "UTC"),
    )
    write_city(folder, plan, force=args.force)
    credentials = write_credentials(folder, units, stations)
    load_folder(folder)
    _say(folder, network, stations, len(units), credentials)
    return 0


def _name_after(folder: Path) -> str:
    """Return a name that the folder's own suggests."""
    name = re.sub(r"[^a-z0-9]+", "_", folder.resolve().name.lower()).strip("_")
    return name[:32] if name[:1].isalpha() else f"city_{name}"[:32].rstrip("_")


@dataclass(frozen=True, kw_only=True)
class _Land:
    """What the arguments' map gives: roads, stations with their kinds, areas as GeoJSON, titles by language."""

    network: "RoadNetwork"
    stations: "Sequence[Station]"
    kinds: Mapping[str, str] = field(default_factory=dict)
    areas: Sequence[Mapping[str, Any]] = ()
    title: Mapping[str, str] = field(default_factory=dict)


def _land(args: argparse.Namespace) -> _Land:
    """Return what the city is made from."""
    from geo_data.building import build_network
    from geo_data.road_network import RoadNetwork

    if args.roads is not None:
        network = RoadNetwork.load(args.roads, verify=True)
        return _Land(network=network, stations=[_central_station(network)])
    raw = _read_roads(args)
    if raw is not None:
        network = build_network(raw, progress=_progress)
        stations = _police_stations(args.osm, network) if args.osm is not None else []
        return _Land(network=network, stations=stations or [_central_station(network)], title={"en": args.place or ""})
    return _town(args.town or _TOWN_NODES, args.seed)


def _read_roads(args: argparse.Namespace) -> "RawRoads | None":
    """Read the map that the arguments name; None for the made-up town."""
    if args.osm is not None:
        from geo_data.sources.osm import read_osm

        return read_osm(args.osm, progress=_progress)
    if args.place is not None:
        from geo_data.sources.osmnx_graph import read_place

        return read_place(args.place)
    if args.bbox is not None:
        from geo_data.sources.osmnx_graph import read_bounding_box

        return read_bounding_box(*args.bbox)
    return None


def _town(nodes: int, seed: int) -> _Land:
    from engine.cli.new_city import feature
    from engine.model.entities import Station
    from engine.model.ids import StationId
    from geo_data.town import LEAST_NODES, MOST_NODES, make_town

    if not LEAST_NODES <= nodes <= MOST_NODES:
        raise Refusal("out_of_range", "--town", nodes, f"{LEAST_NODES} to {MOST_NODES}")
    if seed < 0:
        raise Refusal("out_of_range", "--seed", seed, "0 or more")
    town = make_town(nodes=nodes, seed=seed)
    stations = [
        Station(
            id=StationId(place.id),
            name=place.name,
            name_zh=place.name_zh,
            lon=place.lon,
            lat=place.lat,
            capabilities=("checkpoint",) if place.kind == "checkpoint" else (),
        )
        for place in town.stations
    ]
    areas = [
        feature(
            "Polygon",
            [[[float(lon), float(lat)] for lon, lat in area.polygon]],
            {
                "id": f"A{number}",
                "name": area.name,
                "name_zh": area.name_zh,
                "kind": "jurisdiction",
                "station": area.station,
            },
        )
        for number, area in enumerate(town.areas, 1)
    ]
    return _Land(
        network=town.network(),
        stations=stations,
        kinds={place.id: place.kind for place in town.stations},
        areas=areas,
        title={"en": town.name, "zh": town.name_zh},
    )


def _police_stations(file: Path, network: "RoadNetwork") -> "list[Station]":
    """Return the police stations of an OSM file that a unit can be sent from: those near one of its streets."""
    from engine.dispatch.policies import Policies
    from engine.model.entities import Station
    from engine.model.ids import StationId
    from geo_data.raw_roads import Mode
    from geo_data.snapping import Snapper
    from geo_data.sources.osm import read_police

    places = read_police(file)
    lon, lat = [place.lon for place in places], [place.lat for place in places]
    arcs, _, _ = Snapper(network, Mode.EMERGENCY).snap_many(lon, lat, limit_m=Policies().snap_limit_m)
    near = [place for place, arc in zip(places, arcs.tolist(), strict=True) if arc >= 0]
    return [
        Station(
            id=StationId(f"S{number}"),
            name=_printable(place.name) or f"Police station {number}",
            name_zh=_printable(place.name_zh) if place.name else f"{number}号派出所",
            lon=place.lon,
            lat=place.lat,
        )
        for number, place in enumerate(near, 1)
    ]


def _printable(name: str) -> str:
    """Return a name of other people's as a folder may hold it."""
    return "".join(letter for letter in name if letter.isprintable())[:_LONGEST_NAME].strip()


def _central_station(network: "RoadNetwork") -> "Station":
    """Return one station at the junction nearest to the middle of all junctions."""
    import numpy as np

    from engine.model.entities import Station
    from engine.model.ids import StationId
    from geo_data.raw_roads import Mode

    drivable = np.unique(network.arc_tail[(network.arc_modes & Mode.EMERGENCY) != 0])
    lon, lat = network.node_lon[drivable], network.node_lat[drivable]
    # The median is not drawn away by a far village; a degree of longitude is shorter than one of latitude.
    east = (lon - np.median(lon)) * np.cos(np.radians(np.median(lat)))
    at = int(np.argmin(east**2 + (lat - np.median(lat)) ** 2))
    return Station(id=StationId("S1"), name="Central station", name_zh="中心站", lon=float(lon[at]), lat=float(lat[at]))


def _progress(step: str, share: float) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{share:4.0%} {step}", end="" if share < 1 else "\n", file=sys.stderr, flush=True)


def _say(folder: Path, network: "RoadNetwork", stations: "Sequence[Station]", units: int, credentials: Path) -> None:
    west, south, east, north = network.bounds()
    print(f"{folder}: {network.n_nodes} junctions, {network.n_arcs} arcs, {len(stations)} stations, {units} units")
    print(f"  roads from {west:.4f},{south:.4f} to {east:.4f},{north:.4f}")
    if len(stations) == 1 and stations[0].name == "Central station":
        print("  one station stands at the middle of the roads: put the real ones into stations.geojson")
    print(f"  credentials of terminals, the desk and a source of alerts: {credentials} (hand them out, then delete it)")
    print(f"next: allpoints serve {folder}")
    print(f"then: allpoints alert {folder} --type robbery --at {stations[0].lon:.5f},{stations[0].lat:.5f} --lang zh")
