"""One-way streets opened the other way for emergency vehicles, if a city's speeds then let them.

The other arc gets a bit of its own, `Mode.CONTRAFLOW`, so that one file serves both: nobody uses it but the profile
``emergency`` with ``contraflow`` in its speed table. Motorways, trunk roads, ferries and roundabouts stay as they are;
whether a street is a roundabout only sources of OpenStreetMap say. What is connected is judged before, by the one-way
streets obeyed: the new arcs join places that are connected both ways already.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import DRIVE, Mode, RawRoads, RoadClass

_KEPT = (
    *(RoadClass.MOTORWAY, RoadClass.MOTORWAY_LINK, RoadClass.TRUNK, RoadClass.TRUNK_LINK),
    RoadClass.FERRY,
)

Modes = NDArray[np.uint8]


def open_contraflow(raw: RawRoads, forward: Modes, backward: Modes) -> tuple[RawRoads, Modes, Modes]:
    """Open one-way streets the other way.

    Parameters
    ----------
    raw
        The streets; not changed.
    forward, backward
        uint8 (e,), the modes that are left along and against each edge.

    Returns
    -------
    The streets, with the speed of the one direction for the other where that has none, and the modes.
    """
    may = ~raw.roundabout & ~np.isin(raw.road_class, _KEPT)
    against = may & ((forward & Mode.EMERGENCY) != 0) & ((backward & DRIVE) == 0)
    along = may & ((backward & Mode.EMERGENCY) != 0) & ((forward & DRIVE) == 0)
    bit = np.uint8(Mode.CONTRAFLOW)
    speeds = {}
    for name in ("kmh", "emergency_kmh"):
        ahead, back = getattr(raw, f"forward_{name}"), getattr(raw, f"backward_{name}")
        speeds[f"forward_{name}"] = np.where(along & np.isnan(ahead), back, ahead)
        speeds[f"backward_{name}"] = np.where(against & np.isnan(back), ahead, back)
    return replace(raw, **speeds), forward | along * bit, backward | against * bit
