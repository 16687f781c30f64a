"""A drive along a way: where the vehicle is at each instant between setting off and arriving."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo_data.lengths import DEGREE_M


@dataclass(frozen=True)
class Way:
    """A course along streets.

    Attributes
    ----------
    points
        float64 (p, 2), longitude and latitude in degrees, from start to end; at least one point.
    travel_ms
        How long it takes.
    """

    points: NDArray[np.float64]
    travel_ms: int


def distance_m(here: ArrayLike, there: ArrayLike) -> NDArray[np.float64]:
    """Return distances in metres between points, or rows of points, that lie near each other: on a flat map."""
    step = np.asarray(there, np.float64) - np.asarray(here, np.float64)
    across = step[..., 0] * np.cos(np.radians(np.asarray(here, np.float64)[..., 1]))
    return np.asarray(np.hypot(across, step[..., 1]) * DEGREE_M)


class Navigator(Protocol):
    """Knows the way."""

    def way(self, lon: float, lat: float, to_lon: float, to_lat: float) -> Way:
        """Return the quickest way between two places, by road."""
        ...


class Drive:
    """A vehicle on a way, at one speed all along.

    Parameters
    ----------
    way
        The course and how long it takes.
    begins_at
        When it sets off, ms since the epoch.
    """

    def __init__(self, way: Way, begins_at: int) -> None:
        if not len(way.points):
            raise ValueError("points: 0 points are not taken; limit: at least 1")
        self.begins_at = begins_at
        self.ends_at = begins_at + max(0, way.travel_ms)
        self._points = way.points
        steps_m = distance_m(way.points[:-1], way.points[1:])
        self._along_m = np.concatenate(([0.0], np.cumsum(steps_m)))

    @property
    def length_m(self) -> float:
        """How long the way is, in metres."""
        return float(self._along_m[-1])

    def position(self, at: int) -> tuple[float, float]:
        """Return longitude and latitude at an instant: the start before it begins, the end once it is over."""
        if at >= self.ends_at:
            lon, lat = self._points[-1]
            return float(lon), float(lat)
        share = max(0.0, (at - self.begins_at) / (self.ends_at - self.begins_at))
        along_m = share * self.length_m
        return (
            float(np.interp(along_m, self._along_m, self._points[:, 0])),
            float(np.interp(along_m, self._along_m, self._points[:, 1])),
        )
