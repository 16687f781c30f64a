"""How long it takes by road, exactly: the nearest units, times to and from places, the way there.

Rules: integer milliseconds inside; both ends of a street count, one-way streets and closures are obeyed; what is
found is never an estimate. Siblings such as the fleet are known only by the columns of `Riders`.
"""

from engine.travel.polyline import decode_polyline, encode_polyline
from engine.travel.times import NEVER, UNREACHABLE_MS, NoWay, Ranking, Riders, Route, TravelTimes, warm

__all__ = [
    "NEVER",
    "UNREACHABLE_MS",
    "NoWay",
    "Ranking",
    "Riders",
    "Route",
    "TravelTimes",
    "decode_polyline",
    "encode_polyline",
    "warm",
]
