"""Street centrelines as San Francisco publishes them: a table of nodes and one of edges with class and line.

The data knows no one-way streets and no speeds: all streets, freeways included, are read as two-way, and speeds come
from the class. Private streets are kept for emergencies and walkers, pedestrian streets and stairways for walkers.
"""

import os
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import ALL_MODES, DRIVE, Mode, RawRoads, RoadClass
from geo_data.sources.courses import pinned, read_lines
from geo_data.sources.nodes import NodeRows
from geo_data.sources.tables import Table, read_table

CLASSES: Final = {
    0: RoadClass.OTHER,
    1: RoadClass.MOTORWAY,
    2: RoadClass.PRIMARY,
    3: RoadClass.SECONDARY,
    4: RoadClass.TERTIARY,
    5: RoadClass.RESIDENTIAL,
    6: RoadClass.MOTORWAY_LINK,
}
"""By ``classcode``: other, freeway, highway, arterial, collector, residential, ramp."""
_EDGE_COLUMNS: Final = ("cnn", "f_node_cnn", "t_node_cnn", "length_m", "classcode", "layer", "streetname", "wkt")


def read_centrelines(nodes_csv: str | os.PathLike[str], edges_csv: str | os.PathLike[str]) -> RawRoads:
    """Read a city's centrelines.

    Parameters
    ----------
    nodes_csv
        Columns ``cnn, lon, lat``.
    edges_csv
        Columns ``cnn, f_node_cnn, t_node_cnn, length_m, classcode, layer, streetname, wkt``.

    Raises
    ------
    geo_data.sources.tables.TableError
        When a table cannot be taken; names file, line, column, value and limit.
    """
    nodes = NodeRows(read_table(nodes_csv, ("cnn", "lon", "lat")), "cnn", "lon", "lat")
    edges = read_table(edges_csv, _EDGE_COLUMNS)
    tail, head = nodes.rows(edges, "f_node_cnn"), nodes.rows(edges, "t_node_cnn")
    counts: dict[str, int] = {}
    lines = read_lines(edges, "wkt")
    first, lon, lat = pinned(edges, "wkt", lines, nodes.at[tail], nodes.at[head], counts)
    road_class, modes = _classes(edges)
    numbers: dict[str, int] = {}
    name = [numbers.setdefault(text, len(numbers)) if text else -1 for text in edges.texts("streetname")]
    nan = np.full(len(edges), np.nan, np.float32)
    return RawRoads(
        source="street centrelines",
        licence="PDDL-1.0",
        attribution="City and County of San Francisco, DataSF",
        node_lon=nodes.at[:, 0].copy(),
        node_lat=nodes.at[:, 1].copy(),
        tail=tail,
        head=head,
        forward_modes=modes,
        backward_modes=modes.copy(),
        road_class=road_class,
        forward_kmh=nan,
        backward_kmh=nan.copy(),
        forward_emergency_kmh=nan.copy(),
        backward_emergency_kmh=nan.copy(),
        length_m=edges.numbers("length_m", 0, 1e6).astype(np.float32),
        name=np.array(name, np.int32),
        names=list(numbers),
        names_zh=["" for _ in numbers],
        point_first=first,
        point_lon=lon,
        point_lat=lat,
        source_id=edges.wholes("cnn"),
        node_source_id=nodes.id,
        no_merge=np.zeros(len(nodes.id), bool),
        dropped=counts,
    )


def _classes(edges: Table) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return class and modes of each edge."""
    codes = edges.wholes("classcode")
    unknown = ~np.isin(codes, list(CLASSES))
    if unknown.any():
        raise edges.refuse(int(np.argmax(unknown)), "classcode", f"one of {', '.join(map(str, CLASSES))}")
    road_class = np.array([CLASSES[int(code)] for code in codes], np.uint8)
    layer = np.array([text.lower() for text in edges.texts("layer")])
    modes = np.full(len(edges), int(ALL_MODES), np.uint8)
    modes[(road_class == RoadClass.MOTORWAY) | (road_class == RoadClass.MOTORWAY_LINK)] = DRIVE
    private = layer == "private"
    road_class[private] = RoadClass.SERVICE
    modes[private] = Mode.EMERGENCY | Mode.FOOT
    walked = np.char.startswith(layer, "streets_pedestri")
    road_class[walked] = RoadClass.FOOTWAY
    modes[walked] = Mode.FOOT
    return road_class, modes
