"""Requests that nobody meant: bodies drawn from the routes' own types, then bodies, paths, queries and headers changed.

Whatever comes is taken, or refused by a problem with a code; nothing raises, nothing is logged as an error, and the
desk works on. ``ALLPOINTS_FUZZ=200000`` makes the longer run.
"""

import asyncio
import json
import os
import random
from collections import Counter
from urllib.parse import quote

import msgspec

from engine.service.bodies import ProblemBody
from engine.service.edge import MOST_BODY_BYTES
from engine.service.roles import Roles
from engine.service.routes import ROUTES
from tests.support.cities import NOW, place
from tests.support.desk import desk
from tests.support.drawn import drawn

REQUESTS = int(os.environ.get("ALLPOINTS_FUZZ", "4000"))
SHIPPED = Roles.shipped()
LON, LAT = place(1, 1)
ALERT = {"type": "robbery", "lon": LON, "lat": LAT, "needs": [{"capability": "patrol"}]}
KNOWN = {
    "lon": (LON, place(4, 3)[0]),
    "lat": (LAT, place(4, 3)[1]),
    "at": (NOW, NOW - 60_000),
    "type": ("robbery", "drunk_person"),
    "capability": ("patrol", "duty_group"),
    "unit": ("P1", "P2", "D1"),
    "order": ("grid-order-1", "grid-order-2"),
    "incident": ("grid-incident-1",),
    "version": (0, 1, 2),
    "datum": ("wgs84", "gcj02"),
}
"""What the desk of this test knows, for fields of these names."""
JUNK = (None, True, -1, 0, 2**63, 2**64, 1e308, -0.0, "", "\x00", "\ud800", "é" * 5_000, [], {}, [[[[[[[[[[]]]]]]]]]])
WORDS = (
    "",
    "..",
    "%00",
    "%ff",
    "a b",
    "x" * 5_000,
    "\u202e",
    "-1",
    "1e9",
    "NaN",
    "null",
    "grid-order-1",
    "grid-incident-1",
)
HEADERS = (
    ("content-type", "text/plain"),
    ("content-type", "application/json; charset=utf-16"),
    ("content-type", ""),
    ("accept-language", "zh;q=x,,;;,*"),
    ("accept-language", "x" * 5_000),
    ("authorization", ""),
    ("authorization", "Bearer"),
    ("authorization", "Bearer " + "e30." * 3),
    ("authorization", "Basic eDp5"),
    ("authorization", "Bearer \xff"),
    ("content-length", "-1"),
    ("content-length", "9" * 30),
    ("host", ""),
    ("host", "[::1"),
    ("x-forwarded-for", "1.2.3.4"),
)


def changed_value(chance, value):
    """Return a value with something in it exchanged, removed or added."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(sorted(value))
        rest = dict(value)
        match chance.randrange(4):
            case 0:
                del rest[name]
            case 1:
                rest[chance.choice(WORDS)[:40]] = chance.choice(JUNK)
            case _:
                rest[name] = changed_value(chance, value[name])
        return rest
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        return [*value[:at], changed_value(chance, value[at]), *value[at:]]
    return chance.choice(JUNK)


def changed_bytes(chance, body):
    """Return bytes that once were a body."""
    text = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(text) + 1)
        match chance.randrange(5):
            case 0:
                text[at : at + 1] = bytes((chance.randrange(256),))
            case 1:
                del text[at : at + chance.randrange(1, 20)]
            case 2:
                text[at:at] = chance.randbytes(chance.randrange(1, 9))
            case 3:
                text[at:at] = chance.choice((b"[", b'{"a":', b"NaN", b'"\\u', b"1e999")) * chance.randrange(1, 40)
            case _:
                text[at:at] = text[:at]
    return bytes(text)


def body_of(chance, route):
    """Return a body that the route might take, or nearly."""
    sample = {} if route.takes is None else drawn(chance, msgspec.inspect.type_info(route.takes), KNOWN)
    if chance.random() < 0.4:
        return json.dumps(sample).encode()
    if chance.random() < 0.5:
        for _ in range(chance.choice((1, 1, 2, 4))):
            sample = changed_value(chance, sample)
        return json.dumps(sample).encode()
    if chance.random() < 0.02:
        return b" " * (MOST_BODY_BYTES + 1)
    return changed_bytes(chance, json.dumps(sample, ensure_ascii=False).encode())


def path_of(chance, route):
    """Return the route's path with something, right or wrong, in its gaps and behind it."""
    path = route.path
    while "{" in path:
        before, _, rest = path.partition("{")
        known = chance.choice(("grid-order-1", "grid-incident-1", "grid-step-1", "grid-rule-1", *WORDS[1:]))
        path = before + quote(known[:200], safe="%") + rest.partition("}")[2]
    names = [*route.query, "lang", "limit", "before", "after", "state", "x"]
    said = [
        f"{quote(chance.choice(names))}={quote(chance.choice(WORDS)[:300], safe='%')}"
        for _ in range(chance.randrange(3))
    ]
    return path + ("?" + "&".join(said) if said else "")


def client_for(chance, route, clients):
    """Return somebody's client, mostly of who may."""
    fitting = [role for role in clients if route.needs in SHIPPED[role].may]
    return clients[chance.choice(fitting if fitting and chance.random() < 0.9 else sorted(clients))]


async def ask(clients, chance):
    """Send one request and return its answer."""
    route = chance.choice(ROUTES)
    client = client_for(chance, route, clients)
    method = route.method if chance.random() < 0.95 else chance.choice(("GET", "POST", "PUT", "DELETE", "HEAD", "BREW"))
    headers = [
        (name.encode(), value.encode("latin-1"))
        for name, value in chance.sample(HEADERS, chance.choice((0, 0, 0, 1, 2)))
    ]
    body = body_of(chance, route) if method != "GET" else None
    request = client.build_request(method, path_of(chance, route), content=body, headers=headers)
    return route, await client.send(request)


async def play(folder, seed, requests):
    """Send requests and return how often each status and code came."""
    chance, came = random.Random(seed), Counter()
    async with desk(folder) as it:
        clients = {role: it.client(role) for role in it.tokens}
        room = clients["dispatcher"]
        for _ in range(3):
            answer = await room.post("/v1/alerts", json=ALERT | {"source_ref": str(chance.random())})
            assert answer.status_code == 201, answer.text
        for _ in range(requests):
            route, answer = await ask(clients, chance)
            came[answer.status_code] += 1
            assert answer.status_code < 500 or answer.status_code == 503, (
                route.name,
                answer.request.content,
                answer.text,
            )
            if answer.status_code >= 400 and answer.request.method != "HEAD":
                assert answer.headers["content-type"] == "application/problem+json", (route.name, answer.text)
                problem = msgspec.json.decode(answer.content, type=ProblemBody)
                assert problem.code, (route.name, answer.text)
                assert problem.status == answer.status_code
                came[problem.code] += 1
        assert not it.cycle.counts["faults"]
        last = await room.post("/v1/alerts", json=ALERT | {"source_ref": "last"})
        assert last.status_code == 201
        for client in clients.values():
            await client.aclose()
    return came


def test_whatever_is_asked_is_taken_or_refused_by_name(tmp_path, caplog):
    came = asyncio.run(play(tmp_path, 4, REQUESTS))
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]
    # It reaches what it is meant to reach.
    assert {200, 201, 400, 401, 403, 404, 405, 409, 415, 422} <= came.keys(), came
    assert {"malformed", "missing", "out_of_range", "unknown_field", "wrong_type", "too_deep"} <= came.keys(), came
