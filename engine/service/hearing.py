"""What each message of a client means: who may say it, and which command it becomes.

A terminal speaks for itself alone; a dispatcher may speak for a unit it has reached by radio; whoever may report alerts
reports them. What each message needs is the table `NEEDS`, what a role may stands in `engine.service.roles`. Keys are
scoped by who says them, so that two units that number their answers alike do not silence each other.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from engine.core.batch import Reply
from engine.core.engine import Engine
from engine.model import commands as c
from engine.model.broadcasts import ReadBroadcast
from engine.model.entities import Order
from engine.model.errors import Refusal, RefusalBody
from engine.model.ids import BroadcastId, IncidentId, LookoutId, OrderId, SightingId, UnitId
from engine.model.lookout_commands import ReportSighting as TakeSighting
from engine.model.lookout_commands import SettleHeld
from engine.model.lookout_commands import VerifySighting as TakeVerdict
from engine.model.searches import ReportLook
from engine.service.access import Identity
from engine.service.connection import Connection
from engine.service.inbox import RETRY_CODES, Inbox
from engine.service.offices import in_whose_place
from engine.service.outcome import Outcome
from engine.service.roles import Permission
from engine.texts import text
from engine.wire.closing import ClosingCode
from engine.wire.messages import Ack, ClientMessage, Clock, Emergency, Positions, Read, Status, reference
from engine.wire.order_messages import (
    AnswerOrder,
    AskHelp,
    AskLeave,
    AssignUnits,
    Look,
    OfOrder,
    ReturnOrder,
    StateFacts,
    Welfare,
)
from engine.wire.reports import ReportAlert, ReportSighting, SettleSighting, VerifySighting
from engine.wire.server_messages import Superseded, Taken

ACCESS_LOGGER = logging.getLogger("allpoints.access")
_P = Permission
NEEDS: Mapping[type[ClientMessage], tuple[Permission, ...]] = {
    Emergency: (_P.EMERGENCY,),
    Positions: (_P.SEND_POSITION,),
    Ack: (_P.OWN_MAILBOX, _P.DESK_MAILBOX),
    Read: (_P.OWN_MAILBOX, _P.DESK_MAILBOX),
    Status: (_P.OWN_STATUS, _P.SET_UNIT_STATUS),
    AnswerOrder: (_P.ANSWER_ORDERS, _P.RECORD_ANSWERS),
    AssignUnits: (_P.ANSWER_ORDERS, _P.RECORD_ANSWERS),
    AskHelp: (_P.ANSWER_ORDERS, _P.RECORD_ANSWERS),
    ReturnOrder: (_P.ANSWER_ORDERS, _P.RECORD_ANSWERS),
    Welfare: (_P.ANSWER_ORDERS, _P.RECORD_ANSWERS),
    StateFacts: (_P.ANSWER_ORDERS, _P.RECORD_ANSWERS),
    AskLeave: (_P.ANSWER_ORDERS, _P.RECORD_ANSWERS),
    ReportAlert: (_P.REPORT_ALERT,),
    ReportSighting: (_P.REPORT_SIGHTING,),
    VerifySighting: (_P.VERIFY_SIGHTINGS,),
    SettleSighting: (_P.VERIFY_SIGHTINGS,),
    Look: (_P.ANSWER_ORDERS, _P.RECORD_ANSWERS),
    Clock: (_P.SET_CLOCK,),
}
"""What each message takes: any one of these. `Hello` and `Heartbeat` say nothing that needs leave."""


class Hearing:
    """Turns messages into commands, and what came of those into messages.

    Parameters
    ----------
    inbox
        The cycle's front.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def hear(self, connection: Connection, message: ClientMessage) -> None:
        """Act on one message; what is refused is answered at once, everything else after its commit."""
        try:
            _permit(connection, message)
            match message:
                case Emergency():
                    self._inbox.press(self._emergency(connection, message), self._answerer(connection, message))
                case Positions():
                    self._move(connection, message)
                case Ack():
                    self._acknowledge(connection, message)
                case Status():
                    self._offer(connection, message, self._status(connection, message))
                case AnswerOrder() | AssignUnits() | AskHelp() | ReturnOrder():
                    self._offer(connection, message, self._about_order(connection, message))
                case ReportAlert():
                    self._offer(connection, message, self._alert(connection, message))
                case ReportSighting():
                    sighting = message.sighting(connection.speaker.subject)
                    self._offer(connection, message, TakeSighting(actor=connection.speaker.actor, sighting=sighting))
                case VerifySighting():
                    self._offer(connection, message, self._verdict(connection, message))
                case SettleSighting():
                    self._offer(connection, message, self._settlement(connection, message))
                case Look():
                    self._offer(connection, message, self._look(connection, message))
                case Read():
                    self._offer(connection, message, self._read(connection, message))
                case Welfare():
                    self._offer(connection, message, self._welfare(connection, message))
                case StateFacts():
                    self._offer(connection, message, self._facts(connection, message))
                case AskLeave():
                    self._offer(connection, message, self._leave(connection, message))
                case Clock():
                    self._advance(connection, message)
        except Refusal as refusal:
            retry_ms = self._inbox.retry_ms if refusal.code in RETRY_CODES else None
            connection.session.refuse(refusal, reference(message), retry_ms)

    def _offer(self, connection: Connection, message: ClientMessage, command: c.Command) -> None:
        self._inbox.offer(command, self._answerer(connection, message))

    def _answerer(self, connection: Connection, message: ClientMessage) -> Callable[[Outcome], None]:
        return partial(self._say, connection, message)

    def _say(self, connection: Connection, message: ClientMessage, outcome: Outcome) -> None:
        """Answer a message with what its command came to."""
        reply, ref = outcome.reply, reference(message)
        refusal = reply.refusal
        about = self._inbox.engine.state.orders.get(OrderId(message.order)) if isinstance(message, OfOrder) else None
        if refusal is None:
            refs = self._seen(reply.sighting) if reply.sighting is not None else _refs(reply, about)
            connection.session.say(Taken(ref=ref, refs=refs, duplicate=reply.duplicate, trace=outcome.trace))
        elif refusal.code == "superseded" and about is not None:
            connection.session.say(Superseded(ref=ref, order=about.id, version=about.version, state=about.state))
        else:
            connection.session.refuse(refusal, ref, outcome.retry_ms)
        if connection.for_help_alone:
            connection.session.close(ClosingCode.TOKEN_SPENT, "expired")
        connection.flush()

    def _seen(self, sighting: SightingId) -> dict[str, str | list[str]]:
        """Return what became of a sighting."""
        its = self._inbox.engine.state.sightings[sighting]
        refs: dict[str, str | list[str]] = {"sighting": its.id, "state": its.state}
        return refs if its.held_for is None else {**refs, "held_for": its.held_for}

    def _move(self, connection: Connection, message: Positions) -> None:
        subject = connection.speaker.subject
        for number, fix in enumerate(message.fixes):
            refused = partial(_refuse_fix, connection, number)
            if fix.unit not in ("", subject):
                refused(Refusal("not_yours", "unit", fix.unit, f"{subject}, who this token is for"))
                continue
            try:
                self._inbox.move(fix.position(subject), refused)
            except Refusal as refusal:
                refused(refusal)

    def _acknowledge(self, connection: Connection, message: Ack) -> None:
        assert connection.recipient is not None, "who may acknowledge has a mailbox"
        self._inbox.acknowledge(connection.speaker.actor, connection.recipient, connection.device, message.seq)

    def _emergency(self, connection: Connection, message: Emergency) -> c.PressEmergency:
        speaker, engine = connection.speaker, self._inbox.engine
        unit = own_unit(engine, speaker, message.unit)
        return c.PressEmergency(
            actor=speaker.actor,
            key=speaker.scoped(message.key),
            unit=unit,
            lon=message.lon,
            lat=message.lat,
            order=OrderId(message.order) if message.order else None,
            via="terminal" if speaker.role.is_device else "radio",
            said_at=message.said_at,
            text=text("emergency.alert", engine.city.languages[0], unit=unit),
        )

    def _status(self, connection: Connection, message: Status) -> c.Command:
        speaker = connection.speaker
        unit = message.unit or speaker.subject
        if unit != speaker.subject and not speaker.may(Permission.SET_UNIT_STATUS):
            raise Refusal("not_yours", "unit", unit, f"{speaker.subject}, who this token is for")
        return c.SetUnitStatus(
            actor=speaker.actor,
            key=speaker.scoped(message.key),
            unit=UnitId(unit),
            status=message.status,
            reason=message.reason,
            via="terminal" if speaker.role.is_device else "radio",
            said_at=message.said_at,
        )

    @staticmethod
    def _alert(connection: Connection, message: ReportAlert) -> c.Command:
        speaker = connection.speaker
        if message.on_scene and speaker.role.speaks_for != "unit":
            raise Refusal("not_yours", "on_scene", message.on_scene, "a unit's own terminal")
        there = UnitId(speaker.subject) if message.on_scene else None
        return c.ReportAlert(actor=speaker.actor, alert=message.alert(), on_scene=there)

    def _verdict(self, connection: Connection, message: VerifySighting) -> c.Command:
        speaker, sighting = connection.speaker, SightingId(message.sighting)
        return TakeVerdict(
            actor=speaker.actor,
            sighting=sighting,
            verdict=message.verdict,
            acting_as=in_whose_place(self._inbox.engine, speaker, sighting, message.acting_as),
            reason=message.reason,
            key=speaker.scoped(message.key),
        )

    @staticmethod
    def _settlement(connection: Connection, message: SettleSighting) -> c.Command:
        speaker = connection.speaker
        return SettleHeld(
            actor=speaker.actor,
            sighting=SightingId(message.sighting),
            what=message.what,
            lookout=LookoutId(message.lookout) if message.lookout else None,
            reason=message.reason,
            key=speaker.scoped(message.key),
        )

    def _via(self, connection: Connection, order_id: str) -> c.Via:
        """Return how an answer to an order comes: a device answers its own, all else was heard by radio."""
        speaker = connection.speaker
        if not speaker.role.is_device:
            return "radio"
        order = self._inbox.engine.state.orders.get(OrderId(order_id))
        if order is not None and order.recipient != speaker.subject:
            raise Refusal("not_yours", "order", order_id, f"an order to {speaker.subject}")
        return "terminal"

    @staticmethod
    def _read(connection: Connection, message: Read) -> c.Command:
        assert connection.recipient is not None, "who may read has a mailbox"
        return ReadBroadcast(
            actor=connection.speaker.actor, broadcast=BroadcastId(message.broadcast), recipient=connection.recipient
        )

    def _welfare(self, connection: Connection, message: Welfare) -> c.Command:
        speaker = connection.speaker
        return c.WatchWelfare(
            actor=speaker.actor,
            key=speaker.scoped(message.key),
            order=OrderId(message.order),
            version=message.version,
            every_ms=message.every_s * 1_000,
            via=self._via(connection, message.order),
        )

    def _incident(self, connection: Connection, order_id: str) -> IncidentId:
        """Return the incident of an order that is the speaker's own, or of any to whoever is no device."""
        self._via(connection, order_id)
        order = self._inbox.engine.state.orders.get(OrderId(order_id))
        if order is None:
            raise Refusal("unknown_order", "order", order_id, "an order that is kept")
        return order.incident

    def _look(self, connection: Connection, message: Look) -> c.Command:
        speaker = connection.speaker
        return ReportLook(
            actor=speaker.actor,
            key=speaker.scoped(message.key),
            incident=self._incident(connection, message.order),
            place=message.place - 1,
            found=message.found,
            order=OrderId(message.order),
            said_at=message.said_at,
            text=message.text,
        )

    def _leave(self, connection: Connection, message: AskLeave) -> c.Command:
        speaker = connection.speaker
        return c.AskLeave(
            actor=speaker.actor,
            key=speaker.scoped(message.key),
            incident=self._incident(connection, message.order),
            step=message.step,
            reason=message.reason,
        )

    def _facts(self, connection: Connection, message: StateFacts) -> c.Command:
        return c.StateFacts(
            actor=connection.speaker.actor,
            incident=self._incident(connection, message.order),
            established=message.established,
            ruled_out=message.ruled_out,
        )

    def _about_order(self, connection: Connection, message: OfOrder) -> c.Command:
        """Return what a recipient says about its own order, or whoever may says for it."""
        speaker = connection.speaker
        via = self._via(connection, message.order)
        common: dict[str, Any] = {
            "actor": speaker.actor,
            "key": speaker.scoped(message.key),
            "order": OrderId(message.order),
            "version": message.version,
            "via": via,
            "said_at": message.said_at,
        }
        match message:
            case AnswerOrder():
                return c.AnswerOrder(
                    **common,
                    answer=message.answer,
                    reason=message.reason,
                    text=message.text,
                    result=message.result,
                    photos=message.photos,
                )
            case AssignUnits():
                units = tuple(named.plain() for named in message.units)
                return c.AssignUnits(**common, units=units, reason=message.reason)
            case AskHelp():
                return c.AskHelp(
                    **common, what=message.what, wanted=message.wanted, count=message.count, words=message.text
                )
            case ReturnOrder():
                return c.ReturnOrder(**common, reason=message.reason, words=message.text)

    def _advance(self, connection: Connection, message: Clock) -> None:
        self._inbox.advance(message.now, self._answerer(connection, message))


def own_unit(engine: Engine, speaker: Identity, said: str) -> UnitId:
    """Return for which unit somebody speaks: a terminal for its own, a station for one of its own, the desk for any.

    Raises
    ------
    Refusal
        ``not_yours`` for another.
    """
    unit = UnitId(said or speaker.subject)
    known = engine.state.units.get(unit)
    of_station = known is not None and known.station == speaker.subject
    own = {"unit": unit == speaker.subject, "station": of_station}
    if not own.get(speaker.role.speaks_for, True):
        raise Refusal("not_yours", "unit", unit, f"{speaker.subject}, who this token is for")
    return unit


def _permit(connection: Connection, message: ClientMessage) -> None:
    """Refuse a message that the role may not say; on record once a connection, so that nobody fills the log."""
    needs, speaker = NEEDS.get(type(message), ()), connection.speaker
    for permission in needs:  # a loop, since nearly every message ends it at the first
        if permission in speaker.role.may:
            return
    if needs:
        said = str(message.__struct_config__.tag)
        if said not in connection.not_allowed:
            connection.not_allowed.add(said)
            named = {"code": "not_allowed", "said": said, "role": speaker.role.id, "channel": "stream"}
            ACCESS_LOGGER.warning("not_let_in", extra={**named, **speaker.numbers})
        raise Refusal("not_allowed", "message", said, f"a role that may {' or '.join(needs)}")


def _refs(reply: Reply, about: Order | None) -> dict[str, str | list[str]]:
    """Return what was made of a message: of one about an order where that stands now."""
    refs: dict[str, str | list[str]] = {} if about is None else {"state": str(about.state)}
    if reply.alert is not None and reply.incident is not None:
        refs = {"alert": reply.alert, "incident": reply.incident, "orders": list(reply.orders)}
        if reply.shortage:
            refs["shortage"] = list(reply.shortage)
        if reply.waiting:
            refs["waiting"] = list(reply.waiting)
    return refs


def _refuse_fix(connection: Connection, number: int, refusal: Refusal) -> None:
    """Say which of several positions was not taken."""
    named = ",".join(f"fixes[{number}].{field}" for field in refusal.field.split(","))
    connection.session.refuse(RefusalBody(refusal.code, named, refusal.value, refusal.limit))
    connection.flush()
