"""The lane of emergencies, before everything else that waits: one place for each unit, so that it can never be full.

A press waits here while nothing can be stored, too, and is the first that is tried again; its device is answered when
it is durable, or asks again on its own.
"""

import logging

from engine.model.commands import PressEmergency
from engine.model.ids import UnitId
from engine.service.outcome import Done, Outcome

LOGGER = logging.getLogger("allpoints.emergencies")
MOST_TOLD = 8
"""Who is told of one press that waits: a device that has connected again asks again. Of more the oldest is gone."""


class Press:
    """A press that waits to be decided and stored, and whom to tell what came of it."""

    def __init__(self, command: PressEmergency) -> None:
        self.command = command
        self.told: list[Done] = []

    def tell(self, done: Done) -> None:
        """Tell one more."""
        self.told = [*self.told[1 - MOST_TOLD :], done]

    def __call__(self, outcome: Outcome) -> None:
        """Tell everybody."""
        for done in self.told:
            try:
                done(outcome)
            except Exception:  # whoever cannot be told is no reason for the others not to be
                LOGGER.exception("answer_failed")


class Urgent:
    """Presses that wait, by unit."""

    def __init__(self) -> None:
        self._waiting: dict[UnitId, Press] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, command: PressEmergency, done: Done) -> None:
        """Let a press wait; one more of a unit that has one waiting is the same."""
        self._waiting.setdefault(command.unit, Press(command)).tell(done)

    def take(self) -> list[Press]:
        """Take all that wait, in the order they came."""
        taken, self._waiting = list(self._waiting.values()), {}
        return taken

    def put_back(self, presses: list[Press]) -> None:
        """Let presses that could not be stored wait again, before those that came meanwhile."""
        came, self._waiting = self._waiting, {press.command.unit: press for press in presses}
        for unit, press in came.items():
            known = self._waiting.setdefault(unit, press)
            if known is not press:
                for done in press.told:
                    known.tell(done)
        for press in presses:
            LOGGER.error("emergency_not_stored", extra={"unit": press.command.unit})
