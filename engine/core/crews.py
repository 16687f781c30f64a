"""What a unit comes to with who is on duty in it: the names that its bits in the fleet's columns stand for."""

import msgspec

from engine.core.city import City
from engine.core.state import State
from engine.fleet import equipment_name, rank_name
from engine.model.entities import Unit
from engine.model.ids import UnitId


def manned(city: City, state: State, unit: Unit) -> Unit:
    """Return a unit with all that it can do by itself and by its crew, what they bring, and how high they rank.

    Equipment and ranks are names only where some run card asks for them: bits are few.
    """
    crew, cards = state.kept.crews.get(unit.id), city.run_cards
    brought = {*unit.equipment, *(crew.equipment if crew is not None else ())}
    equipment = [equipment_name(name) for name in cards.asked_equipment if name in brought]
    ranks = tuple(cards.words.ranks)
    height = ranks.index(crew.rank) if crew is not None and crew.rank in ranks else -1
    at_least = [rank_name(name) for name in cards.asked_ranks if ranks.index(name) <= height]
    names = (*state.abilities(unit.id), *equipment, *at_least)
    return unit if names == unit.capabilities else msgspec.structs.replace(unit, capabilities=names)


def crew_size(city: City, state: State, unit: UnitId) -> tuple[int, int]:
    """Return how many are in a unit, and how many sworn officers among them.

    Of a unit that the roster does not know it is what the run cards take for usual.
    """
    crew, words = state.kept.crews.get(unit), city.run_cards.words
    return (words.crew_people, words.crew_sworn) if crew is None else (crew.people, crew.sworn)


def possible_names(city: City) -> list[str]:
    """Return all names that units of a city may come to have besides what stands in its units: none comes up later."""
    if city.roster is None and not city.keeps_equipment:
        return []
    cards = city.run_cards
    asked = [*map(equipment_name, cards.asked_equipment), *map(rank_name, cards.asked_ranks)]
    return [*sorted(city.roster.capabilities if city.roster is not None else ()), *asked]
