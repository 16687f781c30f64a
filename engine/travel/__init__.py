"""How long it takes by road, exactly: the nearest units, times to and from places, the way there.

Rules: integer milliseconds inside; both ends of a street count, one-way streets and closures are obeyed; what is
found is never an estimate. Siblings such as the fleet are known only by the columns of `Riders`.
"""

from engine.travel.arrivals import Arrivals, Arriver, arrivals
from engine.travel.guidance import turns
from engine.travel.hierarchy import Hierarchy, HierarchyError
from engine.travel.polyline import decode_polyline, encode_polyline
from engine.travel.reach import Reach, Reacher
from engine.travel.riders import Ranking, Riders
from engine.travel.routes import NoWay, Route
from engine.travel.times import UNREACHABLE_MS, TravelTimes
from engine.travel.traffic import LEAST_FACTOR, MOST_FACTOR, Traffic
from engine.travel.warming import warm
from engine.travel.weights import Weights
from geo_data.speeds import NEVER

__all__ = [
    "LEAST_FACTOR",
    "MOST_FACTOR",
    "NEVER",
    "UNREACHABLE_MS",
    "Arrivals",
    "Arriver",
    "Hierarchy",
    "HierarchyError",
    "NoWay",
    "Ranking",
    "Reach",
    "Reacher",
    "Riders",
    "Route",
    "Traffic",
    "TravelTimes",
    "Weights",
    "arrivals",
    "decode_polyline",
    "encode_polyline",
    "turns",
    "warm",
]
