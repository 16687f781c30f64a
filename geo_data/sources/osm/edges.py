"""OSM ways cut into edges between nodes; turn restrictions and ferries' durations set on them.

A node that the file lacks (an extract cuts its ways at the border) ends the street on both sides of it.
"""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from geo_data.lengths import line_lengths_m
from geo_data.raw_roads import RawRoads
from geo_data.sources.osm.barriers import cut_barriers
from geo_data.sources.osm.ways import WayTable

DEGREE = 10_000_000
_FERRY_KMH = (1.0, 90.0)
_Said = TypeVar("_Said")


@dataclass(frozen=True)
class NodeTable:
    """The nodes that ways use, by rising id; ``found`` is false for those that the file lacks.

    By place in the table, ``barriers`` holds the bits of the modes that may pass, ``kinds`` `NodeKind` and `Facing`.
    """

    id: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    found: NDArray[np.bool_]
    barriers: dict[int, int]
    kinds: dict[int, tuple[int, int]]

    @classmethod
    def of(
        cls,
        ids: NDArray[np.int64],
        east: NDArray[np.int32],
        north: NDArray[np.int32],
        barriers: dict[int, int],
        kinds: dict[int, tuple[int, int]],
    ) -> "NodeTable":
        """Take locations in units of 1e-7 degrees, out of range where there is none; barriers and kinds by node id."""
        found = (np.abs(east.astype(np.int64)) <= 180 * DEGREE) & (np.abs(north.astype(np.int64)) <= 90 * DEGREE)
        return cls(ids, east / DEGREE, north / DEGREE, found, _by_place(barriers, ids), _by_place(kinds, ids))


def _by_place(said: dict[int, _Said], ids: NDArray[np.int64]) -> dict[int, _Said]:
    """Return what is said of some ids by their place among all, which rise; what is said of others is passed over."""
    places = np.searchsorted(ids, np.array(list(said), np.int64))
    return {
        int(place): value
        for place, (node, value) in zip(places, said.items(), strict=True)
        if place < len(ids) and ids[place] == node
    }


@dataclass(frozen=True)
class _Cut:
    """Where ways are cut: ``begin`` and ``end`` are places among the ways' node references, both included."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    way: NDArray[np.int64]


def roads_of(ways: WayTable, nodes: NodeTable, *, every_node: bool) -> RawRoads | None:
    """Cut the ways into edges; None when none has two nodes."""
    node = np.searchsorted(nodes.id, ways.refs_array())
    cut = _cut(ways, nodes, node, every_node=every_node)
    if len(cut.begin) == 0:
        return None
    count = cut.end - cut.begin + 1
    point_first = np.zeros(len(count) + 1, np.int64)
    np.cumsum(count, out=point_first[1:])
    reference = np.arange(point_first[-1]) + np.repeat(cut.begin - point_first[:-1], count)
    point_lon, point_lat = nodes.lon[node[reference]], nodes.lat[node[reference]]
    tail, head = node[cut.begin], node[cut.end]
    used, ends = np.unique(np.concatenate((tail, head)), return_inverse=True)
    _set_ferry_speeds(ways, cut, line_lengths_m(point_first, point_lon, point_lat))
    way = cut.way
    nan = np.full(len(way), np.nan, np.float32)
    roads = RawRoads(
        source="",
        licence="",
        attribution="",
        node_lon=nodes.lon[used],
        node_lat=nodes.lat[used],
        tail=ends[: len(way)].astype(np.int32),
        head=ends[len(way) :].astype(np.int32),
        forward_modes=np.frombuffer(ways.forward_modes, np.uint8)[way],
        backward_modes=np.frombuffer(ways.backward_modes, np.uint8)[way],
        road_class=np.frombuffer(ways.road_class, np.uint8)[way],
        forward_kmh=np.frombuffer(ways.forward_kmh, np.float32)[way],
        backward_kmh=np.frombuffer(ways.backward_kmh, np.float32)[way],
        forward_emergency_kmh=nan,
        backward_emergency_kmh=nan.copy(),
        length_m=nan.copy(),
        name=np.frombuffer(ways.name, np.int32)[way],
        names=[name for name, _ in ways.names],
        names_zh=[name_zh for _, name_zh in ways.names],
        point_first=point_first,
        point_lon=point_lon,
        point_lat=point_lat,
        source_id=np.frombuffer(ways.way_id, np.int64)[way],
        node_source_id=nodes.id[used],
        no_merge=np.zeros(len(used), np.bool_),
        roundabout=np.frombuffer(ways.roundabout, np.bool_)[way],
        dropped=dict(ways.counts),
    )
    _set_turns(roads, ways, way)
    for place, said in _by_place(nodes.kinds, used).items():
        roads.node_kind[place], roads.node_facing[place] = said
    return cut_barriers(roads, _by_place(nodes.barriers, used))


def _cut(ways: WayTable, nodes: NodeTable, node: NDArray[np.int64], *, every_node: bool) -> _Cut:
    """Cut where streets meet or end, at barriers, signals and nodes that the file lacks; or at every node."""
    first = np.frombuffer(ways.first, np.int64)
    way = np.repeat(np.arange(ways.count), np.diff(first))
    missing = int((~nodes.found[node]).sum())
    if missing:
        ways.counts["nodes_missing"] += missing
    # Step i runs from reference i to reference i + 1.
    step = (way[:-1] == way[1:]) & nodes.found[node[:-1]] & nodes.found[node[1:]]
    begins = step.copy()
    if not every_node:
        kept = np.bincount(node, minlength=len(nodes.id)) > 1
        kept[node[first[:-1]]] = True
        kept[list(nodes.barriers)] = True
        kept[list(nodes.kinds)] = True
        begins[1:] &= ~step[:-1] | kept[node[1:-1]]
    steps = np.flatnonzero(step)
    begin = np.flatnonzero(begins[steps])
    last = np.append(begin, len(steps))[1:] - 1
    return _Cut(steps[begin], steps[last] + 1, way[steps[begin]])


def _set_ferry_speeds(ways: WayTable, cut: _Cut, length_m: NDArray[np.float64]) -> None:
    """Let a ferry that says how long it takes go as fast as that, whatever is usual."""
    for way, duration_s in ways.ferry_s.items():
        if math.isnan(duration_s):
            ways.counts["tags_duration_unreadable"] += 1
            continue
        kmh = float(length_m[cut.way == way].sum()) / duration_s * 3.6
        if _FERRY_KMH[0] <= kmh <= _FERRY_KMH[1]:
            ways.forward_kmh[way] = ways.backward_kmh[way] = kmh


def _set_turns(roads: RawRoads, ways: WayTable, way: NDArray[np.int64]) -> None:
    """Map restrictions from ways to the edges that meet the via node; a way that runs on through it says too little."""
    numbers = {way_id: number for number, way_id in enumerate(ways.way_id)} if ways.turns else {}
    turns: list[tuple[int, int, int, int]] = []
    for enter, via_id, leave, kind in ways.turns:
        via = int(np.searchsorted(roads.node_source_id, via_id))
        if via == len(roads.node_lon) or roads.node_source_id[via] != via_id:
            roads.dropped["turns_incomplete"] = roads.dropped.get("turns_incomplete", 0) + 1
            continue
        edges = [_edge_at(roads, way, numbers.get(way_id, -1), via) for way_id in (enter, leave)]
        if min(edges) < 0:
            roads.dropped["turns_incomplete"] = roads.dropped.get("turns_incomplete", 0) + 1
            continue
        turns.append((edges[0], via, edges[1], kind))
    table = np.array(turns, np.int32).reshape(-1, 4)
    roads.turn_from, roads.turn_via, roads.turn_to = table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy()
    roads.turn_kind = table[:, 3].astype(np.uint8)


def _edge_at(roads: RawRoads, way: NDArray[np.int64], number: int, via: int) -> int:
    first, beyond = (int(np.searchsorted(way, number, side)) for side in ("left", "right"))
    if first < beyond and roads.tail[first] == via:
        return first
    return beyond - 1 if first < beyond and roads.head[beyond - 1] == via else -1
