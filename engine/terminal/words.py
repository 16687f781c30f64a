"""What a client can say: kept until the server has taken it, however long that takes; await it to learn what came."""

import asyncio
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence

from engine.model.commands import Answer
from engine.model.entities import HelpWanted
from engine.model.lifecycle import UnitStatus
from engine.model.lookouts import Settlement, Verdict
from engine.terminal.awaited import Answered
from engine.terminal.outbox import Said
from engine.wire.messages import Clock, Read, Status
from engine.wire.order_messages import (
    AnswerOrder,
    AskHelp,
    AskLeave,
    AssignUnits,
    Look,
    NamedUnit,
    ReturnOrder,
    StateFacts,
    Welfare,
)
from engine.wire.reports import ReportAlert, ReportSighting, SettleSighting, VerifySighting
from engine.wire.server_messages import OrderView


class Words(ABC):
    """The messages of a client, but for positions, which are not kept, and calls for help, which hurry."""

    @abstractmethod
    def _say(self, message: Said) -> "asyncio.Future[Answered]":
        """Keep a message and send it."""

    def answer(
        self,
        order: OrderView,
        answer: Answer,
        *,
        reason: str = "",
        text: str = "",
        said_at: int | None = None,
        result: str = "",
        photos: Sequence[str] = (),
        key: str = "",
    ) -> "asyncio.Future[Answered]":
        """Answer an order. Kept until the server has taken it, however long that takes; await it to learn what came.

        Raises
        ------
        Refusal
            When too much waits already.
        OSError
            When the answer could not be kept.
        """
        return self._say(
            AnswerOrder(
                key=key or uuid.uuid4().hex,
                order=order.id,
                version=order.version,
                answer=answer,
                reason=reason,
                text=text,
                said_at=said_at,
                result=result,
                photos=tuple(photos),
            )
        )

    def assign(
        self,
        order: OrderView,
        units: Sequence[NamedUnit] = (),
        *,
        reason: str = "",
        said_at: int | None = None,
        key: str = "",
    ) -> "asyncio.Future[Answered]":
        """Name who goes for a station's order, or with nobody take whom the engine proposes; kept like an answer."""
        return self._say(
            AssignUnits(
                key=key or uuid.uuid4().hex,
                order=order.id,
                version=order.version,
                units=tuple(units),
                reason=reason,
                said_at=said_at,
            )
        )

    def ask(
        self,
        order: OrderView,
        what: HelpWanted,
        wanted: str = "",
        *,
        count: int = 1,
        text: str = "",
        said_at: int | None = None,
        key: str = "",
    ) -> "asyncio.Future[Answered]":
        """Ask for backup, or for support by what is wanted; kept like an answer."""
        return self._say(
            AskHelp(
                key=key or uuid.uuid4().hex,
                order=order.id,
                version=order.version,
                what=what,
                wanted=wanted,
                count=count,
                text=text,
                said_at=said_at,
            )
        )

    def give_back(
        self, order: OrderView, reason: str, *, text: str = "", said_at: int | None = None, key: str = ""
    ) -> "asyncio.Future[Answered]":
        """Return an order; it is open here until a cancellation says that another has accepted. Kept like an answer."""
        return self._say(
            ReturnOrder(
                key=key or uuid.uuid4().hex,
                order=order.id,
                version=order.version,
                reason=reason,
                text=text,
                said_at=said_at,
            )
        )

    def status(
        self, status: UnitStatus, *, reason: str = "", unit: str = "", said_at: int | None = None, key: str = ""
    ) -> "asyncio.Future[Answered]":
        """Say what the unit is doing, and why; kept like an answer."""
        key = key or uuid.uuid4().hex
        return self._say(Status(key=key, status=status, unit=unit, reason=reason, said_at=said_at))

    def watch_welfare(self, order: OrderView, every_s: int, *, key: str = "") -> "asyncio.Future[Answered]":
        """Want to be asked so often whether all is well, while on the scene of an order; kept like an answer."""
        said = Welfare(key=key or uuid.uuid4().hex, order=order.id, version=order.version, every_s=every_s)
        return self._say(said)

    def read(self, broadcast: str) -> "asyncio.Future[Answered]":
        """Say that somebody here has read a broadcast; kept like an answer."""
        return self._say(Read(key=f"read {broadcast}", broadcast=broadcast))

    def state_facts(
        self, order: OrderView, *established: str, ruled_out: Sequence[str] = (), key: str = ""
    ) -> "asyncio.Future[Answered]":
        """Say what is so at the scene of an order, and what is not, as run cards name it; kept like an answer."""
        return self._say(
            StateFacts(key=key or uuid.uuid4().hex, order=order.id, established=established, ruled_out=tuple(ruled_out))
        )

    def ask_leave(self, order: OrderView, step: str, *, reason: str = "", key: str = "") -> "asyncio.Future[Answered]":
        """Ask for leave for a step, as run cards name it, of the incident of an order; kept like an answer."""
        return self._say(AskLeave(key=key or uuid.uuid4().hex, order=order.id, step=step, reason=reason))

    def report(self, alert: ReportAlert) -> "asyncio.Future[Answered]":
        """Report an alert; kept like an answer."""
        return self._say(alert)

    def look(
        self,
        order: OrderView,
        place: int,
        *,
        found: bool,
        text: str = "",
        said_at: int | None = None,
        key: str = "",
    ) -> "asyncio.Future[Answered]":
        """Say whether the subject of a search is at a place, by its number in ``order.looks``; kept like an answer."""
        return self._say(
            Look(key=key or uuid.uuid4().hex, order=order.id, place=place, found=found, text=text, said_at=said_at)
        )

    def sighted(self, sighting: ReportSighting) -> "asyncio.Future[Answered]":
        """Say that the subject of a lookout was seen; kept like an answer."""
        return self._say(sighting)

    def verify(
        self, sighting: str, verdict: Verdict, *, acting_as: str = "", reason: str = "", key: str = ""
    ) -> "asyncio.Future[Answered]":
        """Say whether a sighting was the subject, in whose place of those that are asked; kept like an answer."""
        key = key or uuid.uuid4().hex
        said = VerifySighting(key=key, sighting=sighting, verdict=verdict, acting_as=acting_as, reason=reason)
        return self._say(said)

    def settle(
        self, sighting: str, what: Settlement, *, lookout: str = "", reason: str = "", key: str = ""
    ) -> "asyncio.Future[Answered]":
        """Let a held sighting go on to be verified, of which lookout where that was unknown, or reject it."""
        key = key or uuid.uuid4().hex
        return self._say(SettleSighting(key=key, sighting=sighting, what=what, lookout=lookout, reason=reason))

    def set_clock(self, now: int) -> "asyncio.Future[Answered]":
        """Set the server's virtual clock, if it has one."""
        return self._say(Clock(key=uuid.uuid4().hex, now=now))
