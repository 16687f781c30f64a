"""The table of what HTTP offers: the application and the OpenAPI document are both made from it.

A route that is not here does not exist; a type that is not here is not in the document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from engine.service import access_bodies, bodies, field_bodies, lookout_bodies, order_bodies
from engine.service.roles import Permission
from engine.texts import LANGUAGES


@dataclass(frozen=True, kw_only=True)
class Query:
    """One parameter of the query: its JSON schema and what it means."""

    schema: Mapping[str, object]
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """One operation.

    Attributes
    ----------
    name
        The operation's id, and the method of `engine.service.http.Api` that does it.
    needs
        The permission it takes; ``token`` for any valid token, ``credential`` for what is exchanged for one, ``device``
        for a device that is let in by its network and, where it has one, its secret; None for everybody.
    takes
        The body's type; None without a body.
    media
        Of a body, or of an answer, that is not JSON.
    gives
        The answer's type by status; None for an answer that is not JSON.
    """

    method: Literal["GET", "POST", "PUT"]
    path: str
    name: str
    summary: str
    needs: Permission | Literal["token", "credential", "device"] | None
    gives: Mapping[int, type | None]
    takes: type | None = None
    media: str = ""
    query: Mapping[str, Query] = field(default_factory=dict)


Which = Literal["open", "ended", "all"]
"""Which incidents are listed."""
WhichOrders = Literal["open", "proposed", "all"]
"""Which orders are listed."""
USUAL_PAGE, MOST_PAGE = 100, 500
"""Incidents on a page, unless asked otherwise, and at most."""

_LANGUAGE = {
    "lang": Query(
        schema={"type": "string", "enum": list(LANGUAGES)},
        meaning="The language of reasons; otherwise Accept-Language, then the city's first language.",
    )
}
_PAGE = {
    "state": Query(
        schema={"type": "string", "enum": list(get_args(Which)), "default": "open"}, meaning="Which incidents."
    ),
    "limit": Query(
        schema={"type": "integer", "minimum": 1, "maximum": MOST_PAGE, "default": USUAL_PAGE},
        meaning="How many on a page.",
    ),
    "before": Query(schema={"type": "string"}, meaning="The `next` of the page before."),
}

_READINGS = {
    "limit": _PAGE["limit"],
    "before": Query(schema={"type": "integer"}, meaning="The `next` of the page before."),
}
_PAGE_OF_ORDERS = _PAGE | {
    "state": Query(
        schema={"type": "string", "enum": list(get_args(WhichOrders)), "default": "open"}, meaning="Which orders."
    )
}
_VERSION = {
    "version": Query(
        schema={"type": "integer", "minimum": 0},
        meaning="The version that was seen; another one is refused as `superseded`.",
    )
}
_DEVICES = {
    "limit": _PAGE["limit"],
    "after": Query(schema={"type": "string"}, meaning="The `next` of the page before."),
}
_OSMAND = {
    name: Query(schema={"type": kind}, meaning=meaning)
    for name, kind, meaning in (
        ("id", "string", "The device."),
        ("lon", "number", "Degrees."),
        ("lat", "number", "Degrees."),
        ("timestamp", "string", "Seconds or milliseconds since the epoch, or a date with a time."),
        ("speed", "number", "Knots."),
        ("bearing", "number", "Degrees clockwise from north."),
        ("accuracy", "number", "Metres."),
        ("mock", "boolean", "Made up, by the phone's own word."),
        ("alarm", "string", "`sos`: somebody calls for help."),
    )
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
        path="/v1/alerts",
        name="report_alert",
        summary="Report an alert; the answer names the incident, who goes, how long they take, and why.",
        needs=Permission.REPORT_ALERT,
        takes=bodies.NewAlert,
        gives={201: bodies.AlertTaken, 200: bodies.AlertTaken},
        query=_LANGUAGE,
    ),
    Route(
        method="GET",
        path="/v1/incidents",
        name="list_incidents",
        summary="List incidents, newest first.",
        needs=Permission.READ_INCIDENTS,
        gives={200: bodies.IncidentList},
        query=_PAGE,
    ),
    Route(
        method="GET",
        path="/v1/incidents/{incident}",
        name="read_incident",
        summary="Read an incident with its orders, what it waits for, and the reasons of every recommendation.",
        needs=Permission.READ_INCIDENTS,
        gives={200: bodies.IncidentBody},
        query=_LANGUAGE,
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
        method="POST",
        path="/v1/incidents/{incident}/facts",
        name="state_facts",
        summary="Say what has become known of an incident, or has turned out to be wrong; it can raise the level.",
        needs=Permission.RECORD_ANSWERS,
        takes=bodies.FactsIn,
        gives={200: bodies.IncidentBody},
        query=_LANGUAGE,
    ),
    Route(
        method="POST",
        path="/v1/incidents/{incident}/level",
        name="set_level",
        summary="Raise an incident's level, or lower it with a reason; where that wants leave, it is asked for.",
        needs=Permission.APPROVE_ORDERS,
        takes=bodies.LevelIn,
        gives={200: bodies.IncidentBody},
        query=_LANGUAGE,
    ),
    Route(
        method="POST",
        path="/v1/incidents/{incident}/units",
        name="add_units",
        summary="Send more to an incident, whom the engine finds or the unit that is named; nobody is taken back.",
        needs=Permission.APPROVE_ORDERS,
        takes=order_bodies.AddIn,
        gives={200: bodies.IncidentBody},
        query=_LANGUAGE,
    ),
    Route(
        method="GET",
        path="/v1/orders",
        name="list_orders",
        summary="List orders, newest first.",
        needs=Permission.READ_ORDERS,
        gives={200: bodies.OrderList},
        query=_PAGE_OF_ORDERS | _LANGUAGE,
    ),
    Route(
        method="GET",
        path="/v1/orders/{order}",
        name="read_order",
        summary="Read an order, and whether a person chose it over another.",
        needs=Permission.READ_ORDERS,
        gives={200: bodies.OrderBody},
    ),
    Route(
        method="POST",
        path="/v1/orders/{order}/approve",
        name="approve_order",
        summary="Let a proposed order go. When its unit was taken meanwhile, it is replaced by a new proposal.",
        needs=Permission.APPROVE_ORDERS,
        gives={200: bodies.OrderBody},
        query=_VERSION,
    ),
    Route(
        method="POST",
        path="/v1/orders/{order}/choose",
        name="choose_unit",
        summary="Let somebody else go: instead of a proposal, which is approved by it, or of whoever has the order.",
        needs=Permission.APPROVE_ORDERS,
        takes=order_bodies.ChooseIn,
        gives={200: bodies.OrderBody},
        query=_LANGUAGE,
    ),
    Route(
        method="POST",
        path="/v1/orders/{order}/replace",
        name="replace_order",
        summary="Take an order back and let the engine find somebody else; where there is nobody it stays.",
        needs=Permission.APPROVE_ORDERS,
        takes=order_bodies.ReplaceIn,
        gives={200: bodies.OrderBody},
    ),
    Route(
        method="POST",
        path="/v1/incidents/{incident}/steps",
        name="ask_leave",
        summary="Ask for leave for what people do, such as to use firearms or to close a road; decided as any step.",
        needs=Permission.RECORD_ANSWERS,
        takes=bodies.StepIn,
        gives={200: bodies.IncidentBody},
        query=_LANGUAGE,
    ),
    Route(
        method="POST",
        path="/v1/steps/{step}/decide",
        name="decide_step",
        summary="Give leave to a step that wants it, or refuse it. Of two who decide the second is told who was first.",
        needs=Permission.DECIDE_STEPS,
        takes=bodies.DecideIn,
        gives={200: bodies.StepBody},
    ),
    Route(
        method="POST",
        path="/v1/orders/{order}/cancel",
        name="cancel_order",
        summary="Withdraw an order; what it was for waits for somebody else, or is dropped.",
        needs=Permission.CANCEL_ORDERS,
        takes=bodies.CancelIn,
        gives={200: bodies.OrderBody},
    ),
    Route(
        method="POST",
        path="/v1/orders/{order}/assign",
        name="assign_units",
        summary="Record whom a station names for its order; with nobody named, take whom the engine proposes.",
        needs=Permission.RECORD_ANSWERS,
        takes=order_bodies.AssignIn,
        gives={200: bodies.OrderBody},
    ),
    Route(
        method="POST",
        path="/v1/orders/{order}/ask",
        name="ask_help",
        summary="Record that a recipient asks for backup, or for support of a capability, an office or equipment.",
        needs=Permission.RECORD_ANSWERS,
        takes=order_bodies.AskIn,
        gives={200: bodies.OrderBody},
    ),
    Route(
        method="POST",
        path="/v1/orders/{order}/return",
        name="return_order",
        summary="Record that a recipient returns its order; it stays responsible until the next has accepted.",
        needs=Permission.RECORD_ANSWERS,
        takes=order_bodies.ReturnIn,
        gives={200: bodies.OrderBody},
    ),
    Route(
        method="POST",
        path="/v1/orders/{order}/answer",
        name="answer_order",
        summary="Record the answer of a recipient that was reached by radio or telephone.",
        needs=Permission.RECORD_ANSWERS,
        takes=bodies.AnswerIn,
        gives={200: bodies.OrderBody},
    ),
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
    Route(
        method="POST",
        path="/v1/emergencies",
        name="raise_emergency",
        summary="Call for help, or record that a unit did by radio. Goes before everything that waits.",
        needs=Permission.EMERGENCY,
        takes=field_bodies.EmergencyIn,
        gives={201: field_bodies.EmergencyList, 200: field_bodies.EmergencyList},
    ),
    Route(
        method="GET",
        path="/v1/emergencies",
        name="list_emergencies",
        summary="List the units that have called for help and whose emergency nobody has ended.",
        needs=Permission.READ_INCIDENTS,
        gives={200: field_bodies.EmergencyList},
    ),
    Route(
        method="POST",
        path="/v1/emergencies/{unit}/end",
        name="end_emergency",
        summary="Say that a unit needs no more help, and why: it can be sent again. A false alarm calls off who goes.",
        needs=Permission.END_EMERGENCY,
        takes=field_bodies.EndEmergencyIn,
        gives={200: field_bodies.EmergencyList},
    ),
    Route(
        method="GET",
        path="/v1/units",
        name="list_units",
        summary="List units: what each is doing and why, on which order, never where it is.",
        needs=Permission.READ_INCIDENTS,
        gives={200: field_bodies.UnitList},
        query=_DEVICES,
    ),
    Route(
        method="POST",
        path="/v1/units/{unit}/status",
        name="set_unit_status",
        summary="Record what a unit is doing by its word over radio, also later with the true time.",
        needs=Permission.SET_UNIT_STATUS,
        takes=field_bodies.UnitStatusIn,
        gives={200: field_bodies.UnitBody},
    ),
    Route(
        method="POST",
        path="/v1/broadcasts",
        name="send_broadcast",
        summary="Tell many at once: all, the stations or the units, of an area, with a capability.",
        needs=Permission.BROADCAST,
        takes=field_bodies.BroadcastIn,
        gives={201: field_bodies.BroadcastBody, 200: field_bodies.BroadcastBody},
    ),
    Route(
        method="GET",
        path="/v1/broadcasts",
        name="list_broadcasts",
        summary="List the newest broadcasts with how many each has reached.",
        needs=Permission.BROADCAST,
        gives={200: field_bodies.BroadcastList},
    ),
    Route(
        method="GET",
        path="/v1/broadcasts/{broadcast}",
        name="read_broadcast",
        summary="Read whom a broadcast has reached: mailed, delivered to a device, read by a person.",
        needs=Permission.BROADCAST,
        gives={200: field_bodies.BroadcastBody},
    ),
    Route(
        method="PUT",
        path="/v1/orders/{order}/photos/{sha256}",
        name="keep_photo",
        summary="Upload a photo of one's own order, by its SHA-256: JPEG, PNG or WebP. Then a report may name it.",
        needs=Permission.ANSWER_ORDERS,
        media="application/octet-stream",
        gives={201: field_bodies.PhotoList, 200: field_bodies.PhotoList},
    ),
    Route(
        method="GET",
        path="/v1/orders/{order}/photos",
        name="list_photos",
        summary="List the photos of an order, without the pictures.",
        needs=Permission.READ_ORDERS,
        gives={200: field_bodies.PhotoList},
    ),
    Route(
        method="POST",
        path="/v1/orders/{order}/photos/{sha256}/read",
        name="read_photo",
        summary="Look at a photo for a reason, which is on record before it is shown.",
        needs=Permission.READ_DETAILS,
        takes=access_bodies.ReadingIn,
        media="image/*",
        gives={200: None},
    ),
    Route(
        method="GET",
        path="/v1/speeds",
        name="read_speeds",
        summary="Read which travel times are in force: their version, the rules that hold, how many live speeds.",
        needs=Permission.READ_SPEEDS,
        gives={200: bodies.SpeedsBody},
    ),
    Route(
        method="POST",
        path="/v1/speeds/rules",
        name="set_speed_rule",
        summary="Close streets, at once, or change their speed: by polygon, place, class and hour of the week.",
        needs=Permission.SET_SPEEDS,
        takes=bodies.SpeedRuleIn,
        gives={201: bodies.SpeedRuleTaken, 200: bodies.SpeedRuleTaken},
    ),
    Route(
        method="POST",
        path="/v1/speeds/rules/{rule}/lift",
        name="lift_speed_rule",
        summary="Lift a rule over the streets.",
        needs=Permission.SET_SPEEDS,
        takes=bodies.LiftIn,
        gives={200: bodies.SpeedsBody},
    ),
    Route(
        method="POST",
        path="/v1/speeds/feed",
        name="feed_speeds",
        summary="Take live speeds of streets, as a traffic service measures them.",
        needs=Permission.FEED_SPEEDS,
        takes=bodies.FeedIn,
        gives={200: bodies.FeedTaken},
    ),
    Route(
        method="GET",
        path="/v1/devices",
        name="list_devices",
        summary="List existing devices: when each was heard, how its positions were marked, never where it is.",
        needs=Permission.READ_DEVICES,
        gives={200: bodies.DeviceList},
        query=_DEVICES,
    ),
    Route(
        method="POST",
        path="/v1/devices/owntracks",
        name="owntracks",
        summary="Take what the OwnTracks app posts: a location moves the unit, all else is passed over by its type.",
        needs="device",
        gives={200: None},
    ),
    Route(
        method="GET",
        path="/v1/devices/osmand",
        name="osmand_query",
        summary="Take a position of OsmAnd or the Traccar client as a query.",
        needs="device",
        gives={200: bodies.PositionTaken},
        query=_OSMAND,
    ),
    Route(
        method="POST",
        path="/v1/devices/osmand",
        name="osmand",
        summary="Take a position of OsmAnd or the Traccar client as a query, a form or JSON.",
        needs="device",
        gives={200: bodies.PositionTaken},
        query=_OSMAND,
    ),
    Route(
        method="POST",
        path="/v1/feeds/positions",
        name="feed_positions",
        summary="Take positions that a gateway has of devices behind it.",
        needs=Permission.FEED_POSITIONS,
        takes=bodies.FedPositions,
        gives={200: bodies.PositionsTaken},
    ),
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
