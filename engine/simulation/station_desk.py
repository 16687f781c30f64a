"""The officer on duty of a station that is ordered: accepts, names who goes, and where nobody can, sees to it themself.

Same face as a `Patrol`, but it may hold several orders at once and never moves. Whom it names is whom the engine
proposes of its own; while somebody is still wanted it looks again each minute, since its people come back. An order for
which nobody can be named is seen to by those who are at the station, on foot or by whatever they have.
"""

from dataclasses import dataclass

from engine.model.commands import Answer
from engine.simulation.agenda import Agenda
from engine.simulation.patrol import Answered, Habits, OrderSeen

NAME_MS, LOOK_AGAIN_MS = 20_000, 60_000
"""From acceptance until somebody is named, and until somebody more is looked for."""
REACH_MS = 600_000
"""From when nobody could be named until people of the station are there."""
_BY_THEMSELVES: tuple[Answer, ...] = ("on_scene", "clear")
_NOBODY, _ALL = "nobody_free", "all_named"


@dataclass(frozen=True)
class Names:
    """That a station names who goes for its order: whom the engine proposes."""

    order: str
    version: int
    number: int
    said_at: int

    @property
    def key(self) -> str:
        """The idempotency key: it may be said several times, while somebody is still wanted."""
        return f"{self.order}/assign/{self.number}"


@dataclass
class _Matter:
    """An order, and how far the station is with it."""

    order: OrderSeen
    accepted: bool = False
    times: int = 0
    named: bool = False
    by_themselves: int | None = None
    """How many of the steps are said, once the station sees to it itself."""


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
        self._matters: dict[str, _Matter] = {}
        self._agenda = Agenda()

    def due_at(self) -> int | None:
        """Return when it will say something next."""
        return self._agenda.next_at()

    def take(self, order: OrderSeen, now: int) -> bool:
        """Read an order that arrived; False when it was here before."""
        if order.id in self._matters:
            return False
        self._matters[order.id] = _Matter(order)
        self._agenda.set(order.id, now + self._habits.accept_ms)
        return True

    def withdraw(self, order_id: str, now: int) -> None:  # noqa: ARG002 - same face as a patrol
        """Read that an order is withdrawn."""
        self._agenda.set(order_id, None)

    def wanted(self, order_id: str, now: int) -> None:
        """Read that somebody is to be named, or named anew because one of them does not go."""
        matter = self._matters.get(order_id)
        if matter is not None and matter.accepted and matter.by_themselves is None:
            self._agenda.set(order_id, now + NAME_MS)

    def named(self, order_id: str, refused: str, now: int) -> None:
        """Hear what came of naming: ``refused`` is the code, empty where it was taken."""
        matter = self._matters[order_id]
        if not refused:
            matter.named = True
            self._agenda.set(order_id, now + LOOK_AGAIN_MS)
        elif refused == _NOBODY and matter.named:
            self._agenda.set(order_id, now + LOOK_AGAIN_MS)
        elif refused == _NOBODY:
            matter.by_themselves = 0
            self._agenda.set(order_id, now + REACH_MS)
        elif refused == _ALL:
            self._agenda.set(order_id, None)  # it ends with the last of its units

    def act(self, now: int) -> list[Answered | Names]:
        """Do what is due by ``now`` and return what to say, in order."""
        said: list[Answered | Names] = []
        while (at := self._agenda.next_at()) is not None and at <= now:
            said += [self._step(self._matters[name], at) for name in self._agenda.due(at)]
        return said

    def _step(self, matter: _Matter, at: int) -> Answered | Names:
        order = matter.order
        if not matter.accepted:
            matter.accepted = True
            self._agenda.set(order.id, at + NAME_MS)
            return Answered(order.id, order.version, "accept", at)
        if matter.by_themselves is None:
            matter.times += 1
            return Names(order.id, order.version, matter.times, at)
        answer = _BY_THEMSELVES[matter.by_themselves]
        matter.by_themselves += 1
        if matter.by_themselves < len(_BY_THEMSELVES):
            self._agenda.set(order.id, at + max(1_000, self._habits.working_ms(order.incident, self.id)))
        return Answered(order.id, order.version, answer, at)
