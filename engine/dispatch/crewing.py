"""Enough people: of the candidates of one need those go whose crews come to a number together.

A need may want so many people, and so many sworn officers among them, in all its units. Where those who would go are
too few, units are added to those that the need counts, up to `MOST_EXTRA`. The best set of one need, when nobody else
wants its candidates, is the least of, in this order: units wanted and not met; that somebody leads who has the rank;
people and sworn officers lacking; the arrival of the last; the total. It is found exactly, by a table over how many
units, people and sworn officers have been taken of the candidates so far, soonest first.

Where several needs contend, sets are made one after the other, the most urgent first, each of what the others of its
level and above have left; everybody else is assigned anew round them. Where there is time for it the needs of a level
are then settled together (`crew_core`), level by level, and those below anew round them.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.dispatch.assignment import NOBODY, UNMET, Choices, assign
from engine.dispatch.crew_core import Need, Plan, settle_together

Ints = NDArray[np.int64]
MOST_EXTRA = 8
"""Units that are added to those that a need counts."""
MOST_CANDIDATES = 48
"""Candidates of one need that the table looks at, the soonest."""
EFFORT = 0.5
"""Deterministic time for one level whose needs are settled together, where anything may be spent at all."""
_MOST_CELLS = 6_000
"""Cells of the table; past it whoever is soonest goes until there are enough."""
_NEVER = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, kw_only=True)
class Crews:
    """The candidates of one need, ``c``, soonest first.

    Attributes
    ----------
    cost_ms, people, sworn
        int64 (c,).
    leads
        bool (c,), whether somebody has the rank to lead.
    """

    cost_ms: Ints
    people: Ints
    sworn: Ints
    leads: NDArray[np.bool_]

    def choose(self, units: int, most: int, people: int, sworn: int) -> Ints:
        """Return which go, in order.

        Parameters
        ----------
        units, most
            How many are wanted, and how many may go at most.
        people, sworn
            How many must be in them together.
        """
        most = min(most, len(self.cost_ms))
        if (most + 1) * (people + 1) * (sworn + 1) * 2 > _MOST_CELLS:
            return self._soonest(units, most, people, sworn)
        shape = (most + 1, people + 1, sworn + 1, 2)
        cost, taken = np.full(shape, _NEVER), np.zeros(shape, np.int64)
        cost[0, 0, 0, 0] = 0
        best: tuple[int, ...] | None = None
        chosen, arrival = 0, 0
        for i in range(min(len(self.cost_ms), MOST_CANDIDATES)):
            self._take(i, cost, taken)
            worth, mask = _best(cost, taken, units, people, sworn)
            # A later candidate counts only where it makes the set more complete: else the set would arrive later.
            cost_ms = int(self.cost_ms[i])
            if best is None or worth[:-1] < best[:-1] or (cost_ms == arrival and worth < best):
                best, chosen, arrival = worth, mask, cost_ms
        return np.flatnonzero([chosen >> i & 1 for i in range(MOST_CANDIDATES)])

    def _take(self, i: int, cost: Ints, taken: Ints) -> None:
        """Let a candidate be taken or not, on top of every set that there is without it."""
        most, people, sworn = (n - 1 for n in cost.shape[:3])
        p, s, leads = int(self.people[i]), int(self.sworn[i]), bool(self.leads[i])
        n, a, b, was = np.nonzero(cost[:most] < _NEVER)
        to = (n + 1, np.minimum(a + p, people), np.minimum(b + s, sworn), np.maximum(was, leads))
        further = cost[n, a, b, was] + int(self.cost_ms[i])
        mask = taken[n, a, b, was] | np.int64(1) << np.int64(i)
        # Several sets may come to the same cell: the cheapest stays, written last.
        order = np.argsort(-further, kind="stable")
        cells = np.ravel_multi_index(to, cost.shape)[order]
        flat, flat_taken = cost.reshape(-1), taken.reshape(-1)
        better = further[order] < flat[cells]
        cells, further, mask = cells[better], further[order][better], mask[order][better]
        flat[cells], flat_taken[cells] = further, mask

    def _soonest(self, units: int, most: int, people: int, sworn: int) -> Ints:
        found: list[int] = []
        for i in range(len(self.cost_ms)):
            its = np.array(found, np.int64)
            enough = self.people[its].sum() >= people and self.sworn[its].sum() >= sworn
            led = not self.leads.any() or self.leads[its].any()
            if len(found) >= most or (len(found) >= units and enough and led):
                break
            if self.people[i] or len(found) < units:
                found.append(i)
        return np.array(found, np.int64)


def _best(cost: Ints, taken: Ints, units: int, people: int, sworn: int) -> tuple[tuple[int, ...], int]:
    """Return what the best set comes to, less is better, its total last, and which candidates it takes."""
    n, p, s, leads = np.nonzero(cost < _NEVER)
    unmet = np.maximum(units - n, 0)
    lacking = (people - p) + (sworn - s)
    total = cost[n, p, s, leads]
    first = np.lexsort((total, lacking, -leads, unmet))[0]
    worth = (int(unmet[first]), -int(leads[first]), int(lacking[first]), int(total[first]))
    return worth, int(taken[n[first], p[first], s[first], leads[first]])


@dataclass(frozen=True, kw_only=True)
class Row:
    """A demand of a plan in which crews count.

    Attributes
    ----------
    level, incident, unit, cost_ms, underway_ms, holder, shares
        As `engine.dispatch.assignment.Choices` has them.
    need
        Rows with the same are one set; None for one that asks for no number of people.
    people, sworn
        How many its set lacks.
    leads
        Whether its unit must have somebody of a rank.
    extra
        Whether it is only met where its set has too few without it.
    group
        Rows with the same are met by units of one team; None for any other.
    """

    level: int
    incident: Hashable
    unit: NDArray[np.int32]
    cost_ms: Ints
    underway_ms: int = 0
    holder: int = NOBODY
    shares: bool = False
    need: Hashable = None
    people: int = 0
    sworn: int = 0
    leads: bool = False
    extra: bool = False
    group: Hashable = None


def group_numbers(groups: Sequence[Hashable]) -> list[int]:
    """Return groups numbered from 0, as `engine.dispatch.assignment.Choices` has them; -1 for None."""
    number = {group: i for i, group in enumerate(dict.fromkeys(group for group in groups if group is not None))}
    return [-1 if group is None else number[group] for group in groups]


class CrewPlan:
    """A plan in which some needs want a number of people.

    Parameters
    ----------
    rows
        The demands; those of one need are of one incident and level, its extra ones last.
    people, sworn
        int64 by unit, as the rows number them.
    team
        int32 by unit, as `engine.dispatch.assignment.Choices` has it.
    """

    def __init__(self, rows: Sequence[Row], people: Ints, sworn: Ints, team: NDArray[np.int32]) -> None:
        self.rows = list(rows)
        self.people, self.sworn, self.team = people, sworn, team
        self.sets: dict[Hashable, list[int]] = {}
        for i, row in enumerate(self.rows):
            if row.need is not None:
                self.sets.setdefault(row.need, []).append(i)
        self.pick = [UNMET] * len(self.rows)
        self._open: set[int] = set()
        """Levels whose sets were made in turn, with no proof that another order is not better."""
        self._open_groups = 0
        self._settled: dict[int, int] = {}
        """For each row that is settled, which of its candidates it has."""

    @property
    def proven(self) -> bool:
        """Whether no plan is better."""
        return not self._open and not self._open_groups

    def make(self, effort: float, add: Callable[[Hashable], Sequence[Row]] | None = None) -> None:
        """Plan: the answer is in ``pick``, for each row the position among its candidates, and in ``proven``.

        ``add`` gives extra rows for a set that turns out to have too few people; they are put behind all others.
        """
        self._take_turns(effort, add)
        if effort > 0.0:
            for level in sorted(self._open):
                self._settle_level(level, effort, add)

    def _take_turns(self, effort: float, add: Callable[[Hashable], Sequence[Row]] | None) -> None:
        """Make sets one after the other, and assign everybody else round them."""
        while True:
            self._open_groups = self._assign(effort)
            short = [name for name in self.sets if name not in self._made and self.lacks(name)]
            if not short:
                self._fill()
                return
            name = min(short, key=lambda name: (self.rows[self.sets[name][0]].level, self.sets[name][0]))
            self._add(name, add)
            self._settle(name)

    def _add(self, name: Hashable, add: Callable[[Hashable], Sequence[Row]] | None) -> None:
        for row in add(name) if add is not None else ():
            self.sets[name].append(len(self.rows))
            self.rows.append(row)
            self.pick.append(UNMET)

    def _settle_level(self, level: int, effort: float, add: Callable[[Hashable], Sequence[Row]] | None) -> None:
        """Settle the needs of a level together, and plan those below anew round them."""
        here = [i for i, row in enumerate(self.rows) if row.level == level]
        if any(self.rows[i].shares or self.rows[i].group is not None or self.rows[i].holder != NOBODY for i in here):
            return  # bound by more than people: the turns stand
        names = [name for name, its in self.sets.items() if self.rows[its[0]].level == level]
        for name in names:
            if not any(self.rows[i].extra for i in self.sets[name]):
                self._add(name, add)
        parties = [self.sets[name] for name in names]
        parties += [[i] for i in here if self.rows[i].need is None]
        above = {unit for i, row in enumerate(self.rows) if row.level < level and (unit := self.unit(i)) is not None}
        needs = [self._need(its, above) for its in parties]
        hint: Plan = []
        for its, need in zip(parties, needs, strict=True):
            at = {unit: place for place, unit in enumerate(need.unit.tolist())}
            hint.append([at[unit] for i in its if (unit := self.unit(i)) is not None])
        plan, proven = settle_together(needs, hint, self.people, self.sworn, EFFORT)
        self._settled = {i: at for i, at in self._settled.items() if self.rows[i].level < level}
        for its, need, goes in zip(parties, needs, plan, strict=True):
            self._give(its, need.unit[goes].tolist())
        self._open = {other for other in self._open if other < level} | (set() if proven else {level})
        self._take_turns(effort, add)

    def _need(self, its: Sequence[int], away: set[int]) -> Need:
        """Return what rows want together, without candidates who are away."""
        first = self.rows[its[0]]
        cost = self._cheapest(its, away)
        units = np.array(sorted(cost, key=lambda unit: (cost[unit], unit)), np.int64)
        leading = {unit for i in its if self.rows[i].leads for unit in self.rows[i].unit.tolist()}
        return Need(
            incident=first.incident,
            counted=sum(not self.rows[i].extra for i in its),
            most=len(its),
            people=first.people if first.need is not None else 0,
            sworn=first.sworn if first.need is not None else 0,
            led=any(self.rows[i].leads for i in its),
            unit=units,
            cost_ms=np.array([cost[unit] for unit in units.tolist()], np.int64),
            leads=np.array([unit in leading for unit in units.tolist()], np.bool_),
            underway_ms=first.underway_ms,
        )

    def _cheapest(self, its: Sequence[int], away: set[int]) -> dict[int, int]:
        """Return what each candidate of rows costs at least, without those who are away."""
        cost: dict[int, int] = {}
        for i in its:
            for unit, ms in zip(self.rows[i].unit.tolist(), self.rows[i].cost_ms.tolist(), strict=True):
                if unit not in away:
                    cost[unit] = min(ms, cost.get(unit, ms))
        return cost

    def lacks(self, name: Hashable) -> bool:
        """Tell whether a set has too few people or sworn officers as it is planned."""
        its = self.sets[name]
        units = np.array([unit for i in its if (unit := self.unit(i)) is not None], np.int64)
        first = self.rows[its[0]]
        return bool(self.people[units].sum() < first.people or self.sworn[units].sum() < first.sworn)

    def unit(self, i: int) -> int | None:
        """Return who meets a row; None where nobody does."""
        return None if self.pick[i] == UNMET else int(self.rows[i].unit[self.pick[i]])

    def _fill(self) -> None:
        """Let whoever was left over by sets that were made later help those made before that still lack people."""
        taken = {unit for i in range(len(self.rows)) if (unit := self.unit(i)) is not None}
        for name in self._made:
            for i in self.sets[name]:
                extra = self.rows[i].extra
                if self.pick[i] != UNMET or (extra and not self.lacks(name)):
                    continue
                free = (at for at, unit in enumerate(self.rows[i].unit.tolist()) if unit not in taken)
                at = next((at for at in free if not extra or self._helps(name, int(self.rows[i].unit[at]))), UNMET)
                self.pick[i] = at
                taken |= set() if at == UNMET else {int(self.rows[i].unit[at])}

    def _helps(self, name: Hashable, unit: int) -> bool:
        """Tell whether a unit has some of what a set lacks."""
        its = np.array([its for i in self.sets[name] if (its := self.unit(i)) is not None], np.int64)
        first = self.rows[self.sets[name][0]]
        more_people = self.people[its].sum() < first.people and self.people[unit] > 0
        return bool(more_people or (self.sworn[its].sum() < first.sworn and self.sworn[unit] > 0))

    @property
    def _made(self) -> list[Hashable]:
        return list(dict.fromkeys(its for i in self._settled if (its := self.rows[i].need) is not None))

    def _assign(self, effort: float) -> int:
        """Assign all that no made set is about, round what these have; return how many groups are not proven."""
        gone = {int(self.rows[i].unit[at]): self.rows[i].level for i, at in self._settled.items() if at != UNMET}
        here = [i for i, row in enumerate(self.rows) if i not in self._settled and not row.extra]
        kept = {i: self._left(self.rows[i], gone) for i in here}
        # Who has gone is never taken off by those below, and by those above only through what they leave.
        choices = Choices.of(
            [self.rows[i].level for i in here],
            [self._number(self.rows[i].incident) for i in here],
            [self.rows[i].unit[kept[i]] for i in here],
            [self.rows[i].cost_ms[kept[i]] for i in here],
            [self.rows[i].underway_ms for i in here],
            [self.rows[i].holder for i in here],
            [self.rows[i].shares for i in here],
            group_numbers([self.rows[i].group for i in here]),
            self.team,
        )
        found = assign(choices, effort)
        self.pick = [UNMET] * len(self.rows)
        for i, at in self._settled.items():
            self.pick[i] = at
        for i, at in zip(here, found.pick.tolist(), strict=True):
            self.pick[i] = UNMET if at == UNMET else int(kept[i][at])
        return found.open_groups

    def _left(self, row: Row, gone: dict[int, int]) -> Ints:
        """Return which of a row's candidates no made set has."""
        return np.flatnonzero(~np.isin(row.unit, np.fromiter(gone, np.int32, len(gone))))

    def _number(self, incident: Hashable) -> int:
        return next(i for i, row in enumerate(self.rows) if row.incident == incident)

    def _settle(self, name: Hashable) -> None:
        """Make one set: choose who goes, and give each a row that it is a candidate of."""
        its = self.sets[name]
        level = self.rows[its[0]].level
        others = [i for i in range(len(self.rows)) if i not in its and self.rows[i].level <= level]
        if any(self.rows[i].level == level for i in others):
            self._open.add(level)  # of several that contend no other order of making sets is tried
        need = self._need(its, {unit for i in others if (unit := self.unit(i)) is not None})
        crews = Crews(
            cost_ms=need.cost_ms, people=self.people[need.unit], sworn=self.sworn[need.unit], leads=need.leads
        )
        self._give(its, need.unit[crews.choose(need.counted, need.most, need.people, need.sworn)].tolist())

    def _give(self, its: Sequence[int], goes: list[int]) -> None:
        """Give each who goes a row that it is a candidate of; the one that leads first."""
        for i in sorted(its, key=lambda i: (not self.rows[i].leads, i)):
            able = self.rows[i].unit.tolist()
            unit = next((unit for unit in goes if unit in able), None)
            self._settled[i] = UNMET if unit is None else able.index(unit)
            if unit is not None:
                goes.remove(unit)
