"""Playing calls: simulated time in lockstep with the server, as fast as everybody keeps up or at a steady pace.

The barriers: nothing happens at an instant before everything of the instants before it is stored and delivered. Calls
come in at their own instants. Of one instant at most eight are on their way at once, so that never more than eight
commits are undelivered.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.cli.demo.field import Field
from engine.simulation.clock import Pace
from engine.simulation.played import PlayedCall
from engine.terminal.client import Client
from engine.wire.reports import NeedOf, ReportAlert
from engine.wire.server_messages import Refused, Taken

MOST_UNDELIVERED = 8
SOURCE = "demonstration"
_BEAT_S = 0.1
"""At a steady pace the server's clock is set at least this often."""


class Newsroom(Protocol):
    """Whoever wants to know how the play goes."""

    def reported(self, call: PlayedCall, incident: str, shortage: Sequence[str]) -> None:
        """Hear that an alert was accepted, as which incident, and what there was nobody for."""
        ...

    def refused(self, call: PlayedCall, refusal: Refused) -> None:
        """Hear that an alert was not taken."""
        ...

    def time(self, now: int) -> None:
        """Hear what time it is."""
        ...


@dataclass
class Played:
    """What came of it."""

    accepted: dict[str, str] = field(default_factory=dict)
    """The incident by the call's id."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why, by the call's id."""
    steps: int = 0
    seconds: float = 0.0


class Play:
    """One run of a list of calls.

    Parameters
    ----------
    calls
        In the order they come in.
    field_
        Everybody in the field, connected.
    source
        The client that reports alerts and sets the clock, connected.
    pace
        How simulated time follows real time.
    news
        Whoever wants to know.
    """

    def __init__(self, calls: Sequence[PlayedCall], field_: Field, source: Client, pace: Pace, news: Newsroom) -> None:
        self.played = Played()
        self.calls_by_incident: dict[str, PlayedCall] = {}
        self._calls, self._field, self._source, self._pace, self._news = calls, field_, source, pace, news
        self._next = 0
        self._clock = pace.begins_at
        self._shortage = False

    async def run(self, ends_at: int | None) -> Played:
        """Play until ``ends_at``, or with None until all calls are in and everybody is home again.

        Raises
        ------
        TimeoutError
            When an order did not arrive or an answer was not taken in time.
        """
        started_s = time.monotonic()
        while (at := self._next_at()) is not None and (ends_at is None or at <= ends_at):
            if await self._waits(at, started_s):
                continue
            await self._step(at)
            self.played.steps += 1
        if ends_at is not None:
            while await self._waits(ends_at, started_s):
                pass
            await self._set_clock(ends_at)
        self.played.seconds = time.monotonic() - started_s
        return self.played

    def _next_at(self) -> int | None:
        due = [at for at in (self._field.agenda.next_at(), self._call_at()) if at is not None]
        return max(min(due), self._clock) if due else None

    def _call_at(self) -> int | None:
        return self._calls[self._next].at if self._next < len(self._calls) else None

    async def _waits(self, at: int, started_s: float) -> bool:
        """Let a beat of real time pass if ``at`` is not due yet, and tell whether it was so."""
        wait_s = self._pace.wait_s(at, time.monotonic() - started_s)
        if wait_s <= 0:
            return False
        await asyncio.sleep(min(wait_s, _BEAT_S))
        now = self._pace.now(time.monotonic() - started_s)
        if now < at:
            await self._set_clock(now)
        return True

    async def _step(self, at: int) -> None:
        """Do everything that is due at one instant."""
        calls = []
        while (due := self._call_at()) is not None and due <= at:
            calls.append(self._calls[self._next])
            self._next += 1
        self._field.now = at
        if calls:
            await self._set_clock(at)
            await self._field.act(at)
        else:
            # What crews say carries its own instant, so it need not wait for the clock.
            await asyncio.gather(self._set_clock(at), self._field.act(at))
        for first in range(0, len(calls), MOST_UNDELIVERED):
            await asyncio.gather(*(self._report(call, at) for call in calls[first : first + MOST_UNDELIVERED]))
        if self._shortage:
            # A crew that became free may have been sent on: let that order arrive before time goes on.
            await asyncio.sleep(0.002)

    async def _set_clock(self, now: int) -> None:
        self._field.now = self._clock = max(now, self._clock)
        self._news.time(now)
        await self._source.set_clock(self._clock)

    async def _report(self, call: PlayedCall, at: int) -> None:
        """Report a call, and wait until whoever was ordered has the order in hand."""
        reply = await self._source.report(
            ReportAlert(
                source=SOURCE,
                source_ref=call.id,
                type=call.type,
                lon=call.lon,
                lat=call.lat,
                at=at,
                level=call.level,
                needs=None if call.needs is None else tuple(NeedOf(it.capability, it.count) for it in call.needs),
            )
        )
        if not isinstance(reply, Taken):
            assert isinstance(reply, Refused)
            self.played.refused[call.id] = f"{reply.field}: {reply.value} ({reply.code}); limit: {reply.limit}"
            self._news.refused(call, reply)
            return
        if reply.trace is not None and not reply.duplicate:
            self._field.measured.decide_ms.append(reply.trace.decide_us / 1_000.0)
        incident, orders, shortage = str(reply.refs["incident"]), reply.refs["orders"], reply.refs.get("shortage", ())
        self.played.accepted[call.id] = incident
        self.calls_by_incident[incident] = call
        self._shortage |= bool(shortage)
        self._news.reported(call, incident, list(shortage))
        await self._field.delivered(list(orders))
