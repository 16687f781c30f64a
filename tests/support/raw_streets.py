"""Streets as a source gives them, for tests: from a list, from a drawn map, at random.

A drawn map has nodes as letters; ``-`` and ``|`` are two-way streets, and a ``>``, ``<``, ``^`` or ``v`` anywhere along
one makes it one-way. Neighbouring characters are 0.001 degrees apart.
"""

from dataclasses import dataclass

import numpy as np

from geo_data.raw_roads import ALL_MODES, RawRoads, Restriction, RoadClass

NAN = float("nan")


@dataclass
class Edge:
    """One edge between two nodes; ``bends`` are (lon, lat) between its ends."""

    tail: int
    head: int
    forward: int = int(ALL_MODES)
    backward: int = int(ALL_MODES)
    road_class: int = int(RoadClass.RESIDENTIAL)
    kmh: float = NAN
    backward_kmh: float = NAN
    emergency_kmh: float = NAN
    length_m: float = NAN
    name: int = -1
    source_id: int = 1
    bends: tuple = ()


def raw_roads(nodes, edges, *, names=(), no_merge=(), turns=()):
    """Return streets; ``nodes`` are (lon, lat), ``turns`` are (from edge, via node, to edge, kind)."""
    nodes = np.asarray(nodes, float).reshape(-1, 2)
    lines = [[tuple(nodes[e.tail]), *e.bends, tuple(nodes[e.head])] for e in edges]
    points = np.array([point for line in lines for point in line], float).reshape(-1, 2)
    turns = np.array(turns, np.int32).reshape(-1, 4)

    def column(name, dtype):
        return np.array([getattr(e, name) for e in edges], dtype)

    return RawRoads(
        source="test",
        licence="none",
        attribution="nobody",
        node_lon=nodes[:, 0].copy(),
        node_lat=nodes[:, 1].copy(),
        tail=column("tail", np.int32),
        head=column("head", np.int32),
        forward_modes=column("forward", np.uint8),
        backward_modes=column("backward", np.uint8),
        road_class=column("road_class", np.uint8),
        forward_kmh=column("kmh", np.float32),
        backward_kmh=column("backward_kmh", np.float32),
        forward_emergency_kmh=column("emergency_kmh", np.float32),
        backward_emergency_kmh=column("emergency_kmh", np.float32),
        length_m=column("length_m", np.float32),
        name=column("name", np.int32),
        names=[name for name, _ in names],
        names_zh=[name_zh for _, name_zh in names],
        point_first=np.cumsum([0, *(len(line) for line in lines)]).astype(np.int64),
        point_lon=points[:, 0].copy(),
        point_lat=points[:, 1].copy(),
        source_id=column("source_id", np.int64),
        node_source_id=np.arange(len(nodes), dtype=np.int64),
        no_merge=np.isin(np.arange(len(nodes)), list(no_merge)),
        turn_from=turns[:, 0].copy(),
        turn_via=turns[:, 1].copy(),
        turn_to=turns[:, 2].copy(),
        turn_kind=turns[:, 3].astype(np.uint8),
    )


def drawn_roads(text, **more):
    """Return the streets of a drawn map, and the node of each letter."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    at = {(r, c): sign for r, line in enumerate(lines) for c, sign in enumerate(line) if sign != " "}
    places = {sign: place for place, sign in sorted(at.items()) if sign.isalpha() and sign != "v"}
    node = {letter: number for number, letter in enumerate(sorted(places))}
    edges = []
    for letter, (row, column) in sorted(places.items()):
        for down, across, signs in ((0, 1, "-><"), (1, 0, "|v^")):
            r, c, seen = row + down, column + across, ""
            while at.get((r, c), " ") in signs:
                seen += at[r, c]
                r, c = r + down, c + across
            if seen and at.get((r, c)) in node:
                ends = (node[letter], node[at[r, c]])
                ends = ends[::-1] if signs[2] in seen else ends
                edges.append(Edge(*ends, backward=0 if set(seen) & set(signs[1:]) else int(ALL_MODES)))
    nodes = [(places[letter][1] * 1e-3, -places[letter][0] * 1e-3) for letter in node]
    return raw_roads(nodes, edges, **more), node


def random_roads(seed, nodes=12, edges=22, *, alike=False):
    """Return random streets with loops, parallels, one-ways, modes and speeds; ``alike`` ones merge more often."""
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, nodes, (edges, 2))
    if alike:  # a few hubs with long chains between them
        ends[: nodes - 1] = np.column_stack((np.arange(nodes - 1), np.arange(1, nodes)))
    made = []
    for tail, head in ends.tolist():
        bends = tuple(map(tuple, rng.uniform(0, 0.02, (max(int(rng.integers(0, 3)), int(tail == head)), 2)).tolist()))
        one_way = rng.random() < 0.3
        kmh = float(rng.choice([30.0, 50.0, NAN]))
        back = kmh if rng.random() < 0.8 else 20.0
        modes = 7 if alike else int(rng.integers(1, 8))
        backward = 0 if one_way else modes if rng.random() < 0.8 else int(rng.integers(0, 8))
        road_class = int(RoadClass.RESIDENTIAL if alike or rng.random() < 0.7 else RoadClass.SERVICE)
        made.append(
            Edge(tail, head, modes, backward, road_class, NAN if alike else kmh, NAN if alike else back, bends=bends)
        )
    return raw_roads(rng.uniform(0, 0.02, (nodes, 2)), made)


__all__ = ["Edge", "Restriction", "drawn_roads", "random_roads", "raw_roads"]
