"""Python's collector of reference cycles, kept from stopping the server for everybody.

A full collection looks at every object there is: half a second with 10,000 connections, during which nobody is heard.
So what has lived through one is set aside (`gc.freeze`), and they come often: each looks at what is new alone.
What is set aside and dies in a cycle, such as a session that has ended, stays until a thorough collection: once an hour
at most, when nothing has been stored for a second; after a day without such a second it is not waited for any longer.
"""

import asyncio
import gc
import logging
import time
from collections.abc import Callable

LOGGER = logging.getLogger("allpoints.collecting")
EVERY_S, AT_LATEST_S = 3_600.0, 86_400.0
_LOOK_S = 1.0
_FULL = 2
_THRESHOLDS = (700, 2, 1)
"""A full collection after so few others finds some four thousand new objects, which takes one or two milliseconds."""


async def collect_at_rest(stored: Callable[[], int]) -> None:
    """Set aside what there is and what outlives a collection, and look at everything when the server is at rest.

    Runs until it is cancelled; then Python collects again as it usually does.

    Parameters
    ----------
    stored
        How much was stored so far: where that has not changed for a second, the server is at rest.
    """
    loop, usual = asyncio.get_running_loop(), gc.get_threshold()
    gc.set_threshold(*_THRESHOLDS)
    gc.callbacks.append(_set_aside)
    try:
        _collect_all()
        last_s, before = loop.time(), stored()
        while True:
            await asyncio.sleep(_LOOK_S)
            so_far = stored()
            if loop.time() - last_s >= (EVERY_S if so_far == before else AT_LATEST_S):
                _collect_all()
                last_s = loop.time()
            before = so_far
    finally:
        gc.set_threshold(*usual)
        gc.callbacks.remove(_set_aside)
        gc.unfreeze()


def _collect_all() -> None:
    """Look at everything, also at what was set aside."""
    began = time.monotonic()
    gc.unfreeze()
    found = gc.collect()
    LOGGER.info("collected", extra={"objects": found, "ms": round((time.monotonic() - began) * 1_000)})


def _set_aside(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == _FULL:
        gc.freeze()
