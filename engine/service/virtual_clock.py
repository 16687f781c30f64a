"""A clock that a driver in lockstep sets: simulations and the demonstration at full speed run on it."""


class VirtualClock:
    """A clock that is set and never runs by itself."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._now

    def set(self, now: int) -> None:
        """Go on to ``now``; a clock never goes back."""
        assert now >= self._now, "a clock never goes back"
        self._now = now

    def wall(self) -> int | None:
        """There is no wall to compare with."""
        return None
