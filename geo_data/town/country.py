"""Roads between the places of the made-up county: winding country roads with farm tracks, and the expressway.

Pieces made here end in nodes that exist already, so their node indices count on from a given number.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import RoadClass
from geo_data.town.plan import Course
from geo_data.town.streets import FAST, FREE, Floats, Ints, Streets, signed_kmh, with_bends

_CHAIN_M: Final = 380.0
_SPUR_CHANCE: Final = 0.16
_HALF_EXPRESSWAY_M: Final = 14.0
_RAMP_M: Final = 420.0


def country_roads(
    rng: np.random.Generator,
    start: Floats,
    end: Floats,
    nodes: Ints,
    road_class: NDArray[np.uint8],
    name: Ints,
    base: int,
) -> Streets:
    """Draw a winding road for every link, with nodes on the way where tracks could leave.

    Parameters
    ----------
    rng
        Where chance comes from.
    start, end
        float64 (k, 2), in metres.
    nodes
        int32 (k, 2), the nodes at both ends.
    road_class, name
        (k,), of each link.
    base
        The first free node index.
    """
    along = end - start
    length_m = np.hypot(along[:, 0], along[:, 1])
    pieces = np.maximum(1, (length_m / _CHAIN_M).astype(np.int64))
    points = 3 * pieces - 1
    link = np.repeat(np.arange(len(pieces)), points)
    step = np.arange(int(points.sum())) - np.repeat(np.cumsum(points) - points, points) + 1
    share = step / (3 * pieces[link])
    straight = np.where(road_class <= RoadClass.PRIMARY, 0.5, 1.0)
    swings = rng.normal(0, 1, (len(pieces), 3)) * np.array([0.035, 0.03, 0.02]) * (length_m * straight)[:, None]
    off_m = sum(swings[link, order] * np.sin(np.pi * (order + 1) * share) for order in range(3))
    turns = np.maximum(2, np.round(length_m / 330))
    wiggle_m = rng.uniform(6, 20, len(pieces)) * straight * np.minimum(1, length_m / 900)
    off_m = off_m + wiggle_m[link] * np.sin(np.pi * turns[link] * share) * np.sin(np.pi * share)
    unit = along / np.maximum(length_m, 1e-6)[:, None]
    x_m = start[link, 0] + share * along[link, 0] - off_m * unit[link, 1]
    y_m = start[link, 1] + share * along[link, 1] + off_m * unit[link, 0]

    on_chain = step % 3 == 0
    edge_link = np.repeat(np.arange(len(pieces)), pieces)
    edge_step = np.arange(int(pieces.sum())) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    before = base + np.repeat(np.cumsum(pieces - 1) - (pieces - 1), pieces) + edge_step
    tail = np.where(edge_step == 0, nodes[edge_link, 0], before - 1)
    head = np.where(edge_step == pieces[edge_link] - 1, nodes[edge_link, 1], before)
    modes = np.full(len(tail), FREE, np.uint8)
    first, bend_x, bend_y = with_bends(
        x_m[~on_chain].reshape(-1, 2), y_m[~on_chain].reshape(-1, 2), np.ones(len(tail), bool)
    )
    kind = road_class[edge_link]
    return Streets(
        x_m=x_m[on_chain],
        y_m=y_m[on_chain],
        tail=tail.astype(np.int32),
        head=head.astype(np.int32),
        forward=modes,
        backward=modes.copy(),
        road_class=kind,
        kmh=signed_kmh(kind),
        name=name[edge_link],
        people=np.full(len(tail), 0.02 * _CHAIN_M, np.float32),
        bend_first=first,
        bend_x_m=bend_x,
        bend_y_m=bend_y,
    )


def farm_tracks(rng: np.random.Generator, roads: Streets, base: int) -> Streets:
    """Let tracks leave the roads at some of their nodes; most end in a field, some in a small loop.

    ``base`` is the index of the first node of ``roads``; the tracks' own nodes count on from the last.
    """
    at = np.flatnonzero(rng.random(len(roads.x_m)) < _SPUR_CHANCE)
    turn = rng.uniform(0, 2 * np.pi, len(at))
    reach_m = rng.uniform(120, 420, len(at))
    end_x, end_y = roads.x_m[at] + reach_m * np.cos(turn), roads.y_m[at] + reach_m * np.sin(turn)
    own = base + len(roads.x_m) + np.arange(len(at))
    loops = np.flatnonzero(rng.random(len(at)) < 0.15)
    tail = np.concatenate((base + at, own[loops])).astype(np.int32)
    head = np.concatenate((own, own[loops])).astype(np.int32)
    swing = rng.normal(0, 0.12, len(at)) * reach_m
    out = np.column_stack((np.cos(turn), np.sin(turn)))
    across = np.column_stack((-out[:, 1], out[:, 0]))
    origin = np.column_stack((roads.x_m[at], roads.y_m[at]))
    near = origin + out * (reach_m / 3)[:, None] + across * swing[:, None]
    far = origin + out * (reach_m * 2 / 3)[:, None] + across * (swing * 0.8)[:, None]
    goal = np.column_stack((end_x, end_y))[loops]
    left, right = goal + 70 * out[loops] + 60 * across[loops], goal + 110 * out[loops] - 40 * across[loops]
    bends_x = np.concatenate((np.column_stack((near[:, 0], far[:, 0])), np.column_stack((left[:, 0], right[:, 0]))))
    bends_y = np.concatenate((np.column_stack((near[:, 1], far[:, 1])), np.column_stack((left[:, 1], right[:, 1]))))
    first, bend_x, bend_y = with_bends(bends_x, bends_y, np.ones(len(tail), bool))
    modes = np.full(len(tail), FREE, np.uint8)
    road_class = np.full(len(tail), RoadClass.TRACK, np.uint8)
    road_class[: len(at)][rng.random(len(at)) < 0.3] = RoadClass.SERVICE
    return Streets(
        x_m=end_x,
        y_m=end_y,
        tail=tail,
        head=head,
        forward=modes,
        backward=modes.copy(),
        road_class=road_class,
        kmh=np.full(len(tail), np.nan, np.float32),
        name=np.full(len(tail), -1, np.int32),
        people=np.full(len(tail), 4.0, np.float32),
        bend_first=first,
        bend_x_m=bend_x,
        bend_y_m=bend_y,
    )


@dataclass(frozen=True, kw_only=True)
class Stops:
    """Where an expressway is entered: nodes and places of its two ends, and of its toll plazas from south to north."""

    south: int
    north: int
    south_y_m: float
    north_y_m: float
    plazas: list[int]
    plazas_m: Floats


def expressway(course: Course, stops: Stops, name: int, base: int) -> Streets:
    """Draw the two carriageways of an expressway and the ramps of its interchanges.

    Traffic keeps right: northbound runs on the eastern side. ``base`` is the first free node index.
    """
    joints_y = np.sort(np.concatenate([stops.plazas_m[:, 1] - _RAMP_M, stops.plazas_m[:, 1] + _RAMP_M]))
    count = len(joints_y)
    drawn: list[tuple[int, int, Floats, RoadClass]] = []
    nodes = []
    for side, first in ((1, base), (-1, base + count)):
        offset_m = side * _HALF_EXPRESSWAY_M
        nodes.append(np.column_stack((course.at(joints_y) + offset_m, joints_y)))
        ids = [stops.south, *range(first, first + count), stops.north]
        marks = [stops.south_y_m, *joints_y, stops.north_y_m]
        for index in range(count + 1):
            between = np.linspace(marks[index], marks[index + 1], max(4, int((marks[index + 1] - marks[index]) / 200)))
            line = np.column_stack((course.at(between[1:-1]) + offset_m, between[1:-1]))
            ends = (ids[index], ids[index + 1])
            drawn.append(
                (*ends, line, RoadClass.MOTORWAY) if side > 0 else (*ends[::-1], line[::-1], RoadClass.MOTORWAY)
            )
    for plaza, (x_m, y_m) in zip(stops.plazas, stops.plazas_m, strict=True):
        lower = int(np.searchsorted(joints_y, y_m - _RAMP_M - 1))
        middle_x = float(course.at(np.array([y_m]))[0])
        toll_x = (x_m + middle_x) / 2
        over = np.array([[middle_x + 130, y_m - 230], [middle_x + 60, y_m - 12], [toll_x, y_m - 12]])
        back = np.array([[toll_x, y_m + 12], [middle_x + 60, y_m + 12], [middle_x + 130, y_m + 230]])
        south_out = np.array([[middle_x - 60, y_m + 230], [toll_x, y_m + 40]])
        south_in = np.array([[toll_x, y_m - 40], [middle_x - 60, y_m - 230]])
        for ends, line in (
            ((base + lower, plaza), over),
            ((plaza, base + lower + 1), back),
            ((base + count + lower + 1, plaza), south_out),
            ((plaza, base + count + lower), south_in),
        ):
            drawn.append((*ends, line, RoadClass.MOTORWAY_LINK))
    return _one_way(np.concatenate(nodes), drawn, name)


def _one_way(nodes_m: Floats, drawn: list[tuple[int, int, Floats, RoadClass]], name: int) -> Streets:
    """Return lines that are driven in the direction they are drawn, and never walked on."""
    road_class = np.array([kind for *_, kind in drawn], np.uint8)
    first = np.zeros(len(drawn) + 1, np.int64)
    np.cumsum([len(line) for _, _, line, _ in drawn], out=first[1:])
    bends = np.concatenate([line for _, _, line, _ in drawn])
    return Streets(
        x_m=nodes_m[:, 0],
        y_m=nodes_m[:, 1],
        tail=np.array([tail for tail, *_ in drawn], np.int32),
        head=np.array([head for _, head, *_ in drawn], np.int32),
        forward=np.full(len(drawn), FAST, np.uint8),
        backward=np.zeros(len(drawn), np.uint8),
        road_class=road_class,
        kmh=signed_kmh(road_class),
        name=np.where(road_class == RoadClass.MOTORWAY, name, -1).astype(np.int32),
        people=np.zeros(len(drawn), np.float32),
        bend_first=first,
        bend_x_m=bends[:, 0],
        bend_y_m=bends[:, 1],
    )
