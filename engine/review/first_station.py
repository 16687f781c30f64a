"""A shadow recommendation: for calls of a log, the engine that would have been sent, apart from any played world.

It asks the same decision as the running core, over units at their home stations of which some are busy. What it may
look at of a call is where and when; nothing is fitted to the calls.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from engine.core.city import City
from engine.dispatch.decide import Wanted, decide
from engine.dispatch.force import Force
from engine.fleet import Fleet
from engine.model.entities import Unit
from engine.model.ids import DemandId, IncidentId, UnitId
from engine.model.lifecycle import UnitStatus
from engine.travel import TravelTimes


class PlaceAndTime(Protocol):
    """All of a call that a recommendation may look at."""

    @property
    def entered_at(self) -> int: ...  # noqa: D102
    @property
    def lon(self) -> float: ...  # noqa: D102
    @property
    def lat(self) -> float: ...  # noqa: D102


def recommend_each(
    city: City, units: Sequence[Unit], capability: str, calls: Sequence[PlaceAndTime], busy: Callable[[str, int], bool]
) -> Iterator[UnitId | None]:
    """Yield for each call the unit that would be sent, all units being at home; None when all are busy.

    Parameters
    ----------
    city
        Roads, speeds and policies.
    units
        Those that have a home; where they stand is where they start.
    capability
        What is wanted.
    calls
        Where and when, in order.
    busy
        Tells whether a unit was busy just before an instant.

    Raises
    ------
    geo_data.snapping.OffRoad
        When a call is nowhere near a road.
    """
    fleet = Fleet(city.network, city.arc_ms, city.snapper, city.policies.snap_limit_m)
    fleet.add(tuple(units), 0)
    force = Force(
        times=TravelTimes(city.network, city.arc_ms, city.hierarchy),
        fleet=fleet,
        posts=Fleet(city.network, city.arc_ms, city.snapper, city.policies.snap_limit_m),
        stations=(),
        claims={},
        fixed_ms=city.fixed_ms,
    )
    for call in calls:
        for row, unit in enumerate(units):
            status = UnitStatus.BUSY if busy(unit.id, call.entered_at) else UnitStatus.AVAILABLE
            fleet.set_status(row, status)
        snap = city.snapper.snap(call.lon, call.lat, limit_m=city.policies.snap_limit_m)
        wanted = Wanted(
            demand=DemandId("shadow"),
            incident=IncidentId("shadow"),
            capability=capability,
            level=1,
            arc=snap.arc,
            fraction=snap.fraction,
        )
        chosen = decide([wanted], force, city.policies, call.entered_at)[0].recommendation.chosen
        yield None if chosen is None else UnitId(chosen.recipient)
