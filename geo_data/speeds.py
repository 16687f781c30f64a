"""How fast an arc is passed: free-flow speeds by class of street and mode, and the travel time that follows.

A speed that was measured or signed wins over the table. Lights and sirens earn no speed by themselves: the emergency
column differs from the normal one only where others may not drive, and a city that has measured its emergency speeds
brings them in ``arc_emergency_kmh``. No factor is fitted to any data.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import Mode, RoadClass
from geo_data.road_network import RoadNetwork

NEVER = 2**30
"""The travel time of an arc on which the mode is not allowed: no time at all, about twelve days if it were one."""

Profile = Literal["normal", "emergency", "foot"]

_R = RoadClass
FREE_FLOW_KMH: dict[RoadClass, tuple[float, float, float]] = {
    # class             normal, emergency, foot
    _R.MOTORWAY: (100, 100, 5),
    _R.MOTORWAY_LINK: (50, 50, 5),
    _R.TRUNK: (80, 80, 5),
    _R.TRUNK_LINK: (45, 45, 5),
    _R.PRIMARY: (60, 60, 5),
    _R.PRIMARY_LINK: (40, 40, 5),
    _R.SECONDARY: (50, 50, 5),
    _R.SECONDARY_LINK: (35, 35, 5),
    _R.TERTIARY: (45, 45, 5),
    _R.TERTIARY_LINK: (30, 30, 5),
    _R.UNCLASSIFIED: (40, 40, 5),
    _R.RESIDENTIAL: (30, 30, 5),
    _R.LIVING_STREET: (15, 15, 5),
    _R.SERVICE: (15, 15, 5),
    _R.TRACK: (15, 15, 5),
    _R.BUSWAY: (40, 40, 5),
    _R.PEDESTRIAN: (10, 15, 5),
    _R.FOOTWAY: (5, 10, 5),
    _R.STEPS: (2, 2, 2),
    _R.FERRY: (15, 15, 15),
    _R.OTHER: (30, 30, 5),
}
"""Free-flow speed in km/h by class: normal, emergency, foot. A mode's bit, not this table, says who may go."""

_COLUMN: dict[Profile, int] = {"normal": 0, "emergency": 1, "foot": 2}
_MODE: dict[Profile, Mode] = {"normal": Mode.NORMAL, "emergency": Mode.EMERGENCY, "foot": Mode.FOOT}


class SpeedError(ValueError):
    """A network holds a speed that nothing can drive; says which arc."""


def arc_kmh(network: RoadNetwork, profile: Profile = "normal") -> NDArray[np.float64]:
    """Return each arc's speed in km/h, float64 (m,), whether or not the profile's mode may go there.

    Signed and measured speeds are for vehicles; on foot only the table counts.

    Raises
    ------
    SpeedError
        When the class is unknown, or a given speed is not finite and above 0.
    """
    if profile not in _COLUMN:
        raise SpeedError(f"profile: {profile!r} is not taken; limit: one of {', '.join(_COLUMN)}")
    table = np.array([FREE_FLOW_KMH[kind][_COLUMN[profile]] for kind in RoadClass])
    if network.n_arcs and int(network.arc_class.max()) >= len(table):
        arc = int(network.arc_class.argmax())
        raise SpeedError(f"arc_class[{arc}]: {network.arc_class[arc]} is not taken; limit: {len(table) - 1}")
    speed = table[network.arc_class]
    if profile != "foot":
        given = ["arc_kmh", "arc_emergency_kmh"] if profile == "emergency" else ["arc_kmh"]
        for field in given:  # the later one wins: measured under lights and sirens
            known = np.asarray(getattr(network, field), np.float64)
            wrong = np.flatnonzero(~np.isnan(known) & ~((known > 0) & np.isfinite(known)))
            if len(wrong):
                raise SpeedError(f"{field}[{wrong[0]}]: {known[wrong[0]]} is not taken; limit: finite and above 0 km/h")
            speed = np.where(np.isnan(known), speed, known)
    return speed


def travel_ms(network: RoadNetwork, profile: Profile = "normal") -> NDArray[np.int32]:
    """Return each arc's free-flow travel time.

    Parameters
    ----------
    network
        The streets, ``m`` arcs.
    profile
        Who drives or walks.

    Returns
    -------
    int32 (m,)
        Milliseconds, at least 1 and below `NEVER`; `NEVER` where the profile's mode may not go.

    Raises
    ------
    SpeedError
        When a speed is not finite and above 0.
    """
    speed_mps = arc_kmh(network, profile) / 3.6
    ms = np.rint(np.asarray(network.arc_length_m, np.float64) / speed_mps * 1000.0)
    allowed = (network.arc_modes & _MODE[profile]) != 0
    return np.where(allowed, np.clip(ms, 1, NEVER - 1), NEVER).astype(np.int32)
