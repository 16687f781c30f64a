"""A frozen decision solved again: the same while nobody touched it, another where somebody did."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.dispatch.assignment import UNMET, Choices, assign
from engine.dispatch.solving_again import EFFORT, Table, decisions, solve_again
from engine.model.recommendation import Candidate, Recommendation


def candidate(unit, cost, by):
    """Return a candidate whose cost is told in one of the ways that it can be."""
    if by == "eta":
        return Candidate(f"u{unit}", cost, 0, cost)
    if by == "penalty":
        return Candidate(f"u{unit}", cost // 2, 0, cost // 2, penalties_ms={"position_age": cost - cost // 2})
    return Candidate(f"u{unit}", 7, 0, 7, cover_ppm=3, cost_ms=cost)


@st.composite
def decided(draw):
    """A joint decision as its tables tell it, made by `assign`."""
    n, units = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    level = [draw(st.integers(1, 2)) for _ in range(n)]
    incident = [2 * draw(st.integers(0, 1)) + level[i] for i in range(n)]
    rows = []
    for _ in range(n):
        its = draw(st.lists(st.integers(0, units - 1), unique=True, max_size=units))
        rows.append(sorted((draw(st.integers(0, 20)), unit) for unit in its))
    choices = Choices.of(
        level,
        incident,
        [np.array([unit for _, unit in row], np.int32) for row in rows],
        [np.array([cost for cost, _ in row], np.int64) for row in rows],
    )
    pick = assign(choices, 5.0).pick.tolist()
    goes = {rows[i][p][1] for i, p in enumerate(pick) if p != UNMET}
    by = draw(st.sampled_from(["eta", "penalty", "cover"]))
    tables = []
    for i, row in enumerate(rows):
        named = [(unit, candidate(unit, cost, by)) for cost, unit in row]
        mine = named[pick[i]] if pick[i] != UNMET else None
        tables.append(
            Table(
                f"d{i}",
                f"i{incident[i]}",
                Recommendation(
                    capability="patrol",
                    policy="joint",
                    chosen=None if mine is None else mine[1],
                    others=tuple(one for unit, one in named if unit not in goes),
                    rivals=tuple(one for unit, one in named if unit in goes and one is not (mine and mine[1])),
                    excluded=(),
                    excluded_counts={},
                    fleet_size=units,
                    settled_nodes=1,
                    level=level[i],
                    decision=9,
                    together=sum(p != UNMET for p in pick),
                ),
            )
        )
    return tables


@given(decided())
@settings(max_examples=300, deadline=None)
def test_what_nobody_touched_is_the_same(tables):
    found = solve_again(tables)
    assert found.verdict == "same"
    chosen = [table.recommendation.chosen for table in tables]
    assert list(found.chosen) == [None if one is None else one.recipient for one in chosen]
    assert decisions(tables) == [tables]


def single(chosen, *others, **more):
    table = Recommendation(
        capability="patrol",
        policy="nearest",
        chosen=chosen,
        others=others,
        excluded=(),
        excluded_counts={},
        fleet_size=3,
        settled_nodes=1,
        level=2,
        decision=3,
        together=1,
        **more,
    )
    return Table("d", "i", table)


def test_a_choice_that_its_table_does_not_give_differs():
    near, far = candidate(1, 10, "eta"), candidate(2, 20, "eta")
    assert solve_again([single(near, far)]).verdict == "same"
    found = solve_again([single(far, near)])
    assert (found.verdict, found.chosen) == ("differs", ("u1",))
    assert solve_again([single(candidate(2, 10, "eta"), near)]).verdict == "same"
    assert solve_again([single(far, near, proven=False)]).verdict == "unproven"
    nobody = single(None, near)
    assert solve_again([Table("d", "i", replace(nobody.recommendation, together=0))]).verdict == "differs"


def contended(effort):
    """Two incidents that want two units each and share most of their candidates, decided with ``effort``."""
    units = [[5, 1, 3, 2], [4, 3, 6, 5], [4, 6], [3, 5, 6, 0, 1, 4, 2]]
    costs = [[20, 90, 190, 390], [20, 80, 160, 390], [50, 190], [10, 60, 160, 190, 270, 360, 370]]
    incident = [0, 0, 1, 1]
    choices = Choices.of(
        [3] * 4, incident, [np.array(its, np.int32) for its in units], [np.array(its, np.int64) for its in costs]
    )
    plan = assign(choices, effort)
    goes = [its[pick] for its, pick in zip(units, plan.pick.tolist(), strict=True)]
    tables = []
    for i, (its, cost) in enumerate(zip(units, costs, strict=True)):
        named = {unit: candidate(unit, ms, "eta") for unit, ms in zip(its, cost, strict=True)}
        chosen = named.pop(goes[i])
        table = single(
            chosen,
            *(one for unit, one in named.items() if unit not in goes),
            rivals=tuple(one for unit, one in named.items() if unit in goes),
            proven=plan.open_groups == 0,
        ).recommendation
        tables.append(Table(f"d{i}", f"i{incident[i]}", replace(table, level=3, together=4)))
    return plan, tables


def test_what_a_batch_has_no_time_to_prove_says_so_and_is_the_same_however_long_it_takes():
    quick, tables = contended(0.0)
    again = solve_again(tables)
    assert quick.open_groups == 1
    assert again.verdict == "unproven"
    proven, better = contended(EFFORT)
    assert proven.open_groups == 0
    assert again.chosen == tuple(table.recommendation.chosen.recipient for table in better)
    assert solve_again(better).verdict == "same"
    for effort, first in ((0.0, quick), (EFFORT, proven)):
        assert contended(effort)[0].pick.tolist() == first.pick.tolist()


def test_a_decision_of_which_not_every_line_was_carried_out_is_not_judged():
    table = single(candidate(1, 10, "eta"), candidate(2, 20, "eta"))
    assert solve_again([Table("d", "i", replace(table.recommendation, together=2))]).verdict == "incomplete"


def test_tables_of_before_they_named_their_decision_are_left_out():
    table = single(candidate(1, 10, "eta"))
    assert decisions([Table("d", "i", replace(table.recommendation, decision=0))]) == []
