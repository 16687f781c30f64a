"""How fast an arc is passed: the speed by class of street and mode, and the travel time that follows.

A speed that was measured or signed wins over the city's table (`geo_data.speed_table`); a factor by hour of the week
stands on whichever holds. What drivers wait at a junction is a part of the arc that leads there, and lies evenly along
it: who begins or ends on the arc pays a share. A turn at a junction that was taken apart costs the profile normal what
the table says, everybody else nothing, and at least 1 ms as every arc does. Lights and sirens earn no speed by
themselves: the emergency column differs from the normal one only where others may not drive, and a city that has
measured its emergency speeds brings them in ``arc_emergency_kmh``. No factor is fitted to any data.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import STREETS, Mode, NodeKind, RoadClass
from geo_data.road_network import RoadNetwork
from geo_data.speed_table import FREE_FLOW_KMH, HOURS, PROFILES, Profile, SpeedTable

__all__ = ["FREE_FLOW_KMH", "NEVER", "Profile", "SpeedError", "arc_kmh", "travel_ms"]

NEVER = 2**30
"""The travel time of an arc on which the mode is not allowed: no time at all, about twelve days if it were one."""

_MODE: dict[Profile, Mode] = {"normal": Mode.NORMAL, "emergency": Mode.EMERGENCY, "foot": Mode.FOOT}
_SHIPPED = SpeedTable.shipped()


class SpeedError(ValueError):
    """A network holds a speed that nothing can drive; says which arc."""


def arc_kmh(network: RoadNetwork, profile: Profile = "normal", table: SpeedTable = _SHIPPED) -> NDArray[np.float64]:
    """Return each arc's free-flow speed in km/h, float64 (m,), whether or not the profile's mode may go there.

    Signed and measured speeds are for vehicles; on foot only the table counts.

    Raises
    ------
    SpeedError
        When the class is unknown, or a given speed is not finite and above 0.
    """
    if profile not in PROFILES:
        raise SpeedError(f"profile: {profile!r} is not taken; limit: one of {', '.join(PROFILES)}")
    by_class = np.append(table.of(profile).kmh, np.ones(len(RoadClass) - len(STREETS)))  # of no length, at any speed
    speed = by_class[_known(network.arc_class, "arc_class", RoadClass)]
    if profile != "foot":
        given = ["arc_kmh", "arc_emergency_kmh"] if profile == "emergency" else ["arc_kmh"]
        for field in given:  # the later one wins: measured under lights and sirens
            known = np.asarray(getattr(network, field), np.float64)
            wrong = np.flatnonzero(~np.isnan(known) & ~((known > 0) & np.isfinite(known)))
            if len(wrong):
                raise SpeedError(f"{field}[{wrong[0]}]: {known[wrong[0]]} is not taken; limit: finite and above 0 km/h")
            speed = np.where(np.isnan(known), speed, known)
    return speed


def _known(values: NDArray[np.uint8], field: str, kinds: type[IntEnum]) -> NDArray[np.uint8]:
    """Return kinds by arc as they are, or refuse the first that is none."""
    most = max(int(kind) for kind in kinds)
    if len(values) and int(values.max()) > most:
        arc = int(values.argmax())
        raise SpeedError(f"{field}[{arc}]: {values[arc]} is not taken; limit: {most}")
    return values


def travel_ms(
    network: RoadNetwork, profile: Profile = "normal", table: SpeedTable = _SHIPPED, hour: int | None = None
) -> NDArray[np.int32]:
    """Return each arc's travel time.

    Parameters
    ----------
    network
        The streets, ``m`` arcs.
    profile
        Who drives or walks.
    table
        What the city says about speeds.
    hour
        The hour of the week by the city's clock, 0 to 167 from Monday 00:00; None for free flow.

    Returns
    -------
    int32 (m,)
        Milliseconds, at least 1 and below `NEVER`; `NEVER` where the profile's mode may not go.

    Raises
    ------
    SpeedError
        When a speed is not finite and above 0, or there is no such hour.
    """
    speed_kmh = arc_kmh(network, profile, table)
    if hour is not None:
        if not 0 <= hour < HOURS:
            raise SpeedError(f"hour: {hour} is not taken; limit: 0 to {HOURS - 1}")
        speed_kmh *= table.hour_factors(profile)[hour, network.arc_class]
    delay_s = np.array(table.of(profile).junction_delay_s)[_known(network.arc_control, "arc_control", NodeKind)]
    modes = network.arc_modes
    allowed = (modes & _MODE[profile]) != 0
    if profile == "emergency" and table.contraflow is not None:
        against = ~allowed & ((modes & Mode.CONTRAFLOW) != 0)
        allowed |= against
        against &= ~network.is_turn
        speed_kmh[against] *= table.contraflow.factor
        delay_s[against] += table.contraflow.penalty_s
    ms = np.rint((np.asarray(network.arc_length_m, np.float64) / (speed_kmh / 3.6) + delay_s) * 1000.0)
    if profile == "normal":
        turn_ms = np.rint(np.array(table.turn_s.by_class) * 1000.0)
        ms[network.is_turn] = turn_ms[network.arc_class[network.is_turn] - RoadClass.TURN_STRAIGHT]
    return np.where(allowed, np.clip(ms, 1, NEVER - 1), NEVER).astype(np.int32)
