"""What really happened, kept outside of every process, and what must hold of the record beside it.

The record is looked at as it becomes durable; people's words and devices' disks are known here whatever the processes
forget. Each breach is named once, in words that say who and what.
"""

from collections import Counter
from collections.abc import Sequence

from engine.model import events as e
from engine.model.emergency_events import EmergencyEnded, EmergencyRaised, EmergencyRepeated
from engine.model.events import Event
from engine.model.lifecycle import ORDER, OrderState
from engine.model.searches import PlaceLooked


class Truth:
    """The world's own account."""

    def __init__(self) -> None:
        self.breaches: list[str] = []
        self.said: dict[str, tuple[str, str]] = {}
        """What people said about orders: order and answer by scoped key, from the moment it may be on a disk."""
        self.taken: dict[str, str] = {}
        """What a client was told is taken, by key; and whether that was said of an alert, an answer or a status."""
        self.refused: dict[str, str] = {}
        self.pressed: dict[str, float] = {}
        """When somebody pressed an emergency button first, by scoped key: from then on it must come to be on record."""
        self._emergencies: set[str] = set()
        self.applied: Counter[tuple[str, str]] = Counter()
        """The highest number that was ever applied on the disk of a device of a recipient."""
        self.orders: dict[str, OrderState] = {}
        self._keys: Counter[str] = Counter()
        self._alerts: Counter[str] = Counter()
        self._mail: Counter[str] = Counter()
        self._held: dict[str, str] = {}
        self._recipients: dict[str, tuple[str, str]] = {}

    def breach(self, what: str) -> None:
        if len(self.breaches) < 20:
            self.breaches.append(what)

    def durable(self, events: Sequence[Event]) -> None:
        """Hold what has become durable against what happened."""
        for event in events:
            match event.body:
                case e.AlertReceived(source_ref=ref):
                    self._alerts[ref] += 1
                    if self._alerts[ref] > 1:
                        self.breach(f"alert {ref} was taken {self._alerts[ref]} times")
                case EmergencyRaised(unit=unit, key=key):
                    self._called(key)
                    if unit in self._emergencies:
                        self.breach(f"{unit} has two emergencies")
                    self._emergencies.add(unit)
                case EmergencyRepeated(key=key):
                    self._called(key)
                case EmergencyEnded(unit=unit):
                    self._emergencies.discard(unit)
                case e.OrderProposed(order=order):
                    self.orders[order.id] = order.state
                    self._recipients[order.id] = (order.recipient_kind, order.recipient)
                case PlaceLooked(key=key, order=order):
                    self._looked(key, order)
                case e.OrderAdvanced():
                    self._advanced(event.body)
                case e.Mailed(recipient=recipient, mail_seq=seq):
                    self._mail[recipient] += 1
                    if seq != self._mail[recipient]:
                        self.breach(f"mail {seq} of {recipient} follows {self._mail[recipient] - 1}")
                case e.MailAcknowledged(recipient=recipient, device=device, mail_seq=seq):
                    if seq > self.applied[recipient, device]:
                        known = self.applied[recipient, device]
                        self.breach(f"the desk sees {seq} delivered to {recipient} {device}, who has {known}")

    def _called(self, key: str) -> None:
        self._keys[key] += 1
        if self._keys[key] > 1:
            self.breach(f"call for help {key} took effect {self._keys[key]} times")
        if key not in self.pressed:
            self.breach(f"call for help {key} is on record, and nobody pressed")

    def _looked(self, key: str, order: str | None) -> None:
        self._keys[key] += 1
        if self._keys[key] > 1:
            self.breach(f"look {key} took effect {self._keys[key]} times")
        if self.said.get(key, ("", ""))[0] != order:
            self.breach(f"look {key} is on record, which nobody said")

    def _advanced(self, body: e.OrderAdvanced) -> None:
        if body.key:
            self._keys[body.key] += 1
            if self._keys[body.key] > 1:
                self.breach(f"answer {body.key} took effect {self._keys[body.key]} times")
            if self.said.get(body.key, ("", ""))[0] != body.order:
                self.breach(f"{body.order} is {body.to} by {body.key}, which nobody said")
        elif body.to in (OrderState.ACCEPTED, OrderState.REFUSED, OrderState.EN_ROUTE, OrderState.ON_SCENE):
            self.breach(f"{body.order} is {body.to} by nobody's word")
        kind, recipient = self._recipients[body.order]
        if kind == "unit":
            if body.to is OrderState.APPROVED:
                if recipient in self._held:
                    self.breach(f"{recipient} is held by {self._held[recipient]} and {body.order}")
                self._held[recipient] = body.order
            elif not ORDER[body.to] and self._held.get(recipient) == body.order:
                del self._held[recipient]

    def hear_taken(self, key: str, what: str) -> None:
        """Note that a client was told that something is taken."""
        self.taken[key] = what

    def hear_refused(self, key: str, code: str) -> None:
        self.refused[key] = code

    def close(self, answered: set[str], alerts: set[str]) -> None:
        """Hold what clients were told against the record at the end."""
        for key in self.pressed.keys() - answered:
            self.breach(f"call for help {key} is lost")
        for key, what in self.taken.items():
            known = alerts if what == "alert" else answered
            if key not in known:
                self.breach(f"{what} {key} was accepted and is lost")
        for key, code in self.refused.items():
            if key in answered:
                self.breach(f"answer {key} was refused ({code}) and took effect")
