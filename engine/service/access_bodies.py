"""What HTTP takes and gives about who may what: tokens, credentials, and the reading of what names people."""

from typing import Annotated

import msgspec

from engine.model.commands import Readable
from engine.model.entities import PlaceWords
from engine.model.limits import LONGEST_ADDRESS
from engine.service.bodies import PlainBody
from engine.wire.reports import PersonalDetails


class ReadingIn(PlainBody, frozen=True, forbid_unknown_fields=True):
    """Why somebody reads what names people."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ADDRESS)]


class DetailsBody(PlainBody, frozen=True):
    """What names people in an incident, a lookout or a sighting, and under which entry of the record it was read.

    ``label`` is who or what is looked for; ``places`` what the places of a search are called, in order; ``words`` is
    what people said besides of whom they chose, by order. What was erased, or is shown no more, is left out.
    """

    details: PersonalDetails
    reading: int
    label: str = ""
    places: tuple[PlaceWords, ...] = ()
    words: dict[str, str] = {}  # noqa: RUF012 - msgspec gives each its own


class ReadingBody(PlainBody, frozen=True):
    """Who has read what names people in ``id``, as what, when and why; ``reason`` is empty once it was erased."""

    reading: int
    at: int
    actor: str
    role: str
    what: Readable
    id: str
    reason: str = ""


class ReadingList(PlainBody, frozen=True):
    """A page of readings, newest first; ``next`` is the ``before`` of the page that follows."""

    readings: tuple[ReadingBody, ...]
    next: int | None = None


class CredentialBody(PlainBody, frozen=True):
    """Whom a credential lets in, as what; never its secret."""

    id: str
    role: str
    subject: str
    device: str
    added_at: int
    revoked_at: int | None = None


class CredentialList(PlainBody, frozen=True):
    """All credentials, oldest first."""

    credentials: tuple[CredentialBody, ...]


class TokenBody(PlainBody, frozen=True):
    """A signed token: shown as a Bearer token, and in the greeting of the stream, for ``expires_in`` seconds."""

    token: str
    expires_in: int
    role: str
    subject: str
    permissions: tuple[str, ...]
