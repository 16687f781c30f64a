"""The document and the application are made from one table: neither has what the other lacks."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
from starlette.routing import Route as StarletteRoute

from engine.service.http import Api, make_app
from engine.service.openapi import document
from engine.service.routes import ROUTES
from tests.support.desk import desk

DOCUMENT = document(ROUTES, "0")


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(references(inner) for inner in value))
    return set()


def test_every_route_of_the_application_is_in_the_document_and_no_other():
    app = make_app(None, None, None)
    served = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, StarletteRoute)
        for method in route.methods - {"HEAD"}
    }
    described = {(path, method) for path, operations in DOCUMENT["paths"].items() for method in operations}
    assert served == described


def test_every_route_has_its_handler():
    for route in ROUTES:
        assert callable(getattr(Api, route.name))


def test_every_reference_leads_somewhere_and_every_schema_is_used():
    used = references(DOCUMENT)
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert used == schemas


def test_path_parameters_are_those_of_the_path():
    for path, operations in DOCUMENT["paths"].items():
        for operation in operations.values():
            named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def test_operations_have_ids_of_their_own_and_say_what_they_answer():
    operations = [operation for each in DOCUMENT["paths"].values() for operation in each.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids) == len(ROUTES)
    for operation in operations:
        assert operation["summary"]
        assert any(status.startswith("2") for status in operation["responses"])
        assert all(response["description"] for response in operation["responses"].values())


def test_what_needs_a_token_says_so():
    for route in ROUTES:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        assert bool(operation["security"]) == (route.needs is not None)
        assert ("401" in operation["responses"]) == (route.needs is not None)


def test_the_document_is_plain_json_without_the_source_s_markup():
    text = json.dumps(DOCUMENT)
    assert "``" not in text
    assert "\\n    " not in text
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["components"]["schemas"]["NewAlert"]["required"] == ["source_ref", "type", "lon", "lat"]


def test_both_documents_are_served_to_everybody_as_they_are_generated(tmp_path):
    async def scene():
        async with desk(tmp_path) as it:
            transport = httpx.ASGITransport(app=it.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
                return [(await client.get(path)).json() for path in ("/v1/openapi", "/v1/asyncapi")]

    served, stream = asyncio.run(scene())
    assert served["paths"] == document(ROUTES, "")["paths"]
    assert stream == json.loads(Path("docs/asyncapi.json").read_text("utf-8"))
