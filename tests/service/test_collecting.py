"""Collections of a server: of what is new while it works, of everything while it rests, as usual afterwards."""

import asyncio
import gc
import weakref

import pytest

from engine.service import collecting
from engine.service.collecting import collect_at_rest


class Session:
    """Something in a cycle with itself."""

    def __init__(self):
        self.own = self


@pytest.fixture(autouse=True)
def at_any_look(monkeypatch):
    """Let an hour be no time, and leave the collector as it was."""
    monkeypatch.setattr(collecting, "_LOOK_S", 0.0)
    monkeypatch.setattr(collecting, "EVERY_S", 0.0)
    was = list(gc.callbacks), gc.get_threshold()
    yield
    assert (gc.callbacks, gc.get_threshold()) == was
    assert gc.get_freeze_count() == 0


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


def served(trial):
    """Run a trial beside the collector; what it is given counts what was stored."""

    async def run():
        stored = [0]
        task = asyncio.create_task(collect_at_rest(lambda: stored[0]))
        await turns(1)
        try:
            await trial(stored)
        finally:
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(run())


def test_what_lives_long_is_set_aside_and_collected_only_at_rest(monkeypatch):
    async def trial(stored):
        monkeypatch.setattr(collecting, "EVERY_S", 1e9)
        session = Session()
        gc.collect()
        gone = weakref.ref(session)
        del session
        gc.collect()
        assert gone() is not None  # it was set aside, so this did not look at it
        monkeypatch.setattr(collecting, "EVERY_S", 0.0)
        for _ in range(10):
            stored[0] += 1
            await turns(1)
        assert gone() is not None
        await turns()
        assert gone() is None

    served(trial)


def test_a_server_that_never_rests_is_looked_through_after_a_day(monkeypatch):
    async def trial(stored):
        session = Session()
        gc.collect()
        gone = weakref.ref(session)
        del session
        monkeypatch.setattr(collecting, "AT_LATEST_S", 0.0)
        for _ in range(5):
            stored[0] += 1
            await turns(1)
        assert gone() is None

    served(trial)


def test_what_is_new_is_collected_by_any_collection():
    async def trial(stored):
        stored[0] += 1
        gone = weakref.ref(Session())
        gc.collect()
        assert gone() is None

    served(trial)
