"""One seed, one schedule: virtual time, and event loops that are processes and can be killed between any two steps.

Every process is an asyncio loop of its own over one heap of things to do. Within a process callbacks run in the order
they were asked for, as asyncio promises; between processes, and wherever something takes time, chance decides, and
chance comes from the seed alone. Real code runs on it unchanged: the server's cycle and stream, the client, and the
WebSocket library between them.
"""

import asyncio
import contextvars
import heapq
import random
from collections import deque
from collections.abc import Callable
from functools import partial


class PowerCut(BaseException):
    """Raised inside a call during which its process was stopped; nothing of the process runs after it."""


class Schedule:
    """What is to happen, by virtual time; ``steps`` counts the callbacks that have run in all processes."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now_s = 0.0
        self.steps = 0
        self.plans: list[tuple[int, Callable[[], None]]] = []
        """What interrupts, by the step that it comes before; soonest last."""
        self.running: Process | None = None
        """Whose code runs now."""
        self.processes: list[Process] = []
        self.faults: list[str] = []
        """Errors that nobody handled."""
        self._due: list[tuple[float, float, int, Callable[[], None]]] = []
        self._number = 0

    def after(self, delay_s: float, callback: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._due, (self.now_s + delay_s, self.chance.random(), self._number, callback))

    def interrupt(self, step: int, callback: Callable[[], None]) -> None:
        """Call something between two steps, whatever runs then."""
        self.plans.append((step, callback))
        self.plans.sort(key=lambda plan: -plan[0])

    def run(self, end_s: float, *, until: Callable[[], bool] | None = None, every_s: float = 0.25) -> bool:
        """Let time pass up to an instant, or until something holds, looked at now and then; tell whether it does."""
        look_s = self.now_s
        while self._due and self._due[0][0] <= end_s:
            self.now_s, _, _, callback = heapq.heappop(self._due)
            callback()
            if until is not None and self.now_s >= look_s:
                if until():
                    return True
                look_s = self.now_s + every_s
        self.now_s = end_s
        return until is not None and until()

    def step(self) -> None:
        self.steps += 1
        while self.plans and self.plans[-1][0] <= self.steps:
            self.plans.pop()[1]()

    def end(self) -> None:
        """Let go of everything: no coroutine is left to be found by the collector."""
        for process in self.processes:
            process.dispose()
        self._due.clear()


class Process(asyncio.AbstractEventLoop):
    """An event loop that lives until it is killed."""

    def __init__(self, schedule: Schedule, name: str) -> None:
        self.schedule = schedule
        self.name = name
        self.alive = True
        self.on_killed: list[Callable[[], None]] = []
        self._ready: deque[asyncio.Handle] = deque()
        self._is_due = False
        self._tasks: list[asyncio.Task] = []
        self._lanes: dict[int, float] = {}
        schedule.processes.append(self)

    def kill(self) -> None:
        self.alive = False
        self._ready.clear()
        for told in self.on_killed:
            told()

    def dispose(self) -> None:
        """Close what never ended, with nothing of it reaching the world."""
        self.alive = False
        self._ready.clear()
        asyncio._set_running_loop(self)
        try:
            for task in self._tasks:
                if not task.done():
                    task._log_destroy_pending = False
                    self._close(task.get_coro())
        finally:
            asyncio._set_running_loop(None)
        self._tasks.clear()

    @staticmethod
    def _close(coroutine) -> None:
        """Unwind a coroutine; one that waits once more while it is unwound is told again."""
        for _ in range(20):
            try:
                coroutine.close()
            except RuntimeError:
                continue
            except BaseException:  # noqa: BLE001 - whatever it says, it is over
                return
            return

    # What asyncio and its users ask of a loop.

    def time(self) -> float:
        return self.schedule.now_s

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self.alive

    def is_closed(self) -> bool:
        return not self.alive

    def call_soon(self, callback, *args, context: contextvars.Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._put(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.schedule.now_s + delay, callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if self.alive:
            self.schedule.after(max(0.0, when - self.schedule.now_s), partial(self._timer_came, handle))
        return handle

    def create_future(self) -> asyncio.Future:
        return asyncio.Future(loop=self)

    def create_task(self, coro, *, name=None, context=None) -> asyncio.Task:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        if len(self._tasks) > 256:
            self._tasks = [each for each in self._tasks if not each.done()]
        return task

    def call_exception_handler(self, context) -> None:
        error = context.get("exception")
        if self.alive and not isinstance(error, PowerCut):
            self.schedule.faults.append(f"{self.name}: {context.get('message')}: {error!r}")

    def run_in_executor(self, executor, function, *args) -> asyncio.Future:
        """Do something in a thread: it begins after those before it, and is done before its result is known."""
        future = self.create_future()
        chance = self.schedule.chance
        lane = id(executor)
        begin_s = max(self._lanes.get(lane, 0.0), self.schedule.now_s) + chance.choice((0.0002, 0.001, 0.004, 0.03))
        self._lanes[lane] = begin_s + 1e-6
        self.schedule.after(begin_s - self.schedule.now_s, partial(self._work, future, function, args))
        return future

    def _work(self, future: asyncio.Future, function, args) -> None:
        if self.alive:
            self.schedule.step()
        if not self.alive:  # perhaps only since that step
            return
        result, error = None, None
        before, self.schedule.running = self.schedule.running, self
        try:
            result = function(*args)
        except PowerCut:
            return
        except Exception as raised:  # noqa: BLE001 - it belongs to whoever awaits the work
            error = raised
        finally:
            self.schedule.running = before

        def tell() -> None:
            if not future.cancelled():
                if error is not None:
                    future.set_exception(error)
                else:
                    future.set_result(result)

        self.call_later(self.schedule.chance.choice((0.0, 0.0005, 0.01)), tell)

    def _timer_came(self, handle: asyncio.TimerHandle) -> None:
        if not handle._cancelled:
            self._put(handle)

    def _timer_handle_cancelled(self, handle) -> None:
        pass

    def _put(self, handle: asyncio.Handle) -> None:
        if not self.alive:
            return
        self._ready.append(handle)
        if not self._is_due:
            self._is_due = True
            self.schedule.after(self.schedule.chance.random() * 3e-5, self._turn)

    def _turn(self) -> None:
        """Run what is ready now; what becomes ready meanwhile has the next turn, as in asyncio."""
        schedule = self.schedule
        schedule.running = self
        asyncio._set_running_loop(self)
        try:
            for _ in range(len(self._ready)):
                schedule.step()
                if not self.alive:
                    break
                handle = self._ready.popleft()
                if not handle._cancelled:
                    handle._run()
                if not self.alive:
                    break
        finally:
            asyncio._set_running_loop(None)
            schedule.running = None
        self._is_due = False
        if self._ready and self.alive:
            self._is_due = True
            schedule.after(schedule.chance.random() * 3e-5, self._turn)
