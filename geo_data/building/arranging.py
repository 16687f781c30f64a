"""The arrays of a road network, in their order in the file.

Nodes in Hilbert order, arcs by tail (then head, then street), geometries and names by their first arc: what a search
or a map reads together lies together. Both arcs of a two-way street point at one geometry.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geo_data.building.ordering import hilbert_order
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
    """Chains as streets of their own, ``c`` of them, still by raw node; ``tail`` and ``head`` are the chain's ends."""

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    first_edge: NDArray[np.int32]
    first_flipped: NDArray[np.bool_]

    @classmethod
    def of(cls, streets: Streets, chains: "Chains") -> "_Lines":
        begin, end = chains.first[:-1], chains.first[1:] - 1
        first_edge, last_edge = chains.edge[begin], chains.edge[end]
        first_flipped, last_flipped = chains.flipped[begin], chains.flipped[end]
        tail = np.where(first_flipped, streets.head[first_edge], streets.tail[first_edge])
        head = np.where(last_flipped, streets.tail[last_edge], streets.head[last_edge])
        return cls(tail, head, first_edge, first_flipped)


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
    def of(cls, tail: NDArray[np.int32], head: NDArray[np.int32], ways: tuple[NDArray[np.bool_], ...]) -> "_Arcs":
        lines = len(tail)
        ahead, back = np.flatnonzero(ways[0]), np.flatnonzero(ways[1])
        line = np.concatenate((ahead, back))
        drawn = np.arange(len(line)) < len(ahead)
        arc_tail = np.where(drawn, tail[line], head[line])
        arc_head = np.where(drawn, head[line], tail[line])
        order = np.lexsort((~drawn, line, arc_head, arc_tail))
        line, drawn = line[order], drawn[order]
        places = np.full((2, lines), -1, np.int32)
        places[np.where(drawn, 0, 1), line] = np.arange(len(line), dtype=np.int32)
        return cls(line, drawn, arc_tail[order], arc_head[order], places[0], places[1])


def arrange(raw: RawRoads, streets: Streets, chains: "Chains") -> tuple[RoadNetwork, int]:
    """Lay out the network; ``meta`` and checksum are still empty.

    Returns
    -------
    The network, and how many turn restrictions found no arcs to stand on.
    """
    lines = _Lines.of(streets, chains)
    used = np.flatnonzero(np.bincount(np.concatenate((lines.tail, lines.head))))
    used = used[hilbert_order(raw.node_lon[used], raw.node_lat[used])]
    place = np.full(len(raw.node_lon), -1, np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    ahead = np.where(
        lines.first_flipped, streets.backward_modes[lines.first_edge], streets.forward_modes[lines.first_edge]
    )
    back = np.where(
        lines.first_flipped, streets.forward_modes[lines.first_edge], streets.backward_modes[lines.first_edge]
    )
    arcs = _Arcs.of(place[lines.tail], place[lines.head], (ahead != 0, back != 0))
    by_geometry = arcs.line[np.sort(np.unique(arcs.line, return_index=True)[1])]
    geometry = np.empty(len(lines.tail), np.int32)
    geometry[by_geometry] = np.arange(len(by_geometry), dtype=np.int32)
    point_first, point_lon, point_lat = _points(raw, streets, chains, by_geometry)
    length_m = np.add.reduceat(streets.length_m[chains.edge], chains.first[:-1])
    edge = lines.first_edge[arcs.line]
    kept = streets.kept[edge]
    drawn = arcs.drawn ^ lines.first_flipped[arcs.line]  # whether the arc runs as its edges were drawn
    arc_name, texts = _names(streets, edge)
    turn_from, turn_to, turn_kind, left_out = _turns(raw, streets, chains, arcs)
    name_first, name_bytes = pack_texts([text for text, _ in texts])
    name_zh_first, name_zh_bytes = pack_texts([text for _, text in texts])
    network = RoadNetwork(
        node_lon=raw.node_lon[used],
        node_lat=raw.node_lat[used],
        first_out=_offsets(arcs.tail, len(used)),
        arc_tail=arcs.tail,
        arc_head=arcs.head,
        first_in=_offsets(arcs.head, len(used)),
        in_arc=np.argsort(arcs.head, kind="stable").astype(np.int32),
        arc_reverse=np.where(arcs.drawn, arcs.against[arcs.line], arcs.along[arcs.line]),
        arc_length_m=length_m[arcs.line].astype(np.float32),
        arc_class=raw.road_class[kept],
        arc_modes=np.where(arcs.drawn, ahead[arcs.line], back[arcs.line]),
        arc_control=_controls(raw, used[arcs.head], drawn),
        arc_kmh=np.where(drawn, raw.forward_kmh[kept], raw.backward_kmh[kept]),
        arc_emergency_kmh=np.where(drawn, raw.forward_emergency_kmh[kept], raw.backward_emergency_kmh[kept]),
        arc_name=arc_name,
        arc_geometry=geometry[arcs.line],
        arc_drawn=arcs.drawn,
        arc_source_id=raw.source_id[kept],
        geometry_first=point_first,
        point_lon=point_lon,
        point_lat=point_lat,
        name_first=name_first,
        name_bytes=name_bytes,
        name_zh_first=name_zh_first,
        name_zh_bytes=name_zh_bytes,
        turn_from=turn_from,
        turn_to=turn_to,
        turn_kind=turn_kind,
        node_source_id=raw.node_source_id[used],
    )
    return network, left_out


def _controls(raw: RawRoads, head: NDArray[np.int64], drawn: NDArray[np.bool_]) -> NDArray[np.uint8]:
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


def _points(
    raw: RawRoads, streets: Streets, chains: "Chains", order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
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


def _turns(
    raw: RawRoads, streets: Streets, chains: "Chains", arcs: _Arcs
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8], int]:
    """Map restrictions from edges to the arcs that enter and leave the via node."""
    edges = len(raw.tail)
    line, flipped = np.full(edges, -1, np.int64), np.zeros(edges, np.bool_)
    members = streets.kept[chains.edge]
    line[members] = np.repeat(np.arange(len(chains.first) - 1), np.diff(chains.first))
    flipped[members] = chains.flipped

    def arc(edge: NDArray[np.int32], forward: NDArray[np.bool_], backward: NDArray[np.bool_]) -> NDArray[np.int32]:
        with_edge, opposite = np.where(
            flipped[edge],
            (arcs.against[line[edge]], arcs.along[line[edge]]),
            (arcs.along[line[edge]], arcs.against[line[edge]]),
        )
        with_edge = np.where(forward & (line[edge] >= 0), with_edge, -1)
        opposite = np.where(backward & (line[edge] >= 0), opposite, -1)
        return np.where(with_edge >= 0, with_edge, opposite)

    enter, leave, via = raw.turn_from, raw.turn_to, raw.turn_via
    entering = arc(enter, raw.head[enter] == via, raw.tail[enter] == via)
    leaving = arc(leave, raw.tail[leave] == via, raw.head[leave] == via)
    stands = (entering >= 0) & (leaving >= 0)
    turns = np.column_stack((entering, leaving, raw.turn_kind))[stands]
    turns = np.unique(turns, axis=0)
    kinds = turns[:, 2].astype(np.uint8)
    left_out = len(enter) - int(stands.sum())
    return turns[:, 0].astype(np.int32), turns[:, 1].astype(np.int32), kinds, left_out
