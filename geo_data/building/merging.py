"""Chains of streets into single streets: nine nodes in ten of a drawn map only bend the line.

A node is passed over when exactly two street ends meet at it, of two different streets that agree in everything an arc
says of itself: class, name, source, and modes and speeds in either direction. Nodes that must stay (``no_merge``,
signals and their like, the via of a turn restriction) stay. Nothing on the ground is lost: geometry is joined, lengths
are summed, parallel streets and loops survive. A ring on which every node could be passed over keeps its lowest node
and becomes a loop there.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo_data.compiled import making_arrays


@dataclass(frozen=True)
class Chains:
    """Streets one after the other. ``c`` chains of ``e`` edges, every edge in exactly one chain.

    Attributes
    ----------
    first
        int64 (c + 1,), where each chain begins in ``edge``.
    edge
        int32 (e,), the edges from the chain's tail to its head.
    flipped
        bool (e,), true where an edge lies in the chain against its drawn direction.
    """

    first: NDArray[np.int64]
    edge: NDArray[np.int32]
    flipped: NDArray[np.bool_]


def single_edges(count: int) -> Chains:
    """Return chains of one edge each: nothing is merged."""
    return Chains(np.arange(count + 1, dtype=np.int64), np.arange(count, dtype=np.int32), np.zeros(count, np.bool_))


def find_chains(
    n_nodes: int,
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
    must_stay: NDArray[np.bool_],
    same: list[NDArray[Any]],
    along: list[NDArray[Any]],
    against: list[NDArray[Any]],
) -> Chains:
    """Find the chains of streets that may become one.

    Parameters
    ----------
    tail, head
        int32 (e,), nodes in the drawn direction.
    must_stay
        bool (n,), nodes that are not passed over.
    same
        Values by edge, (e,), that do not depend on the direction and must agree; never NaN.
    along, against
        Values by edge for the drawn direction and the other one, in pairs; compared direction by direction.
    """
    ends = np.concatenate((tail, head))
    order = np.argsort(ends, kind="stable").astype(np.int64)
    first = np.zeros(n_nodes + 1, np.int64)
    np.cumsum(np.bincount(ends, minlength=n_nodes), out=first[1:])
    passed = (np.diff(first) == 2) & ~must_stay
    nodes = np.flatnonzero(passed)
    one, other = order[first[nodes]], order[first[nodes] + 1]
    edges = len(tail)
    one_edge, other_edge = one % edges, other % edges
    # Running through the node: out of ``one``'s far end, through the node, to ``other``'s far end.
    one_drawn, other_drawn = one >= edges, other < edges
    agrees = one_edge != other_edge
    for values in same:
        agrees &= values[one_edge] == values[other_edge]
    for ahead, back in zip(along, against, strict=True):
        for this, opposite in ((ahead, back), (back, ahead)):
            before = np.where(one_drawn, this[one_edge], opposite[one_edge])
            after = np.where(other_drawn, this[other_edge], opposite[other_edge])
            agrees &= before == after
    passed[nodes[~agrees]] = False
    return Chains(*walk_chains(tail, head, first, order, passed))


@making_arrays
def walk_chains(
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
    first: NDArray[np.int64],
    end_at: NDArray[np.int64],
    passed: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_]]:
    """Walk from every node that stays along every street end until the next one that stays; rings come last.

    ``end_at[first[v]:first[v + 1]]`` are the street ends at node v: ``e`` is edge e's tail, ``e + edges`` its head.
    """
    edges, nodes = len(tail), len(first) - 1
    chain_first = np.empty(edges + 1, np.int64)
    chain_edge = np.empty(edges, np.int32)
    flipped = np.empty(edges, np.bool_)
    used = np.zeros(edges, np.bool_)
    chains, filled = 0, 0
    chain_first[0] = 0
    for rings in range(2):
        for start in range(nodes):
            if rings == 0 and passed[start]:
                continue
            for place in range(first[start], first[start + 1]):
                end = end_at[place]
                edge = end % edges
                if used[edge]:
                    continue
                while True:
                    used[edge] = True
                    chain_edge[filled] = edge
                    flipped[filled] = end >= edges
                    filled += 1
                    node = tail[edge] if end >= edges else head[edge]
                    if node == start or not passed[node]:
                        break
                    end = end_at[first[node]]
                    if end % edges == edge:
                        end = end_at[first[node] + 1]
                    edge = end % edges
                chains += 1
                chain_first[chains] = filled
    return chain_first[: chains + 1], chain_edge, flipped
