"""Who could take each demand of a plan, best first, and what each costs the plan."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.dispatch.ahead import BEHIND, Ahead, look_ahead
from engine.dispatch.cover import priced
from engine.dispatch.diversion import MOST_HELD, Seen, Serving, seen_by
from engine.dispatch.force import Force
from engine.dispatch.policies import Policies
from engine.dispatch.pricing import POSITION_AGE, Handicaps, age_handicap
from engine.dispatch.reserve import Reserve
from engine.dispatch.wanted import NOBODY, Wanted
from engine.model.limits import LEVELS
from engine.travel import Ranking

MOST_IN_TEAMS = 200
"""Candidates of a demand that goes to one team: the nearest team has members that are not among the nearest units."""


@dataclass(frozen=True)
class Options:
    """Who could take a demand, best first.

    Attributes
    ----------
    seen
        The fleet as the demand sees it.
    cost_ms
        int64 (r,), what each costs a plan, never falling: the ETA, what counts besides, what cover makes of both.
    against
        What counts besides time.
    held
        Rows that stay back as the reserve.
    loss
        float64 (r,), what cover loses by each; None where that is not heeded.
    ahead
        Who of all units is ahead of a subject who flees; None for any demand but a pursuit's.
    """

    seen: Seen
    ranking: Ranking
    cost_ms: NDArray[np.int64]
    against: Handicaps
    held: frozenset[int] = frozenset()
    loss: NDArray[np.float64] | None = None
    ahead: Ahead | None = None

    @cached_property
    def figures(self) -> list[tuple[int, int, int, int, int]]:
        """What a table says of each: row, ETA, turnout, travel time and cost, in ms."""
        its = self.ranking
        columns = its.unit, its.eta_ms, its.turnout_ms, its.travel_ms, self.cost_ms
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def take(self, rows: NDArray[np.int64]) -> "Options":
        """Return these candidates alone, in this order."""
        loss = None if self.loss is None else self.loss[rows]
        return replace(self, ranking=self.ranking.take(rows), cost_ms=self.cost_ms[rows], loss=loss)

    def without(self, held: frozenset[int]) -> "Options":
        """Return what is left when more units stay back as the reserve."""
        keep = ~np.isin(self.ranking.unit, np.fromiter(held, np.int32))
        return replace(self.take(np.flatnonzero(keep)), held=self.held | held)


class Market:
    """Makes the options of demands at one instant; what several demands share is made once."""

    def __init__(self, force: Force, policies: Policies, now: int, wanted: int, serving: Serving | None) -> None:
        self.force, self.policies = force, policies
        self.fresh_after = policies.seen_after(now)
        self.reserve = Reserve.of(force, policies, self.fresh_after)
        self._now = now
        self._serving = serving if serving is not None and (force.fleet.divertible > 0).any() else None
        self._aged = age_handicap(force.fleet, policies, now)
        self._seen: dict[tuple[int, bool, bool], Seen] = {}
        self._losses: dict[str, NDArray[np.float64]] = {}
        self._ahead: dict[Hashable, Ahead] = {}
        # Whoever is diverted leaves a demand of a lower level: a plan can grow by as many for each level.
        self._most = policies.others + (wanted if self._serving is None else wanted * len(LEVELS) + MOST_HELD)

    def options(self, want: Wanted) -> Options:
        """Return who could take a demand."""
        held = self.reserve.held(want.level) if self.reserve is not None else frozenset()
        seen = self._seen_by(want)
        but = want.refused_by | held
        if want.either:
            seen = seen.able_to_any(self.force.fleet, want.capability, want.either)
        most = self._most
        if want.group is not None or want.team is not None:
            seen, most = seen.in_teams(self.force.fleet, want.capability, want.team), max(most, MOST_IN_TEAMS)
        ahead = self._look_ahead(want, seen, but)
        behind_ms = None if ahead is None else ahead.behind_ms
        handicap_ms = {POSITION_AGE: self._aged, **seen.cost_ms, **want.handicap_ms, BEHIND: behind_ms}
        against = Handicaps.of(handicap_ms)
        ranking = self.force.nearest(
            want.arc,
            want.fraction,
            seen,
            self.force.able(want.capability, want.bringing),
            most + len(but),
            self.fresh_after,
            against.total_ms,
        )
        if but:
            ranking = ranking.take(np.flatnonzero(~np.isin(ranking.unit, np.fromiter(but, np.int32))))
        options = Options(seen, ranking, ranking.cost_ms, against, held, ahead=ahead)
        return options if self.force.cover is None else self._spare(want, options)

    def _look_ahead(self, want: Wanted, seen: Seen, but: frozenset[int]) -> Ahead | None:
        """Return who is ahead of the subject of a pursuit; of demands alike it is asked once."""
        if want.pursued is None:
            return None
        its = want.capability, want.either, want.bringing, want.level, want.may_divert, want.group is None, want.team
        key = (want.pursued.sighting, *its, want.holder == NOBODY, but)
        found = self._ahead.get(key)
        if found is None:
            bits = seen.bits.copy()
            bits[list(but)] = 0
            need = self.force.able(want.capability, want.bringing)
            others = replace(seen, bits=bits)
            place = want.arc, want.fraction
            found = self._ahead[key] = look_ahead(want.pursued, *place, self.force, others, need, self.fresh_after)
        return found

    def _seen_by(self, want: Wanted) -> Seen:
        may = self._serving is not None and want.may_divert
        # Who is under way at the same level is taken for demands that wait, not for those that are served already.
        waits = want.holder == NOBODY
        found = self._seen.get((want.level, may, waits))
        if found is None:
            policies = self.policies if waits else replace(self.policies, diversion_saving_ms=0)
            found = seen_by(self.force.fleet, want.level, policies, may_divert=may)
            self._seen[want.level, may, waits] = found
        return found

    def _spare(self, want: Wanted, options: Options) -> Options:
        """Let cover choose among those who are soon enough: level 1 heeds ties alone, others their card's time too."""
        ranking, policies, cover = options.ranking, self.policies, self.force.cover
        assert cover is not None
        if not len(ranking.unit):
            return options
        for name in (want.capability, *want.either):
            if name not in self._losses:
                self._losses[name] = cover.losses(self.force, name, self.fresh_after)
        loss = np.maximum.reduce([self._losses[name] for name in (want.capability, *want.either)])
        until_ms = int(options.cost_ms[0]) + policies.tie_window_ms
        if policies.cover == "in_time" and want.level > 1 and want.due_at is not None:
            until_ms = max(until_ms, want.due_at - self._now)
        order, cost_ms = priced(options.cost_ms, loss[ranking.unit], float(loss.max()), until_ms)
        return replace(options, ranking=ranking.take(order), cost_ms=cost_ms, loss=loss[ranking.unit[order]])

    def with_holders(self, asked: list[tuple[Wanted, Options]]) -> list[tuple[Wanted, Options]]:
        """Add the demands of the same level whose units could be taken, each with its own unit among its options.

        At most `MOST_HELD`, those whose units are the best for anybody; the others are no candidates.
        """
        if self._serving is None or not self.policies.diversion_saving_ms:
            return asked
        level = self.force.fleet.divertible
        cost: dict[int, int] = {}
        for want, its in asked:
            for at in np.flatnonzero(level[its.ranking.unit] == want.level).tolist():
                row, ms = int(its.ranking.unit[at]), int(its.cost_ms[at])
                cost[row] = min(ms, cost.get(row, ms))
        found = ((row, self._serving(row)) for row in sorted(cost, key=lambda row: (cost[row], row)))
        held = [(row, want) for row, want in found if want is not None][:MOST_HELD]
        known = np.fromiter((row for row, _ in held), np.int32)
        lines = []
        for want, its in asked:
            others = (level[its.ranking.unit] == want.level) & ~np.isin(its.ranking.unit, known)
            lines.append((want, its.take(np.flatnonzero(~others))))
        return lines + [(want, self._with_holder(want, self.options(want))) for _, want in held]

    def _with_holder(self, want: Wanted, options: Options) -> Options:
        """Put the unit that is under way for a demand among its options, at the time it still needs."""
        ranking, one, ms = options.ranking, np.array([want.holder], np.int32), np.array([want.remaining_ms])
        at = int(np.searchsorted(options.cost_ms, want.remaining_ms))
        nothing = np.zeros(1, np.int64)
        with_it = replace(
            ranking,
            unit=np.insert(ranking.unit, at, one),
            eta_ms=np.insert(ranking.eta_ms, at, ms),
            travel_ms=np.insert(ranking.travel_ms, at, ms),
            turnout_ms=np.insert(ranking.turnout_ms, at, nothing),
            handicap_ms=np.insert(ranking.handicap_ms, at, nothing),
        )
        loss = None if options.loss is None else np.insert(options.loss, at, 0.0)
        return replace(options, ranking=with_it, cost_ms=np.insert(options.cost_ms, at, ms), loss=loss)

    def left_by(self, lines: Sequence[tuple[Wanted, Options, int | None]]) -> list[Wanted]:
        """Return the demands that the units of a plan are taken from and that are not planned for yet."""
        if self._serving is None:
            return []
        known = {want.holder for want, _, _ in lines}
        units = [unit for _, its, unit in lines if unit is not None and its.seen.takes(unit) and unit not in known]
        return [want for want in map(self._serving, units) if want is not None]

    def over(self, lines: Sequence[tuple[Wanted, int | None]]) -> dict[int, frozenset[int]]:
        """Return which lines of a plan would eat into the reserve, each with who stays back for it."""
        if self.reserve is None:
            return {}
        over, left = self.reserve.over([want.level for want, _ in lines], [unit for _, unit in lines])
        return {i: left.held(lines[i][0].level) for i in over}
