"""The reserve holds for every capability of whoever goes, whatever the plan was."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.reserve import Reserve
from engine.fleet import READY


@st.composite
def plans(draw):
    able = draw(st.lists(st.integers(1, 7), min_size=1, max_size=8))
    units = draw(st.permutations(range(len(able))))[: draw(st.integers(1, len(able)))]
    units = [unit if draw(st.booleans()) else None for unit in units]
    levels = [draw(st.integers(1, 4)) for _ in units]
    return able, levels, units, draw(st.integers(1, 3)), draw(st.integers(1, 4))


@given(plans())
@settings(max_examples=300, deadline=None)
def test_nobody_goes_below_the_reserve_and_nobody_is_kept_without_need(plan):
    able, levels, units, least, down_to = plan
    bits = np.array([READY | its for its in able], np.uint64)
    ready = np.zeros(62, np.int64)
    ready[:3] = [sum(its >> b & 1 for its in able) for b in range(3)]
    over, after = Reserve(bits, ready, least, down_to).over(levels, units)
    gone = [i for i, unit in enumerate(units) if unit is not None and i not in over]
    left = ready[:3] - [sum(able[units[i]] >> b & 1 for i in gone) for b in range(3)]
    assert after.ready[:3].tolist() == left.tolist()
    for i in gone:
        if levels[i] > down_to:
            assert all(left[b] >= least for b in range(3) if able[units[i]] >> b & 1)
    for i in over:
        assert levels[i] > down_to
        # Now that all others have left it could still not go.
        assert any(left[b] <= least for b in range(3) if able[units[i]] >> b & 1)
        assert units[i] in after.held(levels[i])


def test_held_are_the_ready_of_scarce_capabilities_for_lower_levels_alone():
    bits = np.array([READY | 1, READY | 3, READY | 1, 2], np.uint64)
    ready = np.zeros(62, np.int64)
    ready[:2] = 3, 1
    reserve = Reserve(bits, ready, 1, 2)
    assert reserve.held(3) == {1}
    assert reserve.held(2) == frozenset()
