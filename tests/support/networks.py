"""Small road networks for tests: from lists of streets, from drawn maps, at random.

A drawn map has nodes as letters or digits, two-way streets as ``-`` and ``|``, one-way streets as ``>``, ``<``,
``^`` and ``v`` anywhere along them. Neighbouring characters are 50 m apart across and 100 m apart down.
"""

from dataclasses import dataclass, field

import numpy as np

from geo_data.raw_roads import ALL_MODES, RoadClass
from geo_data.road_network import RoadNetwork, pack_texts
from geo_data.snapping import metres_per_degree

LON, LAT = 116.30, 39.90
PER_LON, PER_LAT = metres_per_degree(LAT)


@dataclass
class Street:
    """One street between two nodes; ``bends`` are points between them, in metres."""

    tail: int
    head: int
    one_way: bool = False
    bends: list = field(default_factory=list)
    name: str = ""
    kmh: float = float("nan")
    emergency_kmh: float = float("nan")
    modes: int = int(ALL_MODES)
    backward_modes: int | None = None
    road_class: int = int(RoadClass.RESIDENTIAL)
    control: int = 0
    backward_control: int = 0


def degrees(x, y):
    """Return longitude and latitude of a place in metres from the south-west corner."""
    return LON + np.asarray(x) / PER_LON, LAT + np.asarray(y) / PER_LAT


def network(nodes_m, streets):
    """Build a network; ``nodes_m`` are (x, y) in metres. Arc order: by tail, then as listed, drawn before undrawn."""
    nodes = np.asarray(nodes_m, float).reshape(-1, 2)
    rows = []  # tail, head, geometry, drawn, street
    points, first = [], [0]
    for g, s in enumerate(streets):
        line = [nodes[s.tail], *map(np.asarray, s.bends), nodes[s.head]]
        points.extend(line)
        first.append(len(points))
        rows.append((s.tail, s.head, g, True, s))
        if not s.one_way:
            rows.append((s.head, s.tail, g, False, s))
    rows.sort(key=lambda row: row[0])
    xy = np.asarray(points, float).reshape(-1, 2)
    step = np.hypot(*np.diff(xy, axis=0).T) if len(xy) > 1 else np.empty(0)
    length = [step[first[g] : first[g + 1] - 1].sum() for g in range(len(streets))]
    m, n = len(rows), len(nodes)
    tail = np.array([r[0] for r in rows], np.int32)
    head = np.array([r[1] for r in rows], np.int32)
    geometry = np.array([r[2] for r in rows], np.int32)
    drawn = np.array([r[3] for r in rows], bool)
    reverse = np.full(m, -1, np.int32)
    place = {(int(g), bool(d)): a for a, (g, d) in enumerate(zip(geometry, drawn, strict=True))}
    for (g, d), a in place.items():
        reverse[a] = place.get((g, not d), -1)
    lon, lat = degrees(xy[:, 0], xy[:, 1])
    node_lon, node_lat = degrees(nodes[:, 0], nodes[:, 1])
    names = sorted({s.name for s in streets if s.name})
    name_first, name_bytes = pack_texts(names)
    zh_first, zh_bytes = pack_texts([""] * len(names))
    each = [r[4] for r in rows]
    modes = [s.modes if d or s.backward_modes is None else s.backward_modes for s, d in zip(each, drawn, strict=True)]
    return RoadNetwork(
        node_lon=node_lon,
        node_lat=node_lat,
        first_out=_first(tail, n),
        arc_tail=tail,
        arc_head=head,
        first_in=_first(head, n),
        in_arc=np.argsort(head, kind="stable").astype(np.int32),
        arc_reverse=reverse,
        arc_length_m=np.array([max(length[g], 0.01) for g in geometry], np.float32),
        arc_class=np.array([s.road_class for s in each], np.uint8),
        arc_modes=np.array(modes, np.uint8),
        arc_control=np.array(
            [s.control if d else s.backward_control for s, d in zip(each, drawn, strict=True)], np.uint8
        ),
        arc_kmh=np.array([s.kmh for s in each], np.float32),
        arc_emergency_kmh=np.array([s.emergency_kmh for s in each], np.float32),
        arc_name=np.array([names.index(s.name) if s.name else -1 for s in each], np.int32),
        arc_geometry=geometry,
        arc_drawn=drawn,
        arc_source_id=geometry.astype(np.int64),
        geometry_first=np.array(first, np.int64),
        point_lon=np.rint(lon * 1e7).astype(np.int32),
        point_lat=np.rint(lat * 1e7).astype(np.int32),
        name_first=name_first,
        name_bytes=name_bytes,
        name_zh_first=zh_first,
        name_zh_bytes=zh_bytes,
        node_source_id=np.arange(n, dtype=np.int64),
    )


def drawn_map(text):
    """Build a network from a drawing; return it and the node index by letter."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    at = {(r, c): ch for r, line in enumerate(lines) for c, ch in enumerate(line) if not ch.isspace()}
    letters = sorted(ch for ch in at.values() if ch.isalnum() and ch != "v")
    node = {ch: i for i, ch in enumerate(letters)}
    place = {ch: (50.0 * c, 100.0 * (len(lines) - 1 - r)) for (r, c), ch in at.items() if ch in node}
    streets = []
    for (r, c), ch in sorted(at.items()):
        if ch not in node:
            continue
        for dr, dc, signs in ((0, 1, "-><"), (1, 0, "|v^")):
            rr, cc, seen = r + dr, c + dc, ""
            while at.get((rr, cc), " ") in signs:
                seen += at[rr, cc]
                rr, cc = rr + dr, cc + dc
            end = at.get((rr, cc), " ")
            if seen and end in node:
                back = signs[2] in seen
                pair = (node[end], node[ch]) if back else (node[ch], node[end])
                streets.append(Street(*pair, one_way=back or signs[1] in seen))
    return network([place[ch] for ch in letters], streets), node


def arc_between(roads, tail, head):
    """Return the lowest arc from one node to another."""
    return int(np.flatnonzero((roads.arc_tail == tail) & (roads.arc_head == head))[0])


def random_network(seed, nodes=12, streets=24, size_m=2000.0):
    """Build a random network with one-ways, loops and parallel arcs; not always connected."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, size_m, (nodes, 2))
    made = []
    for _ in range(streets):
        a, b = (int(v) for v in rng.integers(0, nodes, 2))
        bends = [tuple(rng.uniform(0, size_m, 2)) for _ in range(int(rng.integers(0, 3)))]
        if a == b and not bends:
            bends = [tuple(xy[a] + 50.0), tuple(xy[a] + (50.0, -50.0))]
        made.append(Street(a, b, one_way=bool(rng.random() < 0.4), bends=bends))
    return network(xy, made)


def _first(node, n):
    first = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(node, minlength=n), out=first[1:])
    return first
