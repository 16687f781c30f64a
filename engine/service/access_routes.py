"""Who is let in, and every reading of what names people."""

from engine.service import access_bodies
from engine.service.roles import Permission
from engine.service.route import PAGE, Query, Route

_READINGS = {
    "limit": PAGE["limit"],
    "before": Query(schema={"type": "integer"}, meaning="The `next` of the page before."),
}

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/token",
        name="exchange_token",
        summary="Exchange a credential for a signed token that holds for some minutes.",
        needs="credential",
        gives={200: access_bodies.TokenBody},
    ),
    Route(
        method="POST",
        path="/v1/incidents/{incident}/details",
        name="read_details",
        summary="Read what names people in an incident, for a reason; who reads it and why is on record first.",
        needs=Permission.READ_DETAILS,
        takes=access_bodies.ReadingIn,
        gives={200: access_bodies.DetailsBody},
    ),
    Route(
        method="POST",
        path="/v1/lookouts/{lookout}/details",
        name="read_lookout",
        summary="Read who or what is looked for, for a reason; who reads it and why is on record first.",
        needs=Permission.READ_DETAILS,
        takes=access_bodies.ReadingIn,
        gives={200: access_bodies.DetailsBody},
    ),
    Route(
        method="POST",
        path="/v1/sightings/{sighting}/details",
        name="read_sighting",
        summary="Read what was said of a sighting, for a reason; who reads it and why is on record first.",
        needs=Permission.READ_DETAILS,
        takes=access_bodies.ReadingIn,
        gives={200: access_bodies.DetailsBody},
    ),
    Route(
        method="GET",
        path="/v1/readings",
        name="list_readings",
        summary="List who has read what names people, when and why, newest first.",
        needs=Permission.READ_READINGS,
        gives={200: access_bodies.ReadingList},
        query=_READINGS,
    ),
    Route(
        method="GET",
        path="/v1/credentials",
        name="list_credentials",
        summary="List who is let in, as what, and who is no longer; never a secret.",
        needs=Permission.READ_CREDENTIALS,
        gives={200: access_bodies.CredentialList},
    ),
    Route(
        method="POST",
        path="/v1/credentials/{credential}/revoke",
        name="revoke_credential",
        summary="Make a credential void at once, with every token and session of it.",
        needs=Permission.REVOKE_CREDENTIALS,
        gives={200: access_bodies.CredentialBody},
    ),
    Route(
        method="GET",
        path="/install",
        name="install",
        summary="The page that installs the city's own authority on a device.",
        needs=None,
        gives={200: None},
    ),
    Route(
        method="GET",
        path="/install/authority.crt",
        name="install_authority",
        summary="The authority's certificate.",
        needs=None,
        gives={200: None},
    ),
)
