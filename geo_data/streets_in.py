"""Which streets touch a polygon: what a closure of a place shuts.

An arc touches it when one of its points lies in it or on its border, or one of its pieces crosses it. Streets are
looked at by their boxes first, then by their points, and only those that are still undecided piece by piece.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geo_data.road_network import RoadNetwork

DEGREE = 1e7


class StreetsIn:
    """A network's streets, to be asked for those that touch a polygon."""

    def __init__(self, network: RoadNetwork) -> None:
        self._network = network
        first = network.geometry_first[:-1]
        lon, lat = np.asarray(network.point_lon), np.asarray(network.point_lat)
        self._west, self._east = np.minimum.reduceat(lon, first), np.maximum.reduceat(lon, first)
        self._south, self._north = np.minimum.reduceat(lat, first), np.maximum.reduceat(lat, first)

    def touching(self, ring: Sequence[tuple[float, float]]) -> NDArray[np.int32]:
        """Return the arcs that touch a polygon, int32 (c,), ascending.

        Parameters
        ----------
        ring
            The border: longitude and latitude in degrees, at least three corners, closed or not.

        Raises
        ------
        ValueError
            When the ring crosses itself or encloses nothing.
        """
        import shapely  # noqa: PLC0415 - heavy, and only wanted when a place is closed

        polygon = shapely.Polygon(ring)
        if not polygon.is_valid or polygon.area == 0:
            raise ValueError(f"ring: {shapely.is_valid_reason(polygon)}")
        shapely.prepare(polygon)
        west, south, east, north = (edge * DEGREE for edge in polygon.bounds)
        near = np.flatnonzero(
            (self._east >= west) & (self._west <= east) & (self._north >= south) & (self._south <= north)
        )
        network = self._network
        begin = network.geometry_first[near]
        counts = network.geometry_first[near + 1] - begin
        first = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.int64)
        rows = np.repeat(begin - first, counts) + np.arange(int(counts.sum()))
        lon, lat = network.point_lon[rows] / DEGREE, network.point_lat[rows] / DEGREE
        touches = np.zeros(len(near), np.bool_)
        if len(near):
            touches = np.logical_or.reduceat(shapely.intersects_xy(polygon, lon, lat), first)
        undecided = np.flatnonzero(~touches)
        if len(undecided):
            drawn = np.repeat(~touches, counts)
            street = np.repeat(np.arange(len(undecided)), counts[undecided])
            lines = shapely.linestrings(lon[drawn], lat[drawn], indices=street)
            touches[undecided] = shapely.intersects(polygon, lines)
        struck = np.zeros(len(self._west), np.bool_)
        struck[near[touches]] = True
        return np.flatnonzero(struck[network.arc_geometry]).astype(np.int32)
