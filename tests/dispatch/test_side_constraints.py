"""Several roles of one crew, needs for one team: brute force on small levels, a model of its own on medium ones."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.assignment import UNMET, Choices, assign
from engine.dispatch.side_constraints import EFFORT

PROVEN = 5.0


@st.composite
def problems(draw, most_demands=4, most_units=5, levels=2, latest=20):
    """Incidents whose demands may share a crew or want one team; units of two teams or of none."""
    units = draw(st.integers(1, most_units))
    able = [draw(st.integers(1, 3)) for _ in range(units)]
    team = [draw(st.integers(-1, 1)) for _ in range(units)]
    level, incident, shares, group, rows, etas, earlier = [], [], [], [], [], [], []
    left = draw(st.integers(1, most_demands))
    while left:
        kinds = draw(st.lists(st.integers(0, 1), min_size=1, max_size=left))
        left -= len(kinds)
        number = len(set(incident))
        its = draw(st.integers(1, levels))
        eta = draw(st.lists(st.integers(0, latest), min_size=units, max_size=units))
        underway = draw(st.just(0) | st.integers(0, latest))
        one_team = draw(st.booleans())
        for kind in kinds:
            row = sorted((eta[u], u) for u in range(units) if able[u] >> kind & 1)
            level.append(its)
            incident.append(number)
            shares.append(draw(st.booleans()))
            group.append(number if one_team and kind == 0 else -1)
            rows.append(np.array([u for _, u in row], np.int32))
            etas.append(np.array([ms for ms, _ in row], np.int64))
            earlier.append(underway)
    return Choices.of(level, incident, rows, etas, earlier, shares=shares, group=group, team=team)


def row(choices, demand):
    its = slice(choices.start[demand], choices.start[demand + 1])
    return choices.unit[its].tolist(), choices.eta_ms[its].tolist()


def holds(choices, demands, picks):
    """Tell whether a plan of some demands is one that may be, and return who goes."""
    goes, roles, teams = {}, {}, {}
    for demand, pick in zip(demands, picks, strict=True):
        if pick == UNMET:
            continue
        unit, its = row(choices, demand)[0][pick], int(choices.incident[demand])
        if goes.setdefault(unit, its) != its:
            return None
        if not choices.shares[demand]:
            roles[unit] = roles.get(unit, 0) + 1
        if choices.group[demand] >= 0:
            team = int(choices.team[unit])
            teams.setdefault(int(choices.group[demand]), set()).add(("alone", unit) if team < 0 else team)
    if any(count > 1 for count in roles.values()) or any(len(its) > 1 for its in teams.values()):
        return None
    return set(goes)


def worth(choices, demands, picks):
    latest, goes = {}, {}
    for demand, pick in zip(demands, picks, strict=True):
        its = int(choices.incident[demand])
        latest.setdefault(its, int(choices.underway_ms[demand]))
        if pick != UNMET:
            units, etas = row(choices, demand)
            latest[its] = max(latest[its], etas[pick])
            goes[units[pick]] = max(goes.get(units[pick], 0), etas[pick])
    return sum(pick == UNMET for pick in picks), latest, sum(goes.values())


def plans(choices, demands, taken):
    options = [[UNMET, *(p for p, u in enumerate(row(choices, d)[0]) if u not in taken)] for d in demands]
    return [picks for picks in itertools.product(*options) if holds(choices, demands, picks) is not None]


def levels_of(choices, pick):
    """Yield each level's demands, what was picked, and who had left before."""
    taken = set()
    for level in sorted(set(choices.level.tolist())):
        demands = np.flatnonzero(choices.level == level).tolist()
        ours = pick[demands].tolist()
        goes = holds(choices, demands, ours)
        assert goes is not None
        assert not goes & taken
        yield demands, ours, taken
        taken = taken | goes


@given(problems())
@settings(max_examples=150, deadline=None)
def test_level_by_level_no_plan_is_better(choices):
    found = assign(choices, PROVEN)
    assert found.open_groups == 0
    for demands, ours, taken in levels_of(choices, found.pick):
        unmet, latest, total = worth(choices, demands, ours)
        every = [worth(choices, demands, picks) for picks in plans(choices, demands, taken)]
        assert (unmet, sum(latest.values())) == min((u, sum(late.values())) for u, late, _ in every)
        bound = any(choices.shares[d] or choices.group[d] >= 0 for d in demands)
        if bound:
            no_later = (t for u, late, t in every if u == unmet and all(late[i] <= latest[i] for i in late))
            assert total == min(no_later)


@given(problems(most_demands=8, most_units=8))
@settings(max_examples=150, deadline=None)
def test_the_flows_answer_keeps_to_the_bonds_as_well(choices):
    for _ in levels_of(choices, assign(choices, 0.0).pick):
        pass


@pytest.mark.parametrize("seed", range(6))
def test_medium_levels_are_proven_and_never_worse_than_the_flow(seed):
    rng = np.random.default_rng(seed)
    n, units = 12, 20
    incident = np.sort(rng.integers(0, 5, n))
    eta = rng.integers(60_000, 900_000, (5, units))
    able = rng.random((2, units)) < 0.6
    kind = rng.integers(0, 2, n)
    rows = [np.flatnonzero(able[k]) for k in kind]
    rows = [its[np.argsort(eta[i, its], kind="stable")].astype(np.int32) for i, its in zip(incident, rows, strict=True)]
    etas = [eta[i, its].astype(np.int64) for i, its in zip(incident, rows, strict=True)]
    shares = rng.random(n) < 0.3
    group = np.where((kind == 0) & (incident < 2), incident, -1)
    team = rng.integers(-1, 4, units)
    choices = Choices.of(np.full(n, 2), incident, rows, etas, shares=shares, group=group, team=team)
    every = list(range(n))
    flow, exact = assign(choices, 0.0), assign(choices, EFFORT)
    assert holds(choices, every, flow.pick.tolist()) is not None
    assert holds(choices, every, exact.pick.tolist()) is not None
    unmet, latest, _ = worth(choices, every, exact.pick.tolist())
    rough_unmet, rough, _ = worth(choices, every, flow.pick.tolist())
    assert (unmet, sum(latest.values())) <= (rough_unmet, sum(rough.values()))
    if exact.open_groups == 0:
        assert (unmet, sum(latest.values())) == by_another_model(choices)


def by_another_model(choices):
    """The least (unmet, sum of arrivals) by HiGHS over a model of its own."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    edges = [(d, u, ms) for d in range(len(choices.level)) for u, ms in zip(*row(choices, d), strict=True)]
    incidents = sorted(set(choices.incident.tolist()))
    pairs = sorted({(int(choices.incident[d]), u) for d, u, _ in edges})
    key = {u: ("alone", u) if choices.team[u] < 0 else int(choices.team[u]) for _, u, _ in edges}
    teams = sorted({(int(choices.group[d]), key[u]) for d, u, _ in edges if choices.group[d] >= 0}, key=str)
    e, p, t = len(edges), len(pairs), len(teams)
    width = e + p + t + len(incidents)
    rules, upper = [], []

    def rule(limit, **terms):
        line = np.zeros(width)
        for at, value in terms["terms"]:
            line[at] += value
        rules.append(line)
        upper.append(limit)

    for demand in range(len(choices.level)):
        rule(1, terms=[(i, 1) for i, (d, _, _) in enumerate(edges) if d == demand])
    for unit in {u for _, u in pairs}:
        rule(1, terms=[(e + i, 1) for i, (_, u) in enumerate(pairs) if u == unit])
    for i, (demand, unit, ms) in enumerate(edges):
        its = int(choices.incident[demand])
        rule(0, terms=[(i, 1), (e + pairs.index((its, unit)), -1)])
        rule(0, terms=[(i, ms), (e + p + t + incidents.index(its), -1)])
        if choices.group[demand] >= 0:
            rule(0, terms=[(i, 1), (e + p + teams.index((int(choices.group[demand]), key[unit])), -1)])
    for pair in pairs:
        its = (i for i, (d, u, _) in enumerate(edges) if (choices.incident[d], u) == pair and not choices.shares[d])
        rule(1, terms=[(i, 1) for i in its])
    for group in {g for g, _ in teams}:
        rule(1, terms=[(e + p + i, 1) for i, (g, _) in enumerate(teams) if g == group])
    goal = np.zeros(width)
    goal[:e] = -1e7
    goal[e + p + t :] = 1
    whole = np.concatenate((np.ones(e + p + t), np.zeros(len(incidents))))
    most = np.concatenate((np.ones(e + p + t), np.full(len(incidents), 1e6)))
    limits = LinearConstraint(np.array(rules), -np.inf, upper)
    solved = milp(goal, constraints=limits, integrality=whole, bounds=Bounds(0, most))
    met = round(solved.x[:e].sum())
    return len(choices.level) - met, round(solved.fun + 1e7 * met)
