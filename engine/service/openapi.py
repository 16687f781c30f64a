"""The OpenAPI document, generated from the table of routes and the types they take and give."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.service.bodies import ProblemBody
from engine.service.route import Query, Route
from engine.wire.asyncapi import plain

_REF = "#/components/schemas/{name}"
_JSON_ANYHOW = ("openapi", "asyncapi", "owntracks")
"""Routes whose JSON has no type of ours."""
_PROBLEMS = {
    "400": "The body is not JSON.",
    "401": "No token, or one that has run out, is not ours, or whose credential was revoked.",
    "403": "The token's role may not do this.",
    "404": "There is no such thing.",
    "408": "The body did not come in time.",
    "409": "The thing is not in a state in which this can be done.",
    "413": "The body is too large.",
    "422": "Something in the input is not taken; the problem names field, value and limit.",
    "429": "Sent too often, or who asked was wrong too often: try again after Retry-After.",
    "503": "It could not be stored, or too much is waiting: nothing has happened, try again after Retry-After.",
}


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """Return the document as plain JSON values."""
    kinds = {kind for route in routes for kind in (route.takes, *route.gives.values()) if kind is not None}
    ordered = sorted(kinds | {ProblemBody}, key=lambda kind: kind.__name__)
    refs, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    by_kind = dict(zip(ordered, refs, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Allpoints",
            "version": version,
            "description": "Alerts in, orders out. Instants are milliseconds since the epoch, UTC; coordinates are "
            "longitude and latitude in degrees, WGS-84 unless `datum` says otherwise. Orders reach their recipients "
            "over the stream that `/v1/bootstrap` names.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": plain(components),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "credential": {"type": "http", "scheme": "bearer"},
                "device": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _operation(route: Route, by_kind: dict[type, dict[str, Any]]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": by_kind[ProblemBody]}}
    responses: dict[str, Any] = {}
    for status, kind in route.gives.items():
        said = by_kind[kind] if kind is not None else {}
        responses[str(status)] = {"description": "Done." if status < 400 else "Not yet."}
        media = "application/json" if kind is not None or route.name in _JSON_ANYHOW else route.media or "text/plain"
        responses[str(status)]["content"] = {media: {"schema": said} if said else {}}
    for code, meaning in _PROBLEMS.items():
        if code not in responses and _can_give(route, code):
            responses[code] = {"description": meaning, "content": problem}
    operation: dict[str, Any] = {"operationId": route.name, "summary": route.summary, "responses": responses}
    parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", route.path)]
    parameters += [_query_parameter(name, query) for name, query in route.query.items()]
    if parameters:
        operation["parameters"] = parameters
    if route.method == "PUT":
        content = {route.media: {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": True, "content": content}
    if route.takes is not None:
        content = {"application/json": {"schema": by_kind[route.takes]}}
        operation["requestBody"] = {"required": True, "content": content}
    scheme = route.needs if route.needs in {"device", "credential"} else "token"
    operation["security"] = [{scheme: []}] if route.needs is not None else []
    return operation


def _can_give(route: Route, status: str) -> bool:
    """Tell whether a route can answer with this problem."""
    if status in {"401", "403"}:
        return route.needs is not None
    is_device = route.needs == "device"
    if status in {"400", "408", "413"}:
        return route.takes is not None or route.method == "PUT" or (is_device and route.method == "POST")
    if status == "404":
        return "{" in route.path or is_device
    if status == "429":
        return route.needs is not None
    if status == "409":
        return route.method != "GET" and "{" in route.path
    if status == "503":
        return route.method != "GET"
    return route.takes is not None or route.method == "PUT" or bool(route.query)


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameter(name: str, query: Query) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": dict(query.schema), "description": query.meaning}
