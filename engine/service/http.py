"""HTTP: alerts in, incidents and orders to be read, and what the desk decides about them.

The application is made from the table `engine.service.routes.ROUTES`. Size and depth of a body are looked at before
it is parsed; whatever is not taken is answered by a problem that names code, field, value and limit. Nothing is
answered as taken before the journal has it: that is `Backend.submit`'s promise.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast, get_args

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from engine.core.batch import Reply
from engine.core.engine import Engine
from engine.model import commands as c
from engine.model.entities import Alert
from engine.model.errors import Refusal
from engine.model.ids import RuleId, StepId
from engine.service import speed_views, views
from engine.service.access import AccessDenied
from engine.service.access_http import AccessApi
from engine.service.backend import Backend, V
from engine.service.bodies import Bootstrap, DecideIn, Health, NewAlert, ProblemBody, TemplateBody
from engine.service.card_views import card_body
from engine.service.device_http import DeviceApi
from engine.service.device_hub import DeviceHub
from engine.service.door import Door
from engine.service.edge import (
    TITLES,
    Call,
    Refused,
    answer,
    let_in,
    page_size,
    problem_of,
    read_body,
    taken,
    whole_number,
)
from engine.service.edge import json_answer as _json
from engine.service.field_http import FieldApi
from engine.service.lookout_http import LookoutApi
from engine.service.metrics import Metrics
from engine.service.openapi import document
from engine.service.order_http import OrderApi
from engine.service.photo_http import PhotoApi
from engine.service.roles import Permission
from engine.service.route import Route, Which
from engine.service.routes import ROUTES
from engine.service.search_http import SearchApi
from engine.service.speed_bodies import FeedIn, LiftIn, SpeedRuleIn
from engine.texts import LANGUAGES
from engine.version import version
from engine.wire import asyncapi
from engine.wire.codec import JSON, SUBPROTOCOLS, Reader
from engine.wire.reports import PlaceOf, with_places
from geo_data.datum import Datum, to_wgs84

LOGGER = logging.getLogger("allpoints.http")


class Api(AccessApi, DeviceApi, FieldApi, LookoutApi, OrderApi, PhotoApi, SearchApi):
    """What each route does. The names of the methods are those of the table."""

    def __init__(self, backend: Backend, door: Door, metrics: Metrics) -> None:
        self.backend = backend
        self._door = door
        self.figures = metrics
        self.version = version()
        self._document = msgspec.json.encode(document(ROUTES, self.version))
        self._stream_document = msgspec.json.encode(asyncapi.document())

    @property
    def devices(self) -> DeviceHub:
        """The devices that exist already."""
        return self.backend.devices

    @property
    def door(self) -> Door:
        """Who lets people in."""
        return self._door

    async def report_alert(self, call: Call) -> Response:
        """Take an alert."""
        said: NewAlert = call.body
        subject = call.speaker.subject
        if call.speaker.role.is_device and said.source not in {"", subject}:
            raise Refusal("not_yours", "source", said.source, f"{subject}, whom this token is for")
        lon, lat = to_wgs84(said.lon, said.lat, said.datum)
        places = tuple(msgspec.structs.replace(its, **_position(its, said.datum)) for its in said.places)
        alert = Alert(
            source=said.source or subject,
            source_ref=said.source_ref,
            type=said.type,
            lon=lon,
            lat=lat,
            at=said.at if said.at is not None else self.backend.now(),
            level=said.level,
            needs=None if said.needs is None else tuple(need.plain() for need in said.needs),
            details=with_places(said.details.plain(), places),
            exercise=said.exercise,
            facts=said.facts,
            places=tuple(its.plain() for its in places),
        )
        language = self.language(call.request)
        reply = await self.done(c.ReportAlert(actor=call.speaker.actor, alert=alert))
        taken = await self.backend.look(lambda engine: views.alert_taken(engine, reply, language))
        headers = {"Location": f"/v1/incidents/{taken.incident}"}
        return _json(taken, 200 if reply.duplicate else 201, headers)

    async def read_type(self, call: Call) -> Response:
        """Say what a type calls for."""
        kind = call.request.path_params["type"]
        level, at = whole_number(call.request, "level"), whole_number(call.request, "at")
        instant = self.backend.now() if at is None else at
        return _json(card_body(self.backend.city, kind, level, instant, self.language(call.request)))

    async def list_incidents(self, call: Call) -> Response:
        """List incidents."""
        query = call.request.query_params
        which = query.get("state", "open")
        if which not in get_args(Which):
            raise Refusal("unknown_value", "state", which, " or ".join(get_args(Which)))
        limit, before = page_size(call.request), query.get("before")
        state = cast("Which", which)
        return _json(await self.backend.look(lambda engine: views.incident_list(engine, state, limit, before)))

    async def read_incident(self, call: Call) -> Response:
        """Read an incident."""
        incident, language = call.request.path_params["incident"], self.language(call.request)
        return _json(await self.backend.look(lambda engine: views.incident_body(engine, incident, language)))

    async def decide_step(self, call: Call) -> Response:
        """Give leave to a step, or refuse it; who has an office speaks for that alone."""
        said: DecideIn = call.body
        step, speaker = call.request.path_params["step"], call.speaker
        own = speaker.offices
        if own and said.acting_as not in {"", *own}:
            raise Refusal("not_yours", "acting_as", said.acting_as, f"{' or '.join(own)}, whom this token is for")
        acting_as = said.acting_as
        if own and not acting_as:
            acting_as = await self.backend.look(lambda engine: views.office_asked(engine, step, own))
        await self.done(
            c.DecideStep(
                actor=speaker.actor,
                step=StepId(step),
                granted=said.granted,
                acting_as=acting_as,
                reason=said.reason,
            )
        )
        return _json(await self.backend.look(lambda engine: views.step_body(engine, step)))

    async def read_speeds(self, _: Call) -> Response:
        """Say which travel times are in force."""
        return _json(await self.backend.look(speed_views.speeds_body))

    async def set_speed_rule(self, call: Call) -> Response:
        """Close streets, or change their speed."""
        said: SpeedRuleIn = call.body
        rule, key = speed_views.rule_of(said), call.speaker.scoped(said.key)
        reply = await self.done(c.SetSpeedRule(actor=call.speaker.actor, key=key, rule=rule))
        taken = await self.backend.look(lambda engine: speed_views.rule_taken(engine, reply))
        return _json(taken, 200 if reply.duplicate else 201)

    async def lift_speed_rule(self, call: Call) -> Response:
        """Lift a rule."""
        said: LiftIn = call.body
        rule = RuleId(call.request.path_params["rule"])
        await self.done(c.LiftSpeedRule(actor=call.speaker.actor, rule=rule, reason=said.reason))
        return await self.read_speeds(call)

    async def feed_speeds(self, call: Call) -> Response:
        """Take live speeds."""
        said: FeedIn = call.body
        now = self.backend.now()
        return _json(await self.backend.look(lambda engine: speed_views.feed(engine, said, now)))

    async def bootstrap(self, call: Call) -> Response:
        """Say where to begin."""
        city = self.backend.city
        host = call.request.url.hostname or "127.0.0.1"
        return _json(
            Bootstrap(
                city=city.name,
                version=self.version,
                log_id=self.backend.log_id,
                stream_url=self.backend.stream_url(host),
                subprotocols=SUBPROTOCOLS,
                languages=city.languages,
                **city.run_cards.vocabulary,
                lists={
                    name: {code: dict(texts) for code, texts in its.items()}
                    for name, its in city.run_cards.words.lists.items()
                },
                results={code: dict(texts) for code, texts in city.report_forms.results.items()},
                report_templates={
                    name: TemplateBody(name=dict(its.name), text=dict(its.text), result=its.result)
                    for name, its in city.report_forms.templates.items()
                },
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

    async def asyncapi(self, _: Call) -> Response:
        """Give the document of the stream."""
        return Response(self._stream_document, media_type="application/json")

    async def look(self, view: Callable[[Engine], V]) -> V:
        """Look at the engine while all of its state is durable."""
        return await self.backend.look(view)

    def now(self) -> int:
        """Milliseconds since the epoch, by the core's clock."""
        return self.backend.now()

    async def done(self, command: c.Command) -> Reply:
        """Return the reply of a command that was taken; raise what it was refused for."""
        return taken(await self.backend.submit(command))

    def language(self, request: Request) -> str:
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
        return self.backend.city.languages[0]


def make_app(backend: Backend, door: Door, metrics: Metrics) -> Starlette:
    """Return the ASGI application: every route of the table and nothing else."""
    api = Api(backend, door, metrics)
    return Starlette(
        routes=[StarletteRoute(route.path, _endpoint(route, api), methods=[route.method]) for route in ROUTES],
        exception_handlers={HTTPException: _on_http_error},
    )


def _position(place: PlaceOf, datum: Datum) -> dict[str, float]:
    lon, lat = to_wgs84(place.lon, place.lat, datum)
    return {"lon": lon, "lat": lat}


def _endpoint(route: Route, api: Api) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers a route: let in, read, do, and turn whatever is refused into a problem."""
    handler: Callable[[Call], Awaitable[Response]] = getattr(api, route.name)
    reader: Reader[Any] | None = Reader(JSON, route.takes) if route.takes is not None else None

    async def endpoint(request: Request) -> Response:
        try:
            call = let_in(route, request, api.door)
            _refuse_until_started(route, api.backend)
            if reader is not None:
                call = replace(call, body=await read_body(request, reader))
            return await handler(call)
        except AccessDenied as denied:
            status = 403 if denied.code == "not_permitted" else 401
            problem = ProblemBody(title=TITLES[status], status=status, code=denied.code, field="authorization")
            scheme = 'Basic realm="devices", charset="UTF-8"' if route.needs == "device" else "Bearer"
            headers = {"WWW-Authenticate": scheme} if status == 401 else {}
        except Refusal as refusal:
            problem = problem_of(refusal)
            headers = {}
        except Refused as refused:
            problem, headers = refused.problem, refused.headers
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            # Whatever it is: one request must not take the server down, and its text may quote what was sent.
            LOGGER.exception("request_failed", extra={"route": route.name})
            problem, headers = ProblemBody(title=TITLES[500], status=500, code="internal"), {}
        api.figures.refused("http", problem.code)
        return answer(problem, headers)

    return endpoint


def _refuse_until_started(route: Route, backend: Backend) -> None:
    """Raise `Refusal` for what needs an engine, while there is none."""
    if route.needs not in {None, "credential", Permission.READ_METRICS} and not backend.started:
        raise Refusal("starting", "server", "", "a server that is ready: see /readyz")


async def _on_http_error(_: Request, error: Exception) -> Response:
    """Answer an unknown path or method as a problem, too."""
    assert isinstance(error, HTTPException)
    title = TITLES.get(error.status_code, error.detail)
    code = {404: "unknown_path", 405: "wrong_method"}.get(error.status_code, "refused")
    return answer(ProblemBody(title=title, status=error.status_code, code=code), error.headers or {})
