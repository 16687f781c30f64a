"""Our network, our milliseconds and our units as the peers take them, and the same streets as an OSM file.

In the file every street is a way with two nodes and its milliseconds in the tag ``ms``, so it is drawn as a straight
line, and a place at a fraction of an arc lies at that fraction of the line. Peers that snap coordinates would take
another street where lines cross: `clear` says where no other is near.
"""

import hashlib
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import CACHE, say
from benchmarks.peers.course import Places, Roads
from engine.travel import NEVER
from geo_data.raw_roads import RoadClass
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree

CLEAR_M = 1.0
"""So far from every other street a place lies that peers may snap."""
GRAIN_M = 0.25
"""How far a place moves along its street at most when it and the street's nodes are rounded to 1e-6 degrees."""
HIGHWAYS = {RoadClass.BUSWAY: "service", RoadClass.FERRY: "unclassified", RoadClass.OTHER: "unclassified"}
MOST_KMH = 250


def kept_arcs(network: RoadNetwork, ms: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the arcs that may be passed, without loops, the quickest of those that join the same nodes."""
    arcs = np.flatnonzero((ms < NEVER) & (network.arc_tail != network.arc_head))
    arcs = arcs[np.lexsort((ms[arcs], network.arc_head[arcs], network.arc_tail[arcs]))]
    tail, head = network.arc_tail[arcs], network.arc_head[arcs]
    return arcs[np.concatenate(([True], (np.diff(tail) != 0) | (np.diff(head) != 0)))]


def roads_of(network: RoadNetwork, ms: NDArray[np.int32], osm: str = "") -> Roads:
    """Return the streets as peers take them."""
    arcs = kept_arcs(network, ms)
    return Roads(
        tail=np.array(network.arc_tail[arcs], np.int32),
        head=np.array(network.arc_head[arcs], np.int32),
        ms=ms[arcs],
        lon=np.array(network.node_lon),
        lat=np.array(network.node_lat),
        osm=osm,
    )


def places_of(
    network: RoadNetwork, ms: NDArray[np.int32], arcs: NDArray[np.int32], fractions: NDArray[np.float64]
) -> Places:
    """Return places with both their arcs, rounded to milliseconds as our travel times round them."""
    back = network.arc_reverse[arcs]
    both = np.column_stack((arcs, back)).astype(np.int32)
    both[(both < 0) | (ms[both] >= NEVER)] = -1
    known = both >= 0
    spent = np.where(known, ms[both], 0).astype(np.int64)
    behind = np.floor(np.column_stack((fractions, 1.0 - fractions)) * spent + 0.5).astype(np.int64)
    tail, head = network.arc_tail[arcs], network.arc_head[arcs]
    return Places(
        arc=both,
        tail=np.where(known, network.arc_tail[both], 0).astype(np.int32),
        head=np.where(known, network.arc_head[both], 0).astype(np.int32),
        behind=behind,
        after=spent - behind,
        lon=network.node_lon[tail] + fractions * (network.node_lon[head] - network.node_lon[tail]),
        lat=network.node_lat[tail] + fractions * (network.node_lat[head] - network.node_lat[tail]),
    )


def rounded_ms(network: RoadNetwork, ms: NDArray[np.int32], places: Places) -> NDArray[np.float64]:
    """Return by how much a place's time may be off for a peer that rounds coordinates, float64 (p,) in ms."""
    arc = places.arc.max(axis=1)
    metres = _chord_m(network, network.arc_tail[arc], network.arc_head[arc])
    share: NDArray[np.float64] = np.minimum(1.0, GRAIN_M / np.maximum(metres, GRAIN_M))
    off: NDArray[np.float64] = ms[arc] * share + 1.0
    return off


def clear(network: RoadNetwork, ms: NDArray[np.int32], places: Places) -> NDArray[np.bool_]:
    """Tell which places have their own street in the OSM file near them and no other.

    Where a one-way street leads back between the same nodes, both are drawn as one line: no place on either is clear.
    """
    import shapely  # noqa: PLC0415

    per = np.array(metres_per_degree(float(network.node_lat.mean())))
    street, arcs = _streets(network, ms)
    ends = np.stack(
        [np.column_stack((network.node_lon[at], network.node_lat[at])) * per for at in _ends(network, arcs)]
    )
    tree = shapely.STRtree(shapely.linestrings(ends.transpose(1, 0, 2)))
    points = shapely.points(np.column_stack((places.lon, places.lat)) * per)
    near, lines = tree.query(points, predicate="dwithin", distance=CLEAR_M)
    own = street[np.where(places.arc >= 0, places.arc, places.arc.max(axis=1, keepdims=True))]
    others = np.bincount(near, (street[arcs[lines]] != own[near, 0]).astype(float), len(places))
    pairs, drawn = np.unique(street[street >= 0], return_counts=True)
    ways = drawn[np.minimum(np.searchsorted(pairs, own[:, 0]), len(pairs) - 1)] == (places.arc >= 0).sum(axis=1)
    alone: NDArray[np.bool_] = (others == 0) & (own[:, 0] >= 0) & (own[:, 0] == own[:, 1]) & ways
    return alone


def _ends(network: RoadNetwork, arcs: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return network.arc_tail[arcs], network.arc_head[arcs]


def _streets(network: RoadNetwork, ms: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each arc's pair of nodes as a number, int64 (m,), -1 for an arc not kept, and one kept arc by pair."""
    kept = kept_arcs(network, ms)
    tail, head = _ends(network, kept)
    pair = np.minimum(tail, head).astype(np.int64) * network.n_nodes + np.maximum(tail, head)
    street = np.full(network.n_arcs, -1)
    street[kept] = pair
    _, first = np.unique(pair, return_index=True)
    return street, kept[first]


def _chord_m(network: RoadNetwork, tail: NDArray[np.int32], head: NDArray[np.int32]) -> NDArray[np.float64]:
    per_lon, per_lat = metres_per_degree(float(network.node_lat.mean()))
    east = (network.node_lon[head] - network.node_lon[tail]) * per_lon
    north = (network.node_lat[head] - network.node_lat[tail]) * per_lat
    return np.hypot(east, north)


def kept_osm(name: str, network: RoadNetwork, ms: NDArray[np.int32]) -> str:
    """Return the path of the streets as an OSM file, from the cache or written."""
    digest = hashlib.sha256(Path(__file__).read_bytes() + network.checksum.encode() + ms.tobytes()).hexdigest()[:12]
    path = CACHE / f"{name}-{digest}.osm.pbf"
    if not path.exists():
        say(f"writing {path.name} …")
        CACHE.mkdir(exist_ok=True)
        part = path.with_name(f"part-{path.name}")
        write_osm(network, ms, part)
        part.rename(path)
        for old in CACHE.glob(f"{name}-*"):  # and what peers made of it
            if not old.name.startswith(path.name.partition(".")[0]):
                shutil.rmtree(old) if old.is_dir() else old.unlink()
    return str(path)


def write_osm(network: RoadNetwork, ms: NDArray[np.int32], path: Path) -> None:
    """Write the streets that may be passed: one way where both directions take as long, else one for each."""
    import osmium  # noqa: PLC0415
    from osmium.osm import mutable  # noqa: PLC0415

    arcs = kept_arcs(network, ms)
    tail, head = _ends(network, arcs)
    at = {(a, b): i for i, (a, b) in enumerate(zip(tail.tolist(), head.tolist(), strict=True))}
    spent = ms[arcs].tolist()
    kinds = network.arc_class[arcs].tolist()
    kmh = np.clip(np.rint(_chord_m(network, tail, head) / ms[arcs] * 3600.0), 1, MOST_KMH).astype(int).tolist()
    path.unlink(missing_ok=True)
    writer = osmium.SimpleWriter(str(path))
    try:
        for node, (lon, lat) in enumerate(zip(network.node_lon.tolist(), network.node_lat.tolist(), strict=True)):
            writer.add_node(mutable.Node(id=node + 1, version=1, location=(lon, lat)))
        for (a, b), i in at.items():
            other = at.get((b, a))
            both = other is not None and spent[other] == spent[i]
            if both and a > b:
                continue
            kind = RoadClass(kinds[i])
            tags = {
                "highway": HIGHWAYS.get(kind, kind.name.lower()),
                "ms": str(spent[i]),
                "maxspeed": str(kmh[i]),
                "motor_vehicle": "yes",
                **({} if both else {"oneway": "yes"}),
            }
            writer.add_way(mutable.Way(id=i + 1, version=1, nodes=[a + 1, b + 1], tags=tags))
    finally:
        writer.close()
