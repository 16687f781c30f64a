"""Streets of the made-up town as they are drawn, in metres, before they become `RawRoads`.

Pieces (a town's streets, villages, country roads) are made apart and joined; nodes of a piece are counted from 0.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from geo_data.raw_roads import DRIVE, Mode, RoadClass

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Mask = NDArray[np.bool_]

FREE: Final = int(DRIVE | Mode.FOOT)
"""A street for all."""
WALK: Final = int(Mode.FOOT)
FAST: Final = int(DRIVE)
"""A road that nobody may walk on."""
STROLL: Final = int(Mode.EMERGENCY | Mode.FOOT)
"""A shopping street: nobody drives there but in an emergency."""

_KMH: Final[dict[RoadClass, float]] = {
    RoadClass.MOTORWAY: 110,
    RoadClass.MOTORWAY_LINK: 50,
    RoadClass.TRUNK: 70,
    RoadClass.PRIMARY: 60,
    RoadClass.SECONDARY: 50,
    RoadClass.TERTIARY: 40,
}


def signed_kmh(road_class: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the signed speed by class in km/h; NaN for streets that carry no sign."""
    table = np.full(256, np.nan, np.float32)
    for kind, kmh in _KMH.items():
        table[kind] = kmh
    return table[road_class]


@dataclass(kw_only=True)
class Streets:
    """A piece of the map: ``n`` nodes, ``e`` edges, ``b`` bends (points of the course between the ends).

    ``people`` is how many live along an edge, in no unit: it weighs made-up calls. ``bend_first`` is int64 (e + 1,).
    """

    x_m: Floats
    y_m: Floats
    tail: Ints
    head: Ints
    forward: NDArray[np.uint8]
    backward: NDArray[np.uint8]
    road_class: NDArray[np.uint8]
    kmh: NDArray[np.float32]
    name: Ints
    people: NDArray[np.float32]
    bend_first: NDArray[np.int64]
    bend_x_m: Floats
    bend_y_m: Floats

    def span_m(self) -> Floats:
        """Return the straight distance between the ends of every edge, float64 (e,)."""
        return np.hypot(self.x_m[self.head] - self.x_m[self.tail], self.y_m[self.head] - self.y_m[self.tail])


def join(pieces: list[Streets], *, counted_on: bool = False) -> Streets:
    """Lay pieces side by side; node indices of each shift by what came before, unless they are ``counted_on``."""
    shift = np.cumsum([0, *(0 if counted_on else len(piece.x_m) for piece in pieces)])
    bends = np.cumsum([0, *(len(piece.bend_x_m) for piece in pieces)])
    columns = {}
    for column in fields(Streets):
        parts = [getattr(piece, column.name) for piece in pieces]
        if column.name in ("tail", "head"):
            parts = [part + np.int32(offset) for part, offset in zip(parts, shift, strict=False)]
        if column.name == "bend_first":
            parts = [part[:-1] + offset for part, offset in zip(parts, bends, strict=False)]
            parts.append(bends[-1:])
        columns[column.name] = np.concatenate(parts)
    return Streets(**columns)


def keep_edges(streets: Streets, keep: Mask) -> Streets:
    """Return the streets with only some edges and the nodes that these still touch, in their old order."""
    lasting = np.zeros(len(streets.x_m), bool)
    lasting[streets.tail[keep]] = True
    lasting[streets.head[keep]] = True
    renumbered = (np.cumsum(lasting) - 1).astype(np.int32)
    counts = np.diff(streets.bend_first)
    bends = np.repeat(keep, counts)
    first = np.zeros(int(keep.sum()) + 1, np.int64)
    np.cumsum(counts[keep], out=first[1:])
    columns = {name: getattr(streets, name)[keep] for name in _BY_EDGE}
    columns["tail"] = renumbered[columns["tail"]]
    columns["head"] = renumbered[columns["head"]]
    return Streets(
        x_m=streets.x_m[lasting],
        y_m=streets.y_m[lasting],
        bend_first=first,
        bend_x_m=streets.bend_x_m[bends],
        bend_y_m=streets.bend_y_m[bends],
        **columns,
    )


_BY_EDGE: Final = ("tail", "head", "forward", "backward", "road_class", "kmh", "name", "people")


def with_bends(bends_x_m: Floats, bends_y_m: Floats, bent: Mask) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return offsets and points of courses; ``bends_*`` is (e, k), ``bent`` (e,) says which edges are not straight."""
    first = np.zeros(len(bent) + 1, np.int64)
    np.cumsum(bent * bends_x_m.shape[1], out=first[1:])
    return first, bends_x_m[bent].ravel(), bends_y_m[bent].ravel()


def connected_to(streets: Streets, edges: Mask, seeds: NDArray[np.integer]) -> Mask:
    """Return which nodes hang together with one of ``seeds`` along ``edges``."""
    count = len(streets.x_m)
    ones = np.ones(int(edges.sum()), np.int8)
    graph = csr_array((ones, (streets.tail[edges], streets.head[edges])), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    chosen = np.zeros(int(label.max()) + 1, bool)
    chosen[label[seeds]] = True
    return chosen[label]


def junctions(streets: Streets) -> Mask:
    """Return which nodes stay when chains are merged: bool (n,). Where two edges of one kind meet is no junction."""
    degree, changes = _meetings(streets)
    return np.asarray(((degree > 0) & (degree != 2)) | changes)


def street_numbers(streets: Streets) -> NDArray[np.int64]:
    """Return a number for every edge, int64 (e,) from 1 on, the same for edges that make up one street in a chain."""
    degree, changes = _meetings(streets)
    edges = len(streets.tail)
    ends = np.concatenate((streets.tail, streets.head))
    order = np.argsort(ends, kind="stable")
    passed = np.flatnonzero((degree == 2) & ~changes)
    first = np.cumsum(degree) - degree
    one, other = order[first[passed]] % edges, order[first[passed] + 1] % edges
    graph = csr_array((np.ones(len(one), np.int8), (one, other)), shape=(edges, edges))
    return np.asarray(connected_components(graph, directed=False)[1].astype(np.int64) + 1)


def _meetings(streets: Streets) -> tuple[NDArray[np.int64], Mask]:
    """Return how many edges end at each node, and where two end that are not of one kind."""
    count = len(streets.x_m)
    ends = np.concatenate((streets.tail, streets.head))
    degree = np.bincount(ends, minlength=count)
    # Two edges are of one kind when class, name, speed and modes agree; the sum and the sum of squares of a key tell.
    modes = streets.forward.astype(np.int64) | streets.backward
    key = ((modes * 64 + streets.road_class) * 256 + np.nan_to_num(streets.kmh).astype(np.int64)) * 131_071
    key = ((key + streets.name + 1) * 2_654_435_761) % 1_000_003
    both = np.concatenate((key, key)).astype(np.float64)
    total = np.bincount(ends, both, minlength=count)
    squares = np.bincount(ends, both * both, minlength=count)
    return degree, np.asarray((degree == 2) & (2 * squares != total * total))
