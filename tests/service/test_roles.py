"""Who may what: every route and every message of the stream by every role, and what a city may say of roles itself."""

import re
from pathlib import Path
from typing import get_args

import msgpack
import pytest

from engine.core.city_files import CityError
from engine.service.hearing import NEEDS
from engine.service.roles import ADMINISTERING, AUDITING, ROLES, Permission, Roles
from engine.service.routes import ROUTES
from engine.wire.messages import ClientMessage, Heartbeat, Hello
from engine.wire.server_messages import Refused
from tests.support.cities import NOW, station, unit
from tests.support.desk import desk
from tests.support.streams import hear, play, running, say

SHIPPED = Roles.shipped()
FIX = {"lon": 113.0, "lat": 36.5, "at": NOW}
SAMPLES = {
    "emergency": {"key": "k", "unit": "near"},
    "read": {"key": "k", "broadcast": "x"},
    "welfare": {"key": "k", "order": "x", "version": 1, "every_s": 300},
    "facts": {"key": "k", "order": "x", "established": ["weapon"]},
    "leave": {"key": "k", "order": "x", "step": "firearms"},
    "positions": {"fixes": [FIX]},
    "status": {"key": "k", "status": "busy"},
    "answer": {"key": "k", "order": "x", "version": 1, "answer": "accept"},
    "assign": {"key": "k", "order": "x", "version": 1},
    "ask": {"key": "k", "order": "x", "version": 1, "what": "backup"},
    "return": {"key": "k", "order": "x", "version": 1, "reason": "far"},
    "ack": {"seq": 1},
    "alert": {"source": "s", "source_ref": "k", "type": "robbery", **FIX},
    "sighting": {"source_ref": "k", "lookout": "x", **FIX},
    "verify": {"key": "k", "sighting": "x", "verdict": "true"},
    "settle": {"key": "k", "sighting": "x", "what": "reject"},
    "look": {"key": "k", "order": "x", "place": 1, "found": False},
    "clock": {"key": "k", "now": NOW},
}
"""A message of each kind that can be read; what it is about does not matter to who may say it."""


def test_the_shipped_roles_are_those_of_a_command_centre_and_none_is_empty():
    assert list(SHIPPED) == [
        "terminal", "station", "call_taker", "dispatcher", "analyst", "video_desk", "clock_supervisor",
        "shift_supervisor", "commander", "duty_leader", "inspector", "office", "integration", "observer",
        "administrator", "auditor",
    ]  # fmt: skip
    assert all(role.may and role.name.keys() == {"zh", "en"} for role in SHIPPED.values())
    assert {permission for role in SHIPPED.values() for permission in role.may} == set(Permission)


def test_nobody_but_people_approves_and_the_administrator_sees_no_incident():
    approvers = {role.speaks_for for role in SHIPPED.values() if Permission.APPROVE_ORDERS in role.may}
    assert approvers == {"person"}
    administrator, auditor = SHIPPED["administrator"], SHIPPED["auditor"]
    assert not administrator.may & {Permission.READ_INCIDENTS, Permission.READ_DETAILS, *AUDITING}
    assert not auditor.may & {Permission.READ_DETAILS, *ADMINISTERING}


def test_every_route_is_open_to_exactly_the_roles_that_may(tmp_path: Path):
    async def scene():
        wrong = []
        async with desk(tmp_path) as working:
            for name, role in SHIPPED.items():
                async with working.client(name) as client:
                    for route in ROUTES:
                        path = re.sub(r"{\w+}", "x", route.path)
                        answer = await client.request(route.method, path, content=b"{}")
                        is_refused = answer.status_code == 403 and answer.json()["code"] == "not_permitted"
                        should_be = isinstance(route.needs, Permission) and route.needs not in role.may
                        if is_refused != should_be:
                            wrong.append((name, route.name, answer.status_code))
        assert not wrong

    play(scene())


def subject_of(role):
    return {"unit": "near", "station": "S1", "office": "chief"}.get(role.speaks_for, "li")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_message_is_open_to_exactly_the_roles_that_may(name: str):
    async def scene():
        role = SHIPPED[name]
        wrong = []
        async with running(unit("near", 1, 0), stations=[station("S1", 0, 0)]) as server:
            for tag, sample in SAMPLES.items():
                socket = await server.socket(f"{name}:{subject_of(role)}")
                welcome = await hear(socket)
                assert welcome.role == name
                if welcome.recipient:
                    await hear(socket)
                await socket.send(msgpack.packb({"message": tag, **sample}))
                await say(socket, Heartbeat())
                await say(socket, Hello(token="again"))  # answered at once: all that came before it has been heard
                codes, is_refused = [], False
                while not codes or codes[-1] != "out_of_turn":
                    said = await hear(socket)
                    codes.append(said.code if isinstance(said, Refused) else "")
                    is_refused |= isinstance(said, Refused) and said.limit.startswith("a role that may ")
                may = any(permission in role.may for permission in needs(tag))
                # A number that was never sent is refused to everybody; who may acknowledge has a mailbox.
                if is_refused == may if tag != "ack" else bool(welcome.recipient) != may:
                    wrong.append((tag, codes))
                await socket.close()
        assert not wrong

    play(scene())


def needs(tag):
    (kind,) = [kind for kind in get_args(ClientMessage) if kind.__struct_config__.tag == tag]
    return NEEDS[kind]


def test_every_message_has_its_leave():
    tags = {kind.__struct_config__.tag for kind in get_args(ClientMessage)} - {"hello", "heartbeat"}
    assert tags == set(SAMPLES)
    assert set(NEEDS) == set(get_args(ClientMessage)) - {Hello, Heartbeat}


def test_a_city_replaces_roles_and_adds_its_own(tmp_path: Path):
    (tmp_path / ROLES).write_text(
        'schema = 1\n[roles.observer]\nspeaks_for = "person"\nmay = ["read_metrics"]\n'
        '[roles.drone]\nname = { en = "drone pilot" }\nspeaks_for = "unit"\nmay = ["send_position"]\n'
    )
    roles = Roles.of(tmp_path)
    assert roles["observer"].may == {Permission.READ_METRICS}
    assert roles["drone"].is_device
    assert roles["dispatcher"] == SHIPPED["dispatcher"]
    assert len(roles) == len(SHIPPED) + 1


HEAD = "schema = 1\n[roles.x]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema = 2\n[roles.x]\n", "roles.toml:1: schema: 2 is not taken; this program reads schema 1"),
        ("[roles.x]\nspeaks_for = 'person'\nmay = []\n", "roles.toml: schema"),
        ("schema = 1\n", "roles.toml: roles"),
        ("schema = 1\nroles = 3\n", "roles.toml:2: roles: 3"),
        ("schema = 1\n[role.x]\n", "roles.toml:2: role"),
        (HEAD + 'speaks_for = "person"\n', "roles.toml:2: roles.x.may: '' is not taken; missing"),
        (HEAD + 'speaks_for = "dog"\nmay = []\n', "roles.toml:3: roles.x.speaks_for: 'dog'"),
        (HEAD + 'speaks_for = "person"\nmay = ["fly"]\n', "roles.toml:4: roles.x.may: ['fly']"),
        (HEAD + 'speaks_for = "person"\nmay = [1]\n', "roles.toml:4: roles.x.may"),
        (
            HEAD + 'speaks_for = "person"\nmay = []\nmust = 1\n',
            "roles.toml:5: roles.x.must: 'must' is not taken; unknown",
        ),
        (HEAD + 'speaks_for = "person"\nmay = []\nname = { fr = "x" }\n', "roles.toml:5: roles.x.name"),
        (HEAD + 'speaks_for = "person"\nmay = ["send_position"]\n', "only for what speaks for unit"),
        (HEAD + 'speaks_for = "unit"\nmay = ["desk_mailbox"]\n', "only for what speaks for person"),
        (HEAD + 'speaks_for = "person"\nmay = ["own_mailbox"]\n', "a person who names offices"),
        (HEAD + 'speaks_for = "unit"\nmay = []\noffices = ["chief"]\n', "roles.toml:5: roles.x.offices: 'chief'"),
        (
            HEAD + 'speaks_for = "person"\noffices = ["chief"]\nmay = ["own_mailbox", "desk_mailbox"]\n',
            "roles.toml:5: roles.x.may: 'own_mailbox, desk_mailbox' is not taken; one mailbox",
        ),
        (
            HEAD + 'speaks_for = "person"\nmay = ["revoke_credentials", "read_readings"]\n',
            "roles.toml:4: roles.x.may: 'read_readings, revoke_credentials' is not taken; read_credentials and",
        ),
        ('schema = 1\n[roles.X]\nspeaks_for = "person"\nmay = []\n', "roles.toml:2: roles.X: 'X'"),
        ("schema = 1\n[roles.x\n", "roles.toml:2: syntax"),
    ],
)
def test_what_a_city_says_wrong_is_named_with_its_line(tmp_path: Path, text: str, said: str):
    (tmp_path / ROLES).write_text(text)
    with pytest.raises(CityError) as error:
        Roles.of(tmp_path)
    assert said in str(error.value)
