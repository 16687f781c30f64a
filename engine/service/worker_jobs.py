"""The jobs port of a server: work that is too long for the loop is done in threads, and its result comes back to it."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.core.ports import Work
from engine.model.commands import Command
from engine.service.inbox import Inbox

LOGGER = logging.getLogger("allpoints.jobs")


class WorkerJobs:
    """The jobs port of a server: work in threads, results back into the cycle.

    Parameters
    ----------
    workers
        Threads; the joint plan releases the lock while it solves.
    """

    def __init__(self, workers: int = 1) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="jobs")
        self._cycle: Inbox | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, cycle: Inbox) -> None:
        """Say whom to wake; called on the running loop, before the first command."""
        self._cycle, self._loop = cycle, asyncio.get_running_loop()

    def submit(self, work: Work, done: Callable[[Command], None]) -> None:
        """Run ``work`` in a thread and hand its command to ``done`` on the loop's thread."""
        self._pool.submit(self._work, work, done)

    def close(self) -> None:
        """Let no new work begin; what runs is waited for."""
        self._pool.shutdown(cancel_futures=True)

    def _work(self, work: Work, done: Callable[[Command], None]) -> None:
        try:
            command = work()
        except Exception:
            LOGGER.exception("job_failed")
            self._call(self._give_up)
            return
        self._call(lambda: self._hand_back(command, done))

    def _call(self, function: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    def _hand_back(self, command: Command, done: Callable[[Command], None]) -> None:
        done(command)
        if self._cycle is not None:
            self._cycle.wake()

    def _give_up(self) -> None:
        """Let what a failed worker was asked for wait again."""
        if self._cycle is not None:
            self._cycle.visit(self._cycle.engine.give_up_jobs)
