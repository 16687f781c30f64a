"""One performance: server up, everybody connected, calls played, and the curtain.

Split from the command so that tests can play on it, and kill the server in the middle of it.
"""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self

from engine.cli.demo.cities import Scenario
from engine.cli.demo.field import Field, Measured
from engine.cli.demo.play import Play, Played
from engine.cli.demo.server import ServerProcess
from engine.cli.demo.table import Board
from engine.core.city import City
from engine.simulation.clock import Pace
from engine.simulation.played import USUAL_STAY_MS
from engine.terminal import Client, Exchange

if TYPE_CHECKING:
    from collections.abc import Mapping

_BEFORE_MS = 2_000
_AFTER_MS = 10_000


def end_of(scenario: Scenario, speed: float) -> int | None:
    """Return the simulated instant at which a run ends: shortly after its last call; None at full speed."""
    return scenario.calls[-1].at + _AFTER_MS if speed and scenario.calls else None


class Stage:
    """Everything of a performance that has to be begun and ended.

    Parameters
    ----------
    scenario
        The city, whose folder is written already, and the calls.
    server
        Not started yet.
    credentials
        By the id of unit or station, and ``calls`` for the source of the alerts.
    board
        Whoever looks on.
    speed
        Simulated seconds in a real one; 0 for as fast as everybody keeps up.
    """

    def __init__(
        self, scenario: Scenario, server: ServerProcess, credentials: "Mapping[str, str]", board: Board, *, speed: float
    ) -> None:
        self.server = server
        self._scenario, self._credentials, self._board = scenario, credentials, board
        self._pace = Pace(begins_at=scenario.calls[0].at - _BEFORE_MS, speed=speed)
        self._ends_at = end_of(scenario, speed)
        self._field: Field
        self._source: Client
        self._play: Play

    @property
    def field(self) -> Field:
        """Everybody in the field."""
        return self._field

    @property
    def measured(self) -> Measured:
        """What was measured and seen."""
        return self._field.measured

    async def __aenter__(self) -> Self:
        await self.server.start(self._pace.begins_at)
        plan = self._scenario.plan
        city = City(name=plan.name, network=plan.network, units=tuple(plan.units), stations=tuple(plan.stations))
        self._field = Field(city, self.server.url, self.server.http, self._credentials, self._stay_ms, self._board)
        credential = Exchange(self.server.http, self._credentials["calls"])
        self._source = Client(self.server.url, credential, backoff_s=(0.1, 1.0))
        self._play = Play(self._scenario.calls, self._field, self._source, self._pace, self._board)
        await self._source.__aenter__()
        await self._source.connected()
        await self._field.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._field.close()
        await self._source.close()

    async def play(self) -> Played:
        """Play all calls. A server that is killed and started again is waited for.

        Raises
        ------
        ServerFailed
            When the server ends by itself, or does not answer any more.
        """
        playing = asyncio.create_task(self._play.run(self._ends_at))
        try:
            while not playing.done():
                gone = asyncio.create_task(self.server.gone())
                await asyncio.wait((playing, gone), return_when=asyncio.FIRST_COMPLETED)
                if not gone.cancel() and not playing.done():
                    if self.server.up.is_set():
                        raise self.server.failed(f"ended with status {gone.result()}")
                    await self.server.up.wait()
            return playing.result()
        except TimeoutError:
            raise self.server.failed("does not answer any more") from None
        finally:
            playing.cancel()

    def _stay_ms(self, incident: str, kind: str) -> int:
        call = self._play.calls_by_incident.get(incident)
        return call.stay_ms(kind) if call is not None else USUAL_STAY_MS
