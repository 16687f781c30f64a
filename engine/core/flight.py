"""How fast a subject may be on the roads, by how they move: networks and speeds of flight, made when asked for."""

import numpy as np

from engine.containment.suspect import fastest_ms
from engine.core.city import City
from engine.model.lookouts import Mode
from engine.travel import TravelTimes
from geo_data.raw_roads import Mode as RoadMode
from geo_data.speeds import NEVER

FASTER, AT_LEAST_MPS = 2.0, 30.0
"""For a sighting to be believed a car may be so much faster than anybody, and anywhere as fast as this."""
RUN_MPS = 8.0
PATH_MPS = 15.0
"""On foot; and on two wheels where no car may go."""


class Flight:
    """The subject's own travel times over a city's roads; they know no closures, which stop nobody who flees."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._times: dict[Mode, TravelTimes] = {}

    def times(self, mode: Mode) -> TravelTimes:
        """Return the fastest that can be believed of a mode, by search alone."""
        found = self._times.get(mode)
        if found is None:
            found = self._times[mode] = TravelTimes(self._city.network, self._arc_ms(mode))
        return found

    def _arc_ms(self, mode: Mode) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
        network = self._city.network
        walked = (np.asarray(network.arc_modes) & int(RoadMode.FOOT)) != 0
        speed_mps = RUN_MPS if mode == "foot" else PATH_MPS
        on_foot = np.clip(np.asarray(network.arc_length_m, np.float64) / speed_mps * 1000, 1, NEVER - 1)
        by_path = np.where(walked, on_foot, NEVER).astype(np.int32)
        by_path[np.asarray(network.is_turn)] = 1
        if mode == "foot":
            return by_path
        driven = fastest_ms(network, self._city.speeds, FASTER)
        reckless = np.ceil(np.asarray(network.arc_length_m, np.float64) / AT_LEAST_MPS * 1000)
        driven = np.where(driven < NEVER, np.minimum(driven, np.maximum(reckless, 1)), NEVER).astype(np.int32)
        return np.minimum(driven, by_path) if mode == "two_wheels" else driven
