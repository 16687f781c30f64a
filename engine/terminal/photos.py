"""Photos of reports from a terminal: uploaded first, over HTTP; then a report names them by what this returns::

sha256 = await send_photo(credential, order.id, picture)
await client.answer(order, "report", text="…", result="mediated", photos=(sha256,))
"""

import hashlib

import httpx
import msgspec

from engine.model.errors import Refusal
from engine.terminal.exchange import Exchange

TIMEOUT_S = 60.0


class _Problem(msgspec.Struct):
    code: str = "refused"
    field: str = "photo"
    value: str = ""
    limit: str = ""


async def send_photo(exchange: Exchange, order: str, content: bytes) -> str:
    """Upload a photo of an order and return its SHA-256; the same again is the same, so that it may be tried again.

    Raises
    ------
    Refusal
        What the server did not take; ``busy`` and ``not_stored`` say nothing but that it is to be tried again.
    OSError
        When the server does not answer.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    where = f"{exchange.address}/v1/orders/{order}/photos/{sha256}"
    headers = {"Content-Type": "application/octet-stream"}
    try:
        async with httpx.AsyncClient(
            verify=exchange.trust(), timeout=TIMEOUT_S, trust_env=False, auth=exchange
        ) as http:
            answer = await http.put(where, content=content, headers=headers)
    except httpx.HTTPError as error:
        raise ConnectionError(f"{exchange.address} does not answer ({type(error).__name__})") from error
    if answer.is_success:
        return sha256
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem(limit=str(answer.status_code))
    raise Refusal(problem.code, problem.field, problem.value, problem.limit)
