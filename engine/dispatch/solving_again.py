"""A decision solved again from what was frozen of it: does its table say the same?

The tables of one decision hold, for each demand, who was chosen and what the next cost, and whom other demands of the
decision have. Nothing else is asked: no road, no position, no policy. In a pursuit the tables also say on how many of
the subject's ways each is ahead, and what that counts is reckoned again. A record whose tables do not give the choices
that stand in it was changed, or its decision was not made by its table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.dispatch.ahead import BEHIND, behind_ms
from engine.dispatch.assignment import UNMET, Choices, assign
from engine.dispatch.crewing import CrewPlan, Row, group_numbers
from engine.dispatch.diversion import DIVERSION_EQUAL
from engine.dispatch.wanted import has_rank
from engine.model.ids import DemandId, IncidentId, RecipientId
from engine.model.recommendation import Candidate, Recommendation

EFFORT = 5.0
"""CP-SAT's deterministic time for one decision; a worker had a small part of that when it was made, a batch none."""

Verdict = Literal["same", "differs", "incomplete", "unproven"]
"""``incomplete``: of a worker's plan not every line was carried out, so that the rest cannot be judged by itself.
``unproven``: the plan was not proven the best when it was made, and a better one is found now. That hangs on the
question alone, never on how busy the machine was: what may be spent is deterministic time."""


@dataclass(frozen=True)
class Table:
    """A recommendation as an event holds it."""

    demand: DemandId
    incident: IncidentId
    recommendation: Recommendation


@dataclass(frozen=True)
class Solved:
    """What came of solving a decision again: for each of its tables who goes, None for nobody."""

    verdict: Verdict
    chosen: tuple[RecipientId | None, ...]


def solve_again(tables: Sequence[Table]) -> Solved:
    """Solve the tables of one decision again.

    Of plans that are as good by every measure the one that stands in the tables is given.
    """
    frozen = [_unit(table.recommendation) for table in tables]
    named = tuple(None if one is None else one.recipient for one in frozen)
    if not all(_is_reckoned(table.recommendation) for table in tables):
        return Solved("differs", named)
    together = max(table.recommendation.together for table in tables)
    if sum(one is not None for one in frozen) < together:
        return Solved("incomplete", named)
    goes = {one.recipient for one in frozen if one is not None}
    rows = [_row(table.recommendation, goes) for table in tables]
    number = {name: i for i, name in enumerate(dict.fromkeys(one.recipient for row in rows for one in row))}
    incidents = list(dict.fromkeys(table.incident for table in tables))
    choices = Choices.of(
        [table.recommendation.level for table in tables],
        [incidents.index(table.incident) for table in tables],
        [np.array([number[one.recipient] for one in row], np.int32) for row in rows],
        [np.array([cost_ms(one) for one in row], np.int64) for row in rows],
        [table.recommendation.underway_ms for table in tables],
        shares=[table.recommendation.shares for table in tables],
        group=group_numbers(
            [(table.incident, its) if (its := table.recommendation.one_team) else None for table in tables]
        ),
        team=_teams(rows, number),
    )
    if any(table.recommendation.need for table in tables):
        again = _with_crews(tables, choices, rows, number)
    else:
        again = assign(choices, EFFORT).pick.tolist()
    found = tuple(row[pick].recipient if pick != UNMET else None for row, pick in zip(rows, again, strict=True))
    if found == named:
        return Solved("same", named)
    stands = [UNMET if one is None else row.index(one) for row, one in zip(rows, frozen, strict=True)]
    was, now = _worth(choices, stands), _worth(choices, again)
    if was == now:
        return Solved("same", named)
    proven = all(table.recommendation.proven for table in tables)
    return Solved("differs" if proven or was < now else "unproven", found)


def _with_crews(
    tables: Sequence[Table], choices: Choices, rows: Sequence[Sequence[Candidate]], number: Mapping[RecipientId, int]
) -> list[int]:
    """Plan again where needs want a number of people, with as many extra units as there are tables of them."""
    crews = {number[one.recipient]: (one.people, one.sworn) for row in rows for one in row}
    people, sworn = (np.array([crews[unit][of] for unit in range(len(crews))], np.int64) for of in (0, 1))
    asked = []
    for i, table in enumerate(tables):
        its, among = table.recommendation, slice(choices.start[i], choices.start[i + 1])
        row = Row(
            level=its.level,
            incident=table.incident,
            unit=choices.unit[among],
            cost_ms=choices.eta_ms[among],
            underway_ms=its.underway_ms,
            shares=its.shares,
            need=(table.incident, its.need) if its.need else None,
            people=its.people,
            sworn=its.sworn,
            leads=has_rank(its.bringing),
            extra=its.extra,
            group=(table.incident, its.one_team) if its.one_team else None,
        )
        asked.append(row)
    plan = CrewPlan(asked, people, sworn, choices.team)
    plan.make(EFFORT)
    return plan.pick


def _teams(rows: Sequence[Sequence[Candidate]], number: Mapping[RecipientId, int]) -> list[int]:
    """Return the team of each candidate, numbered; -1 for none."""
    name = {number[one.recipient]: one.team for row in rows for one in row if one.team}
    teams = list(dict.fromkeys(name.values()))
    return [teams.index(name[unit]) if unit in name else -1 for unit in range(len(number))]


def decisions(tables: Iterable[Table]) -> list[list[Table]]:
    """Return the tables of a record by decision, in order; those that do not say to which they belong are left out."""
    found: dict[int, list[Table]] = {}
    for table in tables:
        if table.recommendation.decision:
            found.setdefault(table.recommendation.decision, []).append(table)
    return list(found.values())


def cost_ms(candidate: Candidate) -> int:
    """Return what a candidate counted in the plan: its ETA and its penalties, or what cover made of both."""
    if candidate.cost_ms is not None:
        return candidate.cost_ms
    return candidate.eta_ms + sum(candidate.penalties_ms.values())


def _is_reckoned(recommendation: Recommendation) -> bool:
    """Tell whether what counts for being behind a subject is what the ways say that the table tells of."""
    said, chosen = recommendation.chased, _unit(recommendation)
    if said is None or said.why != "ahead":
        return True
    its = (*(() if chosen is None else (chosen,)), *recommendation.others, *recommendation.rivals)
    return all(one.penalties_ms.get(BEHIND, 0) == behind_ms(said, one) for one in its)


def _unit(recommendation: Recommendation) -> Candidate | None:
    chosen = recommendation.chosen
    return chosen if chosen is not None and chosen.kind == "unit" else None


def _row(recommendation: Recommendation, goes: set[RecipientId]) -> list[Candidate]:
    """Return the candidates of a table, best first; the chosen one before its equals.

    Whom a demand has that is not in these tables was never to be had. So it is with units under way at the same level
    that were left where they are: what they would have left is in no table.
    """
    chosen = _unit(recommendation)
    free = [one for one in recommendation.others if DIVERSION_EQUAL not in one.penalties_ms]
    rivals = [one for one in recommendation.rivals if one.recipient in goes]
    return sorted(([] if chosen is None else [chosen]) + free + rivals, key=cost_ms)


def _worth(choices: Choices, picks: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return what a plan comes to, level by level: demands unmet, the sum of arrivals, the total; less is better."""
    worth = []
    for level in np.unique(choices.level):
        its = np.flatnonzero(choices.level == level).tolist()
        latest = {int(choices.incident[i]): int(choices.underway_ms[i]) for i in its}
        goes: dict[int, int] = {}
        unmet = 0
        for i in its:
            if picks[i] == UNMET:
                unmet += 1
                continue
            at = int(choices.start[i]) + picks[i]
            ms, unit = int(choices.eta_ms[at]), int(choices.unit[at])
            goes[unit] = max(goes.get(unit, 0), ms)
            latest[int(choices.incident[i])] = max(latest[int(choices.incident[i])], ms)
        worth.append((unmet, sum(latest.values()), sum(goes.values())))
    return worth
