"""Where the subject of an alert may be, checked at the edge, and the search that it opens."""

from collections.abc import Sequence

from engine.core.checked_place import check_place
from engine.core.draft import Draft
from engine.core.world import World
from engine.model import searches as s
from engine.model.entities import Alert, Place
from engine.model.errors import Refusal
from engine.model.ids import AlertId, IncidentId
from engine.model.limits import LONGEST_CHECK_MS, LONGEST_ID, LONGEST_NAME, MOST_SEARCH_PLACES


def check_places(world: World, alert: Alert) -> None:
    """Refuse places of a search that cannot be: none, too many, chances that are none, places that no road is near."""
    places, words = alert.places, alert.details.places
    if len(places) > MOST_SEARCH_PLACES:
        raise Refusal("too_many", "places", len(places), MOST_SEARCH_PLACES)
    if len(words) not in (0, len(places)):
        raise Refusal("wrong_length", "details.places", len(words), f"none, or one for each of {len(places)} places")
    if not places:
        return
    for number, place in enumerate(places):
        check_place(world, place.lon, place.lat, f"places[{number}].")
        if not 0.0 < place.chance <= 1.0:
            raise Refusal("out_of_range", f"places[{number}].chance", place.chance, "above 0, at most 1")
        if not 0 <= place.check_ms <= LONGEST_CHECK_MS:
            raise Refusal("out_of_range", f"places[{number}].check_ms", place.check_ms, f"0 to {LONGEST_CHECK_MS}")
        if place.phone and not (words and words[number].phone):
            raise Refusal("missing", f"details.places[{number}].phone", "", "the number of a place that can be called")
    for number, its in enumerate(words):
        for name, most in (("name", LONGEST_NAME), ("phone", LONGEST_ID)):
            if len(getattr(its, name)) > most:
                raise Refusal("too_long", f"details.places[{number}].{name}", getattr(its, name), f"{most} characters")
    together = sum(place.chance for place in places)
    if together > 1.0 + 1e-9:
        raise Refusal("out_of_range", "places.chance", together, "at most 1 together; what is left is elsewhere")


def open_search(world: World, draft: Draft, incident: IncidentId, alert_id: AlertId, places: Sequence[Place]) -> None:
    """Let units look at several places for the subject of an incident."""
    policies = world.city.policies
    check_ms = policies.search_check_ms
    draft.emit(
        s.SearchOpened(
            incident=incident,
            alert=alert_id,
            places=tuple(
                Place(lon=its.lon, lat=its.lat, chance=its.chance, check_ms=its.check_ms or check_ms, phone=its.phone)
                for its in places
            ),
            callers=policies.search_callers if any(its.phone for its in places) else 0,
            call_ms=policies.search_call_ms,
            call_sure=policies.search_call_sure,
        )
    )
