"""The calls that a run plays, whatever they come from: a log of real ones or a made-up evening."""

from collections.abc import Mapping

import msgspec

from engine.model.entities import Need

USUAL_STAY_MS = 900_000
"""How long a unit stays at an incident of which nothing is known."""


class PlayedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call as it will come in.

    Attributes
    ----------
    id
        The caller's system's own number.
    at
        When it comes in, ms since the epoch.
    needs
        What must be sent; None leaves it to the run card.
    working_ms
        How long a unit of each kind stays there; ``usual_ms`` for any other.
    """

    id: str
    at: int
    type: str
    level: int | None
    lon: float
    lat: float
    needs: tuple[Need, ...] | None = None
    working_ms: Mapping[str, int] = {}
    usual_ms: int = USUAL_STAY_MS

    def stay_ms(self, kind: str) -> int:
        """Return how long a unit of a kind stays."""
        return self.working_ms.get(kind, self.usual_ms)
