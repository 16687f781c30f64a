"""Lookouts and sightings over HTTP: asked for, approved, extended, lifted; reported, listed, verified, settled."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import islice
from typing import TypeVar

from starlette.responses import Response

from engine.core.batch import Reply
from engine.core.engine import Engine
from engine.model import lookout_commands as lc
from engine.model.commands import Command
from engine.model.entities import Details
from engine.model.ids import LookoutId, SightingId
from engine.model.lookouts import SightingReport
from engine.service import lookout_bodies as bodies
from engine.service.edge import Call, json_answer
from engine.service.offices import in_whose_place
from geo_data.datum import to_wgs84

V = TypeVar("V")
MOST_LISTED = 500
"""Sightings or lookouts in one answer, the newest of them."""


class LookoutApi(ABC):
    """What each of these routes does; the names of the methods are those of the table."""

    @abstractmethod
    async def done(self, command: Command) -> Reply:
        """Return the reply of a command that was taken; raise what it was refused for."""

    @abstractmethod
    async def look(self, view: Callable[[Engine], V]) -> V:
        """Look at the engine while all of its state is durable."""

    @abstractmethod
    def now(self) -> int:
        """Milliseconds since the epoch, by the core's clock."""

    async def issue_lookout(self, call: Call) -> Response:
        """Take a lookout."""
        said: bodies.LookoutIn = call.body
        speaker = call.speaker
        command = lc.IssueLookout(
            actor=speaker.actor,
            key=speaker.scoped(said.key),
            terms=said.terms(),
            details=Details(label=said.label, text=said.text),
        )
        reply = await self.done(command)
        taken = await self.look(
            lambda engine: bodies.LookoutTaken(
                lookout=None if reply.lookout is None else lookout_body(engine, reply.lookout),
                duplicate=reply.duplicate,
            )
        )
        return json_answer(taken, 200 if reply.duplicate else 201)

    async def list_lookouts(self, _: Call) -> Response:
        """List lookouts."""
        return json_answer(
            await self.look(
                lambda engine: bodies.LookoutList(
                    lookouts=tuple(
                        lookout_body(engine, name) for name in islice(reversed(engine.state.lookouts), MOST_LISTED)
                    )
                )
            )
        )

    async def approve_lookout(self, call: Call) -> Response:
        """Agree to a lookout."""
        return await self._lookout(call, lc.ApproveLookout(actor=call.speaker.actor, lookout=_lookout_id(call)))

    async def extend_lookout(self, call: Call) -> Response:
        """Let a lookout hold longer."""
        said: bodies.ExtendIn = call.body
        actor, lookout = call.speaker.actor, _lookout_id(call)
        command = lc.ExtendLookout(actor=actor, lookout=lookout, until=said.until, reason=said.reason)
        return await self._lookout(call, command)

    async def lift_lookout(self, call: Call) -> Response:
        """End a lookout."""
        said: bodies.EndLookoutIn = call.body
        command = lc.LiftLookout(actor=call.speaker.actor, lookout=_lookout_id(call), reason=said.reason)
        return await self._lookout(call, command)

    async def report_sighting(self, call: Call) -> Response:
        """Take a sighting. Its source is who the token is for, whatever it says of itself."""
        said: bodies.SightingIn = call.body
        speaker = call.speaker
        lon, lat = to_wgs84(said.lon, said.lat, said.datum)
        sighting = SightingReport(
            lookout=said.lookout,
            source=f"{speaker.subject}/{said.source}" if said.source else speaker.subject,
            source_ref=said.source_ref,
            lon=lon,
            lat=lat,
            at=said.at if said.at is not None else self.now(),
            confidence=said.confidence,
            mode=said.mode,
            heading_deg=said.heading_deg,
            accuracy_m=said.accuracy_m,
            details=Details(text=said.text),
        )
        reply = await self.done(lc.ReportSighting(actor=speaker.actor, sighting=sighting))
        taken = await self.look(
            lambda engine: bodies.SightingTaken(
                sighting=None if reply.sighting is None else sighting_body(engine, reply.sighting),
                duplicate=reply.duplicate,
            )
        )
        return json_answer(taken, 200 if reply.duplicate else 201)

    async def list_sightings(self, _: Call) -> Response:
        """List sightings."""
        return json_answer(
            await self.look(
                lambda engine: bodies.SightingList(
                    sightings=tuple(
                        sighting_body(engine, name) for name in islice(reversed(engine.state.sightings), MOST_LISTED)
                    )
                )
            )
        )

    async def verify_sighting(self, call: Call) -> Response:
        """Say whether it was the subject; who has an office speaks for that alone."""
        said: bodies.VerifyIn = call.body
        sighting, speaker = _sighting_id(call), call.speaker
        acting_as = await self.look(lambda engine: in_whose_place(engine, speaker, sighting, said.acting_as))
        command = lc.VerifySighting(
            actor=speaker.actor,
            sighting=sighting,
            verdict=said.verdict,
            acting_as=acting_as,
            reason=said.reason,
        )
        return await self._sighting(call, command)

    async def settle_sighting(self, call: Call) -> Response:
        """Release a held sighting, or reject it."""
        said: bodies.SettleIn = call.body
        command = lc.SettleHeld(
            actor=call.speaker.actor,
            sighting=_sighting_id(call),
            what=said.what,
            lookout=said.lookout,
            reason=said.reason,
        )
        return await self._sighting(call, command)

    async def _lookout(self, call: Call, command: Command) -> Response:
        await self.done(command)
        lookout = _lookout_id(call)
        return json_answer(await self.look(lambda engine: lookout_body(engine, lookout)))

    async def _sighting(self, call: Call, command: Command) -> Response:
        await self.done(command)
        sighting = _sighting_id(call)
        return json_answer(await self.look(lambda engine: sighting_body(engine, sighting)))


def lookout_body(engine: Engine, lookout: LookoutId) -> bodies.LookoutBody:
    """Return a lookout, but for whom it is about: that is read for a reason."""
    return bodies.LookoutBody.of(engine.state.lookouts[lookout])


def sighting_body(engine: Engine, sighting: SightingId) -> bodies.SightingBody:
    """Return a sighting, but for what was said of it."""
    return bodies.SightingBody.of(engine.state.sightings[sighting])


def _lookout_id(call: Call) -> LookoutId:
    return LookoutId(call.request.path_params["lookout"])


def _sighting_id(call: Call) -> SightingId:
    return SightingId(call.request.path_params["sighting"])
