"""A batch: several commands decided one after the other, stored in one append, released together or not at all."""

from typing import TYPE_CHECKING

import msgspec

from engine.core.apply import alert_key
from engine.core.standing_lookouts import sighting_key
from engine.model.broadcasts import SendBroadcast
from engine.model.commands import (
    AddUnits,
    AnswerOrder,
    AskHelp,
    AssignUnits,
    ChooseUnit,
    Command,
    PressEmergency,
    ReplaceOrder,
    ReportAlert,
    ReturnOrder,
    SetSpeedRule,
    SetUnitStatus,
    WatchWelfare,
)
from engine.model.errors import Refusal, RefusalBody
from engine.model.events import Event
from engine.model.ids import AlertId, BroadcastId, IncidentId, LookoutId, OrderId, RuleId, SightingId
from engine.model.lookout_commands import IssueLookout, ReportSighting, SettleHeld, VerifySighting
from engine.model.searches import ReportLook

if TYPE_CHECKING:
    from engine.core.engine import Engine


_KEYED = (
    AddUnits,
    AnswerOrder,
    AskHelp,
    AssignUnits,
    ChooseUnit,
    IssueLookout,
    PressEmergency,
    ReplaceOrder,
    ReportLook,
    ReturnOrder,
    SendBroadcast,
    SetSpeedRule,
    SetUnitStatus,
    SettleHeld,
    VerifySighting,
    WatchWelfare,
)
"""Commands that are told apart by a key of their own."""


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a command came to.

    Attributes
    ----------
    refusal
        Why it was not taken; None when it was.
    duplicate
        Its key had been taken before: nothing changed, and the first answer is given again.
    events
        What it caused by itself; what the batch decided for it afterwards is found by ``incident`` and ``orders``.
    """

    refusal: RefusalBody | None = None
    duplicate: bool = False
    alert: AlertId | None = None
    incident: IncidentId | None = None
    orders: tuple[OrderId, ...] = ()
    shortage: tuple[str, ...] = ()
    """Capabilities that nobody free has; the incident waits for them."""
    waiting: tuple[str, ...] = ()
    """Capabilities that a worker is still deciding about; their orders follow."""
    broadcast: BroadcastId | None = None
    """The broadcast that was sent; None when a repeated one is kept no more."""
    lookout: LookoutId | None = None
    """The lookout that was asked for; None when a repeated one is kept no more."""
    sighting: SightingId | None = None
    """The sighting that was reported or verified; None when a repeated one is kept no more."""
    rule: RuleId | None = None
    """The rule over the streets that was set; None when a repeated one holds no more."""
    events: tuple[Event, ...] = ()


class Batch:
    """Commands on their way through the engine together."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._entries: list[tuple[Command, Reply]] = []
        self.events: list[Event] = []
        """Everything that came of the batch, in order; not durable before the journal has it."""

    def add(self, command: Command, now: int) -> Reply:
        """Decide one command; a refusal concerns it alone."""
        try:
            duplicate = self._is_known(command)
            events = self._engine.handle(command, now)
        except Refusal as refusal:
            reply = Reply(refusal=RefusalBody.of(refusal))
        else:
            self.events.extend(events)
            reply = Reply(duplicate=duplicate, events=tuple(events))
        self._entries.append((command, reply))
        return reply

    def settle(self, now: int) -> None:
        """Decide what waits, after the last command."""
        self.events.extend(self._engine.settle(now))

    def replies(self) -> list[Reply]:
        """Return what each command came to, once the batch is durable."""
        return [self._finished(command, reply) for command, reply in self._entries]

    def not_stored(self, why: str) -> list[Reply]:
        """Return what to tell everyone when the batch could not be stored; refusals stay what they were."""
        failed = RefusalBody("not_stored", "journal", "", why)
        return [reply if reply.refusal else Reply(refusal=failed) for _, reply in self._entries]

    def _is_known(self, command: Command) -> bool:
        kept = self._engine.state.kept
        if isinstance(command, ReportAlert):
            return alert_key(command.alert.source, command.alert.source_ref) in kept.alerts
        if isinstance(command, ReportSighting):
            return sighting_key(command.sighting.source, command.sighting.source_ref) in kept.keys
        return isinstance(command, _KEYED) and command.key in kept.keys

    def _finished(self, command: Command, reply: Reply) -> Reply:
        state = self._engine.state
        if reply.refusal is not None:
            return reply
        if isinstance(command, SetSpeedRule):
            its = (rule for rule, record in state.speed_rules.items() if record.key == command.key)
            return msgspec.structs.replace(reply, rule=next(its, None))
        if isinstance(command, IssueLookout):
            found = (its.id for its in state.lookouts.values() if its.key == command.key)
            return msgspec.structs.replace(reply, lookout=next(found, None))
        if isinstance(command, ReportSighting):
            ref = command.sighting.source, command.sighting.source_ref
            same = (its.id for its in state.sightings.values() if (its.source, its.source_ref) == ref)
            return msgspec.structs.replace(reply, sighting=next(same, None))
        if isinstance(command, VerifySighting | SettleHeld):
            kept = command.sighting if command.sighting in state.sightings else None
            return msgspec.structs.replace(reply, sighting=kept)
        if isinstance(command, SendBroadcast):
            sent = (its.id for its in state.broadcasts.values() if its.key == command.key)
            return msgspec.structs.replace(reply, broadcast=next(sent, None))
        if isinstance(command, PressEmergency):
            emergency = state.emergencies.get(command.unit)
            if emergency is None:  # ended before this press was answered
                return reply
            return msgspec.structs.replace(reply, alert=emergency.alert, incident=emergency.incident)
        if not isinstance(command, ReportAlert):
            return reply
        record = state.kept.alerts[alert_key(command.alert.source, command.alert.source_ref)]
        incident = state.incidents.get(record.incident)
        demands = state.demands.of_incident(record.incident)
        return msgspec.structs.replace(
            reply,
            alert=record.alert,
            incident=record.incident,
            orders=incident.orders if incident else (),
            shortage=tuple(demand.capability for demand in demands if demand.unmet),
            waiting=tuple(
                demand.capability
                for demand in demands
                if demand.order is None and demand.station is None and not demand.unmet
            ),
        )
