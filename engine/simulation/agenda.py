"""Who has something to do, and when: one heap for all patrols and calls, in a fixed order.

Everybody has at most one entry; a new one replaces the old. What falls due at one instant comes in the order of the
names, so that two runs of one seed do the same things in the same order.
"""

import heapq


class Agenda:
    """The next due instant of everybody who waits for one."""

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        """How many have something to do."""
        return len(self._due)

    def set(self, name: str, at: int | None) -> None:
        """Say when somebody is due next; None takes them off."""
        if at is None:
            self._due.pop(name, None)
        elif self._due.get(name) != at:
            self._due[name] = at
            heapq.heappush(self._heap, (at, name))

    def next_at(self) -> int | None:
        """Return the earliest due instant, None when nobody waits."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: int) -> list[str]:
        """Take off and return everybody who is due by ``now``, earliest first, then by name."""
        names = []
        while (at := self.next_at()) is not None and at <= now:
            name = heapq.heappop(self._heap)[1]
            del self._due[name]
            names.append(name)
        return names
