"""Who is not let in, over HTTP and on the stream: refused by name, counted, on record without a secret, and limited."""

import asyncio
import time

import httpx
import pytest

from engine.core.city_toml import AccessSettings
from engine.service.access import Access
from engine.service.door import EXCHANGES_AT_ONCE, Door
from engine.service.lockout import MOST_ATTEMPTS
from engine.wire.closing import ClosingCode
from engine.wire.server_messages import Welcome
from tests.support.desk import desk
from tests.support.streams import closed, hear, play, report, running, say, until


def forged(token):
    return token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")


def act(tmp_path, scene):
    async def whole():
        async with desk(tmp_path) as working:
            transport = httpx.ASGITransport(app=working.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
                await scene(working, client)

    play(whole())


def public_id(credential):
    return credential.split("_")[1]


def made_long_ago(tmp_path, credential):
    """Return a token of half an hour ago."""
    with Access(tmp_path, now_s=lambda: int(time.time()) - 1_800) as then:
        return then.exchange(credential).token


def made_elsewhere(tmp_path, credential):
    """Return a token for another city under our own key."""
    with Access(tmp_path, AccessSettings(audience="elsewhere")) as there:
        return there.exchange(credential).token


def shown(kind, tmp_path, token, credential):
    """Return what is shown for a token."""
    if kind == "revoked":
        with Access(tmp_path) as other:
            assert other.revoke(public_id(credential))
    if kind == "expired":
        return made_long_ago(tmp_path, credential)
    if kind == "elsewhere":
        return made_elsewhere(tmp_path, credential)
    return {"malformed": "swordfish", "credential": credential, "forged": forged(token)}.get(kind, token)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("missing", 401, "no_token"),
        ("password", 401, "no_token"),
        ("malformed", 401, "malformed_token"),
        ("credential", 401, "credential_shown"),
        ("forged", 401, "forged_token"),
        ("expired", 401, "expired"),
        ("elsewhere", 401, "wrong_audience"),
        ("revoked", 401, "revoked"),
        ("wrong role", 403, "not_permitted"),
    ],
)
def test_over_http_each_is_refused_counted_and_on_record_without_a_secret(tmp_path, caplog, kind, status, code):
    async def scene(working, client):
        token, credential = working.tokens["terminal"], working.credentials["terminal"]
        said = {"missing": "", "password": "Basic bGk6c3dvcmRmaXNo"}.get(kind)
        if said is None:
            said = f"Bearer {shown(kind, tmp_path, token, credential)}"
        answer = await client.get("/v1/incidents", headers={"Authorization": said})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        labels = {"channel": "http", "code": code}
        assert working.metrics.registry.get_sample_value("allpoints_refusals_total", labels) == 1
        (record,) = [each for each in caplog.records if each.name == "allpoints.access"]
        assert (record.code, record.host, record.channel) == (code, "127.0.0.1", "http")
        written = str(vars(record)) + answer.text
        for secret in ("swordfish", credential.split("_", 2)[2], token, token.split(".")[2]):
            assert secret not in written
        if kind not in {"missing", "password", "malformed"}:
            assert record.credential == public_id(credential)
        if kind in {"forged", "expired", "elsewhere", "revoked", "wrong role"}:
            assert len(record.token_id) == 16

    act(tmp_path, scene)


def test_an_address_that_is_wrong_too_often_is_told_to_wait_and_what_holds_is_let_in(tmp_path, caplog):
    async def scene(working, client):
        wrong = {"Authorization": "Bearer guess"}
        statuses = [(await client.get("/v1/incidents", headers=wrong)).status_code for _ in range(MOST_ATTEMPTS + 3)]
        assert statuses == [401] * MOST_ATTEMPTS + [429] * 3
        answer = await client.get("/v1/incidents", headers=wrong)
        assert (answer.json()["code"], answer.json()["field"]) == ("too_many_attempts", "authorization")
        assert "Retry-After" in answer.headers
        assert len([each for each in caplog.records if each.name == "allpoints.access"]) == MOST_ATTEMPTS
        async with working.client("dispatcher") as dispatcher:
            assert (await dispatcher.get("/v1/incidents")).status_code == 200
        assert (await client.get("/healthz")).status_code == 200
        # Guessing a credential is guessing, too; one that holds is exchanged.
        guess = {"Authorization": "Bearer apt_001122334455_guess"}
        assert (await client.post("/v1/token", headers=guess)).status_code == 429
        good = {"Authorization": f"Bearer {working.credentials['observer']}"}
        assert (await client.post("/v1/token", headers=good)).status_code == 200

    act(tmp_path, scene)


def test_over_http_too_a_call_for_help_is_heard_on_a_device_s_token_that_has_run_out_and_nothing_else(tmp_path):
    async def scene(working, client):
        for role, status in (("terminal", 201), ("dispatcher", 401)):
            old = {"Authorization": f"Bearer {made_long_ago(tmp_path, working.credentials[role])}"}
            called = await client.post("/v1/emergencies", headers=old, json={"key": "k", "unit": "P1"})
            assert called.status_code == status, called.text
            assert (await client.get("/v1/bootstrap", headers=old)).json()["code"] == "expired"
        revoked = made_long_ago(tmp_path, working.credentials["terminal"])
        with Access(tmp_path) as other:
            other.revoke(public_id(working.credentials["terminal"]))
        called = await client.post("/v1/emergencies", headers={"Authorization": f"Bearer {revoked}"}, json={"key": "l"})
        assert (called.status_code, called.json()["code"]) == (401, "revoked")

    act(tmp_path, scene)


def test_a_token_that_has_run_out_is_no_attempt(tmp_path):
    async def scene(working, client):
        old = {"Authorization": f"Bearer {made_long_ago(tmp_path, working.credentials['observer'])}"}
        codes = [(await client.get("/v1/incidents", headers=old)).status_code for _ in range(MOST_ATTEMPTS + 3)]
        assert set(codes) == {401}

    act(tmp_path, scene)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("", "no_token"),
        ("Bearer swordfish", "malformed_credential"),
        ("Bearer apt_001122334455_swordfish", "unknown_credential"),
        ("forged", "unknown_credential"),
        ("a token", "malformed_credential"),
        ("revoked", "revoked"),
    ],
)
def test_what_is_no_credential_is_exchanged_for_nothing(tmp_path, caplog, said, code):
    async def scene(working, client):
        credential = working.credentials["dispatcher"]
        if said == "revoked":
            with Access(tmp_path) as other:
                other.revoke(public_id(credential))
        shown = {
            "forged": f"Bearer {forged(credential)}",
            "a token": f"Bearer {working.tokens['dispatcher']}",
            "revoked": f"Bearer {credential}",
        }.get(said, said)
        answer = await client.post("/v1/token", headers={"Authorization": shown})
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        (record,) = [each for each in caplog.records if each.name == "allpoints.access"]
        assert "swordfish" not in str(vars(record))
        if said in {"forged", "revoked"}:
            assert record.credential == public_id(credential)

    act(tmp_path, scene)


def test_a_credential_is_exchanged_so_often_and_nothing_of_it_is_kept_by_the_way(tmp_path):
    async def scene(working, client):
        good = {"Authorization": f"Bearer {working.credentials['observer']}"}
        answers = [await client.post("/v1/token", headers=good) for _ in range(EXCHANGES_AT_ONCE + 3)]
        assert {answer.status_code for answer in answers[:EXCHANGES_AT_ONCE]} == {200}
        assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "too_fast")
        first = answers[0]
        assert first.headers["Cache-Control"] == "no-store"
        assert first.json()["role"] == "observer"
        assert first.json()["expires_in"] == 600
        assert len({answer.json()["token"] for answer in answers[:3]}) == 3

    act(tmp_path, scene)


@pytest.fixture
def gate(tmp_path):
    with Access(tmp_path) as access:
        yield access


def watch(access, scene):
    """Run a stream whose door is the real one."""

    async def whole():
        async with running(door=Door(access)) as server:
            await scene(server)

    play(whole())


@pytest.mark.parametrize(
    ("kind", "closing", "code"),
    [
        ("malformed", ClosingCode.DENIED, "malformed_token"),
        ("credential", ClosingCode.DENIED, "credential_shown"),
        ("forged", ClosingCode.TOKEN_SPENT, "forged_token"),
        ("expired", ClosingCode.TOKEN_SPENT, "expired"),
        ("elsewhere", ClosingCode.DENIED, "wrong_audience"),
        ("revoked", ClosingCode.DENIED, "revoked"),
    ],
)
def test_on_the_stream_each_is_refused_counted_and_on_record(tmp_path, gate, caplog, kind, closing, code):
    credential = gate.add("terminal", "near")
    token = gate.exchange(credential).token

    async def scene(server):
        socket = await server.socket(shown(kind, tmp_path, token, credential))
        assert await closed(socket) == (closing, code, [])
        assert server.stream.counts[f"refused_{code}"] == 1
        (record,) = [each for each in caplog.records if each.name == "allpoints.access"]
        assert (record.code, record.host, record.channel) == (code, "127.0.0.1", "stream")
        assert credential.split("_", 2)[2] not in str(vars(record))
        if kind != "malformed":
            assert record.credential == public_id(credential)

    watch(gate, scene)


def test_on_the_stream_a_wrong_role_is_refused_each_time_and_on_record_once(gate, caplog):
    token = gate.exchange(gate.add("observer", "wall")).token

    async def scene(server):
        socket = await server.socket(token)
        await hear(socket)
        for _ in range(3):
            await say(socket, report(1))
            refused = await hear(socket)
            assert (refused.code, refused.field, refused.value) == ("not_allowed", "message", "'alert'")
        assert server.stream.counts["refused_not_allowed"] == 3
        (record,) = [each for each in caplog.records if each.name == "allpoints.access"]
        known = gate.verify(token)
        assert (record.code, record.said, record.role) == ("not_allowed", "alert", "observer")
        assert (record.credential, record.token_id) == (known.credential, known.token_id)

    watch(gate, scene)


def test_nothing_secret_in_an_address_lets_anybody_in(tmp_path):
    async def scene(working, client):
        for shown in (working.tokens["dispatcher"], working.credentials["dispatcher"]):
            for name in ("token", "access_token", "authorization"):
                answer = await client.get("/v1/incidents", params={name: shown})
                assert (answer.status_code, answer.json()["code"]) == (401, "no_token")
            assert (await client.post("/v1/token", params={"credential": shown})).status_code == 401

    act(tmp_path, scene)


def test_on_the_stream_a_missing_token_is_no_greeting(gate):
    async def scene(server):
        socket = await server.socket()
        await socket.send(b"\x82\xa7message\xa5hello\xa5token\xa0")
        code, _, said = await closed(socket)
        assert code == ClosingCode.GREETING_WRONG
        assert said[0].field == "token"

    watch(gate, scene)


def test_on_the_stream_guessing_is_limited_and_what_holds_is_let_in(gate, caplog):
    good = gate.exchange(gate.add("terminal", "near")).token

    async def scene(server):
        reasons = [(await closed(await server.socket("guess")))[1] for _ in range(MOST_ATTEMPTS + 2)]
        assert reasons == ["malformed_token"] * MOST_ATTEMPTS + ["too_many_attempts"] * 2
        assert len([each for each in caplog.records if each.name == "allpoints.access"]) == MOST_ATTEMPTS
        assert isinstance(await hear(await server.socket(good)), Welcome)

    watch(gate, scene)


def test_a_token_opens_one_connection_at_a_time_and_the_one_that_lives_goes_on(gate, caplog):
    token = gate.exchange(gate.add("terminal", "near")).token

    async def scene(server):
        first = await server.socket(token)
        assert isinstance(await hear(first), Welcome)
        assert await closed(await server.socket(token)) == (ClosingCode.TOKEN_SPENT, "replayed", [])
        (record,) = [each for each in caplog.records if each.name == "allpoints.access"]
        assert (record.code, record.token_id) == ("replayed", gate.verify(token).token_id)
        assert server.stream.counts["sessions"] == 1
        first.transport.abort()  # only the line is lost: the same device comes back with the same token
        await until(lambda: not server.stream.connected)
        assert isinstance(await hear(await server.socket(token)), Welcome)

    watch(gate, scene)


def test_a_token_of_a_session_that_was_ended_opens_no_other(gate):
    credential = gate.add("terminal", "near")
    left, replaced, newest = (gate.exchange(credential).token for _ in range(3))

    async def scene(server):
        socket = await server.socket(left)
        await hear(socket)
        await socket.close()  # its owner has left
        await until(lambda: not server.stream.connected)
        assert (await closed(await server.socket(left)))[1] == "replayed"

        older = await server.socket(replaced)
        await hear(older)
        newer = await server.socket(newest)
        assert isinstance(await hear(newer), Welcome)
        assert (await closed(older))[0] == ClosingCode.REPLACED
        assert (await closed(await server.socket(replaced)))[1] == "replayed"

    watch(gate, scene)


def test_a_session_ends_soon_after_its_credential_was_revoked_however_busy_it_is(tmp_path, gate):
    credential = gate.add("terminal", "near")
    token = gate.exchange(credential).token

    async def scene(server):
        socket = await server.socket(token)
        await hear(socket)
        with Access(tmp_path) as other:
            other.revoke(public_id(credential))
        code, reason, _ = await asyncio.wait_for(closed(socket), 5)
        assert (code, reason) == (ClosingCode.DENIED, "revoked")

    watch(gate, scene)
