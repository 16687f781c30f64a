"""Searches of uncertain places: who looks where, and what was found."""

from engine.service import search_bodies
from engine.service.roles import Permission
from engine.service.route import Query, Route

_WALK = {
    "lon": Query(schema={"type": "number"}, meaning="Where they were last, WGS-84 degrees."),
    "lat": Query(schema={"type": "number"}, meaning="Where they were last, WGS-84 degrees."),
    "walked_s": Query(schema={"type": "integer", "minimum": 1}, meaning="How long ago, in seconds."),
    "most": Query(schema={"type": "integer", "minimum": 1}, meaning="How many places at most."),
}

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/within",
        name="read_within",
        summary="Where somebody may be who walked off: places with chances, for an alert that opens a search.",
        needs=Permission.REPORT_ALERT,
        gives={200: search_bodies.WithinBody},
        query=_WALK,
    ),
    Route(
        method="GET",
        path="/v1/searches/{incident}",
        name="read_search",
        summary="Read the search of an incident: its places, who looks where in turn, whom to call next.",
        needs=Permission.READ_INCIDENTS,
        gives={200: search_bodies.SearchBody},
    ),
    Route(
        method="POST",
        path="/v1/searches/{incident}/looks",
        name="report_look",
        summary="Say what was found at a place, by telephone or by a unit's word over the radio.",
        needs=Permission.RECORD_ANSWERS,
        takes=search_bodies.LookIn,
        gives={200: search_bodies.SearchBody},
    ),
)
