"""Searches over HTTP: where to look, who looks where, and what was found at a place."""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from engine.core.batch import Reply
from engine.core.city import City
from engine.core.engine import Engine
from engine.core.flight import Flight
from engine.dispatch.search import places_within
from engine.model.commands import Command
from engine.model.errors import Refusal
from engine.model.ids import IncidentId
from engine.model.limits import LONGEST_NAME, MOST_SEARCH_PLACES
from engine.model.searches import ReportLook
from engine.service.edge import Call, json_answer, whole_number
from engine.service.search_bodies import LookIn, SearchBody, WithinBody
from engine.wire.reports import PlaceOf
from geo_data.snapping import OffRoad

V = TypeVar("V")


class SearchApi(ABC):
    """What each of these routes does; the names of the methods are those of the table."""

    @abstractmethod
    async def done(self, command: Command) -> Reply:
        """Return the reply of a command that was taken; raise what it was refused for."""

    @abstractmethod
    async def look(self, view: Callable[[Engine], V]) -> V:
        """Look at the engine while all of its state is durable."""

    async def read_within(self, call: Call) -> Response:
        """Say where somebody may be who walked off."""
        lon, lat = (_degrees(call.request, name, most) for name, most in (("lon", 180.0), ("lat", 90.0)))
        walked_s = whole_number(call.request, "walked_s")
        if walked_s is None:
            raise Refusal("missing", "walked_s", "", "how long ago they were there, in seconds")
        most = whole_number(call.request, "most")
        city, flight = await self.look(lambda engine: (engine.city, engine.flight))
        places = await asyncio.to_thread(
            walked_places, city, flight, lon, lat, walked_s * 1_000, MOST_SEARCH_PLACES if most is None else most
        )
        return json_answer(WithinBody(places=places))

    async def read_search(self, call: Call) -> Response:
        """Show a search."""
        return json_answer(await self.look(lambda engine: _body(engine, _incident(call))))

    async def report_look(self, call: Call) -> Response:
        """Take what was found at a place."""
        said: LookIn = call.body
        incident = _incident(call)
        command = ReportLook(
            actor=call.speaker.actor,
            key=call.speaker.scoped(said.key),
            incident=incident,
            place=said.place - 1,
            found=said.found,
            how=said.how,
            order=said.order,
            said_at=said.said_at,
            text=said.text,
        )
        await self.done(command)
        return json_answer(await self.look(lambda engine: _body(engine, incident)))


def walked_places(city: City, flight: Flight, lon: float, lat: float, walked_ms: int, most: int) -> tuple[PlaceOf, ...]:
    """Return the places within a walk, each called by its street.

    Raises
    ------
    Refusal
        ``off_road`` or ``out_of_range``, by the field.
    """
    try:
        spot = city.snapper.snap(lon, lat, limit_m=city.policies.snap_limit_m)
    except OffRoad as off:
        limit = f"within {off.limit_m:g} m of a road; it is {off.distance_m:.0f} m away"
        raise Refusal("off_road", "lon,lat", f"{lon},{lat}", limit) from None
    network, zh = city.network, city.languages[0] == "zh"
    return tuple(
        PlaceOf(
            lon=round(its.lon, 6),
            lat=round(its.lat, 6),
            chance=its.chance,
            check_s=its.check_ms // 1_000,
            name=((network.name_zh(its.arc) if zh else "") or network.name(its.arc))[:LONGEST_NAME],
        )
        for its in places_within(flight.walking.clone(), spot.arc, spot.fraction, walked_ms, most)
    )


def _degrees(request: Request, name: str, most: float) -> float:
    said = request.query_params.get(name, "")
    try:
        value = float(said)
    except ValueError:
        value = math.nan
    if not abs(value) <= most:
        raise Refusal("out_of_range", name, said, f"-{most:g} to {most:g}")
    return value


def _body(engine: Engine, incident: IncidentId) -> SearchBody:
    if incident not in engine.state.searches:
        raise Refusal("unknown_search", "incident", incident, "an incident with places to look at")
    return SearchBody.of(engine, incident)


def _incident(call: Call) -> IncidentId:
    return IncidentId(call.request.path_params["incident"])
