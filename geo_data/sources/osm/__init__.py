"""OpenStreetMap files in: ``.osm.pbf``, ``.osm``, ``.osm.gz``, ``.osm.bz2``.

Read as a stream, twice: first the ways that are streets and the turn restrictions, then the nodes that those ways use.
Only streets are held, in flat arrays, so a small country needs hundreds of megabytes, not gigabytes. What tags mean
stands in `geo_data.sources.osm.tags`, barriers in `barriers`, signals in
`junctions`; how ways become edges in `edges`. What is no street is read in `places`.
"""

import os
from pathlib import Path

import numpy as np

from geo_data.distinct import distinct
from geo_data.progress import Progress, silent
from geo_data.raw_roads import ALL_MODES, NodeKind, RawRoads
from geo_data.sources.osm.barriers import barrier_passes
from geo_data.sources.osm.edges import NodeTable, roads_of
from geo_data.sources.osm.files import SUFFIXES, OsmFileError, objects, osm_file, told
from geo_data.sources.osm.junctions import KEYS, node_facing, node_kind
from geo_data.sources.osm.places import read_police
from geo_data.sources.osm.ways import WayTable

__all__ = ["ATTRIBUTION", "LICENCE", "SUFFIXES", "OsmFileError", "read_osm", "read_police"]

ATTRIBUTION = "© OpenStreetMap contributors"
LICENCE = "ODbL-1.0"
_REPORT_EVERY = 1 << 14
_PORTION = 1 << 16
_NOWHERE = np.iinfo(np.int32).max


def read_osm(path: str | os.PathLike[str], progress: Progress | None = None, *, every_node: bool = True) -> RawRoads:
    """Read the streets of an OSM file.

    Parameters
    ----------
    path
        A file whose name ends in one of `SUFFIXES`.
    progress
        Told each step and the share of the step that is done (0 while the whole is not known).
    every_node
        Whether every drawn node becomes a node of the network; otherwise only those where streets meet or end do,
        which gives the same network once chains are merged (but for bends within 3 m of a barrier), for a fraction of
        the memory.

    Raises
    ------
    OsmFileError
        When the file is missing, broken, truncated, of another format, or holds no street.
    """
    file, tell = osm_file(path), progress or silent
    ways = _read_ways(file, tell)
    if ways.count == 0:
        raise OsmFileError(file, "holds no street (no way with a highway tag that is in use)")
    nodes = _read_nodes(file, ways, tell)
    if not nodes.found.any():
        raise OsmFileError(file, "holds no node of its streets")
    tell("cut into streets", 0.0)
    roads = roads_of(ways, nodes, every_node=every_node)
    if roads is None:
        raise OsmFileError(file, "holds no street with two nodes")
    roads.source = f"OpenStreetMap, {file.name}"
    roads.licence, roads.attribution = LICENCE, ATTRIBUTION
    return roads


def _read_ways(file: Path, tell: Progress) -> WayTable:
    import osmium  # noqa: PLC0415

    ways = WayTable()
    tell("read ways", 0.0)
    kinds = osmium.osm.WAY | osmium.osm.RELATION
    for number, found in enumerate(objects(file, kinds, "highway", "route", "type")):
        if found.is_way():
            ways.add_way(found.id, dict(found.tags), [node.ref for node in found.nodes])
        elif found.tags.get("type") == "restriction":
            members = [(member.type, member.ref, member.role) for member in found.members]
            ways.add_restriction(dict(found.tags), members)
        if number % _REPORT_EVERY == 0:
            tell("read ways", 0.0)
    return ways


def _read_nodes(file: Path, ways: WayTable, tell: Progress) -> NodeTable:
    """Look up where the ways' nodes are, and what stands on them.

    All locations of the file pass through osmium's own table (16 bytes a node). It is searched by bisection and so
    misses nodes that are not in the order of their ids, and it knows no negative ids (of unsaved edits): those few
    files, and those that lack nodes, are gone through once more, node by node.
    """
    import osmium  # noqa: PLC0415

    tell("read nodes", 0.0)
    wanted = distinct(ways.refs_array())
    barriers: dict[int, int] = {}
    kinds: dict[int, tuple[int, int]] = {}
    with told(file):
        nodes = osmium.FileProcessor(str(file), osmium.osm.NODE).with_locations("sparse_mem_array")
        for node in nodes.with_filter(osmium.filter.KeyFilter("barrier", *KEYS)):
            tags = dict(node.tags)
            passes, kind = barrier_passes(tags), node_kind(tags)
            if passes != ALL_MODES:
                barriers[node.id] = passes
            if kind != NodeKind.NONE:
                kinds[node.id] = int(kind), int(node_facing(tags))
    table = nodes.node_location_storage
    assert table is not None
    east, north = np.full(len(wanted), _NOWHERE, np.int32), np.full(len(wanted), _NOWHERE, np.int32)
    missing: set[int] = set()
    for begin in range(0, len(wanted), _PORTION):
        tell("read nodes", begin / len(wanted))
        for place, node_id in enumerate(wanted[begin : begin + _PORTION].tolist(), begin):
            try:
                location = table.get(node_id)
            except (KeyError, TypeError):
                missing.add(node_id)
            else:
                east[place], north[place] = location.x, location.y
    if missing:
        for node in objects(file, osmium.osm.NODE):
            if node.id in missing:
                place = int(np.searchsorted(wanted, node.id))
                east[place], north[place] = node.location.x, node.location.y
    return NodeTable.of(wanted, east, north, barriers, kinds)
