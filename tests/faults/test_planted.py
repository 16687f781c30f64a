"""The simulator can fail: each fault that is put into the engine is found, and how often is told."""

import pytest

from tests.faults.planted import PLANTED, planted
from tests.faults.test_simulation import SEEDS
from tests.faults.world import World

ENOUGH = 2
"""Worlds in which a fault was seen: then it is found."""


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_fault_is_found(name, record_property):
    seen = []
    lived = 0
    while lived < SEEDS and len(seen) < ENOUGH:
        with planted(name):
            breaches = World(lived, patience_s=60.0).run()
        if breaches:
            seen.append((lived, breaches[0]))
        lived += 1
    record_property("share_of_seeds", len(seen) / lived)
    print(f"{name}: {len(seen)} of {lived} worlds, {seen}")
    assert seen, f"{name} was not found in {SEEDS} worlds"
    assert len(seen) == ENOUGH
