"""A long-lived credential is exchanged for short-lived tokens, by itself and again before each has run out::

    credential = Exchange("https://10.0.0.2:8460", "apt_…")
    async with Client("wss://10.0.0.2:8461/v1/stream", credential) as client: ...
    httpx.Client(base_url=credential.address, auth=credential).get("/v1/incidents")

The credential is shown to ``POST /v1/token`` in a header and nowhere else.
"""

import ssl as ssl_module
import time
from collections.abc import Callable, Generator

import httpx
import msgspec

TIMEOUT_S = 10.0
_USED_FOR = 0.8
"""A token is renewed when this share of its time is over."""


class NotLetIn(Exception):
    """The server does not know the credential, or it was revoked; ``code`` says which. To ask again does not help."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class _Given(msgspec.Struct):
    """What ``POST /v1/token`` answers."""

    token: str
    expires_in: float


class _Problem(msgspec.Struct):
    code: str = ""


class Exchange(httpx.Auth):
    """Tokens for one credential, for the stream and, as the ``auth`` of any httpx client, for HTTP.

    Parameters
    ----------
    address
        The server's, such as ``https://10.0.0.2:8460``.
    credential
        What ``allpoints user add`` or ``allpoints device add`` printed.
    ssl
        Whom to trust, where the server's certificate is of the city's own making.
    clock_s
        A steady clock, in seconds: how long a token holds is counted from when it came, whatever the wall clock says.
    """

    requires_response_body = True

    def __init__(
        self,
        address: str,
        credential: str,
        *,
        ssl: ssl_module.SSLContext | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address.rstrip("/")
        self._credential = credential
        self._ssl = ssl
        self._clock_s = clock_s
        self._token = ""
        self._renew_at_s = 0.0

    async def token(self) -> str:
        """Return a token that holds for a while.

        Raises
        ------
        NotLetIn
            When the server will not have this credential.
        OSError
            When it does not answer, or cannot do it now: another try may help.
        """
        if not self._is_due():
            return self._token
        try:
            async with httpx.AsyncClient(verify=self.trust(), timeout=TIMEOUT_S, trust_env=False) as client:
                self._keep(await client.send(self._request()))
        except httpx.HTTPError as error:
            raise ConnectionError(f"{self.address} does not answer ({type(error).__name__})") from error
        return self._token

    def spoilt(self) -> None:
        """Note that the token was refused: the next one is new."""
        self._renew_at_s = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put a token on a request, for httpx; one that is refused is replaced once."""
        fresh = self._is_due()
        if fresh:
            self._keep((yield self._request()))
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED and not fresh:
            self._keep((yield self._request()))
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _is_due(self) -> bool:
        return self._clock_s() >= self._renew_at_s

    def _request(self) -> httpx.Request:
        headers = {"Authorization": f"Bearer {self._credential}"}
        return httpx.Request("POST", f"{self.address}/v1/token", headers=headers)

    def _keep(self, answer: httpx.Response) -> None:
        """Take the token out of an answer."""
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise NotLetIn(_code_in(answer))
        try:
            given = msgspec.json.decode(answer.content, type=_Given)
        except msgspec.DecodeError:
            said = _code_in(answer) or answer.status_code
            raise ConnectionError(f"{self.address} gives no token now ({said})") from None
        self._token = given.token
        self._renew_at_s = self._clock_s() + _USED_FOR * given.expires_in

    def trust(self) -> ssl_module.SSLContext | bool:
        """Return whom to trust; where nothing is encrypted no store of authorities need be read."""
        return self._ssl if self._ssl is not None else self.address.startswith("https://")


def _code_in(answer: httpx.Response) -> str:
    try:
        return msgspec.json.decode(answer.content, type=_Problem).code
    except msgspec.DecodeError:
        return ""
