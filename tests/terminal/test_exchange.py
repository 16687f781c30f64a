"""A credential is exchanged by itself: once while its token holds, anew in time, once more when a token is refused."""

import asyncio

import httpx
import pytest

from engine.service.access import Access
from engine.service.door import Door
from engine.terminal import Client, ClientEnded, Exchange, NotLetIn
from tests.support.streams import QUICK, play, running

CREDENTIAL = "apt_001122334455_secret"


class Server:
    """What a server answers, and what it was asked."""

    def __init__(self, holds_s=100):
        self.given = 0
        self.refused = set()
        self.holds_s = holds_s
        self.answer = None
        self.asked = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.path, request.headers["Authorization"].removeprefix("Bearer ")))
        if request.url.path != "/v1/token":
            shown = self.asked[-1][1]
            return httpx.Response(401 if shown in self.refused else 200, json={"code": "expired"})
        if self.answer is not None:
            return self.answer
        self.given += 1
        return httpx.Response(200, json={"token": f"token {self.given}", "expires_in": self.holds_s, "role": "x"})


class Clock:
    def __init__(self):
        self.now_s = 50.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client(server, clock):
    exchange = Exchange("http://desk.example/", CREDENTIAL, clock_s=clock)
    with httpx.Client(transport=httpx.MockTransport(server), base_url="http://desk.example", auth=exchange) as made:
        yield made


def test_one_token_is_used_while_it_holds_and_renewed_in_time(client, server, clock):
    for at_s in (50.0, 60.0, 129.0, 130.0):
        clock.now_s = at_s
        assert client.get("/v1/incidents").status_code == 200
    assert server.asked == [
        ("/v1/token", CREDENTIAL),
        ("/v1/incidents", "token 1"),
        ("/v1/incidents", "token 1"),
        ("/v1/incidents", "token 1"),
        ("/v1/token", CREDENTIAL),
        ("/v1/incidents", "token 2"),
    ]


def test_a_token_that_is_refused_before_its_time_is_replaced_once(client, server):
    client.get("/v1/incidents")
    server.refused = {"token 1"}
    assert client.get("/v1/orders/x").status_code == 200
    server.refused = {"token 2", "token 3"}
    assert client.get("/v1/orders/x").status_code == 401
    assert [path for path, _ in server.asked].count("/v1/token") == 3


def test_a_credential_that_is_not_let_in_is_no_try_again(client, server):
    server.answer = httpx.Response(401, json={"code": "revoked"})
    with pytest.raises(NotLetIn, match="revoked"):
        client.get("/v1/incidents")


@pytest.mark.parametrize("answer", [httpx.Response(503, json={"code": "busy"}), httpx.Response(200, text="<html>")])
def test_what_is_no_token_may_be_one_later(client, server, answer):
    server.answer = answer
    with pytest.raises(ConnectionError, match=r"busy|200"):
        client.get("/v1/incidents")


class FromStore(Exchange):
    """An exchange whose server is the store itself."""

    def __init__(self, access, credential):
        super().__init__("http://nowhere.example", credential)
        self.access = access
        self.given = 0

    async def token(self):
        if self._is_due():
            self.given += 1
            issued = self.access.exchange(self._credential)
            self._keep(httpx.Response(200, json={"token": issued.token, "expires_in": issued.holds_s}))
        return self._token


def test_a_client_whose_token_was_used_before_comes_with_a_new_one(tmp_path):
    async def scene():
        with Access(tmp_path) as access:
            credential = access.add("terminal", "near")
            async with running(door=Door(access)) as server:
                source = FromStore(access, credential)
                stolen = await source.token()
                thief = await server.socket(stolen, device="thief")
                async with Client(server.url, source, backoff_s=QUICK) as client:
                    assert (await client.connected()).recipient == "near"
                assert source.given == 2
                assert server.stream.counts["refused_replayed"] == 1
                await thief.close()

    play(scene())


def test_a_client_with_one_token_alone_ends_when_it_is_spent(tmp_path):
    async def scene():
        with Access(tmp_path) as access:
            token = access.exchange(access.add("terminal", "near")).token
            async with running(door=Door(access)) as server:
                async with Client(server.url, token, backoff_s=QUICK) as client:
                    await client.connected()
                async with Client(server.url, token, backoff_s=QUICK) as client:
                    with pytest.raises(ClientEnded, match="replayed"):
                        await client.connected()

    play(scene())


def test_a_client_whose_server_gives_no_token_yet_waits_and_comes_again(tmp_path):
    class Late(FromStore):
        async def token(self):
            if self.given < 3:
                self.given += 1
                raise ConnectionError
            return await super().token()

    async def scene():
        with Access(tmp_path) as access:
            async with running(door=Door(access)) as server:
                source = Late(access, access.add("terminal", "near"))
                async with Client(server.url, source, backoff_s=QUICK) as client:
                    await asyncio.wait_for(client.connected(), 10)
                assert source.given == 4

    play(scene())


def test_a_client_whose_credential_was_revoked_ends(tmp_path):
    class Gone(Exchange):
        async def token(self):
            raise NotLetIn("revoked")

    async def scene():
        async with running() as server, Client(server.url, Gone("http://x", "apt_x_x"), backoff_s=QUICK) as client:
            with pytest.raises(ClientEnded, match="revoked"):
                await client.connected()

    play(scene())
