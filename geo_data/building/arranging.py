"""The arrays of a road network, in their order in the file.

Nodes in Hilbert order, arcs by tail (then head, then street), geometries and names by their first arc: what a search
or a map reads together lies together. Both arcs of a two-way street point at one geometry; the turns of a junction
share one, a point.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo_data.building.ordering import hilbert_order
from geo_data.building.turns import Arcs
from geo_data.raw_roads import Facing, NodeKind, RawRoads
from geo_data.road_network import RoadNetwork, pack_texts

if TYPE_CHECKING:
    from geo_data.building.merging import Chains

DEGREE = 10_000_000
"""Points are stored as integers of 1e-7 degrees, about a centimetre."""


@dataclass(frozen=True)
class Streets:
    """The edges that are left, with the modes and the measured length that are left to them.

    ``kept`` holds their places in the raw roads; ``name`` is an index into ``names``, pairs of name and Chinese name
    without repetition, or -1.
    """

    kept: NDArray[np.int64]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    forward_modes: NDArray[np.uint8]
    backward_modes: NDArray[np.uint8]
    length_m: NDArray[np.float64]
    name: NDArray[np.int64]
    names: list[tuple[str, str]]

    @classmethod
    def of(
        cls,
        raw: RawRoads,
        kept: NDArray[np.int64],
        forward: NDArray[np.uint8],
        backward: NDArray[np.uint8],
        length_m: NDArray[np.float64],
    ) -> "Streets":
        """Select the edges ``kept`` out of values by raw edge."""
        numbers: dict[tuple[str, str], int] = {("", ""): -1}
        by_name = [numbers.setdefault(pair, len(numbers) - 1) for pair in zip(raw.names, raw.names_zh, strict=True)]
        # The last element is what index -1, no name, finds.
        name = np.array([*by_name, -1], np.int64)[raw.name[kept]]
        return cls(
            kept, raw.tail[kept], raw.head[kept], forward[kept], backward[kept], length_m[kept], name, list(numbers)[1:]
        )


@dataclass(frozen=True)
class _Lines:
    """Chains as streets of their own, ``c`` of them, by the nodes of `turns.Arcs`.

    ``tail`` and ``head`` are where the chain begins and ends, ``back_tail`` and ``back_head`` the way back.
    """

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    back_tail: NDArray[np.int32]
    back_head: NDArray[np.int32]
    first_edge: NDArray[np.int32]
    first_flipped: NDArray[np.bool_]

    @classmethod
    def of(cls, streets: Streets, chains: "Chains", ends: Arcs) -> "_Lines":
        edges = len(ends.tail) // 2
        begin, end = chains.first[:-1], chains.first[1:] - 1
        first_edge, last_edge = chains.edge[begin], chains.edge[end]
        first_flipped, last_flipped = chains.flipped[begin], chains.flipped[end]
        # As directed streets: the chain's first and last ones, and those the other way.
        first, last = streets.kept[first_edge], streets.kept[last_edge]
        leave, arrive = first + edges * first_flipped, last + edges * last_flipped
        back_leave, back_arrive = last + edges * ~last_flipped, first + edges * ~first_flipped
        return cls(
            ends.tail[leave],
            ends.head[arrive],
            ends.tail[back_leave],
            ends.head[back_arrive],
            first_edge,
            first_flipped,
        )


@dataclass(frozen=True)
class _Arcs:
    """The arcs in their order: chain and direction, and where each chain's two arcs went (-1 where there is none)."""

    line: NDArray[np.int64]
    drawn: NDArray[np.bool_]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    along: NDArray[np.int32]
    against: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        tail: NDArray[np.int32],
        head: NDArray[np.int32],
        back: tuple[NDArray[np.int32], NDArray[np.int32]],
        ways: tuple[NDArray[np.bool_], ...],
    ) -> "_Arcs":
        """Lay out lines; ``back`` are where the first of them, the streets, begin and end the other way."""
        lines = len(tail)
        ahead, behind = np.flatnonzero(ways[0]), np.flatnonzero(ways[1])
        line = np.concatenate((ahead, behind))
        drawn = np.arange(len(line)) < len(ahead)
        arc_tail = np.concatenate((tail[ahead], back[0][behind]))
        arc_head = np.concatenate((head[ahead], back[1][behind]))
        order = np.lexsort((~drawn, line, arc_head, arc_tail))
        line, drawn = line[order], drawn[order]
        places = np.full((2, lines), -1, np.int32)
        places[np.where(drawn, 0, 1), line] = np.arange(len(line), dtype=np.int32)
        return cls(line, drawn, arc_tail[order], arc_head[order], places[0], places[1])


def arrange(
    raw: RawRoads, streets: Streets, chains: "Chains", ends: Arcs, turn_modes: NDArray[np.uint8]
) -> tuple[RoadNetwork, int]:
    """Lay out the network; ``meta`` and checksum are still empty.

    Parameters
    ----------
    ends
        The nodes between which directed streets and turns run.
    turn_modes
        uint8 (t,), who may take each turn; those that nobody may are left out.

    Returns
    -------
    The network, and how many nodes of the raw roads are in it.
    """
    lines = _Lines.of(streets, chains, ends)
    turns = np.flatnonzero(turn_modes)
    tails, heads = np.append(lines.tail, ends.turn_tail[turns]), np.append(lines.head, ends.turn_head[turns])
    used = np.flatnonzero(np.bincount(np.concatenate((tails, heads, lines.back_tail, lines.back_head))))
    ahead = np.where(
        lines.first_flipped, streets.backward_modes[lines.first_edge], streets.forward_modes[lines.first_edge]
    )
    back = np.where(
        lines.first_flipped, streets.forward_modes[lines.first_edge], streets.backward_modes[lines.first_edge]
    )
    # A node of a street's end that nobody comes to or leaves from is none.
    met = np.zeros(len(ends.node), np.bool_)
    for nodes, modes in ((lines.tail, ahead), (lines.head, ahead), (lines.back_tail, back), (lines.back_head, back)):
        met[nodes[modes != 0]] = True
    used = used[met[used]]
    used = used[hilbert_order(raw.node_lon[ends.node[used]], raw.node_lat[ends.node[used]])]
    place = np.full(len(ends.node), -1, np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    ahead = np.append(ahead, turn_modes[turns])
    arcs = _Arcs.of(
        place[tails], place[heads], (place[lines.back_tail], place[lines.back_head]), (ahead != 0, back != 0)
    )
    back = np.append(back, np.zeros(len(turns), np.uint8))
    modes = np.where(arcs.drawn, ahead[arcs.line], back[arcs.line])
    parts = _Parts(lines, turns, arcs, used, modes)
    return _network(raw, streets, chains, ends, parts), len(np.unique(ends.node[used]))


class _Parts(NamedTuple):
    """What the network is laid out from: ``turns`` among those of `turns.Arcs`, ``used`` nodes of it in their order."""

    lines: _Lines
    turns: NDArray[np.int64]
    arcs: _Arcs
    used: NDArray[np.int64]
    modes: NDArray[np.uint8]


def _network(raw: RawRoads, streets: Streets, chains: "Chains", ends: Arcs, parts: _Parts) -> RoadNetwork:
    lines, turns, arcs, used, modes = parts
    count = len(lines.tail)
    street = arcs.line < count
    line = np.where(street, arcs.line, 0)
    turn = turns[arcs.line[~street] - count]
    kept = streets.kept[lines.first_edge[line]]
    node = ends.node[used]
    drawn = arcs.drawn ^ lines.first_flipped[line]  # whether the arc runs as its edges were drawn
    length_m = np.add.reduceat(streets.length_m[chains.edge], chains.first[:-1])

    def by_arc(of_streets: NDArray[Any], of_turns: NDArray[Any] | float) -> NDArray[Any]:
        values = of_streets.copy()
        values[~street] = of_turns
        return values

    kmh = np.where(drawn, raw.forward_kmh[kept], raw.backward_kmh[kept])
    emergency_kmh = np.where(drawn, raw.forward_emergency_kmh[kept], raw.backward_emergency_kmh[kept])
    arc_name = np.full(len(line), -1, np.int32)
    arc_name[street], texts = _names(streets, lines.first_edge[line[street]])
    geometry, points = _geometries(raw, streets, chains, arcs.line[street], count)
    spots, spot = np.unique(node[arcs.tail[~street]], return_inverse=True)
    point_first, point_lon, point_lat = _with_spots(raw, points, spots)
    name_first, name_bytes = pack_texts([text for text, _ in texts])
    name_zh_first, name_zh_bytes = pack_texts([text for _, text in texts])
    return RoadNetwork(
        node_lon=raw.node_lon[node],
        node_lat=raw.node_lat[node],
        first_out=_offsets(arcs.tail, len(used)),
        arc_tail=arcs.tail,
        arc_head=arcs.head,
        first_in=_offsets(arcs.head, len(used)),
        in_arc=np.argsort(arcs.head, kind="stable").astype(np.int32),
        arc_reverse=np.where(arcs.drawn, arcs.against[arcs.line], arcs.along[arcs.line]),
        arc_length_m=by_arc(length_m[line].astype(np.float32), 0),
        arc_class=by_arc(raw.road_class[kept], ends.kind[turn]),
        arc_modes=modes,
        arc_control=by_arc(_controls(raw, node[arcs.head], drawn), NodeKind.NONE),
        arc_kmh=by_arc(kmh, np.nan),
        arc_emergency_kmh=by_arc(emergency_kmh, np.nan),
        arc_name=arc_name,
        arc_geometry=by_arc(geometry[line], len(points[0]) - 1 + spot),
        arc_drawn=arcs.drawn,
        arc_source_id=by_arc(raw.source_id[kept], raw.node_source_id[node[arcs.tail[~street]]]),
        geometry_first=point_first,
        point_lon=point_lon,
        point_lat=point_lat,
        name_first=name_first,
        name_bytes=name_bytes,
        name_zh_first=name_zh_first,
        name_zh_bytes=name_zh_bytes,
        node_source_id=raw.node_source_id[node],
    )


Points = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]


def _geometries(
    raw: RawRoads, streets: Streets, chains: "Chains", line: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int32], Points]:
    """Return the geometry of each of so many lines, numbered by their first arc, and the points of all."""
    order = line[np.sort(np.unique(line, return_index=True)[1])]
    geometry = np.empty(count, np.int32)
    geometry[order] = np.arange(len(order), dtype=np.int32)
    return geometry, _points(raw, streets, chains, order)


def _with_spots(raw: RawRoads, points: Points, spots: NDArray[np.int32]) -> Points:
    """Add raw nodes as geometries of two points on one spot."""
    first, lon, lat = points
    more = first[-1] + 2 * np.arange(1, len(spots) + 1)
    east, north = (np.rint(at[spots] * DEGREE).astype(np.int32).repeat(2) for at in (raw.node_lon, raw.node_lat))
    return np.concatenate((first, more)), np.concatenate((lon, east)), np.concatenate((lat, north))


def _controls(raw: RawRoads, head: NDArray[np.int32], drawn: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return what arcs meet at their heads, raw nodes, by whether they come there as their edges were drawn."""
    facing = raw.node_facing[head]
    met = (facing == Facing.BOTH) | (facing == np.where(drawn, Facing.FORWARD, Facing.BACKWARD))
    return np.where(met, raw.node_kind[head], NodeKind.NONE).astype(np.uint8)


def _offsets(nodes: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    first = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(nodes, minlength=count), out=first[1:])
    return first


def _runs(begin: NDArray[np.int64], count: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``begin, begin + step, …`` of each run, ``count`` long, one run after the other."""
    offset = np.cumsum(count) - count
    index = np.arange(int(count.sum()), dtype=np.int64)
    index -= np.repeat(offset, count)
    index *= np.repeat(step, count)
    index += np.repeat(begin, count)
    return index


def _points(raw: RawRoads, streets: Streets, chains: "Chains", order: NDArray[np.int64]) -> Points:
    """Join the geometries of each chain, in the given order of chains, as offsets and integers of 1e-7 degrees."""
    edges_of = np.diff(chains.first)[order]
    link = _runs(chains.first[:-1][order], edges_of, np.ones(len(order), np.int64))
    begins = np.cumsum(edges_of) - edges_of
    edge, flipped = streets.kept[chains.edge[link]], chains.flipped[link]
    low, high = raw.point_first[edge], raw.point_first[edge + 1]
    # The first point of every edge but a chain's first repeats the last point before it.
    skipped = np.ones(len(link), np.int64)
    skipped[begins] = 0
    count = high - low - skipped
    index = _runs(np.where(flipped, high - 1 - skipped, low + skipped), count, np.where(flipped, -1, 1))
    first = np.zeros(len(order) + 1, np.int64)
    np.cumsum(np.add.reduceat(count, begins), out=first[1:])
    lon = np.rint(raw.point_lon[index] * DEGREE).astype(np.int32)
    lat = np.rint(raw.point_lat[index] * DEGREE).astype(np.int32)
    return first, lon, lat


def _names(streets: Streets, edge: NDArray[np.int32]) -> tuple[NDArray[np.int32], list[tuple[str, str]]]:
    """Return each arc's index into the names that are still used, and these names by their first arc."""
    name = streets.name[edge]
    found, where = np.unique(name, return_index=True)
    used = found[np.argsort(where, kind="stable")]
    used = used[used >= 0]
    renumbered = np.full(len(streets.names) + 1, -1, np.int32)
    renumbered[used] = np.arange(len(used), dtype=np.int32)
    return renumbered[name], [streets.names[index] for index in used]
