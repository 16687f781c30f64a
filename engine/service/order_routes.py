"""Orders: who goes, what they answer, the leave for what people do, and the photos of a report."""

from typing import get_args

from engine.service import access_bodies, bodies, field_bodies, order_bodies
from engine.service.roles import Permission
from engine.service.route import LANGUAGE, PAGE, Query, Route, WhichOrders

_PAGE_OF_ORDERS = PAGE | {
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

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/orders",
        name="list_orders",
        summary="List orders, newest first.",
        needs=Permission.READ_ORDERS,
        gives={200: bodies.OrderList},
        query=_PAGE_OF_ORDERS | LANGUAGE,
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
        query=LANGUAGE,
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
        query=LANGUAGE,
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
        path="/v1/incidents/{incident}/units",
        name="add_units",
        summary="Send more to an incident, whom the engine finds or the unit that is named; nobody is taken back.",
        needs=Permission.APPROVE_ORDERS,
        takes=order_bodies.AddIn,
        gives={200: bodies.IncidentBody},
        query=LANGUAGE,
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
)
