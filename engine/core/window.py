"""The joint-decision interval: level 1 is decided at once, the rest together when the window that they opened ends.

The window is not journalled: after a start, or when a batch could not be stored, it ends at once.
"""

from engine.core.state import Demand

AT_ONCE = 1
"""The level that waits for nobody."""


class Window:
    """One interval at a time.

    Parameters
    ----------
    length_ms
        How long; 0 decides everything at once.

    Attributes
    ----------
    due_at
        When it ends, in ms since the epoch; None while nobody waits in it.
    look_again
        Whether shortages are to be looked at again when it ends: somebody became free meanwhile.
    """

    def __init__(self, length_ms: int) -> None:
        self.length_ms = length_ms
        self.due_at: int | None = None
        self.look_again = False
        self.end()

    def end(self) -> None:
        """Let whoever waits in it be decided with the next batch, whenever that is."""
        self.due_at = 0 if self.length_ms else None

    def let_through(self, demands: list[Demand], now: int, *, look_again: bool) -> list[Demand]:
        """Return those of the waiting demands that are decided now; the others open the window or wait in it."""
        if not self.length_ms:
            return demands
        if self.due_at is not None and now >= self.due_at:
            self.due_at, self.look_again = None, False
            return demands
        if self.due_at is None and any(demand.level > AT_ONCE for demand in demands):
            self.due_at = now + self.length_ms
        self.look_again = look_again and self.due_at is not None
        return [demand for demand in demands if demand.level <= AT_ONCE]
