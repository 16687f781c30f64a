"""Orders over HTTP: read, approved, chosen over, replaced, cancelled; and what recipients say of them by radio."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar, cast, get_args

from starlette.requests import Request
from starlette.responses import Response

from engine.core.batch import Reply
from engine.core.engine import Engine
from engine.model import commands as c
from engine.model.errors import Refusal
from engine.model.ids import IncidentId, OrderId, RecipientId, UnitId
from engine.service import order_bodies as bodies
from engine.service import views
from engine.service.bodies import AnswerIn, CancelIn, FactsIn, LevelIn, StepIn
from engine.service.edge import Call, json_answer, page_size, whole_number
from engine.service.route import WhichOrders

V = TypeVar("V")


class OrderApi(ABC):
    """What each of these routes does; the names of the methods are those of the table."""

    @abstractmethod
    async def done(self, command: c.Command) -> Reply:
        """Return the reply of a command that was taken; raise what it was refused for."""

    @abstractmethod
    async def look(self, view: Callable[[Engine], V]) -> V:
        """Look at the engine while all of its state is durable."""

    @abstractmethod
    def language(self, request: Request) -> str:
        """Return the language to answer in."""

    async def list_orders(self, call: Call) -> Response:
        """List orders."""
        query = call.request.query_params
        which = query.get("state", "open")
        if which not in get_args(WhichOrders):
            raise Refusal("unknown_value", "state", which, " or ".join(get_args(WhichOrders)))
        limit, before = page_size(call.request), query.get("before")
        state, language = cast("WhichOrders", which), self.language(call.request)
        return json_answer(await self.look(lambda engine: views.order_list(engine, state, limit, before, language)))

    async def read_order(self, call: Call) -> Response:
        """Read an order."""
        order, language = call.request.path_params["order"], self.language(call.request)
        return json_answer(
            await self.look(lambda engine: views.order_body(engine, views.known_order(engine, order), language))
        )

    async def approve_order(self, call: Call) -> Response:
        """Let a proposed order go."""
        seen = whole_number(call.request, "version")
        return await self._decided(call, c.ApproveOrder(actor=call.speaker.actor, order=_order(call), version=seen))

    async def choose_unit(self, call: Call) -> Response:
        """Let somebody else go; the answer is the order to them."""
        said: bodies.ChooseIn = call.body
        command = c.ChooseUnit(
            actor=call.speaker.actor,
            key=call.speaker.scoped(said.key),
            order=_order(call),
            version=said.version,
            recipient=RecipientId(said.recipient),
            why=said.why,
            words=said.words,
            anyway=said.anyway,
            acting_as=_acting_as(call, said.acting_as),
            seen=said.seen,
        )
        await self.done(command)
        instead = await self.look(lambda engine: views.chosen_over(engine, command.order))
        call.request.path_params["order"] = instead
        return await self.read_order(call)

    async def replace_order(self, call: Call) -> Response:
        """Take an order back and let the engine find somebody else."""
        said: bodies.ReplaceIn = call.body
        command = c.ReplaceOrder(
            actor=call.speaker.actor,
            key=call.speaker.scoped(said.key),
            order=_order(call),
            version=said.version,
            reason=said.reason,
        )
        return await self._decided(call, command)

    async def add_units(self, call: Call) -> Response:
        """Send more to an incident."""
        said: bodies.AddIn = call.body
        incident = call.request.path_params["incident"]
        command = c.AddUnits(
            actor=call.speaker.actor,
            key=call.speaker.scoped(said.key),
            incident=IncidentId(incident),
            capability=said.capability,
            count=said.count,
            unit=None if said.unit is None else UnitId(said.unit),
            anyway=said.anyway,
            reason=said.reason,
            acting_as=_acting_as(call, said.acting_as),
        )
        return await self._changed(call, incident, command)

    async def state_facts(self, call: Call) -> Response:
        """Say what has become known of an incident."""
        said: FactsIn = call.body
        incident = call.request.path_params["incident"]
        command = c.StateFacts(
            actor=call.speaker.actor,
            incident=IncidentId(incident),
            established=said.established,
            ruled_out=said.ruled_out,
        )
        return await self._changed(call, incident, command)

    async def set_level(self, call: Call) -> Response:
        """Give an incident another level."""
        said: LevelIn = call.body
        incident = call.request.path_params["incident"]
        command = c.SetLevel(
            actor=call.speaker.actor,
            incident=IncidentId(incident),
            level=said.level,
            reason=said.reason,
            acting_as=_acting_as(call, said.acting_as),
        )
        return await self._changed(call, incident, command)

    async def _changed(self, call: Call, incident: str, command: c.Command) -> Response:
        await self.done(command)
        language = self.language(call.request)
        return json_answer(await self.look(lambda engine: views.incident_body(engine, incident, language)))

    async def ask_leave(self, call: Call) -> Response:
        """Ask for leave for a step that people take."""
        said: StepIn = call.body
        incident = call.request.path_params["incident"]
        command = c.AskLeave(
            actor=call.speaker.actor,
            incident=IncidentId(incident),
            key=call.speaker.scoped(said.key) if said.key else "",
            step=said.step,
            reason=said.reason,
            acting_as=_acting_as(call, said.acting_as),
        )
        await self.done(command)
        language = self.language(call.request)
        return json_answer(await self.look(lambda engine: views.incident_body(engine, incident, language)))

    async def cancel_order(self, call: Call) -> Response:
        """Withdraw an order."""
        said: CancelIn = call.body
        command = c.CancelOrder(actor=call.speaker.actor, order=_order(call), reason=said.reason, drop=said.drop)
        return await self._decided(call, command)

    async def answer_order(self, call: Call) -> Response:
        """Record what a recipient said."""
        said: AnswerIn = call.body
        command = c.AnswerOrder(
            actor=call.speaker.actor,
            key=call.speaker.scoped(said.key),
            order=_order(call),
            version=said.version,
            answer=said.answer,
            via=said.via,
            reason=said.reason,
            text=said.text,
            said_at=said.said_at,
        )
        return await self._decided(call, command)

    async def assign_units(self, call: Call) -> Response:
        """Record whom a station names."""
        said: bodies.AssignIn = call.body
        command = c.AssignUnits(
            actor=call.speaker.actor,
            key=call.speaker.scoped(said.key),
            order=_order(call),
            version=said.version,
            units=tuple(named.plain() for named in said.units),
            via=said.via,
            reason=said.reason,
            said_at=said.said_at,
        )
        return await self._decided(call, command)

    async def ask_help(self, call: Call) -> Response:
        """Record what a recipient asks for."""
        said: bodies.AskIn = call.body
        command = c.AskHelp(
            actor=call.speaker.actor,
            key=call.speaker.scoped(said.key),
            order=_order(call),
            version=said.version,
            what=said.what,
            wanted=said.wanted,
            count=said.count,
            words=said.text,
            via=said.via,
            said_at=said.said_at,
        )
        return await self._decided(call, command)

    async def return_order(self, call: Call) -> Response:
        """Record that a recipient returns its order."""
        said: bodies.ReturnIn = call.body
        command = c.ReturnOrder(
            actor=call.speaker.actor,
            key=call.speaker.scoped(said.key),
            order=_order(call),
            version=said.version,
            reason=said.reason,
            words=said.text,
            via=said.via,
            said_at=said.said_at,
        )
        return await self._decided(call, command)

    async def _decided(self, call: Call, command: c.Command) -> Response:
        await self.done(command)
        return await self.read_order(call)


def _order(call: Call) -> OrderId:
    return OrderId(call.request.path_params["order"])


def _acting_as(call: Call, said: str) -> str:
    """Return in whose place a speaker decides: who has an office decides for that alone."""
    own = call.speaker.offices
    if own and said not in {"", *own}:
        raise Refusal("not_yours", "acting_as", said, f"{' or '.join(own)}, whom this token is for")
    return said
