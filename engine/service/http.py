"""HTTP: alerts in, incidents and orders to be read, and what the desk decides about them.

The application is made from the table `engine.service.routes.ROUTES`. Size and depth of a body are looked at before
it is parsed; whatever is not taken is answered by a problem that names code, field, value and limit. Nothing is
answered as taken before the journal has it: that is `Backend.submit`'s promise.
"""

import importlib.metadata
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from engine.core.batch import Reply
from engine.core.engine import Engine
from engine.model import commands as c
from engine.model.entities import Alert, Details, Need
from engine.model.errors import Refusal
from engine.model.ids import OrderId
from engine.service import views
from engine.service.access import Access, AccessDenied, Identity, Permission
from engine.service.bodies import AnswerIn, Bootstrap, CancelIn, Health, NewAlert, ProblemBody
from engine.service.metrics import Metrics
from engine.service.openapi import document
from engine.service.routes import ROUTES, Route
from engine.texts import LANGUAGES
from engine.wire.codec import JSON, SUBPROTOCOLS, Reader
from geo_data.datum import Datum, to_wgs84

MOST_BODY_BYTES = 65_536
RETRY_AFTER_S = 1
_DEPTH = 8
_LOG = logging.getLogger("allpoints.http")
_STATUS: Mapping[str, int] = {
    "malformed": 400,
    "too_big": 413,
    "unknown_incident": 404,
    "unknown_order": 404,
    "wrong_state": 409,
    "superseded": 409,
    "on_order": 409,
    "not_stored": 503,
    "busy": 503,
    "stopping": 503,
}
"""The status by a refusal's code; every other refusal of input is 422."""

_TITLES = {
    400: "The body cannot be read",
    401: "Not let in",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    409: "Not in this state",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not taken",
    500: "Failed",
    503: "Not now",
}


class Backend(Protocol):
    """What stands behind HTTP: the engine, and the way for commands into it."""

    @property
    def engine(self) -> Engine:
        """The engine, to be read."""
        ...

    async def submit(self, command: c.Command) -> Reply:
        """Have a command decided and stored; the reply is given when it is durable."""
        ...

    def now(self) -> int:
        """Milliseconds since the epoch, by the core's clock."""
        ...

    def waits_for(self) -> tuple[str, ...]:
        """What is missing before alerts can be taken; empty when ready."""
        ...

    def stream_url(self, host: str) -> str:
        """Where the stream is, for a client that reached us under ``host``."""
        ...


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request on its way through a handler."""

    request: Request
    identity: Identity | None
    body: Any = None

    @property
    def speaker(self) -> Identity:
        """Who asks, on a route that needs a token."""
        assert self.identity is not None
        return self.identity


class Api:
    """What each route does. The names of the methods are those of the table."""

    def __init__(self, backend: Backend, access: Access, metrics: Metrics) -> None:
        self.backend = backend
        self.access = access
        self.figures = metrics
        self.version = importlib.metadata.version("allpoints")
        self._document = msgspec.json.encode(document(ROUTES, self.version))

    async def report_alert(self, call: Call) -> Response:
        """Take an alert."""
        said: NewAlert = call.body
        lon, lat = to_wgs84(said.lon, said.lat, Datum(said.datum))
        details = said.details
        alert = Alert(
            source=said.source or call.speaker.subject,
            source_ref=said.source_ref,
            type=said.type,
            lon=lon,
            lat=lat,
            at=said.at if said.at is not None else self.backend.now(),
            level=said.level,
            needs=None if said.needs is None else tuple(Need(n.capability, n.count) for n in said.needs),
            details=Details(details.text, details.caller, details.phone, details.address),
            exercise=said.exercise,
        )
        reply = await self._done(c.ReportAlert(actor=call.speaker.actor, alert=alert))
        taken = views.alert_taken(self.backend.engine, reply, self._language(call.request))
        headers = {"Location": f"/v1/incidents/{taken.incident}"}
        return _json(taken, 200 if reply.duplicate else 201, headers)

    async def list_incidents(self, call: Call) -> Response:
        """List incidents."""
        query = call.request.query_params
        which = query.get("state", "open")
        if which not in {"open", "ended", "all"}:
            raise Refusal("unknown_value", "state", which, "open, ended or all")
        limit = query.get("limit", "100")
        if not re.fullmatch(r"\d{1,3}", limit) or not 1 <= int(limit) <= 500:
            raise Refusal("out_of_range", "limit", limit, "1 to 500")
        engine = self.backend.engine
        return _json(views.incident_list(engine, cast("views.Which", which), int(limit), query.get("before")))

    async def read_incident(self, call: Call) -> Response:
        """Read an incident."""
        engine = self.backend.engine
        incident = views.known_incident(engine, call.request.path_params["incident"])
        may_read = call.speaker.may(Permission.READ_DETAILS)
        return _json(views.incident_body(engine, incident, self._language(call.request), with_details=may_read))

    async def read_order(self, call: Call) -> Response:
        """Read an order."""
        return self._order(call)

    async def approve_order(self, call: Call) -> Response:
        """Let a proposed order go."""
        await self._done(c.ApproveOrder(actor=call.speaker.actor, order=_order_id(call)))
        return self._order(call)

    async def cancel_order(self, call: Call) -> Response:
        """Withdraw an order."""
        said: CancelIn = call.body
        await self._done(
            c.CancelOrder(actor=call.speaker.actor, order=_order_id(call), reason=said.reason, drop=said.drop)
        )
        return self._order(call)

    async def answer_order(self, call: Call) -> Response:
        """Record what a recipient said."""
        said: AnswerIn = call.body
        await self._done(
            c.AnswerOrder(
                actor=call.speaker.actor,
                key=said.key,
                order=_order_id(call),
                version=said.version,
                answer=said.answer,
                via=said.via,
                reason=said.reason,
                text=said.text,
                said_at=said.said_at,
            )
        )
        return self._order(call)

    async def bootstrap(self, call: Call) -> Response:
        """Say where to begin."""
        engine = self.backend.engine
        cards = engine.city.run_cards
        host = call.request.url.hostname or "127.0.0.1"
        return _json(
            Bootstrap(
                city=engine.city.name,
                version=self.version,
                log_id=engine.journal.log_id,
                stream_url=self.backend.stream_url(host),
                subprotocols=SUBPROTOCOLS,
                languages=engine.city.languages,
                alert_types={card.id: dict(card.name) for card in cards.cards.values()},
                capabilities={name: dict(texts) for name, texts in cards.capabilities.items()},
            )
        )

    async def healthz(self, _: Call) -> Response:
        """Be alive."""
        return _json(Health(status="ok"))

    async def readyz(self, _: Call) -> Response:
        """Say whether alerts are taken."""
        missing = self.backend.waits_for()
        return _json(Health(status="waiting" if missing else "ok", waits_for=missing), 503 if missing else 200)

    async def metrics(self, _: Call) -> Response:
        """Give the figures."""
        content, media = self.figures.page()
        return Response(content, media_type=media)

    async def openapi(self, _: Call) -> Response:
        """Give the document."""
        return Response(self._document, media_type="application/json")

    async def _done(self, command: c.Command) -> Reply:
        """Return the reply of a command that was taken; raise what it was refused for."""
        reply = await self.backend.submit(command)
        if reply.refusal is not None:
            said = reply.refusal
            raise Refused(ProblemBody(**_problem_of(said.code, said.field, said.value, said.limit)))
        return reply

    def _order(self, call: Call) -> Response:
        return _json(views.order_body(views.known_order(self.backend.engine, call.request.path_params["order"])))

    def _language(self, request: Request) -> str:
        """Return the language to answer in: asked for, accepted, or the city's first."""
        asked = request.query_params.get("lang")
        if asked is not None:
            if asked not in LANGUAGES:
                raise Refusal("unknown_value", "lang", asked, ", ".join(LANGUAGES))
            return asked
        for part in request.headers.get("accept-language", "").split(","):
            language = part.strip().lower()[:2]
            if language in LANGUAGES:
                return language
        return self.backend.engine.city.languages[0]


class Refused(Exception):
    """A problem on its way to the client."""

    def __init__(self, problem: ProblemBody, headers: Mapping[str, str] | None = None) -> None:
        self.problem = problem
        self.headers = dict(headers or {})
        super().__init__(problem.code)


def make_app(backend: Backend, access: Access, metrics: Metrics) -> Starlette:
    """Return the ASGI application: every route of the table and nothing else."""
    api = Api(backend, access, metrics)
    return Starlette(
        routes=[StarletteRoute(route.path, _endpoint(route, api), methods=[route.method]) for route in ROUTES],
        exception_handlers={HTTPException: _on_http_error},
    )


def _endpoint(route: Route, api: Api) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers a route: let in, read, do, and turn whatever is refused into a problem."""
    handler: Callable[[Call], Awaitable[Response]] = getattr(api, route.name)
    reader: Reader[Any] | None = Reader(JSON, route.takes) if route.takes is not None else None

    async def endpoint(request: Request) -> Response:
        try:
            identity = _let_in(route, request, api.access)
            body = await _read(request, reader) if reader is not None else None
            return await handler(Call(request=request, identity=identity, body=body))
        except AccessDenied as denied:
            status = 403 if denied.code == "not_permitted" else 401
            problem = ProblemBody(title=_TITLES[status], status=status, code=denied.code, field="authorization")
            headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        except Refusal as refusal:
            problem = ProblemBody(**_problem_of(refusal.code, refusal.field, refusal.value, refusal.limit))
            headers = {}
        except Refused as refused:
            problem, headers = refused.problem, refused.headers
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:  # whatever it is, one request must not take the server down
            _LOG.exception("request_failed", extra={"route": route.name})
            problem, headers = ProblemBody(title=_TITLES[500], status=500, code="internal"), {}
        api.figures.refused("http", problem.code)
        return _problem(problem, headers)

    return endpoint


def _let_in(route: Route, request: Request, access: Access) -> Identity | None:
    """Say who asks; raise `AccessDenied` unless they may."""
    if route.needs is None:
        return None
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise AccessDenied("no_token")
    identity = access.verify(token.strip())
    if isinstance(route.needs, Permission):
        identity.require(route.needs)
    return identity


async def _read(request: Request, reader: Reader[Any]) -> Any:
    """Read a body that is bounded before it is parsed.

    Raises
    ------
    Refusal
        Naming the field, what it holds and what would be taken.
    """
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media != "application/json":
        problem = ProblemBody(
            title=_TITLES[415], status=415, code="wrong_media_type", field="content-type", limit="application/json"
        )
        raise Refused(problem)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MOST_BODY_BYTES:
        raise Refusal("too_big", "body", f"{declared} bytes", f"{MOST_BODY_BYTES} bytes")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise Refusal("too_big", "body", f"over {MOST_BODY_BYTES} bytes", f"{MOST_BODY_BYTES} bytes")
    try:
        return reader.read(bytes(body), MOST_BODY_BYTES, _DEPTH)
    except Refusal as refusal:
        unknown = re.search(r"unknown field `(.*?)`", refusal.limit)
        if unknown:
            raise Refusal("unknown_field", unknown[1], "", "the fields that /openapi.json lists") from None
        if refusal.field == "frame":
            raise Refusal(refusal.code, "body", refusal.value, refusal.limit) from None
        raise


def _order_id(call: Call) -> OrderId:
    return OrderId(call.request.path_params["order"])


def _problem_of(code: str, field: str, value: str, limit: str) -> dict[str, Any]:
    status = _STATUS.get(code, 422)
    return {
        "title": _TITLES[status],
        "status": status,
        "code": code,
        "field": field,
        "value": value,
        "limit": limit,
    }


def _json(body: msgspec.Struct, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, dict(headers or {}), media_type="application/json")


def _problem(problem: ProblemBody, headers: Mapping[str, str]) -> Response:
    more = dict(headers)
    if problem.status == 503:
        more["Retry-After"] = str(RETRY_AFTER_S)
    return Response(msgspec.json.encode(problem), problem.status, more, media_type="application/problem+json")


async def _on_http_error(_: Request, error: Exception) -> Response:
    """Answer an unknown path or method as a problem, too."""
    assert isinstance(error, HTTPException)
    title = _TITLES.get(error.status_code, error.detail)
    code = {404: "unknown_path", 405: "wrong_method"}.get(error.status_code, "refused")
    return _problem(ProblemBody(title=title, status=error.status_code, code=code), error.headers or {})


