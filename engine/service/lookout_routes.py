"""Lookouts, and sightings of their subjects."""

from engine.service import lookout_bodies
from engine.service.roles import Permission
from engine.service.route import Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/lookouts",
        name="issue_lookout",
        summary="Look out for somebody or something; to seize, a second person must agree.",
        needs=Permission.KEEP_LOOKOUTS,
        takes=lookout_bodies.LookoutIn,
        gives={201: lookout_bodies.LookoutTaken, 200: lookout_bodies.LookoutTaken},
    ),
    Route(
        method="GET",
        path="/v1/lookouts",
        name="list_lookouts",
        summary="List lookouts, newest first.",
        needs=Permission.READ_LOOKOUTS,
        gives={200: lookout_bodies.LookoutList},
    ),
    Route(
        method="POST",
        path="/v1/lookouts/{lookout}/approve",
        name="approve_lookout",
        summary="Agree to a lookout that somebody else has asked for.",
        needs=Permission.APPROVE_LOOKOUTS,
        gives={200: lookout_bodies.LookoutBody},
    ),
    Route(
        method="POST",
        path="/v1/lookouts/{lookout}/extend",
        name="extend_lookout",
        summary="Let a lookout hold longer.",
        needs=Permission.KEEP_LOOKOUTS,
        takes=lookout_bodies.ExtendIn,
        gives={200: lookout_bodies.LookoutBody},
    ),
    Route(
        method="POST",
        path="/v1/lookouts/{lookout}/lift",
        name="lift_lookout",
        summary="End a lookout: its pursuit is called off, who it was about is shown no more.",
        needs=Permission.KEEP_LOOKOUTS,
        takes=lookout_bodies.EndLookoutIn,
        gives={200: lookout_bodies.LookoutBody},
    ),
    Route(
        method="POST",
        path="/v1/sightings",
        name="report_sighting",
        summary="Report that the subject of a lookout was seen; what cannot be right is held with the reason.",
        needs=Permission.REPORT_SIGHTING,
        takes=lookout_bodies.SightingIn,
        gives={201: lookout_bodies.SightingTaken, 200: lookout_bodies.SightingTaken},
    ),
    Route(
        method="GET",
        path="/v1/sightings",
        name="list_sightings",
        summary="List the sightings of the last day, newest first.",
        needs=Permission.READ_LOOKOUTS,
        gives={200: lookout_bodies.SightingList},
    ),
    Route(
        method="POST",
        path="/v1/sightings/{sighting}/verify",
        name="verify_sighting",
        summary="Say whether a sighting was the subject; true pushes it at once.",
        needs=Permission.VERIFY_SIGHTINGS,
        takes=lookout_bodies.VerifyIn,
        gives={200: lookout_bodies.SightingBody},
    ),
    Route(
        method="POST",
        path="/v1/sightings/{sighting}/settle",
        name="settle_sighting",
        summary="Let a held sighting go on to be verified, or reject it.",
        needs=Permission.VERIFY_SIGHTINGS,
        takes=lookout_bodies.SettleIn,
        gives={200: lookout_bodies.SightingBody},
    ),
)
