"""A coordinate at the edge: whether it is a place at all, and one that a road of the city is near."""

import math

from engine.core.world import World
from engine.model.errors import Refusal
from geo_data.snapping import OffRoad


def check_place(world: World, lon: float, lat: float, within: str = "") -> None:
    """Refuse a coordinate that is no place, or none that a road of this city is near.

    ``within`` is what the field's name begins with, where it is part of something.
    """
    for name, value, limit in (("lon", lon, 180.0), ("lat", lat, 90.0)):
        if not math.isfinite(value):
            raise Refusal("not_finite", f"{within}{name}", value, "a finite number of degrees")
        if abs(value) > limit:
            raise Refusal("out_of_range", f"{within}{name}", value, f"-{limit:g} to {limit:g}{hint(world, lon, lat)}")
    try:
        world.place(lon, lat)
    except OffRoad as off:
        limit_text = f"within {off.limit_m:g} m of a road; it is {off.distance_m:.0f} m away{hint(world, lon, lat)}"
        raise Refusal("off_road", f"{within}lon,lat", f"{lon},{lat}", limit_text) from None


def hint(world: World, lon: float, lat: float) -> str:
    """Say so when the two would make sense the other way round."""
    west, south, east, north = world.city.network.bounds()
    return "; longitude and latitude look exchanged" if west <= lat <= east and south <= lon <= north else ""
