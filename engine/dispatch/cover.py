"""What cover costs: the calls that are expected to find nobody in time once a unit has left.

The measure is the marginal term of MEXCLP (M. S. Daskin, "A maximum expected covering location model", Transportation
Science 17(1), 1983). A cell ``i`` with the share ``h_i`` of all calls is covered by the ``n_i`` ready units that reach
its road centre within the standard, turnout included. Where each unit is busy with probability ``q``, independently,
the calls covered are ``sum h_i (1 - q^n_i)``; when unit ``u`` leaves, ``sum over its cells of h_i (1 - q) q^(n_i - 1)``
of them are lost.

Cells are H3; times between their road centres are those of free flow, made once: cover is about the calls to come, not
about this minute's traffic. A unit counts as standing at the road centre of its cell.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.dispatch.force import Force
from engine.travel import TravelTimes
from geo_data.cells import cells_of
from geo_data.road_network import RoadNetwork
from geo_data.speeds import NEVER

PRIOR_CALLS = 100.0
"""How many calls the roads alone are worth: with no call known yet, a cell's share is that of its roads' length."""
MOST_CELLS = 500
"""Cells of the finest grid that is used: where there are more, the grid is the next coarser one."""
_TIME_BITS = 40


def priced(
    eta_ms: NDArray[np.int64], loss: NDArray[np.float64], worst: float, until_ms: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Let cover choose among those who are there soon enough.

    Parameters
    ----------
    eta_ms
        int64 (k,), never falling; with what counts besides time in it, where anything does.
    loss
        float64 (k,), what cover loses by each.
    worst
        The most that it loses by anyone: that is worth all the time between the soonest and ``until_ms``.
    until_ms
        Who arrives later is not spared any: the ETA alone counts.

    Returns
    -------
    tuple
        The order of the candidates, int64 (k,), and in it what each costs in ms, never falling.
    """
    cost = eta_ms.copy()
    soon = eta_ms <= until_ms
    if soon.any() and worst > 0.0:
        cost[soon] = eta_ms[0] + np.rint(loss[soon] / worst * (until_ms - eta_ms[0])).astype(np.int64)
    order = np.lexsort((np.arange(len(cost)), cost))
    return order, cost[order]


class Demand:
    """Where calls are expected.

    Parameters
    ----------
    network, arc_ms
        The streets and int32 (m,) milliseconds by arc; what may not be passed counts for nothing.
    resolution
        H3 resolution of the cells; coarser where they would be more than `MOST_CELLS`.

    Attributes
    ----------
    cells
        uint64 (c,), ascending: those with streets.
    centre
        int32 (c,), an arc by cell: the one whose beginning is nearest to the middle of the cell's streets.
    cell_of_arc
        int64 (m,), the position of the cell that an arc begins in, -1 where that has no street to be passed.
    resolution
        The resolution that is used.
    """

    def __init__(self, network: RoadNetwork, arc_ms: NDArray[np.int32], resolution: int) -> None:
        passable = np.flatnonzero(arc_ms < NEVER)
        while True:
            by_node = cells_of(network.node_lon, network.node_lat, resolution)
            self.cells = np.unique(by_node[network.arc_tail[passable]])
            if len(self.cells) <= MOST_CELLS or resolution == 0:
                break
            resolution -= 1
        self.resolution = resolution
        self.cell_of_arc = self._positions(by_node)[network.arc_tail]
        its = self.cell_of_arc[passable]
        length = network.arc_length_m[passable].astype(np.float64)
        self._road_share = np.bincount(its, length, len(self.cells)) / max(float(length.sum()), 1e-9)
        self._calls = np.zeros(len(self.cells))
        lon, lat = (at[network.arc_tail[passable]] for at in (network.node_lon, network.node_lat))
        weight = np.maximum(np.bincount(its, length, len(self.cells)), 1e-9)
        middle = [np.bincount(its, length * at, len(self.cells)) / weight for at in (lon, lat)]
        narrow = np.cos(np.radians(middle[1]))[its]
        apart = ((lon - middle[0][its]) * narrow) ** 2 + (lat - middle[1][its]) ** 2
        order = np.lexsort((passable, apart, its))
        first = np.searchsorted(its[order], np.arange(len(self.cells)))
        self.centre = passable[order[first]].astype(np.int32)

    def _positions(self, cells: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the position of each cell, -1 for one without streets."""
        at = np.minimum(np.searchsorted(self.cells, cells), len(self.cells) - 1)
        return np.where(self.cells[at] == cells, at, -1)

    def count(self, lon: ArrayLike, lat: ArrayLike) -> None:
        """Take note of calls; one from a cell without streets counts for none."""
        at = self._positions(cells_of(lon, lat, self.resolution))
        np.add.at(self._calls, at[at >= 0], 1.0)

    @property
    def share(self) -> NDArray[np.float64]:
        """The share of all calls that each cell is expected to have, float64 (c,), sum 1."""
        expected = self._calls + PRIOR_CALLS * self._road_share
        return np.asarray(expected / expected.sum(), np.float64)


class Cover:
    """What is lost when a unit leaves.

    Parameters
    ----------
    demand
        Where calls are expected; calls counted later are heeded.
    times
        In free flow.
    standard_ms
        Within what time of the order a cell must be reached.
    busy
        The probability ``q`` that a unit is busy, from 0 to below 1.
    """

    def __init__(self, demand: Demand, times: TravelTimes, standard_ms: int, busy: float) -> None:
        self.demand, self.standard_ms, self.busy = demand, standard_ms, busy
        middle = np.zeros(len(demand.centre))
        self._ms = times.matrix(demand.centre, middle, demand.centre, middle)

    def losses(self, force: Force, capability: str, fresh_after: int) -> NDArray[np.float64]:
        """Return the share of calls that is no longer covered when a unit leaves alone.

        Parameters
        ----------
        force
            Everyone; those who could be sent for ``capability`` now cover.
        fresh_after
            Positions that were true before this instant, in ms since the epoch, do not count.

        Returns
        -------
        float64 (U,)
            By row of the fleet; 0 for those who cover nothing.
        """
        fleet = force.fleet
        need = np.uint64(force.able(capability))
        ready = np.flatnonzero(((fleet.bits & need) == need) & (fleet.arc >= 0) & (fleet.fixed_at >= fresh_after))
        cell = self.demand.cell_of_arc[fleet.arc[ready]]
        ready, cell = ready[cell >= 0], cell[cell >= 0]
        loss = np.zeros(len(fleet.bits))
        if not len(ready):
            return loss
        # Units of one cell and one turnout cover the same: whole cells are counted, not single units.
        left_ms = self.standard_ms - force.fixed_ms - fleet.turnout_ms[ready]
        _, first, of = np.unique(cell << _TIME_BITS | np.maximum(left_ms, 0), return_index=True, return_inverse=True)
        covers = (self._ms[cell[first]] <= left_ms[first, None]).astype(np.float32)
        count = np.bincount(of) @ covers
        worth = self.demand.share * (1.0 - self.busy) * self.busy ** np.maximum(count - 1, 0)
        loss[ready] = (covers @ worth)[of]
        return loss
