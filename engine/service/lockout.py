"""Who has been wrong too often is not asked again for a while: guessing a secret takes longer than the secret lives.

Bounded in memory: of more names than are kept the oldest is forgotten. Time is the caller's steady clock.
"""

from collections import OrderedDict, deque

MOST_ATTEMPTS = 5
WITHIN_S = 60.0
FOR_S = 300.0
MOST_KEPT = 10_000


class Lockout:
    """Counts failures by name, such as an address with an id."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, name: str, now_s: float) -> None:
        """Note a failure."""
        times = self._failed.setdefault(name, deque(maxlen=MOST_ATTEMPTS))
        times.append(now_s)
        self._failed.move_to_end(name)
        if len(self._failed) > MOST_KEPT:
            self._failed.popitem(last=False)

    def is_shut(self, name: str, now_s: float) -> bool:
        """Tell whether a name has failed too often of late; after a quiet while it may try again."""
        times = self._failed.get(name)
        if times is None:
            return False
        if now_s - times[-1] >= FOR_S:
            del self._failed[name]
            return False
        return len(times) == MOST_ATTEMPTS and times[-1] - times[0] <= WITHIN_S
