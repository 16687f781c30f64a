"""What HTTP takes and gives of searches; see `engine.service.bodies`. Places are numbered from 1."""

from typing import Annotated

import msgspec

from engine.core.engine import Engine
from engine.core.standing_searches import calls_left, left
from engine.model.ids import IncidentId, OrderId
from engine.model.lifecycle import OPEN_ORDERS
from engine.model.limits import MOST_SEARCH_PLACES
from engine.model.searches import How, SearchState
from engine.wire.fields import Id, Instant, Text
from engine.wire.reports import PlaceOf

PlaceNumber = Annotated[int, msgspec.Meta(ge=1, le=MOST_SEARCH_PLACES)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class LookIn(_Body, frozen=True, forbid_unknown_fields=True):
    """What somebody found at a place: at the door, or by telephone. ``key`` makes it safe to send again.

    ``order`` is whose look it was, where a unit said so by radio.
    """

    key: Id
    place: PlaceNumber
    found: bool
    how: How = "door"
    order: OrderId | None = None
    text: Text = ""
    said_at: Instant | None = None


class WithinBody(_Body, frozen=True):
    """Where somebody may be who walked off, as an alert takes its places: changed, or left out, by who knows better."""

    places: tuple[PlaceOf, ...]


class LookedBody(_Body, frozen=True):
    """One look at a place: when, how, by whom, and whether the subject was there."""

    at: int
    how: How
    found: bool
    by: str


class PlaceBody(_Body, frozen=True):
    """A place of a search; what it is called is read with the details of its incident.

    ``chance`` is how probable it was thought, ``left`` how probable it is after all looks. ``unit`` is who looks there,
    as the ``turn``-th of its places, done at ``done_at`` if all is as planned.
    """

    place: int
    lon: float
    lat: float
    chance: float
    left: float
    check_ms: int
    phone: bool = False
    looks: tuple[LookedBody, ...] = ()
    unit: str = ""
    turn: int | None = None
    done_at: int | None = None


class SearchBody(_Body, frozen=True):
    """A search: its places, who looks where, which places to call in turn, when the subject is expected to be found.

    ``expected_at`` is given that the subject is at a place that somebody looks at; ``optimal`` that no turns of these
    units are expected to be sooner; ``short`` is how many units are wanted that nobody is left for.
    """

    incident: str
    state: SearchState
    places: tuple[PlaceBody, ...]
    calls: tuple[int, ...] = ()
    expected_at: int | None = None
    optimal: bool = False
    planning: bool = False
    short: int = 0

    @classmethod
    def of(cls, engine: Engine, incident: IncidentId) -> "SearchBody":
        """Copy a search of the state."""
        search, state = engine.state.searches[incident], engine.state
        proposal, chances = search.proposal, left(search).tolist()
        planned: dict[tuple[str, int], int] = {}
        for route in () if proposal is None else proposal.routes:
            planned |= {(route.unit, n): at for n, at in zip(route.places, route.done_at, strict=True)}
        turns: dict[int, tuple[str, int | None]] = {}
        for order in (state.orders[name] for name in state.incidents[incident].orders):
            if order.state in OPEN_ORDERS:
                numbers = state.order_looks.get(order.id, ())
                turns |= {number: (order.recipient, turn) for turn, number in enumerate(numbers, 1)}
        places = []
        for number, place in enumerate(search.places):
            unit, turn = turns.get(number, ("", None))
            looks = (look for look in search.looks if look.place == number)
            places.append(
                PlaceBody(
                    place=number + 1,
                    lon=place.lon,
                    lat=place.lat,
                    chance=place.chance,
                    left=chances[number],
                    check_ms=place.check_ms,
                    phone=place.phone,
                    looks=tuple(LookedBody(at=its.at, how=its.how, found=its.found, by=its.by) for its in looks),
                    unit=unit,
                    turn=turn,
                    done_at=planned.get((unit, number)),
                )
            )
        expected = None if proposal is None or search.state != "open" else proposal.expected_ms
        return cls(
            incident=incident,
            state=search.state,
            places=tuple(places),
            calls=tuple(number + 1 for number in calls_left(search)) if search.state == "open" else (),
            expected_at=None if proposal is None or expected is None else proposal.made_at + expected,
            optimal=proposal is not None and proposal.optimal,
            planning=search.plan is not None,
            short=0 if proposal is None or search.state != "open" else len(proposal.short),
        )
