"""The one heap of deadlines.

Setting and clearing are cheap; a cleared or moved deadline stays in the heap until it comes up and is passed over.
"""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """Instants by key, soonest first; a key has at most one. Ties come up in the order they were set."""

    def __init__(self) -> None:
        self._due_at: dict[K, tuple[int, int]] = {}
        self._heap: list[tuple[int, int, K]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._due_at)

    def set(self, key: K, due_at: int) -> None:
        """Let ``key`` be due at an instant, in place of any earlier one it had."""
        self._count += 1
        self._due_at[key] = (due_at, self._count)
        heapq.heappush(self._heap, (due_at, self._count, key))

    def clear(self, key: K) -> None:
        """Forget ``key``; nothing happens when it has no deadline."""
        self._due_at.pop(key, None)

    def at(self, key: K) -> int | None:
        """Return when a key is due; None when it has no deadline."""
        found = self._due_at.get(key)
        return None if found is None else found[0]

    def next_at(self) -> int | None:
        """Return the soonest instant, or None."""
        self._drop_outdated()
        return self._heap[0][0] if self._heap else None

    def due(self, now: int) -> list[tuple[K, int]]:
        """Return what is due at ``now``, soonest first, with its instant. It stays set until it is cleared or moved."""
        found = []
        while (due_at := self.next_at()) is not None and due_at <= now:
            found.append(heapq.heappop(self._heap))
        for entry in found:
            heapq.heappush(self._heap, entry)
        return [(key, due_at) for due_at, _, key in found]

    def items(self) -> list[tuple[K, int]]:
        """Return all keys with their instants, in the order they were set."""
        return [(key, at) for key, (at, count) in sorted(self._due_at.items(), key=lambda item: item[1][1])]

    def _drop_outdated(self) -> None:
        while self._heap and self._due_at.get(self._heap[0][2]) != self._heap[0][:2]:
            heapq.heappop(self._heap)
