"""The decision: for demands that wait, who goes, who would be next, and who would have been sooner but cannot.

It is one pure function over a `Force`, called inside the core for a few demands and in a worker for many. Travel
times are exact; what is chosen among them is `assign`; why not somebody else is `reasons`.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.dispatch.assignment import UNMET, Choices, assign
from engine.dispatch.cover import priced
from engine.dispatch.cutting import cut_to_size
from engine.dispatch.force import Force
from engine.dispatch.policies import NO_AGE_LIMIT, Policies
from engine.dispatch.pricing import POSITION_AGE, Handicaps, age_handicap
from engine.dispatch.reasons import Barred, excluded_units, nearest_anyone, reason_counts
from engine.dispatch.reserve import Reserve
from engine.model.ids import DemandId, IncidentId, RecipientId
from engine.model.recommendation import Candidate, Decision, Recommendation
from engine.travel import Ranking
from engine.travel.polyline import encode_polyline
from engine.travel.routes import drawn


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One demand as the decision sees it: what, how urgent, and where on the road network."""

    demand: DemandId
    incident: IncidentId
    capability: str
    level: int
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


def decide(wanted: Sequence[Wanted], force: Force, policies: Policies, now: int, effort: float = 0.0) -> list[Decision]:
    """Decide demands together.

    Parameters
    ----------
    wanted
        At most ``policies.joint_most`` demands.
    now
        Milliseconds since the epoch; positions are judged by their age at it.
    effort
        What may be spent on proving joint plans, as `assign` takes it; a worker has time for it, the core has not.

    Returns
    -------
    list of Decision
        One for each demand, in order. ``chosen`` is a unit, else the nearest station, else None.
    """
    fresh_after = policies.seen_after(now)
    reserve = Reserve.of(force, policies, fresh_after)
    held = [reserve.held(want.level) if reserve is not None else frozenset() for want in wanted]
    aged = age_handicap(force.fleet, policies, now)
    against = [Handicaps.of({POSITION_AGE: aged, **want.handicap_ms}) for want in wanted]
    options = [
        _rank(want, force, len(wanted) + policies.others, fresh_after, want.refused_by | back, its)
        for want, back, its in zip(wanted, held, against, strict=True)
    ]
    if force.cover is not None:
        losses = {name: force.cover.losses(force, name, fresh_after) for name in {want.capability for want in wanted}}
        options = [
            _spare(want, its, losses[want.capability], policies, now) for want, its in zip(wanted, options, strict=True)
        ]
    rankings = [its.ranking for its in options]
    number = {incident: i for i, incident in enumerate(dict.fromkeys(want.incident for want in wanted))}
    choices = Choices.of(
        [want.level for want in wanted],
        [number[want.incident] for want in wanted],
        [r.unit for r in rankings],
        [its.cost_ms for its in options],
        [want.underway_ms for want in wanted],
    )
    picks = assign(choices, effort).pick.tolist()
    if reserve is not None:
        units = [int(r.unit[pick]) if pick != UNMET else None for r, pick in zip(rankings, picks, strict=True)]
        over, reserve = reserve.over([want.level for want in wanted], units)
        for i in over:
            held[i], picks[i] = reserve.held(wanted[i].level), UNMET
    taken = {int(r.unit[pick]) for r, pick in zip(rankings, picks, strict=True) if pick != UNMET}
    policy = ("nearest" if len(wanted) == 1 else "joint") + ("_cover" if force.cover is not None else "")
    # The needs of one incident share its place, and so the search for who would have been sooner. Of one need alone
    # nobody is sooner but who cannot be sent; of several, or where more than time counts, also who could and is not.
    places = {(want.arc, want.fraction) for want in wanted}
    alone = len(wanted) == 1 and force.cover is None and not any(held) and against[0].total_ms is None
    most = policies.excluded if alone else 2 * policies.excluded
    anyone = {place: nearest_anyone(*place, force, most) for place in places}
    decisions = []
    for want, its, pick, back in zip(wanted, options, picks, held, strict=True):
        own = int(its.ranking.unit[pick]) if pick != UNMET else None
        barred = Barred(
            refused=want.refused_by,
            taken=frozenset(taken - {own}),
            fresh_after=fresh_after,
            now=now,
            reserved=back - taken,
        )
        near = anyone[want.arc, want.fraction]
        decisions.append(_explain(want, its, pick, near, force, policies, policy, barred))
    return decisions


@dataclass(frozen=True)
class _Options:
    """Who could take a demand, best first; what each costs a plan, in ms; what cover loses by each, where heeded."""

    ranking: Ranking
    cost_ms: NDArray[np.int64]
    against: Handicaps
    loss: NDArray[np.float64] | None = None


def _rank(want: Wanted, force: Force, most: int, fresh_after: int, but: frozenset[int], against: Handicaps) -> _Options:
    """Return the units that could take a demand, best first; the rows of ``but`` are left out."""
    ranking = force.nearest(
        want.arc,
        want.fraction,
        force.fleet,
        force.able(want.capability),
        most + len(but),
        fresh_after,
        against.total_ms,
    )
    if but:
        keep = ~np.isin(ranking.unit, np.fromiter(but, np.int32))
        ranking = ranking.take(np.flatnonzero(keep))
    return _Options(ranking, ranking.cost_ms, against)


def _spare(want: Wanted, options: _Options, loss: NDArray[np.float64], policies: Policies, now: int) -> _Options:
    """Let cover choose among those who are soon enough: level 1 heeds ties alone, others their card's time as well."""
    ranking = options.ranking
    if not len(ranking.unit):
        return options
    until_ms = int(options.cost_ms[0]) + policies.tie_window_ms
    if policies.cover == "in_time" and want.level > 1 and want.due_at is not None:
        until_ms = max(until_ms, want.due_at - now)
    order, cost_ms = priced(options.cost_ms, loss[ranking.unit], float(loss.max()), until_ms)
    return _Options(ranking.take(order), cost_ms, options.against, loss[ranking.unit[order]])


def _explain(
    want: Wanted,
    options: _Options,
    pick: int,
    anyone: Ranking,
    force: Force,
    policies: Policies,
    policy: str,
    barred: Barred,
) -> Decision:
    chosen, route, ranking = None, "", options.ranking
    if pick != UNMET:
        chosen, route = _unit(want, options, pick, force)
    elif not want.station_ordered:
        chosen = _nearest_station(want, force)
    unit_chosen = chosen is not None and chosen.kind == "unit"
    recommendation = cut_to_size(
        Recommendation(
            capability=want.capability,
            policy=policy,
            chosen=chosen,
            others=_others(options, pick, barred.taken | barred.reserved, force, policies.others),
            excluded=excluded_units(
                anyone,
                force,
                want.capability,
                barred,
                sooner_than_ms=chosen.eta_ms if unit_chosen and chosen is not None else None,
                most=policies.excluded,
            ),
            excluded_counts=reason_counts(force, want.capability, barred),
            fleet_size=len(force.fleet.bits),
            settled_nodes=ranking.settled,
        )
    )
    return Decision(want.demand, recommendation, route)


def _candidate(options: _Options, row: int, force: Force) -> Candidate:
    ranking = options.ranking
    return Candidate(
        recipient=RecipientId(force.fleet.ids[int(ranking.unit[row])]),
        eta_ms=int(ranking.eta_ms[row]),
        turnout_ms=int(ranking.turnout_ms[row]),
        travel_ms=int(ranking.travel_ms[row]),
        cover_ppm=None if options.loss is None else round(float(options.loss[row]) * 1e6),
        penalties_ms=options.against.said(int(ranking.unit[row])),
    )


def _others(options: _Options, pick: int, away: frozenset[int], force: Force, most: int) -> tuple[Candidate, ...]:
    """Return who would be next, best first; only those who are named become objects."""
    units = options.ranking.unit.tolist()
    free = (row for row, unit in enumerate(units) if row != pick and unit not in away)
    return tuple(_candidate(options, row, force) for row in itertools.islice(free, most))


def _unit(want: Wanted, options: _Options, row: int, force: Force) -> tuple[Candidate, str]:
    """Return the unit that goes, and its way there as a polyline."""
    unit = int(options.ranking.unit[row])
    arcs, start, end, _ = force.times.way(
        int(force.fleet.arc[unit]), float(force.fleet.fraction[unit]), want.arc, want.fraction
    )
    length_m, course = drawn(force.times.network, arcs, start, end)
    return replace(_candidate(options, row, force), distance_m=round(length_m)), encode_polyline(course)


def _nearest_station(want: Wanted, force: Force) -> Candidate | None:
    """Return the nearest station by road that can be ordered for the capability."""
    if not force.stations:
        return None
    ranking = force.nearest(
        want.arc, want.fraction, force.posts, force.posts.capability_mask((want.capability,)), 1, NO_AGE_LIMIT
    )
    if not len(ranking.unit):
        return None
    return Candidate(
        recipient=RecipientId(force.stations[int(ranking.unit[0])].id),
        kind="station",
        eta_ms=int(ranking.eta_ms[0]),
        turnout_ms=0,
        travel_ms=int(ranking.travel_ms[0]),
    )
