"""How fast the suspect may be: as fast as anybody on every street, with no regard for signs, lights or direction."""

import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal
from geo_data.road_network import RoadNetwork
from geo_data.speed_table import SpeedTable
from geo_data.speeds import NEVER, arc_kmh, travel_ms

MOST_FASTER = 3.0


def fastest_ms(network: RoadNetwork, table: SpeedTable | None = None, faster: float = 1.0) -> NDArray[np.int32]:
    """Return what each arc takes a suspect in a car at his fastest, int32 (m,); `NEVER` where no car may go.

    The speed is the greater of free flow and emergency, times ``faster``; turns and junctions cost nothing.

    Raises
    ------
    Refusal
        When ``faster`` is not above 0 and at most `MOST_FASTER`.
    """
    if not 0.0 < faster <= MOST_FASTER:
        raise Refusal("out_of_range", "faster", faster, f"above 0, at most {MOST_FASTER}")
    table = SpeedTable.shipped() if table is None else table
    kmh = np.maximum(arc_kmh(network, "normal", table), arc_kmh(network, "emergency", table)) * faster
    ms = np.asarray(network.arc_length_m, np.float64) / (kmh / 3.6) * 1000.0
    driven = np.minimum(travel_ms(network, "normal", table), travel_ms(network, "emergency", table)) < NEVER
    ms[network.is_turn] = 1.0
    # Rounded down: a suspect is never taken to be slower than he may be.
    return np.where(driven, np.clip(np.floor(ms), 1, NEVER - 1), NEVER).astype(np.int32)
