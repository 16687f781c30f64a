"""The reasons of single units and the counts over whole columns are one and the same test."""

import itertools
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.state import Kept, State
from engine.core.world import World
from engine.dispatch.diversion import seen_by
from engine.dispatch.policies import Policies
from engine.dispatch.reasons import Barred, reason_counts, why_not
from engine.dispatch.wanted import bringing
from engine.model.entities import Order
from engine.model.lifecycle import UNDER_ORDER, OrderState, UnitStatus
from tests.support.cities import NOW, city, unit

KINDS = ("patrol", "traffic")
UNITS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(list(UnitStatus)), st.booleans(), st.booleans()),
    min_size=1,
    max_size=8,
)
CITY = city()


ORDER = Order(
    id="grid-order-1",
    version=1,
    incident="grid-incident-1",
    recipient="u0",
    recipient_kind="unit",
    capability="patrol",
    state=OrderState.EN_ROUTE,
    proposed_at=NOW,
    lon=0.0,
    lat=0.0,
    level=3,
    type="robbery",
    eta_ms=1,
    turnout_ms=0,
    route="",
)

ROWS = st.sets(st.integers(0, 7))
BRINGS = st.sets(st.sampled_from(bringing(("shield",), "supervisor")))


@given(
    UNITS, st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)), st.none() | st.lists(BRINGS, min_size=8, max_size=8)
)
@settings(max_examples=60, deadline=None)
def test_counts_are_those_of_asking_every_unit(given_units, refused, taken, brings):
    more = brings or [()] * 8
    units = {f"u{i}": unit(f"u{i}", i % 6, i % 5, kind, *more[i]) for i, (kind, *_) in enumerate(given_units)}
    status = {f"u{i}": its for i, (_, its, *_) in enumerate(given_units)}
    claims = {name: "grid-order-1" for name, its in status.items() if its in UNDER_ORDER}
    world = World(
        CITY, State(Kept(at=NOW, units=units, unit_status=status, claims=claims, orders={ORDER.id: ORDER})), NOW
    )
    for row, (_, _, lost, old) in enumerate(given_units):
        if lost:
            world.fleet.arc[row] = -1
        world.fleet.fixed_at[row] = NOW - (900_000 if old else 1_000)
    rows = range(len(units))
    barred = Barred(
        refused=frozenset(refused & set(rows)),
        taken=frozenset(taken & set(rows)),
        fresh_after=NOW - 600_000,
        now=NOW,
        bringing=bringing(("shield",), "supervisor") if brings is not None else (),
    )
    for kind, may_divert in itertools.product(KINDS, (False, True)):
        mask = world.fleet.capability_mask((kind,))
        seen = seen_by(world.fleet, 1, Policies(), may_divert=may_divert)
        reasons = [why_not(world.force, seen, row, mask, barred) for row in rows]
        assert reason_counts(world.force, seen, kind, barred) == Counter(reason[0] for reason in reasons if reason)
        assert not may_divert or "on_order" not in {reason[0] for reason in reasons if reason}


def test_a_reason_carries_the_fact_behind_it():
    world = World(CITY, State(Kept(at=NOW, units={"u": unit("u", 1, 1)}, unit_status={"u": UnitStatus.AVAILABLE})), NOW)
    world.fleet.fixed_at[0] = NOW - 812_000
    barred = Barred(refused=frozenset(), taken=frozenset(), fresh_after=NOW - 600_000, now=NOW)
    mask = world.fleet.capability_mask(("patrol",))
    seen = seen_by(world.fleet, 1, Policies(), may_divert=True)
    assert why_not(world.force, seen, 0, mask, barred) == ("stale_position", "812")
    assert np.uint64(world.fleet.capability_mask(("eod",))) & world.fleet.bits[0] == 0
