"""The table of what HTTP offers: the application and the OpenAPI document are both made from it.

A route that is not here does not exist; a type that is not here is not in the document.
"""

from engine.model.limits import LEVELS
from engine.service import access_routes, bodies, card_bodies, field_routes, lookout_routes, order_routes, search_routes
from engine.service.roles import Permission
from engine.service.route import LANGUAGE, PAGE, Query, Route

_CARD = {
    "level": Query(
        schema={"type": "integer", "minimum": LEVELS[0], "maximum": LEVELS[-1]},
        meaning="At which level; otherwise the card's own.",
    ),
    "at": Query(schema={"type": "integer"}, meaning="In the duty period of this instant; otherwise of now."),
}

_INCIDENTS: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/alerts",
        name="report_alert",
        summary="Report an alert; the answer names the incident, who goes, how long they take, and why.",
        needs=Permission.REPORT_ALERT,
        takes=bodies.NewAlert,
        gives={201: bodies.AlertTaken, 200: bodies.AlertTaken},
        query=LANGUAGE,
    ),
    Route(
        method="GET",
        path="/v1/types/{type}",
        name="read_type",
        summary="Read what a type calls for: what to ask, who goes, who is told, whose leave it takes, what to heed.",
        needs=Permission.REPORT_ALERT,
        gives={200: card_bodies.CardBody},
        query=_CARD | LANGUAGE,
    ),
    Route(
        method="GET",
        path="/v1/incidents",
        name="list_incidents",
        summary="List incidents, newest first.",
        needs=Permission.READ_INCIDENTS,
        gives={200: bodies.IncidentList},
        query=PAGE,
    ),
    Route(
        method="GET",
        path="/v1/incidents/{incident}",
        name="read_incident",
        summary="Read an incident with its orders, what it waits for, and the reasons of every recommendation.",
        needs=Permission.READ_INCIDENTS,
        gives={200: bodies.IncidentBody},
        query=LANGUAGE,
    ),
    Route(
        method="POST",
        path="/v1/incidents/{incident}/facts",
        name="state_facts",
        summary="Say what has become known of an incident, or has turned out to be wrong; it can raise the level.",
        needs=Permission.RECORD_ANSWERS,
        takes=bodies.FactsIn,
        gives={200: bodies.IncidentBody},
        query=LANGUAGE,
    ),
    Route(
        method="POST",
        path="/v1/incidents/{incident}/level",
        name="set_level",
        summary="Raise an incident's level, or lower it with a reason; where that wants leave, it is asked for.",
        needs=Permission.APPROVE_ORDERS,
        takes=bodies.LevelIn,
        gives={200: bodies.IncidentBody},
        query=LANGUAGE,
    ),
)

_SERVER: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/bootstrap",
        name="bootstrap",
        summary="Learn where the stream is, what it speaks, and what this city's alert types are.",
        needs="token",
        gives={200: bodies.Bootstrap},
    ),
    Route(
        method="GET",
        path="/healthz",
        name="healthz",
        summary="The process is alive.",
        needs=None,
        gives={200: bodies.Health},
    ),
    Route(
        method="GET",
        path="/readyz",
        name="readyz",
        summary="The server takes alerts: kernels are warm and the journal accepts.",
        needs=None,
        gives={200: bodies.Health, 503: bodies.Health},
    ),
    Route(
        method="GET",
        path="/metrics",
        name="metrics",
        summary="Figures for Prometheus.",
        needs=Permission.READ_METRICS,
        gives={200: None},
    ),
    Route(
        method="GET",
        path="/v1/openapi",
        name="openapi",
        summary="This document.",
        needs=None,
        gives={200: None},
    ),
    Route(
        method="GET",
        path="/v1/asyncapi",
        name="asyncapi",
        summary="The AsyncAPI document of the stream.",
        needs=None,
        gives={200: None},
    ),
)

ROUTES: tuple[Route, ...] = (
    *access_routes.ROUTES,
    *_INCIDENTS,
    *order_routes.ROUTES,
    *lookout_routes.ROUTES,
    *search_routes.ROUTES,
    *field_routes.ROUTES,
    *_SERVER,
)
