"""What HTTP takes and gives, typed once: requests are read through these types, OpenAPI is drawn from them.

Bounds stand in the types, so that what is out of bounds is refused while it is read. Unknown fields are refused:
over HTTP a misspelt one is a mistake of whoever integrates, and should show at once.
"""

from typing import Annotated, Literal

import msgspec

from engine.model.commands import Answer
from engine.model.entities import Incident, RecipientKind
from engine.model.lifecycle import OrderState
from engine.model.limits import MOST_NEEDS
from engine.model.recommendation import Recommendation
from engine.wire.messages import Count, Id, Instant, Lat, Level, Lon, NeedOf, PersonalDetails, Text, Word
from geo_data.datum import Datum


class _Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class NewAlert(_Body, frozen=True, forbid_unknown_fields=True):
    """A report of a happening. The same ``source`` and ``source_ref`` again gives the first answer again.

    ``source`` is the token's own name when it is left out, ``at`` the instant of arrival.
    """

    source_ref: Id
    type: Id
    lon: Lon
    lat: Lat
    datum: Datum = "wgs84"
    source: Word = ""
    at: Instant | None = None
    level: Level | None = None
    needs: Annotated[tuple[NeedOf, ...], msgspec.Meta(max_length=MOST_NEEDS)] | None = None
    details: PersonalDetails = PersonalDetails()
    exercise: bool = False


class OrderBody(_Body, frozen=True):
    """An order as the desk sees it."""

    id: str
    version: int
    incident: str
    recipient: str
    recipient_kind: RecipientKind
    capability: str
    state: OrderState
    proposed_at: int
    eta_ms: int | None
    turnout_ms: int
    route: str = ""
    exercise: bool = False


class RecommendationBody(_Body, frozen=True):
    """Who should go and why: the codes and values as they were decided, and the same in words."""

    said: tuple[str, ...]
    decided: Recommendation


class AlertTaken(_Body, frozen=True):
    """What became of an alert.

    ``shortage`` lists the capabilities that nobody free has, ``waiting`` those that are still being decided together
    with other alerts; their orders follow.
    """

    alert: str
    incident: str
    duplicate: bool
    orders: tuple[OrderBody, ...]
    shortage: tuple[str, ...]
    waiting: tuple[str, ...]
    recommendations: tuple[RecommendationBody, ...]


class WaitingBody(_Body, frozen=True):
    """A unit that is wanted and has not been found yet."""

    demand: str
    capability: str
    unmet: bool


class IncidentBody(_Body, frozen=True):
    """An incident with all that hangs on it. ``details`` is there for those who may read it."""

    incident: Incident
    orders: tuple[OrderBody, ...]
    waiting: tuple[WaitingBody, ...]
    recommendations: tuple[RecommendationBody, ...]
    details: PersonalDetails | None = None


class IncidentList(_Body, frozen=True):
    """A page of incidents, newest first; ``next`` is the ``before`` of the page that follows."""

    incidents: tuple[Incident, ...]
    next: str | None = None


class CancelIn(_Body, frozen=True, forbid_unknown_fields=True):
    """Why an order is withdrawn; with ``drop`` nobody else is sought."""

    reason: Id
    drop: bool = False


class AnswerIn(_Body, frozen=True, forbid_unknown_fields=True):
    """What the desk heard from a recipient, by radio or telephone. ``key`` makes it safe to send again."""

    key: Id
    version: Count
    answer: Answer
    via: Literal["radio", "desk"] = "radio"
    reason: Word = ""
    text: Text = ""
    said_at: Instant | None = None


class Bootstrap(_Body, frozen=True):
    """What a client needs to begin: where the stream is and what it speaks."""

    city: str
    version: str
    log_id: str
    stream_url: str
    subprotocols: tuple[str, ...]
    languages: tuple[str, ...]
    alert_types: dict[str, dict[str, str]]
    capabilities: dict[str, dict[str, str]]


class Health(_Body, frozen=True):
    """Whether the server is alive, or ready; ``waits_for`` says what is missing."""

    status: Literal["ok", "waiting"]
    waits_for: tuple[str, ...] = ()


class ProblemBody(_Body, frozen=True):
    """An error, after RFC 9457, with the four things that every refusal names."""

    title: str
    status: int
    code: str
    field: str = ""
    value: str = ""
    limit: str = ""
