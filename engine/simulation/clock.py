"""Simulated time: as fast as everybody keeps up, or at a multiple of real time."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """How simulated time follows real time.

    Attributes
    ----------
    begins_at
        The simulated instant, ms since the epoch, at which the run begins.
    speed
        Simulated seconds in a real second; 0 runs as fast as everybody keeps up.
    """

    begins_at: int
    speed: float

    def wait_s(self, at: int, elapsed_s: float) -> float:
        """Return how long to wait, in real seconds, until ``at`` is due; 0 when it is due or nobody waits."""
        if not self.speed:
            return 0.0
        return max(0.0, (at - self.begins_at) / 1000.0 / self.speed - elapsed_s)

    def now(self, elapsed_s: float) -> int:
        """Return the simulated instant after so many real seconds."""
        return self.begins_at + int(elapsed_s * 1000.0 * self.speed)
