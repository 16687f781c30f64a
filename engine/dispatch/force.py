"""Everyone who could go, as one decision sees them: the fleet's columns, the stations, the roads between.

A decision inside the core looks at the living columns; one in a worker looks at a frozen copy. Both look through this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.dispatch.policies import Policies
from engine.fleet import READY, Fleet, FleetView
from engine.model.entities import Station
from engine.model.ids import OrderId, UnitId
from engine.travel import Ranking, Riders, TravelTimes

if TYPE_CHECKING:
    from engine.dispatch.cover import Cover


@dataclass(frozen=True, kw_only=True)
class Force:
    """What `decide` asks: who is where, how long they take, and what holds them.

    Attributes
    ----------
    times
        Travel times with search memory of their own: one thread at a time.
    fleet
        The units' columns, living or frozen.
    posts
        The stations, laid out like a fleet that never moves; row ``i`` is ``stations[i]``.
    stations
        The stations in the order of ``posts``.
    claims
        The order that holds a unit, by unit.
    fixed_ms
        What every way costs once beside driving: it is part of each travel time and changes no order.
    cover
        What it costs when somebody leaves; None where that is not heeded.
    """

    times: TravelTimes
    fleet: Fleet | FleetView
    posts: Fleet | FleetView
    stations: Sequence[Station]
    claims: Mapping[UnitId, OrderId]
    fixed_ms: int = 0
    cover: "Cover | None" = None

    def frozen(self) -> "Force":
        """Return a copy that a worker can keep while the fleet moves on."""
        return Force(
            times=self.times.clone(),
            fleet=self.fleet.frozen(),
            posts=self.posts,
            stations=self.stations,
            claims=dict(self.claims),
            fixed_ms=self.fixed_ms,
            cover=self.cover,
        )

    def nearest(
        self,
        arc: int,
        fraction: float,
        among: Riders,
        need: int,
        k: int,
        fresh_after: int,
        handicap_ms: NDArray[np.int32] | None = None,
    ) -> Ranking:
        """Return the ``k`` soonest as `TravelTimes.nearest` does, with what every way costs beside driving."""
        ranking = self.times.nearest(arc, fraction, among, need, k, fresh_after, handicap_ms=handicap_ms)
        if not self.fixed_ms:
            return ranking
        return replace(ranking, eta_ms=ranking.eta_ms + self.fixed_ms, travel_ms=ranking.travel_ms + self.fixed_ms)

    def able(self, capability: str, bringing: Sequence[str] = ()) -> int:
        """Return the bits a unit must have to be sent for ``capability``: to have it, what it brings, to be ready."""
        return self.fleet.capability_mask((capability, *bringing)) | READY

    def anybody(self, capabilities: Sequence[str], bringing: Sequence[str], level: int, policies: Policies) -> bool:
        """Tell whether anybody with one of these and all of those could go to a level, wherever they are."""
        fleet = self.fleet
        need = fleet.any_mask(capabilities)
        goes = (fleet.bits & np.uint64(READY)) != 0
        if level <= policies.diversion_level:
            goes |= fleet.divertible > level
            if policies.diversion_saving_ms:
                goes |= fleet.divertible == level
        must = np.uint64(fleet.capability_mask(bringing))
        return bool(np.any(((fleet.bits & need) != 0) & ((fleet.bits & must) == must) & goes))
