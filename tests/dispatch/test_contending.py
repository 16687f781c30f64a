"""Who contends with whom, against the definition spelled out with sets."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.contending import contending, warm


def by_definition(rows):
    """Merge groups whose wanted candidates meet, from single demands on, until nothing changes."""
    groups = [{d} for d in range(len(rows))]
    while True:
        wants = [{unit for d in group for unit in rows[d][: len(group)]} for group in groups]
        pair = next(((i, j) for i in range(len(groups)) for j in range(i) if wants[i] & wants[j]), None)
        if pair is None:
            return [next(len(group) for group in groups if d in group) for d in range(len(rows))]
        groups[pair[1]] |= groups.pop(pair[0])


@given(st.lists(st.lists(st.integers(0, 11), max_size=6, unique=True), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_groups_are_those_of_the_definition(rows):
    start = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    column = np.array([unit for row in rows for unit in row], np.int64)
    assert contending(start, column, 12).tolist() == by_definition(rows)


def test_warming_compiles_it():
    warm()
    assert contending.signatures
