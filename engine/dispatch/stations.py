"""Which station is ordered: the one whose area the place lies in, if it can do it, else the nearest by road that can.

One that has given the matter back is never asked for it again. What comes out is a recommendation like that for a unit,
with the stations that would be next and those that were passed over.
"""

from collections.abc import Collection, Sequence

from engine.dispatch.cutting import cut_to_size
from engine.dispatch.decide import Wanted
from engine.dispatch.force import Force
from engine.dispatch.policies import NO_AGE_LIMIT
from engine.model.ids import RecipientId, StationId, UnitId
from engine.model.recommendation import Candidate, Excluded, Recommendation, WhyNot
from engine.travel import Ranking

NEXT_STATIONS = 8
"""How many stations a recommendation looks at besides those that are out of the question."""


def recommend_station(
    want: Wanted,
    capabilities: Sequence[str],
    force: Force,
    responsible: StationId | None,
    returned_by: Collection[StationId] = (),
    now: int = 0,
) -> Recommendation:
    """Recommend a station for demands of one incident.

    Parameters
    ----------
    want
        One of the demands: where the place is on the roads.
    capabilities
        What one station must be able to do, all of it.
    responsible
        The station that the place belongs to; None where no area says so.
    returned_by
        Stations that have given it back.
    now
        When it is decided, in ms since the epoch.

    Returns
    -------
    Recommendation
        ``chosen`` is None when no station is left that can do it.
    """
    posts, stations = force.posts, force.stations
    mask = posts.capability_mask(capabilities)
    ranking = _near(want, force, mask, NEXT_STATIONS + len(returned_by))
    found = [
        _candidate(stations[row].id, ranking, place)
        for place, row in enumerate(ranking.unit.tolist())
        if stations[row].id not in returned_by
    ]
    policy, chosen = "nearest_station", found[0] if found else None
    if responsible is not None and responsible in posts and responsible not in returned_by:
        row = posts.index(responsible)
        if int(posts.bits[row]) & mask == mask and (there := _at(want, force, row, found)) is not None:
            policy, chosen = "responsible_station", there
    recommendation = Recommendation(
        capability=" ".join(dict.fromkeys(capabilities)),
        policy=policy,
        chosen=chosen,
        others=tuple(other for other in found if chosen is None or other.recipient != chosen.recipient),
        excluded=_passed_over(want, force, mask, chosen, returned_by),
        excluded_counts={"returned_before": len(returned_by)} if returned_by else {},
        fleet_size=len(stations),
        settled_nodes=ranking.settled,
        decided_at=now,
    )
    return cut_to_size(recommendation)


def _near(want: Wanted, force: Force, mask: int, most: int) -> Ranking:
    return force.nearest(want.arc, want.fraction, force.posts, mask, min(most, len(force.stations)), NO_AGE_LIMIT)


def _candidate(station: StationId, ranking: Ranking, place: int) -> Candidate:
    return Candidate(
        recipient=RecipientId(station),
        kind="station",
        eta_ms=int(ranking.eta_ms[place]),
        turnout_ms=0,
        travel_ms=int(ranking.travel_ms[place]),
    )


def _at(want: Wanted, force: Force, row: int, found: Sequence[Candidate]) -> Candidate | None:
    """Return the responsible station as a candidate, though it may be far; None where no way leads from it."""
    station = force.stations[row].id
    for candidate in found:
        if candidate.recipient == RecipientId(station):
            return candidate
    ranking = _near(want, force, 0, len(force.stations))
    places = [place for place, other in enumerate(ranking.unit.tolist()) if other == row]
    return _candidate(station, ranking, places[0]) if places else None


def _passed_over(
    want: Wanted, force: Force, mask: int, chosen: Candidate | None, returned_by: Collection[StationId]
) -> tuple[Excluded, ...]:
    """Return the stations that are nearer than the chosen one and are not asked, with the first reason."""
    ranking = _near(want, force, 0, NEXT_STATIONS)
    found = []
    for row, eta_ms in zip(ranking.unit.tolist(), ranking.eta_ms.tolist(), strict=True):
        station = force.stations[row].id
        if chosen is not None and (eta_ms >= chosen.eta_ms or chosen.recipient == RecipientId(station)):
            break
        why: WhyNot | None = None
        if int(force.posts.bits[row]) & mask != mask:
            why = "lacks_capability"
        elif station in returned_by:
            why = "returned_before"
        if why is not None:
            found.append(Excluded(UnitId(station), why, eta_ms))
    return tuple(found)
