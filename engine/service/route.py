"""What one operation of HTTP is, and the queries that several share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from engine.service.roles import Permission
from engine.texts import LANGUAGES


@dataclass(frozen=True, kw_only=True)
class Query:
    """One parameter of the query: its JSON schema and what it means."""

    schema: Mapping[str, object]
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """One operation.

    Attributes
    ----------
    name
        The operation's id, and the method of `engine.service.http.Api` that does it.
    needs
        The permission it takes; ``token`` for any valid token, ``credential`` for what is exchanged for one, ``device``
        for a device that is let in by its network and, where it has one, its secret; None for everybody.
    takes
        The body's type; None without a body.
    media
        Of a body, or of an answer, that is not JSON.
    gives
        The answer's type by status; None for an answer that is not JSON.
    """

    method: Literal["GET", "POST", "PUT"]
    path: str
    name: str
    summary: str
    needs: Permission | Literal["token", "credential", "device"] | None
    gives: Mapping[int, type | None]
    takes: type | None = None
    media: str = ""
    query: Mapping[str, Query] = field(default_factory=dict)


Which = Literal["open", "ended", "all"]
"""Which incidents are listed."""
WhichOrders = Literal["open", "proposed", "all"]
"""Which orders are listed."""
USUAL_PAGE, MOST_PAGE = 100, 500
"""Incidents on a page, unless asked otherwise, and at most."""

LANGUAGE = {
    "lang": Query(
        schema={"type": "string", "enum": list(LANGUAGES)},
        meaning="The language of reasons; otherwise Accept-Language, then the city's first language.",
    )
}
PAGE = {
    "state": Query(
        schema={"type": "string", "enum": list(get_args(Which)), "default": "open"}, meaning="Which incidents."
    ),
    "limit": Query(
        schema={"type": "integer", "minimum": 1, "maximum": MOST_PAGE, "default": USUAL_PAGE},
        meaning="How many on a page.",
    ),
    "before": Query(schema={"type": "string"}, meaning="The `next` of the page before."),
}
AFTER = {
    "limit": PAGE["limit"],
    "after": Query(schema={"type": "string"}, meaning="The `next` of the page before."),
}
