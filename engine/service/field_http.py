"""What the field needs over HTTP: calls for help that the desk hears, sees and ends."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from starlette.responses import Response

from engine.core.batch import Reply
from engine.core.engine import Engine
from engine.model import commands as c
from engine.model.broadcasts import Broadcast, SendBroadcast
from engine.model.entities import Unit
from engine.model.errors import Refusal
from engine.model.ids import BroadcastId, OrderId, RecipientId, UnitId
from engine.service import field_bodies as bodies
from engine.service.edge import Call, json_answer, page_size
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

    async def list_units(self, call: Call) -> Response:
        """List units."""
        limit, after = page_of(call)
        return json_answer(await self.look(lambda engine: _units(engine, limit, after)))

    async def set_unit_status(self, call: Call) -> Response:
        """Record what a unit is doing."""
        said: bodies.UnitStatusIn = call.body
        unit, speaker = UnitId(call.request.path_params["unit"]), call.speaker
        await self.done(
            c.SetUnitStatus(
                actor=speaker.actor,
                key=speaker.scoped(said.key),
                unit=unit,
                status=said.status,
                reason=said.reason,
                via=said.via,
                said_at=said.said_at,
            )
        )
        return json_answer(await self.look(lambda engine: _unit(engine, engine.state.units[unit])))

    async def send_broadcast(self, call: Call) -> Response:
        """Tell many at once."""
        said: bodies.BroadcastIn = call.body
        speaker = call.speaker
        reply = await self.done(
            SendBroadcast(
                actor=speaker.actor,
                key=speaker.scoped(said.key),
                text=said.text,
                to=said.to,
                area=said.area,
                capability=said.capability,
            )
        )
        if reply.broadcast is None:
            raise Refusal("unknown_broadcast", "key", said.key, "a key whose broadcast is kept")
        sent = reply.broadcast
        return json_answer(
            await self.look(lambda engine: broadcast_body(engine, sent)), 200 if reply.duplicate else 201
        )

    async def list_broadcasts(self, _: Call) -> Response:
        """List broadcasts."""
        return json_answer(await self.look(_broadcasts))

    async def read_broadcast(self, call: Call) -> Response:
        """Say whom a broadcast has reached."""
        asked = BroadcastId(call.request.path_params["broadcast"])
        return json_answer(await self.look(lambda engine: broadcast_body(engine, asked)))


def _broadcasts(engine: Engine) -> bodies.BroadcastList:
    newest = reversed(engine.state.broadcasts)
    return bodies.BroadcastList(broadcasts=tuple(broadcast_body(engine, name, by_name=False) for name in newest))


def broadcast_body(engine: Engine, broadcast: BroadcastId, *, by_name: bool = True) -> bodies.BroadcastBody:
    """Return how far a broadcast has come.

    Raises
    ------
    Refusal
        ``unknown_broadcast`` for one that is not kept.
    """
    its = engine.state.broadcasts.get(broadcast)
    if its is None:
        raise Refusal("unknown_broadcast", "broadcast", broadcast, "one of the newest broadcasts")
    reached = tuple(_reached(engine, its, recipient) for recipient in its.recipients)
    return bodies.BroadcastBody(
        id=its.id,
        by=its.by,
        at=its.at,
        to=its.to,
        text=engine.state.broadcast_texts.get(its.id, ""),
        counts=dict(Counter(each.state for each in reached)),
        area=its.area,
        capability=its.capability,
        reached=reached if by_name else None,
    )


def _reached(engine: Engine, its: Broadcast, recipient: RecipientId) -> bodies.Reached:
    seq = its.mailed.get(recipient)
    if seq is None:
        return bodies.Reached(recipient=recipient, state="waiting")
    if recipient in its.read:
        return bodies.Reached(recipient=recipient, state="read", read_at=its.read[recipient])
    is_there = engine.state.mailbox(recipient).delivered_seq >= seq
    return bodies.Reached(recipient=recipient, state="delivered" if is_there else "mailed")


def page_of(call: Call) -> tuple[int, str]:
    """Return how many are asked for and after which.

    Raises
    ------
    Refusal
        ``out_of_range`` for another number than 1 to `MOST_PAGE`.
    """
    return page_size(call.request), call.request.query_params.get("after", "")


def _units(engine: Engine, limit: int, after: str) -> bodies.UnitList:
    names = sorted(name for name in engine.state.units if name > after)
    page = tuple(_unit(engine, engine.state.units[name]) for name in names[:limit])
    return bodies.UnitList(units=page, next=page[-1].unit if len(names) > limit else None)


def _unit(engine: Engine, unit: Unit) -> bodies.UnitBody:
    state = engine.state
    return bodies.UnitBody(
        unit=unit.id,
        name=unit.name,
        capabilities=unit.capabilities,
        status=state.unit_status[unit.id],
        station=unit.station,
        order=state.claims.get(unit.id),
        emergency=unit.id in state.emergencies,
        doing=state.kept.doing.get(unit.id),
    )


def _emergencies(engine: Engine, of: UnitId | None = None) -> bodies.EmergencyList:
    stand = engine.state.emergencies.values()
    return bodies.EmergencyList(emergencies=tuple(its for its in stand if of is None or its.unit == of))
