"""Times from many places to many over the hierarchy, a tile of lanes at a time; see `engine.travel.sweeping`."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.travel.weights import Weights
from engine.travel.workspace import Workspace
from geo_data.speeds import NEVER

if TYPE_CHECKING:
    from engine.travel.sweeping import Ends

Places = tuple[NDArray[np.int32], NDArray[np.float64]]
"""Arcs int32 (c,) and fractions float64 (c,)."""


def fill_matrix(weights: Weights, desk: Workspace, froms: Places, tos: Places) -> NDArray[np.int32]:
    """Return int32 (a, b) milliseconds from each place to each; `NEVER` where there is no way.

    The fewer ones are climbed from, in tiles; all others are swept down to at once.
    """
    from engine.travel import sweeping  # noqa: PLC0415 - numba

    hierarchy, metric = weights.hierarchy, weights.metric
    assert hierarchy is not None
    assert metric is not None
    leaving, entering = _ends(weights, froms, leaving=True), _ends(weights, tos, leaving=False)
    backwards = len(tos[0]) <= len(froms[0])
    lanes, others = (entering, leaving) if backwards else (leaving, entering)
    upwards, downwards = (metric.down, metric.up) if backwards else (metric.up, metric.down)
    flat = others.rank.ravel()
    order = np.argsort(-flat, kind="stable").astype(np.int32)[: int(np.count_nonzero(flat >= 0))]
    needed = sweeping.needed_ranks(hierarchy.graph, others)
    out = np.full((len(froms[0]), len(tos[0])), NEVER, np.int32)
    for first in range(0, len(lanes.rank), sweeping.LANES):
        count = min(sweeping.LANES, len(lanes.rank) - first)
        tile = np.full((len(others.rank), count), NEVER, np.int32)
        sweeping.sweep_tile(
            hierarchy.graph,
            upwards,
            downwards,
            hierarchy.head_depth[0],
            desk.sweep,
            lanes,
            first,
            count,
            needed,
            others,
            order,
            tile,
        )
        if backwards:
            out[:, first : first + count] = tile
        else:
            out[first : first + count] = tile.T
    sweeping.along_streets(weights.streets, *froms, *tos, out)
    return out


def _ends(weights: Weights, places: Places, *, leaving: bool) -> "Ends":
    """Return where places meet the nodes: at the heads of their street's arcs on leaving, at the tails on entering."""
    from engine.travel.sweeping import Ends  # noqa: PLC0415

    hierarchy, network = weights.hierarchy, weights.network
    assert hierarchy is not None
    arcs, shares = places
    back = np.asarray(network.arc_reverse)[arcs]
    on = np.column_stack((arcs, back))
    at = np.column_stack((shares, 1.0 - shares))
    ms = weights.inner_ms[on]
    there = (on >= 0) & (ms < NEVER)
    behind = np.floor(at * ms + 0.5).astype(np.int64)
    node = np.asarray(network.arc_head if leaving else network.arc_tail)[on]
    rank = np.where(there, hierarchy.graph.rank[node], -1).astype(np.int32)
    return Ends(rank, np.where(there, ms - behind if leaving else behind, NEVER).astype(np.int32))
