"""Searches over HTTP: read, and told what was found at a place."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from starlette.responses import Response

from engine.core.batch import Reply
from engine.core.engine import Engine
from engine.model.commands import Command
from engine.model.errors import Refusal
from engine.model.ids import IncidentId
from engine.model.searches import ReportLook
from engine.service.edge import Call, json_answer
from engine.service.search_bodies import LookIn, SearchBody

V = TypeVar("V")


class SearchApi(ABC):
    """What each of these routes does; the names of the methods are those of the table."""

    @abstractmethod
    async def done(self, command: Command) -> Reply:
        """Return the reply of a command that was taken; raise what it was refused for."""

    @abstractmethod
    async def look(self, view: Callable[[Engine], V]) -> V:
        """Look at the engine while all of its state is durable."""

    async def read_search(self, call: Call) -> Response:
        """Show a search."""
        return json_answer(await self.look(lambda engine: _body(engine, _incident(call))))

    async def report_look(self, call: Call) -> Response:
        """Take what was found at a place."""
        said: LookIn = call.body
        incident = _incident(call)
        command = ReportLook(
            actor=call.speaker.actor,
            key=call.speaker.scoped(said.key),
            incident=incident,
            place=said.place - 1,
            found=said.found,
            how=said.how,
            order=said.order,
            said_at=said.said_at,
            text=said.text,
        )
        await self.done(command)
        return json_answer(await self.look(lambda engine: _body(engine, incident)))


def _body(engine: Engine, incident: IncidentId) -> SearchBody:
    if incident not in engine.state.searches:
        raise Refusal("unknown_search", "incident", incident, "an incident with places to look at")
    return SearchBody.of(engine, incident)


def _incident(call: Call) -> IncidentId:
    return IncidentId(call.request.path_params["incident"])
