"""What units' streets are up the hierarchy, kept: whoever is asked about again need not be climbed from again.

A unit's *label* is its time to every rank above it, from the root down, by ways that only go up. The shortest way to an
incident turns at a rank that is above both, and those are the ranks that both have first: the time between them is the
least sum over the beginnings of two rows (two-hop labels along an elimination tree; D. Ouyang et al., When Hierarchy
Meets 2-Hop-Labeling, SIGMOD 2018). A label holds for a place under a version of the weights. Of those that do not a
question writes a few anew once a version stands (`Workspace.labels`), so that units at rest come to have one and nobody
pays for all of them at once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.travel.ascending import ascend, lay_path, parent_of
from engine.travel.customising import Metric
from engine.travel.search import Columns, Streets
from engine.travel.supergraph import Supergraph
from geo_data.compiled import inlined, making_arrays
from geo_data.speeds import NEVER


class Labels(NamedTuple):
    """Labels by unit, ``c`` of them, a power of two; a unit has the place of its row, modulo ``c``.

    ``arc`` (c,) and ``entry_ms`` (c, 2): where the unit stood; ``stamp`` int64 (c,): under which version, 0 for none.
    ``rank`` (c,): the lowest rank above it, -1 where it cannot leave its street. ``ms`` (c, d): the label.
    ``below`` (n,): the lowest rank below each rank. ``goal`` (d,): the incident's own label. ``at`` (n,) and ``path``
    (n,): what making one writes. All int32 but for the stamps.
    """

    arc: NDArray[np.int32]
    entry_ms: NDArray[np.int32]
    stamp: NDArray[np.int64]
    rank: NDArray[np.int32]
    ms: NDArray[np.int32]
    below: NDArray[np.int32]
    goal: NDArray[np.int32]
    at: NDArray[np.int32]
    path: NDArray[np.int32]


@making_arrays
def lowest_below(graph: Supergraph) -> NDArray[np.int32]:
    """Return the lowest rank below each rank, itself included, int32 (n,): those between are all below it, too."""
    below = np.arange(len(graph.rank)).astype(np.int32)
    for rank in range(len(below)):
        parent = parent_of(graph, rank)
        if parent >= 0:
            below[parent] = min(below[parent], below[rank])
    return below


@inlined
def is_chain(graph: Supergraph, path: NDArray[np.int32], count: int) -> bool:
    """Tell whether each rank of a path is the parent of the one before: it is where a street has two ends."""
    for i in range(count - 1):  # noqa: SIM110 - no generator in a kernel
        if parent_of(graph, path[i]) != path[i + 1]:
            return False
    return True


@inlined
def has_label(labels: Labels, riders: Columns, unit: int, stamp: int) -> bool:
    """Tell whether a unit's label holds for where it stands, under the version of ``stamp``."""
    row = unit & (len(labels.arc) - 1)
    return bool(
        labels.stamp[row] == stamp
        and labels.arc[row] == riders.arc[unit]
        and labels.entry_ms[row, 0] == riders.entry_ms[2 * unit]
        and labels.entry_ms[row, 1] == riders.entry_ms[2 * unit + 1]
    )


@inlined
def write_label(
    graph: Supergraph, metric: Metric, streets: Streets, labels: Labels, riders: Columns, unit: int, stamp: int
) -> bool:
    """Make a unit's label; False where its street has no ends that are above one another."""
    row = unit & (len(labels.arc) - 1)
    arc = riders.arc[unit]
    back = streets.reverse[arc]
    low = graph.rank[streets.head[arc]] if streets.inner_ms[arc] < NEVER else -1
    other = graph.rank[streets.head[back]] if back >= 0 and streets.inner_ms[back] < NEVER else -1
    count = lay_path(graph, low, other, labels.at, labels.path)
    if not is_chain(graph, labels.path, count):
        return False
    if low >= 0:
        labels.at[low] = riders.entry_ms[2 * unit]
    if other >= 0:
        labels.at[other] = min(labels.at[other], riders.entry_ms[2 * unit + 1])
    ascend(graph, metric.up, labels.at, labels.path, count)
    for i in range(count):
        labels.ms[row, count - 1 - i] = labels.at[labels.path[i]]
    labels.arc[row] = arc
    labels.entry_ms[row, 0], labels.entry_ms[row, 1] = riders.entry_ms[2 * unit], riders.entry_ms[2 * unit + 1]
    labels.stamp[row] = stamp
    labels.rank[row] = labels.path[0] if count > 0 else -1
    return True


@inlined
def time_by_label(labels: Labels, unit: int, path: NDArray[np.int32], count: int) -> int:
    """Return a unit's time to the incident whose ancestors, ascending, are ``path``; `NEVER` or more for no way."""
    row = unit & (len(labels.arc) - 1)
    rank = labels.rank[row]
    # The ranks above both are the first of the path from the root on: find how many.
    shared, beyond = 0, count
    while shared < beyond:
        middle = (shared + beyond) >> 1
        above = path[count - 1 - middle]
        if labels.below[above] <= rank <= above:
            shared = middle + 1
        else:
            beyond = middle
    least = 2 * NEVER
    own = labels.ms[row]
    for depth in range(shared):
        least = min(least, own[depth] + labels.goal[depth])
    return least
