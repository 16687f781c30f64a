"""One demand as a decision sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.fleet import equipment_name, is_rank, rank_name
from engine.model.ids import DemandId, IncidentId

if TYPE_CHECKING:
    from engine.dispatch.ahead import Pursued

NOBODY = -1
"""The holder of a demand that nobody is under way for."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is wanted, how urgently, and where on the road network."""

    demand: DemandId
    incident: IncidentId
    capability: str
    level: int
    either: tuple[str, ...] = ()
    """Other capabilities that meet it as well."""
    together: bool = False
    """A unit that goes to the incident for another demand may meet it as well."""
    bringing: tuple[str, ...] = ()
    """What its unit must have besides, equipment and somebody of a rank, by the names of the bits; see `bringing`."""
    need: tuple[IncidentId, int] | None = None
    """Demands with the same are those of one need that wants a number of people; None for any other."""
    people: int = 0
    sworn: int = 0
    """How many people and sworn officers the need lacks beside those who go already."""
    group: tuple[IncidentId, int] | None = None
    """Demands with the same go to units of one team; None for any other."""
    team: int | None = None
    """The team of which its unit must be, as the fleet numbers them: others of it go already. None for any."""
    extra: bool = False
    """Only met where its need has too few people without it."""
    new: bool = False
    """No demand yet: one is to be raised if it is met, or if its need has too few people all the same."""
    arc: int
    fraction: float
    refused_by: frozenset[int] = frozenset()
    """Rows of units that have refused or been withdrawn from it."""
    due_at: int | None = None
    """When its run card wants somebody there, in ms since the epoch; None where the card does not say."""
    station_ordered: bool = False
    """A station has the order already: only a unit would be better."""
    underway_ms: int = 0
    """When the last of those sent earlier for the same incident is there, in ms from now; 0 for none that is not."""
    handicap_ms: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    """What counts against units for this demand besides time: by code, int32 (U,) in ms by row of the fleet."""
    pursued: "Pursued | None" = None
    """Who flees, where it is a pursuit's: who can be ahead of them goes before who is nearest."""
    may_divert: bool = True
    """Whether units under way to other incidents may be taken for it; never for an exercise."""
    holder: int = NOBODY
    """The row of the unit that is under way for it: it takes part in a plan only if that unit may be taken away."""
    remaining_ms: int = 0
    """When its holder is expected there, in ms from now."""


def bringing(equipment: Sequence[str], rank: str) -> tuple[str, ...]:
    """Return the names of the bits that a unit must have which brings this, and has somebody of a rank or a higher."""
    return (*map(equipment_name, equipment), *((rank_name(rank),) if rank else ()))


def has_rank(names: Sequence[str]) -> bool:
    """Tell whether somebody of a rank is among what a unit must have, by the names of bits."""
    return any(is_rank(name) for name in names)


def without_rank(names: Sequence[str]) -> tuple[str, ...]:
    """Return what a unit must have besides somebody of a rank."""
    return tuple(name for name in names if not is_rank(name))
