"""Searches of uncertain places: somebody is at one of several, each with a chance, and units look there in turn.

What a place is called and its telephone can name someone: they stand in the alert's personal part, in the same order.
"""

from typing import Literal

import msgspec

from engine.model.entities import Place
from engine.model.ids import AlertId, DemandId, IncidentId, OrderId, PlanId, UnitId

How = Literal["door", "phone"]
"""A look at the door is sure; a telephone call finds who is there with a probability."""
SearchState = Literal["open", "found", "exhausted"]
"""``exhausted``: every door has been looked at, and nobody was there."""


class Looked(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """That somebody looked at a place: by its number from 0, how, and by whose order if by one."""

    place: int
    how: How
    found: bool
    at: int
    by: str
    order: OrderId | None = None


class Route(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The places of one unit in turn, and when it is done at each, in ms since the epoch.

    ``demand`` is what it is to be ordered for; None for a unit that is on the search already.
    """

    unit: UnitId
    places: tuple[int, ...]
    done_at: tuple[int, ...]
    demand: DemandId | None = None


class SearchProposal(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Who looks where, as a worker has it.

    Attributes
    ----------
    calls
        The places to be called in turn.
    expected_ms
        Until the subject is found, from ``made_at``, given that they are at a place that somebody looks at; None where
        nobody does.
    optimal
        Whether no other turns of these units expect less.
    unreached
        Places that none of these units has a way to.
    short
        Demands that nobody is left for.
    """

    made_at: int
    routes: tuple[Route, ...] = ()
    calls: tuple[int, ...] = ()
    expected_ms: int | None = None
    optimal: bool = False
    unreached: tuple[int, ...] = ()
    short: tuple[DemandId, ...] = ()

    def counted(self) -> "SearchProposal":
        """Return it for people, who count places from 1."""
        routes = (msgspec.structs.replace(its, places=_counted(its.places)) for its in self.routes)
        calls, unreached = _counted(self.calls), _counted(self.unreached)
        return msgspec.structs.replace(self, routes=tuple(routes), calls=calls, unreached=unreached)


def _counted(places: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(place + 1 for place in places)


class Search(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How far a search has come.

    Attributes
    ----------
    alert
        Whose personal part has the names of the places.
    callers, call_ms, call_sure
        How many people telephone, how long a call takes, and how probably it finds who is there.
    looks
        What was heard, oldest first.
    changed
        Whether something has happened that no plan knows of.
    plan, tries
        The plan that a worker makes, and how many were made since the last change.
    """

    alert: AlertId
    places: tuple[Place, ...]
    callers: int
    call_ms: int
    call_sure: float
    state: SearchState = "open"
    looks: tuple[Looked, ...] = ()
    changed: bool = True
    plan: PlanId | None = None
    tries: int = 0
    proposal: SearchProposal | None = None


# Commands: part of `engine.model.commands.Command`.


class _Command(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="command"):
    actor: str


class ReportLook(_Command, frozen=True, gc=False, tag="report_look"):
    """Somebody looked at a place of a search, by its number from 0, and found the subject or not."""

    key: str
    incident: IncidentId
    place: int
    found: bool
    how: How = "door"
    order: OrderId | None = None
    said_at: int | None = None
    text: str = ""


class ApplySearch(_Command, frozen=True, gc=False, tag="apply_search"):
    """A worker hands back who looks where. The core holds it against what is so by now."""

    plan: PlanId
    proposal: SearchProposal | None
    failed: str = ""


# Events: part of `engine.model.events.Body`.


class _Body(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", omit_defaults=True):
    pass


class SearchOpened(_Body, frozen=True, gc=False, tag="search_opened"):
    """The subject of an incident is at one of several places."""

    incident: IncidentId
    alert: AlertId
    places: tuple[Place, ...]
    callers: int
    call_ms: int
    call_sure: float


class SearchRequested(_Body, frozen=True, gc=False, tag="search_requested"):
    """A worker is asked who should look where."""

    plan: PlanId
    incident: IncidentId
    state_version: int


class SearchPlanned(_Body, frozen=True, gc=False, tag="search_planned"):
    """What a worker's answer came to: held as it stands here, outdated by what has happened since, or failed."""

    plan: PlanId
    incident: IncidentId
    outcome: Literal["held", "outdated", "failed"]
    proposal: SearchProposal | None = None
    failed: str = ""


class LooksChanged(_Body, frozen=True, gc=False, tag="looks_changed"):
    """An order is for these places in turn from here on, under a new version; the first is where it is for."""

    order: OrderId
    version: int
    places: tuple[int, ...]
    lon: float
    lat: float
    eta_ms: int | None = None
    route: str = ""


class PlaceLooked(_Body, frozen=True, gc=False, tag="place_looked"):
    """Somebody has looked at a place. What they said in words is the event's personal part."""

    incident: IncidentId
    alert: AlertId
    place: int
    how: How
    found: bool
    key: str
    order: OrderId | None = None
    said_at: int | None = None


class SearchExhausted(_Body, frozen=True, gc=False, tag="search_exhausted"):
    """Every door has been looked at, and nobody was there."""

    incident: IncidentId
