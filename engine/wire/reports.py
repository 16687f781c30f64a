"""What a source reports and a desk decides of it: alerts, sightings, verdicts; all of it part of `ClientMessage`.

What an alert is made of is shared with HTTP. Whatever can name someone is apart, and is kept encrypted.
"""

from typing import Annotated

import msgspec

from engine.model.entities import Alert, Details, Need, Place, PlaceWords
from engine.model.limits import (
    LONGEST_ADDRESS,
    LONGEST_CHECK_MS,
    LONGEST_NAME,
    MOST_NEEDS,
    MOST_SEARCH_PLACES,
    MOST_UNITS_OF_NEED,
    WORST_ACCURACY_M,
)
from engine.model.lookouts import Mode, Settlement, SightingReport, Verdict
from engine.wire.fields import Facts, Id, Instant, Lat, Level, Lon, Message, Text, Word


class PersonalDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of an alert that can name someone."""

    text: Text = ""
    caller: Word = ""
    phone: Word = ""
    address: Annotated[str, msgspec.Meta(max_length=LONGEST_ADDRESS)] = ""

    def plain(self) -> Details:
        """Return it as the engine's own type."""
        return Details(self.text, self.caller, self.phone, self.address)


class NeedOf(msgspec.Struct, frozen=True):
    """So many units of one capability."""

    capability: Id
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_UNITS_OF_NEED)] = 1

    def plain(self) -> Need:
        """Return it as the engine's own type."""
        return Need(self.capability, self.count)


class PlaceOf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somewhere that the subject may be, with how probably; a look takes ``check_s``, or as long as the city says.

    ``name`` and ``phone`` are kept encrypted; with a number it can be called.
    """

    lon: Lon
    lat: Lat
    chance: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
    check_s: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_CHECK_MS // 1_000)] = 0
    name: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] = ""
    phone: Word = ""

    def plain(self) -> Place:
        """Return it as the engine's own type, without what can name someone."""
        return Place(
            lon=self.lon, lat=self.lat, chance=self.chance, check_ms=self.check_s * 1_000, phone=bool(self.phone)
        )


Places = Annotated[tuple[PlaceOf, ...], msgspec.Meta(max_length=MOST_SEARCH_PLACES)]


def with_places(details: Details, places: tuple[PlaceOf, ...]) -> Details:
    """Return what can name someone with what the places of a search are called."""
    return msgspec.structs.replace(details, places=tuple(PlaceWords(its.name, its.phone) for its in places))


class ReportAlert(Message, frozen=True, tag="alert"):
    """Somebody reports a happening. ``source`` and ``source_ref`` together are its idempotency key.

    With ``on_scene`` a unit's terminal says that it stands there and takes it on: its order begins on the scene.
    """

    source: Id
    source_ref: Id
    type: Id
    lon: Lon
    lat: Lat
    at: Instant
    level: Level | None = None
    needs: Annotated[tuple[NeedOf, ...], msgspec.Meta(max_length=MOST_NEEDS)] | None = None
    details: PersonalDetails = PersonalDetails()
    exercise: bool = False
    on_scene: bool = False
    facts: Facts = ()
    places: Places = ()
    """Where its subject may be, where that is uncertain: units look there in turn."""

    def alert(self) -> Alert:
        """Return it as the engine's own type."""
        return Alert(
            source=self.source,
            source_ref=self.source_ref,
            type=self.type,
            lon=self.lon,
            lat=self.lat,
            at=self.at,
            level=self.level,
            needs=None if self.needs is None else tuple(need.plain() for need in self.needs),
            details=with_places(self.details.plain(), self.places),
            exercise=self.exercise,
            facts=self.facts,
            places=tuple(place.plain() for place in self.places),
        )


class ReportSighting(Message, frozen=True, tag="sighting"):
    """The subject of a lookout was seen; ``lookout`` is its id or its reference.

    Who the token is for and ``source``, together with ``source_ref``, are its idempotency key.
    """

    source_ref: Id
    lookout: Id
    lon: Lon
    lat: Lat
    at: Instant
    confidence: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    mode: Mode = "foot"
    heading_deg: Annotated[float, msgspec.Meta(ge=0.0, le=360.0)] | None = None
    accuracy_m: Annotated[float, msgspec.Meta(ge=0.0, le=WORST_ACCURACY_M)] = 50.0
    source: Word = ""
    text: Text = ""

    def sighting(self, subject: str) -> SightingReport:
        """Return it as the engine's own type, said by ``subject``."""
        return SightingReport(
            lookout=self.lookout,
            source=f"{subject}/{self.source}" if self.source else subject,
            source_ref=self.source_ref,
            lon=self.lon,
            lat=self.lat,
            at=self.at,
            confidence=self.confidence,
            mode=self.mode,
            heading_deg=self.heading_deg,
            accuracy_m=self.accuracy_m,
            details=Details(text=self.text),
        )


class VerifySighting(Message, frozen=True, tag="verify"):
    """Somebody says whether a sighting was the subject: ``true``, ``not_him`` or ``cannot_tell``; ``true`` pushes it.

    ``acting_as`` is in whose place, of those that are asked; who has an office speaks for that, left out or not.
    """

    key: Id
    sighting: Id
    verdict: Verdict
    acting_as: Word = ""
    reason: Word = ""


class SettleSighting(Message, frozen=True, tag="settle"):
    """Somebody lets a held sighting go on to be verified, or rejects it.

    ``lookout`` says by its id which is meant, where that was unknown.
    """

    key: Id
    sighting: Id
    what: Settlement
    lookout: Word = ""
    reason: Word = ""
