"""The made-up county put together, in metres: seats, villages, the roads between them, the expressway.

Streets are numbered in this order: seats, villages, places on the border and at the expressway, country roads, tracks.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import RoadClass
from geo_data.town.country import Stops, country_roads, expressway, farm_tracks
from geo_data.town.links import Links, Sites, link
from geo_data.town.names import COUNTIES, NameBook, Word
from geo_data.town.plan import Plan, lay_plan, place_villages, seat_grid
from geo_data.town.seat import Seat, make_seat
from geo_data.town.streets import Floats, Ints, Streets, join, junctions
from geo_data.town.villages import Villages, make_villages

_TOWNSHIP_EACH: Final = 13
_TOWNSHIP_M: Final = 950.0
"""A township seat keeps this far from rivers and expressways, where there is room."""
_OVERSHOOT: Final = 1.035
"""So many more junctions arise where towns, villages and roads meet than are counted before."""
_TRIED_UP_TO: Final = 30_000
_MOST_TRIES: Final = 4
_NEAR_ENOUGH: Final = 0.05
"""A small town in which chance adds up is drawn again with another aim; large ones are near enough at once."""
_END_M: Final = 60.0
_PLAZA_M: Final = 420.0


@dataclass(kw_only=True)
class Region:
    """A county or more, in metres from its south-west corner.

    Attributes
    ----------
    streets
        All streets.
    book
        The names that streets have.
    plan, counties
        Where the seats lie, and their names.
    blocks_m, block_seat
        float64 (b, 2) and int32 (b,): superblocks of all seats.
    villages_m, townships
        float64 (v, 2), the villages, of which the first ``townships`` are township seats.
    plazas_m, borders_m
        Toll plazas of the expressway by seat; where highways cross the county's border.
    """

    streets: Streets
    book: NameBook
    plan: Plan
    counties: list[Word]
    blocks_m: Floats
    block_seat: Ints
    villages_m: Floats
    townships: int
    plazas_m: Floats
    borders_m: Floats


def make_region(seed: int, node_count: int) -> Region:
    """Make a region of about ``node_count`` junctions, within 10 %."""
    aim = node_count / _OVERSHOOT
    region = _draw_region(seed, node_count, round(aim))
    for _ in range(_MOST_TRIES if node_count <= _TRIED_UP_TO else 0):
        there = int(junctions(region.streets).sum())
        if abs(there - node_count) <= _NEAR_ENOUGH * node_count:
            break
        aim *= node_count / there
        region = _draw_region(seed, node_count, round(aim))
    return region


def _draw_region(seed: int, asked: int, node_count: int) -> Region:
    rng, book = np.random.default_rng([seed, asked]), NameBook()
    rural = round(node_count * (0.40 - 0.15 * min(1.0, np.log10(node_count / 2_000) / 2.7)))
    grid = seat_grid(node_count)
    count = grid[0] * grid[1]
    share = rng.uniform(0.7, 1.3, count)
    share[int(rng.integers(count))] *= 2.2  # one is the capital
    sizes = np.round((node_count - rural) * share / share.sum()).astype(int)
    seats = [make_seat(rng, book, int(size)) for size in sizes]
    towns = max(2, round(rural / 26 / _TOWNSHIP_EACH))
    villages = make_villages(rng, book, towns, rural)
    plan = lay_plan(rng, grid, seats, len(villages.gates))
    middle = plan.seat_m
    blocks_m = np.concatenate([seat.blocks_m + middle[index] for index, seat in enumerate(seats)])
    block_seat = np.repeat(np.arange(count, dtype=np.int32), [len(seat.blocks_m) for seat in seats])
    places = place_villages(rng, plan, blocks_m, len(villages.gates))
    places = _townships_first(places, towns, plan)
    for index, seat in enumerate(seats):
        seat.streets.x_m, seat.streets.y_m = seat.streets.x_m + middle[index, 0], seat.streets.y_m + middle[index, 1]
        seat.streets.bend_x_m, seat.streets.bend_y_m = (
            seat.streets.bend_x_m + middle[index, 0],
            seat.streets.bend_y_m + middle[index, 1],
        )
    _move(villages, places)
    alone, plazas_m, borders_m = _lone_places(plan)
    settled = join([*(seat.streets for seat in seats), villages.streets, _nodes_only(alone)])
    streets = _connect(rng, book, plan, seats, villages, places, blocks_m, settled, alone)
    names = [COUNTIES[index % len(COUNTIES)] for index in rng.permutation(len(COUNTIES))]
    return Region(
        streets=streets,
        book=book,
        plan=plan,
        counties=[names[index % len(names)] for index in range(count)],
        blocks_m=blocks_m,
        block_seat=block_seat,
        villages_m=places,
        townships=towns,
        plazas_m=plazas_m,
        borders_m=borders_m,
    )


def _townships_first(places: Floats, towns: int, plan: Plan) -> Floats:
    """Return the villages in an order in which township seats, well apart from each other, come first."""
    # Farthest-point choice, begun far from the seats.
    apart = np.full(len(places), np.inf)
    for seat in plan.seat_m:
        apart = np.minimum(apart, np.hypot(*(places - seat).T) * 0.8)
    inner = np.minimum.reduce((places[:, 0], plan.width_m - places[:, 0], places[:, 1], plan.height_m - places[:, 1]))
    courses = (*plan.rivers, *plan.expressways)
    room = np.minimum.reduce([np.abs(places[:, 0] - course.at(places[:, 1])) for course in courses])
    inner[room < _TOWNSHIP_M] *= 0.01
    chosen = []
    for _ in range(towns):
        best = int(np.argmax(np.minimum(apart, inner * 3)))
        chosen.append(best)
        apart = np.minimum(apart, np.hypot(*(places - places[best]).T))
    rest = np.setdiff1d(np.arange(len(places)), chosen)
    return np.concatenate((places[chosen], places[rest]))


def _move(villages: Villages, places: Floats) -> None:
    streets = villages.streets
    of_bend = np.repeat(villages.of_node[streets.tail], np.diff(streets.bend_first))
    streets.x_m = streets.x_m + places[villages.of_node, 0]
    streets.y_m = streets.y_m + places[villages.of_node, 1]
    streets.bend_x_m = streets.bend_x_m + places[of_bend, 0]
    streets.bend_y_m = streets.bend_y_m + places[of_bend, 1]


def _lone_places(plan: Plan) -> tuple[Floats, Floats, Floats]:
    """Return places with one node each, plazas, and borders.

    All of them in order: toll plazas by seat; southern ends of expressways, northern ends; southern ends of national
    roads, northern; western ends of provincial roads, eastern.
    """
    seats = plan.seat_m
    columns = [range(index * plan.rows, (index + 1) * plan.rows) for index in range(plan.columns)]
    ways = [plan.expressways[index // plan.rows] for index in range(len(seats))]
    plazas = np.array([[way.at(seat[1:2])[0] - _PLAZA_M, seat[1]] for way, seat in zip(ways, seats, strict=True)])
    north = plan.height_m - _END_M
    ends = [[float(way.at(np.array([y]))[0]), y] for y in (_END_M, north) for way in plan.expressways]
    national = [[seats[column[0], 0] - 900, 0.0] for column in columns]
    national += [[seats[column[-1], 0] + 700, plan.height_m] for column in columns]
    provincial = [[0.0, seats[row, 1] + 500] for row in columns[0]]
    provincial += [[plan.width_m, seats[row, 1] - 500] for row in columns[-1]]
    borders = np.array(national + provincial)
    return np.concatenate((plazas, np.array(ends), borders)), plazas, borders


def _nodes_only(places: Floats) -> Streets:
    none, byte = np.empty(0), np.empty(0, np.uint8)
    return Streets(
        x_m=places[:, 0].copy(),
        y_m=places[:, 1].copy(),
        tail=np.empty(0, np.int32),
        head=np.empty(0, np.int32),
        forward=byte,
        backward=byte,
        road_class=byte,
        kmh=np.empty(0, np.float32),
        name=np.empty(0, np.int32),
        people=np.empty(0, np.float32),
        bend_first=np.zeros(1, np.int64),
        bend_x_m=none,
        bend_y_m=none,
    )


def _routes(plan: Plan, gate_count: int, village_count: int) -> list[list[int]]:
    """Return the highways as vertices to pass; those that begin with -1 are national."""
    columns, rows, count = plan.columns, plan.rows, plan.columns * plan.rows
    plaza = gate_count + village_count
    border = plaza + count + 2 * columns
    seat = border + 2 * columns + 2 * rows
    routes = [[plaza + index, seat + index] for index in range(count)]
    for column in range(columns):
        stops = [seat + column * rows + row for row in range(rows)]
        routes.append([-1, border + column, *stops, border + columns + column])
    west = border + 2 * columns
    for row in range(rows):
        stops = [seat + column * rows + row for column in range(columns)]
        routes.append([west + row, *stops, west + rows + row])
    return routes


def _connect(
    rng: np.random.Generator,
    book: NameBook,
    plan: Plan,
    seats: list[Seat],
    villages: Villages,
    places: Floats,
    blocks_m: Floats,
    settled: Streets,
    alone: Floats,
) -> Streets:
    """Return all streets, those between the places included."""
    starts = np.cumsum([0, *(len(seat.streets.x_m) for seat in seats)])
    gates = np.concatenate([seat.gates + starts[index] for index, seat in enumerate(seats)])
    gate_seat = np.repeat(np.arange(len(seats)), [len(seat.gates) for seat in seats])
    first_alone = len(settled.x_m) - len(alone)
    at_m = np.concatenate((np.column_stack((settled.x_m[gates], settled.y_m[gates])), places, alone))
    rest = np.full(len(places) + len(alone), -1)
    weight = np.concatenate((np.zeros(len(gates)), np.ones(len(places)), np.zeros(len(alone))))
    weight[len(gates) : len(gates) + villages.towns] = 5
    sites = Sites(at_m=at_m, seat=np.concatenate((gate_seat, rest)).astype(np.int32), weight=weight)
    links = link(rng, plan, blocks_m, sites, _routes(plan, len(gates), len(places)))
    alone_nodes = np.arange(first_alone, len(settled.x_m))
    own = np.concatenate((gates, np.full(len(places), -1), alone_nodes))
    nodes = _end_nodes(links, sites, own, villages, (len(gates), int(starts[-1])))
    start = np.column_stack((settled.x_m[nodes[:, 0]], settled.y_m[nodes[:, 0]]))
    end = np.column_stack((settled.x_m[nodes[:, 1]], settled.y_m[nodes[:, 1]]))
    base = len(settled.x_m)
    numbers = _road_numbers(book, links, sites, len(gates), villages.towns)
    roads = country_roads(rng, start, end, nodes, links.road_class, numbers, base)
    tracks = farm_tracks(rng, roads, base)
    pieces = [settled, roads, tracks]
    base += len(roads.x_m) + len(tracks.x_m)
    count, columns, rows = len(seats), plan.columns, plan.rows
    for column, course in enumerate(plan.expressways):
        here = slice(column * rows, (column + 1) * rows)
        stops = Stops(
            south=first_alone + count + column,
            north=first_alone + count + columns + column,
            south_y_m=_END_M,
            north_y_m=plan.height_m - _END_M,
            plazas=list(range(first_alone, first_alone + count))[here],
            plazas_m=alone[:count][here],
        )
        number = book.number((f"G{55 + 2 * column}太晋高速", f"G{55 + 2 * column} Taijin Expressway"))
        pieces.append(expressway(course, stops, number, base))
        base += len(pieces[-1].x_m)
    return join(pieces, counted_on=True)


def _end_nodes(
    links: Links, sites: Sites, own: NDArray[np.int64], villages: Villages, offsets: tuple[int, int]
) -> Ints:
    """Return the nodes at which roads begin and end; a village is left on the side that faces the other place."""
    gate_count, first_village = offsets
    nodes = own[links.ends]
    for end in (0, 1):
        here = np.flatnonzero(nodes[:, end] < 0)
        site, other = links.ends[here, end], links.ends[here, 1 - end]
        village = site - gate_count
        away = sites.at_m[other] - sites.at_m[site]
        facing = np.arctan2(away[:, 1], away[:, 0]) - villages.turn_rad[village]
        quarter = np.round(facing / (np.pi / 2)).astype(np.int64) % 4  # east, north, west, south
        nodes[here, end] = first_village + villages.gates[village, np.array([1, 3, 0, 2])[quarter]]
    return nodes.astype(np.int32)


def _road_numbers(book: NameBook, links: Links, sites: Sites, gate_count: int, towns: int) -> Ints:
    """Return the names of the roads; a county road has the number of the township nearest to its middle."""
    middle = sites.at_m[links.ends].mean(axis=1)
    towns_m = sites.at_m[gate_count : gate_count + towns]
    names = np.full(len(middle), -1, np.int32)
    for index, (road_class, (x_m, y_m)) in enumerate(zip(links.road_class, middle, strict=True)):
        if road_class == RoadClass.UNCLASSIFIED:
            continue
        nearest = int(np.argmin((towns_m[:, 0] - x_m) ** 2 + (towns_m[:, 1] - y_m) ** 2))
        if road_class == RoadClass.TRUNK:
            name = ("208国道", "National Road 208")
        elif road_class == RoadClass.PRIMARY:
            name = ("322省道", "Provincial Road 322")
        elif road_class == RoadClass.SECONDARY:
            name = (f"{331 + nearest // 4}省道", f"Provincial Road {331 + nearest // 4}")
        else:
            name = (f"县道X{601 + nearest}", f"County Road X{601 + nearest}")
        names[index] = book.number(name)
    return names
