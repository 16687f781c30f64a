"""The AsyncAPI document of the stream, generated from the typed messages: what is not typed is not in it.

``python -m engine.wire.asyncapi`` prints it; ``docs/asyncapi.json`` is what it printed, and a test holds them together.
"""

import json
import re
import sys
from typing import Any, get_args

import msgspec

from engine.wire.closing import CLOSING_CODES
from engine.wire.codec import SUBPROTOCOLS
from engine.wire.messages import ClientMessage
from engine.wire.server_messages import ServerMessage

_SCHEMA = "#/components/schemas/{name}"


def document() -> dict[str, Any]:
    """Return the document, version 3.0.0 of AsyncAPI, as plain JSON values."""
    from_client, from_server = get_args(ClientMessage), get_args(ServerMessage)
    kinds = sorted({*from_client, *from_server}, key=_tag)
    refs, schemas = msgspec.json.schema_components(kinds, ref_template=_SCHEMA)
    messages = {
        _tag(kind): {
            "name": _tag(kind),
            "title": kind.__name__,
            "summary": _summary(kind),
            "payload": ref,
        }
        for kind, ref in zip(kinds, refs, strict=True)
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Allpoints stream",
            "version": SUBPROTOCOLS[0].split(".")[1],
            "description": "Orders, notices and their answers over one WebSocket. Every message is a map with its name "
            "in `message`; both subprotocols carry the same messages. Instants are milliseconds since the epoch, UTC; "
            "coordinates are longitude and latitude in degrees, WGS-84.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/msgpack",
        "servers": {
            "city": {
                "host": "{host}",
                "protocol": "wss",
                "description": "`GET /v1/bootstrap` names it.",
                "variables": {"host": {"description": "Host and port of the stream."}},
            }
        },
        "channels": {
            "stream": {
                "address": "/v1/stream",
                "description": "Subprotocols: "
                + ", ".join(f"`{name}`" for name in SUBPROTOCOLS)
                + ". Close codes: "
                + "; ".join(f"{code.value} {code.name}: {meaning.text}" for code, meaning in CLOSING_CODES.items())
                + ".",
                "servers": [{"$ref": "#/servers/city"}],
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "hear": _operation("receive", "What the server hears from its clients.", from_client),
            "say": _operation("send", "What the server says to its clients.", from_server),
        },
        "components": {"messages": messages, "schemas": plain(schemas)},
    }


def text() -> str:
    """Return the document as it is kept in the file."""
    return json.dumps(document(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _operation(action: str, summary: str, kinds: tuple[Any, ...]) -> dict[str, Any]:
    names = sorted(_tag(kind) for kind in kinds)
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/stream"},
        "messages": [{"$ref": f"#/channels/stream/messages/{name}"} for name in names],
    }


def _tag(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


def _summary(kind: Any) -> str:
    first = (kind.__doc__ or "").strip().partition("\n")[0]
    return first.replace("``", "`")


def plain(value: Any) -> Any:
    """Return schemas whose descriptions are free of the source's indentation and markup."""
    if isinstance(value, dict):
        return {
            key: re.sub(r"\s*\n\s*", "\n", inner).replace("``", "`").strip()
            if key == "description" and isinstance(inner, str)
            else plain(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


if __name__ == "__main__":
    sys.stdout.write(text())
