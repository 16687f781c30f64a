"""Answers that somebody awaits: a future for each thing said, found again by its key."""

import asyncio

from engine.terminal.outbox import Said
from engine.wire.messages import reference
from engine.wire.server_messages import Refused, Superseded, Taken

Answered = Taken | Refused | Superseded


class Awaited:
    """The futures of a client's messages; what is kept beyond the process is the outbox's matter."""

    def __init__(self) -> None:
        self._futures: dict[str, asyncio.Future[Answered]] = {}

    def waiting(self, message: Said) -> "asyncio.Future[Answered] | None":
        """Return the future of the same thing said before, if its answer has not come yet."""
        return self._futures.get(reference(message))

    def add(self, message: Said) -> "asyncio.Future[Answered]":
        """Return a new future for a message."""
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._futures[reference(message)] = future
        return future

    def settle(self, answered: Answered) -> None:
        """Hand an answer to whoever awaits it."""
        future = self._futures.pop(answered.ref, None)
        if future is not None and not future.done():
            future.set_result(answered)

    def fail(self, error: Exception) -> None:
        """Tell everybody that no answer will come."""
        for future in self._futures.values():
            if not future.done():
                future.set_exception(error)
                future.exception()  # seen: nobody has to await an answer
        self._futures.clear()
