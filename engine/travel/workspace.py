"""The memory that one thread's questions write, made when first wanted and used again ever after."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.travel.hierarchy import Hierarchy
from engine.travel.weights import Weights

if TYPE_CHECKING:
    from engine.travel.climbing import Climb
    from engine.travel.labels import Labels
    from engine.travel.queue import Memory
    from engine.travel.sweeping import Sweep
    from engine.travel.unpacking import Trail

_FIRST_VERSION = (1 << 32) - 2
_LAST_CLIMB = (1 << 31) - 2
MOST_LABELS = 1 << 14
"""Units that can have a label at a time, a power of two; one takes four bytes a rank above it, some 500."""
MOST_NEW = 8
"""Labels that one question writes: about as long as 20 units that have none take to be found."""
SETTLED_AFTER = 40
"""Questions that a version answers before labels are written under it."""


class Workspace:
    """Search labels, climbs and paths for one network; see the rooms of the same names for what they hold.

    Parameters
    ----------
    weights
        Of the network.
    pushes
        How often a search may let a node wait; None for one that takes arcs one way round and begins at two nodes.
    """

    def __init__(self, weights: Weights, pushes: int | None = None) -> None:
        self._nodes = weights.network.n_nodes
        self._pushes = weights.network.n_arcs + 2 if pushes is None else pushes
        self._hierarchy = weights.hierarchy
        self._version = _FIRST_VERSION
        self._climb_version = 0
        self._entries = 0
        self._labelled: Weights | None = None
        self._stamp = 0
        self._asked = 0

    @cached_property
    def memory(self) -> "Memory":
        """Labels and queue of a search over the streets."""
        from engine.travel.queue import memory_for  # noqa: PLC0415 - numba, wanted once something is asked

        return memory_for(self._nodes, self._pushes)

    def next_version(self) -> int:
        """Return the version of the next search; about every four thousand million all labels are cleared."""
        if self._version == 0:
            self.memory.label[:] = np.iinfo(np.uint64).max
            self._version = _FIRST_VERSION
        self._version -= 1
        return self._version

    def climb(self, entries: int) -> tuple["Climb", int]:
        """Return what a climb writes, with room for so many entries of riders, and its version."""
        if self._climb_version >= _LAST_CLIMB or entries > self._entries or "_climb" not in self.__dict__:
            self.__dict__.pop("_climb", None)
            self._entries, self._climb_version = max(entries, 2 * self._entries), 0
        self._climb_version += 1
        return self._climb, self._climb_version

    @cached_property
    def _climb(self) -> "Climb":
        from engine.travel.climbing import PARENT, Climb  # noqa: PLC0415

        graph = self._made.graph
        n, stems = len(graph.rank), len(graph.stem_parent)
        stem = np.zeros((stems, 8), np.int32)
        stem[:, PARENT] = graph.stem_parent
        return Climb(
            ms=np.empty(n, np.int32),
            path=np.empty(n, np.int32),
            stem=stem,
            next_entry=np.empty(self._entries, np.int32),
            able=np.empty(self._entries, np.int32),
            entry_rank=np.empty(self._entries, np.int32),
            heap=np.empty(stems + 1, np.uint64),
        )

    def stands(self, weights: Weights) -> bool:
        """Count a question, and tell whether its version of the weights has stood for `SETTLED_AFTER` of them.

        Versions are told apart by what they are, not by their numbers or memory, which come again.
        """
        if weights is not self._labelled:
            self._labelled, self._asked = weights, 0
            self._stamp += 1
        self._asked += 1
        return self._asked > SETTLED_AFTER

    def labels(self, riders: int) -> tuple["Labels", int, int]:
        """Return the labels, with room for so many units up to the most, the version's stamp, and how many to write.

        The version is that of the last question (`stands`). None is written before it stands: while versions come and
        go, labels would not last.
        """
        places = min(1 << max(riders - 1, 1).bit_length(), MOST_LABELS)
        known = self.__dict__.get("_labels")
        if known is None or len(known.arc) < places:
            self.__dict__["_labels"] = self._new_labels(places)
        return self.__dict__["_labels"], self._stamp, MOST_NEW if self._asked > SETTLED_AFTER else 0

    def _new_labels(self, places: int) -> "Labels":
        from engine.travel.labels import Labels, lowest_below  # noqa: PLC0415 - numba

        n, deep = self._nodes, self._made.head_depth[1] + 2
        return Labels(
            arc=np.full(places, -1, np.int32),
            entry_ms=np.zeros((places, 2), np.int32),
            stamp=np.zeros(places, np.int64),
            rank=np.full(places, -1, np.int32),
            ms=np.empty((places, deep), np.int32),
            below=lowest_below(self._made.graph),
            goal=np.empty(deep, np.int32),
            at=np.empty(n, np.int32),
            path=np.empty(n, np.int32),
        )

    @cached_property
    def trail(self) -> "Trail":
        """What finding one way over the hierarchy writes."""
        from engine.travel.unpacking import Trail  # noqa: PLC0415

        n = self._nodes
        return Trail(
            ms=np.empty(n, np.int32),
            path=np.empty(n, np.int32),
            came=np.empty(n, np.int32),
            goal_ms=np.empty(n, np.int32),
            goal_path=np.empty(n, np.int32),
            goal_came=np.empty(n, np.int32),
            slots=np.empty(2 * n + 4, np.int64),
        )

    @cached_property
    def sweep(self) -> "Sweep":
        """What a sweep over many places writes."""
        from engine.travel.sweeping import LANES, Sweep  # noqa: PLC0415

        n, deep = self._nodes, self._made.head_depth[1] + 2
        return Sweep(
            np.empty(n, np.int32),
            np.empty(n, np.int32),
            np.full(n, -1, np.int32),
            np.empty((min(2 * LANES * deep, n), LANES), np.uint32),
            np.empty((deep, LANES), np.uint32),
        )

    @cached_property
    def way(self) -> NDArray[np.int32]:
        """Arcs of a way, int32 (n + 2,)."""
        return np.empty(self._nodes + 2, np.int32)

    @cached_property
    def nobody(self) -> NDArray[np.int32]:
        """An empty list at every node, int32 (n,): all -1 between questions."""
        return np.full(self._nodes, -1, np.int32)

    @property
    def _made(self) -> Hierarchy:
        assert self._hierarchy is not None
        return self._hierarchy
