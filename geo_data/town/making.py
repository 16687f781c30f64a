"""A made-up Chinese county town, for trying out and measuring: same number of nodes and seed, same bytes.

It has what decides times in a real one: a river with few bridges, a ring road, dual carriageways, one-way streets, an
old centre of crooked lanes, gated compounds, villages on county roads, a highway and an expressway. It lies in
Shanxi, where no such county is. Beyond some 45,000 nodes it is several counties side by side.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo_data.building import build_network
from geo_data.raw_roads import RawRoads
from geo_data.road_network import RoadNetwork
from geo_data.town.names import Word, villages
from geo_data.town.police import TownArea, TownStation, Words, police
from geo_data.town.region import Region, make_region
from geo_data.town.streets import Floats, Streets, street_numbers

LEAST_NODES: Final = 500
MOST_NODES: Final = 4_000_000
_MIDDLE_LON, _MIDDLE_LAT = 113.05, 36.53
_METRES_PER_DEGREE: Final = 6_371_008.8 * np.pi / 180
_OFF_STREET_M: Final = 18.0


class TownPlace(NamedTuple):
    """A settlement; ``kind`` is ``seat``, ``township`` or ``village``."""

    name: str
    name_zh: str
    lon: float
    lat: float
    kind: str


@dataclass(frozen=True, kw_only=True)
class Town:
    """A made-up town.

    Attributes
    ----------
    name, name_zh
        What it is called.
    roads
        Its streets.
    stations
        Police stations (派出所), service stations (警务站), checkpoints (检查站).
    areas
        The jurisdiction of each police station; together they cover the county without overlap.
    places
        Seats, townships and villages.
    rivers
        float64 (points, 2) each, longitude and latitude from south to north.
    """

    name: str
    name_zh: str
    roads: RawRoads
    stations: list[TownStation]
    areas: list[TownArea]
    places: list[TownPlace]
    rivers: list[Floats]
    people: NDArray[np.float32] = field(repr=False)
    """float32 (e,), how many live along each edge of ``roads``, in no unit."""

    @property
    def villages(self) -> list[TownPlace]:
        """Townships and villages: the places beyond the seats."""
        return [place for place in self.places if place.kind != "seat"]

    def network(self) -> RoadNetwork:
        """Build the road network."""
        return build_network(self.roads)

    def sample_places(self, count: int, seed: int) -> tuple[Floats, Floats]:
        """Return ``count`` places where people are, as longitudes and latitudes.

        They lie beside streets that may be driven, by how many live there: densest in old centres.
        """
        rng = np.random.default_rng(seed)
        roads = self.roads
        reach = np.cumsum(self.people.astype(np.float64))
        edge = np.searchsorted(reach, rng.uniform(0, reach[-1], count), side="right")
        first, last = roads.point_first[edge], roads.point_first[edge + 1] - 2
        at = rng.integers(first, last + 1)
        share, aside_m = rng.random(count), rng.normal(0, _OFF_STREET_M, count)
        along_lon = roads.point_lon[at + 1] - roads.point_lon[at]
        along_lat = roads.point_lat[at + 1] - roads.point_lat[at]
        turn = rng.uniform(0, 2 * np.pi, count)
        lat = roads.point_lat[at] + share * along_lat + aside_m * np.sin(turn) / _METRES_PER_DEGREE
        squeeze = _METRES_PER_DEGREE * np.cos(np.radians(lat))
        lon = roads.point_lon[at] + share * along_lon + aside_m * np.cos(turn) / squeeze
        return lon, lat


def make_town(nodes: int = 2_000, seed: int = 1) -> Town:
    """Make a town whose road network has about ``nodes`` nodes; within 10 %.

    Raises
    ------
    ValueError
        When ``nodes`` is not from `LEAST_NODES` to `MOST_NODES`, or ``seed`` is negative.
    """
    if not LEAST_NODES <= nodes <= MOST_NODES:
        raise ValueError(f"nodes: {nodes} is out of range; limit: {LEAST_NODES} to {MOST_NODES}")
    if seed < 0:
        raise ValueError(f"seed: {seed} is negative; limit: 0 or more")
    region = make_region(seed, nodes)
    rng = np.random.default_rng([seed, nodes, 1])
    settlements = villages(rng, len(region.villages_m) - region.townships)
    stations, areas, townships = police(rng, region, lambda points: np.column_stack(_on_globe(region, points)))
    name, name_zh = _title(region)
    return Town(
        name=name,
        name_zh=name_zh,
        roads=_raw(region),
        stations=stations,
        areas=areas,
        places=_places(region, townships, settlements),
        rivers=[
            np.column_stack(_on_globe(region, np.column_stack((river.x_m, river.y_m)))) for river in region.plan.rivers
        ],
        people=region.streets.people,
    )


def _title(region: Region) -> Word:
    """Return the name in English and Chinese: of the county, or of the city that several counties make up."""
    zh, pinyin = region.counties[0]
    return (f"{pinyin} County", f"{zh}县") if len(region.counties) == 1 else (f"{pinyin} City", f"{zh}市")


def _on_globe(region: Region, points_m: Floats) -> tuple[Floats, Floats]:
    """Return longitude and latitude of points in metres, by the sinusoidal projection, to 1e-7 degrees."""
    plan = region.plan
    lat = _MIDDLE_LAT + (points_m[:, 1] - plan.height_m / 2) / _METRES_PER_DEGREE
    squeeze = _METRES_PER_DEGREE * np.cos(np.radians(lat))
    lon = _MIDDLE_LON + (points_m[:, 0] - plan.width_m / 2) / squeeze
    return np.round(lon, 7), np.round(lat, 7)


def _raw(region: Region) -> RawRoads:
    streets = region.streets
    node_lon, node_lat = _on_globe(region, np.column_stack((streets.x_m, streets.y_m)))
    point_first, point_lon, point_lat = _courses(region, streets, node_lon, node_lat)
    edges, nodes = len(streets.tail), len(streets.x_m)
    unknown = np.full(edges, np.nan, np.float32)
    return RawRoads(
        source="made-up town",
        licence="CC0-1.0",
        attribution="made up by Allpoints",
        node_lon=node_lon,
        node_lat=node_lat,
        tail=streets.tail,
        head=streets.head,
        forward_modes=streets.forward,
        backward_modes=streets.backward,
        road_class=streets.road_class,
        forward_kmh=streets.kmh,
        backward_kmh=streets.kmh.copy(),
        forward_emergency_kmh=unknown,
        backward_emergency_kmh=unknown.copy(),
        length_m=unknown.copy(),
        name=streets.name,
        names=region.book.names,
        names_zh=region.book.names_zh,
        point_first=point_first,
        point_lon=point_lon,
        point_lat=point_lat,
        source_id=street_numbers(streets),
        node_source_id=np.arange(1, nodes + 1, dtype=np.int64),
        no_merge=np.zeros(nodes, bool),
    )


def _courses(
    region: Region, streets: Streets, node_lon: Floats, node_lat: Floats
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return every edge's course with both of its ends."""
    bend_lon, bend_lat = _on_globe(region, np.column_stack((streets.bend_x_m, streets.bend_y_m)))
    edges = np.arange(len(streets.tail))
    first = streets.bend_first + 2 * np.arange(len(edges) + 1)
    lon, lat = np.empty(int(first[-1])), np.empty(int(first[-1]))
    between = np.ones(len(lon), bool)
    between[first[:-1]] = False
    between[first[1:] - 1] = False
    for course, at_node, bends in ((lon, node_lon, bend_lon), (lat, node_lat, bend_lat)):
        course[first[:-1]] = at_node[streets.tail]
        course[first[1:] - 1] = at_node[streets.head]
        course[between] = bends
    return first, lon, lat


def _places(region: Region, townships: Words, settlements: Words) -> list[TownPlace]:
    lon, lat = _on_globe(region, np.concatenate((region.plan.seat_m, region.villages_m)))
    counties = [(f"{zh}县城", f"{pinyin} Town") for zh, pinyin in region.counties]
    towns = [(f"{zh}镇", f"{pinyin} Township") for zh, pinyin in townships]
    kinds = ["seat"] * len(counties) + ["township"] * len(towns) + ["village"] * len(settlements)
    words = counties + towns + [(zh, f"{pinyin} Village") for zh, pinyin in settlements]
    return [
        TownPlace(name=word[1], name_zh=word[0], lon=float(x), lat=float(y), kind=kind)
        for word, kind, x, y in zip(words, kinds, lon, lat, strict=True)
    ]
