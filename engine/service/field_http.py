"""What the field needs over HTTP: calls for help that the desk hears, sees and ends."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from starlette.responses import Response

from engine.core.batch import Reply
from engine.core.engine import Engine
from engine.model import commands as c
from engine.model.ids import OrderId, UnitId
from engine.service import field_bodies as bodies
from engine.service.edge import Call, json_answer
from engine.service.hearing import own_unit
from engine.texts import text

V = TypeVar("V")


class FieldApi(ABC):
    """What each of these routes does; the names of the methods are those of the table."""

    @abstractmethod
    async def done(self, command: c.Command) -> Reply:
        """Return the reply of a command that was taken; raise what it was refused for."""

    @abstractmethod
    async def look(self, view: Callable[[Engine], V]) -> V:
        """Look at the engine while all of its state is durable."""

    async def raise_emergency(self, call: Call) -> Response:
        """Call for help, or record that a unit did by radio."""
        said: bodies.EmergencyIn = call.body
        speaker = call.speaker
        unit, language = await self.look(
            lambda engine: (own_unit(engine, speaker, said.unit), engine.city.languages[0])
        )
        reply = await self.done(
            c.PressEmergency(
                actor=speaker.actor,
                key=speaker.scoped(said.key),
                unit=unit,
                lon=said.lon,
                lat=said.lat,
                order=OrderId(said.order) if said.order else None,
                via="api" if speaker.role.is_device else said.via,
                said_at=said.said_at,
                text=text("emergency.alert", language, unit=unit),
            )
        )
        stands = await self.look(lambda engine: _emergencies(engine, unit))
        return json_answer(stands, 200 if reply.duplicate else 201)

    async def list_emergencies(self, _: Call) -> Response:
        """List the units that have called for help."""
        return json_answer(await self.look(_emergencies))

    async def end_emergency(self, call: Call) -> Response:
        """Say that a unit needs no more help."""
        said: bodies.EndEmergencyIn = call.body
        unit = UnitId(call.request.path_params["unit"])
        await self.done(
            c.EndEmergency(actor=call.speaker.actor, unit=unit, reason=said.reason, false_alarm=said.false_alarm)
        )
        return json_answer(await self.look(_emergencies))


def _emergencies(engine: Engine, of: UnitId | None = None) -> bodies.EmergencyList:
    stand = engine.state.emergencies.values()
    return bodies.EmergencyList(emergencies=tuple(its for its in stand if of is None or its.unit == of))
