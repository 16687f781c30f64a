"""In whose place somebody decides: who has an office speaks for that alone, everybody else for whoever was asked."""

from engine.core.engine import Engine
from engine.model.errors import Refusal
from engine.model.ids import SightingId
from engine.service.access import Identity


def in_whose_place(engine: Engine, speaker: Identity, sighting: SightingId, said: str) -> str:
    """Return in whose place a speaker verifies a sighting; empty for whoever was asked last.

    Who has several offices and names none speaks for the one that is in line, or for the first where none is.

    Raises
    ------
    Refusal
        ``not_yours`` for an office that is another's.
    """
    own = speaker.offices
    if own and said not in {"", *own}:
        raise Refusal("not_yours", "acting_as", said, f"{' or '.join(own)}, whom this token is for")
    if said or not own:
        return said
    its = engine.state.sightings.get(sighting)
    line = [asked.by for asked in its.line] if its is not None else []
    return next((office for office in own if office in line), own[0])
