"""Two thousand worlds in which everything goes wrong, and nothing is lost, doubled, out of order or untrue.

A shard that fails prints its seeds with the command that lives through one of them again, step by step. A world that
has failed once is kept below, with what it found.
"""

import pytest

from tests.faults.world import World

SEEDS = 2_000
SHARDS = 40


@pytest.mark.parametrize("shard", range(SHARDS))
def test_orders_are_never_lost(shard):
    failed = {}
    for seed in range(shard, SEEDS, SHARDS):
        breaches = World(seed).run()
        if breaches:
            failed[seed] = breaches
    report = "\n".join(f"python -m tests.faults {seed}: {its[0]} ({len(its)} in all)" for seed, its in failed.items())
    assert not failed, report


def test_a_seed_is_one_schedule():
    """The same seed again takes the same steps, to the microsecond: what was seen once can be seen again."""
    first, second = World(7), World(7)
    for world in (first, second):
        assert world.run() == []
    assert first.schedule.steps == second.schedule.steps
    assert first.history == second.history
    assert [entry.body for entry in first.server.plate.entries] == [entry.body for entry in second.server.plate.entries]


def test_a_calm_world_needs_no_healing():
    world = World(1, alerts=5, calm=True)
    assert world.run() == []
    assert world.server.starts == 1


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(127, id="a greeting that outlived its connection"),
    ],
)
def test_a_world_that_has_failed_before(seed):
    assert World(seed).run() == []
