"""How a client hurries while its call for help has no answer: no long pauses, and no trust in a line that is silent."""

import asyncio
import contextlib
from collections.abc import Callable

AGAIN_S = 4.0
"""A call for help that has no answer after this time is said again on a new connection: the line may be dead."""
LONGEST_PAUSE_S = 0.25
"""Between two attempts to connect, while somebody calls for help."""


class Hurry:
    """Pauses between attempts to connect, and the clock of a call for help.

    Parameters
    ----------
    is_wanted
        Tells whether a call for help has no answer yet.
    drop_line
        Ends the present connection, if there is one.
    """

    def __init__(self, is_wanted: Callable[[], bool], drop_line: Callable[[], None]) -> None:
        self._is_wanted = is_wanted
        self._drop_line = drop_line
        self._begun = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    async def pause(self, pause_s: float) -> None:
        """Wait before the next attempt to connect; a call for help ends it."""
        self._begun.clear()
        if self._is_wanted():
            pause_s = min(pause_s, LONGEST_PAUSE_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._begun.wait()

    def begin(self) -> None:
        """Expect an answer soon from here on: after a call for help, and with each connection while there is one."""
        self._begun.set()
        self.end()
        self._timer = asyncio.get_running_loop().call_later(AGAIN_S, self._on_time)

    def end(self) -> None:
        """Expect nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        self._timer = None
        if self._is_wanted():
            self._drop_line()
