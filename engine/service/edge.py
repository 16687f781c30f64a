"""The edge of HTTP: who is let in, what is read, and how whatever is refused is answered.

A body is bounded before it is parsed. An answer to what is not taken is a problem after RFC 9457 that names code,
field, value and limit, the same four things as everywhere.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.core.batch import Reply
from engine.model.errors import Refusal, RefusalBody
from engine.service.access import AccessDenied, Identity, Issued
from engine.service.bodies import ProblemBody
from engine.service.door import Door
from engine.service.roles import Permission
from engine.service.route import MOST_PAGE, USUAL_PAGE, Route
from engine.wire.codec import Reader
from engine.wire.limits import STANDARD

MOST_BODY_BYTES = 65_536
"""Bytes of a body; of headers the ASGI server takes at most 64 kB."""
MOST_CONNECTIONS = 2_000
"""HTTP connections and requests at a time; one more is answered 503."""
BODY_TIMEOUT_S = 10.0
"""A body that is not whole after this time is given up."""
RETRY_AFTER_S = 1
_STATUS: Mapping[str, int] = {
    "malformed": 400,
    "not_yours": 403,
    "unknown_device": 403,
    "wrong_network": 403,
    "switched_off": 404,
    "too_fast": 429,
    "too_many_attempts": 429,
    "too_slow": 408,
    "too_big": 413,
    "no_authority": 404,
    "unknown_credential": 404,
    "unknown_incident": 404,
    "unknown_order": 404,
    "unknown_rule": 404,
    "unknown_step": 404,
    "unknown_lookout": 404,
    "unknown_sighting": 404,
    "same_person": 403,
    "wrong_state": 409,
    "superseded": 409,
    "already_decided": 409,
    "asked_already": 409,
    "on_order": 409,
    "in_emergency": 409,
    "no_emergency": 404,
    "unknown_broadcast": 404,
    "unknown_photo": 404,
    "erased": 404,
    "off_duty": 409,
    "out_of_service": 409,
    "nobody_free": 409,
    "all_named": 409,
    "unknown_unit": 404,
    "not_stored": 503,
    "busy": 503,
    "starting": 503,
    "stopping": 503,
}
"""The status by a refusal's code; every other refusal of input is 422."""

TITLES = {
    400: "The body cannot be read",
    401: "Not let in",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Not in this state",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not taken",
    429: "Too often",
    500: "Failed",
    503: "Not now",
}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request on its way through a handler; ``issued`` is there where a credential was exchanged."""

    request: Request
    identity: Identity | None
    body: Any = None
    issued: Issued | None = None

    @property
    def speaker(self) -> Identity:
        """Who asks, on a route that needs a token."""
        assert self.identity is not None
        return self.identity


class Refused(Exception):
    """A problem on its way to the client."""

    def __init__(self, problem: ProblemBody, headers: Mapping[str, str] | None = None) -> None:
        self.problem = problem
        self.headers = dict(headers or {})
        super().__init__(problem.code)


def let_in(route: Route, request: Request, door: Door) -> Call:
    """Say who asks; raise `AccessDenied` unless they may. Devices have no token: their handlers look at them.

    Raises
    ------
    AccessDenied
        Which is on record then: code, address, and the public number of what was shown.
    Refusal
        ``too_many_attempts`` or ``too_fast``, as `Door` has it.
    """
    if route.needs in {None, "device"}:
        return Call(request=request, identity=None)
    host = request.client.host if request.client else ""
    certificate: str = getattr(request.state, "certificate", "")
    try:
        said = _bearer(request.headers.get("authorization", ""))
    except AccessDenied as denied:
        door.refuse(denied, host, "http")
        raise
    if route.needs == "credential":
        issued = door.exchange(said, host, certificate)
        return Call(request=request, identity=issued.identity, issued=issued)
    # Who calls for help is heard on a token that has run out; the route does that one thing alone.
    admit = door.admit_emergency if route.needs is Permission.EMERGENCY else door.admit
    identity = admit(said, host, "http", certificate)
    if isinstance(route.needs, Permission) and not identity.may(route.needs):
        refusal = AccessDenied("not_permitted", identity.token_id, identity.credential)
        door.refuse(refusal, host, "http")
        raise refusal
    return Call(request=request, identity=identity)


def _bearer(said: str) -> str:
    """Return the token in a header."""
    scheme, _, token = said.partition(" ")
    if scheme.lower() != "bearer":
        raise AccessDenied("no_token")
    return token.strip()


def taken(reply: Reply) -> Reply:
    """Return the reply of a command that was taken; raise what it was refused for."""
    if reply.refusal is not None:
        raise Refused(problem_of(reply.refusal))
    return reply


async def read_body(request: Request, reader: Reader[Any]) -> Any:
    """Read a body that is bounded before it is parsed.

    Raises
    ------
    Refusal
        Naming the field, what it holds and what would be taken.
    """
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media != "application/json":
        problem = ProblemBody(
            title=TITLES[415], status=415, code="wrong_media_type", field="content-type", limit="application/json"
        )
        raise Refused(problem)
    body = await read_bytes(request)
    try:
        return reader.read(body, MOST_BODY_BYTES, STANDARD.depth)
    except Refusal as refusal:
        unknown = re.search(r"unknown field `(.*?)`", refusal.limit)
        if unknown:
            raise Refusal("unknown_field", unknown[1], "", "the fields that /v1/openapi lists") from None
        if refusal.field == "frame":
            refusal.field = "body"
        raise


async def read_bytes(request: Request, most: int = MOST_BODY_BYTES, within_s: float = BODY_TIMEOUT_S) -> bytes:
    """Return a body, bounded in size and time.

    Raises
    ------
    Refusal
        ``too_big`` or ``too_slow``.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise Refusal("too_big", "body", f"{declared} bytes", f"{most} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise Refusal("too_big", "body", f"over {most} bytes", f"{most} bytes")
    except TimeoutError:
        raise Refusal("too_slow", "body", f"{len(body)} bytes", f"a whole body in {within_s:g} s") from None
    return bytes(body)


def page_size(request: Request) -> int:
    """Return how many are wanted on a page.

    Raises
    ------
    Refusal
        ``out_of_range``.
    """
    said = request.query_params.get("limit", str(USUAL_PAGE))
    if not re.fullmatch(r"[0-9]{1,3}", said) or not 1 <= int(said) <= MOST_PAGE:
        raise Refusal("out_of_range", "limit", said, f"1 to {MOST_PAGE}")
    return int(said)


def whole_number(request: Request, name: str) -> int | None:
    """Return a number of the query; None where it is left out.

    Raises
    ------
    Refusal
        ``wrong_type``.
    """
    said = request.query_params.get(name)
    if said is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", said):
        raise Refusal("wrong_type", name, said, "a whole number, 0 or more")
    return int(said)


def problem_of(refusal: Refusal | RefusalBody) -> ProblemBody:
    """Return a refusal as a problem."""
    status = _STATUS.get(refusal.code, 422)
    return ProblemBody(
        title=TITLES[status],
        status=status,
        code=refusal.code,
        field=refusal.field,
        value=refusal.value,
        limit=refusal.limit,
    )


def answer(problem: ProblemBody, headers: Mapping[str, str]) -> Response:
    """Return a problem as an answer; one that says "not now" says when to try again."""
    more = dict(headers)
    if problem.status in {429, 503}:
        more["Retry-After"] = str(RETRY_AFTER_S)
    return Response(msgspec.json.encode(problem), problem.status, more, media_type="application/problem+json")


def json_answer(body: msgspec.Struct, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer's body as JSON."""
    return Response(msgspec.json.encode(body), status, dict(headers or {}), media_type="application/json")
