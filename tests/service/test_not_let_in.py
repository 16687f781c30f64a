"""Who is not let in over HTTP: refused by name, counted, logged without a secret, and limited."""

import httpx
import pytest

from engine.service.access import Access
from engine.service.lockout import MOST_ATTEMPTS
from tests.support.desk import desk
from tests.support.streams import play


def forged(token):
    return token[:-1] + ("A" if token[-1] != "A" else "B")


def act(tmp_path, scene):
    async def whole():
        async with desk(tmp_path) as working:
            transport = httpx.ASGITransport(app=working.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
                await scene(working, client)

    play(whole())


def revoked(tmp_path, token):
    with Access(tmp_path) as other:
        assert other.revoke(token.split("_")[1])
    return token


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ("missing", 401, "no_token"),
        ("password", 401, "no_token"),
        ("malformed", 401, "malformed_token"),
        ("unknown", 401, "unknown_token"),
        ("forged", 401, "unknown_token"),
        ("revoked", 401, "revoked"),
        ("wrong role", 403, "not_permitted"),
    ],
)
def test_each_is_refused_counted_and_logged_without_a_secret(tmp_path, caplog, header, status, code):
    async def scene(working, client):
        token = working.tokens["terminal"]
        said = {
            "missing": "",
            "password": "Basic bGk6c3dvcmRmaXNo",
            "malformed": "Bearer swordfish",
            "unknown": "Bearer apt_000000000000_swordfish",
            "forged": f"Bearer {forged(token)}",
            "revoked": f"Bearer {revoked(tmp_path, token) if header == 'revoked' else token}",
            "wrong role": f"Bearer {token}",
        }[header]
        answer = await client.get("/v1/incidents", headers={"Authorization": said})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        labels = {"channel": "http", "code": code}
        assert working.metrics.registry.get_sample_value("allpoints_refusals_total", labels) == 1
        (record,) = [each for each in caplog.records if each.name == "allpoints.http"]
        written = str(vars(record)) + answer.text
        assert "swordfish" not in written
        assert token.split("_", 2)[2] not in written
        if header in {"forged", "revoked", "wrong role"}:
            assert token.split("_")[1] in written

    act(tmp_path, scene)


def test_an_address_that_is_wrong_too_often_is_told_to_wait_and_a_token_that_holds_is_let_in(tmp_path, caplog):
    async def scene(working, client):
        wrong = {"Authorization": "Bearer apt_000000000000_guess"}
        statuses = [(await client.get("/v1/incidents", headers=wrong)).status_code for _ in range(MOST_ATTEMPTS + 3)]
        assert statuses == [401] * MOST_ATTEMPTS + [429] * 3
        answer = await client.get("/v1/incidents", headers=wrong)
        assert (answer.json()["code"], answer.json()["field"]) == ("too_many_attempts", "authorization")
        assert "Retry-After" in answer.headers
        assert len([each for each in caplog.records if each.name == "allpoints.http"]) == MOST_ATTEMPTS
        async with working.client("dispatcher") as dispatcher:
            assert (await dispatcher.get("/v1/incidents")).status_code == 200
        assert (await client.get("/healthz")).status_code == 200

    act(tmp_path, scene)
