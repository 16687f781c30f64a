"""When anybody can be anywhere: at every node the first eligible unit to arrive, turnout included, and which it is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal
from engine.travel.riders import Riders, columns_of
from engine.travel.times import UNREACHABLE_MS, TravelTimes
from engine.travel.workspace import Workspace


class Arrivals(NamedTuple):
    """The first arrival at each of ``n`` nodes.

    Attributes
    ----------
    ms
        int64 (n,), turnout plus travel; `UNREACHABLE_MS` where nobody comes within the limit.
    unit
        int32 (n,), the row of the unit that is there then, the lowest of those that tie; -1 for nobody.
    """

    ms: NDArray[np.int64]
    unit: NDArray[np.int32]


class Arriver:
    """Asks a `TravelTimes` who is where first, again and again with the same memory; one thread at a time.

    Each question is answered with the weights that the times have when it is put, and with what is shut by then.
    """

    def __init__(self, times: TravelTimes) -> None:
        self.times = times
        # A search from everywhere begins with up to every node waiting, which arcs alone do not account for.
        self._desk = Workspace(times.weights, times.network.n_nodes + times.network.n_arcs)

    def arrivals(self, riders: Riders, need: int, fresh_after: int, limit_ms: int | None = None) -> Arrivals:
        """Return the first arrival at every node.

        Parameters
        ----------
        riders
            Everybody; ``entry_ms`` true to the times' weights.
        need
            Bits that a unit must have; 0 means anyone.
        fresh_after
            Positions that were true before this instant, in ms since the epoch, do not count.
        limit_ms
            Later arrivals are none; the search ends there. None for no limit.

        Raises
        ------
        Refusal
            When the limit is below 0.
        """
        from engine.travel.queue import word  # noqa: PLC0415
        from engine.travel.reaching import arrive_first  # noqa: PLC0415 - numba, wanted once something is asked
        from engine.travel.search import LONGEST_MS  # noqa: PLC0415

        if limit_ms is not None and limit_ms < 0:
            raise Refusal("out_of_range", "limit_ms", limit_ms, "0 ms or more")
        most_ms = LONGEST_MS if limit_ms is None else min(int(limit_ms), LONGEST_MS)
        n = self.times.network.n_nodes
        found = Arrivals(np.full(n, UNREACHABLE_MS, np.int64), np.full(n, -1, np.int32))
        columns = columns_of(riders)
        memory = self._desk.memory
        version = self._desk.next_version()
        arrive_first(
            self.times.weights.streets, memory, version, columns, word(need), int(fresh_after), most_ms, *found
        )
        return found


def arrivals(times: TravelTimes, riders: Riders, need: int, fresh_after: int, limit_ms: int | None = None) -> Arrivals:
    """Return the first arrival at every node, asked once; see `Arriver.arrivals`."""
    return Arriver(times).arrivals(riders, need, fresh_after, limit_ms)
