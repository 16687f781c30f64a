"""The made-up county town: `making` puts it together, the other modules lay out its parts."""

from geo_data.town.making import LEAST_NODES, MOST_NODES, Town, TownPlace, make_town
from geo_data.town.police import TownArea, TownStation

__all__ = ["LEAST_NODES", "MOST_NODES", "Town", "TownArea", "TownPlace", "TownStation", "make_town"]
