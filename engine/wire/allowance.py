"""How much somebody may send: so many at once, and so many a second from then on. Time is the caller's."""


class Allowance:
    """A bucket that fills by itself.

    Parameters
    ----------
    rate_per_s, burst
        What comes back in a second, and the most there is.
    """

    def __init__(self, rate_per_s: float, burst: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._left = burst
        self._counted_s: float | None = None

    def spend(self) -> None:
        """Use one; what is not there is owed."""
        self._left -= 1

    def wait_s(self, now_s: float) -> float:
        """Return how long until nothing is owed, in seconds; 0 while something is left."""
        if self._counted_s is not None:
            self._left = min(self._left + (now_s - self._counted_s) * self._rate_per_s, self._burst)
        self._counted_s = now_s
        return max(0.0, -self._left / self._rate_per_s)
