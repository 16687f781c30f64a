"""What a crowd of clients sent and what came of it."""

from collections import Counter
from dataclasses import dataclass, field

from engine.wire.server_messages import Trace


@dataclass
class Told:
    """One alert: when it was due and sent, and what came of it."""

    due_ns: int
    sent_ns: int = 0
    incident: str = ""
    answered_ns: int = 0


@dataclass
class Came:
    """One order as it came to a terminal."""

    at_ns: int
    order: str
    trace: Trace | None
    times: int = 1


@dataclass
class Record:
    """What was sent and what came of it."""

    alerts: dict[str, Told] = field(default_factory=dict)
    orders: dict[str, Came] = field(default_factory=dict)
    """By incident: every alert wants one unit, so a second order of the same incident is one too many."""
    applied: list[list[int]] = field(default_factory=list)
    """The numbers that each terminal has applied, in order."""
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def missing(self) -> list[str]:
        """Return the references of alerts that are not answered, or whose order has not come."""
        return [ref for ref, told in self.alerts.items() if told.incident not in self.orders]
