"""Neighbour cities, and at what instant whoever flees can have left towards each; the worker that plans says so.

He is away at a place on a road that the city names, or where a road leads into the neighbour's ground. When he can be
there is read from the ground that the containment itself is planned on: its earliest instants hold whichever way he
turns, against one-way signs too, and know of no posts. The soonest way towards each neighbour counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.model.ids import RecipientId
from engine.model.pursuits import Leaving
from geo_data.road_network import RoadNetwork
from geo_data.snapping import Snapper, metres_per_degree, point_at
from geo_data.speeds import NEVER

if TYPE_CHECKING:
    from engine.containment.ground import Ground

BORDER_M = 60.0
"""A road that ends so near to a neighbour's ground leads there: the map may end at the border."""


@dataclass(frozen=True, kw_only=True)
class BorderExit:
    """A place on a road at which whoever passes it has left towards a neighbour."""

    name: str
    name_zh: str = ""
    lon: float
    lat: float


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A neighbour city.

    Attributes
    ----------
    name
        By language.
    mailbox
        Whose mailbox tells it.
    exits
        The places at which one leaves towards it.
    boundary
        A closed ring of longitude and latitude: roads that lead into it lead to this neighbour; empty for none.
    """

    id: str
    name: Mapping[str, str]
    mailbox: str
    exits: tuple[BorderExit, ...] = ()
    boundary: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class WayOut:
    """A place on an arc at which whoever passes it has left towards a neighbour; names in both languages."""

    neighbour: Neighbour
    name: str
    name_zh: str
    arc: int
    fraction: float


def ways_out(
    network: RoadNetwork, snapper: Snapper, suspect_ms: NDArray[np.int32], neighbours: Sequence[Neighbour]
) -> tuple[WayOut, ...]:
    """Return every way towards a neighbour, for who flees in a car."""
    found = []
    for neighbour in neighbours:
        for its in neighbour.exits:
            spot = snapper.snap(its.lon, its.lat)
            found.append(WayOut(neighbour, its.name, its.name_zh or its.name, spot.arc, spot.fraction))
        if neighbour.boundary:
            found += _into(network, suspect_ms, neighbour)
    return tuple(found)


def _into(network: RoadNetwork, suspect_ms: NDArray[np.int32], neighbour: Neighbour) -> list[WayOut]:
    """Return where roads lead into a neighbour's ground, or break off at it."""
    import shapely  # noqa: PLC0415 - heavy, and wanted with the first pursuit

    from engine.containment.exits import exits_of  # noqa: PLC0415 - as above

    theirs = shapely.Polygon(neighbour.boundary)
    margin_deg = BORDER_M / min(metres_per_degree(float(theirs.centroid.y)))
    west, south, east, north = network.bounds()
    around = shapely.box(west - margin_deg, south - margin_deg, east + margin_deg, north + margin_deg)
    exits = exits_of(network, suspect_ms, around.difference(theirs))
    places = shapely.points(network.node_lon[exits.node], network.node_lat[exits.node])
    near = shapely.distance(theirs, places) <= margin_deg
    found = []
    for node, arc in zip(exits.node[near].tolist(), exits.arc[near].tolist(), strict=True):
        name, name_zh = network.name(arc), network.name_zh(arc)
        said = name or name_zh or f"{network.node_lon[node]:.5f},{network.node_lat[node]:.5f}"
        fraction = 1.0 if int(network.arc_head[arc]) == node else 0.0
        found.append(WayOut(neighbour, said, name_zh or said, arc, fraction))
    return found


def leaving(
    ways: Sequence[WayOut],
    ground: "Ground",
    suspect_ms: NDArray[np.int32],
    now: int,
) -> tuple[Leaving, ...]:
    """Return for each neighbour that can be reached within the horizon the way by which that is soonest."""
    network, soonest = ground.network, dict[str, Leaving]()
    for way in ways:
        at_ms = _earliest_ms(way, ground, suspect_ms)
        if at_ms is None or at_ms > ground.situation.horizon_ms:
            continue
        its = soonest.get(way.neighbour.id)
        if its is not None and its.at <= now + at_ms:
            continue
        lon, lat = point_at(network, way.arc, way.fraction)
        soonest[way.neighbour.id] = Leaving(
            neighbour=way.neighbour.id,
            name=way.neighbour.name["en"],
            name_zh=way.neighbour.name["zh"],
            mailbox=RecipientId(way.neighbour.mailbox),
            exit=way.name,
            exit_zh=way.name_zh,
            lon=float(lon),
            lat=float(lat),
            at=now + at_ms,
        )
    return tuple(soonest.values())


def _earliest_ms(way: WayOut, ground: "Ground", suspect_ms: NDArray[np.int32]) -> int | None:
    """Return when he can be at a place on a street, after now; None where he cannot within the horizon."""
    network, arc = ground.network, way.arc
    back = int(network.arc_reverse[arc])
    along_ms = min(int(suspect_ms[arc]), int(suspect_ms[back]) if back >= 0 else NEVER)
    if along_ms >= NEVER:
        return None
    found = []
    for node, share in ((int(network.arc_tail[arc]), way.fraction), (int(network.arc_head[arc]), 1.0 - way.fraction)):
        place = int(ground.local[node])
        if place >= 0:
            found.append(int(ground.due_ms[place]) + round(share * along_ms))
    for seen in ground.situation.seen:
        if seen.arc in (arc, back):
            there = seen.fraction if seen.arc == arc else 1.0 - seen.fraction
            found.append(round(abs(way.fraction - there) * along_ms) - seen.ago_ms)
    return min(found, default=None)
