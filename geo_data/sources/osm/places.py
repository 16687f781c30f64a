"""Places of an OSM file that are no streets: police stations, drawn as a point or as a building."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from geo_data.places import Place
from geo_data.sources.osm.files import objects, osm_file, told
from geo_data.sources.osm.tags import read_names

_NAMES = ("name", "name:zh", "name:zh-Hans")


def read_police(path: str | os.PathLike[str]) -> list[Place]:
    """Return the police stations of an OSM file: points first, then buildings and grounds, each in the file's order.

    What is drawn as a closed line stands at the middle of its box, unless a point stands in the box: then both are one
    station, there. A name may be empty; the Chinese one is ``name:zh``, or a name in Chinese characters. Relations are
    not read.

    Raises
    ------
    OsmFileError
        When the file is missing, broken, truncated or of another format.
    """
    import osmium  # noqa: PLC0415 - heavy, and only wanted by those who read OSM

    file = osm_file(path)
    found: list[Place] = []
    outlines: list[tuple[int, dict[str, str], list[int]]] = []
    for one in objects(file, osmium.osm.NODE | osmium.osm.WAY, "amenity"):
        if "police" not in one.tags["amenity"].split(";"):
            continue
        if one.is_way():
            outlines.append((one.id, dict(one.tags), [node.ref for node in one.nodes]))
        elif one.location.valid():
            found.append(_place(f"n{one.id}", dict(one.tags), one.location.lon, one.location.lat))
    points = len(found)
    at = _locations(file, {ref for _, _, refs in outlines for ref in refs})
    for number, tags, refs in outlines:
        corners = [at[ref] for ref in refs if ref in at]
        if not corners:
            continue
        (west, south), (east, north) = np.min(corners, axis=0).tolist(), np.max(corners, axis=0).tolist()
        drawn = _place(f"w{number}", tags, (west + east) / 2, (south + north) / 2)
        for row, point in enumerate(found[:points]):
            if west <= point.lon <= east and south <= point.lat <= north:
                name, name_zh = (point.name, point.name_zh) if point.name else (drawn.name, drawn.name_zh)
                found[row] = replace(point, name=name, name_zh=name_zh)
                break
        else:
            found.append(drawn)
    return found


def _locations(file: Path, wanted: set[int]) -> dict[int, tuple[float, float]]:
    """Return longitude and latitude of some nodes; those that the file lacks are left out."""
    import osmium  # noqa: PLC0415

    if not wanted:
        return {}
    with told(file):
        nodes: Any = osmium.FileProcessor(str(file), osmium.osm.NODE).with_filter(osmium.filter.IdFilter(wanted))
        return {node.id: (node.location.lon, node.location.lat) for node in nodes if node.location.valid()}


def _place(number: str, tags: dict[str, str], lon: float, lat: float) -> Place:
    name, name_zh = read_names({key: tags[key] for key in _NAMES if key in tags})
    return Place(id=number, name=name, lon=lon, lat=lat, name_zh=name_zh)
