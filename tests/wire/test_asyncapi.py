"""The document of the stream is made from the typed messages, and what it says of them is what is read and written."""

import json
from pathlib import Path
from typing import Any, get_args

import msgpack
import pytest

from engine.wire.asyncapi import document, text
from engine.wire.closing import ClosingCode
from engine.wire.codec import MSGPACK, Codec
from engine.wire.limits import Limits
from engine.wire.messages import ClientMessage
from engine.wire.server_messages import ServerMessage
from tests.wire.test_fuzz import FROM_CLIENT, FROM_SERVER

DOCUMENT = document()
CODEC = Codec(MSGPACK)


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(references(inner) for inner in value))
    return set()


def resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def names(kinds: Any) -> set[str]:
    return {kind.__struct_config__.tag for kind in get_args(kinds)}


def test_the_kept_document_is_what_the_messages_give():
    kept = Path(__file__).parents[2] / "docs" / "asyncapi.json"
    assert kept.read_text() == text(), "python -m engine.wire.asyncapi > docs/asyncapi.json"


def test_every_message_is_in_it_on_its_side_and_no_other():
    said = {operation["action"]: operation["messages"] for operation in DOCUMENT["operations"].values()}
    for action, kinds in (("receive", ClientMessage), ("send", ServerMessage)):
        assert {each["$ref"].rpartition("/")[2] for each in said[action]} == names(kinds)
    assert set(DOCUMENT["components"]["messages"]) == names(ClientMessage) | names(ServerMessage)
    assert set(DOCUMENT["channels"]["stream"]["messages"]) == set(DOCUMENT["components"]["messages"])


def test_every_reference_leads_somewhere_and_every_schema_is_used():
    used = references(DOCUMENT)
    for reference in used:
        assert resolve(reference) is not None
    assert {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]} <= used


def test_every_close_code_is_in_it():
    described = DOCUMENT["channels"]["stream"]["description"]
    for code in ClosingCode:
        assert f"{code.value} {code.name}" in described


def check(schema: dict[str, Any], value: Any, where: str) -> None:
    """Hold a value against what the document says of it, as far as JSON Schema's words are used here."""
    if "$ref" in schema:
        check(resolve(schema["$ref"]), value, where)
    elif "anyOf" in schema:
        for option in schema["anyOf"]:
            try:
                check(option, value, where)
            except AssertionError:
                continue
            return
        raise AssertionError(f"{where}: {value!r} is none of {schema['anyOf']}")
    elif "enum" in schema:
        assert value in schema["enum"], where
    else:
        kind = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
        if "type" in schema:
            assert value is None if schema["type"] == "null" else isinstance(value, kind[schema["type"]]), where
        for name in schema.get("required", ()):
            assert name in value, f"{where}.{name}"
        for name, inner in schema.get("properties", {}).items():
            if isinstance(value, dict) and name in value:
                check(inner, value[name], f"{where}.{name}")
        if isinstance(value, dict) and "properties" in schema:
            assert set(value) <= set(schema["properties"]), where
        for number, inner in enumerate(value if isinstance(value, list) and "items" in schema else ()):
            check(schema["items"], inner, f"{where}[{number}]")


@pytest.mark.parametrize("message", [*FROM_CLIENT, *FROM_SERVER], ids=lambda m: m.__struct_config__.tag)
def test_frames_are_as_described_and_another_library_reads_and_writes_them(message):
    content = msgpack.unpackb(CODEC.encode(message))
    check(resolve(f"#/components/messages/{content['message']}")["payload"], json.loads(json.dumps(content)), "$")
    frame = msgpack.packb(content)
    if message in FROM_CLIENT:
        assert CODEC.from_client(frame, Limits()) == message
    if message in FROM_SERVER:
        assert CODEC.from_server(frame) == message
