"""The smallest road network: one two-way street of 100 m. Compiled kernels are tried out on it when they are warmed."""

import numpy as np

from geo_data.raw_roads import ALL_MODES, RoadClass
from geo_data.road_network import RoadNetwork, pack_texts


def crossing() -> RoadNetwork:
    """Return a network of two nodes, two arcs and one name, at zero longitude and latitude."""
    name_first, name_bytes = pack_texts(["street"])
    lon = np.array([0.0, 0.0009])
    lat = np.zeros(2)
    return RoadNetwork(
        node_lon=lon,
        node_lat=lat,
        first_out=np.array([0, 1, 2], np.int32),
        arc_tail=np.array([0, 1], np.int32),
        arc_head=np.array([1, 0], np.int32),
        first_in=np.array([0, 1, 2], np.int32),
        in_arc=np.array([1, 0], np.int32),
        arc_reverse=np.array([1, 0], np.int32),
        arc_length_m=np.full(2, 100.0, np.float32),
        arc_class=np.full(2, RoadClass.RESIDENTIAL, np.uint8),
        arc_modes=np.full(2, int(ALL_MODES), np.uint8),
        arc_control=np.zeros(2, np.uint8),
        arc_kmh=np.full(2, np.nan, np.float32),
        arc_emergency_kmh=np.full(2, np.nan, np.float32),
        arc_name=np.zeros(2, np.int32),
        arc_geometry=np.zeros(2, np.int32),
        arc_drawn=np.array([True, False]),
        arc_source_id=np.zeros(2, np.int64),
        geometry_first=np.array([0, 2], np.int64),
        point_lon=np.rint(lon * 1e7).astype(np.int32),
        point_lat=np.zeros(2, np.int32),
        name_first=name_first,
        name_bytes=name_bytes,
        name_zh_first=name_first,
        name_zh_bytes=name_bytes,
        node_source_id=np.arange(2, dtype=np.int64),
    )
