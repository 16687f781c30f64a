"""Stations of the made-up town and the areas they answer for.

A police station (派出所) for each district of a seat and each township, service stations (警务站) in the streets,
checkpoints at toll plazas and on the county's borders. Areas are made of the surroundings of villages and superblocks.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo_data.building.connectivity import largest_component
from geo_data.raw_roads import Mode, RoadClass
from geo_data.town.names import MAIN, Word, townships, words_for
from geo_data.town.region import Region
from geo_data.town.streets import Floats, Streets

Words = list[Word]
Globe = Callable[[Floats], Floats]

_BLOCKS_EACH: Final = 150
_SERVICE_EACH: Final = 90
_DISTRICTS: Final[Words] = [
    ("城关", "Chengguan"),
    ("东关", "Dongguan"),
    ("河西", "Hexi"),
    ("开发区", "Development Zone"),
    ("新城", "Xincheng"),
    ("南关", "Nanguan"),
    ("北关", "Beiguan"),
    ("西关", "Xiguan"),
]


class TownStation(NamedTuple):
    """A station; ``kind`` is ``police_station``, ``service_station`` or ``checkpoint``."""

    id: str
    name: str
    name_zh: str
    lon: float
    lat: float
    kind: str


class TownArea(NamedTuple):
    """The jurisdiction of one police station: a closed ring of longitudes and latitudes."""

    name: str
    name_zh: str
    polygon: list[tuple[float, float]]
    station: str


def police(
    rng: np.random.Generator, region: Region, on_globe: Globe
) -> tuple[list[TownStation], list[TownArea], Words]:
    """Return the stations, the areas of the police stations, and the names of the townships."""
    several = len(region.counties) > 1
    words: Words = []
    places: list[Floats] = []
    seat_of: list[int] = []
    for seat, county in enumerate(region.counties):
        centres = _districts(region.blocks_m[region.block_seat == seat])
        known = [*_DISTRICTS, *words_for(len(centres), MAIN)][: len(centres)]
        words += [(county[0] + zh, f"{county[1]} {pinyin}") if several else (zh, pinyin) for zh, pinyin in known]
        places.append(centres)
        seat_of += [seat] * len(centres)
    town_words = townships(rng, region.townships)
    words += town_words
    seeds = np.concatenate((*places, region.villages_m[: region.townships]))
    kerbs = _kerbs(region.streets)
    streets = _by_the_street(kerbs, seeds)
    stations = _stations(words, on_globe(streets), "PS", ("police_station", "Police Station", "派出所"))
    areas = _areas(region, seeds, np.array(seat_of), stations, on_globe)
    service = region.blocks_m[rng.permutation(len(region.blocks_m))[: max(2, len(region.blocks_m) // _SERVICE_EACH)]]
    service_words = [(f"{zh}路", f"{pinyin} Road") for zh, pinyin in words_for(len(service), MAIN)]
    stations += _stations(
        service_words, on_globe(_by_the_street(kerbs, service)), "SS", ("service_station", "Service Station", "警务站")
    )
    gates = np.concatenate((region.plazas_m, region.borders_m))
    gate_words = [(f"{county[0]}高速口", f"{county[1]} Toll Plaza") for county in region.counties]
    gate_words += [(f"县界{number}号", f"Border {number}") for number in range(1, len(region.borders_m) + 1)]
    stations += _stations(
        gate_words, on_globe(_by_the_street(kerbs, gates)), "CP", ("checkpoint", "Checkpoint", "公安检查站")
    )
    return stations, areas, town_words


def _stations(words: Words, places: Floats, prefix: str, kind: tuple[str, str, str]) -> list[TownStation]:
    code, english, chinese = kind
    return [
        TownStation(
            id=f"{prefix}{number:03d}",
            name=f"{word[1]} {english}",
            name_zh=f"{word[0]}{chinese}",
            lon=float(lon),
            lat=float(lat),
            kind=code,
        )
        for number, (word, (lon, lat)) in enumerate(zip(words, places, strict=True), 1)
    ]


def _districts(blocks_m: Floats) -> Floats:
    """Return the middles of a seat's districts, by Lloyd's rounds from places far apart."""
    count = max(2, round(len(blocks_m) / _BLOCKS_EACH) + 1)
    chosen = [int(np.argmin(np.hypot(*(blocks_m - blocks_m.mean(axis=0)).T)))]
    apart = np.hypot(*(blocks_m - blocks_m[chosen[0]]).T)
    while len(chosen) < count:
        chosen.append(int(np.argmax(apart)))
        apart = np.minimum(apart, np.hypot(*(blocks_m - blocks_m[chosen[-1]]).T))
    centres = blocks_m[chosen]
    for _ in range(6):
        nearest = cKDTree(centres).query(blocks_m)[1]
        centres = np.array([blocks_m[nearest == index].mean(axis=0) for index in range(count)])
    return centres


def _kerbs(streets: Streets) -> Floats:
    """Return the ends of the streets that one may drive and stop on, and that lead everywhere and back."""
    ahead, back = (streets.forward & Mode.NORMAL) != 0, (streets.backward & Mode.NORMAL) != 0
    fit = (streets.road_class >= RoadClass.TRUNK) & (streets.road_class <= RoadClass.LIVING_STREET) & (ahead | back)
    span_m = streets.span_m()
    found = largest_component(
        len(streets.x_m),
        np.concatenate((streets.tail[ahead], streets.head[back])),
        np.concatenate((streets.head[ahead], streets.tail[back])),
        np.concatenate((span_m[ahead], span_m[back])),
    )
    ends = np.unique((streets.tail[fit], streets.head[fit]))
    nodes = ends[found.nodes[ends]]
    return np.column_stack((streets.x_m[nodes], streets.y_m[nodes]))


def _by_the_street(kerbs: Floats, places: Floats) -> Floats:
    """Return places 12 m off the nearest kerb."""
    return np.asarray(kerbs[cKDTree(kerbs).query(places)[1]] + 12.0 * np.array([0.6, 0.8]))


def _areas(
    region: Region, seeds: Floats, seat_of: NDArray[np.int64], stations: list[TownStation], on_globe: Globe
) -> list[TownArea]:
    """Return each police station's area: the Voronoi cells of the superblocks and villages nearest to it."""
    owner = np.array(cKDTree(seeds).query(region.villages_m)[1], np.int64)
    block_owner = np.empty(len(region.blocks_m), np.int64)
    for seat in range(len(region.counties)):
        own = np.flatnonzero(seat_of == seat)
        here = region.block_seat == seat
        block_owner[here] = own[cKDTree(seeds[own]).query(region.blocks_m[here])[1]]
    owner[: region.townships] = len(seat_of) + np.arange(region.townships)
    places = np.concatenate((region.blocks_m, region.villages_m))
    owner = np.concatenate((block_owner, owner))
    plan = region.plan
    frame = shapely.box(-400, -400, plan.width_m + 400, plan.height_m + 400)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(places), extend_to=frame, ordered=True))
    cells = shapely.intersection(cells, frame)
    order = np.argsort(owner, kind="stable")
    groups = np.split(cells[order], np.cumsum(np.bincount(owner, minlength=len(seeds)))[:-1])
    shapes = _in_one_piece([shapely.union_all(group) for group in groups])
    areas = []
    for shape, station in zip(shapes, stations, strict=True):
        ring = on_globe(np.asarray(shape.exterior.coords))
        areas.append(
            TownArea(
                name=station.name.replace("Police Station", "Area"),
                name_zh=station.name_zh.replace("派出所", "辖区"),
                polygon=[(float(lon), float(lat)) for lon, lat in ring],
                station=station.id,
            )
        )
    return areas


def _in_one_piece(shapes: list[shapely.Geometry]) -> list[shapely.Polygon]:
    """Give every stray part of an area to the neighbour with the longest common border; fill no holes."""
    whole = [max(shapely.get_parts(shape), key=lambda part: part.area) for shape in shapes]
    stray = [
        part for shape, main in zip(shapes, whole, strict=True) for part in shapely.get_parts(shape) if part is not main
    ]
    for part in stray:
        shared = shapely.length(shapely.intersection(shapely.boundary(part), shapely.boundary(np.array(whole))))
        best = int(np.argmax(shared))
        whole[best] = shapely.union(whole[best], part)
    return whole
