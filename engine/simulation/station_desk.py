"""A station that is ordered because no unit was free: it accepts, sees to the matter with its own people, and clears.

Same face as a `Patrol`, but it may hold several orders at once and never moves.
"""

from engine.model.commands import Answer
from engine.simulation.agenda import Agenda
from engine.simulation.patrol import Answered, Habits, OrderSeen, Say

_STEPS: tuple[Answer, ...] = ("accept", "on_scene", "clear")
REACH_MS = 600_000
"""From a station's acceptance until its people are there, on foot or by whatever they have."""


class StationDesk:
    """The people at one station.

    Parameters
    ----------
    station_id
        Whose mailbox it reads.
    habits
        How they work.
    """

    def __init__(self, station_id: str, habits: Habits) -> None:
        self.id = station_id
        self._habits = habits
        self._orders: dict[str, OrderSeen] = {}
        self._steps: dict[str, int] = {}
        self._agenda = Agenda()

    def due_at(self) -> int | None:
        """Return when it will say something next."""
        return self._agenda.next_at()

    def take(self, order: OrderSeen, now: int) -> bool:
        """Read an order that arrived; False when it was here before."""
        if order.id in self._orders:
            return False
        self._orders[order.id], self._steps[order.id] = order, 0
        self._agenda.set(order.id, now + self._habits.accept_ms)
        return True

    def withdraw(self, order_id: str, now: int) -> None:  # noqa: ARG002 - same face as a patrol
        """Read that an order is withdrawn."""
        self._agenda.set(order_id, None)

    def act(self, now: int) -> list[Say]:
        """Do what is due by ``now`` and return what to say, in order."""
        said: list[Say] = []
        while (at := self._agenda.next_at()) is not None and at <= now:
            said += [self._step(name, at) for name in self._agenda.due(at)]
        return said

    def _step(self, name: str, at: int) -> Answered:
        order, step = self._orders[name], self._steps[name]
        self._steps[name] = step + 1
        pauses = (REACH_MS, max(1_000, self._habits.working_ms(order.incident, self.id)))
        if step < len(pauses):
            self._agenda.set(name, at + pauses[step])
        return Answered(order.id, order.version, _STEPS[step], at)
