"""Who takes what when several demands are decided together.

Levels go strictly one after the other: the demands of a level are assigned among what the levels above have left.
Within a level the plan is the least of, in this order: demands unmet; the sum over incidents of the arrival of its
set, which is the latest ETA among its demands that are met and of those sent for it earlier; the total ETA while no
set arrives later.

Of ``m`` demands that contend no one wants more than its ``m`` best candidates: were it given a worse, one of those
would be free. Who contends with nobody takes the best and is done; the rest, few as a rule, is `contest`'s.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.dispatch.contending import contending
from engine.dispatch.contest import Contest

UNMET = -1
NOBODY = -1
"""The holder of a demand that nobody is under way for."""
EFFORT = 0.01
"""What CP-SAT may spend on all small cores of a plan together, in its deterministic time (see `exact_core`)."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Who could meet what: ``n`` demands and their candidates, row after row.

    Attributes
    ----------
    level
        int64 (n,), 1 goes first.
    incident
        int64 (n,), any number by incident; the demands of one are one set. An incident has one level.
    start
        int64 (n + 1,), where each demand's candidates begin.
    unit
        int32 (start[-1],), each unit at most once in a row.
    eta_ms
        int64 (start[-1],), never falling within a row, not negative; with what counts besides time in it.
    underway_ms
        int64 (n,), when the last unit sent earlier for the same incident is there; 0 for none.
    holder
        int32 (n,), the unit that is under way for a demand, `NOBODY` for one that waits. Where a level above takes it
        away the demand is one that waits. Else both stay what they are, unless the holder is among the demand's own
        candidates: then another demand of the level may have it, if the plan is better for it, and the demand is met
        by somebody else.
    shares
        bool (n,), whether a unit that goes to the incident for another demand may meet it as well.
    group
        int64 (n,), demands that units of one team must meet have the same number, others have -1.
    team
        int32 by unit, the number of its team, -1 for none; empty where no demand is in a group.
    """

    level: NDArray[np.int64]
    incident: NDArray[np.int64]
    start: NDArray[np.int64]
    unit: NDArray[np.int32]
    eta_ms: NDArray[np.int64]
    underway_ms: NDArray[np.int64]
    holder: NDArray[np.int32]
    shares: NDArray[np.bool_]
    group: NDArray[np.int64]
    team: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        level: ArrayLike,
        incident: ArrayLike,
        units: list[NDArray[np.int32]],
        eta_ms: list[NDArray[np.int64]],
        underway_ms: ArrayLike | None = None,
        holder: ArrayLike | None = None,
        shares: ArrayLike | None = None,
        group: ArrayLike | None = None,
        team: ArrayLike = (),
    ) -> Self:
        """Lay rows of candidates out one after the other."""
        sizes = [0, *(len(row) for row in units)]
        return cls(
            level=np.asarray(level, np.int64),
            incident=np.asarray(incident, np.int64),
            start=np.cumsum(np.array(sizes, np.int64)),
            unit=np.concatenate([np.empty(0, np.int32), *units]).astype(np.int32),
            eta_ms=np.concatenate([np.empty(0, np.int64), *eta_ms]).astype(np.int64),
            underway_ms=np.zeros(len(units), np.int64) if underway_ms is None else np.asarray(underway_ms, np.int64),
            holder=np.full(len(units), NOBODY, np.int32) if holder is None else np.asarray(holder, np.int32),
            shares=np.zeros(len(units), np.bool_) if shares is None else np.asarray(shares, np.bool_),
            group=np.full(len(units), -1, np.int64) if group is None else np.asarray(group, np.int64),
            team=np.asarray(team, np.int32),
        )

    @property
    def bound(self) -> NDArray[np.bool_]:
        """Which demands are bound by more than units, bool (n,); see `side_constraints`."""
        return self.shares | (self.group >= 0)


@dataclass(frozen=True)
class Assignment:
    """Who goes.

    Attributes
    ----------
    pick
        int64 (n,), for each demand the position of its unit among its candidates, or `UNMET`.
    open_groups
        How many groups of contending demands have a plan that was not proven the best; with 0 the whole is.
    """

    pick: NDArray[np.int64]
    open_groups: int = 0


def assign(choices: Choices, effort: float = EFFORT) -> Assignment:
    """Choose a unit for each demand; no unit is chosen twice but for demands of one incident that share it.

    Parameters
    ----------
    choices
        Who could meet what.
    effort
        CP-SAT's deterministic time for the small cores whose best plan the flow does not prove; 0 leaves it at the
        flow's answer.

    Returns
    -------
    Assignment
        The same for the same choices, always.
    """
    n = len(choices.level)
    row_of = np.repeat(np.arange(n), np.diff(choices.start))
    pick = np.full(n, UNMET, np.int64)
    most = max(int(choices.unit.max(initial=-1)), int(choices.holder.max(initial=-1)))
    taken = np.zeros(most + 1, np.bool_)
    open_groups = 0
    for level in np.unique(choices.level):
        here = choices.level == level
        bound = bool(np.any(here & choices.bound))
        stays = here & (choices.holder != NOBODY)
        stays[stays] = ~taken[choices.holder[stays]]
        moves = np.zeros(n, np.bool_)
        moves[row_of[choices.unit == choices.holder[row_of]]] = True
        moves &= stays & (not bound)
        taken[choices.holder[stays & ~moves]] = True
        edges = np.flatnonzero((here & ~(stays & ~moves))[row_of] & ~taken[choices.unit])
        if not len(edges):
            continue
        if bound:
            from engine.dispatch.side_constraints import plan_bound  # noqa: PLC0415 - only wanted for such levels

            chosen, unproven, effort = plan_bound(choices, edges, row_of[edges], effort)
        else:
            chosen, unproven, effort = _level(choices, edges, row_of[edges], moves, effort)
        open_groups += unproven
        pick[row_of[chosen]] = chosen - choices.start[row_of[chosen]]
        taken[choices.unit[chosen]] = True
    return Assignment(pick, open_groups)


def _level(
    choices: Choices, edges: NDArray[np.int64], rows: NDArray[np.int64], moves: NDArray[np.bool_], effort: float
) -> tuple[NDArray[np.int64], int, float]:
    """Decide one level: ``edges`` are its candidates that are free, ``rows`` whose they are.

    ``moves``, by demand, are those whose holder may go to another: they and their holders are bound to each other, so
    that nobody is alone.
    """
    rank = _ranks(rows)
    best = edges[rank == 0]
    held, holds = moves[rows], np.isin(choices.unit[edges], choices.holder[moves])
    if not held.any() and len(np.unique(choices.unit[best])) == len(best):
        return best, 0, effort  # everyone has their best: nothing can be better
    demand = np.cumsum(rank == 0) - 1
    if held.any():
        mates = np.full(len(rank), len(rank) + 1)
    else:
        units, column = np.unique(choices.unit[edges], return_inverse=True)
        mates = contending(np.append(np.flatnonzero(rank == 0), len(rank)), column, len(units))[demand]
    alone = mates == 1
    settled, core = edges[alone & (rank == 0)], np.flatnonzero((rank < mates) & ~alone)
    incident = choices.incident[rows]
    contest = Contest.of(
        demand=demand[core],
        unit=choices.unit[edges[core]],
        eta_ms=choices.eta_ms[edges[core]],
        incident=incident[core],
        settled=(
            np.concatenate((incident[alone & (rank == 0)], incident[rank == 0])),
            np.concatenate((choices.eta_ms[settled], choices.underway_ms[rows[rank == 0]])),
        ),
        held=held[core],
        holds=holds[core],
    )
    its, unproven, effort = contest.plan(effort)
    return np.concatenate((settled, edges[core[its]])), unproven, effort


def _ranks(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each candidate among those of its own row."""
    first = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    return np.arange(len(rows)) - np.repeat(first, np.diff(np.r_[first, len(rows)]))
