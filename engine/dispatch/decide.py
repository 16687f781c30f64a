"""The decision: for demands that wait, who goes, who would be next, and who would have been sooner but cannot.

It is one pure function over a `Force`, called inside the core for a few demands and in a worker for many. Travel
times are exact; who could go at what cost is `options`, what is chosen among them `assign`, why not somebody else
`reasons`. Where a unit is taken off another order, the demand that it leaves is decided in the same plan.
"""

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced

import numpy as np
from msgspec.structs import replace

from engine.dispatch.assignment import UNMET, Choices, assign
from engine.dispatch.crewing import MOST_EXTRA, CrewPlan, Row, group_numbers
from engine.dispatch.cutting import cut_to_size
from engine.dispatch.diversion import Serving
from engine.dispatch.force import Force
from engine.dispatch.options import Market, Options
from engine.dispatch.policies import NO_AGE_LIMIT, Policies
from engine.dispatch.reasons import Barred, excluded_units, nearest_anyone, reason_counts
from engine.dispatch.wanted import NOBODY, Wanted, has_rank, without_rank
from engine.model.ids import RecipientId, UnitId
from engine.model.recommendation import Candidate, Decision, Recommendation
from engine.travel import Ranking
from engine.travel.polyline import encode_polyline
from engine.travel.routes import drawn

__all__ = ["Wanted", "decide"]
_RESERVE_TURNS = 4
"""How often those who would eat into the reserve look for somebody else."""


def decide(
    wanted: Sequence[Wanted],
    force: Force,
    policies: Policies,
    now: int,
    effort: float = 0.0,
    serving: Serving | None = None,
    number: int = 0,
) -> list[Decision]:
    """Decide demands together.

    Parameters
    ----------
    wanted
        At most ``policies.joint_most`` demands.
    now
        Milliseconds since the epoch; positions are judged by their age at it.
    effort
        What may be spent on proving joint plans, as `assign` takes it; a worker has time for it, the core has not.
    serving
        What the orders of units under way serve; None where nobody is diverted.
    number
        Names the decision in its tables.

    Returns
    -------
    list of Decision
        One for each demand, in order, and after them one for each demand that a unit is taken from. ``chosen`` is a
        unit, else the nearest station, else None.
    """
    if not wanted:
        return []
    market = Market(force, policies, now, len(wanted), serving)
    lines, proven = _planned(wanted, market, effort)
    taken = {line.unit for line in lines if line.unit is not None}
    # The needs of one incident share its place, and so the search for who would have been sooner. Of one need alone
    # nobody is sooner but who cannot be sent; of several, or where more than time counts, also who could and is not.
    first = lines[0].options
    alone = len(lines) == 1 and force.cover is None and not first.held and first.against.total_ms is None
    most = policies.excluded if alone else 2 * policies.excluded
    places = {(line.want.arc, line.want.fraction) for line in lines}
    anyone = {place: nearest_anyone(*place, force, most) for place in places}
    frame = Recommendation(
        capability="",
        policy=("nearest" if len(lines) == 1 else "joint") + ("_cover" if force.cover is not None else ""),
        chosen=None,
        others=(),
        excluded=(),
        excluded_counts={},
        fleet_size=len(force.fleet.bits),
        settled_nodes=0,
        decided_at=now,
        decision=number,
        together=sum(line.unit is not None for line in lines),
        proven=proven,
    )
    decisions = []
    for line in lines:
        barred = Barred(
            refused=line.want.refused_by,
            taken=frozenset(taken - {line.unit}),
            fresh_after=market.fresh_after,
            now=now,
            reserved=line.options.held - taken,
            bringing=line.want.bringing,
        )
        near = anyone[line.want.arc, line.want.fraction]
        decisions.append(_explain(line, near, force, policies, barred, frame))
    return decisions


@dataclass(frozen=True)
class _Line:
    """A demand with its options and which of them it has."""

    want: Wanted
    options: Options
    pick: int = UNMET

    @property
    def unit(self) -> int | None:
        """The row of the unit that goes."""
        return int(self.options.ranking.unit[self.pick]) if self.pick != UNMET else None

    @property
    def is_decided(self) -> bool:
        """Whether anything is decided about it: a demand that its own holder goes on for stays as it is."""
        return self.want.holder == NOBODY or self.unit != self.want.holder


def _planned(wanted: Sequence[Wanted], market: Market, effort: float) -> tuple[list[_Line], bool]:
    """Return the lines of a plan that decide anything, and whether it is proven that no plan is better.

    A unit that is taken leaves a demand that is planned for as well, until no more come up. A level is never changed by
    those below it, so each turn only adds to the last. Who would eat into the reserve looks for somebody else.
    """
    asked = market.with_holders([(want, market.options(want)) for want in wanted])
    turn = 0
    while True:
        lines, proven = _assigned(asked, market, effort)
        left = market.left_by([(line.want, line.options, line.unit) for line in lines])
        asked += [(want, market.options(want)) for want in left]
        if left:
            continue
        over = market.over([(line.want, line.unit) for line in lines])
        turn += 1
        for i, held in over.items():
            # Extra rows of one need are one: whoever stays back for one does for all.
            for j in _alike(asked, i):
                want, its = asked[j]
                # After so many turns whoever is still over gets nobody: it waits.
                asked[j] = want, its.without(held if turn < _RESERVE_TURNS else frozenset(its.ranking.unit.tolist()))
        if not over:
            break
    taken = {line.unit for line in lines if line.is_decided}
    lines = [line for line in lines if line.want.holder == NOBODY or line.want.holder in taken]
    return _without_idle(lines, market.force), proven


def _alike(asked: Sequence[tuple[Wanted, Options]], i: int) -> list[int]:
    """Return a row, and where it is a new one of a need all new ones of that."""
    want = asked[i][0]
    return [j for j, (its, _) in enumerate(asked) if its.new and its.need == want.need] if want.new else [i]


def _without_idle(lines: Sequence[_Line], force: Force) -> list[_Line]:
    """Leave out the extra rows that nobody was found for, but one where its need has too few people even so."""
    found: list[_Line] = []
    told = {line.want.need for line in lines if line.unit is None and not line.want.new}  # something of it waits
    for line in lines:
        if line.want.extra and line.unit is None:
            if (line.want.new and line.want.need in told) or not _too_few(line.want, lines, force):
                continue
            told.add(line.want.need)
        found.append(line)
    return found


def _too_few(want: Wanted, lines: Sequence[_Line], force: Force) -> bool:
    """Tell whether those who go for a need are fewer people or sworn officers than it lacks."""
    goes = [line.unit for line in lines if line.want.need == want.need and line.unit is not None]
    return bool(force.fleet.people[goes].sum() < want.people or force.fleet.sworn[goes].sum() < want.sworn)


def _crewed(asked: list[tuple[Wanted, Options]], market: Market, effort: float) -> tuple[list[_Line], bool]:
    """Choose among options where some needs want a number of people; extra rows are put behind the others."""
    fleet = market.force.fleet

    def row(want: Wanted, its: Options) -> Row:
        return Row(
            level=want.level,
            incident=want.incident,
            unit=its.ranking.unit,
            cost_ms=its.cost_ms,
            underway_ms=want.underway_ms,
            holder=want.holder,
            shares=want.together,
            need=want.need if want.holder == NOBODY else None,
            people=want.people,
            sworn=want.sworn,
            leads=has_rank(want.bringing),
            extra=want.extra,
            group=want.group,
        )

    def add(need: Hashable) -> list[Row]:
        its = [want for want, _ in asked if want.need == need and want.holder == NOBODY]
        if any(want.new for want in its):
            return []
        want = replaced(its[0], extra=True, new=True, bringing=without_rank(its[0].bringing))
        options = market.options(want)
        asked.extend([(want, options)] * MOST_EXTRA)
        return [row(want, options)] * MOST_EXTRA

    people, sworn = fleet.people.astype(np.int64), fleet.sworn.astype(np.int64)
    plan = CrewPlan([row(want, its) for want, its in asked], people, sworn, fleet.team)
    plan.make(effort, add)
    lines = [_Line(want, its, pick) for (want, its), pick in zip(asked, plan.pick, strict=True)]
    return lines, plan.proven


def _assigned(asked: list[tuple[Wanted, Options]], market: Market, effort: float) -> tuple[list[_Line], bool]:
    """Choose for each demand among its options."""
    if any(want.need is not None for want, _ in asked):
        return _crewed(asked, market, effort)
    if len(asked) == 1:  # nobody contends: the first is the best, and no model need be made to know it
        want, its = asked[0]
        return [_Line(want, its, 0 if len(its.ranking.unit) else UNMET)], True
    number = {incident: i for i, incident in enumerate(dict.fromkeys(want.incident for want, _ in asked))}
    choices = Choices.of(
        [want.level for want, _ in asked],
        [number[want.incident] for want, _ in asked],
        [its.ranking.unit for _, its in asked],
        [its.cost_ms for _, its in asked],
        [want.underway_ms for want, _ in asked],
        [want.holder for want, _ in asked],
        [want.together for want, _ in asked],
        group_numbers([want.group for want, _ in asked]),
        market.force.fleet.team,
    )
    found = assign(choices, effort)
    lines = [_Line(want, its, pick) for (want, its), pick in zip(asked, found.pick.tolist(), strict=True)]
    return lines, found.open_groups == 0


def _explain(
    line: _Line, anyone: Ranking, force: Force, policies: Policies, barred: Barred, frame: Recommendation
) -> Decision:
    """Fill in what a table says of one demand; ``frame`` is what it shares with the others of the decision."""
    want, options, ranking = line.want, line.options, line.options.ranking
    chosen, route = None, ""
    chased = None if options.ahead is None else options.ahead.said
    if chased is not None and chased.why == "ahead":
        frame = replace(frame, policy="ahead" + ("_cover" if force.cover is not None else ""))
    if line.pick != UNMET:
        chosen, route = _unit(line, force)
    elif not want.station_ordered:
        chosen = _nearest_station(want, force)
    by_unit = chosen is not None and chosen.kind == "unit"
    recommendation = cut_to_size(
        replace(
            frame,
            capability=want.capability,
            either=want.either,
            bringing=want.bringing,
            one_team=want.group[1] if want.group is not None else 0,
            need=want.need[1] if want.need is not None else 0,
            people=want.people,
            sworn=want.sworn,
            extra=want.extra,
            shares=want.together,
            level=want.level,
            underway_ms=want.underway_ms,
            chosen=chosen,
            others=_others(line, barred.taken | barred.reserved, force, policies.others),
            rivals=_rivals(line, barred.taken, force, policies.others),
            excluded=excluded_units(
                anyone,
                force,
                options.seen,
                want.capability,
                barred,
                sooner_than_ms=chosen.eta_ms if by_unit and chosen is not None else None,
                most=policies.excluded,
            ),
            excluded_counts=reason_counts(force, options.seen, want.capability, barred),
            settled_nodes=ranking.settled,
            chased=chased,
        )
    )
    return Decision(want.demand, recommendation, route, want.new)


def _candidate(line: _Line, at: int, force: Force) -> Candidate:
    options, crewed = line.options, line.want.need is not None
    in_team = line.want.group is not None or line.want.team is not None
    row, eta_ms, turnout_ms, travel_ms, cost_ms = options.figures[at]
    penalties_ms, name = options.against.said(row), UnitId(force.fleet.ids[row])
    return Candidate(
        recipient=RecipientId(name),
        eta_ms=eta_ms,
        turnout_ms=turnout_ms,
        travel_ms=travel_ms,
        cover_ppm=None if options.loss is None else round(float(options.loss[at]) * 1e6),
        penalties_ms=penalties_ms,
        cost_ms=None if cost_ms == eta_ms + sum(penalties_ms.values()) else cost_ms,
        people=int(force.fleet.people[row]) if crewed else 0,
        sworn=int(force.fleet.sworn[row]) if crewed else 0,
        team=force.fleet.team_of(row) if in_team else "",
        diverted_from=force.claims.get(name) if options.seen.takes(row) else None,
        meeting=None if options.ahead is None else options.ahead.meeting(row, force),
    )


def _others(line: _Line, away: frozenset[int], force: Force, most: int) -> tuple[Candidate, ...]:
    """Return who would be next, best first; only those who are named become objects."""
    units = (row for row, *_ in line.options.figures)
    free = (at for at, unit in enumerate(units) if at != line.pick and unit not in away)
    return tuple(_candidate(line, at, force) for at in itertools.islice(free, most))


def _rivals(line: _Line, taken: frozenset[int], force: Force, most: int) -> tuple[Candidate, ...]:
    """Return the candidates that other demands of the same decision have, best first."""
    if not taken:
        return ()
    theirs = np.flatnonzero(np.isin(line.options.ranking.unit, np.fromiter(taken, np.int32)))
    return tuple(_candidate(line, at, force) for at in theirs[:most].tolist())


def _unit(line: _Line, force: Force) -> tuple[Candidate, str]:
    """Return the unit that goes, and its way there as a polyline: where it is ahead of a subject, to that place."""
    ranking, want, ahead = line.options.ranking, line.want, line.options.ahead
    unit = int(ranking.unit[line.pick])
    arc = None if ahead is None else ahead.place(unit)
    place = (want.arc, want.fraction) if arc is None else (arc, 0.0)
    # The search that ranked them has come by wherever the way leads.
    settled = ranking.settled if arc is None and ranking.method == "search" else None
    row = int(force.fleet.arc[unit]), float(force.fleet.fraction[unit])
    arcs, start, end, _ = force.times.way(*row, *place, settled)
    length_m, course = drawn(force.times.network, arcs, start, end)
    found = _candidate(line, line.pick, force)
    return replace(found, distance_m=round(length_m)), encode_polyline(course)


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
