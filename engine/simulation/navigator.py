"""A patrol's own map: the quickest way by road, from the same network that the engine decides on."""

from functools import lru_cache

from engine.core.city import City
from engine.simulation.drive import Way
from engine.travel import TravelTimes


class RoadNavigator:
    """Finds ways in a city; one thread at a time.

    Parameters
    ----------
    city
        Its roads and speeds.
    """

    def __init__(self, city: City) -> None:
        self._city = city
        self._times = TravelTimes(city.network, city.arc_ms, city.hierarchy)
        self._spot = lru_cache(maxsize=4096)(self._snap)

    def way(self, lon: float, lat: float, to_lon: float, to_lat: float) -> Way:
        """Return the quickest way between two places near roads.

        Raises
        ------
        geo_data.snapping.OffRoad
            When one of them is nowhere near a road.
        """
        route = self._times.route(*self._spot(lon, lat), *self._spot(to_lon, to_lat))
        return Way(route.points, route.ms)

    def _snap(self, lon: float, lat: float) -> tuple[int, float]:
        snap = self._city.snapper.snap(lon, lat, limit_m=self._city.policies.snap_limit_m)
        return snap.arc, snap.fraction
