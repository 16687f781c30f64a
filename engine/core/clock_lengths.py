"""How long the clocks of an incident and of its orders run: by its run card, its level, and the zone of its place."""

from engine.core.city import City
from engine.core.under_stations import ASSIGN
from engine.model.entities import Incident, RecipientKind
from engine.supervision import CLOCKS, INCIDENT_CLOCKS


def order_clocks_ms(city: City, incident: Incident, kind: RecipientKind, *, post: bool = False) -> dict[str, int]:
    """Return the clocks of an order for an incident to a unit or a station, in ms by name.

    A station that is told to hold a ``post`` does so itself: no name is waited for.
    """
    found = city.run_cards.clocks_ms(incident.type, incident.level, city.zone_of(incident.lon, incident.lat))
    its = {name: ms for name, ms in found.items() if name in CLOCKS and kind in CLOCKS[name].of}
    return {name: ms for name, ms in its.items() if not (post and name == ASSIGN)}


def incident_clocks_ms(city: City, kind: str, level: int, lon: float, lat: float, *, sends: bool) -> dict[str, int]:
    """Return the clocks of an incident of a type itself, in ms by name; where nobody is sent no order can be late."""
    found = city.run_cards.clocks_ms(kind, level, city.zone_of(lon, lat))
    return {name: ms for name, ms in found.items() if name in INCIDENT_CLOCKS and (sends or name != "order")}
