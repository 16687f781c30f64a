"""Diversion: joint plans with units under way against brute force; what a fleet looks like to a level."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.assignment import NOBODY, UNMET, Choices, assign
from engine.dispatch.diversion import DIVERSION, DIVERSION_EQUAL, may_take, seen_by
from engine.dispatch.policies import Policies
from engine.fleet import READY, STATUS_CODE, FleetView
from engine.model.lifecycle import UnitStatus

PROVEN = 5.0


@st.composite
def problems(draw, levels=3, latest=30):
    """Demands that wait and demands that a unit is under way for, each unit for one at most."""
    units = draw(st.integers(1, 6))
    able = [draw(st.integers(1, 3)) for _ in range(units)]
    equal = draw(st.booleans())
    cost, saving = draw(st.integers(0, 15)), draw(st.integers(0, 15))
    level, incident, kind, holder = [], [], [], []
    held = draw(st.lists(st.integers(0, units - 1), unique=True, max_size=min(3, units)))
    for number, unit in enumerate([NOBODY] * draw(st.integers(1, 3)) + held):
        its = draw(st.integers(1, levels))
        again = [i for i in range(number) if level[i] == its]
        incident.append(incident[draw(st.sampled_from(again))] if again and draw(st.booleans()) else number)
        level.append(its)
        kind.append(draw(st.integers(0, 1)))
        holder.append(unit)
    of = {unit: i for i, unit in enumerate(holder) if unit != NOBODY}
    rows, etas = [], []
    for i, its in enumerate(level):
        row = []
        for unit in range(units):
            eta = draw(st.integers(0, latest))
            if holder[i] == unit:
                if equal:
                    row.append((eta, unit))
            elif able[unit] >> kind[i] & 1:
                if unit not in of:
                    row.append((eta, unit))
                elif level[of[unit]] > its:
                    row.append((eta + cost, unit))
                elif level[of[unit]] == its and equal and holder[i] == NOBODY:
                    row.append((eta + saving, unit))
        row.sort()
        rows.append(np.array([unit for _, unit in row], np.int32))
        etas.append(np.array([eta for eta, _ in row], np.int64))
    return Choices.of(level, incident, rows, etas, None, holder)


def row(choices, demand):
    its = slice(choices.start[demand], choices.start[demand + 1])
    return choices.unit[its].tolist(), choices.eta_ms[its].tolist()


def worth(choices, demands, picks):
    latest, total = {}, 0
    for demand, pick in zip(demands, picks, strict=True):
        its = int(choices.incident[demand])
        ms = 0 if pick == UNMET else row(choices, demand)[1][pick]
        latest[its] = max(latest.get(its, 0), ms)
        total += ms
    return sum(pick == UNMET for pick in picks), latest, total


def plans(choices, demands, taken, bound):
    """Every way to serve demands by free units; the ``bound`` are met, and who is under way for them is used."""
    rows = [row(choices, d)[0] for d in demands]
    options = [[UNMET, *(p for p, unit in enumerate(its) if unit not in taken)] for its in rows]
    for picks in itertools.product(*options):
        used = [its[p] for its, p in zip(rows, picks, strict=True) if p != UNMET]
        met = {d for d, p in zip(demands, picks, strict=True) if p != UNMET}
        if len(set(used)) == len(used) and bound <= met and {int(choices.holder[d]) for d in bound} <= set(used):
            yield picks


@given(problems())
@settings(max_examples=500, deadline=None)
def test_level_by_level_no_plan_is_better_and_nobody_is_left_without_need(choices):
    found = assign(choices, PROVEN)
    assert found.open_groups == 0
    taken = set()
    for level in sorted(set(choices.level.tolist())):
        here = np.flatnonzero(choices.level == level).tolist()
        stays = {d for d in here if choices.holder[d] != NOBODY and int(choices.holder[d]) not in taken}
        bound = {d for d in stays if int(choices.holder[d]) in row(choices, d)[0]}
        taken |= {int(choices.holder[d]) for d in stays - bound}
        demands = [d for d in here if d not in stays - bound]
        assert all(found.pick[d] == UNMET for d in stays - bound)
        ours = found.pick[demands].tolist()
        every = [worth(choices, demands, picks) for picks in plans(choices, demands, taken, bound)]
        unmet, latest, total = worth(choices, demands, ours)
        assert tuple(ours) in set(plans(choices, demands, taken, bound))
        assert (unmet, sum(latest.values())) == min((u, sum(late.values())) for u, late, _ in every)
        no_later = (t for u, late, t in every if u == unmet and all(late[i] <= latest[i] for i in late))
        assert total == min(no_later)
        taken |= {row(choices, d)[0][p] for d, p in zip(demands, ours, strict=True) if p != UNMET}


@given(problems(levels=1, latest=10**9))
@settings(max_examples=100, deadline=None)
def test_the_flow_alone_keeps_to_it_as_well(choices):
    pick = assign(choices, 0.0).pick
    goes = [row(choices, d)[0][p] for d, p in enumerate(pick.tolist()) if p != UNMET]
    assert len(set(goes)) == len(goes)
    for demand in np.flatnonzero(choices.holder != NOBODY).tolist():
        if int(choices.holder[demand]) in row(choices, demand)[0]:
            assert pick[demand] != UNMET
            assert int(choices.holder[demand]) in goes


def fleet_of(*units):
    """Return columns of (status, divertible) units that all can do the first thing."""
    view = FleetView()
    view.status = np.array([STATUS_CODE[status] for status, _ in units], np.int8)
    view.divertible = np.array([level for _, level in units], np.int8)
    ready = view.status == STATUS_CODE[UnitStatus.AVAILABLE]
    view.bits = np.where(ready, np.uint64(READY | 1), np.uint64(1))
    view.turnout_ms = np.full(len(units), 60_000, np.int32)
    view.arc = view.first_at_node = view.next_entry = view.entry_ms = np.zeros(len(units), np.int32)
    view.fraction, view.fixed_at = np.zeros(len(units)), np.zeros(len(units), np.int64)
    return view


UNITS = (
    (UnitStatus.AVAILABLE, 0),
    (UnitStatus.ASSIGNED, 3),
    (UnitStatus.EN_ROUTE, 3),
    (UnitStatus.EN_ROUTE, 1),
    (UnitStatus.EN_ROUTE, 0),
    (UnitStatus.ON_SCENE, 0),
)


def test_a_level_sees_those_of_lower_levels_as_ready_and_rolling_ones_without_turnout():
    fleet = fleet_of(*UNITS)
    seen = seen_by(fleet, 1, Policies(), may_divert=True)
    assert ((seen.bits & np.uint64(READY)) != 0).tolist() == [True, True, True, False, False, False]
    assert seen.turnout_ms.tolist() == [60_000, 60_000, 0, 60_000, 60_000, 60_000]
    assert seen.cost_ms[DIVERSION].tolist() == [0, 60_000, 60_000, 0, 0, 0]
    assert [seen.takes(row) for row in range(6)] == [False, True, True, False, False, False]
    assert fleet.bits.tolist() == fleet_of(*UNITS).bits.tolist()


def test_a_level_that_diverts_nobody_sees_the_fleet_itself():
    fleet = fleet_of(*UNITS)
    for seen in (
        seen_by(fleet, 2, Policies(), may_divert=True),
        seen_by(fleet, 1, Policies(), may_divert=False),
        seen_by(fleet, 1, Policies(diversion_level=0), may_divert=True),
        seen_by(fleet, 3, Policies(diversion_level=4), may_divert=True),
    ):
        assert seen.bits is fleet.bits
        assert not seen.cost_ms


def test_at_the_same_level_it_is_a_policy_of_its_own():
    fleet, policies = fleet_of(*UNITS), Policies(diversion_level=4, diversion_saving_ms=90_000)
    seen = seen_by(fleet, 3, policies, may_divert=True)
    assert seen.cost_ms[DIVERSION_EQUAL].tolist() == [0, 90_000, 90_000, 0, 0, 0]
    for level in range(1, 5):
        seen = seen_by(fleet, level, policies, may_divert=True)
        assert [seen.takes(row) for row in range(6)] == [may_take(fleet, row, level, policies) for row in range(6)]
