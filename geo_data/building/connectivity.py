"""What is strongly connected: from anywhere a mode may go, it may go anywhere else and back.

A search must never offer a unit that cannot leave its own corner, nor a way into a trap. For each mode on its own the
largest strongly connected component keeps the mode's bit; elsewhere the bit is cleared and counted. Largest is by the
length of its arcs, which does not depend on how finely a map is drawn; ties go to the one with the lowest node. A
footway can so stay for walkers while it was never there for cars.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo_data.distinct import distinct
from geo_data.raw_roads import MODES, Mode


@dataclass(frozen=True)
class Component:
    """The largest strong component of one mode.

    Attributes
    ----------
    nodes
        bool (n,), true for the nodes in it; all false when the mode has no arc.
    components
        How many components the mode's arcs form, single nodes without any arc of the mode not counted.
    """

    nodes: NDArray[np.bool_]
    components: int


def largest_component(
    n_nodes: int, tail: NDArray[np.int32], head: NDArray[np.int32], length_m: NDArray[np.float64]
) -> Component:
    """Find the largest strong component of arcs ``tail -> head``, by the length of the arcs within it."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - heavy, and only wanted while building
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    if len(tail) == 0:
        return Component(np.zeros(n_nodes, np.bool_), 0)
    # Each pair of nodes once: scipy's search for strong components never ends where the graph has parallel arcs.
    tails, heads = np.divmod(distinct(tail.astype(np.int64) * n_nodes + head), n_nodes)
    first = np.zeros(n_nodes + 1, np.int32)
    np.cumsum(np.bincount(tails, minlength=n_nodes), out=first[1:])
    graph = csr_array((np.ones(len(heads)), heads.astype(np.int32), first), shape=(n_nodes, n_nodes))
    count, label = connected_components(graph, directed=True, connection="strong")
    touched = np.zeros(n_nodes, np.bool_)
    touched[tail] = True
    touched[head] = True
    within = label[tail] == label[head]
    sizes_m = np.bincount(label[tail[within]], weights=length_m[within], minlength=count)
    # Labels depend on the order of the search; the lowest node of a component does not.
    largest = touched & (sizes_m == sizes_m.max())[label]
    return Component(touched & (label == label[np.argmax(largest)]), int(np.count_nonzero(np.bincount(label[touched]))))


def keep_strong(
    n_nodes: int,
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
    modes: NDArray[np.uint8],
    length_m: NDArray[np.float64],
) -> tuple[NDArray[np.uint8], dict[Mode, int]]:
    """Clear each mode's bit outside that mode's largest strong component.

    Returns
    -------
    The modes that are left to each arc ``tail -> head``, uint8, and the number of components by mode.
    """
    left = modes.copy()
    components: dict[Mode, int] = {}
    for mode in MODES:
        allowed = (modes & mode) != 0
        found = largest_component(n_nodes, tail[allowed], head[allowed], length_m[allowed])
        left[~(found.nodes[tail] & found.nodes[head])] &= ~np.uint8(mode)
        components[mode] = found.components
    return left, components
