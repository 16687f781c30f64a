"""The graphs of the travel benchmarks: cities, a made-up town, and mosaics of greater Porto for larger ones.

A mosaic is copies of one network side by side, each joined to its neighbours by a few links between the nodes next to
the common border, as towns are by a few roads. So it has the same spread of degrees, and nearly the same search space
as its tile: `likeness` says how nearly.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Report, Row, data_folder, kept_network, say
from engine.travel import Hierarchy
from geo_data.building import build_network
from geo_data.raw_roads import ALL_MODES, DRIVE, RawRoads, RoadClass
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree
from geo_data.town import make_town

LINKS = 2
"""Links to each neighbour of a tile."""
GAP_DEG = 0.002
LINK_KMH = 60.0
SAMPLE = 1_000
TOWN_NODES = {False: 300_000, True: 20_000}
"""By ``--quick``."""


def networks(
    quick: bool, seed: int, report: Report, *, without: tuple[str, ...] = ()
) -> Iterator[tuple[str, RoadNetwork]]:
    """Yield the networks that there is data for; the others are reported absent, but for those not asked for."""
    nodes = TOWN_NODES[quick]
    sources: dict[str, Callable[[], RoadNetwork]] = {
        "edmonton": lambda: build_network(_jemss(data_folder() / "edmonton")),
        "porto": lambda: build_network(_osm(data_folder() / "osm" / "porto.osm.pbf")),
        f"town_{nodes // 1000}k": lambda: make_town(nodes, seed).network(),
    }
    for name, build in sources.items():
        if name in without:
            continue
        if quick and name == "porto":
            report.absent[name] = "left out by --quick"
            continue
        try:
            yield name, kept_network(f"{name}_{seed}" if name.startswith("town") else name, build)
        except FileNotFoundError as error:
            report.absent[name] = str(error)
            say(f"{name}: absent: {error}")


def _jemss(folder: Path) -> RawRoads:
    from geo_data.sources.jemss import read_jemss  # noqa: PLC0415

    _require(folder)
    return read_jemss(folder)


def _osm(path: Path, *, every_node: bool = False) -> RawRoads:
    from geo_data.sources.osm import read_osm  # noqa: PLC0415

    _require(path)
    return read_osm(path, every_node=every_node)


def _require(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path.name}: no such file in ALLPOINTS_DATA")


def porto(*, merged: bool) -> RoadNetwork:
    """Return greater Porto's streets for driving; merged, a chain of streets of one class and speed is one street.

    Raises
    ------
    FileNotFoundError
        When there is no data.
    """
    raw = _osm(data_folder() / "osm" / "porto.osm.pbf", every_node=not merged)
    raw.forward_modes &= int(DRIVE)
    raw.backward_modes &= int(DRIVE)
    raw.name[:] = -1  # a street's name and number are no reason to keep a node in a benchmark
    raw.source_id[:] = 0
    return build_network(raw, merge_chains=merged)


def graph(label: str) -> RoadNetwork:
    """Return a graph by its label in `GRAPHS`, from the cache or built.

    Raises
    ------
    FileNotFoundError
        When there is no data.
    """
    return kept_network(f"graph_{label}", GRAPHS[label])


GRAPHS: Mapping[str, Callable[[], RoadNetwork]] = {
    "50k": lambda: porto(merged=True),
    "260k": lambda: porto(merged=False),
    "470k": lambda: mosaic(graph("50k"), 4, 2),
    "1300k": lambda: mosaic(graph("50k"), 5, 4),
}


def mosaic(tile: RoadNetwork, columns: int, rows: int) -> RoadNetwork:
    """Return ``columns`` times ``rows`` copies of a network, joined."""
    west, south, east, north = tile.bounds()
    width, height = east - west + GAP_DEG, north - south + GAP_DEG
    streets = len(tile.geometry_first) - 1
    links = _links(tile, columns, rows, width, height)
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    one = _streets(tile)
    shift = np.repeat(np.arange(len(cells)) * tile.n_nodes, streets)
    node_lon = np.concatenate([tile.node_lon + column * width for _, column in cells])
    node_lat = np.concatenate([tile.node_lat + row * height for row, _ in cells])
    point_lon = np.concatenate([tile.point_lon / 1e7 + column * width for _, column in cells])
    point_lat = np.concatenate([tile.point_lat / 1e7 + row * height for row, _ in cells])
    sizes = np.concatenate((np.tile(np.diff(tile.geometry_first), len(cells)), np.full(len(links), 2)))
    edges = streets * len(cells) + len(links)
    nothing = np.full(edges, np.nan, np.float32)

    def each(name: str, link: float) -> NDArray[np.generic]:
        return np.concatenate((np.tile(one[name], len(cells)), np.full(len(links), link, one[name].dtype)))

    raw = RawRoads(
        source=f"{columns} x {rows} mosaic of {tile.meta['source']}",
        licence=tile.meta["licence"],
        attribution=tile.meta["attribution"],
        node_lon=node_lon,
        node_lat=node_lat,
        tail=np.concatenate((np.tile(one["tail"], len(cells)) + shift, links[:, 0])).astype(np.int32),
        head=np.concatenate((np.tile(one["head"], len(cells)) + shift, links[:, 1])).astype(np.int32),
        forward_modes=each("forward_modes", int(ALL_MODES)).astype(np.uint8),
        backward_modes=each("backward_modes", int(ALL_MODES)).astype(np.uint8),
        road_class=each("road_class", int(RoadClass.PRIMARY)).astype(np.uint8),
        forward_kmh=each("forward_kmh", LINK_KMH).astype(np.float32),
        backward_kmh=each("backward_kmh", LINK_KMH).astype(np.float32),
        forward_emergency_kmh=nothing,
        backward_emergency_kmh=nothing.copy(),
        length_m=each("length_m", np.nan).astype(np.float32),
        name=np.full(edges, -1, np.int32),
        names=[],
        names_zh=[],
        point_first=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        point_lon=np.concatenate((point_lon, node_lon[links].ravel())),
        point_lat=np.concatenate((point_lat, node_lat[links].ravel())),
        source_id=np.zeros(edges, np.int64),
        node_source_id=np.arange(len(node_lon), dtype=np.int64),
        no_merge=np.zeros(len(node_lon), np.bool_),
    )
    return build_network(raw, merge_chains=False)


def _streets(tile: RoadNetwork) -> dict[str, NDArray[np.generic]]:
    """Return a network's streets as a source would give them, one by geometry, in the direction they were drawn."""
    streets = len(tile.geometry_first) - 1
    arcs = np.arange(tile.n_arcs)
    along, against = np.full(streets, -1), np.full(streets, -1)
    along[tile.arc_geometry[tile.arc_drawn]] = arcs[tile.arc_drawn]
    against[tile.arc_geometry[~tile.arc_drawn]] = arcs[~tile.arc_drawn]
    some = np.where(along >= 0, along, against)
    return {
        "tail": np.where(along >= 0, tile.arc_tail[along], tile.arc_head[against]),
        "head": np.where(along >= 0, tile.arc_head[along], tile.arc_tail[against]),
        "forward_modes": np.where(along >= 0, tile.arc_modes[along], 0),
        "backward_modes": np.where(against >= 0, tile.arc_modes[against], 0),
        "road_class": tile.arc_class[some],
        "forward_kmh": np.where(along >= 0, tile.arc_kmh[along], np.float32(np.nan)),
        "backward_kmh": np.where(against >= 0, tile.arc_kmh[against], np.float32(np.nan)),
        "length_m": tile.arc_length_m[some],
    }


def _links(tile: RoadNetwork, columns: int, rows: int, width: float, height: float) -> NDArray[np.int64]:
    """Return the links between neighbours, (l, 2) nodes of the mosaic."""
    west, south, _, _ = tile.bounds()
    per_lon, per_lat = metres_per_degree(float(tile.node_lat.mean()))
    x, y = (tile.node_lon - west) * per_lon, (tile.node_lat - south) * per_lat
    across, up = width * per_lon, height * per_lat

    def nearest(to_x: float, to_y: float) -> int:
        return int(np.argmin(np.hypot(x - to_x, y - to_y)))

    found = []
    for row in range(rows):
        for column in range(columns):
            base = (row * columns + column) * tile.n_nodes
            for i in range(LINKS):
                share = (i + 0.5) / LINKS
                if column + 1 < columns:
                    ends = nearest(across, share * up), nearest(0.0, share * up)
                    found.append((base + ends[0], base + tile.n_nodes + ends[1]))
                if row + 1 < rows:
                    ends = nearest(share * across, up), nearest(share * across, 0.0)
                    found.append((base + ends[0], base + columns * tile.n_nodes + ends[1]))
    return np.array(found, np.int64).reshape(-1, 2)


def likeness(network: RoadNetwork, hierarchy: Hierarchy, seed: int) -> Row:
    """Return what a graph has in common with another: shares of nodes by degree, of chain nodes, the search space.

    A chain node has two neighbours. The search space is what one climb looks at, from nodes at random.
    """
    degree = np.diff(network.first_out)
    low, high = np.minimum(network.arc_tail, network.arc_head), np.maximum(network.arc_tail, network.arc_head)
    pairs = np.unique(low[low != high].astype(np.int64) * network.n_nodes + high[low != high])
    neighbours = np.bincount(pairs // network.n_nodes, minlength=network.n_nodes)
    neighbours += np.bincount(pairs % network.n_nodes, minlength=network.n_nodes)
    sample = np.random.default_rng(seed).integers(0, network.n_nodes, SAMPLE).astype(np.int32)
    ranks, slots = hierarchy.search_space(sample)
    return {
        "nodes": network.n_nodes,
        "arcs": network.n_arcs,
        **{f"degree_{d}": round(float(np.mean(degree == d)), 4) for d in (1, 2, 3, 4)},
        "degree_5_up": round(float(np.mean(degree >= 5)), 4),
        "chain_nodes": round(float(np.mean(neighbours == 2)), 4),
        "climb_nodes": round(ranks, 1),
        "climb_slots": round(slots, 1),
    }
