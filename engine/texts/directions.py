"""The turns of a way as a driver reads them: one line each, rounded to what a driver can tell."""

from collections.abc import Iterable

from engine.model.turns import Turn
from engine.texts import text

_COMPASS = ("north", "north_east", "east", "south_east", "south", "south_west", "west", "north_west")
_FRAMES = {"depart": "along", "continue": "along", "u_turn": "along", "roundabout": "through"}
"""How a code and a street make a sentence, where it is not by turning into it."""


def directions(turns: Iterable[Turn], language: str = "en") -> list[str]:
    """Render the turns of a way in a language, a line for each."""
    return [direction(turn, language) for turn in turns]


def direction(turn: Turn, language: str = "en") -> str:
    """Render one turn in a language, with the length of the way up to the next."""
    if turn.code == "arrive":
        return text(f"guidance.arrive_{turn.side}" if turn.side else "guidance.arrive", language)
    key = "roundabout_unknown" if turn.code == "roundabout" and not turn.exit else turn.code
    what = text(f"turn.{key}", language, compass=compass(turn.bearing_deg, language), exit=turn.exit)
    street = (turn.name_zh or turn.name) if language == "zh" else (turn.name or turn.name_zh)
    frame = _FRAMES.get(turn.code, "into") if street else "unnamed"
    return text(f"guidance.{frame}", language, turn=what, street=street, length=_length(turn.length_m, language))


def compass(bearing_deg: float, language: str) -> str:
    """Return the name of the one of eight directions that is nearest."""
    return text(f"compass.{_COMPASS[round(bearing_deg / 45) % 8]}", language)


def _length(length_m: float, language: str) -> str:
    """Spell a length: to ten metres, to one below a hundred, to a tenth of a kilometre from one on."""
    metres = round(length_m, -1) if length_m >= 100 else round(length_m)
    if metres < 1000:
        return text("guidance.metres", language, metres=int(metres))
    return text("guidance.kilometres", language, kilometres=length_m / 1000)
