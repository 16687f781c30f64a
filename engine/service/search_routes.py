"""Searches of uncertain places: who looks where, and what was found."""

from engine.service import search_bodies
from engine.service.roles import Permission
from engine.service.route import Route

ROUTES: tuple[Route, ...] = (
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
